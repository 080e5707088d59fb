"""How records reach a file: one gzip member each, under ``.open`` until the file is closed, never reopened.

    WarcFile(path, fields)  creates <path>.open and writes its warcinfo
      .append(records)      all of them or none; their offsets and lengths
      .sync()               what was appended survives a power cut
      .close()              sync, then the final name

After a kill, ``cut_back`` gives a leftover ``.open`` file the end that was last committed.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isal import isal_zlib

from warc.record import WarcRecord, warcinfo

OPEN: Final = ".open"
META: Final = "-meta.warc.gz"
LEVEL: Final = 2  # a third of zlib's cost at 1.15 of its size, measured on news pages
GZIP: Final = 31  # window bits for a gzip wrapper
BUFFER: Final = 1 << 18  # compressed bytes held before they are written

_PREFIX = re.compile(r"[A-Za-z0-9_.-]+")
_JOB = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIMESTAMP = re.compile(r"\d{14}")
_META_NAME = re.compile(r"[A-Za-z0-9_.-]+-\d{14}-[A-Za-z0-9_-]{1,64}-meta\.warc\.gz")


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Where a record lies in its file: offset and length of the gzip member, in bytes."""

    offset: int
    length: int
    record_id: str


@dataclass(frozen=True, slots=True)
class CutBack:
    """What became of a leftover file. ``path`` is its final name, None when it held no capture and was removed."""

    path: Path | None
    kept: int
    cut_bytes: int
    cut_sha256: str | None  # hex digest of the bytes that were cut off; None when there were none


def file_name(prefix: str, timestamp14: str, serial: int, job: str) -> str:
    """The final name of a file.

    >>> file_name("baoquocte", "20261121100000", 3, "a1b2")
    'baoquocte-20261121100000-00003-a1b2.warc.gz'
    """
    if not (_PREFIX.fullmatch(prefix) and _TIMESTAMP.fullmatch(timestamp14) and _JOB.fullmatch(job)):
        raise ValueError(f"not the parts of a file name: {prefix!r}, {timestamp14!r}, {job!r}")
    return f"{prefix}-{timestamp14}-{serial:05d}-{job}.warc.gz"


def meta_name(prefix: str, timestamp14: str, job: str) -> str:
    """The final name of the file that tells of a run as a whole.

    >>> meta_name("baoquocte", "20261121100000", "a1b2")
    'baoquocte-20261121100000-a1b2-meta.warc.gz'
    """
    file_name(prefix, timestamp14, 0, job)  # the parts are checked there
    return f"{prefix}-{timestamp14}-{job}{META}"


def is_meta(name: str) -> bool:
    """Whether a file of this name, open or closed, tells of a run, and holds no captures."""
    return _META_NAME.fullmatch(name.removesuffix(OPEN)) is not None


