"""The writer: what stands in the files and in the ledger when a commit, a rename or the disk fails."""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest

from crawler.arguments import Arguments
from crawler.capture import CaptureRef, Exchange
from crawler.records import reading_of
from crawler.store import Store
from crawler.trouble import OutputTrouble
from warc.message import read_message
from warc.reader import read_at, read_records
from warc.verify import verify

REQUEST = b"GET / HTTP/1.1\r\nHost: bao.example\r\n\r\n"


def store(folder: Path, job: str, target_size: int = 10**9) -> Store:
    return Store(folder, Arguments("bao", job), {"software": "thu"}, target_size)


def exchange(number: int) -> Exchange:
    body = f"<p>Con trâu thứ {number} là đầu cơ nghiệp.</p>".encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
    return Exchange(f"http://bao.example/{number}", datetime.now(UTC), REQUEST, io.BytesIO(answer + body))


def append(to: Store, number: int) -> CaptureRef:
    ref = to.append(exchange(number)).result(10)
    assert ref is not None
    return ref


def commit(to: Store) -> None:
    """Wait for the next commit."""
    done = threading.Event()
    to.submit([], done.set)
    assert done.wait(10)


def in_ledger(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        return ledger.execute(sql).fetchall()


def archived(folder: Path) -> list[str]:
    """Target URIs of all responses; every file is closed, sound and as long as the ledger says."""
    assert not list(folder.rglob("*.open"))
    lengths = {path: length for path, length, closed in in_ledger(folder, "SELECT path, length, closed FROM files")}
    found = []
    for file in sorted(folder.rglob("*.warc.gz")):
        assert verify(file)
        assert lengths.pop(file.relative_to(folder).as_posix()) == file.stat().st_size
        found += [record.target_uri for record in read_records(file) if record.type == "response"]
    assert not lengths
    assert in_ledger(folder, "SELECT COUNT(*) FROM files WHERE closed = 0") == [(0,)]
    for uri, file, offset in in_ledger(folder, "SELECT url, file, file_offset FROM captures"):
        assert read_at(folder / str(file), int(str(offset))).target_uri == uri
    assert len(in_ledger(folder, "SELECT 1 FROM captures")) == len(found)
    return sorted(found)


def failing(folder: Path, *tables: str) -> Callable[[], None]:
    """Have the ledger refuse to change these tables, as a full disk would; the result lets it again."""
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        for table in tables:
            for change in ("INSERT", "UPDATE"):
                ledger.execute(
                    f"CREATE TRIGGER no_{change}_{table} BEFORE {change} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
                )

    def mend() -> None:
        with sqlite3.connect(folder / "ledger.sqlite") as ledger:
            for table in tables:
                for change in ("INSERT", "UPDATE"):
                    ledger.execute(f"DROP TRIGGER no_{change}_{table}")

    return mend


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param(["captures"], id="the ledger goes on"),
        pytest.param(["captures", "runs"], id="the ledger takes nothing more"),
    ],
)
def test_a_commit_that_fails_ends_the_run_with_what_was_committed(tables: list[str], tmp_path: Path) -> None:
    told: list[OutputTrouble] = []
    first = store(tmp_path, "mot")
    first.on_trouble = told.append
    first.open()
    append(first, 1)
    commit(first)
    mend = failing(tmp_path, *tables)
    append(first, 2)
    first.submit([])
    while not told:
        sleep(0.01)
    with pytest.raises(OutputTrouble):
        append(first, 3)
    with pytest.raises(OutputTrouble, match="database or disk is full"):
        first.close("output_trouble", {}).result(10)
    assert len(told) == 1
    # A ledger that takes nothing more may have taken the last commit all the same: then nothing is cut.
    assert bool(list(tmp_path.rglob("*.open"))) == ("runs" in tables)
    mend()
    again = store(tmp_path, "hai")
    again.open()
    append(again, 2)
    again.close("finished", {}).result(10)
    assert archived(tmp_path) == ["http://bao.example/1", "http://bao.example/2"]


