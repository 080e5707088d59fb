"""The timetable: what is wrong with a schedule in one line, due times, and what an entry needs now."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.ledger_runs import Run
from crawler.timetable import Entry, TimetableError, read_timetable
from crawler.timetable_install import crontab, systemd
from crawler.timetable_journal import Journal, Line
from crawler.timetable_plan import Missed, Plan, plan
from spiders.baoquocte_vn import BaoquocteSpider
from tests.conftest import ROOT, without_network_settings

SPIDERS: Any = {"baoquocte": BaoquocteSpider}
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def at(text: str) -> datetime:
    """A time of 21 November 2026 in Hanoi, or of another day: ``22 05:00``."""
    day, _, time = text.rpartition(" ")
    return datetime.fromisoformat(f"2026-11-{day or 21}T{time}:00+07:00").astimezone(UTC)


def entry(**values: Any) -> Entry:
    known = {"name": "moi", "spider": "baoquocte", "scope": "{}", "cron": "0 * * * *", "zone": HANOI}
    return Entry(**{**known, "arguments": {}, "settings": {}, **values})


# --- The file -----------------------------------------------------------------------------------------------------


def test_a_whole_schedule(tmp_path: Path) -> None:
    file = tmp_path / "schedule.toml"
    file.write_text(
        """
