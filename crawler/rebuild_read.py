"""What the archive's files say of each capture, for a ledger that is made again: WARC records and lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crawler import crash
from crawler.dom import HTML, STATUS, is_dom
from crawler.ledger_ops import Capture
from crawler.records import reading_of
from warc.reader import DamagedRecord, Record, read_at, read_records
from warc.record import TLS
from warc.writer import OPEN


@dataclass(frozen=True, slots=True)
class Found:
    """A capture as its records tell it: the response or revisit (None when there was no answer), and its facts."""

    capture: Capture | None
    date: str
    url: str  # target URI
    location: str | None = None  # of a redirect
    facts: dict[str, str] = field(default_factory=dict)  # of the metadata record; empty for files of other producers


@dataclass(slots=True)
class WarcFound:
    """One WARC file, filled while ``captures`` is read."""

    path: Path
    name: str  # relative to ARCHIVE_DIR, without .open
    info: dict[str, str] = field(default_factory=dict)  # warcinfo
    end: int = 0  # behind the last whole capture: what of an open file counts
    records: int = 0
    damage: str | None = None

    def captures(self) -> Iterator[Found]:
        """Every capture, in the order of the file. What follows damage is left out, and ``damage`` says so."""
        waiting: dict[str, Record] = {}
        read = 0
        for record in self._records():
            read += 1
            if record.type == "warcinfo":
                self.info = dict(record.fields())
            elif record.type in ("response", "revisit") and record.is_http:
                waiting[record.record_id] = record
            elif is_dom(record.type, record.target_uri):
                yield self._rendered(record)
            elif record.type == "metadata" and not record.target_uri.startswith(TLS):
                main = next((waiting.pop(key) for key in record.get_all("WARC-Concurrent-To") if key in waiting), None)
                yield self._found(main, record.date, record.target_uri, dict(record.fields()))
            if not waiting:
                self.end, self.records = record.offset + record.length, read
        if self.path.suffix != OPEN:  # of an open file it is the cut tail of a capture
            for main in waiting.values():
                yield self._found(main, main.date, main.target_uri, {})
            self.end, self.records = self.path.stat().st_size, read

    def _records(self) -> Iterator[Record]:
        """All whole records; the fast reader passes over the last one before damage."""
        end = 0
        try:
            for record in read_records(self.path):
                end = record.offset + record.length
                yield record
            return
        except DamagedRecord as error:
            self.damage = str(error)
        size = self.path.stat().st_size
        while end < size:
            try:
                record = read_at(self.path, end)
            except DamagedRecord as error:
                self.damage = str(error)
                return
            end += record.length
            yield record

    def _rendered(self, record: Record) -> Found:
        """The DOM of a page: a row may point at it."""
        capture = Capture(
            record_id=record.record_id,
            url=record.target_uri,
            file=self.name,
            offset=record.offset,
            length=record.length,
            record_type=record.type,
            captured_at=record.date,
            run=job_in(self.info),
            status=STATUS,
            payload_digest=record.get("WARC-Block-Digest"),
            mime=HTML.partition(";")[0],
        )
        return Found(capture, record.date, record.target_uri)

    def _found(self, main: Record | None, date: str, url: str, facts: dict[str, str]) -> Found:
        if main is None:
            return Found(None, date, url, None, facts)
        message = main.message()
        capture = Capture(
            record_id=main.record_id,
            url=main.target_uri,
            file=self.name,
            offset=main.offset,
            length=main.length,
            record_type=main.type,
            captured_at=main.date,
            run=facts.get("job") or job_in(self.info),
            original_id=main.get("WARC-Refers-To") if main.type == "revisit" else None,
            status=message.status,
            payload_digest=main.get("WARC-Payload-Digest"),
            truncated=main.get("WARC-Truncated") if main.type == "response" else None,
            mime=(message.get("Content-Type") or "").split(";")[0].strip().lower() or None,
            etag=message.get("ETag"),
            last_modified=message.get("Last-Modified"),
            reading=reading_of(message),
        )
        return Found(capture, main.date, main.target_uri, message.get("Location"), facts)


@dataclass(slots=True)
class LinesFound:
    """One file of JSON lines, filled while ``lines`` is read."""

    path: Path
    name: str
    end: int = 0  # behind the last whole line
    records: int = 0
    damage: str | None = None

    def lines(self) -> Iterator[tuple[dict[str, Any], int, int]]:
        """Value, offset and length of each line. One that is no object is passed over, and ends an open file."""
        with self.path.open("rb") as file:
            for line in file:
                try:
                    value = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    value = None
                if not isinstance(value, dict):
                    self.damage = f"{self.path}: no whole line at offset {self.end}"
                    if self.path.suffix == OPEN:
                        return
                else:
                    yield value, self.end, len(line)
                self.end += len(line)
                self.records += 1


def files_of(folder: Path, kind: str, spiders: list[str] | None = None) -> Iterator[tuple[str, Path, str]]:
    """Spider, path and name (relative, without ``.open``) of the files of one kind, in the order of their runs."""
    endings = {"warc": (".warc", ".warc.gz"), "logs": (".log",), "reports": (".json",)}.get(kind, (".jsonl",))
    for home in sorted((folder / kind).glob("*/")):
        if spiders is not None and home.name not in spiders:
            continue
        for path in sorted(home.iterdir()):
            name = path.relative_to(folder).as_posix().removesuffix(OPEN)
            if name.endswith(endings):
                crash.at("rebuild")
                yield home.name, path, name


def job_in(warcinfo: Mapping[str, str]) -> str:
    """The job of a file; older files have it in another field."""
    return warcinfo.get("job") or warcinfo.get("isPartOf") or ""


def job_of(name: str) -> str:
    """The job in the name of a file of lines: ``<timestamp14>-<job>.jsonl``, ``….crawl.log``, ``….json``."""
    return name.rpartition("/")[2].partition(".")[0].partition("-")[2]
