"""SIGINT and SIGTERM: nothing new starts, what runs has its grace, the files are closed, the same command goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.smallpaper import (
    HOST,
    Printer,
    SmallPaper,
    address,
    check_all,
    check_files,
    killed_with_captured_pages,
    printing,
    states,
)
from warc.writer import is_meta

CONCURRENCY = 4
SETTINGS = {"CONCURRENT_REQUESTS": str(CONCURRENCY), "CONCURRENT_REQUESTS_PER_DOMAIN": str(CONCURRENCY)}
FOREVER = 60.0  # seconds


@pytest.fixture
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with printing(SmallPaper(40), tmp_path_factory) as printer:
        yield printer


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "the crawl hangs"
        time.sleep(0.01)


def in_flight(archive: Path) -> int:
    """URLs that were handed out; 0 too when there is no ledger yet."""
    try:
        return states(archive).get("in_flight", 0)
    except sqlite3.OperationalError:
        return 0


def stopped_while_waiting(
    printer: Printer, archive: Path, *signals: int, settings: dict[str, str]
) -> tuple[int, float, str]:
    """Start a crawl of which some pages never come; when nothing else is left, send the signals half a second apart.

    Its status, the seconds from the last signal to its end, and its log.
    """
    log = archive.parent / f"{archive.name}.log"
    process = printer.crawl.start(*printer.command, archive=archive, settings={**SETTINGS, **settings}, stderr=log)
    wait_until(lambda: len(printer.asked()) == len(printer.paper.articles) + 1 - len(printer.paper.slow))
    time.sleep(0.5)
    for turn, number in enumerate(signals):
        time.sleep(0.5 if turn else 0)
        process.send_signal(number)
        began = time.monotonic()
    status = process.wait(60)
    return status, time.monotonic() - began, log.read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_runs_is_given_up_after_its_grace(number: int, printer: Printer, tmp_path: Path) -> None:
    slow = [address(3), address(4)]
    printer.paper.slow = dict.fromkeys(slow, FOREVER)
    status, seconds, log = stopped_while_waiting(printer, tmp_path / "a", number, settings={"STOP_GRACE": "1"})
    assert status == 11
    assert 0.9 < seconds < 3.5
    assert "2 requests are given up" in log
    assert states(tmp_path / "a") == {"done": 39, "queued": 2}
    assert not {*slow} & {*check_files(tmp_path / "a")}
    printer.paper.slow = {}
    assert printer.crawl(*printer.command, archive=tmp_path / "a").status == 0
    check_all(tmp_path / "a", printer.paper)


@pytest.mark.slow
def test_what_runs_is_waited_for_within_its_grace(printer: Printer, tmp_path: Path) -> None:
    printer.paper.slow = {address(3): 8.0}  # the others are in before, on a busy machine too
    status, seconds, _ = stopped_while_waiting(printer, tmp_path, signal.SIGTERM, settings={})
    assert seconds < 9
    assert status == 0  # nothing was left
    check_all(tmp_path, printer.paper)


@pytest.mark.slow
def test_a_second_signal_ends_within_three_seconds(printer: Printer, tmp_path: Path) -> None:
    printer.paper.slow = {address(3): FOREVER}
    status, seconds, _ = stopped_while_waiting(printer, tmp_path / "a", signal.SIGTERM, signal.SIGTERM, settings={})
    assert status == 11
    assert seconds < 3
    assert len(check_files(tmp_path / "a")) == 41  # robots.txt, the list, 39 articles: all closed
    printer.paper.slow = {}
    assert printer.crawl(*printer.command, archive=tmp_path / "a").status == 0
    check_all(tmp_path / "a", printer.paper)


@pytest.mark.slow
def test_a_second_signal_ends_a_run_whose_disk_hangs(printer: Printer, tmp_path: Path) -> None:
    archive = killed_with_captured_pages(printer, tmp_path)
    (file,) = (path for path in archive.glob("warc/news/*.warc.gz") if not is_meta(path.name))
    aside = file.rename(tmp_path / "aside")
    os.mkfifo(file)  # whoever opens it waits for ever
    log = tmp_path / "log"
    process = printer.crawl.start(*printer.command, archive=archive, settings={"STOP_GRACE": "0"}, stderr=log)
    wait_until(lambda: log.exists() and "Spider opened" in log.read_text("utf-8"))
    time.sleep(2)
    for _ in range(2):
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        time.sleep(0.5)
    assert process.wait(10) == 11
    assert time.monotonic() - began < 3
    file.unlink()
    aside.rename(file)
    assert printer.crawl(*printer.command, archive=archive).status == 0
    check_all(archive, printer.paper)


@pytest.mark.slow
def test_robots_txt_given_up_closes_no_host(printer: Printer, tmp_path: Path) -> None:
    printer.paper.slow = {f"http://{HOST}/robots.txt": FOREVER}
    process = printer.crawl.start(*printer.command, archive=tmp_path, settings={"STOP_GRACE": "0.2"})
    wait_until(lambda: in_flight(tmp_path))
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 11
    assert states(tmp_path) == {"queued": 1}
    printer.paper.slow = {}
    assert printer.crawl(*printer.command, archive=tmp_path).status == 0
    check_all(tmp_path, printer.paper)


@pytest.mark.slow
def test_stopped_ten_times(tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> None:
    chance, archive, stops, late = Random(2026), tmp_path_factory.mktemp("archive"), 0, []
    with printing(SmallPaper(600, delay=0.05), tmp_path_factory) as printer:
        while True:
            before = len(printer.replica.requests)
            process = printer.crawl.start(*printer.command, archive=archive, settings=SETTINGS)
            if stops < 10:
                wait_until(lambda before=before: len(printer.replica.requests) > before)
                time.sleep(chance.uniform(0, 0.5))
                began, asked = time.monotonic(), len(printer.replica.requests)
                process.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM]))
                stops += 1
                assert process.wait(20) == 11
                late.append((time.monotonic() - began, len(printer.replica.requests) - asked))
                check_files(archive)
            else:
                assert process.wait(120) == 0
                break
        check_all(archive, printer.paper)
        again = printer.asked().total() - len(printer.asked())
    with capsys.disabled():
        sys.stdout.write(
            f"\n10 stops: at most {max(seconds for seconds, _ in late):.1f} s and {max(pages for _, pages in late)} "
            f"answers to the end; {again} pages asked again; 600 of 600 articles archived once, each with one row\n"
        )
    assert again == 0
    assert max(pages for _, pages in late) <= 2 * CONCURRENCY  # those in flight, and those that their answers let out


@pytest.mark.slow
def test_max_articles_run_after_run_fetches_no_page_twice(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    with printing(SmallPaper(17), tmp_path_factory) as printer:
        statuses, rows = [], []
        while 0 not in statuses:
            run = printer.crawl(*printer.command, "-a", "max_articles=5", archive=tmp_path, settings=SETTINGS)
            statuses.append(run.status)
            rows.append(sum(len(file.read_bytes().splitlines()) for file in tmp_path.glob("articles/**/*.jsonl")))
            assert len(statuses) < 6, run.stderr
        check_all(tmp_path, printer.paper)
        assert set(printer.asked().values()) == {1}
    assert rows == [5, 10, 15, 17]
    assert statuses == [11, 11, 11, 0]
