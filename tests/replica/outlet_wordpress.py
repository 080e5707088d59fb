"""A paper on WordPress: a theme's class names, a plugin's data graph, sharing buttons and related stories in the text."""

# ruff: noqa: E501 - markup stands in lines as on the sites

from __future__ import annotations

import json
from datetime import UTC
from email.utils import format_datetime
from html import escape

from tests.replica.language import slug
from tests.replica.model import Piece, Story
from tests.replica.outlet import XML, Listing, Outlet

NAME, HOST = "Báo Cửa Lạch", "baocualach.example"


def build() -> Outlet:
    paper = Outlet(
        NAME, HOST, lambda s, n: f"/{slug(s.title)}/", lambda key: f"/category/{key}/", lambda key: f"/tag/{key}/"
    )
    front = Listing(paper.lists()[0].label, paper.stories[:8], 1, 1)
    paper.put("/", _page(paper, NAME, "home blog", _cards(front), ""))
    for listing in paper.lists():
        path = listing.label.url.removeprefix(paper.home)
        at = path if listing.number == 1 else f"{path}page/{listing.number}/"
        paper.put(
            at,
            _page(
                paper,
                listing.label.name,
                "archive category",
                f'<h1 class="page-title">{listing.label.name}</h1>{_cards(listing)}{_pager(path, listing)}',
                "",
            ),
        )
    for n, story in enumerate(paper.stories):
        paper.put(story.url.removeprefix(paper.home), article(paper, story, n))
    items = "".join(
        f"<item><title>{escape(s.title)}</title><link>{s.url}</link><pubDate>{format_datetime(s.published.astimezone(UTC))}</pubDate></item>"
        for s in paper.stories[:10]
    )
    paper.put(
        "/feed/",
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>{NAME}</title>{items}</channel></rss>',
        "application/rss+xml",
    )
    locs = "".join(f"<url><loc>{s.url}</loc></url>" for s in paper.stories)
    paper.put(
        "/wp-sitemap.xml",
        f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>{paper.home}/wp-sitemap-posts-post-1.xml</loc></sitemap></sitemapindex>',
        XML,
    )
    paper.put(
        "/wp-sitemap-posts-post-1.xml",
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locs}</urlset>',
        XML,
    )
    paper.put(
        "/robots.txt", f"User-agent: *\nDisallow: /wp-admin/\nSitemap: {paper.home}/wp-sitemap.xml\n", "text/plain"
    )
    paper.put(
        "/gioi-thieu/",
        _page(
            paper,
            "Giới thiệu",
            "page",
            f"<h1>Giới thiệu</h1><p>{NAME} là tờ báo của vùng cửa lạch, ra hằng ngày từ năm 1987.</p>",
            "",
        ),
    )
    return paper


