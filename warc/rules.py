"""What ``verify`` asks of each record: of everybody's, and of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from warc.digest import EMPTY_PAYLOAD
from warc.examine import Examined, parse_digest
from warc.message import (
    ORIGINAL_TRANSFER_ENCODING,
    content_length,
    header_pairs,
    is_chunked,
    is_plain_head,
)
from warc.record import DNS_ANSWER, IDENTICAL_PAYLOAD, LOOKUP, NOT_MODIFIED, PRODUCER, TRUNCATION_REASONS

Finding = tuple[str, str]  # rule, detail

TYPES: Final = frozenset(
    {"warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"}
)
_WITH_URI: Final = frozenset({"response", "resource", "request", "revisit", "conversion", "continuation"})
# Of the standard's headers, all but Concurrent-To and Protocol may stand once only.
_ONCE: Final = frozenset(
    {
        "warc-type",
        "warc-record-id",
        "warc-date",
        "content-length",
        "content-type",
        "warc-block-digest",
        "warc-payload-digest",
        "warc-ip-address",
        "warc-refers-to",
        "warc-refers-to-target-uri",
        "warc-refers-to-date",
        "warc-target-uri",
        "warc-truncated",
        "warc-warcinfo-id",
        "warc-filename",
        "warc-profile",
        "warc-identified-payload-type",
        "warc-segment-number",
        "warc-segment-origin-id",
        "warc-segment-total-length",
        "warc-cipher-suite",
    }
)
_DATE = re.compile(r"(?a)\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_SHORT_DATE = re.compile(r"(?a)\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}Z)?)?)?")  # 1.1 allows fewer digits
_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+>")
_OUR_ID = re.compile(r"<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}>")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_OUR_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_OUR_DIGEST = re.compile(r"sha1:[A-Z2-7]{32}")
_OUR_FILE = re.compile(r".+-\d{14}-\d{5,}-[A-Za-z0-9_-]+\.warc\.gz")
_FIELD_LINE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n]*")
_REQUEST_LINE = re.compile(rb"\S+ \S+ HTTP/\d\.\d\r\n")


def is_ours(first: Examined, name: str) -> bool:
    """Whether our own measure applies: the warcinfo names us, or it is missing from a file named like ours."""
    if first.type != "warcinfo":
        return bool(_OUR_FILE.fullmatch(name))
    software = re.search(rb"(?mi)^software:[ \t]*(.*)", first.block)
    return software is not None and software[1].lower().startswith(PRODUCER.encode())


def general_faults(record: Examined) -> Iterator[Finding]:
    """The structure that WARC/1.0 and 1.1 ask of every record."""
    if record.version not in ("WARC/1.0", "WARC/1.1"):
        yield "version", f"it is {record.version!r}"
    names = [name.lower() for name, _ in record.headers]
    for name in sorted({name for name in names if name in _ONCE and names.count(name) > 1}):
        yield "header-repeated", f"{name} stands {names.count(name)} times"
    mandatory = ["WARC-Type", "WARC-Record-ID", "WARC-Date"]
    mandatory += ["WARC-Target-URI"] if record.type in _WITH_URI else []
    mandatory += ["WARC-Profile"] if record.type == "revisit" else []
    for name in mandatory:
        if not record.get(name):
            yield "header-missing", name
    date = record.get("WARC-Date") or ""
    if date and not is_date(date, record.version):
        yield "date", f"WARC-Date is {date!r}"
    if record.record_id and not _ID.fullmatch(record.record_id):
        yield "record-id", f"it is {record.record_id!r}"
    uri = record.get("WARC-Target-URI")
    if uri and not _URI.fullmatch(uri.removeprefix("<").removesuffix(">")):
        yield "target-uri", f"it is {uri!r}"


def is_date(text: str, version: str = "WARC/1.1") -> bool:
    """Whether the text is a UTC date as WARC-Date prescribes, and a day that exists."""
    if _DATE.fullmatch(text):
        if version == "WARC/1.0" and "." in text:
            return False
        text = text[:19] + "+00:00"
    elif version == "WARC/1.1" and _SHORT_DATE.fullmatch(text):
        text = (text + "-01-01"[len(text) - 4 :])[:10] if len(text) < 10 else text
    else:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def own_faults(record: Examined, name: str, first: bool) -> Iterator[Finding]:
    """What our writer promises beyond that; ``name`` is the file's, ``first`` the place of the record in it."""
    if record.version != "WARC/1.1":
        yield "version", f"it is {record.version!r}"
    if record.folded:
        yield "header-syntax", "a header is folded"
    if record.type not in TYPES:
        yield "type", f"it is {record.type!r}"
    date = record.get("WARC-Date") or ""
    if is_date(date) and not _DATE.fullmatch(date):
        yield "date", f"WARC-Date is {date!r}"
    if record.record_id and _ID.fullmatch(record.record_id) and not _OUR_ID.fullmatch(record.record_id):
        yield "record-id", f"{record.record_id!r} is no random UUID"
    uri = record.get("WARC-Target-URI")
    if uri and not _OUR_URI.fullmatch(uri):
        yield "target-uri", f"it is {uri!r}"
    for header in ("WARC-Block-Digest", "Content-Type"):
        if not record.get(header):
            yield "header-missing", header
    for header in ("WARC-Block-Digest", "WARC-Payload-Digest"):
        value = record.get(header)
        if value and parse_digest(value) and not _OUR_DIGEST.fullmatch(value):
            yield "digest-syntax", f"{header} is {value!r}"
    reason = record.get("WARC-Truncated")
    if reason is not None and reason not in TRUNCATION_REASONS:
        yield "truncated", f"WARC-Truncated is {reason!r}"
    if record.type == "warcinfo" or first:
        yield from _warcinfo_faults(record, name, first)
    if record.type == "revisit":
        yield from _revisit_faults(record)
    if is_lookup(record):
        if record.get("Content-Type") != DNS_ANSWER:
            yield "http-head", f"Content-Type of a lookup is not {DNS_ANSWER}"
    elif record.type in ("request", "response", "revisit"):
        yield from _http_faults(record)


