"""The one serialiser: every JSON line that the project writes goes through `to_line`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from crawler.text import scalar

if TYPE_CHECKING:
    from crawler.items import Article
    from crawler.links import FoundLink

# Line ends to some readers of JSON lines (Python's splitlines, JavaScript before 2019), though not to JSON.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME


def to_line(obj: Any) -> bytes:
    """Return one JSON line in UTF-8, with its line end, for a dataclass, dict or list.

    Keys stand in the order of the fields, so equal rows are equal bytes. U+2028, U+2029 and U+0085 are escaped; lone
    surrogates, which the JSON in a page can hold and UTF-8 cannot, become U+FFFD. Raises TypeError for what is not
    plain data; datetimes too, because their form (`dates.iso`, `dates.utc_text`) is decided before.
    """
    return to_lines((obj,))


def to_lines(objects: Iterable[Any]) -> bytes:
    """The lines of many objects, as ``to_line`` makes each."""
    given = list(objects)
    try:
        lines = b"".join([orjson.dumps(obj, option=_OPTIONS) for obj in given])
    except TypeError:
        lines = b"".join(map(_dumped, given))
    for raw, escaped in _LINE_ENDS:
        lines = lines.replace(raw, escaped)
    return lines


def link_lines(article: Article, links: Iterable[FoundLink]) -> bytes:
    """The lines in ``links/`` of a row's page: one for each link that the row does not hold."""
    held = {(link.url, link.kind) for link in article.links}
    return to_lines(
        {
            "row_id": article.row_id,
            "url": link.url,
            "text": link.text or None,
            "kind": link.kind,
            "position": link.position,
        }
        for link in links
        if (link.url, link.kind) not in held
    )


def _dumped(obj: Any) -> bytes:
    try:
        return orjson.dumps(obj, option=_OPTIONS)
    except TypeError:
        return orjson.dumps(_scalars(obj), option=_OPTIONS)


def _scalars(value: Any) -> Any:
    """Copy plain data with every text made encodable."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, dict):
        return {_scalars(key): _scalars(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_scalars(member) for member in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _scalars(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value
