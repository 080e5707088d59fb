"""The ledger's versions and events in the order of their commits: what ``scrapy new`` and ``scrapy export`` go by.

A connection of its own that only reads; it may be used while a crawl runs. Positions only grow: what is committed
later has a higher one, so whoever has seen all up to one position misses nothing and sees nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crawler import sqlite
from crawler.exclusions import NOTHING, Hidden
from crawler.ledger import LedgerError
from crawler.ledger_files import LEDGER
from crawler.ledger_schema import MIGRATIONS
from crawler.rowfiles import RowPlace

PIECE = 500  # changes read at once
NEW, CHANGED = "new", "changed"
KINDS = (NEW, CHANGED, "gone", "back", "moved", "soft404", "wall")

# The place is that of the row, of an event that of the newest row.
_CHANGES = """SELECT v.position, CASE WHEN v.version = 1 THEN 'new' ELSE 'changed' END, v.captured_at, v.article_id,
    a.url, v.run, v.version, a.version, v.row_id, v.file, v.file_offset, v.length, NULL, NULL, v.record_id
FROM versions v JOIN articles a ON a.article_id = v.article_id WHERE v.position > ? AND v.position <= ?
UNION ALL
SELECT e.position, e.kind, e.at, e.article_id, e.url, e.run, a.version, a.version, v.row_id, v.file, v.file_offset,
    v.length, e.event_id, e.status, e.record_id
FROM events e JOIN articles a ON a.article_id = e.article_id
    JOIN versions v ON v.article_id = a.article_id AND v.version = a.version
WHERE e.position > ? AND e.position <= ?
ORDER BY 1 LIMIT ?"""
_VISITS = """SELECT c.record_id, u.article_id, c.url, c.captured_at, c.status, c.record_type, c.original_id,
    c.payload_digest, c.truncated, c.run
FROM captures c JOIN urls u ON u.url_id = c.url_id"""
_OUTCOMES = """SELECT host, state, CASE WHEN state = 'redirected' THEN '' ELSE COALESCE(reason, '') END, COUNT(*)
FROM frontier WHERE kind IN ('article', 'related') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""


@dataclass(frozen=True, slots=True)
class Change:
    """A version of an article, or something that happened to it."""

    position: int
    kind: str  # one of KINDS
    at: str  # UTC text: when it was captured
    article_id: str
    url: str
    run: str
    version: int
    newest: int  # number of the article's newest version
    row: RowPlace  # of that version; of an event the newest row
    event_id: str | None
    status: int | None  # of an event
    record_id: str | None

    @property
    def is_version(self) -> bool:
        """Else it is an event; of these, ``changed`` only says what its version says."""
        return self.event_id is None


class Visited(NamedTuple):
    """A visit of an address of the frontier."""

    record_id: str
    article_id: str | None
    url: str
    at: str
    status: int | None
    record_type: str
    original_id: str | None
    payload_digest: str | None
    truncated: str | None
    run: str


class ChangeTable:
    """SQL behind names; what is ``hidden`` is in no answer but in numbers.

    Raises sqlite3.Error when the ledger cannot be read, LedgerError when it is an older one.
    """

    def __init__(self, archive: Path, hidden: Hidden = NOTHING) -> None:
        self.hidden = hidden
        self._db = sqlite.open_reader(archive / LEDGER)
        known = dict(self._db.execute("SELECT key, value FROM meta").fetchall())
        if int(known["schema"]) != len(MIGRATIONS):
            self._db.close()
            raise LedgerError("another version of this program made it; a crawl brings an older one up to date")
        self.order = str(known["order"])  # names this order of commits; another one after a ledger was lost

    def __enter__(self) -> ChangeTable:
        return self

    def __exit__(self, *error: object) -> None:
        self._db.close()

    def end(self) -> int:
        """The last position that is committed."""
        return int(self._db.execute("SELECT value FROM meta WHERE key = 'position'").fetchone()[0])

    def changes(self, after: int, until: int) -> Iterator[Change]:
        """Changes behind the position ``after``, up to ``until``, in order."""
        while rows := self._db.execute(_CHANGES, (after, until, after, until, PIECE)).fetchall():
            for row in rows:
                change = Change(*(*row[:8], RowPlace(*row[8:12]), *row[12:]))
                if not self.hidden.hides(change.article_id, change.url):
                    yield change
            after = int(rows[-1][0])

    def one_moment(self) -> AbstractContextManager[None]:
        """All questions in the block are answered from the ledger as it is at the first."""
        return sqlite.one_moment(self._db)

    def visits(self) -> Iterator[Visited]:
        """Every capture of an address of the frontier, in no order."""
        visits = map(Visited._make, self._db.execute(_VISITS))
        yield from (visit for visit in visits if not self.hidden.hides(visit.article_id, visit.url))

    def link_files(self) -> Iterator[tuple[str, str, int]]:
        """Files of ``links/``: path, job, and the length that is committed."""
        yield from self._db.execute("SELECT path, run, length FROM files WHERE kind = 'links' ORDER BY path")

    def outcomes(self) -> Iterator[tuple[str, str, str, int]]:
        """Of the article addresses of the frontier: host, state, reason (of a redirect none), how many."""
        yield from self._db.execute(_OUTCOMES)

    def states(self) -> Iterator[tuple[str, int]]:
        """How many articles are live, gone …"""
        yield from self._db.execute("SELECT state, COUNT(*) FROM articles GROUP BY state ORDER BY state")

    def copies(self) -> Iterator[tuple[str, int]]:
        """How many articles are known to be taken from another one, by how it was found."""
        yield from self._db.execute("SELECT how, COUNT(*) FROM sources GROUP BY how ORDER BY how")

    def place_of(self, article_id: str, version: int) -> RowPlace | None:
        """Where the row of a version stands."""
        query = "SELECT row_id, file, file_offset, length FROM versions WHERE article_id = ? AND version = ?"
        row = self._db.execute(query, (article_id, version)).fetchone()
        return None if row is None else RowPlace(*row)

    def first_captures(self, since: str) -> Iterator[tuple[str, str]]:
        """Id and first capture of the articles that are new since then (UTC text)."""
        query = "SELECT article_id, captured_at FROM versions WHERE version = 1 AND captured_at >= ?"
        yield from self._db.execute(query, (since,))
