"""robots.txt is asked first and obeyed: real crawls against servers on loopback, judged by the servers' own logs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
from scrapy.http import Response

from crawler.robotsmw import product_token, redirect_target

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Reply:
    """``status`` 0 closes the connection without a word. ``wait``: seconds before the answer; ``before`` it, a call."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain"
    location: str | None = None
    wait: float = 0.0
    before: Callable[[], object] = bool


@dataclass
class Server:
    """A site on loopback: replies by path, several for one path in turn, the last one for ever; pages are 200."""

    replies: Mapping[str, Reply | list[Reply]]
    log: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.log.append(self.path)
                reply = site.reply(self.path)
                time.sleep(reply.wait)
                reply.before()
                if reply.status:
                    body = reply.body.encode()
                    self.send_response(reply.status)
                    self.send_header("Content-Type", reply.content_type)
                    self.send_header("Content-Length", str(len(body)))
                    if reply.location is not None:
                        self.send_header("Location", reply.location)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        threading.Thread(target=self._httpd.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._httpd.shutdown()
        self._httpd.server_close()

    def reply(self, path: str) -> Reply:
        reply = self.replies.get(path, Reply(body="Trang thử"))
        if isinstance(reply, list):
            return reply.pop(0) if len(reply) > 1 else reply[0]
        return reply

    @property
    def port(self) -> int:
        return int(self._httpd.server_address[1])

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


CRAWL = """
import asyncio, json, sys
from time import monotonic
from urllib.parse import urlsplit
import scrapy
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.core.scheduler import Scheduler
from scrapy.crawler import CrawlerProcess
from crawler.guard import Guard, allowed_hosts
from crawler.robotsmw import RobotsMiddleware

order = json.loads(sys.argv[1])
result = {"outcomes": {}, "rules": {}, "retry_after": {}, "sitemaps": [], "scheduler": []}


class HostScheduler(Scheduler):
    def set_crawl_delay(self, host, seconds):
        result["scheduler"].append(["set_crawl_delay", host, seconds])

    def park(self, host, seconds, reason):
        result["scheduler"].append(["park", host, seconds, reason])


class GuardedHandler(HTTP11DownloadHandler):
    async def download_request(self, request):
        url = urlsplit(request.url)
        Guard(allowed_hosts(order["allowed"])).check_literal(url.hostname, url.port or 80)
        return await super().download_request(request)


class QuickDays(RobotsMiddleware):
    @classmethod
    def from_crawler(cls, crawler):
        middleware = super().from_crawler(crawler)
        middleware._clock = lambda: monotonic() * order["speed"]
        return middleware


class Thu(scrapy.Spider):
    name = "thu"
    allowed_domains = ["127.0.0.1"]
    handle_httpstatus_all = True

    async def start(self):
        for url in order["urls"]:
            yield self.page(url, order["rounds"])

    def page(self, url, rounds):
        return scrapy.Request(
            url, self.parse, errback=self.failed, dont_filter=True, meta={"rounds": rounds, "asked": url}
        )

    async def parse(self, response):
        async for again in self.note(response.request, response.status):
            yield again

    async def failed(self, failure):
        reason = getattr(failure.value, "reason", None) or type(failure.value).__name__
        result["retry_after"][failure.request.meta["asked"]] = getattr(failure.value, "retry_after", None)
        async for again in self.note(failure.request, reason):
            yield again

    async def note(self, request, outcome):
        url, rounds = request.meta["asked"], request.meta["rounds"]
        result["outcomes"].setdefault(url, []).append(outcome)
        result["rules"][url] = request.meta.get("robots_rule")
        if rounds > 1:
            await asyncio.sleep(order["pause"])
            yield self.page(url, rounds - 1)

    def robots_seen(self, sitemaps):
        result["sitemaps"] += sitemaps


process = CrawlerProcess({
    "USER_AGENT": "BaoQuan/0.1 (+https://example.org/bot)",
    "DOWNLOADER_MIDDLEWARES": {"__main__.QuickDays": 100},
    "DOWNLOAD_HANDLERS": {"http": "__main__.GuardedHandler"},
    "SCHEDULER": "__main__.HostScheduler",
    "ROBOTSTXT_OBEY": False, "ROBOTS_RETRY_SECONDS": order["retry"], "RETRY_ENABLED": False,
    "CONCURRENT_REQUESTS": 16, "CONCURRENT_REQUESTS_PER_DOMAIN": 16, "DOWNLOAD_DELAY": 0, "COOKIES_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False, "LOG_LEVEL": "WARNING",
})
crawler = process.create_crawler(Thu)
process.crawl(crawler)
process.start()
result["stats"] = {key: value for key, value in crawler.stats.get_stats().items() if key.startswith("robots/")}
result["depth"] = crawler.stats.get_value("request_depth_max", 0)
print(json.dumps(result))
"""


def crawl(urls: list[str], **options: Any) -> dict[str, Any]:
    """Ask for the URLs at once, ``rounds`` times each; what became of them and of the middleware's messages."""
    allowed = sorted({url.partition("://")[2].partition("/")[0].rpartition("@")[2] for url in urls})
    order = {"urls": urls, "allowed": allowed, "retry": 300.0, "rounds": 1, "pause": 0.0, "speed": 1.0, **options}
    run = subprocess.run(
        [sys.executable, "-c", CRAWL, json.dumps(order)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    assert "Traceback" not in run.stderr, run.stderr
    return result


def rules(*lines: str) -> Reply:
    return Reply(body="\n".join(lines) + "\n")


CLOSED = rules("User-agent: *", "Disallow: /")


def test_sixteen_first_requests_to_a_closed_host_leave_only_robots_txt_in_its_log() -> None:
    slow = Reply(body=CLOSED.body, wait=0.3)
    with Server({"/robots.txt": slow}) as site:
        urls = [site.url(f"/bai-{number}.html") for number in range(16)]
        result = crawl(urls)
        assert site.log == ["/robots.txt"]
    assert result["outcomes"] == {url: ["robots"] for url in urls}
    assert set(result["rules"].values()) == {"Disallow: /"}
    assert result["stats"]["robots/asked"] == 1
    assert result["stats"]["robots/forbidden"] == 16
    assert result["depth"] == 0


def test_sixteen_first_requests_to_an_open_host_ask_for_robots_txt_once() -> None:
    with Server({"/robots.txt": Reply(404, wait=0.3)}) as site:
        urls = [site.url(f"/bai-{number}.html") for number in range(16)]
        result = crawl(urls)
        assert site.log[0] == "/robots.txt"
        assert sorted(site.log[1:]) == sorted(f"/bai-{number}.html" for number in range(16))
    assert result["outcomes"] == {url: [200] for url in urls}
    assert result["stats"]["robots/asked"] == 1


FORBIDS_CAM = rules("User-agent: *", "Disallow: /cam/", "Allow: /cam/mo.html")
HTML = "<!DOCTYPE html><html><body><p>Disallow: /</p><pre>User-agent: *\nDisallow: /</pre></body></html>"


@dataclass(frozen=True)
class Case:
    """``path`` asked of a site whose robots.txt is answered so."""

    name: str
    replies: Mapping[str, Reply | list[Reply]]
    outcome: int | str
    rule: str | None = None
    path: str = "/cam/bai.html"


def moved(location: str) -> Reply:
    return Reply(301, location=location)


def chain(hops: int) -> dict[str, Reply]:
    """A closed site whose robots.txt is reached after so many redirects."""
    return {"/robots.txt": moved("/1"), f"/{hops}": CLOSED} | {f"/{n}": moved(f"{n + 1}") for n in range(1, hops)}


LONG = Reply(body=FORBIDS_CAM.body + "# \n" * 200_000)
OWN_GROUP = rules("User-agent: BaoQuan", "Disallow:", "", "User-agent: *", "Disallow: /")
NO_ANSWER = "robots_unreachable"
CASES = [
    Case("forbidden", {"/robots.txt": FORBIDS_CAM}, "robots", "Disallow: /cam/"),
    Case("allowed by no line", {"/robots.txt": FORBIDS_CAM}, 200, None, "/mo/bai.html"),
    Case("allowed by a longer line", {"/robots.txt": FORBIDS_CAM}, 200, "Allow: /cam/mo.html", "/cam/mo.html"),
    Case("a group of our own", {"/robots.txt": OWN_GROUP}, 200),
    Case("closed to us", {"/robots.txt": rules("User-agent: baoquan", "Disallow: /")}, "robots", "Disallow: /"),
    Case("empty", {"/robots.txt": Reply()}, 200),
    Case("404", {"/robots.txt": Reply(404, CLOSED.body)}, 200),
    Case("403", {"/robots.txt": Reply(403, CLOSED.body)}, 200),
    Case("410", {"/robots.txt": Reply(410)}, 200),
    Case("429", {"/robots.txt": Reply(429)}, NO_ANSWER),
    Case("500", {"/robots.txt": Reply(500)}, NO_ANSWER),
    Case("503", {"/robots.txt": Reply(503, "User-agent: *\nAllow: /\n")}, NO_ANSWER),
    Case("no answer", {"/robots.txt": Reply(0)}, NO_ANSWER),
    Case("html", {"/robots.txt": Reply(200, HTML, "text/html; charset=utf-8")}, 200),
    Case("redirected", {"/robots.txt": moved("/luat"), "/luat": FORBIDS_CAM}, "robots", "Disallow: /cam/"),
    Case("redirected five times", chain(5), "robots", "Disallow: /"),
    Case("redirected six times", chain(6), 200),
    Case("redirected to a server error", {"/robots.txt": moved("/hong"), "/hong": Reply(502)}, NO_ANSWER),
    Case("redirected into a private network", {"/robots.txt": moved("http://10.0.0.1/")}, NO_ANSWER),
    Case("redirected out of http", {"/robots.txt": moved("file:///etc/hosts")}, 200),
    Case("longer than is read", {"/robots.txt": LONG}, "robots", "Disallow: /cam/"),
    Case("slow", {"/robots.txt": Reply(body=CLOSED.body, wait=0.3)}, "robots", "Disallow: /"),
]


@pytest.fixture(scope="module")
def cases() -> Iterator[dict[str, tuple[Server, int | str, str | None]]]:
    """One crawl over all cases, each on a site of its own: what came of it."""
    with ExitStack() as stack:
        sites = {case.name: stack.enter_context(Server(case.replies)) for case in CASES}
        urls = {case.name: sites[case.name].url(case.path) for case in CASES}
        result = crawl(list(urls.values()))
        yield {name: (sites[name], result["outcomes"][url][0], result["rules"][url]) for name, url in urls.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answers(cases: dict[str, tuple[Server, int | str, str | None]], case: Case) -> None:
    site, outcome, rule = cases[case.name]
    assert (outcome, rule) == (case.outcome, case.rule)
    assert site.log[0] == "/robots.txt"
    assert (case.path in site.log) == (case.outcome == 200)
    assert len(site.log) == len(set(site.log))


def test_a_slow_robots_txt_holds_up_its_own_host_alone() -> None:
    asked, in_time = threading.Event(), list[bool]()
    with (
        Server({"/robots.txt": Reply(404, before=lambda: in_time.append(asked.wait(10)))}) as slow,
        Server({"/robots.txt": FORBIDS_CAM, "/1": Reply(before=asked.set)}) as quick,
    ):
        result = crawl([slow.url("/1"), slow.url("/2"), quick.url("/1"), quick.url("/cam/2")])
        assert in_time == [True]
        assert slow.log[0] == quick.log[0] == "/robots.txt"
        assert sorted(slow.log) == ["/1", "/2", "/robots.txt"]
        assert sorted(quick.log) == ["/1", "/robots.txt"]
    assert result["outcomes"][quick.url("/cam/2")] == ["robots"]


@pytest.mark.slow
def test_a_failed_robots_txt_is_asked_again_after_a_while() -> None:
    with Server({"/robots.txt": [Reply(503), FORBIDS_CAM]}) as site:
        result = crawl([site.url("/a"), site.url("/cam/b")], rounds=4, pause=0.4, retry=1.0)
        assert site.log.count("/robots.txt") == 2
        assert "/cam/b" not in site.log
    first, *_, last = result["outcomes"][site.url("/a")]
    assert (first, last) == ("robots_unreachable", 200)
    first, *_, last = result["outcomes"][site.url("/cam/b")]
    assert (first, last) == ("robots_unreachable", "robots")
    assert result["scheduler"] == []  # the pages are refused at once; nobody waits for a host that may stay away
    assert 0 < result["retry_after"][site.url("/a")] <= 1.0


@pytest.mark.slow
def test_rules_are_asked_for_again_after_a_day_and_stay_in_force_while_there_are_no_newer_ones() -> None:
    day = 24 * 3600
    robots = [FORBIDS_CAM, Reply(503), rules("User-agent: *", "Disallow: /moi/")]
    with Server({"/robots.txt": robots}) as site:
        # A second of the crawl is two days; an hour passes between two tries.
        result = crawl([site.url("/cam/b")], rounds=4, pause=0.6, speed=2 * day, retry=3600.0)
        assert site.log.count("/robots.txt") >= 3
    assert result["outcomes"][site.url("/cam/b")] == ["robots", "robots", 200, 200]
    assert result["scheduler"] == []


def test_the_frontier_learns_the_delay_and_the_spider_the_sitemaps() -> None:
    robots = rules(
        "Sitemap: https://bao.example/a.xml", "Sitemap: /b.xml", "User-agent: *", "Crawl-delay: 2.5", "Disallow: /cam/"
    )
    with Server({"/robots.txt": robots}) as site:
        result = crawl([site.url("/1"), site.url("/2")])
    assert result["scheduler"] == [["set_crawl_delay", "127.0.0.1", 2.5]]
    assert result["sitemaps"] == ["https://bao.example/a.xml", site.url("/b.xml")]


def test_a_host_that_the_guard_refuses_is_refused_for_that() -> None:
    with Server({}) as site:
        result = crawl([site.url("/1"), site.url("/2")], allowed=[])
        assert site.log == []
    assert result["outcomes"] == {site.url("/1"): ["private_address"], site.url("/2"): ["private_address"]}


def test_a_url_with_a_password_does_not_get_past_robots_txt() -> None:
    with Server({"/robots.txt": CLOSED}) as site:
        url = f"http://ai:do@127.0.0.1:{site.port}/1"
        result = crawl([url])
        assert "/1" not in site.log
    assert result["outcomes"][url] == ["robots_unreachable"]


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [("BaoQuan/0.1 (+mailto:bot@example.org)", "BaoQuan"), ("BaoQuan", "BaoQuan"), ("bao-quan_x 1", "bao-quan_x")],
)
def test_product_token(user_agent: str, token: str) -> None:
    assert product_token(user_agent) == token


def test_a_user_agent_without_a_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="product token"):
        product_token("/1.0")


@pytest.mark.parametrize(
    ("status", "location", "target"),
    [
        (301, "/a", "https://bao.example/a"),
        (308, "http://khac.example/robots.txt#x", "http://khac.example/robots.txt"),
        (302, "//khac.example/r", "https://khac.example/r"),
        (200, "/a", None),
        (304, "/a", None),
        (300, "/a", None),
        (301, None, None),
        (301, "ftp://bao.example/a", None),
        (301, "http://[khac/", None),
    ],
)
def test_redirect_target(status: int, location: str | None, target: str | None) -> None:
    headers = {"Location": location} if location is not None else {}
    assert redirect_target(Response("https://bao.example/robots.txt", status, headers)) == target
