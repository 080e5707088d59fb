"""Any news site, in its plain form: the hosts of the seeds, and every page on them with a headline and a text.

What a page states (JSON-LD, OpenGraph) and what the generic extraction finds is all there is; an address tells little:
a long last segment, a number or a date in it is taken for an article, a short one for a list.
"""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from crawler.links import Addresses
from crawler.page import ArticlePage
from crawler.spider import NewsSpider
from crawler.urls import host_of

_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|ico|css|js|json|pdf|docx?|xlsx?|zip|mp[34]|woff2?)$", re.IGNORECASE)
_FEED = re.compile(r"(?:^|/)(?:feed|rss|rss_feed|atom)(?:/|$|\.xml$)|\.rss$", re.IGNORECASE)
_SITEMAP = re.compile(r"sitemap[^/]*\.xml(?:\.gz)?$", re.IGNORECASE)
_LISTS = {
    "tag": re.compile(r"/(?:tags?|the|tu-khoa|keywords?)/[^/]+", re.IGNORECASE),
    "category": re.compile(r"/(?:category|categories|chuyen-muc|danh-muc|section)/[^/]+", re.IGNORECASE),
    "author": re.compile(r"/(?:authors?|tac-gia)/[^/]+", re.IGNORECASE),
    "topic": re.compile(r"/(?:topics?|chu-de|su-kien)/[^/]+", re.IGNORECASE),
}
_ARTICLE = re.compile(r"/(?:19|20)\d\d/\d\d?/(?:\d\d?/)?[^/]+|(?:[^/-]+-){3}[^/]*$|\d{5,}[^/]*$")


class Plain(Addresses):
    """What an address may mean on a site that nobody has looked at."""

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        path = urlsplit(url).path.rstrip("/")
        if not path:
            return "front"
        if _SITEMAP.search(path):
            return "sitemap"
        if _FEED.search(path):
            return "feed"
        if _FILE.search(path):
            return None
        for kind, pattern in _LISTS.items():
            if pattern.match(path):
                return kind
        return "article" if _ARTICLE.search(path) else "category"

    @classmethod
    def next_page(cls, page: ArticlePage) -> str | None:
        for query in ('link[rel="next"]', 'a[rel~="next"]', "a.next"):
            for link in page.select(query):
                url = page.address(link.get("href"))
                if url is not None and url != page.url:
                    return url
        return None


class NewsPage(Plain, ArticlePage):
    """A page of any site."""

    name = "NewsPage"
    number = 1

    def is_article(self) -> bool:
        """A headline and a text; what the address takes for a list must also state that it is an article."""
        if not self.reads_as_article():
            return False
        stated = bool(self.articles_ld) or any(value == "article" for value in self.meta.get("og:type", ()))
        return stated or self.kind_of(self.url) in (None, "article")


class AnyNewsSpider(Plain, NewsSpider):
    """Give seeds: articles, or front pages and lists to follow."""

    name = "news"
    page = NewsPage
    front_page: ClassVar[str] = ""

    @property
    def domains(self) -> tuple[str, ...]:
        """The hosts of the seeds, and no others."""
        return tuple(dict.fromkeys(filter(None, map(host_of, self.args.seeds))))
