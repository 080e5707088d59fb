"""news, on sites that nobody has looked at: what it takes for an article, what it follows, what it finds without
selectors; and one crawl of a small paper from its front page."""

# ruff: noqa: E501 - markup stands in lines as on the sites

import json
from typing import Any

import pytest
from scrapy.http import Response

from crawler.page import ArticlePage
from pipelines.clean import CleanPipeline
from spiders.breakinglatest_news import BreakingLatestSpider
from spiders.london24news_co_uk import London24NewsSpider
from spiders.nationpress_com import NationPressSpider
from spiders.news import AnyNewsSpider
from tests.conftest import Crawler, ReplicaProcess
from tests.replica.server import Answer, Request, running
from tests.truth import rows_of

SITE = "https://bensong.example"
ARTICLE = f"{SITE}/doi-song/mua-nuoc-noi-ve-som-tren-dong-10400.html"
SHORT = f"{SITE}/doi-song/nuoc-noi"  # the address of a list, by its looks
TEXT = [
    "Nước tràn đồng sớm hơn mọi năm gần nửa tháng, cá linh non đã theo về từng đàn, ghe lưới đậu kín hai bên rạch từ chập tối.",
    "Người trong xóm nói điên điển chưa kịp trổ bông mà nước đã ngập chân cầu, năm nay chắc lớn, phải kê lúa giống lên cao.",
    "Trường học trong xã cho học trò nghỉ buổi chiều để kịp về trước con nước, thầy giáo chống xuồng đưa tụi nhỏ tới tận ngõ.",
    "Bà Sáu bán bún ở đầu cầu bảo khách vẫn đông, chỉ khác là bây giờ khách tới bằng xuồng, tô bún đưa qua mạn ghe còn nóng hổi.",
    "Ngoài đồng, mấy đứa nhỏ đặt lờ đặt lợp từ khuya, sáng ra mỗi đứa một giỏ cá, bán xong mới tới lớp, áo còn ướt một bên vai.",
]
STORY = "".join(f"<p>{text}</p>" for text in TEXT)
TITLE = "Mùa nước nổi về sớm trên đồng"
CARDS = "".join(
    f'<div><a href="/doi-song/bai-so-{n}-cua-muc-nay-{n}000{n}.html">Bài số {n} của mục này</a></div>' for n in range(9)
)
LD = f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", "headline": TITLE})}</script>'
LIST_LD = '<script type="application/ld+json">{"@type": "CollectionPage", "name": "Đời sống"}</script>'
OG = '<meta property="og:type" content="article">'
WHEN = '<time datetime="2026-09-14T08:00:00+07:00">14/9</time>'


