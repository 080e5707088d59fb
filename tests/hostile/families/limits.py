"""Each limit, set so low that the paper stands on both sides of it: what is within is archived and read, what is beyond
is not, and is counted.
"""

from __future__ import annotations

import gzip
from random import Random

from tests.hostile.scenario import (
    HOME,
    MIRROR,
    OPEN,
    ROBOTS,
    Door,
    Scenario,
    article,
    bad,
    listing,
    redirect,
    sound,
    whole,
)
from tests.oddanswers import HTML, head, length
from tests.oddserver import Answering, Steps

THIRD = Door("thu-ba.bao-la.example", ("127.0.0.83", 80), {})  # the third host, after the paper's two
NOTHING = Random(26)


def _counted(*reasons: str) -> tuple[str, ...]:
    return tuple(f"limits/{reason}" for reason in reasons)


# --- The way there --------------------------------------------------------------------------------------------------

LINKS, DEPTH, PAGES, REDIRECTS, LENGTH = 30, 6, 4, 3, 120


def _address(size: int) -> str:
    """Path of a page whose whole address has so many characters."""
    return f"{bad(600)}?x=".ljust(size - len(HOME), "a")


def _chain(name: str, last: int) -> dict[str, Steps]:
    """Lists that each name the next one and an article."""
    links = [(f"{name}/{number + 1}", sound(20 + number)) for number in range(1, last + 1)]
    return {f"{name}/{number}": whole(listing("Chuỗi", both)) for number, both in enumerate(links, 1)}


def _pages(name: str, last: int) -> dict[str, Steps]:
    """Pages of one list, each with an article."""
    following = '<a rel="next" href="{}?page={}">Trang sau</a>'
    return {
        name + (f"?page={number}" if number > 1 else ""): whole(
            listing("Trang", [sound(30 + number)], following.format(name, number + 1))
        )
        for number in range(1, last + 1)
    }


def _sitemap(*urls: str, kind: str = "url") -> Steps:
    entries = "".join(f"<{kind}><loc>{HOME}{url}</loc></{kind}>" for url in urls)
    return whole(f"<urlset>{entries}</urlset>".encode(), b"application/xml")


_FAR = [f"http://bao-{number}.example/" for number in range(1, LINKS)]
_WAY = Scenario(
    "limits-of-the-way",
    {
        ROBOTS: whole(OPEN + f"Sitemap: {HOME}/sitemap-0.xml\n".encode(), b"text/plain"),
        "/sitemap-0.xml": _sitemap("/sitemap-1.xml", kind="sitemap"),
        "/sitemap-1.xml": whole(
            f"<a><url><loc>{HOME}{sound(40)}</loc></url><sitemap><loc>{HOME}/sitemap-2.xml</loc></sitemap></a>".encode(),
            b"application/xml",
        ),
        "/danh-muc/nhieu": whole(listing("Nhiều", [*_FAR, sound(41), bad(500)])),
        **_chain("/danh-muc/chuoi", DEPTH),
        **_pages("/danh-muc/trang", PAGES + 1),
        **{bad(700 + step): redirect(bad(701 + step)) for step in range(REDIRECTS - 1)},
        bad(700 + REDIRECTS - 1): redirect(sound(42)),
        **{bad(710 + step): redirect(bad(711 + step)) for step in range(REDIRECTS + 1)},
        _address(LENGTH): whole(article(60)),
        _address(LENGTH + 1): whole(article(61)),
    },
    listed=(
        *("/danh-muc/nhieu", "/danh-muc/chuoi/1", "/danh-muc/trang", bad(700), bad(710)),
        *(_address(LENGTH), _address(LENGTH + 1), f"http://{MIRROR}{sound(43)}", f"{THIRD.home}{sound(44)}"),
    ),
    # Lists, sitemaps, redirects, the long address, and three of a second host: robots.txt, tdmrep.json, a page
    extra=1 + DEPTH + PAGES + 2 + (2 * REDIRECTS + 1) + 1 + 3,
    also=(*range(21, 21 + DEPTH - 1), *range(31, 31 + PAGES), 40, 41, 42),
    closed=(
        *(bad(500), f"/danh-muc/chuoi/{DEPTH + 1}", sound(20 + DEPTH), f"/danh-muc/trang?page={PAGES + 1}"),
        *("/sitemap-2.xml", bad(711 + REDIRECTS), _address(LENGTH + 1), f"{THIRD.home}{ROBOTS}"),
    ),
    ends={
        bad(710 + REDIRECTS): "failed/too_many_redirects",
        _address(LENGTH): "done",
        f"http://{MIRROR}{sound(43)}": ("done", "failed/http_404"),
    },
    counted=(
        *_counted("too_many_links", "link_too_deep", "too_many_list_pages", "too_many_hosts", "sitemap_too_deep"),
        *_counted("url_too_long", "too_many_redirects"),
    ),
    settings={
        "LINKS_PER_PAGE": LINKS,
        "LINK_DEPTH_MAX": DEPTH,
        "LIST_PAGES_MAX": PAGES,
        "HOSTS_PER_RUN": 2,
        "SITEMAP_DEPTH": 1,
        "REDIRECTS_MAX": REDIRECTS,
        "URL_LENGTH_MAX": LENGTH,
    },
    doors=(THIRD,),
)

