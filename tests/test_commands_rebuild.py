"""``scrapy rebuild``: the ledger made again says what the lost one said, and the crawl goes on from there."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from crawler.ledger import Ledger
from crawler.lock import FolderLock
from crawler.rebuild_draft import put_in_place
from crawler.rebuild_read import LinesFound, WarcFound, files_of, job_of
from tests.changing import HTML, LIST, Press, address, article, listing, printing
from tests.conftest import Crawler, replica_at
from tests.replica.server import Answer
from tests.truth import rows_of
from warc import record
from warc.message import read_message
from warc.reader import read_records
from warc.record import Visit
from warc.writer import WarcFile, is_meta

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Calls the command in this process; status, stdout, stderr."""
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cmdline.execute(["scrapy", "rebuild", *arguments], get_project_settings())
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x"], "no arguments"),
        (["--frobnicate"], "unknown option"),
        (["-s", "ARCHIVE_DIR=elsewhere"], "elsewhere holds no warc folder"),
        (["--spider", "vietnamvn"], "--spider 'vietnamvn' has no files here: choose from baoquocte"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "archive/warc/baoquocte").mkdir(parents=True)
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["archive", "warc", "baoquocte"]


@pytest.mark.parametrize("spider", ["baoquocte", "vietnamvn", "gone-by-now"])
def test_a_crawl_that_runs(run: Run, tmp_path: Path, spider: str) -> None:
    """Whichever spider it is: all write to the one ledger."""
    (tmp_path / "archive/warc/baoquocte").mkdir(parents=True)
    with FolderLock(tmp_path / "archive", spider, "job7"):
        status, out, err = run()
    assert (status, out) == (4, "")
    assert "is held by job job7" in err
    assert not list(tmp_path.rglob("*.sqlite*"))
    with FolderLock(tmp_path / "archive", spider, "job8"):  # nobody holds it any longer
        pass


# --- Files ----------------------------------------------------------------------------------------------------------

DATE = "2026-11-21T05:00:00Z"


def warc_file(folder: Path, captures: int, fields: dict[str, str] | None = None) -> WarcFile:
    """A file of whole captures, still open."""
    path = folder / "warc/baoquocte/baoquocte-20261121050000-00000-j1.warc.gz"
    path.parent.mkdir(parents=True)
    file = WarcFile(path, fields or {"isPartOf": "j1"})
    for number in range(captures):
        file.append(capture(number))
    return file


def capture(number: int) -> list[record.WarcRecord]:
    visit = Visit(address(number), DATE)
    main = record.response(visit, read_message(b"HTTP/1.1 200 OK\r\nETag: e\r\nContent-Length: 2\r\n\r\n%02d" % number))
    tied = [main.record_id]
    asked = record.request(visit, b"GET / HTTP/1.1\r\nHost: baoquocte.vn\r\n\r\n", concurrent_to=tied)
    return [main, asked, record.metadata(visit, {"kind": "article", "pass": "1"}, concurrent_to=tied)]


def test_a_capture_is_known_by_its_metadata(tmp_path: Path) -> None:
    path = warc_file(tmp_path, 2).close()
    assert path is not None
    file = WarcFound(path, "warc/x")
    found = list(file.captures())
    assert [one.url for one in found] == [address(0), address(1)]
    assert found[0].facts == {"kind": "article", "pass": "1"}
    known = found[1].capture
    assert known is not None
    assert (known.file, known.status, known.etag, known.run) == ("warc/x", 200, "e", "j1")
    assert (file.end, file.records, file.damage) == (path.stat().st_size, 7, None)


@pytest.mark.parametrize("cut", [1, 40, 400])  # bytes of the last capture that are missing
def test_of_an_open_file_whole_captures_count(tmp_path: Path, cut: int) -> None:
    writing = warc_file(tmp_path, 2)
    end = writing.size
    writing.append(capture(2))
    writing.abandon()
    with writing.open_path.open("r+b") as file:
        file.truncate(writing.size - cut)
    read = WarcFound(writing.open_path, "x")
    assert len(list(read.captures())) == 2
    assert (read.end, read.records) == (end, 7)
    assert read.damage


