"""The fields of a page: for each one its candidates ``(source, value)``, in order of trust.

The first usable candidate is taken and its source is noted in the row. So drift is visible: when a site's selector
stops matching, rows say so before a person does. The defaults suit a site that states its data (JSON-LD, OpenGraph).

Nothing is normalised here beyond HTML's white space (``pipelines/clean.py`` does), and nothing is invented: what is
absent is None or empty.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

from lxml.etree import _Element
from scrapy.http import Response

from crawler import kinds, structured
from crawler.beside import is_beside
from crawler.blocks import BlockRules, Piece, body_text, inline_text, read_blocks
from crawler.byline import split_byline
from crawler.dates import Moment, parse_loose
from crawler.items import Block, Breadcrumb, Image, Source, Tag, Video
from crawler.locate import located
from crawler.makers import bylines, joined
from crawler.notices import is_furniture
from crawler.reading import Candidates, Reading
from crawler.text import clean, fold
from crawler.urls import canonical_url, path_of, registered_domain

KINDS_WITHOUT_TEXT = frozenset({"video", "gallery", "infographic", "emagazine"})  # pictures or film may be all

_HOME = frozenset({"trang chu", "home", "trang nhat", "homepage"})
_BY = re.compile(r"^(?:by|boi|author|tac gia|dang boi|posted by|written by)\b\s*:?\s*")
_CUT = ("...", "…", "[…]", "[...]")  # ends of a description that a machine shortened
_URL_DATE = re.compile(r"/((?:19|20)\d\d)/(\d\d?)/(\d\d?)(?:/|$)")


class Fields(Reading):
    """A response and what can be read from it, field by field. ``ArticlePage`` makes the row of it."""

    # CSS selectors, most trusted first; each may match several elements or be ''.
    TITLE: ClassVar[tuple[str, ...]] = ()
    KICKER: ClassVar[tuple[str, ...]] = ()
    SAPO: ClassVar[tuple[str, ...]] = ()
    BODY: ClassVar[tuple[str, ...]] = ('[itemprop="articleBody"]',)
    BLOCKS: ClassVar[BlockRules] = BlockRules(
        figure="figure, .wp-caption", caption='figcaption, [class*="caption"], [class*="Caption"]'
    )
    BOXES: ClassVar[frozenset[str]] = frozenset()  # labels of boxes beside the story, folded: "key takeaways"
    DATE: ClassVar[tuple[str, ...]] = ()
    BYLINE: ClassVar[tuple[str, ...]] = ()
    SOURCE: ClassVar[tuple[str, ...]] = ()
    BREADCRUMBS: ClassVar[tuple[str, ...]] = ()
    TAGS: ClassVar[tuple[str, ...]] = ()
    TOPICS: ClassVar[tuple[str, ...]] = ()

    FIELDS: ClassVar[tuple[str, ...]] = (
        "canonical_url",
        "kind",
        "language",
        "title",
        "kicker",
        "sapo",
        "body",
        "byline",
        "publisher",
        "source",
        "section",
        "breadcrumbs",
        "tags",
        "topics",
        "images",
        "videos",
        "published_at",
        "modified_at",
    )

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self._bylines: list[tuple[str, str | None]] = []  # of every text that was read, with the source
        self._sizes: dict[int, tuple[int | None, int | None]] = {}  # width and height by id of an image block

    # --- Fields, in the order of the row ----------------------------------------------------------------------

    def canonical_url(self) -> Candidates:
        own = self.identity(self.url)
        declared = [link.get("href") for link in self.index.iter("link") if link.get("rel") == "canonical"]
        for href in (*declared, *self.meta.get("og:url", ())):
            url = self.address(href)
            # An address of another article (the front page of a soft 404, another edition) is not this one's.
            if url is not None and self.identity(url) == own:
                yield "meta", url
        yield "url", self.url

    def kind(self) -> Candidates:
        types = {name for obj in self.articles_ld for name in structured.type_names(obj)}
        yield "json_ld", kinds.by_types(types)
        if any(value.startswith("video") for value in self.meta.get("og:type", ())):
            yield "meta", "video"
        for crumb in self.pick("breadcrumbs") or ():
            yield self.source_of("breadcrumbs") or "", kinds.by_section(crumb.name)
        yield self.source_of("title") or "", kinds.by_title(self.pick("title"))
        yield "url", "article"

    def language(self) -> Candidates:
        yield "url", language_tag(self.language_of(self.url))
        yield from (("json_ld", language_tag(structured.name_of(o.get("inLanguage")))) for o in self.articles_ld)
        yield "meta", language_tag(self.root.get("lang"))
        yield from (("meta", language_tag(value)) for value in self.meta.get("content-language", ()))
        yield from (("meta", language_tag(value)) for value in self.meta.get("og:locale", ()))

    def title(self) -> Candidates:
        """The headline. What readers saw comes first: the stated one may be shortened or written for search."""
        yield from self.texts(self.TITLE)
        yield from (("json_ld", structured.name_of(o.get("headline") or o.get("name"))) for o in self.articles_ld)
        yield from self.stated("og:title", "twitter:title")
        yield from (("generic", inline_text(h1)) for h1 in self.index.iter("h1"))
        yield from (("generic", inline_text(title)) for title in self.index.iter("title"))

    def kicker(self) -> Candidates:
        yield from self.texts(self.KICKER)

    def sapo(self) -> Candidates:
        """The lead. Printed before stated, as for the title; a description that was cut short is none."""
        yield from self.texts(self.SAPO)
        stated = [("json_ld", structured.name_of(o.get("description"))) for o in self.articles_ld]
        for source, value in (*stated, *self.stated("og:description", "description", "twitter:description")):
            if not (clean(value) or "").endswith(_CUT):
                yield source, value

    def body(self) -> Candidates:
        """Blocks of the body. A stated ``articleBody`` comes last: it has lost its paragraphs and its boxes."""
        pictures: list[Block] = []
        for query in self.BODY:
            for element in self.select(query):
                blocks = self.read(element)
                if body_text(blocks):
                    yield "selector", blocks
                pictures = pictures or blocks
        if self.pick("kind") in KINDS_WITHOUT_TEXT:
            yield "selector", pictures
        yield "generic", self.generic_body()
        for obj in self.articles_ld:
            stated = structured.name_of(obj.get("articleBody")) or ""
            lines = [line.strip() for line in stated.splitlines() if line.strip()]
            yield "json_ld", [Block("paragraph", line) for line in lines]

    def byline(self) -> Candidates:
        """The author line as printed; the paper's own name, "admin" and agencies' home pages are no authors."""
        for source, value in self.texts(self.BYLINE):
            yield source, self.person(value)
        self.pick("body")
        yield from ((source, self.person(byline)) for source, byline in self._bylines if any(split_byline(byline)))
        for obj in self.articles_ld:
            people = [a for a in _as_list(obj.get("author")) if not _is_organisation(a)]
            people = [name for name in map(self.person, map(structured.name_of, people)) if name]
            yield "json_ld", ", ".join(dict.fromkeys(people))
        yield from ((source, self.person(value)) for source, value in self.stated("author", "article:author"))
        yield from ((source, self.person(byline)) for source, byline in self._bylines)  # "Theo Lao Động", "Nhóm PV"

    def publisher(self) -> Candidates:
        yield from (("json_ld", structured.name_of(o.get("publisher"))) for o in self.articles_ld)
        yield from self.stated("og:site_name", "application-name", "copyright")

    def source(self) -> Candidates:
        """The paper that the page republishes, where a site prints one."""
        for query in self.SOURCE:
            for element in self.select(query):
                text = re.sub(r"^(?:Nguồn|Source|Theo)\s*:?\s*", "", clean(inline_text(element)) or "", flags=re.I)
                hrefs = [a.get("href") for a in element.iter("a") if a.get("href")]
                url = canonical_url(hrefs[0] or "", self.base_url) if hrefs else None
                yield "selector", Source(text or None, url) if text or url else None

    def section(self) -> Candidates:
        crumbs = self.pick("breadcrumbs")
        if crumbs:
            yield self.source_of("breadcrumbs") or "selector", crumbs[0].name
        for obj in self.articles_ld:
            yield "json_ld", structured.name_of(obj.get("articleSection"))
        yield from self.stated("article:section")

    def breadcrumbs(self) -> Candidates:
        stated = [(name, url) for name, url in structured.breadcrumb_items(self.json_ld)]
        yield "json_ld", self.sections(stated)
        for query in self.BREADCRUMBS:
            links = [(inline_text(a), a.get("href")) for a in self.select(query)]
            yield "selector", self.sections(links)

    def tags(self) -> Candidates:
        """Tags as printed, with their addresses; stated keywords are names only."""
        for query in self.TAGS:
            yield "selector", self.tagged(self.select(query))
        for obj in self.articles_ld:
            words = obj.get("keywords")
            words = words.split(",") if isinstance(words, str) else words if isinstance(words, list) else []
            names = [name for word in words if (name := structured.name_of(word))]
            yield "json_ld", [Tag(name) for name in dict.fromkeys(names)]
        yield "meta", [Tag(name) for name in dict.fromkeys(self.meta.get("article:tag", ()))]

    def topics(self) -> Candidates:
        for query in self.TOPICS:
            yield "selector", self.tagged(self.select(query))

    def images(self) -> Candidates:
        """Images of the body; the lead image that the page states only where the body has none."""
        blocks = [block for block in self.pick("body") or () if block.type == "image"]
        found: dict[str, Image] = {}
        for block in blocks:
            width, height = self._sizes.get(id(block), (None, None))
            image = Image(block.url or "", block.alt, block.caption, block.credit, len(found), width, height)
            found.setdefault(image.url, image)
        yield self.source_of("body") or "selector", list(found.values())
        for obj in self.articles_ld:
            stated = obj.get("image")
            place = structured.address_of(stated)  # '' would be the page itself
            url = canonical_url(place, self.base_url) if place else None
            size = stated if isinstance(stated, dict) else {}
            width, height = _whole(size.get("width")), _whole(size.get("height"))
            yield "json_ld", [Image(url, width=width, height=height)] if url else []
        for value in self.meta.get("og:image", ()):
            url = canonical_url(value, self.base_url)
            alt = next(iter(self.meta.get("og:image:alt", ())), None)
            yield "meta", [Image(url, alt)] if url else []

    def videos(self) -> Candidates:
        blocks = [block for block in self.pick("body") or () if block.type == "video"]
        films = {b.url: Video(b.url or "", b.caption, b.credit) for b in blocks}
        yield self.source_of("body") or "selector", _numbered(list(films.values()))
        stated = structured.of_type(self.json_ld, frozenset({"VideoObject"}))
        stated += [v for obj in self.articles_ld for v in _as_list(obj.get("video")) if isinstance(v, dict)]
        urls = [obj.get("contentUrl") or obj.get("embedUrl") for obj in stated]
        good = [url for u in urls if isinstance(u, str) and (url := canonical_url(u, self.base_url))]
        yield "json_ld", _numbered([Video(url) for url in dict.fromkeys(good)])
        for value in self.meta.get("og:video", ()) or self.meta.get("og:video:url", ()):
            url = canonical_url(value, self.base_url)
            yield "meta", [Video(url)] if url else []

    def published_at(self) -> Candidates:
        """Moments of publication; a guess (another shape of date, an address, a search of the page) comes last."""
        yield from (("json_ld", self.moment(o.get("datePublished"))) for o in self.articles_ld)
        yield from (("json_ld", self.moment(o.get("uploadDate"))) for o in self.articles_ld)
        yield from self.printed_dates()
        for source, value in self.stated("article:published_time", "datepublished", "pubdate", "og:pubdate"):
            yield source, self.moment(value)
        for element in self.index.iter("time"):
            if not is_beside(element):  # that of a comment or of another story
                yield "generic", self.moment(element.get("datetime") or inline_text(element))
        if match := _URL_DATE.search(self.url):
            yield "url", self.moment(f"{int(match[1])}-{int(match[2]):02}-{int(match[3]):02}")
        for _, value in self.texts(self.DATE):
            yield "selector", parse_loose(value, self.now) if self.now else None

    def modified_at(self) -> Candidates:
        yield from (("json_ld", self.moment(o.get("dateModified"))) for o in self.articles_ld)
        yield from (
            (s, self.moment(v)) for s, v in self.stated("article:modified_time", "og:updated_time", "datemodified")
        )

    # --- What several fields share -----------------------------------------------------------------------------

    def printed_dates(self) -> Candidates:
        """Dates that readers see, as far as the strict parser reads them."""
        for query in self.DATE:
            yield from (("selector", self.printed(element)) for element in self.select(query))

    def printed(self, element: _Element) -> Moment | None:
        """The date that an element prints; one with a ``datetime`` says more than its text."""
        text = inline_text(element)
        stated = self.moment(element.get("datetime") or element.get("content"))
        return replace(stated, text=text or stated.text) if stated else self.moment(text)

    def read(self, element: _Element) -> list[Block]:
        """Blocks of the element that holds the text."""
        return self.blocks_of(self.pieces(read_blocks(element, self.BLOCKS, self.base_url)))

    def pieces(self, pieces: list[Piece]) -> list[Piece]:
        """What a site that cannot say it in selectors tells apart by the words of the pieces."""
        return pieces

    def blocks_of(self, pieces: list[Piece], source: str = "selector") -> list[Block]:
        """Blocks of a body's pieces, without a byline at either end and a repeated title or sapo."""
        makers = bylines(pieces)
        texts = [piece for piece in pieces if piece.block.text]
        printed = {fold(clean(self.pick(name)) or "") for name in ("title", "sapo")}
        if source == "generic":
            printed |= self.papers()
        opening = [p for p in texts[: 4 if source == "generic" else 2] if fold(clean(p.block.text) or "") in printed]
        dropped = {id(piece) for piece in (*makers, *opening)}
        kept = [piece for piece in pieces if id(piece) not in dropped]
        blocks = [piece.block for piece in kept]
        for piece in kept:
            self._sizes[id(piece.block)] = piece.size
        self._bylines.append((source, joined(makers)))
        return blocks

    def generic_body(self) -> list[Block]:
        """What a library finds, at its place on the page: ten times as slow as selectors, so only without these."""
        from crawler.generic import paragraphs  # heavy imports, at first use

        found = paragraphs(self.html)
        pieces = located(self.root, found, self.base_url, self.BOXES) or [
            Piece(Block(text=text)) for text in found if not is_furniture(text)
        ]
        return self.blocks_of(self.pieces(pieces), "generic")

    def person(self, name: str | None) -> str | None:
        """A byline, unless it is empty or names the paper itself."""
        folded = _BY.sub("", fold(clean(name) or "").strip(" .:-|"))
        is_address = folded.startswith(("http://", "https://"))
        return None if not folded or is_address or folded in self.papers() else name

    def papers(self) -> set[str]:
        """Folded names that stand for the paper or its editor, not for a person."""
        domain = registered_domain(self.url)
        named = {fold(clean(value) or "") for _, value in self.publisher() if value}
        return named | {domain, domain.partition(".")[0], "admin", "administrator"}

    def sections(self, links: list[tuple[str, str | None]]) -> list[Breadcrumb]:
        """Breadcrumbs without the front page at their start and the article itself at their end."""
        crumbs: list[Breadcrumb] = []
        for name, href in links:
            url = self.address(href)
            text = clean(name)
            front = url is not None and path_of(url) == ""
            if not text or fold(text) in _HOME or front or url == self.url or text == clean(self.pick("title")):
                continue
            crumbs.append(Breadcrumb(text, url))
        return crumbs


def language_tag(text: str | None) -> str | None:
    """BCP 47 with the usual letter case; the region goes where it adds nothing (vi-VN)."""
    if not text or not re.fullmatch(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*", text.strip()):
        return None
    first, *rest = re.split("[-_]", text.strip())
    if first.lower() == "vi":
        return "vi"
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def _is_organisation(author: Any) -> bool:
    return isinstance(author, dict) and any(name.endswith("Organization") for name in structured.type_names(author))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _whole(value: Any) -> int | None:
    if isinstance(value, dict):
        value = value.get("value")
    match = re.fullmatch(r"(\d{1,5})(?:\.\d+)?(?: ?px)?", str(value).strip())
    return int(match[1]) if match else None


def _numbered(films: list[Video]) -> list[Video]:
    for position, film in enumerate(films):
        film.position = position
    return films