# --- How much of it -------------------------------------------------------------------------------------------------
# The front page, the list and nine articles: five, five and one. The same command goes on, and each run asks for
# robots.txt and tdmrep.json.
_MUCH = tuple(
    Scenario(
        f"limits-of-{name.lower().replace('_', '-')}",
        settings={name: 5},
        statuses=(11, 11, 0),
        counted=_counted(name.lower()),
    )
    for name in ("PAGES_PER_HOST", "PAGES_PER_RUN")
)

# --- The answer -----------------------------------------------------------------------------------------------------

BODY, DECODED, HEAD, LINES = 2_000_000, 3_000_000, 4_096, 40


def _filled(number: int, size: int) -> bytes:
    """An article of so many bytes, which shrink to half."""
    body = article(number)
    space = size - len(body) - len("<!---->")
    return body + f"<!--{NOTHING.randbytes(space // 2 + 1).hex()[:space]}-->".encode()


def _with_lines(number: int, lines: int) -> Steps:
    body = article(number)
    return (head(HTML, length(body), *(b"X-%d: y" % line for line in range(lines - 2))) + body,)


def _with_head(number: int, size: int) -> Steps:
    body = article(number)
    bare = len(head(HTML, length(body), b"X-Long: "))
    return (head(HTML, length(body), b"X-Long: " + b"a" * (size - bare)) + body,)


def _packed(body: bytes, times: int = 1) -> Steps:
    for _ in range(times):
        body = gzip.compress(body, 1, mtime=0)
    return (head(HTML, *[b"Content-Encoding: gzip"] * times, length(body)) + body,)


def _greeted(number: int, times: int) -> Steps:
    body = article(number)
    return (head(status=b"HTTP/1.1 100 Continue") * times + head(HTML, length(body)) + body,)


