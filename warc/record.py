"""What a WARC/1.1 record is: its headers, and its block byte for byte.

Every function returns a finished ``WarcRecord`` with random id, block digest and, where readers agree on it, payload
digest. warcio serialises the WARC headers only; it never sees, and so never rewrites, an HTTP head.
A header value is one line: target URIs are percent-encoded, everything else with a control character is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final, Protocol

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from warc.digest import Digester, digest_of
from warc.message import Part, StoredMessage, is_plain_head, read_head
from warc.values import checked_date, checked_id, new_record_id, one_line, safe_uri, utc_now, warc_fields

VERSION: Final = "WARC/1.1"
PRODUCER: Final = "bao-quan"  # how the software line of our warcinfo begins; verify is strict with such files

# Profiles of a revisit (ISO 28500:2017, 6.7). The first: the payload was archived before, only the head is kept.
# The second: the server said 304, its answer is the head.
IDENTICAL_PAYLOAD: Final = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"

EVIDENCE: Final = "urn:run:"
"""How target URIs of records about a run begin: such a resource is no capture of an address."""

LOOKUP: Final = "dns:"
"""How target URIs of name lookups begin (RFC 4501): such a response is no HTTP."""

TLS: Final = "urn:tls:"
"""How target URIs of records about a TLS connection begin: such a metadata record is not that of a capture."""

TRUNCATION_REASONS: Final = frozenset({"length", "time", "disconnect", "unspecified"})
WARC_FIELDS: Final = "application/warc-fields"
HTTP_REQUEST: Final = "application/http; msgtype=request"
HTTP_RESPONSE: Final = "application/http; msgtype=response"
DNS_ANSWER: Final = "text/dns"  # RFC 4027

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """What the records of one capture share.

    ``date`` is the start of the fetch, such as ``2026-11-21T10:00:00Z``. ``target_uri`` may be any URL that was
    asked for; ``uri`` is its form in the records.
    """

    target_uri: str
    date: str
    ip: str | None = None
    protocols: tuple[str, ...] = ()
    cipher: str | None = None

    @property
    def uri(self) -> str:
        return safe_uri(self.target_uri)

    def headers(self) -> Headers:
        ip = (("WARC-IP-Address", str(ipaddress.ip_address(self.ip))),) if self.ip else ()
        protocols = tuple(("WARC-Protocol", name) for name in self.protocols)
        cipher = (("WARC-Cipher-Suite", self.cipher),) if self.cipher else ()
        return (("WARC-Target-URI", self.uri), *ip, *protocols, *cipher)


@dataclass(frozen=True, slots=True)
class Original:
    """The record that a revisit points at."""

    record_id: str
    target_uri: str
    date: str


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A record ready to be written. ``head`` and ``body`` together are the block."""

    type: str
    record_id: str
    date: str
    headers: Headers  # all but type, id, date, Warcinfo-ID and Content-Length
    head: bytes
    body: Part | None = None
    warcinfo_id: str | None = None  # filled in by the file it is appended to
    payload_digest: str | None = None
    target_uri: str | None = None

    @property
    def length(self) -> int:
        return len(self.head) + (self.body.length if self.body else 0)

    def pieces(self) -> Iterator[bytes]:
        if self.head:
            yield self.head
        if self.body:
            yield from self.body.pieces()

    def write_to(self, out: Sink) -> None:
        """Serialise the record, uncompressed. Raises OSError when ``out`` does, EOFError when a body was cut."""
        warcinfo = (("WARC-Warcinfo-ID", self.warcinfo_id),) if self.warcinfo_id else ()
        headers = [
            ("WARC-Type", self.type),
            ("WARC-Record-ID", self.record_id),
            *warcinfo,
            ("WARC-Date", self.date),
            *self.headers,
        ]
        fields = StatusAndHeaders("", headers, protocol=VERSION)
        # No type is named to warcio: it would leave out the block of a revisit that it has not parsed itself.
        record = ArcWarcRecord("warc", "", fields, _Pieces(self.pieces()), None, None, self.length)
        _VERBATIM.write_to(out, record)

    def within(self, warcinfo_id: str) -> WarcRecord:
        """The same record as part of the file that this warcinfo describes."""
        return self if self.warcinfo_id or self.type == "warcinfo" else replace(self, warcinfo_id=warcinfo_id)


