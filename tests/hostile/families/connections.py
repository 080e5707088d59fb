"""Connections that break, stall and never end, and peers that do not speak HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat

from tests.hostile.scenario import SOUND, Scenario, bad, together
from tests.oddanswers import CHUNKED, FIRST, FOREVER, HTML, LONG, NO_LENGTH, TEXT, chunk, drip, head, length
from tests.oddserver import Step, Steps
from tests.smallpaper import page

SMALL = {"DOWNLOAD_MAXSIZE": 1_000_000}
SOON = {"RESPONSE_DEADLINE": 4}  # the server keeps the crawl waiting until then
LIMITED = "failed/"  # whichever limit it meets first: of size, of lines, of time
TIMEOUT, CUT, GONE = "failed/timeout", "failed/disconnected", "failed/DownloadFailedError"


def _one(name: str, steps: Steps | Callable[[bytes], Iterable[Step]], ends: str, **more: object) -> Scenario:
    """A page that is asked twice (once more after the failure), maybe on a connection that was kept before that."""
    if ends in (TIMEOUT, LIMITED):
        more["settings"] = {**SOON, **more.get("settings", {})}  # type: ignore[dict-item]
    return Scenario(name, {bad(1): steps}, extra=4, ends={bad(1): ends}, **more)  # type: ignore[arg-type]


def _endless(*before: Step, again: bytes) -> Callable[[bytes], Iterable[Step]]:
    """``again`` until the client has had enough."""
    return lambda request: chain(before, repeat(again))


def _slowly(data: bytes, pause: float = 0.05) -> Callable[[bytes], Iterator[Step]]:
    """A byte at a time, so that no timeout between two bytes ever ends it."""
    return lambda request: chain(drip(data, 1, pause), (FOREVER,))


_BREAKS = (
    _one("reset-before-answer", ("reset",), GONE),
    _one("reset-in-head", (head(HTML, length(TEXT))[:20], 0.1, "reset"), CUT),
    _one("reset-in-body", (head(HTML, length(TEXT)) + FIRST, 0.1, "reset"), CUT),
    _one("close-before-answer", ("close",), GONE),
    _one("close-in-status-line", (b"HTTP/1.1 2", "close"), CUT),
    _one("close-in-head", (head(HTML, length(TEXT))[:40], "close"), CUT),
    _one("close-in-body", (head(HTML, length(TEXT)) + FIRST, "close"), CUT),
    _one("close-in-chunk", (head(HTML, CHUNKED) + chunk(FIRST) + b"ff\r\nhalf", "close"), CUT),
    _one("close-before-last-chunk", (head(HTML, CHUNKED) + chunk(TEXT), "close"), CUT),
)
_STALLS = (
    _one("silence", (FOREVER,), TIMEOUT),
    _one("silence-after-head", (head(HTML, length(TEXT)), FOREVER), TIMEOUT),
    _one("silence-in-chunk", (head(HTML, CHUNKED) + chunk(FIRST) + b"ff\r\n", FOREVER), TIMEOUT),
    _one("slow-head", _slowly(head(HTML, b"X-Slow: " + b"s" * 500, length(TEXT))), TIMEOUT),
    _one("slow-body", lambda request: chain((head(HTML, length(LONG)),), drip(LONG, 1, 0.05)), TIMEOUT),
    _one("slow-chunks", lambda request: chain((head(HTML, CHUNKED),), drip(chunk(b"a") * 1000, 6, 0.05)), TIMEOUT),
)
_SILENT = (
    Scenario(
        "every-hostile-page-is-silent",
        {bad(number): (FOREVER,) for number in range(8)},
        extra=16,
        ends={bad(number): TIMEOUT for number in range(8)},
        settings=SOON,
    ),
)
_ENDLESS = (
    _one("endless-body", _endless(head(HTML), again=LONG), LIMITED, settings=SMALL),
    _one("endless-chunks", _endless(head(HTML, CHUNKED), again=chunk(LONG)), LIMITED, settings=SMALL),
    _one("endless-tiny-chunks", _endless(head(HTML, CHUNKED), again=chunk(b"a") * 9999), LIMITED, settings=SMALL),
    _one("endless-head", _endless(b"HTTP/1.1 200 OK\r\n", again=b"X-More: of the same\r\n" * 500), LIMITED),
    _one("endless-header-line", _endless(b"HTTP/1.1 200 OK\r\nX-Long: ", again=b"a" * 60_000), LIMITED),
    _one(
        "endless-trailers", _endless(head(HTML, CHUNKED) + chunk(TEXT) + b"0\r\n", again=b"X-Sum: 7\r\n" * 999), LIMITED
    ),
    together(
        "endless-noise",
        _one("endless-informational", _endless(again=head(status=b"HTTP/1.1 100 Continue") * 500), LIMITED),
        _one(
            "endless-early-hints",
            _endless(again=head(b"Link: </a>", status=b"HTTP/1.1 103 Early Hints") * 500),
            LIMITED,
        ),
        _one("endless-empty-lines", _endless(again=b"\r\n" * 5000), LIMITED),
        _one("endless-nul", _endless(again=bytes(60_000)), LIMITED),
        _one("endless-status-line", _endless(b"HTTP/1.1 200 ", again=b"O" * 60_000), LIMITED),
    ),
)
_NO_HTTP = (
    _one("http-0.9", (TEXT, "close"), GONE),
    _one("ssh-banner", (b"SSH-2.0-OpenSSH_9.6\r\n", FOREVER), GONE),
    _one("tls-alert", (b"\x15\x03\x03\x00\x02\x02\x28", "close"), CUT),
    _one("binary", (bytes(range(256)) * 40, "close"), GONE),
    _one("switching-protocols", (head(b"Upgrade: h2c", status=b"HTTP/1.1 101 Switching Protocols"), FOREVER), TIMEOUT),
    together(
        "other-protocols-and-statuses",
        _one("smtp-banner", (b"220 mail.example ESMTP\r\n", FOREVER), GONE),
        _one("http-2-preface", (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), "close"), CUT),
        _one("shoutcast", (b"ICY 200 OK\r\n\r\n" + TEXT, "close"), GONE),
        _one("http-9", (head(HTML, length(TEXT), status=b"HTTP/9.9 200 OK") + TEXT,), "done"),
        _one("status-of-letters", (head(HTML, length(TEXT), status=b"HTTP/1.1 abc OK") + TEXT, "close"), GONE),
        _one(
            "status-of-many-digits", (head(HTML, length(TEXT), status=b"HTTP/1.1 " + b"2" * 5000) + TEXT, "close"), GONE
        ),
        _one("status-zero", (head(HTML, length(TEXT), status=b"HTTP/1.1 000 Nothing") + TEXT,), "failed/http_0"),
        _one(
            "partial-content-unasked",
            (head(HTML, length(TEXT), status=b"HTTP/1.1 206 Partial") + TEXT,),
            "failed/http_206",
        ),
        _one("not-modified-unasked", (head(b'ETag: "x"', status=b"HTTP/1.1 304 Not Modified"),), "done/not_modified"),
        _one("no-content", (head(status=b"HTTP/1.1 204 No Content"),), "failed/http_204"),
    ),
)
_SOUND_ONES_TOO = (
    # Each page of the paper comes whole, and then its connection is reset.
    Scenario(
        "reset-after-every-answer",
        {path: (head(HTML, length(page(n))) + page(n), 0.2, "reset") for n, path in enumerate(SOUND)},
        extra=6,
    ),
    Scenario(
        "close-after-every-answer", {path: (NO_LENGTH + page(n), "close") for n, path in enumerate(SOUND)}, extra=6
    ),
)
SCENARIOS = (
    together("connections-that-break", *_BREAKS),
    together("answers-that-stall", *_STALLS),
    together("peers-that-speak-no-http", *_NO_HTTP),
    *_SILENT,
    *_ENDLESS,
    *_SOUND_ONES_TOO,
)
