"""The frontier: Scrapy's scheduler on the ledger, with the politeness inside.

    discover(found), finish(visit) ─► operations ─► writer thread ─► ledger
                                                                        │ read through a connection of its own
    next_request() ◄── heads of the hosts' queues ◄─────────────────────┘

A URL is fetched only after it stands in the ledger, and it is never handed out twice: until its ``InFlight`` is
committed the heads pass it over, and after that the ledger does not give it. In memory are only the heads, the
requests in flight, and operations that the writer has not committed yet; when it falls behind, nothing is handed out.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from time import monotonic, time
from typing import TYPE_CHECKING, Any, cast

from scrapy import Request, signals
from scrapy.core.scheduler import BaseScheduler
from scrapy.utils.asyncio import CallLaterResult

from crawler.capture import CaptureRef
from crawler.conditional import ask_if_changed
from crawler.crawllog import PassedOver
from crawler.engine import WAKE, Reactor, ScrapyReactor
from crawler.exclusions import EXCLUDED, NOTHING, Hidden
from crawler.ledger import Ledger
from crawler.ledger_ops import (
    ARTICLE_KINDS,
    Add,
    FrontierRow,
    HostState,
    InFlight,
    Op,
    Redirected,
    Refused,
    Requeue,
)
from crawler.limits import DEFAULTS, Limits
from crawler.outbox import Outbox, Writer
from crawler.politeness import Politeness
from crawler.queues import HostQueues
from crawler.requesting import add_again, add_of, build_request, end_of
from crawler.slots import Slots
from crawler.traps import Traps
from crawler.urls import canonical_url, fingerprint, host_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.spider import NewsSpider
    from crawler.visit import Found, Visit

logger = logging.getLogger(__name__)

BACKLOG = 20_000  # operations that the writer may be behind before nothing more is handed out
IN_HAND = 200  # pages read or waiting for their commit, each with its tree in memory, before nothing is handed out
REFUSALS = 100  # URLs that are refused in one turn of the reactor
RETRY_DELAY = 4.0  # the n-th repetition of a fetch waits 4**n delays of its host


class LedgerScheduler(BaseScheduler):
    """Hands out URLs when their host may be asked: hosts side by side, each at its own pace, the best URL first."""

    def __init__(
        self,
        ledger: Ledger,
        writer: Writer,
        politeness: Politeness,
        reactor: Reactor,
        *,
        leftovers: Iterable[tuple[FrontierRow, CaptureRef]] = (),
        facts: Mapping[str, str] | None = None,
        room: Callable[[], int | None] = lambda: None,
        renders: Callable[[str], bool] = lambda kind: False,
        count: Callable[[str], None] = lambda name: None,
        trouble: Callable[[sqlite3.Error], object] = lambda error: None,
        hidden: Hidden = NOTHING,
        traps: Traps | None = None,
        patience: float = math.inf,
        limits: Limits = DEFAULTS,
        slots: Slots | None = None,
        clock: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time,
    ) -> None:
        self._ledger = ledger  # for reading, in the reactor's thread
        self._writer = writer
        self._politeness = politeness
        self._reactor = reactor
        self._leftovers = deque(leftovers)  # captured by an earlier run, to be read back from the archive
        # Of the run: job, pass and scope, for each capture's metadata record
        self._facts = {name: value for name, value in (facts or {}).items() if value}
        self._room = room  # rows that the run may still write; None for any number
        self._renders = renders  # whether pages of a kind are opened in a browser
        self._count = count
        self._trouble = trouble  # told when the ledger cannot be read
        self._hidden = hidden
        self._traps = traps or Traps()
        self._limits = limits
        self._asked: Counter[str] = Counter()  # pages of this run, by host
        self._asked_in_all = 0
        self._full = False  # they are as many as they may be
        self._clock = clock
        self._wall = wall
        self._slots = slots or Slots(None, wall)
        self._patience = patience  # seconds that a run waits for a host that is parked, when there is nothing else
        self._queues = HostQueues(ledger, politeness, clock, wall)
        self._outbox = Outbox(writer, reactor, self._take_committed, count)
        self._requeued: dict[int, str] = {}  # host by url_id, until the requeue is committed
        self._out: dict[Request, tuple[str, float]] = {}  # host and politeness token of requests with the downloader
        self._articles_out: set[int] = set()  # url_ids handed out that may become a row
        self._alarm: CallLaterResult | None = None
        self._alarm_at = math.inf
        self._closed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> LedgerScheduler:
        spider = cast("NewsSpider", crawler.spider)
        archive, settings, stats = spider.archive, crawler.settings, crawler.stats
        store = archive.store
        if store is None or stats is None:
            raise ValueError("the frontier needs an archive, and ARCHIVE_ENABLED is off")
        ledger = Ledger.open(store.folder / "ledger.sqlite", read_only=True)
        ledger.scope = archive.scope
        spider.traps = Traps.of(settings)
        politeness = Politeness(
            settings.getfloat("HOST_DELAY"),
            settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"),
            settings.getfloat("CRAWL_DELAY_MAX"),
            settings.getfloat("PARK_SECONDS", 900.0),
            settings.getfloat("PARK_LONGEST", 86_400.0),
        )
        scheduler = cls(
            ledger,
            store,
            politeness,
            ScrapyReactor(crawler),
            leftovers=store.leftovers.captured,
            facts=archive.facts,
            room=lambda: archive.room,
            renders=spider.renders,
            count=stats.inc_value,
            trouble=archive.in_trouble,
            hidden=Hidden.of(settings),
            traps=spider.traps,
            patience=settings.getfloat("PARK_WAIT", 3600.0),
            limits=Limits.of(settings),
            slots=Slots(store.folder),
        )
        crawler.signals.connect(scheduler._continued, signal=signals.request_scheduled)
        return scheduler

    # --- Scrapy's interface -----------------------------------------------------------------------------------

    def open(self, spider: Any) -> None:
        self._spider = spider
        now, wall = self._clock(), self._wall()
        for host in self._ledger.hosts():  # not its Crawl-delay: robots.txt is read again before the first page
            if host.delay is not None:
                self._politeness.set_delay(host.host, host.delay)
            if host.parked_until is not None and host.parked_until > wall:
                self._politeness.park(host.host, now + host.parked_until - wall)
            self._politeness.set_parkings(host.host, host.parkings or 0)
        self._traps.load(self._ledger.traps())
        self._queues.load()

    def close(self, reason: str) -> None:
        """Hand over what was told; the store commits it when it is closed."""
        for host, left in self._queues.parked().items():
            logger.warning("%s is left alone for another %.0f s; the same command goes on then", host, left)
        self._outbox.flush()
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        self._slots.close()
        self._ledger.close()

    def has_pending_requests(self) -> bool:
        if self._full:
            return False
        if self._leftovers or self._outbox.promising:
            return True
        try:
            return self._queues.pending_before(self._worth_waiting)
        except sqlite3.Error as error:
            self._trouble(error)
            return False

    @property
    def _worth_waiting(self) -> float:
        """A parking that ends later is not waited for: the run ends, and the same command goes on when it is over."""
        return self._clock() + self._patience

    def __len__(self) -> int:
        """URLs queued in the ledger; reads the whole queue's index."""
        return self._ledger.queue_length()

    def enqueue_request(self, request: Request) -> bool:
        """Take what a middleware sends back: a fetch to be repeated, a redirect. Links come through ``finish``."""
        if request is WAKE:
            return True
        self._continued(request)
        url = canonical_url(request.url)
        if url is None:
            return False
        row: FrontierRow | None = request.meta.get("frontier")
        if row is not None and fingerprint(url) == row.fingerprint:
            return True  # _continued has put it back
        return self._outbox.tell(add_again(request, url))

    def next_request(self) -> Request | None:
        if self._closed or self._outbox.behind >= BACKLOG or self._full or self._reactor.in_hand() >= IN_HAND:
            return None
        try:
            return self._next()
        except sqlite3.Error as error:  # as bad as a ledger that cannot be written, and the writer may not notice
            self._trouble(error)
            return None

    def _next(self) -> Request | None:
        self._take_back()
        if self._leftovers and self._has_room(self._leftovers[0][0]):
            row, ref = self._leftovers.popleft()
            if self._hidden.hides_url(row.url):
                self._refuse(row, EXCLUDED)
                return None
            return self._hand_out(row, replay=ref)
        for _ in range(REFUSALS):
            chosen = self._queues.take(self._has_room)
            if chosen is None:
                self._set_alarm()
                if self._outbox.promising and not self._out and not self._queues.pending:
                    self._outbox.flush()
                    self._writer.hurry()  # the crawl stands still until the commit
                return None
            reason = self._unwanted(chosen)
            if reason is None:
                break
            self._outbox.push(InFlight(chosen.url_id))  # so that it leaves the queue's head, like any other
            self._refuse(chosen, reason)
            self._queues.recheck(chosen.host)
        else:
            return None
        request = self._hand_out(chosen)
        self._out[request] = (chosen.host, self._politeness.asked(chosen.host, self._clock()))
        self._queues.recheck(chosen.host)
        self._outbox.push(InFlight(chosen.url_id))
        self._count_asked(chosen)
        return request

    def _count_asked(self, row: FrontierRow) -> None:
        """A host that has given as much as it may in one run is left alone; the next run goes on with it."""
        self._asked[row.host] += 1
        if self._asked[row.host] == self._limits.pages_per_host:
            self._queues.leave_alone(row.host)
            self._beyond("pages_per_host", row)
        self._asked_in_all += 1
        if self._asked_in_all == self._limits.pages_per_run:
            self._full = True
            self._beyond("pages_per_run", row)

    def _beyond(self, reason: str, row: FrontierRow) -> None:
        self._count(f"limits/{reason}")
        rest = PassedOver(f"{'/'.join(row.url.split('/', 3)[:3])}/", reason, row.hop_path, row.via)
        self._writer.passed_over([rest])

    # --- What spider, archive and robots middleware say -------------------------------------------------------

    def discover(self, found: Iterable[Found]) -> None:
        """URLs were promised outside of a visit: seeds, the sitemaps that robots.txt names."""
        for one in found:
            self._outbox.tell(add_of(one))

    def finish(self, visit: Visit) -> None:
        """A visit has ended: the state of its URL, its links and its lines become true together."""
        ops: list[Op] = []
        if visit.url_id is not None:
            self._articles_out.discard(visit.url_id)
            end = end_of(visit.url_id, visit)
            if isinstance(end, Requeue):
                self._requeued[visit.url_id] = host_of(visit.url)
            if end is not None:
                ops.append(end)
            ops += self._traps.ended(visit)
        adds = [add_of(one, promised=visit.outcome != "redirected") for one in visit.found]
        ops += [add for add in adds if self._outbox.is_news(add)]
        self._outbox.end(visit, ops)
        if self._room() is not None:
            self._reactor.wake()  # another article may be asked for

    def wake(self) -> None:
        """Have ``next_request`` called soon."""
        self._reactor.wake()

    def park(self, host: str, seconds: float, reason: str) -> None:
        """Ask nothing of the host for a while; later runs keep to it too."""
        self._politeness.park(host, self._clock() + seconds)
        self._outbox.push(HostState(host, parked_until=self._wall() + seconds, reason=reason))
        self._count(f"scheduler/parked/{reason}")

    def refused(self, host: str, seconds: float | None, reason: str) -> float:
        """The host refuses, and may say for how long: leave it alone. For how many seconds it is."""
        before, now = self._politeness.parked_until(host), self._clock()
        left = self._politeness.refused(host, now, seconds)
        if now + left > before:
            parkings = self._politeness.parkings(host)
            self._outbox.push(HostState(host, parked_until=self._wall() + left, reason=reason, parkings=parkings))
            self._count(f"scheduler/parked/{reason}")
            logger.info("%s is left alone for %.0f s: %s", host, left, reason)
        return left

    def parkings(self, host: str) -> int:
        """How often the host was parked for refusals, in a row."""
        return self._politeness.parkings(host)

    def welcomed(self, host: str) -> None:
        """The host has given a good answer."""
        if self._politeness.welcomed(host):
            self._outbox.push(HostState(host, parkings=0))

    def ask_again(self, url_ids: Iterable[int], host: str) -> None:
        """These failed for what was the host's trouble, not theirs."""
        for url_id in url_ids:
            self._requeued[url_id] = host
            self._outbox.push(Requeue(url_id))

    def set_crawl_delay(self, host: str, seconds: float) -> None:
        """robots.txt asks for this delay."""
        self._politeness.set_crawl_delay(host, seconds)
        self._outbox.push(HostState(host, crawl_delay=seconds))

    def turn(self, host: str) -> float:
        """Seconds that a request which is ready to be sent has to wait for those before it, of other processes too.

        The place is taken; nothing that is handed out later comes before it. OSError when it cannot be noted.
        """
        now, delay = self._clock(), self._politeness.delay(host)
        wait = self._slots.turn(host, delay, self._politeness.turn(host, now))
        self._politeness.sent(host, now + wait)
        return wait

    def delay(self, host: str) -> float:
        """Seconds between two requests to this host."""
        return self._politeness.delay(host)

    def answered(self, host: str) -> None:
        """robots.txt was answered: it counts as a request."""
        self._politeness.answered(host, self._clock())

    def parked(self) -> dict[str, float]:
        """Hosts that are parked, with the seconds that remain."""
        return self._politeness.parked(self._clock())

    def _continued(self, request: Request) -> None:
        """A Request that carries a ``url_id`` ends that URL's fetch: it is to be repeated, or it was redirected.

        Connected to ``request_scheduled`` too: right after that signal a middleware's IgnoreRequest keeps the request
        from coming here, and its old URL must not stay in flight for it.
        """
        url_id: int | None = request.meta.pop("url_id", None)
        row: FrontierRow | None = request.meta.get("frontier")
        if url_id is None or row is None:
            return
        self._articles_out.discard(url_id)
        url = canonical_url(request.url)
        if url is not None and fingerprint(url) == row.fingerprint:
            retries = request.meta.get("retry_times", row.retries + 1)
            self._requeued[url_id] = row.host
            self._outbox.push(Requeue(url_id, self._politeness.delay(row.host) * RETRY_DELAY**retries, retries))
        else:
            self._outbox.push(Redirected(url_id, url or request.url))

    # --- Requests on their way --------------------------------------------------------------------------------

    def _hand_out(self, row: FrontierRow, replay: CaptureRef | None = None) -> Request:
        if row.kind in ARTICLE_KINDS:
            self._articles_out.add(row.url_id)
        self._count("scheduler/replayed" if replay else "scheduler/dequeued")
        if row.render is None and self._renders(row.kind):
            row = row._replace(render="dom")
        request = build_request(row, self._spider, replay, self._facts)
        if replay is None and row.captured:
            ask_if_changed(request, self._ledger)
        return request

    def _unwanted(self, row: FrontierRow) -> str | None:
        """Why a URL is not asked for though it was queued: it was taken down, or it is one of a trap's."""
        if self._hidden.hides_url(row.url):
            return EXCLUDED
        return self._traps.judge(row.url, row.kind) if row.depth else None  # a seed is somebody's wish

    def _refuse(self, row: FrontierRow, reason: str) -> None:
        """That is what becomes of the URL, and the next one is asked for soon."""
        self._count(f"refused/{reason}")
        self._writer.passed_over([PassedOver(row.url, reason, row.hop_path, row.via)])
        self._outbox.push(Refused(row.url_id, reason))
        self._reactor.wake()

    def _has_room(self, row: FrontierRow) -> bool:
        """Whether the run may still write the row that this URL may give, and those of the articles in flight."""
        room = self._room()
        return room is None or row.kind not in ARTICLE_KINDS or len(self._articles_out) < room

    def _take_back(self) -> None:
        """Free the places of requests that have left the downloader."""
        for request in [request for request in self._out if not self._reactor.is_active(request)]:
            host, token = self._out.pop(request)
            if "download_slot" in request.meta:  # Scrapy sets it when the request passes on to its host
                self._politeness.over(host)
            else:
                self._politeness.spared(host, token)
            self._queues.recheck(host)

    def _set_alarm(self) -> None:
        """Be asked again when the next host may be."""
        at = self._queues.next_at
        if at < self._alarm_at:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._reactor.later(max(0.0, at - self._clock()), self._ring)
            self._alarm_at = at

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, math.inf
        self._reactor.wake()

    def _take_committed(self, ops: list[Op]) -> None:
        """What was queued can be read."""
        if self._closed:
            return
        for op in ops:
            if isinstance(op, InFlight):
                self._queues.left(op.url_id)
            elif isinstance(op, Add):
                if op.wanted:
                    self._queues.queued(op.host, op.priority)
            elif isinstance(op, Requeue):
                self._queues.queued(self._requeued.pop(op.url_id), math.inf)
        self._reactor.wake()
