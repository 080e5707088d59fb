"""One look at the timetable: what hangs, what was missed, what is to be resumed, what is due. It keeps nothing in mind.

ledger's runs, locks, journal ─► plan of each entry ─► starts: resumed ones first, then by due time ─► journal

Safe at any time: two at once are one, for the lock ``locks/timetable.lock``; a crawl is started by taking its spider's
lock, or by Scrapyd, which is asked first what it has.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from crawler.arguments import made_up_job
from crawler.dates import utc_text
from crawler.ledger_files import LEDGER
from crawler.ledger_runs import Run, RunTable
from crawler.lock import FolderLock, Holder, Locked, holder_of
from crawler.timetable import Entry, Timetable
from crawler.timetable_journal import OF_SPIDERS, Journal, Line
from crawler.timetable_plan import Plan, plan
from crawler.timetable_start import Starter

LOOKED_AT = 10  # runs of a scope
PATIENCE = timedelta(minutes=2)  # between SIGTERM and SIGKILL for a crawl that hangs
NAME = "timetable"  # of the lock; no spider is called so
ALARMING = OF_SPIDERS | {"given_up"}  # a person should look


@dataclass(frozen=True, slots=True)
class Work:
    """A spider that is at work, and the jobs it works for or has waiting."""

    holder: Holder | None
    jobs: frozenset[str]


def tick(
    table: Timetable,
    archive: Path,
    starter: Starter,
    now: datetime,
    new_job: Callable[[], str] = made_up_job,
) -> list[Line]:
    """Do what is to be done at ``now``; what was done and told.

    Raises Locked (another tick), CannotStart, OSError, and sqlite3.Error when the ledger cannot be read.
    """
    with FolderLock(archive, NAME, new_job()):
        return _Tick(table, archive, starter, now, new_job).run()


class _Tick:
    def __init__(
        self, table: Timetable, archive: Path, starter: Starter, now: datetime, new_job: Callable[[], str]
    ) -> None:
        self._table = table
        self._archive = archive
        self._starter = starter
        self._now = now
        self._new_job = new_job
        self._journal = Journal(archive)
        self._told: list[Line] = []

    def run(self) -> list[Line]:
        # Who is at work first, then the ledger: a run that ends in between is seen as one that works.
        waiting = self._starter.at_work()
        work = {spider: self._work(spider, waiting) for spider in {entry.spider for entry in self._table.entries}}
        runs, working = self._runs(work)
        for spider, at in work.items():
            if at.holder is not None:
                self._look_for_life(spider, at.holder, working.get(spider))
        plans = [(entry, self._plan(entry, runs[entry.name], work[entry.spider])) for entry in self._table.entries]
        for entry, needed in plans:
            self._tell(entry, needed)
        busy = {spider for spider, at in work.items() if at.jobs}
        for entry, needed in sorted(plans, key=_urgency):
            if needed.resume is not None or needed.start is not None:
                self._start(entry, needed, busy)
        return self._told

    def _work(self, spider: str, waiting: dict[str, set[str]]) -> Work:
        holder = holder_of(self._archive, spider)
        return Work(holder, frozenset(waiting.get(spider, ())) | ({holder.job} if holder else set()))

    def _runs(self, work: dict[str, Work]) -> tuple[dict[str, list[Run]], dict[str, Run | None]]:
        """The last runs of each entry, and the run of each spider that is at work."""
        runs: dict[str, list[Run]] = {entry.name: [] for entry in self._table.entries}
        if not (self._archive / LEDGER).is_file():
            return runs, {}
        with RunTable(self._archive) as table:
            if not table.is_made:
                return runs, {}
            for entry in self._table.entries:
                runs[entry.name] = table.of_scope(entry.spider, entry.scope, LOOKED_AT)
            return runs, {spider: table.run(spider, at.holder.job) for spider, at in work.items() if at.holder}

    def _plan(self, entry: Entry, runs: list[Run], work: Work) -> Plan:
        return plan(entry, self._now, runs, self._journal.of(entry.name), work.jobs, bool(work.jobs))

    def _tell(self, entry: Entry, needed: Plan) -> None:
        if needed.new:
            self._add(entry.name, "known")
        for missed in needed.missed:
            first, last, count = missed.due[0], missed.due[-1], len(missed.due)
            self._add(entry.name, "missed", due=last, first=first, count=count, why=missed.why)
        if needed.given_up is not None:
            self._add(entry.name, "given_up", why=needed.given_up.job)

    def _start(self, entry: Entry, needed: Plan, busy: set[str]) -> None:
        job, kind = self._new_job(), "resumed" if needed.resume else "started"
        why = needed.resume.job if needed.resume else None

        def noted() -> None:
            self._add(entry.name, kind, due=needed.start, job=job, why=why)

        try:
            if entry.spider in busy:
                raise Locked(self._archive, None)
            self._starter.start(entry, job, noted)
        except Locked:
            told = [line.due for line in self._journal.of(entry.name) if line.kind == "waits"]
            if needed.start is not None and needed.start not in told:
                self._add(entry.name, "waits", due=needed.start)
        busy.add(entry.spider)

    def _look_for_life(self, spider: str, holder: Holder, run: Run | None) -> None:
        """Tell of a crawl that holds its lock and gives no sign of life; end it when the timetable says so."""
        told = self._journal.of_job(holder.job)
        started = [line.at for line in told if line.kind not in OF_SPIDERS]
        beat = datetime.fromisoformat(run.heartbeat) if run else max(started, default=self._now)
        if (run and run.ended_at) or self._now - beat <= self._table.hung:
            return
        if not any(line.kind == "hung" for line in told):
            why = f"process {holder.pid}, last heartbeat {utc_text(beat)}"
            self._add(spider, "hung", job=holder.job, why=why)
        ends = [line.at for line in told if line.kind == "ended"]
        if self._table.end_hung and (not ends or self._now - ends[-1] >= PATIENCE):
            why = self._starter.end(holder, signal.SIGKILL if ends else signal.SIGTERM)
            self._add(spider, "ended", job=holder.job, why=why)

    def _add(self, name: str, kind: str, **values: object) -> None:
        line = Line(self._now, name, kind, **values)  # type: ignore[arg-type]
        self._journal.add(line)
        self._told.append(line)


def _urgency(planned: tuple[Entry, Plan]) -> tuple[bool, float]:
    """What was interrupted first, then what has been due longest."""
    needed = planned[1]
    return needed.resume is None, needed.start.timestamp() if needed.start else 0.0
