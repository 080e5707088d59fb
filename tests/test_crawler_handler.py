"""The tee against a raw-socket server: what is archived is what went over the connection, byte for byte."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import twisted.web._newclient as newclient
import twisted.web.http as twisted_http
from scrapy.core.downloader.handlers import http11
from twisted.web import client

from crawler.replay import headers_of
from tests.fetch import fetch
from tests.oddanswers import ODD_ANSWERS, OVERSIZE, OddAnswer, script
from tests.oddserver import odd_server
from tests.replica.ca import Authority
from tests.replica.server import Answer, Request, running
from tests.smallpaper import SmallPaper, address, printing
from warc.reader import Record, read_at, read_records
from warc.writer import is_meta

TRUNCATED = {"whole": None, "disconnect": "disconnect", "reset": "disconnect", "length": "length", "time": "time"}


@dataclass
class Fetched:
    """One run over all odd answers."""

    archive: Path
    files: list[Path]
    answers: dict[str, dict[str, Any]]
    responses: dict[str, Record]
    beside: dict[str, list[Record]]
    requests: list[bytes]


def captures_in(archive: Path) -> list[Path]:
    return sorted(path for path in archive.rglob("*.warc.gz") if not is_meta(path.name))


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    archive = tmp_path_factory.mktemp("odd")
    with odd_server(script(ODD_ANSWERS)) as server:
        requests = [{"url": server.url(odd.path), "method": odd.method} for odd in ODD_ANSWERS]
        settings = {
            "ALLOWED_PRIVATE_HOSTS": [server.address],
            "DOWNLOAD_MAXSIZE": OVERSIZE,
            "RESPONSE_DEADLINE": 2.0,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
            "CONCURRENT_REQUESTS": 64,
        }
        answers = fetch(archive, requests, settings)
        sent = list(server.requests)
    files = captures_in(archive)
    found = Fetched(archive, files, {}, {}, {}, sent)
    for odd, answer in zip(ODD_ANSWERS, answers, strict=True):
        found.answers[odd.name] = answer
    for file in files:
        for record in read_records(file):
            name = record.target_uri.rsplit("/", 1)[-1] if record.target_uri else ""
            if record.type in ("response", "revisit"):
                found.responses[name] = record
            elif name:
                found.beside.setdefault(name, []).append(record)
    return found


def documented(head: bytes, body: bytes) -> bytes:
    """The head that is stored for a chunked answer: two names changed, one line appended (docs/archive.md)."""
    if not re.search(rb"(?im)^transfer-encoding:[ \t]*chunked", head):
        return head
    head = re.sub(rb"(?im)^transfer-encoding(?=:)", b"X-Archive-Orig-Transfer-Encoding", head)
    head = re.sub(rb"(?im)^content-length(?=:)", b"X-Archive-Orig-Content-Length", head)
    return head[:-2] + b"Content-Length: %d\r\n\r\n" % len(body)


WITH_RESPONSE = [odd for odd in ODD_ANSWERS if odd.ends in TRUNCATED and odd.name != "silent"]


@pytest.mark.parametrize("odd", WITH_RESPONSE, ids=lambda odd: odd.name)
def test_an_answer_is_stored_as_it_was_sent(odd: OddAnswer, fetched: Fetched) -> None:
    record = fetched.responses[odd.name]
    assert record.get("WARC-Truncated") == (TRUNCATED[odd.ends] or ("length" if record.type == "revisit" else None))
    stored = record.message()
    wire = odd.wire
    while wire.startswith(b"HTTP/1.1 1"):  # interim answers are left out
        wire = wire.partition(b"\r\n\r\n")[2]
    ending = b"\r\n\r\n" if b"\r\n\r\n" in wire else b"\n\n"
    head = b"".join(wire.partition(ending)[:2]) if ending in wire else wire
    if odd.ends == "whole":
        assert stored.head == documented(head, odd.body) or (odd.method == "HEAD" and stored.head == head)
        if record.type == "response":
            assert stored.body.read() == odd.body
    else:
        received = stored.body.read()
        assert stored.head == head or stored.head == documented(head, received) or head.startswith(stored.head)
        assert odd.body.startswith(received)
        if odd.ends in ("disconnect", "reset"):
            assert received == odd.body
        if odd.ends == "length":
            assert len(received) > OVERSIZE


@pytest.mark.parametrize("odd", [odd for odd in ODD_ANSWERS if odd.ends == "whole"], ids=lambda odd: odd.name)
def test_a_whole_answer_becomes_a_response(odd: OddAnswer, fetched: Fetched) -> None:
    answer = fetched.answers[odd.name]
    if odd.name == "gzip-untrue":  # archived as sent; what it claims to be cannot be decoded
        assert answer["reason"] == "bad_encoding"
    else:
        assert "error" not in answer
    assert answer["capture"]["record_id"]


FRAMING = ("content-length", "transfer-encoding", "content-encoding", "x-archive-orig-")


def test_headers_are_read_as_out_of_the_archive(fetched: Fetched) -> None:
    read = {name: answer["headers"] for name, answer in fetched.answers.items() if "headers" in answer}
    assert {"folded-header", "cr-in-header", "space-before-colon", "utf8-header", "no-colon"} <= read.keys()
    for name, live in read.items():
        archived = headers_of(fetched.responses[name].message().headers)
        lines = [
            (key.decode("latin-1"), value.decode("latin-1")) for key in archived for value in archived.getlist(key)
        ]
        kept = [[line for line in one if not line[0].lower().startswith(FRAMING)] for one in (map(tuple, live), lines)]
        assert kept[0] == kept[1], name
    assert ["X-Folded", "one two three"] in read["folded-header"]
    assert ["X-Cr", "before WARC-Type: forged"] in read["cr-in-header"]


@pytest.mark.parametrize("odd", [odd for odd in ODD_ANSWERS if odd.ends != "whole"], ids=lambda odd: odd.name)
def test_a_cut_or_unreadable_answer_fails_its_request(odd: OddAnswer, fetched: Fetched) -> None:
    assert "error" in fetched.answers[odd.name]


@pytest.mark.parametrize("name", ["silent", "empty", "reset-at-once", "garbage", "garbage-status", "other-protocol"])
def test_no_http_answer_leaves_a_metadata_record(name: str, fetched: Fetched) -> None:
    assert name not in fetched.responses
    (metadata,) = (record for record in fetched.beside[name] if record.type == "metadata")
    assert dict(metadata.fields())["error"]


def test_requests_are_stored_as_sent_and_paired(fetched: Fetched) -> None:
    for name, response in fetched.responses.items():
        (request,) = (record for record in fetched.beside[name] if record.type == "request")
        assert request.get("WARC-Concurrent-To") == response.record_id
        assert request.date == response.date
        assert request.block in fetched.requests
        assert response.get("WARC-IP-Address") == "127.0.0.1"
        assert response.get_all("WARC-Protocol") == ["http/1.1"]


def test_captures_name_their_records(fetched: Fetched) -> None:
    for answer in fetched.answers.values():
        if (capture := answer["capture"]) is None:
            continue
        record = read_at(fetched.archive / capture["file"], capture["offset"])
        assert record.record_id == capture["record_id"]
        assert record.get("WARC-Payload-Digest") == capture["payload_digest"]


@pytest.mark.parametrize("check", [["warcio.cli", "check"], ["fastwarc.cli", "check"]], ids=["warcio", "fastwarc"])
def test_other_readers_accept_the_file(check: list[str], fetched: Fetched) -> None:
    for file in fetched.files:
        run = subprocess.run([sys.executable, "-m", *check, str(file)], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "FAIL" not in run.stdout.upper()


class OneSite:
    """A site of one page, for connections through a proxy."""

    hosts = ("bao.example",)

    def respond(self, request: Request) -> Answer:
        return Answer(200, "OK", [("Content-Type", "text/html")], b"<title>Ga nho</title>" + request.target.encode())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_behind_a_proxy_the_request_is_the_sites_own(scheme: str, tmp_path: Path) -> None:
    with running([OneSite()]) as proxy:
        secret = proxy.proxy_url.replace("http://", "http://ai:mat-khau@")
        wanted = {"url": f"{scheme}://bao.example/a?b=1", "meta": {"proxy": secret}}
        (answer,) = fetch(tmp_path, [wanted], env={**os.environ, "SSL_CERT_FILE": str(proxy.ca_file)})
    assert answer["status"] == 200
    (file,) = captures_in(tmp_path)
    records = list(read_records(file))
    (request,) = (record for record in records if record.type == "request")
    assert request.block.startswith(b"GET /a?b=1 HTTP/1.1\r\n")
    assert b"proxy-" not in request.block.lower()
    (response,) = (record for record in records if record.type == "response")
    assert response.get("WARC-IP-Address") is None
    assert ("tls/1.3" in response.get_all("WARC-Protocol")) == (scheme == "https")
    assert bool(response.get("WARC-Cipher-Suite")) == (scheme == "https")


def test_tls_is_verified(tmp_path: Path) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with odd_server({"/": [page]}, tls=Authority()) as server:
        (answer,) = fetch(tmp_path, [{"url": server.url("/")}], {"ALLOWED_PRIVATE_HOSTS": [server.address]})
    assert "error" in answer
    assert answer["capture"] is None


def test_files_are_rotated_by_size(tmp_path: Path) -> None:
    pages = {f"/{n}": [b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + bytes([n]) * 65536] for n in range(12)}
    with odd_server(pages) as server:
        settings = {"ALLOWED_PRIVATE_HOSTS": [server.address], "WARC_TARGET_SIZE": 1000}
        answers = fetch(tmp_path, [{"url": server.url(path)} for path in pages], settings)
    assert all(answer["status"] == 200 for answer in answers)
    assert not list(tmp_path.rglob("*.open"))
    assert len({answer["capture"]["file"] for answer in answers}) == len(captures_in(tmp_path))


def test_the_private_names_are_there() -> None:
    """The canary: names of Twisted and Scrapy that are not public, with what the handler expects of them."""
    assert callable(http11._LenientHTTP11ClientProtocol.request)
    assert http11._LenientHTTPClientParser._transferDecoders == {b"chunked": twisted_http._ChunkedTransferDecoder}
    assert callable(newclient.HTTP11ClientProtocol._finishResponse)
    assert callable(newclient.Request.writeTo)
    assert hasattr(client.HTTPConnectionPool, "_factory")
    assert callable(twisted_http._ChunkedTransferDecoder._dataReceived_CHUNK_LENGTH)


def test_a_kept_alive_connection_has_the_deadline_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    with printing(SmallPaper(5), tmp_path_factory) as printer:
        printer.paper.slow = {address(2): 60.0}
        settings = {"RESPONSE_DEADLINE": "1", "CONCURRENT_REQUESTS_PER_DOMAIN": "1", "RETRY_TIMES": "0"}
        run = printer.crawl(*printer.command, settings=settings, timeout=30)
        assert {entry.connection for entry in printer.replica.requests} == {1, 2}  # the second after the deadline
    assert run.status == 0
    assert "Failed: timeout 1" in run.stderr
