"""The smallest writer thread: operations into the ledger, a commit every so often, no files."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from crawler.ledger import Ledger
from crawler.ledger_ops import Leftovers, Op, Scope
from crawler.visit import Visit

Applied = Callable[[], None]


class LedgerWriter(threading.Thread):
    """Gives the scheduler what it needs of the store."""

    def __init__(self, folder: Path, spider: str, arguments: str = "{}", group_seconds: float = 0.02) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self._spider = spider
        self._arguments = arguments
        self._group_seconds = group_seconds
        self._inbox: queue.SimpleQueue[tuple[list[Op], Applied | None] | None] = queue.SimpleQueue()
        self._opened = threading.Event()
        self.scope: Scope
        self.leftovers: Leftovers
        self.commits = 0

    def open(self) -> Scope:
        self.start()
        self._opened.wait(30)
        return self.scope

    def submit(self, ops: list[Op], applied: Applied | None = None) -> None:
        self._inbox.put((ops, applied))

    def end(self, visit: Visit, ops: list[Op]) -> None:
        self._inbox.put((ops, None))

    def hurry(self) -> None:
        """It commits often enough."""

    def close(self) -> None:
        self._inbox.put(None)
        self.join(60)

    def run(self) -> None:
        ledger = Ledger.open(self.folder / "ledger.sqlite")
        self.scope = ledger.open_scope(self._spider, self._arguments)
        self.leftovers = ledger.recover()
        self._opened.set()
        running = True
        while running:
            running = self._group(ledger)
        ledger.close()

    def _group(self, ledger: Ledger) -> bool:
        """Collect for a while, commit, say so; False when it was the last group."""
        message = self._inbox.get()
        until, ops, calls = monotonic() + self._group_seconds, list[Op](), list[Applied]()
        while message is not None:
            ops += message[0]
            if message[1] is not None:
                calls.append(message[1])
            try:
                message = self._inbox.get(timeout=max(0.0, until - monotonic()))
            except queue.Empty:
                break
        ledger.apply(ops)
        self.commits += 1
        for call in calls:
            call()
        return message is not None
