"""Bytes that would be a WARC record, a log line, a terminal's order or a JSON line, if somebody let them."""

from __future__ import annotations

from dataclasses import replace

from tests.hostile.scenario import HOME, LIST, LISTED, Scenario, article, bad, listing, redirect, together, whole
from tests.oddanswers import FOREVER, HTML, TEXT, head, length
from tests.oddserver import Steps

SOON = {"RESPONSE_DEADLINE": 4}
ENDS = ("done", "failed/", "refused/", "redirected/")
RECORD = (
    b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>\r\n"
    b"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: http://gia-mao.example/\r\n"
    b"Content-Type: application/http;msgtype=response\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
)
MEMBER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
ESCAPES = "\x1b[2J\x1b]0;đổi tên\x07\x1b[31m\x9b2J\x08\x7f\u202e"
LINE = '"}\n{"schema": "article/1", "row_id": "gia mao"}\r2026-01-01 00:00:00 CRITICAL gia mao'


def _pages(name: str, *steps: Steps, extra: int = 0) -> Scenario:
    answers = {bad(number): answer for number, answer in enumerate(steps)}
    return Scenario(name, answers, extra=4 * len(answers) + extra, ends=dict.fromkeys(answers, ENDS))


def _headed(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> Steps:
    return (head(HTML, *lines, length(TEXT), status=status) + TEXT,)


_FORGED = (
    _pages(
        "forged-record-in-body",
        whole(article(60, body_html="x").replace(b"</body>", b"\r\n\r\n" + RECORD * 3 + b"</body>")),
        whole(RECORD * 100),
        whole(MEMBER * 1000 + RECORD),
        (head(HTML) + b"\r\n\r\n" + RECORD, "close"),
    ),
    _pages(
        "forged-record-in-head",
        _headed(b"X-A: b\r" + RECORD.replace(b"\r\n", b"\r")),
        _headed(b"X-A: b\n" + RECORD.replace(b"\r\n", b"\n")[:-4]),
        _headed(b"X-A: b\x00\r\r\n\n" + RECORD.replace(b"\r\n", b"\x0b")),
        (b"HTTP/1.1 200 OK\r\n" + RECORD, "close"),
        (RECORD, "close"),
    ),
    _pages(
        "forged-record-in-location",
        redirect(b"/tin-la-so-50.html\r" + RECORD.replace(b"\r\n", b"\r")),
        redirect(b"/tin-la%0d%0a%0d%0aWARC/1.1%0d%0aWARC-Type:%20response-so-51.html"),
        redirect(b"/tin-la-so-52.html\x00\x0a"),
        redirect(b"/tin\xe2\x80\xa8la\xc2\x85-so-53.html"),
        extra=4,
    ),
    _pages(
        "forged-record-in-status-line",
        _headed(status=b"HTTP/1.1 200 OK\rWARC/1.1\rWARC-Type: response"),
        _headed(status=b"HTTP/1.1 200 \x1b[2J\x00\x07"),
        _headed(status=b"HTTP/1.1 404 " + RECORD.replace(b"\r\n", b" ")),
    ),
)
_ESCAPES = (
    _pages(
        "escapes-in-headers",
        _headed(
            b"Content-Type: text/html\x1b[2J; charset=\x1b]0;x\x07", b'ETag: "\x1b[2J"', b"Last-Modified: \x1b[31m"
        ),
        _headed(b"Retry-After: \x1b[2J", status=b"HTTP/1.1 503 \x1b[2J"),
        _headed(b"Content-Encoding: \x1b[2J"),
        _headed(b"X-Robots-Tag: \x1b[2J\x00", b"tdm-reservation: \x1b[2J\x00"),
    ),
    _pages(
        "escapes-in-titles",
        whole(
            article(60).replace(b"<h1>", f"<h1>{ESCAPES}".encode()).replace(b"<title>", f"<title>{ESCAPES}".encode())
        ),
        whole(f"<!doctype html><title>{ESCAPES}404</title><h1>{ESCAPES}</h1><p>x".encode()),
        whole(
            article(
                61, head_html=f'<meta property="og:title" content="{ESCAPES}"><meta name="author" content="{ESCAPES}">'
            )
        ),
    ),
    _pages(
        "lines-in-titles",
        whole(article(60).replace(b"<h1>", f"<h1>{LINE}".encode()).replace(b"<title>", f"<title>{LINE}".encode())),
        whole(article(61).replace(b"<p>", f"<p>{LINE}\u2028\u2029\x85".encode())),
    ),
    _pages(
        "escapes-in-a-failure",
        (b"\x1b[2J\x1b]0;x\x07" * 20 + b"\r\n\r\n", "close"),
        (b"HTTP/1.1 \x1b[2J\r\n\r\n", 0.1, "close"),
        (head(HTML, CHUNKED := b"Transfer-Encoding: chunked") + b"\x1b[2J\r\n", FOREVER),
    ),
)
SCENARIOS = (
    replace(together("forged-records", *_FORGED), settings=SOON),
    replace(together("escapes-and-lines", *_ESCAPES), settings=SOON),
    Scenario(
        "escapes-in-addresses",
        {
            LIST: whole(
                listing(
                    "Nông thôn",
                    (
                        *LISTED,
                        "/tin-\x1b[2J-la-so-1.html",
                        "/tin-\r\nla-so-2.html",
                        "/tin-\x00-la-so-3.html",
                        "/tin-\u2028-la-so-4.html",
                        "/tin-%1b[2J-la-%0d%0a-so-5.html",
                        "/..%2f..%2f..%2fetc/tin-la-so-6.html",
                        "/tin-la-so-7.html?\x1b]0;x\x07",
                        f"{HOME}/\u202etin-la-so-8.html",
                    ),
                )
            )
        },
        extra=20,
    ),
    _pages(
        "names-of-files-in-addresses",
        redirect("/../../../../tmp/tin-la-so-40.html"),
        redirect("/tin-la-so-" + "a" * 1500 + ".html"),
        redirect("/tin-la-so-41.html;rm -rf ~;$(id)`id`|x"),
        redirect("/CON/NUL/tin-la-so-42.warc.gz.open"),
        extra=4,
    ),
)
