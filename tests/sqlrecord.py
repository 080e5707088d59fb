"""Runs a module as its command line would, and notes every statement that the crawler gives SQLite.

    python -m tests.sqlrecord [--once] FILE scrapy crawl baoquocte -s CONTACT=t@example.org

FILE grows by one pickled ``Statement`` for each, in the order in which they took effect; with ``--once`` by the first
one of each text, which is cheap.
"""

from __future__ import annotations

import os
import pickle
import runpy
import sqlite3
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

PROGRAM = str(Path(__file__).resolve().parent.parent / "crawler")


class Statement(NamedTuple):
    """What SQLite was told: a statement with its values, and how many rows it changed (-1: not counted)."""

    database: str  # path of the file
    sql: str
    values: Any  # a tuple, or a dictionary of named ones
    changed: int


class Recording(sqlite3.Connection):
    """A connection that writes down what it does."""

    into: BinaryIO
    noted: set[str] | None = None  # texts that are not noted again
    turn = threading.Lock()  # statements stand in the file in the order in which they took effect

    def __init__(self, database: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(database, *arguments, **named)
        path = os.fsdecode(database).removeprefix("file://").partition("?")[0]
        self._database = str(Path(path).absolute())

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        with self.turn:
            cursor = super().execute(sql, values)
            self._note(sql, values, cursor.rowcount)
        return cursor

    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        rows = list(rows)
        with self.turn:
            cursor = super().executemany(sql, rows)
            for values in rows:
                self._note(sql, values, -1)
        return cursor

    def _note(self, sql: str, values: Any, changed: int) -> None:
        if self.noted is not None and sql in self.noted:
            return
        if not sys._getframe(2).f_code.co_filename.startswith(PROGRAM):
            return  # a test's own
        if self.noted is not None:
            self.noted.add(sql)
        values = values if isinstance(values, dict) else tuple(values)
        pickle.dump(Statement(self._database, sql, values, changed), self.into)
        self.into.flush()


def recorded(path: Path) -> Iterator[Statement]:
    """What a run has noted."""
    with path.open("rb") as file:
        while True:
            try:
                yield Statement(*pickle.load(file))
            except EOFError:
                return


def main() -> None:
    once = sys.argv[1] == "--once"
    path, module, *arguments = sys.argv[1 + once :]
    Recording.noted = set() if once else None
    with Path(path).open("ab") as file:
        Recording.into = file
        sqlite3.connect = partial(sqlite3.connect, factory=Recording)  # type: ignore[assignment]
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    # Pickled under this module's own name, whichever name it runs under.
    import tests.sqlrecord as own

    own.main()
