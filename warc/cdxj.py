"""CDXJ: where each capture lies, one line each, sorted so that a replay tool finds a page by bisection.

    vn,bao)/tin-1.html 20261121100000 {"url": …, "mime": …, "status": …, "digest": …, "length": …, "offset": …, …}

SURT key, space, 14-digit UTC time, space, JSON; lines in bytewise order. Indexed are responses, revisits (with mime
``warc/revisit``), resources, and metadata that is no ``application/warc-fields``; never the records about a run
(``record.EVIDENCE``). ``filename`` is the name alone.
"""

from __future__ import annotations

import heapq
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from warc.digest import digest_of
from warc.message import header_pairs, parse_status, read_head, read_message, text_of
from warc.reader import Record, read_records
from warc.record import EVIDENCE, LOOKUP
from warc.surt import surt
from warc.writer import is_meta, sync_folder

SUFFIX = ".cdxj"
INDEXED = frozenset({"response", "revisit", "resource", "metadata"})
MERGED_AT_ONCE = 200  # files open at the same time

_LINE = re.compile(rb"(\S+) (\d{14}) (\{.*\})\n", re.DOTALL)
_MIME = re.compile(r"[;\s]")


class BadLine(ValueError):
    """A line that is no CDXJ."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, read."""

    key: str
    timestamp: str
    fields: dict[str, str]

    @property
    def filename(self) -> str:
        return self.fields.get("filename", "")

    @property
    def offset(self) -> str:
        return self.fields.get("offset", "")

    @property
    def is_not_modified(self) -> bool:
        return self.fields.get("status") == "304"


def index_lines(warc: Path) -> Iterator[bytes]:
    """A line for each capture of a file, in the file's order. Raises ``warc.reader.DamagedRecord``, OSError."""
    if is_meta(warc.name):  # nobody asks a replay tool for a run's log, and a log may be large
        return
    for record in read_records(warc):
        if record.type not in INDEXED or not record.target_uri or record.target_uri.startswith(EVIDENCE):
            continue
        if record.type in ("resource", "metadata") and _is_fields(record):
            continue
        fields = {"url": record.target_uri, **_facts(record)}
        fields |= {"length": str(record.length), "offset": str(record.offset), "filename": warc.name}
        shown = json.dumps({name: value for name, value in fields.items() if value})
        key = "%20".join(surt(record.target_uri).split())  # a URI that is none may hold white space
        yield f"{key} {timestamp14(record.date)} {shown}\n".encode("ascii", "backslashreplace")


def parse_line(line: bytes) -> Entry:
    """Raises BadLine."""
    found = _LINE.fullmatch(line)
    try:
        fields = json.loads(found[3]) if found else None
    except (ValueError, RecursionError):
        fields = None
    if found is None or not isinstance(fields, dict):
        raise BadLine(f"not key, time and JSON: {line[:60]!r}")
    return Entry(found[1].decode("utf-8", "replace"), found[2].decode(), {k: str(v) for k, v in fields.items()})


def write_index(warc: Path, index: Path) -> int:
    """Index a file; the index takes its name only when it is whole. How many lines it has."""
    lines = sorted(index_lines(warc))
    write_lines(index, lines)
    return len(lines)


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file that has its name only when it is whole and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.open")
    with unfinished.open("wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)


def merge(indexes: Sequence[Path]) -> Iterator[bytes]:
    """All lines of sorted indexes in order, however many files there are; equal lines once."""
    with ExitStack() as stack:
        files: list[BinaryIO] = []
        for start in range(0, len(indexes), MERGED_AT_ONCE):
            with ExitStack() as some:
                group = [some.enter_context(path.open("rb")) for path in indexes[start : start + MERGED_AT_ONCE]]
                if len(indexes) <= MERGED_AT_ONCE:
                    yield from _unique(heapq.merge(*group))
                    return
                merged = stack.enter_context(tempfile.TemporaryFile())
                merged.writelines(heapq.merge(*group))
            merged.seek(0)
            files.append(merged)
        yield from _unique(heapq.merge(*files))


def playable(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Without answers 304: they hold no payload and name none by a digest. With one in its index a player shows an
    empty page for the date of the 304, and not what was there before and had not changed."""
    return (line for line in lines if b'"304"' not in line or not parse_line(line).is_not_modified)


def timestamp14(date: str) -> str:
    """A WARC-Date of any precision as 14 digits.

    >>> timestamp14("2026-11-21T10:00:00.25Z"), timestamp14("2026-11")
    ('20261121100000', '20261101000000')
    """
    digits = re.sub(r"[^0-9]", "", date.partition(".")[0])[:14]
    return digits + "00000101000000"[len(digits) :]


def _unique(lines: Iterable[bytes]) -> Iterator[bytes]:
    before = b""
    for line in lines:
        if line != before:
            yield line
        before = line


def _is_fields(record: Record) -> bool:
    return record.get("Content-Type") == "application/warc-fields"


def _facts(record: Record) -> dict[str, str]:
    """mime, status and digest."""
    digest = record.get("WARC-Payload-Digest")
    facts = {"mime": _MIME.split(record.get("Content-Type") or "", maxsplit=1)[0]}
    if record.is_http:
        head, _ = read_head(io.BytesIO(record.block))
        status, _ = parse_status(head)
        types = (text_of(value) for name, value in header_pairs(head) if name.lower() == b"content-type")
        facts = {"mime": _MIME.split(next(types, ""), maxsplit=1)[0], "status": str(status) if status else ""}
    if record.type == "revisit":
        facts["mime"] = "warc/revisit"
    if record.target_uri.startswith(LOOKUP):
        facts["mime"] = ""  # cdxj-indexer knows none
    if digest is None and record.type != "revisit":  # a 304 stands for a payload that it does not name
        digest = digest_of(read_message(record.block).body.pieces() if record.is_http else record.block)
    return {**facts, "digest": digest or ""}
