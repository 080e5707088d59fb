"""The one door of the browser: every request of every page is fetched by our own handler, or refused and counted.

    Chromium ─► requestPaused ─► whose page? ─► scope ─► gate ─► engine.download_async ─► archive ─► fulfillRequest
                                      └────────────┴──────┴─► failRequest, browser/refused/<reason>

It is one session of the whole browser, so popups, frames of other sites, workers and every hop of a redirect pass here
too. Requests take the way of all others: robots.txt, guard, proxy, tee. They have slots of their own in the downloader,
so a page never waits for itself.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from base64 import b64decode, b64encode
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urldefrag, urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawler.exclusions import EXCLUDED, Hidden
from crawler.guard import ForbiddenAddress, Guard
from crawler.ledger import Ledger
from crawler.patience import retry_after
from crawler.replay import Replay, read_again
from crawler.requisite_fetch import HOP, REFUSALS, Gate, Page, Parked, reason_of
from crawler.robotsmw import RobotsClosed
from crawler.stopping import Unfinished
from crawler.trouble import OutputTrouble
from crawler.urls import host_of
from warc.values import safe_uri

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.archive import Archive

logger = logging.getLogger(__name__)

MOST: Final = 1000  # requests of one page: what scripts ask for without end is cut here
POPUPS: Final = 3  # windows that one page may open and load
LARGE: Final = 1 << 20  # bytes of a body that is encoded in another thread
KEPT: Final = 5000  # frames whose page is known, those of pages that are over among them
STEADY: Final = frozenset({"Stylesheet", "Script", "Image", "Font", "Media"})  # not asked for again once archived
SHOWN: Final = frozenset({"Image", "Font", "Media", "TextTrack"})  # only needed to show a page, not to read it
_DROPPED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})  # the body is decoded
_OURS: Final = re.compile(r"user-agent|accept-encoding|host|content-length|sec-ch-ua.*", re.I)  # of the request


class Refusal(Exception):
    """A request that the door does not let through."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(eq=False, slots=True)
class Loading:
    """One page in the browser, on whose behalf requests are made."""

    page: Page
    document: Response | None  # fetched already; given to the first navigation
    shown: bool  # pictures and fonts too
    frame: str = ""  # id of the main frame
    context: str = ""
    popups: int = 0
    asked: int = 0
    over: bool = False
    trouble: Exception | None = None  # the crawl ends, or the archive cannot be written: the page is not taken
    last: float = field(default_factory=monotonic)  # when a request came or ended
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def quiet(self, seconds: float, until: float) -> bool:
        """Wait until nothing was asked for this long; False when ``until`` (monotonic) comes first."""
        while monotonic() < until:
            if self.trouble is not None:
                raise self.trouble
            if not self.tasks and monotonic() - self.last >= seconds:
                return True
            await asyncio.sleep(0.05)
        return False


