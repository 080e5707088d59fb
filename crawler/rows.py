"""A file of JSON lines that grows under ``.open`` and gets its name when it is closed."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from warc.writer import OPEN, publish, sync_folder


class RowFile:
    """One file of rows (or links, events …) of one run. The file appears with its first line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open_path = path.with_name(path.name + OPEN)
        self.size = 0  # end of the last whole line: what to commit
        self.count = 0
        self._file: int | None = None
        self._named = False  # whether the folder's entry is on disk

    def append(self, lines: bytes) -> tuple[int, int]:
        """Write whole lines; offset and length. All of them or nothing stays, whatever OSError comes out."""
        if self._file is None:
            make_folder(self.path.parent)
            if self.path.exists():
                raise FileExistsError(errno.EEXIST, "exists already", str(self.path))
            self._file = os.open(self.open_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        offset, end, view = self.size, self.size, memoryview(lines)
        try:
            while view:
                written = os.pwrite(self._file, view, end)
                end, view = end + written, view[written:]
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size = end
        self.count += lines.count(b"\n")
        return offset, end - offset

    def sync(self) -> None:
        """Return when every line so far is on disk."""
        if self._file is not None:
            os.fsync(self._file)
            if not self._named:
                sync_folder(self.path.parent)
                self._named = True

    def close(self) -> Path | None:
        """Give the file its name; None when it was never begun, or nothing could be written to it."""
        if self._file is None:
            return None
        os.fsync(self._file)
        self.abandon()
        return _settle(self.open_path, self.path, self.size)

    def abandon(self) -> None:
        """Close the file and leave it under ``.open``."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


@dataclass(frozen=True, slots=True)
class CutRows:
    """What became of a leftover file; ``path`` is None when nothing of it had been committed."""

    path: Path | None
    cut_bytes: int
    cut_sha256: str | None


def cut_back_rows(open_path: Path, committed: int) -> CutRows:
    """Cut a leftover file to its committed length and give it its name, or remove it when nothing was committed.

    Raises ValueError, and changes nothing, when the file is shorter than what was committed.
    """
    with open_path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size < committed:
            raise ValueError(f"{open_path} holds {size} bytes, {committed} were committed")
        file.seek(committed)
        rest = file.read()
        file.truncate(committed)
        os.fsync(file.fileno())
    path = open_path.with_name(open_path.name.removesuffix(OPEN))
    return CutRows(_settle(open_path, path, committed), len(rest), hashlib.sha256(rest).hexdigest() if rest else None)


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it, so that it survives a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _settle(open_path: Path, path: Path, size: int) -> Path | None:
    """Name a file that holds something, remove one that does not."""
    if size:
        return publish(open_path, path)
    open_path.unlink()
    sync_folder(open_path.parent)
    return None
