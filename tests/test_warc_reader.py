import gzip
import io
import operator
from pathlib import Path

import pytest
from fastwarc.warc import WarcRecord as FastRecord
from fastwarc.warc import WarcRecordType
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.test_warc_message import MESSAGES
from tests.test_warc_record import VISIT
from tests.test_warc_writer import FIELDS, NAME, capture, members, write_every_kind
from warc.digest import digest_of
from warc.reader import DamagedRecord, read_at, read_captures, read_records
from warc.writer import WarcFile

BLOCK = operator.attrgetter("block")
PAGE = "<h1>Mùa nước nổi</h1>".encode()

# as wget writes it: angle brackets, request first, the response names the request
PLAIN_1_0 = (
    b"WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-00000000000a>\r\n"
    b"WARC-Date: 2015-03-01T00:00:00Z\r\nContent-Type: application/warc-fields\r\nContent-Length: 18\r\n\r\n"
    b"software: wget/1\r\n\r\n\r\n"
    b"WARC/1.0\r\nWARC-Type: request\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-00000000000b>\r\n"
    b"WARC-Date: 2015-03-01T00:00:01Z\r\nWARC-Target-URI: <http://example.vn/>\r\n"
    b"Content-Type: application/http;msgtype=request\r\nContent-Length: 19\r\n\r\nHEAD / HTTP/1.0\r\n\r\n\r\n\r\n"
    b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-00000000000c>\r\n"
    b"WARC-Date: 2015-03-01T00:00:01Z\r\nWARC-Target-URI: <http://example.vn/>\r\n"
    b"WARC-Concurrent-To: <urn:uuid:00000000-0000-0000-0000-00000000000b>\r\nWARC-IP-Address: 203.0.113.5\r\n"
    b"Content-Type: application/http;msgtype=response\r\nContent-Length: 60\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nlua\r\n0\r\n\r\n\r\n\r\n"
)


def by_warcio(path: Path, version: str = "WARC/1.0") -> Path:
    """A file as warcio's own users write it, with the chunk framing still in the body."""
    with path.open("wb") as out:
        writer = WARCWriter(out, gzip=path.suffix == ".gz", warc_version=version)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "warcio"}))
        framed = b"%X\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE)
        headers = [("Content-Type", "text/html"), ("Transfer-Encoding", "chunked")]
        response = writer.create_warc_record(
            "http://example.vn/a%20b",
            "response",
            payload=io.BytesIO(framed),
            length=len(framed),
            http_headers=StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1"),
        )
        request = writer.create_warc_record(
            "http://example.vn/a%20b",
            "request",
            http_headers=StatusAndHeaders("POST /a%20b HTTP/1.1", [("Host", "example.vn")], is_http_request=True),
        )
        writer.write_request_response_pair(request, response)
        writer.write_record(
            writer.create_warc_record(
                "urn:text:x", "resource", payload=io.BytesIO(PAGE), length=len(PAGE), warc_content_type="text/html"
            )
        )
    return path


def by_fastwarc(path: Path) -> Path:
    with path.open("wb") as out:
        for kind in (WarcRecordType.resource, WarcRecordType.metadata):
            one = FastRecord()
            one.init_headers(kind, content_length=len(PAGE))
            one.headers["WARC-Target-URI"] = "http://example.vn/"
            one.headers["Content-Type"] = "text/plain"
            one.set_bytes_content(PAGE)
            piece = io.BytesIO()
            one.write(piece, checksum_data=True)
            out.write(gzip.compress(piece.getvalue()))
    return path


def test_records_of_our_own_file(tmp_path):
    path = write_every_kind(tmp_path)
    records = list(read_records(path))
    found = members(path.read_bytes())
    assert [(one.offset, one.type.encode()) for one in records] == [
        (offset, content.split(b"WARC-Type: ")[1].split(b"\r")[0]) for offset, content in found
    ]
    assert sum(one.length for one in records) == path.stat().st_size
    assert records[0].fields()[0] == ("software", "bao-quan/0.1")
    assert records[0].get("warc-filename") == NAME
    assert records[1].get_all("WARC-Protocol") == ["http/1.1", "tls/1.3"]
    for one, (_, content) in zip(records, found, strict=True):
        assert content.endswith(b"\r\n\r\n" + one.block + b"\r\n\r\n")
        assert read_at(path, one.offset) == one


