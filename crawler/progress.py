"""How far the run is: one live line in a terminal, a log line now and then elsewhere. Numbers come from stats alone."""

from __future__ import annotations

import atexit
import logging
import math
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.utils.asyncio import create_looping_call
from scrapy.utils.log import get_scrapy_root_handler

from crawler.logevents import event
from crawler.summary import Stats, by_reason, size
from warc.shown import plain

if TYPE_CHECKING:
    from rich.console import Console
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

LOG_EVERY = 30.0  # seconds
DRAW_EVERY = 0.5  # seconds
COUNT_EVERY = 5.0  # seconds; the queue's index is read for it
RATE_OVER = 10.0  # seconds: long enough to be steady, short enough to show a stall


class Progress:
    """The extension. It reads stats and never writes any."""

    def __init__(self, stats: Callable[[], Stats], terminal: bool, queue: Callable[[], int | None]) -> None:
        self._stats = stats
        self._queue = queue
        self._queued: tuple[float, int | None] = (-COUNT_EVERY, None)
        self._terminal = terminal
        self._rate = Rate()
        self._host = ""
        self._live: LiveLine | None = None
        self._task: Any = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Progress:
        def queue() -> int | None:
            scheduler: Any = crawler.engine.scheduler if crawler.engine else None
            return len(scheduler) if scheduler is not None else None

        progress = cls(crawler.stats.get_stats, sys.stderr.isatty(), queue)
        crawler.signals.connect(progress.spider_opened, signals.spider_opened)
        crawler.signals.connect(progress.response_received, signals.response_received)
        crawler.signals.connect(progress.spider_closed, signals.spider_closed)
        return progress

    def spider_opened(self, spider: Spider) -> None:
        self._task = create_looping_call(self.tick)
        self._task.start(DRAW_EVERY if self._terminal else LOG_EVERY, now=False)

    def response_received(self, response: Response) -> None:
        self._host = urlsplit(response.url).hostname or ""

    def spider_closed(self, spider: Spider) -> None:
        if self._task is not None and self._task.running:
            self._task.stop()
        if self._live is not None:
            self._live.close()
        self._queued = (math.inf, None)  # the frontier is closed; the summary says what is left
        self._log()

    def tick(self) -> None:
        if not self._terminal:
            self._log()
            return
        if self._live is None:  # at the first tick, so that the import costs the first request nothing
            self._live = LiveLine(sys.stderr)
        self._live.draw(self.line())

    def _log(self) -> None:
        stats = self._stats()
        facts = {"captures": stats.get("capture/count", 0), "rows": stats.get("store/rows", 0)}
        facts |= {"bytes": stats.get("capture/bytes", 0), "failed": sum(by_reason(stats, "failed/").values())}
        logger.info(self.line(), extra=event("progress", **facts))

    def line(self) -> str:
        stats = self._stats()
        pages = stats.get("capture/count", 0)
        failed = sum(by_reason(stats, "failed/").values())
        parts = [
            f"{pages:,} pages",
            f"{stats.get('store/rows', 0):,} articles",
            f"{left:,} in the frontier" if (left := stats.get("frontier/left", self._in_queue())) is not None else "",
            f"{self._rate.of(pages):.1f} pages/s",
            size(stats.get("capture/bytes", 0)),
            f"{failed:,} failed",
            self._host,
        ]
        return ", ".join(part for part in parts if part)

    def _in_queue(self) -> int | None:
        counted, _ = self._queued
        if time.monotonic() - counted >= COUNT_EVERY:
            self._queued = (time.monotonic(), self._queue())
        return self._queued[1]


class Rate:
    """Pages a second over the last RATE_OVER seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])

    def of(self, pages: int) -> float:
        now = self._clock()
        self._seen.append((now, pages))
        while len(self._seen) > 2 and self._seen[1][0] <= now - RATE_OVER:
            self._seen.popleft()
        then, before = self._seen[0]
        return (pages - before) / (now - then) if now > then else 0.0


class LiveLine:
    """One line that stays at the bottom of the terminal while the log runs above it.

    Scrapy's log handler took hold of stderr before this began, so replacing ``sys.stderr`` would not reach it: the
    handler itself is pointed at the console, and pointed back when the line goes.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(file=stream), auto_refresh=False, redirect_stdout=False, transient=True)
        self._live.start()
        atexit.register(self.close)  # a forced stop must not leave the terminal without its cursor
        self._stream = stream
        self._handler: logging.StreamHandler[Any] | None = None
        handler = get_scrapy_root_handler()
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
            self._handler = handler
            handler.setStream(_Above(self._live.console))

    def draw(self, text: str) -> None:
        from rich.text import Text

        self._live.update(Text(plain(text), no_wrap=True, overflow="ellipsis"), refresh=True)

    def close(self) -> None:
        """Take the line away; the terminal and the log are as before. May be called twice."""
        atexit.unregister(self.close)
        if self._handler is not None:
            self._handler.setStream(self._stream)
            self._handler = None
        self._live.stop()


class _Above:
    """A stream whose text appears above the live line, untouched by wrapping, markup or colour."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, text: str) -> int:
        self._console.print(text, end="", markup=False, highlight=False, emoji=False, soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        self._console.file.flush()