class Sink(Protocol):
    """Where a record is written to."""

    def write(self, data: bytes, /) -> Any: ...
    def flush(self) -> None: ...


def warcinfo(
    fields: Mapping[str, str], *, filename: str, date: str | None = None, record_id: str | None = None
) -> WarcRecord:
    """The first record of a file. ``filename`` is the final name; ``software`` stands in the fields by default."""
    block = warc_fields({"software": PRODUCER, "format": "WARC File Format 1.1"} | dict(fields))
    headers = (("WARC-Filename", filename), ("Content-Type", WARC_FIELDS))
    return _build("warcinfo", headers, block, date=date or utc_now(), record_id=record_id)


def response(
    visit: Visit, message: StoredMessage, *, truncated: str | None = None, record_id: str | None = None
) -> WarcRecord:
    """A response as received. Without a reason, a message known to be incomplete is marked ``unspecified``."""
    truncated = truncated or (None if message.complete else "unspecified")
    headers = (*visit.headers(), *_truncated(truncated), ("Content-Type", HTTP_RESPONSE))
    return _build("response", headers, message.head, message.body, visit, message.payload_digest, record_id=record_id)


def request(
    visit: Visit, block: bytes, *, concurrent_to: Iterable[str] = (), record_id: str | None = None
) -> WarcRecord:
    """A request as sent. Only a request with a body has a payload digest."""
    part = Part.of(block)
    head, ended = read_head(part.file)
    payload = block[len(head) :]
    digest = digest_of(payload) if payload and ended and is_plain_head(head) else None
    headers = (*visit.headers(), *_concurrent(concurrent_to), ("Content-Type", HTTP_REQUEST))
    return _build("request", headers, block, None, visit, digest, record_id=record_id)


def revisit(
    visit: Visit,
    message: StoredMessage,
    original: Original,
    *,
    profile: str = IDENTICAL_PAYLOAD,
    record_id: str | None = None,
) -> WarcRecord:
    """A capture that refers to an earlier one. The block is the head of this response.

    For an identical payload the digest is that of this message; ValueError when it has none. The digest of a 304's
    empty body would say nothing, so a not-modified revisit has none.
    """
    if profile not in (IDENTICAL_PAYLOAD, NOT_MODIFIED):
        raise ValueError(f"not a revisit profile: {profile!r}")
    digest = message.payload_digest if profile == IDENTICAL_PAYLOAD else None
    if profile == IDENTICAL_PAYLOAD and digest is None:
        raise ValueError("an identical-payload revisit needs a payload digest")
    headers = (
        *visit.headers(),
        ("WARC-Profile", profile),
        ("WARC-Refers-To", checked_id(original.record_id)),
        ("WARC-Refers-To-Target-URI", safe_uri(original.target_uri)),
        ("WARC-Refers-To-Date", checked_date(original.date)),
        *_truncated("length" if profile == IDENTICAL_PAYLOAD else None),
        ("Content-Type", HTTP_RESPONSE),
    )
    return _build("revisit", headers, message.head, None, visit, digest, record_id=record_id)


def resource(
    visit: Visit,
    body: bytes | BinaryIO,
    content_type: str,
    *,
    concurrent_to: Iterable[str] = (),
    truncated: str | None = None,
    record_id: str | None = None,
) -> WarcRecord:
    """Content without protocol bytes: a rendered page, a screenshot, a log. ``body`` may be a seekable file.

    Block and payload are the same bytes, so only the block digest is written (FastWARC knows payload digests of HTTP
    records only); ``payload_digest`` of the result is that digest.
    """
    if content_type.startswith("application/http"):
        raise ValueError("HTTP bytes belong in a response or request")
    part = Part.of(body)
    headers = (
        *visit.headers(),
        *_concurrent(concurrent_to),
        *_truncated(truncated),
        ("Content-Type", content_type),
    )
    return _build("resource", headers, b"", part, visit, record_id=record_id)


