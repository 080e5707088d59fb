"""The heads of the hosts' queues: what may be handed out next, at each host's own pace, in little memory.

The queues themselves are in the ledger. A host's head is read again when it is used up, or when something better than
its last row was queued behind it.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from crawler.ledger import Ledger
from crawler.ledger_ops import FrontierRow
from crawler.politeness import Politeness

PER_HOST = 500  # rows of one host in memory
AT_FIRST = 16  # rows that are read of a host whose head keeps changing
IN_ALL = 5_000  # rows of all hosts
AT_LEAST = 10  # rows that a host reads at once, however many hosts there are


@dataclass(slots=True, eq=False)
class _Host:
    name: str
    rows: deque[FrontierRow] = field(default_factory=deque)
    whole: bool = False  # ``rows`` is all that is queued and may go now
    stale: bool = False  # something better than the last of ``rows`` was queued
    batch: int = AT_FIRST  # rows to read next: twice as many each time they could be used up
    later: float = math.inf  # when the first URL that has to wait may go
    left_alone: bool = False  # this run asks no more of it
    leaving: set[int] = field(default_factory=set)  # handed out; the ledger does not say so yet
    listed_at: float = math.inf  # when its turn comes: -inf in the ready list, inf in no list

    @property
    def pending(self) -> bool:
        return not self.left_alone and (bool(self.rows) or not self.whole or self.later < math.inf)


class HostQueues:
    """Hosts take turns; each gives its best URL when politeness lets it be asked."""

    def __init__(
        self, ledger: Ledger, politeness: Politeness, clock: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self._ledger = ledger  # for reading
        self._politeness = politeness
        self._clock = clock  # monotonic, as politeness has it
        self._wall = wall  # Unix seconds, as the ledger has it
        self._hosts: dict[str, _Host] = {}
        self._ready: deque[_Host] = deque()
        self._waiting: list[tuple[float, int, _Host]] = []  # a heap; void where the time is not the host's listed_at
        self._serial = 0
        self._leaving: dict[int, _Host] = {}

    def load(self) -> None:
        """Find the hosts that have something queued."""
        for name in self._ledger.queued_hosts():
            self._list(self._host(name))

    @property
    def pending(self) -> bool:
        """Whether anything is queued, ready or not, that was committed."""
        return any(host.pending for host in self._hosts.values())

    def pending_before(self, at: float) -> bool:
        """The same, without the hosts that are parked for longer."""
        waiting = filter(self._waits, self._hosts.values())
        return any(self._politeness.parked_until(host.name) <= at for host in waiting)

    def parked(self) -> dict[str, float]:
        """Hosts that are parked and have something queued, with the seconds that remain."""
        parked = self._politeness.parked(self._clock())
        return {name: left for name, left in parked.items() if name in self._hosts and self._hosts[name].pending}

    @property
    def next_at(self) -> float:
        """When the next host's turn comes; infinity when only requests in flight can make one ready."""
        while self._waiting and self._waiting[0][0] != self._waiting[0][2].listed_at:
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else math.inf

    def take(self, wanted: Callable[[FrontierRow], bool]) -> FrontierRow | None:
        """The best URL of the next host that may be asked and whose best URL is wanted; it is leaving now."""
        now = self._clock()
        while self.next_at <= now:
            host = heapq.heappop(self._waiting)[2]
            host.listed_at = -math.inf
            self._ready.append(host)
        unwanted: list[_Host] = []
        taken = None
        while self._ready and taken is None:
            host = self._ready.popleft()
            host.listed_at = math.inf
            if host.left_alone:
                continue
            if self._politeness.ready(host.name, now) and (host.stale or not host.rows):
                self._read(host)
            if not host.rows or not self._politeness.ready(host.name, now):
                self._list(host, now)  # by another now it may be ready, and be looked at here for ever
            elif not wanted(host.rows[0]):
                unwanted.append(host)
            else:
                taken = host.rows.popleft()
                host.leaving.add(taken.url_id)
                self._leaving[taken.url_id] = host
        for host in unwanted:
            host.listed_at = -math.inf
            self._ready.append(host)
        return taken

    def _waits(self, host: _Host) -> bool:
        """Whether it has something queued: what was found again may be done, and a parking waited for in vain."""
        if host.pending and not host.rows and not host.whole:
            self._read(host)
        return host.pending

    def leave_alone(self, name: str) -> None:
        """This run asks no more of the host; what is queued waits for the next one."""
        self._host(name).left_alone = True

    def queued(self, name: str, priority: float) -> None:
        """A URL of this host was committed to the queue."""
        host = self._host(name)
        host.whole = False
        host.stale = host.stale or (bool(host.rows) and priority > host.rows[-1].priority)
        self._list(host)

    def left(self, url_id: int) -> None:
        """The ledger knows now that this URL was handed out."""
        host = self._leaving.pop(url_id, None)
        if host is not None:
            host.leaving.discard(url_id)

    def recheck(self, name: str) -> None:
        """Politeness thinks otherwise of this host: a request has ended."""
        if name in self._hosts:
            self._list(self._hosts[name])

    def _host(self, name: str) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(name)
        return host

    def _list(self, host: _Host, now: float | None = None) -> None:
        """Put the host where its turn will be found, unless an earlier turn is listed; ``now`` is the caller's."""
        if not host.pending:
            return
        now, at = self._clock() if now is None else now, self._politeness.next_at(host.name)
        if host.whole and not host.rows:
            at = max(at, host.later)
        if at <= now:
            at = -math.inf
        if at >= host.listed_at:
            return
        host.listed_at = at
        if at == -math.inf:
            self._ready.append(host)
        else:
            self._serial += 1
            heapq.heappush(self._waiting, (at, self._serial, host))

    def _read(self, host: _Host) -> None:
        """Read the head of the queue again. What is leaving still stands in it and is passed over.

        Where each page brings better URLs (the newest go first), a long head would be read again and again.
        """
        host.batch = AT_FIRST if host.stale else min(2 * host.batch, PER_HOST)
        limit = max(AT_LEAST, min(host.batch, IN_ALL // len(self._hosts))) + len(host.leaving)
        wall = self._wall()
        rows = self._ledger.queued(host.name, limit, wall)
        host.rows = deque(row for row in rows if row.url_id not in host.leaving)
        host.whole, host.stale, host.later = len(rows) < limit, False, math.inf
        if host.whole and (waits := self._ledger.next_not_before(host.name, wall)) is not None:
            host.later = self._clock() + waits - wall
