"""The files of one run: WARC files in a row, one file for each kind of line, and how far each is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from crawler import crash
from crawler.ledger_ops import FileState
from crawler.rows import RowFile, make_folder
from warc.record import WarcRecord
from warc.writer import RecordRef, WarcFile, file_name

WARCINFO_ONLY = 1  # records of a WARC file that holds no capture
LOGS = {"crawl-log": ".crawl.log", "log": ".log"}  # lines that are no JSON, all in the folder logs


class Outputs:
    """Appends to the run's files. All paths that go in and out are relative to ARCHIVE_DIR, without ``.open``.

    Everything appended has to be synced and committed before a file is closed: it gets its name as it is.
    """

    def __init__(self, folder: Path, spider: str, job: str, warcinfo: Mapping[str, str], target_size: int) -> None:
        self.folder = folder
        self.closed: list[str] = []
        self._spider = spider
        self._job = job
        self._warcinfo = warcinfo
        self._target_size = target_size  # bytes
        self.started = _timestamp(datetime.now(UTC))  # as the names of its files of lines have it
        self._warc: WarcFile | None = None
        self._warc_day: date | None = None
        self._serial = 0
        self._rows: dict[str, RowFile] = {}
        self._synced: dict[str, int] = {}  # by kind
        self._names: dict[Path, str] = {}  # of the files that are open: asked for with each line

    def append(self, records: Iterable[WarcRecord]) -> tuple[str, list[RecordRef]]:
        """Append the records of a capture to the WARC file, all or none; its path and where they lie."""
        if self._warc is None:
            self._warc = self._new_warc()
        refs = self._warc.append(_one_by_one(records))
        return self._relative(self._warc.path), refs

    def add_lines(self, kind: str, lines: bytes) -> tuple[str, int, int]:
        """Append whole lines to the run's file in this folder, or to one of its ``LOGS``; path, offset and length."""
        file = self._rows.get(kind)
        if file is None:
            name = f"{self.started}-{self._job}{LOGS.get(kind, '.jsonl')}"
            file = self._rows[kind] = RowFile(self.folder / _folder(kind) / self._spider / name)
        offset, length = file.append(lines)
        if kind not in LOGS:
            crash.at("row")
        return self._relative(file.path), offset, length

    def sync(self) -> list[FileState]:
        """Make durable what has grown, and say how far it is: to be committed."""
        crash.at("fsync")
        states = []
        for kind, file in self._files():
            if file.size != self._synced.get(kind, 0):
                file.sync()
                self._synced[kind] = file.size
                states.append(self._state(kind, file))
        return states

    @property
    def warc_is_over(self) -> bool:
        """Whether the WARC file has its size, or was begun on another day."""
        if self._warc is None:
            return False
        return self._warc.size >= self._target_size or self._warc_day != datetime.now(UTC).date()

    def close_warc(self) -> list[FileState]:
        """Give the WARC file its name; the next capture begins another one."""
        if self._warc is None:
            return []
        file = self._warc
        if file.count == WARCINFO_ONLY:
            file.discard()
            states = []
        else:
            states = self._close("warc", file)
        self._warc = None
        self._synced.pop("warc", None)
        return states

    def close(self) -> list[FileState]:
        """Give all files their names."""
        states = self.close_warc()
        for kind, file in self._rows.items():
            states += self._close(kind, file)
        self._rows.clear()
        return states

    def abandon(self) -> None:
        """Leave all files as they are, under ``.open``: what of them counts is the ledger's to say."""
        for _, file in self._files():
            file.abandon()
        self._warc = None
        self._rows.clear()

    def _new_warc(self) -> WarcFile:
        folder = self.folder / "warc" / self._spider
        make_folder(folder)
        now = datetime.now(UTC)
        file = WarcFile(folder / file_name(self._spider, _timestamp(now), self._serial, self._job), self._warcinfo)
        self._serial += 1
        self._warc_day = now.date()
        return file

    def _files(self) -> Iterator[tuple[str, WarcFile | RowFile]]:
        if self._warc is not None and self._warc.count > WARCINFO_ONLY:
            yield "warc", self._warc
        for kind, file in self._rows.items():
            if file.size:
                yield kind, file

    def _close(self, kind: str, file: WarcFile | RowFile) -> list[FileState]:
        crash.at("close")
        if file.close() is None:
            return []
        crash.at("rename")
        state = self._state(kind, file, closed=True)
        self.closed.append(state.path)
        return [state]

    def _state(self, kind: str, file: WarcFile | RowFile, closed: bool = False) -> FileState:
        path = self._relative(file.path)
        return FileState(path, _folder(kind), self._spider, self._job, file.size, file.count, closed)

    def _relative(self, path: Path) -> str:
        name = self._names.get(path)
        if name is None:
            name = self._names[path] = path.relative_to(self.folder).as_posix()
        return name


def _one_by_one(records: Iterable[WarcRecord]) -> Iterator[WarcRecord]:
    for record in records:
        yield record
        crash.at("append")  # the file holds a part of the capture now


def _folder(kind: str) -> str:
    return "logs" if kind in LOGS else kind


def _timestamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S")
