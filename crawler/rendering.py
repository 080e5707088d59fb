"""Documents that need a browser: fetched and archived like all others, then opened in it; what is read is the DOM.

    request ─► tee ─► response ─► (200, HTML) ─► browser, behind the door ─► scroll ─► DOM ─► archive ─► Response
                         └─► anything else goes on as it is

The Response that comes out has the DOM as its body, and ``meta["capture"]`` names its ``resource`` record;
``meta["plain"]`` is the Response that came over the network.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from scrapy.http import Headers, HtmlResponse, Request, Response

from crawler.browser import Browser, BrowserDied
from crawler.dom import HTML, PERMISSIONS, Rendered, RenderFailed
from crawler.door import Loading
from crawler.handler import ArchiveDownloadHandler
from crawler.ledger_ops import ARTICLE_KINDS
from crawler.replay import Replay, UnreadableCapture
from crawler.requisite_fetch import Page
from crawler.scrolling import QUIET, scroll
from crawler.stopping import Unfinished

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.capture import CaptureRef
    from crawler.spider import NewsSpider

logger = logging.getLogger(__name__)

ATTEMPTS = 2  # a browser that died under a page is not the page's fault, the first time
OVERTIME = 20.0  # seconds beyond RENDER_SECONDS for a page that answers nobody any more


class RenderingHandler(ArchiveDownloadHandler):
    """Scrapy's seam for http and https: requests with ``meta["render"]`` take the way through the browser."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self._crawler = crawler
        self._spider = cast("NewsSpider", crawler.spider)
        self._seconds = settings.getfloat("RENDER_SECONDS")
        self._rounds = settings.getint("RENDER_SCROLLS")
        self._replay_decoder: Replay | None = None

    async def download_request(self, request: Request) -> Response:
        """As of all requests; of a rendered page the DOM. Raises RenderFailed too, and Unfinished."""
        response = await super().download_request(request)
        if request.meta.get("render") is None or response.status != 200:
            return response
        if self._replay_decoder is None:
            self._replay_decoder = Replay(self._crawler.settings)
        response.request = request
        try:
            document = self._replay_decoder.decoded(response)
        except UnreadableCapture:
            return response  # the middleware that decodes says why
        if not isinstance(document, HtmlResponse):
            return document
        capture: CaptureRef | None = request.meta["capture"]
        rendered = await self._rendered(request, document, capture)
        request.meta["plain"] = document
        request.meta["capture"] = await self._archive.derive(rendered)
        headers = Headers({"Content-Type": HTML})
        for name in PERMISSIONS:
            headers.setlist(name, document.headers.getlist(name))
        return HtmlResponse(document.url, 200, headers, rendered.html, request=request)

    async def _rendered(self, request: Request, document: HtmlResponse, capture: CaptureRef | None) -> Rendered:
        """Open it, again when the browser died; nothing half-shown is taken when the crawl ends meanwhile."""
        stopping, error = self._archive.stopping, ""
        for _ in range(ATTEMPTS):
            task = asyncio.ensure_future(self._shown(request, document, capture))
            try:
                with stopping.running(partial(_cancel, task)):
                    return await task
            except (asyncio.CancelledError, Unfinished):
                task.cancel()
                if not stopping.begun:
                    raise
                raise Unfinished(f"{request.url} was given up") from None
            except BrowserDied as died:
                error = str(died)
            except Exception as failed:
                if stopping.begun or not _of_the_browser(failed):
                    raise
                raise RenderFailed(f"{request.url}: {str(failed).partition(chr(10))[0]}") from failed
            if stopping.begun:
                raise Unfinished(f"{request.url} was given up")
            logger.warning("The browser died under %s: %s", request.url, error)
        raise RenderFailed(f"{request.url}: {error}")

    async def _shown(self, request: Request, document: HtmlResponse, capture: CaptureRef | None) -> Rendered:
        browser = self._crawler.get_extension(Browser)
        assert browser is not None
        meta, spider = request.meta, self._spider
        hop_path = meta.get("hop_path", "")
        page_of = Page(document.url, hop_path, spider.requisite_rules, meta.get("seed") or document.url)
        shown = spider.args.capture == "rendered"
        loading = Loading(page_of, document, shown)
        async with browser.page(loading) as page:
            async with asyncio.timeout(self._seconds + OVERTIME):
                html, view = await self._dom(page, loading, meta.get("kind") not in ARTICLE_KINDS)
        if loading.trouble is not None:
            raise loading.trouble
        stats: Any = self._crawler.stats
        stats.inc_value("browser/pages")
        document_id = (capture.revisit_id or capture.record_id) if capture is not None else ""
        return Rendered(document.url, datetime.now(UTC), html, document_id, view)

    async def _dom(self, page: Any, loading: Loading, is_list: bool) -> tuple[bytes, bytes | None]:
        """What stands in the page when it is quiet and was scrolled to its end, or its time is over."""
        from playwright.async_api import TimeoutError as Late

        until = monotonic() + self._seconds
        stats: Any = self._crawler.stats
        try:
            await page.goto(loading.page.url, wait_until="domcontentloaded", timeout=self._seconds * 1000)
        except Late:
            stats.inc_value("browser/late")
        await loading.quiet(QUIET, until)
        if is_list or loading.shown:
            await scroll(page, loading, self._rounds, until, more=is_list)
        if not await loading.quiet(QUIET, until):
            stats.inc_value("browser/never_quiet")
        html = (await page.content()).encode("utf-8", "replace")
        view = await page.screenshot(type="jpeg", quality=60) if loading.shown else None
        return html, view


def _cancel(task: asyncio.Task[Rendered]) -> None:
    task.cancel()


def _of_the_browser(error: BaseException) -> bool:
    from playwright.async_api import Error

    return isinstance(error, Error | TimeoutError)
