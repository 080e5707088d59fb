"""``scrapy new``: every change once and in order, on an archive made by hand and beside crawls that are killed."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from scrapy import cmdline
from scrapy.settings import Settings
from scrapy.utils.project import get_project_settings

from crawler import crash
from crawler.cursor import Cursor
from crawler.ledger import Ledger
from crawler.ledger_changes import ChangeTable
from crawler.ledger_ops import Event, Op, Version
from crawler.lock import FolderLock
from crawler.rebuild import rebuild
from crawler.serialize import to_line
from crawler.silence import Silent, silent_sites
from tests.changing import LIST, Press, address, article, listing, printing
from tests.conftest import ROOT, without_network_settings

Run = Callable[..., tuple[int, str, str]]
FILE = "articles/baoquocte/20261101000000-j1.jsonl"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Calls the command in this process; status, stdout, stderr."""
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cmdline.execute(["scrapy", "new", *arguments], get_project_settings())
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


class ByHand:
    """An archive to which single versions and events are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / FILE).parent.mkdir(parents=True)
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.ledger.open_scope("baoquocte", "{}")

    def version(self, number: int, version: int = 1, body: str = "Thuyền về bến.", day: int = 1) -> Op:
        url, at = address(number), f"2026-11-{day:02}T05:00:00Z"
        row_id, record_id = f"row {number}/{version}", f"<urn:uuid:{number}/{version}>"
        row = {"row_id": row_id, "title": f"Kỳ {number}", "sapo": None, "body": body, "published_at": None}
        line = to_line(row | {"published_date": "2026-10-31"})
        file = self.folder / FILE
        offset = file.stat().st_size if file.exists() else 0
        with file.open("ab") as rows:
            rows.write(line)
        place = (FILE, offset, len(line), f"{body}{version}", "P", 1, at, at, "j1")
        return Version(f"baoquocte.vn:{number}", version, row_id, record_id, url, *place)

    def event(self, number: int, kind: str, day: int = 2) -> Op:
        at, url = f"2026-11-{day:02}T05:00:00Z", address(number)
        return Event(f"e{number}{kind}", url, at, kind, "j2", f"baoquocte.vn:{number}", 404, "<urn:uuid:9>")

    def add(self, *ops: Op) -> None:
        self.ledger.apply(ops)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[ByHand]:
    by_hand = ByHand(tmp_path / "archive")
    by_hand.add(by_hand.version(1), by_hand.version(2))
    yield by_hand
    by_hand.ledger.close()


def told(out: str) -> list[tuple[str, str]]:
    return [(one["kind"], one["id"].partition(":")[2]) for one in map(json.loads, out.splitlines())]


# --- What is told ---------------------------------------------------------------------------------------------------


def test_for_people(run: Run, archive: ByHand) -> None:
    archive.add(archive.version(1, 2, "Thuyền về bến sớm.", day=3), archive.event(2, "gone", day=3))
    archive.add(archive.event(1, "changed", day=3))
    status, out, err = run("--since", "2026-11-02")
    assert (status, err) == (0, "")
    assert out == (
        f"2026-11-03T05:00:00Z  changed version 2  baoquocte.vn:1  {address(1)}\n  Kỳ 1\n"
        "  body: Thuyền về [-bến.-]{+bến sớm.+}\n"
        f"2026-11-03T05:00:00Z  gone 404  baoquocte.vn:2  {address(2)}\n  Kỳ 2\n"
    )


def test_for_programs(run: Run, archive: ByHand) -> None:
    archive.add(archive.version(1, 2, "Thuyền về bến sớm.", day=3), archive.event(2, "gone", day=4))
    status, out, _ = run("--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [(line["position"], line["kind"]) for line in lines] == [(1, "new"), (2, "new"), (3, "changed"), (4, "gone")]
    assert len({tuple(line) for line in lines}) == 1
    assert lines[2]["changes"] == {"body": [["=", "Thuyền về"], ["-", " bến."], ["+", " bến sớm."]]}
    file, offset, length = lines[2]["row"].values()
    with (archive.folder / file).open("rb") as rows:
        rows.seek(offset)
        assert json.loads(rows.read(length))["row_id"] == lines[2]["row_id"]
    gone = {key: lines[3][key] for key in ("id", "site", "title", "published_at", "status", "event_id", "version")}
    assert list(gone.values()) == ["baoquocte.vn:2", "baoquocte.vn", "Kỳ 2", "2026-10-31", 404, "e2gone", 1]


@pytest.mark.parametrize(("day", "kinds"), [("2026-11-01", 2), ("2026-11-02", 1), ("2026-11-03", 0)])
def test_days_begin_in_hanoi(run: Run, archive: ByHand, day: str, kinds: int) -> None:
    archive.add(
        Event("late", address(1), "2026-11-01T16:59:59Z", "gone", "j", "baoquocte.vn:1"),
        Event("early", address(1), "2026-11-01T17:00:00Z", "back", "j", "baoquocte.vn:1"),
    )
    status, out, _ = run("--since", day, "--json")
    assert (status, len([kind for kind, _ in told(out) if kind != "new"])) == (0, kinds)


def test_a_row_that_is_not_there(run: Run, archive: ByHand) -> None:
    (archive.folder / FILE).unlink()
    status, out, err = run("--json", "--cursor", "a")
    assert (status, told(out)) == (1, [("new", "1"), ("new", "2")])
    assert "2 rows are not where the ledger says" in err


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["x"], 2, "no arguments"),
        (["--frobnicate"], 2, "unknown option"),
        (["--since", "gestern"], 2, "no day such as"),
        (["--hold"], 2, "name it with --cursor"),
        (["--cursor", "../x"], 2, "a name is letters"),
        (["--cursor", "a", "--ack", "x"], 2, "position of the last change"),
        (["--cursor", "a", "--ack", "3"], 2, "the cursor stands at 0, the last change at 2"),
        (["--cursor", "broken"], 2, "is damaged: --restart begins anew"),
        (["--cursor", "old"], 2, "the ledger that it counts in is lost"),
        (["-s", "ARCHIVE_DIR=elsewhere"], 2, "elsewhere holds no ledger"),
        (["-o", "archive"], 3, "is a folder"),
        (["-o", "taken.jsonl", "--cursor", "a"], 3, "holds changes that nobody took"),
    ],
)
def test_one_line_says_what_is_wrong(
    run: Run, archive: ByHand, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (tmp_path / "taken.jsonl").write_text("{}\n")
    (archive.folder / "cursors").mkdir()
    (archive.folder / "cursors/broken.json").write_text("{")
    (archive.folder / "cursors/old.json").write_text('{"cursor": "old", "order": "another", "position": 1}')
    ended, out, err = run(*arguments)
    assert (ended, out) == (status, "")
    assert says in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "elsewhere").exists()


# --- Cursors --------------------------------------------------------------------------------------------------------


def test_a_cursor_goes_on(run: Run, archive: ByHand) -> None:
    assert told(run("--cursor", "a", "--json")[1]) == [("new", "1"), ("new", "2")]
    assert run("--cursor", "a", "--json") == (0, "", "")
    archive.add(archive.version(3), archive.event(1, "gone"))
    assert told(run("--cursor", "a", "--json")[1]) == [("new", "3"), ("gone", "1")]
    assert len(told(run("--cursor", "b", "--json")[1])) == 4
    assert len(told(run("--cursor", "a", "--json", "--restart")[1])) == 4
    with FolderLock(archive.folder, "cursor.a", "job1"):
        status, _, err = run("--cursor", "a")
    assert (status, "is held by job job1" in err) == (4, True)


def test_held_until_it_is_acknowledged(run: Run, archive: ByHand) -> None:
    for _ in range(2):
        assert told(run("--cursor", "a", "--hold", "--json")[1]) == [("new", "1"), ("new", "2")]
    assert run("--cursor", "a", "--ack", "1") == (0, "", "")
    assert told(run("--cursor", "a", "--hold", "--json")[1]) == [("new", "2")]
    assert run("--cursor", "a", "--ack", "0")[0] == 2


def test_a_reader_that_goes_away_moves_nothing(archive: ByHand) -> None:
    archive.add(*(archive.version(number) for number in range(10, 1500)))
    command = [sys.executable, "-m", "scrapy", "new", "--cursor", "a", "--json", "-s", f"ARCHIVE_DIR={archive.folder}"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=without_network_settings()
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 3
    assert not (archive.folder / "cursors/a.json").exists()


def test_a_file_appears_whole(run: Run, archive: ByHand, tmp_path: Path) -> None:
    assert run("--cursor", "a", "--json", "-o", "new.jsonl") == (0, "", "")
    assert told((tmp_path / "new.jsonl").read_text()) == [("new", "1"), ("new", "2")]
    (tmp_path / "new.jsonl").unlink()
    assert run("--cursor", "a", "--json", "-o", "new.jsonl") == (0, "", "")  # nothing new, no file
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_positions_follow_the_commits(archive: ByHand) -> None:
    """Told twice, a version or an event keeps its first position."""
    again = (archive.version(1), archive.event(2, "gone"))
    archive.add(*again)
    archive.add(*again, archive.version(3))
    with ChangeTable(archive.folder) as table:
        order = [(one.kind, one.article_id) for one in table.changes(0, table.end())]
        assert [one.position for one in table.changes(2, 4)] == [4]
    assert order == [(kind, f"baoquocte.vn:{n}") for kind, n in (("new", 1), ("new", 2), ("gone", 2), ("new", 3))]


def test_an_older_ledger_is_numbered_by_time(tmp_path: Path) -> None:
    from crawler.ledger_schema import MIGRATIONS

    path = tmp_path / "ledger.sqlite"
    ours = next(number for number, made in enumerate(MIGRATIONS) if any("versions_in_order" in one for one in made))
    Ledger.open(path, migrations=MIGRATIONS[:ours]).close()
    with sqlite3.connect(path) as db:
        fields = "article_id, version, captured_at, row_id, record_id, file, file_offset, length, content_digest"
        rest = "'', '', '', 0, 1, '', '{}', 'P', 1, 'j'"
        for number, day in ((1, 3), (2, 1)):
            db.execute(
                f"INSERT INTO versions ({fields}, fields, page, page_number, run) VALUES ('a:{number}', 1,"
                f" '2026-11-0{day}', {rest})"
            )
            article = "'', '', '', 'P', 1, NULL, '', '', 'live', NULL"
            db.execute(f"INSERT INTO articles VALUES ('a:{number}', 1, {article})")
        db.execute("INSERT INTO events VALUES ('e', 'a:2', '', '2026-11-02', 'gone', 404, NULL, 'j')")
    db.close()
    Ledger.open(path).close()
    with ChangeTable(tmp_path) as table:
        found = [(one.position, one.kind, one.article_id) for one in table.changes(0, table.end())]
    assert found == [(1, "new", "a:2"), (2, "gone", "a:2"), (3, "new", "a:1")]


# --- Sites that give nothing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "today", "silent"),
    [
        ([8, 9, 10, 11, 12, 13, 14], 15, False),  # nothing yet today
        ([8, 9, 10, 11, 12, 13, 14], 16, True),  # a whole day without
        ([9, 10, 11, 12, 13, 14], 20, False),  # known for six days only
        ([2, 4, 6, 8, 10, 12, 14], 17, False),
        ([2, 4, 6, 8, 10, 12, 14], 18, True),
        ([1, 8, 9, 10, 11, 12, 13, 14], 16, True),  # its rhythm is that of the last seven
    ],
)
def test_silence(days: list[int], today: int, silent: bool) -> None:
    firsts = [(f"baoquocte.vn:{day}", f"2026-11-{day:02}T05:00:00Z") for day in days]
    found = list(silent_sites(firsts, datetime(2026, 11, today, tzinfo=UTC)))
    assert [one.site for one in found] == ["baoquocte.vn"] * silent


def test_a_silent_site_is_status_1(run: Run, archive: ByHand) -> None:
    today = datetime.now(UTC).date()
    long_ago = [datetime.fromordinal(today.toordinal() - days).date().isoformat() for days in range(9, 2, -1)]
    for number, day in enumerate(long_ago, 100):
        version = archive.version(number)
        assert isinstance(version, Version)
        archive.add(Version(**{key: getattr(version, key) for key in version.__slots__} | {"captured_at": day}))
    assert run("--cursor", "a")[::2] == (0, "")  # it has something to tell
    status, out, err = run("--cursor", "a")
    assert (status, out) == (1, "")
    assert err == f"scrapy: baoquocte.vn gave nothing new since {long_ago[-1]}, and had something every day before\n"
    assert list(silent_sites([], datetime.now(UTC))) == []
    assert Silent("x", today, 1).site == "x"


# --- A ledger made again ----------------------------------------------------------------------------------------------


@pytest.fixture
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    with printing(tmp_path_factory) as press:
        yield press


def news(press: Press, turn: int, count: int = 12) -> None:
    """Each turn brings new articles; of the old ones one changes, one goes and one comes back."""
    paper, numbers = press.paper, range(1, (turn + 1) * count)
    for number in numbers[-count:]:
        paper.put(address(number), article(number))
    paper.put(LIST, listing([address(number) for number in numbers]))
    if turn:
        paper.put(address(turn), article(turn, f"Sóng đã yên, lần {turn}."))
        paper.pages.pop(address(turn + 20), None)
        paper.put(address(turn + 19), article(turn + 19))


def expected(press: Press) -> Counter[tuple[str, str]]:
    """What the files of the archive say: a version by its row, other events by their ids."""
    rows = [("changed" if row["version"] > 1 else "new", row["row_id"]) for row in press.lines("articles")]
    events = [(one["kind"], one["event_id"]) for one in press.lines("events") if one["kind"] != "changed"]
    return Counter(rows + events)


def known(lines: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((one["kind"], one["event_id"] or one["row_id"]) for one in lines)


@pytest.mark.slow
def test_a_cursor_outlives_a_rebuild_and_says_when_it_cannot(press: Press, run: Run) -> None:
    folder = ("-s", f"ARCHIVE_DIR={press.archive}")
    settings = Settings(get_project_settings())
    for turn in range(2):
        news(press, turn)
        press.crawl("-a", "recrawl=all")
    order = [one["position"] for one in map(json.loads, run("--cursor", "a", "--json", *folder)[1].splitlines())]
    rebuild(press.archive, settings)
    again = [json.loads(line) for line in run("--json", *folder)[1].splitlines()]
    assert [one["position"] for one in again] == order
    assert run("--cursor", "a", *folder) == (0, "", "")
    news(press, 2)
    press.crawl("-a", "recrawl=all")
    rebuild(press.archive, settings, "baoquocte")
    more = [json.loads(line) for line in run("--cursor", "a", "--json", *folder)[1].splitlines()]
    assert known(again) + known(more) == expected(press)
    for path in press.archive.glob("ledger.sqlite*"):
        path.unlink()
    rebuild(press.archive, settings)
    status, out, err = run("--cursor", "a", *folder)
    assert (status, out) == (2, "")
    assert "the ledger that it counts in is lost" in err
    times = [json.loads(line)["at"] for line in run("--cursor", "a", "--restart", "--json", *folder)[1].splitlines()]
    assert times == sorted(times)


# --- Kills ----------------------------------------------------------------------------------------------------------


def new(archive: Path, *arguments: str, kill: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, killed at a step."""
    command = [sys.executable, "-m", "scrapy", "new", "--json", *arguments, "-s", f"ARCHIVE_DIR={archive}"]
    env = without_network_settings() | ({crash.VARIABLE: kill} if kill else {})
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_files_hold_each_change_once_whatever_is_killed(archive: ByHand, tmp_path: Path) -> None:
    taken: list[str] = []
    for number, step in enumerate(("cursor:1", "cursor:2", "cursor:3", "cursor:4"), 10):
        archive.add(archive.version(number))
        for kill in (step, ""):
            done = new(archive.folder, "--cursor", "a", "-o", str(tmp_path / "new.jsonl"), kill=kill)
            assert done.returncode in (0, 3, -signal.SIGKILL), done.stderr
            if (tmp_path / "new.jsonl").exists():
                taken += (tmp_path / "new.jsonl").read_text().splitlines()
                (tmp_path / "new.jsonl").unlink()
    assert not list(tmp_path.glob(".*"))
    assert [json.loads(line)["position"] for line in taken] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_five_runs_with_kills_between(press: Press, tmp_path: Path) -> None:
    """Crawls and readers are killed wherever it hurts; every change is delivered exactly once, by three ways."""
    kills = ("commit:2", "row:5", "committed:3", "close:2", "rename:1")
    files: list[dict[str, Any]] = []
    database: dict[int, dict[str, Any]] = {}  # a consumer that stores position and change together
    printed: list[dict[str, Any]] = []
    out = tmp_path / "new.jsonl"
    for turn, kill in enumerate(kills):
        news(press, turn)
        for env in ({crash.VARIABLE: kill}, {}):
            command = ("baoquocte", "-a", f"seeds={LIST}", "-a", "recrawl=all")
            assert press.crawler(*command, archive=press.archive, env=env).status in (0, -signal.SIGKILL)
            new(press.archive, "--cursor", "files", "-o", str(out), kill=f"cursor:{1 + turn % 3}" if env else "")
            if out.exists():
                files += map(json.loads, out.read_text().splitlines())
                out.unlink()
            held = new(press.archive, "--cursor", "held", "--hold").stdout.splitlines()
            changes = {one["position"]: one for one in map(json.loads, held)}
            assert all(database.setdefault(position, one) == one for position, one in changes.items())
            if not env and changes:  # it died after its own commit, and before the acknowledgement
                assert new(press.archive, "--cursor", "held", "--ack", str(max(changes))).returncode == 0
            # What was printed and not passed by the cursor comes again, with its position.
            lines = new(press.archive, "--cursor", "printed", kill="cursor:1" if env else "").stdout.splitlines()
            last = max((one["position"] for one in printed), default=0)
            printed += [one for one in map(json.loads, lines) if one["position"] > last]
    wanted = expected(press)
    assert wanted.total() > 60
    assert {kind for kind, _ in wanted} >= {"new", "changed", "gone", "back"}
    assert set(wanted.values()) == {1}
    assert known(files) == known(list(database.values())) == known(printed) == wanted
    assert [one["position"] for one in files] == sorted(database)


def test_a_cursor_is_durable_before_its_lock_is_free(archive: ByHand) -> None:
    with ChangeTable(archive.folder) as table, Cursor(archive.folder, "a", table.order) as cursor:
        cursor.move(2)
        state = json.loads((archive.folder / "cursors/a.json").read_text())
    assert (state["position"], state["order"], state["unnamed"]) == (2, table.order, [])
    assert [path.name for path in (archive.folder / "cursors").iterdir()] == ["a.json"]