def is_lookup(record: Examined) -> bool:
    """Whether a response is what a name server said: no HTTP, and no request belongs to it."""
    return record.type == "response" and (record.get("WARC-Target-URI") or "").startswith(LOOKUP)


def _warcinfo_faults(record: Examined, name: str, first: bool) -> Iterator[Finding]:
    if record.type != "warcinfo":
        yield "warcinfo", f"the first record is a {record.type or 'nameless'} record"
        return
    if not first:
        yield "warcinfo", "it is not the first record"
    if record.get("WARC-Target-URI") is not None:
        yield "target-uri", "a warcinfo has none"
    filename = record.get("WARC-Filename")
    if filename != name:
        yield "filename", f"WARC-Filename is {filename!r}, the file is {name!r}"
    lines = record.block.decode("utf-8", "replace").removesuffix("\r\n").split("\r\n")
    if not all(_FIELD_LINE.fullmatch(line) for line in lines):
        yield "warcinfo", "its block is not lines of name and value"


def _revisit_faults(record: Examined) -> Iterator[Finding]:
    profile = record.get("WARC-Profile")
    if profile not in (IDENTICAL_PAYLOAD, NOT_MODIFIED):
        yield "revisit", f"the profile is {profile!r}"
    for header in ("WARC-Refers-To", "WARC-Refers-To-Target-URI", "WARC-Refers-To-Date"):
        if not record.get(header):
            yield "revisit", f"no {header}"
    if not is_date(record.get("WARC-Refers-To-Date") or "2000"):
        yield "revisit", "WARC-Refers-To-Date is no date"
    identical = profile == IDENTICAL_PAYLOAD
    if identical and not record.get("WARC-Payload-Digest"):
        yield "revisit", "no WARC-Payload-Digest"
    if identical and record.get("WARC-Truncated") != "length":
        yield "revisit", "WARC-Truncated is not length"
    if record.body_length:
        yield "revisit", f"{record.body_length} bytes behind the HTTP head"
    if record.length and record.get("WARC-Block-Digest") == EMPTY_PAYLOAD:
        yield "block-digest", "it is that of nothing"


def _http_faults(record: Examined) -> Iterator[Finding]:
    if not record.is_http:
        yield "http-head", "Content-Type is not application/http"
        return
    if not record.head_ended and not record.get("WARC-Truncated"):
        yield "http-head", "the HTTP head does not end"
    if record.type == "request":
        if not _REQUEST_LINE.match(record.head):
            yield "http-head", f"no request line but {record.head[:40]!r}"
        return
    plain = record.head_ended and is_plain_head(record.head)
    digest = record.get("WARC-Payload-Digest")
    if digest and not plain:
        yield "payload-digest", "readers do not agree where the payload begins"
    if record.type != "response":
        return
    if plain and not digest:
        yield "header-missing", "WARC-Payload-Digest"
    pairs = header_pairs(record.head)
    if is_chunked(pairs) and record.body_length:
        yield "stored-form", "the body is chunked"
    announced = content_length(pairs)
    was_chunked = any(key == ORIGINAL_TRANSFER_ENCODING for key, _ in pairs)
    # Without an announced length the line came from the server: other archives send it with their replayed pages.
    if was_chunked and announced not in (None, record.body_length) and not record.get("WARC-Truncated"):
        yield "stored-form", f"Content-Length is {announced}, the body has {record.body_length} bytes"
