"""A disk that is full, closed or damaged: status 3 and one line; nothing is lost, and the same command goes on."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT, Crawl
from tests.smallpaper import Printer, SmallPaper, check_all, killed_with_captured_pages, printing
from tests.truth import rows_of
from warc.verify import verify

MEGABYTE = 1_000_000


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Callable[[str], None]]:
    """A small file system in memory; call the result to mount it again with other options."""

    def mount(options: str) -> None:
        run = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if run.returncode:
            pytest.skip(f"mount is refused here: {run.stderr.strip()}")

    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    mount(",".join(options))
    try:
        yield lambda changed: mount(f"remount,{changed}")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def told(run: Crawl) -> str:
    """The one line that a run which had trouble says on stderr, beside its log."""
    assert run.status == 3, run.stderr[-3000:]
    assert "Traceback" not in run.stderr, run.stderr[-3000:]
    lines = [line for line in run.stderr.splitlines() if line.startswith("scrapy: ")]
    assert len(lines) == 1, lines
    assert lines[0].endswith("then the same command goes on")
    return lines[0]


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with printing(SmallPaper(60), tmp_path_factory) as printer:
        yield printer


@pytest.mark.parametrize(
    ("articles", "weight", "step"),
    [
        pytest.param(60, 40_000, 2, id="in-a-record", marks=pytest.mark.slow),
        pytest.param(600, 0, 2, id="in-the-ledger", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_that_is_made_larger(
    articles: int,
    weight: int,
    step: int,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive, runs, size = tmp_path / "disk" / "archive", 0, 2 * MEGABYTE
    with (
        mounted(tmp_path / "disk", f"size={size}") as remount,
        printing(SmallPaper(articles, weight=weight), tmp_path_factory) as printer,
    ):
        while (run := printer.crawl(*printer.command, archive=archive)).status != 0:
            assert "make room" in told(run)
            assert str(archive) in told(run)
            assert all(verify(file) for file in archive.rglob("*.warc.gz"))
            runs, size = runs + 1, size + step * MEGABYTE
            assert runs < 20
            remount(f"size={size}")
        check_all(archive, printer.paper)
        again = printer.asked().total() - len(printer.asked())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{runs} times full from 2 to {size / 1e6:.0f} MB, each time status 3; {articles} of {articles} "
            f"articles archived once, {again} pages asked again\n"
        )
    assert runs > 0


def file(name: str, content: bytes = b"") -> Callable[[Path], None]:
    """Put a file where the archive wants something else."""

    def put(archive: Path) -> None:
        (archive / name).write_bytes(content)

    return put


def folder(name: str) -> Callable[[Path], None]:
    return lambda archive: (archive / name).mkdir()


# What is in the way, what the line says, and what has to go.
IN_THE_WAY = [
    pytest.param(folder("ledger.sqlite"), "unable to open database file", "ledger.sqlite", id="ledger-is-a-folder"),
    pytest.param(folder("ledger.sqlite-wal"), "see whether the disk works", "ledger.sqlite-wal", id="log-is-a-folder"),
    pytest.param(folder("ledger.sqlite-shm"), "make it writable", "ledger.sqlite-shm", id="no-shared-memory"),
    pytest.param(file("ledger.sqlite", b"vo" * 999), "scrapy rebuild", "ledger.sqlite", id="ledger-is-no-ledger"),
    pytest.param(file("warc"), "warc", "warc", id="warc-is-a-file"),
    pytest.param(file("articles"), "articles", "articles", id="articles-is-a-file"),
    pytest.param(file("locks"), "locks", "locks", id="locks-is-a-file"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("put", "says", "remove"), IN_THE_WAY)
def test_something_is_in_the_way(
    put: Callable[[Path], None], says: str, remove: str, printer: Printer, tmp_path: Path
) -> None:
    put(tmp_path)
    run = printer.crawl(*printer.command, archive=tmp_path)
    assert run.status == 3, run.stderr[-3000:]
    line = run.stderr.splitlines()[-1]
    assert says in line
    assert str(tmp_path) in line
    place = tmp_path / remove
    place.rmdir() if place.is_dir() else place.unlink()
    assert printer.crawl(*printer.command, archive=tmp_path).status == 0
    check_all(tmp_path, printer.paper)


def limit_handles(pid: int) -> None:
    """Leave a process the open files that it has, and not one more."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))


