"""An archive copied as it stood at one moment, while crawls go on in it.

    cursors ─► ledger, in one read ─► the files that it knows, as far as they are committed ─► the ledger gets its name

The order is what makes it right. Cursors come first, so that none is ahead of the ledger. Files come after the ledger:
a closed file never changes, an open one only grows, so what was committed then is there still. The copy is an archive
as a power cut would have left it, and the next run in it clears up as after one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from crawler import sqlite
from crawler.dates import utc_text
from crawler.ledger_files import LEDGER, FileTable
from crawler.ledger_ops import FileState
from crawler.manifest import MANIFEST, PIECE
from crawler.recovery import FOLDERS
from crawler.rows import make_folder
from warc.writer import OPEN, sync_folder

ABOUT: Final = "backup.json"  # what makes a folder a copy of ours
SCHEMA: Final = "backup/1"
UNFINISHED: Final = ".unfinished"
NOTES: Final = ("cursors/*.json", "exports/*.json", "timetable/*.jsonl")  # small files, each copied anew as a whole


class Damaged(Exception):
    """A file of the archive is not what it was: one line. The copy has it as it is."""


def why_no_backup(archive: Path, target: Path) -> str | None:
    """Why nothing may be copied to ``target``, in one line; None when it may."""
    one, other = archive.resolve(), target.resolve()
    if one == other or one in other.parents or other in one.parents:
        return f"{target} and the archive lie in each other"
    if target.exists() and not target.is_dir():
        return f"{target} is no folder"
    if (target / "locks").exists():
        return f"somebody has crawled in {target}: it is an archive of its own now"
    entries = [path.name for path in target.iterdir()] if target.is_dir() else []
    if entries and ABOUT not in entries and entries != [UNFINISHED]:
        return f"{target} holds something else"
    return None


def back_up(archive: Path, target: Path, *, link: bool = False) -> Counter[str]:
    """Copy what is not there yet; counts of ``files``, ``copied`` and ``bytes``. May be broken off and repeated.

    With ``link`` closed files are hard links where the disk allows it. Raises OSError, sqlite3.Error, and Damaged after
    everything is copied.
    """
    draft = target / UNFINISHED
    make_folder(draft)
    _say(target, {"archive": str(archive), "at": None})
    for path in [path for pattern in NOTES for path in sorted(archive.glob(pattern))]:
        _copy(path, target / path.relative_to(archive), None)
    at = utc_text(datetime.now(UTC))
    (draft / LEDGER).unlink(missing_ok=True)
    sqlite.copy(archive / LEDGER, draft / LEDGER)
    sqlite.make_whole(draft / LEDGER)
    with FileTable(draft, read_only=True) as table:
        files, noted = table.files(), table.noted()
    counts, wrong = Counter[str](), []
    digests = {line.path: line.sha256 for line in noted}
    for state in files:
        counts["files"] += 1
        counts["bytes"] += state.length
        if (digest := _copy_file(archive, target, state, link)) is not None:
            counts["copied"] += 1
            if state.path in digests and digest not in ("", digests[state.path]):
                wrong.append(state.path)
    if noted:
        _copy(archive / MANIFEST, target / MANIFEST, noted[-1].line_end)
    (draft / LEDGER).replace(target / LEDGER)
    draft.rmdir()
    _forget_open(target, {state.path + OPEN for state in files if not state.closed})
    sync_folder(target)
    _say(target, {"archive": str(archive), "at": at, "files": counts["files"], "bytes": counts["bytes"]})
    if wrong:
        raise Damaged(f"{len(wrong)} files are not what {MANIFEST} says, such as {wrong[0]}; scrapy verify names them")
    return counts


def _copy_file(archive: Path, target: Path, state: FileState, link: bool) -> str | None:
    """Copy a file as far as it is committed; its digest, "" for a link, None when it was there already."""
    source, copy = archive / state.path, target / state.path
    if not state.closed:
        still_open = source.with_name(source.name + OPEN)
        try:
            return _copy(still_open, copy.with_name(copy.name + OPEN), state.length)
        except FileNotFoundError:  # closed since: its beginning is what was committed
            return _copy(source, copy.with_name(copy.name + OPEN), state.length)
    if copy.exists() and copy.stat().st_size == state.length:
        return None
    if link:
        make_folder(copy.parent)
        with suppress(OSError):
            os.link(source.resolve(), copy)
            return ""
    return _copy(source, copy, None)


def _copy(source: Path, copy: Path, length: int | None) -> str:
    """Copy a file, or its first bytes; it appears when it is whole and on disk. The hex SHA-256 of what was copied."""
    make_folder(copy.parent)
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    sha256, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as old, draft.open("wb") as new:
            for piece in _pieces(old, length):
                new.write(piece)
                sha256.update(piece)
                size += len(piece)
            if length is not None and size < length:
                raise OSError(errno.EIO, f"only {size} of {length} committed bytes are there", str(source))
            new.flush()
            os.fsync(new.fileno())
        shutil.copystat(source, draft)
        draft.replace(copy)
    finally:
        draft.unlink(missing_ok=True)
    return sha256.hexdigest()


def _pieces(file: Any, length: int | None) -> Iterator[bytes]:
    left = length
    while piece := file.read(PIECE if left is None else min(PIECE, left)):
        yield piece
        left = None if left is None else left - len(piece)


def _forget_open(target: Path, known: set[str]) -> None:
    """Files that were open when the copy before was made stand there under their names now."""
    for folder in FOLDERS:
        for path in sorted((target / folder).rglob(f"*{OPEN}")):
            if path.relative_to(target).as_posix() not in known:
                path.unlink()


def _say(target: Path, about: dict[str, Any]) -> None:
    draft = target / f".{ABOUT}"
    draft.write_text(json.dumps({"schema": SCHEMA, **about}, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(target / ABOUT)
