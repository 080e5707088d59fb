"""``scrapy extract`` as a process: what it reads, what it refuses, and that it opens no socket."""

from __future__ import annotations

import gc
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import brotli
import pytest
from scrapy import cmdline
from scrapy.settings import Settings
from scrapy.utils.project import get_project_settings

from crawler.commands.extract import Command
from crawler.extract_read import Source, sources
from crawler.extract_run import extract as extract_all
from crawler.rowdiff import compare
from crawler.sealed import SocketRefused, seal, unseal
from spiders.baoquocte_vn import BaoquoctePage
from tests.conftest import ROOT, without_network_settings
from tests.peers import peer
from tests.test_crawler_replay import response, write_warc
from warc.digest import digest_of
from warc.reader import read_at, read_records
from warc.wacz import Wacz

REFUSE_SOCKETS = """
import socket
def refuse(*_):
    raise AssertionError("a socket was opened")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = socket.getaddrinfo = refuse
"""
if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SITE = "https://baoquocte.vn/"


def article(title: str, body: str) -> bytes:
    return f"""<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title>
<meta property="article:published_time" content="2026-03-05T08:00:00+07:00"></head><body>
<h1 class="article-detail-title">{title}</h1><div class="article-detail-desc">Tóm tắt của {title}.</div>
<div class="__MASTERCMS_CONTENT"><p>{body}</p></div>
<a href="/ca-phe-duoc-mua-8.html">Cà phê được mùa</a></body></html>""".encode()


RAIN = response(article("Mưa lớn ở Huế", "Nước sông Hương lên nhanh trong đêm qua."), url=f"{SITE}mua-lon-7.html")
COFFEE = response(article("Cà phê được mùa", "Nông dân Đắk Lắk vào vụ thu hoạch."), url=f"{SITE}ca-phe-duoc-mua-8.html")
LISTING = response(b"<html><body><h1>Th\xe1\xbb\x9di s\xe1\xbb\xb1</h1></body></html>", url=f"{SITE}thoi-su")
EMPTY = response(b"<html><body><h1>Trang n\xc3\xa0y</h1></body></html>", url=f"{SITE}trang-nay-9.html")
ROBOTS = ("response", f"{SITE}robots.txt", [("Content-Type", "text/plain")], b"User-agent: *\n", {})
REVISIT = (
    "revisit",
    f"{SITE}mua-lon-7.html",
    [("Content-Type", "text/html")],
    b"",
    {"WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"},
)