def article(paper: Outlet, story: Story, n: int) -> str:
    crumb = story.crumbs[0]
    names = " - ".join(name for name, _ in story.byline.authors) if story.byline else "admin"
    printed = story.byline.printed if story.byline else "admin"
    meta = f"""<meta property="og:type" content="article"><meta property="og:title" content="{escape(story.title)} - {NAME}"><meta property="og:site_name" content="{NAME}">
<meta property="article:published_time" content="{story.published.astimezone(UTC).isoformat()}"><meta name="generator" content="WordPress 6.7.1"><link rel="canonical" href="{story.url}">"""
    if story.sapo and n % 2:
        meta += f'<meta property="og:description" content="{escape(story.sapo)}">'
    if n % 3:
        meta += f'<script type="application/ld+json" class="yoast-schema-graph">{json.dumps(_graph(paper, story, names), ensure_ascii=False)}</script>'
    tags = "".join(f'<a href="{t.url}" rel="tag">{t.name}</a>, ' for t in story.tags)
    sapo = f'<p class="sapo"><strong>{escape(story.sapo, quote=False)}</strong></p>' if story.sapo else ""
    source = f"<p><em>Nguồn: {story.source[0]}</em></p>" if story.source[0] else ""
    main = f"""<main id="main" class="site-main"><article id="post-{900 + n}" class="post type-post format-{ {"video": "video", "gallery": "gallery"}.get(story.kind, "standard") } hentry category-{crumb.key}">
<div class="breadcrumbs"><a href="{paper.home}/">Trang chủ</a> &raquo; <a href="{crumb.url}">{crumb.name}</a></div>
<header class="entry-header"><h1 class="entry-title">{escape(story.title, quote=False)}</h1>
<div class="entry-meta"><span class="posted-on"><time class="entry-date published" datetime="{story.published.isoformat()}">{story.published:%d/%m/%Y %H:%M}</time></span> <span class="byline">bởi <span class="author vcard"><a class="url fn n" href="{paper.home}/author/{slug(names)}/">{escape(printed)}</a></span></span></div></header>
<div class="entry-content">{sapo}{_text(story, n)}{source}
<div class="sharedaddy sd-sharing-enabled"><h3 class="sd-title">Chia sẻ:</h3><ul><li><a class="share-facebook" href="{story.url}?share=facebook">Facebook</a></li><li><a class="share-x" href="{story.url}?share=x">X</a></li></ul></div>
<div id="jp-relatedposts" class="jp-relatedposts"><h3 class="jp-relatedposts-headline"><em>Bài liên quan</em></h3><ul>{"".join(f'<li><a href="{t.url}">{escape(t.title)}</a></li>' for t in story.below)}</ul></div></div>
<footer class="entry-footer"><span class="cat-links">Chuyên mục <a href="{crumb.url}" rel="category tag">{crumb.name}</a></span> <span class="tags-links">Từ khóa {tags}</span></footer></article>
<div class="author-box"><h4>{escape(names)}</h4><p>Viết cho {NAME} từ nhiều năm nay, theo dõi mảng {crumb.name.lower()} và đời sống các làng ven sông.</p></div>
<div id="comments" class="comments-area"><h2 class="comments-title">2 bình luận</h2><ol class="comment-list"><li class="comment"><b class="fn">Bạn đọc Ba</b><div class="comment-content"><p>Bài viết hay quá, mong tòa soạn có thêm nhiều bài như vậy để bà con ở xa biết tin quê nhà, nhất là mùa này nước lên nhanh.</p></div></li><li class="comment"><b class="fn">Tư Nhỏ</b><div class="comment-content"><p>Tôi ở gần đó, thấy đúng như bài nói, chỉ thiếu chuyện con đò ngang đã nghỉ chạy từ đầu tháng.</p></div></li></ol>
<div id="respond" class="comment-respond"><h3>Để lại bình luận</h3><p class="comment-notes">Email của bạn sẽ không được hiển thị công khai. Các trường bắt buộc được đánh dấu *</p></div></div></main>"""
    return _page(
        paper,
        f"{story.title} - {NAME}",
        f"post-template-default single single-post single-format-{'standard' if story.kind == 'article' else story.kind}",
        main,
        meta,
    )


def _text(story: Story, n: int) -> str:
    parts = [_block(piece) for piece in story.pieces]
    if len(parts) > 4:
        parts.insert(
            2,
            '<div class="code-block code-block-1"><ins class="adsbygoogle" data-ad-slot="1"></ins><p>Quảng cáo</p></div>',
        )
        if n % 2:
            parts.insert(
                4,
                f'<p><strong>Xem thêm: <a href="{story.below[0].url}">{escape(story.below[0].title)}</a></strong></p>',
            )
    return "\n".join(parts)


