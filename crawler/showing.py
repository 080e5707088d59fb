"""Values of fields as people and programs are shown them: on one line, or as JSON can say them."""

from __future__ import annotations

from typing import Any

from crawler.dates import Moment
from warc.shown import plain


def as_json(value: Any) -> Any:
    """A moment as JSON can say it, other values as they are."""
    if not isinstance(value, Moment):
        return value
    at = value.at.isoformat() if value.at else None
    return {"at": at, "day": value.day.isoformat(), "precision": value.precision, "text": value.text}


def on_one_line(value: Any, most: int = 110) -> str:
    """A candidate's value on one line: how many parts it has, then their texts as far as there is room."""
    parts = value if isinstance(value, list) else [value]
    text = "; ".join(filter(None, map(_text, parts)))
    if len(parts) > 1:
        text = f"{len(parts)} parts: {text}"
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return plain(f"{value['at'] or value['day']} ({value['precision']}, {value['text']!r})")
    names = ("text", "name") if hasattr(value, "type") else ("text", "name", "url")  # a block is told by its text
    told = value if isinstance(value, str) else next(filter(None, (getattr(value, n, None) for n in names)), "")
    return plain(" ".join(str(told).split()))
