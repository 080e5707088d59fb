"""robots.txt that is no robots.txt, that closes more than it shows, and that takes time to read."""

from __future__ import annotations

import gzip
from itertools import chain, repeat

from tests.hostile.families.encodings import GZIP, SPACES, deflated, encoded
from tests.hostile.scenario import FRONT, LIST, OPEN, ROBOTS, SOUND, TDMREP, Scenario, bad, redirect, sound, whole
from tests.oddanswers import FOREVER, head
from tests.oddserver import Steps
from tests.smallpaper import page

ALL = frozenset(sound(number) for number in range(9))
UNREACHABLE = ("refused/robots_unreachable",)


def _text(name: str, text: bytes, *closed: str, extra: int = 0, **more: object) -> Scenario:
    """The paper stays open, but for these paths."""
    answers = {ROBOTS: whole(text, b"text/plain"), **dict.fromkeys(closed, whole(page(50)))}
    return Scenario(name, answers, closed=closed, extra=extra, **more)  # type: ignore[arg-type]


def _shut(name: str, answer: Steps, extra: int = 0, **more: object) -> Scenario:
    """No robots.txt can be had: RFC 9309 closes the paper. It is asked three times (and each time maybe twice)."""
    shut = (FRONT, LIST, TDMREP, *ALL)
    return Scenario(name, {ROBOTS: answer}, lost=ALL, extra=extra, counted=UNREACHABLE, closed=shut, **more)  # type: ignore[arg-type]


def _status(code: int, *lines: bytes) -> Steps:
    return (head(*lines, b"Content-Length: 0", status=b"HTTP/1.1 %d No" % code),)


CLOSED = ("/cam/tin-la-so-1.html", "/cam/tin-la-so-2.html")
RULES = b"User-agent: *\nDisallow: /cam/\n"
SCENARIOS = (
    *(_shut(f"robots-answers-{code}", _status(code)) for code in (503,)),
    _shut("robots-answers-429", _status(429, b"Retry-After: 1")),
    _shut("robots-is-silent", (FOREVER,), extra=3, settings={"RESPONSE_DEADLINE": 4}),
    _shut("robots-is-reset", ("reset",), extra=3),
    _shut("robots-is-cut", (head(b"Content-Type: text/plain", b"Content-Length: 999") + OPEN, "close"), extra=3),
    *(Scenario(f"robots-answers-{code}", {ROBOTS: _status(code)}) for code in (403,)),
    Scenario("robots-redirects-to-itself", {ROBOTS: redirect(ROBOTS)}, extra=6),
    Scenario(
        "robots-redirects-for-ever",
        {ROBOTS: redirect("/r1"), **{f"/r{n}": redirect(f"/r{n + 1}") for n in range(1, 30)}},
        listed=(),
        extra=6,
    ),
    _text("robots-of-html", b"<!doctype html><title>404</title><pre>User-agent: *\nDisallow: /\n</pre>"),
    _text("robots-of-bytes", bytes(range(256)) * 200),
    _text("robots-with-bom", b"\xef\xbb\xbf" + RULES, *CLOSED),
    _text("robots-with-cr", RULES.replace(b"\n", b"\r"), *CLOSED),
    _text(
        "robots-with-odd-rules",
        b"User-agent: someone\nUSER-AGENT: * # all\nCrawl-delay: 0\n# nothing\n\nDISALLOW: /cam/ # this\n"
        b"disallow:/%6Dot/\nDisallow: /*/hai-*-1.html$\n Disallow : /b*a/*so-1\n"
        b"Disallow: /b\xe1\xbb\x91n/\nAllow: /cam\n",
        *CLOSED,
        "/mot/tin-la-so-1.html",
        "/x/hai-la-so-1.html",
        "/b%E1%BB%91n/tin-la-so-1.html",
    ),
    _text("robots-with-our-name", b"User-agent: *\nAllow: /\n\nUser-agent: baoquan\nDisallow: /cam/\n", *CLOSED),
    _text(
        "robots-with-control-characters",
        b"User-agent: *\nDisallow: /cam/\x1b[2J\nDisallow: /cam/\nSitemap: \x00\x1b]0;x\x07\n",
        *CLOSED,
        extra=1,  # that sitemap is asked for, at an address of this paper
    ),
    _text(
        "robots-star-bomb",
        b"User-agent: *\n"
        + b"Disallow: /"
        + b"*a" * 5000
        + b"b$\n"
        + b"Disallow: /*"
        + b"*" * 50_000
        + b"zz\n"
        + b"Disallow: /cam/\n",
        *CLOSED,
    ),
    _text("robots-of-many-star-bombs", RULES + (b"Disallow: /" + b"*t*i*n*" * 20 + b"$\n") * 3000, *CLOSED),
    _text("robots-of-100000-rules", RULES + b"".join(b"Disallow: /x%d/\n" % n for n in range(30_000)), *CLOSED),
    Scenario(
        "robots-huge",
        {
            ROBOTS: lambda request: whole(RULES + b"# " + b"x" * 20_000_000 + b"\nDisallow: /\n", b"text/plain"),
            **dict.fromkeys(CLOSED, whole(page(50))),
        },
        closed=CLOSED,
    ),
    Scenario(
        "robots-endless",
        {ROBOTS: lambda request: chain((head(b"Content-Type: text/plain") + RULES,), repeat(b"# more\n" * 9000))},
        lost=ALL,
        extra=3,
        counted=(),
    ),
    _text(
        "robots-of-20000-sitemaps",
        OPEN + b"".join(f"Sitemap: http://a{n}.example/sitemap.xml\n".encode() for n in range(20_000)),
    ),
    *(
        _text(
            f"robots-crawl-delay-{name}",
            b"User-agent: *\nCrawl-delay: %s\nDisallow: /cam/\n" % value,
            *CLOSED,
            settings={"CRAWL_DELAY_MAX": 0.1},
        )
        for name, value in (
            ("endless", b"99999999999"),
            ("no-number", b"nan\nCrawl-delay: -5\nCrawl-delay: inf\nCrawl-delay: 1e400"),
        )
    ),
    Scenario(
        "robots-bomb",
        {ROBOTS: encoded(deflated(SPACES, 2 * 10**9, GZIP), b"gzip", kind=b"Content-Type: text/plain")},
        lost=ALL,
        extra=6,
    ),
    Scenario(
        "robots-in-gzip",
        {
            ROBOTS: encoded(gzip.compress(RULES, mtime=0), b"gzip", kind=b"Content-Type: text/plain"),
            **dict.fromkeys(CLOSED, whole(page(50))),
        },
        closed=CLOSED,
    ),
    Scenario(
        "robots-closes-all-but-the-front",
        {ROBOTS: whole(b"User-agent: *\nDisallow: /\nAllow: /$\n", b"text/plain"), bad(1): whole(page(50))},
        lost=ALL,
        closed=(*SOUND, bad(1)),
        ends={SOUND[0]: "refused/robots"},
    ),
)
