"""The crawl bench's own spider: baoquocte's, on a site that answers over plain http."""

from __future__ import annotations

from spiders.baoquocte_vn import BaoquoctePage, BaoquocteSpider


class HttpPage(BaoquoctePage):
    @classmethod
    def same_page(cls, url: str) -> str:
        return super().same_page(url).replace("https://", "http://", 1)


class HttpSpider(BaoquocteSpider):
    page = HttpPage

    @classmethod
    def same_page(cls, url: str) -> str:
        return super().same_page(url).replace("https://", "http://", 1)
