"""Kills this process at a named step, so that tests can see what a kill right there leaves behind.

    BAOQUAN_CRASH_AT=commit:3 scrapy crawl …       SIGKILL when the third commit is about to become true

Steps, in the order of a page: ``append`` after each record of a capture, ``row`` after the lines of one kind,
``fsync`` before the files are synced, ``commit`` inside the ledger's transaction, ``committed`` behind it; ``close``
before a file gets its name, ``rename`` behind that, ``manifest`` before and behind the lines that name closed files;
``evidence`` before a run's report gets its name, before its meta WARC is ended, and before that one gets its name;
at start-up ``migration`` before each statement that makes or changes tables, ``cut`` before each leftover file,
``recovered`` when all are cut and the ledger does not know it yet. A consumer: ``cursor`` before its cursor is moved,
and before each file that it was given takes its name. A rebuild: ``rebuild`` before each file that is read, ``kept``
when the old ledger is laid aside, ``replaced`` when the new one has its name.
Without the variable a step costs an empty call.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "BAOQUAN_CRASH_AT"
STEPS = frozenset(
    {
        *("append", "row", "fsync", "commit", "committed", "close", "rename", "manifest", "evidence"),
        *("migration", "cut", "recovered", "cursor", "rebuild", "kept", "replaced"),
    }
)

_step, _, _times = os.environ.get(VARIABLE, "").partition(":")
_left = int(_times or 1)


def _pass(step: str) -> None:
    """A step is reached, and nobody asked for a kill."""


def _count(step: str) -> None:
    global _left
    assert step in STEPS, step
    _left -= step == _step
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


at = _count if _step else _pass
