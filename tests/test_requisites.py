"""Which files belong to a page: responsive images, style sheets, elements, and what a site's rules let in."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from scrapy.spiderloader import get_spider_loader
from scrapy.utils.project import get_project_settings

from crawler.requisite_fetch import Gate, referrer
from crawler.requisites import RequisiteRules, file_address, in_stylesheet, requisites_of
from crawler.screen import matches
from crawler.srcset import candidates, choose, readable, source_size
from crawler.stylesheet import addresses
from crawler.urls import MAX_URL

BASE = "https://baoquocte.vn/bai-1.html"

# --- Responsive images, for a screen of 1280 by 720 at one device pixel to a CSS pixel ------------------------------

CHOICES: list[tuple[str | None, str | None, str | None, str | None]] = [
    # srcset, sizes, src, what a browser loads
    (None, None, "a.jpg", "a.jpg"),
    ("", "", " a.jpg ", "a.jpg"),
    (None, None, None, None),
    (None, None, "  ", None),
    ("b.jpg 2x", None, "a.jpg", "a.jpg"),  # src is the candidate of 1x
    ("b.jpg, c.jpg 2x", None, "a.jpg", "b.jpg"),
    ("b.jpg 2x, c.jpg 3x", None, None, "b.jpg"),
    ("b.jpg .5x, c.jpg .75x", None, None, "c.jpg"),
    ("b.jpg 1.5x, c.jpg 0.5x", None, None, "b.jpg"),
    ("a 320w, b 640w, c 1280w, d 2560w", None, "z", "c"),  # without sizes it fills the viewport
    ("a 320w, b 640w, c 1280w, d 2560w", "300px", "z", "a"),
    ("a 320w, b 640w, c 1280w, d 2560w", "(max-width: 600px) 100vw, 50vw", "z", "b"),
    ("a 320w, b 640w, c 1280w, d 2560w", "(max-width: 600px) 100vw, (min-width: 1024px) 25vw, 50vw", "z", "a"),
    ("a 320w, b 640w", "100vw", "z", "b"),  # none is dense enough: the densest; src is not asked when widths are given
    ("a 640w, b 828w, c 1080w", "(min-width: 1024px) calc(66.6vw - 40px), 100vw", None, "b"),
    ("a 640w, b 1080w", "(min-width: 75em) 40rem, 100vw", None, "a"),
    ("a 640w, b 1080w", "0", None, "a"),
    ("a 100w, b 2000w", "min(100vw, 90px)", None, "a"),
    ("a 100w, b 2000w", "(min-width: 600px) max(50px, 5vw), 100vw", None, "a"),
    ("a 100w, b 2000w", "clamp(10px, 50vw, 90px)", None, "a"),
    ("a 100w, b 2000w", "clamp(10px, 50vw)", None, "b"),  # not understood: it fills the viewport
    ("a 400w, b 420w", "calc((100vw - 40px) / 3)", None, "b"),
    ("a 400w, b 420w", "calc(min(100vw, 1240px) / (1 + 2) - 20px)", None, "a"),
    ("a 100w, b 2000w", "auto, (max-width: 600px) 100vw, 90px", None, "a"),
    ("/w=1,h=2/a.jpg 1x, b 2x", None, None, "/w=1,h=2/a.jpg"),  # commas belong to an address
    ("a.jpg,b.jpg 1x", None, None, "a.jpg,b.jpg"),
    ("a.jpg, ,, b.jpg 2x,", None, None, "a.jpg"),
    ("a 1q, b 2w 3x, c", None, None, "c"),  # candidates with broken descriptors are left out
    ("a 100w 50h, b 5000w", None, None, "b"),
    ("/_next/image?w=640&q=75 1x, /_next/image?w=1200&q=75 2x", None, None, "/_next/image?w=640&q=75"),
]


@pytest.mark.parametrize(("srcset", "sizes", "src", "expected"), CHOICES)
def test_choice(srcset: str | None, sizes: str | None, src: str | None, expected: str | None) -> None:
    assert choose(srcset, sizes, src) == expected


@pytest.mark.parametrize(
    ("media", "holds"),
    [
        ("", True),
        ("all", True),
        ("screen", True),
        ("print", False),
        ("only screen and (min-width: 1024px)", True),
        ("(min-width:1281px)", False),
        ("(max-width: 1280px)", True),
        ("not all and (min-width: 100px)", False),
        ("not print", True),
        ("print, (min-width: 40em)", True),
        ("(min-width: 600px) and (max-width: 900px)", False),
        ("(orientation: landscape)", True),
        ("(orientation: portrait)", False),
        ("(min-resolution: 2dppx)", False),
        ("(max-resolution: 144dpi)", True),
        ("(min-aspect-ratio: 16/9)", True),
        ("(min-aspect-ratio: 16/0)", False),
        ("(prefers-color-scheme: dark)", False),
        ("(prefers-color-scheme: light)", True),
        ("screen and (hover: hover) and (pointer:fine)", True),
        ("(min-width: 2000px) or (orientation: landscape)", True),
        ("((min-width: 2000px) or (max-width: 300px)) and (hover: hover)", False),
        ("not ((min-width: 2000px) or (max-width: 300px))", True),
        ("(not (min-width: 2000px))", True),
        ("(width >= 1000px)", True),
        ("(width > 1280px)", False),
        ("(600px <= width < 1280px)", False),
        ("(height = 720px)", True),
        ("( min-device-width : 640px )", True),
        ("(-webkit-min-device-pixel-ratio: 2)", False),
        ("nothing", False),
        ("(" * 100_000 + ")" * 100_000, False),
        ("(min-width: schnell)", False),
        ("((((", False),
    ],
)
def test_media(media: str, holds: bool) -> None:
    assert matches(media) is holds


def test_types() -> None:
    assert readable(None)
    assert readable("image/avif")
    assert readable("IMAGE/WEBP; codecs=vp8")
    assert not readable("image/heic")


@given(st.text(alphabet='aB1. ,()xwh-+/"\n\t%', max_size=60), st.text(max_size=60), st.text(max_size=10))
def test_choice_never_raises_and_invents_nothing(srcset: str, sizes: str, src: str) -> None:
    chosen = choose(srcset, sizes, src)
    assert chosen is None or chosen in srcset or chosen == src.strip()
    assert source_size(sizes) >= 0
    matches(sizes)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=6, unique=True), st.integers(1, 3000))
def test_the_least_wide_that_is_wide_enough(widths: list[int], filled: int) -> None:
    srcset = ", ".join(f"u{width} {width}w" for width in widths)
    wide = [width for width in widths if width >= filled]
    assert choose(srcset, f"{filled}px") == f"u{min(wide) if wide else max(widths)}"
    assert [c.width for c in candidates(srcset)] == widths


# --- Style sheets ---------------------------------------------------------------------------------------------------

SHEETS: list[tuple[str, list[tuple[str, bool]]]] = [
    ("", []),
    ("body { background: url(a.png) }", [("a.png", False)]),
    ("body{background:URL( 'a b.png' )}", [("a b.png", False)]),
    ('@import "a.css"; @import url(b.css) screen;', [("a.css", True), ("b.css", True)]),
    ("@IMPORT url('c.css') layer(x) supports(display: grid);", [("c.css", True)]),
    (
        "@media print { @font-face { src: url(x.woff2) format('woff2'), url(\"x.woff\") } }",
        [("x.woff2", False), ("x.woff", False)],
    ),
    ("/* url(no.png) @import 'no.css'; */ p { }", []),
    ("p::before { content: 'url(no.png)' } @charset \"utf-8\";", []),
    (
        "p { background: image-set('a.png' 1x, url(b.png) 2x) } q { content: 'no' }",
        [("a.png", False), ("b.png", False)],
    ),
    ("p { background: -webkit-image-set(url(a.png) 1x) }", [("a.png", False)]),
    ("p { background: url(data:image/png;base64,AAAA), url(#filter), url() }", []),
    (
        r"p { background: url(a\26 b.png) } q { background: url('c\27 d.png') }",
        [("a&b.png", False), ("c'd.png", False)],
    ),
    ("p { background: url(a.png", []),  # broken off
    ('p { background: url("a.png\n) } q { background: url(b.png) }', [("b.png", False)]),
    ("@import 'a.css", []),
    ("/* never closed url(a.png)", []),
    (r"p { background: url(\110000 .png) }", [("\N{REPLACEMENT CHARACTER}.png", False)]),
]


@pytest.mark.parametrize(("css", "expected"), SHEETS)
def test_stylesheet(css: str, expected: list[tuple[str, bool]]) -> None:
    assert list(addresses(css)) == expected


CSS = st.lists(
    st.sampled_from(["url(", ")", '"', "'", "\\", "@import ", "/*", "*/", ";", "{", "}", "image-set(", "\n", "a", " "])
    | st.text(max_size=5),
    max_size=30,
).map("".join)


@given(CSS)
def test_stylesheet_never_raises(css: str) -> None:
    for address, _ in addresses(css):
        assert address.strip()
    in_stylesheet(css, BASE)


@given(st.text(alphabet=st.characters(exclude_characters='"\\\n', exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_every_quoted_address_is_found(address: str) -> None:
    stripped = address.strip()
    expected = [(stripped, False)] if stripped and not stripped.lower().startswith(("data:", "#")) else []
    assert list(addresses(f'/* x */ p {{ background: no-repeat url("{address}") }}')) == expected


def test_a_large_broken_sheet_is_read_in_time() -> None:
    began = time.process_time()
    for piece in ('url("a" ', "url(a", "/* ", '"', "@import ", "image-set(", "url('", "\\"):
        list(addresses(piece * (400_000 // len(piece))))
    assert time.process_time() - began < 5


# --- Elements -------------------------------------------------------------------------------------------------------

ELEMENTS: list[tuple[str, list[tuple[str, str]]]] = [
    ('<img src="/a.jpg?rt=1#x">', [("https://baoquocte.vn/a.jpg?rt=1", "image")]),
    ('<img src="a b.jpg">', [("https://baoquocte.vn/a%20b.jpg", "image")]),
    ('<img src="data:image/gif;base64,AA" data-src="b.jpg">', [("https://baoquocte.vn/b.jpg", "image")]),
    ('<img src="wait.gif" data-original="b.jpg">', [("…wait.gif", "image"), ("…b.jpg", "image")]),
    ('<img src="a.jpg" srcset="b.jpg 640w, c.jpg 1280w" sizes="400px">', [("…b.jpg", "image")]),
    ('<img data-srcset="b.jpg 1x, c.jpg 2x">', [("…b.jpg", "image")]),
    (
        '<img data-lazy-src="a.jpg" data-lazy-srcset="b.jpg 640w, c.jpg 1280w" data-lazy-sizes="400px">',
        [("…a.jpg", "image"), ("…b.jpg", "image")],
    ),
    (
        '<picture><source media="(max-width: 700px)" srcset="s.jpg"><source type="image/heic" srcset="x.heic">'
        '<source type="image/webp" srcset="w.webp 1x, w2.webp 2x"><img src="a.jpg"></picture>',
        [("…w.webp", "image")],
    ),
    ('<picture><source media="print" srcset="s.jpg"><img src="a.jpg"></picture>', [("…a.jpg", "image")]),
    (  # before and after a lazy script has run
        '<picture><source data-srcset="w.webp" type="image/webp"><img src="wait.gif" data-src="a.jpg"></picture>',
        [("…wait.gif", "image"), ("…w.webp", "image")],
    ),
    (
        '<svg><use href="#a"/><use xlink:href="hinh.svg#b"/><image href="a.png"/><image xlink:href="b.png"/></svg>',
        [("…hinh.svg", "image"), ("…a.png", "image"), ("…b.png", "image")],
    ),
    (
        '<video><source src="f.m3u8" type="application/x-mpegURL">'
        '<source src="f.mp4" type="video/mp4; codecs=x"></video>',
        [("…f.mp4", "video")],
    ),
    ('<video><source src="f.m3u8" type="application/x-mpegURL"></video>', [("…f.m3u8", "video")]),
    ('<noscript><img src="a.jpg"></noscript>', [("…a.jpg", "image")]),
    ('<link rel="Preload StyleSheet" as="style" href="a.css">', [("…a.css", "style")]),
    ('<link rel="stylesheet" media="print" href="a.css">', [("…a.css", "style")]),
    (
        '<link rel="shortcut icon" href="f.ico"><link rel="apple-touch-icon" href="t.png">',
        [("…f.ico", "icon"), ("…t.png", "icon")],
    ),
    ('<link rel="preload" as="font" href="f.woff2">', [("…f.woff2", "font")]),
    ('<link rel="preload" as="image" href="a.jpg" imagesrcset="b.jpg 9999w">', [("…b.jpg", "image")]),
    ('<link rel="preload" as="document" href="a.html"><link rel="dns-prefetch" href="//x.example">', []),
    ('<link rel="canonical" href="/x.html"><link rel="amphtml" href="/y.html"><link rel="next" href="/z.html">', []),
    (
        '<script src="a.js"></script><script type="module" src="m.js"></script>',
        [("…a.js", "script"), ("…m.js", "script")],
    ),
    ('<script type="application/json" src="data.json"></script><script>var a = "b.js"</script>', []),
    ("<style>@import 'a.css'; p { background: url(b.png) }</style>", [("…a.css", "style"), ("…b.png", "image")]),
    ("<style>@font-face { src: url(f.woff2?v=1) }</style>", [("…f.woff2?v=1", "font")]),
    ("<div style=\"background: url('b.png')\">", [("…b.png", "image")]),
    ('<td background="b.png">', [("…b.png", "image")]),
    ('<div data-bg="b.png">', [("…b.png", "image")]),
    (
        '<video poster="p.jpg"><source src="f.mp4"><source src="f.webm"></video>',
        [("…p.jpg", "image"), ("…f.mp4", "video")],
    ),
    ('<video src="f.mp4"><track src="t.vtt"></video>', [("…f.mp4", "video"), ("…t.vtt", "other")]),
    ('<a href="/van-ban.PDF?d=1">Văn bản</a><a href="b.html">Bài</a>', [("…van-ban.PDF?d=1", "document")]),
    ('<a href="f.mp4">Phim</a>', [("…f.mp4", "video")]),
    ('<object data="bang.pdf"></object><embed src="b.svg">', [("…bang.pdf", "document"), ("…b.svg", "other")]),
    ('<iframe src="/widgets@/dem"></iframe>', []),
    ('<img src="javascript:x"><img src="http://[::1"><img src="mailto:a@b"><img><img src="">', []),
    ('<img src="a.jpg"><img src="./a.jpg"><img src="a.jpg#y">', [("…a.jpg", "image")]),
]


@pytest.mark.parametrize(("markup", "expected"), ELEMENTS)
def test_elements(markup: str, expected: list[tuple[str, str]]) -> None:
    root = html.document_fromstring(f"<html><body>{markup}</body></html>")
    found = [(requisite.url, requisite.kind) for requisite in requisites_of(root, BASE)]
    assert found == [(url.replace("…", "https://baoquocte.vn/"), kind) for url, kind in expected]


@given(st.text(max_size=40))
def test_addresses_never_raise(address: str) -> None:
    url = file_address(address, BASE)
    if url is not None:
        assert url.startswith(("http://", "https://"))
        assert file_address(url, "https://example.org/") == url
        assert len(url) <= MAX_URL


# --- What a site lets in --------------------------------------------------------------------------------------------

WANTED: list[tuple[str, str, bool]] = [
    (
        "baoquocte",
        "https://baoquocte.vn/stores/news_dataimages/2026/112026/05/08/in_article/a-20261105081500.webp",
        True,
    ),
    ("baoquocte", "https://cdn.baoquocte.vn/stores/news_dataimages/a.jpg", True),
    ("baoquocte", "https://en.baoquocte.vn/modules/frontend/themes/style.css", True),
    ("baoquocte", "https://quangcao.baoquocte.vn/a.jpg", False),
    ("baoquocte", "https://baoquocte.vn/adsfw/1/0/banner.jpg", False),
    ("baoquocte", "https://baoquocte.vn/cdn-cgi/challenge-platform/scripts/jsd/main.js", False),
    ("baoquocte", "https://pagead2.googlesyndication.com/pagead/js/adsbygoogle.js", False),
    ("baoquocte", "https://www.youtube.com/embed/abc", False),
    ("baoquocte", "https://baoquocte.vn.example.org/a.jpg", False),
    ("vietnamvn", "https://vstatic.vietnam.vn/vietnam/resource/IMAGE/2025/1/19/0123456789abcdef0123456789abcdef", True),
    ("vietnamvn", "https://vphoto.vietnam.vn/thumb/640x360/vietnam/resource/IMAGE/2025/1/19/a.jpg", True),
    ("vietnamvn", "https://vphoto.vietnam.vn/thumb/48x48/vietnam/resource/IMAGE/2025/1/20/a.png", False),
    ("vietnamvn", "https://www.vietnam.vn/_next/static/css/a.css", True),
    ("vietnamvn", "https://vietnam.vn/wp-content/uploads/a.jpg", True),
    ("vietnamvn", "https://ads.vietnam.vn/a.jpg", False),
    ("news", "https://img.bensong.example/a.jpg", True),  # without rules: the page's registered domain
    ("news", "https://ads.bensong.example/a.jpg", False),
    ("news", "https://stats2.bensong.example/p.gif", True),  # a name that is no known counter's
    ("news", "https://stats.bensong.example/p.gif", False),
    ("news", "https://elsewhere.example/a.jpg", False),
]


@pytest.mark.parametrize(("spider", "url", "wanted"), WANTED)
def test_hosts(spider: str, url: str, wanted: bool) -> None:
    page = {"baoquocte": BASE, "vietnamvn": "https://www.vietnam.vn/bai-mot-hai"}.get(spider)
    rules: RequisiteRules = get_spider_loader(get_project_settings()).load(spider).requisite_rules  # type: ignore[attr-defined]
    assert rules.want(url, page or "https://www.bensong.example/bai-1.html") is wanted


def test_a_query_that_only_dates_a_cache_makes_no_other_file() -> None:
    load = get_spider_loader(get_project_settings()).load
    rules: RequisiteRules = load("baoquocte").requisite_rules  # type: ignore[attr-defined]
    image = "https://baoquocte.vn/stores/news_dataimages/a.jpg"
    assert {rules.key(f"{image}{query}") for query in ("", "?rt=202611211200", "?rt=1?2", "?randTime=3")} == {image}
    assert rules.key("https://baoquocte.vn/modules/a.css?v=2") != rules.key("https://baoquocte.vn/modules/a.css?v=3")
    assert RequisiteRules().key(f"{image}?a") != RequisiteRules().key(image)


# --- On the way -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "file", "expected"),
    [
        (BASE, "https://baoquocte.vn/a.jpg", BASE),
        (f"{BASE}#x", "https://cdn.baoquocte.vn/a.jpg", "https://baoquocte.vn/"),
        ("http://a.example/x", "https://a.example/y", "http://a.example/"),
    ],
)
def test_referrer(page: str, file: str, expected: str) -> None:
    assert referrer(page, file) == expected


def test_gate_lets_four_through_at_once_and_one_after_the_other() -> None:
    async def ask(gate: Gate, starts: list[float], inside: list[int]) -> None:
        async with gate.passed(lambda: False):
            starts.append(time.monotonic())
            inside.append(inside[-1] + 1)
            await asyncio.sleep(0.15)
            inside.append(inside[-1] - 1)

    async def all_of_them() -> tuple[list[float], list[int]]:
        gate, starts, inside = Gate(0.02), list[float](), [0]
        await asyncio.gather(*(ask(gate, starts, inside) for _ in range(9)))
        return starts, inside

    starts, inside = asyncio.run(all_of_them())
    assert max(inside) == 4
    assert all(later - earlier >= 0.019 for earlier, later in pairwise(starts))


def test_gate_makes_nobody_wait_when_all_is_over() -> None:
    async def all_of_them() -> float:
        gate, began = Gate(5.0), time.monotonic()

        async def ask() -> None:
            async with gate.passed(lambda: True):
                pass

        await asyncio.gather(*(ask() for _ in range(50)))
        return time.monotonic() - began

    assert asyncio.run(all_of_them()) < 1