def page(body: str, url: str = ARTICLE, head: str = "", spider: type[AnyNewsSpider] = AnyNewsSpider) -> ArticlePage:
    html = f"<!DOCTYPE html><html lang='vi'><head><title>{TITLE}</title>{head}</head><body>{body}</body></html>"
    return spider.page(Response(url, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"}))


def row(body: str, **more: Any) -> Any:
    return CleanPipeline().process_item(page(f"<article><h1>{TITLE}</h1>{body}</article>", **more).article())


# --- What is an article --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "body", "url", "by"),
    [
        (LD, STORY, SHORT, "json_ld"),
        (LD, STORY, ARTICLE, "json_ld"),
        (OG, STORY, ARTICLE, "meta"),
        ("", STORY, ARTICLE, "url"),
        (OG, WHEN + STORY, SHORT, "meta"),
        ("", WHEN + STORY, SHORT, "generic"),
        # not, or not yet
        ("", STORY, SHORT, None),  # no date
        ("", WHEN + f"<p>{TEXT[0]}</p>", SHORT, None),  # no story
        ("", WHEN + STORY + CARDS, SHORT, None),  # teasers
        (OG, WHEN + STORY + CARDS, SHORT, None),  # some systems call their lists articles
        (OG + LIST_LD, WHEN + STORY, SHORT, None),
        (LIST_LD, WHEN + STORY, ARTICLE, None),
        ("", STORY + CARDS, ARTICLE, None),  # the long name of a category
        (OG, STORY + CARDS, ARTICLE, "meta"),
        (LIST_LD + LD, STORY, ARTICLE, "json_ld"),
        (LD, STORY, f"{SITE}/", None),
        (LD, STORY, f"{SITE}/tag/nuoc-noi", None),
        (LD, STORY, f"{SITE}/category/doi-song", None),
        (LD, STORY, f"{SITE}/doi-song/page/2", None),
        (LD, STORY, f"{SITE}/2026/09/14", None),  # the archive of a day
        ("", WHEN + STORY, f"{SITE}/gioi-thieu", None),
        ("", WHEN + STORY, f"{SITE}/dang-ky/thanh-vien", None),
    ],
)
def test_what_makes_an_article(head: str, body: str, url: str, by: str | None) -> None:
    found = page(f"<div><h1>{TITLE}</h1>{body}</div>", url, head)
    assert found.is_article() is (by is not None)
    if by is not None:
        assert found.source_of("kind") == by
        warned = [text for text in found.article().extraction.warnings if "text alone" in text]
        assert bool(warned) is (by == "generic")


def test_of_several_stated_articles_the_one_at_this_address() -> None:
    objects = [
        {"@type": "NewsArticle", "headline": "Bài khác hẳn", "url": f"{SITE}/bai-khac-han-nao-do-99999.html", "datePublished": "2020-01-01"},
        {"@type": "NewsArticle", "headline": TITLE, "mainEntityOfPage": {"@id": ARTICLE}, "datePublished": "2026-09-14T08:00:00+07:00"},
    ]  # fmt: skip
    found = row(STORY, head=f'<script type="application/ld+json">{json.dumps(objects)}</script>')
    assert (found.title, found.published_date) == (TITLE, "2026-09-14")


@pytest.mark.parametrize(
    ("head", "body", "url", "kind"),
    [
        ('<script type="application/ld+json">{"@type": "LiveBlogPosting", "headline": "x"}</script>', "", ARTICLE, "live"),
        ('<script type="application/ld+json">{"@type": "ImageGallery"}</script>', "", ARTICLE, "gallery"),
        ('<script type="application/ld+json">[{"@type": "VideoObject"}, {"@type": "NewsArticle"}]</script>', "", ARTICLE, "article"),
        ('<script type="application/ld+json">{"@type": "VideoObject", "name": "x"}</script>', "", ARTICLE, "video"),
        ('<meta property="og:type" content="video.other">', "", ARTICLE, "video"),
        ("", "", f"{SITE}/video/ghe-ngo-ve-dich-trong-mua-10401.html", "video"),
        ("", "", f"{SITE}/chum-anh/ghe-ngo-ve-dich-trong-mua-10401.html", "gallery"),
        ("", "", f"{SITE}/infographics/muoi-hai-con-do-cua-song-10401.html", "infographic"),
        ("", "", f"{SITE}/e-magazine/muoi-hai-con-do-cua-song-10401.html", "emagazine"),
        ("", "", f"{SITE}/truc-tiep/hoi-dua-ghe-tren-song-lon-10401.html", "live"),
        ("", '<div class="breadcrumb"><a href="/anh">Ảnh</a></div>', ARTICLE, "gallery"),
        ("", '<article class="post format-video"></article>', ARTICLE, "video"),
        ("", "", f"{SITE}/doi-song/video-nha-lam-hut-khach-10401.html", "article"),  # a word of the headline
    ],
)  # fmt: skip
def test_kinds(head: str, body: str, url: str, kind: str) -> None:
    assert page(f"<h1>{TITLE}</h1>{body}{STORY}", url, head).pick("kind") == kind


# --- What is found without selectors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "byline", "authors"),
    [
        ('<p class="byline">By Lan Chi</p>', "By Lan Chi", ["Lan Chi"]),
        ('<a rel="author" href="/tac-gia/lan-chi">Lan Chi</a>', "Lan Chi", ["Lan Chi"]),
        ('<span class="author">by admin</span>', None, []),
        ('<span class="author">Bến Sông</span>', None, []),
        ('<span itemprop="author">Bài và ảnh: Lan Chi</span>', "Bài và ảnh: Lan Chi", ["Lan Chi", "Lan Chi"]),
        ('<div class="related"><span class="author">Người Khác</span></div>', None, []),
        ('<aside><p class="byline">Người Khác</p></aside>', None, []),
        ("<p class='author'>12 bình luận</p>", None, []),
    ],
)
def test_bylines(html: str, byline: str | None, authors: list[str]) -> None:
    found = row(html + STORY, head='<meta property="og:site_name" content="Bến Sông">')
    assert (found.byline, [author.name for author in found.authors]) == (byline, authors)
    assert found.body == "\n\n".join(TEXT)


