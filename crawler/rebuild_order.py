"""The order of commits in a ledger that is made again: no file holds it, so it is taken over from the old ledger."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from crawler import sqlite
from crawler.ledger_schema import NUMBER_BY_TIME

logger = logging.getLogger(__name__)

_SAME = {  # of the old ledger, of the new one: a row or an event is known by what it says, wherever it stands
    "versions": "UPDATE versions SET position = ? WHERE article_id = ? AND version = ? AND row_id = ?",
    "events": "UPDATE events SET position = ? WHERE event_id = ?",
}
_OLD = {
    "versions": "SELECT position, article_id, version, row_id FROM versions",
    "events": "SELECT position, event_id FROM events",
}


def keep_order(db: sqlite3.Connection, old: Path) -> bool:
    """Give every version and event the position that it had, and what is new ones behind them; readers then go on.

    False when there is no old ledger that can be read: then they are numbered by time, in an order of its own.
    """
    try:
        with sqlite.transaction(db):
            _take_over(db, old)
    except (sqlite3.Error, OSError, ValueError) as error:
        logger.info("The order of commits is not taken over: %s", error)
        for statement in NUMBER_BY_TIME:
            db.execute(statement)
        return False
    return True


def _take_over(db: sqlite3.Connection, old: Path) -> None:
    if not old.exists():
        raise ValueError(f"no {old}")
    with closing(sqlite.open_reader(old)) as before:
        known = dict(before.execute("SELECT key, value FROM meta WHERE key IN ('order', 'position')").fetchall())
        if len(known) < 2:
            raise ValueError(f"{old} has none")
        last = int(known["position"])
        for table in _SAME:
            db.execute(f"UPDATE {table} SET position = position + ?", (last,))
            db.executemany(_SAME[table], before.execute(_OLD[table]))
    db.execute("UPDATE meta SET value = CAST(CAST(value AS BIGINT) + ? AS TEXT) WHERE key = 'position'", (last,))
    db.execute("UPDATE meta SET value = ? WHERE key = 'order'", (known["order"],))
