"""What a crawl would ask for and how long that takes, from a handful of requests before it.

    starts ─► robots.txt ─► sitemaps, front page, some lists ─► some articles ─► pages, bytes, hours

Everything is an estimate from samples: the pager of a list, the number of addresses in some sitemaps, the size of some
articles. What robots.txt closes is told and not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from gzip import compress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.dates import HANOI
from crawler.feeds import DAY_IN_NAME, Entry, read_entries
from crawler.following import LISTING_KINDS, RECENT_DAYS
from crawler.limits import NotRead
from crawler.plan import KindSeen, Plan, Sample
from crawler.plan_lists import ListSeen, articles_on, list_seen, look_further, wanted
from crawler.serialize import to_line
from crawler.timelimit import within

if TYPE_CHECKING:
    from scrapy.http import Response

    from crawler.page import ArticlePage
    from crawler.plan_fetch import Asker
    from crawler.spider import NewsSpider

SITEMAPS = 6  # requests for sitemaps, besides those that a crawl starts from
LISTS = 16  # for lists, the front page among them
ARTICLES = 3
FURTHER = 3  # pages of one list that are asked to find its end
EVERYTHING = 0.8  # of what all other lists hold together: then the longest list holds what they hold
HEAD_BYTES = 1500  # of a capture's records beside the body: three heads, compressed


class Planner:
    """Asks, and counts. One for each plan."""

    def __init__(self, site: NewsSpider) -> None:
        self.site = site
        self.plan = Plan()
        self._starts = [start for start in site.seeds() if not site.hidden.hides_url(start.url)]
        args = site.args
        self._whole = not (args.tags or args.categories or site.narrowed_by(args.seeds))
        self._addresses: dict[str, set[str]] = {}  # by kind, to be held against robots.txt
        self._sitemap_articles: set[str] = set()
        self._beyond_sitemaps = 0  # articles of sitemaps that were not asked, by those that were
        self._sitemaps: set[str] = set()  # that the crawl asks
        self._oldest_listed: list[str] = []  # the last article on the last page of the first list

    async def run(self, asker: Asker) -> Plan:
        plan, args = self.plan, self.site.args
        for name in args.tags:
            plan.names[name] = self.site.tag_url(name, args.languages[0])
        for name in args.categories:
            plan.names[name] = self.site.category_url(name, args.languages[0])
        for start in self._starts:
            await self._judge(asker, start.kind, start.url)
        await self._read_sitemaps(asker)
        await self._read_lists(asker)
        await self._read_articles(asker)
        for kind, addresses in self._addresses.items():
            for url in sorted(addresses)[:5]:
                await self._judge(asker, kind, url)
        self._count(asker)
        return plan

    async def _judge(self, asker: Asker, kind: str, url: str) -> bool:
        verdict = await asker.verdict(url)
        if verdict.reason == "not_looked_at":
            return False
        seen = self.plan.robots.setdefault(kind, KindSeen())
        seen.looked_at += 1
        if not verdict.allowed:
            seen.closed.append((url, verdict.rule or verdict.reason))
        return verdict.allowed

    # --- Sitemaps ---------------------------------------------------------------------------------------------

    async def _read_sitemaps(self, asker: Asker) -> None:
        seeds = [start.url for start in self._starts if start.kind == "sitemap"]
        if not seeds and not self._whole:
            # Not asked by the crawl; where they are is told when a list is closed.
            self.plan.open_sitemaps = [url for url in asker.sitemaps if (await asker.verdict(url)).allowed]
            return
        named = [url for url in asker.sitemaps if self._whole and self.site.own(url)]
        # A crawl that finds one named in robots.txt asks for the usual names all the same: they are counted, not read.
        entries = (named or seeds)[:2]
        self._sitemaps |= {*seeds, *named}
        children: list[str] = []
        for url in entries:
            children += await self._read_sitemap(asker, url)
        self._sitemaps |= set(children)
        groups: dict[str, list[str]] = {}
        for url in dict.fromkeys(children):
            if url not in entries:
                groups.setdefault(re.sub(r"\d+", "#", url), []).append(url)
        left = SITEMAPS
        for group in sorted(groups.values(), key=lambda group: (not DAY_IN_NAME.search(group[0]), -len(group))):
            looked = _spread(group, min(3, left))
            before = len(self._sitemap_articles)
            for url in looked:
                await self._read_sitemap(asker, url)
            left -= len(looked)
            if looked:
                found = len(self._sitemap_articles) - before
                self._beyond_sitemaps += round(found * (len(group) - len(looked)) / len(looked))

    async def _read_sitemap(self, asker: Asker, url: str) -> list[str]:
        """Note its articles; the sitemaps that it names and the crawl would open."""
        answered = await asker.ask(url)
        if answered is None or answered.response.status != 200:
            return []
        self.plan.open_sitemaps.append(url)
        return self._take(read_entries(answered.response.body, self.site.limits).found)

    def _take(self, entries: Iterable[Entry]) -> list[str]:
        """Note the articles that the crawl would take; give the sitemaps that it would open."""
        args = self.site.args
        cut = args.since or datetime.now(HANOI).date() - timedelta(days=RECENT_DAYS)
        children = []
        for entry in entries:
            address = self.site.address(entry.url)
            if address is None or not wanted(self.site, address):
                continue
            is_article = not entry.is_sitemap and self.site.promises(address, "sitemap")
            if entry.day is not None and (is_article or DAY_IN_NAME.search(entry.url)):
                self.plan.oldest = min(self.plan.oldest or entry.day.isoformat(), entry.day.isoformat())
            if entry.day is not None and entry.day < cut:
                continue
            if entry.is_sitemap and "sitemap" in args.follow:
                children.append(address)
            elif is_article and "article" in args.follow:
                self._sitemap_articles.add(address)
                self._addresses.setdefault("article", set()).add(address)
        return children

    # --- Lists ------------------------------------------------------------------------------------------------

    async def _read_lists(self, asker: Asker) -> None:
        starts = [start for start in self._starts if start.kind in LISTING_KINDS and self._is_open(start.url)]
        front = [start for start in starts if start.kind == "front"]
        others = [start for start in starts if start.kind != "front"]
        left = LISTS
        for start in front[:1]:
            left -= await self._read_list(asker, start.url, "front")
        if not self._whole:
            for start in others[:left]:
                left -= await self._read_list(asker, start.url, start.kind, further=FURTHER)
            return
        for start in others[:1]:  # by custom the one that has everything
            left -= await self._read_list(asker, start.url, start.kind, further=FURTHER)
        groups = _by_depth(self._categories())
        for number, group in enumerate(groups.values()):
            known = {seen.url for seen in self.plan.lists}
            for url in _spread([url for url in group if url not in known], max(1, left // (len(groups) - number))):
                if left > 0 and not asker.spent:
                    left -= await self._read_list(asker, url, "category")
        for seen in self.plan.lists:
            if left > 0 and seen.on_last is None:
                left -= await self._read_end(asker, seen, 1)

    def _is_open(self, url: str) -> bool:
        return not any(url == closed for seen in self.plan.robots.values() for closed, _ in seen.closed)

    async def _read_list(self, asker: Asker, url: str, kind: str, further: int = 0) -> int:
        """Requests that it took."""
        page = await self._page(asker, url)
        if page is None:
            self.plan.lists.append(ListSeen(url, kind, []))  # one of a kind that may have more that do not answer
            return 1
        seen = list_seen(self.site, page, url, kind)
        if "next_page" not in self.site.args.follow:
            seen.pages = 1
        self.plan.lists.append(seen)
        for link in page.page_links():
            if link.kind in LISTING_KINDS and link.kind not in ("front", "next_page") and wanted(self.site, link.url):
                self._addresses.setdefault(link.kind, set()).add(link.url)
        self._addresses.setdefault("article", set()).update(seen.listed[:3])
        return 1 + await self._read_end(asker, seen, further)

    async def _read_end(self, asker: Asker, seen: ListSeen, most: int) -> int:
        """Look for the last page of a list; requests that it took."""
        for took in range(most):
            if seen.pages == 1 or seen.last is None or asker.spent:
                return took
            last = await self._page(asker, seen.last)
            if last is None or not look_further(self.site, seen, last):
                if last is not None and not self._oldest_listed:
                    self._oldest_listed = articles_on(self.site, last)[-1:]
                return took + 1
        return most

    async def _page(self, asker: Asker, url: str) -> ArticlePage | None:
        answered = await asker.ask(url)
        if answered is None or answered.response.status != 200:
            return None
        return self._read(asker, answered.response)

    def _read(self, asker: Asker, response: Response) -> ArticlePage | None:
        """The page, its links and its text; None for what a crawl would not read either, with a line of trouble."""
        try:
            with within(asker.crawler.settings.getfloat("PARSE_SECONDS"), response.url):
                page = self.site.page(response)
                page.page_links()
                page.is_article()
        except NotRead as error:
            asker.trouble.append(f"{error.reason}: {error}")
            return None
        return page

    def _categories(self) -> list[str]:
        """Those that the crawl starts from, and those that its lists link, where it follows them."""
        named = [start.url for start in self._starts if start.kind == "category"]
        linked = sorted(self._addresses.get("category", ())) if "category" in self.site.args.follow else []
        return list(dict.fromkeys([*named, *linked]))

    # --- Articles ---------------------------------------------------------------------------------------------

    async def _read_articles(self, asker: Asker) -> None:
        listed = [url for seen in self.plan.lists for url in seen.listed]
        middle = sorted(self._sitemap_articles) or listed
        seeds = [start.url for start in self._starts if start.kind == "article"]
        chosen = [*_spread(seeds, ARTICLES), *listed[:1], *self._oldest_listed, *middle[len(middle) // 2 :][:1]]
        for url in list(dict.fromkeys(chosen))[:ARTICLES]:
            answered = await asker.ask(url)
            if answered is None or answered.response.status != 200:
                continue
            page = self._read(asker, answered.response)
            if page is None:
                continue
            readable = page.is_article()
            row = page.article() if readable else None
            links = page.page_links()
            related = [address for link in links if link.kind == "related" and (address := self.site.address(link.url))]
            self.plan.samples.append(
                Sample(
                    url,
                    row.published_date if row else None,
                    len(compress(answered.response.body)) + HEAD_BYTES,
                    len(to_line(row)) + sum(len(link.url) + 150 for link in links) if row else 0,
                    answered.seconds,
                    readable and bool(row and (row.body or row.images or row.videos)),
                    [url for url in related if wanted(self.site, url)],
                )
            )
            if row and row.published_date:
                self.plan.oldest = min(self.plan.oldest or row.published_date, row.published_date)

    # --- The sum ----------------------------------------------------------------------------------------------

    def _count(self, asker: Asker) -> None:
        plan, args = self.plan, self.site.args
        kinds = [start.kind for start in self._starts if self._is_open(start.url)]
        lists, in_lists = self._list_pages()
        in_sitemaps = len(self._sitemap_articles) + self._beyond_sitemaps
        articles = max(in_lists, in_sitemaps) if self._whole else in_lists + in_sitemaps
        articles = (articles if "article" in args.follow else 0) + kinds.count("article")
        if self._whole and plan.lists and "article" in args.follow:
            articles = max(articles, len({url for seen in plan.lists for url in seen.listed} | self._sitemap_articles))
        if args.max_articles is not None:
            articles = min(articles, args.max_articles)
        editions = 1 + max((sum(map(self._is_wanted, self.site.editions(s.url))) for s in plan.samples), default=0)
        plan.expected = {
            "robots.txt": len(asker.hosts),
            "lists": lists,
            "sitemaps": len(self._sitemaps),
            "feeds": kinds.count("feed"),
            "articles": articles * editions,
        }
        if "related" in args.follow and args.related_depth:
            known = self._sitemap_articles | {url for seen in plan.lists for url in seen.listed}
            new = [len(set(sample.related) - known) for sample in plan.samples]
            plan.related_at_most = round(articles * sum(new) / max(1, len(new)))
        plan.delay = max((asker.polite.delay(host) for host in asker.hosts), default=asker.polite.delay(""))
        plan.requests, plan.trouble = asker.asked, asker.trouble

    def _is_wanted(self, url: str) -> bool:
        address = self.site.address(url)
        return address is not None and wanted(self.site, address)

    def _list_pages(self) -> tuple[int, int]:
        """Pages of all lists, those that were not looked at as those of their depth were; articles in them."""
        plan = self.plan
        pages, articles = sum(seen.pages for seen in plan.lists), [seen.articles for seen in plan.lists]
        if not self._whole or not articles:
            return pages, sum(articles)
        longest = max(plan.lists, key=lambda seen: seen.articles)
        known = {seen.url: seen for seen in plan.lists if seen.url != longest.url}
        others = 0  # articles in the lists beside the longest that stand side by side with it
        for group in _by_depth(self._categories()).values():
            looked = [known[url] for url in group if url in known]
            unread = sum(url not in known and url != longest.url for url in group)
            of_group = sum(seen.articles for seen in looked)
            if looked:
                pages += round(unread * sum(seen.pages for seen in looked) / len(looked))
                of_group += round(unread * of_group / len(looked))
            else:
                pages += unread
            if longest.url in group:
                others = of_group
        # Either one list has everything, or each has its own.
        everything = longest.articles >= EVERYTHING * others
        return pages, longest.articles if everything else longest.articles + others


def _by_depth(urls: Iterable[str]) -> dict[int, list[str]]:
    """A section has more pages than its parts."""
    groups: dict[int, list[str]] = {}
    for url in urls:
        groups.setdefault(urlsplit(url).path.strip("/").count("/"), []).append(url)
    return dict(sorted(groups.items()))


def _spread(urls: list[str], most: int) -> list[str]:
    """So many of them, from all over the list."""
    if len(urls) <= most:
        return urls
    return [urls[(2 * n + 1) * len(urls) // (2 * most)] for n in range(most)]
