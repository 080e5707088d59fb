"""The tables of an export, and their definition in the languages of other tools, read off the typed classes.

Articles and their newest versions are rows (`crawler.items`). Text is text and numbers are 64 bits wide: instants stay
ISO 8601 with their offset, days stay days, so that no reader shifts them into a zone of its own. With an explicit type
for every column, files whose columns are empty throughout go together with all others.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from crawler.items import Article, doc
from crawler.schema import row_schema, table_schema

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True)
class EventRow:
    """What happened to an article beside its new versions: a line in ``events/``."""

    schema: str = doc("event/1", "event/1")
    event_id: str = doc("SHA-256 (hex) of record_id, a space and kind", "")
    id: str = doc("id of the article", "")
    url: str = doc("where it was looked for; of a moved article its new address", "")
    at: str = doc("start of the fetch that shows it, UTC", "")
    kind: str = doc("gone, back, moved, soft404, wall or changed", "")
    status: int | None = doc("HTTP status")
    record_id: str | None = doc("WARC record that shows it")
    run: str = doc("job", "")


@dataclass(slots=True)
class LinkRow:
    """A link of an article page that the row does not hold: a line in ``links/``."""

    row_id: str = doc("the row of the page", "")
    url: str = doc("absolute address", "")
    text: str | None = doc("link text")
    kind: str = doc("link kind", "")
    position: int = doc("place on the page, from 0", 0)


@dataclass(slots=True)
class CheckRow:
    """A visit of an address of the frontier, and what came of it."""

    record_id: str = doc("WARC record of the visit", "")
    id: str | None = doc("id of the article at this address")
    site: str = doc("registered domain", "")
    url: str = doc("address", "")
    at: str = doc("start of the fetch, UTC", "")
    outcome: str = doc(
        "new, changed (a version); gone, back, moved, soft404, wall (an event); not_modified (304), same_payload (as "
        "archived before), redirect, error, truncated; unchanged (an article that says the same), page (no article)",
        "",
    )
    status: int | None = doc("HTTP status")
    record_type: str = doc("response or revisit", "")
    original_id: str | None = doc("record that holds the payload of a revisit")
    payload_digest: str | None = doc("sha1: and Base32")
    run: str = doc("job", "")


TABLES: dict[str, type] = {
    "articles": Article,
    "articles_latest": Article,
    "events": EventRow,
    "links": LinkRow,
    "checks": CheckRow,
}
LANGUAGES = ("json", "duckdb", "arrow")
_DUCKDB = {str: "VARCHAR", int: "BIGINT", bool: "BOOLEAN"}


def columns_of(table: str, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Types of a table's columns, in order."""
    hints = get_type_hints(TABLES[table])
    return {field.name: hints[field.name] for field in dataclasses.fields(TABLES[table]) if field.name not in without}


def arrow_schema(table: str, without: frozenset[str] = frozenset()) -> pa.Schema:
    """The table for Arrow and Parquet. ImportError without pyarrow."""
    import pyarrow as pa

    return pa.schema([pa.field(name, _arrow(hint)) for name, hint in columns_of(table, without).items()])


def duckdb_columns(table: str, without: frozenset[str] = frozenset()) -> str:
    """The table for the argument ``columns`` of DuckDB's ``read_json``."""
    pairs = (f"{name}: '{_duckdb(hint)}'" for name, hint in columns_of(table, without).items())
    return "{" + ", ".join(pairs) + "}"


def schema_in(language: str, table: str, without: frozenset[str] = frozenset()) -> bytes:
    """The schema of a table in one of ``LANGUAGES``. ImportError for Arrow without pyarrow."""
    if language == "arrow":
        return bytes(arrow_schema(table, without).serialize())
    if language == "duckdb":
        return duckdb_columns(table, without).encode() + b"\n"
    schema = row_schema() if TABLES[table] is Article else table_schema(TABLES[table])
    return json.dumps(schema, ensure_ascii=False, indent=2).encode() + b"\n"


def _members(hint: Any) -> dict[str, Any]:
    hints = get_type_hints(hint)
    return {field.name: hints[field.name] for field in dataclasses.fields(hint)}


def _plain(hint: Any) -> Any:
    """``str | None`` is text, too: columns may be empty."""
    return next(part for part in get_args(hint) if part in _DUCKDB) if isinstance(hint, UnionType) else hint


def _arrow(hint: Any) -> pa.DataType:
    import pyarrow as pa

    hint = _plain(hint)
    if get_origin(hint) is list:
        return pa.list_(_arrow(get_args(hint)[0]))
    if dataclasses.is_dataclass(hint):
        return pa.struct([pa.field(name, _arrow(member)) for name, member in _members(hint).items()])
    return {str: pa.string(), int: pa.int64(), bool: pa.bool_()}[hint]


def _duckdb(hint: Any) -> str:
    hint = _plain(hint)
    if get_origin(hint) is list:
        return f"{_duckdb(get_args(hint)[0])}[]"
    if dataclasses.is_dataclass(hint):
        members = ", ".join(f'"{name}" {_duckdb(member)}' for name, member in _members(hint).items())
        return f"STRUCT({members})"
    return _DUCKDB[hint]
