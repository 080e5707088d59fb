"""Named odd answers for ``odd_server``: what real and hostile servers send and no HTTP library would.

``script(ODD_ANSWERS)`` puts each at its own path; ``by_name`` picks one. All are whole in the sense of
``ends`` unless they say otherwise.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tests.oddserver import Step, Steps

OVERSIZE = 256 * 1024  # the oversize answers are longer than this, all others much shorter
FOREVER = 600.0  # seconds; longer than any deadline under test

Ends: TypeAlias = Literal["whole", "disconnect", "reset", "length", "time", "empty", "invalid"]


@dataclass(frozen=True, slots=True)
class OddAnswer:
    """An odd answer, and what a capture of it holds.

    ``body``: the message body, de-chunked, still content-encoded; of an answer that is cut, all that was sent.
    ``ends``: how the exchange ends for a client that allows less than ``OVERSIZE`` bytes and ``FOREVER``
    seconds: whole; cut by a close (disconnect) or a reset; by the client's size limit (length) or its deadline
    (time); without one byte (empty); with bytes that break HTTP's grammar (invalid).
    """

    name: str
    steps: Steps
    body: bytes
    ends: Ends = "whole"
    method: str = "GET"

    @property
    def path(self) -> str:
        return f"/{self.name}"

    @property
    def wire(self) -> bytes:
        """All bytes of the answer."""
        return b"".join(step for step in self.steps if isinstance(step, bytes))


TEXT = "<!doctype html><title>Bến cũ</title><p>Đò ngang sang sông lúc trời còn mờ sương.</p>\n".encode()
FIRST, REST = TEXT[:31], TEXT[31:]
LONG = TEXT * (OVERSIZE // len(TEXT) + 1)
PACKED = gzip.compress(TEXT * 20, 6, mtime=0)


def head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK", end: bytes = b"\r\n") -> bytes:
    return end.join([status, *lines, b"", b""])


def length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(data), extension, data)


def drip(data: bytes, size: int, pause: float) -> tuple[Step, ...]:
    """The data in pieces of ``size`` bytes with ``pause`` seconds after each."""
    return tuple(step for at in range(0, len(data), size) for step in (data[at : at + size], pause))


HTML = b"Content-Type: text/html; charset=utf-8"
CHUNKED = b"Transfer-Encoding: chunked"
GZIP = b"Content-Encoding: gzip"
LAST_CHUNK = b"0\r\n\r\n"
NO_LENGTH = head(HTML, b"Connection: close", status=b"HTTP/1.0 200 OK")


def _whole(name: str, *lines: bytes, status: bytes = b"HTTP/1.1 200 OK", ends: Ends = "whole") -> OddAnswer:
    """An answer whose oddity is in its head alone."""
    return OddAnswer(name, (head(HTML, *lines, length(TEXT), status=status) + TEXT,), TEXT, ends)


HEADS = (
    _whole("strange-reason", status=b"HTTP/1.1 200 D'accord, voil\xe0  (42%)"),
    _whole("no-reason", status=b"HTTP/1.1 200"),
    _whole("empty-reason", status=b"HTTP/1.1 200 "),
    _whole("unknown-status", status=b"HTTP/1.1 299 Kept Warm"),
    _whole("case-and-order", b"x-zulu: 1", b"X-ALPHA:2", b"sErVeR:   odd  ", b"X-mIkE:\t3", b"X-Empty:"),
    _whole("duplicate-headers", b"Set-Cookie: a=1", b"X-Twice: one", b"Set-Cookie: b=2", b"X-Twice: two"),
    _whole("utf8-header", "X-Tựa: Bến cũ".encode(), "X-Title: Đò ngang".encode()),
    _whole("long-header", b"X-Long: " + b"a" * 12_000),
    _whole("no-colon", b"this line is no header", b"X-After: kept"),
    _whole("space-before-colon", b"X-Spaced : value"),
    _whole("folded-header", b"X-Folded: one", b"\ttwo", b"   three"),
    _whole("leading-space", b" X-First: it begins with a space", b"X-After: kept"),
    _whole("nul-in-header", b"X-Nul: before\x00after"),
    _whole("cr-in-header", b"X-Cr: before\rWARC-Type: forged"),
    _whole("forged-location", b"Location: /x%0d%0aWARC-Type:%20forged\rWARC-Record-ID: <urn:uuid:0>"),
    OddAnswer("bare-lf", (head(HTML, length(TEXT), end=b"\n") + TEXT,), TEXT),
)

FRAMINGS = (
    OddAnswer(
        "chunk-extensions",
        (head(HTML, CHUNKED) + chunk(FIRST, b';sig="a;b"') + chunk(REST, b" ; x") + b"0;last=yes\r\n\r\n",),
        TEXT,
    ),
    OddAnswer(
        "chunk-trailers",
        (head(HTML, CHUNKED, b"Trailer: X-Sum") + chunk(FIRST) + chunk(REST) + b"0\r\nX-Sum: 7\r\nX-B: 8\r\n\r\n",),
        TEXT,
    ),
    OddAnswer("chunk-zeros", (head(HTML, CHUNKED) + b"0000%X\r\n%s\r\n000\r\n\r\n" % (len(TEXT), TEXT),), TEXT),
    OddAnswer("chunk-bytewise", (head(HTML, CHUNKED), *drip(chunk(FIRST) + LAST_CHUNK, 1, 0.001)), FIRST),
    OddAnswer("chunked-empty", (head(HTML, CHUNKED) + LAST_CHUNK,), b""),
    OddAnswer("bad-chunk-size", (head(HTML, CHUNKED) + chunk(FIRST) + b"xyz\r\n" + REST, "close"), FIRST, "invalid"),
    OddAnswer("negative-chunk", (head(HTML, CHUNKED) + chunk(FIRST) + b"-5\r\n" + REST, "close"), FIRST, "invalid"),
    OddAnswer("length-and-chunked", (head(HTML, b"Content-Length: 5", CHUNKED) + chunk(TEXT) + LAST_CHUNK,), TEXT),
    OddAnswer("two-lengths", (head(HTML, length(TEXT), b"Content-Length: 5") + TEXT, "close"), TEXT, "invalid"),
    OddAnswer("negative-length", (head(HTML, b"Content-Length: -1") + TEXT, "close"), TEXT, "invalid"),
    OddAnswer("more-than-length", (head(HTML, length(FIRST)) + TEXT, "close"), FIRST),
    OddAnswer("close-delimited", (NO_LENGTH + FIRST, 0.02, REST, "close"), TEXT),
    OddAnswer("gzip", (head(HTML, GZIP, length(PACKED)) + PACKED,), PACKED),
    OddAnswer("gzip-truncated", (head(HTML, GZIP, length(PACKED[:-20])) + PACKED[:-20],), PACKED[:-20]),
    OddAnswer("gzip-untrue", (head(HTML, GZIP, length(TEXT)) + TEXT,), TEXT),
)

BODILESS = (
    OddAnswer(
        "informational",
        (
            head(status=b"HTTP/1.1 100 Continue"),
            head(b"Link: </a.css>; rel=preload", status=b"HTTP/1.1 103 Early Hints"),
            head(HTML, length(TEXT)) + TEXT,
        ),
        TEXT,
    ),
    OddAnswer("no-content", (head(b"X-None: yes", status=b"HTTP/1.1 204 No Content"),), b""),
    OddAnswer("not-modified", (head(b'ETag: "7"', length(TEXT), status=b"HTTP/1.1 304 Not Modified"),), b""),
    OddAnswer("head", (head(HTML, length(TEXT)),), b"", method="HEAD"),
    OddAnswer("head-chunked", (head(HTML, CHUNKED),), b"", method="HEAD"),
)

CUT = (
    OddAnswer("cut-in-length", (head(HTML, length(TEXT)) + FIRST, "close"), FIRST, "disconnect"),
    OddAnswer("cut-before-body", (head(HTML, length(TEXT)), "close"), b"", "disconnect"),
    OddAnswer("cut-in-chunk", (head(HTML, CHUNKED) + chunk(TEXT)[:40], "close"), TEXT[:36], "disconnect"),
    OddAnswer("cut-between-chunks", (head(HTML, CHUNKED) + chunk(FIRST), "close"), FIRST, "disconnect"),
    OddAnswer("cut-in-head", (head(HTML, length(TEXT))[:30], "close"), b"", "disconnect"),
    # The pause lets the client read what came before the reset.
    OddAnswer("reset-in-body", (head(HTML, length(TEXT)) + FIRST, 0.1, "reset"), FIRST, "reset"),
    OddAnswer("reset-at-once", ("reset",), b"", "empty"),
    OddAnswer("empty", ("close",), b"", "empty"),
    OddAnswer("garbage", (b"\x00\x01\xfe\xff SSH-2.0-bat-dau\r\n\r\n", "close"), b"", "invalid"),
    OddAnswer("other-protocol", (head(HTML, length(TEXT), status=b"HTTP0/1.1 200 OK") + TEXT,), TEXT, "invalid"),
    OddAnswer("garbage-status", (b"HTTP/1.1 abc Odd\r\nContent-Length: 0\r\n\r\n", "close"), b"", "invalid"),
    OddAnswer("oversize-declared", (head(HTML, length(LONG)) + LONG,), LONG, "length"),
    OddAnswer(
        "oversize-chunked",
        (head(HTML, CHUNKED) + chunk(LONG[:99_999]) + chunk(LONG[99_999:]) + LAST_CHUNK,),
        LONG,
        "length",
    ),
    OddAnswer("oversize-undeclared", (NO_LENGTH + LONG, "close"), LONG, "length"),
    OddAnswer("silent", (FOREVER,), b"", "time"),
    OddAnswer("slow-head", (head(HTML, length(TEXT))[:30], FOREVER), b"", "time"),
    OddAnswer("slow-body", (head(HTML, length(TEXT)) + FIRST, FOREVER), FIRST, "time"),
    # A byte now and then defeats a timeout that every byte resets.
    OddAnswer("drip", (head(HTML, length(LONG)), *drip(LONG[:6000], 1, 0.1)), LONG[:6000], "time"),
)

ODD_ANSWERS: tuple[OddAnswer, ...] = HEADS + FRAMINGS + BODILESS + CUT


def by_name(name: str) -> OddAnswer:
    return next(answer for answer in ODD_ANSWERS if answer.name == name)


def script(answers: Iterable[OddAnswer] = ODD_ANSWERS) -> dict[str, Steps]:
    """A script for ``odd_server``, each answer at ``/<its name>``."""
    return {answer.path: answer.steps for answer in answers}
