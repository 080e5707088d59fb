"""The only callbacks in the project: what a crawl does with a response, whatever the site.

A site spider declares (addresses, link rules, its page class) and overrides the hooks at the top; it has no
callbacks of its own.

    listing, sitemap, feed ─► article and next-page links ─► frontier
    article                ─► Article (the item), related links ─► frontier
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import scrapy
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.arguments import Arguments, parse_arguments
from crawler.crawllog import PassedOver, Recent
from crawler.dates import HANOI
from crawler.events import Sighting
from crawler.exclusions import NOTHING, Hidden
from crawler.feeds import read_entries
from crawler.items import FoundBy
from crawler.ledger_ops import ARTICLE_KINDS
from crawler.limits import DEFAULTS, Limits
from crawler.links import Addresses, FoundLink
from crawler.patience import retry_after
from crawler.refusal import EMPTY_SHELL, SOFT_404
from crawler.requisites import RequisiteRules, requisites_of
from crawler.samples import Samples
from crawler.template import unread
from crawler.text import clean
from crawler.traps import SESSION, Traps, without_session
from crawler.urls import MAX_URL, canonical_url, host_of, path_of, registered_domain
from crawler.visit import Found, Visit

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.archive import Archive
    from crawler.page import ArticlePage
    from crawler.scheduler import LedgerScheduler

logger = logging.getLogger(__name__)

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
REFUSALS_MAX = 3  # so many 403 in a row are a wall, not a page that is closed
ADDRESSES_KEPT = 4096
GONE = frozenset({404, 410, 451})
WALLED = frozenset({401, 402})  # and 403
REFUSING = frozenset({403, 429, 503})
AFTER_OTHERS = 5.0  # seconds after the parking: perhaps it is this page alone that is refused

# The order of the frontier: articles, then lists, then articles found only beside other articles.
ARTICLE, LISTING, RELATED = 3 * 10**10, 2 * 10**10, 10**10


class NewsSpider(Addresses, scrapy.Spider):
    """A news site, described by class attributes and a few pure hooks; what its addresses mean is ``Addresses``."""

    languages: ClassVar[tuple[str, ...]] = ("vi",)  # editions the site has, the original first
    front_page: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ()  # names, as they stand in the URL
    declared_feeds: ClassVar[bool] = False  # front pages name the feeds and sitemaps; else ``feeds`` does
    page: ClassVar[type[ArticlePage]]
    rendered: ClassVar[str] = "never"  # lists, all: what of the site cannot be read without a browser
    requisite_rules: ClassVar[RequisiteRules] = RequisiteRules()  # which files belong to a page

    args: Arguments
    traps: Traps  # what the crawl has learnt of addresses without end
    limits: Limits = DEFAULTS
    hidden: Hidden = NOTHING  # addresses that a plan leaves out; in a crawl the frontier refuses them

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name)
        self._begin(parse_arguments(type(self), arguments))

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.limits = Limits.of(crawler.settings)
        return spider

    @classmethod
    def of(cls, args: Arguments, limits: Limits = DEFAULTS) -> Self:
        """A spider with arguments that were checked when they were given."""
        spider = cls.__new__(cls)
        scrapy.Spider.__init__(spider)
        spider.limits = limits
        spider._begin(args)
        return spider

    def _begin(self, args: Arguments) -> None:
        self.args = args
        self._forbidden: dict[str, list[int]] = {}  # 403 in a row by host: the URLs that got them
        self._told = Recent()
        self.traps = Traps()
        self._hosts: set[str] = set()  # of links that were followed
        self._lists: OrderedDict[str, frozenset[str]] = OrderedDict()  # articles of the last lists, by address
        self._addresses = lru_cache(ADDRESSES_KEPT)(self._find_address)  # pages link the same articles

    # --- Hooks: pure functions of a URL or a name -------------------------------------------------------------

    @classmethod
    def feeds(cls, languages: tuple[str, ...]) -> list[str]:
        """Addresses of the feeds of these editions."""
        return []

    @classmethod
    def sitemaps(cls, languages: tuple[str, ...]) -> list[str]:
        """Entry sitemaps to try when robots.txt names none."""
        return []

    @classmethod
    def tag_url(cls, name: str, language: str = "vi") -> str:
        """Address of a tag's list; ValueError with a one-line remedy when the name is not enough."""
        raise ValueError(f"{cls.name} has no tag pages; give the list's address as a seed")

    @classmethod
    def category_url(cls, name: str, language: str = "vi") -> str:
        """Address of a category's list; ValueError as for ``tag_url``."""
        raise ValueError(f"{cls.name} has no category pages; give the list's address as a seed")

    @classmethod
    def front_pages(cls, languages: tuple[str, ...]) -> list[str]:
        """Front page of each edition."""
        return [cls.front_page]

    @classmethod
    def editions(cls, url: str) -> list[str]:
        """Addresses of the other language editions of an article, as far as they can be derived."""
        return []

    @classmethod
    def recency(cls, url: str) -> int:
        """A number below 10**10 that grows with the article's date; 0 when the address does not tell."""
        return 0

    @classmethod
    def narrowed_by(cls, seeds: tuple[str, ...]) -> bool:
        """Whether these seeds narrow a crawl down to them and what they link, instead of the whole site."""
        return bool(seeds)

    @classmethod
    def promises(cls, url: str, kind: str) -> bool:
        """Whether an address in a sitemap or feed (``kind``) is that of an article."""
        return cls.kind_of(url) == "article"

    @property
    def renders_anything(self) -> bool:
        """Whether this run needs a browser."""
        return self.args.render != "never"

    def renders(self, kind: str) -> bool:
        """Whether a page of this kind is opened in a browser."""
        return kind in LISTING_KINDS if self.args.render == "lists" else self.renders_anything and kind not in FILES

    # --- What is asked first ----------------------------------------------------------------------------------

    async def start(self) -> AsyncIterator[Any]:
        """Put the seeds into the frontier; it hands out everything from there."""
        self.frontier.discover(list(self.seeds()))
        nothing: tuple[Any, ...] = ()
        for item in nothing:  # an asynchronous generator, as Scrapy wants it
            yield item

    def seeds(self) -> Iterator[Found]:
        """The seeds of the arguments; without any, front pages, categories, feeds and sitemaps."""
        args = self.args
        named = bool(args.seeds or args.tags or args.categories)
        for url in args.seeds:
            kind = self.kind_of(url) or "article"
            yield self._seed(url, kind)
        for name in args.tags:
            yield from (self._seed(self.tag_url(name, language), "tag") for language in args.languages)
        for name in args.categories:
            yield from (self._seed(self.category_url(name, language), "category") for language in args.languages)
        if named:
            return
        for url in self.front_pages(args.languages):
            yield self._seed(url, "front")
        for name in self.categories:
            yield from (self._seed(self.category_url(name, language), "category") for language in args.languages)
        for url in self.feeds(args.languages):
            yield self._seed(url, "feed")
        for url in self.sitemaps(args.languages):
            yield self._seed(url, "sitemap")

    def robots_seen(self, sitemaps: list[str]) -> None:
        """robots.txt named these sitemaps."""
        self.frontier.discover(self.named_seeds(sitemaps))

    def named_seeds(self, sitemaps: list[str]) -> list[Found]:
        """Sitemaps that robots.txt names are seeds of a crawl that was not narrowed down."""
        args = self.args
        if self.narrowed_by(args.seeds) or args.tags or args.categories:
            return []
        return [self._seed(url, "sitemap") for url in map(canonical_url, sitemaps) if url and self.own(url)]

    def _seed(self, url: str, kind: str) -> Found:
        return Found(self.address(url) or url, kind, "seed", 0, LISTING if kind != "article" else ARTICLE + 10**10 - 1)

    # --- Callbacks --------------------------------------------------------------------------------------------

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Any]:
        """Read one response, whatever it is; its visit ends with the generator and its items."""
        assert response.request is not None
        visit = self.archive.begin(response.request)
        try:
            yield from self.archive.in_hand(visit, response, self._read(response, visit))
        except GeneratorExit:  # torn down with the crawl: the page stays captured, and the next run reads it
            visit.end("captured")
            raise
        except Exception as error:
            if self.archive.broke_off(visit, error):
                raise
        finally:
            self.archive.exhausted(visit)

    def errback(self, failure: Failure) -> Iterator[Any]:
        """Nothing came, or nothing was asked for: the visit ends with the reason."""
        visit = self.archive.begin(failure.request)  # type: ignore[attr-defined]
        self.archive.failed(visit, failure)
        return iter(())

    def _read(self, response: Response, visit: Visit) -> Iterator[Any]:
        status = response.status
        capture = response.request.meta.get("capture") if response.request else None
        if capture is not None and capture.status == 304:
            visit.reason = "not_modified"  # the response is the archived page, and it is read like any other
        if status not in REFUSING and "replay" not in response.meta:
            self._forbidden.pop(host_of(response.url), None)
            self.frontier.welcomed(host_of(response.url))
        location = response.headers.get("Location")
        if 300 <= status < 400 and location:
            self._redirect(response, location, visit)
        elif status == 304:
            visit.end("done", "not_modified")
        elif status in (403, 429) or (status == 503 and retry_after(response) is not None):
            self._step_back(response, visit)
            if status == 403 and visit.outcome == "failed":
                self._see(response, visit, "wall")
        elif status != 200:
            visit.end("failed", f"http_{status}")
            if status in GONE:
                self._see(response, visit, "gone")
            elif status in WALLED or (status == 503 and self.page(response).is_challenge()):
                self._see(response, visit, "wall")
        elif visit.kind in FILES:
            self._follow_entries(response, visit)
        else:
            yield from self._read_page(response, visit)

    def _read_page(self, response: Response, visit: Visit) -> Iterator[Any]:
        page = self._page(response, visit)
        if response.meta.get("plain") is not None:
            self._sample(page, response, visit)
        if self._follow_page(page, visit):
            visit.links = self._links_of(page, visit)
            if self.args.capture == "page":
                visit.requisites = requisites_of(page.root, page.base_url)
            article = page.article()
            self._see(response, visit, "live", article_id=article.id)
            yield self.archive.promise(visit, article)
        elif visit.kind not in LISTING_KINDS:
            self._refused(response, visit, page)

    def _sample(self, page: ArticlePage, response: Response, visit: Visit) -> None:
        """Note what the browser added to a rendered page; what goes wrong there is not the page's fault."""
        plain: Response = response.meta.pop("plain")
        try:
            self._samples.take(page, lambda: self.page(plain), visit.kind if visit.kind in LISTING_KINDS else None)
        except Exception:
            logger.exception("%s could not be compared with what plain HTTP gave", visit.url)

    @cached_property
    def _samples(self) -> Samples:
        assert self.crawler.stats is not None
        return Samples(self.crawler.settings.getint("RENDER_SAMPLES"), self.crawler.stats)

    def _page(self, response: Response, visit: Visit) -> ArticlePage:
        return self.page(response, found_by=FoundBy(visit.kind, visit.via, visit.depth, visit.channel))

    def _refused(self, response: Response, visit: Visit, page: ArticlePage) -> None:
        """No article, where one was promised or was at the last visit."""
        refusal, headline = page.refusal(), clean(page.pick("title"))
        visit.end("failed", refusal or "not_an_article")
        if refusal is None and visit.kind in ARTICLE_KINDS:
            visit.seen = unread(page)
        if page.is_challenge() or refusal == EMPTY_SHELL:
            self._see(response, visit, "wall")
        elif refusal == SOFT_404:
            self._see(response, visit, "soft404")
        elif refusal is None and headline:
            self._see(response, visit, "soft404", title=headline)

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

    def _step_back(self, response: Response, visit: Visit) -> None:
        """Leave the host alone when it says so (429, 503), or refuses one page after another (403); then ask again."""
        reason, host = f"http_{response.status}", host_of(response.url)
        forbidden = self._forbidden.setdefault(host, [])
        if response.status == 403 and len(forbidden) < REFUSALS_MAX - 1 and not self.frontier.parkings(host):
            forbidden += [visit.url_id] if visit.url_id is not None else []
            visit.end("failed", reason)
            return
        left = self.frontier.refused(host, retry_after(response), reason)
        self.frontier.ask_again(forbidden, host)
        forbidden.clear()
        visit.retries = response.meta.get("retry_times", 0) + 1
        if visit.retries > self.crawler.settings.getint("RETRY_TIMES"):
            visit.end("failed", reason)
        else:
            visit.delay = left + AFTER_OTHERS
            visit.end("queued", reason)

    @cached_property
    def frontier(self) -> LedgerScheduler:
        engine = self.crawler.engine
        assert engine is not None
        return cast("LedgerScheduler", engine.scheduler)

    archive: Archive
