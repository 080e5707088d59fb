"""Copies of an archive: made while it is crawled, gone on with, handed over, and spread over two disks."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bagit
import pytest
from scrapy.utils.project import get_project_settings

from crawler.backup import ABOUT, UNFINISHED, Damaged, back_up, why_no_backup
from crawler.bag import write_bag
from crawler.ledger_files import LEDGER
from crawler.verifying import check_archive
from tests.conftest import ROOT, without_network_settings
from tests.smallpaper import Printer, SmallPaper, check_all, printing
from tests.truth import rows_of
from warc.writer import OPEN


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with printing(SmallPaper(80, delay=0.05), tmp_path_factory) as one:
        yield one


@pytest.fixture(scope="module")
def crawled(printer: Printer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one scope, the second to its end."""
    archive = tmp_path_factory.mktemp("crawled") / "archive"
    assert printer.crawl(*printer.command, "-a", "max_articles=30", archive=archive).status == 11
    assert printer.crawl(*printer.command, archive=archive).status == 0
    return archive


def scrapy(*arguments: str, archive: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scrapy", *arguments, "-s", f"ARCHIVE_DIR={archive}"]
    env = without_network_settings()
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def faults(archive: Path) -> list[str]:
    return [finding.line() for finding in check_archive(archive, get_project_settings(), workers=1).findings]


def captures(archive: Path) -> int:
    try:
        with sqlite3.connect(f"file:{archive / LEDGER}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT COUNT(*) FROM captures").fetchone()[0])
    except sqlite3.Error:
        return 0


# --- While a crawl goes on ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_backups_of_a_live_crawl_are_gone_on_with(printer: Printer, tmp_path: Path) -> None:
    """Every backup, made at another moment, is sound and leads to the whole paper, each article once."""
    archive, target = tmp_path / "archive", tmp_path / "backup"
    settings = {"WARC_TARGET_SIZE": "20000"}  # many files: some are open, some are being closed
    process = printer.crawl.start(*printer.command, archive=archive, settings=settings)
    copies = []
    try:
        for number, wanted in enumerate((5, 25, 60)):
            until = time.monotonic() + 60
            while captures(archive) < wanted and time.monotonic() < until:
                time.sleep(0.02)
            back_up(archive, target)
            copies.append(Path(shutil.copytree(target, tmp_path / f"restored-{number}")))
    finally:
        assert process.wait(120) == 0
    assert len(rows_of(copies[0])) < len(rows_of(archive)) == len(printer.paper.articles)
    for copy in copies:
        assert faults(copy) == []
        assert list(copy.rglob(f"*{OPEN}"))  # it was made in the middle of a run
        before = captures(copy)
        assert printer.crawl(*printer.command, archive=copy).status == 0
        check_all(copy, printer.paper)
        assert captures(copy) >= before
        assert faults(copy) == []
    assert why_no_backup(archive, copies[0]) is not None  # somebody has crawled in it
    counts = back_up(archive, target)  # the crawl has ended
    assert 0 < counts["copied"] < counts["files"]
    assert not list(target.rglob(f"*{OPEN}"))
    assert faults(target) == []
    check_all(target, printer.paper)