class WarcFile:
    """A WARC file being written by one thread. Its folder has to exist; FileExistsError when the name is taken.

    ``size`` is the end of the last whole append: what to commit. After a failed append the file ends there again;
    should even that fail, every later append raises and ``cut_back`` mends the file.
    """

    def __init__(
        self,
        path: Path,
        fields: Mapping[str, str],
        *,
        date: str | None = None,
        record_id: str | None = None,
    ) -> None:
        self.path = path
        self.open_path = path.with_name(path.name + OPEN)
        if path.exists():
            raise FileExistsError(f"{path} exists")
        first = warcinfo(fields, filename=path.name, date=date, record_id=record_id)
        self.warcinfo_id = first.record_id
        self.size = 0
        self.count = 0  # records
        self._end = 0
        self._damaged = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(self.open_path, flags, 0o644)
        self._named = False  # whether the folder's entry is on disk
        try:
            self.append([first])
        except BaseException:
            self.discard()
            raise

    @classmethod
    def resume(cls, path: Path, size: int, count: int, warcinfo_id: str) -> WarcFile:
        """Go on with a file that a killed process left under ``.open``, behind ``size`` bytes and ``count`` records.

        What stands behind them is cut off. Raises OSError.
        """
        file = cls.__new__(cls)
        file.path, file.open_path = path, path.with_name(path.name + OPEN)
        file.warcinfo_id, file.size, file.count = warcinfo_id, size, count
        file._end, file._damaged, file._named = size, False, False
        file._file = os.open(file.open_path, os.O_WRONLY | os.O_CLOEXEC)
        os.ftruncate(file._file, size)
        return file

    def append(self, records: Iterable[WarcRecord]) -> list[RecordRef]:
        """Append records, all or none. Raises OSError (disk full), EOFError (a body became shorter)."""
        if self._damaged:
            raise OSError(f"{self.open_path} could not be cut back after a failed append")
        refs = []
        try:
            for record in records:
                offset = self._end
                member = _Member(self)
                record.within(self.warcinfo_id).write_to(member)
                member.finish()
                refs.append(RecordRef(offset, self._end - offset, record.record_id))
        except BaseException:
            self._damaged = True
            os.ftruncate(self._file, self.size)
            self._end = self.size
            self._damaged = False
            raise
        self.size = self._end
        self.count += len(refs)
        return refs

    def sync(self) -> None:
        """Return when everything appended so far is on disk."""
        os.fsync(self._file)
        if not self._named:
            sync_folder(self.path.parent)
            self._named = True

    def close(self, committed: int | None = None) -> Path | None:
        """Sync, close and give the file its final name. ``committed`` first cuts off what was appended after it.

        None when nothing but the warcinfo would be left: such a file is removed.
        """
        if committed is not None and committed < self.size:
            self.abandon()
            return cut_back(self.open_path, committed).path
        self.sync()
        self.abandon()
        return publish(self.open_path, self.path)

    def discard(self) -> None:
        """Close the file and remove it."""
        self.abandon()
        self.open_path.unlink()

    def abandon(self) -> None:
        """Close the file and leave it under ``.open``; may be called again."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, self._end)
            self._end += written
            view = view[written:]


class _Member:
    """A gzip member at the end of a file: bytes in, compressed bytes out, a buffer at a time."""

    def __init__(self, file: WarcFile) -> None:
        self._file = file
        self._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, GZIP)
        self._held: list[bytes] = []
        self._length = 0

    def write(self, data: bytes) -> None:
        self._hold(self._compressor.compress(data))

    def flush(self) -> None:
        """warcio flushes after each record; the member ends in ``finish``."""

    def finish(self) -> None:
        self._hold(self._compressor.flush())
        self._write_out()

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._length += len(data)
        if self._length > BUFFER:
            self._write_out()

    def _write_out(self) -> None:
        self._file._write(b"".join(self._held))
        self._held, self._length = [], 0


def cut_back(open_path: Path, committed: int) -> CutBack:
    """Cut a leftover ``.open`` file to its committed length, then close it under its own name.

    A file whose committed part is empty or holds only the warcinfo is removed. Raises ValueError, and changes
    nothing, when the file is shorter than what was committed, and FileExistsError when the final name is taken.
    """
    path = open_path.with_name(open_path.name.removesuffix(OPEN))
    if path == open_path:
        raise ValueError(f"{open_path} is not an open file")
    size = open_path.stat().st_size
    if size < committed:
        raise ValueError(f"{open_path} holds {size} bytes, {committed} were committed")
    sha256 = hashlib.sha256()
    with open_path.open("r+b") as file:
        worthless = committed == 0 or _first_member_end(file.read(1 << 20)) >= committed
        file.seek(committed)
        while piece := file.read(1 << 20):
            sha256.update(piece)
        if not worthless and size > committed:
            file.truncate(committed)
            os.fsync(file.fileno())
    cut = size - committed
    if worthless:
        open_path.unlink()
        sync_folder(path.parent)
    else:
        publish(open_path, path)
    return CutBack(None if worthless else path, 0 if worthless else committed, cut, sha256.hexdigest() if cut else None)


def _first_member_end(data: bytes) -> int:
    """Where the warcinfo's gzip member ends; -1 when that cannot be read (then the file is kept)."""
    decompressor = zlib.decompressobj(GZIP)
    try:
        decompressor.decompress(data)
    except zlib.error:
        return -1
    return len(data) - len(decompressor.unused_data) if decompressor.eof else -1


def publish(open_path: Path, path: Path) -> Path:
    """Rename, and make the folder's entry durable. Raises FileExistsError rather than replace a file."""
    if path.exists():
        raise FileExistsError(f"{path} exists")
    open_path.rename(path)
    sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
