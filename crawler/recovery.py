"""What a killed run left behind: ``.open`` files, cut to what was committed and given their names."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from crawler import crash
from crawler.ledger_ops import FileState, Op
from crawler.logevents import event
from crawler.report import Cut
from crawler.rows import cut_back_rows
from crawler.trouble import OutputTrouble
from warc.writer import META, OPEN, cut_back, is_meta

logger = logging.getLogger(__name__)

FOLDERS = ("warc", "articles", "events", "links", "quarantine", "exclusions", "logs", "reports")
ENDINGS = (".warc.gz", META, ".jsonl", ".crawl.log", ".log", ".json")  # of a run's files, behind its job


def cut_back_leftovers(
    folder: Path, spider: str, files: Iterable[FileState], jobs: Iterable[str], cuts: list[Cut] | None = None
) -> list[Op]:
    """Close every leftover file of this spider; the operations that say so. It may be killed anywhere and repeated.

    A meta WARC is cut and left open: ``crawler.runevidence`` goes on with it. What was cut off is put to ``cuts``.
    ``files`` are those that the ledger thinks open, ``jobs`` the runs that it knows. A file that it does not know was
    begun by one of these runs after the last commit: nothing of it counts, and it is removed. A file of a run that it
    does not know is of another ledger, and not ours to judge. Raises OutputTrouble when less is there than was
    committed, or two files claim one name: that is no crash, somebody changed it.
    """
    cuts = [] if cuts is None else cuts
    known = {state.path: state for state in files}
    endings = tuple(f"-{job}{ending}{OPEN}" for job in jobs for ending in ENDINGS)
    ops: list[Op] = []
    for kind in FOLDERS:
        for open_path in sorted((folder / kind / spider).glob(f"*{OPEN}")):
            crash.at("cut")
            path = open_path.relative_to(folder).as_posix().removesuffix(OPEN)
            state = known.pop(path, None)
            if state is None and not open_path.name.endswith(endings):
                logger.warning("%s is of no run in this ledger and left alone: scrapy rebuild takes it in", open_path)
            elif state is not None and is_meta(open_path.name):
                _cut_open(open_path, path, state.length, cuts)
            else:
                _cut(kind, open_path, path, state.length if state else 0, cuts)
                if state is not None:
                    ops.append(replace(state, closed=True))
    for state in known.values():  # renamed already, killed before the ledger said so
        _check(folder / state.path, state.length)
        ops.append(replace(state, closed=True))
    crash.at("recovered")
    return ops


def _cut_open(open_path: Path, path: str, committed: int, cuts: list[Cut]) -> None:
    """Cut a file and leave it under its open name."""
    with open_path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size < committed:
            what = f"{open_path} holds {size} bytes, {committed} were committed"
            raise OutputTrouble(f"{what}; put it back as it was or run scrapy rebuild")
        file.seek(committed)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.truncate(committed)
        os.fsync(file.fileno())
    _told(path, size - committed, sha256, cuts)


def _cut(kind: str, open_path: Path, path: str, committed: int, cuts: list[Cut]) -> None:
    try:
        cut = (cut_back if kind == "warc" else cut_back_rows)(open_path, committed)
    except FileExistsError:
        raise OutputTrouble(
            f"{open_path}: a file without {OPEN} is beside it; move the one that is a copy away, "
            "then the same command goes on"
        ) from None
    except ValueError as error:
        raise OutputTrouble(f"{error}; put it back as it was or run scrapy rebuild") from error
    _told(path, cut.cut_bytes, cut.cut_sha256 or "", cuts)


def _told(path: str, count: int, sha256: str, cuts: list[Cut]) -> None:
    if count:
        about = event("tail_cut", path=path, bytes=count)
        logger.warning("%s: cut %d bytes after the last commit, sha256 %s", path, count, sha256, extra=about)
        cuts.append(Cut(path, count, sha256))


def _check(file: Path, committed: int) -> None:
    size = file.stat().st_size if file.exists() else 0
    if size < committed:
        raise OutputTrouble(
            f"{file} holds {size} bytes, {committed} were committed; put it back as it was or run scrapy rebuild"
        )
    if size > committed:
        logger.warning("%s goes on for %d bytes behind what was committed: not ours", file, size - committed)