def _block(piece: Piece) -> str:
    text = escape(piece.text or "", quote=False)
    match piece.kind:
        case "heading":
            return f'<h{piece.level} class="wp-block-heading">{text}</h{piece.level}>'
        case "quote":
            return f'<blockquote class="wp-block-quote"><p>{text}</p></blockquote>'
        case "list":
            return f'<ul class="wp-block-list">{"".join(f"<li>{escape(i)}</li>" for i in piece.items)}</ul>'
        case "image" if piece.picture:
            return f'<figure class="wp-block-image size-large"><img decoding="async" width="1024" height="683" src="{piece.picture.url}" alt="{escape(piece.picture.alt or "")}"/><figcaption class="wp-element-caption">{escape(piece.picture.printed or "")}</figcaption></figure>'
        case "video" if piece.clip:
            return f'<figure class="wp-block-video"><video controls src="{piece.clip.url}"></video></figure>'
    return f"<p>{text}</p>"


def _graph(paper: Outlet, story: Story, names: str) -> dict[str, object]:
    at = story.published.astimezone(UTC).isoformat()
    graph = [
        {"@type": "Article", "headline": story.title, "datePublished": at, "dateModified": at, "mainEntityOfPage": {"@id": story.url}, "articleSection": [story.crumbs[0].name], "author": {"name": names}, "publisher": {"@id": f"{paper.home}/#organization"}},
        {"@type": "WebPage", "@id": story.url, "url": story.url, "name": f"{story.title} - {NAME}", "datePublished": at},
        {"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "position": 1, "name": "Trang chủ", "item": f"{paper.home}/"}, {"@type": "ListItem", "position": 2, "name": story.crumbs[0].name, "item": story.crumbs[0].url}, {"@type": "ListItem", "position": 3, "name": story.title}]},
        {"@type": "Organization", "@id": f"{paper.home}/#organization", "name": NAME},
    ]  # fmt: skip
    return {"@context": "https://schema.org", "@graph": graph}


def _cards(listing: Listing) -> str:
    return "".join(
        f'<article class="post hentry"><h2 class="entry-title"><a href="{s.url}" rel="bookmark">{escape(s.title)}</a></h2><time class="entry-date published" datetime="{s.published.isoformat()}">{s.published:%d/%m/%Y}</time><div class="entry-summary"><p>{escape(s.sapo or "")} [&hellip;]</p></div></article>'
        for s in listing.stories
    )


def _pager(path: str, listing: Listing) -> str:
    pages = "".join(
        f'<a class="page-numbers" href="{path}page/{n}/">{n}</a>'
        for n in range(1, listing.last + 1)
        if n != listing.number
    )
    after = (
        f'<a class="next page-numbers" href="{path}page/{listing.number + 1}/">Trang sau</a>'
        if listing.number < listing.last
        else ""
    )
    return f'<nav class="navigation pagination"><div class="nav-links"><span class="page-numbers current">{listing.number}</span>{pages}{after}</div></nav>'


def _page(paper: Outlet, title: str, classes: str, main: str, meta: str) -> str:
    recent = "".join(f'<li><a href="{s.url}">{escape(s.title)}</a></li>' for s in paper.stories[:5])
    menu = "".join(f'<li><a href="{one.label.url}">{one.label.name}</a></li>' for one in paper.lists() if one.number == 1 and "/category/" in one.label.url)  # fmt: skip
    return f"""<!DOCTYPE html><html lang="vi"><head><meta charset="UTF-8"><title>{escape(title, quote=False)}</title><link rel="alternate" type="application/rss+xml" href="{paper.home}/feed/">{meta}</head>
<body class="{classes}"><header class="site-header"><p class="site-title"><a href="{paper.home}/">{NAME}</a></p><nav class="main-navigation"><ul>{menu}</ul></nav></header>
<div class="site-content">{main}<aside class="widget-area"><section class="widget widget_recent_entries"><h2>Bài mới</h2><ul>{recent}</ul></section></aside></div>
<footer class="site-footer"><p>© 2026 {NAME}. Giấy phép số 215/GP-BVHTT cấp ngày 12/3/2019. Tổng biên tập: Đoàn Hữu Mai</p></footer></body></html>"""
