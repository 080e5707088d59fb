"""Archive what an article needs to be shown before its row is written (``-a capture=page``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scrapy.exceptions import NotConfigured

from crawler.archive import archive_of
from crawler.requisite_fetch import Page, RequisiteFetcher
from crawler.requisites import IMAGE, VIDEO, Requisite, RequisiteRules, file_address
from crawler.stopping import Unfinished
from pipelines.validate import Refused

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.archive import Archive
    from crawler.items import Article, Image, Video


class RequisitesPipeline:
    """Between validate and dedup: fetches the files, and notes in the row which record holds each picture and film.

    When the crawl ends first the item is dropped as ``stopped``: its page stays captured, and the next run goes on
    from the archive. So a page is done only when its files were asked for and its row is written.
    """

    def __init__(self, archive: Archive, fetcher: RequisiteFetcher, rules: RequisiteRules) -> None:
        self._archive = archive
        self._fetcher = fetcher
        self._rules = rules

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        archive = archive_of(crawler)
        spider: Any = crawler.spider
        if spider.args.capture != "page" or archive.store is None:
            raise NotConfigured
        return cls(archive, RequisiteFetcher(crawler, archive, archive.store), spider.requisite_rules)

    def close_spider(self) -> None:
        self._fetcher.close()

    async def process_item(self, item: Article) -> Article:
        if self._archive.room == 0:
            return item  # dedup drops it, and a later run fetches its files
        visit = self._archive.visit_of(item)
        page = Page(item.url, visit.hop_path, self._rules, visit.began_at)
        parts: list[tuple[Image | Video, Requisite]] = []
        for kind, found in ((IMAGE, item.images), (VIDEO, item.videos)):
            parts += [(part, Requisite(url, kind)) for part in found if (url := file_address(part.url, item.url))]
        try:
            records = await self._fetcher.fetch_all([*visit.requisites, *(named for _, named in parts)], page)
        except Unfinished:
            raise Refused("stopped", item.url) from None
        for part, named in parts:
            part.record_id = records.get(self._rules.key(named.url))
        return item
