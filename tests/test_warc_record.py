import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from warc import record
from warc.digest import digest_of
from warc.message import read_message
from warc.record import Original, Visit

ID = "<urn:uuid:00000000-0000-4000-8000-000000000001>"
OTHER_ID = "<urn:uuid:00000000-0000-4000-8000-000000000002>"
DATE = "2026-11-21T10:00:00Z"
VISIT = Visit("https://baoquocte.vn/tin-1.html", DATE, "203.0.113.9", ("http/1.1", "tls/1.3"), "TLS_AES_128_GCM_SHA256")
RAW = b"HTTP/1.1 200 OK\r\nserver: x\r\nServer: y\r\n\r\nlua chin"
GET = b"GET /tin-1.html HTTP/1.1\r\nHost: baoquocte.vn\r\n\r\n"


def written(built: record.WarcRecord) -> bytes:
    out = io.BytesIO()
    built.write_to(out)
    return out.getvalue()


def test_response_literal():
    assert written(record.response(VISIT, read_message(RAW), record_id=ID)) == (
        b"WARC/1.1\r\n"
        b"WARC-Type: response\r\n"
        b"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\n"
        b"WARC-Date: 2026-11-21T10:00:00Z\r\n"
        b"WARC-Target-URI: https://baoquocte.vn/tin-1.html\r\n"
        b"WARC-IP-Address: 203.0.113.9\r\n"
        b"WARC-Protocol: http/1.1\r\n"
        b"WARC-Protocol: tls/1.3\r\n"
        b"WARC-Cipher-Suite: TLS_AES_128_GCM_SHA256\r\n"
        b"WARC-Payload-Digest: " + digest_of(b"lua chin").encode() + b"\r\n"
        b"WARC-Block-Digest: " + digest_of(RAW).encode() + b"\r\n"
        b"Content-Type: application/http; msgtype=response\r\n"
        b"Content-Length: %d\r\n\r\n" % len(RAW) + RAW + b"\r\n\r\n"
    )


def test_revisit_keeps_the_head_and_says_what_it_refers_to():
    original = Original(OTHER_ID, "https://baoquocte.vn/tin cu", "2026-11-20T10:00:00Z")
    out = written(record.revisit(VISIT, read_message(RAW), original, record_id=ID)).decode()
    assert "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest\r\n" in out
    assert f"WARC-Refers-To: {OTHER_ID}\r\n" in out
    assert "WARC-Refers-To-Target-URI: https://baoquocte.vn/tin%20cu\r\n" in out
    assert "WARC-Refers-To-Date: 2026-11-20T10:00:00Z\r\n" in out
    assert "WARC-Truncated: length\r\n" in out
    assert f"WARC-Payload-Digest: {digest_of(b'lua chin')}\r\n" in out
    assert out.endswith("\r\n\r\nHTTP/1.1 200 OK\r\nserver: x\r\nServer: y\r\n\r\n\r\n\r\n")


