"""A run's own evidence under ``scrapy verify``: meta WARC, crawl log and report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from crawler.crawllog import ABSENT, parse
from crawler.evidence import lines_between
from crawler.findings import Checked
from crawler.ledger_runs import Run
from crawler.metawarc import CLOSING, OPENING, crawl_log_path, log_path, report_path, run_of_meta
from crawler.report import OLDER, PARTS, SCHEMA
from warc.digest import digest_of
from warc.record import EVIDENCE
from warc.verify import Report
from warc.writer import OPEN, meta_name

PIECE = 1 << 20  # bytes


def check_meta(name: str, report: Report, root: Path, checked: Checked) -> None:
    """Every part once, of the run that the file is named after, and equal to the files of the archive."""
    file = name.rpartition("/")[2]
    found: dict[str, str] = {}
    run: Run | None = None
    for uri, digest, offset, record_id in report.evidence:
        spider, _, rest = uri.removeprefix(EVIDENCE).partition(":")
        job, _, part = rest.partition(":")
        run = run_of_meta(spider, file, job)
        if part not in OPENING + CLOSING or meta_name(spider, run.timestamp14, job) != file.removesuffix(OPEN):
            checked.add(name, offset, record_id, "evidence", f"{uri} is no part of this run")
        elif part in found:
            checked.add(name, offset, record_id, "evidence", f"{uri} stands in it twice")
        found.setdefault(part, digest)
    if report.records != 1 + len(report.evidence):
        checked.add(name, None, None, "evidence", "it holds other records than a run's evidence")
    for part in OPENING if file.endswith(OPEN) else OPENING + CLOSING:
        if part not in found:
            checked.add(name, None, None, "evidence", f"no record with the run's {part}")
    if run is not None:
        for part, place in (("log", log_path), ("crawl-log", crawl_log_path), ("report", report_path)):
            path = root / place(run)
            if part in found and path.is_file() and _digest(path) != found[part]:
                checked.add(name, None, None, "evidence", f"the {part} in it is another one than {place(run)}")


def check_crawl_log(path: Path, name: str, end: int | None) -> Checked:
    """Every line; how many attempts it tells of each WARC file."""
    checked = Checked(counts=Counter({"crawl logs": 1}))
    for offset, line in lines_between(path, 0, end):
        values = parse(line)
        if values is None:
            checked.add(name, offset, None, "crawl-log", f"not ten fields: {line[:60]!r}")
        elif values[8] != ABSENT:
            checked.attempts[values[8]] += 1
    return checked


def check_report(path: Path, name: str) -> Checked:
    """A report of ours, with all its parts."""
    checked = Checked(counts=Counter({"reports": 1}))
    try:
        report = json.loads(path.read_bytes())
        is_older = report["schema"] in OLDER
        missing = [part for part in PARTS if part not in report and not is_older]
        if not (is_older or report["schema"] == SCHEMA) or missing or "left" not in report:
            checked.add(name, None, None, "report", f"it is no {SCHEMA}: {', '.join(missing) or report['schema']}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        checked.add(name, None, None, "report", f"no JSON object of a run: {error}")
    return checked


def compare_attempts(checked: Checked, names: Iterable[str]) -> None:
    """Each exchange of these WARC files has its line, and each line its exchange; older runs kept no crawl log."""
    for name in names:
        told, made = checked.attempts[name], checked.exchanges[name]
        if told and told != made:
            checked.add(name, None, None, "crawl-log", f"{made} exchanges, {told} lines of crawl logs")


def _digest(path: Path) -> str:
    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    return digest_of(pieces())
