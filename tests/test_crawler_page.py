"""The page object by itself: order of trust, what is noted, what is refused, evidence. No site class here."""

# ruff: noqa: E501 - markup stands in lines as on the sites

import dataclasses
import json
import time
import unicodedata
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.http import Request, Response

from crawler.blocks import BlockRules, body_text
from crawler.capture import CaptureRef
from crawler.items import FoundBy
from crawler.limits import Limits
from crawler.links import LinkRule
from crawler.page import ArticlePage, language_tag

URL = "https://bensong.example/doi-song/mua-trang.html"
TEXT = "<p>Trăng lên từ phía bãi, nước ròng rất chậm.</p><p>Người già ngồi hiên kể chuyện đi biển.</p>"


class SitePage(ArticlePage):
    name = "SitePage"
    number = 3
    site = "bensong.example"
    TITLE = ("h1.t",)
    KICKER = (".k",)
    SAPO = (".s",)
    BODY = (".b",)
    DATE = (".d",)
    BYLINE = (".a",)
    SOURCE = (".src",)
    BREADCRUMBS = (".c a",)
    TAGS = (".g a",)
    TOPICS = (".tp a",)
    BLOCKS = BlockRules(drop=".ad")


def page(html: str, url: str = URL, cls: type[ArticlePage] = SitePage, **kwargs: Any) -> ArticlePage:
    return cls(Response(url, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"}, **kwargs))


def ld(**values: Any) -> str:
    return f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", **values})}</script>'


@pytest.mark.parametrize(
    ("field", "parts", "taken"),
    [
        # each part stands before the ones after it; what comes first in trust is taken
        (
            "title",
            [
                "<title>Thẻ</title>",
                "<h1>Đầu</h1>",
                '<meta property="og:title" content="OG">',
                ld(headline="LD"),
                '<h1 class="t">Chọn</h1>',
            ],
            [("generic", "Thẻ"), ("generic", "Đầu"), ("meta", "OG"), ("json_ld", "LD"), ("selector", "Chọn")],
        ),
        (
            "sapo",
            [
                '<meta name="description" content="Mô tả">',
                '<meta property="og:description" content="OG">',
                ld(description="LD"),
                '<p class="s">Chọn</p>',
            ],
            [("meta", "Mô tả"), ("meta", "OG"), ("json_ld", "LD"), ("selector", "Chọn")],
        ),
        (
            "kicker",
            ["", '<span class="k"> </span>', '<span class="k">Chuyện bến</span>'],
            [None, None, ("selector", "Chuyện bến")],
        ),
        (
            "publisher",
            ['<meta property="og:site_name" content="OG">', ld(publisher={"name": "LD"})],
            [("meta", "OG"), ("json_ld", "LD")],
        ),
        (
            "language",
            ['<meta property="og:locale" content="vi_VN">', ld(inLanguage="en-us")],
            [("meta", "vi"), ("json_ld", "en-US")],
        ),
        (
            "kind",
            ['<meta property="og:type" content="video.other">', ld(**{"@type": "LiveBlogPosting"})],
            [("meta", "video"), ("json_ld", "live")],
        ),
        (
            "section",
            ['<meta property="article:section" content="Đời sống">', ld(articleSection="Bến sông")],
            [("meta", "Đời sống"), ("json_ld", "Bến sông")],
        ),
    ],
)
def test_order_of_trust(field: str, parts: list[str], taken: list[tuple[str, str] | None]) -> None:
    """Parts are added one by one, from the least trusted on: each new one is taken before those before it."""
    for count, want in enumerate(taken, start=1):
        found = page("".join(parts[:count]))
        assert (found.candidates(field) or [None])[0] == want
        assert found.pick(field) == (want[1] if want else None)
        assert found.source_of(field) == (want[0] if want else None)


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        (['<time datetime="2026-09-05">5/9</time>'], ("generic", "2026-09-05", "day")),
        (
            [
                '<time datetime="2026-09-05">',
                '<meta property="article:published_time" content="2026-09-06T08:00:00+07:00">',
            ],
            ("meta", "2026-09-06", "second"),
        ),
        (
            [
                '<meta property="article:published_time" content="2026-09-06T08:00:00+07:00">',
                '<i class="d">08:00 | 07/09/2026</i>',
            ],
            ("selector", "2026-09-07", "minute"),
        ),
        (
            ['<i class="d">08:00 | 07/09/2026</i>', ld(datePublished="2026-09-08T00:05:00+07:00")],
            ("json_ld", "2026-09-08", "second"),
        ),
        (['<i class="d">07/09/2026</i>', ld(datePublished="hôm nọ")], ("selector", "2026-09-07", "day")),
        # A time of the same day says more than the day; that of another day does not
        (['<i class="d">08:30 | 07/09/2026</i>', ld(datePublished="2026-09-07")], ("selector", "2026-09-07", "minute")),
        (['<i class="d">08:30 | 07/09/2026</i>', ld(datePublished="2026-09-08")], ("json_ld", "2026-09-08", "day")),
        (['<i class="d">chiều muộn</i>'], None),
    ],
)
def test_dates_by_trust(parts: list[str], taken: tuple[str, str, str] | None) -> None:
    article = page("".join(parts) + f'<div class="b">{TEXT}</div>').article()
    source = {s.field: s.source for s in article.extraction.sources}.get("published_at")
    assert (taken is None) == (article.published_date is None)
    if taken:
        assert (source, article.published_date, article.published_precision) == taken
    else:
        assert article.extraction.warnings == ["no publication date"]