def test_an_open_file_that_ends_between_records(tmp_path: Path) -> None:
    """Nothing is damaged, and the last capture lacks its metadata all the same."""
    writing = warc_file(tmp_path, 2)
    end = writing.size
    writing.append(capture(2)[:2])
    writing.abandon()
    read = WarcFound(writing.open_path, "x")
    assert len(list(read.captures())) == 2
    assert (read.end, read.damage) == (end, None)


@pytest.mark.parametrize(("name", "end", "records"), [("a.jsonl", 29, 3), ("a.jsonl.open", 9, 1)])
def test_lines(tmp_path: Path, name: str, end: int, records: int) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"a": 1}\n["no object"]\n{"b"}\n')
    read = LinesFound(path, "x")
    assert list(read.lines()) == [({"a": 1}, 0, 9)]
    assert (read.end, read.records) == (end, records)
    assert read.damage


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b/2.warc.gz", "a/1.warc.gz.open", "a/0.warc.gz", "a/note.txt", "stray.warc.gz"):
        (tmp_path / "warc" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "warc" / name).touch()
    found = [(spider, name) for spider, _, name in files_of(tmp_path, "warc")]
    assert found == [("a", "warc/a/0.warc.gz"), ("a", "warc/a/1.warc.gz"), ("b", "warc/b/2.warc.gz")]
    assert [spider for spider, _, _ in files_of(tmp_path, "warc", ["b"])] == ["b"]
    assert job_of("articles/a/20261121050000-2026-j_1.jsonl") == "2026-j_1"


def test_no_log_of_the_old_ledger_stays_beside_the_new_one(tmp_path: Path) -> None:
    path, new = tmp_path / "ledger.sqlite", tmp_path / "ledger.sqlite.new"
    path.write_bytes(b"no database")
    (tmp_path / "ledger.sqlite-wal").write_bytes(b"log")
    new.write_bytes(b"new")
    kept = put_in_place(new, path)
    assert kept is not None
    assert path.read_bytes() == b"new"
    assert kept.read_bytes() == b"no database"
    assert Path(f"{kept}-wal").read_bytes() == b"log"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.sqlite", kept.name, f"{kept.name}-wal"]
    new.write_bytes(b"newer")
    path.unlink()
    assert put_in_place(new, path) is None


