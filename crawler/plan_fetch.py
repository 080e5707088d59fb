"""A few requests before a crawl: one after the other, as politely as the crawl's own, and none of them archived.

The same handler, guard, robots.txt and User-Agent as in a crawl; between two requests to a host lies the crawl's delay,
or a longer Crawl-delay. Nothing is opened or created, so a plan leaves no trace but in the site's log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import scrapy
from scrapy import Request
from scrapy.core.scheduler import Scheduler
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.arguments import Arguments
from crawler.fetch_one import leave_no_trace
from crawler.guard import ForbiddenAddress
from crawler.politeness import Politeness
from crawler.robotsmw import RobotsClosed, RobotsMiddleware, redirect_target
from crawler.urls import canonical_url, host_of

if TYPE_CHECKING:
    from scrapy.settings import Settings

MOST = 30  # requests of a plan, those for robots.txt included
REDIRECTS = 3
RESERVE = 1  # a request to a new origin may need its robots.txt first


@dataclass(frozen=True, slots=True)
class Verdict:
    """What robots.txt says of an address."""

    allowed: bool
    reason: str = ""  # robots: a rule forbids it; robots_unreachable: there is nothing to decide by; or of the guard
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A response, and what it cost."""

    response: Response
    bytes: int  # as they came over the wire, with the head
    seconds: float


class Asker(scrapy.Spider):
    """Asks what ``work`` wants to know, up to ``MOST`` requests."""

    name = "plan"

    def __init__(self, args: Arguments, work: Callable[[Asker], Awaitable[Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.args = args  # the archive asks for them, though it is off
        self.sitemaps: list[str] = []  # that robots.txt files name
        self.trouble: list[str] = []  # addresses that could not be had, with the reason
        self.result: Any = None
        self.error: Exception | None = None
        self._work = work
        self._origins: set[str] = set()

    async def start(self) -> AsyncIterator[Any]:
        settings = self.crawler.settings
        self.polite = Politeness(settings.getfloat("HOST_DELAY"), 1, settings.getfloat("CRAWL_DELAY_MAX"))
        try:
            self.result = await self._work(self)
        except Exception as error:  # noqa: BLE001 - raised again when the reactor has stopped
            self.error = error
        nothing: tuple[Any, ...] = ()
        for item in nothing:  # an asynchronous generator, as Scrapy wants it
            yield item

    def robots_seen(self, sitemaps: list[str]) -> None:
        """robots.txt named these."""
        self.sitemaps += [url for url in sitemaps if url not in self.sitemaps]

    @property
    def asked(self) -> int:
        """Requests that went out."""
        return self._stat("downloader/request_count")

    @property
    def hosts(self) -> set[str]:
        """Whose robots.txt was asked for."""
        return set(map(host_of, self._origins))

    @property
    def spent(self) -> bool:
        """Whether no further page may be asked."""
        return self.asked + RESERVE >= MOST

    async def verdict(self, url: str) -> Verdict:
        """Whether robots.txt lets the crawl ask for this; asks for robots.txt alone, once for each origin."""
        robots = self.crawler.get_downloader_middleware(RobotsMiddleware)
        assert robots is not None
        origin = canonical_url("/robots.txt", url) or url
        if origin not in self._origins:
            if self.asked >= MOST:
                return Verdict(False, "not_looked_at")
            self._origins.add(origin)
            await self._wait(origin)
        try:
            await robots.process_request(Request(url))
        except RobotsClosed as closed:
            return Verdict(False, closed.reason, closed.rule)
        except ForbiddenAddress as refusal:
            return Verdict(False, refusal.reason)
        return Verdict(True)

    async def ask(self, url: str) -> Answered | None:
        """The response, redirects followed; None when it may not be asked or does not come, with a line of trouble."""
        for _ in range(REDIRECTS + 1):
            verdict = await self.verdict(url)
            if not verdict.allowed or self.spent:
                self.trouble.append(f"{url}: {verdict.reason or 'enough was asked'}")
                return None
            answered = await self._fetch(url)
            target = answered and redirect_target(answered.response)
            if not target:
                if answered and answered.response.status != 200:
                    self.trouble.append(f"{url}: answered {answered.response.status}")
                return answered
            url = target
        self.trouble.append(f"{url}: too many redirects")
        return None

    async def _fetch(self, url: str) -> Answered | None:
        await self._wait(url)
        engine, before, began = self.crawler.engine, self._stat("downloader/response_bytes"), monotonic()
        assert engine is not None
        try:
            response = await engine.download_async(Request(url, callback=NO_CALLBACK, dont_filter=True))
        except IgnoreRequest as error:
            self.trouble.append(str(error))
            return None
        except Exception as error:  # noqa: BLE001 - whatever kept the page from coming, the plan goes on without it
            self.trouble.append(f"{url}: {type(error).__name__}: {error}")
            return None
        return Answered(response, self._stat("downloader/response_bytes") - before, monotonic() - began)

    async def _wait(self, url: str) -> None:
        """Until the host may be asked again; from here on it counts as asked."""
        host = host_of(url)
        await asyncio.sleep(max(0.0, self.polite.next_at(host) - monotonic()))
        self.polite.asked(host, monotonic())
        self.polite.over(host)

    def _stat(self, name: str) -> int:
        assert self.crawler.stats is not None
        return int(self.crawler.stats.get_value(name, 0))


class PlanScheduler(Scheduler):
    """Holds nothing, and takes what robots.txt says of delays."""

    def open(self, spider: Any) -> Any:
        self._asker = spider
        return super().open(spider)

    def set_crawl_delay(self, host: str, seconds: float) -> None:
        self._asker.polite.set_crawl_delay(host, seconds)


def ask_all(args: Arguments, work: Callable[[Asker], Awaitable[Any]], settings: Settings) -> Asker:
    """Run ``work`` and give the asker with its result. May be called once in a process: it runs the reactor."""
    leave_no_trace(settings, SCHEDULER=f"{__name__}.{PlanScheduler.__name__}", RETRY_ENABLED=False)
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(Asker)
    task: Any = process.crawl(crawler, args=args, work=work)
    process.start()
    if error := task.exception() if task.done() and not task.cancelled() else None:
        raise error
    assert isinstance(crawler.spider, Asker)
    if crawler.spider.error is not None:
        raise crawler.spider.error
    return crawler.spider