def test_a_date_in_the_address_is_better_than_none() -> None:
    found = page(f'<div class="b">{TEXT}</div>', "https://bensong.example/2024/06/02/mua-trang")
    assert (found.article().published_date, found.source_of("published_at")) == ("2024-06-02", "url")


def test_the_printed_date_is_kept_as_printed_and_a_contradiction_is_noted() -> None:
    html = ld(datePublished="2026-09-08T00:05:00+07:00") + '<i class="d">Cập nhật: 05/03/2024 10:15</i>'
    article = page(html).article()
    assert (article.published_at, article.published_text) == ("2026-09-08T00:05:00+07:00", "Cập nhật: 05/03/2024 10:15")
    assert article.extraction.warnings == ["printed date 2024-03-05 differs from stated date 2026-09-08"]


def test_relative_dates_count_from_the_capture() -> None:
    response = Response(URL, body='<i class="d">2 giờ trước</i>'.encode(), request=Request(URL, meta={"capture": REF}))
    assert SitePage(response).article().published_at == "2026-11-21T15:00:00+07:00"
    assert page('<i class="d">2 giờ trước</i>').article().published_at is None


@pytest.mark.parametrize(
    ("html", "byline"),
    [
        ('<p class="a">Lan Chi</p>', "Lan Chi"),
        (ld(author={"@type": "Person", "name": "Lan Chi"}), "Lan Chi"),
        (ld(author=[{"name": "Lan Chi"}, {"name": "Bản tin Bến Sông"}, {"name": "Minh Đức"}]), "Lan Chi, Minh Đức"),
        ('<meta name="author" content="Lan Chi">', "Lan Chi"),
        ('<meta name="author" content="admin">', None),
        ('<meta name="author" content="https://bensong.example/lan-chi">', None),
        (ld(author={"name": "bensong.example"}), None),
        (ld(author={"@type": "NewsMediaOrganization", "name": "Báo Bãi Bồi"}), None),
        (f'<div class="b">{TEXT}<p style="text-align:right"><strong>Lan Chi</strong></p></div>', "Lan Chi"),
        (
            f'<div class="b">{TEXT}<p align="right"><em>Bài và ảnh: Lan Chi</em></p><div class="ad">Quảng cáo</div></div>',
            "Bài và ảnh: Lan Chi",
        ),
        (f'<div class="b">{TEXT}<p><strong>Lan Chi (tổng hợp)</strong></p></div>', "Lan Chi (tổng hợp)"),
        (f'<div class="b">{TEXT}<p>(Theo Reuters)</p></div>', "(Theo Reuters)"),
        (f'<div class="b"><p style="text-align:right">Lan Chi</p>{TEXT}</div>', "Lan Chi"),
        # papers and offices in the place of a person
        (f'<div class="b">{TEXT}<p>Theo Bãi Bồi</p></div>', "Theo Bãi Bồi"),
        (f'<div class="b">{TEXT}<p><em>(Nguồn: báo Bãi Bồi)</em></p></div>', "(Nguồn: báo Bãi Bồi)"),
        (f'<div class="b">{TEXT}<p>Theo baibensong.example</p></div>', "Theo baibensong.example"),
        (f'<div class="b">{TEXT}<p align="right"><b>Nhóm PV</b></p></div>', "Nhóm PV"),
        (
            f'<div class="b">{TEXT}<p align="right"><b>Lan Chi</b></p><p><em>(tổng hợp)</em></p></div>',
            "Lan Chi (tổng hợp)",
        ),
        (ld(author={"name": "Lan Chi"}) + f'<div class="b">{TEXT}<p>Theo Bãi Bồi</p></div>', "Lan Chi"),
        # two lines
        (f'<div class="b">{TEXT}<p><b>Lan Chi</b></p><p><b>Thu Hà</b></p></div>', "Lan Chi, Thu Hà"),
        (f'<div class="b">{TEXT}<p align="right">Lan Chi<br>Thu Hà</p></div>', "Lan Chi, Thu Hà"),
        (f'<div class="b"><p align="right">Lan Chi</p>{TEXT}<p align="right">Lan Chi</p></div>', "Lan Chi"),
        (f'<div class="b">{TEXT}<p><b>Bài: Lan Chi</b></p><p><b>Ảnh: Thu Hà</b></p></div>', "Bài: Lan Chi Ảnh: Thu Hà"),
        (f'<div class="b">{TEXT}<p><strong>Hẹn gặp lại mùa sau</strong></p></div>', None),
        (f'<div class="b">{TEXT}<p>Theo ông Tư, nước sẽ lên lại vào tháng Mười.</p></div>', None),
        (f'<div class="b">{TEXT}<p>Theo ông Tư, nước sẽ lên lại</p></div>', None),
    ],
)
def test_bylines(html: str, byline: str | None) -> None:
    article = page(f'<meta property="og:site_name" content="Bản tin Bến Sông">{html}').article()
    assert article.byline == byline
    if '<div class="b">' in html:
        assert (byline is None) == (article.body is not None and article.body.count("\n\n") == 2)


