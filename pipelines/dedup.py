"""Let a version through once: the archive knows what it has, in this run and in earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from crawler.archive import archive_of
from pipelines.validate import Refused

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.archive import Archive
    from crawler.items import Article


class DedupPipeline:
    """Third pipeline: fills in version, previous, changed and first_captured_at, or drops the item.

    Reasons: ``unchanged`` (this version is archived already), ``excluded`` (it was taken down), ``max_articles`` (the
    run may write no more rows; the page stays captured, and the next run writes its row without fetching it again).
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(archive_of(crawler))

    async def process_item(self, item: Article) -> Article:
        if reason := await self._archive.decide(item):
            raise Refused(reason, item.url)
        return item
