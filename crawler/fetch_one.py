"""One response over the network by the crawl's own handler, guard and robots.txt, with archiving off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import scrapy
from scrapy import Request
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.arguments import Arguments, made_up_job

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import Settings

REDIRECTS_MAX = 8
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


def leave_no_trace(settings: Settings, **more: Any) -> None:
    """Set what a process needs that asks a page or a few, and opens and archives nothing; ``more`` settings too."""
    for name, value in {**OFF, **more}.items():
        settings.set(name, value, priority="cmdline")
    extensions = dict(settings.getdict("EXTENSIONS")) | {"crawler.progress.Progress": None}
    settings.set("EXTENSIONS", extensions, priority="cmdline")


def fetch(url: str, settings: Settings) -> Response:
    """The last response for ``url``. Raises NotFetched. May be called once in a process: it runs the reactor."""
    leave_no_trace(settings)
    process = AsyncCrawlerProcess(settings)
    crawler: Crawler = process.create_crawler(OnePage)
    task: Any = process.crawl(crawler, url=url)
    process.start()
    spider = crawler.spider
    if error := task.exception() if task.done() and not task.cancelled() else None:
        raise NotFetched(f"{url}: {type(error).__name__}: {error}") from error
    if not isinstance(spider, OnePage) or spider.response is None:
        failure = spider.failure if isinstance(spider, OnePage) else None
        raise NotFetched(f"{url}: {_why(failure) if failure else 'stopped'}")
    return spider.response


def _why(failure: Failure) -> str:
    text = " ".join(str(failure.value).split())
    return f"{type(failure.value).__name__}: {text}" if text else type(failure.value).__name__
