"""What a take-down concerns, and the act itself.

target ─► articles ─► versions, captures, editions, copies, pictures of theirs alone ─► shown (--dry-run) or written
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import sqlite
from crawler.arguments import Arguments
from crawler.dates import utc_text
from crawler.events import event_line
from crawler.exclusions import EXCLUDED, READMITTED, exclusion_line, exclusions_of, is_prefix, prefix_key
from crawler.exports import takers_of
from crawler.ledger_batch import url_hash
from crawler.ledger_files import LEDGER
from crawler.ledger_ops import Event, Exclusion, Op
from crawler.lock import FolderLock
from crawler.rowfiles import RowFiles, RowPlace
from crawler.sites import Sites
from crawler.store import Store
from crawler.urls import canonical_url
from crawler.visit import Visit

if TYPE_CHECKING:
    from scrapy.settings import Settings

ACTOR = "exclude"  # stands where files, runs and locks of a crawl have the spider's name
SCOPE = '{"exclude":true}'
_PICTURES = ("images", "videos")
_ROWS = """SELECT article_id, row_id, file, file_offset, length, record_id, position FROM versions
ORDER BY file, file_offset"""


@dataclass(slots=True)
class Concerned:
    """What is hidden by a take-down, and what it does not hide though somebody may want to know of it."""

    target: str
    article_ids: set[str] = field(default_factory=set)  # also such as are not archived yet
    articles: dict[str, str] = field(default_factory=dict)  # id → title of the newest version
    addresses: list[str] = field(default_factory=list)  # that these articles have been read at
    pictures: list[str] = field(default_factory=list)  # addresses of files that no other article shows
    rows: list[str] = field(default_factory=list)  # row ids
    records: list[str] = field(default_factory=list)  # ids of captures
    editions: list[str] = field(default_factory=list)  # ids of articles in other languages: not hidden
    copies: list[str] = field(default_factory=list)  # ids of articles taken from these: not hidden
    takers: list[str] = field(default_factory=list)  # cursors and exports that were given one of the rows already

    @property
    def anything(self) -> bool:
        return bool(self.articles or self.records)


def concerned_by(folder: Path, target: str, sites: Sites) -> Concerned:
    """Look through the ledger and all rows. ``target``: an id, an address, or a prefix that ends in ``*``."""
    with closing(sqlite.open_reader(folder / LEDGER)) as db, RowFiles(folder) as files:
        found = Concerned(target if is_prefix(target) else canonical_url(target) or target)
        wanted = found.article_ids = _ids(db, found.target, sites)
        others: set[str] = set()
        works: set[str] = set()
        pictures: dict[str, None] = {}
        related: list[tuple[str, str, str | None]] = []
        first = 0
        for article_id, row_id, file, offset, length, record_id, position in db.execute(_ROWS):
            row = files.row(RowPlace(row_id, file, offset, length))
            if row is None:
                continue
            shown = [one["url"] for key in _PICTURES for one in row[key]]
            if article_id not in wanted:
                others.update(shown)
                related.append((article_id, row["work_id"], row["source"]["id"]))
                continue
            found.articles[article_id] = row["title"] or ""
            found.rows.append(row["row_id"])
            found.records.append(record_id)
            first = min(first or position, position)
            works.add(row["work_id"])
            pictures |= dict.fromkeys(shown)
            found.addresses += [row["url"], row["canonical_url"]]
        for article_id in wanted:
            known = db.execute("SELECT url FROM urls WHERE article_id = ?", (article_id,))
            found.addresses += [str(url) for (url,) in known]
        found.addresses = list(dict.fromkeys(found.addresses))
        found.pictures = [url for url in pictures if url not in others]
        found.editions = sorted({one for one, work, _ in related if work in works})
        found.copies = sorted({one for one, _, source in related if source in wanted} - set(found.editions))
        found.takers = takers_of(folder, first) if first else []
        found.records = list(dict.fromkeys([*found.records, *_records(db, found)]))
        return found


def _ids(db: sqlite3.Connection, target: str, sites: Sites) -> set[str]:
    if is_prefix(target):
        begin = prefix_key(target)
        query = "SELECT article_id, url FROM articles"
        return {one for one, url in db.execute(query) if url.partition("://")[2].removeprefix("www.").startswith(begin)}
    if canonical_url(target) is None:
        return {target}
    named = sites.article_at(target)
    query = "SELECT article_id FROM articles WHERE url = ? UNION SELECT article_id FROM urls WHERE url = ?"
    known = {one for (one,) in db.execute(query, (target, target)) if one}
    return known | ({named[0]} if named else set())


def _records(db: sqlite3.Connection, found: Concerned) -> list[str]:
    records = []
    for url in [found.target, *found.addresses, *found.pictures]:
        query = "SELECT record_id FROM captures WHERE url_hash = ? AND url = ?"
        records += [str(one) for (one,) in db.execute(query, (url_hash(url), url))]
    return records


def exclude(
    folder: Path,
    settings: Settings,
    found: Iterable[Concerned],
    job: str,
    reason: str,
    ticket: str | None,
    until: date | None,
) -> list[Exclusion]:
    """Write the acts. Raises Locked, OutputTrouble."""
    at = utc_text(datetime.now(UTC))
    acts = [
        Exclusion(
            exclusion_id=sha256(f"{one.target} {at}".encode()).hexdigest(),
            target=one.target,
            article_ids=tuple(sorted(one.article_ids)),
            addresses=(*one.addresses, *one.pictures),
            reason=reason,
            ticket=ticket,
            last_day=until.isoformat() if until else None,
            at=at,
            run=job,
        )
        for one in found
    ]
    return _write(folder, settings, job, acts, EXCLUDED, at)


def lift(folder: Path, settings: Settings, target: str, job: str) -> list[Exclusion]:
    """End the exclusions with this target; those that are ended now. Raises Locked, OutputTrouble."""
    at = utc_text(datetime.now(UTC))
    wanted = {target, canonical_url(target)}
    acts = [
        replace(one, lifted_at=at) for one in exclusions_of(folder) if one.target in wanted and one.lifted_at is None
    ]
    return _write(folder, settings, job, acts, READMITTED, at) if acts else []


def _write(folder: Path, settings: Settings, job: str, acts: list[Exclusion], kind: str, at: str) -> list[Exclusion]:
    """One commit: the lines in exclusions/ and events/, and what the ledger says."""
    events = [event for act in acts for event in _events(act, kind, at, job)]
    visit = Visit(None, "", "article")
    visit.lines = [
        ("exclusions", b"".join(exclusion_line(act) for act in acts)),
        ("events", b"".join(map(event_line, events))),
    ]
    with FolderLock(folder, ACTOR, job):
        target_size = settings.getint("WARC_TARGET_SIZE")
        store = Store(folder, Arguments(ACTOR, job), {}, target_size, sites=Sites(settings), scope=SCOPE)
        store.open()
        try:
            ops: list[Op] = [*acts, *events]
            store.end(visit, ops)
        finally:
            store.close("finished", {}).result()
    return acts


def _events(act: Exclusion, kind: str, at: str, job: str) -> list[Event]:
    """One an article, or one for what is hidden without being one. The reason stays out of what is handed on."""
    url = act.addresses[0] if act.addresses else act.target
    named = act.article_ids or (None,)
    return [
        Event(sha256(f"{act.exclusion_id} {kind} {one or ''}".encode()).hexdigest(), url, at, kind, job, one)
        for one in named
    ]