def extract(folder: Path, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    environment = without_network_settings() | {
        "SCRAPY_SETTINGS_MODULE": "crawler.settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [*before, sys.executable, "-m", "scrapy", "extract", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False)


def rows(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_rows_from_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "warc" / "baoquocte"
    folder.mkdir(parents=True)
    rain = write_warc(folder / "1.warc.gz", ROBOTS, LISTING, RAIN, REVISIT, EMPTY)
    write_warc(folder / "2.warc.gz.open", COFFEE)
    alone = write_warc(tmp_path / "alone.warc.gz", COFFEE)
    run = extract(tmp_path, "archive", "alone.warc.gz", "-o", "out/rows.jsonl")
    assert run.returncode == 0, run.stderr
    assert run.stdout == b""
    assert run.stderr.decode().splitlines()[-1] == (
        "scrapy: 2 rows from 5 pages in 2 files, to out/rows.jsonl; no article 3, no original 1"
    )
    first, second = rows((tmp_path / "out" / "rows.jsonl").read_bytes())
    assert (first["title"], second["title"]) == ("Mưa lớn ở Huế", "Cà phê được mùa")
    assert (first["id"], second["id"]) == ("baoquocte.vn:7", "baoquocte.vn:8")
    assert first["body"] == "Nước sông Hương lên nhanh trong đêm qua."
    assert first["published_at"] == "2026-03-05T08:00:00+07:00"
    assert first["captured_at"] == first["first_captured_at"] == "2026-03-05T01:02:03Z"
    assert first["warc"]["file"] == "warc/baoquocte/1.warc.gz"
    assert second["warc"]["file"] == "alone.warc.gz"
    record = read_at(rain, first["warc"]["offset"])
    assert record.record_id == first["warc"]["record_id"]
    assert record.target_uri == f"{SITE}mua-lon-7.html"
    assert len(first["row_id"]) == 64
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rows.jsonl"]
    assert read_at(alone, second["warc"]["offset"]).length == second["warc"]["length"]


def test_rows_to_stdout(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN)
    run = extract(tmp_path, "a.warc.gz", "-o", "-")
    assert run.returncode == 0
    assert [row["title"] for row in rows(run.stdout)] == ["Mưa lớn ở Huế"]
    assert run.stderr == b"scrapy: 1 row from 1 page in 1 file, to stdout\n"


def test_a_site_that_no_spider_knows(tmp_path: Path) -> None:
    kind, _, *rest = RAIN
    write_warc(tmp_path / "a.warc.gz", (kind, "https://bao.example/mua-lon-o-hue-7.html", *rest), COFFEE)
    run = extract(tmp_path, "a.warc.gz", "-o", "-")
    pages = {row["id"]: row["extraction"]["page"].partition("/")[0] for row in rows(run.stdout)}
    assert pages["baoquocte.vn:8"] == "BaoquoctePage"
    assert pages["bao.example:mua-lon-o-hue-7.html"] != "BaoquoctePage"


def test_the_named_sites_page_is_taken_for_every_host(tmp_path: Path) -> None:
    kind, _, headers, body, further = RAIN
    write_warc(tmp_path / "a.warc.gz", (kind, "https://web.example/mua-lon-7.html", headers, body, further))
    run = extract(tmp_path, "a.warc.gz", "-o", "-", "--spider", "baoquocte")
    assert [row["extraction"]["page"].partition("/")[0] for row in rows(run.stdout)] == ["BaoquoctePage"]


def test_a_damaged_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN, COFFEE)
    (tmp_path / "a.warc.gz").write_bytes((tmp_path / "a.warc.gz").read_bytes()[:-9])
    write_warc(tmp_path / "b.warc.gz", response(b"x", ("Content-Encoding", "gzip"), url=f"{SITE}hong-6.html"), COFFEE)
    run = extract(tmp_path, "a.warc.gz", "b.warc.gz", "-o", "rows.jsonl")
    assert run.returncode == 1
    assert "Cà phê được mùa" in [row["title"] for row in rows((tmp_path / "rows.jsonl").read_bytes())]
    assert b"a.warc.gz" in run.stderr
    assert b"hong-6.html" in run.stderr
    assert b"damaged records 1, unreadable 1" in run.stderr


def test_an_output_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN)
    run = extract(tmp_path, "a.warc.gz", "-o", "/dev/full")
    assert run.returncode == 3
    assert run.stderr.decode() == "scrapy: -o /dev/full: No space left on device; nothing was replaced\n"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "name WARC files"),
        (["a.warc.gz", "-o", "archive/articles/baoquocte/x"], 2, "articles/ is written by crawls alone"),
        (["a.warc.gz", "-o", "archive/warc"], 2, "warc/ is written by crawls alone"),
        (["a.warc.gz", "-o", "a.warc.gz"], 2, "it is one of the files to read"),
        (["a.warc.gz", "--processes", "0"], 2, "give a number of 1 or more"),
        (["a.warc.gz", "--diff", "old"], 2, "no file or folder 'old'"),
        (["a.warc.gz", "--json"], 2, "name an older file with --diff OLD"),
        (["a.warc.gz", "-o", "-", "--diff", "a.warc.gz"], 2, "--diff prints to stdout"),
        (["a.warc.gz", "-o", "old.jsonl", "--diff", "old.jsonl"], 2, "it would replace rows to compare with"),
        (["a.warc.gz", "-o", "old.jsonl", "--diff", "."], 2, "it would replace rows to compare with"),
        (["no.warc.gz", "-o", "x"], 2, "no file or folder 'no.warc.gz'"),
        (["empty", "-o", "x"], 2, "empty holds no *.warc, *.warc.gz or *.wacz file"),
        (["a.warc.gz", "-o", "x", "--spider", "baomoi"], 2, "unknown spider 'baomoi': choose from"),
        (["a.warc.gz", "-o", "x", "--fast"], 2, "unknown option '--fast'"),
        (["a.warc.gz", "-o"], 2, "expected one argument"),
        (["a.warc.gz", "-o", "a.warc.gz/x"], 3, "is not a folder; name a file that can be written"),
    ],
)
def test_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    write_warc(tmp_path / "a.warc.gz", RAIN)
    (tmp_path / "empty").mkdir()
    (tmp_path / "old.jsonl").touch()
    with pytest.raises(SystemExit) as ended:
        cmdline.execute(["scrapy", "extract", *arguments], get_project_settings())
    told = capfd.readouterr()
    assert ended.value.code == status
    assert says in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""
    assert not (tmp_path / "x").exists()


