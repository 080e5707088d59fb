"""The real command against servers that lead astray: private addresses and closed hosts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, proxy_variables, without_network_settings
from tests.oddserver import Canary, odd_server
from tests.replica.server import Answer, Request, running

PAGE = b"<title>Ch\xe1\xbb\xa3 n\xe1\xbb\x95i</title><p>Ghe xu\xe1\xbb\x93ng v\xe1\xbb\x81 b\xe1\xba\xbfn.</p>"


def crawl(archive: Path, seeds: list[str], allowed: list[str], env: dict[str, str] | None = None) -> str:
    """``scrapy crawl news`` on these seeds; what it logged."""
    command = [sys.executable, "-m", "scrapy", "crawl", "news", "-a", f"seeds={','.join(seeds)}"]
    settings = {"ARCHIVE_DIR": archive, "HOST_DELAY": 0, "CONTACT": "test@example.org", "RETRY_TIMES": 0}
    settings["ROBOTS_RETRY_DELAY"] = 0.1  # patience with a robots.txt is tested elsewhere
    settings |= {"ALLOWED_PRIVATE_HOSTS": ",".join(allowed), "CONNECT_TIMEOUT": 3}
    command += [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    env = {**without_network_settings(), **(env or {})}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode in (0, 2), run.stderr
    return run.stderr


def spellings(port: int) -> list[str]:
    hosts = (
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0177.0.0.1",
    )
    return [f"http://{host}:{port}/" for host in hosts]


def test_no_spelling_of_a_private_address_is_connected_to(tmp_path: Path) -> None:
    with Canary() as canary:
        log = crawl(tmp_path, spellings(canary.port), [])
    assert canary.connects == 0
    assert "private_address" in log


def test_redirects_and_links_into_the_private_network_are_refused(tmp_path: Path) -> None:
    with Canary() as canary:
        script = {
            f"/{number}": [f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()]
            for number, url in enumerate(spellings(canary.port))
        }
        script["/links"] = [
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
            + "".join(f'<a href="{url}">đọc tiếp</a>' for url in spellings(canary.port)).encode(),
            "close",
        ]
        with odd_server(script) as server:
            crawl(tmp_path, [server.url(path) for path in script], [server.address])
            assert len(server.requests) > len(script) // 2
    assert canary.connects == 0


class Everything:
    """A proxy that would connect anywhere; what it is asked for is the evidence."""

    hosts = ("bao.example",)

    def respond(self, request: Request) -> Answer:
        return Answer(200, "OK", [("Content-Type", "text/html")], PAGE)


def test_a_proxy_is_not_asked_for_private_hosts(tmp_path: Path) -> None:
    with Canary() as canary, running([Everything()]) as proxy:
        env = proxy_variables(proxy.proxy_url, proxy.ca_file)
        crawl(tmp_path, [*spellings(canary.port), "http://bao.example/1"], [], env)
        asked = [entry.url for entry in proxy.requests]
    assert canary.connects == 0
    assert asked
    assert all("bao.example" in url for url in asked), asked


@pytest.mark.parametrize(
    "robots",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 25\r\n\r\nUser-agent: *\nDisallow: /\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["disallow", "503"],
)
def test_sixteen_first_requests_to_a_closed_host_leave_only_robots_txt(robots: bytes, tmp_path: Path) -> None:
    script = {f"/{n}": [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE] for n in range(16)}
    with odd_server({**script, "/robots.txt": [0.2, robots]}) as server:
        crawl(tmp_path, [server.url(path) for path in script], [server.address])
        asked = {request.split(b" ")[1] for request in server.requests}
    assert asked == {b"/robots.txt"}


class EndlessList:
    """A list that shows the same articles on each of its pages, and has no end."""

    hosts = ("baoquocte.vn",)

    def respond(self, request: Request) -> Answer:
        if not request.target.startswith("/the-thao"):
            return Answer(404, "Not Found", [], b"")
        cards = "".join(
            f'<div class="article"><h3 class="article-title"><a href="/bong-chuyen-{n}.html">Tin {n}</a></h3></div>'
            for n in range(101, 131, 2)
        )
        body = f"<html><body><div class='bx-listing'>{cards}</div></body></html>"
        return Answer(200, "OK", [("Content-Type", "text/html; charset=utf-8")], body.encode())


def test_a_list_that_repeats_itself_is_not_followed_for_ever(tmp_path: Path) -> None:
    with running([EndlessList()]) as proxy:
        command = [sys.executable, "-m", "scrapy", "crawl", "baoquocte", "-a", "categories=the-thao"]
        command += ["-s", f"ARCHIVE_DIR={tmp_path}", "-s", "HOST_DELAY=0", "-s", "CONTACT=test@example.org"]
        env = {**without_network_settings(), **proxy_variables(proxy.proxy_url, proxy.ca_file)}
        run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
        lists = [entry.url for entry in proxy.requests if "/the-thao" in entry.url]
    assert run.returncode == 0, run.stderr[-2000:]
    assert 2 <= len(lists) <= 3, lists
