"""baoquocte.vn, the World and Vietnam Report: a MasterCMS site, rendered by the server.

- The number before ``.html`` is the article, whatever stands before it; the English edition (``en.``) counts in the
  same numbers. ``/the-gioi&s_cond=&BRSR=15`` is a path: no question mark in it (2020–2026).
- One article under many addresses: ``….html&mobile=yes&amp=1`` (AMP), ``/apicenter@/print_article&i=363297``,
  the mirror ``http://id.baoquocte.vn/…`` (2023, 2025).
- Related cards, embedded news and captions are tables inside the text, beside quote boxes that belong to it (2026).
- ``title='…'`` attributes hold raw quotes and fall apart, so link texts count.
- The header prints today's clock (``.ico-systemDate``): never a date of the article.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property, lru_cache
from typing import ClassVar
from urllib.parse import urlsplit

from lxml.etree import _Element

from crawler.blocks import BlockRules, inline_text
from crawler.links import Addresses, FoundLink, LinkRule, Wanted
from crawler.page import ArticlePage, Candidates
from crawler.requisites import RequisiteRules
from crawler.spider import NewsSpider
from crawler.structured import address_of
from spiders.news import NewsPage

_HOSTS = {"baoquocte.vn": "vi", "www.baoquocte.vn": "vi", "id.baoquocte.vn": "vi", "en.baoquocte.vn": "en"}
_HOME = {"vi": "https://baoquocte.vn", "en": "https://en.baoquocte.vn"}

_ARTICLE = re.compile(r"/(?:[^/]*-)?(\d+)\.(?:html|media)(?=[&?]|$)")
_PRINT = re.compile(r"/apicenter@/print_article&i=(\d+)$")
_TAG = re.compile(r"/tag/[^/]+-\d+\.tag(?=&|$)")
_TOPIC = re.compile(r"/chu-de(?:/[^/]+\.topic)?(?=&|$)")
_CATEGORY = re.compile(r"/[a-z0-9-]+(?:/[a-z0-9-]+)?(?=&|/?$)")
_MOBILE = re.compile(r"&(?:mobile=yes|(?:amp)?=1|amp;=1)(?=&|$)")
_OFFSET = re.compile(r"&BRSR=(\d+)")
_STATIC = re.compile(  # one-word paths that are no lists of articles
    r"/(?:thong-tin-toa-soan|lien-he-quang-cao|chinh-sach-bao-mat|doc-gia-lam-bao|rss_feed|stores|modules|tag|lich-thi-dau"
    r"|truc-tiep-bong-da|du-bao-thoi-tiet|gia-vang-hom-nay|lich-cup-dien|lich-am|van-khan|tu-vi|xo-so-[a-z-]+)(?:/|$)"
)
_SAME_TOPIC = frozenset({"bai viet cung chu de"})
_IN_SAME_TOPIC = {  # every spelling of the label's end that a page could hold, in UTF-8: quicker than to fold it
    form: [unicodedata.normalize(form, words).encode() for words in ("cùng chủ đề", "CÙNG CHỦ ĐỀ")]
    for form in ("NFC", "NFD")
}
_LOOSE_MARK = b"\xcc"  # the first byte of every tone mark that is not part of its letter; found at once
_SHORT = 10  # articles: no list of the product is known to have shorter pages, but its last one
_CARDS = (".bx-listing .article", ".bx-list-left .article", "#listingGrNews > li", ".listingMainHot > li")


class Baoquocte(Addresses):
    """What the addresses of the site mean."""

    site = "baoquocte.vn"
    link_rules: ClassVar[tuple[LinkRule, ...]] = (
        LinkRule("article", css="a.__MB_LINK_IN_ARTICLE", shape="article"),  # set by a machine on every keyword
        LinkRule("related", css="div.article-relate, div.__MASTERCMS_CONTENT, #articleBody", shape="article"),
        LinkRule("most_viewed", css="div.bx-breadking-news", shape="article"),
        LinkRule("other", css="div.__MB_ARTICLE_PAGING, div.grNextPage"),  # next_page() chooses the one to follow
    )

    @classmethod
    def same_page(cls, url: str) -> str:
        host, path = _host_and_path(url)
        language = _HOSTS.get(host)
        if language is None:
            return url
        if match := _ARTICLE.match(path):
            return _HOME[language] + path[: match.end()]  # what follows chooses a view: AMP, mobile, a cache's clock
        path = _MOBILE.sub("", path)
        if len(path) > 1 and _CATEGORY.fullmatch(path.rstrip("/")):
            path = path.rstrip("/")
        return _HOME[language] + (path or "/") + (f"?{query}" if (query := urlsplit(url).query) else "")

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        host, path = _host_and_path(url)
        if host not in _HOSTS:
            return None
        if path in ("", "/"):
            return "front"
        if _ARTICLE.match(path):
            return "article"
        if _TAG.match(path):
            return "tag"
        if _TOPIC.match(path):
            return "topic"
        if "/rss_feed" in path:
            return "feed"
        if re.search(r"/[\w-]*sitemap[\w/-]*\.xml", path):
            return "sitemap"
        return "category" if _CATEGORY.match(path) and not _STATIC.match(path) else None

    @classmethod
    def article_id(cls, url: str) -> str | None:
        host, path = _host_and_path(url)
        match = _ARTICLE.match(path) or _PRINT.match(path) if host in _HOSTS else None
        return f"baoquocte.vn:{int(match[1])}" if match else None

    @classmethod
    def language_of(cls, url: str) -> str | None:
        return _HOSTS.get(_host_and_path(url)[0])

    @classmethod
    def next_page(cls, page: ArticlePage) -> str | None:
        """The nearest later page that the pager links; without a pager, as many articles on as a full page lists."""
        if cls.kind_of(page.url) not in ("category", "tag", "topic"):
            return None
        at = _OFFSET.search(page.url)
        offset = int(at[1]) if at else 0
        pagers = page.select(".__MB_ARTICLE_PAGING")
        inside = [a for pager in pagers for a in pager.iter("a")]
        later = [
            (int(match[1]), url)
            for a in inside
            if (url := page.address(a.get("href"))) and (match := _OFFSET.search(url)) and int(match[1]) > offset
        ]
        if later:
            return min(later)[1]
        named = [a for a in inside if inline_text(a) in (">", "›", "»", "Sau", "Trang sau")]
        if pagers:
            return page.address(named[0].get("href")) if named else None
        listed = len(cls.listed(page))
        return f"{page.url.partition('&')[0]}&s_cond=&BRSR={offset + listed}" if listed >= _SHORT else None

    @classmethod
    def listed(cls, page: ArticlePage) -> set[str]:
        """Ids of the articles in the page's list, without the featured ones above it and the column beside it."""
        for query in _CARDS:
            links = [a.get("href") for card in page.select(query) for a in card.iter("a")]
            ids = {cls.article_id(url) for href in links if (url := page.address(href))} - {None}
            if ids:
                return {identifier for identifier in ids if identifier}
        return set()