def test_a_title_and_a_sapo_at_the_head_of_the_text_are_not_body() -> None:
    html = f'<h1 class="t">Mùa trăng</h1><p class="s">Bến nước vui.</p><div class="b"><h1>Mùa trăng</h1><p>Bến  nước vui.</p>{TEXT}</div>'
    body = page(html).article().body or ""
    assert body.startswith("Trăng lên")


def test_a_decomposed_page_reads_like_a_composed_one() -> None:
    html = f'<h1 class="t">Mùa trăng</h1><p class="s">Bến nước vui.</p><div class="b"><p>Bến nước vui.</p>{TEXT}<p align="right">Đức Nguyễn</p></div>'
    composed, apart = page(html).article(), page(unicodedata.normalize("NFD", html)).article()
    assert apart.title != composed.title
    assert unicodedata.normalize("NFC", apart.body or "") == composed.body
    assert unicodedata.normalize("NFC", apart.byline or "") == composed.byline == "Đức Nguyễn"


def test_breadcrumbs_without_home_and_the_article_itself() -> None:
    crumbs = '<div class="c"><a href="/">Trang chủ</a><a href="/doi-song">Đời sống</a><a href="/doi-song/mua-trang.html">Mùa trăng</a></div>'
    article = page(f'{crumbs}<h1 class="t">Mùa trăng</h1>').article()
    assert [(c.name, c.url) for c in article.breadcrumbs] == [("Đời sống", "https://bensong.example/doi-song")]
    assert article.section == "Đời sống"


def test_tags_topics_and_keywords() -> None:
    html = '<div class="g"><a href="/tag/trang">trăng,</a><a href="/tag/trang">trăng</a><a href="/tag/x"> </a></div><p class="tp"><a href="/chu-de/ben-song">Bến sông</a></p>'
    article = page(html).article()
    assert [dataclasses.astuple(t) for t in article.tags] == [("trăng", "https://bensong.example/tag/trang", "trang")]
    assert [t.key for t in article.topics] == ["ben-song"]
    stated = page(ld(keywords="trăng, sông ,trăng")).article()
    assert [dataclasses.astuple(t) for t in stated.tags] == [("trăng", None, None), ("sông", None, None)]


def test_source_line() -> None:
    source = (
        page('<p class="src">Nguồn: <a href="https://papers.example/1?utm_source=a">Báo Bãi Bồi</a></p>')
        .article()
        .source
    )
    assert (source.name, source.url) == ("Báo Bãi Bồi", "https://papers.example/1")
    assert page('<p class="src"> </p>').article().source.name is None


def test_images_of_the_body_then_the_stated_one() -> None:
    body = '<div class="b"><img src="/a.jpg" width="640" height="360" alt=" Bến "><p>Chữ.</p><img data-src="/b.jpg"><img src="/a.jpg"></div>'
    stated = '<meta property="og:image" content="/og.jpg"><meta property="og:image:alt" content="Trăng">'
    images = page(stated + body).article().images
    assert [(i.url[-6:], i.position, i.width, i.height) for i in images] == [
        ("/a.jpg", 0, 640, 360),
        ("/b.jpg", 1, None, None),
    ]
    lead = page(stated + '<div class="b"><p>Chữ.</p></div>').article().images
    assert [(i.url, i.alt, i.position) for i in lead] == [("https://bensong.example/og.jpg", "Trăng", 0)]
    sized = page(ld(image={"url": "/ld.jpg", "width": "1200", "height": {"value": 630}})).article().images
    assert [(i.width, i.height) for i in sized] == [(1200, 630)]


