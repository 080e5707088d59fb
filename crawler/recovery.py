"""What a killed run left behind: ``.open`` files, cut to what was committed and given their names."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from crawler.ledger_ops import FileState, Op
from crawler.rows import cut_back_rows
from warc.writer import OPEN, cut_back

logger = logging.getLogger(__name__)

FOLDERS = ("warc", "articles", "events", "links", "quarantine")


def cut_back_leftovers(folder: Path, spider: str, files: list[FileState]) -> list[Op]:
    """Close every leftover file of this spider; the operations that say so.

    A file that the ledger does not know was begun after the last commit: nothing of it counts, and it is removed.
    Raises ValueError when a file is shorter than what was committed: that is no crash, somebody changed it.
    """
    known = {state.path: state for state in files}
    ops: list[Op] = []
    for kind in FOLDERS:
        for open_path in sorted((folder / kind / spider).glob(f"*{OPEN}")):
            path = open_path.relative_to(folder).as_posix().removesuffix(OPEN)
            state = known.pop(path, None)
            cut = (cut_back if kind == "warc" else cut_back_rows)(open_path, state.length if state else 0)
            if cut.cut_bytes:
                logger.warning("%s: cut %d bytes after the last commit, sha256 %s", path, cut.cut_bytes, cut.cut_sha256)
            if state is not None:
                ops.append(replace(state, closed=True))
    for path, state in known.items():  # renamed already, killed before the ledger said so
        if state.length and not (folder / path).exists():
            raise ValueError(f"{folder / path} is missing; put it back, or run scrapy rebuild")
        ops.append(replace(state, closed=True))
    return ops
