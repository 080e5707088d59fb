"""The page object: one response seen as an article, field by field.

Each field is a generator of candidates ``(source, value)`` in order of trust; the first usable one is taken and its
source is noted in the row. So drift is visible: when a site's selector stops matching, rows say so before a person
does. The defaults suit a site that states its data (JSON-LD, OpenGraph); a site's class names its selectors.

Nothing is normalised here beyond HTML's white space (``pipelines/clean.py`` does), and nothing is invented: what is
absent is None or empty. No engine is needed: the same class reads a live response, a WARC record and a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, ClassVar

from lxml import etree
from lxml.etree import _Element
from scrapy.http import Response

from crawler import structured
from crawler.blocks import BlockRules, Piece, body_text, inline_text, read_blocks
from crawler.byline import split_byline
from crawler.capture import CaptureRef
from crawler.charset import decode
from crawler.dates import Moment, iso, parse, parse_loose
from crawler.items import (
    Article,
    ArticleLink,
    Block,
    Breadcrumb,
    Extraction,
    FieldSource,
    FoundBy,
    Image,
    Permissions,
    Source,
    Tag,
    Video,
    WarcRef,
)
from crawler.links import Addresses, FoundLink, address, extract_links
from crawler.selectors import Index
from crawler.text import clean, fold, unescape_once
from crawler.urls import canonical_url, path_of, registered_domain

Candidates = Iterator[tuple[str, Any]]

EDITORIAL_KINDS = frozenset({"related", "source", "edition"})
KINDS_WITHOUT_TEXT = frozenset({"video", "gallery", "infographic", "emagazine"})  # pictures or film may be all

_PARSER = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)

# Headlines of pages that stand where an article should be. Folded; the whole headline must be one of these.
_NOT_AN_ARTICLE = re.compile(
    r"(?:(?:loi|error|http)\s*)?40[34]\b\W*(?:(?:page )?not found|forbidden|khong tim thay.{0,40}|error|loi.{0,40})?"
    r"|khong tim thay (?:trang|bai viet|noi dung|duong dan|ket qua).{0,40}"
    r"|(?:trang|bai viet|noi dung|duong dan)[\w ]{0,30}khong (?:ton tai|tim thay|duoc tim thay).{0,40}"
    r"|(?:page|article|post)? ?not found.{0,40}|oops.{0,40}|just a moment.{0,5}|attention required.{0,40}"
    r"|access denied.{0,40}|checking your browser.{0,40}|dang kiem tra trinh duyet.{0,40}"
)
_CHALLENGES = ("#challenge-form", "#challenge-running", "#cf-challenge-running", ".cf-error-details", "#cf-wrapper")
_BYLINE_LABEL = re.compile(
    r"\(?(?:theo|by|bai|tin|anh|nguon|tac gia|thuc hien|nhom thuc hien|phong vien|pv|dich|bien dich|luoc dich|tong hop"
    r"|source|text|photos?|story|written by|reporting by|infographic|do hoa|thiet ke)\b"
    r"(?:[^:.]{0,30}:|(?<=theo)\s|(?<=by)\s)"
)
_BETWEEN_NAMES = frozenset({"và", "and", "theo", "từ", "biên", "lược", "dịch", "tổng", "hợp", "van", "de"})
_HOME = frozenset({"trang chu", "home", "trang nhat", "homepage"})
_URL_DATE = re.compile(r"/((?:19|20)\d\d)/(\d\d?)/(\d\d?)(?:/|$)")


class ArticlePage(Addresses):
    """A response read as an article. Subclass it for a site: selectors as constants, methods where these are wrong."""

    name: ClassVar[str] = "ArticlePage"
    number: ClassVar[int] = 1  # raised whenever the output for the same bytes changes

    # CSS selectors, most trusted first; each may match several elements or be ''.
    TITLE: ClassVar[tuple[str, ...]] = ()
    KICKER: ClassVar[tuple[str, ...]] = ()
    SAPO: ClassVar[tuple[str, ...]] = ()
    BODY: ClassVar[tuple[str, ...]] = ('[itemprop="articleBody"]',)
    BLOCKS: ClassVar[BlockRules] = BlockRules(
        figure="figure, .wp-caption", caption='figcaption, [class*="caption"], [class*="Caption"]'
    )
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

    def __init__(self, response: Response, *, found_by: FoundBy | None = None) -> None:
        self.response = response
        self.found_by = found_by or FoundBy()
        self.capture: CaptureRef | None = _request_meta(response).get("capture")
        content_type = response.headers.get("Content-Type")
        text, self.encoding = decode(response.body, content_type.decode("latin-1") if content_type else None)
        self.html = text
        self.root = _parse(text)
        base = next((b.get("href") for b in self.root.iter("base") if b.get("href")), None)
        self.base_url = (canonical_url(base, response.url) if base else None) or response.url
        self.url = canonical_url(self.same_page(response.url)) or response.url
        self.json_ld = structured.json_ld(self.root)
        self.articles_ld = structured.of_type(self.json_ld, structured.ARTICLE_TYPES)
        self.meta = structured.meta(self.root)
        self.warnings: list[str] = []
        self._picked: dict[str, tuple[str, Any] | None] = {}
        self._links: list[FoundLink] | None = None
        self._bodies: dict[str, tuple[list[Block], str | None]] = {}
        self._sizes: dict[int, tuple[int | None, int | None]] = {}

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

    # --- Fields, in the order of the row ----------------------------------------------------------------------

    def canonical_url(self) -> Candidates:
        own = self.identity(self.url)
        declared = [link.get("href") for link in self.root.iter("link") if link.get("rel") == "canonical"]
        for href in (*declared, *self.meta.get("og:url", ())):
            url = self.address(href)
            # An address of another article (the front page of a soft 404, another edition) is not this one's.
            if url is not None and self.identity(url) == own:
                yield "meta", url
        yield "url", self.url

    def kind(self) -> Candidates:
        types = {name for obj in self.articles_ld for name in structured.type_names(obj)}
        if "LiveBlogPosting" in types:
            yield "json_ld", "live"
        if types == {"VideoObject"}:
            yield "json_ld", "video"
        if any(value.startswith("video") for value in self.meta.get("og:type", ())):
            yield "meta", "video"
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
        yield from (("generic", inline_text(h1)) for h1 in self.root.iter("h1"))
        yield from (("generic", inline_text(title)) for title in self.root.iter("title"))

    def kicker(self) -> Candidates:
        yield from self.texts(self.KICKER)

    def sapo(self) -> Candidates:
        """The lead. Printed before stated, as for the title: descriptions are often cut short."""
        yield from self.texts(self.SAPO)
        yield from (("json_ld", structured.name_of(o.get("description"))) for o in self.articles_ld)
        yield from self.stated("og:description", "description", "twitter:description")

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
        yield from (("selector", self.person(byline)) for _, byline in self._bodies.values())
        for obj in self.articles_ld:
            people = [a for a in _as_list(obj.get("author")) if not _is_organisation(a)]
            people = [name for name in map(self.person, map(structured.name_of, people)) if name]
            yield "json_ld", ", ".join(dict.fromkeys(people))
        yield from ((source, self.person(value)) for source, value in self.stated("author", "article:author"))

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
            url = canonical_url(structured.address_of(stated) or "", self.base_url)
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
        for element in self.root.iter("time"):
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

    # --- What the fields are made with ------------------------------------------------------------------------

    @property
    def now(self) -> datetime | None:
        """Time of the capture: what "2 giờ trước" counts from."""
        return datetime.fromisoformat(self.capture.captured_at) if self.capture else None

    def texts(self, queries: tuple[str, ...]) -> Candidates:
        """Text of every element that one of the selectors matches."""
        for query in queries:
            for element in self.select(query):
                yield "selector", inline_text(element)

    def select(self, query: str) -> list[_Element]:
        """Elements of the page that a CSS selector matches, in document order."""
        return self.index.select(query)

    @cached_property
    def index(self) -> Index:
        return Index(self.root)

    def stated(self, *names: str) -> Candidates:
        """Contents of the meta elements of these names, in the order of the names."""
        for name in names:
            for value in self.meta.get(name, ()):
                yield "meta", unescape_once(value)

    def moment(self, value: Any) -> Moment | None:
        return parse(value, now=self.now) if isinstance(value, str) else None

    def printed_dates(self) -> Candidates:
        """Dates that readers see, as far as the strict parser reads them."""
        for source, value in self.texts(self.DATE):
            yield source, self.moment(value)

    def read(self, element: _Element) -> list[Block]:
        """Blocks of the element that holds the text."""
        return self.blocks_of(read_blocks(element, self.BLOCKS, self.base_url))

    def blocks_of(self, pieces: list[Piece]) -> list[Block]:
        """Blocks of a body's pieces, without a byline at either end and a repeated title or sapo."""
        texts = [piece for piece in pieces if piece.block.text]
        first, last = texts[:1], texts[-2:] if len(texts) > 2 else texts[1:]
        bylines = [p for p in first if _is_byline(p, p.right or p.italic)]
        bylines += [p for p in last if _is_byline(p, p.right or p.strong or p.italic or p is texts[-1])]
        printed = {fold(clean(self.pick(name)) or "") for name in ("title", "sapo")}
        opening = [p for p in texts[:2] if fold(clean(p.block.text) or "") in printed]
        dropped = {id(piece) for piece in (*bylines, *opening)}
        kept = [piece for piece in pieces if id(piece) not in dropped]
        blocks = [piece.block for piece in kept]
        for piece in kept:
            self._sizes[id(piece.block)] = piece.size
        self._bodies[str(len(self._bodies))] = blocks, " ".join(p.block.text or "" for p in bylines) or None
        return blocks

    def generic_body(self) -> list[Block]:
        """Paragraphs that a library finds: ten times as slow as selectors, so only where these give nothing."""
        from crawler.generic import paragraphs  # heavy imports, at first use

        printed = {fold(clean(self.pick(name)) or "") for name in ("title", "sapo")}
        return [Block("paragraph", text) for text in paragraphs(self.html) if fold(clean(text) or "") not in printed]

    def person(self, name: str | None) -> str | None:
        """A byline, unless it is empty or names the paper itself."""
        folded = fold(clean(name) or "").strip(" .:-|")
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

    def address(self, href: str | None) -> str | None:
        """The one canonical address behind an ``href`` of this page."""
        return address(type(self), href.strip(), self.base_url) if href else None

    def after_labels(self, labels: frozenset[str], stops: frozenset[str] = frozenset()) -> list[_Element]:
        """Elements that hold the links under a label, for boxes whose class is not known.

        ``labels`` and ``stops`` (other labels, where the box ends) are folded texts without a final colon.
        """
        known = labels | stops
        texts = {e: _label(e.text) for e in self.root.iter() if e.text and len(e.text) < 60}
        marks = [e for e, text in texts.items() if text in known]
        return [part for e in marks if texts[e] in labels for part in _following(e, set(marks), self.links_article)]

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

    # --- The whole --------------------------------------------------------------------------------------------

    def page_links(self) -> list[FoundLink]:
        """Every link of the page, each address once per kind."""
        if self._links is None:
            self._links = self.read_links()
        return self._links

    def read_links(self) -> list[FoundLink]:
        """Find the links; a site that knows boxes by their labels names these."""
        return self.links_with({})

    def links_with(self, places: dict[_Element, str]) -> list[FoundLink]:
        """Links of the page, where articles in these elements are of the kind given."""
        found = extract_links(self.root, type(self), self.base_url, places)
        following = self.next_page(self) if self.kind_of(self.url) != "article" else None
        return [
            replace(link, kind="next_page") if link.url == following else link
            for link in found
            if link.kind != "edition" or link.url != self.url
        ]

    def is_article(self) -> bool:
        """Whether this is an article: by the address, the headline and a text; not a soft 404 or a challenge."""
        return self.kind_of(self.url) in (None, "article") and self.reads_as_article()

    def reads_as_article(self) -> bool:
        """The same, whatever the address looks like."""
        if self.response.status not in (200, 203):
            return False
        title = clean(self.pick("title"))
        if title is None or self.is_refusal():
            return False
        if body_text(self.pick("body") or ()):
            return True
        return self.pick("kind") in KINDS_WITHOUT_TEXT and bool(self.pick("images") or self.pick("videos"))

    def is_refusal(self) -> bool:
        """Whether the page stands in the place of another: an error page with status 200, a browser check."""
        headlines = [inline_text(e) for e in (*self.root.iter("title"), *self.root.iter("h1"))]
        if any(_NOT_AN_ARTICLE.fullmatch(fold(clean(text) or "")) for text in headlines):
            return True
        return len(self.html) < 30_000 and any(self.select(query) for query in _CHALLENGES)

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
            links=[ArticleLink(x.url, x.text, x.kind) for x in self.page_links() if self.is_editorial(x)],
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
        return link.kind in EDITORIAL_KINDS and link.url != self.url

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
        return Permissions(
            robots_rule=_request_meta(self.response).get("robots_rule"),
            meta_robots=", ".join(self.meta.get("robots", ())) or None,
            x_robots_tag=", ".join(robots) or None,
            tdm_reservation=reserved.decode("latin-1") if reserved else stated,
        )


