"""HTTP messages of the replica: a request read, an answer put into bytes; no sockets, no sites.

Bodies are deterministic: the same answer to the same request is the same bytes, compressed or in chunks.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import cycle
from typing import BinaryIO, TypeAlias

MAX_LINE = 64 * 1024
MAX_HEADERS = 200
CHUNK_SIZES = (1, 17, 4093, 509, 8191)  # odd sizes, so that nobody can lean on chunk = buffer = page
NOT_MODIFIED_KEEPS = {"cache-control", "content-location", "date", "etag", "expires", "last-modified", "vary"}

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: ``target`` is the path and query exactly as sent, never empty."""

    method: str
    scheme: str
    host: str
    target: str
    headers: Headers
    body: bytes = b""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"

    def header(self, name: str) -> str | None:
        """The first header of that name, in whatever case, or None."""
        return header_of(self.headers, name)


@dataclass(slots=True)
class Answer:
    """What a site answers. Headers go out as given, in order; those of the protocol are added if absent.

    ``gzip``: compress when the client accepts it. ``chunked``: send in chunks, without a length.
    ``delay``: seconds before the first byte.
    """

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    chunked: bool = False
    gzip: bool = False
    delay: float = 0.0


class BadRequest(ValueError):
    """The client's request cannot be read."""


def read_request(stream: BinaryIO) -> tuple[str, str, str, Headers, bytes] | None:
    """Method, target, version, headers and body of the next request; None at the end of the connection."""
    line = stream.readline(MAX_LINE)
    while line in (b"\r\n", b"\n"):  # RFC 9112, section 2.2: ignore empty lines before a request
        line = stream.readline(MAX_LINE)
    if not line:
        return None
    method, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
    target, _, version = rest.rpartition(" ")
    if not target or version not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadRequest(f"not a request line: {line[:200]!r}")
    headers: list[tuple[str, str]] = []
    while (line := stream.readline(MAX_LINE)) not in (b"\r\n", b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or name != name.strip() or len(headers) == MAX_HEADERS:
            raise BadRequest(f"not a header line: {line[:200]!r}")
        headers.append((name, value.strip()))
    if header_of(headers, "transfer-encoding") is not None:
        raise BadRequest("request bodies in chunks are not read here")
    length = header_of(headers, "content-length") or "0"
    if not length.isascii() or not length.isdigit():
        raise BadRequest(f"not a length: {length!r}")
    return method, target, version, tuple(headers), stream.read(int(length))


def locate(method: str, target: str, headers: Headers, body: bytes, tunnel: str | None) -> Request:
    """The request with its scheme and host: from the absolute form, or inside a tunnel from CONNECT."""
    if tunnel is not None:
        named = (header_of(headers, "host") or "").lower().removesuffix(":443")
        if named != tunnel or not target.startswith("/"):
            raise BadRequest(f"inside the tunnel to {tunnel}: host {named!r}, target {target[:200]!r}")
        return Request(method, "https", tunnel, target, headers, body)
    if not target.lower().startswith("http://"):
        raise BadRequest(f"a proxy wants http:// in absolute form or CONNECT, not {target[:200]!r}")
    authority = target[7:]
    for end in "/?#":
        authority = authority.partition(end)[0]
    rest = target[7 + len(authority) :]
    host = authority.lower().removesuffix(":80")
    return Request(method, "http", host, rest if rest.startswith("/") else "/" + rest, headers, body)


def conditional(request: Request, answer: Answer) -> Answer:
    """A 304 instead of the answer, where the client's validators still hold (RFC 9110, section 13)."""
    if answer.status != 200 or request.method not in ("GET", "HEAD"):
        return answer
    etag, modified = header_of(answer.headers, "etag"), header_of(answer.headers, "last-modified")
    if (wanted := request.header("if-none-match")) is not None:
        tags = {_weak(tag) for tag in wanted.split(",")}
        fresh = etag is not None and (wanted.strip() == "*" or _weak(etag) in tags)
    else:
        since = _http_date(request.header("if-modified-since"))
        last = _http_date(modified)
        fresh = since is not None and last is not None and last <= since
    if not fresh:
        return answer
    kept = [(name, value) for name, value in answer.headers if name.lower() in NOT_MODIFIED_KEEPS]
    return Answer(304, "Not Modified", kept, b"")


def compose(
    answer: Answer, date: str, *, head: bool = False, gzip_ok: bool = False, close: bool = False
) -> tuple[bytes, int]:
    """The bytes on the wire, and how many of them are body (without chunk framing)."""
    headers, body = list(answer.headers), answer.body

    def add(name: str, value: str) -> None:
        if header_of(headers, name) is None:
            headers.append((name, value))

    add("Date", date)
    bodiless = answer.status < 200 or answer.status in (204, 304)
    if bodiless:
        body = b""
    else:
        if answer.gzip:
            add("Vary", "Accept-Encoding")
        if answer.gzip and gzip_ok:
            body = gzip.compress(body, 1, mtime=0)
            add("Content-Encoding", "gzip")
        if answer.chunked:
            add("Transfer-Encoding", "chunked")
        else:
            add("Content-Length", str(len(body)))
    if close:
        add("Connection", "close")
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers)]
    start = "\r\n".join([*lines, "", ""]).encode()
    if head or bodiless:
        return start, 0
    return start + (in_chunks(body) if answer.chunked else body), len(body)


def in_chunks(body: bytes) -> bytes:
    """The body with chunk framing (RFC 9112, section 7.1), in several chunks of odd sizes."""
    parts: list[bytes] = []
    sizes = cycle(CHUNK_SIZES)
    position = 0
    while position < len(body):
        part = body[position : position + next(sizes)]
        parts += [b"%x\r\n" % len(part), part, b"\r\n"]
        position += len(part)
    return b"".join([*parts, b"0\r\n\r\n"])


def accepts_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.lower().split(","):
        coding, _, quality = item.replace(" ", "").partition(";")
        if coding in ("gzip", "x-gzip", "*"):
            return quality not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def plain(status: int, reason: str, text: str) -> Answer:
    return Answer(status, reason, [("Content-Type", "text/plain; charset=utf-8")], text.encode() + b"\n")


def header_of(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


def _weak(tag: str) -> str:
    return tag.strip().removeprefix("W/")


def _http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
