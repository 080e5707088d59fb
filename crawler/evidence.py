"""Rows against records: each row is made again from the bytes it points at, and has to come out the same.

    row ─► record at warc.file, warc.offset ─► ids, length, digests ─► page object ─► clean ─► validate ─► same fields?

Relative dates are read against the row's ``captured_at``, never the clock. Left out of the comparison is what a
record alone cannot say: see ``crawler/rowcheck.py``. A row that another number of its page class made is held to its
record, its ids and its digest, and counted by that number.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import DropItem

from crawler.capture import CaptureRef
from crawler.dom import Header, as_page, is_dom, permissions_in
from crawler.extract_read import states_them
from crawler.findings import Checked
from crawler.ledger_files import LEDGER, FileTable
from crawler.limits import NotRead
from crawler.offline import Offline
from crawler.rebuild_read import job_of
from crawler.replay import Replay, UnreadableCapture, raw_response
from crawler.rowcheck import Unproven, check_ids, compare, read_row
from crawler.serialize import to_line
from crawler.timelimit import within
from warc.digest import digest_of
from warc.reader import Capture, DamagedRecord, Record, capture_of, read_at, read_records
from warc.relations import NO_ORIGINAL, Revisit, payload_digest
from warc.writer import OPEN, is_meta

if TYPE_CHECKING:
    from scrapy.http import Response
    from scrapy.settings import Settings

    from crawler.items import Article
    from crawler.page import ArticlePage


class Evidence:
    """Checks rows of one archive folder. Nothing is written, and no network is needed."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._seconds = settings.getfloat("EXTRACT_SECONDS")
        self._replay = Replay(settings)
        self._makers: dict[str, Offline] = {}
        self._ledger: FileTable | None = None
        with suppress(sqlite3.Error):  # a damaged ledger is told of once, and the files say where records lie
            self._ledger = FileTable(folder, read_only=True) if (folder / LEDGER).is_file() else None
        self._places: dict[str, tuple[str, int]] | None = None

    def check_rows(self, path: Path, name: str, begin: int = 0, end: int | None = None) -> Checked:
        """Every row whose line begins in this part of a file. ``name`` is the file's in the faults."""
        checked = Checked()
        for offset, line in lines_between(path, begin, end):
            checked.counts["rows"] += 1
            record_id = None
            try:
                row = read_row(line)
                record_id = row["warc"]["record_id"]
                checked.row_ids.append(row["row_id"])
                check_ids(row)
                if name.startswith("articles/") and row["run"] != job_of(name):
                    raise Unproven("row-run", f"it is of the run {row['run']!r}")
                older = self._check(row, path)
                if older:
                    checked.older[older] += 1
            except Unproven as unproven:
                checked.add(name, offset, record_id, unproven.rule, str(unproven))
        return checked

    def check_original(self, revisit: Revisit) -> Iterator[tuple[str, str]]:
        """Rule and detail of what is wrong with the record that a revisit refers to, in whichever file it stands."""
        try:
            original = self._named(revisit.refers_to)
        except Unproven as unproven:
            yield "revisit", str(unproven)
            return
        if original.record_id != revisit.refers_to or original.type not in ("response", "resource"):
            yield "revisit", NO_ORIGINAL
        else:
            yield from revisit.contradictions(payload_digest(original), original.date, original.target_uri)

    def _check(self, row: dict[str, Any], path: Path) -> str | None:
        """The page class and number that made the row, when the code has another number by now. Raises Unproven."""
        capture = self._capture(row)
        visited = self._check_visit(row, capture)
        for part in (*row["images"], *row["videos"]):
            if part["record_id"] is not None and self._place_of(part["record_id"]) is None:
                raise Unproven("row-part", f"no record {part['record_id']}")
        answer = replace(capture, target_uri=visited)
        if is_dom(capture.record_type, visited):
            answer = as_page(answer, self._permissions(row))
        try:
            response = self._replay.decoded(raw_response(answer, _reference(row, capture)))
        except UnreadableCapture as error:
            raise Unproven("row-page", str(error)) from error
        try:
            with within(self._seconds, visited):
                return self._compare(row, self._maker(path), response)
        except NotRead as error:  # it was read under other limits
            raise Unproven("row-page", str(error)) from error

    def _compare(self, row: dict[str, Any], maker: Offline, response: Response) -> str | None:
        """As ``_check``, with the response that the row was made of."""
        page = maker.page_of(response)
        made_by, code = row["extraction"]["page"], f"{page.name}/{page.number}"
        if made_by != code:
            if made_by.partition("/")[0] != page.name:
                raise Unproven("row-page", f"made by {made_by}, the page is one for {code}")
            return str(made_by)
        again = _row_again(maker, page)
        compare(row, json.loads(to_line(again)))
        return None

    def _maker(self, path: Path) -> Offline:
        """The page objects of the spider that the folder is named after, else those that the addresses ask for."""
        spider = path.parent.name
        if spider not in self._makers:
            maker = Offline(self._settings, "verify")
            self._makers[spider] = Offline(self._settings, "verify", spider) if spider in maker.spiders else maker
        return self._makers[spider]

    def _capture(self, row: dict[str, Any]) -> Capture:
        """The record that the row points at, when it is that record and its payload is what the row says."""
        warc = row["warc"]
        record = self._record(warc["file"], warc["offset"])
        found = {
            "record_id": record.record_id,
            "length": record.length,
            "record_type": record.type,
            "target_uri": record.target_uri,
        }
        for name, value in found.items():
            if warc[name] != value:
                raise Unproven("row-record", f"{name} is {value!r} there, not {warc[name]!r}")
        capture = capture_of(record)
        if warc["payload_digest"] != capture.payload_digest:
            raise Unproven("row-payload", f"the record says {capture.payload_digest}, the row {warc['payload_digest']}")
        if capture.payload_digest is not None and digest_of(capture.body) != capture.payload_digest:
            raise Unproven("row-payload", f"the payload's digest is {digest_of(capture.body)}")
        if not warc["revisit_id"] and capture.date != row["captured_at"]:
            raise Unproven("row-date", f"WARC-Date is {capture.date}, captured_at {row['captured_at']}")
        return capture

    def _permissions(self, row: dict[str, Any]) -> list[Header]:
        """Headers of the document that a DOM was made of."""
        dom = self._record(row["warc"]["file"], row["warc"]["offset"])
        for named in dom.get_all("WARC-Concurrent-To"):
            document = self._named(named)
            stating = states_them(document)
            return permissions_in((document if stating == named else self._named(stating)).message().headers)
        raise Unproven("row-record", f"{dom.record_id} names no document")

    def _named(self, record_id: str) -> Record:
        place = self._place_of(record_id)
        if place is None:
            raise Unproven("row-record", f"no record {record_id}")
        return self._record(*place)

    def _check_visit(self, row: dict[str, Any], capture: Capture) -> str:
        """A payload that was archived before: the visit's own record gives the date and names the original.

        The address that was visited: the original may be of another one.
        """
        visit_id = row["warc"]["revisit_id"]
        if not visit_id:
            return capture.target_uri
        place = self._place_of(visit_id)
        if place is None:
            raise Unproven("row-visit", f"no record {visit_id}")
        visit = self._record(*place)
        if (visit.record_id, visit.type) != (visit_id, "revisit"):
            raise Unproven("row-visit", f"{place[0]} at {place[1]} holds {visit.type} {visit.record_id}")
        if visit.get("WARC-Refers-To") != capture.record_id:
            raise Unproven("row-visit", f"{visit_id} refers to {visit.get('WARC-Refers-To')}")
        if visit.date != row["captured_at"]:
            raise Unproven("row-date", f"WARC-Date of the visit is {visit.date}, captured_at {row['captured_at']}")
        return visit.target_uri

    def _record(self, file: str, offset: int) -> Record:
        try:
            try:
                return read_at(self._place(file), offset)
            except FileNotFoundError:  # it got its name between the look and the reading
                return read_at(self._place(file), offset)
        except (ValueError, OSError) as error:  # a damaged record, or a file or offset that cannot be
            raise Unproven("row-record", str(error)) from error

    def _place(self, file: str) -> Path:
        """A WARC file of the archive, under its name or still being written."""
        path = self._folder / file
        # By the name alone: whoever keeps the archive may have put a link in the place of a file (docs/disk.md).
        if not Path(os.path.normpath(path)).is_relative_to(os.path.normpath(self._folder)):
            raise Unproven("row-record", f"{file!r} is outside of the archive")
        if os.path.normpath(file) != file:
            raise Unproven("row-record", f"{file!r} is another spelling of a path")
        return path if path.exists() else path.with_name(path.name + OPEN)

    def _place_of(self, record_id: str) -> tuple[str, int] | None:
        """Where a record lies: as the ledger says; without a ledger all files are read, once."""
        if self._ledger is not None:
            with suppress(sqlite3.Error):
                return self._ledger.place_of(record_id)
        if self._places is None:
            self._places = {}
            for path in sorted((self._folder / "warc").rglob("*.warc*")):
                if is_meta(path.name):
                    continue
                with suppress(DamagedRecord, OSError):  # the file's own check names it
                    file = path.relative_to(self._folder).as_posix().removesuffix(OPEN)
                    self._places |= {record.record_id: (file, record.offset) for record in read_records(path)}
        return self._places.get(record_id)


