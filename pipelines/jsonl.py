"""Hand the finished row, and the page's other links, to the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from crawler.archive import archive_of
from crawler.serialize import link_lines, to_line

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.archive import Archive
    from crawler.items import Article


class JsonlPipeline:
    """Last pipeline: a line in ``articles/``, and in ``links/`` one for each link that the row does not hold."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(archive_of(crawler))

    def process_item(self, item: Article) -> Article:
        visit = self._archive.visit_of(item)
        self._archive.emit(item, to_line(item), link_lines(item, visit.links))
        return item
