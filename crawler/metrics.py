"""A run's figures for Prometheus, as node_exporter's textfile collector reads them.

One file a spider, ``METRICS_DIR/baoquan_<spider>.prom``, replaced as a whole while the run goes on and when it has
ended. Counters begin at 0 with each run, which Prometheus takes for the restart that it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crawler.summary import by_reason

METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "baoquan_run_started_timestamp_seconds": ("gauge", "When the newest run began."),
    "baoquan_run_seen_timestamp_seconds": ("gauge", "Last sign of life of the newest run."),
    "baoquan_run_active": ("gauge", "1 while it goes on, 0 when it has ended."),
    "baoquan_run_status": ("gauge", "Exit status of the newest run that has ended."),
    "baoquan_last_article_timestamp_seconds": ("gauge", "When the newest article was written."),
    "baoquan_captures_total": ("counter", "Exchanges that this run has archived."),
    "baoquan_captured_bytes_total": ("counter", "Their bytes in the WARC files."),
    "baoquan_answers_total": ("counter", "Answers by HTTP status."),
    "baoquan_articles_total": ("counter", "Rows that this run has written."),
    "baoquan_failed_total": ("counter", "Addresses that failed, by reason."),
    "baoquan_refused_total": ("counter", "Addresses that were refused, by reason."),
    "baoquan_dropped_total": ("counter", "Articles that gave no row, by reason."),
    "baoquan_events_total": ("counter", "What happened to articles, by kind; known at the end."),
    "baoquan_frontier_urls": ("gauge", "Addresses that wait in the frontier."),
    "baoquan_hosts_parked": ("gauge", "Hosts that are left alone."),
    "baoquan_drift_alarms": ("gauge", "Fields of templates that fell in this run."),
    "baoquan_disk_free_bytes": ("gauge", "Free on the disk of the archive."),
    "baoquan_disk_floor_bytes": ("gauge", "What DISK_FLOOR and DISK_SHARE keep of it."),
    "baoquan_webhook_failed_total": ("counter", "Signals that the webhook was not told."),
}
_BY = {  # prefix of the stats, label
    "baoquan_answers_total": ("capture/status/", "status"),
    "baoquan_failed_total": ("failed/", "reason"),
    "baoquan_refused_total": ("refused/", "reason"),
    "baoquan_dropped_total": ("items/dropped/", "reason"),
    "baoquan_events_total": ("events/", "kind"),
}
_OF = {
    "baoquan_captures_total": "capture/count",
    "baoquan_captured_bytes_total": "capture/bytes",
    "baoquan_articles_total": "store/rows",
}


@dataclass(frozen=True, slots=True)
class Now:
    """What is known beside the stats. Instants are Unix seconds; None for what is not known."""

    spider: str
    started: float
    seen: float
    status: int | None = None  # when the run has ended
    last_article: float | None = None
    frontier: int | None = None
    parked: int = 0
    free: int | None = None  # bytes
    floor: int | None = None
    webhook_failed: int = 0


def metrics_text(stats: Mapping[str, Any], now: Now) -> str:
    """The whole file: text format 0.0.4, without timestamps, as the collector wants it."""
    values = {
        "baoquan_run_started_timestamp_seconds": now.started,
        "baoquan_run_seen_timestamp_seconds": now.seen,
        "baoquan_run_active": int(now.status is None),
        "baoquan_run_status": now.status,
        "baoquan_last_article_timestamp_seconds": now.last_article,
        "baoquan_frontier_urls": now.frontier,
        "baoquan_hosts_parked": now.parked,
        "baoquan_drift_alarms": len(stats.get("drift/alarms", ())),
        "baoquan_disk_free_bytes": now.free,
        "baoquan_disk_floor_bytes": now.floor,
        "baoquan_webhook_failed_total": now.webhook_failed,
        **{name: stats.get(key, 0) for name, key in _OF.items()},
    }
    return "".join(_lines(values, stats, {"spider": now.spider}))


def _lines(values: Mapping[str, float | None], stats: Mapping[str, Any], own: dict[str, str]) -> Iterator[str]:
    for name, (kind, about) in METRICS.items():
        yield f"# HELP {name} {about}\n# TYPE {name} {kind}\n"
        if name in _BY:
            prefix, label = _BY[name]
            for reason, count in by_reason(stats, prefix).items():
                yield f"{name}{_labels({**own, label: reason})} {count}\n"
        elif (value := values[name]) is not None:
            yield f"{name}{_labels(own)} {round(value, 3)}\n"


def _labels(values: Mapping[str, str]) -> str:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "{" + ",".join(f'{name}="{quoted(value)}"' for name, value in values.items()) + "}"


def write_metrics(folder: Path, spider: str, text: str) -> None:
    """Replace the spider's file; whoever reads it meanwhile gets the one before. Raises OSError."""
    path = folder / f"baoquan_{spider}.prom"
    draft = path.with_name(f".{path.name}.{os.getpid()}")  # the collector reads *.prom alone
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
