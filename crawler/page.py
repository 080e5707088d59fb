"""The page object: one response seen as an article.

    response ─► fields (candidates by trust) ─► Article
             └► links by kind

No engine is needed: the same class reads a live response, a WARC record and a file. A site's class names its
selectors and overrides the fields that the defaults of ``crawler/fields.py`` get wrong.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from lxml.etree import _Element
from scrapy.http import Response

from crawler import refusal
from crawler.blocks import body_text
from crawler.dates import Moment, iso
from crawler.fields import KINDS_WITHOUT_TEXT, Fields, language_tag
from crawler.items import (
    Article,
    ArticleLink,
    Block,
    Extraction,
    FieldSource,
    FoundBy,
    Permissions,
    Source,
    WarcRef,
)
from crawler.links import LINK_TAGS, FoundLink, Wanted, extract_links
from crawler.reading import Candidates, request_meta
from crawler.text import clean
from crawler.urls import path_of, registered_domain

__all__ = ["ArticlePage", "Candidates", "language_tag"]

EDITORIAL_KINDS = frozenset({"related", "source", "edition"})
_MAY_MOVE = frozenset({"byline", "source", "published_at"})  # none that the text is found with


class ArticlePage(Fields):
    """A response read as an article. Subclass it for a site: selectors as constants, methods where these are wrong."""

    name: ClassVar[str] = "ArticlePage"
    fallback: ClassVar[type[ArticlePage] | None] = None  # what reads a field that a redesign has hidden
    number: ClassVar[int] = 1  # raised whenever the output for the same bytes changes

    def __init__(self, response: Response, *, found_by: FoundBy | None = None) -> None:
        super().__init__(response)
        self.found_by = found_by or FoundBy()
        self.warnings: list[str] = []
        self._links: list[FoundLink] | None = None
        self.more_links = False  # than are read of a page
        self._refusal: list[str | None] = []  # empty until it was asked for

    def pick(self, name: str) -> Any:
        """As ``Reading.pick``; where the text is no longer where the site had it, other fields may have moved too."""
        first = name not in self._picked
        value = super().pick(name)
        if first and value is None and self.fallback and name in _MAY_MOVE and self.source_of("body") == "generic":
            value = self.twin.pick(name) if self.twin else None
            self._picked[name] = (self.twin.source_of(name) or "generic", value) if self.twin and value else None
        if first and isinstance(value, Moment) and value.at is None:  # a time of that day says more than the day
            for source, other in self.candidates(name):
                if other.at is not None and other.day == value.day and other.precision != "guess":
                    self._picked[name], value = (source, other), other
                    break
        return value

    @cached_property
    def twin(self) -> ArticlePage | None:
        """The same response, read by the class for any site."""
        return self.fallback(self.response) if self.fallback else None

    def page_links(self) -> list[FoundLink]:
        """Every link of the page, each address once per kind."""
        if self._links is None:
            self._links = self.read_links()
        return self._links

    @cached_property
    def editorial_links(self) -> list[FoundLink]:
        """The links of the row. Most links of a page are none of it: these are not read when only the row is wanted.

        But where there may be more links than count, which ones these are is the same in the crawl and afterwards.
        """
        few = sum(len(self.index.tags.get(tag, ())) for tag in LINK_TAGS) <= self.limits.links_per_page
        found = self.read_links(Wanted(EDITORIAL_KINDS)) if self._links is None and few else self.page_links()
        return [link for link in found if self.is_editorial(link)]

    def read_links(self, wanted: Wanted | None = None) -> list[FoundLink]:
        """Find the links; a site that knows boxes by their labels names these."""
        return self.links_with({}, wanted)

    def links_with(self, places: dict[_Element, str], wanted: Wanted | None = None) -> list[FoundLink]:
        """Links of the page, where articles in these elements are of the kind given."""
        most = self.limits.links_per_page
        found = extract_links(self.root, type(self), self.base_url, places, self.index, wanted, most)
        self.more_links |= len(found) > most
        following = self.next_page(self) if self.kind_of(self.url) != "article" else None
        return [
            link._replace(kind="next_page") if link.url == following else link
            for link in found[:most]
            if link.kind != "edition" or link.url != self.url
        ]

    def is_article(self) -> bool:
        """Whether this is an article: by the address, the headline and a text; not a soft 404 or a challenge."""
        return self.kind_of(self.url) in (None, "article") and self.reads_as_article()

    def reads_as_article(self) -> bool:
        """The same, whatever the address looks like."""
        if self.response.status not in (200, 203) or clean(self.pick("title")) is None or self.refusal() is not None:
            return False
        return bool(body_text(self.pick("body") or ())) or self.shows_pictures()

    def shows_pictures(self) -> bool:
        """Whether pictures or film are the whole article."""
        return self.pick("kind") in KINDS_WITHOUT_TEXT and bool(self.pick("images") or self.pick("videos"))

    def refusal(self) -> str | None:
        """Why the page stands in the place of another, in one word of ``crawler/refusal.py``; None when it does not."""
        if not self._refusal:
            self._refusal.append(self._read_refusal())
        return self._refusal[0]

    def is_challenge(self) -> bool:
        """Whether a browser check or another closed door stands in the place of the page."""
        return self.refusal() in refusal.WALLS

    def _read_refusal(self) -> str | None:
        if reason := refusal.at_first_sight(self.html, self.index):
            return reason
        text = body_text(self.pick("body") or ()) or ""
        if len(text) >= refusal.STUB:
            return None
        paid = any(str(obj.get("isAccessibleForFree")).lower() == "false" for obj in self.articles_ld)
        if text and refusal.is_stub(text, paid, self.index):
            return refusal.PAYWALL
        if not self.articles_ld and (reason := refusal.in_few_words(self.index)):
            return reason
        if self.names_another() and not self.articles_ld:
            return refusal.SOFT_404
        filled = self.articles_ld or self.shows_pictures() or self.source_of("body") not in (None, "generic")
        empty = not filled and len(text) < refusal.LITTLE and refusal.is_shell(self.index)
        return refusal.EMPTY_SHELL if empty else None

    def names_another(self) -> bool:
        """Whether the page calls itself the front page, and stands at another address."""
        declared = [link.get("href") for link in self.index.iter("link") if link.get("rel") == "canonical"]
        urls = [url for url in map(self.address, declared) if url]
        return bool(urls) and path_of(self.url) != "" and all(path_of(url) == "" for url in urls)

    def article(self) -> Article:
        """The row, with values as found: ``pipelines/clean.py`` normalises them, later steps fill the rest."""
        values = {name: self.pick(name) for name in self.FIELDS}
        blocks: list[Block] = values["body"] or []
        own = self.identity(values["canonical_url"])
        row = Article(
            id=own,
            work_id=own,
            site=self.site or registered_domain(self.url),
            url=self.response.url,
            found_by=self.found_by,
            blocks=blocks,
            links=[ArticleLink(link.url, link.text, link.kind) for link in self.editorial_links],
            permissions=self.permissions(),
        )
        for name in ("canonical_url", "kind", "title", "kicker", "sapo", "byline", "publisher", "section"):
            setattr(row, name, values[name])
        for name in ("breadcrumbs", "tags", "topics", "images", "videos"):
            setattr(row, name, values[name] or [])
        row.language = values["language"] or "vi"
        row.source = values["source"] or Source()
        row.body = body_text(blocks)
        self.set_dates(row, values["published_at"], values["modified_at"])
        self.set_capture(row)
        sources = [FieldSource(name, self.source_of(name) or "") for name in self.FIELDS if values[name]]
        row.extraction = Extraction(f"{self.name}/{self.number}", self.input(), False, sources, list(self.warnings))
        return row

    def is_editorial(self, link: FoundLink) -> bool:
        return link.kind in EDITORIAL_KINDS and link.url != self.url and not self.is_own_copy(link)

    def is_own_copy(self, link: FoundLink) -> bool:
        """Whether a link leads to this page again, to share it or to answer to it."""
        return link.kind == "related" and self.identity(link.url) == self.identity(self.url)

    def input(self) -> str:
        """``dom`` for the serialised DOM of a rendered page, else ``html``."""
        rendered = "playwright" in self.response.flags
        return "dom" if rendered or (self.capture and self.capture.target_uri.startswith("urn:dom:")) else "html"

    def set_dates(self, row: Article, published: Moment | None, modified: Moment | None) -> None:
        """Both moments; as printed is what readers see, where the page shows a date at all."""
        seen = next((moment for _, moment in self.printed_dates() if moment), None)
        if published is None:
            self.warnings.append("no publication date")
        else:
            row.published_at = iso(published.at) if published.at else None
            row.published_date = published.day.isoformat()
            row.published_precision = published.precision
            row.published_text = seen.text if seen else published.text
            if seen and abs((seen.day - published.day).days) > 1:
                self.warnings.append(f"printed date {seen.day} differs from stated date {published.day}")
        if modified is not None:
            row.modified_at = iso(modified.at) if modified.at else None
            row.modified_date = modified.day.isoformat()
            row.modified_precision = modified.precision
            row.modified_text = modified.text

    def set_capture(self, row: Article) -> None:
        """Evidence: the record of the bytes that were read."""
        ref = self.capture
        if ref is None:
            return
        row.captured_at = ref.captured_at
        row.warc = WarcRef(
            ref.file,
            ref.offset,
            ref.length,
            ref.record_id,
            ref.record_type,
            ref.target_uri,
            ref.payload_digest,
            ref.revisit_id,
        )

    def permissions(self) -> Permissions:
        headers = self.response.headers
        robots = [value.decode("latin-1") for value in headers.getlist("X-Robots-Tag")]
        reserved = headers.get("TDM-Reservation")
        stated = next(iter(self.meta.get("tdm-reservation", ())), None)
        asked = request_meta(self.response)
        return Permissions(
            robots_rule=asked.get("robots_rule"),
            meta_robots=", ".join(self.meta.get("robots", ())) or None,
            x_robots_tag=", ".join(robots) or None,
            tdm_reservation=reserved.decode("latin-1") if reserved else stated or asked.get("tdm_reservation"),
        )
