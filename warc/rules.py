"""What ``verify`` asks of records: of all, of ours, and of records that speak of each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from warc.examine import Examined, parse_digest
from warc.message import (
    ORIGINAL_TRANSFER_ENCODING,
    content_length,
    header_pairs,
    is_chunked,
    is_plain_head,
    parse_status,
)
from warc.record import IDENTICAL_PAYLOAD, NOT_MODIFIED, PRODUCER, TRUNCATION_REASONS

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
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_SHORT_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}Z)?)?)?")  # 1.1 allows fewer digits
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
    if record.type in ("request", "response", "revisit"):
        yield from _http_faults(record)


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
    if any(key == ORIGINAL_TRANSFER_ENCODING for key, _ in pairs) and content_length(pairs) != record.body_length:
        yield "stored-form", f"Content-Length is not {record.body_length}"


@dataclass(slots=True)
class _Half:
    """What a request and the response or revisit it belongs to must have in common."""

    offset: int
    record_id: str
    date: str
    uri: str
    request_head: bytes = b""
    short: bool = False  # a response that is shorter than announced and not marked so: right for HEAD only


class Relations:
    """Records that speak of each other. Remembers ids and payload digests, and little of pairs not yet complete.

    A response or revisit has its request. A request has its answer, or a metadata record that names it instead: so
    an exchange that brought no response is told.
    """

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._warcinfo_id: str | None = None
        self._originals: dict[str, tuple[str | None, str, str]] = {}  # payload digest, date, target URI
        self._answers: dict[str, _Half] = {}  # responses and revisits without their request, by id
        self._requests: dict[str, _Half] = {}  # requests without their answer, by the answer's id
        self._lonely: dict[str, _Half] = {}  # requests that name no answer, by their own id
        self._named: dict[str, _Half] = {}  # ids named in WARC-Concurrent-To that have not come, and by whom

    def repeated_id(self, record: Examined) -> Iterator[Finding]:
        """A record id is unique, whoever wrote the file."""
        if record.record_id in self._ids:
            yield "record-id", "another record has it too"
        self._ids.add(record.record_id or "")

    def own_faults(self, record: Examined) -> Iterator[Finding]:
        """Take the next record of a file of ours."""
        record_id = record.record_id or ""
        if record.type == "warcinfo":
            self._warcinfo_id = self._warcinfo_id or record_id
        elif record.get("WARC-Warcinfo-ID") != self._warcinfo_id or not self._warcinfo_id:
            yield "warcinfo-id", f"it is {record.get('WARC-Warcinfo-ID')!r}"
        half = _Half(record.offset, record_id, record.get("WARC-Date") or "", record.get("WARC-Target-URI") or "")
        named = record.get_all("WARC-Concurrent-To")
        for other in named:
            if other not in self._ids:
                self._named[other] = half
            self._lonely.pop(other, None)
        self._named.pop(record_id, None)
        if record.type == "request":
            half.request_head = record.head
            if not named:
                self._lonely[record_id] = half
            for other in named:
                answer = self._answers.pop(other, None)
                if answer:
                    yield from _pair_faults(half, answer)
                else:
                    self._requests[other] = half
        elif record.type in ("response", "revisit"):
            half.short = record.type == "response" and _is_short(record)
            request = self._requests.pop(record_id, None)
            if request:
                yield from _pair_faults(request, half)
            else:
                self._answers[record_id] = half
        if record.type == "revisit":
            yield from self._original_faults(record)
        if record.type in ("response", "resource"):
            digest = record.get("WARC-Payload-Digest" if record.type == "response" else "WARC-Block-Digest")
            self._originals[record_id] = (digest, half.date, half.uri)

    def _original_faults(self, record: Examined) -> Iterator[Finding]:
        """The original, where it stands in the same file, is what the revisit says it is."""
        original = self._originals.get(record.get("WARC-Refers-To") or "")
        if original is None:
            if record.get("WARC-Refers-To") in self._ids:
                yield "revisit", "WARC-Refers-To names a record that is no response"
            return
        digest, date, uri = original
        if record.get("WARC-Profile") == IDENTICAL_PAYLOAD and record.get("WARC-Payload-Digest") != digest:
            yield "revisit", "the payload digest is not that of the original"
        if (record.get("WARC-Refers-To-Date"), record.get("WARC-Refers-To-Target-URI")) != (date, uri):
            yield "revisit", "date or target URI is not that of the original"

    def unfinished(self) -> Iterator[tuple[int, str, str, str]]:
        """Offset, record id, rule and detail of what is still open at the end of a file of ours."""
        for answer in self._answers.values():
            yield answer.offset, answer.record_id, "concurrent-to", "no request belongs to it"
        for request in self._lonely.values():
            yield request.offset, request.record_id, "concurrent-to", "no response, and no metadata that says why"
        for other, half in self._named.items():
            yield half.offset, half.record_id, "concurrent-to", f"{other} is not in the file"


def _pair_faults(request: _Half, answer: _Half) -> Iterator[Finding]:
    if (request.date, request.uri) != (answer.date, answer.uri):
        yield "concurrent-to", "request and response differ in date or target URI"
    if answer.short and not request.request_head.startswith(b"HEAD "):
        yield "truncated", f"the body of {answer.record_id} ends early, and WARC-Truncated does not say so"


def _is_short(record: Examined) -> bool:
    status, _ = parse_status(record.head)
    if record.get("WARC-Truncated") or status is None or status < 200 or status in (204, 304):
        return False
    announced = content_length(header_pairs(record.head))
    return announced is not None and announced > record.body_length
