"""Every site: its fixture pages against the expected item, a test per field; then what its addresses mean.

A site is found through Scrapy's own loader, so a new one needs no entry here: it fails until its fixtures are there.
"""

# ruff: noqa: E501 - markup stands in lines as on the sites

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from crawler.items import Article
from crawler.page import ArticlePage
from crawler.spider import NewsSpider
from pipelines.clean import CleanPipeline
from spiders.baoquocte_vn import BaoquoctePage, BaoquocteSpider
from spiders.news import AnyNewsSpider
from spiders.vietnam_vn import VietnamPage, VietnamSpider

FIXTURES = Path(__file__).parent / "fixtures"
LOADER = SpiderLoader.from_settings(Settings({"SPIDER_MODULES": ["spiders"]}))
SITES: dict[str, type[NewsSpider]] = {
    LOADER.load(name).__module__.rpartition(".")[2]: LOADER.load(name)  # type: ignore[misc]
    for name in LOADER.list()
}
HTML = {"Content-Type": "text/html; charset=utf-8"}
FIELDS = sorted({f.name for f in dataclasses.fields(Article)} | {"sources"})


def expected(site: str) -> dict[str, Any]:
    path = FIXTURES / site / "expected.json"
    assert path.exists(), f"no fixture for {site}: scrapy fixture URL --site {site}, with pages that were crawled"
    return json.loads(path.read_text("utf-8"))


def page(site: str, what: str) -> ArticlePage:
    want = expected(site)
    assert what in want, f"no {what} for {site}: scrapy fixture URL --site {site}, with a page that was crawled"
    body = (FIXTURES / site / f"{what}.html").read_bytes()
    headers = {"Content-Type": want[what].get("content_type") or HTML["Content-Type"]}
    return SITES[site].page(Response(want[what]["url"], body=body, headers=headers))


def row_of(article: Article) -> dict[str, Any]:
    """The cleaned row as plain values; blocks and sources in the short form of the fixtures."""
    row = dataclasses.asdict(CleanPipeline().process_item(article))
    row["blocks"] = [[b["type"], b["text"] or b["url"] or b["rows"], b["caption"], b["credit"]] for b in row["blocks"]]
    row["sources"] = {s["field"]: s["source"] for s in row["extraction"]["sources"]}
    return row


ROWS: dict[str, dict[str, Any]] = {}


def row(site: str) -> dict[str, Any]:
    if site not in ROWS:
        ROWS[site] = row_of(page(site, "article").article())
    return ROWS[site]


@pytest.mark.parametrize("site", SITES)
def test_the_fixture_covers_an_article_and_a_list(site: str) -> None:
    want = expected(site)
    assert want.get("checked", True), f"{site}: read every value in expected.json, then set checked to true"
    assert page(site, "article").is_article()
    assert not page(site, "listing").is_article()
    assert len(want["article"]["item"]) >= 20


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("field", FIELDS)
def test_field(site: str, field: str) -> None:
    item = expected(site)["article"]["item"]
    if field in item:
        assert row(site)[field] == item[field]


@pytest.mark.parametrize("site", SITES)
def test_links_of_an_article_by_kind(site: str) -> None:
    found: dict[str, list[str]] = {}
    for link in page(site, "article").page_links():
        found.setdefault(link.kind, []).append(link.url)
    assert found == expected(site)["article"]["links"]


@pytest.mark.parametrize("site", SITES)
def test_links_of_a_list_by_kind(site: str) -> None:
    listing = page(site, "listing")
    found: dict[str, list[list[str | None]]] = {}
    for link in listing.page_links():
        found.setdefault(link.kind, []).append([link.url, link.text])
    assert found == expected(site)["listing"]["links"]
    assert SITES[site].next_page(listing) == expected(site)["listing"]["next_page"]


@pytest.mark.parametrize("site", SITES)
def test_a_spider_only_declares(site: str) -> None:
    """No callbacks and no settings in a site's file: all callbacks are NewsSpider's."""
    own = {name for name in vars(SITES[site]) if name.startswith(("parse", "start", "errback", "custom_settings"))}
    assert not own
    assert SITES[site].page.number >= 1


# --- baoquocte.vn: what its addresses mean ------------------------------------------------------------------------

HOME = "https://baoquocte.vn"
ARTICLE = f"{HOME}/gio-mua-ve-421111.html"


