"""A response made ready for reading: decoded, parsed once, its stated data at hand; and the choice of a field's value.

Here is what every field is found with; the fields themselves are in ``crawler/fields.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any, ClassVar

from lxml.etree import _Element
from scrapy.http import Response

from crawler import structured
from crawler.blocks import inline_text
from crawler.capture import CaptureRef
from crawler.charset import decode_page
from crawler.dates import HANOI, Moment, parse
from crawler.items import Tag
from crawler.labels import after_labels
from crawler.limits import NotRead, limits_of
from crawler.links import Addresses, address
from crawler.parsing import parse_page
from crawler.selectors import Index
from crawler.text import clean, unescape_once
from crawler.urls import canonical_url, path_of, registered_domain

Candidates = Iterator[tuple[str, Any]]


class Reading(Addresses):
    """A response, and the tools to find values in it."""

    ZONE: ClassVar[tzinfo] = HANOI  # of printed times that name none

    def __init__(self, response: Response) -> None:
        """Raises NotRead for a page beyond the limits that came with its request."""
        self.response = response
        self.capture: CaptureRef | None = request_meta(response).get("capture")
        content_type = response.headers.get("Content-Type")
        declared = content_type.decode("latin-1") if content_type else None
        self.limits = limits_of(request_meta(response))
        if len(response.body) > self.limits.page_maxsize:
            raise NotRead("page_too_large", f"{response.url} has {len(response.body)} bytes")
        self.html, self.encoding, self.utf8 = decode_page(response.body, declared)
        self.root = parse_page(self.utf8, self.limits, response.url)
        self.index = Index(self.root)
        base = next((b.get("href") for b in self.index.iter("base") if b.get("href")), None)
        self.base_url = (canonical_url(base, response.url) if base else None) or response.url
        self.url = canonical_url(self.same_page(response.url)) or response.url
        self.json = structured.JsonReader(self.limits.json_depth_max)
        self.json_ld = structured.json_ld(self.index, self.json)
        self.articles_ld = self.own(structured.of_type(self.json_ld, structured.ARTICLE_TYPES))
        self.meta = structured.meta(self.index)
        self._picked: dict[str, tuple[str, Any] | None] = {}

    def own(self, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of several stated articles those at this address, where one says so: the others are lists beside the story.

        An article goes before a film in it.
        """
        identity = self.identity(self.url)
        if len(objects) > 1:
            places = [structured.address_of(o.get("mainEntityOfPage")) or structured.address_of(o) for o in objects]
            urls = map(self.address, places)
            here = [o for o, url in zip(objects, urls, strict=True) if url and self.identity(url) == identity]
            objects = here or objects
        return sorted(objects, key=lambda o: structured.type_names(o) == {"VideoObject"})

    # --- Choosing ---------------------------------------------------------------------------------------------

    def candidates(self, name: str) -> list[tuple[str, Any]]:
        """All usable candidates of a field, most trusted first."""
        return [(source, value) for source, value in getattr(self, name)() if _usable(value)]

    def pick(self, name: str) -> Any:
        """The first usable candidate of a field, None when there is none."""
        if name not in self._picked:
            found = ((source, value) for source, value in getattr(self, name)() if _usable(value))
            self._picked[name] = next(found, None)
        picked = self._picked[name]
        return picked[1] if picked else None

    def source_of(self, name: str) -> str | None:
        """Where the value of a field was found."""
        self.pick(name)
        picked = self._picked[name]
        return picked[0] if picked else None

    # --- Tools of the fields ----------------------------------------------------------------------------------

    @property
    def now(self) -> datetime | None:
        """Time of the capture: what "2 giờ trước" counts from."""
        return datetime.fromisoformat(self.capture.captured_at) if self.capture else None

    def fragment(self, html: str) -> _Element:
        """HTML that stands in the data of the page, parsed within the same limits."""
        return parse_page(f"<div>{html}</div>".encode("utf-8", "replace"), self.limits, self.response.url)

    def texts(self, queries: tuple[str, ...]) -> Candidates:
        """Text of every element that one of the selectors matches."""
        for query in queries:
            for element in self.select(query):
                yield "selector", inline_text(element)

    def select(self, query: str) -> list[_Element]:
        """Elements of the page that a CSS selector matches, in document order."""
        return self.index.select(query)

    def stated(self, *names: str) -> Candidates:
        """Contents of the meta elements of these names, in the order of the names."""
        for name in names:
            for value in self.meta.get(name, ()):
                yield "meta", unescape_once(value)

    def moment(self, value: Any) -> Moment | None:
        return parse(value, now=self.now, zone=self.ZONE) if isinstance(value, str) else None

    def address(self, href: str | None) -> str | None:
        """The one canonical address behind an ``href`` of this page."""
        return address(type(self), href.strip(), self.base_url) if href else None

    def after_labels(self, labels: frozenset[str], stops: frozenset[str] = frozenset()) -> list[_Element]:
        """Elements that hold the links under a label, for boxes whose class is not known.

        ``labels`` and ``stops`` (other labels, where the box ends) are folded texts without a final colon.
        """
        return after_labels(self.index, labels, stops, self.links_article)

    def links_article(self, a: _Element) -> bool:
        url = self.address(a.get("href"))
        return url is not None and self.kind_of(url) == "article"

    def tagged(self, links: list[_Element]) -> list[Tag]:
        found: dict[str, Tag] = {}
        for a in links:
            name = clean(inline_text(a))
            url = self.address(a.get("href"))
            if name and name.strip(",;# "):
                tag = Tag(name.strip(",;# "), url, self.key_of(url) if url else None)
                found.setdefault(url or tag.name, tag)
        return list(found.values())

    def key_of(self, url: str) -> str | None:
        """Stable part of the address of a tag or topic."""
        return path_of(url).rstrip("/").rpartition("/")[2] or None

    def identity(self, url: str) -> str:
        """Row id of the article at an address of this site."""
        return self.article_id(url) or f"{registered_domain(url)}:{path_of(url)}"


def request_meta(response: Response) -> dict[str, Any]:
    return response.request.meta if response.request is not None else {}


def _usable(value: Any) -> bool:
    if isinstance(value, str):
        return clean(value) is not None
    return value is not None and value != []
