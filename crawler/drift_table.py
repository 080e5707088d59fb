"""The ledger's tables of the drift alarm: history, windows, what has fallen, and the rows in quarantine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, fields
from typing import Any

from crawler.drift import History
from crawler.ledger_ops import Drift, DriftCounts, DriftForget, DriftState, DriftWindow, Quarantined, Returned
from crawler.template import Seen

Insert = Callable[[sqlite3.Connection, str, list[tuple[Any, ...]], str], int]

FELL, ACCEPTED = "fell", "accepted"

_KEY = "spider = ? AND site = ? AND template = ?"
_STATE = ", ".join(one.name for one in fields(DriftState))
_QUARANTINED = ", ".join(one.name for one in fields(Quarantined)).replace("offset", "file_offset")


class DriftTable:
    """Questions; raises sqlite3.Error when the ledger cannot be read."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def templates(self, spider: str | None = None) -> list[tuple[str, str, str]]:
        """Spider, site and name of every template that is known."""
        query = """SELECT spider, site, template FROM drift_history UNION SELECT spider, site, template
            FROM drift_window ORDER BY 1, 2, 3"""
        return [row for row in self._db.execute(query) if spider in (None, row[0])]

    def history(self, key: tuple[str, str, str]) -> History:
        """Sources of a template's fields, by year."""
        history = History()
        rows = self._db.execute(f"SELECT year, field, source, pages FROM drift_history WHERE {_KEY}", key)
        for year, field, source, pages in rows:
            history.counts.setdefault((year, field), {})[source] = pages
        return history

    def window(self, key: tuple[str, str, str]) -> list[tuple[int, Seen]]:
        """The last pages of a template with their numbers, the oldest first."""
        rows = self._db.execute(f"SELECT number, page FROM drift_window WHERE {_KEY} ORDER BY number", key)
        return [(number, Seen(*json.loads(page))) for number, page in rows]

    def states(self, key: tuple[str, str, str]) -> list[DriftState]:
        """Fields of a template that fell or were accepted."""
        rows = self._db.execute(f"SELECT {_STATE} FROM drift_states WHERE {_KEY} ORDER BY field", key)
        return [DriftState(*(*row[:9], tuple(json.loads(row[9])), *row[10:])) for row in rows]

    def quarantined(self, spider: str | None = None) -> Iterator[Quarantined]:
        """Rows that are in quarantine, in the order of their captures."""
        rows = self._db.execute(
            f"""SELECT {_QUARANTINED} FROM quarantine
            WHERE returned_at IS NULL AND (CAST(? AS TEXT) IS NULL OR spider = ?)
            ORDER BY captured_at, row_id""",
            (spider, spider),
        ).fetchall()
        return (Quarantined(*(*row[:4], tuple(json.loads(row[4])), *row[5:])) for row in rows)

    def spiders_with_open_rows(self) -> list[str]:
        """Spiders with a file of rows that no run has closed."""
        query = "SELECT DISTINCT spider FROM files WHERE closed = 0 AND kind <> 'warc' ORDER BY spider"
        return [str(spider) for (spider,) in self._db.execute(query)]

    def waits(self, article_id: str, content_digest: str) -> bool:
        """Whether a row of this article that says this is in quarantine."""
        query = "SELECT 1 FROM quarantine WHERE article_id = ? AND content_digest = ? AND returned_at IS NULL"
        return self._db.execute(query, (article_id, content_digest)).fetchone() is not None

    def in_quarantine(self, key: tuple[str, str, str]) -> int:
        """How many rows of a template are in quarantine."""
        query = f"SELECT COUNT(*) FROM quarantine WHERE {_KEY} AND returned_at IS NULL"
        return int(self._db.execute(query, key).fetchone()[0])


def write_drift(db: sqlite3.Connection, ops: Sequence[Drift], insert: Insert) -> None:
    """Write operations of the drift alarm inside the caller's transaction; ``insert`` writes many rows at once."""
    for op in ops:
        if isinstance(op, DriftForget):
            query = f"DELETE FROM drift_history WHERE {_KEY} AND field = ?"
            db.execute(query, (op.spider, op.site, op.template, op.field))
        elif isinstance(op, DriftState):
            _set_state(db, op)
        elif isinstance(op, DriftWindow) and op.left:
            query = f"DELETE FROM drift_window WHERE {_KEY} AND number IN ({', '.join('?' * len(op.left))})"
            db.execute(query, (op.spider, op.site, op.template, *op.left))
        elif isinstance(op, Returned):
            query = "UPDATE quarantine SET returned_at = ?, became = ? WHERE row_id = ? AND returned_at IS NULL"
            db.execute(query, (op.at, op.became, op.row_id))
    counted = [
        (op.spider, op.site, op.template, year, field, source, pages)
        for op in ops
        if isinstance(op, DriftCounts)
        for (year, field), counts in op.counts.items()
        for source, pages in counts.items()
    ]
    insert(
        db,
        "drift_history (spider, site, template, year, field, source, pages)",
        counted,
        "ON CONFLICT (spider, site, template, year, field, source) DO UPDATE SET pages = excluded.pages",
    )
    added = [
        (op.spider, op.site, op.template, number, page)
        for op in ops
        if isinstance(op, DriftWindow)
        for number, page in op.added.items()
    ]
    insert(
        db,
        "drift_window (spider, site, template, number, page)",
        added,
        "ON CONFLICT (spider, site, template, number) DO UPDATE SET page = excluded.page",
    )
    rows = [_plain(op) for op in ops if isinstance(op, Quarantined)]
    insert(db, f"quarantine ({_QUARANTINED})", rows, "ON CONFLICT (row_id) DO NOTHING")


def _set_state(db: sqlite3.Connection, op: DriftState) -> None:
    db.execute(f"DELETE FROM drift_states WHERE {_KEY} AND field = ?", (op.spider, op.site, op.template, op.field))
    if op.state is not None:
        values = _plain(op)
        db.execute(f"INSERT INTO drift_states ({_STATE}) VALUES ({', '.join('?' * len(values))})", values)


def _plain(op: DriftState | Quarantined) -> tuple[Any, ...]:
    """The members of an operation, lists as JSON."""
    values = astuple(op)
    return tuple(json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else value for value in values)