@pytest.mark.parametrize(
    "url",
    [
        ARTICLE,
        f"{ARTICLE}&mobile=yes&amp=1",
        f"{ARTICLE}&mobile=yes&=1",  # as an HTML parser reads the address above in an attribute
        f"{ARTICLE}?rt=202609141038",
        "http://baoquocte.vn/gio-mua-ve-421111.html",
        "https://www.baoquocte.vn/gio-mua-ve-421111.html",
        "http://id.baoquocte.vn/gio-mua-ve-421111.html",
    ],
)
def test_baoquocte_one_address_for_an_article(url: str) -> None:
    assert BaoquocteSpider.same_page(url) == ARTICLE
    assert BaoquocteSpider.article_id(url) == "baoquocte.vn:421111"
    assert BaoquocteSpider.kind_of(url) == "article"
    assert BaoquocteSpider.recency(url) == 421111


@pytest.mark.parametrize(
    ("url", "same", "kind"),
    [
        (f"{HOME}", f"{HOME}/", "front"),
        (f"{HOME}/&mobile=yes", f"{HOME}/", "front"),
        ("https://en.baoquocte.vn/", "https://en.baoquocte.vn/", "front"),
        (f"{HOME}/the-gioi/", f"{HOME}/the-gioi", "category"),
        (f"{HOME}/the-gioi/binh-luan", f"{HOME}/the-gioi/binh-luan", "category"),
        (f"{HOME}/the-gioi&s_cond=&BRSR=15", f"{HOME}/the-gioi&s_cond=&BRSR=15", "category"),
        (f"{HOME}/the-gioi&mobile=yes", f"{HOME}/the-gioi", "category"),
        (f"{HOME}/tag/lang-gom-20123.tag", f"{HOME}/tag/lang-gom-20123.tag", "tag"),
        (f"{HOME}/tag/lang-gom-20123.tag&s_cond=&BRSR=15", f"{HOME}/tag/lang-gom-20123.tag&s_cond=&BRSR=15", "tag"),
        (f"{HOME}/chu-de", f"{HOME}/chu-de", "topic"),
        (f"{HOME}/chu-de/bien-xanh.topic", f"{HOME}/chu-de/bien-xanh.topic", "topic"),
        (f"{HOME}/rss_feed/", f"{HOME}/rss_feed/", "feed"),
        (f"{HOME}/rss_feed/the-gioi/binh-luan", f"{HOME}/rss_feed/the-gioi/binh-luan", "feed"),
        (f"{HOME}/sitemap_site_1.xml", f"{HOME}/sitemap_site_1.xml", "sitemap"),
        (f"{HOME}/search_enginer.html?p=search&q=x", f"{HOME}/search_enginer.html?p=search&q=x", None),
        (f"{HOME}/apicenter@/user_comments&tpl_gui=x", f"{HOME}/apicenter@/user_comments&tpl_gui=x", None),
        (f"{HOME}/thong-tin-toa-soan", f"{HOME}/thong-tin-toa-soan", None),
        (f"{HOME}/stores/a.jpg?x=1", f"{HOME}/stores/a.jpg?x=1", None),
        ("https://cdn.baoquocte.vn/the-gioi/", "https://cdn.baoquocte.vn/the-gioi/", None),
        ("https://vnexample.vn/gio-mua-ve-421111.html?a=1", "https://vnexample.vn/gio-mua-ve-421111.html?a=1", None),
    ],
)
def test_baoquocte_addresses(url: str, same: str, kind: str | None) -> None:
    assert BaoquocteSpider.same_page(url) == same
    assert BaoquocteSpider.same_page(same) == same
    assert BaoquocteSpider.kind_of(same) == kind


@pytest.mark.parametrize(
    ("url", "identifier"),
    [
        ("https://en.baoquocte.vn/a-village-412001.html", "baoquocte.vn:412001"),
        (f"{HOME}/apicenter@/print_article&i=412001", "baoquocte.vn:412001"),
        (f"{HOME}/phim-ngan-412001.media", "baoquocte.vn:412001"),
        (f"{HOME}/the-gioi", None),
        ("https://example.vn/a-412001.html", None),
    ],
)
def test_baoquocte_id(url: str, identifier: str | None) -> None:
    assert BaoquocteSpider.article_id(url) == identifier


def test_baoquocte_lists_to_ask() -> None:
    assert BaoquocteSpider.tag_url("lang-gom-20123") == f"{HOME}/tag/lang-gom-20123.tag"
    assert BaoquocteSpider.tag_url("http://baoquocte.vn/tag/lang-gom-20123.tag") == f"{HOME}/tag/lang-gom-20123.tag"
    assert BaoquocteSpider.category_url("the-gioi/binh-luan") == f"{HOME}/the-gioi/binh-luan"
    assert BaoquocteSpider.category_url("politics", "en") == "https://en.baoquocte.vn/politics"
    assert BaoquocteSpider.feeds(("vi", "en"))[:2] == [f"{HOME}/rss_feed/", "https://en.baoquocte.vn/rss_feed/"]
    assert f"{HOME}/sitemap_site_1.xml" in BaoquocteSpider.sitemaps(("vi",))
    assert BaoquocteSpider.front_pages(("en", "fr")) == ["https://en.baoquocte.vn/"]
    with pytest.raises(ValueError, match="has no number"):
        BaoquocteSpider.tag_url("lang gom")
    with pytest.raises(ValueError, match="is no name"):
        BaoquocteSpider.category_url("Thế giới")


