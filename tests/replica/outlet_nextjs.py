"""A paper on Next.js: class names with hashes, the page's data in a script, pictures through the framework's resizer."""

# ruff: noqa: E501 - markup stands in lines as on the sites

from __future__ import annotations

import json
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

from tests.replica.language import slug
from tests.replica.model import Piece, Story
from tests.replica.outlet import SPECIAL, XML, Listing, Outlet

NAME, HOST = "Kim Giang Mới", "kimgiangmoi.example"


def _address(story: Story, n: int) -> str:
    section = SPECIAL[story.kind][0] if story.kind in SPECIAL else story.field
    return f"/{section}/{slug(story.title)}-{7000 + 13 * n}"


def build() -> Outlet:
    paper = Outlet(NAME, HOST, _address, lambda key: f"/{key}", lambda key: f"/tag/{key}")
    paper.put("/", _page(paper, NAME, "", _cards(paper.stories[:10]), None))
    for listing in paper.lists():
        path = listing.label.url.removeprefix(paper.home)
        at = path if listing.number == 1 else f"{path}?page={listing.number}"
        paper.put(
            at,
            _page(
                paper,
                f"{listing.label.name} | {NAME}",
                "",
                f'<h1 class="Section_title__q9Rk2">{listing.label.name}</h1>{_cards(listing.stories)}{_pager(path, listing)}',
                None,
            ),
        )
    for n, story in enumerate(paper.stories):
        paper.put(story.url.removeprefix(paper.home), article(paper, story, n))
    items = "".join(
        f"<item><title>{escape(s.title)}</title><link>{s.url}</link><pubDate>{format_datetime(s.published)}</pubDate></item>"
        for s in paper.stories[:12]
    )
    paper.put(
        "/rss.xml",
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>{NAME}</title>{items}</channel></rss>',
        "application/rss+xml",
    )
    locs = "".join(f"<url><loc>{s.url}</loc><lastmod>{s.published.isoformat()}</lastmod></url>" for s in paper.stories)
    paper.put("/sitemap.xml", f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locs}</urlset>', XML)
    paper.put("/robots.txt", f"User-agent: *\nDisallow: /api/\nSitemap: {paper.home}/sitemap.xml\n", "text/plain")
    paper.put("/lien-he", _page(paper, f"Liên hệ | {NAME}", "", "<h1>Liên hệ</h1><p>Số 5 phố Bến Đò.</p>", None))
    return paper


def article(paper: Outlet, story: Story, n: int) -> str:
    crumb = story.crumbs[0]
    head = f"""<meta property="og:title" content="{escape(story.title)}"/><meta property="og:site_name" content="{NAME}"/><meta property="og:url" content="{story.url}"/><link rel="canonical" href="{story.url}"/>"""
    head += f'<meta name="description" content="{escape(story.sapo)}"/>' if story.sapo else ""
    if n % 4:
        head += '<meta property="og:type" content="article"/>'
    if n % 2 == 0:
        head += f'<script type="application/ld+json">{json.dumps(_news(paper, story), ensure_ascii=False)}</script>'
    made = f'<span class="Meta_author__x1P9z">{escape(story.byline.printed)}</span>' if story.byline else ""
    tags = "".join(
        f'<a class="Tag_item__0aa1Z" href="{t.url.removeprefix(paper.home)}">#{t.name}</a>' for t in story.tags
    )
    lead = f'<h2 class="Article_sapo__b7TyQ">{escape(story.sapo, quote=False)}</h2>' if story.sapo else ""
    source = f'<p class="Article_source__77aKd">Theo nguồn: {story.source[0]}</p>' if story.source[0] else ""
    related = "".join(
        f'<a class="Card_link__i8U2d" href="{t.url.removeprefix(paper.home)}"><h3>{escape(t.title)}</h3></a>'
        for t in story.below
    )
    main = f"""<nav aria-label="breadcrumb" class="Crumb_root__k1"><a href="/">Trang chủ</a><span>/</span><a href="{crumb.url.removeprefix(paper.home)}">{crumb.name}</a></nav>
<article class="Article_root__n3Xb1"><h1 class="Article_title__Yt2Rf">{escape(story.title, quote=False)}</h1><div class="Meta_root__55a">{made}<time class="Meta_time__9Qz" dateTime="{story.published.isoformat()}">{story.published:%H:%M, %d/%m/%Y}</time><div class="Share_bar__xx1"><button>Chia sẻ</button><a href="https://www.facebook.com/sharer.php?u={quote(story.url)}">Facebook</a><button>Sao chép liên kết</button></div></div>
{lead}<div class="Article_body__Zq81L">{_text(paper, story)}{source}</div><div class="Tag_list__zz9">{tags}</div></article>
<section class="Related_root__7hG"><h2>Tin liên quan</h2>{related}</section>
<section class="Comment_root__3kQ"><h2>Bình luận (1)</h2><div><b>Nguyên</b><p>Đọc xong thấy nhớ quê, không biết bến đò cũ bây giờ còn ai đưa khách qua sông mỗi sớm nữa hay không.</p></div><p>Vui lòng đăng nhập để bình luận</p></section>"""
    data = {
        "slug": story.url.rpartition("/")[2],
        "title": story.title,
        "sapo": story.sapo,
        "publishedAt": story.published.isoformat(),
    }
    return _page(paper, f"{story.title} | {NAME}", head, main, data)


