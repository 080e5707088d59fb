"""Pages without a crawl: the site's page object and the pipelines that need no archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.misc import build_from_crawler, load_object

from crawler.sites import Sites

if TYPE_CHECKING:
    from scrapy.http import Response
    from scrapy.settings import Settings

    from crawler.items import Article
    from crawler.page import ArticlePage
    from crawler.spider import NewsSpider

PIPELINES = ("pipelines.clean.CleanPipeline", "pipelines.validate.ValidatePipeline")


class Offline:
    """Finds the page class of a response and makes its row; nothing is asked, nothing is written."""

    def __init__(self, settings: Settings, job: str, spider: str | None = None) -> None:
        self._job = job
        self._only = spider
        self._sites = Sites(settings)
        crawler = Crawler(Spider, settings)
        crawler.stats = MemoryStatsCollector(crawler)
        self._pipelines: list[Any] = [build_from_crawler(load_object(path), crawler) for path in PIPELINES]

    @property
    def spiders(self) -> list[str]:
        return self._sites.names

    def spider_of(self, url: str) -> type[NewsSpider]:
        """The spider whose domains hold the URL, else the one for any site."""
        return self._sites.load(self._only) if self._only else self._sites.spider_of(url)

    def page_of(self, response: Response) -> ArticlePage:
        return self.spider_of(response.url).page(response)

    def row_of(self, page: ArticlePage) -> Article:
        """The row of an article as if it were the first version. Raises DropItem with a ``reason``."""
        item = page.article()
        item.run = self._job
        item.first_captured_at = item.captured_at
        return self.finished(item)

    def finished(self, item: Article) -> Article:
        """An article by the pipelines. Raises DropItem with a ``reason``."""
        for pipeline in self._pipelines:
            item = pipeline.process_item(item)
        return item
