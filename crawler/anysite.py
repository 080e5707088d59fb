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

from crawler import kinds, structured
from crawler.blocks import Piece, body_text, inline_text
from crawler.byline import split_byline
from crawler.htmltext import SKIP, image_address, pixels
from crawler.items import Article, Image, Source
from crawler.links import FoundLink
from crawler.notices import leads_on, with_boxes, with_plain_captions, without_notices
from crawler.page import ArticlePage, Candidates
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
_BESIDE = frozenset({"aside", "nav"})
_OF_ARTICLE = re.compile(r"entry|post|article", re.I)  # in the class of its footer
_BESIDE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:related|sidebar|widget|comments?|recommend\w*|popular|latest)(?:$|[\s_-])", re.I
)
_SOURCE_LINE = re.compile(
    r"\(?(?:nguồn(?: tin)?|source|original(?:ly published (?:on|by))?|via)\s*[:：]\s*(\S.*?)\)?", re.I
)
_NAMED = re.compile(r"(.+)\s[|–—-]\s(.+)")
_LONGEST_DATE = 60  # letters
_LONGEST_SOURCE = 200  # letters
_STORY = 3, 600  # paragraphs and letters from which a text is a story, whatever its address looks like
_LIST = 5  # links to articles outside of paragraphs from which a page may be a list


