"""What an export takes, noted on disk before anything is written, so that memory stays flat for millions of rows.

    order of commits ─► rows that are wanted ─► plan (site, month, where the row stands) ─► one file after the other

Everything that an export holds of an article goes through ``Plan.take_changes``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from crawler import sqlite
from crawler.dates import HANOI
from crawler.events import EVENT_SCHEMA
from crawler.handing import LineFilter
from crawler.rowfiles import RowFiles
from crawler.serialize import to_line
from crawler.silence import site_of
from crawler.telling import begin_of
from crawler.urls import registered_domain
from warc.writer import OPEN

if TYPE_CHECKING:
    from crawler.exclusions import Hidden
    from crawler.export_card import Card
    from crawler.ledger_changes import Change, ChangeTable, Visited

UNDATED = "undated"
_TABLES = (
    """CREATE TEMP TABLE plan_rows (n INTEGER PRIMARY KEY, site TEXT, month TEXT, newest INTEGER, row_id TEXT,
        visit_id TEXT, run TEXT, version INTEGER, digest TEXT, file TEXT, place BIGINT, length BIGINT)""",
    "CREATE TEMP TABLE plan_links (n INTEGER, file TEXT, place BIGINT, length BIGINT)",
    "CREATE TEMP TABLE plan_lines (n INTEGER PRIMARY KEY, name TEXT, site TEXT, month TEXT, line BLOB)",
    "CREATE TEMP TABLE plan_told (record_id TEXT, kind TEXT)",
    "CREATE INDEX plan_rows_by_month ON plan_rows (site, month)",
    "CREATE INDEX plan_rows_by_id ON plan_rows (row_id)",
    "CREATE INDEX plan_rows_by_visit ON plan_rows (visit_id)",
    "CREATE INDEX plan_links_of ON plan_links (n)",
    "CREATE INDEX plan_lines_by_month ON plan_lines (name, site, month)",
    "CREATE INDEX plan_told_by_record ON plan_told (record_id)",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wanted: changes behind ``after`` up to ``until``, in the order of commits."""

    after: int
    until: int
    since: date | None = None  # captured on this day in +07:00 or later
    tag: str | None = None  # key or name of a tag of the article
    latest: bool = False  # only newest versions


