"""A redesign from end to end: the alarm, the quarantine, the mend, and every row exactly once, whatever kills it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crawler import crash
from crawler.lock import FolderLock
from tests.changing import LIST, Press, address, article, listing, printing
from tests.conftest import ROOT, Crawl, Crawler, replica_at, without_network_settings
from tests.test_signs import hook, wait
from tests.truth import rows_of

MENDED = {"SPIDER_MODULES": "tests.mended"}
OLD, EDITED, NEW = range(1, 61), range(1, 6), range(61, 91)
SUSPECT = {f"baoquocte.vn:{number}" for number in (*EDITED, *NEW)}
TEMPLATE = "BaoquoctePage/article/vi"


def scrapy(
    archive: Path, *arguments: str, settings: dict[str, str] | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command on this archive, without any network."""
    pairs = [f"-s{name}={value}" for name, value in {"ARCHIVE_DIR": str(archive), **(settings or {})}.items()]
    command = [sys.executable, "-m", "scrapy", *arguments, *pairs]
    environment = without_network_settings() | (env or {})
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def lines(archive: Path, folder: str) -> list[dict[str, Any]]:
    files = sorted((archive / folder).rglob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def first_edition(press: Press) -> None:
    for number in OLD:
        press.paper.put(address(number), article(number))
    press.paper.put(LIST, listing([address(number) for number in OLD]))


def redesign(press: Press) -> None:
    """The headline has another class. Five articles are edited, and thirty are new."""
    for number in (*OLD, *NEW):
        text = "Gió đã đổi chiều từ đêm." if number in EDITED else "Thuyền về bến khi trời còn tối."
        press.paper.put(address(number), article(number, text).replace("article-detail-title", "bx-head-x"))
    press.paper.put(LIST, listing([address(number) for number in (*OLD, *NEW)]))


@dataclass
class Redesign:
    press: Press
    run: Crawl  # that met the new look
    archive: Path  # as that run left it


@pytest.fixture(scope="module")
def redesigned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redesign]:
    with printing(tmp_path_factory) as press:
        first_edition(press)
        press.crawl()
        assert not (press.archive / "quarantine").exists()
        redesign(press)
        run = press.crawl("-a", "recrawl=all", "-o", str(press.archive.parent / "rows.jsonl"))
        yield Redesign(press, run, press.archive)


@pytest.fixture
def archive(redesigned: Redesign, tmp_path: Path) -> Path:
    """A copy of the archive after the run."""
    return Path(shutil.copytree(redesigned.archive, tmp_path / "archive"))


@pytest.mark.slow
def test_the_run_says_what_fell_and_sets_its_rows_aside(redesigned: Redesign) -> None:
    (told,) = re.findall(r"Drift: (baoquocte.vn \S+: .*?); such as (.*)$", redesigned.run.stderr, re.M)[-1:]
    fell = rf"baoquocte.vn {TEMPLATE}: title fell from 100% to \d% of \d\d pages \(selector 100% to json_ld"
    assert re.match(fell, told[0])
    assert len(told[1].split()) == 3
    archive = redesigned.archive
    aside = lines(archive, "quarantine")
    assert sorted(row["id"] for row in aside) == sorted(SUSPECT)
    assert all(row["extraction"]["suspect"] for row in aside)
    assert all(row["extraction"]["warnings"][-1].endswith(": title") for row in aside)
    rows = rows_of(archive)
    assert sorted(row["id"] for row in rows) == sorted(f"baoquocte.vn:{number}" for number in OLD)
    assert not any(row["extraction"]["suspect"] for row in rows)
    assert lines(archive, "events") == []
    output = archive.parent / "rows.jsonl"
    assert not output.exists() or output.read_bytes() == b""
    assert scrapy(archive, "verify").returncode == 0
    reports = [json.loads(path.read_text("utf-8"))["drift"] for path in sorted((archive / "reports").rglob("*.json"))]
    assert [(one["quarantined"], len(one["alarms"])) for one in reports] == [(0, 0), (35, 1)]
    (alarm,) = reports[1]["alarms"]
    assert (alarm["template"], alarm["field"], len(alarm["urls"])) == (TEMPLATE, "title", 3)


@pytest.mark.slow
def test_the_state_is_shown(archive: Path) -> None:
    shown = scrapy(archive, "drift").stdout
    assert f"baoquocte.vn {TEMPLATE} (baoquocte), 35 rows in quarantine" in shown
    assert re.search(r"^  title +\d+ +100% +\d%  fell +selector 100% since 2", shown, re.M)
    states = [json.loads(line) for line in scrapy(archive, "drift", "--json").stdout.splitlines()]
    (fell,) = [state for state in states if state["state"] == "fell"]
    assert (fell["site"], fell["template"], fell["field"], fell["quarantined"]) == (
        "baoquocte.vn",
        TEMPLATE,
        "title",
        35,
    )
    assert len(fell["urls"]) == 3
    assert scrapy(archive, "drift", "--spider", "vietnamvn").stdout == ""


