"""The pages in ``reports/``: one for each run, made from its JSON, and an index of all runs, month by month.

They are derived: made again at any time, in no manifest, and no ledger knows them. The end of a run writes its own
page and the index of its month, so it costs the same in a large archive as in a small one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from crawler.exclusions import NOTHING, Hidden
from crawler.ledger_runs import Run, RunTable
from crawler.metawarc import page_path, report_path
from crawler.report import run_line
from crawler.report_html import Html, document, plain, section
from crawler.report_page import page_of, runs_table
from crawler.rows import make_folder

REPORTS = "reports"
INDEX = "index.html"
_MONTH = re.compile(r"index-(\d{4}-\d{2})\.html")


def reports_of(folder: Path, runs: Iterable[Run], hidden: Hidden = NOTHING) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Each run that has a report, with what of it may be shown. Raises OSError, ValueError when it is no JSON."""
    for run in runs:
        path = folder / report_path(run)
        if path.is_file():
            yield run, _shown(json.loads(path.read_bytes()), hidden)


def _shown(value: Any, hidden: Hidden) -> Any:
    """The same without the entries of lists that speak of what was taken down; the figures stay."""
    if isinstance(value, dict):
        return {key: _shown(one, hidden) for key, one in value.items()}
    if not isinstance(value, list) or not hidden:
        return value
    return [_shown(one, hidden) for one in value if not _speaks_of(one, hidden)]


def _speaks_of(entry: Any, hidden: Hidden) -> bool:
    if isinstance(entry, dict):
        return hidden.hides_row(entry)
    return isinstance(entry, str) and "://" in entry and hidden.hides_url(entry)


def write_pages(folder: Path, runs: Iterable[Run], hidden: Hidden = NOTHING) -> list[str]:
    """Write the page of each run that has a report, and the index; the paths, the index last. Raises OSError."""
    runs = list(runs)
    written, months = [], {run.started_at[:7] for run in runs}
    for run, report in reports_of(folder, runs, hidden):
        _put(folder / page_path(run), page_of(report))
        written.append(page_path(run))
    return [*written, *write_index(folder, months)]


def write_index(folder: Path, months: Iterable[str]) -> list[str]:
    """Write the index of these months (``2026-11``) again; the newest of all is ``index.html`` too. Raises OSError."""
    wanted = set(months)
    there = {found[1] for path in (folder / REPORTS).glob("index-*.html") if (found := _MONTH.fullmatch(path.name))}
    every = sorted(wanted | there, reverse=True)
    written = []
    for month in sorted(wanted):
        page = _index(folder, month, every)
        _put(folder / REPORTS / f"index-{month}.html", page)
        written.append(f"{REPORTS}/index-{month}.html")
        if month == every[0]:
            _put(folder / REPORTS / INDEX, page)
            written.append(f"{REPORTS}/{INDEX}")
    return written


def _index(folder: Path, month: str, months: list[str]) -> bytes:
    with RunTable(folder) as table:
        runs = table.between(month, f"{month}~")  # behind every day of it
    pages = {
        f"{run.spider} {run.started_at} {run.job}": page_path(run).removeprefix(f"{REPORTS}/")
        for run in runs
        if (folder / page_path(run)).is_file()
    }
    links = "".join(f'<a href="index-{plain(one)}.html">{plain(one)}</a>' for one in months)
    head = Html(f"<header><h1>{plain(folder.name)}: runs of {plain(month)}</h1></header><nav>{links}</nav>")
    table_of_runs = runs_table([run_line(run) for run in runs], (), pages)
    return document(f"{folder.name}: runs", head, section("Runs", table_of_runs or "<p>No run.</p>"))


def _put(path: Path, page: bytes) -> None:
    """Whole or not at all: somebody may be looking at it."""
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(page)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
