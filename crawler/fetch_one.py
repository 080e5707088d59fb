"""One page over the network by the crawl's own handler, guard and robots.txt, with archiving off; in a browser too."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import scrapy
from scrapy import Request
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.arguments import Arguments, made_up_job
from crawler.summary import by_reason

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import Settings

    from crawler.spider import NewsSpider

REDIRECTS_MAX = 8
REFUSED = "browser/refused/"  # in the stats, by reason
# What a crawl needs and one page does not: an archive to write, a frontier on disk, rows, a progress line.
OFF: dict[str, Any] = {
    "ARCHIVE_ENABLED": False,
    "SCHEDULER": "scrapy.core.scheduler.Scheduler",
    "ITEM_PIPELINES": {},
    "FEEDS": {},
    "JOBDIR": None,
}


class NotFetched(Exception):
    """No response came; one line that says why."""


class OnePage(scrapy.Spider):
    """Fetches one URL, follows its redirects, and keeps what came."""

    name = "one_page"

    def __init__(self, url: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.args = Arguments(self.name, made_up_job())  # the archive asks for them, though it is off
        self.response: Response | None = None
        self.failure: Failure | None = None

    async def start(self) -> AsyncIterator[Request]:
        yield self._ask(self.url, 0)

    def parse(self, response: Response, hops: int) -> Any:
        location = response.headers.get("Location")
        if 300 <= response.status < 400 and location and hops < REDIRECTS_MAX:
            return self._ask(response.urljoin(location.decode("utf-8", "replace")), hops + 1)
        self.response = response
        return None

    def errback(self, failure: Failure) -> None:
        self.failure = failure

    def _ask(self, url: str, hops: int) -> Request:
        return Request(url, self.parse, errback=self.errback, cb_kwargs={"hops": hops}, dont_filter=True)


class OneRenderedPage(OnePage):
    """The same, opened in the browser: ``response`` is the DOM, ``response.meta["plain"]`` what came before."""

    renders_anything = True

    def __init__(self, url: str, site_of: Callable[[str], type[NewsSpider]], **kwargs: Any) -> None:
        """``site_of``: the spider whose rules say what belongs to a page at an address."""
        super().__init__(url, **kwargs)
        self._site_of = site_of
        self.frontier = _Parking()

    def retry_after(self, response: Response) -> float:
        """A host that has enough is asked nothing more: one page is soon over."""
        return math.inf

    def _ask(self, url: str, hops: int) -> Request:
        site = self._site_of(url)
        self.requisite_rules = site.requisite_rules
        asked = super()._ask(url, hops)
        asked.meta.update(render="dom", kind=site.kind_of(url) or "article")
        return asked


class _Parking:
    """Hosts that are left alone, where there is no frontier to keep them."""

    def __init__(self) -> None:
        self._hosts: dict[str, float] = {}

    def parked(self) -> dict[str, float]:
        return self._hosts

    def park(self, host: str, seconds: float, reason: str) -> None:
        self._hosts[host] = seconds


@dataclass(frozen=True, slots=True)
class BothWays:
    """What plain HTTP gave, what stood in the browser, and what became of the requests that the page made there."""

    plain: Response
    browser: Response
    asked: int
    refused: dict[str, int]  # by reason


def leave_no_trace(settings: Settings, **more: Any) -> None:
    """Set what a process needs that asks a page or a few, and opens and archives nothing; ``more`` settings too."""
    for name, value in {**OFF, **more}.items():
        settings.set(name, value, priority="cmdline")
    extensions = dict(settings.getdict("EXTENSIONS")) | {"crawler.progress.Progress": None}
    settings.set("EXTENSIONS", extensions, priority="cmdline")


def fetch(url: str, settings: Settings) -> Response:
    """The last response for ``url``. Raises NotFetched. May be called once in a process: it runs the reactor."""
    _, response = _run(OnePage, url, settings)
    return response


def fetch_both_ways(url: str, settings: Settings, site_of: Callable[[str], type[NewsSpider]]) -> BothWays:
    """The same, and the page in the browser. Raises NotFetched, also where the last answer is none to open in it."""
    stats, response = _run(OneRenderedPage, url, settings, site_of=site_of)
    plain = response.meta.get("plain")
    if plain is None:
        kind = (response.headers.get("Content-Type") or b"no type").decode("latin-1")
        raise NotFetched(
            f"{response.url}: {response.status}, {kind}: only HTML with status 200 is opened in the browser"
        )
    return BothWays(plain, response, sum(by_reason(stats, "browser/requests/").values()), by_reason(stats, REFUSED))


def _run(kind: type[OnePage], url: str, settings: Settings, **arguments: Any) -> tuple[dict[str, Any], Response]:
    leave_no_trace(settings)
    process = AsyncCrawlerProcess(settings)
    crawler: Crawler = process.create_crawler(kind)
    task: Any = process.crawl(crawler, url=url, **arguments)
    process.start()
    spider = crawler.spider
    if error := task.exception() if task.done() and not task.cancelled() else None:
        raise NotFetched(f"{url}: {type(error).__name__}: {error}") from error
    if not isinstance(spider, OnePage) or spider.response is None:
        failure = spider.failure if isinstance(spider, OnePage) else None
        raise NotFetched(f"{url}: {_why(failure) if failure else 'stopped'}")
    assert crawler.stats is not None
    return crawler.stats.get_stats(), spider.response


def _why(failure: Failure) -> str:
    text = " ".join(str(failure.value).split())
    return f"{type(failure.value).__name__}: {text}" if text else type(failure.value).__name__
