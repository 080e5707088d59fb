"""The files that tell of runs, for a ledger that is made again: noted, never read for captures."""

from __future__ import annotations

from pathlib import Path

from crawler.rebuild_draft import Draft
from crawler.rebuild_read import LinesFound, WarcFound, job_in
from warc.reader import DamagedRecord, read_at
from warc.verify import verify
from warc.writer import OPEN


def take_meta(draft: Draft, spider: str, path: Path, name: str) -> None:
    """A run's meta WARC, read in pieces: the log in it may be large. Of an open one the whole records count."""
    file = WarcFound(path, name)
    report = verify(path)
    file.end, file.records = path.stat().st_size, report.records
    if report.faults:
        file.damage = f"{path}: {report.faults[0].detail} at offset {report.faults[0].offset}"
        if path.suffix == OPEN:
            file.end, file.damage = report.faults[0].offset, None
    try:
        file.info = dict(read_at(path, 0).fields())
    except (DamagedRecord, ValueError) as error:
        file.damage = str(error)
    draft.note_file("warc", spider, job_in(file.info), file)


def text_found(path: Path, name: str) -> LinesFound:
    """A log or a report. Of an open one the whole lines count."""
    file = LinesFound(path, name)
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                file.end += len(line)
                file.records += 1
    return file
