"""What a run did, as one JSON object: the one place where figures from ledger, crawl log and stats come together.

``reports/<spider>/<time>-<job>.json`` holds it, and so does the run's meta WARC. A part more is a function of
``Ended``, a line in ``PARTS`` and the next number of ``SCHEMA``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from crawler.came import Came, came_section, coverage_section, happened_section
from crawler.crawllog import Tally
from crawler.disk import Room, disk_section
from crawler.drift_report import drift_section
from crawler.ledger_ops import HostState
from crawler.ledger_runs import Run, RunFile
from crawler.pace import politeness_section
from crawler.samples import rendering_section
from crawler.summary import by_reason

SCHEMA: Final = "report/3"  # a part more raises the number
OLDER: Final = ("report/1", "report/2")  # which had fewer parts


@dataclass(frozen=True, slots=True)
class Cut:
    """What was cut off a file that a killed run had left: it was never committed."""

    path: str
    bytes: int
    sha256: str  # hex, of what was cut off


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over, and all that is known of it."""

    run: Run
    asked: Mapping[str, Any]  # its arguments
    tally: Tally  # of its crawl log
    files: list[RunFile]
    cut: list[Cut]  # by this run's start, or from this run's files after it was killed
    left: int | None = None  # URLs of its scope still to be asked; None when nobody counted
    head_before: str | None = None  # of the manifest when it began, and when its files were closed
    head_after: str | None = None
    came: Came = field(default_factory=Came)  # what its rows and events say
    hosts: list[HostState] = field(default_factory=list)  # what those it asked had asked for
    before: list[Run] = field(default_factory=list)  # earlier runs of its spider, the newest first
    settings: Mapping[str, Any] = field(default_factory=dict)  # as far as they are known
    room: Room | None = None  # on the disk


def _run(ended: Ended) -> dict[str, Any]:
    run = ended.run
    return {
        "spider": run.spider,
        "job": run.job,
        "pass": run.pass_number,
        "scope": json.loads(run.scope or "{}"),
        "started_at": run.started_at,
        "ended_at": run.ended_at or run.heartbeat or None,
        "status": run.status,
        "reason": run.reason,
    }


def _attempts(ended: Ended) -> dict[str, Any]:
    tally = ended.tally
    return {
        "count": tally.attempts,
        "bytes": tally.bytes,
        "by_status": dict(sorted(tally.by_status.items())),
        "by_type": dict(tally.by_type.most_common()),
        "slowest": tally.pace.slowest(),
        "rhythm": tally.pace.rhythm(),
    }


def _without_row(ended: Ended) -> dict[str, Any]:
    """Pages that gave no row, by reason: those that failed, were refused, or were read and dropped."""
    kinds = {"failed": "failed/", "refused": "refused/", "dropped": "items/dropped/"}
    return {kind: by_reason(ended.run.counts, prefix) for kind, prefix in kinds.items()}


def _disk(ended: Ended) -> dict[str, Any]:
    return disk_section(ended.room, sum(file.size for file in ended.files), ended.tally.attempts, ended.left)


def run_line(run: Run) -> dict[str, Any]:
    """A run in one line of a table, by what the ledger keeps of it."""
    counts = run.counts
    return {
        "spider": run.spider,
        "job": run.job,
        "started_at": run.started_at,
        "ended_at": run.ended_at or run.heartbeat or None,
        "status": run.status,
        "reason": run.reason,
        "captures": counts.get("captures", 0),
        "bytes": counts.get("bytes", 0),
        "rows": counts.get("rows", 0),
        "failed": sum(by_reason(counts, "failed/").values()),
        "refused": sum(by_reason(counts, "refused/").values()),
    }


def _stats(ended: Ended) -> dict[str, Any]:
    """As the run counted them: stored captures and rows, failures, refusals and drops by reason."""
    return dict(sorted(ended.run.counts.items()))


PARTS: Final[Mapping[str, Callable[[Ended], Any]]] = {
    "run": _run,
    "asked": lambda ended: dict(ended.asked),
    "attempts": _attempts,
    "came": lambda ended: came_section(ended.came),
    "happened": lambda ended: happened_section(ended.came),
    "without_row": _without_row,
    "not_fetched": lambda ended: dict(ended.tally.not_fetched.most_common()),
    "not_fetched_examples": lambda ended: ended.tally.passed,
    "politeness": lambda ended: politeness_section(ended.tally.pace, ended.hosts, ended.settings),
    "coverage": lambda ended: coverage_section(ended.came),
    "left": lambda ended: ended.left,
    "counts": _stats,
    "drift": lambda ended: drift_section(ended.run.counts),
    "rendering": lambda ended: rendering_section(ended.run.counts),
    "disk": _disk,
    "before": lambda ended: [run_line(run) for run in ended.before],
    "files": lambda ended: [asdict(file) for file in ended.files],
    "cut": lambda ended: [asdict(cut) for cut in ended.cut],
    "manifest": lambda ended: {"before": ended.head_before, "after": ended.head_after},
}


def report_of(ended: Ended) -> dict[str, Any]:
    """The report, plain data."""
    return {"schema": SCHEMA} | {name: part(ended) for name, part in PARTS.items()}
