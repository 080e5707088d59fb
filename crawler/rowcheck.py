"""A row by itself and beside the one that is made of its record again: no archive, no page object."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from hashlib import sha256
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from crawler.items import Article
from crawler.serialize import to_line
from crawler.sources import SOURCE_ID
from crawler.text import content_digest

# Decided from what the ledger knew at the time: earlier versions, other editions, how the crawl came here.
FROM_LEDGER = frozenset(
    ("run", "version", "previous", "changed", "first_captured_at", "found_by", "work_id", "translation_of")
)
SHOWN = 60  # characters of a value in a fault's detail


class Unproven(Exception):
    """A row is not proven; the rule of ``crawler.findings`` and what is wrong."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule


def ledger_free(row: dict[str, Any]) -> dict[str, Any]:
    """What the record alone says: without what the ledger, robots.txt and the records of images decide."""
    kept = {key: value for key, value in row.items() if key not in FROM_LEDGER}
    kept["source"] = kept["source"] | {"id": None}
    kept["permissions"] = kept["permissions"] | {"robots_rule": None}
    sources = [named for named in kept["extraction"]["sources"] if named["field"] != SOURCE_ID]
    kept["extraction"] = kept["extraction"] | {"suspect": False, "sources": sources}
    for key in ("images", "videos"):
        kept[key] = [part | {"record_id": None} for part in kept[key]]
    return kept


def read_row(line: bytes) -> dict[str, Any]:
    """The row in a line; Unproven when it is none, or not written by the one serialiser."""
    try:
        row = json.loads(line)
        good = to_line(row) == line
    except (ValueError, TypeError, RecursionError):
        raise Unproven("row-line", f"not a row: {line[:SHOWN]!r}") from None
    if not (good and _fits(row, Article)):
        raise Unproven("row-line", "not as it was written: other keys, types, order or spelling")
    if None in (row["warc"][name] for name in ("file", "offset", "record_id")):
        raise Unproven("row-record", "the row names no record")
    return row  # type: ignore[no-any-return]


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is what its field in ``crawler.items`` is declared to be, down to the last member."""
    if isinstance(hint, UnionType):
        return any(_fits(value, member) for member in get_args(hint))
    if get_origin(hint) is list:
        return type(value) is list and all(_fits(member, get_args(hint)[0]) for member in value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = _hints(hint)
        return (
            type(value) is dict
            and list(value) == list(hints)
            and all(value[name] != "" and _fits(value[name], hints[name]) for name in hints)  # absent text is null
        )
    return type(value) is hint


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def check_ids(row: dict[str, Any]) -> None:
    """What the row says of itself, whatever made it."""
    record_id = row["warc"]["revisit_id"] or row["warc"]["record_id"]
    expected = sha256(f"{record_id} {row['extraction']['page']}".encode()).hexdigest()
    if row["row_id"] != expected:
        raise Unproven("row-id", f"row_id is not made of {record_id} {row['extraction']['page']}")
    if row["content_digest"] != content_digest(row["title"], row["sapo"], row["body"]):
        raise Unproven("row-id", "content_digest is not that of title, sapo and body")


def compare(row: dict[str, Any], again: dict[str, Any]) -> None:
    is_, should = ledger_free(row), ledger_free(again)
    if row["published_date"] is None:
        # An undated article is kept with a further warning when the run asked for days.
        count = len(again["extraction"]["warnings"])
        is_["extraction"]["warnings"] = is_["extraction"]["warnings"][:count]
    if should["permissions"]["tdm_reservation"] is None:  # the page says nothing: it stood in the site's tdmrep.json
        is_["permissions"]["tdm_reservation"] = None
    different = [key for key in should if is_[key] != should[key]]
    if different:
        shown = "; ".join(
            f"{key} is {_short(is_[key])}, from the record {_short(should[key])}" for key in different[:3]
        )
        raise Unproven("row-fields", f"{', '.join(different)}: {shown}")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
