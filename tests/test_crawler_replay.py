"""WARC files as responses: files written by warcio, so that reader and writer are not the same hands."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from pathlib import Path

import brotli
import pytest
from scrapy.http import HtmlResponse
from scrapy.settings import Settings
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.capture import CaptureRef
from crawler.replay import Replay, UnreadableCapture
from warc.reader import DamagedRecord, read_at

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PAGE = "<html><title>Mưa lớn ở Huế</title><p>Nước sông Hương lên nhanh trong đêm.</p></html>" * 3
URL = "https://bao.example/mua-lon-o-hue-1.html"


def write_warc(path: Path, *records: tuple[str, str, list[tuple[str, str]], bytes, dict[str, str]]) -> Path:
    """Records of (type, URL, HTTP headers, body, further WARC headers), as gzip members."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version="1.1")
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "test"}))
        for kind, url, headers, body, further in records:
            head = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1") if kind in ("response", "revisit") else None
            more = {"WARC-Date": "2026-03-05T01:02:03Z", **further}
            record = writer.create_warc_record(url, kind, io.BytesIO(body), http_headers=head, warc_headers_dict=more)
            writer.write_record(record)
    return path


def response(
    body: bytes, *headers: tuple[str, str], url: str = URL, **further: str
) -> tuple[str, str, list[tuple[str, str]], bytes, dict[str, str]]:
    return "response", url, [("Content-Type", "text/html; charset=utf-8"), *headers], body, further


@pytest.fixture
def replay() -> Replay:
    return Replay(Settings({"DECODED_MAXSIZE": 100_000}))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (None, PAGE.encode()),
        ("gzip", gzip.compress(PAGE.encode())),
        ("x-gzip", gzip.compress(PAGE.encode())),
        ("deflate", zlib.compress(PAGE.encode())),
        ("br", brotli.compress(PAGE.encode())),
        ("zstd", zstd.compress(PAGE.encode())),
        ("gzip, br", brotli.compress(gzip.compress(PAGE.encode()))),
    ],
)
def test_the_body_as_it_was_meant(tmp_path: Path, replay: Replay, coding: str | None, body: bytes) -> None:
    headers = [("Content-Encoding", coding)] if coding else []
    path = write_warc(tmp_path / "a.warc.gz", response(body, *headers))
    [(ref, page)] = replay.read(path, "warc/a.warc.gz")
    assert isinstance(page, HtmlResponse)
    assert page.body == PAGE.encode()
    assert page.url == URL
    assert page.status == 200
    assert "Content-Encoding" not in page.headers
    assert page.request is not None
    assert page.request.meta["capture"] is ref


def test_the_reference_leads_back_to_the_record(tmp_path: Path, replay: Replay) -> None:
    path = write_warc(tmp_path / "a.warc.gz", response(b"mot"), response(PAGE.encode()))
    _, (ref, _) = replay.read(path, "warc/a.warc.gz")
    record = read_at(path, ref.offset)
    assert ref == CaptureRef(
        file="warc/a.warc.gz",
        offset=ref.offset,
        length=path.stat().st_size - ref.offset,
        record_id=record.record_id,
        record_type="response",
        target_uri=URL,
        payload_digest=record.get("WARC-Payload-Digest"),
        captured_at="2026-03-05T01:02:03Z",
        status=200,
    )


def test_headers_keep_their_order_and_number(tmp_path: Path, replay: Replay) -> None:
    path = write_warc(tmp_path / "a.warc.gz", response(b"a", ("X-Robots-Tag", "noai"), ("X-Robots-Tag", "nofollow")))
    [(_, page)] = replay.read(path, "a")
    assert isinstance(page, HtmlResponse)
    assert page.headers.getlist("X-Robots-Tag") == [b"noai", b"nofollow"]


def test_only_responses_are_read(tmp_path: Path, replay: Replay) -> None:
    profile = {"WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"}
    path = write_warc(
        tmp_path / "a.warc.gz",
        ("request", URL, [], b"GET / HTTP/1.1\r\n\r\n", {}),
        ("revisit", URL, [("Content-Type", "text/html")], b"", profile),
        ("resource", "urn:dom:" + URL, [], PAGE.encode(), {"Content-Type": "text/html"}),
        ("response", "dns:bao.example", [], b"bao.example. 60 IN A 192.0.2.1", {"Content-Type": "text/dns"}),
        response(PAGE.encode()),
    )
    assert [ref.record_type for ref, page in replay.read(path, "a") if isinstance(page, HtmlResponse)] == ["response"]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (response(b"not gzip", ("Content-Encoding", "gzip")), "Not a gzipped file"),
        (response(b"not deflate", ("Content-Encoding", "deflate")), "decompress"),
        (response(b"\xffnot br" * 9, ("Content-Encoding", "br")), "bao.example"),
        (response(b"not zstd", ("Content-Encoding", "zstd")), "bao.example"),
        (response(gzip.compress(bytes(200_000)), ("Content-Encoding", "gzip")), "exceeded"),
        (response(PAGE.encode(), **{"WARC-Truncated": "time"}), "cut off (time)"),
    ],
)
def test_one_bad_page_does_not_end_the_reading(tmp_path: Path, replay: Replay, record, says: str) -> None:
    path = write_warc(tmp_path / "a.warc.gz", record, response(PAGE.encode()))
    (_, bad), (_, good) = replay.read(path, "a")
    assert isinstance(bad, UnreadableCapture)
    assert says in str(bad)
    assert isinstance(good, HtmlResponse)


def test_a_cut_file_is_reported(tmp_path: Path, replay: Replay) -> None:
    path = write_warc(tmp_path / "a.warc.gz", response(PAGE.encode()), response(PAGE.encode()))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedRecord):
        list(replay.read(path, "a"))