@pytest.mark.parametrize(
    ("line", "name", "url"),
    [
        ("<p>Nguồn: Báo Bãi Bồi</p>", "Báo Bãi Bồi", None),
        ('<p>Nguồn: <a href="https://baiboi.example/a">Báo Bãi Bồi</a></p>', "Báo Bãi Bồi", "https://baiboi.example/a"),
        ("<p>Source: https://baiboi.example/a</p>", None, None),  # an address without a link is no promise of one
        ("<p>(Nguồn tin: Báo Bãi Bồi)</p>", "Báo Bãi Bồi", None),
        ("", None, None),
    ],
)
def test_source_lines(line: str, name: str | None, url: str | None) -> None:
    found = row(STORY + line)
    want = "https://baiboi.example/a" if "Source" in line else url
    assert (found.source.name, found.source.url) == (name, want)
    assert found.body == "\n\n".join(TEXT)


def test_an_agency_after_source_is_a_byline() -> None:
    found = row(STORY + "<p>Nguồn: TTXVN</p>")
    assert (found.byline, found.agencies, found.source.name) == ("Nguồn: TTXVN", ["TTXVN"], None)


@pytest.mark.parametrize(
    ("html", "at", "day"),
    [
        (WHEN, "2026-09-14T08:00:00+07:00", "2026-09-14"),
        ('<span class="post-date">14/09/2026 - 08:00</span>', "2026-09-14T08:00:00+07:00", "2026-09-14"),
        ("<div>Thứ Hai, 14/09/2026 | 08:00</div>", "2026-09-14T08:00:00+07:00", "2026-09-14"),
        ("<div>Đăng ngày 14/09/2026</div>", None, "2026-09-14"),
        ('<div class="related"><span class="date">01/01/2020</span></div>', None, None),
        ("<p>Bán kính 12 km, 300 hộ.</p>", None, None),
    ],
)
def test_printed_dates(html: str, at: str | None, day: str | None) -> None:
    found = row(html + STORY)
    assert (found.published_at, found.published_date) == (at, day)


def test_tags_trail_and_related_boxes() -> None:
    html = (
        f'<div><div class="breadcrumbs"><a href="/">Trang chủ</a><a href="/doi-song">Đời sống</a></div><article><h1>{TITLE}</h1>{STORY}'
        '<p>Xem thêm: <a href="/doi-song/cho-noi-tan-som-vi-nuoc-10240.html">Chợ nổi tan sớm</a></p>'
        '<div class="post-tags"><a href="/tag/nuoc-noi">nước nổi</a><a href="/tag/ca-linh">cá linh</a></div></article>'
        '<div><h3>Tin liên quan</h3><ul><li><a href="/doi-song/cau-tre-noi-doi-bo-rach-10234.html">Cầu tre</a></li></ul></div>'
        '<div><h3>Xem nhiều</h3><ul><li><a href="/doi-song/hoi-dua-ghe-tren-song-lon-10311.html">Hội đua ghe</a></li></ul></div>'
        '<a href="https://khac.example/muc">Trang khác</a></div>'
    )
    found = page(html).article()
    assert [tag.key for tag in found.tags] == ["nuoc-noi", "ca-linh"]
    assert [crumb.name for crumb in found.breadcrumbs] == ["Đời sống"]
    related = {link.url.rpartition("-")[2] for link in found.links if link.kind == "related"}
    assert related == {"10240.html", "10234.html"}
    kinds = {link.url: link.kind for link in page(html).page_links()}
    assert kinds["https://khac.example/muc"] == "other"