def test_a_file_of_another_program_is_taken_in(run: Run, tmp_path: Path) -> None:
    """No facts of ours: the captures are known, and nothing is taken for a page of ours."""
    file = warc_file(tmp_path / "archive", 0, {"software": "other"})
    visit = Visit(address(1), DATE)
    main = record.response(visit, read_message(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"))
    file.append([main, record.request(visit, b"GET / HTTP/1.1\r\n\r\n", concurrent_to=[main.record_id])])
    file.close()
    for ending in ("", "-wal"):  # what a rebuild that was killed left behind
        (tmp_path / f"archive/ledger.sqlite.new{ending}").write_bytes(b"half of it")
    status, out, err = run()
    assert (status, err) == (0, "")
    assert [path.name for path in (tmp_path / "archive").glob("ledger*")] == ["ledger.sqlite"]
    assert ": 1 file, 1 capture, 0 rows, 0 events, 1 run\n" in out
    ledger = Ledger.open(tmp_path / "archive/ledger.sqlite", read_only=True)
    known = ledger.capture_of_url(address(1))
    ledger.close()
    assert known is not None
    assert (known.record_id, known.url_id) == (main.record_id, None)


def test_a_file_that_names_no_scope_is_taken_in(run: Run, tmp_path: Path) -> None:
    """Its pages are known and not asked before they are due, though no frontier can hold them."""
    warc_file(tmp_path / "archive", 2).close()
    status, _, err = run()
    assert (status, err) == (0, "")
    ledger = Ledger.open(tmp_path / "archive/ledger.sqlite", read_only=True)
    known = ledger.capture_of_url(address(1))
    ledger.close()
    assert known is not None
    assert known.url_id is not None


# --- A lost ledger --------------------------------------------------------------------------------------------------

# What the ledger made again has to hold like the one before. Numbers of URLs and scopes may differ, and the order of
# commits, which no file holds.
TABLES = {
    "captures": """SELECT c.record_id, u.url, c.url, c.url_hash, file, file_offset, length, record_type, original_id,
        status, payload_digest, truncated, mime, etag, last_modified, captured_at, run, reading
        FROM captures c LEFT JOIN urls u ON u.url_id = c.url_id""",
    "versions": """SELECT article_id, version, row_id, record_id, file, file_offset, length, content_digest, fields,
        page, page_number, captured_at, run FROM versions""",
    "articles": "SELECT * FROM articles",
    "events": "SELECT event_id, article_id, url, at, kind, status, record_id, run FROM events",
    "files": "SELECT * FROM files",
    "manifest": "SELECT number, path, sha256, line_sha256, line_end FROM manifest",
    "texts": "SELECT article_id, spider, role, waits_for FROM texts",
    "bands": "SELECT b.band, t.article_id FROM bands b JOIN texts t ON t.text_id = b.text_id",
    "sources": "SELECT * FROM sources",
    "scopes": "SELECT spider, arguments, pass FROM scopes",
    "runs": "SELECT job, spider, pass, arguments FROM runs",
    "frontier": """SELECT u.fingerprint, u.url, u.host, u.due_at, f.pass, f.state, f.kind, f.depth, f.via, f.hop_path,
        f.seed, f.channel, f.host, f.record_id FROM frontier f JOIN urls u ON u.url_id = f.url_id""",
}
# A page without an article stays without one: why is read again for the last run only.
REASONS = "SELECT u.url, f.reason FROM frontier f JOIN urls u ON u.url_id = f.url_id"


def tables(archive: Path) -> dict[str, set[tuple[Any, ...]]]:
    with sqlite3.connect(archive / "ledger.sqlite") as db:
        found = {name: db.execute(query).fetchall() for name, query in TABLES.items()}
    db.close()
    return {name: set(rows) for name, rows in found.items()}


def lose(archive: Path) -> None:
    for file in archive.glob("ledger.sqlite*"):
        file.unlink()


def edition(press: Press) -> None:
    """A list of articles: plain, related, walled, gone, moved, no article at all; and what an old list promised."""
    paper, numbers = press.paper, range(1, 9)
    for number in numbers:
        paper.put(address(number), article(number), etag="3" if number == 3 else None)
    paper.put(LIST, listing([*map(address, numbers), address(40), address(42)]), etag="list")
    paper.put(address(40), "<title>Không tìm thấy bài viết</title>")
    paper.redirect(address(42), address(43))
    paper.put(address(43), article(43))


def next_edition(press: Press) -> None:
    paper = press.paper
    paper.put(address(1), article(1, "Gió đã đổi chiều."))
    del paper.pages[address(2)]
    paper.redirect(address(4), address(4, "ten-moi"))
    paper.put(address(4, "ten-moi"), article(4))
    paper.redirect(address(5), address(55))
    paper.put(address(55), article(55))
    paper.put(address(6), "<title>403</title>", status=403)


@pytest.fixture
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    with printing(tmp_path_factory) as press:
        yield press


@pytest.mark.slow
def test_the_ledger_again_and_the_crawl_after_it(press: Press, run: Run) -> None:
    folder = ("-s", f"ARCHIVE_DIR={press.archive}")
    for news in (edition, next_edition):
        news(press)
        press.crawl("-a", "recrawl=all")
    before, reasons = tables(press.archive), dict(press.ask(REASONS))
    lose(press.archive)
    status, out, err = run(*folder)
    assert (status, err) == (0, "")
    assert "archived and not read" not in out
    after = tables(press.archive)
    for name, rows in before.items():
        assert after[name] == rows, name
    assert dict(press.ask(REASONS)) == reasons

    # The same crawl: no article is due, so none is asked; nothing is written or told again.
    rows, events, since = press.lines("articles"), press.lines("events"), len(press.replica.requests)
    press.crawl()
    assert set(press.asked(since)) == {LIST, address(40), address(42)}
    assert (press.lines("articles"), press.lines("events")) == (rows, events)

    # Everything undone: versions and events go on from where they stood, and requests are conditional.
    edition(press)
    since = len(press.replica.requests)
    press.crawl("-a", "recrawl=all")
    assert press.asked(since)[address(3)][0]["if-none-match"] == '"3"'
    (row,) = press.lines("articles")[len(rows) :]
    assert (row["id"], row["version"], row["changed"]) == ("baoquocte.vn:1", 3, ["body"])
    told = {event["id"]: event["kind"] for event in press.lines("events")[len(events) :]}
    back = dict.fromkeys(("baoquocte.vn:2", "baoquocte.vn:5", "baoquocte.vn:6"), "back")
    assert told == {"baoquocte.vn:1": "changed"} | back


@pytest.mark.slow
def test_a_killed_crawl_and_its_ledger_lost(press: Press, run: Run) -> None:
    """One run makes it whole: what was archived is not asked again, also when its row was cut off, what was found and
    not asked is asked, and each article has one row in the end."""
    numbers = range(1, 301)
    for number in numbers:
        press.paper.put(address(number), article(number))
    press.paper.put(LIST, listing([address(number) for number in numbers]))
    process = press.crawler.start("baoquocte", "-a", f"seeds={LIST}", archive=press.archive)
    while len(press.replica.requests) < 120:
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait(10)
    lose(press.archive)
    (rows,) = (press.archive / "articles").rglob("*.open")
    lines = rows.read_bytes().splitlines(keepends=True)
    rows.write_bytes(b"".join(lines[: len(lines) // 2]) + lines[-1][:50])  # half of the rows never reached the disk
    (warc,) = (path for path in (press.archive / "warc").rglob("*.open") if not is_meta(path.name))
    with warc.open("ab") as file:
        file.write(b"\x1f\x8b half a member")
    archived = {one.url for one in WarcFound(warc, "x").captures()}
    assert len(archived) > 60

    status, out, err = run("-s", f"ARCHIVE_DIR={press.archive}")
    assert (status, err) == (0, "")
    assert (
        f"{len(archived) - 2 - len(lines) // 2} pages archived and not read" in out
    )  # without robots.txt and the list
    assert f"{302 - len(archived)} URLs found and not asked" in out

    since = len(press.replica.requests)
    assert press.crawl().status == 0
    asked = press.asked(since)
    assert set(asked) == {address(number) for number in numbers} - archived
    assert all(len(headers) == 1 for headers in asked.values())
    assert Counter(row["url"] for row in press.lines("articles")) == Counter(map(address, numbers))
    assert not list(press.archive.rglob("*.open"))
    for file in press.archive.rglob("*.warc.gz"):
        assert sum(1 for _ in read_records(file)) > 3


@pytest.mark.slow
def test_a_pass_that_is_over_stays_over(press: Press, run: Run) -> None:
    """Though a page of it was never asked: robots.txt had refused it."""
    edition(press)
    shut = address(90)
    press.paper.closed = "/chuyen-lang-chai-90.html"
    press.paper.put(LIST, listing([address(1), address(2), shut]))
    press.crawl()
    assert dict(press.ask(REASONS))[shut] == "robots"
    rows = press.lines("articles")
    lose(press.archive)
    status, out, err = run("-s", f"ARCHIVE_DIR={press.archive}")
    assert (status, err) == (0, "")
    assert "found and not asked" not in out
    since = len(press.replica.requests)
    press.crawl()
    assert set(press.asked(since)) == {LIST}
    assert press.lines("articles") == rows


@pytest.mark.slow
def test_a_second_pass_that_was_stopped(press: Press, run: Run) -> None:
    """What the first pass has archived and is not due is not asked, new articles are; nobody can read one of them."""
    numbers = range(1, 41)
    for number in numbers:
        press.paper.put(address(number), article(number))
    press.paper.put(LIST, listing([*map(address, numbers)]))
    press.crawl()
    for number in range(41, 81):
        press.paper.put(address(number), article(number))
    more = [address(number) for number in range(41, 81)]
    unreadable = Answer(200, "OK", [HTML, ("Content-Encoding", "gzip")], b"\x1f\x8b no gzip")
    press.paper.pages[address(80)] = unreadable
    press.paper.put(LIST, listing([*map(address, numbers), *more]))
    assert press.crawl("-a", "max_articles=15").status == 11
    archived = {row["url"] for row in press.lines("articles")}
    lose(press.archive)
    assert "URLs found and not asked: the next run goes on" in run("-s", f"ARCHIVE_DIR={press.archive}")[1]
    since = len(press.replica.requests)
    assert press.crawl().status == 0
    assert set(press.asked(since)) <= set(more) - archived
    assert Counter(row["url"] for row in press.lines("articles")) == Counter(map(address, range(1, 80)))


@pytest.mark.slow
def test_one_spider_alone(press: Press, run: Run) -> None:
    """The other's part of the ledger is kept as it is."""
    edition(press)
    press.crawl()
    other = press.crawler("news", "-a", f"seeds={LIST}", archive=press.archive)
    assert other.status == 0, other.stderr[-2000:]
    before = tables(press.archive)
    warcs = list((press.archive / "warc/news").iterdir())
    for file in warcs:
        file.rename(file.with_name(f"{file.name}.away"))
    status, out, err = run("--spider", "baoquocte", "-s", f"ARCHIVE_DIR={press.archive}")
    assert (status, err) == (0, "")
    assert f"the old ledger is kept as {press.archive / 'ledger.sqlite.old-'}" in out
    after = tables(press.archive)
    for name, rows in before.items():
        assert after[name] == rows, name


@pytest.mark.slow
def test_damage_is_named_and_the_rest_is_taken_in(press: Press, run: Run) -> None:
    edition(press)
    press.crawl()
    (warc,) = (path for path in (press.archive / "warc").rglob("*.warc.gz") if not is_meta(path.name))
    offsets = [one.offset for one in read_records(warc)]
    with warc.open("r+b") as file:
        file.truncate(offsets[-2] - 10)
    (rows,) = (press.archive / "articles").rglob("*.jsonl")
    lines = rows.read_bytes().splitlines(keepends=True)
    rows.write_bytes(b"".join([*lines[:2], b"{}\n", *lines[2:]]))
    (press.archive / "ledger.sqlite").write_bytes(b"no database" * 1000)
    status, out, err = run("-s", f"ARCHIVE_DIR={press.archive}")
    assert status == 1
    assert str(warc) in err
    assert f"{rows}: no row at offset" in err
    assert f" {len(lines)} rows" in out
    (kept,) = press.archive.glob("ledger.sqlite.old-*")
    assert kept.read_bytes() == b"no database" * 1000


EVERYTHING = "article,related,next_page,tag,category,topic,sitemap,feed"
COMMAND = ("baoquocte", "-a", "since=2016-01-01", "-a", f"follow={EVERYTHING}")


@pytest.mark.slow
def test_the_whole_replica(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    archive = tmp_path_factory.mktemp("archive")
    with replica_at(tmp_path_factory.mktemp("today")) as replica:
        crawler = Crawler(replica, tmp_path_factory)
        assert crawler(*COMMAND, archive=archive, timeout=300).status == 0
        before, rows, asked = tables(archive), rows_of(archive), len(replica.requests())
        lose(archive)
        status, _, err = run("-s", f"ARCHIVE_DIR={archive}")
        assert (status, err) == (0, "")
        after = tables(archive)
        for name in before:
            assert after[name] == before[name], name
        assert crawler(*COMMAND, archive=archive, timeout=300).status == 0
        again = {entry["url"] for entry in replica.requests()[asked:]}
        assert not again & {row["url"] for row in rows}
        assert rows_of(archive) == rows
    with replica_at(tmp_path_factory.mktemp("tomorrow"), "2026-11-21T12:00:00+07:00") as replica:
        crawler = Crawler(replica, tmp_path_factory)
        assert crawler(*COMMAND, "-a", "recrawl=all", archive=archive, timeout=300).status == 0
        versions = Counter(row["version"] for row in rows_of(archive)[len(rows) :])
    assert versions == {1: 15, 2: 20}