def lookup(visit: Visit, answer: bytes, *, record_id: str | None = None) -> WarcRecord:
    """What a name server said; the target URI is ``dns:`` and the name.

    A response, as Heritrix writes it and readers know it; ISO 28500:2017, 6.4.4 would have a resource. Block and
    payload are the same bytes, so only the block digest is written, as of a resource.
    """
    if not visit.uri.startswith(LOOKUP):
        raise ValueError(f"not the target URI of a lookup: {visit.uri!r}")
    headers = (*visit.headers(), ("Content-Type", DNS_ANSWER))
    return _build("response", headers, b"", Part.of(answer), visit, record_id=record_id)


def metadata(
    visit: Visit,
    fields: Mapping[str, str] | Iterable[tuple[str, str]],
    *,
    concurrent_to: Iterable[str] = (),
    refers_to: str | None = None,
    record_id: str | None = None,
) -> WarcRecord:
    """Facts about a capture: via, hopsFromSeed, fetchTimeMs and others of the crawler's own.

    ``refers_to``: the record that it describes without being one of its capture (ISO 28500:2017, 5.11).
    """
    described = (("WARC-Refers-To", checked_id(refers_to)),) if refers_to else ()
    headers = (*visit.headers(), *_concurrent(concurrent_to), *described, ("Content-Type", WARC_FIELDS))
    return _build("metadata", headers, warc_fields(fields), None, visit, record_id=record_id)


def _build(
    kind: str,
    headers: Headers,
    head: bytes,
    body: Part | None = None,
    visit: Visit | None = None,
    payload_digest: str | None = None,
    *,
    date: str | None = None,
    record_id: str | None = None,
) -> WarcRecord:
    block_digest = Digester(head)
    for piece in body.pieces() if body else ():
        block_digest.update(piece)
    payload = (("WARC-Payload-Digest", payload_digest),) if payload_digest else ()
    *before, content_type = headers
    full = (*before, *payload, ("WARC-Block-Digest", str(block_digest)), content_type)
    for name, value in full:
        if not value or value != one_line(value).strip():
            raise ValueError(f"{name} cannot hold {value!r}")
    return WarcRecord(
        type=kind,
        record_id=checked_id(record_id or new_record_id()),
        date=checked_date(visit.date if visit else date or ""),
        headers=full,
        head=head,
        body=body,
        payload_digest=str(block_digest) if kind == "resource" else payload_digest,
        target_uri=visit.uri if visit else None,
    )


def _truncated(reason: str | None) -> Headers:
    if reason is not None and reason not in TRUNCATION_REASONS:
        raise ValueError(f"not a truncation reason: {reason!r}")
    return (("WARC-Truncated", reason),) if reason else ()


def _concurrent(record_ids: Iterable[str]) -> Headers:
    return tuple(("WARC-Concurrent-To", checked_id(value)) for value in record_ids)


class _Pieces:
    """What warcio reads a block from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        if self._position >= len(self._piece):
            self._piece, self._position = next(self._pieces, b""), 0
        start, self._position = self._position, self._position + size
        return self._piece[start : self._position]


class _Verbatim(WARCWriter):  # type: ignore[misc]  # warcio is untyped
    """warcio's writer without its digests: it would digest the whole block as payload."""

    def write_to(self, out: Sink, record: ArcWarcRecord) -> None:
        self._write_warc_record(out, record)

    def ensure_digest(self, record: object, block: bool = True, payload: bool = True) -> None:
        """All digests are among the headers already."""


_VERBATIM = _Verbatim(None, gzip=False, warc_version=VERSION)  # one for all: making it asks for the host name
