"""A thread that does the work of one inbox in its order, gathers it into groups, and stops at the first disk trouble.

_put(what, …) ─► inbox ─► _do_<what>(…)          a group ends when it is full, 0.2 s after its first work,
_ask(what, …)  ─► inbox ─► _do_<what>(…) ─► Future      or at once after ``hurry``: then _commit()
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import monotonic
from typing import Any

from crawler.ledger import LedgerError
from crawler.ledger_ops import Scope
from crawler.trouble import OutputTrouble, trouble_of

logger = logging.getLogger(__name__)

GROUP_SECONDS = 0.2
DISK = (OSError, EOFError, sqlite3.Error, LedgerError, OutputTrouble)  # what ends all further writing


class WriterThread(ABC):
    """The thread. A subclass has a ``_do_`` method for each kind of work, and says what opens, commits and closes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.on_trouble: Callable[[OutputTrouble], None] = lambda trouble: None
        self._thread = threading.Thread(target=self._serve, name="archive-writer", daemon=True)
        self._inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._ready: Future[Scope] = Future()
        self._trouble: OutputTrouble | None = None
        self._group_began: float | None = None
        self._group_seconds = 0.0  # the first work, the seeds, is committed at once: nothing is fetched before

    # --- What it works on -------------------------------------------------------------------------------------

    @abstractmethod
    def _open(self) -> Scope:
        """First of all, in the thread."""

    @abstractmethod
    def _begin(self) -> None:
        """What nobody waits for when the thread is started."""

    @property
    @abstractmethod
    def _group_is_full(self) -> bool:
        """Whether the group is committed without waiting for more."""

    @abstractmethod
    def _commit(self) -> None:
        """End the group."""

    @abstractmethod
    def _do_close(self, *args: Any, **kwargs: Any) -> Any:
        """The last work, done after trouble too."""

    # --- From other threads -----------------------------------------------------------------------------------

    def open(self) -> Scope:
        """Start the thread; the scope that this run works on. Raises OutputTrouble, ledger errors included."""
        self._thread.start()
        return self._ready.result()

    def hurry(self) -> None:
        """Do not wait for more before the next commit: somebody waits for it."""
        self._put("hurry")

    def _put(self, what: str, *values: Any) -> None:
        self._inbox.put((what, None, *values))

    def _ask(self, what: str, *values: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        self._inbox.put((what, answer, *values))
        return answer

    # --- The thread -------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Serve the inbox until ``close``."""
        try:
            scope = self._open()
        except DISK as error:
            self._ready.set_exception(trouble_of(error, self.folder))
            return
        except Exception as error:  # noqa: BLE001 - raised again where the store is opened
            self._ready.set_exception(error)
            return
        self._ready.set_result(scope)
        self._guarded(None, self._begin)
        while True:
            message = self._next()
            if message is None:
                self._guarded(None, self._commit)
                continue
            what, answer, *values = message
            self._guarded(answer, getattr(self, f"_do_{what}"), *values)
            if what == "close":
                return
            if self._group_is_full:
                self._guarded(None, self._commit)

    def _next(self) -> tuple[Any, ...] | None:
        """The next message; None when the group has waited long enough."""
        if self._group_began is None:
            return self._inbox.get()
        try:
            return self._inbox.get(timeout=max(0.0, self._group_began + self._group_seconds - monotonic()))
        except queue.Empty:
            return None

    def _guarded(self, answer: Future[Any] | None, work: Callable[..., Any], *values: Any) -> None:
        """Do one piece of work; the first trouble with the disk ends all further writing."""
        try:
            if self._trouble is not None and work != self._do_close:
                raise OutputTrouble(*self._trouble.args)
            result = work(*values)
        except Exception as error:
            if isinstance(error, DISK) or answer is None:
                error = OutputTrouble(*self._in_trouble(error).args)  # each that waits raises one of its own
            else:
                logger.exception("The writer could not do its work")
            if answer is not None:
                answer.set_exception(error)
        else:
            if answer is not None:
                answer.set_result(result)

    def _in_trouble(self, error: Exception) -> OutputTrouble:
        """Write nothing more, and tell it the first time."""
        if self._trouble is None:
            if not isinstance(error, DISK):
                logger.critical("The writer could not do its work", exc_info=error)
            self._trouble = trouble_of(error, self.folder)
            self._group_began = None
            self.on_trouble(self._trouble)
        return self._trouble

    def _do_hurry(self) -> None:
        if self._group_began is not None:
            self._group_seconds = 0.0

    def _group_is_over(self) -> None:
        self._group_began = None
        self._group_seconds = GROUP_SECONDS

    def _touch(self) -> None:
        if self._group_began is None:
            self._group_began = monotonic()