LIST_ITEM = '<div class="article"><a href="/bai-{n}.html">x</a></div>'


@pytest.mark.parametrize(
    ("url", "html", "following"),
    [
        # 2025: a pager; the inert marks of the first page are no links
        (
            "/van-hoa",
            '<div class="__MB_ARTICLE_PAGING"><span class="current">1</span><a href="/van-hoa&s_cond=&BRSR=15">2</a>'
            '<a href="/van-hoa&s_cond=&BRSR=15">&gt;</a><a href="/van-hoa&s_cond=&BRSR=999">&gt;|</a></div>',
            "/van-hoa&s_cond=&BRSR=15",
        ),
        # 2020-22: the last link of the right part is the next page
        (
            "/van-hoa&s_cond=&BRSR=15",
            '<div class="__MB_ARTICLE_PAGING fw"><div class="rt"><a href="/van-hoa&s_cond=&BRSR=0">1</a> '
            '<a href="/van-hoa&s_cond=&BRSR=30">Sau</a></div></div>',
            "/van-hoa&s_cond=&BRSR=30",
        ),
        # the last page
        (
            "/van-hoa&s_cond=&BRSR=30",
            '<div class="__MB_ARTICLE_PAGING"><a href="/van-hoa&s_cond=&BRSR=15">2</a><span>3</span></div>',
            None,
        ),
        # no pager: as many on as the list holds, each article once
        (
            "/van-hoa&s_cond=&BRSR=15",
            '<div class="bx-listing">' + "".join(LIST_ITEM.format(n=n % 15) for n in range(30)) + "</div>",
            "/van-hoa&s_cond=&BRSR=30",
        ),
        ("/van-hoa", '<div class="bx-listing">' + "".join(LIST_ITEM.format(n=n) for n in range(4)) + "</div>", None),
        ("/van-hoa", "<p>Không có bài</p>", None),
        ("/gio-mua-ve-421111.html", '<div class="bx-listing"><div class="article"></div></div>', None),
    ],
)
def test_baoquocte_next_page(url: str, html: str, following: str | None) -> None:
    listing = BaoquoctePage(Response(HOME + url, body=html.encode(), headers=HTML))
    assert BaoquocteSpider.next_page(listing) == (HOME + following if following else None)


@pytest.mark.parametrize(
    "html",
    [
        '<ul class="listitemNewsHot"><li><a href="/mot-1.html">Một</a></li></ul>',  # 2017-18
        '<ul id="listingGrNews"><li><a href="/mot-1.html">Một</a><span class="dateItem">08:00 | 01/02/2018</span></li></ul>',
        '<div class="bx-listing fw lt"><div class="article"><a href="/mot-1.html">Một</a></div></div>',  # 2020-22
        '<div class="bx-list-left lt"><div class="article"><a href="/mot-1.html">Một</a></div></div>',  # 2024-25
        '<div class="bx-listing"><h3 class="article-title"><a href="/mot-1.html">Một</a></h3></div>',  # 2025
    ],
)
def test_baoquocte_lists_of_all_years(html: str) -> None:
    listing = BaoquoctePage(Response(f"{HOME}/van-hoa", body=html.encode(), headers=HTML))
    assert [(link.url, link.kind) for link in listing.page_links()] == [(f"{HOME}/mot-1.html", "article")]


@pytest.mark.parametrize(
    ("html", "at", "printed"),
    [
        ('<div class="article-date">08:01 | 26/02/2026</div>', "2026-02-26T08:01:00+07:00", "08:01 | 26/02/2026"),
        ('<span class="format_time">05/03/2021 08:52</span>', "2021-03-05T08:52:00+07:00", "05/03/2021 08:52"),
        ('<div class="dateUp">08:52 | 05/03/2018</div>', "2018-03-05T08:52:00+07:00", "08:52 | 05/03/2018"),
        (
            '<span class="format_time">08:52</span><span class="format_date">05/03/2021</span>',
            "2021-03-05T08:52:00+07:00",
            "08:52 05/03/2021",
        ),
        ('<span class="ico-systemDate">Thứ bảy 28/02/2026 10:38</span>', None, None),  # today's clock
    ],
)
def test_baoquocte_dates_of_all_years(html: str, at: str | None, printed: str | None) -> None:
    body = f'{html}<h1 class="article-detail-title">Bài</h1><div class="__MASTERCMS_CONTENT"><p>Chữ.</p></div>'
    article = BaoquoctePage(Response(ARTICLE, body=body.encode(), headers=HTML)).article()
    assert (article.published_at, article.published_text) == (at, printed)


