import io
import tempfile
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warc.chunked import Dechunker
from warc.digest import digest_of
from warc.message import (
    MAX_HEAD,
    Part,
    header_pairs,
    is_plain_head,
    parse_status,
    read_message,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
STORED = OK + b"X-Archive-Orig-Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n"
BODY = "Chợ nổi họp từ tờ mờ sáng.".encode()

# name: bytes as received, stored head (None: as received up to the body), stored body, complete, plain head
MESSAGES = {
    "identity": (OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY, None, BODY, True, True),
    "no length": (OK + b"Server: x\r\n\r\n" + BODY, None, BODY, True, True),
    "empty body": (OK + b"Content-Length: 0\r\n\r\n", None, b"", True, True),
    "no header line": (OK + b"\r\n" + BODY, None, BODY, True, True),
    "case, order, duplicates": (
        OK + b"set-cookie: a=1\r\nSERVER:x\r\nSet-Cookie: b=2\r\nX-Empty:\r\n\r\n" + BODY,
        None,
        BODY,
        True,
        True,
    ),
    "malformed lines": (OK + b"no colon here\r\n: no name\r\nA : b\r\n\r\n" + BODY, None, BODY, True, True),
    "folded line": (OK + b"A: b\r\n\t more\r\n\r\n" + BODY, None, BODY, True, True),
    "high bytes": (b"HTTP/1.1 200 \xe9t\xe9\r\nA: \xff\x80\r\n\r\n" + BODY, None, BODY, True, True),
    "NUL in a header": (OK + b"A: b\x00c\r\n\x00\r\n\r\n" + BODY, None, BODY, True, True),
    "bare CR in a header": (OK + b"A: b\rWARC-Type: resource\r\rC: d\r\n\r\n" + BODY, None, BODY, True, True),
    "a forged record in the body": (
        OK + b"\r\n\r\n\r\nWARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 0\r\n\r\n\r\n\r\n",
        OK + b"\r\n",
        b"\r\n\r\nWARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 0\r\n\r\n\r\n\r\n",
        True,
        True,
    ),
    "bare LF": (b"HTTP/1.0 200 OK\nServer: x\n\n" + BODY, None, BODY, True, False),
    "bare LF at the end": (OK + b"Server: x\n\r\n" + BODY, None, BODY, True, False),
    "white line in the head": (OK + b"A: b\r\n \t\r\nC: d\r\n\r\n" + BODY, None, BODY, True, False),
    "no-break space line": (OK + b"\xc2\xa0\r\nC: d\r\n\r\n" + BODY, None, BODY, True, False),
    "control line": (OK + b"\x1c\x0b\r\nC: d\r\n\r\n" + BODY, None, BODY, True, False),
    "CR CR LF line": (OK + b"A: b\r\n\r\r\nC: d\r\n\r\n" + BODY, None, BODY, True, False),
    "empty line first": (b"\r\n" + OK + b"A: b\r\n\r\n" + BODY, None, BODY, True, False),
    "head of 33 kB": (OK + b"A: b\r\n" * 5500 + b"\r\n" + BODY, None, BODY, True, False),
    "long header line": (OK + b"A: " + b"b" * 20_000 + b"\r\n\r\n" + BODY, None, BODY, True, True),
    "no status line": (b"ICY 200 OK\r\nA: b\r\n\r\n" + BODY, None, BODY, True, True),
    "no HTTP at all": (b"<p>xin</p>\n<p>ch\xc3\xa0o</p>\n", b"<p>xin</p>\n<p>ch\xc3\xa0o</p>\n", b"", False, False),
    "nothing": (b"", b"", b"", False, False),
    "cut in the status line": (b"HTTP/1.1 2", b"HTTP/1.1 2", b"", False, False),
    "cut in the head": (OK + b"Server: x\r\nCont", OK + b"Server: x\r\nCont", b"", False, False),
    "cut after a header line": (OK + b"Server: x\r\n", OK + b"Server: x\r\n", b"", False, False),
    "cut in the body": (OK + b"Content-Length: 999\r\n\r\n" + BODY, None, BODY, False, True),
    "longer than announced": (OK + b"Content-Length: 3\r\n\r\n" + BODY, None, BODY, True, True),
    "length is no number": (OK + b"Content-Length: +3\r\n\r\n" + BODY, None, BODY, True, True),
    "two lengths": (OK + b"Content-Length: 3\r\nContent-Length: 900\r\n\r\n" + BODY, None, BODY, True, True),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: x\r\n\r\n", None, b"", True, True),
    "304 said to be chunked": (
        b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        None,
        b"",
        True,
        True,
    ),
    "coded": (OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00cut", None, b"\x1f\x8b\x08\x00cut", True, True),
    "chunked": (CHUNKED + b"5\r\nnuoc \r\n3\r\nlon\r\n0\r\n\r\n", STORED % 8, b"nuoc lon", True, True),
    "chunked, nothing in it": (CHUNKED + b"0\r\n\r\n", STORED % 0, b"", True, True),
    "extensions and trailers": (
        CHUNKED + b'5;a=b\r\nnuoc \r\n3 ; c="d"\r\nlon\r\n000;e\r\nETag: x\r\n\r\n',
        STORED % 8,
        b"nuoc lon",
        True,
        True,
    ),
    "bytes behind the last chunk": (CHUNKED + b"1\r\nx\r\n0\r\n\r\nHTTP/1.1 500", STORED % 1, b"x", True, True),
    "chunks with bare LF": (CHUNKED + b"3\nlon\n0\n\n", STORED % 3, b"lon", True, True),
    "chunked beside a length": (
        OK + b"content-length: 7\r\nTRANSFER-ENCODING : Chunked\r\nA: b\r\n\r\n3\r\nlon\r\n0\r\n\r\n",
        OK
        + b"X-Archive-Orig-Content-Length: 7\r\nX-Archive-Orig-Transfer-Encoding : Chunked\r\nA: b\r\n"
        + b"Content-Length: 3\r\n\r\n",
        b"lon",
        True,
        True,
    ),
    "two codings": (
        OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\x1f\x8b\r\n0\r\n\r\n",
        OK
        + b"X-Archive-Orig-Transfer-Encoding: gzip\r\nX-Archive-Orig-Transfer-Encoding: chunked\r\n"
        + b"Content-Length: 2\r\n\r\n",
        b"\x1f\x8b",
        True,
        True,
    ),
    "chunked is not the last coding": (
        OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n3\r\nlon\r\n0\r\n\r\n",
        None,
        b"3\r\nlon\r\n0\r\n\r\n",
        True,
        True,
    ),
    "chunked with bare LF in the head": (
        b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\r\nlon\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\nX-Archive-Orig-Transfer-Encoding: chunked\nContent-Length: 3\n\n",
        b"lon",
        True,
        False,
    ),
    "cut inside a chunk": (CHUNKED + b"5\r\nnuoc \r\n9\r\nlon", STORED % 8, b"nuoc lon", False, True),
    "cut after a chunk": (CHUNKED + b"5\r\nnuoc \r", STORED % 5, b"nuoc ", False, True),
    "cut inside a chunk size": (CHUNKED + b"5\r\nnuoc \r\n1f;a", STORED % 5, b"nuoc ", False, True),
    "cut before the last chunk": (CHUNKED + b"5\r\nnuoc \r\n", STORED % 5, b"nuoc ", False, True),
    "cut before the first chunk": (CHUNKED, STORED % 0, b"", False, True),
    "last chunk without its end": (CHUNKED + b"3\r\nlon\r\n0\r\n", STORED % 3, b"lon", True, True),
    "not chunked at all": (CHUNKED + b"<html>\nlon", STORED % 10, b"<html>\nlon", False, True),
    "bad size line": (CHUNKED + b"3\r\nlon\r\nzz\r\nnua\r\n", STORED % 12, b"lonzz\r\nnua\r\n", False, True),
    "negative size": (CHUNKED + b"-3\r\nlon", STORED % 7, b"-3\r\nlon", False, True),
    "huge size": (CHUNKED + b"f" * 30 + b"\r\nlon", STORED % 35, b"f" * 30 + b"\r\nlon", False, True),
    "chunk longer than its size": (CHUNKED + b"3\r\nlonx\r\n0\r\n", STORED % 9, b"lonx\r\n0\r\n", False, True),
    "bad line without end": (CHUNKED + b"3\r\nlon\r\nxyz", STORED % 6, b"lonxyz", False, True),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_stored_form(name):
    raw, head, body, complete, plain = MESSAGES[name]
    message = read_message(raw)
    assert message.head == (raw[: len(raw) - len(body)] if head is None else head)
    assert message.body.read() == body
    assert message.length == len(message.head) + len(body)
    assert message.complete is complete
    assert message.payload_digest == (digest_of(body) if plain else None)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, "OK"),
        (b"HTTP/1.1 404 Kh\xc3\xb4ng t\xc3\xacm th\xe1\xba\xa5y", 404, "Không tìm thấy"),
        (b"HTTP/1.0 302", 302, ""),
        (b"HTTP/2 500 ", 500, ""),
        (b"http/1.1  200  Very  well ", 200, "Very  well"),
        (b"HTTP/1.1 200 caf\xe9", 200, "café"),
        (b"HTTP/1.1 2000 OK", None, ""),
        (b"HTTP/1.1 abc OK", None, ""),
        (b"ICY 200 OK", None, ""),
        (b"", None, ""),
    ],
)
def test_status_line(line, status, reason):
    assert parse_status(line + b"\r\nA: b\r\n\r\n") == (status, reason)


