"""WACZ files: every part listed and as it says, streamed, accepted by the peer; every damage named."""

from __future__ import annotations

import gzip
import hashlib
import json
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conftest import ROOT, Crawler
from tests.peers import peer, run_peer
from tests.test_warc_writer import FIELDS, capture, members, write_every_kind
from warc import record
from warc.cdxj import index_lines
from warc.message import read_message
from warc.reader import DamagedRecord
from warc.record import Original, Visit
from warc.wacz import DATAPACKAGE, DIGEST, INDEX, PAGES, Wacz
from warc.wacz_check import check_wacz
from warc.writer import WarcFile

CREATED = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
ABOUT = {"title": "Tin nông thôn", "software": "bao-quan/0.1"}
PAGE = {
    "id": "1",
    "url": "https://baoquocte.vn/tin-1.html",
    "ts": "2026-11-21T10:00:00Z",
    "title": "Lúa",
    "text": "Chín",
}
ROW = b'{"schema":"article/1"}\n'


def second(folder: Path) -> Path:
    file = WarcFile(folder / "baoquocte-20261122100000-00000-thu.warc.gz", FIELDS)
    file.append(capture(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nlua"))
    path = file.close()
    assert path is not None
    return path


@pytest.fixture
def wacz(tmp_path: Path) -> Path:
    rows = tmp_path / "rows.jsonl"
    rows.write_bytes(ROW)
    with Wacz(tmp_path / "tin.wacz", ABOUT, CREATED) as out:
        assert out.add_warcs([write_every_kind(tmp_path), second(tmp_path)]) == 0
        assert out.add_pages([PAGE]) == 1
        out.add_file("articles/rows.jsonl", rows)
    return tmp_path / "tin.wacz"


def test_the_parts(wacz: Path, tmp_path: Path) -> None:
    warcs = sorted(tmp_path.glob("*.warc.gz"))
    with zipfile.ZipFile(wacz) as parts:
        assert parts.testzip() is None
        names = [f"archive/{path.name}" for path in warcs]
        assert parts.namelist() == [*names, INDEX, PAGES, "articles/rows.jsonl", DATAPACKAGE, DIGEST]
        for path, name in zip(warcs, names, strict=True):
            assert parts.read(name) == path.read_bytes()
            assert parts.getinfo(name).compress_type == zipfile.ZIP_STORED
        lines = sorted(line for path in warcs for line in index_lines(path))
        assert parts.read(INDEX).splitlines(True) == [line for line in lines if b'"status": "304"' not in line] != lines
        head, page = map(json.loads, parts.read(PAGES).splitlines())
        assert (head["format"], page) == ("json-pages-1.0", PAGE)
        package = json.loads(parts.read(DATAPACKAGE))
        assert {key: package[key] for key in ("profile", "wacz_version", "title", "created")} == {
            "profile": "data-package",
            "wacz_version": "1.1.1",
            "title": "Tin nông thôn",
            "created": "2026-11-21T10:00:00Z",
        }
        for part in package["resources"]:
            data = parts.read(part["path"])
            assert (part["bytes"], part["hash"]) == (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")
        assert len({part["name"] for part in package["resources"]}) == len(package["resources"]) == 5
        digest = hashlib.sha256(parts.read(DATAPACKAGE)).hexdigest()
        assert json.loads(parts.read(DIGEST)) == {"path": DATAPACKAGE, "hash": f"sha256:{digest}"}
    assert list(check_wacz(wacz)) == []


def test_parts_lie_where_players_look_for_them(wacz: Path) -> None:
    """The reader of ReplayWeb.page looks into a part's own head only if the directory has an extra field for it."""
    data = wacz.read_bytes()
    with zipfile.ZipFile(wacz) as parts:
        for info in parts.infolist():
            name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
            begin = info.header_offset + 30 + name + (extra if info.extra else 0)
            stored = data[begin : begin + info.compress_size]
            is_deflated = info.compress_type == zipfile.ZIP_DEFLATED
            assert (zlib.decompress(stored, -15) if is_deflated else stored) == parts.read(info), info.filename


def test_nothing_stands_under_the_name_before_it_is_whole(tmp_path: Path) -> None:
    warc = second(tmp_path)
    warc.write_bytes(warc.read_bytes()[:-4])
    (tmp_path / "a.wacz").write_bytes(b"old")
    with pytest.raises(DamagedRecord), Wacz(tmp_path / "a.wacz", ABOUT) as out:
        out.add_warcs([warc])
    assert (tmp_path / "a.wacz").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wacz", warc.name]


def test_revisits_of_payloads_elsewhere_are_counted(tmp_path: Path) -> None:
    file = WarcFile(tmp_path / "a.warc.gz", FIELDS)
    visit = Visit("https://baoquocte.vn/a.html", "2026-11-22T08:00:00Z")
    message = read_message(b"HTTP/1.1 200 OK\r\n\r\nlua chin")
    file.append([record.revisit(visit, message, Original("<urn:uuid:1>", visit.uri, "2026-11-21T08:00:00Z"))])
    path = file.close()
    assert path is not None
    with Wacz(tmp_path / "a.wacz", ABOUT) as out:
        assert out.add_warcs([path]) == 1


@pytest.mark.parametrize("name", ["archive/x", "pages/x", "indexes/x", DATAPACKAGE, DIGEST])
def test_names_of_the_format_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"), Wacz(tmp_path / "a.wacz", ABOUT) as out:
        out.add_file(name, Path(__file__))


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match="same name"), Wacz(tmp_path / "a.wacz", ABOUT) as out:
        out.add_warcs([second(tmp_path), second(tmp_path / "b")])


Parts = dict[str, bytes]


def without(*names: str) -> Callable[[Parts], Parts]:
    return lambda parts: {name: data for name, data in parts.items() if name not in names}


def listed(change: Callable[[dict[str, Any]], object]) -> Callable[[Parts], Parts]:
    """The list changed, and its digest put right."""

    def damage(parts: Parts) -> Parts:
        package = json.loads(parts[DATAPACKAGE])
        change(package)
        data = json.dumps(package).encode()
        digest = {"path": DATAPACKAGE, "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        return parts | {DATAPACKAGE: data, DIGEST: json.dumps(digest).encode()}

    return damage


def put(name: str, data: bytes) -> Callable[[Parts], Parts]:
    """A part changed, and list and digest put right."""

    def damage(parts: Parts) -> Parts:
        def change(package: dict[str, Any]) -> None:
            for part in package["resources"]:
                if part["path"] == name:
                    part |= {"bytes": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}

        return listed(change)(parts | {name: data})

    return damage


def part_added(name: str, data: bytes) -> Callable[[Parts], Parts]:
    """A part more, and list and digest put right."""
    part = {"name": "x", "path": name, "bytes": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
    return lambda parts: listed(lambda package: package["resources"].append(part))(parts | {name: data})


WARC = "archive/baoquocte-20261122100000-00000-thu.warc.gz"
DAMAGE: dict[str, tuple[Callable[[Parts], Parts], str, str]] = {
    "no list": (without(DATAPACKAGE), DATAPACKAGE, "wacz"),
    "a list that is none": (lambda parts: parts | {DATAPACKAGE: b"[]"}, DATAPACKAGE, "wacz"),
    "a list without end": (lambda parts: parts | {DATAPACKAGE: b"[" * 200_000}, DATAPACKAGE, "wacz"),
    "a page without end": (put(PAGES, b'{"format":"a"}\n' + b"[" * 200_000 + b"\n"), PAGES, "wacz"),
    "an index line without end": (
        lambda parts: put(INDEX, parts[INDEX] + b'z) 20260101000000 {"a":' + b"[" * 200_000 + b"}\n")(parts),
        INDEX,
        "index-line",
    ),
    "a digest without length": (
        lambda parts: listed(lambda package: package["resources"][0].update(hash="shake_128:00"))(parts),
        WARC.replace("22100000", "21100000"),
        "wacz",
    ),
    "a path that leads out": (part_added("../../etc/x", b"x"), "../../etc/x", "wacz"),
    "a path from the root": (part_added("/etc/x", b"x"), "/etc/x", "wacz"),
    "an archive that is no file": (part_added("archive/..", b"x"), "archive/..", "wacz"),
    "an archive with a long name": (part_added(f"archive/{'a' * 300}", b"x"), f"archive/{'a' * 300}", "wacz"),
    "a record without address": (
        part_added("archive/a.warc", b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 0\r\n\r\n\r\n\r\n"),
        "archive/a.warc",
        "header-missing",
    ),
    "no digest of the list": (without(DIGEST), DIGEST, "wacz"),
    "a changed list": (lambda parts: parts | {DATAPACKAGE: parts[DATAPACKAGE] + b" "}, DIGEST, "wacz"),
    "a digest that is none": (lambda parts: parts | {DIGEST: b"{}"}, DIGEST, "wacz"),
    "another version": (listed(lambda package: package.update(wacz_version="7")), DATAPACKAGE, "wacz"),
    "no pages": (without(PAGES), PAGES, "wacz"),
    "no pages, not even listed": (
        lambda parts: listed(lambda package: package["resources"].pop(3))(without(PAGES)(parts)),
        PAGES,
        "wacz",
    ),
    "empty pages": (put(PAGES, b""), PAGES, "wacz"),
    "pages without address": (put(PAGES, b'{"format":"json-pages-1.0"}\n{"ts":"2026"}\n'), PAGES, "wacz"),
    "no index": (without(INDEX), INDEX, "wacz"),
    "a part that is not listed": (lambda parts: parts | {"logs/a.log": b"a"}, "logs/a.log", "wacz"),
    "a changed part": (lambda parts: parts | {"articles/rows.jsonl": b"{}\n"}, "articles/rows.jsonl", "wacz"),
    "an archive less": (without(WARC), WARC, "wacz"),
    "an index without order": (
        lambda parts: put(INDEX, b"".join(sorted(parts[INDEX].splitlines(True), reverse=True)))(parts),
        INDEX,
        "index-order",
    ),
    "a line of the index less": (
        lambda parts: put(INDEX, parts[INDEX].split(b"\n", 1)[1])(parts),
        INDEX,
        "index-missing",
    ),
    "a wrong offset": (
        lambda parts: put(INDEX, parts[INDEX].replace(b'"offset": "', b'"offset": "1'))(parts),
        INDEX,
        "index-record",
    ),
    "a byte of a record": (
        lambda parts: put(
            WARC, b"".join(gzip.compress(piece.replace(b"lua", b"lue")) for piece in gzip_members(parts[WARC]))
        )(parts),
        WARC,
        "block-digest",
    ),
    "an archive cut": (lambda parts: put(WARC, parts[WARC][:-9])(parts), WARC, "gzip-cut"),
}


def gzip_members(data: bytes) -> list[bytes]:
    return [content for _, content in members(data)]


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(wacz: Path, name: str) -> None:
    damage, part, rule = DAMAGE[name]
    with zipfile.ZipFile(wacz) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wacz, "w") as archive:
        for key, data in damage(parts).items():
            archive.writestr(key, data)
    assert (part, rule) in {(found[0], found[3]) for found in check_wacz(wacz)}


def test_damage_to_the_zip(wacz: Path) -> None:
    data = wacz.read_bytes()
    wacz.write_bytes(data[:-40])
    assert [fault[3] for fault in check_wacz(wacz)] == ["wacz"]
    broken = bytearray(data)
    broken[data.index(b"\x1f\x8b") + 20] ^= 1
    wacz.write_bytes(broken)
    assert {fault[3] for fault in check_wacz(wacz)} >= {"wacz"}


@pytest.mark.parametrize(
    "put",
    [
        {8: 0x01},  # encrypted
        {10: 0x0E},  # packed by LZMA
        {23: 0x01},  # another size in the ZIP's directory than the part has
        {27: 0x01},
        {9: 0x08, 46: 0xFF},  # a name in UTF-8 that is none
    ],
)
def test_a_part_that_cannot_be_read_is_named(wacz: Path, put: dict[int, int]) -> None:
    data = bytearray(wacz.read_bytes())
    entry = data.index(b"PK\x01\x02")
    for place, byte in put.items():
        data[entry + place] = byte
    wacz.write_bytes(data)
    assert {fault[3] for fault in check_wacz(wacz)} >= {"wacz"}


def test_a_deflated_archive_is_named(wacz: Path) -> None:
    with zipfile.ZipFile(wacz) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wacz, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in parts.items():
            archive.writestr(key, data)
    assert {(fault[3], fault[4]) for fault in check_wacz(wacz)} == {
        ("wacz", "it is deflated: players cannot seek in it")
    }


@pytest.mark.slow
def test_memory_stays_small(tmp_path: Path) -> None:
    """80 MB of archive and 40 MB of text go through a few MB."""
    file = WarcFile(tmp_path / "a.warc.gz", FIELDS)
    for number in range(40):
        body = Random(number).randbytes(1 << 21)
        file.append(capture(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body))
    file.close()
    code = """
import resource, sys
from pathlib import Path
from warc.wacz import Wacz
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Wacz(Path(sys.argv[2]), {}) as out:
    out.add_warcs([Path(sys.argv[1])])
    out.add_pages({"url": "u", "ts": "t", "text": "chữ " * 10_000} for _ in range(1000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "a.warc.gz"), str(tmp_path / "a.wacz")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) < 30_000  # kB


@pytest.mark.slow
def test_the_peer_accepts_it(wacz: Path, tmp_path: Path) -> None:
    run = run_peer("wacz", "validate", "-f", wacz)
    assert "Validation succeeded" in run.stdout, run.stdout
    with zipfile.ZipFile(wacz, "a") as archive:
        archive.writestr("logs/a.log", b"a")
    assert "Validation succeeded" not in run_peer("wacz", "validate", "-f", wacz).stdout


@pytest.mark.slow
def test_pywb_takes_it_over(wacz: Path, tmp_path: Path) -> None:
    manager = peer("wayback").with_name("wb-manager")
    for command in (("init", "tin"), ("add", "--unpack-wacz", "tin", wacz)):
        done = subprocess.run([manager, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr
    taken = (tmp_path / "collections" / "tin" / "indexes" / "index.cdxj").read_bytes().splitlines()
    with zipfile.ZipFile(wacz) as file:
        assert len(taken) == len(file.read(INDEX).splitlines()) > 1


@pytest.mark.slow
def test_what_the_peer_writes_is_accepted(tmp_path: Path) -> None:
    run = run_peer("wacz", "create", "-o", tmp_path / "peer.wacz", second(tmp_path))
    assert run.returncode == 0, run.stderr
    assert [fault for fault in check_wacz(tmp_path / "peer.wacz") if fault[3] != "wacz"] == []


@pytest.mark.slow
def test_a_crawl_in_one_file(crawl: Crawler, tmp_path: Path) -> None:
    run = crawl("baoquocte", "-a", "max_articles=30")
    base = [sys.executable, "-m", "scrapy", "wacz", "-s", f"ARCHIVE_DIR={run.archive}"]
    for more in ([], ["--spider", "baoquocte", "--since", "2026-01-01"]):
        target = tmp_path / "crawl.wacz"
        done = subprocess.run([*base, *more, "-o", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert "30 pages" in done.stderr
        assert list(check_wacz(target)) == []
        assert "Validation succeeded" in run_peer("wacz", "validate", "-f", target).stdout


@pytest.mark.slow
def test_a_run_over_midnight_is_whole_from_its_second_day_on(crawl: Crawler, tmp_path: Path) -> None:
    archive = crawl("baoquocte", "-a", "max_articles=5").archive
    for lines in archive.glob("articles/*/*.jsonl"):  # the names of lines tell when their run began
        begun = datetime.strptime(lines.name[:8], "%Y%m%d").replace(tzinfo=UTC)
        lines.rename(lines.with_name(f"{begun - timedelta(1):%Y%m%d}{lines.name[8:]}"))
    base = [sys.executable, "-m", "scrapy", "wacz", "-s", f"ARCHIVE_DIR={archive}", "--since", f"{begun:%Y-%m-%d}"]
    done = subprocess.run([*base, "-o", tmp_path / "a.wacz"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("scrapy: 2 WARC files, 5 pages"), done.stderr
    assert [name for name in zipfile.ZipFile(tmp_path / "a.wacz").namelist() if name.startswith("articles/")]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "warc" / "baoquocte"
    folder.mkdir(parents=True)
    large = write_every_kind(tmp_path).read_bytes() * 5_000
    (folder / "baoquocte-20261121000000-00000-a.warc.gz").write_bytes(large)
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.wacz").write_bytes(b"older")
    command = [sys.executable, "-m", "scrapy", "wacz", "-s", f"ARCHIVE_DIR={tmp_path / 'archive'}"]
    with subprocess.Popen([*command, "-o", out / "a.wacz"], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 30
        while time.monotonic() < until and len(list(out.iterdir())) < 3:
            time.sleep(0.05)
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (11, "scrapy: interrupted; nothing was written\n")
    assert [(path.name, path.read_bytes()) for path in out.iterdir()] == [("a.wacz", b"older")]
