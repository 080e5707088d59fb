"""``scrapy verify`` and ``scrapy index`` as processes: statuses, output, live archives, files of other producers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from crawler.ledger import Ledger
from crawler.verifying import Checker, Task
from tests.conftest import ROOT, without_network_settings
from tests.peers import peer
from tests.smallpaper import SmallPaper, printing
from tests.test_warc_reader import by_fastwarc, by_warcio
from tests.test_warc_writer import write_every_kind
from warc.reader import read_records
from warc.verify import verify
from warc.writer import is_meta


def run(command: str, folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = without_network_settings() | {"SCRAPY_SETTINGS_MODULE": "crawler.settings", "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "scrapy", command, *map(str, arguments)]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = tmp_path_factory.mktemp("crawled") / "archive"
    with printing(SmallPaper(12), tmp_path_factory) as printer:
        assert printer.crawl(*printer.command, archive=archive, settings={"WARC_TARGET_SIZE": "6000"}).status == 0
    return archive


@pytest.fixture
def folder(crawled: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the archive under the name that ARCHIVE_DIR has."""
    shutil.copytree(crawled, tmp_path / "archive")
    return tmp_path


def test_a_sound_archive(folder: Path) -> None:
    done = run("verify", folder)
    assert (done.returncode, done.stderr) == (0, "")
    files = len(list((folder / "archive").rglob("*.warc.gz")))
    records = sum(len(list(read_records(path))) for path in (folder / "archive").rglob("*.warc.gz"))
    lines = files + 4  # rows, crawl log, log and report
    line = (
        f"sound: {files} WARC files, {records} records, 12 rows, 1 crawl logs, 1 reports, "
        f"{lines} files hashed, {lines} manifest lines\n"
    )
    assert done.stdout == line


def test_faults_are_lines(folder: Path) -> None:
    path = sorted((folder / "archive").rglob("*.warc.gz"))[1]
    path.write_bytes(path.read_bytes()[:-3])
    done = run("verify", folder)
    assert (done.returncode, done.stderr) == (1, "")
    *faults, last = done.stdout.splitlines()
    assert last.startswith(f"{len(faults)} faults in ")
    rows = [fault.split("\t") for fault in faults]
    name = path.relative_to(folder / "archive").as_posix()
    assert all(len(row) == 5 for row in rows)
    assert {(name, "gzip-cut"), (name, "file-size")} <= {(row[0], row[3]) for row in rows}
    assert done.stdout == run("verify", folder, folder / "archive").stdout.replace(f"{folder}/archive/", "")


def test_json(folder: Path) -> None:
    value = json.loads(run("verify", folder, "--json").stdout)
    assert (value["sound"], value["faults"], value["notes"]) == (True, [], [])
    assert value["counts"]["rows"] == 12
    path = sorted((folder / "archive" / "articles").rglob("*.jsonl"))[0]
    path.write_bytes(path.read_bytes().replace(b"2026-", b"2027-", 1))
    done = run("verify", folder, "--json")
    assert done.returncode == 1
    value = json.loads(done.stdout)
    assert value["sound"] is False
    assert {fault["rule"] for fault in value["faults"]} <= {"row-fields", "row-date", "row-id", "file-digest"}
    assert {fault["file"] for fault in value["faults"]} == {path.relative_to(folder / "archive").as_posix()}


@pytest.mark.slow
def test_fixity_keeps_the_date_of_each_check(folder: Path) -> None:
    archive = folder / "archive"
    path = sorted(archive.rglob("*.warc.gz"))[0]
    data = bytearray(path.read_bytes())
    data[5] ^= 1  # the clock in a gzip header: nothing but the digest can tell
    path.write_bytes(data)
    done = run("verify", folder, "--fixity")
    assert done.returncode == 1
    name = path.relative_to(archive).as_posix()
    assert [line.split("\t")[0::3] for line in done.stdout.splitlines()[:-1]] == [[name, "file-digest"]]
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT path, checked_at, sound FROM manifest").fetchall()
    assert {row[0] for row in rows if not row[2]} == {name}
    assert all(row[1].startswith("20") and row[1].endswith("Z") for row in rows)
    assert run("verify", folder).returncode == 1  # the plain check names it too, and keeps no date


