"""From rows and events to versions, articles and their states in a ledger that is made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from crawler.exclusions import exclusion_of
from crawler.items import FieldSource
from crawler.ledger_ops import ARTICLE_KINDS, ArticleSeen, ArticleState, Event, SourceFound, Version
from crawler.ledger_sources import HOW
from crawler.offline import Offline
from crawler.rebuild_draft import Draft
from crawler.rebuild_read import LinesFound, job_of
from crawler.sites import Sites
from crawler.sources import Sources, Text, how_of
from crawler.versions import DECIDING_FIELDS, field_digest
from warc.writer import OPEN

EVENT_STATES = {"gone": "gone", "soft404": "soft404", "wall": "wall", "back": "live"}


def take_rows(draft: Draft, spider: str, file: LinesFound, sites: Sites) -> None:
    """Versions, which record each was read from, and what their texts are found by.

    A row of an open file whose record was cut off is cut too.
    """
    end: tuple[int, int] | None = None
    republishes = spider in sites.names and sites.load(spider).republishes
    sources = Sources(draft.ledger, draft.folder, spider, job_of(file.name), sites, republishes=republishes)
    for number, (row, offset, length) in enumerate(file.lines()):
        try:
            version = _version_of(row, file.name, offset, length)
            record_id = row["warc"]["revisit_id"] or row["warc"]["record_id"]
            draft.at = datetime.fromisoformat(version.captured_at)
        except (KeyError, TypeError, ValueError) as error:
            draft.faults.append(f"{file.path}: no row at offset {offset}: {error!r}")
            continue
        if draft.ledger.capture(record_id) is None:
            if file.path.suffix == OPEN:
                end = (offset, number)
                break
            draft.faults.append(f"{file.path}: the row at offset {offset} names {record_id}, which no file holds")
        known = {one.version: one.row_id for one in draft.ledger.versions(version.article_id)}
        if known.get(version.version, version.row_id) != version.row_id:
            draft.faults.append(f"{file.path}: a second row is version {version.version} of {version.article_id}")
        named = [FieldSource(**found) for found in row["extraction"]["sources"]]
        texts = sources.kept(Text.of_row(row), version.captured_at, how_of(named))
        draft.ledger.apply([replace(version, url_id=draft.url_of_record(record_id)), *texts])
        draft.db.execute("INSERT INTO named VALUES (?, ?) ON CONFLICT DO NOTHING", (record_id, version.article_id))
        draft.counts["rows"] += 1
    if end is not None:
        file.end, file.records = end
    draft.note_file("articles", spider, job_of(file.name), file)


def revisit_articles(draft: Draft) -> None:
    """Articles that said the same at a later visit: when they were seen last, and when they are due."""
    last = draft.db.execute(
        """SELECT n.article_id, c.url_id, MAX(v.captured_at) FROM named n
        JOIN captures c ON c.record_id = n.record_id
        JOIN captures v ON v.url_id = c.url_id AND v.status IN (200, 304)
        GROUP BY n.article_id, c.url_id"""
    ).fetchall()
    for article_id, url_id, seen in last:
        version = draft.ledger.latest_version(article_id)
        assert version is not None
        born = version.published_at or version.first_captured_at
        draft.ledger.apply([ArticleSeen(article_id, seen, url_id, born, version.version)])
    draft.db.execute(
        """UPDATE frontier SET reason = 'no_row' WHERE state = 'done' AND kind IN (?, ?) AND url_id NOT IN (
            SELECT c.url_id FROM named n JOIN captures c ON c.record_id = n.record_id
            WHERE c.url_id IS NOT NULL)""",
        ARTICLE_KINDS,
    )


def take_events(draft: Draft, spider: str, file: LinesFound, offline: Offline) -> None:
    """Events, and the states that they left their articles in."""
    for line, offset, _ in file.lines():
        try:
            event = Event(
                event_id=line["event_id"],
                url=line["url"],
                at=line["at"],
                kind=line["kind"],
                run=line["run"],
                article_id=line["id"],
                status=line["status"],
                record_id=line["record_id"],
            )
        except KeyError as error:
            draft.faults.append(f"{file.path}: no event at offset {offset}: {error!r}")
            continue
        draft.ledger.apply([event, *_state_after(draft, event, offline)])
        draft.counts["events"] += 1
    draft.note_file("events", spider, job_of(file.name), file)


def take_exclusions(draft: Draft, spider: str, file: LinesFound) -> None:
    """Take-downs, and their ends."""
    for line, offset, _ in file.lines():
        try:
            act = exclusion_of(line)
        except (KeyError, TypeError) as error:
            draft.faults.append(f"{file.path}: no exclusion at offset {offset}: {error!r}")
            continue
        draft.ledger.apply([act])
        draft.counts["exclusions"] += 1
    draft.note_file("exclusions", spider, job_of(file.name), file)


def _state_after(draft: Draft, event: Event, offline: Offline) -> Iterator[ArticleState | SourceFound]:
    """The state of the article then, where it was taken from, and when the address where it was looked for is due."""
    url_id = draft.url_of_record(event.record_id or "")
    (last,) = draft.db.execute("SELECT MAX(captured_at) FROM captures WHERE url_id = ?", (url_id,)).fetchone()
    if event.article_id is None:
        return
    if event.kind in EVENT_STATES:
        yield ArticleState(event.article_id, EVENT_STATES[event.kind], None, url_id, last)
    elif event.kind == "source" and (role := draft.ledger.sources.role_of(event.article_id)) in HOW:
        source_id = offline.spider_of(event.url).identity(event.url)
        yield SourceFound(event.article_id, source_id, HOW[role], event.at, event.run)
    elif event.kind == "moved" and offline.spider_of(event.url).identity(event.url) == event.article_id:
        yield ArticleState(event.article_id, "live", event.url)  # another spelling of its own address
    elif event.kind == "moved":
        yield ArticleState(event.article_id, "moved", None, url_id, last)


def _version_of(row: dict[str, Any], file: str, offset: int, length: int) -> Version:
    """Raises KeyError, TypeError or ValueError when it is no row."""
    page, _, number = row["extraction"]["page"].partition("/")
    return Version(
        article_id=row["id"],
        version=int(row["version"]),
        row_id=row["row_id"],
        record_id=row["warc"]["record_id"],
        url=row["canonical_url"],
        file=file,
        offset=offset,
        length=length,
        content_digest=row["content_digest"],
        page=page,
        page_number=int(number),
        captured_at=row["captured_at"],
        first_captured_at=row["first_captured_at"],
        run=row["run"],
        fields={key: field_digest(row[key]) for key in DECIDING_FIELDS},
        published_at=row["published_at"] or row["published_date"],
        section=row["section"],
    )
