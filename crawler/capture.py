"""One request/response exchange, and the reference by which everything later points at its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from crawler.connection import Handshake, Lookup
from warc.record import Original


@dataclass(slots=True)
class Exchange:
    """What went over one connection for one request, byte for byte.

    ``response`` is everything the server sent for this request, from the first byte of the status line (a 1xx
    answer before it is left out) to the last body byte received, still with chunk framing and content encoding.
    ``cause`` names why the body is incomplete (``time``, ``length``, ``disconnect``), None when it is whole.
    ``error`` is set instead when not one response byte came.
    """

    url: str
    started_at: datetime  # UTC
    request: bytes  # head and body, origin form, without Proxy-* headers
    response: BinaryIO | None = None  # spooled to disk when large
    method: str = "GET"
    ip: str | None = None
    protocols: tuple[str, ...] = ()  # WARC-Protocol values, such as ("http/1.1", "tls/1.3")
    cipher: str | None = None
    cause: str | None = None
    error: str | None = None
    fetch_ms: int = 0
    lookup: Lookup | None = None  # made for this exchange; None when its connection was there already
    handshake: Handshake | None = None
    original: Original | None = None  # what a 304 stands for; None when the request had no conditions
    facts: dict[str, str] = field(default_factory=dict)  # for the metadata record: url, via, kind, channel, pass …


@dataclass(frozen=True, slots=True)
class CaptureRef:
    """Where a capture lies in the archive: how a row points at its evidence."""

    file: str  # relative to ARCHIVE_DIR, without .open
    offset: int
    length: int
    record_id: str
    record_type: str  # response, revisit or resource
    target_uri: str
    payload_digest: str | None
    captured_at: str  # string-equal to WARC-Date
    status: int | None = None
    revisit_id: str | None = None
