"""The peer of the bench of rendered pages: scrapy-playwright at its defaults, ten fields of each page's DOM.

scrapy runspider tests/bench/plain_playwright.py -a seeds=FILE -o rows.jsonl
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import scrapy
from scrapy.http import Response

from crawler.chromium import find_chromium

AT_ONCE = 4  # as tests/bench/rendered.py has it
CHROMIUM = find_chromium(scrapy.settings.Settings())
HANDLER = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"


class Plain(scrapy.Spider):
    name = "plain"
    custom_settings: ClassVar[dict[str, Any]] = {
        "DOWNLOAD_HANDLERS": {"http": HANDLER, "https": HANDLER},
        "ROBOTSTXT_OBEY": True,
        "CONCURRENT_REQUESTS": AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
        "DOWNLOAD_DELAY": 0,
        "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": AT_ONCE,
        "PLAYWRIGHT_LAUNCH_OPTIONS": {
            "executable_path": CHROMIUM,
            "chromium_sandbox": os.geteuid() != 0,
            "args": ["--disable-dev-shm-usage"],
            "proxy": {"server": os.environ["http_proxy"]},
        },
    }

    def __init__(self, seeds: str) -> None:
        super().__init__()
        self.start_urls = Path(seeds).read_text("ascii").split()

    async def start(self) -> AsyncIterator[Any]:
        for number, url in enumerate(self.start_urls):
            # A context a page, as ours: nothing of one page is known to the next.
            meta = {"playwright": True, "playwright_context": str(number), "playwright_context_kwargs": {}}
            yield scrapy.Request(url, meta={**meta, "playwright_include_page": True}, errback=self.failed)

    async def parse(self, response: Response, **kwargs: Any) -> AsyncIterator[Any]:
        page = response.meta["playwright_page"]
        await page.wait_for_load_state("networkidle")
        selector = scrapy.Selector(text=await page.content())
        await page.screenshot(type="jpeg", quality=60)
        await page.context.close()
        yield self.item(response.url, selector)

    def failed(self, failure: Any) -> None:
        self.logger.error("%r", failure)

    def item(self, url: str, page: scrapy.Selector) -> dict[str, Any]:
        return {
            "url": url,
            "canonical_url": page.css("link[rel=canonical]::attr(href)").get(),
            "title": page.css("h1::text").get(),
            "kicker": page.css("h2::text").get(),
            "sapo": page.css("meta[name=description]::attr(content)").get(),
            "body": "\n\n".join(page.css("article p ::text").getall()),
            "date": page.css("time::attr(datetime)").get(),
            "byline": page.css(".author ::text").get(),
            "breadcrumbs": page.css(".breadcrumb a::text").getall(),
            "images": page.css("img::attr(src)").getall(),
            "links": page.css("a::attr(href)").getall(),
        }
