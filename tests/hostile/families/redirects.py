"""Redirects that turn in circles, grow, and lead out of the web."""

from __future__ import annotations

from collections.abc import Callable

from tests.hostile.scenario import FRONT, HOME, HOST, SOUND, Scenario, bad, redirect, together
from tests.oddanswers import HTML, TEXT, head, length
from tests.oddserver import Steps

MOST = 20  # requests that one hostile page may cause by redirects


def _counting(target: Callable[[int], str]) -> Callable[[bytes], Steps]:
    """Each request is led on to the next address."""
    count = 0

    def answer(request: bytes) -> Steps:
        nonlocal count
        count += 1
        return redirect(target(count))

    return answer


def _targets(name: str, *targets: str | bytes, extra: int = 8, ends: tuple[str, ...] = ()) -> Scenario:
    """A page for each target."""
    answers = {bad(number): redirect(target) for number, target in enumerate(targets)}
    return Scenario(name, answers, extra=len(answers) + extra, ends=dict.fromkeys(answers, ends) if ends else {})


_CIRCLES = (
    Scenario("redirect-to-itself", {bad(1): redirect(bad(1))}, extra=MOST),
    Scenario("redirect-to-its-fragment", {bad(1): redirect(f"{HOME}{bad(1)}#a"), bad(2): redirect("#b")}, extra=MOST),
    Scenario("redirect-loop-of-two", {bad(1): redirect(bad(2)), bad(2): redirect(bad(1))}, extra=MOST),
    Scenario(
        "redirect-loop-of-seven", {bad(n): redirect(bad((n + 1) % 7)) for n in range(7)}, listed=(bad(0),), extra=MOST
    ),
    Scenario(
        "redirect-chain-endless",
        {bad(1): _counting(lambda n: f"/chuyen-tiep-lan-{n}.html")},
        otherwise=_counting(lambda n: f"/chuyen-tiep-nua-lan-{n}.html"),
        extra=MOST,
        counted=("failed/too_many_redirects",),
    ),
    Scenario(
        "redirect-chain-growing",
        {bad(1): _counting(lambda n: f"/chuyen-tiep-lan-{n}.html")},
        otherwise=_counting(lambda n: "/" + "dai-dai-dai-hon/" * (2**n) + "tin-la-so-1.html"),
        extra=MOST,
    ),
    Scenario(
        "redirect-between-spellings",
        {bad(1): redirect(bad(1) + "?utm_source=a"), bad(2): redirect("." + bad(2))},
        extra=MOST,
    ),
    Scenario("redirect-between-http-and-https", {bad(1): redirect(f"https://{HOST}{bad(1)}")}, extra=MOST),
)
_SCHEMES = (
    _targets(
        "redirect-to-other-schemes",
        "file:///etc/passwd",
        "ftp://www.bao-la.example/a",
        "javascript:alert(1)",
        "data:text/html,<title>x</title>",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ws://www.bao-la.example/",
        "s3://bucket/a",
        "about:blank",
        "blob:http://www.bao-la.example/1",
        "view-source:http://www.bao-la.example/",
        "jar:http://www.bao-la.example/!/a",
    ),
    _targets("redirect-to-nothing", "", "?", "#", "//", "///", "http://", "http:///", "http://?", ":", "\\\\"),
    _targets(
        "redirect-to-broken-addresses",
        "http://[::1/",
        "http://a:99999/",
        "http://www.bao-la.example:0/",
        "http://%/",
        "http://\x7f/",
        "http://" + "a" * 300 + ".example/",
        "http://" + "a." * 200 + "example/",
        "http://xn--\x80/",
        "http://a b/",
    ),
    _targets("redirect-to-50-kb", "/" + "a" * 50_000, "?" + "b=c&" * 12_000, "//" + "d" * 50_000),
    _targets(
        "redirect-with-user-names",
        f"http://{HOST}@169.254.169.254/",
        f"http://{HOST}:80@127.0.0.1/",
        f"http://127.0.0.1\\@{HOST}/tin-la-so-9.html",
        f"http://{HOST}#@127.0.0.1/",
        f"http://an:mat-khau@{HOST}{bad(1)}",
        extra=4,
    ),
    _targets(
        "redirect-with-control-characters",
        b"/tin-la\x00-so-9.html",
        b"/tin-la\r-so-9.html",
        b"/tin-la\x1b[2J-so-9.html",
        b"/tin-la\xff\xfe-so-9.html",
        "/tin-lạ-số-9.html",
        b"/tin-la%0d%0aSet-Cookie:%20a=b-so-9.html",
        b"\thttp://www.bao-la.example/tin-la-so-10.html\x0b",
        extra=8,
    ),
)
_ODD = (
    Scenario(
        "redirect-without-location", {bad(1): (head(b"Content-Length: 0", status=b"HTTP/1.1 302 Found"),)}, extra=2
    ),
    Scenario(
        "redirect-with-50-locations",
        {
            bad(1): (
                head(
                    *(f"Location: /chuyen-tiep-lan-{n}.html".encode() for n in range(50)),
                    b"Content-Length: 0",
                    status=b"HTTP/1.1 302 Found",
                ),
            )
        },
        extra=4,
    ),
    Scenario("redirect-and-a-page", {bad(1): (head(HTML, b"Location: /", length(TEXT)) + TEXT,)}, extra=2),
    Scenario(
        "redirect-of-every-status",
        {
            bad(status): redirect(SOUND[0], b"HTTP/1.1 %d Elsewhere" % status)
            for status in (300, 301, 302, 303, 304, 305, 306, 307, 308, 309, 399)
        },
        extra=12,
    ),
    Scenario("redirect-to-sound-pages", {bad(n): redirect(path) for n, path in enumerate((*SOUND, FRONT))}, extra=14),
)
SCENARIOS = (
    *_CIRCLES,
    together("redirects-to-nowhere", *_SCHEMES[:3]),
    together("redirects-to-strange-addresses", *_SCHEMES[3:]),
    together("redirects-that-are-odd", *_ODD[:3]),
    *_ODD[3:],
)
