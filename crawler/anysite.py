"""A page of a site that nobody has looked at: what most systems have in common, behind what the page states.

    JSON-LD, OpenGraph ─► names and places that many sites share ─► the libraries' text, found again on the page

What is found by such a rule has the source ``generic``. A class with selectors of its own inherits all of it, so a
selector that matches no longer costs nothing but its trust.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar
from urllib.parse import urlsplit

from lxml.etree import _Element

from crawler import systems
from crawler.beside import is_beside
from crawler.blocks import BlockRules, Piece, inline_text
from crawler.byline import split_byline
from crawler.dates import Moment
from crawler.htmltext import SKIP, image_address, pixels
from crawler.items import Image, Source
from crawler.links import FoundLink, Wanted
from crawler.notices import leads_on, with_boxes, with_plain_captions, without_notices
from crawler.page import Candidates
from crawler.recognise import Recognised, alike
from crawler.sourceline import source_in
from crawler.text import clean, fold
from crawler.urls import canonical_url, registered_domain

_SAPO = (
    ".sapo",
    ".standfirst",
    ".article-sapo",
    ".article-lead",
    ".article__lead",
    ".lead",
    ".article-summary",
    ".dek",
)
_BYLINE = (
    '[rel="author"]',
    '[itemprop="author"]',
    ".byline",
    ".author-name",
    ".entry-author",
    ".post-author",
    ".article-author",
    ".author",
)
_DATE = (
    "time.published",
    "time.entry-date",
    '[itemprop="datePublished"]',
    ".published",
    ".entry-date",
    ".post-date",
    ".article-date",
    ".date",
)
_TAGS = ('a[rel="tag"]', ".post-tags a", ".tag-list a", ".article-tags a", ".tags-links a", ".tags a")
_TRAIL = (
    ".breadcrumb a",
    ".breadcrumbs a",
    ".yoast-breadcrumb a",
    ".rank-math-breadcrumb a",
    "#breadcrumbs a",
    '[aria-label*="readcrumb"] a',
)
_LEAD = (".post-image img", ".post-thumbnail img", ".featured-image img", ".entry-thumb img", "img.wp-post-image")
_RELATED = (".related", ".related-posts", ".related-articles", ".jp-relatedposts", ".yarpp-related", ".tin-lien-quan")
_RELATED_LABELS = frozenset(
    {"related", "related posts", "related articles", "related stories", "related news", "you may also like"}
    | {"read also", "tin lien quan", "bai lien quan", "bai viet lien quan", "co the ban quan tam", "xem them"}
)
_STOPS = frozenset(
    {"leave a comment", "leave a reply", "comments", "latest news", "recent posts", "most read", "most viewed"}
    | {"binh luan", "tin moi", "xem nhieu", "doc nhieu", "tin cung chuyen muc", "tags", "tu khoa"}
)
_TIME = re.compile(r"\d{1,2}:\d{2}")
_NAMED = re.compile(r"(.+)\s[|–—-]\s(.+)")
_PARAGRAPH = 100  # letters: with one so long the story has begun
_LONGEST_DATE = 60  # letters


class AnySite(Recognised):
    """Every field by what the page states, then by what many sites have in common."""

    BODY: ClassVar[tuple[str, ...]] = (*Recognised.BODY, *systems.BODY)
    BLOCKS: ClassVar[BlockRules] = systems.BLOCKS
    PLAIN_CAPTIONS: ClassVar[bool] = False  # captions may stand as paragraphs of the story

    # --- Fields -----------------------------------------------------------------------------------------------

    def title(self) -> Candidates:
        """The printed headline where the page states nearly the same one; else the stated one without the paper."""
        yield from self.texts(self.TITLE)
        stated = [value for source, value in super().title() if source in ("json_ld", "meta") and clean(value)]
        for h1 in self.index.iter("h1"):
            if any(alike(inline_text(h1), value) for value in stated):
                yield "generic", inline_text(h1)
        yield from ((source, self.without_name(value)) for source, value in super().title())

    def sapo(self) -> Candidates:
        yield from self.texts(self.SAPO)
        yield from (("generic", inline_text(e)) for query in (*_SAPO, *systems.SAPO) for e in self.near(query))
        yield from super().sapo()

    def byline(self) -> Candidates:
        """As printed, where that names at least the people that the page states; else as stated."""
        printed = self.printed_bylines()
        for source, value in super().byline():
            names = [fold(author.name) for author in split_byline(value, self.papers())[0]]
            if names and source in ("json_ld", "meta"):
                yield from (("generic", line) for line in printed if all(name in fold(line) for name in names))
            yield source, value
        yield from (("generic", line) for line in printed)

    def printed_bylines(self) -> list[str]:
        """Lines near the story that name somebody, without another kind of line around them."""
        lines = (inline_text(e) for query in (*_BYLINE, *systems.BYLINE) for e in self.near(query) if e.tag != "meta")
        named = (self.person(line) for line in lines if any(split_byline(line, self.papers())))
        return [line for line in named if line]

    def source(self) -> Candidates:
        yield from super().source()
        self.pick("body")
        yield from (("generic", source) for source in self._sources)
        for query in systems.SOURCE:
            for element in self.near(query):
                links = [address for a in element.iter("a") if (address := self.address(a.get("href")))]
                yield "generic", source_in(inline_text(element), links)

    def breadcrumbs(self) -> Candidates:
        yield from super().breadcrumbs()
        for query in _TRAIL:
            yield "generic", self.sections([(inline_text(a), a.get("href")) for a in self.select(query)])

    def tags(self) -> Candidates:
        """Printed ones have addresses, so they go before stated ones."""
        for query in self.TAGS:
            yield "selector", self.tagged(self.select(query))
        for query in _TAGS:
            yield "generic", self.tagged(self.near(query))
        yield from super().tags()
        yield "generic", self.tagged(self.tag_links())

    def tag_links(self) -> list[_Element]:
        """Links to tags below the headline, those that stand together with the first one: their box has any name."""
        below, found = False, list[_Element]()
        for element in self.index.iter("h1", "a"):
            if element is self.headline:
                below = True
            elif below and element.tag == "a" and not is_beside(element):
                url = self.address(element.get("href"))
                if url and self.kind_of(url) == "tag":
                    found.append(element)
        box = next((e.getparent() for e in found), None)
        return [e for e in found if e.getparent() is box]

    def images(self) -> Candidates:
        """With the picture between headline and story, which stands outside of the body."""
        for source, found in super().images():
            known = {image.url for image in found}
            lead = [image for query in _LEAD for image in map(self.picture, self.near(query)) if image]
            new = [image for image in {image.url: image for image in lead}.values() if image.url not in known][:1]
            for position, image in enumerate(images := [*new, *found] if source not in ("json_ld", "meta") else found):
                image.position = position
            yield source, images

    def picture(self, img: _Element) -> Image | None:
        url = image_address(img, self.base_url)
        url = canonical_url(url) if url else None
        return Image(url, img.get("alt"), width=pixels(img, "width"), height=pixels(img, "height")) if url else None

    def printed_dates(self) -> Candidates:
        yield from super().printed_dates()
        for query in (*_DATE, *systems.DATE):
            for element in self.near(query):
                yield "generic", self.beside_time(element) or self.printed(element)
        yield from (("generic", self.moment(text)) for text in self.lines_above())

    def beside_time(self, element: _Element) -> Moment | None:
        """Time and day in elements of their own, one after the other."""
        after, text = element.getnext(), inline_text(element)
        if after is None or not _TIME.fullmatch(text):
            return None
        return self.moment(f"{text}{element.tail or ' '}{inline_text(after)}")

    def lines_above(self) -> Iterator[str]:
        """Short texts between the headline and the first paragraph: the date is one of them on most pages."""
        below = False
        for element in self.frame.iter():
            if element is self.headline:
                below = True
            elif below and isinstance(element.tag, str) and element.tag not in SKIP:
                text = inline_text(element)
                if element.tag == "p" and len(text) > _PARAGRAPH:
                    return
                if 6 <= len(text) <= _LONGEST_DATE and element.tag != "a" and not is_beside(element, self.frame):
                    yield text

    def read_links(self, wanted: Wanted | None = None) -> list[FoundLink]:
        """Related ones by the box they stand in, its label or the words before them; none of another site is a list."""
        boxes = [e for query in (*_RELATED, *systems.RELATED) for e in self.select(query)]
        lines = [e for e in self.frame.iter("p", "li", "h3", "h4") if len(e) and leads_on(inline_text(e))]
        places = [*boxes, *self.after_labels(_RELATED_LABELS, _STOPS), *lines]
        own = registered_domain(self.url)
        return [
            link if registered_domain(link.url) == own or link.kind == "source" else link._replace(kind="other")
            for link in self.links_with(dict.fromkeys(places, "related"), wanted)
        ]

    # --- What several fields share ----------------------------------------------------------------------------

    def pieces(self, pieces: list[Piece]) -> list[Piece]:
        """The story by the words of its pieces: boxes and captions told apart, notices and source line taken out."""
        kept = without_notices(with_boxes(pieces, self.BOXES))
        if self.PLAIN_CAPTIONS:
            kept = with_plain_captions(kept)
        return self.without_source(kept)

    def without_source(self, pieces: list[Piece]) -> list[Piece]:
        """Take out the line at the end that names the paper the story is from; an agency there is a byline."""
        for piece in [piece for piece in pieces if piece.block.text][-3:]:
            text = clean(piece.block.text) or ""
            source = source_in(text, piece.links) if piece.block.type == "paragraph" else None
            if source is not None:
                self._sources.append(source)
                return [other for other in pieces if other is not piece]
        return pieces

    @cached_property
    def _sources(self) -> list[Source]:
        return []

    def without_name(self, title: str | None) -> str | None:
        """A stated title without " | <name of the paper>" at its end."""
        text = clean(title) or ""
        parts = _NAMED.fullmatch(text)
        if parts is None:
            return title
        name = fold(parts[2])
        names = {fold(clean(value) or "") for _, value in self.publisher() if value}
        host = (urlsplit(self.url).hostname or "").replace("-", "")
        return parts[1] if name in names or (len(name) > 3 and name.replace(" ", "") in host) else title