@pytest.mark.parametrize(
    ("html", "byline"),
    [
        ('<div class="article-member">Thu Thảo</div>', "Thu Thảo"),
        ('<span class="cms-author">Thu Thảo</span>', "Thu Thảo"),
        ('<div class="article-detail-author"> <i>Thu Thảo</i></div>', "Thu Thảo"),
        ('<div class="article-detail-author"> <i></i></div>', None),
        ('<meta name="author" content="Báo Thế giới và Việt Nam">', None),
        ('<meta name="author" content="admin">', None),
    ],
)
def test_baoquocte_bylines_of_all_years(html: str, byline: str | None) -> None:
    body = (
        '<meta property="og:site_name" content="Báo Thế giới và Việt Nam"><h1 class="article-detail-title">Bài</h1>'
        f'<div class="__MASTERCMS_CONTENT"><p>Một câu dài.</p>{html}</div>'
    )
    article = BaoquoctePage(Response(ARTICLE, body=body.encode(), headers=HTML)).article()
    assert (article.byline, article.body) == (byline, "Một câu dài.")


def test_baoquocte_captions_of_articles_pasted_from_other_papers() -> None:
    body = (
        '<h1 class="article-detail-title">Bài</h1><div class="__MASTERCMS_CONTENT"><p>Một câu dài.</p>'
        '<div><img src="/a.jpg"><div class="Photo_Caption"><p>Ghe về bến.</p></div></div><p>Câu nữa.</p></div>'
    )
    article = BaoquoctePage(Response(ARTICLE, body=body.encode(), headers=HTML)).article()
    assert [(block.text, block.caption) for block in article.blocks] == [
        ("Một câu dài.", None),
        (None, "Ghe về bến."),
        ("Câu nữa.", None),
    ]


@pytest.mark.parametrize(
    ("category", "kind"), [("infographic", "infographic"), ("emagazine", "emagazine"), ("van-hoa", "article")]
)
def test_baoquocte_kind_by_category(category: str, kind: str) -> None:
    body = (
        f'<meta name="category_url" content="{HOME}/{category}"><h1 class="article-detail-title">Bài</h1>'
        '<div class="__MASTERCMS_CONTENT"><table class="MASTERCMS_TPL_TABLE"><tr><td><img src="/a.jpg"></td></tr></table></div>'
    )
    infographic = BaoquoctePage(Response(ARTICLE, body=body.encode(), headers=HTML))
    assert infographic.pick("kind") == kind
    assert infographic.is_article() is (kind != "article")  # a picture alone is an infographic, but no article


# --- vietnam.vn ---------------------------------------------------------------------------------------------------

WWW = "https://www.vietnam.vn"


@pytest.mark.parametrize(
    ("url", "same", "kind", "identifier"),
    [
        (f"{WWW}/", f"{WWW}/", "front", None),
        ("http://vietnam.vn", f"{WWW}/", "front", None),
        (f"{WWW}/en/", f"{WWW}/en", "front", None),
        (f"{WWW}/mua-lua-chin-som/", f"{WWW}/mua-lua-chin-som", "article", "vietnam.vn:vi:mua-lua-chin-som"),
        ("http://vietnam.vn/mua-lua-chin-som", f"{WWW}/mua-lua-chin-som", "article", "vietnam.vn:vi:mua-lua-chin-som"),
        (f"{WWW}/vi/mua-lua-chin-som", f"{WWW}/mua-lua-chin-som", "article", "vietnam.vn:vi:mua-lua-chin-som"),
        (
            f"{WWW}/zh-cn/mua-lua-3-2-2026-2",
            f"{WWW}/zh-cn/mua-lua-3-2-2026-2",
            "article",
            "vietnam.vn:zh-cn:mua-lua-3-2-2026-2",
        ),
        (f"{WWW}/category/the-thao/", f"{WWW}/category/the-thao", "category", None),
        (f"{WWW}/en/tag/gia-lua-gao", f"{WWW}/en/tag/gia-lua-gao", "tag", None),
        (f"{WWW}/authors/bao-bai-boi", f"{WWW}/authors/bao-bai-boi", "author", None),
        (f"{WWW}/events/hoi-lang", f"{WWW}/events/hoi-lang", "topic", None),
        (f"{WWW}/sitemap/sitemap-post/2026-07-08.xml", f"{WWW}/sitemap/sitemap-post/2026-07-08.xml", "sitemap", None),
        (f"{WWW}/ko/sitemap.rss", f"{WWW}/ko/sitemap.rss", "feed", None),
        (f"{WWW}/login", f"{WWW}/login", None, None),
        (f"{WWW}/_next/static/a.js", f"{WWW}/_next/static/a.js", None, None),
        ("https://vstatic.vietnam.vn/a-b/", "https://vstatic.vietnam.vn/a-b/", None, None),
    ],
)
def test_vietnam_addresses(url: str, same: str, kind: str | None, identifier: str | None) -> None:
    assert VietnamSpider.same_page(url) == same
    assert VietnamSpider.same_page(same) == same
    assert VietnamSpider.kind_of(url) == kind
    assert VietnamSpider.article_id(url) == identifier


