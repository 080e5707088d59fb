"""What an entry of the timetable needs now: a pure function of its due times, its runs in the ledger, and the journal.

A due time is settled when a run of its scope began after it, whoever started that run, or when it was told that it was
missed. Of several that are not settled only the last can be run: one run serves them all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crawler.ledger_runs import Run
from crawler.timetable import Entry
from crawler.timetable_journal import Line

TRIES = 3  # starts that come to nothing, for one due time or one interrupted run; then it is told and left
RESUMES = 3  # in a row, of runs that are interrupted again


@dataclass(frozen=True, slots=True)
class Missed:
    """Due times that nothing was run for."""

    due: tuple[datetime, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for an entry."""

    new: bool = False  # never seen: its time begins now
    missed: tuple[Missed, ...] = ()
    start: datetime | None = None  # this due time
    resume: Run | None = None  # this interrupted run; with ``start`` one run is both
    given_up: Run | None = None  # interrupted too often, and not told yet


def plan(
    entry: Entry, now: datetime, runs: Sequence[Run], lines: Sequence[Line], alive: Collection[str], busy: bool
) -> Plan:
    """``runs``: the last ones of the scope; ``alive``: jobs that run or wait; ``busy``: the spider is at work."""
    if not lines and not runs:
        return Plan(new=True)
    begun = {run.job for run in runs} | set(alive)
    resume, given_up = _interrupted(entry, runs, lines, alive)
    due = entry.due(_settled_until(runs, lines, begun), now)
    if not due:
        return Plan(resume=resume, given_up=given_up)
    missed = [_missed(due[:-1], lines)] if due[:-1] else []
    last = due[-1]
    waits = any(line.kind == "waits" and line.due == last for line in lines)
    failed = [line for line in lines if line.kind in ("started", "resumed") and line.due == last]
    if len(failed) >= TRIES:
        missed.append(Missed((last,), f"{TRIES} starts came to nothing, see timetable/{failed[-1].job}.log"))
    elif entry.missed == "report" and now - last > entry.late and not waits and not failed:
        missed.append(Missed((last,), "nobody looked at the timetable in time"))
    elif busy and entry.overlap == "skip":
        missed.append(Missed((last,), "the spider was at work"))
    else:
        return Plan(missed=tuple(missed), start=last, resume=resume, given_up=given_up)
    return Plan(missed=tuple(missed), resume=resume, given_up=given_up)


def _settled_until(runs: Sequence[Run], lines: Sequence[Line], begun: Collection[str]) -> datetime:
    """The instant up to which every due time was run for or told."""
    instants = [datetime.fromisoformat(run.started_at) for run in runs]
    if not instants:  # what told of its beginning is in an older file
        instants.append(min(line.due or line.at for line in lines) - timedelta(seconds=1))
    for line in lines:
        if line.kind == "known":
            instants.append(line.at)
        elif line.due is not None and (line.kind == "missed" or line.job in begun):
            instants.append(line.due)
    return max(instants)


def _missed(due: list[datetime], lines: Sequence[Line]) -> Missed:
    waited = {line.due for line in lines if line.kind == "waits"}
    if set(due) <= waited:
        return Missed(tuple(due), "the spider was at work until the next time")
    return Missed(tuple(due), "nobody looked at the timetable in time; the next time serves for it")


def _interrupted(
    entry: Entry, runs: Sequence[Run], lines: Sequence[Line], alive: Collection[str]
) -> tuple[Run | None, Run | None]:
    """The last run, if it is to be resumed; the last run, if it is given up and nobody was told."""
    if not runs or entry.interrupted == "wait" or not _was_interrupted(runs[-1], alive):
        return None, None
    last = runs[-1]
    in_a_row = 0
    for run in reversed(runs):
        if not _was_interrupted(run, alive):
            break
        in_a_row += 1
    about = [line.kind for line in lines if line.kind in ("resumed", "given_up") and line.why == last.job]
    if in_a_row <= RESUMES and about.count("resumed") < TRIES:
        return last, None
    return None, None if "given_up" in about else last


def _was_interrupted(run: Run, alive: Collection[str]) -> bool:
    """Stopped by a signal with work left, or killed; also one that died without a word."""
    if run.ended_at is None:
        return run.job not in alive
    return run.reason == "killed" or (run.status == 11 and run.reason in ("shutdown", "forced"))
