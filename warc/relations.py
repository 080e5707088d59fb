"""What ``verify`` asks of records that speak of each other: unique ids, pairs, revisits and their originals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from warc.examine import Examined
from warc.message import content_length, header_pairs, parse_status
from warc.reader import Record
from warc.record import IDENTICAL_PAYLOAD
from warc.rules import Finding, is_lookup

NO_ORIGINAL: Final = "WARC-Refers-To names a record that is no response"


@dataclass(slots=True)
class _Half:
    """What a request and the response or revisit it belongs to must have in common."""

    offset: int
    record_id: str
    date: str
    uri: str
    request_head: bytes = b""
    short: bool = False  # a response that is shorter than announced and not marked so: right for HEAD only


@dataclass(frozen=True, slots=True)
class Revisit:
    """What a revisit says of its original."""

    offset: int
    record_id: str
    profile: str | None
    refers_to: str
    digest: str | None
    date: str | None
    uri: str | None

    def contradictions(self, digest: str | None, date: str, uri: str) -> Iterator[Finding]:
        """The original has this payload digest, date and target URI."""
        if self.profile == IDENTICAL_PAYLOAD and self.digest != digest:
            yield "revisit", "the payload digest is not that of the original"
        if (self.date, self.uri) != (date, uri):
            yield "revisit", "date or target URI is not that of the original"


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
        self._short: list[_Half] = []  # answers that ended early though nothing says so
        self.elsewhere: list[Revisit] = []  # of payloads that do not stand before them in the file
        self._named: dict[str, _Half] = {}  # ids named by another record that have not come, and by whom

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
            if other not in self._ids and record.type != "resource":  # of a rendered page it may be in an earlier file
                self._named[other] = half
            self._lonely.pop(other, None)
        described = record.get("WARC-Refers-To") if record.type == "metadata" else None
        if described and described not in self._ids:
            self._named[described] = half
        self._named.pop(record_id, None)
        if record.type == "request":
            half.request_head = record.head
            if not named:
                self._lonely[record_id] = half
            for other in named:
                answer = self._answers.pop(other, None)
                if answer:
                    yield from self._pair_faults(half, answer)
                else:
                    self._requests[other] = half
        elif record.type in ("response", "revisit") and not is_lookup(record):
            half.short = record.type == "response" and _is_short(record)
            request = self._requests.pop(record_id, None)
            if request:
                yield from self._pair_faults(request, half)
            else:
                self._answers[record_id] = half
        if record.type == "revisit":
            yield from self._original_faults(record)
        if record.type in ("response", "resource"):
            self._originals[record_id] = (payload_digest(record), half.date, half.uri)

    def _original_faults(self, record: Examined) -> Iterator[Finding]:
        """The original, where it stands in the same file, is what the revisit says it is."""
        revisit = Revisit(
            record.offset,
            record.record_id or "",
            record.get("WARC-Profile"),
            record.get("WARC-Refers-To") or "",
            record.get("WARC-Payload-Digest"),
            record.get("WARC-Refers-To-Date"),
            record.get("WARC-Refers-To-Target-URI"),
        )
        original = self._originals.get(revisit.refers_to)
        if original is not None:
            yield from revisit.contradictions(*original)
        elif revisit.refers_to in self._ids:
            yield "revisit", NO_ORIGINAL
        elif revisit.refers_to:
            self.elsewhere.append(revisit)

    def _pair_faults(self, request: _Half, answer: _Half) -> Iterator[Finding]:
        if (request.date, request.uri) != (answer.date, answer.uri):
            yield "concurrent-to", "request and response differ in date or target URI"
        if answer.short and not request.request_head.startswith(b"HEAD "):
            self._short.append(answer)

    def unfinished(self) -> Iterator[tuple[int, str, str, str]]:
        """Offset, record id, rule and detail of what is known only at the end of a file of ours."""
        for answer in self._answers.values():
            yield answer.offset, answer.record_id, "concurrent-to", "no request belongs to it"
        for answer in self._short:
            yield (
                answer.offset,
                answer.record_id,
                "truncated",
                "the body ends early, and WARC-Truncated does not say so",
            )
        for request in self._lonely.values():
            yield request.offset, request.record_id, "concurrent-to", "no response, and no metadata that says why"
        for other, half in self._named.items():
            yield half.offset, half.record_id, "concurrent-to", f"{other} is not in the file"


def payload_digest(record: Examined | Record) -> str | None:
    """The digest that a revisit of this response or resource has to have."""
    return record.get("WARC-Payload-Digest" if record.type == "response" else "WARC-Block-Digest")


def _is_short(record: Examined) -> bool:
    status, _ = parse_status(record.head)
    if record.get("WARC-Truncated") or status is None or status < 200 or status in (204, 304):
        return False
    announced = content_length(header_pairs(record.head))
    return announced is not None and announced > record.body_length
