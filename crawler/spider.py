"""The only callbacks in the project: what a crawl does with a response, whatever the site.

A site spider declares (addresses, link rules, its page class) and overrides the hooks at the top; it has no
callbacks of its own.

    listing, sitemap, feed ─► article and next-page links ─► frontier
    article                ─► Article (the item), related links ─► frontier
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import scrapy
from scrapy.http import Response
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from crawler.arguments import Arguments
    from crawler.links import LinkRule
    from crawler.page import ArticlePage


class NewsSpider(scrapy.Spider):
    """A news site, described by class attributes and a few pure hooks."""

    site: ClassVar[str] = ""  # registered domain
    languages: ClassVar[tuple[str, ...]] = ("vi",)  # editions the site has, the original first
    front_page: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ()  # names, as they stand in the URL
    page: ClassVar[type[ArticlePage]]
    link_rules: ClassVar[tuple[LinkRule, ...]] = ()

    args: Arguments

    # --- Hooks: pure functions of a URL or a name -------------------------------------------------------------

    @classmethod
    def feeds(cls, languages: tuple[str, ...]) -> list[str]:
        """Addresses of the feeds of these editions."""
        return []

    @classmethod
    def sitemaps(cls, languages: tuple[str, ...]) -> list[str]:
        """Entry sitemaps to try when robots.txt names none."""
        return []

    @classmethod
    def tag_url(cls, name: str, language: str = "vi") -> str:
        """Address of a tag's list; ValueError with a one-line remedy when the name is not enough."""
        raise ValueError(f"{cls.name} has no tag pages; give the list's address as a seed")

    @classmethod
    def category_url(cls, name: str, language: str = "vi") -> str:
        """Address of a category's list; ValueError as for ``tag_url``."""
        raise ValueError(f"{cls.name} has no category pages; give the list's address as a seed")

    @classmethod
    def same_page(cls, url: str) -> str:
        """The one address for the page behind AMP, print, mobile and mirror spellings of it."""
        return url

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        """Link kind by the shape of the URL alone; None when it says nothing."""
        return None

    @classmethod
    def article_id(cls, url: str) -> str | None:
        """Row id of the article at this address, where the address alone names it."""
        return None

    @classmethod
    def language_of(cls, url: str) -> str | None:
        """Edition that the address belongs to."""
        return cls.languages[0]

    @classmethod
    def next_page(cls, page: ArticlePage) -> str | None:
        """Address of the list page after this one."""
        return None

    # --- Callbacks --------------------------------------------------------------------------------------------

    async def start(self) -> AsyncIterator[Any]:
        return
        yield

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Any]:
        yield from ()

    def errback(self, failure: Failure) -> Iterator[Any]:
        yield from ()