def test_a_file_that_cannot_get_its_name_is_not_lost(tmp_path: Path) -> None:
    first = store(tmp_path, "mot", target_size=1)
    first.open()
    ref = append(first, 1)
    commit(first)
    in_the_way = tmp_path / ref.file
    in_the_way.mkdir()
    with pytest.raises(OutputTrouble):
        append(first, 2)  # would begin the next file
    with pytest.raises(OutputTrouble, match="exists"):
        first.close("output_trouble", {}).result(10)
    in_the_way.rmdir()
    again = store(tmp_path, "hai")
    again.open()
    append(again, 2)
    again.close("finished", {}).result(10)
    assert archived(tmp_path) == ["http://bao.example/1", "http://bao.example/2"]


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
HEADS = {  # of a payload that was archived under HTML: what its record is
    HTML: "revisit",
    HTML + b'Date: Sat, 21 Nov 2026 10:00:00 GMT\r\nETag: W/"2"\r\nAge: 9\r\nSet-Cookie: a=b\r\n': "revisit",
    HTML.replace(b"Content-Type", b"content-type").replace(b"OK", b"Fine"): "revisit",
    HTML.replace(b"utf-8", b"shift_jis"): "response",
    HTML.replace(b"200", b"404"): "response",
    HTML + b"Content-Encoding: gzip\r\n": "response",
    HTML + b"X-Robots-Tag: noindex\r\n": "response",
    HTML + b"TDM-Reservation: 1\r\n": "response",
    HTML + b"Location: /khac\r\n": "response",
    b"HTTP/1.1 200 OK\r\n": "response",
}


@pytest.mark.parametrize("committed", [True, False])
def test_a_payload_is_archived_once_for_each_way_of_reading_it(committed: bool, tmp_path: Path) -> None:
    to = store(tmp_path, "mot")
    to.open()

    def came(head: bytes) -> str:
        """Type of the record; what a reference leads to is read as this answer is."""
        answer = io.BytesIO(head + b"Content-Length: 6\r\n\r\n<p>Cau")
        ref = to.append(replace(exchange(1), response=answer)).result(10)
        if committed:
            commit(to)
        assert ref is not None
        (file,) = tmp_path.rglob(f"{Path(ref.file).name}*")
        found = read_at(file, ref.offset)
        assert found.record_id == ref.record_id
        assert reading_of(found.message()) == reading_of(read_message(head + b"\r\n"))
        return "revisit" if ref.revisit_id else "response"

    assert came(HTML) == "response"
    assert {head: came(head) for head in HEADS} == HEADS
    assert {came(head) for head in HEADS} == {"revisit"}
    to.close("finished", {}).result(10)


def test_what_is_wrong_with_one_exchange_fails_that_one(tmp_path: Path) -> None:
    one = store(tmp_path, "mot")
    one.open()
    append(one, 1)
    broken = exchange(2)
    assert broken.response is not None
    broken.response.close()
    with pytest.raises(ValueError, match="closed file"):
        one.append(broken).result(10)
    append(one, 3)
    one.close("finished", {}).result(10)
    assert archived(tmp_path) == ["http://bao.example/1", "http://bao.example/3"]


def test_a_run_that_wrote_nothing_leaves_no_file(tmp_path: Path) -> None:
    one = store(tmp_path, "mot")
    one.open()
    assert one.close("finished", {}).result(10).files == []
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["ledger.sqlite"]


def test_an_archive_without_its_ledger_is_not_begun_again(tmp_path: Path) -> None:
    one = store(tmp_path, "mot")
    one.open()
    append(one, 1)
    one.close("finished", {}).result(10)
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()
    with pytest.raises(OutputTrouble, match="scrapy rebuild"):
        store(tmp_path, "hai").open()
    assert not (tmp_path / "ledger.sqlite").exists()
