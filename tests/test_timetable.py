"""The timetable over three days on a fast clock: real ticks start real crawls of a small paper."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from crawler.ledger_runs import Run, RunTable
from crawler.lock import FolderLock, Holder, Locked, holder_of, lock_path
from crawler.scrapyd_start import prepare
from crawler.timetable import Entry, Timetable, read_timetable
from crawler.timetable_journal import Journal, Line
from crawler.timetable_start import CannotStart, Direct, ThroughScrapyd
from crawler.timetable_tick import tick
from spiders.news import AnyNewsSpider
from tests.conftest import ROOT
from tests.smallpaper import SmallPaper, address, check_files, list_address, printing, proven, states

STEP = timedelta(minutes=10)  # between two looks; in life it is a minute
CRAWL_SECONDS = 120.0
OPTIONS = ("HOST_DELAY=0", "CONTACT=test@example.org", "STOP_GRACE=1")


@dataclass
class Machine:
    """A machine with a timetable, whose clock is set by hand."""

    archive: Path
    table: Timetable
    now: datetime
    options: tuple[str, ...] = OPTIONS
    stopped: int = 0  # process that was sent SIGSTOP

    def look(self) -> list[Line]:
        """One tick."""
        return tick(self.table, self.archive, self.starter(), self.now)

    def starter(self) -> Direct:
        return Direct(self.archive, list(self.options), self.now - datetime.now(UTC))

    def entry(self, name: str) -> Entry:
        return next(entry for entry in self.table.entries if entry.name == name)

    def runs(self, name: str) -> list[Run]:
        entry = self.entry(name)
        if not (self.archive / "ledger.sqlite").exists():
            return []
        with RunTable(self.archive) as table:
            return table.of_scope(entry.spider, entry.scope, 1000) if table.is_made else []

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + CRAWL_SECONDS
        while not true():
            assert time.monotonic() < deadline, [line.text() for line in Journal(self.archive).lines]
            time.sleep(0.02)

    def signal_in_the_middle(self, started: Line, number: signal.Signals) -> None:
        """Once the ledger knows of it and pages are under way."""
        self.until(lambda: any(run.job == started.job for run in self.runs(started.entry)))
        self.until(lambda: states(self.archive).get("in_flight"))
        pid = self.holder().pid
        os.kill(pid, number)
        if number == signal.SIGSTOP:
            self.stopped = pid
            self.until(self.hangs)

    def hangs(self) -> bool:
        """Whether the one that was stopped is still there."""
        with suppress(OSError):
            stat = Path(f"/proc/{self.stopped}/stat").read_text("ascii")
            return stat.rpartition(")")[2].split()[0] == "T"
        return False

    def holder(self) -> Holder:
        holder = holder_of(self.archive, "news")
        assert holder is not None
        return holder

    def free(self) -> None:
        """Wait until nothing works."""
        self.until(lambda: all(holder_of(self.archive, entry.spider) is None for entry in self.table.entries))


SCHEDULE = f"""
hung = "7h"
end_hung = true
[entries.moi]
spider = "news"
cron = "0 */6 * * *"
jitter = "20m"
arguments = {{ seeds = "{list_address(0)}", recrawl = "all" }}
[entries.dem]
spider = "news"
cron = "0 3 * * *"
missed = "report"
late = "1h"
arguments = {{ seeds = "{address(1)}" }}
[entries.trua]
spider = "news"
cron = "0 12 * * *"
overlap = "skip"
arguments = {{ seeds = "{address(2)}" }}
"""


@pytest.fixture
def paper(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallPaper]:
    with printing(SmallPaper(6), tmp_path_factory) as printer:
        for name, value in printer.crawl.replica.environment().items():
            monkeypatch.setenv(name, value)
        yield printer.paper


@contextmanager
def killed_at_the_end(box: Machine) -> Iterator[None]:
    """Crawls that are left, stopped ones too, end with the test."""
    try:
        yield
    finally:
        holder = holder_of(box.archive, "news")
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)


def machine(folder: Path, schedule: str = SCHEDULE) -> Machine:
    file = folder / "schedule.toml"
    file.write_text(schedule, "utf-8")
    table = read_timetable(file, {"news": AnyNewsSpider})
    midnight = datetime(2026, 12, 5, tzinfo=UTC).astimezone(table.entries[0].zone).replace(hour=0)
    return Machine(folder / "archive", table, midnight.astimezone(UTC))


@pytest.mark.slow
def test_three_days(paper: SmallPaper, tmp_path: Path) -> None:
    """Asleep on the first night, a crawl killed on the second day, one that hangs on the third."""
    box = machine(tmp_path)
    begin, end = box.now, box.now + timedelta(days=3)

    with killed_at_the_end(box):
        three_days(box, paper, begin, end)
    lines = Journal(box.archive).lines
    check_due_times(box, begin, end, lines)
    check_overlaps(box)
    check_interrupted(box, lines)
    check_files(box.archive)
    proven(box.archive)


def three_days(box: Machine, paper: SmallPaper, begin: datetime, end: datetime) -> None:
    killed = hung = False
    while box.now <= end:
        hour = (box.now - begin) / timedelta(hours=1)
        if not 20 <= hour < 31:  # else the machine is asleep, from 20:00 to 07:00
            stall = (hour >= 32 and not killed) or (hour >= 52 and not hung)
            paper.slow = dict.fromkeys([address(3), address(4)], 60.0) if stall else {}
            started = [line for line in box.look() if line.kind in ("started", "resumed")]
            assert len(started) <= 1  # one spider
            if stall and started and started[0].entry == "moi":
                # SIGKILL on the second day; on the third its heart stands still
                box.signal_in_the_middle(started[0], signal.SIGSTOP if killed else signal.SIGKILL)
                killed, hung = True, killed
            if not box.hangs():
                box.free()
        box.now += STEP
    box.free()
    assert killed
    assert hung


def check_due_times(box: Machine, begin: datetime, end: datetime, lines: list[Line]) -> None:
    """Every one has its run or is told as missed, and none both."""
    for entry in box.table.entries:
        due = entry.due(begin, end)
        assert len(due) == {"moi": 12, "dem": 3, "trua": 3}[entry.name]
        of_it = [line for line in lines if line.entry == entry.name]
        starts = [line for line in of_it if line.kind in ("started", "resumed")]
        missed = [
            one
            for line in of_it
            if line.kind == "missed" and line.due and line.first
            for one in entry.due(line.first - timedelta(seconds=1), line.due)
        ]
        assert sorted([line.due for line in starts if line.due] + missed) == due, entry.name
        assert [run.job for run in box.runs(entry.name)] == [line.job for line in starts]
    why = {(line.entry, line.why) for line in lines if line.kind == "missed"}
    assert ("dem", "nobody looked at the timetable in time") in why  # asleep
    assert ("moi", "nobody looked at the timetable in time; the next time serves for it") in why
    assert ("trua", "the spider was at work") in why  # while the other hung


def check_overlaps(box: Machine) -> None:
    """Begun at simulated times, so the runs of one spider follow each other."""
    runs = sorted((run for entry in box.table.entries for run in box.runs(entry.name)), key=lambda run: run.started_at)
    for one, other in pairwise(runs):
        assert one.ended_at is not None
        assert one.ended_at <= other.started_at


def check_interrupted(box: Machine, lines: list[Line]) -> None:
    """The killed run and the one that hung were resumed, and the scope was finished."""
    runs = box.runs("moi")
    dead = [number for number, run in enumerate(runs) if run.reason == "killed"]
    assert len(dead) == 2
    for number in dead:
        after = next(line for line in lines if line.job == runs[number + 1].job)
        assert (after.kind, after.why) == ("resumed", runs[number].job)
        assert (runs[number + 1].status, runs[number + 1].pass_number) == (0, runs[number].pass_number)
    ended = [(line.kind, str(line.why).partition(" ")[0]) for line in lines if line.entry == "news"]
    assert ended == [("hung", "process"), ("ended", "SIGTERM"), ("ended", "SIGKILL")]


EVERY_MINUTE = f"""
[entries.moi]
spider = "news"
cron = "* * * * *"
interrupted = "wait"
arguments = {{ seeds = "{list_address(0)}" }}
"""


@pytest.mark.slow
def test_a_start_that_is_slow_to_load_is_not_doubled(paper: SmallPaper, tmp_path: Path) -> None:
    """It holds the spider's lock from its first instant, long before the ledger knows of it."""
    box = machine(tmp_path, EVERY_MINUTE)
    assert [line.kind for line in box.look()] == ["known"]
    box.now += timedelta(minutes=1)
    (started,) = box.look()
    holder = box.holder()
    assert holder.job == started.job
    os.kill(holder.pid, signal.SIGSTOP)  # it loads
    with pytest.raises(Locked):
        FolderLock(box.archive, "news", "by-hand")
    assert box.look() == []
    box.now += timedelta(minutes=1)
    assert [line.kind for line in box.look()] == ["waits"]
    assert box.look() == []
    os.kill(holder.pid, signal.SIGCONT)
    box.until(lambda: holder_of(box.archive, "news") is None)
    assert [run.job for run in box.runs("moi")] == [started.job]
    assert [line.kind for line in box.look()] == ["started"]
    box.free()
    assert len(box.runs("moi")) == 2