def test_headers_keep_order_and_duplicates_and_get_ignores_case():
    message = read_message(OK + b"Set-Cookie: a\r\nset-cookie:  b \r\nmalformed\r\nX: y\r\n  z\r\n\r\n")
    assert message.headers == [(b"Set-Cookie", b"a"), (b"set-cookie", b"b"), (b"X", b"y z")]
    assert message.get("SET-COOKIE") == "a"
    assert message.get("Location") is None
    assert (message.status, message.reason, message.chunked) == (200, "OK", False)


@pytest.mark.parametrize(
    ("method", "raw", "complete"),
    [
        ("HEAD", OK + b"Content-Length: 500\r\n\r\n", True),
        ("HEAD", CHUNKED, True),
        ("GET", OK + b"Content-Length: 500\r\n\r\n", False),
        ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", True),
    ],
)
def test_an_answer_without_a_body_is_complete(method, raw, complete):
    message = read_message(raw, method)
    assert message.complete is complete
    assert message.head == (raw if complete else message.head)


def test_an_unchunked_body_is_not_copied_out_of_a_spooled_file():
    with tempfile.SpooledTemporaryFile(max_size=100) as file:
        file.write(OK + b"\r\n" + BODY * 10_000)
        message = read_message(file)
        assert message.body.file is file
        assert message.body.read() == BODY * 10_000
        assert all(len(piece) <= 1 << 16 for piece in message.body.pieces())


