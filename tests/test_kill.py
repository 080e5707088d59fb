"""Kills at any moment: nothing is lost, nothing is there twice, and little is asked again.

``KILLS`` says how often the long test kills (50), ``SEED`` at which moments.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from crawler import crash
from tests.conftest import ROOT, Crawler, ReplicaProcess
from tests.smallpaper import Printer, SmallPaper, check_all, check_files, printing, proven
from tests.truth import compare, reachable, rows_of

CONCURRENCY = 16
GROUP = 64  # pages of a group commit
SETTINGS = {"CONCURRENT_REQUESTS": str(CONCURRENCY), "CONCURRENT_REQUESTS_PER_DOMAIN": str(CONCURRENCY)}


@dataclass
class Kills:
    """What became of a crawl that was killed again and again."""

    kills: int
    again: list[int]  # pages asked again by each run that followed a kill
    asked: int
    seconds: float


def killed_until_done(printer: Printer, archive: Path, kills: int, chance: Random) -> Kills:
    """Repeat one command, killing it ``kills`` times, until it ends by itself."""
    begin, done, again = time.monotonic(), 0, []
    settings = {**SETTINGS, "WARC_TARGET_SIZE": "200000"}
    while True:
        before = len(printer.replica.requests)
        process = printer.crawl.start(*printer.command, archive=archive, settings=settings)
        if done < kills:
            # Some runs are killed while they start and clear up, the others after some pages.
            pages = chance.randrange(len(printer.paper.articles) // kills) if chance.random() < 0.8 else 0
            wait_for_pages(printer, process, before + pages)
            time.sleep(chance.uniform(0, 0.1 if pages else 1.5))
            done += process.poll() is None
            process.kill()
        status = process.wait(120)
        asked = printer.asked(before)
        again.append(sum(min(times, asked[url]) for url, times in printer.asked(0, before).items() if url in asked))
        if status != -signal.SIGKILL:
            assert status == 0
            return Kills(done, again, sum(printer.asked().values()), time.monotonic() - begin)


def wait_for_pages(printer: Printer, process: subprocess.Popen[bytes], count: int) -> None:
    end = time.monotonic() + 120
    while len(printer.replica.requests) < count and process.poll() is None:
        assert time.monotonic() < end, "the crawl hangs"
        time.sleep(0.002)


def check_ledger(archive: Path) -> None:
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert ledger.execute("SELECT COUNT(*) FROM files WHERE closed = 0").fetchone() == (0,)
        for path, length in ledger.execute("SELECT path, length FROM files"):
            assert (archive / path).stat().st_size == length
        (left,) = ledger.execute("SELECT COUNT(*) FROM frontier WHERE state NOT IN ('done')").fetchone()
        assert left == 0


def check_peer(archive: Path) -> None:
    """warcio accepts the first, the last and the largest file."""
    files = sorted(archive.rglob("*.warc.gz"))
    sample = {files[0], files[-1], max(files, key=lambda file: file.stat().st_size)}
    run = subprocess.run([sys.executable, "-m", "warcio.cli", "check", *sample], capture_output=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("articles", "kills"),
    [
        pytest.param(100, 3, id="short"),
        pytest.param(1500, int(os.environ.get("KILLS", "50")), id="long", marks=pytest.mark.slow),
    ],
)
def test_killed_at_random_moments(
    articles: int, kills: int, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = Random(int(os.environ.get("SEED", "2026")))
    archive = tmp_path_factory.mktemp("archive")
    with printing(SmallPaper(articles, delay=0.02), tmp_path_factory) as printer:
        result = killed_until_done(printer, archive, kills, chance)
        check_all(archive, printer.paper)
    check_ledger(archive)
    check_peer(archive)
    verdict = proven(archive)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{result.kills} kills, {articles} of {articles} articles archived once, each with one row; "
            f"{result.asked} pages asked, asked again after a kill {sum(result.again)}, at most {max(result.again)} "
            f"at once; {result.seconds:.0f} s; scrapy verify: {verdict}\n"
        )
    assert result.kills == kills
    assert max(result.again) <= CONCURRENCY + GROUP


# Where to kill: a step of crawler.crash and the how-manieth time; and before it, for what only a start after a kill
# does, another step to be killed at.
STEPS = [
    ("migration:1", None),
    ("migration:9", None),
    ("append:1", None),
    ("append:50", None),
    ("row:1", None),
    ("row:40", None),
    ("fsync:1", None),
    ("fsync:4", None),
    ("commit:1", None),
    ("commit:5", None),
    ("committed:1", None),
    ("committed:6", None),
    ("close:1", None),
    ("close:3", None),
    ("rename:1", None),
    ("rename:3", None),
    ("manifest:1", None),
    ("manifest:2", None),
    ("manifest:5", None),
    ("evidence:1", None),
    ("evidence:2", None),
    ("evidence:3", None),
    ("evidence:1", "row:40"),
    ("evidence:3", "row:40"),
    ("cut:1", "row:40"),
    ("cut:2", "row:40"),
    ("recovered:1", "row:40"),
    ("recovered:1", "rename:1"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with printing(SmallPaper(90), tmp_path_factory) as printer:
        yield printer


@pytest.mark.slow
@pytest.mark.parametrize(("step", "before"), STEPS)
def test_killed_at_a_step(step: str, before: str | None, small: Printer, tmp_path: Path) -> None:
    settings = {"WARC_TARGET_SIZE": "20000"}
    for one in filter(None, (before, step)):
        run = small.crawl(*small.command, archive=tmp_path, settings=settings, env={crash.VARIABLE: one})
        assert run.status == -signal.SIGKILL, (one, run.stderr[-2000:])
    run = small.crawl(*small.command, archive=tmp_path, settings=settings)
    assert run.status == 0, run.stderr[-2000:]
    check_all(tmp_path, small.paper)
    check_ledger(tmp_path)


ELSEWHERE = "cursor"  # in tests/test_commands_new.py
REBUILD_STEPS = ["rebuild:1", "rebuild:3", "commit:4", "kept:1", "replaced:1"]


@pytest.mark.slow
@pytest.mark.parametrize("step", REBUILD_STEPS)
def test_a_rebuild_killed_at_a_step(step: str, small: Printer, tmp_path: Path) -> None:
    """After a kill of the crawl in its midst: the ledger is lost or kept, its rebuild is killed, and begun again."""
    settings = {"WARC_TARGET_SIZE": "20000"}
    run = small.crawl(*small.command, archive=tmp_path, settings=settings, env={crash.VARIABLE: "row:40"})
    assert run.status == -signal.SIGKILL
    if step != "kept:1":
        for file in tmp_path.glob("ledger.sqlite*"):
            file.unlink()
    command = [sys.executable, "-m", "scrapy", "rebuild", "-s", f"ARCHIVE_DIR={tmp_path}"]
    for environment, status in (({**os.environ, crash.VARIABLE: step}, -signal.SIGKILL), (os.environ, 0)):
        rebuilt = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=120, check=False)
        assert rebuilt.returncode == status, rebuilt.stderr[-2000:]
    assert not list(tmp_path.glob("ledger.sqlite.new*"))
    for _ in range(2):  # what is archived is read; then the lists promise again what the lost frontier held
        run = small.crawl(*small.command, archive=tmp_path, settings=settings)
        assert run.status == 0, run.stderr[-2000:]
    check_all(tmp_path, small.paper)
    check_ledger(tmp_path)


def test_every_step_is_tried() -> None:
    assert {step.partition(":")[0] for step in [*(step for step, _ in STEPS), *REBUILD_STEPS, ELSEWHERE]} == crash.STEPS


@pytest.mark.slow
def test_the_replica_killed_on_the_way_gives_the_same_rows(
    crawl: Crawler, replica_process: ReplicaProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over TLS, with every channel, redirects, dead links and relations between pages."""
    chance, kills = Random(2026), 0
    follow = "follow=article,related,next_page,tag,category,topic,sitemap,feed"
    command = ("baoquocte", "-a", "since=2016-01-01", "-a", "languages=vi,en", "-a", follow, "-a", "related_depth=9")
    while True:
        before = replica_process.log_file.stat().st_size
        process = crawl.start(*command, archive=tmp_path, settings={"WARC_TARGET_SIZE": "300000"})
        if kills < 12:
            grown = before + chance.randrange(25_000)
            while process.poll() is None and replica_process.log_file.stat().st_size < grown:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.3))
            kills += process.poll() is None
            process.kill()
        if (status := process.wait(240)) != -signal.SIGKILL:
            break
    assert status == 0
    check_files(tmp_path)
    found = compare(
        rows_of(tmp_path), reachable(replica_process.truth["sites"]["baoquocte.vn"]["articles"], ("vi", "en"))
    )
    links = [line for file in tmp_path.glob("links/**/*.jsonl") for line in file.read_bytes().splitlines()]
    with capsys.disabled():
        sys.stdout.write(f"\nbaoquocte.vn killed {kills} times: {found.table().splitlines()[0]}, {len(links)} links\n")
    assert kills > 5
    assert found, found.table()
    assert len(links) == len(set(links))


