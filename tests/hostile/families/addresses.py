"""Private addresses in every spelling, at every place that an address can stand in: not one may be knocked at."""

from __future__ import annotations

import json
from html import escape

from tests.hostile.scenario import (
    CLOUDY,
    FOREIGN,
    HOME,
    HOST,
    INNER,
    LIST,
    LISTED,
    OPEN,
    ROBOTS,
    TWO_FACED,
    Scenario,
    article,
    bad,
    listing,
    redirect,
    sound,
    whole,
)
from tests.oddanswers import head, length
from tests.oddserver import Steps
from tests.smallpaper import page

PATH = "/latest/meta-data/tin-la-so-77.html"
LITERAL = (
    *("127.0.0.1", "127.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1."),
    *("0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "①②⑦.0.0.1"),
    *("169.254.169.254", "[::ffff:169.254.169.254]", "0xa9fea9fe", "2852039166", "169.254.43518", "127.0.0.1:22"),
    *("10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]"),
)
NAMES = ("localhost", "localhost.localdomain", "metadata.google.internal", "may-in.local", FOREIGN)
OWN = (
    INNER,
    CLOUDY,
    TWO_FACED,
    f"{HOST}:22",
    f"{HOST}:8080",
    f"{INNER}:8080",
    f"khong-co.{HOST}",
)  # the paper's domain
URLS = tuple(f"http://{host}{PATH}" for host in (*LITERAL, *NAMES, *OWN))
OWN_URLS = tuple(f"http://{host}{PATH}" for host in OWN)
ITEMS = [f"<item><link>{escape(url)}</link></item>" for url in URLS]
ALL = frozenset(map(sound, range(9)))
REFUSED = "refused/private_address"
PLAIN = b"text/plain"


def _pages(name: str, answers: dict[str, Steps], *counted: str, extra: int = 0, **more: object) -> Scenario:
    return Scenario(name, answers, extra=len(answers) + extra, counted=counted, **more)  # type: ignore[arg-type]


def _sitemap(urls: tuple[str, ...], kind: str = "url") -> Steps:
    entries = "".join(f"<{kind}><loc>{escape(url)}</loc></{kind}>" for url in urls)
    return whole(
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode(), b"application/xml"
    )


def _jsonld(url: str) -> str:
    thing = {
        "@context": url,
        "@id": url,
        "@type": "NewsArticle",
        "url": url,
        "mainEntityOfPage": {"@type": "WebPage", "@id": url},
        "image": [url, {"@type": "ImageObject", "url": url, "contentUrl": url}],
        "author": {"@type": "Person", "url": url, "sameAs": [url]},
        "publisher": {"@type": "Organization", "logo": {"url": url}},
        "isPartOf": {"@id": url},
        "translationOfWork": {"@id": url},
        "video": {"@type": "VideoObject", "contentUrl": url, "embedUrl": url},
    }
    return f'<script type="application/ld+json">{json.dumps(thing)}</script>'


def _files(url: str) -> str:
    url = escape(url)
    return (
        f'<img src="{url}"><img srcset="{url} 2x, {url} 3x"><script src="{url}"></script><iframe src="{url}"></iframe>'
        f'<link rel="stylesheet" href="{url}"><link rel="icon" href="{url}"><video src="{url}" poster="{url}"></video>'
        f'<object data="{url}"></object><embed src="{url}"><style>@import "{url}"; p {{background: url({url})}}</style>'
        f'<p style="background: url({url})">x</p><form action="{url}"></form><a ping="{url}" href="#">x</a>'
    )


SCENARIOS = (
    _pages(
        "private-in-redirect",
        {bad(number): redirect(url.encode()) for number, url in enumerate(URLS)},
        "refused/offsite_redirect",
        REFUSED,
    ),
    Scenario("private-in-links", front="".join(f'<a href="{escape(url)}">Tin</a>' for url in URLS), counted=(REFUSED,)),
    Scenario(
        "private-in-seeds",
        seeds=(f"{HOME}/", *URLS),
        counted=(REFUSED, "guard/refused/loopback", "guard/refused/link_local"),
    ),
    _pages(
        "private-in-base",
        {
            f"/danh-muc/goc-{number}": whole(
                listing("Gốc", ["tin-la-so-5.html", "/tin-la-so-6.html"]).replace(
                    b"<head>", f'<head><base href="{escape(url)}">'.encode()
                )
            )
            for number, url in enumerate(URLS)
        },
    ),
    _pages(
        "private-in-refresh",
        {
            bad(n): whole(article(60 + n, head_html=f'<meta http-equiv="refresh" content="0; url={escape(url)}">'))
            for n, url in enumerate(URLS)
        },
    ),
    _pages(
        "private-in-refresh-header",
        {
            bad(n): (
                head(
                    b"Content-Type: text/html",
                    b"Refresh: 0; url=" + url.encode(),
                    b"Link: <" + url.encode() + b">; rel=next",
                    length(page(60)),
                )
                + page(60),
            )
            for n, url in enumerate(URLS)
        },
    ),
    _pages(
        "private-in-canonical",
        {
            bad(n): whole(
                article(
                    60 + n,
                    head_html=f'<link rel="canonical" href="{escape(url)}"><link rel="amphtml" href="{escape(url)}">'
                    f'<meta property="og:url" content="{escape(url)}">'
                    f'<link rel="alternate" hreflang="en" href="{escape(url)}">',
                )
            )
            for n, url in enumerate(URLS)
        },
    ),
    _pages(
        "private-in-next-page",
        {
            f"/danh-muc/trang-{number}": whole(
                listing("Trang", [], f'<a rel="next" href="{escape(url)}">Trang sau</a>')
            )
            for number, url in enumerate(URLS)
        },
    ),
    _pages(
        "private-in-json-ld", {bad(n): whole(article(60 + n, head_html=_jsonld(url))) for n, url in enumerate(URLS)}
    ),
    _pages(
        "private-in-sitemap",
        {ROBOTS: whole(OPEN + f"Sitemap: {HOME}/sitemap.xml\n".encode(), PLAIN), "/sitemap.xml": _sitemap(URLS)},
        REFUSED,
        listed=(),
    ),
    _pages(
        "private-in-sitemap-index",
        {
            ROBOTS: whole(OPEN + f"Sitemap: {HOME}/sitemap.xml\n".encode(), PLAIN),
            "/sitemap.xml": _sitemap(URLS, "sitemap"),
        },
        REFUSED,
        listed=(),
    ),
    _pages(
        "private-in-robots",
        {ROBOTS: whole(OPEN + "".join(f"Sitemap: {url}\nHost: {url}\n" for url in URLS).encode(), PLAIN)},
        REFUSED,
    ),
    _pages(
        "private-behind-robots",
        {ROBOTS: redirect(f"http://169.254.169.254{PATH}")},
        extra=4,
        lost=ALL,
    ),
    _pages(
        "private-in-feed",
        {
            "/feed": whole(
                f"<rss version='2.0'><channel>{''.join(ITEMS)}</channel></rss>".encode(),
                b"application/rss+xml",
            )
        },
        REFUSED,
        front='<a href="/feed">RSS</a>',
    ),
    _pages(
        "private-in-files-of-pages",
        {bad(n): whole(article(60 + n, body_html=_files(url))) for n, url in enumerate(URLS)},
        "requisites/failed/private_address",
        arguments={"capture": "page"},
        extra=4,
    ),
    _pages(
        "private-behind-files-of-pages",
        {
            bad(1): whole(article(60, body_html="".join(f'<img src="/anh-{n}.jpg">' for n in range(len(URLS))))),
            **{f"/anh-{n}.jpg": redirect(url.encode()) for n, url in enumerate(URLS)},
        },
        arguments={"capture": "page"},
        listed=(bad(1),),
        extra=4,
    ),
    _pages(
        "private-by-own-names",
        {
            LIST: whole(listing("Nông thôn", (*LISTED, *OWN_URLS))),
            **{bad(n): redirect(url) for n, url in enumerate(OWN_URLS)},
        },
        REFUSED,
        "guard/refused/loopback",
        "guard/refused/link_local",
    ),
)
