"""breakinglatest.news: a WordPress site of world news; its classes fit the Soledad theme (seen 2024).

- ``/<category>/<slug>/`` with a final slash: ``/world/villagers-and-students-raise-a-bamboo-bridge/`` (2024).
- The text is ``div.inner-post-entry.entry-content`` with plain ``p`` inside; lines that begin "See also" lead away.
- ``span.author`` says "by admin": nobody. The date is ``time.entry-date.published``, ISO with offset.
- Beside it stand ``p.is-copyright``, cookie and Akismet notices, "You may also like", "Leave a Comment".
- Feed, sitemap and pages of lists were not seen; the usual names of WordPress are guesses.
"""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from crawler.blocks import BlockRules
from crawler.links import LinkRule
from spiders.news import AnyNewsSpider, NewsPage, Plain

HOME = "https://www.breakinglatest.news"
_HOSTS = frozenset({"breakinglatest.news", "www.breakinglatest.news"})
_ARTICLE = re.compile(r"/[a-z0-9-]+/(?:[a-z0-9%]+-)+[a-z0-9%]+/?")
_AMP = re.compile(r"/amp/?$")


class BreakingLatest(Plain):
    """What the addresses of the site mean."""

    site = "breakinglatest.news"
    link_rules: ClassVar[tuple[LinkRule, ...]] = (
        LinkRule("related", css="div.penci-post-related, div.inner-post-entry", shape="article"),
    )

    @classmethod
    def same_page(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.hostname not in _HOSTS:
            return url
        path = _AMP.sub("/", parts.path) or "/"
        if not path.endswith("/") and "." not in path.rpartition("/")[2]:
            path += "/"
        return f"{HOME}{path}" + (f"?{parts.query}" if parts.query else "")

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        kind = super().kind_of(url)
        return "article" if kind == "category" and _ARTICLE.fullmatch(urlsplit(url).path) else kind

    @classmethod
    def language_of(cls, url: str) -> str | None:
        return "en"


class BreakingLatestPage(BreakingLatest, NewsPage):
    name = "BreakingLatestPage"
    number = 2

    TITLE = ("h1.entry-title", "h1.post-title")
    BODY = ("div.inner-post-entry", "div.entry-content")
    BLOCKS = BlockRules(
        drop=(
            "p.is-copyright, .noads, .comment-form-cookies-consent, .akismet_comment_form_privacy_notice, .adsbygoogle,"
            " .penci-post-related, .penci-inline-related-posts, .post-tags, .tags-share-box"
        ),
        figure="figure, .wp-caption",
        caption="figcaption, .wp-caption-text",
    )
    DATE = ("time.published",)
    BYLINE = ("span.author",)
    TAGS = (".post-tags a",)
    BREADCRUMBS = (".penci-breadcrumb a",)


class BreakingLatestSpider(BreakingLatest, AnyNewsSpider):
    name = "breakinglatest"
    allowed_domains: ClassVar[list[str]] = ["breakinglatest.news"]
    page = BreakingLatestPage
    languages = ("en",)
    front_page = f"{HOME}/"
    categories = ("news", "world", "business", "sports", "health", "entertainment", "technology")

    @classmethod
    def category_url(cls, name: str, language: str = "en") -> str:
        """``/world/`` from the addresses of articles: that the list stands there is a guess."""
        return cls.same_page(name if name.startswith(("https://", "http://")) else f"{HOME}/{name.strip('/')}/")

    @classmethod
    def tag_url(cls, name: str, language: str = "en") -> str:
        return cls.same_page(name if name.startswith(("https://", "http://")) else f"{HOME}/tag/{name.strip('/')}/")

    @classmethod
    def feeds(cls, languages: tuple[str, ...]) -> list[str]:
        return [f"{HOME}/feed/"]

    @classmethod
    def sitemaps(cls, languages: tuple[str, ...]) -> list[str]:
        return [f"{HOME}/wp-sitemap.xml", f"{HOME}/sitemap_index.xml"]