class Door:
    """Serves all browsers of a run, one after another."""

    def __init__(self, crawler: Crawler, archive: Archive) -> None:
        assert crawler.stats is not None
        settings = crawler.settings
        self._crawler = crawler
        self._spider: Any = crawler.spider
        self._archive = archive
        self._stats = crawler.stats
        self._replay = Replay(settings)
        self._guard = Guard.from_settings(settings, crawler.stats)
        self._hidden = Hidden.of(settings)
        self._delay = settings.getfloat("REQUISITE_DELAY")
        self._maxsize = settings.getint("REQUISITE_MAXSIZE")
        self._facts = {name: value for name, value in archive.facts.items() if name != "pass"}
        self._gates: dict[str, Gate] = {}
        self._refusals: dict[str, int] = {}  # 403 in a row by host
        self._frames: OrderedDict[str, Loading] = OrderedDict()  # by frame, target and context
        self._targets: OrderedDict[str, str] = OrderedDict()  # context of a target
        store = archive.store
        self._folder = store.folder if store is not None else None
        self._ledger = Ledger.open(store.folder / "ledger.sqlite", read_only=True) if store is not None else None

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    async def attach(self, session: Any) -> None:
        """Take all requests of the browser behind this session."""
        session.on("Fetch.requestPaused", lambda event: self._paused(session, event))
        session.on("Target.targetCreated", self._target)
        session.on("Target.targetInfoChanged", self._target)
        await session.send("Target.setDiscoverTargets", {"discover": True})
        await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})

    def begin(self, loading: Loading) -> None:
        """From now on requests of this frame and context are its own."""
        for name in (loading.frame, loading.context):
            self.claim(name, loading)

    def claim(self, name: str, loading: Loading) -> None:
        """A frame (or context) belongs to this page."""
        self._frames[name] = loading
        while len(self._frames) > KEPT:
            self._frames.popitem(last=False)

    async def end(self, loading: Loading) -> None:
        """Let nothing new through, and wait for what was asked: it is being archived."""
        loading.over = True
        loading.document = None  # nobody asks for it any more, and its frames are remembered for a while
        while loading.tasks:
            await asyncio.wait(set(loading.tasks))

    def refused(self, reason: str, url: str, loading: Loading | None) -> None:
        """Count it, and have the crawl log say so."""
        self._stats.inc_value(f"browser/refused/{reason}")
        hop_path, via = (loading.page.hop_path + HOP, loading.page.url) if loading else (HOP, "")
        self._archive.passed_over(url, reason, hop_path, via)

    def slipped(self, url: str) -> None:
        """Something went past the door, to the dead end: WebSockets do."""
        self._stats.inc_value("browser/dead_end")
        logger.debug("The browser wanted %s by itself", url)

    # --- One request --------------------------------------------------------------------------------------------

    def _paused(self, session: Any, event: dict[str, Any]) -> None:
        loading = self._owner(event)
        task = asyncio.ensure_future(self._serve(session, event, loading))
        if loading is not None:
            loading.tasks.add(task)
            loading.last = monotonic()
            task.add_done_callback(loading.tasks.discard)

    async def _serve(self, session: Any, event: dict[str, Any], loading: Loading | None) -> None:
        request_id, url = event["requestId"], urldefrag(event["request"]["url"]).url
        self._stats.inc_value(f"browser/requests/{event['resourceType'].lower()}")
        try:
            response = await self._response(event, url, loading)
        except Exception as error:  # noqa: BLE001 - whatever it is, the browser must not wait for ever
            reason = self._judged(error, url, loading)
            self.refused(reason, url, loading)
            # A navigation that is aborted leaves the page where it is; any other error would replace it.
            why = "Aborted" if reason in ("navigation", "page_over") else "BlockedByClient"
            await _send(session, "Fetch.failRequest", {"requestId": request_id, "errorReason": why})
        else:
            await _send(session, "Fetch.fulfillRequest", {"requestId": request_id, **await _answer(response)})
        finally:
            if loading is not None:
                loading.last = monotonic()

    def _judged(self, error: Exception, url: str, loading: Loading | None) -> str:
        if isinstance(error, Refusal):
            return error.reason
        if isinstance(error, Unfinished | OutputTrouble):
            if loading is not None:
                loading.trouble = loading.trouble or error
            return "stopped"
        if not isinstance(error, RobotsClosed | ForbiddenAddress | Parked):
            logger.debug("The browser did not get %s: %s: %s", url, type(error).__name__, error)
        return reason_of(error)

    def _owner(self, event: dict[str, Any]) -> Loading | None:
        """The page that asks: by frame, else by context, else by what the request says of itself."""
        frame = event.get("frameId", "")
        loading = self._frames.get(frame) or self._frames.get(self._targets.get(frame, ""))
        if loading is not None:
            return loading
        open_ = {id(one): one for one in self._frames.values() if not one.over}
        if len(open_) == 1:
            return next(iter(open_.values()))
        headers = {name.lower(): value for name, value in event["request"]["headers"].items()}
        named = headers.get("referer") or headers.get("origin") or event["request"]["url"]
        same = [one for one in open_.values() if host_of(one.page.url) == host_of(named)]
        return same[0] if len(same) == 1 else None

    def _target(self, event: dict[str, Any]) -> None:
        info = event["targetInfo"]
        self._targets[info["targetId"]] = info.get("browserContextId", "")
        while len(self._targets) > KEPT:
            self._targets.popitem(last=False)

    async def _response(self, event: dict[str, Any], url: str, loading: Loading | None) -> Response:
        """What the browser gets. Raises Refusal, and whatever keeps a request from being answered."""
        kind, asked = event["resourceType"], event["request"]
        if loading is None:
            raise Refusal("nobodys")
        if loading.trouble is not None:
            raise loading.trouble
        if kind == "Document" and event.get("frameId") == loading.frame:
            document, loading.document = loading.document, None
            if document is None or document.url != url:
                raise Refusal("navigation")
            return document
        if loading.over:
            raise Refusal("page_over")
        self._check(url, kind, loading)
        loading.asked += 1
        if loading.asked > MOST:
            raise Refusal("too_many")
        if asked["method"] == "GET" and kind in STEADY and (kept := await self._kept(url)) is not None:
            self._stats.inc_value("browser/archived_before")
            return kept
        return await self._ask(self._request(url, kind, asked, loading.page), loading)

    def _check(self, url: str, kind: str, loading: Loading) -> None:
        if not url.startswith(("https://", "http://")) or not host_of(url):
            raise Refusal("scheme")
        parts = urlsplit(url)
        self._guard.check_literal(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        if not loading.page.rules.want(url, loading.page.url):
            raise Refusal("left_out")
        if self._hidden.hides_url(url):
            raise Refusal(EXCLUDED)
        if not loading.shown and kind in SHOWN:
            raise Refusal("not_shown")
        if kind == "Document" and loading.popups > POPUPS:
            raise Refusal("popup")

    def _request(self, url: str, kind: str, asked: dict[str, Any], page: Page) -> Request:
        headers = {name: value for name, value in asked["headers"].items() if not _OURS.fullmatch(name)}
        body = b"".join(b64decode(entry.get("bytes", "")) for entry in asked.get("postDataEntries", ()))
        if asked.get("hasPostData") and not body:
            raise Refusal("post_data")  # a file or a stream, which the browser does not hand over
        meta: dict[str, Any] = {
            "dont_redirect": True,
            "dont_retry": True,
            "allow_offsite": True,
            "download_slot": f"browser at {host_of(url)}",
            "download_maxsize": self._maxsize,
            "skip_larger": True,
            "pace": (f"parts of {host_of(url)}", self._delay),
            "facts": {"via": page.url, "hopsFromSeed": page.hop_path + HOP, "seed": page.seed}
            | {"requisite": kind.lower()}
            | self._facts,
        }
        return Request(url, NO_CALLBACK, asked["method"], headers, body, meta=meta, dont_filter=True)

    async def _ask(self, request: Request, loading: Loading) -> Response:
        host = host_of(request.url)
        gate = self._gates.setdefault(host, Gate(self._delay))
        async with gate.passed(lambda: loading.over or self._archive.stopping.begun):
            if self._archive.stopping.begun:
                raise Unfinished("the crawl is being stopped")
            if loading.over:
                raise Refusal("page_over")
            if host in self._spider.frontier.parked():
                raise Parked(f"{host} is left alone")
            engine = self._crawler.engine
            assert engine is not None
            response = await engine.download_async(request)
        self._look_at(response, host)
        return response

    def _look_at(self, response: Response, host: str) -> None:
        """A host that says it has enough is left alone, as with all other parts of pages."""
        self._refusals[host] = self._refusals.get(host, 0) + 1 if response.status == 403 else 0
        if response.status == 429 or self._refusals[host] >= REFUSALS:
            self._spider.frontier.refused(host, retry_after(response), f"http_{response.status}")

    async def _kept(self, url: str) -> Response | None:
        """What is archived of this address, by this run or another; None when it has to be asked for."""
        if self._ledger is None or self._folder is None:
            return None
        try:
            capture = self._ledger.capture_of_url(safe_uri(url))
            ref = self._ledger.capture_ref(capture.record_id) if capture is not None else None
        except sqlite3.Error as error:
            raise self._archive.in_trouble(error) from error
        if ref is None:
            return None
        with suppress(OSError, ValueError):  # its file is gone or damaged: it is asked for again
            return self._replay.decoded(await asyncio.to_thread(read_again, self._folder, ref, url))
        return None


async def _answer(response: Response) -> dict[str, Any]:
    """A response as Fetch.fulfillRequest takes it: the body decoded, the headers that fit it."""
    headers = [
        {"name": name.decode("latin-1"), "value": value.decode("latin-1")}
        for name, values in response.headers.items()
        if name.decode("latin-1").lower() not in _DROPPED
        for value in values
    ]
    data = response.body
    body = await asyncio.to_thread(b64encode, data) if len(data) > LARGE else b64encode(data)
    return {"responseCode": response.status, "responseHeaders": headers, "body": body.decode("ascii")}


async def _send(session: Any, method: str, values: dict[str, Any]) -> None:
    """Tell the browser; the request, or the browser, may be gone by now."""
    from playwright.async_api import Error

    with suppress(Error):
        await session.send(method, values)
