"""Compares an archive with what the replica knows to be true, field by field."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FIELDS = (
    *("id", "work_id", "site", "kind", "language", "is_translation", "translation_of", "title", "kicker", "sapo"),
    *("body", "blocks", "byline", "authors", "agencies", "publisher", "source", "section", "breadcrumbs", "tags"),
    *("topics", "images", "videos", "links", "published_at", "published_date", "published_precision"),
    *("modified_at", "modified_date", "modified_precision"),
)
INSTANTS = ("published_at", "modified_at")
SHOWN = 3  # differences shown for each field


@dataclass
class Comparison:
    """How many of the expected articles have a row, and how many rows are right in each field."""

    expected: int = 0
    missing: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    right: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    differences: dict[str, list[tuple[str, Any, Any]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """True when nothing is missing, invented, doubled or different."""
        return not (self.missing or self.invented or self.doubled or self.differences)

    def table(self) -> str:
        lines = [f"articles {self.expected - len(self.missing)} of {self.expected}"]
        lines += [f"{name:22} {self.right[name]} of {self.rows}" for name in FIELDS]
        lines += [f"missing {self.missing[:5]}"] if self.missing else []
        lines += [f"invented {self.invented[:5]}"] if self.invented else []
        lines += [f"doubled {self.doubled[:5]}"] if self.doubled else []
        for name, found in self.differences.items():
            for article, is_, should in found[:SHOWN]:
                lines.append(f"{name} of {article}:\n   is     {short(is_)}\n   should {short(should)}")
        return "\n".join(lines)


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 700 else f"{text[:700]}…"


def rows_of(archive: Path) -> list[dict[str, Any]]:
    """Every row in ``articles/``."""
    files = sorted((archive / "articles").rglob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").split("\n") if line]


def reachable(articles: Mapping[str, dict[str, Any]], languages: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Articles of these editions that some channel leads to."""
    wanted = set(languages)
    known = {key: article for key, article in articles.items() if article["language"] in wanted}
    # A translation's address follows from that of its original, so it is asked for whoever links to it.
    return {
        key: article
        for key, article in known.items()
        if is_promised(article) or (article["translation_of"] and is_promised(articles[article["translation_of"]]))
    }


def is_promised(article: Mapping[str, Any]) -> bool:
    return any(bool(value) for value in article["reachable_from"].values())


def compare(rows: Iterable[dict[str, Any]], expected: Mapping[str, dict[str, Any]]) -> Comparison:
    """Rows against the true articles."""
    found = Comparison(expected=len(expected))
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_id.setdefault(row["id"], []).append(row)
    found.missing = sorted(set(expected) - set(by_id))
    found.invented = sorted(set(by_id) - set(expected))
    found.doubled = sorted(key for key, several in by_id.items() if len(several) > 1)
    for key in sorted(set(by_id) & set(expected)):
        row, truth = by_id[key][0], expected[key]
        found.rows += 1
        for name in FIELDS:
            is_, should = row[name], without_records(truth[name])
            # A row keeps the zone that the page states.
            same = instant(is_) == instant(should) if name in INSTANTS else without_records(is_) == should
            if same:
                found.right[name] += 1
            else:
                found.differences.setdefault(name, []).append((key, is_, should))
    return found


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def with_late_sources(rows: Iterable[dict[str, Any]], archive: Path) -> list[dict[str, Any]]:
    """Rows with the sources that came after them: an event names the original by its address."""
    rows = list(rows)
    ids = {row["url"]: row["id"] for row in rows_of(archive)}
    files = sorted((archive / "events").rglob("*.jsonl"))
    events = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    late = {event["id"]: ids[event["url"]] for event in events if event["kind"] == "source"}
    assert not any(row["source"]["id"] for row in rows if row["id"] in late)  # told one way or the other
    return [row | {"source": row["source"] | {"id": late.get(row["id"], row["source"]["id"])}} for row in rows]


def with_sources(expected: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The truth in an archive that holds the originals too: copies that name no address have their source's id."""
    return {
        key: article | {"source": article["source"] | {"id": article["source"]["id"] or article.get("copy_of")}}
        for key, article in expected.items()
    }


def without_records(value: Any) -> Any:
    """Images and videos without what only the archive knows."""
    if isinstance(value, list):
        return [without_records(entry) for entry in value]
    if isinstance(value, dict):
        return {key: entry for key, entry in value.items() if key not in ("record_id", "width", "height")}
    return value