@pytest.mark.slow
def test_a_crawl_that_waits_gives_signs_of_life(paper: SmallPaper, tmp_path: Path) -> None:
    """Its ledger has nothing new to hold, for as long as a page takes; its heart beats."""
    box = machine(tmp_path, EVERY_MINUTE)
    box.look()
    box.now += timedelta(minutes=1)
    box.options = (*OPTIONS, "RESPONSE_DEADLINE=150")
    paper.slow = {address(3): 100.0}
    with killed_at_the_end(box):
        box.look()
        box.until(lambda: box.runs("moi"))
        box.until(lambda: states(box.archive) == {"done": 6, "in_flight": 1})
        began = datetime.fromisoformat(box.runs("moi")[0].heartbeat)
        box.until(lambda: datetime.fromisoformat(box.runs("moi")[0].heartbeat) > began + timedelta(seconds=15))
        assert states(box.archive) == {"done": 6, "in_flight": 1}


@pytest.mark.slow
def test_two_ticks_at_once_are_one(paper: SmallPaper, tmp_path: Path) -> None:
    box = machine(tmp_path, EVERY_MINUTE)
    box.look()
    box.now += timedelta(minutes=1)
    command = [sys.executable, "-m", "scrapy", "timetable", "tick", "--file", str(tmp_path / "schedule.toml")]
    command += ["--now", box.now.isoformat(), "-s", f"ARCHIVE_DIR={box.archive}"]
    command += [part for option in OPTIONS for part in ("-s", option)]
    ticks = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    told = [(*one.communicate(timeout=CRAWL_SECONDS), one.returncode) for one in ticks]
    assert all(status in (0, 4) for _, _, status in told), told
    assert sum(out.count(" started ") for out, _, _ in told) == 1
    box.free()
    assert len(box.runs("moi")) == 1


