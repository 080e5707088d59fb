"""What the frontier tells the ledger: gathered, handed to the writer in order, and taken back when it is committed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol

from crawler.crawllog import PassedOver
from crawler.engine import Reactor
from crawler.ledger_ops import Add, Op
from crawler.requesting import may_queue

if TYPE_CHECKING:
    from scrapy.utils.asyncio import CallLaterResult

    from crawler.visit import Visit

RECENT = 20_000  # links remembered as told already, so that a link on every page is not told for every page
BUFFER = 512  # operations handed over at once; fewer go in the next turn of the reactor


class Writer(Protocol):
    """What the frontier needs of the store. Operations become true in this order, in one of the next commits."""

    def submit(self, ops: list[Op], applied: Callable[[], None] | None = None) -> None:
        """Apply the operations; ``applied`` is called after the commit, in the writer's thread."""

    def end(self, visit: Visit, ops: list[Op]) -> None:
        """Apply the operations in one commit with what the visit has written."""

    def passed_over(self, urls: list[PassedOver]) -> None:
        """These are not fetched."""

    def hurry(self) -> None:
        """Commit what there is as soon as possible."""


class Outbox:
    """Operations on their way. ``committed`` is called in the reactor's thread with those of each commit, in order."""

    def __init__(
        self, writer: Writer, reactor: Reactor, committed: Callable[[list[Op]], None], count: Callable[[str], None]
    ) -> None:
        self.behind = 0  # operations told and not committed
        self.promising = 0  # those of them that may put something into a queue
        self._writer = writer
        self._reactor = reactor
        self._take = committed
        self._count = count
        self._buffer: list[Op] = []  # told, not handed over yet
        self._flushing: CallLaterResult | None = None
        self._committed: deque[list[Op]] = deque()  # by the writer, not taken yet
        self._recent: OrderedDict[tuple[bytes, str | None, str | None], int] = OrderedDict()

    def tell(self, add: Add) -> bool:
        """Tell of a URL, unless that is no news."""
        news = self.is_news(add)
        if news:
            self.push(add)
        return news

    def is_news(self, add: Add) -> bool:
        """Whether the ledger has to hear of it: not when this run has told the same a short while ago."""
        key, priority = (add.fingerprint, add.channel, add.source), add.priority if add.wanted else -1
        told = self._recent.get(key)
        if told is not None and told >= priority:
            self._recent.move_to_end(key)
            self._count("scheduler/seen")
            return False
        self._recent[key] = priority
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        self._count("scheduler/enqueued" if add.wanted else "scheduler/noted")
        return True

    def push(self, op: Op) -> None:
        """Tell of anything else."""
        self._note([op])
        self._buffer.append(op)
        if len(self._buffer) >= BUFFER:
            self.flush()
        elif self._flushing is None:
            self._flushing = self._reactor.later(0, self.flush)

    def end(self, visit: Visit, ops: list[Op]) -> None:
        """Tell of the end of a visit, after what was told before."""
        self.flush()
        self._note(ops)
        self._writer.end(visit, ops)
        self._writer.submit([], partial(self._tell_committed, ops))

    def flush(self) -> None:
        """Hand over what was told."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self._buffer:
            ops, self._buffer = self._buffer, []
            self._writer.submit(ops, partial(self._tell_committed, ops))

    def _note(self, ops: list[Op]) -> None:
        self.behind += len(ops)
        self.promising += sum(map(may_queue, ops))

    def _tell_committed(self, ops: list[Op]) -> None:
        """In the writer's thread: these operations are committed. One call of the reactor takes those of a commit."""
        self._committed.append(ops)
        if len(self._committed) == 1:
            self._reactor.from_thread(self._take_committed)

    def _take_committed(self) -> None:
        committed: list[Op] = []
        while self._committed:
            committed += self._committed.popleft()
        self.behind -= len(committed)
        self.promising -= sum(map(may_queue, committed))
        self._take(committed)
