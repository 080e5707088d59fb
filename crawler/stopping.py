"""Stopping: nothing new starts, what runs has its grace, then it is given up and its URL queued again.

Scrapy has no signal for "closing has begun": after SIGINT or SIGTERM it waits for what runs, however long that takes,
and its first signal comes when all is over. So the engine is looked at a few times a second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.utils.asyncio import CallLaterResult, call_later, create_looping_call

from crawler.logevents import event

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.2  # seconds


class Unfinished(Exception):
    """An exchange that was not made, or that we gave up: nothing of it is archived, and its URL is queued again."""


class Stopping:
    """What runs, and how it is brought to an end."""

    def __init__(self, crawler: Crawler, grace: float) -> None:
        self._crawler = crawler
        self._grace = grace  # seconds
        self._running: set[Callable[[], None]] = set()
        self._begun = False
        self._timer: CallLaterResult | None = None
        self._looking: Any = create_looping_call(self._look)
        crawler.signals.connect(self._started, signal=signals.engine_started)
        crawler.signals.connect(self._ended, signal=signals.spider_closed)

    @property
    def begun(self) -> bool:
        """Whether the crawl is closing, known at once."""
        engine = self._crawler.engine
        return self._begun or not engine.running

    def begin(self, grace: float | None = None) -> None:
        """The crawl is closing: give up what still runs after ``grace`` seconds (setting STOP_GRACE when None)."""
        if self._begun and grace is None:
            return
        self._begun = True
        if self._timer is not None:
            self._timer.cancel()
        grace = self._grace if grace is None else grace
        if self._running:
            logger.info(
                "Stopping: %d requests are running and have %g s", len(self._running), grace, extra=event("stopping")
            )
        self._timer = call_later(grace, self._give_up)

    @contextmanager
    def running(self, give_up: Callable[[], None]) -> Iterator[None]:
        """While the block runs ``give_up`` may be called. Raises Unfinished when nothing new may start."""
        if self.begun:
            raise Unfinished("the crawl is being stopped")
        self._running.add(give_up)
        try:
            yield
        finally:
            self._running.discard(give_up)

    def _started(self) -> None:
        self._looking.start(LOOK_EVERY, now=False)

    def _look(self) -> None:
        if self.begun:
            self._looking.stop()
            self.begin()

    def _give_up(self) -> None:
        if self._running:
            logger.info(
                "Stopping: %d requests are given up, their URLs are queued again",
                len(self._running),
                extra=event("stopping"),
            )
        for give_up in list(self._running):
            give_up()

    def _ended(self) -> None:
        if self._looking.running:
            self._looking.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
