"""One page read from its document and from its DOM: what only one of them has, and what a run notes of it."""

from __future__ import annotations

import json

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.http import HtmlResponse
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector

from crawler.compare import Comparison, compare
from crawler.page import ArticlePage
from crawler.samples import SAMPLED, Samples, rendering_lines, rendering_section
from crawler.summary import summary_lines
from spiders.news import NewsPage
from tests.replica.hostile import TEXT, article

URL = "https://ben-la.example/ben-do-12.html"
WHOLE = article("Bến đò mùa nước nổi", '<p class="by">x</p>')
LATER = '<a href="https://ben-la.example/ben-moi-mo-cua-don-khach-13.html">Bến mới mở cửa đón khách</a>'
EARLIER = '<a href="https://ben-la.example/ben-cu-dong-cua-sau-mua-lu-11.html">Bến cũ đóng cửa sau mùa lũ</a>'
SHELL = article("Bến đò mùa nước nổi", '<div id="root"></div><script src="/a.js"></script>', "")


def page(html: str, url: str = URL) -> ArticlePage:
    return NewsPage(HtmlResponse(url, body=html.encode(), headers={"Content-Type": "text/html; charset=utf-8"}))


def compared(plain: str, browser: str) -> Comparison:
    return compare(page(plain), page(browser))


def test_what_scripts_leave_alone_needs_no_browser() -> None:
    spelt = WHOLE.replace("Sáng nay", "S&aacute;ng nay").replace("<p>", "<p >\n")
    both = compared(spelt, WHOLE)
    assert both.plain_would_do
    assert both.articles == (True, True)
    assert both.fields["title"] == both.fields["body"] == both.fields["published_at"] == "both"


def test_a_text_that_comes_by_script() -> None:
    both = compared(SHELL, WHOLE)
    assert both.articles == (False, True)
    assert both.fields["title"] == "both"
    assert both.fields["body"] == "browser"
    assert both.added[0] == "article"
    assert "body" in both.added
    assert not both.plain_would_do


def test_a_text_that_goes_on_in_the_browser_is_different() -> None:
    both = compared(article("Bến đò mùa nước nổi", "", f"<p>{TEXT[0]}</p><p>{TEXT[1]}</p>"), WHOLE)
    assert both.fields["body"] == "different"
    assert both.added == ["body"]


def test_links_that_come_by_script_and_links_that_go() -> None:
    both = compared(article("Bến đò mùa nước nổi", EARLIER), article("Bến đò mùa nước nổi", LATER))
    (found,) = both.links.values()
    assert list(both.links) == ["article"]
    assert [link.url for link in found.browser] == ["https://ben-la.example/ben-moi-mo-cua-don-khach-13.html"]
    assert [link.url for link in found.plain] == ["https://ben-la.example/ben-cu-dong-cua-sau-mua-lu-11.html"]
    assert found.both == ()
    assert both.added == ["links/article"]


def test_fields_of_lists_are_not_compared() -> None:
    front = f"<html><body><h1>Bến Lá</h1>{LATER}</body></html>"
    both = compare(
        page("<html><body></body></html>", "https://ben-la.example/"), page(front, "https://ben-la.example/")
    )
    assert (both.articles, both.fields) == ((False, False), {})
    assert sum(len(links.browser) for links in both.links.values()) == 1


def test_a_run_notes_a_few_pages_of_each_template() -> None:
    stats = MemoryStatsCollector(Crawler(Spider, Settings()))
    samples, read = Samples(2, stats), []

    def plain(html: str) -> ArticlePage:
        read.append(html)
        return page(html)

    for html in (WHOLE, SHELL, SHELL):
        samples.take(page(WHOLE), lambda html=html: plain(html), None)
    samples.take(page(WHOLE), lambda: plain(WHOLE), "tag")
    assert read == [WHOLE, SHELL, WHOLE]  # no third page of the same template is read twice
    first, second = rendering_section(json.loads(json.dumps(stats.get_stats())))
    assert (first["template"], first["rendered"], first["compared"]) == ("NewsPage/article", 3, 2)
    assert (first["plain_would_do"], first["urls"]) == (1, [URL])
    assert first["added"]["article"] == first["added"]["body"] == 1
    assert first["fields"]["title"] == {"both": 2}
    assert first["fields"]["body"] == {"both": 1, "browser": 1}
    assert (second["template"], second["compared"], second["plain_would_do"]) == ("NewsPage/tag", 1, 1)
    lines = rendering_lines(stats.get_stats())
    assert lines[0].startswith(
        "Rendered NewsPage/article: the browser is needed for 1 of 2 compared pages (3 in all): "
    )
    assert lines[0].endswith(f"; such as {URL}")
    assert lines[1] == "Rendered NewsPage/tag: plain HTTP would do, for all 1 compared of 1 pages"
    assert [line for line in summary_lines(stats.get_stats()) if line.startswith("Rendered")] == lines


def test_without_samples_nothing_is_noted() -> None:
    stats = MemoryStatsCollector(Crawler(Spider, Settings()))
    Samples(0, stats).take(page(WHOLE), lambda: page(SHELL), None)
    assert stats.get_value(SAMPLED) is None
    assert rendering_section({}) == rendering_lines({}) == []