class AnySite(ArticlePage):
    """Every field by what the page states, then by what many sites have in common."""

    PLAIN_CAPTIONS: ClassVar[bool] = False  # captions may stand as paragraphs of the story
    explicit_lists: ClassVar[frozenset[str]] = frozenset({"front", "tag", "author", "topic", "feed", "sitemap"})

    # --- Whether it is an article -----------------------------------------------------------------------------

    def is_article(self) -> bool:
        return self.reads_as_article() and self.article_by is not None

    @cached_property
    def article_by(self) -> str | None:
        """What makes it an article: json_ld, meta, url or generic (its text); None for lists and other pages."""
        shape = self.kind_of(self.url)
        if shape in self.explicit_lists or self.is_named_list():
            return None
        types = {name for obj in self.json_ld for name in structured.type_names(obj)}
        listed = bool(types & {"CollectionPage", "SearchResultsPage"}) or len(self.articles_ld) > 1
        if self.articles_ld and (shape == "article" or not listed):
            return "json_ld"
        stated = any(value == "article" for value in self.meta.get("og:type", ()))
        if shape in ("article", None):
            return "meta" if stated else "url"
        if listed or not self.tells_a_story():
            return None
        return "meta" if stated else "generic"

    def is_named_list(self) -> bool:
        """Whether the address says in words that it is a list."""
        return False

    def tells_a_story(self) -> bool:
        """Whether the page has a headline, a date and a story, and is no list of teasers."""
        text = body_text(self.pick("body") or ()) or ""
        paragraphs, letters = _STORY
        if text.count("\n\n") + 1 < paragraphs or len(text) < letters or self.headline is None:
            return False
        cards = {
            url
            for a in self.frame.iter("a")
            if (url := self.address(a.get("href"))) and self.kind_of(url) == "article" and url != self.url
            if next(a.iterancestors("p"), None) is None and not _is_beside(a)
        }
        return len(cards) < _LIST and self.pick("published_at") is not None

    def article(self) -> Article:
        row = super().article()
        if self.article_by == "generic":
            row.extraction.warnings.append("taken for an article by its text alone: neither page nor address says so")
        return row

    def kind(self) -> Candidates:
        """A special kind by data, format, section or address; the source of a plain article is what made it one."""
        own = [(source, value) for source, value in super().kind() if value != "article"]
        yield from own
        formats = [e.get("class") or "" for e in self.root.iter("body", "article")]
        yield from (("generic", kinds.by_format(classes)) for classes in formats)
        yield "url", kinds.by_address(self.url)
        yield self.article_source(), "article"

    def article_source(self) -> str:
        """As ``article_by``, without a look at the text: that would ask for the kind again."""
        if self.articles_ld:
            return "json_ld"
        if any(value == "article" for value in self.meta.get("og:type", ())):
            return "meta"
        return "url" if self.kind_of(self.url) in ("article", None) else "generic"

    # --- Fields -----------------------------------------------------------------------------------------------

    def title(self) -> Candidates:
        """The printed headline where the page states nearly the same one; else the stated one without the paper."""
        yield from self.texts(self.TITLE)
        stated = [value for source, value in super().title() if source in ("json_ld", "meta") and clean(value)]
        for h1 in self.root.iter("h1"):
            if any(_alike(inline_text(h1), value) for value in stated):
                yield "generic", inline_text(h1)
        yield from ((source, self.without_name(value)) for source, value in super().title())

    def sapo(self) -> Candidates:
        yield from self.texts(self.SAPO)
        yield from (("generic", inline_text(e)) for query in _SAPO for e in self.near(query))
        yield from super().sapo()

    def byline(self) -> Candidates:
        yield from super().byline()
        for query in _BYLINE:
            for element in self.near(query):
                if element.tag != "meta" and any(split_byline(name := inline_text(element), self.papers())):
                    yield "generic", self.person(name)

    def source(self) -> Candidates:
        yield from super().source()
        self.pick("body")
        yield from (("generic", source) for source in self._sources)

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
        for query in _DATE:
            for element in self.near(query):
                yield "generic", self.printed(element)
        yield from (("generic", self.moment(text)) for text in self.lines_above())

    def lines_above(self) -> Iterator[str]:
        """Short texts between the headline and the first paragraph: the date is one of them on most pages."""
        below = False
        for element in self.frame.iter():
            if element is self.headline:
                below = True
            elif below and isinstance(element.tag, str) and element.tag not in SKIP:
                text = inline_text(element)
                if element.tag == "p" and len(text) > _STORY[1] // 6:
                    return
                if 6 <= len(text) <= _LONGEST_DATE and element.tag != "a" and not _is_beside(element, self.frame):
                    yield text

    def read_links(self) -> list[FoundLink]:
        """Related ones by the box they stand in, its label or the words before them; none of another site is a list."""
        boxes = [e for query in _RELATED for e in self.select(query)]
        lines = [e for e in self.frame.iter("p", "li", "h3", "h4") if len(e) and leads_on(inline_text(e))]
        places = [*boxes, *self.after_labels(_RELATED_LABELS, _STOPS), *lines]
        own = registered_domain(self.url)
        return [
            link if registered_domain(link.url) == own or link.kind == "source" else link._replace(kind="other")
            for link in self.links_with(dict.fromkeys(places, "related"))
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
            line = _SOURCE_LINE.fullmatch(text) if len(text) <= _LONGEST_SOURCE else None
            if line is None or piece.block.type != "paragraph" or split_byline(text)[1]:
                continue
            url = next(filter(None, (canonical_url(link) for link in piece.links)), None)
            name = line[1].strip()
            if "://" in name:
                url, name = url or canonical_url(name), ""
            if not name.endswith(".") and (url or len(name) <= 80):
                self._sources.append(Source(name or None, url))
                return [other for other in pieces if other is not piece]
        return pieces

    @cached_property
    def _sources(self) -> list[Source]:
        return []

    @cached_property
    def headline(self) -> _Element | None:
        """The ``h1`` of the article: the one that the title was taken from or is like, else the only one."""
        found = list(self.root.iter("h1"))
        title = self.pick("title") or ""
        return next((h1 for h1 in found if _alike(inline_text(h1), title)), found[0] if len(found) == 1 else None)

    @cached_property
    def frame(self) -> _Element:
        """The innermost element that holds the headline and a text: what is said of the article stands in it."""
        around = self.headline.iterancestors() if self.headline is not None else iter(())
        return next((e for e in around if sum(len(inline_text(p)) > 80 for p in e.iter("p")) >= 2), self.root)

    def near(self, query: str) -> list[_Element]:
        """What a selector matches around the story, not in what stands beside it."""
        inside = self.frame
        return [e for e in self.select(query) if inside in e.iterancestors() and not _is_beside(e, inside)]

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


def _is_beside(element: _Element, inside: _Element | None = None) -> bool:
    """Whether an element stands in a part beside the story: a sidebar, related stories, comments."""
    for around in (element, *element.iterancestors()):
        if around is inside:
            return False
        classes = around.get("class") or ""
        if around.tag in _BESIDE or _BESIDE_CLASS.search(classes):
            return True
        if around.tag == "footer" and not _OF_ARTICLE.search(classes):
            return True
    return False


def _alike(one: str, other: str) -> bool:
    """Whether two headlines are nearly the same: most words of the shorter one stand in the longer one."""
    a, b = (set(re.findall(r"\w+", fold(clean(text) or ""))) for text in (one, other))
    return len(a & b) >= 0.7 * min(len(a), len(b)) and len(a & b) >= 2
