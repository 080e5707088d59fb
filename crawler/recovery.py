"""What a killed run left behind: ``.open`` files, cut to what was committed and given their names."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from crawler import crash
from crawler.ledger_ops import FileState, Op
from crawler.rows import cut_back_rows
from crawler.trouble import OutputTrouble
from warc.writer import OPEN, cut_back

logger = logging.getLogger(__name__)

FOLDERS = ("warc", "articles", "events", "links", "quarantine")


def cut_back_leftovers(folder: Path, spider: str, files: Iterable[FileState], jobs: Iterable[str]) -> list[Op]:
    """Close every leftover file of this spider; the operations that say so. It may be killed anywhere and repeated.

    ``files`` are those that the ledger thinks open, ``jobs`` the runs that it knows. A file that it does not know was
    begun by one of these runs after the last commit: nothing of it counts, and it is removed. A file of a run that it
    does not know is of another ledger, and not ours to judge. Raises OutputTrouble when less is there than was
    committed, or two files claim one name: that is no crash, somebody changed it.
    """
    known = {state.path: state for state in files}
    endings = tuple(f"-{job}{suffix}{OPEN}" for job in jobs for suffix in (".warc.gz", "-meta.warc.gz", ".jsonl"))
    ops: list[Op] = []
    for kind in FOLDERS:
        for open_path in sorted((folder / kind / spider).glob(f"*{OPEN}")):
            crash.at("cut")
            path = open_path.relative_to(folder).as_posix().removesuffix(OPEN)
            state = known.pop(path, None)
            if state is None and not open_path.name.endswith(endings):
                logger.warning("%s is of no run in this ledger and left alone: scrapy rebuild takes it in", open_path)
            else:
                _cut(kind, open_path, path, state.length if state else 0)
                if state is not None:
                    ops.append(replace(state, closed=True))
    for state in known.values():  # renamed already, killed before the ledger said so
        _check(folder / state.path, state.length)
        ops.append(replace(state, closed=True))
    crash.at("recovered")
    return ops


def _cut(kind: str, open_path: Path, path: str, committed: int) -> None:
    try:
        cut = (cut_back if kind == "warc" else cut_back_rows)(open_path, committed)
    except FileExistsError:
        raise OutputTrouble(
            f"{open_path}: a file without {OPEN} is beside it; move the one that is a copy away, "
            "then the same command goes on"
        ) from None
    except ValueError as error:
        raise OutputTrouble(f"{error}; put it back as it was or run scrapy rebuild") from error
    if cut.cut_bytes:
        logger.warning("%s: cut %d bytes after the last commit, sha256 %s", path, cut.cut_bytes, cut.cut_sha256)


def _check(file: Path, committed: int) -> None:
    size = file.stat().st_size if file.exists() else 0
    if size < committed:
        raise OutputTrouble(
            f"{file} holds {size} bytes, {committed} were committed; put it back as it was or run scrapy rebuild"
        )
    if size > committed:
        logger.warning("%s goes on for %d bytes behind what was committed: not ours", file, size - committed)