@pytest.mark.slow
def test_after_the_mend_exactly_these_rows_come_back(redesigned: Redesign, archive: Path) -> None:
    before = rows_of(archive)
    early = scrapy(archive, "extract", "--quarantined")
    assert (early.returncode, early.stderr.count("\n")) == (0, 1)
    assert "0 rows came back from quarantine; 35 stay" in early.stderr
    assert rows_of(archive) == before
    with FolderLock(archive, "baoquocte", "job7"):
        locked = scrapy(archive, "extract", "--quarantined", settings=MENDED)
    assert locked.returncode == 4
    assert "is held by job job7" in locked.stderr
    mended = scrapy(archive, "extract", "--quarantined", settings=MENDED)
    assert mended.returncode == 0, mended.stderr
    assert "35 rows came back from quarantine; 0 stay" in mended.stderr
    check_back(archive, before)
    assert scrapy(archive, "extract", "--quarantined", settings=MENDED).returncode == 0
    check_back(archive, before)
    assert "fell" not in scrapy(archive, "drift").stdout
    proven = scrapy(archive, "verify", settings=MENDED)
    assert proven.returncode == 0, proven.stdout
    # The next pass finds nothing new, and nothing suspect.
    run = redesigned.press.crawler(
        "baoquocte", "-a", f"seeds={LIST}", "-a", "recrawl=all", archive=archive, settings=MENDED
    )
    assert run.status == 0, run.stderr[-3000:]
    check_back(archive, before)
    assert len(lines(archive, "quarantine")) == 35


def check_back(archive: Path, before: list[dict[str, Any]]) -> None:
    """Every quarantined row is an article now, with its own record, once."""
    came = [row for row in rows_of(archive) if row not in before]
    aside = {row["id"]: row for row in lines(archive, "quarantine")}
    assert sorted(row["id"] for row in came) == sorted(aside)
    for row in came:
        was = aside[row["id"]]
        assert (row["warc"], row["captured_at"], row["found_by"]) == (was["warc"], was["captured_at"], was["found_by"])
        assert (row["extraction"]["page"], row["extraction"]["suspect"]) == ("BaoquoctePage/2", False)
    versions = Counter(row["version"] for row in came)
    assert versions == {1: len(NEW), 2: len(EDITED)}
    assert all(row["changed"] == ["body"] for row in came if row["version"] == 2)
    events = lines(archive, "events")
    assert sorted(event["id"] for event in events) == sorted(f"baoquocte.vn:{number}" for number in EDITED)
    assert {event["kind"] for event in events} == {"changed"}


@pytest.mark.slow
def test_the_new_look_can_be_accepted(redesigned: Redesign, archive: Path) -> None:
    refused = scrapy(archive, "drift", "--accept", "vietnam.vn")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    accepted = scrapy(archive, "drift", "--accept", f"baoquocte.vn:{TEMPLATE}:title")
    assert accepted.stdout == f"accepted baoquocte.vn:{TEMPLATE}:title\n"
    assert "accepted" in scrapy(archive, "drift").stdout
    back = scrapy(archive, "extract", "--quarantined")
    assert "35 rows came back from quarantine; 0 stay" in back.stderr
    run = redesigned.press.crawler("baoquocte", "-a", f"seeds={LIST}", "-a", "recrawl=all", archive=archive)
    assert run.status == 0
    assert "Drift" not in run.stderr
    assert len(rows_of(archive)) == len(OLD) + 35


@pytest.mark.slow
def test_a_ledger_made_again_knows_the_quarantine(archive: Path) -> None:
    before = rows_of(archive)
    (archive / "ledger.sqlite").unlink()
    assert scrapy(archive, "rebuild").returncode == 0
    assert "35 rows in quarantine" in scrapy(archive, "drift").stdout
    mended = scrapy(archive, "extract", "--quarantined", settings=MENDED)
    assert "35 rows came back from quarantine; 0 stay" in mended.stderr
    check_back(archive, before)
    assert scrapy(archive, "rebuild").returncode == 0
    assert "0 rows came back" in scrapy(archive, "extract", "--quarantined", settings=MENDED).stderr
    check_back(archive, before)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["row:1", "row:30", "fsync:2", "commit:2", "committed:2", "close:1", "rename:1"])
