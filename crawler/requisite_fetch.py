"""Archives the files that articles need, each once, at a pace of their own, without any state in the frontier.

    article ─► its files ─► archived before? ─► gate of the host ─► engine.download_async ─► archive ─► record id
                   ▲                                                                          │
                   └───────────────── what a style sheet names, up to five deep ◄─────────────┘

They take the same way as pages through robots.txt, guard and tee. What fails is counted under
``requisites/failed/<reason>`` and fails nothing else; only the archive's own trouble and the end of the crawl do.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest, ResponseDataLossError
from scrapy.http.request import NO_CALLBACK

from crawler.charset import decode
from crawler.connection import CertificateRefused
from crawler.crawllog import BAD_CERTIFICATE
from crawler.exclusions import EXCLUDED, Hidden
from crawler.ledger import Ledger
from crawler.limits import NotRead
from crawler.patience import retry_after
from crawler.requisites import IMAGE, STYLE, VIDEO, Requisite, RequisiteRules, in_stylesheet
from crawler.robotsmw import RobotsClosed, redirect_target
from crawler.stopping import Unfinished
from crawler.trouble import OutputTrouble
from crawler.urls import host_of
from warc.values import safe_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from crawler.archive import Archive
    from crawler.capture import CaptureRef
    from crawler.spider import NewsSpider
    from crawler.store import Store

AT_ONCE = 4  # requests to one host
ARTICLES_AT_ONCE = 4  # articles whose files are being fetched; the others wait, so that each is done soon
DEPTH = 5  # style sheets that import style sheets
MOST = 500  # files of one article: what a page generates without end is cut here
KEPT = 50_000  # files remembered as asked by this run
REDIRECTS = 5
REFUSALS = 3  # 403 in a row are a wall: the host is left alone, its pages too
HTML = "text/html"
HOP = "Q"  # in a capture's hop path

ACCEPT = {
    IMAGE: "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    STYLE: "text/css,*/*;q=0.1",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one file. ``again``: it may be asked for by another article of this run."""

    record_id: str | None = None
    inside: tuple[Requisite, ...] = ()  # named by a style sheet
    again: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The page on whose behalf files are fetched."""

    url: str
    hop_path: str
    rules: RequisiteRules
    seed: str  # where the hop path began


class Gate:
    """The way to one host: so many requests at once, their starts so many seconds apart."""

    def __init__(self, delay: float, clock: Callable[[], float] = monotonic) -> None:
        self._delay = delay
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)
        self._turn = asyncio.Lock()
        self._next_at = 0.0

    @asynccontextmanager
    async def passed(self, closed: Callable[[], bool]) -> AsyncIterator[None]:
        """Wait for a place, then for the delay; once ``closed`` says so nobody waits any more."""
        async with self._places:
            async with self._turn:
                wait = self._next_at - self._clock()
                if wait > 0 and not closed():
                    await asyncio.sleep(wait)
                self._next_at = self._clock() + self._delay
            yield


class RequisiteFetcher:
    """Fetches for all articles of a run."""

    def __init__(self, crawler: Crawler, archive: Archive, store: Store) -> None:
        assert crawler.stats is not None
        settings = crawler.settings
        self._crawler = crawler
        self._spider = cast("NewsSpider", crawler.spider)
        self._archive = archive
        self._ledger = Ledger.open(store.folder / "ledger.sqlite", read_only=True)  # what earlier runs have
        self._hidden = Hidden.of(settings)
        self._stats = crawler.stats
        self._delay = settings.getfloat("REQUISITE_DELAY")
        self._maxsize = settings.getint("REQUISITE_MAXSIZE")
        self._seconds = settings.getfloat("REQUISITE_SECONDS")
        self._facts = {name: value for name, value in archive.facts.items() if name != "pass"}  # of no pass of pages
        self._articles = asyncio.Semaphore(ARTICLES_AT_ONCE)
        self._gates: dict[str, Gate] = {}
        self._refusals: Counter[str] = Counter()  # 403 in a row by host
        self._tasks: OrderedDict[str, asyncio.Task[Fetched]] = OrderedDict()

    def close(self) -> None:
        self._ledger.close()

    async def fetch_all(self, wanted: Iterable[Requisite], page: Page) -> Mapping[str, str | None]:
        """Record ids by ``page.rules.key`` of the address; None for what could not be archived.

        Raises Unfinished when the crawl ends first, OutputTrouble when the archive cannot be written. Takes at most
        REQUISITE_SECONDS and one response deadline: what is left then is counted as ``out_of_time``.
        """
        async with self._articles:
            until = monotonic() + self._seconds
            found: dict[str, str | None] = {}
            wave = self._news(wanted, found, page)
            for _ in range(DEPTH + 1):
                tasks = {key: self._task(key, requisite, page, until) for key, requisite in wave.items()}
                results = await asyncio.gather(*tasks.values(), return_exceptions=True)
                for result in results:
                    if isinstance(result, BaseException):
                        raise result
                done = dict(zip(tasks, (r for r in results if isinstance(r, Fetched)), strict=True))
                found |= {key: result.record_id for key, result in done.items()}
                wave = self._news([r for result in done.values() for r in result.inside], found, page)
                if not wave:
                    break
            return found

    def _news(self, wanted: Iterable[Requisite], found: Mapping[str, str | None], page: Page) -> dict[str, Requisite]:
        """What the site's rules let in and this article has not had yet, by key."""
        news: dict[str, Requisite] = {}
        for requisite in wanted:
            key = page.rules.key(requisite.url)
            if key in found or key in news:
                continue
            if not page.rules.want(requisite.url, page.url):
                self._stats.inc_value("requisites/left_out")
                self._passed_over(requisite.url, "left_out", page)
            elif self._hidden.hides_url(requisite.url):
                self._stats.inc_value(f"requisites/failed/{EXCLUDED}")
                self._passed_over(requisite.url, EXCLUDED, page)
            elif len(found) + len(news) >= MOST:
                self._stats.inc_value("requisites/failed/too_many")
                self._passed_over(requisite.url, "too_many", page)
            else:
                news[key] = requisite
        return news

    def _task(self, key: str, requisite: Requisite, page: Page, until: float) -> asyncio.Task[Fetched]:
        """The one fetch of this file in this run, begun now if nobody has begun it."""
        task = self._tasks.get(key)
        if task is None or _may_be_repeated(task):
            task = asyncio.ensure_future(self._one(requisite, page, until))
            self._tasks[key] = task
            if len(self._tasks) > KEPT:
                self._tasks.popitem(last=False)
        self._tasks.move_to_end(key)
        return task

    async def _one(self, requisite: Requisite, page: Page, until: float) -> Fetched:
        url = requisite.url
        try:
            for _ in range(REDIRECTS + 1):
                response, ref = await self._archived(url, requisite.kind, page) or await self._asked(
                    url, requisite.kind, page, until
                )
                target = redirect_target(response) if response is not None else None
                if target is None:
                    break
                if not self._may_be_followed(target, page):
                    self._passed_over(target, "left_out", page)
                    return self._failed("offsite_redirect")
                url = target
            else:
                return self._failed("too_many_redirects")
        except (Unfinished, OutputTrouble):
            raise
        except OutOfTime:
            self._passed_over(url, "out_of_time", page)
            return self._failed("out_of_time", again=True)
        except Exception as error:  # noqa: BLE001 - a picture that fails fails no article
            if isinstance(error, RobotsClosed | Parked):
                self._passed_over(url, reason_of(error), page)
            return self._failed(reason_of(error))
        if response is not None and response.status != 200:
            return self._failed(f"http_{response.status}")
        if response is not None and is_in_words(response, requisite.kind):
            return self._failed("html")
        if ref is None:
            return self._failed("not_archived")
        inside: tuple[Requisite, ...] = ()
        if requisite.kind == STYLE and response is not None:
            inside = tuple(in_stylesheet(_text(response), response.url))
        return Fetched(ref.record_id, inside)

    async def _archived(self, url: str, kind: str, page: Page) -> tuple[Response | None, CaptureRef] | None:
        """What an earlier run has, where redirects led it; a style sheet is read, for what it names may be missing."""
        for _ in range(REDIRECTS + 1):
            # its address is the one that records have
            request = Request(url, NO_CALLBACK, dont_filter=True, meta={"dont_redirect": True})
            address = safe_uri(request.url)
            try:
                capture = self._ledger.capture_of_file(address, page.rules.key(address))
                ref = self._ledger.capture_ref(capture.record_id) if capture is not None else None
            except sqlite3.Error as error:
                raise self._archive.in_trouble(error) from error
            if capture is None or ref is None:
                return None
            response: Response | None = None
            if kind == STYLE or capture.status != 200 or capture.mime == HTML:
                request.meta["replay"] = ref
                try:
                    response = await self._download(request)
                except Unfinished:
                    if self._archive.stopping.begun:
                        raise
                    return None  # its file is gone or damaged: it is asked for again
            if response is not None and is_in_words(response, kind):
                return None
            if capture.status == 200:
                self._stats.inc_value("requisites/archived_before")
                return response, ref
            target = redirect_target(response) if response is not None else None
            if target is None or not self._may_be_followed(target, page):
                return None
            url = target
        return None

    def _may_be_followed(self, target: str, page: Page) -> bool:
        return page.rules.want(target, page.url) and not self._hidden.hides_url(target)

    async def _asked(self, url: str, kind: str, page: Page, until: float) -> tuple[Response, CaptureRef | None]:
        """Fetch it; once more when the failure may pass."""
        host = host_of(url)
        gate = self._gates.get(host)
        if gate is None:
            gate = self._gates[host] = Gate(self._delay)
        for attempt in (1, 2):
            async with gate.passed(lambda: self._over(until)):
                if self._archive.stopping.begun:
                    raise Unfinished("the crawl is being stopped")
                if monotonic() > until:
                    raise OutOfTime
                if host in self._spider.frontier.parked():
                    raise Parked(f"{host} is left alone")
                request = self._request(url, kind, page)
                try:
                    response = await self._download(request)
                except (DownloadTimeoutError, ResponseDataLossError):
                    if attempt == 2:
                        raise
                    continue
            self._look_at(response, host)
            if response.status < 500 or attempt == 2:
                break
        self._stats.inc_value("requisites/asked")
        return response, request.meta.get("capture")

    async def _download(self, request: Request) -> Response:
        engine = self._crawler.engine
        assert engine is not None
        return await engine.download_async(request)

    def _request(self, url: str, kind: str, page: Page) -> Request:
        meta: dict[str, Any] = {
            "dont_redirect": True,
            "dont_retry": True,
            "allow_offsite": True,
            "download_slot": f"requisites of {host_of(url)}",  # pages do not queue behind pictures
            "download_maxsize": self._maxsize,
            "skip_larger": True,
            "pace": (f"parts of {host_of(url)}", self._delay),
            "facts": {"via": page.url, "hopsFromSeed": page.hop_path + HOP, "seed": page.seed, "requisite": kind}
            | self._facts,
        }
        headers = {"Accept": ACCEPT.get(kind, "*/*"), "Referer": referrer(page.url, url)}
        return Request(url, NO_CALLBACK, headers=headers, meta=meta, dont_filter=True)

    def _look_at(self, response: Response, host: str) -> None:
        """A host that says it has enough is left alone: by pages too, and by later runs."""
        self._refusals[host] = self._refusals[host] + 1 if response.status == 403 else 0
        if response.status == 429 or self._refusals[host] >= REFUSALS:
            self._spider.frontier.refused(host, retry_after(response), f"http_{response.status}")

    def _over(self, until: float) -> bool:
        return self._archive.stopping.begun or monotonic() > until

    def _passed_over(self, url: str, reason: str, page: Page) -> None:
        self._archive.passed_over(url, reason, page.hop_path + HOP, page.url)

    def _failed(self, reason: str, again: bool = False) -> Fetched:
        self._stats.inc_value(f"requisites/failed/{reason}")
        return Fetched(again=again)


