"""What a run did, as one JSON object: the one place where figures from ledger, crawl log and stats come together.

``reports/<spider>/<time>-<job>.json`` holds it, and so does the run's meta WARC. A part more is a function of ``Ended``
and a line in ``PARTS``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from crawler.crawllog import Tally
from crawler.drift_report import drift_section
from crawler.ledger_runs import Run, RunFile

SCHEMA: Final = "report/1"


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
    }


def _stats(ended: Ended) -> dict[str, Any]:
    """As the run counted them: stored captures and rows, failures, refusals and drops by reason."""
    return dict(sorted(ended.run.counts.items()))


PARTS: Final[Mapping[str, Callable[[Ended], Any]]] = {
    "run": _run,
    "asked": lambda ended: dict(ended.asked),
    "attempts": _attempts,
    "not_fetched": lambda ended: dict(ended.tally.not_fetched.most_common()),
    "left": lambda ended: ended.left,
    "counts": _stats,
    "drift": lambda ended: drift_section(ended.run.counts),
    "files": lambda ended: [asdict(file) for file in ended.files],
    "cut": lambda ended: [asdict(cut) for cut in ended.cut],
    "manifest": lambda ended: {"before": ended.head_before, "after": ended.head_after},
}


def report_of(ended: Ended) -> dict[str, Any]:
    """The report, plain data."""
    return {"schema": SCHEMA} | {name: part(ended) for name, part in PARTS.items()}