def test_the_return_is_killed(archive: Path, step: str) -> None:
    before = rows_of(archive)
    killed = scrapy(archive, "extract", "--quarantined", settings=MENDED, env={crash.VARIABLE: step})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = scrapy(archive, "extract", "--quarantined", settings=MENDED)
    assert again.returncode == 0, again.stderr
    assert not list(archive.rglob("*.open"))
    check_back(archive, before)


@pytest.mark.slow
def test_the_crawl_is_killed_while_rows_are_held(tmp_path_factory: pytest.TempPathFactory) -> None:
    with printing(tmp_path_factory) as press:
        first_edition(press)
        press.crawl()
        redesign(press)
        before = rows_of(press.archive)
        arguments = ("-a", f"seeds={LIST}", "-a", "recrawl=all")
        for step in ("append:30", "commit:2", "row:4", "committed:2", "fsync:3", "close:1"):
            run = press.crawler("baoquocte", *arguments, archive=press.archive, env={crash.VARIABLE: step})
            assert run.status in (0, -signal.SIGKILL), run.stderr[-3000:]
        run = press.crawl("-a", "recrawl=all")
        assert run.status == 0
        assert rows_of(press.archive) == before
        assert sorted(row["id"] for row in lines(press.archive, "quarantine")) == sorted(SUSPECT)
        mended = scrapy(press.archive, "extract", "--quarantined", settings=MENDED)
        assert "35 rows came back from quarantine; 0 stay" in mended.stderr
        check_back(press.archive, before)


@pytest.mark.slow
def test_a_person_hears_of_it_while_the_run_goes_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Once: the run is killed when it has told, and the next one goes on under the same alarm."""
    arguments = ("-a", f"seeds={LIST}", "-a", "recrawl=all")
    with printing(tmp_path_factory) as press, hook() as one:
        first_edition(press)
        press.crawl()
        redesign(press)
        env, settings = {"no_proxy": "127.0.0.1"}, {"WEBHOOK_URL": one.url}
        slow = settings | {"HOST_DELAY": "0.15"}  # the thirty pages after the alarm take longer than the next look
        run = press.crawler.start("baoquocte", *arguments, archive=press.archive, settings=slow, env=env)
        try:
            wait(lambda: one.told, run)
            assert run.poll() is None
        finally:
            run.kill()
            run.wait()
        again = press.crawler("baoquocte", *arguments, archive=press.archive, settings=settings, env=env)
        assert again.status == 0, again.stderr[-3000:]
    (told,) = one.told
    assert (told["event"], told["site"], told["template"], told["field"]) == (
        "drift",
        "baoquocte.vn",
        TEMPLATE,
        "title",
    )
    assert len(told["urls"]) == 3
    assert "title fell from 100% to" in told["text"]


# --- The replica a day later, with another class ------------------------------------------------------------------

EVERYTHING = "follow=article,related,next_page,tag,category,topic,sitemap,feed"
COMMAND = ("baoquocte", "-a", "since=2016-01-01", "-a", EVERYTHING, "-a", "related_depth=9", "-a", "recrawl=all")
TODAY, NEXT_DAY = "2026-11-20T12:00:00+07:00", "2026-11-21T12:00:00+07:00"


@pytest.mark.slow
def test_a_class_of_the_replica_is_renamed(tmp_path_factory: pytest.TempPathFactory) -> None:
    archive = tmp_path_factory.mktemp("archive")
    with replica_at(tmp_path_factory.mktemp("replica"), TODAY) as replica:
        run = Crawler(replica, tmp_path_factory)(*COMMAND, archive=archive, timeout=300)
        assert run.status == 0, run.stderr[-3000:]
        assert "Drift" not in run.stderr
    before = rows_of(archive)
    rename = ("--rename", "article-detail-desc=bx-lead-x")
    with replica_at(tmp_path_factory.mktemp("replica"), NEXT_DAY, *rename) as replica:
        run = Crawler(replica, tmp_path_factory)(*COMMAND, archive=archive, timeout=300)
        assert run.status == 0, run.stderr[-3000:]
        assert re.search(rf"Drift: baoquocte.vn {TEMPLATE}: sapo fell from 100% to \d%", run.stderr)
        truth = replica.truth["sites"]["baoquocte.vn"]
    expected = {key for key in (*truth["edited"], *truth["added"]) if truth["articles"][key]["language"] == "vi"}
    aside = {row["id"] for row in lines(archive, "quarantine")}
    assert expected <= aside
    assert rows_of(archive) == before
    mended = scrapy(archive, "extract", "--quarantined", settings=MENDED)
    came = [row for row in rows_of(archive) if row not in before]
    assert {row["id"] for row in came} == expected, mended.stderr
    assert len(came) == len(expected)
    assert all(truth["articles"][row["id"]]["body"] == row["body"] for row in came)
    assert all(truth["articles"][row["id"]]["sapo"] == row["sapo"] for row in came)
