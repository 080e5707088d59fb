"""MANIFEST.jsonl: what every closed file of the archive was, each line bound to the line before.

    file closed ─► ledger says so ─► SHA-256 ─► line appended and synced ─► ledger: number, hash and end of the line
                                                                  └► next warcinfo: manifest-head

A line holds the hash of the line before, so that nothing can be changed or taken out without changing all that
follows. The end is held by the ledger and by the next warcinfo. Like every other file, the manifest counts up to the
length that the ledger has committed: what stands behind it after a kill is cut off and written again, and a closed
file without its line gets one from the next run. A ledger that was rebuilt takes the lines over as they are.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from crawler import crash
from crawler.dates import utc_text
from crawler.ledger_files import FileTable, Noted
from crawler.ledger_ops import FileState
from crawler.serialize import to_line
from warc.writer import sync_folder

MANIFEST = "MANIFEST.jsonl"
HEAD_FIELD = "manifest-head"  # of a warcinfo: number of the last line and its hash
PIECE = 1 << 20  # bytes

logger = logging.getLogger(__name__)


def catch_up(folder: Path, spider: str) -> None:
    """Give each closed file of this spider that has no line its line. May be killed anywhere and repeated."""
    with FileTable(folder) as table:
        if table.head() is None:
            _take_in(folder / MANIFEST, table)
        # Hashed outside the transaction: other spiders' commits wait for that one.
        digests = [(state, digest) for state in table.closed_without_line(spider) if (digest := _digest(folder, state))]
        if not digests:
            return
        crash.at("manifest")
        with table.transaction():
            head = table.head()
            number, before = (head.number, head.line_sha256) if head else (0, None)
            end = _cut(folder / MANIFEST, head.line_end if head else 0)
            lines, noted = [], []
            for state, digest in digests:
                number += 1
                line = manifest_line(number, state, digest, before)
                before = hashlib.sha256(line).hexdigest()
                end += len(line)
                lines.append(line)
                noted.append(Noted(number, state.path, digest, before, end))
            _append(folder / MANIFEST, b"".join(lines))
            crash.at("manifest")
            table.note(noted)


def _take_in(path: Path, table: FileTable) -> None:
    """A ledger without a line, as one that was rebuilt, takes over those that are there: none is ever written anew."""
    end, noted = 0, []
    for raw in io.BytesIO(path.read_bytes()) if path.is_file() else ():
        if raw.endswith(b"\n"):
            end += len(raw)
            with suppress(ValueError, KeyError, TypeError, RecursionError):  # scrapy verify names such a line
                line = json.loads(raw)
                sha256 = hashlib.sha256(raw).hexdigest()
                noted.append(Noted(int(line["number"]), str(line["path"]), str(line["sha256"]), sha256, end))
    if noted:
        with table.transaction():
            table.note(noted)


def head_of(folder: Path) -> dict[str, str]:
    """The warcinfo field that names the last line; empty when there is none yet."""
    with FileTable(folder) as table:
        head = table.head()
    return {HEAD_FIELD: f"{head.number} sha256:{head.line_sha256}"} if head else {}


def manifest_line(number: int, state: FileState, sha256: str, previous: str | None) -> bytes:
    """One line; ``previous`` is the hex SHA-256 of the line before with its line end, None for the first."""
    return to_line(
        {
            "number": number,
            "path": state.path,
            "kind": state.kind,
            "spider": state.spider,
            "run": state.run,
            "sha256": sha256,
            "size": state.length,
            "records": state.records,
            "noted_at": utc_text(datetime.now(UTC)),
            "previous": previous,
        }
    )


def sha256_of(path: Path, length: int | None = None) -> str:
    """Hex digest of a file, or of its first ``length`` bytes. Raises OSError."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        for piece in _pieces(file.fileno(), length):
            sha256.update(piece)
    return sha256.hexdigest()


def _pieces(file: int, length: int | None) -> Iterator[bytes]:
    left = length
    while piece := os.read(file, PIECE if left is None else min(PIECE, left)):
        yield piece
        left = None if left is None else left - len(piece)


def _digest(folder: Path, state: FileState) -> str | None:
    """Of what was committed; what somebody has added behind it is for ``scrapy verify`` to find."""
    try:
        return sha256_of(folder / state.path, state.length)
    except FileNotFoundError:
        logger.warning("%s was taken away before it came into %s: scrapy verify names it", state.path, MANIFEST)
        return None


def _cut(path: Path, committed: int) -> int:
    """Cut off what a killed run wrote behind the last committed line; where the next line begins."""
    size = path.stat().st_size if path.exists() else 0
    if size > committed:
        logger.warning("%s: cut %d bytes that were never committed", MANIFEST, size - committed)
        os.truncate(path, committed)
    elif size < committed:
        # Never made whole in silence: the next line names the hash of one that is missing.
        missing = committed - size
        logger.error("%s: %d bytes of it were taken away; scrapy verify says which lines", path, missing)
        if size and path.read_bytes()[-1:] != b"\n":
            _append(path, b"\n")
            return size + 1
    return min(size, committed)


def _append(path: Path, data: bytes) -> None:
    new = not path.exists()
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)
