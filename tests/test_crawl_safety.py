"""The real command behind a proxy that would lead it astray; ``tests/hostile`` has what servers do by themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, proxy_variables, without_network_settings
from tests.oddserver import Canary
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