def test_vietnam_lists_to_ask() -> None:
    assert VietnamSpider.tag_url("gia-lua-gao", "en") == f"{WWW}/en/tag/gia-lua-gao"
    assert VietnamSpider.category_url("the-thao") == f"{WWW}/category/the-thao"
    assert VietnamSpider.feeds(("vi", "ko")) == [f"{WWW}/sitemap.rss", f"{WWW}/ko/sitemap.rss"]
    assert VietnamSpider.sitemaps(("vi",)) == [f"{WWW}/sitemap.xml", f"{WWW}/news-sitemap.xml"]
    assert VietnamSpider.editions(f"{WWW}/en/mua-lua-chin-som")[:2] == [
        f"{WWW}/mua-lua-chin-som",
        f"{WWW}/ja/mua-lua-chin-som",
    ]
    with pytest.raises(ValueError, match="gia-lua-gao"):
        VietnamSpider.tag_url("giá lúa gạo")


URL = f"{WWW}/dem-hoi-trang-ben-song"
TITLE = "Đêm hội trăng bên sông"
LINE = '<div><a href="/authors/bao-bai-boi"><img src="/l.png" alt="Báo Bãi Bồi"><span>Báo Bãi Bồi</span></a><i>07/09/2026</i></div>'
SAPO = "<div>Cả xóm rước đèn ra bến, tiếng trống vang từ chập tối.</div>"
PICTURE = '<figure><img src="/den.jpg" alt="Đèn kéo quân"><figcaption>Đèn kéo quân. Ảnh: Lan Chi</figcaption></figure>'
TEXT = "<p>Đám trẻ chia nhau từng cây nến, giữ cho gió khỏi thổi tắt.</p><p>Người lớn bày mâm cỗ giữa sân đình và kể chuyện xưa.</p>"
SOURCE = '<p>Nguồn: <a href="https://bensong.example/hoi-trang">https://bensong.example/hoi-trang</a></p>'
REST = (
    '<div><a href="/tag/trung-thu">Trung thu</a></div><h3>Bình luận (0)</h3><p>Hãy bình luận để chia sẻ cảm nhận!</p>'
    '<h3>Cùng chuyên mục</h3><div><a class="v-link-title" href="/cho-que-ngay-mua">Chợ quê ngày mưa</a></div>'
    "<p>BỘ VĂN HÓA, trang thử nghiệm cho kiểm tra, không có thật ở đâu cả</p>"
)
SHAPES = {
    "body by class": f'<div class="post-detail-container"><h1>{TITLE}</h1>{LINE}{SAPO}<div class="post-detail-body">{PICTURE}{TEXT}{SOURCE}</div>{REST}</div>',
    "source after the body": f'<div><h1>{TITLE}</h1>{LINE}{SAPO}<div class="post-detail-body">{PICTURE}{TEXT}</div>{SOURCE}{REST}</div>',
    "picture before the body": f'<div><h1>{TITLE}</h1>{LINE}{SAPO}{PICTURE}<div class="post-detail-body">{TEXT}</div>{SOURCE}{REST}</div>',
    "sapo before the paper": f'<div class="post-detail-container"><h1>{TITLE}</h1>{SAPO}{LINE}{PICTURE}{TEXT}{SOURCE}{REST}</div>',
    "layout only": f'<main class="ant-layout-content"><h1>{TITLE}</h1>{LINE}{SAPO}{PICTURE}{TEXT}{SOURCE}{REST}</main>',
    "no known class": f"<main><div><h1>{TITLE}</h1>{LINE}{SAPO}{PICTURE}{TEXT}{SOURCE}{REST}</div></main>",
    "paper and day apart": f'<div class="post-detail-container"><h1>{TITLE}</h1><div>Báo Bãi Bồi</div><div>07/09/2026</div>{SAPO}{PICTURE}{TEXT}{SOURCE}{REST}</div>',
    "name of the source": f'<div class="post-detail-container"><h1>{TITLE}</h1>{LINE}{SAPO}{PICTURE}{TEXT}<p>Nguồn: Báo Bãi Bồi</p>{REST}</div>',
    "no source line": f'<div class="post-detail-container"><h1>{TITLE}</h1>{LINE}{SAPO}{PICTURE}{TEXT}{REST}</div>',
    "WordPress": f'<article><h1 class="entry-title">{TITLE}</h1>{LINE}{SAPO}<div class="entry-content">{PICTURE}{TEXT}{SOURCE}</div></article>{REST}',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_vietnam_by_the_order_of_the_page(shape: str) -> None:
    html = f'<html lang="vi"><body><p>Vietnam.vn - Nền tảng quảng bá Việt Nam</p>{SHAPES[shape]}</body></html>'
    page = VietnamPage(Response(URL, body=html.encode(), headers=HTML))
    assert page.is_article()
    row = CleanPipeline().process_item(page.article())
    assert row.title == TITLE
    assert row.sapo == "Cả xóm rước đèn ra bến, tiếng trống vang từ chập tối."
    assert row.body == (
        "Đám trẻ chia nhau từng cây nến, giữ cho gió khỏi thổi tắt.\n\n"
        "Người lớn bày mâm cỗ giữa sân đình và kể chuyện xưa."
    )
    assert row.source.name == "Báo Bãi Bồi"
    assert row.source.url == ("https://bensong.example/hoi-trang" if SOURCE in html else None)
    assert (row.published_date, row.published_precision, row.published_at) == ("2026-09-07", "day", None)
    assert [(i.url, i.caption, i.credit) for i in row.images] == [(f"{WWW}/den.jpg", "Đèn kéo quân.", "Lan Chi")]
    assert [tag.key for tag in row.tags] == ["trung-thu"]
    assert [link.kind for link in row.links] == (["source"] if SOURCE in html else [])
    assert row.authors == []


OTHER_EDITION = (
    "<h1>水辺の月祭り</h1><div><span>Báo Bãi Bồi</span><i>07/09/2026</i></div><p><b>村じゅうが提灯を手に岸辺へ向かい、太鼓の音が夕方から響いていました。</b></p>"
    '<figure><img src="/den.jpg" alt="Đèn kéo quân"></figure><p>子どもたちは蝋燭を分け合いました。</p><p>詳細: https://khac.example/a</p>'
    "<p>大人たちは庭で昔話をしました。</p><p>ソース：<a href='https://bensong.example/hoi-trang'>https://bensong.example/hoi-trang</a></p>"
    "<h3>コメント (0)</h3><p>コメントを残してください</p>"
)


@pytest.mark.parametrize("day", ["05/03/2025", "05.03.2025", "5-3-2025", "05/03/2025 08:06 (GMT+7)"])
@pytest.mark.parametrize(
    "text",
    [
        "<p>Ghe chở đèn ra giữa sông từ chập tối.</p>",  # fewer letters than the box of promotion below has
        "<div>Ghe chở đèn ra giữa sông từ chập tối.</div>",
        "Ghe chở đèn ra giữa sông từ chập tối.",
    ],
)
def test_vietnam_few_words_in_a_known_body(text: str, day: str) -> None:
    body = (
        f"<h1>Đèn trên sông</h1><div><img alt='Báo Bãi Bồi' src='/a.png'>Báo Bãi Bồi{day}</div>"
        f"<h2>Cả làng ra bến.</h2><div class='post-detail-body'>{text}</div><div>Bình luận (0)</div>"
        f"<div><h3>Di sản</h3><p>{'Một bài khác của báo khác. ' * 10}</p></div>"
    )
    article = VietnamPage(Response("https://www.vietnam.vn/den-tren-song", body=body.encode(), headers=HTML)).article()
    assert (article.body, article.sapo) == ("Ghe chở đèn ra giữa sông từ chập tối.", "Cả làng ra bến.")
    assert (article.source.name, article.published_date) == ("Báo Bãi Bồi", "2025-03-05")


def test_vietnam_labels_of_an_edition_nobody_has_seen() -> None:
    html = f'<main class="ant-layout-content">{OTHER_EDITION}</main>'
    row = VietnamPage(Response(f"{WWW}/ja/dem-hoi-trang-ben-song", body=html.encode(), headers=HTML)).article()
    assert (
        row.body
        == "子どもたちは蝋燭を分け合いました。\n\n詳細: https://khac.example/a\n\n大人たちは庭で昔話をしました。"
    )
    assert (row.language, row.translation_of) == ("ja", "vietnam.vn:vi:dem-hoi-trang-ben-song")
    assert (row.source.name, row.source.url) == ("Báo Bãi Bồi", "https://bensong.example/hoi-trang")


@pytest.mark.parametrize(
    "line",
    [
        "<p>Nguồn: TTXVN</p>",  # under a table, say
        "<p>Đăng ký tại: https://bensong.example/dang-ky</p>",
        "<p>Cục trưởng Lan Chi cho biết mọi việc đã xong.</p>",
        "<h2>Sản phẩm</h2>",
        "<h3>Danh sách đội ghe (12)</h3>",
    ],
)
def test_vietnam_a_line_in_the_middle_does_not_end_the_article(line: str) -> None:
    long = "<p>" + "Đám trẻ chia nhau từng cây nến, giữ cho gió khỏi thổi tắt. " * 3 + "</p>"
    html = f'<div class="post-detail-container"><h1>{TITLE}</h1>{LINE}{SAPO}{PICTURE}{long}{line}{long}{long}{SOURCE}{REST}</div>'
    row = VietnamPage(Response(URL, body=html.encode(), headers=HTML)).article()
    assert len((row.body or "").split("\n\n")) == 4
    assert row.source.url == "https://bensong.example/hoi-trang"


def test_vietnam_a_first_paragraph_before_a_picture_stays_in_a_known_body() -> None:
    html = f'<div><h1>{TITLE}</h1>{LINE}<div class="post-detail-body"><p>Chiều xuống, bến đông dần lên từng chút.</p>{PICTURE}{TEXT}</div></div>'
    row = VietnamPage(Response(URL, body=html.encode(), headers=HTML)).article()
    assert (row.body or "").startswith("Chiều xuống")
    assert row.sapo is None


JSON_LD = {"@type": "NewsArticle", "headline": TITLE, "datePublished": "2026-09-06T23:30:00Z", "keywords": "trăng, đèn"}
POST = {"slug": "dem-hoi-trang-ben-song", "title": TITLE, "publishedAt": "2026-09-06T23:30:00.000Z"}
STREAM = '1:["$","div",null,{"post":' + json.dumps(POST) + "}]\n"


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (f'<script type="application/ld+json">{json.dumps(JSON_LD)}</script>', "json_ld"),
        (f'<script id="__NEXT_DATA__">{json.dumps({"props": {"pageProps": {"post": POST}}})}</script>', "embedded"),
        (
            f"<script>self.__next_f.push({json.dumps([1, STREAM[:40]])})</script>"
            f"<script>self.__next_f.push({json.dumps([1, STREAM[40:]])})</script>",
            "embedded",
        ),
        ('<meta property="article:published_time" content="2026-09-06T23:30:00Z">', "meta"),
    ],
)
def test_vietnam_stated_data_is_read_where_there_is_some(data: str, source: str) -> None:
    page = VietnamPage(Response(URL, body=(data + SHAPES["layout only"]).encode(), headers=HTML))
    article = page.article()
    assert (article.published_at, article.published_date) == ("2026-09-06T23:30:00+00:00", "2026-09-07")
    assert article.published_text == "07/09/2026"
    assert page.source_of("published_at") == source
    assert article.body is not None
    assert article.body.startswith("Đám trẻ")


