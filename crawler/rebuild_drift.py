"""The drift alarm in a ledger that is made again: its history counted from the rows, and what is in quarantine/."""

from __future__ import annotations

from typing import Any

from crawler.drift import History, share
from crawler.drift_table import FELL
from crawler.ledger_ops import DriftCounts, DriftState, Op, Quarantined, Returned
from crawler.rebuild_draft import Draft
from crawler.rebuild_read import LinesFound, job_of
from crawler.template import SUSPECT, seen_of_row
from crawler.watch import SHOWN
from warc.writer import OPEN


class DriftFound:
    """Filled from the lines of all rows, then of all quarantined ones."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._histories: dict[tuple[str, str, str], History] = {}
        self._waiting: dict[tuple[str, str, str], list[Quarantined]] = {}

    def take_rows(self, spider: str, file: LinesFound) -> None:
        """Count the rows; what is no row is named by those who look for versions."""
        for row, _, _ in file.lines():
            try:
                seen = seen_of_row(row)
            except (KeyError, TypeError, ValueError):
                continue
            self._histories.setdefault((spider, seen.site, seen.template), History()).add(seen)

    def take_quarantined(self, spider: str, file: LinesFound) -> None:
        """Rows that no article has come of are in quarantine. Of an open file those count whose records do."""
        draft, end = self._draft, None
        for number, (row, offset, length) in enumerate(file.lines()):
            try:
                entry = _entry(spider, row, file.name, offset, length)
            except (KeyError, TypeError, ValueError) as error:
                draft.faults.append(f"{file.path}: no row at offset {offset}: {error!r}")
                continue
            if draft.ledger.capture(entry.record_id) is None and file.path.suffix == OPEN:
                end = (offset, number)
                break
            ops: list[Op] = [entry]
            if became := self._became(entry):
                ops.append(Returned(entry.row_id, entry.captured_at, became))
            else:
                self._waiting.setdefault((spider, entry.site, entry.template), []).append(entry)
            draft.ledger.apply(ops)
            draft.db.execute(
                "UPDATE frontier SET reason = 'quarantined' WHERE url_id = ? AND record_id = ? AND state = 'done'",
                (draft.url_of_record(entry.record_id), entry.record_id),
            )
        if end is not None:
            file.end, file.records = end
        draft.note_file("quarantine", spider, job_of(file.name), file)

    def finish(self) -> None:
        """Note the histories, and what has fallen: the fields that keep rows in quarantine."""
        ops: list[Op] = [DriftCounts(*key, history.counts) for key, history in self._histories.items()]
        for key, entries in self._waiting.items():
            history = self._histories.get(key, History())
            for field in sorted({field for entry in entries for field in entry.fields}):
                of_field = [entry for entry in entries if field in entry.fields]
                ops.append(
                    DriftState(
                        *(*key, field, FELL, of_field[0].captured_at, of_field[0].run),
                        page_number=max(entry.page_number for entry in of_field),
                        urls=tuple(entry.url for entry in of_field[:SHOWN]),
                        expected=share(history.pooled(field)),
                    )
                )
        self._draft.ledger.apply(ops)

    def _became(self, entry: Quarantined) -> str | None:
        """The article's row of the same visit."""
        named = "SELECT 1 FROM named WHERE record_id = ?"
        if not self._draft.db.execute(named, (entry.record_id,)).fetchone():
            return None
        query = "SELECT row_id FROM versions WHERE article_id = ? AND captured_at = ?"
        row = self._draft.db.execute(query, (entry.article_id, entry.captured_at)).fetchone()
        return None if row is None else str(row[0])


def _entry(spider: str, row: dict[str, Any], file: str, offset: int, length: int) -> Quarantined:
    """Raises KeyError, TypeError or ValueError when it is no row."""
    seen, (page, _, _) = seen_of_row(row), row["extraction"]["page"].partition("/")
    warnings = [warning for warning in row["extraction"]["warnings"] if warning.startswith(SUSPECT)]
    return Quarantined(
        row_id=row["row_id"],
        spider=spider,
        site=seen.site,
        template=seen.template,
        fields=tuple(warning.removeprefix(SUSPECT) for warning in warnings),
        article_id=row["id"],
        record_id=row["warc"]["revisit_id"] or row["warc"]["record_id"],
        url=row["url"],
        page=page,
        page_number=seen.number,
        file=file,
        offset=offset,
        length=length,
        captured_at=row["captured_at"],
        run=row["run"],
        content_digest=row["content_digest"],
    )
