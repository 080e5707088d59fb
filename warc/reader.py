"""Records and captures out of WARC files of any producer: 1.0 and 1.1, plain and gzip.

``read_records`` gives what the file says, ``read_captures`` what it means: responses de-chunked (still
content-encoded), with the request that belongs to them, and resources. Both hold one record in memory at a time.
Reading trusts digests; ``verify`` checks them.
"""

from __future__ import annotations

import io
import mmap
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from fastwarc.warc import ArchiveIterator
from isal import isal_zlib

from warc.digest import digest_of
from warc.message import StoredMessage, read_message

_PIECE: Final = 1 << 16
_CONTENT_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
GZIP: Final = 31  # window bits for a gzip wrapper
GZIP_MAGIC: Final = b"\x1f\x8b"
_VERSION: Final = b"WARC/1."
GZIP_ERROR: Final = cast(type[Exception], isal_zlib.error)  # typed as an instance by isal


class DamagedRecord(ValueError):
    """A record that cannot be read whole; the message names file and offset."""


class SharedMember(DamagedRecord):
    """Records without an offset of their own, because they share a gzip member."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in a file. ``offset`` and ``length`` are those of its gzip member, in bytes."""

    type: str
    headers: tuple[tuple[str, str], ...]
    block: bytes
    offset: int
    length: int

    def get(self, name: str) -> str | None:
        """The first value of a WARC header, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def record_id(self) -> str:
        return self.get("WARC-Record-ID") or ""

    @property
    def date(self) -> str:
        return self.get("WARC-Date") or ""

    @property
    def target_uri(self) -> str:
        """The target URI without the angle brackets that some versions of wget put around it."""
        uri = self.get("WARC-Target-URI") or ""
        return uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri

    @property
    def is_http(self) -> bool:
        content_type = (self.get("Content-Type") or "").lower()
        return content_type.partition(";")[0].strip() == "application/http"

    def message(self) -> StoredMessage:
        """The HTTP response in the block, without chunk framing."""
        return read_message(self.block)

    def fields(self) -> list[tuple[str, str]]:
        """Names and values of an application/warc-fields block."""
        lines = self.block.decode("utf-8", "replace").split("\n")
        pairs = (line.partition(":") for line in lines if ":" in line)
        return [(name.strip(), value.strip()) for name, _, value in pairs]


@dataclass(frozen=True, slots=True)
class CapturedRequest:
    """The request of a capture. ``target`` is as in the request line."""

    record_id: str
    method: str
    target: str
    block: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """A response or resource record, read. ``body`` is the payload as received: de-chunked, content-encoded.

    ``headers`` are the HTTP header lines (empty for a resource), ``status`` is None where there is no status line.
    ``payload_digest`` is the record's own, for a resource without one that of its block.
    """

    target_uri: str
    date: str
    record_id: str
    record_type: str
    status: int | None
    reason: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    content_type: str | None
    payload_digest: str | None
    truncated: str | None
    ip: str | None
    offset: int
    length: int
    request: CapturedRequest | None = None

    @property
    def method(self) -> str | None:
        return self.request.method if self.request else None


def read_records(path: Path | str, begin: int = 0) -> Iterator[Record]:
    """All records of a file from the one at ``begin`` on. Raises DamagedRecord where one cannot be read whole.

    Records that share a gzip member have no offset to be read at: such a file is refused, as by warcio, whose
    ``recompress`` mends it.
    """
    name = str(path)
    with Path(path).open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(begin)
        before: _Read | None = None
        for read in _fast_records(file, name):
            if read.offset == size or (before and read.offset == before.offset):
                raise SharedMember(f"{name}: records share a gzip member")
            if before:
                yield _record(before, read.offset - before.offset)
            before = read
        end = begin
        if before:
            last = _one_record(file, before.offset, name)
            end = last.offset + last.length
            yield last
        # FastWARC passes over a tail that it cannot read.
        if not _is_blank(file, end, name):
            raise DamagedRecord(f"{name}: no record at offset {end}")


def read_past_damage(path: Path | str) -> Iterator[Record | DamagedRecord]:
    """All records of a file that can be read, and the damage between them. Raises SharedMember."""
    begin: int | None = 0
    while begin is not None:
        end = begin
        try:
            for record in read_records(path, begin):
                end = record.offset + record.length
                yield record
            return
        except SharedMember:
            raise
        except DamagedRecord as error:
            damage = error
        try:  # the fast reader passes over the last record before damage
            record = read_at(path, end)
            begin = record.offset + record.length
            yield record
        except DamagedRecord:
            yield damage
            begin = _next_record(path, end + 1)


def _next_record(path: Path | str, offset: int) -> int | None:
    """Where the first record at ``offset`` or later seems to begin; None when there is none."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        magic = GZIP_MAGIC if data[:2] == GZIP_MAGIC else _VERSION
        while (offset := data.find(magic, offset)) >= 0:
            if magic == _VERSION or _begins_record(data[offset : offset + _PIECE]):
                return offset
            offset += 1
    return None


def _begins_record(data: bytes) -> bool:
    try:
        return isal_zlib.decompressobj(GZIP).decompress(data, len(_VERSION)) == _VERSION
    except GZIP_ERROR:
        return False


def read_at(path: Path | str, offset: int) -> Record:
    """The one record at this offset; nothing behind its gzip member is read. Raises DamagedRecord."""
    with Path(path).open("rb") as file:
        return _one_record(file, offset, str(path))