@pytest.mark.slow
def test_what_is_there_is_copied_once(crawled: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    first, second = back_up(crawled, target), back_up(crawled, target)
    assert first["copied"] == first["files"] == second["files"]
    assert second["copied"] == 0
    assert faults(target) == []
    about = json.loads((target / ABOUT).read_bytes())
    assert (about["schema"], about["files"]) == ("backup/1", first["files"])
    assert rows_of(target) == rows_of(crawled)
    assert not (target / UNFINISHED).exists()
    assert not [path for path in target.rglob(".*") if path.is_file()]


@pytest.mark.slow
def test_a_file_that_is_not_what_it_was(crawled: Path, tmp_path: Path) -> None:
    archive = Path(shutil.copytree(crawled, tmp_path / "archive"))
    file = sorted(archive.rglob("*.jsonl"))[1]
    file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(Damaged, match="scrapy verify names"):
        back_up(archive, tmp_path / "backup")
    with pytest.raises(Damaged, match="scrapy verify names"):
        write_bag(archive, tmp_path / "bag", {})
    assert not (tmp_path / "bag").exists()
    assert not (tmp_path / ".bag.unfinished").exists()


@pytest.mark.slow
def test_a_backup_that_was_broken_off(crawled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "backup"
    copies = iter(range(3))

    def full(*_: object) -> None:
        if next(copies, None) is None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("crawler.backup.shutil.copystat", full)
    with pytest.raises(OSError, match="No space"):
        back_up(crawled, target)
    assert not (target / LEDGER).exists()
    monkeypatch.undo()
    assert why_no_backup(crawled, target) is None
    assert back_up(crawled, target)["copied"] >= 1
    assert faults(target) == []


@pytest.mark.slow
def test_refusals(crawled: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thư.txt").touch()
    (tmp_path / "file").touch()
    for target, said in (
        (crawled, "lie in each other"),
        (crawled / "backup", "lie in each other"),
        (crawled.parent, "lie in each other"),
        (other, "holds something else"),
        (tmp_path / "file", "is no folder"),
    ):
        assert said in (why_no_backup(crawled, target) or "")
    assert why_no_backup(crawled, tmp_path / "new") is None
    run = scrapy("backup", "-o", str(other), archive=crawled)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (3, "", 1)
    assert [path.name for path in other.iterdir()] == ["thư.txt"]


# --- A bag ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_bag(crawled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    about = ("-s", "OPERATOR=Thư viện Sông Trầm", "-s", "CONTACT=you@example.org")
    run = scrapy("export", "--format", "bag", "-o", str(folder), *about, archive=crawled)
    assert run.returncode == 0, run.stderr
    bag = bagit.Bag(str(folder))
    bag.validate()
    assert (bag.version, bag.info["Source-Organization"]) == ("1.0", "Thư viện Sông Trầm")
    size, files = map(int, bag.info["Payload-Oxum"].split("."))
    payload = [path for path in (folder / "data").rglob("*") if path.is_file()]
    assert (files, size) == (len(payload), sum(path.stat().st_size for path in payload))
    assert faults(folder / "data") == []
    assert rows_of(folder / "data") == rows_of(crawled)
    again = scrapy("export", "--format", "bag", "-o", str(folder), archive=crawled)
    assert (again.returncode, len(again.stderr.splitlines())) == (3, 1)
    write_bag(crawled, folder, {"External-Description": "hai\ndòng"})
    assert bagit.Bag(str(folder)).info["External-Description"] == "hai dòng"
    row = next((folder / "data" / "articles").rglob("*.jsonl"))
    copy = row.read_bytes()
    row.unlink()  # it is a hard link
    row.write_bytes(copy.replace(b"a", b"b", 1))
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(folder)).validate()
    assert faults(crawled) == []


@pytest.mark.slow
def test_a_bag_is_the_whole_archive(crawled: Path, tmp_path: Path) -> None:
    run = scrapy("export", "--format", "bag", "--latest", "-o", str(tmp_path / "bag"), archive=crawled)
    assert (run.returncode, len(run.stderr.splitlines())) == (2, 1)
    assert not list(tmp_path.iterdir())


# --- Two disks ------------------------------------------------------------------------------------------------------


def outputs(archive: Path, folder: Path) -> dict[str, bytes]:
    """What the commands that read the archive give, by command."""
    folder.mkdir()
    commands = {
        "index": ["index", "-o", str(folder / "all.cdxj")],
        "verify": ["verify"],
        "extract": ["extract", str(archive), "-o", str(folder / "rows.jsonl")],
        "wacz": ["wacz", "-o", str(folder / "all.wacz")],
        "export": ["export", "--format", "jsonl", "--full-text", "-o", str(folder / "export")],
        "backup": ["backup", "-o", str(folder / "backup")],
    }
    given = {}
    for name, command in commands.items():
        run = scrapy(*command, archive=archive)
        assert run.returncode == 0, (name, run.stderr)
        given[name] = run.stdout.encode() if name != "index" else b""
    given["rows"] = b"".join(sorted((folder / "rows.jsonl").read_bytes().splitlines()))
    given["cdxj"] = (folder / "all.cdxj").read_bytes()
    tables = sorted((folder / "export" / "articles").rglob("*.jsonl"))
    given["tables"] = b"".join(path.read_bytes() for path in tables)
    assert len(given["tables"]) > 10_000
    assert (folder / "all.wacz").stat().st_size > 10_000
    assert faults(folder / "backup") == []
    return given


@pytest.mark.slow
def test_files_that_were_moved_to_another_disk(crawled: Path, printer: Printer, tmp_path: Path) -> None:
    """The lines in docs/disk.md, and then every command as before."""
    archive = Path(shutil.copytree(crawled, tmp_path / "archive"))
    before = outputs(archive, tmp_path / "before")
    (script,) = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "disk.md").read_text("utf-8"), re.M | re.S)
    script = script.replace("/mnt/second/archive", str(tmp_path / "shelf"))
    for _ in range(2):  # given again it finds nothing to do
        subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, timeout=60)
    moved = [path for path in archive.rglob("*.warc.gz") if path.is_symlink()]
    assert len(moved) == len(list(archive.rglob("*.warc.gz"))) >= 4
    assert outputs(archive, tmp_path / "after") == before
    assert scrapy("rebuild", archive=archive).returncode == 0
    assert faults(archive) == []
    assert printer.crawl(*printer.command, archive=archive).status == 0  # a new pass
    check_all(archive, printer.paper)
    assert faults(archive) == []
