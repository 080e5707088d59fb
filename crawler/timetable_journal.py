"""What the timetable has done: one JSON line each in ``timetable/<year>-<month>.jsonl``, never changed.

The ledger knows of a run once it has begun. What it cannot know stands here: which due time a start was for, that a
start came to nothing, and what a person was told already.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crawler.dates import utc_text

KINDS = {
    "known": "is in the timetable from now on",
    "started": "started",
    "resumed": "resumed",
    "waits": "waits: the spider is at work",
    "missed": "MISSED",
    "given_up": "GIVEN UP: interrupted again and again; the next due time tries once more",
    "hung": "HANGS: no sign of life",
    "ended": "ends the crawl that hangs",
}
OF_SPIDERS = frozenset({"hung", "ended"})  # these name the spider, the others an entry


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was done or told."""

    at: datetime
    entry: str  # its name; the spider's for what hangs
    kind: str  # one of KINDS
    due: datetime | None = None  # what is settled by it; for several the last
    first: datetime | None = None  # the first of several
    count: int = 1
    job: str | None = None
    why: str | None = None

    def text(self) -> str:
        """For people, one line."""
        due = f" (due {utc_text(self.due)})" if self.due else ""
        several = f" {self.count} times from {utc_text(self.first)}" if self.first and self.count > 1 else ""
        job = f" job {self.job}" if self.job else ""
        why = f": {self.why}" if self.why else ""
        return f"{utc_text(self.at)} {self.entry} {KINDS[self.kind]}{several}{due}{job}{why}"


class Journal:
    """The lines of this and the last month that had any. OSError when they cannot be read or written."""

    def __init__(self, archive: Path) -> None:
        self.folder = archive / "timetable"
        self.lines: list[Line] = []
        for file in sorted(self.folder.glob("[0-9]*-[0-9]*.jsonl"))[-2:]:
            self.lines += [line for text in file.read_bytes().split(b"\n") if (line := _line(text)) is not None]

    def of(self, entry: str) -> list[Line]:
        """The lines of an entry, in order."""
        return [line for line in self.lines if line.entry == entry and line.kind not in OF_SPIDERS]

    def of_job(self, job: str) -> list[Line]:
        """The lines about a job, in order."""
        return [line for line in self.lines if line.job == job]

    def add(self, line: Line) -> None:
        """Write the line; it is safe when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        instants = {name: utc_text(at) for name in ("at", "due", "first") if (at := getattr(line, name))}
        rest = {"entry": line.entry, "kind": line.kind, "count": line.count, "job": line.job, "why": line.why}
        text = json.dumps({**instants, **rest}, ensure_ascii=False)
        with (self.folder / f"{line.at:%Y-%m}.jsonl").open("ab") as file:
            # A line that a kill has torn is ended first.
            file.write(b"\n" + text.encode() + b"\n" if file.tell() else text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(line)


def _line(text: bytes) -> Line | None:
    try:
        values: dict[str, Any] = json.loads(text)
        for name in ("at", "due", "first"):
            if values.get(name):
                values[name] = datetime.fromisoformat(values[name])
        line = Line(**values)
    except (ValueError, TypeError, AttributeError):
        return None  # empty, or torn by a kill
    return line if line.kind in KINDS else None
