import base64
import gzip
import hashlib
import io
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_warc_message import MESSAGES
from tests.test_warc_reader import PLAIN_1_0, by_fastwarc, by_warcio
from tests.test_warc_record import DATE, GET, VISIT
from tests.test_warc_writer import FIELDS, NAME, beside, capture, members, peer, write_every_kind
from warc import record
from warc.__main__ import main as command
from warc.digest import digest_of
from warc.examine import parse_digest
from warc.message import read_message
from warc.reader import DamagedRecord, read_captures
from warc.record import Original, Visit
from warc.rules import is_date
from warc.verify import RULES, verify
from warc.writer import WarcFile

# The parts of the file that the table below damages, in the order they stand in it.
WARCINFO, RESPONSE, REQUEST, METADATA, REVISIT, REVISIT_REQUEST, RESOURCE, LOOKUP, CHAIN, CHUNKED, CHUNKED_REQUEST = (
    range(11)
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> list[bytes]:
    """The records of a small sound file, uncompressed."""
    file = WarcFile(tmp_path_factory.mktemp("sound") / NAME, FIELDS, date=DATE)
    first = capture()
    file.append(first)
    again = record.revisit(VISIT, read_message(MESSAGES["identity"][0]), Original(first[0].record_id, VISIT.uri, DATE))
    file.append([again, record.request(VISIT, GET, concurrent_to=[again.record_id])])
    file.append([record.resource(Visit("urn:dom:" + VISIT.uri, DATE), b"<p>lua", "text/html")])
    file.append(beside(first[0].record_id))
    file.append(capture(MESSAGES["chunked"][0])[:2])
    path = file.close()
    assert verify(path).faults == []
    return [content for _, content in members(path.read_bytes())]


def split(content: bytes) -> tuple[bytes, bytes]:
    """Header and block of a record."""
    header, _, rest = content.partition(b"\r\n\r\n")
    return header + b"\r\n", rest[:-4]


def join(header: bytes, block: bytes) -> bytes:
    """A record whose length and block digest are right for this block."""
    header = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(block), header)
    header = re.sub(rb"WARC-Block-Digest: \S+", b"WARC-Block-Digest: " + digest_of(block).encode(), header)
    return header + b"\r\n" + block + b"\r\n\r\n"


