"""Sitemaps and feeds that are too large, too deep, broken, or that ask for more than addresses."""

from __future__ import annotations

import gzip
import re
from itertools import chain, repeat

from tests.hostile.scenario import FOREIGN, HOME, OPEN, PATIENT, ROBOTS, Scenario, sound, whole
from tests.oddanswers import FOREVER, head
from tests.oddserver import UNKNOWN_PATH, Answering, Steps

XML = b"application/xml"
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
TODAY = "<lastmod>2126-01-01</lastmod>"  # younger than whatever a crawl leaves out as old
FIRST, SECOND = 20, 21  # sound articles that the sitemap alone names


def _entry(url: str, more: str = TODAY) -> str:
    return f"<url><loc>{url}</loc>{more}</url>"


def _own(*numbers: int) -> str:
    return "".join(_entry(HOME + sound(number)) for number in numbers)


def _set(inside: str, before: str = "") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>{before}<urlset {SPACE}>{inside}</urlset>'.encode()


def _sitemap(
    name: str, answer: bytes | Steps | Answering, *also: int, extra: int = 3, path: str = "/sitemap.xml", **more: object
) -> Scenario:
    robots = OPEN + f"Sitemap: {HOME}{path}\n".encode()
    steps = whole(answer, XML) if isinstance(answer, bytes) else answer
    answers = {ROBOTS: whole(robots, b"text/plain"), path: steps}
    more["settings"] = {**PATIENT, **more.get("settings", {})}  # type: ignore[dict-item]
    return Scenario(name, answers, also=also, extra=extra, listed=(), **more)  # type: ignore[arg-type]


def _index(*paths: str) -> Steps:
    entries = "".join(f"<sitemap><loc>{HOME}{path}</loc>{TODAY}</sitemap>" for path in paths)
    return whole(f"<sitemapindex {SPACE}>{entries}</sitemapindex>".encode(), XML)


def _next_index(request: bytes) -> Steps:
    """``/sitemap-7.xml`` names ``/sitemap-8.xml``."""
    found = re.match(rb"GET /sitemap-(\d+)\.xml", request)
    return _index(f"/sitemap-{int(found[1]) + 1}.xml") if found else UNKNOWN_PATH


def _dtd(inside: str) -> str:
    return f"<!DOCTYPE urlset [{inside}]>"


LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
BLOWN = f'<!ENTITY a "{"a" * 100_000}">'
ATTRIBUTES = [f'a{n}="b"' for n in range(100_000)]
OLD = "<lastmod>2001-02-03</lastmod>"
_CHILD = "".join(f"<sitemap><loc>{HOME}/sitemap-{n}.xml</loc>{TODAY}</sitemap>" for n in (1, 2, 3))
_ENTITIES = (
    _sitemap("sitemap-laughs", _set(_own(FIRST) + _entry(f"{HOME}/&a9;-tin-la-so-1.html"), _dtd(LAUGHS)), extra=3),
    _sitemap("sitemap-blown-up", _set(_own(FIRST) + _entry(f"{HOME}/{'&a;' * 10_000}"), _dtd(BLOWN)), extra=3),
    _sitemap(
        "sitemap-reads-files",
        _set(_own(FIRST) + _entry(f"{HOME}/&f;-tin-la-so-1.html"), _dtd('<!ENTITY f SYSTEM "file:///etc/hostname">')),
        extra=3,
    ),
    _sitemap(
        "sitemap-asks-the-cloud",
        _set(_entry(f"{HOME}/&f;-tin-la-so-1.html"), _dtd('<!ENTITY f SYSTEM "http://169.254.169.254/latest">')),
        extra=3,
    ),
    _sitemap(
        "sitemap-with-a-dtd-elsewhere",
        _set(_own(FIRST, SECOND), f'<!DOCTYPE urlset SYSTEM "http://{FOREIGN}/a.dtd">'),
        FIRST,
        SECOND,
    ),
    _sitemap(
        "sitemap-with-parameter-entities",
        _set(_own(FIRST), _dtd('<!ENTITY % a SYSTEM "http://127.0.0.1:8080/a.dtd"> %a; %b;')),
    ),
    _sitemap(
        "sitemap-with-instructions",
        _set(_own(FIRST), '<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:8080/a.xsl"?>')
        .replace(b"<urlset ", b'<urlset xmlns:xi="http://www.w3.org/2001/XInclude" ')
        .replace(b"</urlset>", b'<xi:include href="file:///etc/hostname"/></urlset>'),
        FIRST,
    ),
)
_SIZES = (
    _sitemap(
        "sitemap-of-60000-old-entries",
        lambda request: whole(
            _set(_own(FIRST) + "".join(_entry(f"{HOME}/tin-cu-so-{n}.html", OLD) for n in range(60_000))), XML
        ),
        FIRST,
        counted=("not_fetched/before_since",),
    ),
    _sitemap(
        "sitemap-of-60000-strangers",
        lambda request: whole(
            _set(_own(FIRST) + "".join(_entry(f"http://a{n}.example/tin-la-so-{n}.html") for n in range(60_000))), XML
        ),
        FIRST,
        counted=("not_fetched/offsite",),
    ),
    _sitemap("sitemap-of-50000-times-one", lambda request: whole(_set(_own(FIRST) * 50_000), XML), FIRST),
    _sitemap(
        "sitemap-endless",
        lambda request: chain(
            (head(b"Content-Type: text/xml") + _set(_own(FIRST))[:-9],), repeat(b"<url><loc>x</loc></url>" * 3000)
        ),
        extra=3,
        settings={"DOWNLOAD_MAXSIZE": 3_000_000},
    ),
    _sitemap(
        "sitemap-of-one-long-address",
        lambda request: whole(_set(_own(FIRST) + _entry(f"{HOME}/{'a' * 5_000_000}-la-so-1.html")), XML),
        FIRST,
    ),
    _sitemap(
        "sitemap-nested-deep",
        lambda request: whole(_set(_own(FIRST) + "<url>" * 200_000 + "</url>" * 200_000), XML),
        extra=1,
    ),
    _sitemap(
        "sitemap-of-attributes", lambda request: whole(_set(_own(FIRST) + f"<url {' '.join(ATTRIBUTES)}/>"), XML), FIRST
    ),
    _sitemap("sitemap-of-comments", lambda request: whole(_set(_own(FIRST) + "<!-- -->" * 500_000), XML), FIRST),
)
_INDEXES = (
    _sitemap(
        "sitemap-index-of-itself",
        f"<sitemapindex {SPACE}><sitemap><loc>{HOME}/sitemap.xml</loc></sitemap></sitemapindex>".encode(),
    ),
    _sitemap(
        "sitemap-index-without-end",
        _set(_own(FIRST) + f"<sitemap><loc>{HOME}/sitemap-1.xml</loc></sitemap>"),
        FIRST,
        extra=30,
        otherwise=_next_index,
    ),
    _sitemap(
        "sitemap-index-that-branches",
        f"<sitemapindex {SPACE}>{_CHILD}</sitemapindex>".encode(),
        extra=400,
        otherwise=lambda request: _index(*(request.split()[1].decode()[:-4] + f"-{n}.xml" for n in (1, 2, 3))),
    ),
)
_BROKEN = (
    _sitemap("sitemap-cut", _set(_own(FIRST, SECOND))[:-40], FIRST),
    _sitemap("sitemap-with-broken-tags", _set(_own(FIRST) + "<url><loc>x</url></loc><<&&;" + _own(SECOND)), FIRST),
    _sitemap("sitemap-with-nul", _set(_own(FIRST)).replace(b"</urlset>", bytes(5000) + b"</urlset>"), FIRST),
    _sitemap("sitemap-of-html", whole(b"<!doctype html><title>x</title><p>loc"), extra=1),
    _sitemap("sitemap-of-bytes", bytes(range(256)) * 4000),
    _sitemap("sitemap-of-nothing", b""),
    _sitemap("sitemap-in-utf-16", _set(_own(FIRST)).decode().replace("UTF-8", "UTF-16").encode("utf-16"), FIRST),
    _sitemap("sitemap-of-a-strange-encoding", _set(_own(FIRST)).replace(b"UTF-8", b"ebcdic-cp-be")),
    _sitemap("sitemap-with-bom-and-spaces", b"\xef\xbb\xbf\n \n" + _set(_own(FIRST))),
    _sitemap("sitemap-without-namespace", _set(_own(FIRST)).replace(SPACE.encode(), b""), FIRST),
    _sitemap("sitemap-in-cdata", _set(_own(SECOND) + _entry(f"<![CDATA[{HOME}{sound(FIRST)}]]>")), FIRST, SECOND),
    _sitemap("sitemap-gz-cut", gzip.compress(_set(_own(FIRST)) * 50, mtime=0)[:-30], path="/sitemap.xml.gz", extra=2),
    _sitemap(
        "sitemap-with-wrong-dates",
        _set(
            "".join(
                _entry(HOME + sound(30 + n), f"<lastmod>{date}</lastmod>")
                for n, date in enumerate(
                    (
                        "2126-13-45",
                        "hôm qua",
                        "99999-01-01",
                        "-5",
                        "2126-02-30T25:61:61Z",
                        "9" * 5000,
                        "\U0001d7d0\U0001d7cf\U0001d7d0\U0001d7d4-01-01",
                    )
                )
            )
        ),
        *range(30, 37),
    ),
    _sitemap("sitemap-is-silent", (FOREVER,), extra=2, settings={"RESPONSE_DEADLINE": 4}),
    _sitemap(
        "sitemap-of-schemes",
        _set(
            _own(FIRST)
            + "".join(
                map(
                    _entry,
                    ("javascript:x", "file:///etc/passwd", "ftp://a/b-c-d-e", "data:,x", "//", "&#0;", "http://", ""),
                )
            )
        ),
        FIRST,
    ),
)
FEED = f"""<rss version="2.0"><channel><item><link>{HOME}{sound(FIRST)}</link></item>
<item><link>javascript:alert(1)</link></item><item><link>file:///etc/passwd</link><guid>http://169.254.169.254/a-b-c-d</guid></item>
<item><pubDate>{"0" * 100_000}</pubDate><link>{HOME}{sound(SECOND)}</link></item></channel></rss>"""
_FEEDS = (
    Scenario(
        "feed-of-mischief", {"/feed": whole(FEED.encode(), b"application/rss+xml")}, also=(FIRST, SECOND), extra=1
    ),
    Scenario(
        "feed-laughs",
        {
            "/feed": whole(
                f"<!DOCTYPE rss [{LAUGHS}]><rss><channel><item><link>/&a9;</link></item></channel></rss>".encode(),
                XML,
            )
        },
        extra=2,
    ),
    Scenario("feed-is-html", {"/feed": whole(b"<html><body>" + b"<item><link>x</link></item>" * 50_000)}, extra=1),
)


