"""The row's definition in other languages: JSON Schema and the table in docs/row.md, both read off `crawler.items`."""

from __future__ import annotations

import dataclasses
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from crawler.items import ARTICLE_SCHEMA, Article

_PLAIN: dict[Any, str] = {str: "string", int: "integer", bool: "boolean", NoneType: "null"}

_SHA256 = "[0-9a-f]{64}$"
_INSTANT = {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"}
_UTC = {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$"}
_DAY = {"pattern": r"^\d{4}-\d\d-\d\d$"}
_PRECISION = {"enum": ["second", "minute", "day", "guess", None]}
_CONSTRAINTS: dict[str, dict[str, Any]] = {  # what the types cannot say
    "Article.schema": {"const": ARTICLE_SCHEMA},
    "Article.row_id": {"pattern": f"^{_SHA256}"},
    "Article.version": {"minimum": 1},
    "Article.kind": {"enum": ["article", "video", "gallery", "infographic", "emagazine", "live"]},
    "Article.content_digest": {"pattern": f"^sha256:{_SHA256}"},
    "Article.published_at": _INSTANT,
    "Article.published_date": _DAY,
    "Article.published_precision": _PRECISION,
    "Article.modified_at": _INSTANT,
    "Article.modified_date": _DAY,
    "Article.modified_precision": _PRECISION,
    "Article.captured_at": _UTC,
    "Article.first_captured_at": _UTC,
    "Block.type": {"enum": ["paragraph", "heading", "quote", "list", "table", "image", "video", "box"]},
    "Block.level": {"minimum": 2, "maximum": 6},
    "Author.role": {"enum": ["author", "photo", "translator", "compiler"]},
    "Image.position": {"minimum": 0},
    "Video.position": {"minimum": 0},
    "ArticleLink.kind": {"enum": ["related", "source", "edition"]},
    "FoundBy.depth": {"minimum": 0},
    "WarcRef.offset": {"minimum": 0},
    "WarcRef.length": {"minimum": 1},
    "Extraction.input": {"enum": ["html", "dom"]},
}


def row_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a line in ``articles/``: every key required, no others, no empty text."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": ARTICLE_SCHEMA,
        **_object_schema(Article),
        "$defs": {part.__name__: _object_schema(part) for part in _parts(Article)},
    }


def table_schema(cls: type) -> dict[str, Any]:
    """Return the JSON Schema of another kind of line, of plain members alone."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": cls.__name__, **_object_schema(cls)}


def row_table() -> str:
    """Return the Markdown of docs/row.md: a table of the row, then one of each of its parts."""
    blocks = [
        f"# The row: {ARTICLE_SCHEMA}",
        "One line in `articles/` is one version of one article: a JSON object in UTF-8. Every key stands in every\n"
        "row; lists are never null; absent text is null, never empty. A later number only adds keys.",
        "Made from `crawler/items.py` by `python -m crawler.schema > docs/row.md`.",
        _table(Article),
    ]
    for part in _parts(Article):
        blocks += [f"## {part.__name__}", (part.__doc__ or "").splitlines()[0], _table(part)]
    return "\n\n".join(blocks) + "\n"


def _parts(cls: type) -> list[type]:
    """The dataclasses that the fields of ``cls`` hold, in the order of first use."""
    found: dict[type, None] = {}
    for hint in get_type_hints(cls).values():
        for inner in (hint, *get_args(hint)):
            if dataclasses.is_dataclass(inner) and isinstance(inner, type):
                found |= dict.fromkeys([inner, *_parts(inner)])
    return list(found)


def _object_schema(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    properties = {}
    for field in dataclasses.fields(cls):
        extra = _CONSTRAINTS.get(f"{cls.__name__}.{field.name}", {})
        text = {"minLength": 1} if str in (hints[field.name], *get_args(hints[field.name])) else {}
        if get_origin(hints[field.name]) is list:
            text = {}  # an empty cell of a table is ""
        properties[field.name] = {
            "description": field.metadata["doc"],
            **_value_schema(hints[field.name]),
            **text,
            **extra,
        }
    return {
        "description": (cls.__doc__ or "").splitlines()[0],
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _value_schema(hint: Any) -> dict[str, Any]:
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if isinstance(hint, UnionType):
        return {"type": [_PLAIN[member] for member in get_args(hint)]}
    if get_origin(hint) is list:
        return {"type": "array", "items": _value_schema(get_args(hint)[0])}
    return {"$ref": f"#/$defs/{hint.__name__}"}


def _table(cls: type) -> str:
    hints = get_type_hints(cls)
    rows = [
        f"| `{field.name}` | {_words(hints[field.name])} | {field.metadata['doc']} |"
        for field in dataclasses.fields(cls)
    ]
    return "\n".join(["| key | type | meaning |", "| --- | --- | --- |", *rows])


def _escape(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


def _words(hint: Any) -> str:
    """A type for readers: ``string or null``, ``list of Block``."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, UnionType):
        return " or ".join(map(_words, get_args(hint)))
    if get_origin(hint) is list:
        return f"list of {_words(get_args(hint)[0])}".replace("list of list", "list of lists")
    return f"[{hint.__name__}](#{hint.__name__.lower()})"


if __name__ == "__main__":
    import sys

    sys.stdout.write(row_table())