def test_videos_of_the_body_or_stated() -> None:
    assert [v.url for v in page('<div class="b"><p>Chữ.</p><video src="/v.mp4"></video></div>').article().videos] == [
        "https://bensong.example/v.mp4"
    ]
    stated = page(ld(video={"@type": "VideoObject", "contentUrl": "/s.mp4"})).article().videos
    assert [(v.url, v.position) for v in stated] == [("https://bensong.example/s.mp4", 0)]


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/doi-song/mua-trang.html", URL),
        ("/doi-song/mua-trang.html?utm_source=x#a", URL),
        ("/", URL),  # a soft 404 calls itself the front page
        ("https://other.example/doi-song/mua-trang.html", URL),
        ("http://[broken", URL),
    ],
)
def test_canonical_url_is_never_another_article(href: str, url: str) -> None:
    article = page(f'<link rel="canonical" href="{href}">').article()
    assert article.canonical_url == url
    assert article.id == "bensong.example:doi-song/mua-trang.html"


def test_generic_text_only_where_the_site_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(SitePage, "generic_body", lambda self: asked.append(self.url) or [])
    assert page(f'<div class="b">{TEXT}</div>').article().body
    assert asked == []
    assert page(f"<div>{TEXT}</div>").article().body is None
    assert asked == [URL]


def test_a_stated_body_is_the_last_resort() -> None:
    found = page(ld(articleBody="Câu một.\n\nCâu hai."))
    assert body_text(found.pick("body")) == "Câu một.\n\nCâu hai."
    assert found.source_of("body") == "json_ld"


REF = CaptureRef("warc/a.warc.gz", 10, 20, "<urn:uuid:1>", "response", URL, "sha1:AAAA", "2026-11-21T10:00:00Z", 200)


def test_evidence_and_permissions() -> None:
    headers = {"Content-Type": "text/html", "X-Robots-Tag": ["noarchive", "nosnippet"], "TDM-Reservation": "1"}
    request = Request(URL, meta={"capture": REF, "robots_rule": "Allow: /"})
    html = '<meta name="robots" content="index"><meta name="robots" content="max-snippet:0">'
    article = SitePage(
        Response(URL, body=html.encode(), headers=headers, request=request),
        found_by=FoundBy("tag", "https://bensong.example/tag/x", 2, "tag"),
    ).article()
    assert article.captured_at == REF.captured_at
    assert dataclasses.asdict(article.warc) == {
        "file": "warc/a.warc.gz",
        "offset": 10,
        "length": 20,
        "record_id": "<urn:uuid:1>",
        "record_type": "response",
        "target_uri": URL,
        "payload_digest": "sha1:AAAA",
        "revisit_id": None,
    }
    assert dataclasses.asdict(article.permissions) == {
        "robots_rule": "Allow: /",
        "meta_robots": "index, max-snippet:0",
        "x_robots_tag": "noarchive, nosnippet",
        "tdm_reservation": "1",
    }
    assert (article.extraction.page, article.extraction.input) == ("SitePage/3", "html")
    assert article.found_by == FoundBy("tag", "https://bensong.example/tag/x", 2, "tag")


def test_a_rendered_page_says_so() -> None:
    response = Response(URL, body=b"<p>x</p>", flags=["playwright"])
    assert SitePage(response).article().extraction.input == "dom"