def test_pictures_captions_headings_and_a_lead_picture() -> None:
    html = (
        '<div class="post-thumbnail"><img src="/dau.jpg" alt="Đầu"></div>'
        f"<div><p>{TEXT[0]}</p><h2>Trong xóm</h2><p>{TEXT[1]}</p><figure><img src='/a.jpg'><figcaption>Xóm Cồn. Ảnh: Lan Chi</figcaption></figure>"
        f"<p>{TEXT[2]}</p><blockquote><p>{TEXT[3]}</p></blockquote><p>{TEXT[4]}</p></div>"
        "<p>Theo dõi Bến Sông trên Google News</p>"
    )
    found = row(html)
    assert [block.type for block in found.blocks] == [
        "paragraph",
        "heading",
        "paragraph",
        "image",
        "paragraph",
        "quote",
        "paragraph",
    ]
    assert [(image.url[-8:], image.caption, image.credit, image.position) for image in found.images] == [
        ("/dau.jpg", None, None, 0),
        ("le/a.jpg", "Xóm Cồn.", "Lan Chi", 1),
    ]


@pytest.mark.parametrize(
    ("title", "taken"),
    [
        (f"{TITLE} | Bến Sông", TITLE),
        (f"{TITLE} - Bến Sông", TITLE),
        (f"{TITLE} - bensong.example", TITLE),
        (f"{TITLE} - chuyện thứ hai", f"{TITLE} - chuyện thứ hai"),
    ],
)
def test_a_stated_title_without_the_paper(title: str, taken: str) -> None:
    head = f'<meta property="og:title" content="{title}"><meta property="og:site_name" content="Bến Sông">'
    assert page(STORY, head=head).pick("title") == taken


def test_a_description_cut_short_is_no_lead() -> None:
    assert row(STORY, head=f'<meta name="description" content="{TEXT[0][:60]}...">').sapo is None
    assert row(STORY, head='<meta name="description" content="Cá linh về sớm.">').sapo == "Cá linh về sớm."


# --- Where it goes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "domains"),
    [
        ("https://www.bensong.example/a", ("bensong.example",)),
        ("https://tin.bao.com.vn/a,https://bao.com.vn/b", ("bao.com.vn",)),
        ("https://news.paper.co.uk/a,http://127.0.0.1:8000/", ("paper.co.uk", "127.0.0.1")),
    ],
)
def test_the_registered_domains_of_the_seeds(seeds: str, domains: tuple[str, ...]) -> None:
    assert AnyNewsSpider(seeds=seeds).domains == domains


@pytest.mark.parametrize(
    ("seeds", "narrow"),
    [
        (f"{SITE}/", False),
        (SITE, False),
        (f"{ARTICLE},{SITE}/", False),
        (ARTICLE, True),
        (f"{SITE}/doi-song", True),
    ],
)
def test_a_front_page_means_the_whole_site(seeds: str, narrow: bool) -> None:
    follow = AnyNewsSpider(seeds=seeds).args.follow
    assert {"article", "related", "next_page"} <= follow
    assert ({"category", "feed", "sitemap"} <= follow) is not narrow
    assert AnyNewsSpider(seeds=seeds, follow="article").args.follow == {"article"}


