"""Indexes: keys as replay tools make them, lines as cdxj-indexer writes them, and every wrong line named."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Crawler
from tests.peers import peer, run_peer
from tests.test_warc_reader import by_fastwarc, by_warcio
from tests.test_warc_record import DATE, GET, VISIT
from tests.test_warc_writer import FIELDS, NAME, capture, write_every_kind
from warc import record
from warc.cdxj import BadLine, index_lines, merge, parse_line, timestamp14, write_index
from warc.cdxj_check import captures_of, check_index
from warc.message import read_message
from warc.reader import DamagedRecord, read_at
from warc.record import NOT_MODIFIED, Original, Visit
from warc.surt import surt
from warc.writer import WarcFile, is_meta

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<h1>lua chin"
NOT_CHANGED = b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n"

# The peer's keys, noted once; the slow test below asks it again, and for many more.
KEYS = [
    ("https://baoquocte.vn/mua-gat-1.html", "vn,baoquocte)/mua-gat-1.html"),
    ("https://www.vietnam.vn/en/tin/", "vn,vietnam)/en/tin"),
    ("http://WWW2.Example.VN:80/A/../B/./C//d.html#x", "vn,example)/b/c/d.html"),
    ("https://example.vn:8443/", "vn,example:8443)/"),
    ("http://example.vn:443/", "vn,example:443)/"),
    ("http://example.vn", "vn,example)/"),
    ("http://example.vn/?", "vn,example)/"),
    ("http://example.vn/t?b=2&a=1&a=&a", "vn,example)/t?a&a=&a=1&b=2"),
    ("http://example.vn/t?B=Hai&c", "vn,example)/t?b=hai&c"),
    ("http://example.vn/c%C3%A0%20ph%C3%AA", "vn,example)/c%c3%a0%20ph%c3%aa"),
    ("http://example.vn/%2541", "vn,example)/a"),
    ("http://example.vn/a%23b?c=%23", "vn,example)/a%23b?c=%23"),
    ("http://u:p@example.vn/", "vn,example)/"),
    ("http://127.0.0.1:8000/x", "1,0,0,127:8000)/x"),
    ("http://example.vn/a.jsp?jsessionid=0123456789abcdef0123456789ABCDEF&b=1", "vn,example)/a.jsp?b=1"),
    ("http://example.vn/..", "vn,example)/.."),
    ("urn:dom:https://example.vn/Tin-1.html?b&a", "urn:dom:https://example.vn/tin-1.html?a&b"),
    ("urn:text:x", "urn:text:x"),
]


@pytest.mark.parametrize(("uri", "key"), KEYS)
def test_keys(uri: str, key: str) -> None:
    assert surt(uri) == key


@given(st.text(max_size=60))
def test_every_text_has_a_key_without_surprises(text: str) -> None:
    key = surt(f"https://bao.vn/{text}")
    assert key.startswith("vn,bao)/")
    assert key == surt(f"http://WWW.bao.vn:80/{text}")
    assert key.isascii()
    assert not any(character.isspace() or character.isupper() for character in key)


@pytest.mark.parametrize(
    ("date", "digits"),
    [
        ("2026-11-21T10:00:00Z", "20261121100000"),
        ("2026-11-21T10:00:00.123456Z", "20261121100000"),
        ("2026-11-21T10:05Z", "20261121100500"),
        ("2026-11-21", "20261121000000"),
        ("2026", "20260101000000"),
    ],
)
def test_timestamps(date: str, digits: str) -> None:
    assert timestamp14(date) == digits


@pytest.fixture
def warc(tmp_path: Path) -> Path:
    """A response, a revisit of each kind, a resource."""
    file = WarcFile(tmp_path / NAME, FIELDS, date=DATE)
    first = capture(PAGE)
    file.append(first)
    message = read_message(PAGE)
    original = Original(first[0].record_id, VISIT.uri, DATE)
    later = Visit("https://baoquocte.vn/b.html", "2026-11-22T08:00:00Z")
    for again in (
        record.revisit(later, message, original),
        record.revisit(later, read_message(NOT_CHANGED), original, profile=NOT_MODIFIED),
    ):
        file.append([again, record.request(later, GET, concurrent_to=[again.record_id])])
    file.append([record.resource(Visit("urn:dom:" + VISIT.uri, DATE), b"<p>lua", "text/html; charset=utf-8")])
    path = file.close()
    assert path is not None
    return path


def test_lines(warc: Path) -> None:
    entries = [parse_line(line) for line in index_lines(warc)]
    assert [entry.fields.get("mime") for entry in entries] == ["text/html", "warc/revisit", "warc/revisit", "text/html"]
    assert [entry.fields.get("status") for entry in entries] == ["200", "200", "304", None]
    assert [entry.timestamp for entry in entries] == [
        "20261121100000",
        "20261122080000",
        "20261122080000",
        "20261121100000",
    ]
    assert entries[0].fields["digest"] == entries[1].fields["digest"]
    for entry in entries:
        there = read_at(warc, int(entry.offset))
        assert (entry.fields["url"], entry.fields["length"]) == (there.target_uri, str(there.length))
        assert entry.key == surt(there.target_uri)
        assert entry.filename == NAME


def test_an_index_is_sorted_bytewise_and_whole_or_not_there(warc: Path, tmp_path: Path) -> None:
    index = tmp_path / "indexes" / "a.cdxj"
    assert write_index(warc, index) == 4
    lines = index.read_bytes().splitlines(keepends=True)
    assert lines == sorted(index_lines(warc)) != list(index_lines(warc))
    warc.write_bytes(warc.read_bytes()[:-5])
    with pytest.raises(DamagedRecord):
        write_index(warc, index)
    assert index.read_bytes() == b"".join(lines)


def test_many_indexes_are_merged(tmp_path: Path) -> None:
    paths = []
    for number in range(450):
        paths.append(tmp_path / f"{number}.cdxj")
        paths[-1].write_bytes(b"".join(b"a%04d x\n" % (number + step) for step in (0, 450, 900)))
    merged = list(merge(paths))
    assert merged == sorted(set(merged))
    assert len(merged) == 450 * 3
    assert list(merge(paths[:2])) == sorted(b"".join(path.read_bytes() for path in paths[:2]).splitlines(keepends=True))
    assert list(merge([])) == []


@pytest.mark.parametrize(
    "line", [b"", b"a 1 {}\n", b"a 20261121100000 {}", b"a 20261121100000 [1]\n", b"a 20261121100000 {\n"]
)
def test_what_is_no_line(line: bytes) -> None:
    with pytest.raises(BadLine):
        parse_line(line)


def edited(number: int, **fields: str) -> Callable[[list[bytes]], list[bytes]]:
    def damage(lines: list[bytes]) -> list[bytes]:
        key, time, _ = lines[number].split(b" ", 2)
        entry = parse_line(lines[number]).fields | fields
        changed = b" ".join((key, time, json.dumps(entry).encode() + b"\n"))
        return [*lines[:number], changed, *lines[number + 1 :]]

    return damage


@pytest.mark.parametrize(
    ("uri", "date", "begins"),
    [
        ("", DATE, []),  # nobody can ask for it
        ("http://a b/ c", DATE, [b"a%20b)/%20c 20261121100000 "]),
        ("http://bao.vn/", "\u0662\u0660\u0662\u0666", [b"vn,bao)/ 00000101000000 "]),
    ],
)
def test_records_of_odd_addresses_and_dates(uri: str, date: str, begins: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    lines = ["WARC/1.1", "WARC-Type: response", f"WARC-Target-URI: {uri}", f"WARC-Date: {date}", "Content-Length: 0"]
    path.write_bytes("\r\n".join([*lines, "", "", "", ""]).encode())
    assert [line[: len(begin)] for line, begin in zip(index_lines(path), begins, strict=True)] == begins
    assert len(captures_of(path)) == len(begins)


WRONG: dict[str, tuple[Callable[[list[bytes]], list[bytes]], set[str]]] = {
    "order": (lambda lines: lines[::-1], {"index-order"}),
    "a line twice": (lambda lines: [lines[0], *lines], {"index-order"}),
    "no JSON": (lambda lines: [lines[0][:-5] + b"\n", *lines[1:]], {"index-line", "index-missing"}),
    "no line end": (lambda lines: [*lines[:-1], lines[-1][:-1]], {"index-line", "index-missing"}),
    "a line less": (lambda lines: lines[1:], {"index-missing"}),
    "offset": (edited(0, offset="5"), {"index-record", "index-missing"}),
    "offset of a request": (edited(1, offset="0"), {"index-record", "index-missing"}),
    "length": (edited(0, length="5"), {"index-record"}),
    "status": (edited(0, status="404"), {"index-record"}),
    "digest": (edited(2, digest="sha1:" + "A" * 32), {"index-record"}),
    "mime": (edited(0, mime="text/plain"), {"index-record"}),
    "address": (edited(1, url="http://x/"), {"index-record"}),
    "file": (edited(0, filename="b.warc.gz"), {"index-record", "index-missing"}),
    "key": (lambda lines: [b"vn,a)/ " + lines[0].split(b" ", 1)[1], *lines[1:]], {"index-record"}),
    "time": (lambda lines: [lines[0].replace(b" 2026", b" 2025", 1), *lines[1:]], {"index-record"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_indexes(warc: Path, name: str) -> None:
    damage, rules = WRONG[name]
    lines = sorted(index_lines(warc))
    captures = {NAME: captures_of(warc)}
    assert list(check_index(lines, captures.get, [NAME])) == []
    found = list(check_index(damage(lines), captures.get, [NAME]))
    assert {rule for _, rule, _ in found} == rules


def test_an_index_of_other_hands_may_say_less(warc: Path) -> None:
    captures = {NAME: captures_of(warc)}
    lines = [
        b" ".join((line.split(b" ")[0], line.split(b" ")[1], json.dumps({"offset": offset, "filename": NAME}).encode()))
        + b"\n"
        for line, offset in ((line, parse_line(line).offset) for line in sorted(index_lines(warc)))
    ]
    assert list(check_index(lines, captures.get, [NAME])) == []


# --- Peers --------------------------------------------------------------------------------------------------------

ASK = "import sys, json, surt; json.dump([surt.surt(url) for url in json.load(sys.stdin)], sys.stdout)"


def keys_of_peer(urls: list[str]) -> list[str]:
    python = peer("cdxj-indexer").with_name("python")
    run = subprocess.run(
        [python, "-c", ASK], input=json.dumps(urls), capture_output=True, text=True, timeout=60, check=True
    )
    return list(json.loads(run.stdout))


HOSTS = st.sampled_from(["bao.vn", "WWW.Bao.vn", "www3.a-b.com.vn:8080", "tin.bao.vn:80", "10.0.0.7"])
PIECES = st.sampled_from(
    [*"aZ9/?&=;.,+~%#-_", "..", "//", "%2F", "%25", "%C3%A9", "%E1%BA%BF", "sid=" + "0" * 32, "&&"]
)
URLS = st.builds(
    lambda scheme, host, pieces: f"{scheme}://{host}/{''.join(pieces)}",
    st.sampled_from(["http", "https"]),
    HOSTS,
    st.lists(PIECES, max_size=12),
)


@pytest.mark.slow
def test_keys_are_those_of_the_peer() -> None:
    urls: list[str] = [uri for uri, _ in KEYS]

    @settings(max_examples=1500, database=None, deadline=None)
    @given(URLS)
    def gather(url: str) -> None:
        urls.append(url)

    gather()
    assert [(url, surt(url)) for url in urls] == list(zip(urls, keys_of_peer(urls), strict=True))


def lines_of_peer(path: Path) -> list[bytes]:
    run = run_peer("cdxj-indexer", path)
    assert run.returncode == 0, run.stderr
    return run.stdout.encode().splitlines(keepends=True)


@pytest.mark.slow
def test_lines_are_those_of_the_peer(warc: Path, tmp_path: Path) -> None:
    foreign = [
        by_warcio(tmp_path / "a.warc.gz"),
        by_warcio(tmp_path / "b.warc.gz", "WARC/1.1"),
        by_fastwarc(tmp_path / "c.warc.gz"),
    ]
    for path in (warc, *foreign):
        assert list(index_lines(path)) == lines_of_peer(path)


@pytest.mark.slow
def test_lines_of_odd_messages(tmp_path: Path) -> None:
    """Broken heads too: where readers disagree on the payload, the place and the time are the same."""
    path = write_every_kind(tmp_path)
    for mine, theirs in zip(map(parse_line, index_lines(path)), map(parse_line, lines_of_peer(path)), strict=True):
        assert (mine.key, mine.timestamp, mine.offset) == (theirs.key, theirs.timestamp, theirs.offset)
        assert mine.fields["length"] == theirs.fields["length"]
        if read_at(path, int(mine.offset)).get("WARC-Payload-Digest"):
            assert mine.fields["digest"] == theirs.fields["digest"]


@pytest.mark.slow
def test_lines_of_a_crawl(crawl: Crawler) -> None:
    run = crawl("baoquocte", "-a", "max_articles=60")
    for path in run.archive.rglob("*.warc.gz"):
        if not is_meta(path.name):  # the run's own files are no captures of the web
            assert list(index_lines(path)) == lines_of_peer(path)