class Plan:
    """On scratch space. Raises sqlite3.Error and OSError."""

    def __init__(self, archive: Path, choice: Choice, hidden: Hidden) -> None:
        self._lines = LineFilter(hidden) if hidden else None
        self._archive = archive
        self._choice = choice
        self.counts: Counter[str] = Counter()
        self._db = sqlite.open_scratch()
        for statement in _TABLES:
            self._db.execute(statement)

    def close(self) -> None:
        self._db.close()

    def take_changes(self, table: ChangeTable, files: RowFiles, card: Card) -> None:
        """Note the rows and events that are wanted."""
        choice, first = self._choice, begin_of(self._choice.since) if self._choice.since else ""
        with sqlite.transaction(self._db):
            for change in table.changes(choice.after, choice.until):
                if change.at < first:
                    continue
                row = files.row(change.row) if change.is_version or choice.tag else None
                if row is None and (change.is_version or choice.tag):
                    self.counts["rows that are not there"] += change.is_version
                elif choice.tag and not _has_tag(row or {}, choice.tag):
                    self.counts["without the tag"] += change.is_version
                elif row is not None and change.is_version:
                    self._take_row(change, row, card)
                else:
                    self._take_event(change)

    def _take_row(self, change: Change, row: dict[str, Any], card: Card) -> None:
        newest = change.version == change.newest
        place, visit_id = change.row, row["warc"]["revisit_id"] or row["warc"]["record_id"]
        if self._choice.latest and not newest:
            self.counts["older versions"] += 1
            self._db.execute("INSERT INTO plan_told VALUES (?, ?)", (visit_id, change.kind))
            return
        month = (row["published_date"] or UNDATED)[:7]
        known = (row["row_id"], visit_id, row["run"], row["version"])
        values = (
            row["site"],
            month,
            int(newest),
            *known,
            row["content_digest"],
            place.file,
            place.offset,
            place.length,
        )
        self._db.execute(
            "INSERT INTO plan_rows (site, month, newest, row_id, visit_id, run, version, digest, file, place, length)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        self.counts["rows"] += 1
        card.take(row, month, newest)

    def _take_event(self, change: Change) -> None:
        event = {
            "schema": EVENT_SCHEMA,
            "event_id": change.event_id,
            "id": change.article_id,
            "url": change.url,
            "at": change.at,
            "kind": change.kind,
            "status": change.status,
            "record_id": change.record_id,
            "run": change.run,
        }
        self._add_line("events", site_of(change.article_id), change.at, event)
        self._db.execute("INSERT INTO plan_told VALUES (?, ?)", (change.record_id, change.kind))

    def take_links(self, table: ChangeTable) -> None:
        """Note where the links of the wanted rows stand; only files of jobs that wrote one of them are read."""
        jobs = {job for (job,) in self._db.execute("SELECT DISTINCT run FROM plan_rows")}
        with sqlite.transaction(self._db):
            for file, job, length in table.link_files():
                for row_id, place, size in _blocks(self._archive / file, length) if job in jobs else ():
                    found = self._db.execute("SELECT n FROM plan_rows WHERE row_id = ?", (row_id,)).fetchone()
                    if found:
                        self._db.execute("INSERT INTO plan_links VALUES (?, ?, ?, ?)", (found[0], file, place, size))

    def take_checks(self, table: ChangeTable) -> None:
        """Note every visit, with what came of it; with a tag those of the wanted articles alone."""
        first = begin_of(self._choice.since) if self._choice.since else ""
        with sqlite.transaction(self._db):
            for visit in table.visits():
                if visit.at < first:
                    continue
                outcome = self._outcome(visit)
                if self._choice.tag and outcome not in ("new", "changed"):
                    continue
                site = site_of(visit.article_id) if visit.article_id else registered_domain(visit.url)
                check = {
                    "record_id": visit.record_id,
                    "id": visit.article_id,
                    "site": site,
                    "url": visit.url,
                    "at": visit.at,
                    "outcome": outcome,
                    "status": visit.status,
                    "record_type": visit.record_type,
                    "original_id": visit.original_id,
                    "payload_digest": visit.payload_digest,
                    "run": visit.run,
                }
                self._add_line("checks", site, visit.at, check)

    def _outcome(self, visit: Visited) -> str:
        row = self._db.execute("SELECT version FROM plan_rows WHERE visit_id = ?", (visit.record_id,)).fetchone()
        if row:
            return "new" if row[0] == 1 else "changed"
        told = self._db.execute("SELECT kind FROM plan_told WHERE record_id = ?", (visit.record_id,)).fetchone()
        if told:
            return str(told[0])
        status = visit.status or 0
        if visit.truncated:
            return "truncated"
        if status == 304:
            return "not_modified"
        if 300 <= status < 400:
            return "redirect"
        if status != 200:
            return "error"
        if visit.record_type == "revisit":
            return "same_payload"
        return "unchanged" if visit.article_id else "page"

    def _add_line(self, name: str, site: str, at: str, value: dict[str, Any]) -> None:
        month = datetime.fromisoformat(at).astimezone(HANOI).strftime("%Y-%m")
        self._db.execute(
            "INSERT INTO plan_lines (name, site, month, line) VALUES (?, ?, ?, ?)", (name, site, month, to_line(value))
        )
        self.counts[name] += 1

    # --- What was taken ---------------------------------------------------------------------------------------

    def partitions(self, table: str) -> list[tuple[str, str]]:
        """Sites and months that the table has something of."""
        sql = {
            "articles": "SELECT DISTINCT site, month FROM plan_rows",
            "articles_latest": "SELECT DISTINCT site, month FROM plan_rows WHERE newest = 1",
            "links": "SELECT DISTINCT r.site, r.month FROM plan_links l JOIN plan_rows r ON r.n = l.n",
        }.get(table, "SELECT DISTINCT site, month FROM plan_lines WHERE name = ?")
        found = self._db.execute(f"{sql} ORDER BY 1, 2", (table,) if "?" in sql else ()).fetchall()
        return [(str(site), str(month)) for site, month in found]

    def lines(self, table: str, site: str, month: str, files: RowFiles) -> Iterator[bytes]:
        """The lines of one table, site and month, in the order of commits, without what is hidden in them."""
        shown = self._lines.of(table) if self._lines else None
        lines = self._stored(table, site, month, files)
        yield from lines if shown is None else filter(None, map(shown, lines))

    def _stored(self, table: str, site: str, month: str, files: RowFiles) -> Iterator[bytes]:
        if table in ("events", "checks"):
            query = "SELECT line FROM plan_lines WHERE name = ? AND site = ? AND month = ? ORDER BY n"
            yield from (line for (line,) in self._db.execute(query, (table, site, month)))
            return
        if table == "links":
            query = """SELECT l.file, l.place, l.length FROM plan_links l JOIN plan_rows r ON r.n = l.n
                WHERE r.site = ? AND r.month = ? ORDER BY l.n, l.place"""
        else:
            newest = " AND newest = 1" if table == "articles_latest" else ""
            query = f"SELECT file, place, length FROM plan_rows WHERE site = ? AND month = ?{newest} ORDER BY n"
        for file, place, length in self._db.execute(query, (site, month)):
            yield from (files.line(file, place, length) or b"").splitlines(keepends=True)

    def same_texts(self) -> int:
        """Newest rows whose text another article has too."""
        query = "SELECT COUNT(*) - COUNT(DISTINCT digest) FROM plan_rows WHERE newest = 1"
        return int(self._db.execute(query).fetchone()[0])


def _has_tag(row: dict[str, Any], tag: str) -> bool:
    return any(tag in (one["key"], one["name"]) for one in row["tags"])


def _blocks(path: Path, committed: int) -> Iterator[tuple[str, int, int]]:
    """Row id, offset and length of the lines that belong together, as far as the file is committed."""
    at, start, current = 0, 0, ""
    with (path if path.exists() else path.with_name(path.name + OPEN)).open("rb") as file:
        for line in file:
            if at + len(line) > committed:
                break
            row_id = orjson.loads(line)["row_id"]
            if row_id != current:
                if at > start:
                    yield current, start, at - start
                start, current = at, row_id
            at += len(line)
    if at > start:
        yield current, start, at - start
