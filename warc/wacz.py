"""WACZ 1.1.1: a web archive in one ZIP file, written to disk as it is read.

    archive/<name>.warc.gz    as they are, stored         indexes/index.cdx      of all of them, stored
    pages/pages.jsonl         address, time, title, text  <folder>/<name>        further files: rows, logs
    datapackage.json          every part with its SHA-256 and size
    datapackage-digest.json   the SHA-256 of that list

Parts that a player seeks in are stored, not deflated. Nothing is held in memory but the index of one WARC file.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from warc.cdxj import merge, parse_line, playable, write_index
from warc.reader import read_records
from warc.writer import sync_folder

VERSION: Final = "1.1.1"
DATAPACKAGE: Final = "datapackage.json"
DIGEST: Final = "datapackage-digest.json"
PAGES: Final = "pages/pages.jsonl"
INDEX: Final = "indexes/index.cdx"  # the one name for CDXJ that pywb takes, and every other player too
OWN_FOLDERS: Final = ("archive", "indexes", "pages", "fuzzy")
PIECE: Final = 1 << 20


class Wacz:
    """Writes one WACZ file; it has its name only when it is whole. Raises OSError, DamagedRecord, ValueError.

    with Wacz(path, {"title": …, "software": …}) as wacz:
        wacz.add_warcs(paths); wacz.add_pages(pages); wacz.add_file("articles/x.jsonl", path)
    """

    def __init__(self, path: Path, about: Mapping[str, Any], created: datetime | None = None) -> None:
        self._path = path
        self._about = about
        self._created = created or datetime.now(UTC)
        self._resources: list[dict[str, Any]] = []

    def __enter__(self) -> Wacz:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix=f".{self._path.name}.", suffix=".open", dir=self._path.parent)
        self._unfinished = Path(unfinished)
        self._file = os.fdopen(handle, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", allowZip64=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            if kind is None:
                self._describe()
            self._zip.close()
            if kind is None:
                self._file.flush()
                os.fchmod(self._file.fileno(), 0o644)
                os.fsync(self._file.fileno())
                self._unfinished.replace(self._path)
                sync_folder(self._path.parent)
        finally:
            self._file.close()
            self._unfinished.unlink(missing_ok=True)

    def add_warcs(self, warcs: Sequence[Path], hides: Callable[[str], bool] | None = None) -> int:
        """The files, and their index; how many revisits refer to payloads in other files.

        With ``hides`` the records of the target URIs that it names are left out; each of the others is copied as it
        stands. ValueError when two files have the same name.
        """
        names = [warc.name for warc in warcs]
        if len(set(names)) < len(names):
            raise ValueError("two WARC files have the same name")
        with tempfile.TemporaryDirectory(dir=self._path.parent, prefix=f".{self._path.name}.") as folder:
            indexes = [Path(folder) / f"{number}.cdxj" for number in range(len(warcs))]
            for warc, index in zip(warcs, indexes, strict=True):
                shown = warc if hides is None else copy_without(warc, Path(folder) / warc.name, hides)
                write_index(shown, index)
                with shown.open("rb") as file:
                    self._add(f"archive/{warc.name}", _pieces(file), stored=True)
                if shown is not warc:
                    shown.unlink()
            payloads = _Payloads()
            self._add(INDEX, payloads.passing(playable(merge(indexes))), stored=True)
        return payloads.unresolved

    def add_pages(self, pages: Iterable[Mapping[str, Any]]) -> int:
        """One line a page: ``url`` and ``ts`` (RFC 3339) at least, then ``id``, ``title``, ``text``. How many."""
        head = {"format": "json-pages-1.0", "id": "pages", "title": "All pages", "hasText": True}
        written = 0

        def lines() -> Iterator[bytes]:
            nonlocal written
            yield _json(head) + b"\n"
            for page in pages:
                written += 1
                yield _json(page) + b"\n"

        self._add(PAGES, lines())
        return written

    def add_file(self, name: str, path: Path, shown: Callable[[bytes], bytes] | None = None) -> None:
        """A further part; with ``shown`` what it makes of each line. ValueError for a name in the format's folders."""
        if name.partition("/")[0] in (*OWN_FOLDERS, DATAPACKAGE, DIGEST):
            raise ValueError(f"{name!r} is no name for a further part")
        with path.open("rb") as file:
            self._add(name, _pieces(file) if shown is None else map(shown, file))

    def _describe(self) -> None:
        package = {"profile": "data-package", "wacz_version": VERSION, **self._about}
        package |= {"created": self._created.strftime("%Y-%m-%dT%H:%M:%SZ"), "resources": self._resources}
        data = json.dumps(package, ensure_ascii=False, indent=2).encode("utf-8")
        self._write(DATAPACKAGE, [data])
        digest = {"path": DATAPACKAGE, "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        self._write(DIGEST, [_json(digest)])

    def _add(self, name: str, pieces: Iterable[bytes], *, stored: bool = False) -> None:
        sha256, size = self._write(name, pieces, stored=stored)
        # Names are unique in a data package, and of these letters only.
        part = {"name": name.lower(), "path": name, "hash": f"sha256:{sha256}", "bytes": size}
        self._resources.append(part)

    def _write(self, name: str, pieces: Iterable[bytes], *, stored: bool = False) -> tuple[str, int]:
        info = zipfile.ZipInfo(name, self._created.timetuple()[:6])
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        # A time, so that the part has an extra field in the directory: ReplayWeb.page looks for the one that zip64
        # puts before the part's data only then, and takes it for data else.
        info.extra = struct.pack("<HHBI", 0x5455, 5, 1, int(self._created.timestamp()))
        sha256, size = hashlib.sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as part:
            for piece in pieces:
                part.write(piece)
                sha256.update(piece)
                size += len(piece)
        return sha256.hexdigest(), size


def copy_without(warc: Path, copy: Path, hides: Callable[[str], bool]) -> Path:
    """Copy a file without the records of these target URIs, record by record; the file itself when it has none."""
    records = [(record.offset, record.length, hides(record.target_uri)) for record in read_records(warc)]
    if not any(hidden for *_, hidden in records):
        return warc
    with warc.open("rb") as file, copy.open("wb") as out:
        for offset, length, hidden in records:
            if not hidden:
                file.seek(offset)
                out.write(file.read(length))
    return copy


class _Payloads:
    """Which payload digests an index has bodies for, and how many revisits ask for others."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._asked: list[str] = []

    def passing(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            fields = parse_line(line).fields
            if fields.get("mime") != "warc/revisit":
                self._held.add(fields.get("digest", ""))
            elif "digest" in fields:
                self._asked.append(fields["digest"])
            yield line

    @property
    def unresolved(self) -> int:
        return sum(digest not in self._held for digest in self._asked)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