timezone = "Europe/Berlin"
hung = "2h"
end_hung = true
scrapyd = "service/scrapyd.conf"
[entries.moi]
spider = "baoquocte"
cron = "*/30 5-23 * * *"
arguments = { follow = ["article", "related"], since = 2026-01-01, max_articles = 500 }
settings = { HOST_DELAY = 2.5 }
jitter = "5m"
late = "1h"
missed = "report"
overlap = "skip"
interrupted = "wait"
[entries.dem]
spider = "baoquocte"
cron = "15 2 1 * MON"
timezone = "UTC"
""",
        "utf-8",
    )
    table = read_timetable(file, SPIDERS)
    assert (table.hung, table.end_hung) == (timedelta(hours=2), True)
    assert table.scrapyd == tmp_path / "service" / "scrapyd.conf"
    one, two = table.entries
    assert one.arguments == {"follow": "article,related", "since": "2026-01-01", "max_articles": "500"}
    assert one.settings == {"HOST_DELAY": "2.5"}
    assert '"since":"2026-01-01"' in one.scope
    assert (one.zone.key, two.zone.key) == ("Europe/Berlin", "UTC")
    assert (one.jitter, one.late) == (timedelta(minutes=5), timedelta(hours=1))
    assert (one.missed, one.overlap, one.interrupted) == ("report", "skip", "wait")
    assert (two.missed, two.overlap, two.interrupted) == ("run", "wait", "resume")


GOOD = 'spider = "baoquocte"\ncron = "0 * * * *"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no entry: write [entries.NAME]"),
        ("[entries.moi", "Expected"),
        ("entries = 3", "no entry"),
        ("zone = 'UTC'\n[entries.moi]\n" + GOOD, "unknown key 'zone': choose from timezone, hung"),
        ("hung = 'soon'\n[entries.moi]\n" + GOOD, "hung: 'soon' is no time in minutes, hours or days"),
        ("end_hung = 'yes'\n[entries.moi]\n" + GOOD, "end_hung='yes': choose from false, true"),
        ("scrapyd = 3\n[entries.moi]\n" + GOOD, "scrapyd=3 names no file"),
        ("[entries.moi]\ncron = '0 * * * *'", "[entries.moi]: spider is missing: choose from baoquocte"),
        ("[entries.moi]\nspider = 'bao'\ncron = '0 * * * *'", "spider='bao': choose from baoquocte"),
        ("[entries.moi]\nspider = 'baoquocte'", "[entries.moi]: cron is missing"),
        ("[entries.moi]\nspider = 'baoquocte'\ncron = '61 * * * *'", "cron='61 * * * *': bad minute"),
        ("[entries.moi]\nspider = 'baoquocte'\ncron = '0 0 30 2 *'", "bad day-of-month"),
        ("[entries.moi]\nspider = 'baoquocte'\ncron = '@daily'", "give five fields"),
        ("[entries.moi]\nspider = 'baoquocte'\ncron = '0 0 * * * *'", "give five fields"),
        ("[entries.moi]\n" + GOOD + "timezone = 'Asia/Hanoi'", "timezone='Asia/Hanoi' is no time zone"),
        ("[entries.moi]\n" + GOOD + "timezone = '../../etc'", "is no time zone"),
        ("[entries.moi]\n" + GOOD + "when = 3", "[entries.moi] unknown key 'when': choose from spider, cron"),
        ("[entries.moi]\n" + GOOD + "jitter = '2d'", "jitter='2d' is more than 12h"),
        ("[entries.moi]\n" + GOOD + "missed = 'often'", "missed='often': choose from run, report"),
        ("[entries.moi]\n" + GOOD + "overlap = true", "overlap='True': choose from wait, skip"),
        ("[entries.moi]\n" + GOOD + "arguments = {max_article = 3}", "arguments: unknown argument 'max_article'"),
        ("[entries.moi]\n" + GOOD + "arguments = {tags = '../a'}", "looks like a file path"),
        ("[entries.moi]\n" + GOOD + "arguments = {since = 2026-01-01T00:00:00}", "since is a datetime"),
        ("[entries.moi]\n" + GOOD + "arguments = {_job = 'a'}", "a job is named when it is started"),
        ("[entries.moi]\n" + GOOD + "arguments = 'all'", "arguments is no table"),
        ("[entries.moi]\n" + GOOD + "settings = {EXTENSIONS = '{}'}", "settings: setting 'EXTENSIONS' cannot be given"),
        ("[entries.'a b']\n" + GOOD, "a name has 1 to 40"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "schedule.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(TimetableError) as caught:
        read_timetable(file, SPIDERS)
    assert str(caught.value).startswith(f"{file}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def timetable(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scrapy", "timetable", *arguments]
    env = without_network_settings()
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "schedule.toml"
    file.write_text(f"[entries.moi]\n{GOOD}", "utf-8")
    given = ("--file", str(file), "-s", "CONTACT=a@example.org", "-s", f"ARCHIVE_DIR={tmp_path / 'archive'}")
    coming = timetable("next", *given, "--count", "2", "--now", "2026-11-21T05:30:00+07:00")
    assert coming.stdout.splitlines() == [
        "2026-11-21 06:00:00 +0700  2026-11-20T23:00:00Z  moi  baoquocte",
        "2026-11-21 07:00:00 +0700  2026-11-21T00:00:00Z  moi  baoquocte",
    ]
    nobody = timetable("check", "--file", str(file))
    assert nobody.returncode == 2
    assert nobody.stderr.count("\n") == 1
    assert "[entries.moi]: CONTACT is not set, and baoquocte.vn would be asked" in nobody.stderr
    written = timetable("install", *given, "-o", str(tmp_path / "units"))
    assert written.stdout.splitlines() == [str(path) for path in sorted((tmp_path / "units").iterdir())]
    service = (tmp_path / "units" / "baoquan-timetable.service").read_text("utf-8")
    assert f"ARCHIVE_DIR={tmp_path / 'archive'} -s CONTACT=a@example.org\n" in service
    assert not (tmp_path / "archive").exists()


# --- Due times ----------------------------------------------------------------------------------------------------


def test_due_times_are_those_of_the_zone() -> None:
    daily = entry(cron="15 2 * * *")
    assert daily.due(at("21 00:00"), at("23 02:15")) == [at("21 02:15"), at("22 02:15"), at("23 02:15")]
    assert daily.due(at("21 02:15"), at("22 02:14")) == []
    assert daily.coming(at("21 02:15"), 1) == [at("22 02:15")]


def test_summer_time() -> None:
    """A daily time that the clock leaps over or tells twice is due once."""
    berlin = entry(cron="30 2 * * *", zone=ZoneInfo("Europe/Berlin"))
    days = [
        berlin.due(datetime(2026, 3, day, 12, tzinfo=UTC), datetime(2026, 3, day + 1, 12, tzinfo=UTC))
        for day in (27, 28)
    ]
    assert [len(day) for day in days] == [1, 1]
    autumn = berlin.due(datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert len(autumn) == 1


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 7 * 24 * 60), st.integers(0, 600), st.integers(0, 90))
def test_every_due_time_is_told_once_wherever_one_looks(start: int, width: int, jitter: int) -> None:
    spread = entry(cron="*/20 * * * *", jitter=timedelta(minutes=jitter))
    begin = at("01 00:00") + timedelta(minutes=start)
    middle, end = begin + timedelta(minutes=width // 3), begin + timedelta(minutes=width)
    whole = spread.due(begin, end)
    assert whole == sorted(spread.due(begin, middle) + spread.due(middle, end))
    assert spread.coming(begin, len(whole) + 1)[:-1] == whole
    plain = replace(spread, jitter=timedelta(0)).due(begin - timedelta(minutes=jitter), end)
    assert len(whole) <= len(plain)


def test_jitter_spreads_entries_of_one_minute() -> None:
    due = [entry(name=f"e{number}", jitter=timedelta(minutes=30)).coming(at("05:30"), 1)[0] for number in range(20)]
    assert len(set(due)) > 15
    assert all(at("06:00") <= one <= at("06:30") or at("05:30") < one for one in due)


# --- What an entry needs ------------------------------------------------------------------------------------------


def run(job: str, started: str, reason: str | None = "finished", status: int | None = 0) -> Run:
    instant = at(started).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Run(job, "baoquocte", 1, "{}", instant, instant, instant if reason else None, status, reason)


def line(kind: str, when: str, due: str | None = None, **values: Any) -> Line:
    return Line(at(when), "moi", kind, at(due) if due else None, **values)


KNOWN = line("known", "04:30")
STOPPED = run("a", "05:00", "shutdown", 11)
LATE = "nobody looked at the timetable in time"
SERVED = f"{LATE}; the next time serves for it"
AT_WORK = Plan(missed=(Missed((at("05:00"),), "the spider was at work"),))
RESUMED = [line("resumed", "05:20", why="a", job=job) for job in "xyz"]


@pytest.mark.parametrize(
    ("changes", "now", "runs", "lines", "alive", "expected"),
    [
        # Nothing is due before an entry was seen.
        ({}, "05:00", [], [], [], Plan(new=True)),
        ({}, "04:59", [], [KNOWN], [], Plan()),
        ({}, "05:00", [], [KNOWN], [], Plan(start=at("05:00"))),
        # A run after the due time serves it, whoever started it; one before it does not.
        ({}, "05:30", [run("a", "05:01")], [], [], Plan()),
        ({}, "05:30", [run("a", "04:59")], [KNOWN], [], Plan(start=at("05:00"))),
        # Of several only the last is run.
        (
            {},
            "08:00",
            [run("a", "05:00")],
            [],
            [],
            Plan(missed=(Missed((at("06:00"), at("07:00")), SERVED),), start=at("08:00")),
        ),
        ({}, "08:00", [run("a", "05:00")], [line("missed", "08:00", "07:00")], [], Plan(start=at("08:00"))),
        # The rule for missed runs.
        ({"missed": "report"}, "05:10", [], [KNOWN], [], Plan(start=at("05:00"))),
        ({"missed": "report"}, "05:11", [], [KNOWN], [], Plan(missed=(Missed((at("05:00"),), LATE),))),
        ({"missed": "report"}, "05:11", [], [KNOWN, line("waits", "05:00", "05:00")], [], Plan(start=at("05:00"))),
        ({"missed": "report"}, "05:20", [], [KNOWN, line("missed", "05:11", "05:00")], [], Plan()),
        # The rule for overlapping runs.
        ({}, "05:00", [], [KNOWN], ["other"], Plan(start=at("05:00"))),
        ({"overlap": "skip"}, "05:00", [], [KNOWN], ["other"], AT_WORK),
        (
            {},
            "06:00",
            [],
            [KNOWN, line("waits", "05:00", "05:00")],
            ["other"],
            Plan(missed=(Missed((at("05:00"),), "the spider was at work until the next time"),), start=at("06:00")),
        ),
        # A start that the ledger does not know yet: it lives, it came to nothing, it did so three times.
        ({}, "05:01", [], [KNOWN, line("started", "05:00", "05:00", job="a")], ["a"], Plan()),
        ({}, "05:01", [], [KNOWN, line("started", "05:00", "05:00", job="a")], [], Plan(start=at("05:00"))),
        (
            {},
            "05:03",
            [],
            [KNOWN, *(line("started", "05:00", "05:00", job=job) for job in "abc")],
            [],
            Plan(missed=(Missed((at("05:00"),), "3 starts came to nothing, see timetable/c.log"),)),
        ),
        # Interrupted runs are resumed; those that reached their limit are not.
        ({}, "05:30", [STOPPED], [KNOWN], [], Plan(resume=STOPPED)),
        ({}, "05:30", [run("a", "05:00", "killed", None)], [KNOWN], [], Plan(resume=run("a", "05:00", "killed", None))),
        ({}, "05:30", [run("a", "05:00", None, None)], [KNOWN], [], Plan(resume=run("a", "05:00", None, None))),
        ({}, "05:30", [run("a", "05:00", None, None)], [KNOWN], ["a"], Plan()),
        ({}, "05:30", [run("a", "05:00", "max_articles", 11)], [KNOWN], [], Plan()),
        ({}, "05:30", [run("a", "05:00", "output_trouble", 3)], [KNOWN], [], Plan()),
        ({"interrupted": "wait"}, "05:30", [STOPPED], [KNOWN], [], Plan()),
        ({}, "06:00", [STOPPED], [KNOWN], [], Plan(start=at("06:00"), resume=STOPPED)),
        ({}, "05:30", [STOPPED] * 3, [KNOWN], [], Plan(resume=STOPPED)),
        ({}, "05:30", [STOPPED] * 4, [KNOWN], [], Plan(given_up=STOPPED)),
        ({}, "05:30", [STOPPED] * 4, [KNOWN, line("given_up", "05:20", why="a")], [], Plan()),
        ({}, "06:00", [STOPPED] * 4, [KNOWN, line("given_up", "05:20", why="a")], [], Plan(start=at("06:00"))),
        ({}, "05:30", [STOPPED], [KNOWN, *RESUMED], [], Plan(given_up=STOPPED)),
    ],
)  # fmt: skip
def test_what_an_entry_needs(
    changes: dict[str, str], now: str, runs: list[Run], lines: list[Line], alive: list[str], expected: Plan
) -> None:
    assert plan(entry(**changes), at(now), runs, lines, alive, bool(alive)) == expected


# --- What stays ---------------------------------------------------------------------------------------------------


def test_the_journal_survives_a_torn_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first = line("missed", "05:00", "04:00", first=at("03:00"), count=2, why="vì máy ngủ")
    journal.add(first)
    (file,) = journal.folder.iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"at": "2026-11-2')
    assert Journal(tmp_path).of("moi") == [first]
    second = line("started", "06:00", "06:00", job="a")
    Journal(tmp_path).add(second)
    assert Journal(tmp_path).of("moi") == [first, second]


def test_months_have_files_and_the_last_two_are_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for month in (9, 10, 11, 12):
        journal.add(Line(datetime(2026, month, 1, tzinfo=UTC), "moi", "known"))
    assert sorted(path.name for path in journal.folder.iterdir()) == [
        f"2026-{month:02}.jsonl" for month in (9, 10, 11, 12)
    ]
    assert [one.at.month for one in Journal(tmp_path).lines] == [11, 12]


def test_words_that_systemd_and_cron_would_read_otherwise(tmp_path: Path) -> None:
    command = ["/srv/bảo quản/python", "-m", "scrapy", "-s", 'OPERATOR=100% "$HOME"']
    service = systemd(command, Path("/srv/100%"))["baoquan-timetable.service"]
    assert 'ExecStart="/srv/bảo quản/python" -m scrapy -s "OPERATOR=100%% \\"$$HOME\\""\n' in service
    assert "WorkingDirectory=/srv/100%%\n" in service
    (line,) = crontab([sys.executable, "-c", "import sys; print(sys.argv[1])", "100% '$HOME'"], tmp_path).splitlines()
    assert line.startswith("* * * * * ")
    shell = line.removeprefix("* * * * * ").replace(r"\%", "%")
    assert subprocess.run(shell, shell=True, capture_output=True, text=True, check=True).stdout == "100% '$HOME'\n"


ODD_WORDS = [
    sys.executable,
    "-m",
    "scrapy",
    "timetable",
    "tick",
    "--file",
    "/srv/lịch 100%.toml",
    "-s",
    'OPERATOR="$HOME"',
]


def test_systemd_and_cron_accept_what_is_installed(tmp_path: Path) -> None:
    """Where they are: continuous integration has both."""
    for name, text in systemd(ODD_WORDS, tmp_path).items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "table").write_text(crontab(ODD_WORDS, tmp_path), "utf-8")
    checks = {
        "systemd-analyze": ["verify", *map(str, sorted(tmp_path.glob("baoquan-*")))],
        "crontab": ["-n", str(tmp_path / "table")],  # only checks the syntax
    }
    for program, arguments in checks.items():
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: apt-get install systemd cron")
        run = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False)
        assert run.returncode == 0, run.stderr
        assert program == "crontab" or run.stderr == ""
