"""The crawl bench's first peer: plain Scrapy at its defaults, with ten fields and every link of each page.

    scrapy runspider tests/bench/plain.py -a start=URL [-a links=links|css|extractor] -o rows.jsonl

One selector a field, which is the leanest way. Three ways to the links: ``links`` takes what ours takes, every link of
the page once, with its address and its text, by Scrapy's LinkExtractor, and makes a Request only for what this crawl
follows; ``css`` does less than ours, only addresses, by one selector; ``extractor`` is what the documentation teaches:
a Request for each link of the site that the LinkExtractor finds, and the dupe filter sorts them out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import scrapy
from scrapy.http import Response
from scrapy.linkextractors import LinkExtractor

ARTICLE = re.compile(r"-\d+\.html$")
FOLLOWED = re.compile(r"http://baoquocte\.vn/(?:.*-\d+\.html|the-gioi&s_cond=&BRSR=\d+)$")
RELATED = ".article-relate a::attr(href), .__MASTERCMS_CONTENT a::attr(href)"


class Plain(scrapy.Spider):
    name = "plain"
    allowed_domains = ("baoquocte.vn",)

    def __init__(self, start: str, links: str = "links") -> None:
        super().__init__()
        self.start_urls = [start]
        self.way = links
        self.extractor = LinkExtractor(allow_domains=["baoquocte.vn"] if links == "extractor" else ())

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Any]:
        assert isinstance(response, scrapy.http.HtmlResponse)
        is_article = ARTICLE.search(response.url) is not None
        links: list[Any]
        if self.way == "css":
            links = followed = list(map(response.urljoin, response.css("a::attr(href)").getall()))
        else:
            found = self.extractor.extract_links(response)
            links = [{"url": link.url, "text": link.text, "nofollow": link.nofollow} for link in found]
            followed = [link.url for link in found]
        if is_article and self.way != "extractor":
            followed = list(map(response.urljoin, response.css(RELATED).getall()))
        if is_article:
            yield self.item(response, links)
        for url in dict.fromkeys(followed):
            if FOLLOWED.match(url):
                yield scrapy.Request(url)

    def item(self, response: scrapy.http.HtmlResponse, links: list[Any]) -> dict[str, Any]:
        return {
            "url": response.url,
            "canonical_url": response.css("link[rel=canonical]::attr(href)").get(),
            "title": response.css("h1.article-detail-title::text").get(),
            "kicker": response.css("span.article-detail-subtitle::text").get(),
            "sapo": " ".join(response.css("div.article-detail-desc ::text").getall()).strip(),
            "body": "\n\n".join(response.css("#articleBody p ::text").getall()),
            "date": response.css(".article-date::text").get(),
            "byline": response.css(".article-member::text, .cms-author::text, .article-detail-author i::text").get(),
            "breadcrumbs": response.css("ul.breadcrumb a::text").getall(),
            "tags": response.css(".article-tag a.tag-link::text").getall(),
            "images": response.css("#articleBody img::attr(src)").getall(),
            "links": links,
        }