@pytest.mark.parametrize(
    ("path", "html", "following"),
    [
        ("/muc", '<link rel="next" href="/muc?trang=2">', "/muc?trang=2"),
        ("/muc", '<a href="/muc/page/2">2</a><a href="/muc/page/9">9</a>', "/muc/page/2"),
        ("/muc/page/2/", '<a href="/muc/">1</a><a href="/muc/page/3/">3</a>', "/muc/page/3/"),
        ("/muc?page=2", '<a href="/muc?page=1">1</a><a href="/muc?page=3">3</a>', "/muc?page=3"),
        ("/muc?loai=tin&page=2", '<a href="/muc?loai=tin&amp;page=3">3</a>', "/muc?loai=tin&page=3"),
        ("/muc?page=2", '<a href="/muc?loai=tin&amp;page=3">3</a>', None),  # another list
        ("/muc", '<div class="nav-previous"><a href="/muc/page/2">Bài cũ hơn</a></div>', "/muc/page/2"),
        ("/muc", '<a href="/muc/page/2">Older Posts</a>', "/muc/page/2"),
        ("/muc/page/2", '<a href="/muc/page/1">«</a><a href="/muc/page/5">Next</a>', "/muc/page/5"),
        ("/muc/page/9", '<a href="/muc/page/8">8</a>', None),
        ("/muc", '<a href="/khac/page/2">2</a>', None),
        ("/muc", "", None),
    ],
)
def test_next_page(path: str, html: str, following: str | None) -> None:
    found = AnyNewsSpider.next_page(page(html, SITE + path))
    assert found == (SITE + following if following else None)


@pytest.mark.parametrize(
    ("url", "kind", "wanted"),
    [
        (ARTICLE, "sitemap", True),
        (f"{SITE}/doi-song/nuoc-noi", "feed", True),  # a feed lists articles only
        (f"{SITE}/doi-song/nuoc-noi", "sitemap", False),
        (f"{SITE}/category/doi-song", "feed", False),
        (f"{SITE}/", "feed", False),
        (f"{SITE}/gioi-thieu", "sitemap", False),
    ],
)
def test_what_a_feed_promises(url: str, kind: str, wanted: bool) -> None:
    assert AnyNewsSpider.promises(url, kind) is wanted


@pytest.mark.parametrize(
    ("spider", "url", "same", "kind"),
    [
        (NationPressSpider, "http://nationpress.com/national/a-b-c/", "https://www.nationpress.com/national/a-b-c", "article"),
        (NationPressSpider, "https://www.nationpress.com/national", "https://www.nationpress.com/national", "category"),
        (NationPressSpider, "https://nationpress.com", "https://www.nationpress.com/", "front"),
        (London24NewsSpider, "https://www.london24news.co.uk/2024/06/20/a-b/amp/", "https://london24news.co.uk/2024/06/20/a-b", "article"),
        (London24NewsSpider, "https://london24news.co.uk/category/world/page/2/", "https://london24news.co.uk/category/world/page/2/", "category"),
        (London24NewsSpider, "https://london24news.co.uk/2024/06/", "https://london24news.co.uk/2024/06/", "category"),
        (BreakingLatestSpider, "https://breakinglatest.news/world/a-b", "https://www.breakinglatest.news/world/a-b/", "article"),
        (BreakingLatestSpider, "https://www.breakinglatest.news/world/", "https://www.breakinglatest.news/world/", "category"),
        (BreakingLatestSpider, "https://www.breakinglatest.news/wp-sitemap.xml", "https://www.breakinglatest.news/wp-sitemap.xml", "sitemap"),
        (BreakingLatestSpider, "https://example.vn/a-b", "https://example.vn/a-b", "category"),
    ],
)  # fmt: skip
def test_addresses_of_the_thin_sites(spider: type[AnyNewsSpider], url: str, same: str, kind: str) -> None:
    assert spider.same_page(url) == same
    assert spider.same_page(same) == same
    assert spider.kind_of(same) == kind
    assert spider.languages == ("en",)


