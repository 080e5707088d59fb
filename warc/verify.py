"""A strict reading of a WARC file that finds what peers let pass: cuts, lengths, digests, ids, references.

    report = verify(path)
    if not report: for fault in report.faults: …

Files of our own (their warcinfo names ``record.PRODUCER``) are held to everything we promise; files of other
producers to the structure that WARC 1.0 and 1.1 demand of all. ``RULES`` lists what can be wrong.
A file that ends between two captures looks whole: give ``committed`` to notice that too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from warc.examine import Examined, examine
from warc.record import EVIDENCE, TLS
from warc.relations import Relations, Revisit
from warc.rules import general_faults, is_ours, own_faults
from warc.scan import MAGIC, Damage, Region, Stream, gunzip, next_member, next_version_line, plain
from warc.writer import OPEN

RULES: Final = {
    "empty": "no record in the file",
    "gzip-cut": "the file ends inside a gzip member",
    "gzip-data": "a gzip member cannot be decompressed",
    "gzip-crc": "a gzip member's checksum or length is wrong",
    "gzip-member": "a gzip member does not hold exactly one record",
    "garbage": "bytes that belong to no record",
    "cut": "the file ends before its committed length",
    "version": "the version line is not WARC/1.0 or WARC/1.1 (ours: 1.1)",
    "header-syntax": "a header line is malformed, folded (ours), too long, or holds control characters",
    "header-missing": "a mandatory header is absent",
    "header-repeated": "a header that may stand once stands twice",
    "type": "the record type is unknown",
    "date": "WARC-Date is no UTC date of the prescribed form",
    "record-id": "WARC-Record-ID is no URI in angle brackets (ours: a random UUID), or not unique",
    "target-uri": "WARC-Target-URI is no URI, or stands where it may not",
    "content-length": "Content-Length is absent, malformed, or larger than the block",
    "record-end": "two CRLF do not follow the block",
    "digest-syntax": "a digest is not algorithm:value (ours: sha1 in Base32)",
    "block-digest": "the block has another digest",
    "payload-digest": "the payload has another digest, or one that readers cannot agree on",
    "http-head": "the HTTP head of a message does not end, or is no head",
    "stored-form": "chunk framing in a stored message, or a wrong Content-Length for one that was chunked",
    "truncated": "WARC-Truncated has an unknown reason, or is absent from a body that ended early",
    "warcinfo": "a warcinfo record is not the first, or is malformed",
    "filename": "WARC-Filename is not the file's name",
    "warcinfo-id": "WARC-Warcinfo-ID is absent or names another record",
    "concurrent-to": "request and response do not belong together, or one is missing",
    "revisit": "a revisit's profile or what it refers to is missing or contradicts the original",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a file, at the offset of the record or gzip member."""

    offset: int
    record_id: str | None
    rule: str
    detail: str


@dataclass(slots=True)
class Report:
    """What ``verify`` found; true when the file is sound. ``ours`` tells which measure was applied."""

    path: Path
    records: int = 0
    ours: bool = False
    exchanges: int = 0  # of ours: each has one metadata record of its own
    # Target URI, block digest, offset and id of each record about a run
    evidence: list[tuple[str, str, int, str | None]] = field(default_factory=list)
    elsewhere: list[Revisit] = field(default_factory=list)  # of ours: their originals are to be found in other files
    faults: list[Fault] = field(default_factory=list)

    def __bool__(self) -> bool:
        return not self.faults

    def add(self, offset: int, record_id: str | None, rule: str, detail: str) -> None:
        assert rule in RULES, rule
        self.faults.append(Fault(offset, record_id, rule, detail))


def verify(path: Path | str, *, committed: int | None = None, strict: bool | None = None) -> Report:
    """Read a file whole and report every fault; memory stays small however large its records are.

    ``committed`` is where the file has to end: an ``.open`` file is read up to there, a closed one must not go on.
    ``strict`` overrides the choice between our own measure and the general one. Raises OSError only.
    """
    path = Path(path)
    report = Report(path)
    with path.open("rb") as file:
        size = path.stat().st_size
        end = size if committed is None else min(size, committed)
        if committed is not None and size < committed:
            report.add(size, None, "cut", f"{committed - size} committed bytes are missing")
        if committed is not None and size > committed and path.suffix != OPEN:
            report.add(committed, None, "garbage", f"{size - committed} bytes behind the committed length")
        _verify(file, end, report, strict)
    return report


def _verify(file: BinaryIO, end: int, report: Report, strict: bool | None) -> None:
    name = report.path.name.removesuffix(OPEN)
    begins = file.read(5)
    compressed = begins.startswith(MAGIC[:2]) or (begins != b"WARC/" and name.endswith(".gz"))
    file.seek(0)
    region = Region(file, end)
    relations = Relations()
    for record in _members(region, end, report) if compressed else _plain(region, end, report):
        first = report.records == 0
        if first:
            report.ours = is_ours(record, name) if strict is None else strict
        report.records += 1
        uri = record.get("WARC-Target-URI") or ""
        report.exchanges += record.type == "metadata" and not uri.startswith(TLS)
        if record.type == "resource" and uri.startswith(EVIDENCE):
            report.evidence.append((uri, record.get("WARC-Block-Digest") or "", record.offset, record.record_id))
        findings = [*record.faults, *general_faults(record), *relations.repeated_id(record)]
        if report.ours:
            findings += [*own_faults(record, name, first), *relations.own_faults(record)]
        for rule, detail in findings:
            report.add(record.offset, record.record_id, rule, detail)
    if not report.records:
        report.add(0, None, "empty", RULES["empty"])
    report.elsewhere = relations.elsewhere
    if report.ours:
        for fault in relations.unfinished():
            report.add(*fault)
    report.faults.sort(key=lambda fault: fault.offset)


def _members(region: Region, end: int, report: Report) -> Iterator[Examined]:
    """The records of a compressed file. Behind damage, reading goes on at the next member that holds a record."""
    while region.position < end:
        offset = region.position
        stream = Stream(gunzip(region))
        record_id = None
        try:
            if not region.looks_like(MAGIC):
                raise Damage("garbage", "no gzip member begins here")
            if stream.ended():
                raise Damage("gzip-member", "the member is empty")
            record = examine(stream, offset)
            record_id = record.record_id
            yield record
            left = stream.drain()
            if left and record.ended:
                report.add(offset, record_id, "gzip-member", f"{left} bytes follow the record in its member")
        except Damage as damage:
            report.add(offset, damage.record_id or record_id, damage.rule, damage.detail)
            following = next_member(region, offset + 1)
            if following is None:
                return
            region.seek(following)


def _plain(region: Region, end: int, report: Report) -> Iterator[Examined]:
    """The records of a file that is not compressed. Behind damage, reading goes on at the next version line."""
    begun: int | None = 0
    while begun is not None and begun < end:
        region.seek(begun)
        base, stream = begun, Stream(plain(region))
        try:
            whole = True
            while whole and not stream.ended():
                begun = base + stream.taken
                yield (record := examine(stream, begun))
                whole = record.ended
            if whole:
                return
        except Damage as damage:
            report.add(begun, damage.record_id, damage.rule, damage.detail)
        begun = next_version_line(region, begun)