def _row_again(maker: Offline, page: ArticlePage) -> Article:
    try:
        if not page.is_article():
            raise Unproven("row-page", "no article")
        return maker.row_of(page)
    except DropItem as refusal:
        raise Unproven("row-page", f"dropped: {getattr(refusal, 'reason', refusal)}") from refusal
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # that this row cannot be made is its fault
        raise Unproven("row-page", f"the page object fails: {type(error).__name__}: {error}") from error


def lines_between(path: Path, begin: int, end: int | None) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each line that begins at ``begin`` or later and before ``end``."""
    with path.open("rb") as file:
        if begin:
            file.seek(begin - 1)
            file.readline()
        while end is None or file.tell() < end:
            offset = file.tell()
            line = file.readline()
            if not line:
                return
            yield offset, line


def _reference(row: dict[str, Any], capture: Capture) -> CaptureRef:
    """The capture as the crawl had it: a visit to a payload archived before has its own date."""
    warc = row["warc"]
    return CaptureRef(
        file=warc["file"],
        offset=capture.offset,
        length=capture.length,
        record_id=capture.record_id,
        record_type=capture.record_type,
        target_uri=capture.target_uri,
        payload_digest=capture.payload_digest,
        captured_at=row["captured_at"],
        status=capture.status,
        revisit_id=warc["revisit_id"],
    )
