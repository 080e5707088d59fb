"""What goes over the wire beyond a limit: the exchange ends, what came is archived, and the reason is named."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.fetch import fetch
from tests.oddanswers import CHUNKED, HTML, LAST_CHUNK, PACKED, TEXT, chunk, head, length
from tests.oddserver import Steps, odd_server
from warc.reader import Record, read_records
from warc.writer import is_meta

GZIP = b"Content-Encoding: gzip"
BOMB = gzip.compress(bytes(2**24))
CONTINUE = head(status=b"HTTP/1.1 100 Continue")
TINY = chunk(b"x", b";" + b"a" * 900)
LINE = b"X-Filler: " + b"a" * 1_000 + b"\r\n"

# name: steps, reason, whether a response is archived
BEYOND: dict[str, tuple[Steps, str | None, bool]] = {
    "good": ((head(HTML, length(TEXT)) + TEXT,), None, True),
    "long-line": ((head(HTML, b"X-Long: " + b"a" * 60_000, length(TEXT)) + TEXT,), None, True),
    "endless-line": ((b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"a" * 16_000] * 2_000), "headers_too_large", True),
    "endless-head": ((b"HTTP/1.1 200 OK\r\n", *[LINE * 16] * 2_000), "headers_too_large", True),
    "large-head": ((head(HTML, *[LINE[:-2]] * 150, length(TEXT)) + TEXT,), "headers_too_large", True),
    "many-headers": ((head(HTML, *[b"A: 1"] * 600, length(TEXT)) + TEXT,), "too_many_headers", True),
    "continued": ((CONTINUE * 20 + head(HTML, length(TEXT)) + TEXT,), None, True),
    "continued-for-ever": ((CONTINUE, *[CONTINUE * 100] * 2_000), "too_many_interim_answers", False),
    "framing": (
        (head(HTML, CHUNKED), *[TINY * 64] * 400, LAST_CHUNK),
        "framing_too_large",
        True,
    ),
    "extension": ((head(HTML, CHUNKED) + chunk(TEXT, b";a=" + b"b" * 5_000) + LAST_CHUNK,), None, True),
    "trailers": ((head(HTML, CHUNKED) + chunk(TEXT) + b"0\r\n", *[LINE * 16] * 2_000), None, True),
    "bomb": (
        (head(HTML, GZIP, length(BOMB)) + BOMB,),
        "decoded_ratio",
        True,
    ),
    "packed": ((head(HTML, GZIP, length(PACKED)) + PACKED,), None, True),
    "not-packed": ((head(HTML, GZIP, length(TEXT)) + TEXT,), "bad_encoding", True),
}
BROKEN = {"extension", "trailers"}  # by Twisted, which has limits of its own


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, Any]], dict[str, list[Record]]]:
    archive = tmp_path_factory.mktemp("beyond")
    with odd_server({f"/{name}": steps for name, (steps, _, _) in BEYOND.items()}) as server:
        requests = [{"url": server.url(f"/{name}")} for name in BEYOND]
        settings = {"ALLOWED_PRIVATE_HOSTS": [server.address], "RESPONSE_DEADLINE": 60.0, "DOWNLOAD_MAXSIZE": 2**20}
        settings |= {"CONCURRENT_REQUESTS_PER_DOMAIN": 64, "CONCURRENT_REQUESTS": 64}
        answers = dict(zip(BEYOND, fetch(archive, requests, settings), strict=True))
    records: dict[str, list[Record]] = {}
    for path in archive.rglob("*.warc.gz"):
        if not is_meta(path.name):
            for record in read_records(path):
                records.setdefault(record.target_uri.rpartition("/")[2], []).append(record)
    return answers, records


@pytest.mark.parametrize("name", BEYOND)
def test_each_limit_ends_the_exchange_under_its_reason(name: str, fetched: Any) -> None:
    answers, records = fetched
    _, reason, archived = BEYOND[name]
    answer = answers[name]
    if name in BROKEN:
        assert "error" in answer
    elif reason is None:
        assert answer["status"] == 200
    else:
        assert answer["reason"] == reason, answer
    responses = [record for record in records[name] if record.type in ("response", "revisit")]
    assert len(responses) == archived
    assert all(record.length < 4 * 2**20 for record in responses)  # 30 MB and more were sent
    if reason and reason not in ("decoded_ratio", "bad_encoding"):
        assert [record.get("WARC-Truncated") for record in responses] == ["length"] * archived


def test_no_exchange_is_without_a_record(fetched: Any) -> None:
    assert set(BEYOND) <= fetched[1].keys()