def capture_at(path: Path | str, offset: int) -> Capture:
    """The response or resource at this offset, without its request. Raises DamagedRecord."""
    return capture_of(read_at(path, offset))


def capture_of(record: Record) -> Capture:
    """A response or resource, read, without its request."""
    return _capture(record, ())


def read_captures(path: Path | str) -> Iterator[Capture]:
    """The responses and resources of a file, in order, each with its request where that stands close by.

    Request and response name each other with WARC-Concurrent-To, in either direction. The request is found when it
    is among the requests shortly before, or the record after: every producer does one of these.
    """
    requests: deque[tuple[set[str], CapturedRequest]] = deque(maxlen=16)
    waiting: Record | None = None
    for record in read_records(path):
        if record.type == "request" and record.is_http:
            requests.append(({record.record_id, *record.get_all("WARC-Concurrent-To")}, _request(record)))
        if waiting:
            yield _capture(waiting, requests)
        waiting = record if record.type in ("response", "resource") else None
    if waiting:
        yield _capture(waiting, requests)


def _one_record(file: BinaryIO, offset: int, name: str) -> Record:
    """Decompress one gzip member, or read one plain record, and nothing more."""
    file.seek(offset)
    if file.read(2) == GZIP_MAGIC:
        file.seek(offset)
        data, length = _member(file, offset, name)
    else:
        file.seek(offset)
        head = b""
        while (line := file.readline(_PIECE)).strip():
            head += line
        announced = _CONTENT_LENGTH.search(head)
        data = head + line + file.read((int(announced[1]) if announced else 0) + len(b"\r\n\r\n"))
        length = len(data)
    for read in _fast_records(io.BytesIO(data), name, offset):
        return _record(read, length)
    raise DamagedRecord(f"{name}: no record at offset {offset}")


def _member(file: BinaryIO, offset: int, name: str) -> tuple[bytes, int]:
    """The content of the gzip member at the file's position, and the member's own length."""
    decompressor = isal_zlib.decompressobj(GZIP)
    pieces = []
    length = 0
    while not decompressor.eof:
        piece = file.read(_PIECE)
        if not piece:
            raise DamagedRecord(f"{name}: the file ends inside the record at offset {offset}")
        try:
            pieces.append(decompressor.decompress(piece))
        except GZIP_ERROR as error:
            raise DamagedRecord(f"{name}: damaged gzip member at offset {offset}: {error}") from error
        length += len(piece)
    return b"".join(pieces), length - len(decompressor.unused_data)


def _is_blank(file: BinaryIO, offset: int, name: str) -> bool:
    """Whether nothing but empty lines or an empty gzip member follows; some producers leave that at the end."""
    file.seek(offset)
    tail = file.read(_PIECE)
    if tail.startswith(GZIP_MAGIC):
        file.seek(offset)
        tail = _member(file, offset, name)[0]
    return not tail.strip()


@dataclass(frozen=True, slots=True)
class _Read:
    """What FastWARC gave before it is known where the record ends."""

    type: str
    headers: tuple[tuple[str, str], ...]
    block: bytes
    offset: int


def _fast_records(file: BinaryIO, name: str, base: int = 0) -> Iterator[_Read]:
    offset = base
    try:
        for fast in ArchiveIterator(file, parse_http=False):
            offset = base + fast.stream_pos
            headers = tuple(fast.headers.items())
            block = fast.reader.read()
            # FastWARC gives a cut record as if it were whole.
            announced = fast.headers.get("Content-Length")
            if announced is None or not announced.isdigit() or int(announced) != len(block):
                raise DamagedRecord(f"{name}: the record at offset {offset} is cut or has no length")
            yield _Read(fast.headers.get("WARC-Type") or "", headers, block, offset)
    except OSError as error:
        raise DamagedRecord(f"{name}: after the record at offset {offset}: {error}") from error


def _record(read: _Read, length: int) -> Record:
    return Record(read.type, read.headers, read.block, read.offset, length)


def _request(record: Record) -> CapturedRequest:
    line = record.block.partition(b"\n")[0].decode("latin-1").split()
    return CapturedRequest(record.record_id, line[0] if line else "", line[1] if len(line) > 1 else "", record.block)


def _capture(record: Record, requests: Iterable[tuple[set[str], CapturedRequest]]) -> Capture:
    """Read one response or resource. Responses of other protocols (dns:) have no status and no headers."""
    ids = {record.record_id, *record.get_all("WARC-Concurrent-To")}
    http = record.type == "response" and record.is_http
    message = read_message(record.block, digested=False) if http else None
    digest = record.get("WARC-Payload-Digest")
    if digest is None and record.type == "resource":
        digest = record.get("WARC-Block-Digest") or digest_of(record.block)
    return Capture(
        target_uri=record.target_uri,
        date=record.date,
        record_id=record.record_id,
        record_type=record.type,
        status=message.status if message else None,
        reason=message.reason if message else "",
        headers=message.headers if message else [],
        body=message.body.read() if message else record.block,
        content_type=message.get("Content-Type") if message else record.get("Content-Type"),
        payload_digest=digest,
        truncated=record.get("WARC-Truncated"),
        ip=record.get("WARC-IP-Address"),
        offset=record.offset,
        length=record.length,
        request=next((request for names, request in requests if names & ids), None),
    )
