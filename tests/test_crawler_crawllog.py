"""The crawl log: ten fields a line whatever a server says, every URL told once, counts that agree with the lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.capture import Exchange
from crawler.crawllog import CrawlLog, PassedOver, Recent, Tally, field, parse
from crawler.records import records_of
from warc.digest import digest_of

AT = datetime(2026, 11, 22, 2, 10, tzinfo=UTC)
REQUEST = b"GET /a HTTP/1.1\r\nHost: bao.example\r\n\r\n"


@pytest.fixture
def log() -> Iterator[CrawlLog]:
    one = CrawlLog()
    yield one
    one.close()


def exchange(answer: bytes | None, url: str = "https://bao.example/a", **more: object) -> Exchange:
    response = io.BytesIO(answer) if answer is not None else None
    return Exchange(url, AT, REQUEST, response, **more)  # type: ignore[arg-type]


def attempt(log: CrawlLog, one: Exchange) -> list[str]:
    log.attempt(one, records_of(one, lambda digest: None), "warc/bao/bao-20261122021000-00000-j1.warc.gz", 812)
    (line,) = log.take().splitlines(keepends=True)
    values = parse(line)
    assert values is not None
    return values


def answer(body: bytes = b"<p>Chim ri</p>", *lines: bytes, status: bytes = b"200 OK") -> bytes:
    head = [b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def test_an_attempt(log: CrawlLog) -> None:
    facts = {"via": "https://bao.example/", "hopsFromSeed": "TL", "kind": "article"}
    one = exchange(answer(b"<p>Chim ri</p>", b"Content-Type: Text/HTML; charset=utf-8"), facts=facts, fetch_ms=31)
    assert attempt(log, one) == [
        "2026-11-22T02:10:00Z",
        "200",
        "14",
        "https://bao.example/a",
        "TL",
        "https://bao.example/",
        "text/html",
        digest_of(b"<p>Chim ri</p>"),
        "bao-20261122021000-00000-j1.warc.gz",
        "kind:article,offset:812,ms:31",
    ]


@pytest.mark.parametrize(
    ("one", "status", "note"),
    [
        (
            exchange(None, error="CannotResolveHostError: bao.example"),
            "-1",
            "error:CannotResolveHostError:%20bao.example",
        ),
        (exchange(None, error="DownloadConnectionRefusedError: x"), "-2", "error:DownloadConnectionRefusedError:%20x"),
        (
            exchange(None, error="DownloadFailedError: closed, twice"),
            "-3",
            "error:DownloadFailedError:%20closed%2C%20twice",
        ),
        (exchange(None, cause="time", error="no answer before the deadline"), "-4", "deadline"),
        (exchange(None, error="ForbiddenAddress: not asked"), "-5001", "error:ForbiddenAddress"),
        (exchange(b"SSH-2.0-OpenSSH\r\n"), "-3", "error:the%20answer%20is%20not%20HTTP"),
        (exchange(answer(status=b"404 Not Found")), "404", "offset:812"),
        (exchange(answer()[:-4], cause="disconnect"), "200", "truncated:disconnect"),
    ],
)
def test_how_an_attempt_ended(log: CrawlLog, one: Exchange, status: str, note: str) -> None:
    values = attempt(log, one)
    assert values[1] == status
    assert note in values[9]


@given(url=st.text(min_size=1), via=st.text(), mime=st.binary(max_size=40), error=st.text())
def test_nothing_forges_a_line_or_a_field(url: str, via: str, mime: bytes, error: str) -> None:
    log = CrawlLog()
    head = b"Content-Type: " + mime.replace(b"\n", b"").replace(b"\r", b"")
    facts = {"via": via, "hopsFromSeed": "L"}
    address = "http://bao.example/" + "".join(c for c in url if c.isprintable() or c in "\n\r\t ")
    attempt(log, exchange(answer(b"x", head), url=address, facts=facts))
    attempt(log, exchange(None, url=address, facts=facts, error=error))
    log.passed_over([PassedOver(url, "depth", via, error)])
    lines = log.take().splitlines(keepends=True)
    assert len(lines) == 1
    assert parse(lines[0]) is not None
    assert (log.tally.attempts, log.tally.not_fetched) == (2, {"depth": 1})
    log.close()


def test_a_url_is_told_once(log: CrawlLog) -> None:
    one, two = PassedOver("https://bao.example/1", "depth", "R"), PassedOver("https://bao.example/2", "robots", "L")
    log.passed_over([one, two, one])
    first = log.take().decode()
    log.passed_over([two, PassedOver("https://bao.example/3", "language", "L", "https://bao.example/v")])
    second = log.take().decode()
    assert [line.split()[1:4:2] for line in first.splitlines()] == [["-4001", one.url], ["-9998", two.url]]
    assert [line.split()[3:] for line in second.splitlines()] == [
        ["https://bao.example/3", "L", "https://bao.example/v", "-", "-", "-", "language"]
    ]
    assert log.take() == b""


def test_thousands_at_once_in_their_order(log: CrawlLog) -> None:
    urls = [f"https://bao.example/{number}" for number in range(3000)]
    log.passed_over([PassedOver(url, "not_followed") for url in urls])
    assert [line.split()[3] for line in log.take().decode().splitlines()] == urls
    log.passed_over([PassedOver(url, "not_followed") for url in urls])
    assert log.take() == b""
    assert log.tally.not_fetched == {"not_followed": 3000}


def test_a_tally_of_the_lines_is_the_tally_of_the_run(log: CrawlLog) -> None:
    lines = b""
    for one in (exchange(answer()), exchange(answer(b"", status=b"301 Moved")), exchange(None, error="x")):
        log.attempt(one, records_of(one, lambda digest: None), "warc/bao/a.warc.gz", 1)
        log.passed_over([PassedOver(f"https://bao.example/{len(lines)}", "stopped")])
        lines += log.take()
    again = Tally()
    again.read([*lines.splitlines(keepends=True), b"cut in the midd"])
    for name in ("attempts", "bytes", "by_status", "by_type", "not_fetched"):
        assert getattr(again, name) == getattr(log.tally, name)
    assert again.attempts == 3


def test_made_up_types_do_not_grow_the_tally(log: CrawlLog) -> None:
    for number in range(300):
        attempt(log, exchange(answer(b"x", b"Content-Type: text/x%d" % number)))
    assert len(log.tally.by_type) <= 101
    assert log.tally.by_type.total() == 300


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"a b\n", b"2026 200 1 u - - - - f n", b"2026 200 x u - - - - f n\n", b" " * 9 + b"\n"]
)
def test_what_is_no_line(line: bytes) -> None:
    assert parse(line) is None


@given(st.text())
def test_a_field_is_one_word(value: str) -> None:
    shown = field(value)
    assert shown.isascii()
    assert shown.split() == [shown]


def test_recent_forgets_the_oldest() -> None:
    recent = Recent(most=2)
    assert [recent.is_news(url) for url in ("a", "b", "a", "c", "b", "c")] == [True, True, False, True, True, False]