@lru_cache(maxsize=16_384)  # asked by every function of an address
def _host_and_path(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.path


class BaoquoctePage(Baoquocte, ArticlePage):
    """Article pages, 2017–2026. Sibling papers of the same product give the later selectors of each field."""

    name = "BaoquoctePage"
    fallback = NewsPage
    number = 1

    TITLE = ("h1.article-detail-title", ".article-detail-title", "h1.detail-title", "h1.post-title")
    KICKER = ("span.article-detail-subtitle",)
    SAPO = ("div.article-detail-desc", ".article-detail-desc", ".detail-sapo", ".article-detail .article-desc")
    BODY = (
        "#articleBody",
        "div.__MASTERCMS_CONTENT",
        ".__MB_CONTENT_FOR_PRINTER",
        ".__MASTERCMS_CONTENT_BODY",
        ".__MB_MASTERCMS_EL",
        '[itemprop="articleBody"]',
    )
    BLOCKS = BlockRules(
        drop=(
            "table.__mb_article_in_image, table._MB_EMBEDNEWS, table.__MB_ARTICLE_A, .banner, .banner-detail,"
            " .banner-item, .article-relate, .bqt-share-social, #css_tpl_box_in_db, .__API_WIDGET, .adsbygoogle,"
            " .article-detail-author, .article-member, .cms-author, .article-detail-source, .article-detail-desc,"
            " .article-detail-title, .article-tag, #user-comment"
        ),
        figure="table.MASTERCMS_TPL_TABLE",
        caption='figcaption, [class*="caption"], [class*="Caption"]',  # in articles pasted from other papers
        quote=".__MB_template_g, .__MB_template_d, .__MB_ARTICLE_QUOTE, .__MB_HL_BOX",
        quote_text="td.__RE_PLACE_CONTENT",
    )
    DATE = (
        ".article-date",
        "span.format_time",
        ".dateUp",
        ".article-detail-publish",
        ".article-detail-date",
        "span.bx-time",
    )
    BYLINE = (".article-member", ".cms-author", ".article-detail-author", ".tbnh-author-meta a", "p.author")
    SOURCE = (".article-detail-source",)
    BREADCRUMBS = ("ul.breadcrumb a", "div.navigation a")
    TAGS = (".article-tag a.tag-link", ".article-tag a", ".article-tags a", ".main-cate.tags a", ".post-tag a.tag-item")

    def kind(self) -> Candidates:
        """Infographics and e-magazines are categories of their own; ``.media`` addresses are videos."""
        sections = [address_of(crumb.url) or "" for crumb in self.pick("breadcrumbs") or ()]
        for url in (*sections, *self.meta.get("category_url", ())):
            for kind in ("infographic", "emagazine"):
                if url.endswith(f"/{kind}"):
                    yield "selector", kind
        if self.url.endswith(".media"):
            yield "url", "video"
        yield from super().kind()

    def printed_dates(self) -> Candidates:
        """Some papers of the product print the time and the day in two elements."""
        yield from super().printed_dates()
        parts = [inline_text(e) for q in ("span.format_time", "span.format_date") for e in self.select(q)[:1]]
        yield "selector", self.moment(" ".join(parts))

    def topics(self) -> Candidates:
        """The class of the topic box is unknown: the links to topics after its label."""
        links = [a for part in self.topic_box for a in part.iter("a")]
        yield "label", self.tagged([a for a in links if ".topic" in (a.get("href") or "")])

    def key_of(self, url: str) -> str | None:
        """The number of a tag, the slug of a topic."""
        match = re.search(r"-(\d+)\.tag$|/chu-de/([^/]+)\.topic$", url)
        return match[1] or match[2] if match else None

    def read_links(self, wanted: Wanted | None = None) -> list[FoundLink]:
        """With the articles of the same topic as related ones."""
        return self.links_with(dict.fromkeys(self.topic_box, "related"), wanted)

    @cached_property
    def topic_box(self) -> list[_Element]:
        """What follows the label of the topic box; most pages have none."""
        forms = ("NFC", "NFD") if _LOOSE_MARK in self.utf8 else ("NFC",)
        spelled = any(words in self.utf8 for form in forms for words in _IN_SAME_TOPIC[form])
        return self.after_labels(_SAME_TOPIC) if spelled else []


class BaoquocteSpider(Baoquocte, NewsSpider):
    name = "baoquocte"
    allowed_domains: ClassVar[list[str]] = ["baoquocte.vn"]
    page = BaoquoctePage
    requisite_rules = RequisiteRules(
        hosts=frozenset({*_HOSTS, "cdn.baoquocte.vn"}),
        undated=r"/stores/",  # ?rt=, ?randTime= and bare digits change whenever a page's cache is built anew (2026)
    )
    languages = ("vi", "en")
    front_page = "https://baoquocte.vn/"
    categories = (
        "tin-moi",
        "thoi-su",
        "bien-dong-247",
        "the-gioi",
        "ngoai-giao",
        "kinh-te",
        "nguoi-viet",
        "van-hoa",
        "xa-hoi",
        "giai-tri",
        "the-thao",
        "khoa-hoc-cong-nghe",
        "o-to",
        "goc-nhin-nhan-quyen",
        "infographic",
        "emagazine",
    )

    @classmethod
    def front_pages(cls, languages: tuple[str, ...]) -> list[str]:
        return [f"{_HOME[language]}/" for language in languages if language in _HOME]

    @classmethod
    def feeds(cls, languages: tuple[str, ...]) -> list[str]:
        """The feed of everything and one for each category; 25 articles each."""
        homes = [_HOME[language] for language in languages if language in _HOME]
        own = [f"{_HOME['vi']}/rss_feed/{name}" for name in cls.categories[1:]] if "vi" in languages else []
        return [f"{home}/rss_feed/" for home in homes] + own

    @classmethod
    def sitemaps(cls, languages: tuple[str, ...]) -> list[str]:
        """The names at sibling papers of the product, then the usual one: this paper's is unknown."""
        names = ("sitemap_site_1.xml", "sitemaparticles-site-1.xml", "sitemap.xml")
        return [f"{_HOME[language]}/{name}" for language in languages if language in _HOME for name in names]

    @classmethod
    def tag_url(cls, name: str, language: str = "vi") -> str:
        if name.startswith(("https://", "http://")):
            return cls.same_page(name)
        slug = name.strip("/").removesuffix(".tag")
        if not re.fullmatch(r"[a-z0-9-]+-\d+", slug):
            raise ValueError(f"tag {name!r} has no number; give it as in its address: galatasaray-168815")
        return f"{_HOME.get(language, _HOME['vi'])}/tag/{slug}.tag"

    @classmethod
    def category_url(cls, name: str, language: str = "vi") -> str:
        if name.startswith(("https://", "http://")):
            return cls.same_page(name)
        path = name.strip("/")
        if not _CATEGORY.fullmatch(f"/{path}"):
            raise ValueError(f"category {name!r} is no name; give it as in its address: the-gioi or the-gioi/binh-luan")
        return f"{_HOME.get(language, _HOME['vi'])}/{path}"

    @classmethod
    def recency(cls, url: str) -> int:
        """Numbers of articles grow with time."""
        match = _ARTICLE.match(_host_and_path(url)[1])
        return min(int(match[1]), 10**10 - 1) if match else 0
