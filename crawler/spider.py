"""The only callbacks in the project: what a crawl does with a response, whatever the site.

A site spider declares (addresses, link rules, its page class) and overrides the hooks at the top; it has no
callbacks of its own.

    listing, sitemap, feed ─► article and next-page links ─► frontier
    article                ─► Article (the item), related links ─► frontier
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import scrapy
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.arguments import Arguments, parse_arguments
from crawler.exclusions import NOTHING, Hidden
from crawler.following import ARTICLE, FILES, LISTING, LISTING_KINDS, Following
from crawler.ledger_ops import ARTICLE_KINDS
from crawler.limits import DEFAULTS, Limits
from crawler.patience import retry_after
from crawler.refusal import EMPTY_SHELL, SOFT_404
from crawler.requisites import RequisiteRules, requisites_of
from crawler.samples import Samples
from crawler.template import unread
from crawler.text import clean
from crawler.urls import canonical_url, host_of
from crawler.visit import Found, Visit

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.archive import Archive
    from crawler.page import ArticlePage
    from crawler.scheduler import LedgerScheduler

logger = logging.getLogger(__name__)

REFUSALS_MAX = 3  # so many 403 in a row are a wall, not a page that is closed
GONE = frozenset({404, 410, 451})
WALLED = frozenset({401, 402})  # and 403
REFUSING = frozenset({403, 429, 503})
AFTER_OTHERS = 5.0  # seconds after the parking: perhaps it is this page alone that is refused


class NewsSpider(Following, scrapy.Spider):
    """A news site, described by class attributes and a few pure hooks; what its addresses mean is ``Addresses``."""

    languages: ClassVar[tuple[str, ...]] = ("vi",)  # editions the site has, the original first
    front_page: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ()  # names, as they stand in the URL
    rendered: ClassVar[str] = "never"  # lists, all: what of the site cannot be read without a browser
    requisite_rules: ClassVar[RequisiteRules] = RequisiteRules()  # which files belong to a page

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
        self._begin_following()

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
    def narrowed_by(cls, seeds: tuple[str, ...]) -> bool:
        """Whether these seeds narrow a crawl down to them and what they link, instead of the whole site."""
        return bool(seeds)

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

    # --- Small helpers ----------------------------------------------------------------------------------------

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
