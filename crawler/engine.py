"""What the frontier needs of Scrapy and Twisted: the running engine behind four questions and a wake-up call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from scrapy import Request
from scrapy.utils.asyncio import CallLaterResult, call_later

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

WAKE = Request("data:,wake", dont_filter=True)
"""``engine.crawl(WAKE)`` makes the engine ask for requests: the public way to wake it."""


class Reactor(Protocol):
    """What the frontier needs of Scrapy and Twisted."""

    def wake(self) -> None:
        """Have ``next_request`` called soon."""

    def is_active(self, request: Request) -> bool:
        """Whether the request is still with the downloader."""

    def in_hand(self) -> int:
        """Pages that have left the downloader and are not over."""

    def later(self, seconds: float, call: Callable[[], None]) -> CallLaterResult:
        """Call it after some seconds."""

    def from_thread(self, call: Callable[[], None]) -> None:
        """Call it soon in the reactor's thread; may be called in any thread."""


class ScrapyReactor:
    """The running engine."""

    def __init__(self, crawler: Crawler) -> None:
        from twisted.internet import reactor

        self._crawler = crawler
        self._reactor = cast("Any", reactor)

    def wake(self) -> None:
        engine = self._crawler.engine
        if engine is not None and engine.spider is not None:
            engine.crawl(WAKE)

    def is_active(self, request: Request) -> bool:
        engine = self._crawler.engine
        return engine is not None and request in engine.downloader.active

    def in_hand(self) -> int:
        engine = self._crawler.engine
        slot = engine.scraper.slot if engine is not None else None
        return len(slot.active) + len(slot.queue) if slot is not None else 0

    def later(self, seconds: float, call: Callable[[], None]) -> CallLaterResult:
        return call_later(seconds, call)

    def from_thread(self, call: Callable[[], None]) -> None:
        self._reactor.callFromThread(call)
