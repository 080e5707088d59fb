"""What a run did, in a few lines, from its stats alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crawler.drift_report import drift_lines
from crawler.samples import rendering_lines

Stats = Mapping[str, Any]


def summary_lines(stats: Stats) -> list[str]:
    """The report at the end of a run: how it ended, pages, files, and what is missing with its reason."""
    left = stats.get("frontier/left", 0)
    lines = [
        f"Ended ({stats.get('finish_reason', 'broken off')}) after {stats.get('elapsed_time_seconds', 0):.0f} s: "
        f"{counted(stats.get('capture/count', 0), 'capture')}, {size(stats.get('capture/bytes', 0))}, "
        f"{counted(stats.get('store/rows', 0), 'row')}",
    ]
    lines += _reasons("Answers by status", stats, "capture/status/")
    lines += _reasons("Failed", stats, "failed/")
    if asked := stats.get("requisites/asked"):
        lines.append(
            f"Files of pages: asked for {asked:,}, archived before {stats.get('requisites/archived_before', 0):,}"
        )
    lines += _reasons("Files of pages that failed", stats, "requisites/failed/")
    lines += _reasons("Refused", stats, "refused/")
    lines += _reasons("Dropped", stats, "items/dropped/")
    lines += _reasons("Articles", stats, "events/")
    lines += drift_lines(stats)
    lines += rendering_lines(stats)
    lines += _reasons("Refused for the server's certificate", stats, "tls/refused/")
    lines += _reasons("Archived in spite of the server's certificate", stats, "tls/archived/")
    if stats.get("robots/forbidden"):
        lines.append(f"Forbidden by robots.txt: {stats['robots/forbidden']:,}")
    lines += [f"Written: {file}" for file in stats.get("store/files", ())]
    if left:
        lines.append(f"Left in the frontier: {left:,}; the same command goes on")
    return lines


def by_reason(stats: Stats, prefix: str) -> dict[str, int]:
    """Counts below a prefix, largest first, then by name."""
    found = [(key.removeprefix(prefix), stats[key]) for key in stats if key.startswith(prefix)]
    return dict(sorted(found, key=lambda pair: (-pair[1], pair[0])))


def size(count: float) -> str:
    """Bytes for people, in powers of 1000.

    >>> size(999), size(1_200_000)
    ('999 B', '1.2 MB')
    """
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 999.95 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.0f} B" if units[0] == "B" else f"{count:.1f} {units[0]}"


def _reasons(title: str, stats: Stats, prefix: str) -> list[str]:
    counts = by_reason(stats, prefix)
    return [f"{title}: " + ", ".join(f"{reason} {count:,}" for reason, count in counts.items())] if counts else []


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
