"""``scrapy crawl``: what it refuses, before anything is opened or created, and how it says how a run ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scrapy import cmdline
from scrapy.settings import Settings
from scrapy.utils.project import get_project_settings

from crawler.lock import FolderLock
from tests.conftest import ROOT, Crawler, without_network_settings

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
    (["baoquocte", "-a", "render=some"], "render='some': choose from never, lists, all"),
    (["baoquocte", "-a", "render=all", *CONTACT, "-s", "CHROMIUM=/no/such"], "CHROMIUM: /no/such is no program"),
    (["baoquocte", *CONTACT, "-s", "BROWSER_PAGES=0"], "BROWSER_PAGES='0' is not a whole number from 1"),
    (["baoquocte", "-a", "_job=a/b"], "_job='a/b'"),
    (["baoquocte", "-a", "tags=" + "x" * 5000], "longer than 200 letters"),
    (["baoquocte"], "CONTACT is not set, and baoquocte.vn would be asked"),
    (["news", "-a", "seeds=http://127.0.0.1/,http://10.0.0.1/"], "CONTACT is not set, and 10.0.0.1 would be asked"),
    (["news"], "news has no front page of its own"),
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
    (["baoquocte", *CONTACT, "-s", "RECRAWL_INTERVALS=1d:1h"], "RECRAWL_INTERVALS: the last part has no age"),
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


class Begun(Exception):
    """All checks are passed."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["news", "-a", "seeds=http://127.0.0.1:8000/a,http://localhost/b,http://[::1]:81/"],
        ["baoquocte", *CONTACT, "-a", "tags=galatasaray-168815", "-a", "_version=r1", "-o", "rows.jsonl"],
        ["baoquocte", "-s", "CONTACT=https://bao.example/bot", "-a", "since=2026-01-01", "-O", "-:jl"],
    ],
)
def test_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    def begin(settings: Settings) -> None:
        raise Begun(settings["USER_AGENT"], settings["JOB"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    monkeypatch.setattr(cmdline, "AsyncCrawlerProcess", begin)
    with pytest.raises(Begun) as begun:
        cmdline.execute(["scrapy", "crawl", *arguments], get_project_settings())
    agent, job = begun.value.args
    assert agent.startswith("BaoQuan/")
    assert ("bao.example" in agent) == ("news" not in arguments)
    held = json.loads((tmp_path / "archive" / "locks" / f"{arguments[0]}.lock").read_text())
    assert held == {"job": job, "pid": os.getpid(), "host": socket.gethostname()}


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


# --- How a run ends, through the replica --------------------------------------------------------------------------

LIST = "seeds=https://baoquocte.vn/thoi-su"


def an_article(crawl: Crawler) -> str:
    """Address of one plain Vietnamese article."""
    articles = crawl.replica.truth["sites"]["baoquocte.vn"]["articles"].values()
    return next(a["url"] for a in articles if a["kind"] == "article" and a["language"] == "vi")


def test_finished(crawl: Crawler, tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    run = crawl("baoquocte", "-a", f"seeds={an_article(crawl)}", "-a", "follow=none", "-o", str(output))
    assert run.status == 0, run.stderr
    assert run.stdout == ""
    assert "Ended (finished)" in run.stderr
    assert "Answers by status: 200 2" in run.stderr  # robots.txt and the article
    [rows] = (run.archive / "articles").rglob("*.jsonl")
    assert output.read_bytes() == rows.read_bytes()
    assert len(output.read_bytes().splitlines()) == 1


def test_rows_on_stdout_and_nothing_else(crawl: Crawler) -> None:
    run = crawl("baoquocte", "-a", f"seeds={an_article(crawl)}", "-a", "follow=none", "-o", "-:jsonl")
    assert run.status == 0, run.stderr
    [rows] = (run.archive / "articles").rglob("*.jsonl")
    assert run.stdout.encode() == rows.read_bytes()


def test_stopped_with_work_left(crawl: Crawler) -> None:
    run = crawl("baoquocte", "-a", LIST, "-a", "max_articles=1", "-a", "_job=job-1")
    assert run.status == 11, run.stderr
    assert "the same command goes on" in run.stderr
    [rows] = (run.archive / "articles").rglob("*.jsonl")
    [row] = map(json.loads, rows.read_bytes().splitlines())
    assert row["run"] == "job-1"
    assert "job-1" in rows.name


def test_an_output_that_fails(crawl: Crawler) -> None:
    run = crawl("baoquocte", "-a", f"seeds={an_article(crawl)}", "-a", "follow=none", "-o", "/dev/full:jsonl")
    assert run.status == 3
    assert run.stderr.splitlines()[-1].startswith("scrapy: -o: /dev/full: No space left on device; the archive has all")
    [rows] = (run.archive / "articles").rglob("*.jsonl")
    assert len(rows.read_bytes().splitlines()) == 1


@pytest.mark.slow
def test_an_archive_that_cannot_grow(crawl: Crawler) -> None:
    limit = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)); "
    archive = crawl.new_archive()
    _, _, _, *arguments = crawl.command("baoquocte", ["-a", LIST], archive, {})
    run = subprocess.run(
        [sys.executable, "-c", limit + "runpy.run_module('scrapy', run_name='__main__')", *arguments],
        cwd=ROOT,
        env=crawl.replica.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 3, run.stderr
    assert str(archive) in run.stderr.splitlines()[-1]


@pytest.mark.slow
def test_an_internal_error(crawl: Crawler) -> None:
    run = crawl("baoquocte", "-a", LIST, settings={"SCHEDULER": "crawler.no.Such"})
    assert run.status == 1
    assert run.stderr.splitlines()[-1] == "scrapy: internal error: ModuleNotFoundError: No module named 'crawler.no'"


@pytest.mark.slow
def test_a_stop_signal_and_a_second_process(crawl: Crawler, tmp_path: Path) -> None:
    archive, log = crawl.new_archive(), tmp_path / "log"
    slow = {"HOST_DELAY": "0.3"}
    first = crawl.start("baoquocte", "-a", LIST, "-a", "_job=first", archive=archive, settings=slow, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not list(archive.rglob("*.warc.gz*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        second = crawl("baoquocte", "-a", LIST, archive=archive)
        assert second.status == 4
        assert f"job first, process {first.pid} on" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 11
    finally:
        first.kill()
        first.wait()
    assert "Ended (shutdown)" in log.read_text()


def test_nothing_heavy_is_imported_before_it_is_needed(crawl: Crawler) -> None:
    """The first request goes out within a second of the start; on a busy machine only its causes can be held."""
    heavy = {"trafilatura", "readability", "resiliparse", "dateparser", "htmldate", "playwright", "rich", "pandas"}
    told = f"import atexit, runpy, sys; atexit.register(lambda: print(sorted({heavy!r} & set(sys.modules)))); "
    arguments = ["-a", f"seeds={an_article(crawl)}", "-a", "follow=none"]
    _, _, _, *command = crawl.command("baoquocte", arguments, crawl.new_archive(), {})
    run = subprocess.run(
        [sys.executable, "-c", told + "runpy.run_module('scrapy', run_name='__main__')", *command],
        cwd=ROOT,
        env=crawl.replica.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr
