"""What a run wrote, counted from its own files of rows and events: so it is the same for a run that was killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any, Final

from crawler.template import FIELDS, NONE, seen_of_row

MOST: Final = 100  # values of one kind that are counted by name: a site may make up any number of sections
SHOWN: Final = 20  # articles, and events of a kind, that are named
BARS: Final = 62  # days, months, years: what one plot can show
MOST_OF_THEM: Final = 0.9  # of the rows should be in it
NOTHING: Final = "(none)"
OTHERS: Final = "(others)"


class Came:
    """Counts of rows and events; memory is flat, but for the days of publication."""

    def __init__(self) -> None:
        self.rows = self.new = self.changed = 0
        self.by: dict[str, Counter[str]] = {name: Counter() for name in _KINDS}
        self.days: Counter[str] = Counter()  # of publication in +07:00
        self.templates: dict[str, Counter[str]] = {}  # pages with each field; under "" all pages
        self.named: list[dict[str, Any]] = []
        self.events: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}  # addresses by kind of event

    def read_rows(self, lines: Iterable[bytes]) -> None:
        """Lines of ``articles/``; what is no row is passed over, ``scrapy verify`` names it."""
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                self._row(json.loads(line))

    def read_events(self, lines: Iterable[bytes]) -> None:
        """Lines of ``events/``."""
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                event = json.loads(line)
                self.events[event["kind"]] += 1
                examples = self.examples.setdefault(event["kind"], [])
                if len(examples) < SHOWN:
                    examples.append(event["url"])

    def _row(self, row: Mapping[str, Any]) -> None:
        seen = seen_of_row(row)
        values = {name: read(row) for name, read in _KINDS.items()}
        self.rows += 1
        self.new += row["version"] == 1
        self.changed += row["version"] > 1
        for name, value in values.items():
            _count(self.by[name], value or NOTHING)
        self.days[row["published_date"] or NOTHING] += 1
        template = f"{seen.site} {seen.template}"
        if template not in self.templates and len(self.templates) >= MOST:
            template = OTHERS
        fields = self.templates.setdefault(template, Counter())
        fields[""] += 1
        fields.update(name for name in FIELDS if seen.sources[name] != NONE)
        if len(self.named) < SHOWN:
            self.named.append({key: row[key] for key in ("title", "url", "kind", "version", "published_at")})


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str | None]]] = {
    "kind": lambda row: row["kind"],
    "section": lambda row: row["section"],
    "channel": lambda row: row["found_by"]["channel"],
    "site": lambda row: row["site"],
    "language": lambda row: row["language"],
}


def came_section(came: Came) -> dict[str, Any]:
    """The part of a report: how many rows, of what, from when."""
    return {
        "rows": came.rows,
        "new": came.new,
        "changed": came.changed,
        **{f"by_{name}": dict(counts.most_common()) for name, counts in came.by.items()},
        "published": published(came.days),
        "articles": came.named,
    }


def published(days: Mapping[str, int]) -> dict[str, Any]:
    """Rows by day of publication, without gaps; by month or year when most of them would not fit into one plot.

    >>> published({"2026-11-21": 2, "2026-11-19": 1, "(none)": 3})
    {'unit': 'day', 'counts': {'2026-11-19': 1, '2026-11-20': 0, '2026-11-21': 2}, 'earlier': 0, 'undated': 3}
    """
    dated = {day: count for day, count in days.items() if day != NOTHING}
    rows, unit, counts = sum(dated.values()), "day", {}
    for unit in _UNITS:
        counts = _latest(dated, unit)
        if sum(counts.values()) >= MOST_OF_THEM * rows:
            break
    told = {"unit": unit, "counts": counts}
    return told | {"earlier": rows - sum(counts.values()), "undated": days.get(NOTHING, 0)}


def _latest(days: Mapping[str, int], unit: str) -> dict[str, int]:
    """Rows of the newest days, months or years, as many as there are bars."""
    number, name = _UNITS[unit]
    by_number: Counter[int] = Counter()
    for day, count in days.items():
        by_number[number(date.fromisoformat(day))] += count
    newest = max(by_number, default=0)
    oldest = min((one for one in by_number if one > newest - BARS), default=newest + 1)
    return {name(one): by_number[one] for one in range(oldest, newest + 1)}


# A number that grows by one, and how it is written
_UNITS: Final[Mapping[str, tuple[Callable[[date], int], Callable[[int], str]]]] = {
    "day": (lambda day: day.toordinal(), lambda number: date.fromordinal(number).isoformat()),
    "month": (lambda day: day.year * 12 + day.month - 1, lambda number: f"{number // 12}-{number % 12 + 1:02}"),
    "year": (lambda day: day.year, str),
}


def coverage_section(came: Came) -> dict[str, Any]:
    """Of each template how many pages gave a row, and on how many of them each field was found."""
    return {
        template: {"pages": counts[""], "fields": {name: counts[name] for name in FIELDS}}
        for template, counts in sorted(came.templates.items(), key=lambda pair: -pair[1][""])
    }


def happened_section(came: Came) -> dict[str, Any]:
    """Articles that are gone, back, moved, walled …, with addresses."""
    return {kind: {"count": n, "examples": came.examples[kind]} for kind, n in came.events.most_common()}


def _count(counts: Counter[str], value: str) -> None:
    counts[value if value in counts or len(counts) < MOST else OTHERS] += 1