def test_vietnam_text_from_page_data_alone() -> None:
    post = POST | {"sapo": "Cả xóm rước đèn.", "content": f"{PICTURE}{TEXT}{SOURCE}"}
    html = f'<div id="__next"><h1>{TITLE}</h1></div><script id="__NEXT_DATA__">{json.dumps({"post": post})}</script>'
    page = VietnamPage(Response(URL, body=html.encode(), headers=HTML))
    assert page.is_article()
    article = page.article()
    assert article.sapo == "Cả xóm rước đèn."
    assert [block.type for block in article.blocks] == ["image", "paragraph", "paragraph"]


@pytest.mark.parametrize(
    ("url", "html"),
    [
        (URL, f"<h1>Chợ quê ngày mưa lớn</h1>{LINE}{SAPO}{TEXT}"),  # the headline is not the slug's
        (URL, f"<title>404</title><h1>Không tìm thấy trang bạn cần</h1>{TEXT}"),
        (URL, f"<title>Vietnam.vn - Nền tảng quảng bá Việt Nam</title><div>{TEXT}</div>"),
        (f"{WWW}/en/dem-hoi-trang-ben-song", f"<title>Vietnam.vn</title><div>{TEXT}</div>"),
        (f"{WWW}/category/the-thao", f"<h1>Thể thao</h1>{TEXT}"),
    ],
)
def test_vietnam_soft_404(url: str, html: str) -> None:
    assert not VietnamPage(Response(url, body=f"<body><main>{html}</main></body>".encode(), headers=HTML)).is_article()