def _text(paper: Outlet, story: Story) -> str:
    parts = [_block(paper, piece) for piece in story.pieces]
    if len(parts) > 5:
        parts.insert(3, '<div class="Ads_slot__k20" data-slot="inpage"><span>Quảng cáo</span></div>')
        parts.insert(
            5,
            f'<div class="Inline_related__f0Q"><span>Đọc thêm</span><a href="{story.below[1].url}">{escape(story.below[1].title)}</a></div>',
        )
    return "".join(parts)


def _block(paper: Outlet, piece: Piece) -> str:
    text = escape(piece.text or "", quote=False)
    match piece.kind:
        case "heading":
            return f"<h{piece.level}>{text}</h{piece.level}>"
        case "quote":
            return f"<blockquote>{text}</blockquote>"
        case "list":
            return f"<ul>{''.join(f'<li>{escape(i)}</li>' for i in piece.items)}</ul>"
        case "image" if piece.picture:
            return f'<figure class="Figure_root__aB1"><img loading="lazy" src="{piece.picture.url}" srcset="/_next/image?url={quote(piece.picture.url, safe="")}&amp;w=640&amp;q=75 640w" alt="{escape(piece.picture.alt or "")}"/><figcaption>{escape(piece.picture.printed or "")}</figcaption></figure>'
        case "video" if piece.clip:
            return f'<div class="Player_root__pp1"><video controls=""><source src="{piece.clip.url}" type="video/mp4"/></video></div>'
    return f"<p>{text}</p>"


def _news(paper: Outlet, story: Story) -> dict[str, object]:
    found: dict[str, object] = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": story.title, "datePublished": story.published.isoformat(), "mainEntityOfPage": story.url, "publisher": {"@type": "Organization", "name": NAME}}  # fmt: skip
    if story.byline:
        found["author"] = [{"@type": "Person", "name": name} for name, _ in story.byline.authors]
    return found


def _cards(stories: list[Story]) -> str:
    return "".join(
        f'<div class="Card_root__i8U"><a class="Card_link__i8U2d" href="{s.url.partition(HOST)[2]}"><h3>{escape(s.title)}</h3></a><p>{escape(s.sapo or "")}</p></div>'
        for s in stories
    )


def _pager(path: str, listing: Listing) -> str:
    return "".join(f'<a class="Pager_item__m2" href="{path}?page={n}">{n}</a>' for n in range(1, listing.last + 1))


def _page(paper: Outlet, title: str, head: str, main: str, data: dict[str, object] | None) -> str:
    menu = "".join(f'<a href="/{one.label.key}">{one.label.name}</a>' for one in paper.lists() if one.number == 1 and "/tag/" not in one.label.url)  # fmt: skip
    hot = "".join(f'<li><a href="{s.url.partition(HOST)[2]}">{escape(s.title)}</a></li>' for s in paper.stories[3:8])
    props = {"props": {"pageProps": {"post": data} if data else {}}, "page": "/[section]/[slug]", "buildId": "q7Zt"}
    return f"""<!DOCTYPE html><html lang="vi"><head><meta charSet="utf-8"/><title>{escape(title, quote=False)}</title><link rel="alternate" type="application/rss+xml" href="/rss.xml"/>{head}</head><body><div id="__next"><header class="Header_root__1a"><a href="/">{NAME}</a><span>Thứ Sáu, 20/11/2026</span><nav>{menu}</nav></header>
<main class="Layout_main__7c">{main}</main><aside class="Hot_root__2k"><h2>Đọc nhiều</h2><ol>{hot}</ol></aside><footer class="Footer_root__9"><p>Cơ quan chủ quản: Hội Nhà báo Kim Giang. Giấy phép 88/GP-TTDT ngày 4/5/2021.</p></footer></div><script id="__NEXT_DATA__" type="application/json">{json.dumps(props, ensure_ascii=False)}</script></body></html>"""
