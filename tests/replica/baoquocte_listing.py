"""Lists of the replica's baoquocte.vn: front page, categories, tags, topics; feeds, sitemaps, robots.txt."""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime
from html import escape

from tests.replica.baoquocte_body import body
from tests.replica.baoquocte_edition import PAGE_SIZE, Edition
from tests.replica.baoquocte_frame import PAGEGEN, block, card, footer, header, opening
from tests.replica.baoquocte_sections import EDITION_EN, HOME, PUBLISHER, TAGS, TOPICS, TREE
from tests.replica.model import HANOI, Story

ROBOTS = f"""User-agent: *
Allow: /
Disallow: /apicenter@/
Disallow: /widgets@/
Disallow: /search_enginer.html
Disallow: /noi-bo/

Sitemap: {HOME}/sitemap_site_1.xml
"""
LISTING_ERAS = {"the-thao": "2021", "van-hoa": "2018", "xa-hoi": "2024", "kinh-te": "2024"}


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. ``base``: its address without an offset; ``era``: the form of its markup."""

    kind: str
    base: str
    name: str
    stories: tuple[Story, ...]
    offset: int
    total: int
    era: str = "2026"

    @property
    def next_page(self) -> str | None:
        following = self.offset + PAGE_SIZE
        return page_address(self.base, following) if following < self.total else None


def page_address(base: str, offset: int) -> str:
    return f"{base}&s_cond=&BRSR={offset}" if offset else base


def listings(edition: Edition) -> dict[str, Listing]:
    """Every page of every list, by address."""
    pages: dict[str, Listing] = {}

    def add(kind: str, base: str, name: str, stories: list[Story], era: str = "2026") -> None:
        for offset in range(0, max(len(stories), 1), PAGE_SIZE):
            part = tuple(stories[offset : offset + PAGE_SIZE])
            pages[page_address(base, offset)] = Listing(kind, base, name, part, offset, len(stories), era)

    for key, section in TREE.items():
        for label in (section.label, *section.subs):
            add("category", label.url, label.name, edition.section_lists[label.key], LISTING_ERAS.get(key, "2026"))
    for tag in TAGS:
        add("tag", tag.url, tag.name, edition.tag_lists[tag.key])
    for topic in TOPICS:
        add("topic", topic.url, topic.name, edition.topic_lists[topic.key], "2024")
    add("category", f"{EDITION_EN}/politics", "Politics", edition.english)
    add("front", f"{EDITION_EN}/", "The World and Vietnam Report", edition.english)
    return pages


def listing_page(listing: Listing, column: str) -> str:
    meta = f'<meta property="og:type" content="website" />\n<link rel="canonical" href="{page_address(listing.base, listing.offset)}" />'
    key = listing.base.removeprefix(f"{HOME}/").partition("/")[0]
    return f"""{opening(listing.name, meta)}{header(key)}
				<div class="main-cat fw lt clearfix"><div class="bx-list-left lt">
					<h1 class="cat-title f0">{escape(listing.name)}</h1>{_items(listing)}{pager(listing)}
				</div><div class="bx-list-right rt">{column}</div></div>{footer(key or "trang-chu")}"""


def _items(listing: Listing) -> str:
    match listing.era:
        case "2018":
            lines = "".join(f"<li>{_grid_entry(story)}</li>" for story in listing.stories[3:])
            hot = "".join(f"<li>{_grid_entry(story)}</li>" for story in listing.stories[:3])
            return f'\n<ul class="listitemNewsHot">{hot}</ul>\n<ul id="listingGrNews">{lines}</ul>'
        case "2021":
            return f'\n<div class="bx-listing fw lt mb clearfix">{"".join(map(card, listing.stories))}</div>'
        case "2024":
            return f'\n<div class="bx-cat-content fw lt">{"".join(map(card, listing.stories))}</div>'
    return block(
        "bx-listing", f'<span class="bx-cat-link">{escape(listing.name)}</span>', "".join(map(card, listing.stories))
    )


def _grid_entry(story: Story) -> str:
    at = story.published
    return f"""<a class="imgItem" href="{story.url}" title='{story.title}'></a>
	<a class="titleItem" href="{story.url}" title='{story.title}'>{escape(story.title, quote=False)}</a> <span class="dateItem">{at:%H:%M | %d/%m/%Y}</span>"""


def pager(listing: Listing) -> str:
    """Numbers, next and last. Inert entries are spans that carry class ``current`` as the current number does."""
    if listing.total <= PAGE_SIZE:
        return ""
    last = (listing.total - 1) // PAGE_SIZE * PAGE_SIZE

    def to(offset: int, text: str) -> str:
        return f'<a rel="nofollow" href="{page_address(listing.base, offset).replace("&", "&amp;")}" title="{offset}">{text}</a>'

    before = [to(0, "|&lt;"), to(listing.offset - PAGE_SIZE, "&lt;")]
    if listing.offset == 0:
        before = ['<span class="current next">|&lt;</span>', '<span class="current">&lt;</span>']
    numbers = [
        f'<span class="current">{n + 1}</span>' if offset == listing.offset else to(offset, str(n + 1))
        for n, offset in enumerate(range(0, last + 1, PAGE_SIZE))
        if abs(offset - listing.offset) <= 4 * PAGE_SIZE
    ]
    after = [to(listing.offset + PAGE_SIZE, "&gt;"), to(last, "&gt;|")]
    if listing.offset >= last:
        after = ['<span class="current">&gt;</span>', '<span class="current next">&gt;|</span>']
    if listing.era == "2021":  # here the last link of the box is the next page, where there is one
        numbers, after = numbers[:4], after[:1]
        return f'\n<div class="__MB_ARTICLE_PAGING fw lt mb clearfix"><div class="rt">{" ".join([*before, *numbers, *after])}</div></div>'
    return f'\n<div class="grNextPage __MB_ARTICLE_PAGING"><span style=""></span> {" ".join([*before, *numbers, *after])}</div>'


def front_page(edition: Edition, column: str) -> str:
    meta = f'<meta property="og:type" content="website" />\n<link rel="canonical" href="{HOME}/" />\n<link rel="alternate" type="application/rss+xml" href="{HOME}/rss_feed/" />'
    boxes = block("bx-home-hot", '<span class="bx-cat-link">Tin mới</span>', "".join(map(card, edition.front[:20])))
    boxes += block(
        "bx-home-more", '<span class="bx-cat-link">Theo chuyên mục</span>', "".join(map(card, edition.front[20:]))
    )
    return f"""{opening(PUBLISHER, meta)}{header("")}<div class="main-home">{boxes}</div><div class="bx-home-right rt">{column}</div>{footer("trang-chu")}"""


def topics_page(column: str) -> str:
    links = "".join(
        f'<div class="article"><h3 class="article-title"><a class="article-link" href="{t.url}">{t.name}</a></h3></div>'
        for t in TOPICS
    )
    return (
        f"{opening('Chủ đề', '')}{header('')}{block('bx-topics', 'Danh sách chủ đề', links)}{column}{footer('chu-de')}"
    )


def feed(stories: list[Story], name: str) -> str:
    """RSS 2.0: titles and descriptions without punctuation, the whole body in ``content:encoded``."""
    items = "".join(
        f"""