class OutOfTime(Exception):
    """The article has waited for its files as long as it may."""


class Parked(Exception):
    """The host asked to be left alone."""


REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (DownloadTimeoutError, "timeout"),
    (ResponseDataLossError, "disconnected"),
    (DownloadCancelledError, "too_large"),
    (Parked, "parked"),
    (CertificateRefused, BAD_CERTIFICATE),
)


def reason_of(error: BaseException) -> str:
    """One word for what went wrong."""
    if isinstance(error, IgnoreRequest | NotRead):
        return str(getattr(error, "reason", "ignored"))
    return next((name for kind, name in REASONS if isinstance(error, kind)), type(error).__name__)


def referrer(page_url: str, url: str) -> str:
    """What a browser says (strict-origin-when-cross-origin): the page to its own origin, else the origin alone.

    >>> referrer("https://baoquocte.vn/a-1.html#x", "https://cdn.baoquocte.vn/b.jpg")
    'https://baoquocte.vn/'
    """
    page, file = urlsplit(page_url), urlsplit(url)
    if (page.scheme, page.netloc) == (file.scheme, file.netloc):
        return page._replace(fragment="").geturl()
    return f"{page.scheme}://{page.netloc}/"


def _may_be_repeated(task: asyncio.Task[Fetched]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None or task.result().again)


def is_in_words(response: Response, kind: str) -> bool:
    """Whether a page came in the place of a picture: a soft 404. A browser shows a picture whatever its type says."""
    mime = (response.headers.get("Content-Type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    return kind in (IMAGE, VIDEO) and response.status == 200 and mime == HTML and response.body.lstrip()[:1] == b"<"


def _text(response: Response) -> str:
    content_type = response.headers.get("Content-Type")
    return decode(response.body, content_type.decode("latin-1") if content_type else None)[0]
