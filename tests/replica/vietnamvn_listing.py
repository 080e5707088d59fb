"""Lists of the replica's vietnam.vn: front pages, categories, tags, authors; sitemaps, feeds, robots.txt.

How the site pages its lists is unknown; ``?page=N`` is a guess.
"""

# ruff: noqa: E501 - markup stands in lines as on the site

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import format_datetime
from html import escape

from tests.replica.model import HANOI, Story
from tests.replica.vietnamvn_edition import PAGE_SIZE, VietnamEdition
from tests.replica.vietnamvn_frame import link_block, page, stamp
from tests.replica.vietnamvn_sections import LANGUAGES, SITE_NAME, TAGLINE, WWW, prefix

ROBOTS = f"""User-agent: *
Allow: /
Disallow: /tai-khoan/
Disallow: /api/

Sitemap: {WWW}/sitemap.xml
Sitemap: {WWW}/news-sitemap.xml
"""
FIRST_DAY = date(2023, 1, 1)
TAG_SITEMAPS = tuple(range(220001, 220011))
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list; ``number`` counts from 1."""

    kind: str
    base: str
    name: str
    language: str
    stories: tuple[Story, ...]
    number: int = 1
    pages: int = 1

    @property
    def next_page(self) -> str | None:
        return f"{self.base}?page={self.number + 1}" if self.number < self.pages else None


def listings(edition: VietnamEdition) -> dict[str, Listing]:
    """Every page of every list, by address."""
    found: dict[str, Listing] = {}
    for language in LANGUAGES:
        base = f"{WWW}{prefix(language)}" if prefix(language) else f"{WWW}/"
        found[base] = Listing("front", base, SITE_NAME, language, tuple(edition.front(language)))
    for base, (kind, label, stories) in edition.lists.items():
        language = "en" if base.startswith(f"{WWW}/en/") else "vi"
        pages = max(1, -(-len(stories) // PAGE_SIZE))
        for number in range(1, pages + 1):
            part = tuple(stories[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])
            url = base if number == 1 else f"{base}?page={number}"
            found[url] = Listing(kind, base, label.name, language, part, number, pages)
    return found


def listing_page(listing: Listing) -> str:
    base = listing.base.removeprefix(WWW)
    numbers = "".join(
        f'<li class="ant-pagination-item{" ant-pagination-item-active" if n == listing.number else ""}"><a href="{base}{f"?page={n}" if n > 1 else ""}">{n}</a></li>'
        for n in range(1, listing.pages + 1)
    )
    following = (
        f'<li class="ant-pagination-next" title="Trang sau"><a rel="next" href="{base}?page={listing.number + 1}">&gt;</a></li>'
        if listing.next_page
        else ""
    )
    pager = f'<ul class="ant-pagination">{numbers}{following}</ul>' if listing.pages > 1 else ""
    targets = [story.as_target() for story in listing.stories]
    head = f'<title>{escape(listing.name)} - {SITE_NAME}</title><meta property="og:type" content="website"><link rel="canonical" href="{listing.base}">'
    if listing.kind == "front":
        head += f'<link rel="alternate" type="application/rss+xml" href="{WWW}{prefix(listing.language)}/sitemap.rss">'
    main = f'<main class="ant-layout-content"><h1>{escape(listing.name)}</h1>{link_block(TAGLINE, targets, listing.number % 2 == 0)}{pager}</main>'
    return page(listing.language, head, main, "")


def empty_page(text: str) -> str:
    """A page without an article: of a missing address, or the soft 404."""
    main = f'<main class="ant-layout-content"><div class="ant-result"><h1>{text}</h1><a href="/">Về trang chủ</a></div></main>'
    return page("vi", f"<title>{SITE_NAME}</title>", main, "")


def sitemaps(edition: VietnamEdition) -> dict[str, str]:
    """All sitemaps by path. One child for each day since 2023, also for days without articles."""
    by_day: dict[date, list[Story]] = defaultdict(list)
    for story in edition.in_sitemaps:
        by_day[story.published.astimezone(HANOI).date()].append(story)
    last = edition.clock.astimezone(HANOI).date()
    days = [FIRST_DAY + timedelta(days=n) for n in range((last - FIRST_DAY).days + 1)]
    result = {
        f"/sitemap/sitemap-post/{day.isoformat()}.xml": _urlset([(s.url, s) for s in by_day[day]]) for day in days
    }
    lists = {
        kind: [(url, None) for url, (k, _, _) in edition.lists.items() if k == kind and "/en/" not in url]
        for kind in ("category", "tag", "author")
    }
    result["/sitemap/sitemap-page.xml"] = _urlset([(f"{WWW}/", None)])
    result["/sitemap/sitemap-organization.xml"] = _urlset([])
    for kind, entries in lists.items():
        result[f"/sitemap/sitemap-{kind}.xml"] = _urlset(entries)
    for n, number in enumerate(TAG_SITEMAPS):
        result[f"/sitemap/sitemap-tag/{number}.xml"] = _urlset(lists["tag"][n::10])
    index = "".join(
        f"<sitemap><loc>{WWW}{path}</loc><lastmod>{stamp(edition.clock)}</lastmod></sitemap>\n" for path in result
    )
    result["/sitemap.xml"] = f"{XML}<sitemapindex {SPACE}>\n{index}</sitemapindex>\n"
    result["/news-sitemap.xml"] = _news(news_stories(edition))
    return result


def news_stories(edition: VietnamEdition) -> list[Story]:
    """The articles of the last two days before the clock."""
    return [s for s in edition.listed["vi"] if s.published > edition.clock - timedelta(days=2)]


def _urlset(entries: list[tuple[str, None]] | list[tuple[str, Story]]) -> str:
    lines = "".join(
        f"<url><loc>{url}</loc>{f'<lastmod>{stamp(story.modified or story.published)}</lastmod>' if story else ''}</url>\n"
        for url, story in entries
    )
    return f"{XML}<urlset {SPACE}>\n{lines}</urlset>\n"


def _news(stories: list[Story]) -> str:
    lines = "".join(
        f"<url><loc>{s.url}</loc><news:news><news:publication><news:name>{SITE_NAME}</news:name><news:language>vi</news:language></news:publication>"
        f"<news:publication_date>{stamp(s.published)}</news:publication_date><news:title>{escape(s.title)}</news:title></news:news></url>\n"
        for s in stories
    )
    return f'{XML}<urlset {SPACE} xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">\n{lines}</urlset>\n'


def feed(edition: VietnamEdition, language: str) -> str:
    items = "".join(
        f"<item><title>{escape(s.title)}</title><link>{s.url}</link><guid>{s.url}</guid><description>{escape(s.sapo or '')}</description>"
        f"<pubDate>{format_datetime(s.published)}</pubDate></item>\n"
        for s in edition.feed(language)
    )
    return f'{XML}<rss version="2.0"><channel><title>{SITE_NAME}</title><link>{WWW}{prefix(language)}</link><description>{TAGLINE}</description>\n{items}</channel></rss>\n'