@pytest.mark.slow
def test_two_spiders_killed_in_one_archive(
    crawl: Crawler, replica_process: ReplicaProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One ledger and one manifest, two processes that are killed in the middle of each other's commits."""
    chance, kills = Random(2026), {"baoquocte": 0, "vietnamvn": 0}
    settings = {"WARC_TARGET_SIZE": "300000", "LOG_LEVEL": "ERROR"}
    running = {spider: crawl.start(spider, archive=tmp_path, settings=settings) for spider in kills}
    statuses: dict[str, int] = {}
    end = time.monotonic() + 240
    while running:
        assert time.monotonic() < end, "a crawl hangs"
        time.sleep(chance.uniform(0.5, 2.5))
        for spider, process in list(running.items()):
            if kills[spider] < 6 and process.poll() is None and chance.random() < 0.7:
                process.kill()
                kills[spider] += 1
            if process.poll() is None:
                continue
            if process.wait() == -signal.SIGKILL:
                running[spider] = crawl.start(spider, archive=tmp_path, settings=settings)
            else:
                statuses[spider] = running.pop(spider).returncode
    assert statuses == dict.fromkeys(kills, 0)
    check_files(tmp_path)
    rows = [row["id"] for row in rows_of(tmp_path)]
    assert len(rows) == len(set(rows)) > 100
    verdict = proven(tmp_path)
    with capsys.disabled():
        sys.stdout.write(f"\nkilled {kills}, {len(rows)} rows; scrapy verify: {verdict}\n")