# --- any site -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "front"),
        ("/doi-song/cau-tre-noi-doi-bo-10234.html", "article"),
        ("/2024/06/20/a-bridge", "article"),
        ("/international/villagers-build-a-bridge-again", "article"),
        ("/world", "category"),
        ("/doi-song/moi-truong", "category"),
        ("/tag/cau-tre", "tag"),
        ("/tac-gia/lan-chi", "author"),
        ("/chu-de/song-nuoc", "topic"),
        ("/feed/", "feed"),
        ("/post-sitemap.xml", "sitemap"),
        ("/anh/cau-tre-noi-doi-bo-10234.jpg", None),
    ],
)
def test_any_site_addresses(path: str, kind: str | None) -> None:
    assert AnyNewsSpider.kind_of(f"https://bensong.example{path}") == kind


# --- a real page --------------------------------------------------------------------------------------------------

REAL_PAGES = os.environ.get("REAL_PAGES")


@pytest.mark.skipif(not REAL_PAGES, reason="REAL_PAGES is not set")
def test_a_real_page_of_baoquocte() -> None:
    slug = "galatasaray-lan-dau-lot-vong-18-uefa-champions-league-sau-12-nam-363297.html"
    body = (Path(REAL_PAGES or "") / "baoquocte.vn__galatasaray-363297.html").read_bytes()
    page = BaoquoctePage(Response(f"{HOME}/{slug}", body=body, headers=HTML))
    assert page.is_article()
    row = CleanPipeline().process_item(page.article())
    assert (row.id, row.kind, row.language, row.section) == ("baoquocte.vn:363297", "article", "vi", "Thể thao")
    assert row.canonical_url == f"{HOME}/{slug}"
    assert len(row.title or "") == 65
    assert len(row.sapo or "") == 117
    assert [block.type for block in row.blocks] == ["image"] + ["paragraph"] * 5  # a sixth p holds a blank
    assert [len(part) for part in (row.body or "").split("\n\n")] == [243, 278, 228, 264, 294]
    assert [crumb.name for crumb in row.breadcrumbs] == ["Thể thao", "Cup C1"]
    assert [tag.key for tag in row.tags] == ["168815", "6795", "718", "31576"]
    assert (row.published_at, row.published_text) == ("2026-02-26T08:01:12+07:00", "08:01 | 26/02/2026")
    assert [(image.credit, image.position) for image in row.images] == [("Getty Images", 0)]
    assert (row.byline, row.authors, row.topics, row.videos) == (None, [], [], [])
    assert row.publisher == "Báo Thế giới và Việt Nam"
    kinds = [link.kind for link in page.page_links()]
    assert (kinds.count("related"), kinds.count("most_viewed"), kinds.count("tag")) == (9, 5, 4)