def _together(name: str, *scenarios: Scenario) -> Scenario:
    """Several sitemaps of one paper; each keeps its own sound articles, by other numbers."""
    answers: dict[str, Steps | Answering] = {}
    for place, one in enumerate(scenarios):
        answers |= {
            f"/sitemap-{place}{path.removeprefix('/sitemap')}": a for path, a in one.answers.items() if path != ROBOTS
        }
    robots = OPEN + "".join(f"Sitemap: {HOME}{path}\n" for path in answers).encode()
    also = tuple(sorted({number for one in scenarios for number in one.also}))
    answers[ROBOTS] = whole(robots, b"text/plain")
    return Scenario(name, answers, also=also, extra=sum(one.extra for one in scenarios), listed=())


def _by(*names: str) -> list[Scenario]:
    return [one for one in (*_SIZES, *_BROKEN) if one.name.removeprefix("sitemap-") in names]


_ALIKE = (
    ("sitemaps-of-no-xml", "of-html", "of-bytes", "of-nothing", "of-a-strange-encoding", "gz-cut"),
    ("sitemaps-of-too-much", "nested-deep", "of-attributes", "of-comments", "of-one-long-address"),
)
_GROUPED = {name for _, *names in _ALIKE for name in names}
SCENARIOS = (
    *_ENTITIES,
    *(one for one in (*_SIZES, *_INDEXES, *_BROKEN) if one.name.removeprefix("sitemap-") not in _GROUPED),
    *(_together(name, *_by(*names)) for name, *names in _ALIKE),
    *_FEEDS,
)