def test_a_head_that_never_ends_is_not_held_in_memory():
    raw = OK + b"A: b\r\n" * (MAX_HEAD // 3)
    message = read_message(raw)
    assert len(message.head) < MAX_HEAD + 100
    assert message.head + message.body.read() == raw
    assert not message.complete
    assert message.payload_digest is None


def test_a_body_that_became_shorter_is_an_error():
    file = io.BytesIO(b"0123456789")
    part = Part.of(file)
    file.truncate(4)
    with pytest.raises(EOFError):
        part.read()


@pytest.mark.parametrize(("size", "plain"), [(32 << 10, True), ((32 << 10) + 1, False)])
def test_longest_head_that_every_reader_takes(size, plain):
    head = OK + b"A: " + b"b" * (size - len(OK) - 7) + b"\r\n\r\n"
    assert len(head) == size
    assert is_plain_head(head) is plain


def frame(pieces: list[bytes], extension: bytes, end: bytes) -> bytes:
    return b"".join(b"%X%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces if p) + end


@given(
    body=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    reads=st.lists(st.integers(0, 500), max_size=8),
    extension=st.sampled_from([b"", b";a", b" ; a=b", b"  "]),
    end=st.sampled_from([b"0\r\n\r\n", b"000\r\n\r\n", b"0;x\r\nA: b\r\n\r\n", b"0\r\n"]),
)
def test_however_a_body_is_chunked_and_received_the_payload_is_the_same(body, cuts, reads, extension, end):
    marks = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    framed = frame([body[a:b] for a, b in pairwise(marks)], extension, end)
    dechunker = Dechunker()
    edges = sorted({0, len(framed), *(edge for edge in reads if edge < len(framed))})
    arrived = [framed[a:b] for a, b in pairwise(edges)]
    payload = b"".join(data for piece in arrived for data in dechunker.feed(piece)) + dechunker.finish()
    assert (payload, dechunker.complete, dechunker.broken) == (body, True, False)
    message = read_message(CHUNKED + framed)
    assert message.payload_digest == digest_of(body)
    assert message.get("Content-Length") == str(len(body))


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_chunked_body_cut_anywhere_keeps_every_byte_of_the_payload_that_came(body, data):
    first, second = body[:7], body[7:]
    framed = frame([first, second], b"", b"0\r\n\r\n")
    cut = data.draw(st.integers(0, len(framed) - 5))
    begins = [framed.index(b"\n") + 1, len(framed) - len(b"\r\n0\r\n\r\n") - len(second)]
    came = sum(min(len(p), max(0, cut - begin)) for p, begin in zip((first, second), begins, strict=True))
    message = read_message(CHUNKED + framed[:cut])
    assert message.body.read() == body[:came]
    assert not message.complete


@given(st.lists(st.sampled_from([b"a", b":", b" ", b"\r", b"\n", b"\r\n", b"\x00", b"\xc2\xa0", b"HTTP/1.1 200 OK"])))
def test_any_unchunked_message_is_stored_byte_for_byte_and_reads_back_equal(tokens):
    raw = b"".join(tokens)
    message = read_message(raw)
    assert message.head + message.body.read() == raw
    again = read_message(io.BytesIO(message.head + message.body.read()))
    assert (again.head, again.body.read(), again.payload_digest) == (
        message.head,
        message.body.read(),
        message.payload_digest,
    )
    assert header_pairs(message.head) == message.headers
