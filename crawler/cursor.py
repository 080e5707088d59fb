"""How far a consumer of the archive's changes has come: ``cursors/<name>.json`` in the archive folder.

    read what stands behind the position ─► write it, whole and synced ─► move the cursor

A cursor is moved after what it passes was delivered: a kill in between has the same changes delivered again, with the
same positions. Where they are delivered as files, nothing comes twice either: ``deliver`` notes in the cursor, in one
step with its move, which finished files still have to take their names, and the next start of whoever holds the
cursor makes good what was left.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from crawler import crash
from crawler.arguments import made_up_job
from crawler.dates import utc_text
from crawler.lock import FolderLock
from crawler.rows import make_folder
from warc.writer import OPEN, sync_folder

FOLDER = "cursors"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class CursorError(Exception):
    """The cursor cannot be used. One line that says what to do."""


@dataclass
class _State:
    cursor: str
    order: str  # of the ledger whose positions these are
    position: int = 0
    moved_at: str | None = None
    unnamed: list[tuple[str, str]] = field(default_factory=list)  # finished files and the names they are to have


class Cursor:
    """Held by one process from construction to the end of ``with``. Raises Locked, OSError and CursorError."""

    def __init__(self, archive: Path, name: str, order: str, *, restart: bool = False) -> None:
        if trouble := name_trouble(name):
            raise CursorError(trouble)
        self._path = archive / FOLDER / f"{name}.json"
        self._lock = FolderLock(archive, f"cursor.{name}", made_up_job())
        try:
            self._state = self._read(name, order, restart)
            self._name_files()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    @property
    def position(self) -> int:
        """Everything up to here was delivered."""
        return self._state.position

    def move(self, position: int) -> None:
        """All up to this position was delivered; durable when this returns."""
        self.deliver(position, [])

    def deliver(self, position: int, files: list[tuple[Path, Path]]) -> None:
        """Move on, and give finished files (whole and synced) their names: both or, until the next start, neither."""
        crash.at("cursor")
        self._state.position = position
        self._state.moved_at = utc_text(datetime.now(UTC))
        self._state.unnamed = [(str(old.absolute()), str(new.absolute())) for old, new in files]
        self._write()
        self._name_files()

    def _name_files(self) -> None:
        if not self._state.unnamed:
            return
        for old, new in self._state.unnamed:
            crash.at("cursor")
            if Path(old).exists():  # else it has its name already
                make_folder(Path(new).parent)
                Path(old).replace(new)
        for folder in {Path(new).parent for _, new in self._state.unnamed}:
            sync_folder(folder)
        self._state.unnamed = []
        self._write()

    def _read(self, name: str, order: str, restart: bool) -> _State:
        if not self._path.exists():
            return _State(name, order)
        try:
            state = _State(**json.loads(self._path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise CursorError(f"{self._path} is damaged: --restart begins anew ({error})") from None
        if restart:
            return _State(name, order, unnamed=state.unnamed)
        if state.order != order:
            raise CursorError(
                f"{self._path}: the ledger that it counts in is lost; --restart --since DAY begins anew, and tells "
                "what was new since that day again"
            )
        return state

    def _write(self) -> None:
        make_folder(self._path.parent)
        unfinished = self._path.with_name(self._path.name + OPEN)
        with unfinished.open("wb") as file:
            file.write(json.dumps(asdict(self._state), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)
        sync_folder(self._path.parent)


def name_trouble(name: str) -> str | None:
    """One line when this is no name of a cursor."""
    if _NAME.fullmatch(name):
        return None
    return f"--cursor {name[:60]!r}: a name is letters, digits, '.', '_' and '-', 64 at most"


def cursors_of(archive: Path) -> list[tuple[str, int]]:
    """Names and positions of all cursors of an archive; a damaged one is left out."""
    found = []
    for path in sorted((archive / FOLDER).glob("*.json")):
        with suppress(ValueError, TypeError, OSError):
            state = _State(**json.loads(path.read_bytes()))
            found.append((state.cursor, state.position))
    return found
