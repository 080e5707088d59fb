"""The records of a run's meta WARC, and where a run's own files lie.

    warc/<spider>/<spider>-<time>-<job>-meta.warc.gz
        warcinfo │ arguments  settings  seeds  packages │ log  crawl-log  report
                   when the run begins                    when it has ended, or by the next run after a kill

Each part is a ``resource`` record with the target URI ``urn:run:<spider>:<job>:<part>``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from crawler.ledger_runs import Run
from crawler.runfacts import RunFacts, as_json, packages
from warc.reader import read_records
from warc.record import EVIDENCE, Visit, WarcRecord, resource
from warc.values import utc_now
from warc.writer import meta_name

OPENING: Final = ("arguments", "settings", "seeds", "packages")
CLOSING: Final = ("log", "crawl-log", "report")
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


def meta_path(run: Run) -> str:
    """Paths are relative to ARCHIVE_DIR, without ``.open``."""
    return f"warc/{run.spider}/{meta_name(run.spider, run.timestamp14, run.job)}"


def log_path(run: Run) -> str:
    return f"logs/{run.spider}/{run.timestamp14}-{run.job}.log"


def crawl_log_path(run: Run) -> str:
    return f"logs/{run.spider}/{run.timestamp14}-{run.job}.crawl.log"


def report_path(run: Run) -> str:
    return f"reports/{run.spider}/{run.timestamp14}-{run.job}.json"


def page_path(run: Run) -> str:
    """The report as a page for people, made from the one before: derived, so neither ledger nor manifest know it."""
    return f"reports/{run.spider}/{run.timestamp14}-{run.job}.html"


def run_of_meta(spider: str, name: str, job: str) -> Run:
    """What the name of a meta WARC says of its run, when the ledger says nothing."""
    time = name.removeprefix(f"{spider}-")[:14]
    started = f"{time[:4]}-{time[4:6]}-{time[6:8]}T{time[8:10]}:{time[10:12]}:{time[12:]}Z"
    return Run(job, spider, 1, "{}", started, reason="unknown")


def opening(run: Run, facts: RunFacts | None) -> list[WarcRecord]:
    """What is known when a run begins; without ``facts``, of one that was killed before it could say more."""
    values: tuple[Any, ...]
    if facts is not None:
        values = (facts.arguments, facts.settings, facts.seeds, packages())
    else:
        unknown = {"unknown": "the run was killed before its first commit"}
        values = (unknown | {"scope": json.loads(run.scope)}, unknown, unknown, unknown)
    visits = [_visit(run, part) for part in OPENING]
    return [resource(visit, as_json(value), JSON) for visit, value in zip(visits, values, strict=True)]


def closing(folder: Path, run: Run) -> Iterator[WarcRecord]:
    """The files of a run that has ended, read while they are written; what it never wrote is empty."""
    files = {"log": (log_path(run), TEXT), "crawl-log": (crawl_log_path(run), TEXT), "report": (report_path(run), JSON)}
    for part in CLOSING:
        path, content_type = files[part]
        if not (folder / path).exists():
            yield resource(_visit(run, part), b"", content_type)
            continue
        with (folder / path).open("rb") as file:
            yield resource(_visit(run, part), file, content_type)


def arguments_in(meta: Path) -> dict[str, Any]:
    """The arguments that a meta WARC holds; nothing when it cannot be read. Raises OSError, DamagedRecord."""
    return _part_in(meta, "arguments")


def settings_in(meta: Path) -> dict[str, Any]:
    """The settings that a meta WARC holds, likewise."""
    return _part_in(meta, "settings")


def report_in(meta: Path) -> dict[str, Any]:
    """The report that a meta WARC holds; nothing when it has none yet. Raises OSError, DamagedRecord."""
    return _part_in(meta, "report")


def _part_in(meta: Path, part: str) -> dict[str, Any]:
    for record in read_records(meta):
        if record.target_uri.endswith(f":{part}"):
            values = json.loads(record.block)
            return values if isinstance(values, dict) else {}
    return {}


def _visit(run: Run, part: str) -> Visit:
    return Visit(f"{EVIDENCE}{run.spider}:{run.job}:{part}", utc_now())
