"""A sibling paper on MasterCMS: the product's class names, tables around pictures, lists paged by an offset in the path."""

# ruff: noqa: E501 - markup stands in lines as on the sites

from __future__ import annotations

import json
from email.utils import format_datetime
from html import escape

from tests.replica.language import slug
from tests.replica.model import Piece, Story
from tests.replica.outlet import PER_PAGE, XML, Listing, Outlet

NAME, HOST = "Tạp chí Bến Cát", "tapchibencat.example"


def build() -> Outlet:
    paper = Outlet(
        NAME,
        HOST,
        lambda s, n: f"/{slug(s.title)}-{150001 + 2 * n}.html",
        lambda key: f"/{key}",
        lambda key: f"/tag/{key}.tag",
    )
    paper.put("/", _page(paper, NAME, "", _cards(paper.stories[:9])))
    for listing in paper.lists():
        path = listing.label.url.removeprefix(paper.home)
        paper.put(
            _paged(path, listing.number),
            _page(
                paper,
                listing.label.name,
                "",
                f'<div class="bx-cat-title"><h2 class="h2-title"><span class="bx-cat-link">{listing.label.name}</span></h2></div><div class="bx-listing fw lt mb clearfix">{_cards(listing.stories)}</div>{_pager(path, listing)}',
            ),
        )
    for n, story in enumerate(paper.stories):
        paper.put(story.url.removeprefix(paper.home), article(paper, story, n))
    items = "".join(
        f"<item><title>{escape(s.title)}</title><link>{s.url}</link><pubDate>{format_datetime(s.published)}</pubDate></item>"
        for s in paper.stories[:15]
    )
    paper.put(
        "/rss_feed/",
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><link>{paper.home}/trang-chu</link>{items}</channel></rss>',
        "application/rss+xml",
    )
    locs = "".join(f"<url><loc>{s.url}</loc></url>" for s in paper.stories)
    paper.put(
        "/sitemaparticles-site-1.xml",
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locs}</urlset>',
        XML,
    )
    paper.put(
        "/robots.txt",
        f"User-agent: *\nAllow: /\nDisallow: /apicenter@/\nSitemap: {paper.home}/sitemaparticles-site-1.xml\n",
        "text/plain",
    )
    return paper


def article(paper: Outlet, story: Story, n: int) -> str:
    crumb = story.crumbs[0]
    head = f"""<meta name="description" content="{escape(story.sapo or "")}" /><meta name="author" content="{NAME}" /><meta property="og:title" content="{escape(story.title)}" /><meta property="og:site_name" content="{NAME}" /><meta property="og:type" content="article" /><meta property="og:url" content="{story.url}" /><link rel="canonical" href="{story.url}" />"""
    if n % 3 != 1:
        data = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": story.title, "datePublished": story.published.isoformat(), "publisher": {"@type": "Organization", "name": NAME}, "articleSection": crumb.name}  # fmt: skip
        head += f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'
    name = escape(story.byline.printed) if story.byline else ""
    top, bottom = (name, "") if n % 2 else ("", name)
    tags = "".join(f'<a class="tag-link" href="{t.url}">{t.name}</a>' for t in story.tags)
    when = (
        f'<span class="format_time">{story.published:%H:%M}</span> | <span class="format_date">{story.published:%d/%m/%Y}</span>'
        if n % 2
        else f'<div class="article-date lt">{story.published:%H:%M | %d/%m/%Y}</div>'
    )
    relate = "".join(f'<a class="article-link" href="{t.url}">{escape(t.title)}</a>' for t in story.below[:2])
    cards = "".join(
        f'<table class="__mb_article_in_image" align="center"><tbody><tr><td><a href="{t.url}"><img src="{paper.home}/croped/{k}.jpg"></a></td><td><a href="{t.url}">{escape(t.title)}</a><div class="tpl_desc">{escape(t.sapo)}</div></td></tr></tbody></table>'
        for k, t in enumerate(story.below[2:])
    )
    source = f'<div class="article-detail-source">Nguồn: {story.source[0]}</div>' if story.source[0] else ""
    main = f"""<div class="navigation fw lt mb clearfix"><ul class="breadcrumb clearfix"><li class="menu-alias"><a href="{crumb.url}">{crumb.name}</a></li></ul></div>
<div class="article-detail fw lt mb clearfix"><h1 class="article-detail-title f0">{escape(story.title, quote=False)}</h1><div class="inforAuthor lt"><div class="article-member lt">{top}</div>{when}</div>
<div class="article-detail-desc fw lt f0 mb clearfix">{escape(story.sapo or "", quote=False)}</div><div class="bqt-share-social fw lt mb"><a href="https://www.facebook.com/sharer/sharer.php?u={story.url}">Facebook</a><div title="Sao chép liên kết">Sao chép liên kết</div><a class="bqt-google-new" href="https://news.google.com/publications/1">Theo dõi {NAME} trên</a></div>
<div class="article-relate fw lt mb clearfix"><div class="bx-cat-title"><h2 class="h2-title"><span class="bx-cat-link">Tin liên quan</span></h2></div>{relate}</div>
<div class="__MASTERCMS_CONTENT fw lt clearfix"><div id="__MB_MASTERCMS_EL_3" class="fw lt clearfix"><style id="css_tpl_box_in_db">.tpl-box p{{margin:0}}</style>{"".join(map(_block, story.pieces))}{cards}</div></div>
<div class="article-detail-author clearfix">{bottom}</div>{source}</div>
<div class="article-tag fw lt mb clearfix"><span class="article-tag-title">Từ khóa:</span><div class="article-tag-link">{tags}</div></div><div id="user-comment"><div class="__API_WIDGET" data-type="user_comments"></div></div>
<div class="bx-detail-listing"><span class="bx-cat-link">Đọc thêm</span>{_cards(paper.stories[10:14])}</div>"""
    return _page(paper, story.title, head, main)


