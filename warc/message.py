"""The stored form of an HTTP/1.x response: what a ``response`` record holds as its block.

Status line and header lines stay as they came: case, order, duplicates, malformed lines, bare LF. The body stays
as it came, still content-encoded. One change: a chunked body is stored without its framing. Then

- the name of each ``Transfer-Encoding`` line becomes ``X-Archive-Orig-Transfer-Encoding``, that of a
  ``Content-Length`` line beside it ``X-Archive-Orig-Content-Length``; the rest of those lines stays;
- an exact ``Content-Length`` line is added as the last header line;
- chunk extensions, trailers and whatever follows the last chunk are dropped;
- from a line that should be a chunk size and is none, the rest is kept as it came: nothing received is lost.

With the framing kept, warcio digests the framing too, and equal bodies get different digests.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from warc.chunked import Dechunker
from warc.digest import digest_of

PIECE: Final = 1 << 16  # bytes read at once
SPOOL: Final = 2 << 20  # a de-chunked body larger than this goes to disk
MAX_HEAD: Final = 1 << 20  # a head that has not ended by then never ends
READERS_HEAD: Final = 32 << 10  # FastWARC reads no longer HTTP head

ORIGINAL_TRANSFER_ENCODING: Final = b"X-Archive-Orig-Transfer-Encoding"
ORIGINAL_CONTENT_LENGTH: Final = b"X-Archive-Orig-Content-Length"

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
_NO_BODY_STATUS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Part:
    """``length`` bytes of an open, seekable file from ``start`` on. Not for use by two threads at once."""

    file: BinaryIO
    start: int
    length: int

    def pieces(self) -> Iterator[bytes]:
        """The bytes in pieces of at most 64 KiB. Raises EOFError when the file has become shorter."""
        self.file.seek(self.start)
        left = self.length
        while left:
            piece = self.file.read(min(PIECE, left))
            if not piece:
                raise EOFError(f"{left} bytes of the body are missing")
            left -= len(piece)
            yield piece

    def read(self) -> bytes:
        return b"".join(self.pieces())

    @classmethod
    def of(cls, source: bytes | BinaryIO) -> Part:
        """All of a byte string, or all of a seekable file."""
        if isinstance(source, bytes):
            return cls(io.BytesIO(source), 0, len(source))
        return cls(source, 0, source.seek(0, io.SEEK_END))


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """An HTTP response as it is archived: ``head`` and ``body`` together are the record's block.

    ``complete`` is False when the end of head or body is known to be missing; without chunks and without
    Content-Length nobody can know, and it is True. ``payload_digest`` is None when readers would not agree where
    the head ends (``is_plain_head``): no digest is better than one that some reader finds wrong.
    """

    head: bytes
    body: Part
    status: int | None
    reason: str
    chunked: bool
    complete: bool
    payload_digest: str | None

    @property
    def length(self) -> int:
        """Bytes of the block."""
        return len(self.head) + self.body.length

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Name and value of each header line of the stored head, in order; lines without a colon are left out."""
        return header_pairs(self.head)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a header, whatever the case of its name."""
        wanted = name.lower().encode("latin-1")
        for key, value in self.headers:
            if key.lower() == wanted:
                return text_of(value)
        return default


def read_message(raw: bytes | BinaryIO, method: str = "GET", *, digested: bool = True) -> StoredMessage:
    """Turn the bytes of one response, as received, into its stored form.

    ``raw`` is read from its beginning and has to stay open as long as the message is used: an unchunked body is
    not copied. ``method`` is that of the request; the answer to HEAD has no body whatever its head says. A reader
    who trusts the record's digest can do without one (``digested``).
    """
    file: BinaryIO = io.BytesIO(raw) if isinstance(raw, bytes) else raw
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head, ended = read_head(file)
    body = Part(file, len(head), size - len(head))
    status, reason = parse_status(head)
    pairs = header_pairs(head)
    bodiless = method == "HEAD" or status in _NO_BODY_STATUS or (status is not None and status < 200)
    chunked = ended and is_chunked(pairs) and not (bodiless and body.length == 0)
    complete = ended
    if chunked:
        body, complete = _dechunk(body)
        head = _stored_head(head, body.length)
    elif not bodiless and (announced := content_length(pairs)) is not None:
        complete = ended and body.length >= announced
    digest = digest_of(body.pieces()) if digested and ended and is_plain_head(head) else None
    return StoredMessage(head, body, status, reason, chunked, complete, digest)


def read_head(file: BinaryIO) -> tuple[bytes, bool]:
    """Read lines up to and including the empty line that ends a head; False when it did not come.

    Empty lines before the status line belong to the head (RFC 9112, section 2.2). The file is left after the head.
    """
    lines: list[bytes] = []
    length, started = 0, False
    while length <= MAX_HEAD:
        line = file.readline(MAX_HEAD)
        if not line:
            break
        lines.append(line)
        length += len(line)
        empty = line in (b"\r\n", b"\n")
        if empty and started:
            return b"".join(lines), True
        started = started or not empty
    return b"".join(lines), False


def is_plain_head(head: bytes) -> bool:
    """Whether every reader finds the end of this head where we do.

    warcio ends a head at the first line that is empty or white space (Unicode's), FastWARC at the first CRLF CRLF
    within 32 KiB. A head that ends elsewhere is stored all the same, but its record has no payload digest.
    """
    if len(head) > READERS_HEAD or head.find(b"\r\n\r\n") != len(head) - 4:
        return False
    return all(text_of(line).strip() for line in head[:-4].split(b"\n"))


def parse_status(head: bytes) -> tuple[int | None, str]:
    """Status code and reason phrase of a response head; (None, "") when the first line is no status line."""
    line = head.lstrip(b"\r\n").partition(b"\n")[0].strip()
    found = _STATUS_LINE.fullmatch(line)
    return (int(found[1]), text_of(found[2] or b"")) if found else (None, "")


def header_pairs(head: bytes) -> list[tuple[bytes, bytes]]:
    """Name and value of each header line, in order. A folded line continues the value before it."""
    pairs: list[tuple[bytes, bytes]] = []
    for line in head.lstrip(b"\r\n").split(b"\n")[1:]:
        if line[:1] in (b" ", b"\t"):
            if pairs:
                name, value = pairs[-1]
                pairs[-1] = (name, (value + b" " + line.strip()).strip())
            continue
        name, colon, value = line.partition(b":")
        if colon:
            pairs.append((name.strip(), value.strip()))
    return pairs


def values_of(pairs: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """The comma-separated values of all headers called ``name`` (lower case), lower-cased."""
    return [
        value.strip()
        for key, values in pairs
        if key.lower() == name
        for value in values.lower().split(b",")
        if value.strip()
    ]


def is_chunked(pairs: list[tuple[bytes, bytes]]) -> bool:
    """Whether the body carries chunk framing: chunked is the last transfer coding (RFC 9112, section 6.1)."""
    return values_of(pairs, b"transfer-encoding")[-1:] == [b"chunked"]


def content_length(pairs: list[tuple[bytes, bytes]]) -> int | None:
    """The announced length; None when absent, malformed or contradictory."""
    values = set(values_of(pairs, b"content-length"))
    value = values.pop() if len(values) == 1 else b""
    return int(value) if value.isdigit() and len(value) < 16 else None


def text_of(value: bytes) -> str:
    """A header line's text: UTF-8, else Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _dechunk(body: Part) -> tuple[Part, bool]:
    dechunker = Dechunker()
    payload = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=SPOOL))  # noqa: SIM115 - lives with the Part
    for piece in body.pieces():
        for data in dechunker.feed(piece):
            payload.write(data)
    payload.write(dechunker.finish())
    return Part(payload, 0, payload.tell()), dechunker.complete and not dechunker.broken


def _stored_head(head: bytes, length: int) -> bytes:
    """The head of a message that was chunked: framing headers renamed, the exact length added at the end."""
    renamed = {
        b"transfer-encoding": ORIGINAL_TRANSFER_ENCODING,
        b"content-length": ORIGINAL_CONTENT_LENGTH,
    }
    lines = io.BytesIO(head).readlines()
    for number, line in enumerate(lines):
        name, colon, _ = line.partition(b":")
        new_name = renamed.get(name.rstrip().lower())
        if colon and new_name:
            lines[number] = new_name + line[len(name.rstrip()) :]
    end_of_line = b"\r\n" if lines[-2].endswith(b"\r\n") else b"\n"
    lines.insert(-1, b"Content-Length: %d" % length + end_of_line)
    return b"".join(lines)