@pytest.mark.slow
@pytest.mark.parametrize("pages", [1, 40])
def test_no_more_open_files(pages: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    log, archive = tmp_path / "log", tmp_path / "archive"
    settings = {"WARC_TARGET_SIZE": "3000", "CONCURRENT_REQUESTS_PER_DOMAIN": "8"}  # new files and connections
    with printing(SmallPaper(200, delay=0.02), tmp_path_factory) as printer:
        process = printer.crawl.start(*printer.command, archive=archive, settings=settings, stderr=log)
        while len(printer.replica.requests) < pages:
            time.sleep(0.01)
        limit_handles(process.pid)
        status = process.wait(60)
        line = told(Crawl(status, "", log.read_text("utf-8"), archive))
        assert "allow more open files (ulimit -n)" in line
        assert printer.crawl(*printer.command, archive=archive).status == 0
        check_all(archive, printer.paper)


@pytest.mark.slow
def test_few_open_files_from_the_start(printer: Printer, tmp_path: Path) -> None:
    statuses = []
    for limit in range(11, 30, 2):
        command = printer.crawl.command(printer.command[0], printer.command[1:], tmp_path, {})
        limited = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", *command]
        run = subprocess.run(
            limited, cwd=ROOT, env=printer.crawl.replica.environment(), capture_output=True, timeout=60, check=False
        )
        statuses.append(run.returncode)
        if run.returncode == 0:  # never said before everything is there
            break
    else:
        assert printer.crawl(*printer.command, archive=tmp_path).status == 0
    check_all(tmp_path, printer.paper)
    assert 3 in statuses, statuses


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(printer: Printer, tmp_path: Path) -> None:
    with mounted(tmp_path / "articles", "ro,size=1m"):
        line = told(printer.crawl(*printer.command, archive=tmp_path))
    assert f"{tmp_path}/articles" in line
    assert "make it writable" in line
    assert printer.crawl(*printer.command, archive=tmp_path).status == 0
    check_all(tmp_path, printer.paper)


@pytest.mark.slow
def test_a_disk_that_cannot_be_written_is_refused_before_anything_is_asked(printer: Printer, tmp_path: Path) -> None:
    before = len(printer.replica.requests)
    with mounted(tmp_path / "disk", "ro,size=1m"):
        run = printer.crawl(*printer.command, archive=tmp_path / "disk")
    assert run.status == 3
    why = f"{tmp_path}/disk is not writable; free the path or set -s ARCHIVE_DIR=PATH"
    assert run.stderr == f"scrapy: ARCHIVE_DIR: {why}\n"
    assert len(printer.replica.requests) == before


@pytest.mark.slow
def test_a_captured_page_whose_file_is_gone_is_asked_again(printer: Printer, tmp_path: Path) -> None:
    archive = killed_with_captured_pages(printer, tmp_path)
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        query = "SELECT u.url FROM frontier f JOIN urls u ON u.url_id = f.url_id WHERE f.state = 'captured'"
        captured = {url for (url,) in ledger.execute(query)}
    for gone in archive.rglob("*.warc.gz"):
        gone.unlink()
    before = len(printer.replica.requests)
    run = printer.crawl(*printer.command, archive=archive)
    assert run.status == 0
    assert captured <= set(printer.asked(before))
    assert "cannot be read back and is asked again" in run.stderr
    assert {row["url"] for row in rows_of(archive)} == set(printer.paper.articles)
