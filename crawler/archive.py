"""The reactor's side of the archive: hands exchanges, rows and ended visits to the one writer thread.

handler  ─► append(exchange) ─► CaptureRef
spider   ─► begin(request) … exhausted(visit)          a visit ends with its callback and its items
pipeline ─► decide(article), emit(visit, article)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scrapy import Request, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DontCloseSpider,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.utils.asyncio import create_looping_call
from scrapy.utils.defer import deferred_from_coro
from twisted.python.failure import Failure

from crawler.arguments import Arguments, scope_digest, scope_key
from crawler.capture import CaptureRef, Exchange
from crawler.connection import CertificateRefused
from crawler.crawllog import BAD_CERTIFICATE, PassedOver, Recent
from crawler.dom import Rendered, RenderFailed
from crawler.drift_report import add_alarm, drift_rule, note_drift
from crawler.inhand import CRASHES, TIMES, InHand
from crawler.items import Article
from crawler.ledger_ops import DriftState, FrontierRow, Scope
from crawler.limits import NotRead
from crawler.logevents import event
from crawler.recrawl import Recrawl
from crawler.replay import raw_response
from crawler.runfacts import RunFacts
from crawler.runlog import running_log
from crawler.sites import Sites
from crawler.slots import Slots
from crawler.stopping import Stopping, Unfinished
from crawler.store import Store
from crawler.template import without_row
from crawler.timelimit import in_time
from crawler.trouble import OWN_FAULTS, OutputTrouble, trouble_of
from crawler.visit import Visit
from crawler.warcinfo import code_digest, warcinfo_fields
from crawler.watch import HELD
from warc.reader import capture_at

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.defer import Deferred

    from crawler.spider import NewsSpider

logger = logging.getLogger(__name__)

FAILURES: tuple[tuple[type[BaseException], str], ...] = (
    (DownloadTimeoutError, "timeout"),
    (ResponseDataLossError, "disconnected"),
    (DownloadCancelledError, "too_large"),
    (CannotResolveHostError, "unknown_host"),
    (DownloadConnectionRefusedError, "connection_refused"),
    (RenderFailed, "not_rendered"),
    (CertificateRefused, BAD_CERTIFICATE),
)
WITHOUT_ROW = frozenset({"no_title", "no_body"})  # why an item was dropped whose template may have changed
BEAT_EVERY = 10.0  # seconds; a crawl that waits for its hosts beats too, one whose reactor hangs does not
LATER = frozenset({"max_articles", "stopped"})  # why an item was dropped whose page a later run reads again


class Archive:
    """Extension that opens the store before anything is fetched and closes it after everything has ended."""

    def __init__(self, crawler: Crawler, store: Store | None, args: Arguments) -> None:
        self.store = store
        self.job = args.job
        self.spider_name = args.spider
        self._scope_digest = scope_digest(scope_key(args))
        self.scope: Scope | None = None
        self.trouble: OutputTrouble | None = None
        self.stopping = Stopping(crawler, crawler.settings.getfloat("STOP_GRACE"))
        self._over = False  # the store was told to close
        self._holding = False  # rows may be held back by the writer
        self.rows = 0  # decided by this run
        self._max_articles = args.max_articles
        self.slots = Slots(store.folder if store is not None else None)
        self._crawler = crawler
        self._parse_seconds = crawler.settings.getfloat("PARSE_SECONDS")
        self._deciding = asyncio.Lock()
        self._told = Recent()
        self._in_hand: InHand | None = None
        self._beating: Any = create_looping_call(self._beat)
        self._visits: dict[int, Visit] = {}  # by id() of the item that is on its way through the pipelines
        assert crawler.stats is not None
        self._stats = crawler.stats

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Archive:
        spider = cast("NewsSpider", crawler.spider)
        settings = crawler.settings
        store = None
        if settings.getbool("ARCHIVE_ENABLED", True):
            store = Store(
                Path(settings["ARCHIVE_DIR"]).absolute(),
                spider.args,
                warcinfo_fields(settings, spider.args),
                settings.getint("WARC_TARGET_SIZE"),
                Recrawl.parse(settings["RECRAWL_INTERVALS"], settings.getint("RECRAWL_LIMIT")),
                Sites(settings),
                drift_rule(settings),
                facts=RunFacts.of(spider, settings),
            )
        archive = cls(crawler, store, spider.args)
        spider.archive = archive
        if store is not None:
            store.on_trouble = archive._trouble_from_thread
            store.on_released = archive._released_from_thread
            store.on_drift = archive._drift_from_thread
            archive._begin(store)
            if (log := running_log()) is not None:
                log.carry(store.log)
        connect = crawler.signals.connect
        connect(archive._item_scraped, signal=signals.item_scraped)
        connect(archive._item_dropped, signal=signals.item_dropped)
        connect(archive._item_error, signal=signals.item_error)
        connect(archive._idle, signal=signals.spider_idle)
        connect(archive._started, signal=signals.engine_started)
        connect(archive._closed, signal=signals.spider_closed)
        return archive

    def _begin(self, store: Store) -> None:
        """Raises OutputTrouble."""
        try:
            self._in_hand = in_hand = InHand(store.folder, self.spider_name, code_digest)
        except OSError as error:
            raise trouble_of(error, store.folder) from error
        self.scope = store.open()
        # Pages that a process has died with come last, so that the others are read in any case.
        store.leftovers.captured.sort(key=lambda leftover: in_hand.times(leftover[0].fingerprint))

    @property
    def facts(self) -> dict[str, str]:
        """What the metadata record of each capture of this run says; ``scope`` names the one in its warcinfo."""
        number = self.scope.pass_number if self.scope else 1
        return {"job": self.job, "pass": str(number), "scope": self._scope_digest}

    # --- Captures ---------------------------------------------------------------------------------------------

    async def append(self, exchange: Exchange, url_id: int | None = None) -> CaptureRef | None:
        """Have the exchange written; the reference to its record once it stands in the file.

        Raises OutputTrouble when it could not be written. None when archiving is off (``scrapy probe``), or when
        there was no response and a metadata record tells the error.
        """
        if self.store is None:
            return None
        ref = await asyncio.wrap_future(self.store.append(exchange, url_id))
        stats = self._stats
        stats.inc_value("capture/count")
        if exchange.handshake is not None and exchange.handshake.failures:
            done = "refused" if exchange.handshake.refused else "archived"
            stats.inc_value(f"tls/{done}/{'+'.join(exchange.handshake.failures)}")
        if ref is None:
            stats.inc_value("capture/no_response")
        else:
            stats.inc_value("capture/bytes", ref.length)
            stats.inc_value(f"capture/status/{ref.status}")
            if exchange.cause:
                stats.inc_value(f"capture/truncated/{exchange.cause}")
        return ref

    async def derive(self, page: Rendered) -> CaptureRef | None:
        """Have a rendered page written beside its document. Raises OutputTrouble when it could not be.

        None when archiving is off.
        """
        if self.store is None:
            return None
        return await asyncio.wrap_future(self.store.derive(page))

    def passed_over(self, url: str, reason: str, hop_path: str, via: str) -> None:
        """This address is not fetched, and no visit says so: a part of a page."""
        if self.store is not None and self._told.is_news(url):
            self.store.passed_over([PassedOver(url, reason, hop_path, via)])

    def read_back(self, ref: CaptureRef) -> Response:
        """The archived response, as the handler once gave it. Raises UnreadableCapture; may be called in any thread."""
        assert self.store is not None
        return raw_response(capture_at(self.store.folder / ref.file, ref.offset), ref)

    # --- Visits -----------------------------------------------------------------------------------------------

    def begin(self, request: Request) -> Visit:
        """The visit that this request belongs to; made when its response or failure arrives."""
        meta = request.meta
        visit = meta.get("visit")
        if visit is None:
            keys = ("depth", "hop_path", "channel", "via", "seed")
            known = {key: meta[key] for key in keys if key in meta}
            visit = Visit(meta.get("url_id"), request.url, meta.get("kind", "seed"), **known)
            meta["visit"] = visit
        return cast(Visit, visit)

    def in_hand(self, visit: Visit, response: Response, steps: Iterator[Any]) -> Iterator[Any]:
        """The steps of reading a page, written down while they are taken: the page may take this process with it.

        None of them for a page that several processes have died with. NotRead for one that takes too long.
        """
        steps = in_time(self._parse_seconds, visit.url, steps)
        row: FrontierRow | None = response.request.meta.get("frontier") if response.request else None
        if row is None or self._in_hand is None:
            return steps
        capture: CaptureRef | None = response.request.meta.get("capture") if response.request else None
        payload = capture.payload_digest if capture is not None else None
        if self._in_hand.gives_up(row.fingerprint, payload):
            about = event("page_given_up", url=visit.url)
            logger.error("%s has ended %d processes that read it, and is not read", visit.url, TIMES, extra=about)
            visit.end("failed", CRASHES)
            visit.passed.append(PassedOver(visit.url, CRASHES, visit.hop_path, visit.via))
            return iter(())
        return self._in_hand.reading(row.fingerprint, payload, steps)

    def promise(self, visit: Visit, article: Article) -> Article:
        """The visit gives this item; it does not end before the item has been signalled."""
        visit.items_open += 1
        article.run = self.job
        self._visits[id(article)] = visit
        return article

    def visit_of(self, article: Article) -> Visit:
        """The visit that gave this item."""
        return self._visits[id(article)]

    def exhausted(self, visit: Visit) -> None:
        """The visit's callback has given all it has."""
        visit.exhausted = True
        self._end_if_over(visit)

    def failed(self, visit: Visit, failure: Failure) -> None:
        """Nothing could be fetched: end the visit under the reason that the failure names."""
        error = failure.value
        if isinstance(error, OutputTrouble) and failure.request.meta.get("replay"):  # type: ignore[attr-defined]
            visit.end("captured")
        elif isinstance(error, (asyncio.CancelledError, OutputTrouble, Unfinished)) or getattr(error, "again", False):
            visit.end("queued")
        elif isinstance(error, IgnoreRequest):
            reason = getattr(error, "reason", "ignored")
            visit.end("refused", reason)
            if "capture" not in failure.request.meta:  # type: ignore[attr-defined]
                visit.passed.append(PassedOver(visit.url, reason, visit.hop_path, visit.via))
        elif isinstance(error, NotRead):
            self.not_read(visit, error)
        else:
            reason = next((name for kind, name in FAILURES if isinstance(error, kind)), type(error).__name__)
            visit.end("failed", reason)
            if reason == BAD_CERTIFICATE and "capture" not in failure.request.meta:  # type: ignore[attr-defined]
                visit.passed.append(PassedOver(visit.url, reason, visit.hop_path, visit.via))  # known of robots.txt
            about = event("page_failed", url=visit.url, reason=reason)
            logger.warning("%s: %s (%s)", reason, visit.url, error, extra=about)
        self.exhausted(visit)

    def not_read(self, visit: Visit, error: NotRead) -> None:
        """What came is archived; why it is not read stands in the log, the stats and the crawl log."""
        visit.end("failed", error.reason)
        visit.beyond[error.reason] += 1
        visit.passed.append(PassedOver(visit.url, error.reason, visit.hop_path, visit.via))
        logger.warning("%s: %s", error.reason, error)

    def broke_off(self, visit: Visit, error: Exception) -> bool:
        """The callback has failed: another pass tries again. False when it was no fault of the code."""
        if isinstance(error, NotRead):
            self.not_read(visit, error)
            return False
        if self._own_fault(error):
            visit.end("captured")
            return False
        visit.end("failed", "parse_error")
        return True

    def _own_fault(self, error: BaseException | None) -> bool:
        """Whether this machine is in trouble; then the run ends, and a later one reads the page again."""
        if isinstance(error, OSError) and error.errno in OWN_FAULTS:
            self.in_trouble(error)
            return True
        return isinstance(error, OutputTrouble)

    def _end_if_over(self, visit: Visit) -> None:
        if not visit.ended:
            return
        if visit.outcome in ("failed", "refused"):
            self._stats.inc_value(f"{visit.outcome}/{visit.reason}")
        for reason, count in visit.beyond.items():
            self._stats.inc_value(f"limits/{reason}", count)
        scheduler: Any = self._crawler.engine.scheduler if self._crawler.engine else None
        if scheduler is not None:
            scheduler.finish(visit)

    # --- Rows -------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int | None:
        """Rows that this run may still write; None without ``max_articles``."""
        return None if self._max_articles is None else max(0, self._max_articles - self.rows)

    async def decide(self, article: Article) -> str | None:
        """Give the article its version, or say why it has none (now): ``max_articles``, ``stopped``, or as the store.

        One at a time, so that the limit is never exceeded. A row that is held back counts as if it were written.
        """
        if self.store is None:
            return None
        async with self._deciding:
            if self.room == 0:
                return "max_articles"
            try:
                reason = await asyncio.wrap_future(self.store.decide(article, self.visit_of(article)))
            except OutputTrouble:  # told already; the page is read again by the next run
                return "stopped"
            self._holding |= reason == HELD
            self.rows += reason in (None, HELD)
            if self.room == 0:
                self._close("max_articles")
            return reason

    def emit(self, article: Article, line: bytes, links: bytes) -> None:
        """Have the row's line, and those of the page's links, written when the visit ends."""
        visit = self.visit_of(article)
        visit.rows.append((article, line))
        if links:
            visit.lines.append(("links", links))
        self._stats.inc_value("store/rows")

    def _item_scraped(self, item: Article) -> None:
        if id(item) in self._visits:  # else it was held back, and its visit is over
            self._item_over(item)

    def _released_from_thread(self, article: Article) -> None:
        from twisted.internet import reactor

        reactor.callFromThread(self._released, article)

    def _released(self, article: Article) -> None:
        """A row that was held back is written: the outputs of -o get it too, as long as they are open."""
        self._stats.inc_value("store/rows")
        if not self._over:
            self._crawler.signals.send_catch_log(
                signals.item_scraped, item=article, response=None, spider=self._crawler.spider
            )

    def _drift_from_thread(self, state: DriftState) -> None:
        from twisted.internet import reactor

        reactor.callFromThread(add_alarm, self._stats, state)

    def _started(self) -> None:
        if self.store is not None:
            self._beating.start(BEAT_EVERY, now=False)

    def _beat(self) -> None:
        """A commit, even of nothing, tells the ledger that the run lives."""
        if self.store is not None and self.trouble is None:
            self.store.submit([])

    def _idle(self) -> None:
        """Nothing is left to ask: have held rows decided while the outputs are open, then look once more."""
        if self._holding and self.store is not None and self.trouble is None:
            self._holding = False
            settled = asyncio.wrap_future(self.store.settle())
            settled.add_done_callback(self._wake)
            raise DontCloseSpider

    def _wake(self, settled: asyncio.Future[None]) -> None:
        settled.exception()  # trouble was told already
        scheduler: Any = self._crawler.engine.scheduler if self._crawler.engine else None
        if scheduler is not None:
            scheduler.wake()

    def _item_dropped(self, item: Article, exception: Any) -> None:
        reason = getattr(exception, "reason", "dropped")
        if reason == HELD:
            self._item_over(item)
            return
        self._stats.inc_value(f"items/dropped/{reason}")
        visit = self.visit_of(item)
        if reason in WITHOUT_ROW:
            visit.seen = without_row(item)
        if visit.reason != "not_modified" or reason != "unchanged":  # the one explains the other
            visit.reason = f"dropped_{reason}"
        self._item_over(item, "captured" if reason in LATER else None)

    def _item_error(self, item: Article, failure: Failure) -> None:
        self._item_over(item, "captured" if self._own_fault(failure.value) else "failed", "item_error")

    def _item_over(self, item: Article, outcome: str | None = None, reason: str | None = None) -> None:
        visit = self._visits.pop(id(item))
        if outcome is not None:
            visit.end(outcome, reason)
        visit.items_open -= 1
        self._end_if_over(visit)

    # --- The end ----------------------------------------------------------------------------------------------

    def _trouble_from_thread(self, trouble: OutputTrouble) -> None:
        from twisted.internet import reactor

        reactor.callFromThread(self._on_trouble, trouble)

    def in_trouble(self, error: BaseException) -> OutputTrouble:
        """End the run for an error of this machine; what to raise for it."""
        trouble = trouble_of(error, self.store.folder if self.store is not None else Path.cwd())
        self._on_trouble(trouble)
        return trouble

    def _on_trouble(self, trouble: OutputTrouble) -> None:
        if self.trouble is None:
            self.trouble = trouble
            logger.critical("%s", trouble, extra=event("trouble"))
            self.stopping.begin(grace=0)  # nothing that comes now could be archived
            self._close("output_trouble")

    def stop_for(self, trouble: OutputTrouble, reason: str) -> None:
        """End the run before there is trouble: all is kept, as after a stop signal; the status is that of trouble."""
        if self.trouble is None:
            self.trouble = trouble
            self._close(reason)

    def _close(self, reason: str) -> None:
        self.stopping.begin()
        engine = self._crawler.engine
        if engine.scheduler is not None:  # else the spider is not open, and its opening fails by itself
            self._closing = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    def close_now(self) -> Deferred[None]:
        """The reactor goes down before the crawl was over: commit what there is. Nothing when all is committed."""
        if not self._over:
            with suppress(RuntimeError):  # there is no engine yet
                scheduler: Any = self._crawler.engine.scheduler
                if scheduler is not None:
                    scheduler.close("forced")
        return deferred_from_coro(self._closed("forced"))

    async def _closed(self, reason: str) -> None:
        if self.store is None or self._over:
            return
        self._over = True
        if self._beating.running:
            self._beating.stop()
        if self._in_hand is not None:
            self._in_hand.close()
        if (log := running_log()) is not None:
            log.end()
        try:
            report = await asyncio.wrap_future(self.store.close(reason, _counts(self._stats.get_stats())))
        except OutputTrouble as trouble:
            self.trouble = self.trouble or trouble
            logger.critical("%s", trouble, extra=event("trouble"))
            return
        self._stats.set_value("store/files", report.files)
        self._stats.set_value("frontier/left", report.left)
        note_drift(self._stats, report.quarantined, report.alarms)
        for kind, count in report.events.items():
            self._stats.set_value(f"events/{kind}", count)


def archive_of(crawler: Crawler) -> Archive:
    """The crawl's archive; it is opened before every component that needs it."""
    archive = crawler.get_extension(Archive)
    assert archive is not None
    return archive


def _counts(stats: dict[str, Any]) -> dict[str, Any]:
    """What the ledger keeps of a run's stats."""
    of_pages = ("requisites/", "browser/", "drift/")
    of_limits = ("failed/", "refused/", "limits/", "robots/", "guard/")
    prefixes = ("capture/", "tls/", "store/", "items/", *of_limits, *of_pages)
    return {key: value for key, value in stats.items() if key.startswith(prefixes)}