@pytest.mark.slow
def test_indexes_are_made_once_and_checked(folder: Path) -> None:
    archive = folder / "archive"
    done = run("index", folder, "-o", "all.cdxj")
    warcs = sorted(path for path in archive.rglob("*.warc.gz") if not is_meta(path.name))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"scrapy: {len(warcs)} files indexed\n")
    indexes = sorted((archive / "indexes").rglob("*.cdxj"))
    assert [path.name for path in indexes] == [f"{path.name}.cdxj" for path in warcs]
    lines = (folder / "all.cdxj").read_bytes().splitlines(keepends=True)
    assert lines == sorted(line for path in indexes for line in path.read_bytes().splitlines(keepends=True))
    before = [path.stat().st_mtime_ns for path in indexes]
    assert run("index", folder, "-o", "-").stdout.encode().splitlines(keepends=True) == lines
    assert [path.stat().st_mtime_ns for path in indexes] == before
    assert f"{len(warcs)} indexes" in run("verify", folder).stdout
    assert run("verify", folder, "all.cdxj").returncode == 0
    (folder / "away").mkdir()
    shutil.copy(folder / "all.cdxj", folder / "away")
    assert run("verify", folder, "away/all.cdxj").returncode == 1  # none of the files lies beside it
    shutil.move(folder / "all.cdxj", archive / "indexes" / "all.cdxj")
    assert run("verify", folder).returncode == 0
    indexes[0].write_bytes(indexes[0].read_bytes().replace(b'"offset": "', b'"offset": "9', 1))
    found = run("verify", folder)
    assert {line.split("\t")[3] for line in found.stdout.splitlines()[:-1]} == {"index-record", "index-missing"}
    warcs[1].write_bytes(warcs[1].read_bytes()[:-3])
    os.utime(warcs[1])
    done = run("index", folder)
    assert done.returncode == 1
    assert "1 damaged" in done.stderr


@pytest.mark.slow
def test_a_live_archive(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Killed in the middle: what was committed is sound at once, before anybody tidies up, and afterwards."""
    archive = tmp_path_factory.mktemp("live") / "archive"
    with printing(SmallPaper(200, delay=0.02), tmp_path_factory) as printer:
        process = printer.crawl.start(*printer.command, archive=archive, settings={"WARC_TARGET_SIZE": "50000"})
        end = time.monotonic() + 60
        while len(printer.replica.requests) < 90:
            assert time.monotonic() < end
            time.sleep(0.01)
        live = run("verify", archive.parent)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        killed = run("verify", archive.parent)
        assert printer.crawl(*printer.command, archive=archive).status == 0
    assert (live.returncode, killed.returncode) == (0, 0), live.stdout + killed.stdout
    assert list(archive.rglob("*.open")) == []
    done = run("verify", archive.parent)
    assert done.returncode == 0, done.stdout
    assert "200 rows" in done.stdout


def test_an_archive_in_which_nothing_is_committed_yet(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "ledger.sqlite").close()
    done = run("verify", tmp_path, tmp_path)
    assert (done.returncode, done.stdout) == (0, "sound: nothing in it yet\n")


@pytest.mark.parametrize("seen", [False, True])
def test_a_file_that_is_closed_while_others_are_read(seen: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a file may change between the look at the folder and the reading, and just after another look."""
    archive = folder / "archive"
    if seen:
        monkeypatch.setattr(Path, "exists", lambda self: True)
    checker = Checker(get_project_settings())
    for kind, ending in (("warc", ".warc.gz"), ("rows", ".jsonl")):
        path = sorted((archive / ("warc" if kind == "warc" else "articles")).rglob(f"*{ending}"))[0]
        task = Task(
            kind, path.with_name(f"{path.name}.open"), f"{path.name}.open", archive, end=path.stat().st_size // 2
        )
        checked = checker.check(task)
        assert checked.findings == []
        assert checked.counts["records" if kind == "warc" else "rows"] > 3


@pytest.mark.slow
def test_files_of_other_producers(tmp_path: Path) -> None:
    by_warcio(tmp_path / "a.warc.gz")
    by_warcio(tmp_path / "b.warc", "WARC/1.1")
    (tmp_path / "in").mkdir()
    by_fastwarc(tmp_path / "in" / "c.warc.gz")
    write_every_kind(tmp_path)
    done = run("verify", tmp_path, ".")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("sound: 4 WARC files")
    assert run("verify", tmp_path, "a.warc.gz", "b.warc", "in").stdout.startswith("sound: 3 WARC files")
    (tmp_path / "a.warc.gz").write_bytes((tmp_path / "a.warc.gz").read_bytes()[:-1])
    done = run("verify", tmp_path, "a.warc.gz", "in")
    assert done.returncode == 1
    assert done.stdout.split("\t")[0] == "a.warc.gz"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "ARCHIVE_DIR: no folder 'archive'"),
        (["absent"], "no file or folder 'absent'"),
        (["."], "nothing to verify in ."),
        (["--fixity", "."], "'.' is no archive folder"),
        (["--quick"], "unknown option '--quick'"),
    ],
)
def test_usage_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    with pytest.raises(SystemExit) as ended:
        cmdline.execute(["scrapy", "verify", *arguments], get_project_settings())
    told = capfd.readouterr()
    assert (ended.value.code, told.out, len(told.err.splitlines())) == (2, "", 1)
    assert says in told.err
    assert list(tmp_path.iterdir()) == []


