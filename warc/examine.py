"""One record under ``verify``: its headers parsed, its block read once in pieces, its digests compared."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import io
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from warc.chunked import Dechunker
from warc.message import MAX_HEAD, header_pairs, is_chunked, read_head
from warc.scan import Damage, Stream

MAX_LINE: Final = 1 << 16
MAX_HEADER: Final = 1 << 20
PIECE: Final = 1 << 16
BLANK: Final = " \t"  # may stand around a value; any other white space belongs to it
ALGORITHMS: Final = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
HTTP_TYPES: Final = frozenset({"request", "response", "revisit"})

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_LENGTH = re.compile(r"[0-9]{1,18}")
_URL_SAFE = str.maketrans("-_", "+/")  # Base64 of RFC 4648, section 5


@dataclass(slots=True)
class Examined:
    """What is known of a record after its block was read. ``faults`` are pairs of rule and detail."""

    offset: int
    version: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    folded: bool = False
    ended: bool = True  # whether two CRLF follow the block: else nobody knows where the next record begins
    length: int = 0
    block: bytes = b""  # of a warcinfo only, its first MiB
    head: bytes = b""  # the HTTP head, for HTTP messages
    head_ended: bool = False
    body_length: int = 0  # bytes behind the head
    payload_digest: str | None = None  # sha1 of the body as it stands, for responses

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def type(self) -> str:
        return self.get("WARC-Type") or ""

    @property
    def record_id(self) -> str | None:
        return self.get("WARC-Record-ID")

    @property
    def is_http(self) -> bool:
        content_type = (self.get("Content-Type") or "").lower()
        return self.type in HTTP_TYPES and content_type.partition(";")[0].strip() == "application/http"


def examine(stream: Stream, offset: int) -> Examined:
    """Read one record and the two CRLF behind it. Raises Damage where header or block do not come whole."""
    line = stream.line(64)
    if not line.startswith(b"WARC/"):
        raise Damage("garbage", f"no record begins here but {line[:20]!r}")
    record = Examined(offset, _without_end(line).decode("latin-1"))
    if not line.endswith(b"\r\n"):
        record.faults.append(("version", f"{line!r} does not end in CRLF"))
    try:
        _read_headers(stream, record)
        _read_block(stream, record)
    except Damage as damage:
        damage.record_id = record.record_id
        raise
    return record


def parse_digest(value: str) -> tuple[str, bytes] | None:
    """Algorithm and digest of a header value in Base32, hexadecimal or Base64; None when it is malformed.

    An algorithm that is not known here comes with an empty digest.
    """
    algorithm, colon, text = value.partition(":")
    algorithm = algorithm.lower().replace("-", "")
    if not (colon and algorithm and text.isascii()):
        return None
    if algorithm not in ALGORITHMS:
        return algorithm, b""
    size = hashlib.new(algorithm, usedforsecurity=False).digest_size
    text = text.rstrip("=")
    base32, base64_ = text.upper() + "=" * (-len(text) % 8), text.translate(_URL_SAFE) + "=" * (-len(text) % 4)
    for decode, padded in (
        (base64.b16decode, text.upper()),
        (base64.b32decode, base32),
        (functools.partial(base64.b64decode, validate=True), base64_),
    ):
        with suppress(binascii.Error):
            digest = decode(padded)
            if len(digest) == size:
                return algorithm, digest
    return None


def _read_headers(stream: Stream, record: Examined) -> None:
    before = stream.taken
    while (line := stream.line(MAX_LINE)) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n"):
            raise Damage("header-syntax", "a line is too long, or the record ends inside its header")
        if stream.taken - before > MAX_HEADER:
            raise Damage("header-syntax", "the header does not end")
        _header_line(line, record)
    if line == b"\n":
        record.faults.append(("header-syntax", "the header does not end in CRLF"))


def _header_line(line: bytes, record: Examined) -> None:
    if not line.endswith(b"\r\n"):
        record.faults.append(("header-syntax", f"no CRLF behind {line[:60]!r}"))
    try:
        text = _without_end(line).decode("utf-8")
    except UnicodeDecodeError:
        text = _without_end(line).decode("latin-1")
        record.faults.append(("header-syntax", f"not UTF-8: {line[:60]!r}"))
    if _CONTROL.search(text):
        record.faults.append(("header-syntax", f"a control character in {line[:60]!r}"))
    if text[:1] in (" ", "\t") and record.headers:
        name, value = record.headers[-1]
        record.headers[-1] = (name, f"{value} {text.strip(BLANK)}".strip(BLANK))
        record.folded = True
        return
    name, colon, value = text.partition(":")
    if not colon or not _NAME.fullmatch(name):
        record.faults.append(("header-syntax", f"not a header line: {line[:60]!r}"))
    record.headers.append((name, value.strip(BLANK)))


def _without_end(line: bytes) -> bytes:
    """A line without its one CRLF or LF: a further CR is a part of it."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _read_block(stream: Stream, record: Examined) -> None:
    lengths = record.get_all("Content-Length")
    if not lengths or not _LENGTH.fullmatch(lengths[0]):
        raise Damage("content-length", f"Content-Length is {lengths[0]!r}" if lengths else "no Content-Length")
    record.length = int(lengths[0])
    block = _Expected("block-digest", record.get("WARC-Block-Digest"), record)
    message = _Message(record) if record.is_http else None
    payload = None if message else _Expected("payload-digest", _payload_digest(record), record)
    left = record.length
    while left:
        piece = stream.piece(min(left, PIECE))
        if not piece:
            raise Damage("content-length", f"{left} of {record.length} bytes of the block are missing")
        left -= len(piece)
        block.update(piece)
        if message:
            message.feed(piece)
        if payload:
            payload.update(piece)
        if record.type == "warcinfo" and len(record.block) < MAX_HEAD:
            record.block += piece
    # wget --warc-dedup writes the digest of nothing; ours are asked for more (warc/rules.py).
    block.compare(*block.of_nothing() if record.type == "revisit" else ())
    if payload:
        payload.compare()
    if message:
        message.finish()
    end = stream.exactly(4)
    if end != b"\r\n\r\n":
        record.ended = False
        record.faults.append(("record-end", f"{end!r} follows the block"))


