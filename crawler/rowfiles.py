"""Rows read back from where the ledger says that they stand."""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from warc.writer import OPEN

if TYPE_CHECKING:
    from crawler.ledger_ops import Version


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands: a line of a file in ``articles/``, which may still end in ``.open``."""

    row_id: str
    file: str
    offset: int
    length: int


HANDLES = 32  # files held open: the rows of one article are spread over runs


class RowFiles:
    """Reads single lines of the files of an archive; a file may still be written."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._handles: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> RowFiles:
        return self

    def __exit__(self, *error: object) -> None:
        while self._handles:
            os.close(self._handles.popitem()[1])

    def line(self, file: str, offset: int, length: int) -> bytes | None:
        """The bytes there; None when the file is not there."""
        handle = self._handle(file)
        return None if handle is None else os.pread(handle, length, offset)

    def row(self, place: RowPlace) -> dict[str, Any] | None:
        """The row that stands there; None when the file is not there or holds something else."""
        with suppress(ValueError, OSError):
            row = orjson.loads(self.line(place.file, place.offset, place.length) or b"")
            if isinstance(row, dict) and row.get("row_id") == place.row_id:
                return row
        return None

    def _handle(self, file: str) -> int | None:
        if file in self._handles:
            self._handles.move_to_end(file)
            return self._handles[file]
        for name in (file, file + OPEN, file):  # thirdly: it was closed between the first look and the second
            with suppress(FileNotFoundError):
                self._handles[file] = os.open(self._archive / name, os.O_RDONLY | os.O_CLOEXEC)
                if len(self._handles) > HANDLES:
                    os.close(self._handles.popitem(last=False)[1])
                return self._handles[file]
        return None


def read_row(archive: Path, version: Version) -> dict[str, Any] | None:
    """The row of one version."""
    with RowFiles(archive) as files:
        return files.row(RowPlace(version.row_id, version.file, version.offset, version.length))