def test_not_modified_has_no_payload_digest_and_is_not_truncated():
    message = read_message(b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n")
    built = record.revisit(VISIT, message, Original(ID, VISIT.uri, DATE), profile=record.NOT_MODIFIED)
    out = written(built).decode()
    assert "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/server-not-modified\r\n" in out
    assert "WARC-Payload-Digest" not in out
    assert "WARC-Truncated" not in out
    assert built.payload_digest is None


def test_warcinfo_literal():
    built = record.warcinfo(
        {"software": "bao-quan/0.1", "operator": "Thư viện\r\nWARC-Type: resource"},
        filename="a.warc.gz",
        date=DATE,
        record_id=ID,
    )
    block = (
        "software: bao-quan/0.1\r\nformat: WARC File Format 1.1\r\noperator: Thư viện%0D%0AWARC-Type: resource\r\n"
    ).encode()
    assert built.head == block
    assert b"WARC-Filename: a.warc.gz\r\n" in written(built)
    assert b"WARC-Target-URI" not in written(built)
    assert built.within(OTHER_ID) is built


def test_metadata_request_and_resource():
    pair = {"concurrent_to": [ID]}
    metadata = written(record.metadata(VISIT, [("via", "https://a.vn/"), ("via", "https://b.vn/")], **pair))
    assert metadata.endswith(b"\r\n\r\nvia: https://a.vn/\r\nvia: https://b.vn/\r\n\r\n\r\n")
    assert b"Content-Type: application/warc-fields\r\n" in metadata
    request = record.request(VISIT, GET, **pair)
    assert b"WARC-Concurrent-To: " + ID.encode() in written(request)
    assert request.payload_digest is None
    assert record.request(VISIT, GET + b"a=1").payload_digest == digest_of(b"a=1")
    page = record.resource(Visit("urn:dom:https://a.vn/", DATE), io.BytesIO(b"<p>lua"), "text/html", **pair)
    assert written(page).endswith(b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<p>lua\r\n\r\n")
    assert page.payload_digest == digest_of(b"<p>lua")


def test_ids_are_random_and_the_warcinfo_id_comes_from_the_file():
    one, two = (record.response(VISIT, read_message(RAW)) for _ in range(2))
    assert one.record_id != two.record_id
    assert re.fullmatch(
        r"<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}>", one.record_id
    )
    assert f"WARC-Warcinfo-ID: {ID}\r\n".encode() in written(one.within(ID))
    assert one.within(ID).within(OTHER_ID).warcinfo_id == ID


@pytest.mark.parametrize(
    ("raw", "given", "marked"),
    [
        (RAW, None, None),
        (RAW, "time", "time"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nlua", None, "unspecified"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nlua", "disconnect", "disconnect"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "length", "length"),
    ],
)
def test_a_body_that_ended_early_is_marked(raw, given, marked):
    headers = dict(record.response(VISIT, read_message(raw), truncated=given).headers)
    assert headers.get("WARC-Truncated") == marked


MESSAGE = read_message(RAW)
HERE = Original(ID, VISIT.uri, DATE)


@pytest.mark.parametrize(
    "build",
    [
        lambda: record.response(Visit("tin-1.html", DATE), MESSAGE),
        lambda: record.response(Visit("", DATE), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, "2026-11-21 10:00:00"), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, "2026-13-21T10:00:00Z"), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, DATE + "\r\nA: b"), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, DATE, "203.0.113.9\r\nA: b"), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, DATE, "localhost"), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, DATE, None, ("http/1.1\r\nA: b",)), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, DATE, None, ("",)), MESSAGE),
        lambda: record.response(Visit(VISIT.uri, DATE, None, (), "AES\nA: b"), MESSAGE),
        lambda: record.response(VISIT, MESSAGE, record_id="1234"),
        lambda: record.response(VISIT, MESSAGE, record_id="<urn:uuid:1>\r\nA: b"),
        lambda: record.response(VISIT, MESSAGE, truncated="because"),
        lambda: record.request(VISIT, GET, concurrent_to=["<urn:uuid:1\r\n>"]),
        lambda: record.resource(VISIT, b"", "text/html\r\nA: b"),
        lambda: record.resource(VISIT, b"", ""),
        lambda: record.resource(VISIT, RAW, "application/http; msgtype=response"),
        lambda: record.metadata(VISIT, {"vi a": "b"}),
        lambda: record.metadata(VISIT, {"via:\r\nx": "b"}),
        lambda: record.warcinfo({}, filename="a\r\nb"),
        lambda: record.revisit(VISIT, MESSAGE, HERE, profile="http://example.org/"),
        lambda: record.revisit(VISIT, MESSAGE, Original("", VISIT.uri, DATE)),
        lambda: record.revisit(VISIT, MESSAGE, Original(ID, VISIT.uri, "gestern")),
        lambda: record.revisit(VISIT, read_message(b"HTTP/1.1 200 OK\n\nlua"), HERE),
    ],
)
def test_a_value_that_a_header_cannot_hold_is_refused(build):
    with pytest.raises(ValueError, match=r".+"):
        build()


@given(url=st.text(max_size=60), value=st.text(max_size=60), body=st.binary(max_size=80))
def test_no_text_from_outside_forges_a_line_or_a_record(url, value, body):
    visit = Visit("https://baoquocte.vn/" + url, DATE)
    raw = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" + body
    response = record.response(visit, read_message(raw))
    about = record.metadata(visit, {"via": value})
    found = list(ArchiveIterator(io.BytesIO(written(response))))
    assert [one.rec_type for one in found] == ["response"]
    names = [name for name, _ in found[0].rec_headers.headers]
    assert len(names) == len(set(names)) == 8
    assert found[0].rec_headers.get_header("WARC-Target-URI") == visit.uri
    assert about.head.count(b"\n") == 1
    assert len(about.head.decode().splitlines()) == 1
    assert len(list(ArchiveIterator(io.BytesIO(written(about))))) == 1
