"""The ledger's tables ``texts``, ``bands`` and ``sources``: which article republishes which, and what waits to be told.

A text has a role. An ``original`` may be republished; a ``copy`` names no address of its source, so its text is to be
compared; a ``line`` names an address that is not archived; an ``edition`` waits for the source of what it translates;
a ``settled`` one has a source.
What a commit brings marks those that wait for it (``pending``), in its own transaction: of two spiders that archive
original and copy at one time the later commit sees the earlier one. The spider of the copy answers the mark.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from crawler.ledger_batch import _each as each
from crawler.ledger_ops import Op, SourceFound, TextCompared, TextKept, Version

ORIGINAL, COPY, LINE, EDITION = "original", "copy", "line", "edition"
HOW = {COPY: "text", LINE: "address", EDITION: "edition"}  # how the source of such a text is found

_EACH_BAND = 16  # texts looked at in one band, the newest first: what thousands share is a formula
_CANDIDATES = 4  # texts compared word by word
_MARKED = 512  # texts marked by one statement

COMPARED = """WITH v (article_id, pending) AS (VALUES {}) UPDATE texts SET pending = 0 FROM v
WHERE texts.article_id = v.article_id AND texts.pending = v.pending"""

TEXT = """INSERT INTO texts (article_id, spider, role, waits_for, pending) VALUES {}
ON CONFLICT (article_id) DO UPDATE SET role = excluded.role, waits_for = excluded.waits_for,
    pending = excluded.pending"""

BAND = """INSERT INTO bands (band, text_id)
WITH v (band, article_id) AS (VALUES {}) SELECT v.band, t.text_id FROM v JOIN texts t ON t.article_id = v.article_id
WHERE true
ON CONFLICT (band, text_id) DO NOTHING"""

MARK_LIKE = """WITH v (band) AS (VALUES {}) UPDATE texts SET pending = pending + 1
WHERE role = ? AND text_id IN (SELECT b.text_id FROM v JOIN bands b ON b.band = v.band LIMIT ?)"""

MARK_WAITING = """WITH v (article_id) AS (VALUES {}) UPDATE texts SET pending = pending + 1
WHERE waits_for IN (SELECT article_id FROM v)"""

LINK = """INSERT INTO sources (article_id, source_id, how, found_at, run) VALUES {}
ON CONFLICT (article_id) DO UPDATE SET source_id = excluded.source_id, how = excluded.how,
    found_at = excluded.found_at, run = excluded.run
WHERE sources.source_id <> excluded.source_id"""

SETTLE = """WITH v (article_id) AS (VALUES {}) UPDATE texts SET role = 'settled', waits_for = NULL, pending = 0
WHERE role <> 'original' AND article_id IN (SELECT article_id FROM v)"""


class Waiting(NamedTuple):
    """A text of this spider whose source is to be looked for."""

    article_id: str
    role: str
    waits_for: str | None
    pending: int  # marks that this look answers


class Link(NamedTuple):
    """An article and where it was taken from."""

    article_id: str
    source_id: str
    how: str  # address, text or edition
    at: str  # UTC text


class SourceTable:
    """Questions, over a connection of the ledger's."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def source_of(self, article_id: str) -> Link | None:
        """Where an article was taken from, as far as it is known."""
        query = "SELECT article_id, source_id, how, found_at FROM sources WHERE article_id = ?"
        row = self._db.execute(query, (article_id,)).fetchone()
        return None if row is None else Link(*row)

    def copies_of(self, article_id: str, limit: int = 100) -> list[Link]:
        """Articles that were taken from this one, those found first first."""
        query = """SELECT article_id, source_id, how, found_at FROM sources WHERE source_id = ?
            ORDER BY found_at, article_id LIMIT ?"""
        return [Link(*row) for row in self._db.execute(query, (article_id, limit))]

    def role_of(self, article_id: str) -> str | None:
        row = self._db.execute("SELECT role FROM texts WHERE article_id = ?", (article_id,)).fetchone()
        return None if row is None else str(row[0])

    def originals_like(self, bands: Sequence[int]) -> list[str]:
        """Ids of originals that share bands with a text, those that share most first."""
        if not bands:
            return []
        one = "SELECT * FROM (SELECT text_id FROM bands WHERE band = ? ORDER BY text_id DESC LIMIT ?) newest"
        query = f"""SELECT t.article_id FROM ({" UNION ALL ".join([one] * len(bands))}) b
            JOIN texts t ON t.text_id = b.text_id
            GROUP BY t.text_id, t.article_id ORDER BY COUNT(*) DESC, t.text_id LIMIT ?"""
        values = [value for band in bands for value in (band, _EACH_BAND)]
        return [str(row[0]) for row in self._db.execute(query, (*values, _CANDIDATES))]

    def waiting(self, spider: str, limit: int) -> list[Waiting]:
        """Texts of a spider that something was archived for."""
        query = """SELECT article_id, role, waits_for, pending FROM texts WHERE spider = ? AND pending > 0
            ORDER BY text_id LIMIT ?"""
        return [Waiting(*row) for row in self._db.execute(query, (spider, limit))]


def write_sources(db: sqlite3.Connection, ops: Sequence[Op]) -> None:
    """Write what a batch says of texts and sources, and mark the texts that waited for any of it."""
    kept = [op for op in ops if isinstance(op, TextKept)]
    found = [op for op in ops if isinstance(op, SourceFound)]
    news = [op.article_id for op in ops if isinstance(op, Version)]
    each(db, COMPARED, [(op.article_id, op.pending) for op in ops if isinstance(op, TextCompared)])
    texts = {text.article_id: text for text in kept}.values()
    each(db, TEXT, [(t.article_id, t.spider, t.role, t.waits_for, int(t.role != ORIGINAL)) for t in texts])
    # Bands of copies are stored as their complements, so that neither role finds its own.
    each(db, BAND, [(~band if t.role == COPY else band, t.article_id) for t in texts for band in t.bands])
    each(db, MARK_LIKE, [(~band,) for t in texts if t.role == ORIGINAL for band in t.bands], COPY, _MARKED)
    links = {op.article_id: op for op in found}.values()
    each(db, LINK, [(op.article_id, op.source_id, op.how, op.at, op.run) for op in links])
    each(db, SETTLE, [(op.article_id,) for op in links])
    each(db, MARK_WAITING, [(article_id,) for article_id in dict.fromkeys([*news, *(op.article_id for op in links)])])
