"""The browser of a run: started when the first page needs it, restarted on a budget or when it died, closed at the end.

Playwright alone beneath it, not scrapy-playwright's handler: that one routes requests page by page, which misses what
redirects lead to, popups and workers, and gives the DOM out as if it were a response.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured

from crawler.chromium import VIEWPORT, find_chromium, launch_options, memory_of
from crawler.deadend import DeadEnd
from crawler.door import Door, Loading

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_LOCAL = re.compile(r"Not allowed to load local resource: (\S+)")
LAUNCH_SECONDS = 60.0
CLOSE_SECONDS = 10.0


class BrowserDied(Exception):
    """The browser ended under its pages, or could not be started."""


class _Running:
    """One browser with its processes."""

    def __init__(self, browser: Any, session: Any) -> None:
        self.browser = browser
        self._session = session  # of the whole browser
        self.pages = 0  # so far
        self.open = 0

    @property
    def alive(self) -> bool:
        return bool(self.browser.is_connected())

    async def memory(self) -> int:
        """Bytes that its processes hold for themselves now; 0 where that cannot be known."""
        with suppress(Exception):  # it may be dead, or hang: that is noticed elsewhere
            found = await asyncio.wait_for(self._session.send("SystemInfo.getProcessInfo"), CLOSE_SECONDS)
            return sum(memory_of(process["id"]) for process in found["processInfo"])
        return 0

    async def close(self) -> None:
        with suppress(Exception):  # it may be dead, or hang: its pipe is closed with ours at the latest
            await asyncio.wait_for(self.browser.close(), CLOSE_SECONDS)


class Browser:
    """Extension: gives out pages, each in a context of its own, all behind the door."""

    def __init__(self, crawler: Crawler) -> None:
        assert crawler.stats is not None
        settings = crawler.settings
        self._settings = settings
        self._stats = crawler.stats
        self._user_agent = settings["USER_AGENT"]
        self._budget = settings.getint("BROWSER_PAGES")
        self._memory = settings.getint("BROWSER_MEMORY") << 20
        self._places = asyncio.Semaphore(settings.getint("BROWSER_CONCURRENCY"))
        self._starting = asyncio.Lock()
        spider: Any = crawler.spider
        self.door = Door(crawler, spider.archive)  # the extension before this one
        self._dead_end = DeadEnd(self.door.slipped)
        self._playwright: Any = None
        self._port = 0
        self._running: _Running | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        spider: Any = crawler.spider
        if not getattr(spider, "renders_anything", False):  # what asks a page or a few has a spider of its own
            raise NotConfigured
        browser = cls(crawler)
        crawler.signals.connect(browser.close, signal=signals.spider_closed)
        return browser

    @asynccontextmanager
    async def page(self, loading: Loading) -> AsyncIterator[Any]:
        """A new page of Playwright's for as long as the block runs. Raises BrowserDied."""
        from playwright.async_api import Error

        async with self._places:
            running = await self._ready()
            running.pages += 1
            running.open += 1
            context: Any = None
            try:
                context = await running.browser.new_context(
                    user_agent=self._user_agent,
                    viewport=VIEWPORT,
                    locale="vi-VN",
                    timezone_id="Asia/Ho_Chi_Minh",
                    accept_downloads=False,
                )
                page = await context.new_page()
                await self._watch(context, page, loading)
                yield page
            except Error as error:
                if running.alive:
                    raise
                raise BrowserDied(str(error).partition("\n")[0]) from error
            finally:
                loading.over = True
                await _closed(context)
                await self.door.end(loading)
                running.open -= 1
                self._retire(running)

    async def _watch(self, context: Any, page: Any, loading: Loading) -> None:
        """Note whose frames these are, before anything is asked."""
        session = await context.new_cdp_session(page)
        info = (await session.send("Target.getTargetInfo"))["targetInfo"]
        loading.frame, loading.context = info["targetId"], info.get("browserContextId", "")
        self.door.begin(loading)
        session.on("Page.frameAttached", lambda event: self.door.claim(event["frameId"], loading))
        session.on("Log.entryAdded", lambda event: self._told(event["entry"], loading))
        await session.send("Page.enable")
        await session.send("Log.enable")

        def popup(_: Any) -> None:
            loading.popups += 1
            self._stats.inc_value("browser/popups")

        context.on("page", popup)
        page.on("websocket", lambda socket: self.door.refused("websocket", socket.url, loading))
        page.on("download", lambda download: self.door.refused("download", download.url, loading))

    def _told(self, entry: dict[str, Any], loading: Loading) -> None:
        """The browser says in its log which files of this machine it did not open; scripts cannot write there."""
        named = _LOCAL.fullmatch(entry["text"])
        if entry["source"] == "security" and named:
            self.door.refused("scheme", named[1], loading)

    async def _ready(self) -> _Running:
        """The browser that takes the next page."""
        async with self._starting:
            running = self._running
            if running is not None and (why := await self._is_over(running)):
                self._stats.inc_value(f"browser/{why}")
                self._running = None
                self._retire(running)
            if self._running is None:
                try:
                    self._running = await asyncio.wait_for(self._start(), LAUNCH_SECONDS)
                except Exception as error:
                    raise BrowserDied(f"it does not start: {str(error).partition(chr(10))[0]}") from error
            return self._running

    async def _is_over(self, running: _Running) -> str | None:
        """Why this browser gets no further page."""
        if not running.alive:
            return "died"
        if running.pages >= self._budget:
            return "restarts"
        held = await running.memory()
        self._stats.max_value("browser/memory_max", held)
        return "restarts" if held > self._memory else None

    async def _start(self) -> _Running:
        from playwright.async_api import async_playwright

        if self._playwright is None:
            self._port = await self._dead_end.open()
            self._playwright = await async_playwright().start()
        program = find_chromium(self._settings, self._playwright.chromium.executable_path)
        browser = await self._playwright.chromium.launch(**launch_options(program, self._port))
        session = await browser.new_browser_cdp_session()
        await self.door.attach(session)
        self._stats.inc_value("browser/started")
        logger.info("Chromium %s renders pages", browser.version)
        return _Running(browser, session)

    def _retire(self, running: _Running) -> None:
        """Close a browser that takes no more pages, once its last one is over."""
        if running is not self._running and running.open == 0:
            task = asyncio.ensure_future(running.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """The crawl is over."""
        running, self._running = self._running, None
        if running is not None:
            await running.close()
        if self._closing:
            await asyncio.wait(self._closing)
        if self._playwright is not None:
            with suppress(Exception):
                await asyncio.wait_for(self._playwright.stop(), CLOSE_SECONDS)
        self._dead_end.close()
        self.door.close()


async def _closed(context: Any) -> None:
    if context is not None:
        with suppress(Exception):  # gone with its browser
            await asyncio.wait_for(context.close(), CLOSE_SECONDS)