@pytest.mark.slow
def test_a_start_that_comes_to_nothing_is_tried_three_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = machine(tmp_path, EVERY_MINUTE)
    box.look()
    box.now += timedelta(minutes=1)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "no.such.module")  # of the crawl that is started
    for _ in range(3):
        assert [line.kind for line in box.look()] == ["started"]
        box.free()
    (line,) = box.look()
    assert (line.kind, line.due) == ("missed", box.now)
    assert str(line.why).startswith("3 starts came to nothing, see timetable/")
    log = box.archive / str(line.why).partition("see ")[2]
    assert "No module named 'no'" in log.read_text("utf-8")
    assert box.look() == []


def test_a_tick_that_is_killed_before_it_starts_leaves_no_ghost(paper: SmallPaper, tmp_path: Path) -> None:
    """Its note is of a start that came to nothing; the next tick starts."""
    box = machine(tmp_path, EVERY_MINUTE)
    box.look()
    box.now += timedelta(minutes=1)
    Journal(box.archive).add(Line(box.now, "moi", "started", due=box.now, job="20261205000100-aaaaaa"))
    (line,) = box.look()
    assert (line.kind, line.due) == ("started", box.now)
    box.free()
    assert [run.job for run in box.runs("moi")] == [line.job]


def test_a_tick_is_refused_while_another_works(tmp_path: Path) -> None:
    box = machine(tmp_path, EVERY_MINUTE)
    box.look()
    with lock_path(box.archive, "timetable").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Locked):
            box.look()


def test_a_scrapyd_that_does_not_answer(tmp_path: Path) -> None:
    box = machine(tmp_path, EVERY_MINUTE)
    conf = prepare(tmp_path / "service", box.archive)
    conf.write_text(conf.read_text("utf-8").replace("6800", "9"), "utf-8")
    with pytest.raises(CannotStart, match="does not answer"):
        tick(box.table, box.archive, ThroughScrapyd(conf, box.archive), box.now)
