"""A run's own evidence: begun before its first capture counts, ended with the run, or by the next one after a kill.

    begin   evidence of killed runs ended ─► own meta WARC: arguments, settings, seeds, packages; committed
    …       lines of the crawl log and of the log, with the group commits
    end     files closed and in the manifest ─► report ─► meta WARC: log, crawl log, report ─► closed, in the manifest

Every file is committed before it gets its name, so a kill at any moment leaves what the next run can go on with.
All of it is done by the writer's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from crawler import crash
from crawler.came import Came
from crawler.crawllog import CrawlLog, Tally
from crawler.disk import Room, room_of
from crawler.ledger import Ledger
from crawler.ledger_ops import FileState
from crawler.ledger_runs import Run, RunFile, RunTable
from crawler.manifest import HEAD_FIELD, head_of
from crawler.metawarc import (
    CLOSING,
    OPENING,
    arguments_in,
    closing,
    crawl_log_path,
    meta_path,
    opening,
    report_path,
    run_of_meta,
    settings_in,
)
from crawler.report import Cut, Ended, report_of
from crawler.rows import RowFile, make_folder
from crawler.runfacts import RunFacts, as_json
from warc.reader import DamagedRecord, read_at
from warc.writer import OPEN, WarcFile, is_meta

logger = logging.getLogger(__name__)

LEFT_MOST = 10_000  # URLs left in the frontier that the crawl log names; the report has their number
BEFORE = 10  # earlier runs that stand in a report
WHOLE = 1 + len(OPENING) + len(CLOSING)  # records of a meta WARC


class RunEvidence:
    """The evidence of one run. Raises what the disk and the ledger raise."""

    def __init__(
        self, folder: Path, ledger: Ledger, run: Run, facts: RunFacts, chain: Callable[[], None], cut: list[Cut]
    ) -> None:
        self.crawl_log = CrawlLog()
        self.reported: list[Run] = []  # runs that have their report now: this one, and those that were killed
        self._folder = folder
        self._ledger = ledger
        self._run = run
        self._facts = facts
        self._chain = chain  # brings closed files into the manifest
        self._cut = cut  # by this run's start
        self._log: list[bytes] = []
        self._meta: WarcFile | None = None
        self._head: str | None = None

    def begin(self, warcinfo: Mapping[str, str]) -> None:
        """End what killed runs have left, then begin this run's own. ``warcinfo`` is asked when that is done."""
        self._end_leftovers(warcinfo)
        self._head = head_of(self._folder).get(HEAD_FIELD)
        self._meta = self._new_meta(self._run, self._facts, warcinfo)

    def log(self, lines: bytes) -> None:
        """Lines of the run's log, for the next commit."""
        self._log.append(lines)

    def take(self) -> Iterator[tuple[str, bytes]]:
        """Whole lines since the last call, by the file that they belong to (``crawler.outputs``)."""
        log, self._log = self._log, []
        for name, lines in (("crawl-log", self.crawl_log.take()), ("log", b"".join(log))):
            if lines:
                yield name, lines

    def left_over(self, scope_id: int, reason: str) -> None:
        """The frontier still holds URLs: tell of them, as far as a log can."""
        with RunTable(self._folder) as table:
            self.crawl_log.passed_over(table.left(scope_id, LEFT_MOST, reason))

    def end(self, status: int, reason: str, ended_at: str, counts: Mapping[str, Any], left: int) -> list[str]:
        """All other files are closed and in the manifest. The paths of report and meta WARC."""
        assert self._meta is not None
        run = replace(self._run, status=status, reason=reason, ended_at=ended_at, counts=dict(counts))
        settings = self._facts.settings
        ended = Ended(
            run, self._facts.arguments, self.crawl_log.tally, [], self._cut, left, self._head, settings=settings
        )
        self._end(self._meta, ended)
        self.crawl_log.close()
        return [report_path(run), meta_path(run)]

    def abandon(self) -> None:
        """Leave the meta WARC under ``.open``: the next run ends it."""
        if self._meta is not None:
            self._meta.abandon()

    # --- One run's files --------------------------------------------------------------------------------------

    def _new_meta(self, run: Run, facts: RunFacts | None, warcinfo: Mapping[str, str]) -> WarcFile:
        path = self._folder / meta_path(run)
        make_folder(path.parent)
        file = WarcFile(path, {**warcinfo, "job": run.job, "scope": run.scope})
        file.append(opening(run, facts))
        self._commit(file, run)
        return file

    def _end(self, meta: WarcFile, ended: Ended) -> None:
        """Report, then the rest of the meta WARC, which holds it."""
        run = ended.run
        with RunTable(self._folder) as table:
            reported, files = table.knows(report_path(run)), table.files(run)
            before, hosts = table.before(run.spider, run.started_at, BEFORE), table.hosts(ended.tally.pace.hosts)
        if not reported:
            ended = replace(ended, files=files, head_after=head_of(self._folder).get(HEAD_FIELD), before=before)
            ended = replace(ended, hosts=hosts, came=self._came(files), room=self._room(ended.settings))
            self._write_report(run, as_json(report_of(ended)))
        self.reported.append(run)
        crash.at("evidence")
        meta.append(closing(self._folder, run))
        self._commit(meta, run)
        crash.at("evidence")
        self._close(meta, run)

    def _came(self, files: Iterable[RunFile]) -> Came:
        """What the run has written, all of it closed."""
        came = Came()
        for file in files:
            read = {"articles": came.read_rows, "events": came.read_events}.get(file.kind)
            if read is not None:
                with (self._folder / file.path).open("rb") as lines:
                    read(lines)
        return came

    def _room(self, settings: Mapping[str, Any]) -> Room | None:
        with suppress(OSError):
            return room_of(self._folder, settings)
        return None

    def _write_report(self, run: Run, report: bytes) -> None:
        file = RowFile(self._folder / report_path(run))
        file.append(report)
        file.sync()
        state = FileState(report_path(run), "reports", run.spider, run.job, file.size, file.count)
        self._ledger.apply([state])
        crash.at("evidence")
        file.close()
        self._ledger.apply([replace(state, closed=True)])

    def _commit(self, meta: WarcFile, run: Run, closed: bool = False) -> None:
        if not closed:
            meta.sync()
        self._ledger.apply([FileState(meta_path(run), "warc", run.spider, run.job, meta.size, meta.count, closed)])

    def _close(self, meta: WarcFile, run: Run) -> None:
        meta.close()
        self._commit(meta, run, closed=True)
        self._chain()

    # --- After a kill -----------------------------------------------------------------------------------------

    def _end_leftovers(self, warcinfo: Mapping[str, str]) -> None:
        """Meta WARCs that are still open, and killed runs that have none."""
        spider = self._run.spider
        with RunTable(self._folder) as table:
            killed = [run for run in table.killed(spider) if not table.knows(meta_path(run))]
        leftovers = [state for state in self._ledger.open_files(spider) if is_meta(state.path.rpartition("/")[2])]
        if killed or leftovers:
            self._chain()  # what those runs have written comes into the manifest before their reports
        for run in killed:
            if run.job != self._run.job or run.started_at != self._run.started_at:
                meta = self._new_meta(run, None, warcinfo)
                self._end(meta, self._ended(run, {"scope": run.scope}, {}))
        for state in leftovers:
            self._end_leftover(state)

    def _end_leftover(self, state: FileState) -> None:
        path = self._folder / state.path
        guess = run_of_meta(state.spider, path.name, state.run)
        with RunTable(self._folder) as table:
            run = table.run(state.spider, state.run, guess.timestamp14) or guess
        if run.timestamp14 != guess.timestamp14:
            run = replace(run, started_at=guess.started_at)  # of a rebuilt ledger: its files are named after the start
        open_path = path.with_name(path.name + OPEN)
        try:
            warcinfo_id = read_at(open_path, 0).record_id
            asked, settings = arguments_in(open_path), settings_in(open_path)
        except (DamagedRecord, ValueError) as error:
            logger.error("%s cannot be gone on with and stays as it is: %s", open_path, error)
            return
        meta = WarcFile.resume(path, state.length, state.records, warcinfo_id)
        if state.records < WHOLE:
            self._end(meta, self._ended(run, asked, settings))
        else:
            self._close(meta, run)
        logger.info("The evidence of run %s, which ended unseen, is now in %s", run.job, state.path)

    def _ended(self, run: Run, asked: Mapping[str, Any], settings: Mapping[str, Any]) -> Ended:
        """A run that was killed, by what it has committed."""
        tally = Tally()
        log = self._folder / crawl_log_path(run)
        if log.exists():
            with log.open("rb") as lines:
                tally.read(lines)
        return Ended(run, asked, tally, [], _of(run, self._cut), settings=settings)


def _of(run: Run, cuts: Iterable[Cut]) -> list[Cut]:
    return [cut for cut in cuts if f"-{run.job}." in cut.path or f"-{run.job}-" in cut.path]