_WITHIN: dict[str, Steps | Answering] = {
    sound(20): _with_lines(20, LINES),
    sound(21): _with_head(21, HEAD - 50),
    sound(22): lambda request: whole(_filled(22, BODY)),
    sound(23): lambda request: _packed(_filled(23, DECODED)),
    sound(24): _packed(article(24), 2),
    sound(25): _greeted(25, 2),
    sound(26): whole(article(26), b"text/html", b"Set-Cookie: a=1; Path=/", b"Set-Cookie: b=2; Domain=bao-la.example"),
    sound(27): _packed(article(27) + b" " * 900_000),  # however little it was, below a megabyte it is no bomb
}
_BEYOND: dict[str, tuple[Steps | Answering, str]] = {
    bad(20): (_with_lines(70, LINES + 1), "too_many_headers"),
    bad(21): (_with_head(71, HEAD + 50), "headers_too_large"),
    bad(22): (lambda request: whole(_filled(72, BODY + 1)), "too_large"),
    bad(23): (lambda request: _packed(_filled(73, DECODED + 1)), "decoded_too_large"),
    bad(24): (_packed(article(74), 3), "too_many_encodings"),
    bad(25): (_greeted(75, 3), "too_many_interim_answers"),
    bad(27): (_packed(article(77) + b" " * 2_000_000), "decoded_ratio"),
}
_ANSWER = Scenario(
    "limits-of-the-answer",
    {**_WITHIN, **{path: answer for path, (answer, _) in _BEYOND.items()}},
    listed=(*_WITHIN, *_BEYOND),
    also=tuple(range(20, 28)),
    extra=2 * len(_BEYOND),  # some may have been a passing trouble
    ends={path: f"failed/{reason}" for path, (_, reason) in _BEYOND.items()},
    counted=_counted(*(reason for _, reason in _BEYOND.values() if reason != "too_large")),
    settings={
        "HEADERS_MAX": LINES,
        "HEADERS_MAXSIZE": HEAD,
        "DOWNLOAD_MAXSIZE": BODY,
        "DECODED_MAXSIZE": DECODED,
        "DECODED_RATIO": 100,
        "CONTENT_ENCODINGS_MAX": 2,
        "INTERIM_MAX": 2,
    },
)

# --- The page -------------------------------------------------------------------------------------------------------

SIZE, TAGS, ATTRIBUTES, DEEP, NESTED = 600_000, 2_000, 30, 60, 6


def _tags(number: int, tags: int) -> bytes:
    body = article(number)
    return article(number, body_html="<br>" * (tags - body.count(b"<")))


def _attributes(number: int, count: int) -> bytes:
    tag = f"<p {' '.join(f'a{n}' for n in range(count))}>x</p>"
    return article(number, body_html=tag + " " * 300_000)  # of smaller pages nobody counts them: they take no time


def _deep(number: int, depth: int) -> bytes:
    return article(number, body_html="<div>" * (depth - len(("html", "body", "article"))))


def _nested(number: int, depth: int) -> bytes:
    data = '{"@type":"Thing","about":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    return article(number, head_html=f'<script type="application/ld+json">{data}</script>')


_READ = {
    sound(20): whole(_filled(20, SIZE)),
    sound(21): whole(_tags(21, TAGS)),
    sound(22): whole(_attributes(22, ATTRIBUTES)),
    sound(23): whole(_deep(23, DEEP)),
    sound(24): whole(_nested(24, NESTED)),
    sound(25): whole(_nested(25, NESTED + 1)),  # one thing less is known of it
}
_NOT_READ = {
    bad(20): (whole(_filled(70, SIZE + 1)), "page_too_large"),
    bad(21): (whole(_tags(71, TAGS + 1)), "too_many_tags"),
    bad(22): (whole(_attributes(72, ATTRIBUTES + 1)), "too_many_attributes"),
    bad(23): (whole(_deep(73, DEEP + 1)), "too_deep"),
}
_PAGE = Scenario(
    "limits-of-the-page",
    {**_READ, **{path: answer for path, (answer, _) in _NOT_READ.items()}},
    listed=(*_READ, *_NOT_READ),
    also=tuple(range(20, 26)),
    extra=len(_NOT_READ),
    ends={path: f"failed/{reason}" for path, (_, reason) in _NOT_READ.items()},
    counted=_counted("json_too_deep", *(reason for _, reason in _NOT_READ.values())),
    settings={
        "PAGE_MAXSIZE": SIZE,
        "HTML_TAGS_MAX": TAGS,
        "HTML_ATTRIBUTES_MAX": ATTRIBUTES,
        "HTML_DEPTH_MAX": DEEP,
        "JSON_DEPTH_MAX": NESTED,
    },
)
SCENARIOS = (_WAY, *_MUCH, _ANSWER, _PAGE)
