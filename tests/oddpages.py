"""A site whose pages go wrong in every way: for ``scrapy extract``, which has to go on with the next one."""

from __future__ import annotations

import socket
from typing import ClassVar

from crawler.page import ArticlePage, Candidates
from crawler.spider import NewsSpider


class OddPage(ArticlePage):
    name = "OddPage"

    def title(self) -> Candidates:
        if "/hong-" in self.url:
            raise KeyError("hỏng")
        while "/cho-" in self.url:
            pass
        if "/mang-" in self.url:
            socket.socket()
        if "/dns-" in self.url:
            socket.getaddrinfo("odd.example", 443)
        yield from super().title()


class OddSpider(NewsSpider):
    name = "odd"
    allowed_domains: ClassVar[list[str]] = ["odd.example"]
    page = OddPage