def replaced(number: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """Damage to one record: a piece of it is replaced, and nothing else put right."""

    def damage(records: list[bytes]) -> list[bytes]:
        assert old in records[number], old
        return [*records[:number], records[number].replace(old, new, 1), *records[number + 1 :]]

    return damage


def matched(number: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """The same with a regular expression."""

    def damage(records: list[bytes]) -> list[bytes]:
        changed, count = re.subn(old, new, records[number], count=1)
        assert count, old
        return [*records[:number], changed, *records[number + 1 :]]

    return damage


def reblocked(number: int, old: bytes, new: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """Damage inside a block by someone who put length and block digest right."""

    def damage(records: list[bytes]) -> list[bytes]:
        header, block = split(records[number])
        assert old in block, old
        return [*records[:number], join(header, block.replace(old, new, 1)), *records[number + 1 :]]

    return damage


def dropped(*numbers: int) -> Callable[[list[bytes]], list[bytes]]:
    return lambda records: [one for number, one in enumerate(records) if number not in numbers]


def stored_chunked(records: list[bytes]) -> list[bytes]:
    """The chunked message with its framing, as a writer without the stored form would keep it."""
    header, _ = split(records[CHUNKED])
    raw = MESSAGES["chunked"][0]
    header = re.sub(rb"WARC-Payload-Digest: \S+", b"WARC-Payload-Digest: " + digest_of(b"nuoc lon").encode(), header)
    return [*records[:CHUNKED], join(header, raw), *records[CHUNKED + 1 :]]


def bare_head(records: list[bytes]) -> list[bytes]:
    """A payload digest on a head with bare LF: right by our reading, wrong by FastWARC's."""
    header, block = split(records[RESPONSE])
    return [*records[:RESPONSE], join(header, block.replace(b"\r\n", b"\n")), *records[RESPONSE + 1 :]]


LINE = rb"[^\r]+\r\n"
RECORDS = {
    "another version": (replaced(RESPONSE, b"WARC/1.1", b"WARC/1.7"), {"version"}),
    "version 1.0": (replaced(RESPONSE, b"WARC/1.1", b"WARC/1.0"), {"version"}),
    "version line with bare LF": (replaced(RESPONSE, b"WARC/1.1\r\n", b"WARC/1.1\n"), {"version"}),
    "no version line": (replaced(METADATA, b"WARC/1.1\r\n", b""), {"garbage"}),
    "space behind the version": (replaced(RESPONSE, b"WARC/1.1\r\n", b"WARC/1.1 \r\n"), {"version"}),
    "CR behind the version": (replaced(RESPONSE, b"WARC/1.1\r\n", b"WARC/1.1\r\r\n"), {"version"}),
    "CR before CRLF": (matched(METADATA, rb"(WARC-Date: \S+)", rb"\1\r"), {"header-syntax", "date"}),
    "odd space behind a value": (
        matched(METADATA, rb"(WARC-Date: \S+)", rb"\1" + "\u3000".encode()),
        {"date"},
    ),
    "header line with bare LF": (matched(METADATA, rb"(WARC-Date: \S+)\r\n", rb"\1\n"), {"header-syntax"}),
    "header without colon": (replaced(METADATA, b"WARC-Cipher-Suite: ", b"WARC-Cipher-Suite "), {"header-syntax"}),
    "space before the colon": (replaced(METADATA, b"WARC-Cipher-Suite:", b"WARC-Cipher-Suite :"), {"header-syntax"}),
    "folded header": (replaced(METADATA, b"Cipher-Suite: ", b"Cipher-Suite:\r\n "), {"header-syntax"}),
    "NUL in a header": (replaced(METADATA, b"TLS_AES", b"TLS\x00AES"), {"header-syntax"}),
    "bare CR in a header": (replaced(METADATA, b"TLS_AES", b"TLS\rAES"), {"header-syntax"}),
    "header not UTF-8": (replaced(METADATA, b"TLS_AES", b"TLS\xffAES"), {"header-syntax"}),
    "header without end": (lambda r: [*r[:-1], split(r[-1])[0]], {"header-syntax", "concurrent-to"}),
    "no type": (matched(METADATA, rb"WARC-Type: " + LINE, b""), {"header-missing", "type"}),
    "unknown type": (replaced(METADATA, b"WARC-Type: metadata", b"WARC-Type: anecdote"), {"type"}),
    "no date": (matched(METADATA, rb"WARC-Date: " + LINE, b""), {"header-missing"}),
    "no record id": (matched(METADATA, rb"WARC-Record-ID: " + LINE, b""), {"header-missing"}),
    "no target URI": (matched(RESOURCE, rb"WARC-Target-URI: " + LINE, b""), {"header-missing"}),
    "no block digest": (matched(RESOURCE, rb"WARC-Block-Digest: " + LINE, b""), {"header-missing"}),
    "no payload digest": (matched(RESPONSE, rb"WARC-Payload-Digest: " + LINE, b""), {"header-missing", "revisit"}),
    "no content type": (matched(RESOURCE, rb"Content-Type: " + LINE, b""), {"header-missing"}),
    "two dates": (matched(METADATA, rb"(WARC-Date: " + LINE + rb")", rb"\1\1"), {"header-repeated"}),
    "two lengths": (matched(METADATA, rb"(Content-Length: " + LINE + rb")", rb"\1\1"), {"header-repeated"}),
    "date with a space": (replaced(RESOURCE, b"2026-11-21T10", b"2026-11-21 10"), {"date"}),
    "date without zone": (replaced(RESOURCE, b"10:00:00Z", b"10:00:00"), {"date"}),
    "date that does not exist": (replaced(RESOURCE, b"2026-11-21T", b"2026-02-30T"), {"date"}),
    "short date": (replaced(RESOURCE, b"2026-11-21T10:00:00Z", b"2026-11-21"), {"date"}),
    "id without brackets": (matched(RESOURCE, rb"WARC-Record-ID: <(\S+)>", rb"WARC-Record-ID: \1"), {"record-id"}),
    "id that tells the clock": (matched(RESOURCE, rb"(ID: <urn:uuid:.{14})4", rb"\g<1>1"), {"record-id"}),
    "record twice": (lambda r: [*r, r[METADATA]], {"record-id"}),
    "target URI with a space": (replaced(RESOURCE, b"urn:dom:", b"urn: dom:"), {"target-uri"}),
    "target URI in brackets": (matched(RESOURCE, rb"(URI: )(\S+)", rb"\1<\2>"), {"target-uri"}),
    "target URI not ASCII": (replaced(RESOURCE, b"urn:dom:", "urn:đom:".encode()), {"target-uri"}),
    "warcinfo with a target URI": (
        replaced(WARCINFO, b"WARC-Filename", b"WARC-Target-URI: urn:a:b\r\nWARC-Filename"),
        {"target-uri"},
    ),
    "no length": (matched(METADATA, rb"Content-Length: " + LINE, b""), {"content-length"}),
    "length is no number": (matched(METADATA, rb"Content-Length: \d+", b"Content-Length: -1"), {"content-length"}),
    "length too large": (matched(METADATA, rb"Content-Length: \d+", b"Content-Length: 999"), {"content-length"}),
    "length too small": (
        matched(METADATA, rb"Content-Length: \d+", b"Content-Length: 9"),
        {"block-digest", "record-end"},
    ),
    "block cut": (lambda r: [*r[:-1], r[-1][:-9]], {"content-length", "concurrent-to"}),
    "one CRLF behind the block": (lambda r: [r[0], r[1][:-2], *r[2:]], {"record-end"}),
    "LF behind the block": (lambda r: [*r[:6], r[6][:-4] + b"\n\n", *r[7:]], {"record-end"}),
    "digest of another algorithm": (
        matched(RESOURCE, rb"sha1:\S+", b"sha256:" + b"a" * 64),
        {"digest-syntax", "block-digest"},
    ),
    "digest in hexadecimal": (
        lambda r: [*r[:6], re.sub(rb"sha1:\S+", b"sha1:" + hashlib.sha1(b"<p>lua").hexdigest().encode(), r[6]), *r[7:]],
        {"digest-syntax"},
    ),
    "half a digest": (matched(RESOURCE, rb"sha1:\S{9}", b"sha1:"), {"digest-syntax"}),
    "digest without algorithm": (matched(RESOURCE, rb"sha1:", b""), {"digest-syntax"}),
    "a byte of the block": (replaced(RESOURCE, b"<p>lua", b"<p>lue"), {"block-digest"}),
    "a byte of the head": (replaced(RESPONSE, b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ok"), {"block-digest"}),
    "a byte of the body": (
        replaced(RESPONSE, "Chợ".encode(), "Chơ".encode() + b"x"),
        {"block-digest", "payload-digest"},
    ),
    "a body put in its place": (reblocked(RESPONSE, b"Ch", b"ch"), {"payload-digest"}),
    "a digest put in its place": (
        matched(RESPONSE, rb"(WARC-Payload-Digest: )\S+", rb"\1" + digest_of(b"x").encode()),
        {"payload-digest", "revisit"},
    ),
    "a payload that readers see elsewhere": (bare_head, {"payload-digest"}),
    "no request line": (reblocked(REQUEST, b"GET /tin-1.html HTTP/1.1", b"GET"), {"http-head"}),
    "HTTP head without end": (reblocked(REQUEST, b"\r\n\r\n", b"\r\n"), {"http-head"}),
    "response that is no HTTP": (
        replaced(RESPONSE, b"application/http", b"text/html"),
        {"http-head", "payload-digest"},
    ),
    "chunk framing kept": (stored_chunked, {"stored-form"}),
    "wrong length for a chunked body": (
        reblocked(CHUNKED, b"Content-Length: 8", b"Content-Length: 7"),
        {"stored-form"},
    ),
    "a body that ended early, unmarked": (
        reblocked(RESPONSE, b"Content-Length: 39", b"Content-Length: 99"),
        {"truncated"},
    ),
    "unknown truncation": (
        replaced(RESOURCE, b"Content-Type", b"WARC-Truncated: tired\r\nContent-Type"),
        {"truncated"},
    ),
    "no warcinfo": (dropped(WARCINFO), {"warcinfo", "warcinfo-id"}),
    "warcinfo in second place": (lambda r: [r[1], r[0], *r[2:]], {"warcinfo", "warcinfo-id"}),
    "warcinfo that is no fields": (reblocked(WARCINFO, b"robots: ", b"robots "), {"warcinfo"}),
    "another file's name": (replaced(WARCINFO, NAME.encode(), b"x.warc.gz"), {"filename"}),
    "no file name": (matched(WARCINFO, rb"WARC-Filename: " + LINE, b""), {"filename"}),
    "no warcinfo id": (matched(RESOURCE, rb"WARC-Warcinfo-ID: " + LINE, b""), {"warcinfo-id"}),
    "another warcinfo id": (matched(RESOURCE, rb"(Warcinfo-ID: <urn:uuid:)....", rb"\1ffff"), {"warcinfo-id"}),
    "request lost": (dropped(REQUEST), {"concurrent-to"}),
    "response lost": (dropped(CHUNKED), {"concurrent-to"}),
    "request names nothing": (matched(REVISIT_REQUEST, rb"WARC-Concurrent-To: " + LINE, b""), {"concurrent-to"}),
    "request of another hour": (replaced(REQUEST, b"T10:00:00Z", b"T11:00:00Z"), {"concurrent-to"}),
    "request for another page": (replaced(REQUEST, b"vn/tin-1.html", b"vn/tin-2.html"), {"concurrent-to"}),
    "lookup of another type": (replaced(LOOKUP, b"text/dns", b"text/plain"), {"http-head"}),
    "chain of a record that is not there": (
        matched(CHAIN, rb"(Refers-To: <urn:uuid:)....", rb"\1ffff"),
        {"concurrent-to"},
    ),
    "revisit without profile": (matched(REVISIT, rb"WARC-Profile: " + LINE, b""), {"header-missing", "revisit"}),
    "unknown profile": (replaced(REVISIT, b"identical-payload-digest", b"something"), {"revisit"}),
    "revisit of nothing": (matched(REVISIT, rb"WARC-Refers-To: " + LINE, b""), {"revisit"}),
    "revisit without its date": (matched(REVISIT, rb"WARC-Refers-To-Date: " + LINE, b""), {"revisit"}),
    "revisit of a metadata record": (
        lambda r: matched(REVISIT, rb"(Refers-To: )\S+", rb"\1" + re.search(rb"ID: (\S+)", r[METADATA])[1])(r),
        {"revisit"},
    ),
    "revisit of another payload": (
        matched(REVISIT, rb"(Payload-Digest: )\S+", rb"\1" + digest_of(b"x").encode()),
        {"revisit"},
    ),
    "revisit of another day": (matched(REVISIT, rb"(To-Date: 2026-11-)21", rb"\g<1>20"), {"revisit"}),
    "revisit with a body": (reblocked(REVISIT, b"\r\n\r\n", b"\r\n\r\nlua"), {"revisit"}),
    "revisit with the digest of nothing": (
        matched(REVISIT, rb"(Block-Digest: )\S+", rb"\1" + digest_of(b"").encode()),
        {"block-digest"},
    ),
    "revisit that is not marked": (matched(REVISIT, rb"WARC-Truncated: " + LINE, b""), {"revisit"}),
    "two records in a member": (
        lambda r: [*r[:CHAIN], r[CHAIN] + r[CHUNKED], *r[CHUNKED_REQUEST:]],
        {"gzip-member", "concurrent-to"},
    ),
    "bytes behind the record": (lambda r: [*r[:6], r[6] + b"\r\n", *r[7:]], {"gzip-member"}),
    "empty member": (lambda r: [*r, b""], {"gzip-member"}),
    "a record between two": (lambda r: [*r, b"WARC/1.1\r\n\r\n"], {"content-length"}),
}


@pytest.mark.parametrize("name", RECORDS)
def test_damage_to_records(sound, tmp_path, name):
    damage, rules = RECORDS[name]
    path = tmp_path / NAME
    path.write_bytes(b"".join(map(gzip.compress, damage(sound))))
    assert {fault.rule for fault in verify(path).faults} == rules


def test_damage_is_told_at_its_offset(sound, tmp_path):
    """Whatever is wrong in one record alone is reported at that record, by offset and, where it can be read, by id."""
    path = tmp_path / NAME
    tried = 0
    for name, (damage, rules) in RECORDS.items():
        records = damage(sound)
        different = [number for number, one in enumerate(sound) if len(records) != len(sound) or records[number] != one]
        if len(different) != 1:
            continue
        pieces = [gzip.compress(one) for one in records]
        path.write_bytes(b"".join(pieces))
        offset = len(b"".join(pieces[: different[0]]))
        at = [fault for fault in verify(path).faults if fault.offset == offset]
        assert at, name
        assert {fault.rule for fault in at} & rules, name
        tried += 1
    assert tried > 60


def flipped(data: bytes, position: int, bit: int = 0) -> bytes:
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]


BYTES = {
    "last byte lost": (lambda data, at: data[:-1], {"gzip-cut"}),
    "last record cut": (lambda data, at: data[: at[-1] + 40], {"gzip-cut", "concurrent-to"}),
    "last record cut to one byte": (lambda data, at: data[: at[-1] + 1], {"gzip-cut", "concurrent-to"}),
    "beginning lost": (lambda data, at: data[5:], {"garbage", "warcinfo", "warcinfo-id"}),
    "checksum of a member": (
        lambda data, at: flipped(data, at[METADATA] - 8),
        {"gzip-crc", "concurrent-to"},  # so the request is lost
    ),
    "length of a member": (
        lambda data, at: flipped(data, at[METADATA] - 4),
        {"gzip-crc", "concurrent-to"},  # so the request is lost
    ),
    "zeros behind the end": (lambda data, at: data + bytes(512), {"garbage"}),
    "a line behind the end": (lambda data, at: data + b"\r\n", {"garbage"}),
    "half a magic number behind the end": (lambda data, at: data + b"\x1f\x8b", {"gzip-cut"}),
    "text between members": (lambda data, at: data[: at[3]] + b"hello" + data[at[3] :], {"garbage"}),
    "a hole of zeros": (
        lambda data, at: data[: at[6]] + bytes(at[7] - at[6]) + data[at[7] :],
        {"garbage"},
    ),
    "nothing": (lambda data, at: b"", {"empty"}),
    "no archive": (lambda data, at: b"\x89PNG\r\n", {"garbage", "empty"}),
}


@pytest.mark.parametrize("name", BYTES)
def test_damage_to_bytes(sound, tmp_path, name):
    damage, rules = BYTES[name]
    pieces = [gzip.compress(one) for one in sound]
    starts = [sum(map(len, pieces[:number])) for number in range(len(pieces))]
    path = tmp_path / NAME
    path.write_bytes(damage(b"".join(pieces), starts))
    assert {fault.rule for fault in verify(path).faults} == rules


def test_the_tables_know_every_rule():
    told = set().union(*(rules for _, rules in (*RECORDS.values(), *BYTES.values())))
    assert told | {"gzip-data", "cut"} == set(RULES)  # these two have tests of their own


def test_a_fault_names_offset_and_record(sound, tmp_path):
    path = tmp_path / NAME
    damage, _ = RECORDS["a byte of the block"]
    path.write_bytes(b"".join(map(gzip.compress, damage(sound))))
    [fault] = verify(path).faults
    assert fault.offset == [offset for offset, _ in members(path.read_bytes())][RESOURCE]
    assert fault.record_id == re.search(rb"ID: (\S+)", sound[RESOURCE])[1].decode()
    assert not verify(path)
    assert verify(path).records == len(sound)


def test_reading_goes_on_behind_damage(sound, tmp_path):
    """The members around a broken one are read; deflate data broken in the middle is named as such."""
    body = base64.b64encode(hashlib.sha512(b"a").digest() * 50)
    header, _ = split(sound[RESOURCE])
    pieces = [gzip.compress(one) for one in [*sound[:6], join(header, body), *sound[7:]]]
    middle = len(b"".join(pieces[:6])) + 60
    data = b"".join(pieces)
    path = tmp_path / NAME
    path.write_bytes(data[:middle] + b"\xff" * 30 + data[middle + 30 :])
    report = verify(path)
    assert report.records in (len(sound) - 1, len(sound))
    assert {fault.rule for fault in report.faults} <= {"gzip-data", "gzip-crc", "block-digest", "header-syntax"}
    broken = bytearray(data)
    broken[len(pieces[0]) + 10] = 0xFF  # a deflate block of the reserved type
    path.write_bytes(broken)
    assert "gzip-data" in {fault.rule for fault in verify(path).faults}


def test_every_message_and_record_kind_is_sound(tmp_path):
    path = write_every_kind(tmp_path)
    report = verify(path)
    assert report.faults == []
    assert report
    assert report.ours
    assert report.records == len(members(path.read_bytes()))


@pytest.mark.slow
def test_a_cut_at_any_byte_is_found(sound, tmp_path):
    """Only a cut between two captures leaves a file that looks whole; the committed length tells that one too."""
    pieces = [gzip.compress(one) for one in sound]
    data = b"".join(pieces)
    ends = [sum(map(len, pieces[: number + 1])) for number in range(len(pieces))]
    whole = (WARCINFO, REQUEST, METADATA, REVISIT_REQUEST, RESOURCE, LOOKUP, CHAIN, CHUNKED_REQUEST)
    between = {ends[number] for number in whole}
    path = tmp_path / NAME
    near = {end + distance for end in (0, *ends) for distance in range(-12, 13)}
    for size in sorted({*range(0, len(data), 4), *near} & set(range(len(data)))):
        path.write_bytes(data[:size])
        assert bool(verify(path)) is (size in between), size
        if size in between:
            assert [fault.rule for fault in verify(path, committed=len(data)).faults] == ["cut"]


def test_a_flipped_bit_anywhere_is_found(sound, tmp_path):
    """Harmless are time, extra flags and system in a gzip header, and the bits that fill up the last deflate byte."""
    pieces = [gzip.compress(one, mtime=0) for one in sound[:4]]
    data = b"".join(pieces)
    starts = [sum(map(len, pieces[:number])) for number in range(4)]
    harmless = {start + position for start in starts for position in (4, 5, 6, 7, 8, 9)}
    harmless |= {end - 9 for end in (*starts[1:], len(data))}
    path = tmp_path / NAME
    for position in range(0, len(data), 3):
        for bit in (3, 6, 7) if position - 3 in starts else (0, 3, 7):  # the header's bit 0 says "text"
            path.write_bytes(flipped(data, position, bit))
            assert position in harmless or not verify(path), (position, bit)


def test_an_open_file_is_read_up_to_its_committed_length(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    file.append(capture())
    committed = file.size
    file.append(capture())
    file.open_path.write_bytes(file.open_path.read_bytes()[:-30])
    assert not verify(file.open_path)
    report = verify(file.open_path, committed=committed)
    assert (report.faults, report.records) == ([], 4)
    assert {fault.rule for fault in verify(file.open_path, committed=committed + 3).faults} == {"gzip-cut"}
    assert "cut" in {fault.rule for fault in verify(file.open_path, committed=10**9).faults}
    file.open_path.rename(file.path)
    assert [fault.rule for fault in verify(file.path, committed=committed).faults] == ["garbage"]


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: by_warcio(folder / "a.warc.gz"),
        lambda folder: by_warcio(folder / "a.warc"),
        lambda folder: by_warcio(folder / "a.warc.gz", "WARC/1.1"),
        lambda folder: by_warcio(folder / "a.warc", "WARC/1.1"),
        lambda folder: by_fastwarc(folder / "a.warc.gz"),
    ],
)
def test_other_producers_are_accepted(tmp_path, write):
    report = verify(write(tmp_path))
    assert report.faults == []
    assert not report.ours


OF_A = "sha1:" + base64.b32encode(hashlib.sha1(b"lua").digest()).decode()
PROFILE = "WARC-Profile: http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"


@pytest.mark.parametrize(
    ("kind", "headers", "block"),
    [
        ("revisit", [PROFILE, f"WARC-Payload-Digest: {OF_A}"], b""),  # without a block no Content-Type is asked for
        ("revisit", [PROFILE, f"WARC-Payload-Digest: {OF_A}", "Content-Type: text/dns"], b""),
        # as wget --warc-dedup writes it
        (
            "revisit",
            [PROFILE, f"WARC-Block-Digest: {digest_of(b'')}", "Content-Type: application/http;msgtype=response"],
            b"HTTP/1.0 200 OK\r\n\r\n",
        ),
        ("resource", ["WARC-Segment-Number: 1", f"WARC-Payload-Digest: {OF_A}", "Content-Type: text/plain"], b"lu"),
        ("continuation", ["WARC-Segment-Number: 2", f"WARC-Payload-Digest: {OF_A}"], b"a"),
        ("conversion", [f"WARC-Payload-Digest: {OF_A}", "Content-Type: text/plain"], b"lua"),
        ("conversion", ["Content-Length:", " 3", "Content-Type:", "\ttext/plain"], b"lua"),
    ],
)
def test_what_the_standard_allows_others(tmp_path, kind, headers, block):
    lines = ["WARC/1.1", f"WARC-Type: {kind}", "WARC-Record-ID: <urn:a:1>", "WARC-Date: 2026-11-21T10:00:00Z"]
    lines += ["WARC-Target-URI: http://bao.vn/", *headers]
    lines += [] if "Content-Length:" in headers else [f"Content-Length: {len(block)}"]
    path = tmp_path / "a.warc"
    path.write_bytes("".join(f"{line}\r\n" for line in [*lines, ""]).encode() + block + b"\r\n\r\n")
    assert (verify(path).faults, verify(path).records) == ([], 1)


def test_an_old_plain_file_is_accepted_and_its_damage_found(tmp_path):
    path = tmp_path / "old.warc"
    path.write_bytes(PLAIN_1_0)
    assert (verify(path).faults, verify(path).records) == ([], 3)
    for change, rules, records in (
        (lambda data: data[:-1], ["record-end"], 3),
        (lambda data: data[:-10], ["content-length"], 2),
        (lambda data: data.replace(b"Length: 19", b"Length: 18"), ["record-end"], 3),
        (lambda data: data.replace(b"WARC/1.0", b"XARC/1.0", 1), ["garbage"], 2),
        (lambda data: data.replace(b"2015-03-01T00:00:01Z", b"2015-03-01T00:00:01.5Z", 1), ["date"], 3),
        (lambda data: data + b"text", ["garbage"], 3),
    ):
        path.write_bytes(change(PLAIN_1_0))
        report = verify(path)
        assert ([fault.rule for fault in report.faults], report.records) == (rules, records)


def test_our_measure_can_be_asked_of_any_file(tmp_path):
    path = by_warcio(tmp_path / "a.warc.gz")
    assert {fault.rule for fault in verify(path, strict=True).faults} >= {"version", "warcinfo-id", "stored-form"}
    own = write_every_kind(tmp_path)
    assert verify(own.rename(tmp_path / "b.warc.gz"), strict=False).faults == []
    assert [fault.rule for fault in verify(tmp_path / "b.warc.gz").faults] == ["filename"]


def test_an_answer_to_head_may_be_shorter_than_announced(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    response = record.response(VISIT, read_message(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "HEAD"))
    for method, rules in (("HEAD", []), ("GET", ["truncated"])):
        request = f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        file.append([response, record.request(VISIT, request, concurrent_to=[response.record_id])])
        assert [fault.rule for fault in verify(file.open_path).faults] == rules
        file.discard()
        file = WarcFile(tmp_path / NAME, FIELDS)
    file.discard()


def test_a_request_that_got_no_answer_is_sound_when_metadata_says_so(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    asked = record.request(VISIT, GET)
    file.append([asked])
    assert [fault.rule for fault in verify(file.open_path).faults] == ["concurrent-to"]
    file.append([record.metadata(VISIT, {"error": "timeout"}, concurrent_to=[asked.record_id])])
    assert verify(file.open_path).faults == []
    file.discard()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(0, 8),
    where=st.floats(0, 1, exclude_max=True),
    length=st.integers(0, 40),
    put=st.one_of(
        st.binary(max_size=5),
        st.sampled_from([b"\r\n", b"\r\n\r\n", b"WARC/1.1\r\n", b"Content-Length: 5\r\n", b": ", b"\xc2\x85"]),
    ),
    suffix=st.sampled_from([".warc", ".warc.gz"]),
)
def test_no_damage_is_too_odd_to_be_reported(sound, tmp_path, number, where, length, put, suffix):
    """Whatever stands in a record, verify reports and the reader reads or refuses; neither fails in another way.

    Damage in a block is always found; a header's harmless values (a cipher's name) have no digest to tell.
    """
    content = sound[number]
    start = int(where * len(content))
    records = [*sound[:number], content[:start] + put + content[start + length :], *sound[number + 1 :]]
    path = (tmp_path / NAME).with_suffix("").with_suffix(suffix)
    path.write_bytes(b"".join(map(gzip.compress, records) if suffix == ".warc.gz" else records))
    report = verify(path, strict=True)
    if records[number] != content and start >= content.index(b"\r\n\r\n"):
        assert not report
    if records[number] == content and suffix == ".warc.gz":
        assert report
    with suppress(DamagedRecord):
        assert len(list(read_captures(path))) <= len(sound)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", ("sha1", hashlib.sha1(b"").digest())),
        ("SHA-1:da39a3ee5e6b4b0d3255bfef95601890afd80709", ("sha1", hashlib.sha1(b"").digest())),
        ("sha256:" + hashlib.sha256(b"a").hexdigest(), ("sha256", hashlib.sha256(b"a").digest())),
        (
            "sha256:" + base64.b32encode(hashlib.sha256(b"a").digest()).decode(),
            ("sha256", hashlib.sha256(b"a").digest()),
        ),
        ("md5:" + base64.b64encode(hashlib.md5(b"a").digest()).decode(), ("md5", hashlib.md5(b"a").digest())),
        (
            "md5:" + base64.b64encode(hashlib.md5(b"a").digest()).decode().rstrip("="),
            ("md5", hashlib.md5(b"a").digest()),
        ),
        ("xxh64:00", ("xxh64", b"")),
        ("sha1:3i42h3s6nnfq2msvx7xzkyayscx5qbyj", ("sha1", hashlib.sha1(b"").digest())),
        (
            "sha256:" + base64.urlsafe_b64encode(hashlib.sha256(b"abc").digest()).decode(),
            ("sha256", hashlib.sha256(b"abc").digest()),
        ),
        ("sha1:2jmj7l5rSw0yVb/vlWAYkK/YBwk=", ("sha1", hashlib.sha1(b"").digest())),
        ("sha1:2jmj7l5rSw0y!!Vb/vlWAYkK/YBwk=", None),
        ("sha1:", None),
        ("sha1:3I42", None),
        ("3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", None),
        ("sha1:đi42h3s6nnfq2msvx7xzkyayscx5qbyj", None),
    ],
)
def test_digest_values(value, parsed):
    assert parse_digest(value) == parsed


@pytest.mark.parametrize(
    ("text", "version", "good"),
    [
        ("2026-11-21T10:00:00Z", "WARC/1.0", True),
        ("2026-11-21T10:00:00.123456Z", "WARC/1.1", True),
        ("2026-11-21T10:00:00.123456789Z", "WARC/1.1", True),
        ("2026-11-21T10:00:00.5Z", "WARC/1.0", False),
        ("2026", "WARC/1.1", True),
        ("2026-11", "WARC/1.1", True),
        ("2026-11-21", "WARC/1.1", True),
        ("2026-11-21T10:00Z", "WARC/1.1", True),
        ("2026-11-21T10:00Z", "WARC/1.0", False),
        ("2026-13", "WARC/1.1", False),
        ("2026-11-31T10:00:00Z", "WARC/1.1", False),
        ("2026-11-21T24:00:01Z", "WARC/1.1", False),
        ("2026-11-21T10:00:00+07:00", "WARC/1.1", False),
        ("2026-11-21T10:00:00.٣Z", "WARC/1.1", False),
        ("2016-12-31T23:59:60Z", "WARC/1.1", False),
        ("20261121100000", "WARC/1.1", False),
        ("", "WARC/1.1", False),
    ],
)
def test_dates(text, version, good):
    assert is_date(text, version) is good


def test_peers_let_pass_what_verify_finds(sound, tmp_path):
    """Why there is a reader of our own: the file ends in the middle of a record and `warcio check` is content."""
    path = tmp_path / NAME
    path.write_bytes(b"".join(map(gzip.compress, sound))[:-100])
    assert peer("warcio", "check", path).returncode == 0
    assert not verify(path)


def test_memory_stays_small_with_a_large_record(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    with (tmp_path / "body").open("w+b") as body:
        body.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for number in range(500):
            body.write(hashlib.sha256(b"%d" % number).digest() * 4096)
        response = record.response(VISIT, read_message(body))
        file.append([response, record.request(VISIT, GET, concurrent_to=[response.record_id])])
    path = file.close()
    code = f"""
import resource
from warc.verify import verify
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert verify({str(path)!r})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 10_000  # kB, of a body of 65,000


@pytest.mark.slow
def test_speed(tmp_path):
    """500 records of 100 kB a second, with room for a busy machine."""
    page = "".join(f"<p>Thửa ruộng số {hashlib.sha1(b'%d' % n).hexdigest()} đã gặt xong.</p>" for n in range(1200))
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page.encode()
    assert 95_000 < len(raw) < 115_000
    file = WarcFile(tmp_path / NAME, FIELDS)
    for _ in range(400):
        file.append(capture(raw)[:2])
    path = file.close()
    start = time.process_time()
    assert verify(path)
    assert 400 / (time.process_time() - start) > 500


def test_command_verify(tmp_path, capsys):
    path = write_every_kind(tmp_path)
    assert command(["verify", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\tsound\t{verify(path).records} records\n"
    path.write_bytes(path.read_bytes()[:-1])
    assert command(["verify", str(path), str(by_warcio(tmp_path / "a.warc.gz"))]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t")[2] == "gzip-cut"
    assert second.endswith("sound\t4 records")
    assert command(["verify", str(tmp_path / "absent")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_command_ls(tmp_path, capsys):
    path = by_warcio(tmp_path / "a.warc.gz")
    assert command(["ls", str(path)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[2] for row in rows] == ["warcinfo", "response", "request", "resource"]
    assert rows[1][4:] == ["200", "http://example.vn/a%20b"]
    assert sum(int(row[1]) for row in rows) == path.stat().st_size
    path.write_bytes(path.read_bytes()[:-20])
    assert command(["ls", str(path)]) == 1


def test_the_commands_run_as_a_module(tmp_path):
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "warc", "verify"], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert io.StringIO(done.stderr).readline().startswith("usage: python -m warc")