# --- Peers --------------------------------------------------------------------------------------------------------


class _Site(BaseHTTPRequestHandler):
    """A page with a link, an image, a redirect and a page in chunks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        pages = {"/": b'<a href="/tin">tin</a><a href="/di">di</a><img src="/anh.png">', "/tin": b"<p>l\xc3\xbaa"}
        if self.path == "/di":
            self.send_response(302)
            self.send_header("Location", "/tin")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/tin":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(pages["/tin"]), pages["/tin"]))
        else:
            body = pages.get(self.path, b"\x89PNG")
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if self.path in pages else "image/png")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("compressed", [True, False])
def test_what_wget_writes(tmp_path: Path, compressed: bool) -> None:
    if shutil.which("wget") is None:
        pytest.skip("no wget")
    options = [] if compressed else ["--no-warc-compression"]
    with site() as url:
        command = ["wget", "-q", "-r", "-p", "--warc-file=a", "--warc-cdx", "--no-proxy", *options, url]
        subprocess.run(command, cwd=tmp_path, timeout=60, check=False)
    [path] = [path for path in tmp_path.iterdir() if ".warc" in path.name]
    report = verify(path)
    assert report.faults == []
    assert report.records > 8
    assert run("verify", tmp_path, path.name).returncode == 0
    path.write_bytes(path.read_bytes()[:-30])
    assert run("verify", tmp_path, path.name).returncode == 1


@pytest.mark.slow
def test_what_wget_writes_of_a_second_visit(tmp_path: Path) -> None:
    """Revisits, of which wget writes the digest of nothing, and a meta file whose name may look like one of ours."""
    if shutil.which("wget") is None:
        pytest.skip("no wget")
    name = "tin-20261121100000-thu"
    with site() as url:
        for options in (["--warc-file=a", "--warc-cdx"], [f"--warc-file={name}", "--warc-dedup=a.cdx"]):
            command = ["wget", "-q", "-r", "-p", "--no-proxy", "--warc-max-size=1G", *options, url]
            subprocess.run(command, cwd=tmp_path, timeout=60, check=False)
    assert is_meta(f"{name}-meta.warc.gz")
    assert (tmp_path / f"{name}-meta.warc.gz").exists()
    assert "revisit" in {found.type for found in read_records(tmp_path / f"{name}-00000.warc.gz")}
    done = run("verify", tmp_path, ".")
    assert (done.returncode, done.stdout[:20]) == (0, "sound: 4 WARC files,")


@pytest.mark.slow
def test_what_warcprox_writes(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(peer("warcprox")), "-p", str(port), "-z", "-d", str(tmp_path / "warcs"), "--dedup-db-file=/dev/null"]
    with site() as url, subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            for page in ("", "tin", "di", "anh.png"):
                for _ in range(100):
                    asked = subprocess.run(
                        ["wget", "-q", "-O", os.devnull, "-e", f"http_proxy=http://127.0.0.1:{port}", url + page],
                        timeout=30,
                        check=False,
                    )
                    if asked.returncode == 0:
                        break
                    time.sleep(0.2)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    paths = list((tmp_path / "warcs").rglob("*.warc.gz"))
    assert paths
    for path in paths:
        report = verify(path)
        assert report.faults == []
        assert report.records >= 9
    assert run("verify", tmp_path, "warcs").returncode == 0