@pytest.mark.parametrize(
    ("html", "status", "verdict"),
    [
        (f'<h1 class="t">Mùa trăng</h1><div class="b">{TEXT}</div>', 200, True),
        (f'<h1 class="t">Mùa trăng</h1><div class="b">{TEXT}</div>', 404, False),
        (f'<div class="b">{TEXT}</div>', 200, False),  # no headline
        ('<h1 class="t">Mùa trăng</h1><div class="b"><img src="/a.jpg"></div>', 200, False),
        (
            '<meta property="og:type" content="video"><h1 class="t">Mùa trăng</h1><video src="/v.mp4"></video><div class="b"><video src="/v.mp4"></video></div>',
            200,
            True,
        ),
        (f'<h1 class="t">404 Not Found</h1><div class="b">{TEXT}</div>', 200, False),
        (f'<title>Không tìm thấy trang</title><h1 class="t">Xin lỗi</h1><div class="b">{TEXT}</div>', 200, False),
        (f'<title>Just a moment...</title><h1 class="t">bensong.example</h1><div class="b">{TEXT}</div>', 200, False),
        (f'<h1 class="t">Mùa trăng</h1><div class="b">{TEXT}</div><form id="challenge-form"></form>', 200, False),
        (f'<h1 class="t">Không tìm thấy chiếc xuồng trôi trên sông</h1><div class="b">{TEXT}</div>', 200, True),
        (f'<h1 class="t">404 hộ dân được cấp nước sạch</h1><div class="b">{TEXT}</div>', 200, True),
        ("", 200, False),
    ],
)
def test_what_is_an_article(html: str, status: int, verdict: bool) -> None:
    assert page(html, status=status).is_article() is verdict


def test_an_address_of_a_list_is_no_article() -> None:
    class Lists(SitePage):
        kinds: ClassVar[dict[str, str]] = {"https://bensong.example/doi-song": "category"}

        @classmethod
        def kind_of(cls, url: str) -> str | None:
            return cls.kinds.get(url)

    html = f'<h1 class="t">Đời sống</h1><div class="b">{TEXT}</div>'
    assert not page(html, "https://bensong.example/doi-song", Lists).is_article()
    assert page(html, "https://bensong.example/khac", Lists).is_article()


def test_boxes_found_by_their_labels() -> None:
    html = (
        "<div><h3>Cùng tác giả:</h3><ul><li><a href='/a'>A</a></li></ul></div>"
        "<div><div><b>Cùng tác giả (0)</b></div><p>chữ</p><div><a href='/b'>B</a></div></div>"
        "<h3>Cùng tác giả</h3><a href='/c'>C</a><h3>Xem nhiều</h3><a href='/d'>D</a>"
        "<div><h3>Cùng tác giả</h3></div>"
    )
    found = page(html)
    parts = found.after_labels(frozenset({"cung tac gia"}), frozenset({"xem nhieu"}))
    assert [a.get("href") for part in parts for a in part.iter("a")] == ["/a", "/b", "/c"]


@pytest.mark.parametrize(
    ("text", "tag"),
    [("vi", "vi"), ("vi-VN", "vi"), ("VI_vn", "vi"), ("en-us", "en-US"), ("zh-cn", "zh-CN"), ("zh-hans-cn", "zh-hans-CN"), ("tiếng Việt", None), ("", None), (None, None)],
)  # fmt: skip
def test_language_tags(text: str | None, tag: str | None) -> None:
    assert language_tag(text) == tag


class RelatedPage(SitePage):
    link_rules: ClassVar[tuple[LinkRule, ...]] = (LinkRule("related", css="div.r"),)


@pytest.mark.parametrize(("most", "related"), [(4, "ab"), (5, "abc")])
@pytest.mark.parametrize("all_first", [True, False])
def test_the_first_links_of_a_page_count_and_its_row_has_no_others(most: int, related: str, all_first: bool) -> None:
    """Also where only the row is wanted, and nobody asks for the other links."""
    html = '<a href="/1">Một</a><a href="/2">Hai</a><div class="r">' + "".join(f'<a href="/{n}">Tin</a>' for n in "abc")
    request = Request(URL, meta={"limits": Limits(links_per_page=most)})
    found = RelatedPage(Response(URL, body=html.encode(), request=request))
    if all_first:
        found.page_links()
    assert [link.url for link in found.editorial_links] == [f"https://bensong.example/{name}" for name in related]
    assert len(found.page_links()) == most
    assert found.more_links is (most < 5)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_break_a_page(body: bytes) -> None:
    found = SitePage(Response(URL, body=body))
    found.page_links()
    assert found.root is not None
    assert found.url == URL


def test_a_large_page_with_selectors_is_read_in_milliseconds() -> None:
    """The generic extraction alone would take ten times as long; the bound leaves room for a busy machine."""
    cards = "".join(
        f'<div class="card"><a href="/bai-{n}.html"><img src="/{n}.jpg" alt="x"></a><h3>Bài {n}</h3></div>'
        for n in range(400)
    )
    html = f'<h1 class="t">Mùa trăng</h1><p class="s">Bến vui.</p><div class="b">{TEXT * 10}</div>{cards}'
    page(html).article()
    started = time.process_time()
    for _ in range(5):
        page(html).article()
    assert (time.process_time() - started) / 5 < 0.08