def _payload_digest(record: Examined) -> str | None:
    """What this block's payload must have. A revisit's is that of its original, a segment's that of the whole."""
    elsewhere = record.type == "revisit" or record.get("WARC-Segment-Number")
    return None if elsewhere else record.get("WARC-Payload-Digest")


class _Expected:
    """A digest that the header promises; it is compared when all was read."""

    def __init__(self, rule: str, value: str | None, record: Examined) -> None:
        self._rule = rule
        self._record = record
        parsed = parse_digest(value) if value else None
        if value and not parsed:
            record.faults.append(("digest-syntax", f"not a digest: {value!r}"))
        self.algorithm, self._digest = parsed if parsed else ("", b"")
        self._hash: Any = hashlib.new(self.algorithm, usedforsecurity=False) if self._digest else None

    def update(self, piece: bytes) -> None:
        if self._hash:
            self._hash.update(piece)

    def of_nothing(self) -> tuple[bytes, ...]:
        return (hashlib.new(self.algorithm, usedforsecurity=False).digest(),) if self._hash else ()

    def compare(self, *alternatives: bytes) -> None:
        """Note a fault unless what was read, or one of the alternatives, has the promised digest."""
        if self._hash and self._digest not in (self._hash.digest(), *alternatives):
            self._record.faults.append((self._rule, f"it is {self.algorithm}:{self._hash.hexdigest()} in hexadecimal"))


class _Message:
    """The block of an HTTP record: head, then payload, which a foreign file may still hold in chunks."""

    def __init__(self, record: Examined) -> None:
        self._record = record
        self._payload = _Expected("payload-digest", _payload_digest(record), record)
        self._dechunker: Dechunker | None = None
        self._dechunked: Any = None
        self._sha1 = hashlib.sha1(usedforsecurity=False)

    def feed(self, piece: bytes) -> None:
        record = self._record
        if not record.head_ended:
            begun = record.head + piece
            head, record.head_ended = read_head(io.BytesIO(begun)) if len(begun) <= 2 * MAX_HEAD else (begun, False)
            record.head = head if record.head_ended else begun[: 2 * MAX_HEAD]
            if not record.head_ended:
                return
            piece = begun[len(head) :]
            if self._payload.algorithm and is_chunked(header_pairs(head)):
                self._dechunker = Dechunker()
                self._dechunked = hashlib.new(self._payload.algorithm or "sha1", usedforsecurity=False)
        record.body_length += len(piece)
        self._payload.update(piece)
        if self._dechunker:
            for data in self._dechunker.feed(piece):
                self._dechunked.update(data)

    def finish(self) -> None:
        if self._dechunker:
            self._dechunked.update(self._dechunker.finish())
        self._payload.compare(*((self._dechunked.digest(),) if self._dechunker else ()))
