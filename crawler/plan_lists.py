"""How long a list is, from its first page: the pager's numbers, and how many articles stand on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.page import ArticlePage
    from crawler.spider import NewsSpider

_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")


@dataclass(slots=True)
class ListSeen:
    """A list of articles, as far as its pager shows it."""

    url: str
    kind: str
    listed: list[str]  # articles on its first page, in order
    pages: int = 1
    size: int = 0  # articles on a full page
    last: str | None = None  # address of the furthest page that the pager names
    on_last: int | None = None  # articles there, where it was looked at

    @property
    def articles(self) -> int:
        """How many it names; where the last page is not known, it is taken as half full."""
        if self.pages == 1:
            return len(self.listed)
        on_last = (self.size + 1) // 2 if self.on_last is None else self.on_last
        return (self.pages - 1) * self.size + on_last


def list_seen(site: NewsSpider, page: ArticlePage, url: str, kind: str) -> ListSeen:
    """Read the first page of a list, as the crawl would."""
    seen = ListSeen(url, kind, articles_on(site, page, front=kind == "front"))
    following = site.next_page(page)
    number = _LAST_NUMBER.search(following) if following else None
    if following is None or number is None:
        seen.pages = 1 if following is None else 2  # at least
        seen.size = len(seen.listed)
        return seen
    # Either a page's number, which goes on with 2, or the number of articles before it.
    first = int(number[1])
    by_page = first == 2
    seen.size = len(seen.listed) if by_page else first
    template = re.compile(re.escape(following[: number.start()]) + r"(\d+)" + re.escape(following[number.end() :]))
    found = {following: first}
    found |= {link.url: int(match[1]) for link in page.page_links() if (match := template.fullmatch(link.url))}
    seen.last = max(found, key=lambda address: found[address])
    seen.pages = found[seen.last] if by_page else found[seen.last] // first + 1
    return seen


def look_further(site: NewsSpider, seen: ListSeen, page: ArticlePage) -> bool:
    """Read the furthest page that was named; whether its pager names one that lies further."""
    before = seen.last
    number = _LAST_NUMBER.search(before or "")
    if before is None or number is None:
        return False
    template = re.compile(re.escape(before[: number.start()]) + r"(\d+)" + re.escape(before[number.end() :]))
    found = {link.url: int(match[1]) for link in page.page_links() if (match := template.fullmatch(link.url))}
    following = site.next_page(page)
    if following and (match := template.fullmatch(following)):
        found[following] = int(match[1])
    furthest = max(found, key=lambda address: found[address], default=before)
    if found.get(furthest, 0) <= int(number[1]):
        seen.on_last = min(seen.size, len(articles_on(site, page))) or None
        return False
    step = seen.size if int(number[1]) != seen.pages else 1
    seen.pages += (found[furthest] - int(number[1])) // max(1, step)
    seen.last = furthest
    return True


def articles_on(site: NewsSpider, page: ArticlePage, front: bool = False) -> list[str]:
    """Article addresses that the crawl would take from a list's page."""
    kinds = ("article", "related", "most_viewed") if front else ("article", "related")
    found = [site.address(link.url) for link in page.page_links() if link.kind in kinds]
    return list(dict.fromkeys(url for url in found if url and wanted(site, url)))


def wanted(site: NewsSpider, url: str) -> bool:
    """Of this site, of an edition that the crawl is to have, and not taken down."""
    return site.own(url) and site.language_of(url) in (*site.args.languages, None) and not site.hidden.hides_url(url)
