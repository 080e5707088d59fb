"""Lengths and chunks that do not add up, answers hidden behind answers, and heads that are hard to read."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, repeat

from tests.hostile.scenario import HOME, Scenario, bad, together
from tests.oddanswers import CHUNKED, FIRST, FOREVER, HEADS, HTML, LAST_CHUNK, TEXT, chunk, head, length
from tests.oddserver import Steps
from tests.smallpaper import page

FORGED = head(HTML, length(page(999))) + page(999)  # would be taken for the next page's answer
ANY = ("done", "failed/", "redirected/")


def _one(name: str, *steps: bytes | float | str, ends: str | tuple[str, ...] = ANY, extra: int = 4) -> Scenario:
    return Scenario(name, {bad(1): steps}, extra=extra, ends={bad(1): ends})  # type: ignore[dict-item]


def _lengths(name: str, *values: bytes, then: bytes = TEXT) -> Scenario:
    return _one(name, head(HTML, *(b"Content-Length: " + value for value in values)) + then, "close")


_LENGTHS = (
    _one("length-too-long", head(HTML, b"Content-Length: 9999") + TEXT, "close", ends="failed/disconnected"),
    replace(
        _one("length-too-long-and-silent", head(HTML, b"Content-Length: 9999") + TEXT, FOREVER, ends="failed/timeout"),
        settings={"RESPONSE_DEADLINE": 4},
    ),
    _lengths("length-too-short", b"30"),
    _lengths("length-negative", b"-1"),
    _lengths("lengths-that-differ", b"30", b"31"),
    _lengths("lengths-that-agree", *[b"%d" % len(TEXT)] * 3),
    _lengths("length-as-a-list", b"%d, %d" % (len(TEXT), len(TEXT))),
    _lengths("length-of-30-digits", b"9" * 30),
    _lengths("length-of-5000-digits", b"9" * 5000),
    _lengths("length-of-exabytes", b"9223372036854775807"),
    _lengths("length-in-hex", b"0x20"),
    _lengths("length-with-a-sign", b"+%d" % len(TEXT)),
    _lengths("length-in-words", "mười".encode()),
    _lengths("length-empty", b""),
    _one("length-and-chunks", head(HTML, b"Content-Length: 5", CHUNKED) + chunk(TEXT) + LAST_CHUNK),
)
_CHUNKS = (
    _one("chunk-size-overflow", head(HTML, CHUNKED) + b"f" * 20 + b"\r\n" + TEXT, "close", ends="failed/"),
    _one("chunk-size-endless", head(HTML, CHUNKED) + b"1" * 70_000, FOREVER, ends="failed/"),
    _one("chunk-without-crlf", head(HTML, CHUNKED) + b"%x" % len(TEXT) + b"\r\n" + TEXT + b"0\r\n\r\n", "close"),
    _one("chunk-size-negative", head(HTML, CHUNKED) + chunk(FIRST) + b"-5\r\nabcde\r\n", "close", ends="failed/"),
    _one("chunk-size-with-0x", head(HTML, CHUNKED) + b"0x5\r\nabcde\r\n" + LAST_CHUNK, "close"),
    _one("chunk-size-no-number", head(HTML, CHUNKED) + chunk(FIRST) + b"xyz\r\n", "close", ends="failed/"),
    _one("chunk-lines-by-lf", head(HTML, CHUNKED) + b"5\nabcde\n0\n\n", "close"),
    _one("chunk-last-and-more", head(HTML, CHUNKED) + chunk(TEXT) + LAST_CHUNK + chunk(TEXT), 0.2),
    _one("chunks-and-no-chunks", head(HTML, CHUNKED) + TEXT, "close", ends="failed/"),
    _one(
        "chunked-twice",
        head(HTML, b"Transfer-Encoding: chunked, chunked") + chunk(chunk(TEXT)) + LAST_CHUNK,
        "close",
    ),
    _one(
        "transfer-encoding-unknown",
        head(HTML, b"Transfer-Encoding: gzip, chunked") + chunk(TEXT) + LAST_CHUNK,
        "close",
    ),
    _one("transfer-encoding-blurred", head(HTML, b"Transfer-Encoding:\x0bchunked", length(TEXT)) + TEXT, "close"),
)
_HIDDEN = tuple(
    _one(f"hidden-behind-{name}", answer + FORGED, 0.3)
    for name, answer in (
        ("a-page", head(HTML, length(TEXT)) + TEXT),
        ("a-short-length", head(HTML, length(FIRST)) + FIRST),
        ("the-last-chunk", head(HTML, CHUNKED) + chunk(TEXT) + LAST_CHUNK),
        ("no-content", head(status=b"HTTP/1.1 204 No Content")),
        ("a-404", head(b"Content-Length: 0", status=b"HTTP/1.1 404 Not Found")),
        ("a-redirect", head(f"Location: {HOME}/".encode(), b"Content-Length: 0", status=b"HTTP/1.1 302 Found")),
    )
)


def _folded(lines: int) -> Steps:
    return (head(HTML, b"X-Folded: a", *[b"\tb"] * lines, length(TEXT)) + TEXT,)


_HEADS = (
    Scenario("odd-heads", {bad(number): answer.steps for number, answer in enumerate(HEADS)}, extra=len(HEADS)),
    together(
        "heads-that-are-hard-to-read",
        _one("head-folded-10000-times", *_folded(10_000)),
        _one("head-of-cr", b"HTTP/1.1 200 OK\rContent-Type: text/html\r\r" + TEXT, "close"),
        _one("head-without-end", head(HTML, length(TEXT))[:-2] + TEXT, "close"),
        _one("header-without-name", head(HTML, b": nobody", b":", length(TEXT)) + TEXT),
        _one(
            "header-of-bytes", head(HTML, bytes(range(128, 256)) + b": " + bytes(range(128, 256)), length(TEXT)) + TEXT
        ),
        _one("content-type-of-200-kb", head(b"Content-Type: text/html; " + b"a=b; " * 40_000, length(TEXT)) + TEXT),
        _one("content-type-many-times", head(*[b"Content-Type: image/png", HTML] * 50, length(TEXT)) + TEXT),
    ),
)
SCENARIOS = (
    together("lengths-that-are-wrong", *_LENGTHS),
    together("chunks-that-are-odd", *_CHUNKS),
    Scenario(
        "chunk-extension-endless",
        {bad(1): lambda request: chain((head(HTML, CHUNKED) + b"5;a=",), repeat(b"b" * 60_000))},
        extra=4,
        ends={bad(1): "failed/"},
    ),
    together("hidden-behind-answers", *_HIDDEN),
    *_HEADS,
)