# --- One crawl -----------------------------------------------------------------------------------------------------

HOST = "bao-que.example"


class Paper:
    """A front page that names a feed, robots.txt that names a sitemap, a list of two pages, a host of its own."""

    hosts = (HOST, f"tin.{HOST}", "khac.example")

    def respond(self, request: Request) -> Answer:
        html, xml = [("Content-Type", "text/html; charset=utf-8")], [("Content-Type", "application/xml")]
        home = f"http://{HOST}"
        pages = {
            f"{home}/": '<link rel="alternate" type="application/rss+xml" href="/feed/"><a href="/nong-thon">Nông thôn</a>'
            f'<a href="http://tin.{HOST}/hop-cho-ngay-ram-thang-tam">Họp chợ</a><a href="http://khac.example/bai-cua-nha-khac-nao">Khác</a>',
            f"{home}/nong-thon": '<a href="/nong-thon/ga-gay-tren-de-ba-lan">Gà gáy</a><a href="/nong-thon?page=2">2</a>',
            f"{home}/nong-thon?page=2": '<a href="/nong-thon/ruong-muoi-gap-mua-trai-mua">Ruộng muối</a>',
        }
        articles = [
            "/nong-thon/ga-gay-tren-de-ba-lan",
            "/nong-thon/ruong-muoi-gap-mua-trai-mua",
            "/nong-thon/cho-dem",
            "/xa/ben-do-cu-co-nguoi-lai-moi",
        ]
        stories = {f"{home}{path}" for path in articles} | {f"http://tin.{HOST}/hop-cho-ngay-ram-thang-tam"}
        if request.url in stories:
            head = f'<title>{request.url[-12:]}</title><meta property="og:type" content="article">{WHEN}'
            return Answer(
                200, "OK", html, f"<html><head>{head}</head><body><h1>{TITLE}</h1>{STORY}</body></html>".encode()
            )
        if request.url in pages:
            return Answer(
                200,
                "OK",
                html,
                f"<html><head><title>Báo Quê</title></head><body>{pages[request.url]}</body></html>".encode(),
            )
        if request.url == f"{home}/robots.txt":
            return Answer(
                200,
                "OK",
                [("Content-Type", "text/plain")],
                f"User-agent: *\nAllow: /\nSitemap: {home}/sitemap.xml\n".encode(),
            )
        if request.url == f"{home}/sitemap.xml":
            return Answer(
                200, "OK", xml, f"<urlset><url><loc>{home}/xa/ben-do-cu-co-nguoi-lai-moi</loc></url></urlset>".encode()
            )
        if request.url == f"{home}/feed/":
            return Answer(
                200,
                "OK",
                xml,
                f"<rss><channel><item><link>{home}/nong-thon/cho-dem</link></item></channel></rss>".encode(),
            )
        return Answer(404, "Not Found", html, b"<title>404</title>")


def test_a_whole_site_from_its_front_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    log = tmp_path_factory.mktemp("paper") / "requests.jsonl"
    with running([Paper()], log=log) as replica:
        run = Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), tmp_path_factory)(
            "news", "-a", f"seeds=http://{HOST}/"
        )
        asked = [entry.url for entry in replica.requests]
    assert run.status == 0, run.stderr
    rows = {row["url"]: row["found_by"]["channel"] for row in rows_of(run.archive)}
    assert rows == {
        f"http://{HOST}/nong-thon/ga-gay-tren-de-ba-lan": "listing",
        f"http://{HOST}/nong-thon/ruong-muoi-gap-mua-trai-mua": "listing",  # on the second page of the list
        f"http://{HOST}/nong-thon/cho-dem": "feed",
        f"http://{HOST}/xa/ben-do-cu-co-nguoi-lai-moi": "sitemap",
        f"http://tin.{HOST}/hop-cho-ngay-ram-thang-tam": "listing",  # another host of the same paper
    }
    assert not [url for url in asked if "khac.example" in url]
