"""What a page leads to: which of its links are asked for, at which turn, and why the others are passed over.

    listing ─► articles, next page          article ─► related articles, lists          sitemap, feed ─► entries

Nothing here knows the engine: the same code reads the answers of a crawl and those in an archive (``scrapy rebuild``).
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.http import Response

from crawler.arguments import Arguments
from crawler.crawllog import PassedOver, Recent
from crawler.dates import HANOI
from crawler.events import Sighting
from crawler.feeds import read_entries
from crawler.items import FoundBy
from crawler.ledger_ops import ARTICLE_KINDS
from crawler.limits import DEFAULTS, Limits
from crawler.links import Addresses, FoundLink
from crawler.traps import SESSION, Traps, without_session
from crawler.urls import MAX_URL, canonical_url, host_of, path_of, registered_domain
from crawler.visit import Found, Visit

if TYPE_CHECKING:
    from crawler.page import ArticlePage

LISTING_KINDS = frozenset({"front", "category", "tag", "topic", "author", "next_page"})
FILES = frozenset({"sitemap", "feed"})
HOPS = {"seed": "", "article": "L", "related": "R", "next_page": "N", "tag": "T", "category": "C", "topic": "P"} | {
    "sitemap": "M",
    "feed": "F",
    "author": "A",
    "front": "",
    "edition": "E",
    "redirect": ">",
}
RECENT_DAYS = 7  # sitemaps of the last week are read when no ``since`` opens older ones
LISTS_KEPT = 200  # lists that are remembered to notice one that repeats itself
ADDRESSES_KEPT = 4096

# The order of the frontier: articles, then lists, then articles found only beside other articles.
ARTICLE, LISTING, RELATED = 3 * 10**10, 2 * 10**10, 10**10


class Following(Addresses):
    """The half of a spider that follows links; a site overrides the hooks at the top."""

    declared_feeds: ClassVar[bool] = False  # front pages name the feeds and sitemaps; else ``feeds`` does
    page: ClassVar[type[ArticlePage]]
    args: Arguments
    traps: Traps  # what the crawl has learnt of addresses without end
    limits: Limits = DEFAULTS

    def _begin_following(self) -> None:
        self._told = Recent()
        self.traps = Traps()
        self._hosts: set[str] = set()  # of links that were followed
        self._lists: OrderedDict[str, frozenset[str]] = OrderedDict()  # articles of the last lists, by address
        self._addresses = lru_cache(ADDRESSES_KEPT)(self._find_address)  # pages link the same articles

    # --- Hooks: pure functions of a URL -----------------------------------------------------------------------

    @classmethod
    def editions(cls, url: str) -> list[str]:
        """Addresses of the other language editions of an article, as far as they can be derived."""
        return []

    @classmethod
    def recency(cls, url: str) -> int:
        """A number below 10**10 that grows with the article's date; 0 when the address does not tell."""
        return 0

    @classmethod
    def promises(cls, url: str, kind: str) -> bool:
        """Whether an address in a sitemap or feed (``kind``) is that of an article."""
        return cls.kind_of(url) == "article"

    # --- What is asked next -----------------------------------------------------------------------------------

    def follow(self, response: Response, visit: Visit) -> None:
        """Put what an archived response led to into ``visit.found``, as the crawl did; needs no engine."""
        location = response.headers.get("Location")
        if 300 <= response.status < 400 and location:
            self._redirect(response, location, visit)
        elif response.status == 200 and visit.kind in ("sitemap", "feed"):
            self._follow_entries(response, visit)
        elif response.status == 200:
            self._follow_page(self._page(response, visit), visit)

    def _follow_page(self, page: ArticlePage, visit: Visit) -> bool:
        """Follow the links of an article or of a list; whether it is an article."""
        is_article = page.is_article()
        if page.json.too_deep:
            self._beyond(visit.url, "json_too_deep", visit, visit.hop_path)
        if is_article:
            self._follow_from_article(page, visit)
        elif visit.kind in LISTING_KINDS:
            self._follow_from_listing(page, visit)
        return is_article

    def _redirect(self, response: Response, location: bytes, visit: Visit) -> None:
        literal = canonical_url(location.decode("utf-8", "replace"), response.url)
        target = self.address(literal) if literal else None
        target = target and without_session(target)
        if target is None or not self.own(target):
            visit.end("refused", "offsite_redirect")
            if target is not None:
                self._pass_over(target, "offsite", visit, visit.hop_path + HOPS["redirect"])
                self._see(response, visit, "moved", url=target)
            return
        in_a_row = len(visit.hop_path) - len(visit.hop_path.rstrip(HOPS["redirect"]))
        if in_a_row >= self.limits.redirects_max:
            visit.end("failed", "too_many_redirects")
            self._beyond(target, "too_many_redirects", visit, visit.hop_path + HOPS["redirect"])
            return
        if len(target) > self.limits.url_length_max:
            visit.end("failed", "url_too_long")
            self._beyond(target, "url_too_long", visit, visit.hop_path + HOPS["redirect"])
            return
        here = without_session(self.address(visit.url) or visit.url)
        if target == here:  # another spelling of the same page: ask as the site wants to be asked
            target = literal
        elif self.kind_of(target) == "front" or (self.article_id(visit.url) and not self.article_id(target)):
            self._see(response, visit, "gone")  # sites send readers of what they took down to the front page or a list
        else:
            self._see(response, visit, "moved", url=target, to_id=self.identity(target))
        visit.end("redirected", target)
        hops = visit.hop_path + HOPS["redirect"]
        priority = self._priority(visit.kind, target or "", hops)
        channel = visit.channel or "seed"
        found = Found(target or "", visit.kind, channel, visit.depth, priority, visit.url, hops, visit.began_at)
        visit.found.append(found)

    def _follow_entries(self, response: Response, visit: Visit) -> None:
        capture = response.request.meta.get("capture") if response.request else None
        read = datetime.fromisoformat(capture.captured_at) if capture is not None else datetime.now(HANOI)
        cut = self.args.since or read.astimezone(HANOI).date() - timedelta(days=RECENT_DAYS)
        entries = read_entries(response.body, self.limits, read)
        visit.beyond += entries.beyond
        for reason in entries.beyond.keys() - {"sitemap_bad_date"}:
            self._pass_over(visit.url, reason, visit, visit.hop_path)
        for entry in entries.found:
            kind = "sitemap" if entry.is_sitemap else "article"
            if entry.day is not None and entry.day < cut:
                self._pass_over(entry.url, "before_since", visit, visit.hop_path + HOPS[kind])
            elif entry.is_sitemap:
                self._follow(entry.url, kind, "sitemap", visit, response.url)
            elif self.promises(self.address(entry.url) or "", visit.kind):
                day = entry.day.isoformat() if entry.day else None
                self._follow(entry.url, kind, visit.kind, visit, response.url, day)
            else:
                self._pass_over(entry.url, "no_article_address", visit, visit.hop_path + HOPS[kind])

    def _follow_from_listing(self, page: ArticlePage, visit: Visit) -> None:
        channel = "tag" if visit.kind == "tag" or (visit.kind, visit.channel) == ("next_page", "tag") else "listing"
        named = self.declared_feeds and visit.kind == "front"
        kinds = LISTING_KINDS | ({"feed", "sitemap"} if named else set())
        listed = set()
        for link in self._links_of(page, visit):
            if link.kind in ("article", "related") or (link.kind == "most_viewed" and visit.kind == "front"):
                listed.add(link.url)
                self._follow(link.url, "article", channel, visit, page.url)
            elif link.kind in kinds and link.kind != "next_page":
                self._follow(link.url, link.kind, channel, visit, page.url)
        if self._goes_on(visit, frozenset(listed)) and (url := self.next_page(page)):
            self._follow(url, "next_page", channel, visit, page.url)

    def _links_of(self, page: ArticlePage, visit: Visit) -> list[FoundLink]:
        """The links of a page, the first ones where there are too many."""
        links = page.page_links()
        if page.more_links and "too_many_links" not in visit.beyond:
            self._beyond(visit.url, "too_many_links", visit, visit.hop_path)
        return links

    def _goes_on(self, visit: Visit, listed: frozenset[str]) -> bool:
        """False when a later page of a list shows nothing that the page before did not: some sites never end."""
        before = self._lists.get(visit.via or "") if visit.kind == "next_page" else None
        self._lists[visit.url] = listed
        if len(self._lists) > LISTS_KEPT:
            self._lists.popitem(last=False)
        return before is None or not listed <= before

    def _follow_from_article(self, page: ArticlePage, visit: Visit) -> None:
        hops = visit.hop_path.count(HOPS["related"])
        for link in self._links_of(page, visit):
            if link.kind == "related":
                near = hops < self.args.related_depth
                self._follow(link.url, "related", "related", visit, page.url, wanted=near)
            elif link.kind == "edition":
                self._follow(link.url, "article", visit.channel or "related", visit, page.url)
            elif link.kind in LISTING_KINDS and link.kind != "next_page":
                self._follow(link.url, link.kind, "related", visit, page.url)

    def _follow(
        self, url: str, kind: str, channel: str, visit: Visit, base: str, day: str | None = None, wanted: bool = True
    ) -> None:
        """Promise a URL to the frontier if its kind is followed, it is of this site and of a wanted edition.

        An article that the crawl does not lead to is noted as promised all the same: ``scrapy audit`` names it.
        """
        hops, near = visit.hop_path + HOPS[kind], wanted
        wanted = wanted and kind in self.args.follow
        if not wanted:
            self._pass_over(url, "not_followed" if near else "depth", visit, hops)
        if not wanted and kind not in ARTICLE_KINDS:
            return
        target = self.address(url, base)
        if len(target or url) > self.limits.url_length_max:
            self._beyond(target or url, "url_too_long", visit, hops)
            return
        if target is None or not self.own(target):
            self._pass_over(target or url, "offsite" if target else "no_address", visit, hops)
            return
        if (plain := without_session(target)) != target:
            self._pass_over(target, SESSION, visit, hops)
            target = plain
        if reason := self._too_far(target, kind, hops):
            self._beyond(target, reason, visit, hops)
            return
        targets = [target]
        if kind in ("article", "related"):
            targets += [address for edition in self.editions(target) if (address := self.address(edition))]
        for address in targets:
            if reason := self.traps.closed(address, kind):
                self._pass_over(address, reason, visit, hops)
            elif self.language_of(address) in (*self.args.languages, None):
                priority = self._priority(kind, address, hops)
                where = (visit.depth + 1, priority, visit.url, hops, visit.began_at)
                one = Found(address, kind, channel, *where, day, wanted)
                visit.found.append(one)
            elif wanted:
                self._pass_over(address, "language", visit, hops)

    def _pass_over(self, url: str, reason: str, visit: Visit, hop_path: str) -> None:
        """This link is not fetched: the crawl log says why."""
        url = url[:MAX_URL]
        if self._told.is_news(url):
            visit.passed.append(PassedOver(url, reason, hop_path, visit.url))

    def _beyond(self, url: str, reason: str, visit: Visit, hop_path: str) -> None:
        """This address, or the rest of this page, is beyond a limit: counted, and told like all that is not fetched."""
        visit.beyond[reason] += 1
        self._pass_over(url, reason, visit, hop_path)

    def _too_far(self, target: str, kind: str, hop_path: str) -> str | None:
        """The limit that a link is beyond: most are near their seed, and looked at no further."""
        limits = self.limits
        host = host_of(target)
        if host not in self._hosts:
            if len(self._hosts) >= limits.hosts_per_run:
                return "too_many_hosts"
            self._hosts.add(host)
        if kind == "sitemap":
            return "sitemap_too_deep" if hop_path.count(HOPS["sitemap"]) > limits.sitemap_depth else None
        pages, redirects = HOPS["next_page"], HOPS["redirect"]
        if len(hop_path) > limits.link_depth_max and (
            len(hop_path.replace(pages, "").replace(redirects, "")) > limits.link_depth_max
        ):
            return "link_too_deep"
        if kind == "next_page" and len(hop_path) >= limits.list_pages_max:
            before = len(hop_path.rstrip(pages + redirects))
            if hop_path.count(pages, before) >= limits.list_pages_max:
                return "too_many_list_pages"
        return None

    def _priority(self, kind: str, url: str, hop_path: str) -> int:
        if kind not in ("article", "related"):
            return LISTING
        return (RELATED if HOPS["related"] in hop_path else ARTICLE) + self.recency(url)

    # --- Small helpers ----------------------------------------------------------------------------------------

    def _page(self, response: Response, visit: Visit) -> ArticlePage:
        return self.page(response, found_by=FoundBy(visit.kind, visit.via, visit.depth, visit.channel))

    def address(self, url: str, base: str | None = None) -> str | None:
        """The canonical address of the page behind a spelling of it; the key of the seen-set."""
        return self._addresses(url, None if url.startswith(("http://", "https://")) else base)

    def _find_address(self, url: str, base: str | None) -> str | None:
        canonical = canonical_url(url, base)
        return canonical and canonical_url(self.same_page(canonical))

    def own(self, url: str) -> bool:
        """Whether the address is on a domain that the crawl stays on."""
        host = host_of(url) or ""
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)

    @property
    def domains(self) -> tuple[str, ...]:
        """Registered domains that the crawl stays on."""
        return tuple(getattr(self, "allowed_domains", ()))

    def _see(self, response: Response, visit: Visit, state: str, article_id: str | None = None, **more: Any) -> None:
        """Note what this visit says of an article that may be archived."""
        capture = response.request.meta.get("capture") if response.request else None
        address = self.address(visit.url) or visit.url
        if capture is not None and (article_id or visit.kind in ARTICLE_KINDS):
            more.setdefault("url", address)
            visit.sighting = Sighting(article_id or self.identity(address), state, capture, **more)

    @classmethod
    def identity(cls, url: str) -> str:
        """Row id of the article at an address of this site, as its page object gives it."""
        return cls.article_id(url) or f"{registered_domain(url)}:{path_of(url)}"