def _block(piece: Piece) -> str:
    text = escape(piece.text or "", quote=False)
    match piece.kind:
        case "heading":
            return f"<h{piece.level}>{text}</h{piece.level}>"
        case "quote":
            return f'<table class="__MB_ARTICLE_QUOTE" align="center"><tbody><tr><td class="__RE_PLACE_CONTENT"><p>{text}</p></td></tr></tbody></table>'
        case "list":
            return f"<ul>{''.join(f'<li>{escape(i)}</li>' for i in piece.items)}</ul>"
        case "image" if piece.picture:
            return f'<table class="MASTERCMS_TPL_TABLE" align="center"><tbody><tr><td><img class="__img_mastercms" src="{piece.picture.url}" alt="{escape(piece.picture.alt or "")}"></td></tr><tr><td>{escape(piece.picture.printed or "")}</td></tr></tbody></table>'
        case "video" if piece.clip:
            return f'<div class="__MB_VIDEO"><video controls src="{piece.clip.url}"></video></div>'
    return f'<p style="text-align: justify;">{text}</p>'


def _cards(stories: list[Story]) -> str:
    return "".join(
        f'<div class="article fw lt"><a class="article-image" href="{s.url}"><img class="mastercms_lazyload" data-src="/anh/nho.jpg"></a><h3 class="article-title"><a class="article-link" href="{s.url}">{escape(s.title)}</a></h3><div class="article-desc">{escape(s.sapo or "")}</div></div>'
        for s in stories
    )


def _paged(path: str, number: int) -> str:
    return path if number == 1 else f"{path}&s_cond=&BRSR={(number - 1) * PER_PAGE}"


def _pager(path: str, listing: Listing) -> str:
    """The inert first and previous marks carry the class of the current page too."""
    if listing.last == 1:
        return ""
    pages = "".join(
        f'<span class="current">{n}</span>' if n == listing.number else f'<a href="{_paged(path, n)}">{n}</a>'
        for n in range(1, listing.last + 1)
    )
    after = (
        f'<a href="{_paged(path, listing.number + 1)}">&gt;</a><a href="{_paged(path, listing.last)}">&gt;|</a>'
        if listing.number < listing.last
        else ""
    )
    return f'<div class="__MB_ARTICLE_PAGING grNextPage fw lt mb clearfix"><span class="current">|&lt;</span><span class="current">&lt;</span>{pages}{after}</div>'


def _page(paper: Outlet, title: str, head: str, main: str) -> str:
    menu = "".join(f'<li class="cat"><a href="{one.label.url}">{one.label.name}</a></li>' for one in paper.lists() if one.number == 1 and "/tag/" not in one.label.url)  # fmt: skip
    hot = "".join(
        f'<div class="article"><h3 class="article-title"><a href="{s.url}">{escape(s.title)}</a></h3></div>'
        for s in paper.stories[20:25]
    )
    return f"""<!-- MASTERCMS --><!DOCTYPE html><html lang="vi" translate="no"><head><meta charset="utf-8"><title>{escape(title, quote=False)}</title><link rel="alternate" type="application/rss+xml" href="{paper.home}/rss_feed/" />{head}</head>
<body><div class="webpage pc-detail"><div class="system-date">Thứ sáu, 20/11/2026 12:00</div><ul class="main-menu">{menu}</ul><div class="bx-detail-left lt">{main}</div><div class="bx-detail-right rt"><div class="bx-breadking-news"><span class="bx-cat-link">Xem nhiều</span>{hot}</div><div class="banner"><a href="/adsfw/1/0/1"><img src="/anh/qc.jpg"></a></div></div><footer>Giấy phép hoạt động số 7/GP-BC do Sở cấp ngày 6/6/2018. © {NAME}</footer></div></body></html><!-- cached 1163.cached 12:00:01 -->"""
