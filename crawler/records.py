"""From an exchange to the WARC records of its capture: response or revisit, request, and metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter

from crawler.capture import Exchange
from crawler.dates import utc_text
from crawler.dom import PERMISSIONS
from warc import record
from warc.message import StoredMessage, read_message
from warc.record import Original, Visit, WarcRecord

NO_RESPONSE = "no-response"  # value of the metadata field "outcome" when not one response byte came
FIRST_BYTES = 300  # of an answer that is not HTTP, kept in its metadata record
_READ = PERMISSIONS | {b"content-type", b"content-encoding", b"content-disposition", b"location"}


@dataclass(frozen=True, slots=True)
class CaptureRecords:
    """The records of one capture, in the order in which they are written; the first is the one rows point at."""

    records: list[WarcRecord]
    main: WarcRecord | None  # response or revisit; None when there was no HTTP response
    message: StoredMessage | None
    original: Original | None  # what a revisit refers to
    truncated: str | None


def records_of(exchange: Exchange, find_original: Callable[[StoredMessage], Original | None]) -> CaptureRecords:
    """Build the records of an exchange.

    ``find_original`` names the first capture whose payload and ``reading_of`` are those of this answer.
    """
    visit = Visit(exchange.url, utc_text(exchange.started_at), exchange.ip, exchange.protocols, exchange.cipher)
    facts = {**exchange.facts, "fetchTimeMs": str(exchange.fetch_ms)}
    if exchange.handshake is not None and exchange.handshake.failures:
        facts["tlsFailure"] = ", ".join(exchange.handshake.failures)
    if exchange.response is None:
        facts |= {"outcome": NO_RESPONSE, "error": exchange.error or "unknown"}
        return CaptureRecords(_beside(None, visit, exchange, facts), None, None, None, None)
    message = read_message(exchange.response, exchange.method)
    if message.status is None:
        exchange.response.seek(0)
        beginning = exchange.response.read(FIRST_BYTES).decode("ascii", "backslashreplace")
        facts |= {"outcome": "not-http", "error": "the answer is not HTTP", "firstBytes": beginning}
        return CaptureRecords(_beside(None, visit, exchange, facts), None, message, None, exchange.cause)
    truncated = exchange.cause or (None if message.complete else "unspecified")
    if message.status == 304 and exchange.original is not None and truncated is None:
        main = record.revisit(visit, message, exchange.original, profile=record.NOT_MODIFIED)
        return CaptureRecords([main, *_beside(main, visit, exchange, facts)], main, message, exchange.original, None)
    original = None
    if message.payload_digest and exchange.cause is None and message.complete and message.body.length:
        original = find_original(message)
    if original is not None:
        main = record.revisit(visit, message, original)
    else:
        main = record.response(visit, message, truncated=exchange.cause)
    return CaptureRecords([main, *_beside(main, visit, exchange, facts)], main, message, original, truncated)


def reading_of(message: StoredMessage) -> bytes:
    """16 bytes, equal for answers of which equal payloads are read alike: a digest of what of a head is ever read.

    A revisit stands for its original wherever payloads are read, so the two agree in this. Of a head are read: the
    status, where a redirect leads, what the payload is and how it is encoded, and what may be done with it.
    """
    pairs = ((name.lower(), value) for name, value in message.headers)
    read = sorted((pair for pair in pairs if pair[0] in _READ), key=itemgetter(0))  # of one name in their own order
    lines = [b"%d" % (message.status or 0), *(name + b":" + value for name, value in read)]
    return blake2b(b"\n".join(lines), digest_size=16).digest()


def _beside(main: WarcRecord | None, visit: Visit, exchange: Exchange, facts: dict[str, str]) -> list[WarcRecord]:
    """Request and metadata records; both name the response that they belong to."""
    tied = [main.record_id] if main else []
    beside = []
    if exchange.request:
        asked = record.request(visit, exchange.request, concurrent_to=tied)
        beside.append(asked)
        tied = tied or [asked.record_id]
    beside.append(record.metadata(visit, facts, concurrent_to=tied))
    return beside
