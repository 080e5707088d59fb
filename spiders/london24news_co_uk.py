"""london24news.co.uk: a WordPress site that republishes stories of the Daily Mail under other headlines.

- ``/2024/06/20/<slug>``, host without ``www``: ``/2024/06/20/a-bridge-comes-back`` (a few addresses, 2024).
- Captions stand as ordinary paragraphs between those of the story, often before or after their picture (2024): they
  repeat its alternative text, or are short and end without a full stop.
- Classes, feed and sitemap are not known; the usual names of WordPress are guesses.
"""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from crawler.blocks import BlockRules
from spiders.news import AnyNewsSpider, NewsPage, Plain

HOME = "https://london24news.co.uk"
_HOSTS = frozenset({"london24news.co.uk", "www.london24news.co.uk"})
_ARTICLE = re.compile(r"/(\d{4}/\d\d/\d\d/[^/]+)(?:/amp)?/?")


class London24News(Plain):
    """What the addresses of the site mean."""

    site = "london24news.co.uk"

    @classmethod
    def same_page(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.hostname not in _HOSTS:
            return url
        if match := _ARTICLE.fullmatch(parts.path):
            return f"{HOME}/{match[1]}"
        return f"{HOME}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")

    @classmethod
    def language_of(cls, url: str) -> str | None:
        return "en"


class London24NewsPage(London24News, NewsPage):
    name = "London24NewsPage"
    number = 2

    TITLE = ("h1.entry-title",)
    BODY = (".entry-content", ".td-post-content", ".post-content", '[itemprop="articleBody"]')
    BLOCKS = BlockRules(
        drop=".sharedaddy, .jp-relatedposts, .td-post-sharing, .related-posts, .advert, .adsbygoogle",
        figure="figure, .wp-caption",
        caption='figcaption, .wp-caption-text, [class*="caption"], [class*="Caption"]',
    )
    PLAIN_CAPTIONS = True


class London24NewsSpider(London24News, AnyNewsSpider):
    name = "london24news"
    allowed_domains: ClassVar[list[str]] = ["london24news.co.uk"]
    page = London24NewsPage
    languages = ("en",)
    front_page = f"{HOME}/"

    @classmethod
    def category_url(cls, name: str, language: str = "en") -> str:
        return cls.same_page(
            name if name.startswith(("https://", "http://")) else f"{HOME}/category/{name.strip('/')}/"
        )

    @classmethod
    def tag_url(cls, name: str, language: str = "en") -> str:
        return cls.same_page(name if name.startswith(("https://", "http://")) else f"{HOME}/tag/{name.strip('/')}/")

    @classmethod
    def feeds(cls, languages: tuple[str, ...]) -> list[str]:
        return [f"{HOME}/feed/"]

    @classmethod
    def sitemaps(cls, languages: tuple[str, ...]) -> list[str]:
        return [f"{HOME}/wp-sitemap.xml", f"{HOME}/sitemap_index.xml"]