def language_tag(text: str | None) -> str | None:
    """BCP 47 with the usual letter case; the region goes where it adds nothing (vi-VN)."""
    if not text or not re.fullmatch(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*", text.strip()):
        return None
    first, *rest = re.split("[-_]", text.strip())
    if first.lower() == "vi":
        return "vi"
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def _parse(text: str) -> _Element:
    """Parse once. Empty and broken documents give an empty page, not an error."""
    try:
        root = etree.fromstring(text.replace("\x00", "").encode("utf-8", "replace"), _PARSER)
    except (ValueError, etree.XMLSyntaxError):  # nothing but white space or comments
        root = None
    return root if root is not None else etree.fromstring("<html><body></body></html>", _PARSER)


def _request_meta(response: Response) -> dict[str, Any]:
    return response.request.meta if response.request is not None else {}


def _usable(value: Any) -> bool:
    if isinstance(value, str):
        return clean(value) is not None
    return value is not None and value != []


def _is_byline(piece: Piece, may_be_name: bool) -> bool:
    """Whether a paragraph names its makers: by a label, or (where a bare name may stand) nothing but names."""
    text = clean(piece.block.text) or ""
    if piece.block.type != "paragraph" or len(text) > 120 or text[-1:] in ".?!:;…" or not any(split_byline(text)):
        return False
    if _BYLINE_LABEL.match(fold(text)) or fold(text).endswith(("(tong hop)", "(th)", "(dich)", "(bien dich)")):
        return True
    words = re.findall(r"[^\W\d_]+", re.sub(r"\([^()]*\)", "", text))
    named = all(word[0].isupper() or word in _BETWEEN_NAMES for word in words)
    return may_be_name and named and 2 <= len(words) <= 8 and not re.search(r"\d", text)


@lru_cache(maxsize=4096)
def _label(text: str) -> str:
    """A label for comparing: folded, without a colon or a count such as "(0)" at its end."""
    return re.sub(r"\s*(?:\(\d+\))?\s*[:：]?$", "", fold(clean(text) or ""))


def _following(label: _Element, marks: set[_Element], is_article: Callable[[_Element], bool]) -> list[_Element]:
    """Elements with links after a label, up to the next label: beside it, else beside what encloses it.

    Where those link no article (a topic's name beside the label), what stands one level further out belongs to them.
    """
    found: list[_Element] = []
    at: _Element | None = label
    while at is not None and at.tag not in ("body", "html", "main"):
        beside = []
        for sibling in at.itersiblings():
            if any(e in marks for e in sibling.iter()):
                break
            if next(sibling.iter("a"), None) is not None:
                beside.append(sibling)
        found += beside
        if found and (found != beside or any(map(is_article, (a for part in found for a in part.iter("a"))))):
            return found
        at = at.getparent()
    return found


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
