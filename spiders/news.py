"""Any news site, in its plain form: the registered domains of the seeds, and every page on them that is an article.

What a page states (JSON-LD, OpenGraph), what many sites have in common, and what the generic extraction finds is all
there is. An address tells little: a long last segment, a number or a date in it is taken for an article, a short one
for a list. A front page among the seeds means the whole site, with its categories, feeds and sitemaps.
"""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from crawler.anysite import AnySite
from crawler.blocks import inline_text
from crawler.links import Addresses
from crawler.page import ArticlePage
from crawler.spider import NewsSpider
from crawler.text import clean, fold
from crawler.urls import canonical_url, registered_domain

_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|ico|css|js|json|pdf|docx?|xlsx?|zip|mp[34]|woff2?)$", re.IGNORECASE)
_FEED = re.compile(r"(?:^|/)(?:feed|rss|rss_feed|atom)(?:/|$|\.xml$)|\.rss$", re.IGNORECASE)
_SITEMAP = re.compile(r"sitemap[^/]*\.xml(?:\.gz)?$", re.IGNORECASE)
_LISTS = {
    "tag": re.compile(r"/(?:tags?|the|tu-khoa|keywords?)/[^/]+", re.IGNORECASE),
    "category": re.compile(
        r"/(?:category|categories|chuyen-muc|danh-muc|section)/[^/]+|.*/page/\d+$|/(?:19|20)\d\d(?:/\d\d?){0,2}$",
        re.IGNORECASE,
    ),
    "author": re.compile(r"/(?:authors?|tac-gia)/[^/]+", re.IGNORECASE),
    "topic": re.compile(r"/(?:topics?|chu-de|su-kien)/[^/]+", re.IGNORECASE),
}
_NO_LIST = re.compile(
    r"/(?:about|about-us|contact|contact-us|gioi-thieu|lien-he|privacy|privacy-policy|terms|terms-of-(?:use|service)"
    r"|cookie-policy|disclaimer|advertise|login|log-in|signin|sign-in|register|subscribe|newsletter|search|tim-kiem"
    r"|dang-nhap|dang-ky|cart|checkout|account|my-account|wp-login\.php|wp-admin|wp-json|cdn-cgi|sitemap)(?:/.*|$)",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"/(?:19|20)\d\d/\d\d?/(?:\d\d?/)?[^/]+|(?:[^/-]+-){3}[^/]*$|\d{5,}[^/]*$")
_ACTION = re.compile(r"(?:^|&)(?:share|replytocom|add-to-cart|print)=")  # the same page again, to do something
_OFFSET = re.compile(r"(.*?)(?:&s_cond=[^&/]*)?&BRSR=(\d+)")  # MasterCMS pages its lists by an offset in the path
_PAGE = re.compile(r"(.*?)/page/(\d+)")
_PAGED = ("page", "paged", "p", "trang")  # names of the page's number in a query
_NEXT = frozenset({"next", "next page", "older posts", "older", "trang sau", "trang tiep", "tiep theo", "sau"})
_NEXT_MARKS = frozenset({">", "›", "»", "→", "next ›", "next »", "next →"})


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
            return "feed" if "/comments/" not in path else None
        if _FILE.search(path) or _NO_LIST.fullmatch(path) or _ACTION.search(urlsplit(url).query):
            return None
        for kind, pattern in _LISTS.items():
            if pattern.match(path):
                return kind
        return "article" if _ARTICLE.search(path) else "category"

    @classmethod
    def next_page(cls, page: ArticlePage) -> str | None:
        """The page that a link calls the next one, else the one with the next number (``/page/3``, ``?page=3``)."""
        for query in ('link[rel="next"]', 'a[rel~="next"]', "a.next", ".next a", ".nav-previous a"):
            for link in page.select(query):
                url = page.address(link.get("href"))
                if url is not None and url != page.url:
                    return url
        stem, number = _numbered(page.url)
        for a in page.index.iter("a")[-page.limits.links_per_page :]:  # a pager stands at the end of its list
            url = page.address(a.get("href")) if a.get("href") else None
            if url is None or url == page.url:
                continue
            other, at = _numbered(url)
            text = fold(clean(inline_text(a)) or "")
            named = (text in _NEXT or text in _NEXT_MARKS) and at != 1
            if other == stem and (at == number + 1 or (named and at > number)):
                return url
        return None


class NewsPage(Plain, AnySite):
    """A page of any site."""

    name = "NewsPage"
    number = 3

    def is_named_list(self) -> bool:
        path = urlsplit(self.url).path.rstrip("/")
        return _LISTS["category"].match(path) is not None or _NO_LIST.fullmatch(path) is not None


class AnyNewsSpider(Plain, NewsSpider):
    """Give seeds: articles and lists, or a front page for the whole site."""

    name = "news"
    page: ClassVar[type[ArticlePage]] = NewsPage
    front_page: ClassVar[str] = ""
    declared_feeds = True

    @property
    def domains(self) -> tuple[str, ...]:
        """The site's own; without any, the registered domains of the seeds, and no others."""
        return super().domains or tuple(dict.fromkeys(filter(None, map(registered_domain, self.args.seeds))))

    @classmethod
    def narrowed_by(cls, seeds: tuple[str, ...]) -> bool:
        return bool(seeds) and not any(cls.kind_of(canonical_url(url) or url) == "front" for url in seeds)

    @classmethod
    def promises(cls, url: str, kind: str) -> bool:
        """A feed lists articles whatever their addresses look like; a sitemap lists all there is."""
        shape = cls.kind_of(url)
        short = shape == "category" and not _LISTS["category"].match(urlsplit(url).path.rstrip("/"))
        return shape == "article" or (kind == "feed" and short)


def _numbered(url: str) -> tuple[str, int]:
    """A list's address without the number of its page, and that number: 1 where there is none."""
    parts = urlsplit(url)
    if match := _PAGE.fullmatch(parts.path.rstrip("/")):
        return f"{parts.netloc}{match[1]}?{parts.query}", int(match[2])
    if match := _OFFSET.fullmatch(parts.path):
        return f"{parts.netloc}{match[1]}?{parts.query}", int(match[2]) + 1
    query = parse_qs(parts.query)
    for name in _PAGED:
        if name in query and query[name][0].isdecimal():
            rest = "&".join(pair for pair in parts.query.split("&") if not pair.startswith(f"{name}="))
            return f"{parts.netloc}{parts.path.rstrip('/')}?{rest}", int(query[name][0])
    return f"{parts.netloc}{parts.path.rstrip('/')}?{parts.query}", 1