<item><title>{_bare(story.title)}</title><link>{story.url}</link><guid isPermaLink="true">{story.url}</guid>
<description>{_bare(story.sapo or "")}</description><author>{escape(story.byline.printed) if story.byline else ""}</author>
<pubDate>{format_datetime(story.published.astimezone(HANOI))}</pubDate>
<content:encoded><![CDATA[{body(story)}]]></content:encoded></item>"""
        for story in stories
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>{escape(name)}</title><link>{HOME}/trang-chu</link><description>{PUBLISHER}</description><!-- {PAGEGEN} -->{items}
</channel></rss>"""


def _bare(text: str) -> str:
    return re.sub(r"[^\w\s]+", "", text)


def sitemaps(edition: Edition) -> dict[str, str]:
    """The sitemap index and its two children, by path."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    stamp = edition.clock.astimezone(HANOI).isoformat()
    children = ("/sitemaparticles-site-1.xml", "/sitemapcategories-site-1.xml")
    index = "".join(f"<sitemap><loc>{HOME}{path}</loc><lastmod>{stamp}</lastmod></sitemap>\n" for path in children)
    articles = "".join(
        f"<url><loc>{s.url}</loc><lastmod>{(s.modified or s.published).isoformat()}</lastmod></url>\n"
        for s in sorted(edition.sitemap, key=lambda s: s.published, reverse=True)
    )
    categories = "".join(f"<url><loc>{s.label.url}</loc><changefreq>hourly</changefreq></url>\n" for s in TREE.values())
    return {
        "/sitemap_site_1.xml": f"{head}<sitemapindex {space}>\n{index}</sitemapindex>\n",
        children[0]: f"{head}<urlset {space}>\n{articles}</urlset>\n",
        children[1]: f"{head}<urlset {space}>\n{categories}</urlset>\n",
    }


def not_found_page(column: str, text: str) -> str:
    """What a missing article shows, with status 404 or, at one address, 200."""
    return f'{opening("Không tìm thấy trang", "")}{header("")}<div class="bx-404"><h2>{text}</h2><p>Mời bạn trở về trang chủ.</p></div>{column}{footer("404")}'
