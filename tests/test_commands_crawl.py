"""``scrapy crawl``: what it refuses, before anything is opened or created, and how it says how a run ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from crawler.lock import FolderLock
from tests.conftest import ROOT, without_network_settings

CONTACT = ("-s", "CONTACT=thu@bao.example")

# What is written after "scrapy crawl", and what the one line must say.
USAGE = [
    ([], "name a spider: choose from"),
    (["baomoi"], "unknown spider 'baomoi': choose from"),
    (["baoquocte", "vietnamvn"], "one spider at a time: choose from"),
    (["baoquocte", "--frobnicate"], "unknown option '--frobnicate'"),
    (["baoquocte", "-x", *CONTACT], "unknown option '-x'"),
    (["baoquocte", "-a"], "argument -a: expected one argument"),
    (["baoquocte", "-a", "seeds"], "use -a NAME=VALUE"),
    (["baoquocte", "-s", "HOST_DELAY"], "use -s NAME=VALUE"),
    (["baoquocte", "-a", "tags=a-1", "-a", "tags=b-2"], "'tags' is given twice"),
    (["baoquocte", "-a", "max_article=3"], "unknown argument 'max_article': choose from seeds, tags"),
    (["baoquocte", "-a", "max_articles=-3"], "max_articles='-3' is not a whole number from 1"),
    (["baoquocte", "-a", "seeds=@no-such-file"], "cannot read 'no-such-file'"),
    (["baoquocte", "-a", "seeds=https://vietnam.vn/a"], "is not on baoquocte.vn"),
    (["baoquocte", "-a", "tags=galatasaray"], "tags: tag 'galatasaray' has no number"),
    (["baoquocte", "-a", "categories=../../etc/passwd"], "looks like a file path"),
    (["baoquocte", "-a", "follow=all"], "unknown link kind 'all'"),
    (["baoquocte", "-a", "since=yesterday"], "write YYYY-MM-DD"),
    (["baoquocte", "-a", "since=2026-02-02", "-a", "until=2026-02-01"], "is after until"),
    (["baoquocte", "-a", "languages=ko"], "has no 'ko' edition: choose from vi, en"),
    (["baoquocte", "-a", "recrawl=yes"], "choose from auto, never, all"),
    (["baoquocte", "-a", "capture=page"], "not available yet"),
    (["baoquocte", "-a", "_job=a/b"], "_job='a/b'"),
    (["baoquocte", "-a", "tags=" + "x" * 5000], "longer than 200 letters"),
    (["baoquocte"], "CONTACT is not set, and baoquocte.vn would be asked"),
    (["baoquocte", "-s", "CONTACT=somebody"], "CONTACT='somebody' is neither a mail address nor"),
    (["baoquocte", "-s", "CONTACT=a@b.vn)\r\nX: y"], "is neither a mail address nor"),
    (["baoquocte", *CONTACT, "-s", "ARCHIVE_DIR="], "ARCHIVE_DIR='' names no folder"),
    (["baoquocte", *CONTACT, "-s", "HOST_DELAY=fast"], "HOST_DELAY='fast' is not a number"),
    (["baoquocte", *CONTACT, "-s", "HOST_DELAY=nan"], "HOST_DELAY='nan' is not a number"),
    (["baoquocte", *CONTACT, "-s", "CONCURRENT_REQUESTS=0"], "CONCURRENT_REQUESTS='0' is not a whole number from 1"),
    (["baoquocte", *CONTACT, "-s", "RESPONSE_DEADLINE=-1"], "RESPONSE_DEADLINE='-1' is not a number"),
    (["baoquocte", *CONTACT, "-s", "DOWNLOAD_MAXSIZE=0"], "DOWNLOAD_MAXSIZE='0' is not a whole number from 1"),
    (["baoquocte", *CONTACT, "-s", "WARC_TARGET_SIZE=1e9"], "WARC_TARGET_SIZE='1e9' is not a whole number"),
    (["baoquocte", *CONTACT, "-s", "ALLOWED_PRIVATE_HOSTS=127.0.0.1"], "'127.0.0.1' is not host:port"),
    (["baoquocte", *CONTACT, "-s", "USER_AGENT=Bot\r\nX: y"], "USER_AGENT='Bot"),
    (["baoquocte", *CONTACT, "-L", "LOUD"], "LOG_LEVEL='LOUD': choose from CRITICAL"),
    (["baoquocte", *CONTACT, "-o", "rows.foo"], "Unrecognized output format 'foo'"),
    (["baoquocte", *CONTACT, "-o", "a.jsonl", "-O", "b.jsonl"], "only one of -o/--output and -O"),
    (["baoquocte", *CONTACT, "-s", "FEEDS={"], "use -s NAME=VALUE"),
]
OUTPUT = [
    (["-s", "ARCHIVE_DIR=taken"], "taken is not a folder; free the path or set -s ARCHIVE_DIR=PATH"),
    (["-s", "ARCHIVE_DIR=taken/below"], "taken is not a folder"),
    (["-s", "ARCHIVE_DIR=" + "a" * 300], "File name too long"),
    (["-o", "taken/rows.jsonl"], "taken is not a folder; name a file that can be written"),
    (["-O", "folder:jsonl"], "folder is a folder; name a file that can be written"),
    (["--logfile", "nowhere/a.log"], "nowhere is no folder"),
    (["--pidfile", "nowhere/a.pid"], "nowhere is no folder"),
]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> "Refused":  # noqa: UP037
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    return Refused(tmp_path, monkeypatch, capfd)


class Refused:
    """Calls the command in this process; one that is not refused fails instead of crawling."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capture = capture
        patch.setattr(cmdline, "AsyncCrawlerProcess", self._begun)

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Exit status and the one line on stderr."""
        before = files(self._folder)
        with pytest.raises(SystemExit) as ended:
            cmdline.execute(["scrapy", "crawl", *arguments], get_project_settings())
        told = self._capture.readouterr()
        assert told.out == ""
        assert told.err.endswith("\n")
        assert len(told.err.splitlines()) == 1, told.err
        assert files(self._folder) == before
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.err

    def _begun(self, *_: object) -> None:
        pytest.fail("the crawl was begun")


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(("arguments", "says"), USAGE)
def test_usage(refused: Refused, arguments: list[str], says: str) -> None:
    status, line = refused(*arguments)
    assert status == 2
    assert says in line


@pytest.mark.parametrize(("arguments", "says"), OUTPUT)
def test_output_that_cannot_be_written(refused: Refused, tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "taken").write_text("")
    (tmp_path / "folder").mkdir()
    status, line = refused("baoquocte", *CONTACT, *arguments)
    assert status == 3
    assert says in line


def test_locked(refused: Refused, tmp_path: Path) -> None:
    with FolderLock(tmp_path / "archive", "baoquocte", "the-other-job"):
        status, line = refused("baoquocte", *CONTACT)
    assert status == 4
    assert f"job the-other-job, process {os.getpid()} on" in line


def test_the_reason_stands_in_the_log_of_the_job_too(refused: Refused, tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    log.write_text("")
    _, line = refused("baoquocte", "-a", "_job=j1", "-a", "_version=r1", "-a", "since=x", "-s", f"LOG_FILE={log}")
    assert log.read_text() == line


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["baoquocte", "-a", "sinc=2026-01-01"], 2, "unknown argument 'sinc'"),
        (["baoquocte", "--frobnicate"], 2, "unknown option"),
        (["baoquocte", *CONTACT, "-s", "ARCHIVE_DIR=/dev/null"], 3, "/dev/null is not a folder"),
    ],
)
def test_in_a_process_of_its_own(tmp_path: Path, arguments: list[str], status: int, says: str) -> None:
    run = scrapy("crawl", *arguments, folder=tmp_path)
    assert run.returncode == status
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert says in run.stderr
    assert files(tmp_path) == []


def scrapy(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = without_network_settings() | {"SCRAPY_SETTINGS_MODULE": "crawler.settings", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