# --- Where rows go ------------------------------------------------------------------------------------------------


def test_the_default_output_is_named_by_the_page_classes(tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "warc" / "baoquocte"
    folder.mkdir(parents=True)
    (tmp_path / "archive" / "articles").mkdir()
    write_warc(folder / "1.warc.gz", RAIN)
    run = extract(tmp_path, "archive")
    assert run.returncode == 0, run.stderr
    (found,) = (path for path in (tmp_path / "archive").rglob("*") if path.is_file() and "warc" not in path.parts)
    assert found.parent.relative_to(tmp_path).as_posix() == f"archive/extracted/BaoquoctePage-{BaoquoctePage.number}"
    assert found.name.endswith(".jsonl")
    assert found.name[:14].isdecimal()
    assert str(found) in run.stderr.decode()


@pytest.mark.slow
def test_the_output_is_the_same_whatever_the_number_of_processes(tmp_path: Path) -> None:
    for number in range(5):
        write_warc(tmp_path / f"{number}.warc.gz", *[RAIN, COFFEE][: 1 + number % 2], revisit_of(COFFEE, f"{number}"))
    files = [f"{number}.warc.gz" for number in range(5)]
    one = extract(tmp_path, *files, "-o", "one.jsonl", "--processes", "1")
    three = extract(tmp_path, *files, "-o", "three.jsonl", "--processes", "3")
    assert (one.returncode, three.returncode) == (0, 0), one.stderr + three.stderr
    data = (tmp_path / "one.jsonl").read_bytes()
    assert data == (tmp_path / "three.jsonl").read_bytes()
    assert len(rows(data)) == 5 + 2 + 5
    assert sorted(path.name for path in tmp_path.iterdir() if "open" in path.name or "tmp" in path.name) == []


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    for number in range(3):
        write_warc(
            tmp_path / f"{number}.warc.gz", response(article("Chờ lâu", "Không bao giờ."), url=f"{ODD}cho-1.html")
        )
    environment = without_network_settings() | {"SCRAPY_SETTINGS_MODULE": "crawler.settings", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scrapy", "extract", *(f"{n}.warc.gz" for n in range(3)), "-o", "out/rows.jsonl"]
    command += ["--processes", "2", *ODD_SPIDERS]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 30
        while time.monotonic() < until and not list(tmp_path.glob("out/*/0.jsonl")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 11, told
    assert told == b"scrapy: interrupted; nothing was written\n"
    assert list((tmp_path / "out").iterdir()) == []


# --- What is read -------------------------------------------------------------------------------------------------

PROFILE = "http://netpreserve.org/warc/1.1/revisit/"


def revisit_of(original: Any, number: str, profile: str = "identical-payload-digest", **further: str) -> Any:
    """A later visit that found the same payload, named by its digest as some producers do."""
    digest = {} if further else {"WARC-Payload-Digest": digest_of(original[3])}
    headers = {"WARC-Profile": PROFILE + profile, "WARC-Date": f"2026-03-0{6 + int(number) % 3}T00:00:00Z"}
    return "revisit", original[1], [("Content-Type", "text/html")], b"", headers | digest | further


def test_revisits_have_the_payload_of_their_original(tmp_path: Path) -> None:
    rain = write_warc(tmp_path / "a.warc.gz", RAIN)
    (original,) = [record for record in read_records(rain) if record.type == "response"]
    write_warc(
        tmp_path / "b.warc.gz",
        revisit_of(RAIN, "0", **{"WARC-Refers-To": original.record_id}),
        revisit_of(RAIN, "1", **{"WARC-Refers-To-Date": original.date, "WARC-Refers-To-Target-URI": RAIN[1]}),
        revisit_of(RAIN, "2"),
        revisit_of(RAIN, "2", "server-not-modified"),
        revisit_of(RAIN, "2", **{"WARC-Refers-To": "<urn:uuid:00000000-0000-4000-8000-000000000000>"}),
    )
    run = extract(tmp_path, "b.warc.gz", "a.warc.gz", "-o", "rows.jsonl")
    assert run.returncode == 0, run.stderr
    assert b"no original 1, not modified 1" in run.stderr
    visit, *others = rows((tmp_path / "rows.jsonl").read_bytes())
    assert visit["warc"]["revisit_id"] is None
    assert [row["captured_at"][:10] for row in others] == ["2026-03-06", "2026-03-07", "2026-03-08"]
    for row in others:
        assert row["body"] == visit["body"]
        assert row["warc"] | {"revisit_id": None} == visit["warc"]
        assert row["row_id"] != visit["row_id"]


def test_a_part_of_a_wacz_is_opened_once_for_all_revisits_of_its_payloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [response(article(f"Mưa lớn {n}", "Nước lên."), url=f"{SITE}mua-lon-{n}.html") for n in range(1, 9)]
    late = write_warc(tmp_path / "a.warc.gz", *(revisit_of(page, "1") for page in pages))
    early = write_warc(tmp_path / "b.warc.gz", *pages)
    with Wacz(tmp_path / "a.wacz", {"title": "x"}) as wacz:
        wacz.add_warcs([late, early])
        wacz.add_pages([])
    opened, open_one = Counter[str | None](), Source.opened

    @contextmanager
    def counted(source: Source) -> Iterator[Path]:
        opened[source.part] += 1
        with open_one(source) as path:
            yield path

    monkeypatch.setattr(Source, "opened", counted)
    out, limits = BytesIO(), gc.get_threshold()
    try:
        found = extract_all(
            sources([str(tmp_path / "a.wacz")], tmp_path), get_project_settings(), "baoquocte", 1, out, tmp_path
        )
    finally:
        gc.unfreeze()
        gc.set_threshold(*limits)
    assert (found.counts["rows"], len(rows(out.getvalue()))) == (16, 16)
    # To be read, to be searched for originals, to read these.
    assert opened == {"archive/a.warc.gz": 2, "archive/b.warc.gz": 3}


def test_what_the_archive_knows_is_in_the_row(tmp_path: Path) -> None:
    facts = b"kind: article\r\nvia: https://baoquocte.vn/thoi-su\r\ndepth: 2\r\nchannel: listing\r\njob: thu-1\r\n"
    own = {"WARC-Record-ID": "<urn:uuid:6d8f7f0e-0d7a-4c1e-9a93-000000000001>"}
    kind, url, headers, body, _ = RAIN
    tied = {"WARC-Concurrent-To": own["WARC-Record-ID"], "Content-Type": "application/warc-fields"}
    write_warc(tmp_path / "a.warc.gz", (kind, url, headers, body, own), ("metadata", url, [], facts, tied), COFFEE)
    run = extract(tmp_path, "a.warc.gz", "-o", "-")
    first, second = rows(run.stdout)
    found = {"kind": "article", "referrer": "https://baoquocte.vn/thoi-su", "depth": 2, "channel": "listing"}
    assert (first["run"], first["found_by"]) == ("thu-1", found)
    assert (second["run"], second["found_by"]["kind"]) == ("extract", None)


@pytest.mark.slow
def test_wacz_files_and_codings_of_all_kinds(tmp_path: Path) -> None:
    plain = article("Mưa lớn ở Huế", "Nước sông Hương lên nhanh trong đêm qua.")
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(plain), plain)
    headers = [
        ([("Content-Encoding", "br")], brotli.compress(plain)),
        ([("Content-Encoding", "zstd")], zstd.compress(plain)),
        ([("Content-Encoding", "gzip")], gzip.compress(plain)),
        ([("Transfer-Encoding", "chunked")], chunked),
        (
            [("Transfer-Encoding", "chunked")],
            plain,
        ),  # as browsers' archivers leave it: the framing gone, the line there
        ([("Transfer-Encoding", "chunked"), ("Content-Encoding", "br")], brotli.compress(plain)),
    ]
    pages = [response(body, *more, url=f"{SITE}mua-lon-{n}.html") for n, (more, body) in enumerate(headers, 1)]
    warc = write_warc(tmp_path / "pages.warc.gz", *pages)
    with Wacz(tmp_path / "pages.wacz", {"title": "x"}) as wacz:
        wacz.add_warcs([warc])
        wacz.add_pages([])
    for source, name in (("pages.warc.gz", "pages.warc.gz"), ("pages.wacz", "pages.wacz/archive/pages.warc.gz")):
        run = extract(tmp_path, source, "-o", "-")
        found = rows(run.stdout)
        assert [row["id"] for row in found] == [f"baoquocte.vn:{n}" for n in range(1, 7)], run.stderr
        assert {row["body"] for row in found} == {"Nước sông Hương lên nhanh trong đêm qua."}
        assert {row["warc"]["file"] for row in found} == {name}


@pytest.mark.parametrize("compressed", [True, False])
def test_what_stands_after_a_damaged_record_is_read(tmp_path: Path, compressed: bool) -> None:
    path = write_warc(tmp_path / "a.warc.gz", RAIN, COFFEE, RAIN)
    records = list(read_records(path))
    if compressed:
        data = bytearray(path.read_bytes())
        data[records[2].offset + 40 : records[2].offset + 60] = bytes(20)
    else:
        plain = bytearray(gzip.decompress(path.read_bytes()))
        at = plain.index("Cà phê".encode())
        data = plain[:at] + plain[at + 30 :]
        path = path.rename(tmp_path / "a.warc")
    path.write_bytes(data)
    run = extract(tmp_path, path.name, "-o", "rows.jsonl")
    assert run.returncode == 1
    assert b"damaged records 1" in run.stderr
    assert [row["id"] for row in rows((tmp_path / "rows.jsonl").read_bytes())] == ["baoquocte.vn:7", "baoquocte.vn:7"]


def with_wget(folder: Path, url: str, *options: str) -> None:
    subprocess.run(["wget", "-q", "--no-proxy", "--warc-file=a", *options, url], cwd=folder, timeout=60, check=True)


def with_plain_wget(folder: Path, url: str) -> None:
    with_wget(folder, url, "--no-warc-compression")


def with_warcprox(folder: Path, url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(peer("warcprox")), "-p", str(port), "-z", "-d", str(folder), "--dedup-db-file=/dev/null"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            asked = ["wget", "-q", "-O", os.devnull, "-e", f"http_proxy=http://127.0.0.1:{port}", url]
            for _ in range(100):
                if subprocess.run(asked, timeout=30, check=False).returncode == 0:
                    break
                time.sleep(0.2)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@pytest.mark.slow
@pytest.mark.parametrize("archive", [with_wget, with_plain_wget, with_warcprox])
def test_what_others_archived(tmp_path: Path, archive: Callable[[Path, str], None]) -> None:
    if shutil.which("wget") is None:
        pytest.skip("wget is not installed")
    (tmp_path / "site").mkdir()
    story = "".join(
        f"<p>Đoàn thứ {n} đã đi thăm các xã ven sông và nghe người dân nói về mùa nước.</p>" for n in range(6)
    )
    page = article("Mưa lớn ở Huế trong đêm qua", "Nước lên.").replace(
        b"<p>", f"<article>{story}</article><p>".encode()
    )
    (tmp_path / "site" / "mua-lon-o-hue-7.html").write_bytes(page)
    (tmp_path / "warcs").mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/mua-lon-o-hue-7.html"
        archive(tmp_path / "warcs", url)
        server.shutdown()
    (warc,) = [path.name for path in (tmp_path / "warcs").iterdir() if ".warc" in path.name]
    run = extract(tmp_path, f"warcs/{warc}", "-o", "-")
    assert run.returncode == 0, run.stderr
    (row,) = rows(run.stdout)
    assert row["title"] == "Mưa lớn ở Huế trong đêm qua"
    assert row["url"] == url
    assert row["warc"]["file"].endswith(warc)


# --- Pages that cannot be read, and sockets -----------------------------------------------------------------------

ODD = "https://odd.example/"
ODD_SPIDERS = ("-s", "SPIDER_MODULES=spiders,tests.oddpages")


def odd(name: str) -> Any:
    return response(article("Một trang lạ", "Nội dung của một trang lạ."), url=f"{ODD}{name}-1.html")


def test_a_page_that_cannot_be_read_is_counted_and_the_next_one_is_read(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", odd("hong"), odd("cho"), odd("mang"), odd("dns"), RAIN)
    run = extract(tmp_path, "a.warc.gz", "-o", "rows.jsonl", *ODD_SPIDERS, "-s", "EXTRACT_SECONDS=0.5")
    assert run.returncode == 1
    assert [row["id"] for row in rows((tmp_path / "rows.jsonl").read_bytes())] == ["baoquocte.vn:7"]
    told = run.stderr.decode()
    assert f"failed: {ODD}hong-1.html" in told
    assert "KeyError" in told
    assert f"too slow: {ODD}cho-1.html" in told
    assert told.count("SocketRefused") == 2
    assert told.splitlines()[-1].endswith("failed 3, too slow 1")


def test_sealed_means_no_socket_for_anybody() -> None:
    seal()
    try:
        for asked in (
            lambda: socket.socket(),
            lambda: socket.getaddrinfo("localhost", 80),
            lambda: socket.gethostbyname("localhost"),
            lambda: socket.create_connection(("127.0.0.1", 9), 1),
            lambda: socket.socketpair(),
        ):
            with pytest.raises(SocketRefused):
                asked()
        reading, writing = os.pipe()
        os.close(reading)
        os.close(writing)
    finally:
        unseal()
    socket.socket().close()


def test_rows_come_back_from_quarantine_without_a_socket_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """With work that asks for a socket, in the place of work that needs none."""
    command = Command()
    command.settings = Settings()
    monkeypatch.setattr("crawler.commands.extract.run_quarantined", lambda only, settings: socket.socket())
    with pytest.raises(SocketRefused):
        command.run([], Namespace(quarantined=True, spider=None))
    socket.socket().close()


def test_without_any_network_the_output_is_the_same(tmp_path: Path) -> None:
    """In a network namespace of its own, where there is not even a loopback interface that is up."""
    alone = ("unshare", "--user", "--net", "--map-root-user")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine gives no network namespaces")
    bare = response(b"<html><body><article><p>" + 40 * "Nước lên. ".encode() + b"</p></article></body></html>")
    for number in range(2):
        write_warc(tmp_path / f"{number}.warc.gz", RAIN, COFFEE, LISTING, bare)
    files = ("0.warc.gz", "1.warc.gz", "--processes", "2")
    extract(tmp_path, *files, "-o", "with.jsonl")
    run = extract(tmp_path, *files, "-o", "without.jsonl", before=alone)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "with.jsonl").read_bytes() == (tmp_path / "without.jsonl").read_bytes() != b""


# --- The comparison -----------------------------------------------------------------------------------------------

OLD_ROW: dict[str, Any] = {
    "id": "baoquocte.vn:7",
    "url": f"{SITE}mua-lon-7.html",
    "source": {},
    "permissions": {},
    "images": [],
    "videos": [],
    "warc": {"file": "a.warc.gz", "record_id": "<urn:uuid:7>", "revisit_id": None},
    "extraction": {"page": "BaoquoctePage/1", "sources": []},
}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[1]",
        '{"id": ',
        "\x00",
        *(json.dumps({key: OLD_ROW[key] for key in OLD_ROW if key != left_out}) for left_out in OLD_ROW),
        *(json.dumps(OLD_ROW | {key: value}) for key in ("source", "permissions", "warc") for value in (None, "x")),
        *(json.dumps(OLD_ROW | {"images": value}) for value in (None, "x")),
        json.dumps(OLD_ROW | {"warc": {"file": "a.warc.gz", "record_id": "<urn:uuid:7>"}}),
        json.dumps(OLD_ROW | {"extraction": {"page": "BaoquoctePage/1"}}),
    ],
)
def test_older_lines_that_are_no_rows_are_named(tmp_path: Path, line: str) -> None:
    sound = json.dumps(OLD_ROW) + "\n"
    (tmp_path / "old.jsonl").write_text(sound + line + "\n")
    (tmp_path / "new.jsonl").write_text(sound)
    with pytest.raises(ValueError, match="holds a line that is no row"):
        compare(tmp_path / "old.jsonl", tmp_path / "new.jsonl", set())
    assert compare(tmp_path / "new.jsonl", tmp_path / "new.jsonl", set()).same == 1


@pytest.mark.slow
def test_what_is_different(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN, COFFEE, EMPTY)
    assert extract(tmp_path, "a.warc.gz", "-o", "now.jsonl").returncode == 0
    rain, coffee = rows((tmp_path / "now.jsonl").read_bytes())
    ids = {row["id"]: row["warc"]["record_id"] for row in (rain, coffee)}
    gone = json.loads(json.dumps(rain)) | {"id": "baoquocte.vn:9", "url": f"{SITE}trang-nay-9.html"}
    gone["warc"]["record_id"] = "<urn:uuid:9>"
    far = json.loads(json.dumps(gone)) | {"id": "baoquocte.vn:10"}
    far["warc"] |= {"file": "other.warc.gz", "record_id": "<urn:uuid:10>"}
    old = rain | {"body": "Nước sông Hồng lên nhanh trong đêm qua.", "kicker": "Thời tiết", "sapo": None}
    (tmp_path / "old").mkdir()
    for name, row in (("1", old), ("2", gone), ("3", far)):
        (tmp_path / "old" / f"{name}.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")
    run = extract(tmp_path, "a.warc.gz", "-o", "new.jsonl", "--diff", "old", "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert (found["rows"], found["same"], found["elsewhere"], found["further"]) == (1, 0, 1, 0)
    told = {name: {verdict for verdict in counts if counts[verdict]} for name, counts in found["fields"].items()}
    changed = {name: verdicts for name, verdicts in told.items() if verdicts != {"equal"}}
    assert changed == {"body": {"changed"}, "kicker": {"vanished"}, "sapo": {"appeared"}}
    assert found["became"] == [[ids["baoquocte.vn:8"], f"{SITE}ca-phe-duoc-mua-8.html"]]
    assert found["ceased"] == [["<urn:uuid:9>", f"{SITE}trang-nay-9.html"]]
    (worst,) = found["worst"]["body"]
    assert (worst["distance"], worst["record_id"], worst["url"]) == (3, ids["baoquocte.vn:7"], f"{SITE}mua-lon-7.html")
    table = extract(tmp_path, "a.warc.gz", "-o", "new.jsonl", "--diff", "old").stdout.decode()
    assert "body                        0        1        0        0   " in table.replace("\n", "   ")
    assert "1 page became an article" in table
    same = extract(tmp_path, "a.warc.gz", "-o", "new.jsonl", "--diff", "now.jsonl").stdout.decode()
    assert "2 rows are the same in every field" in same
