"""What ``scrapy verify`` can find wrong beside the rules of ``warc.verify``, and how it is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from warc.shown import columns_of

RULES: Final = {
    "row-line": "the line is no row, or not as the serialiser writes it",
    "row-id": "row_id or content_digest is not made from what the row says, or another row has the row_id",
    "row-run": "the row is of another run than its file",
    "row-record": "the row's record is not where the row says, or is not the record that it says",
    "row-payload": "the record's payload has another digest than the row says",
    "row-date": "captured_at is not the date of the visit's record",
    "row-visit": "the visit that the row names is not in the archive, or refers to another record",
    "row-part": "an image or video names a record that the archive does not have",
    "row-page": "the record's bytes are no page that gives a row",
    "row-fields": "extracted again, the record gives other values",
    "index-line": "a line of an index is no CDXJ",
    "index-order": "an index is not in bytewise order",
    "index-record": "an index line points at no record, or says something else of it",
    "index-missing": "a capture is not in the index of its file",
    "evidence": "a run's meta WARC lacks a part, has another's, or says something else than the run's files",
    "crawl-log": "a line of a crawl log is none, or an exchange has no line, or a line no exchange",
    "report": "a run's report is none",
    "wacz": "a WACZ file lacks a part, or a part is not what its list says",
    "manifest-line": "a line of the manifest cannot be read, or names a file twice",
    "manifest-chain": "a line of the manifest is changed, taken out or put in: the hashes do not go on",
    "manifest-cut": "the manifest ends before the last line that the ledger has committed",
    "manifest-tail": "the manifest goes on behind the last line that the ledger has committed",
    "manifest-head": "a warcinfo names a line that the manifest does not have",
    "file-missing": "a file is gone",
    "file-size": "a file is shorter or longer than it was when it was closed",
    "file-digest": "a file's SHA-256 is not that of the manifest",
    "file-unknown": "a file that neither manifest nor ledger knows",
    "file-unreadable": "a file cannot be read",
    "ledger": "the ledger itself is damaged",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: in which file, at which byte (of the record, line or member), of which record, against which rule."""

    file: str  # relative to ARCHIVE_DIR, or as it was named
    offset: int | None
    record_id: str | None
    rule: str
    detail: str

    def line(self) -> str:
        where = "-" if self.offset is None else str(self.offset)
        return columns_of((self.file, where, self.record_id or "-", self.rule, " ".join(self.detail.split())))


@dataclass(slots=True)
class Checked:
    """What came of checking one thing or many: faults, what is no fault and told all the same, and counts."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # warc files, records, rows, …
    older: Counter[str] = field(default_factory=Counter)  # rows by the page class and number that made them
    row_ids: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)  # hex SHA-256 by file
    exchanges: Counter[str] = field(default_factory=Counter)  # by name of the WARC file that holds them
    attempts: Counter[str] = field(default_factory=Counter)  # lines of crawl logs, by the WARC file that they name

    def __bool__(self) -> bool:
        return not self.findings

    def add(self, file: str, offset: int | None, record_id: str | None, rule: str, detail: str) -> None:
        self.findings.append(Finding(file, offset, record_id, rule, detail))

    def take(self, other: Checked) -> None:
        """Put another result to this one."""
        self.findings += other.findings
        self.notes += other.notes
        self.counts += other.counts
        self.older += other.older
        self.row_ids += other.row_ids
        self.exchanges += other.exchanges
        self.attempts += other.attempts
        self.digests |= other.digests

    def named_in(self, folder: str) -> None:
        """Put the folder before the names of its files: several folders were checked."""
        self.findings = [replace(finding, file=f"{folder}/{finding.file}") for finding in self.findings]
