"""Which spider an address belongs to, and which article it names."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from scrapy.spiderloader import get_spider_loader

from crawler.urls import canonical_url, in_domains

if TYPE_CHECKING:
    from scrapy.settings import Settings

    from crawler.spider import NewsSpider

ANY_SITE = "news"  # the spider for hosts that no other spider knows


class Sites:
    """The project's spiders by the domains that they declare; loaded when they are first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _loader(self) -> Any:
        return get_spider_loader(self._settings)

    @property
    def names(self) -> list[str]:
        return sorted(self._loader.list())

    def load(self, name: str) -> type[NewsSpider]:
        return cast("type[NewsSpider]", self._loader.load(name))

    def spider_of(self, url: str) -> type[NewsSpider]:
        """The spider whose domains hold the URL, else the one for any site."""
        known = (self.load(name) for name in self.names)
        found = (spider for spider in known if in_domains(url, getattr(spider, "allowed_domains", None) or ()))
        return next(found, None) or self.load(ANY_SITE)

    def article_at(self, url: str) -> tuple[str, bool] | None:
        """Id that the article at an address has in any archive, and whether a spider knows the site.

        None for an address that names no article. On a site that no spider knows it may be another's: a page can
        declare a canonical address of its own.
        """
        canonical = canonical_url(url)
        if canonical is None:
            return None
        spider = self.spider_of(canonical)
        address = canonical_url(spider.same_page(canonical)) or canonical
        article_id = spider.identity(address) if spider.kind_of(address) in (None, "article") else None
        return (article_id, spider.name != ANY_SITE) if article_id else None