def test_read_at_needs_nothing_behind_the_member(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    refs = file.append(capture())
    whole = file.close().read_bytes()
    for ref in refs:
        (tmp_path / "cut").write_bytes(whole[: ref.offset + ref.length] + b"no member")
        assert read_at(tmp_path / "cut", ref.offset).record_id == ref.record_id


def test_captures_of_our_own_file(tmp_path):
    path = write_every_kind(tmp_path)
    captures = list(read_captures(path))
    for one, (_, _, body, complete, plain) in zip(captures, MESSAGES.values(), strict=False):
        assert one.body == body
        assert one.truncated == (None if complete else "unspecified")
        assert one.payload_digest == (digest_of(body) if plain else None)
        assert one.method == "GET"
        assert one.request.target == "/tin-1.html"
        assert (one.target_uri, one.ip, one.date) == (VISIT.uri, "203.0.113.9", "2026-11-21T10:00:00Z")
    (page,) = (one for one in captures if one.content_type == "text/html" and one.record_type == "resource")
    assert (page.record_type, page.status, page.headers) == ("resource", None, [])
    assert (page.content_type, page.body.decode()) == ("text/html", "<p>lúa chín")
    assert page.payload_digest == digest_of(page.body)
    assert len(captures) == len(MESSAGES) + 3


def test_headers_and_status_of_a_capture(tmp_path):
    file = WarcFile(tmp_path / NAME, FIELDS)
    file.append(capture(b"HTTP/1.1 404 Nope\r\nCONTENT-type: text/plain\r\nA: 1\r\na: 2\r\n\r\nlua"))
    [one] = read_captures(file.close())
    assert (one.status, one.reason, one.content_type) == (404, "Nope", "text/plain")
    assert one.headers == [(b"CONTENT-type", b"text/plain"), (b"A", b"1"), (b"a", b"2")]


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
@pytest.mark.parametrize("version", ["WARC/1.0", "WARC/1.1"])
def test_files_that_warcio_wrote(tmp_path, name, version):
    path = by_warcio(tmp_path / name, version)
    response, resource = read_captures(path)
    assert (response.status, response.body, response.method) == (200, PAGE, "POST")
    assert (resource.record_type, resource.body) == ("resource", PAGE)
    for one in read_records(path):
        assert read_at(path, one.offset) == one


def test_files_that_fastwarc_wrote(tmp_path):
    path = by_fastwarc(tmp_path / "a.warc.gz")
    assert [one.type for one in read_records(path)] == ["resource", "metadata"]
    assert [one.body for one in read_captures(path)] == [PAGE]


def test_an_old_plain_file(tmp_path):
    path = tmp_path / "old.warc"
    path.write_bytes(PLAIN_1_0)
    [one] = read_captures(path)
    assert (one.target_uri, one.body, one.method) == ("http://example.vn/", b"lua", "HEAD")
    assert sum(record.length for record in read_records(path)) == len(PLAIN_1_0)


@pytest.mark.parametrize(("name", "tail"), [("a.warc", b"\r\n\r\n"), ("a.warc.gz", gzip.compress(b"", mtime=0))])
def test_an_empty_tail_does_no_harm(tmp_path, name, tail):
    path = by_warcio(tmp_path / name)
    path.write_bytes(path.read_bytes() + tail)
    assert [one.type for one in read_records(path)] == ["warcinfo", "response", "request", "resource"]


def test_records_that_share_a_gzip_member_are_refused(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(PLAIN_1_0))
    with pytest.raises(DamagedRecord, match="share a gzip member"):
        list(read_records(path))


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz"])
def test_a_cut_file_is_never_read_as_whole(tmp_path, suffix):
    """Whatever FastWARC makes of the cut, the last record read is whole and a short one is an error."""
    whole = by_warcio(tmp_path / ("whole" + suffix))
    data = whole.read_bytes()
    blocks = [one.block for one in read_records(whole)]
    cut = tmp_path / ("cut" + suffix)
    ends = [one.offset + one.length for one in read_records(whole)]
    unharmed = 4 if suffix == ".warc" else 0  # a plain record is whole without the two line ends behind it
    sizes = [size for size in range(1, len(data)) if not any(end - unharmed <= size <= end for end in ends)]
    assert len(sizes) > 1000
    for size in sizes:
        cut.write_bytes(data[:size])
        read = []
        with pytest.raises(DamagedRecord):
            read.extend(map(BLOCK, read_records(cut)))
        assert read == blocks[: len(read)]


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b\x08", b"WARC/1.1\r\n", b"text"])
def test_read_at_refuses_what_is_no_record(tmp_path, damage):
    (tmp_path / "a").write_bytes(damage)
    with pytest.raises(DamagedRecord):
        read_at(tmp_path / "a", 0)


def test_a_flipped_bit_is_an_error(tmp_path):
    path = by_warcio(tmp_path / "a.warc.gz")
    last = list(read_records(path))[-1]
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # in the CRC of the last member
    path.write_bytes(data)
    with pytest.raises(DamagedRecord):
        read_at(path, last.offset)
