"""Changes as they are told to people and programs: with the row's title and the words that changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from crawler.dates import HANOI, utc_text
from crawler.history import Diff, changes_between
from crawler.ledger_changes import CHANGED, Change, ChangeTable
from crawler.rowfiles import RowFiles
from crawler.silence import site_of

CHANGE_SCHEMA = "change/1"


@dataclass(frozen=True, slots=True)
class Told:
    """A change with its row (of an event the newest one; None when it is not there) and what changed before it."""

    change: Change
    row: dict[str, Any] | None
    changes: dict[str, Diff]


def told_changes(table: ChangeTable, files: RowFiles, after: int, until: int, since: date | None) -> Iterator[Told]:
    """Changes behind ``after`` up to ``until``, in order; with ``since`` those captured on that day or later."""
    first = begin_of(since) if since else ""
    for change in table.changes(after, until):
        if change.at < first or (change.kind == CHANGED and not change.is_version):
            continue
        row, changes = files.row(change.row), {}
        if row and change.kind == CHANGED:
            place = table.place_of(change.article_id, change.version - 1)
            before = files.row(place) if place else None
            changes = changes_between(before, row) if before else {}
        yield Told(change, row, changes)


def begin_of(day: date) -> str:
    """When a day begins in +07:00, as UTC text."""
    return utc_text(datetime(day.year, day.month, day.day, tzinfo=HANOI).astimezone(UTC))


def change_of(told: Told) -> dict[str, Any]:
    """The change as one JSON object; every key in every one."""
    change, row = told.change, told.row or {}
    return {
        "schema": CHANGE_SCHEMA,
        "position": change.position,
        "kind": change.kind,
        "at": change.at,
        "id": change.article_id,
        "site": site_of(change.article_id),
        "url": change.url,
        "title": row.get("title"),
        "published_at": row.get("published_at") or row.get("published_date"),
        "version": change.version,
        "row_id": change.row.row_id,
        "row": {key: value for key, value in asdict(change.row).items() if key != "row_id"},
        "changes": {field: [list(part) for part in diff] for field, diff in told.changes.items()},
        "event_id": change.event_id,
        "status": change.status,
        "record_id": change.record_id,
        "run": change.run,
    }