@pytest.mark.skipif(not REAL_PAGES, reason="REAL_PAGES is not set")
def test_real_lists_of_siblings() -> None:
    """Another paper of the product: its pager, its cards, its broken title attributes."""
    body = (Path(REAL_PAGES or "") / "thoibaonganhang.vn__doanh-nghiep-doanh-nhan-list-main.html").read_bytes()
    own = body.replace(b"thoibaonganhang.vn", b"baoquocte.vn")
    page = BaoquoctePage(Response(f"{HOME}/doanh-nghiep-doanh-nhan", body=own, headers=HTML))
    assert BaoquocteSpider.next_page(page) == f"{HOME}/doanh-nghiep-doanh-nhan&s_cond=&BRSR=24"
    articles = {link.url for link in page.page_links() if link.kind == "article"}
    assert len(articles) >= 24
    body = (Path(REAL_PAGES or "") / "netbiz.net.vn__category-browser-saved.html").read_bytes()
    page = BaoquoctePage(
        Response(f"{HOME}/showbiz", body=body.replace(b"netbiz.net.vn", b"baoquocte.vn"), headers=HTML)
    )
    texts = {link.url: link.text for link in page.page_links() if link.kind == "article"}
    assert texts[f"{HOME}/hien-ho-xin-loi-sau-scandal-nuong-tua-dan-mang-phan-ung-gay-gat-1530.html"].endswith(
        "gay gắt"
    )
