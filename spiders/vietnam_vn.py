"""vietnam.vn: articles of Vietnamese papers, republished and machine-translated into a dozen languages.

- ``/<slug>`` is the Vietnamese article, ``/en/<slug>`` its translation under the same Vietnamese slug; no numbers.
- WordPress until the end of 2024 (addresses with a final slash), a Next.js application since; the server renders it.
- Few class names are known, so the text is read by its order after the ``h1``: the paper twice (logo and name) glued
  to ``dd/mm/yyyy``, the sapo (before or after that line), picture and caption, paragraphs, ``Nguồn: <address>``,
  comments, lists of the same tag, category and author, promotional blocks, footer banners (seen 2025).
- JSON-LD, ``__NEXT_DATA__`` and the streamed page data are read where a page has them; none is required.
- The paper of the publisher line is ``source``; the day in an image's path is not the day of publication.
- A burst of requests was answered by 403 for a quarter of an hour (July 2026).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import accumulate, count
from typing import Any, ClassVar
from urllib.parse import urlsplit

from lxml.etree import _Element

from crawler.blocks import BlockRules, Piece, inline_text, read_blocks, read_until
from crawler.editions import COLON, SAME_OTHER, SAME_TAG, SOURCE_LABELS, counts_comments, folded
from crawler.items import Article, Block, Source
from crawler.labels import label_of
from crawler.links import Addresses, FoundLink, LinkRule, Wanted
from crawler.page import ArticlePage, Candidates
from crawler.requisites import RequisiteRules
from crawler.spider import NewsSpider
from crawler.structured import PAGE_DATA, name_of, page_data
from crawler.text import clean, fold
from crawler.urls import canonical_url, slugify
from spiders.baoquocte_vn import Baoquocte
from spiders.news import NewsPage

WWW = "https://www.vietnam.vn"
LANGUAGES = ("vi", "en", "ja", "ko", "zh-cn", "fr", "es", "de", "th", "id", "tr", "ar")

_HOSTS = frozenset({"vietnam.vn", "www.vietnam.vn"})
_EDITION = re.compile(r"[a-z]{2}(?:-[a-z]{2})?")
_SLUG = re.compile(r"[a-z0-9_%]+(?:-[a-z0-9_%]+)+")
_PLACES = {"category": "category", "tag": "tag", "authors": "author", "author": "author", "events": "topic"}
_STATIC = frozenset(
    {"gioi-thieu", "lien-he", "tim-kiem", "dang-nhap", "dang-ky", "trang-chu", "about-us", "contact-us", "tai-khoan"}
    | {"dieu-khoan-su-dung", "chinh-sach-bao-mat", "privacy-policy", "terms-of-use", "terms-of-service", "wp-content"}
)

# Labels, folded.
_SAME_TAG = folded(SAME_TAG)
_SAME_OTHER = folded(SAME_OTHER)
_AFTER_STORY = _SAME_TAG | _SAME_OTHER
_PROMOTION = frozenset(
    {"heritage", "figure", "enterprise", "news", "political system", "destination", "product"}
    | {"di san", "nhan vat", "doanh nghiep", "tin tuc", "he thong chinh tri", "diem den", "san pham"}
)
_COUNT = re.compile(r"\D{2,40} ?[(（]\d+[)）]")  # "Bình luận (0)" in any language
_LEGAL = re.compile(r"(?:bo van hoa|chiu trach nhiem|cuc truong|tru so|giay phep)\b")
_SOURCE_LINE = re.compile(rf"\s*([^\d:：﹕]{{1,25}}){COLON}\s*(\S.*)?")
_PUBLISHED_LINE = re.compile(
    r"(?P<paper>.{0,80}?)\s*(?P<day>\d{1,2}([/.-])\d{1,2}\3\d{4})(?:[\s|,–-]+\d{1,2}:\d{2}(?: \(?GMT ?\+7\)?)?)?"
)
_OWN_CLASSES = 3  # of BODY: those that hold the text and nothing else
_ALIKE = 3  # pieces by which a part is found again in the whole

# Names that the page data of such an application may give the fields; the real ones are not known.
_STATED = {
    "title": ("title", "headline", "name"),
    "sapo": ("sapo", "description", "summary", "excerpt", "lead"),
    "body": ("content", "contentHtml", "body", "html", "detail"),
    "published": (
        "publishedAt",
        "publishDate",
        "publishedDate",
        "published_at",
        "publishTime",
        "datePublished",
        "date",
    ),
    "modified": ("modifiedAt", "updatedAt", "updated_at", "dateModified"),
}


class Vietnam(Addresses):
    """What the addresses of the site mean."""

    site = "vietnam.vn"
    republishes = True
    link_rules: ClassVar[tuple[LinkRule, ...]] = (
        LinkRule("related", css="div.post-detail-body, div.entry-content", shape="article"),
        LinkRule("other", css=".ant-pagination, .pagination, .nav-links"),  # next_page() chooses the one to follow
    )

    @classmethod
    def parts(cls, url: str) -> tuple[str, tuple[str, ...]] | None:
        """Edition and the other path segments; None for other hosts."""
        return _parts(url)

    @classmethod
    def same_page(cls, url: str) -> str:
        parts = cls.parts(url)
        if parts is None:
            return url
        language, rest = parts
        if len(rest) == 2 and rest[1] == "amp":
            rest = rest[:1]
        query = urlsplit(url).query
        path = "/".join(rest if language == "vi" else [language, *rest])
        return f"{WWW}/{path}" + (f"?{query}" if query else "")

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        parts = cls.parts(url)
        if parts is None:
            return None
        rest = parts[1]
        if not rest:
            return "front"
        if rest[-1].endswith(".rss") or rest[-1] == "feed":
            return "feed"
        if rest[-1].endswith((".xml", ".xml.gz")):
            return "sitemap"
        if rest[0] in _PLACES:
            return _PLACES[rest[0]]
        return "article" if len(rest) == 1 and _SLUG.fullmatch(rest[0]) and rest[0] not in _STATIC else None

    @classmethod
    def article_id(cls, url: str) -> str | None:
        parts = cls.parts(url)
        if parts is None or cls.kind_of(url) != "article":
            return None
        return f"vietnam.vn:{parts[0]}:{parts[1][0]}"

    @classmethod
    def language_of(cls, url: str) -> str | None:
        parts = cls.parts(url)
        return parts[0] if parts else None

    @classmethod
    def next_page(cls, page: ArticlePage) -> str | None:
        """How the site pages its lists is not known: the link that says it is the next one."""
        for query in ('link[rel="next"]', 'a[rel~="next"]', "li.ant-pagination-next a", "a.next"):
            for link in page.select(query):
                url = page.address(link.get("href"))
                if url is not None and url != page.url:
                    return url
        return None


@lru_cache(maxsize=16_384)  # asked by every function of an address
def _parts(url: str) -> tuple[str, tuple[str, ...]] | None:
    split = urlsplit(url)
    if split.hostname not in _HOSTS:
        return None
    segments = tuple(segment for segment in split.path.split("/") if segment)
    if segments and _EDITION.fullmatch(segments[0]):
        return segments[0], segments[1:]
    return "vi", segments


@dataclass
class Story:
    """The text of a page in its order after the headline."""

    sapo: str | None = None
    paper: str | None = None
    day: str | None = None
    body: list[Piece] = field(default_factory=list)
    source: Source = field(default_factory=Source)
    by_class: bool = True  # the element of the text was found by its class


class VietnamPage(Vietnam, ArticlePage):
    """Article pages since 2023."""

    name = "VietnamPage"
    fallback = NewsPage
    number = 2

    TITLE = ("h1",)
    BODY = (".post-detail-body", ".post-detail-container", ".entry-content", ".ant-layout-content", '[role="main"]')
    BLOCKS = BlockRules(
        drop='nav, [class*="breadcrumb"], .v-link-title, .ant-layout-footer, footer, header, img[src*="/thumb/48x48/"]',
        figure="figure, .wp-caption",
        caption='figcaption, [class*="caption"], [class*="Caption"]',
    )
    BREADCRUMBS = (".ant-breadcrumb a", '[class*="breadcrumb"] a', '[aria-label*="readcrumb"] a')

    # --- Fields -----------------------------------------------------------------------------------------------

    def title(self) -> Candidates:
        yield from super().title()
        yield "embedded", self.stated_post.get("title")

    def sapo(self) -> Candidates:
        yield "label", self.story.sapo
        yield "embedded", self.stated_post.get("sapo")
        yield from super().sapo()

    def body(self) -> Candidates:
        yield "selector" if self.story.by_class else "label", self.blocks_of(self.story.body)
        yield "embedded", self.blocks_of(self.stated_story.body)
        yield "generic", self.generic_body()

    def source(self) -> Candidates:
        """The paper of the publisher line, and the address of the source line."""
        story = self.story
        name = story.paper or story.source.name
        if name or story.source.url:
            yield "label", Source(name, story.source.url, Baoquocte.article_id(story.source.url or ""))
        if url := self.stated_story.source.url:
            yield "embedded", Source(self.stated_story.source.name, url, Baoquocte.article_id(url))

    def published_at(self) -> Candidates:
        """Stated moments before the printed day, which has no time."""
        yield from (("json_ld", self.moment(o.get("datePublished"))) for o in self.articles_ld)
        yield "embedded", self.moment(self.stated_post.get("published"))
        yield from ((s, self.moment(v)) for s, v in self.stated("article:published_time", "datepublished"))
        yield from self.printed_dates()

    def modified_at(self) -> Candidates:
        yield from super().modified_at()
        yield "embedded", self.moment(self.stated_post.get("modified"))

    def printed_dates(self) -> Candidates:
        yield "label", self.moment(self.story.day)

    def breadcrumbs(self) -> Candidates:
        yield from super().breadcrumbs()
        yield "label", self.sections([(inline_text(a), a.get("href")) for a in self.trail()])

    def tags(self) -> Candidates:
        """Links to tags between the headline and the comments; the class of their box is not known."""
        yield "label", self.tagged([a for a in self.story_links() if self.shape(a) == "tag"])

    # --- The order of the page --------------------------------------------------------------------------------

    @cached_property
    def story(self) -> Story:
        """The pieces after the headline, told apart by their order and their labels."""
        h1 = next(iter(self.index.iter("h1")), None)
        body, by_class = self.text_element(h1)
        story = self.story_in(body, h1) if body is not None else Story()
        story.by_class = by_class
        return story

    def story_in(self, body: _Element, h1: _Element | None) -> Story:
        """The headline may stand in the element of the body, or before it with the lines about the article.

        Lists of other articles are most of a page: they are read only where the end of the story does not show.
        """
        return self.read_story(body, h1, self.is_end) or self.read_story(body, h1, None) or Story()

    def read_story(self, body: _Element, h1: _Element | None, ends: Callable[[Piece], bool] | None) -> Story | None:
        """The story up to a piece that ``ends`` it; None where all pieces could tell another one."""
        if h1 is None or body in h1.iterancestors():
            known, cut = read_until(body, self.BLOCKS, self.base_url, ends)
            begin = _begin(known, h1)
            sure = not cut or self.is_told(known, begin, h1)
            return self.told_apart(known[begin:], 0, h1 is None) if sure else None
        known, cut = read_until(body, self.BLOCKS, self.base_url, _after(2 * _ALIKE) if ends else None)
        around = next(element for element in h1.iterancestors() if element in body.iterancestors())
        pieces, around_cut = read_until(around, self.BLOCKS, self.base_url, ends)
        begin = _begin(pieces, h1)
        before = _position(pieces[begin:], known)
        if (around_cut and not self.is_told(pieces, begin, h1)) or (cut and len(known) < _ALIKE):
            return None
        if before is None:
            return None if cut or around_cut else self.told_apart(known, 0, True)
        return self.told_apart(pieces[begin:], before, True)

    def is_told(self, pieces: list[Piece], begin: int, h1: _Element | None) -> bool:
        """Whether pieces hold the headline, where there is one, and after it the end of the story."""
        return (begin > 0 or h1 is None) and any(self.is_over(pieces, at) for at in range(begin, len(pieces)))

    def is_end(self, piece: Piece) -> bool:
        """Whether a piece shows by itself that what follows is no longer the story: comments, lists, tags."""
        text = clean(piece.block.text) or ""
        if len(text) < 60 and (self.counts_comments(text) or label_of(text) in _AFTER_STORY):
            return True
        return bool(piece.links and piece.linked) and all(self.kind_of(url) == "tag" for url in piece.links)

    def told_apart(self, pieces: list[Piece], before: int, precise: bool = False) -> Story:
        """``before``: how many pieces stand before the element of the body; ``precise``: it holds nothing else."""
        story = Story()
        end = next((at for at in range(len(pieces)) if self.is_over(pieces, at)), len(pieces))
        end = self.source_line(pieces[:end], story)
        while end and _LEGAL.match(fold(clean(pieces[end - 1].block.text) or "")):
            end -= 1
        rest: list[Piece] = []
        for at, piece in enumerate(pieces[:end]):
            text = clean(piece.block.text) if piece.block.type != "list" else None
            if text is None or any(p.block.text for p in rest):
                rest.append(piece)
            elif story.day is None and (line := _PUBLISHED_LINE.fullmatch(text)):
                story.day = line["day"]
                story.paper = self.paper_of(line["paper"] or (pieces[at - 1].block.text if at else None) or "", text)
            elif self.is_paper(piece, pieces[at + 1 : at + 2]):
                continue
            elif story.sapo is None and (at < before or self.is_sapo(piece, pieces[at + 1 :], precise)):
                story.sapo = text
            elif at >= before:
                rest.append(piece)
        logo = story.paper  # its picture has the paper's name as alternative text
        story.body = [piece for piece in rest if logo is None or clean(piece.block.alt) != logo]
        return story

    def is_over(self, pieces: list[Piece], at: int) -> bool:
        """Whether what follows the article begins here: tags, comments, lists of links, promotion."""
        piece = pieces[at]
        if self.is_end(piece):
            return True
        text = clean(piece.block.text) or ""
        after = pieces[at + 1] if at + 1 < len(pieces) else None
        alone = after is None or after.linked or after.block.type != "paragraph"  # its links are not read as text
        return piece.block.type == "heading" and fold(text) in _PROMOTION and alone

    def counts_comments(self, text: str) -> bool:
        """ "Bình luận (0)": in editions whose word for it is not known, any short text with a count."""
        known = counts_comments(text)
        return known or (self.language_of(self.url) not in ("vi", "en") and _COUNT.fullmatch(text) is not None)

    def source_line(self, pieces: list[Piece], story: Story) -> int:
        """Where the last source line stands that no more text follows; the end of the pieces without one."""
        for at in range(len(pieces) - 1, -1, -1):
            text = clean(pieces[at].block.text) or ""
            if pieces[at].block.type == "paragraph" and (source := self.source_in(text, pieces[at].links)):
                story.source = source
                return at
            if len([p for p in pieces[at:] if len(p.block.text or "") > 100 and not p.linked]) >= 2:
                break
        return len(pieces)

    def source_in(self, text: str, links: tuple[str, ...]) -> Source | None:
        """The source that a line names: "Nguồn: https://…", in other editions a word that is not known."""
        line = _SOURCE_LINE.fullmatch(text)
        if line is None or len(text) > 600:
            return None
        value = line[2] or ""
        known = fold(line[1]).strip() in SOURCE_LABELS
        stated = next(iter(links), None) or (value if value.startswith(("https://", "http://")) else None)
        if not (known and (stated or (len(value) < 80 and not value.endswith(".")))):
            unknown = self.language_of(self.url) not in ("vi", "en") and stated and " " not in value
            if not unknown:
                return None
        url = canonical_url(stated) if stated else None
        return Source(None if url and ("://" in value or " " not in value) else value or None, url)

    def is_sapo(self, piece: Piece, following: list[Piece], precise: bool) -> bool:
        """Whether the first text is the lead, where it stands in the element of the body.

        Where that element should hold the body alone, only a lead that the page states elsewhere too is believed.
        """
        text = piece.block.text or ""
        if len(text) < 20 or piece.block.type not in ("paragraph", "heading"):
            return False
        for _, description in self.stated("og:description", "description"):
            start = fold(clean(description) or "").rstrip(" .…")
            if len(start) >= 20 and fold(clean(text) or "").startswith(start[:200]):
                return True
        after = following[0].block if following else None
        published = after is not None and _PUBLISHED_LINE.fullmatch(clean(after.text) or "") is not None
        picture = after is not None and after.type == "image"
        if precise:
            return published or (piece.strong and picture)
        return published or piece.strong or piece.block.type == "heading" or picture

    def is_paper(self, piece: Piece, following: list[Piece]) -> bool:
        """A line of its own with the paper's name: linked to the paper's page, or right before the date."""
        if piece.links and all(self.kind_of(url) == "author" for url in piece.links):
            return True
        after = clean(following[0].block.text) if following else None
        line = _PUBLISHED_LINE.fullmatch(after or "")
        return line is not None and not line["paper"] and len(piece.block.text or "") < 60

    def paper_of(self, name: str, line: str) -> str | None:
        """The paper's name: the logo says where it ends, should it end in a digit that the day is glued to."""
        alts = [clean(alt) or "" for img in self.index.iter("img") if (alt := img.get("alt"))]
        logo = max((alt for alt in alts if alt and line.startswith(alt)), key=len, default="")
        return clean(logo or name)

    def text_element(self, h1: _Element | None) -> tuple[_Element | None, bool]:
        """The element that holds the body: by class, else the smallest around the headline that holds paragraphs."""
        for query in self.BODY:
            for element in self.select(query):
                if _holds_paragraphs(element, 100):
                    return element, True
        for element in (e for query in self.BODY[:_OWN_CLASSES] for e in self.select(query)):
            if inline_text(element):  # text without paragraphs, or few words under pictures
                return element, True
        around = h1.iterancestors() if h1 is not None else iter(())
        return next((element for element in around if _holds_paragraphs(element, 200)), None), False

    def story_links(self) -> list[_Element]:
        """Links between the headline and the comments."""
        elements, tags = self.index.elements, self.index.tags
        start = next(iter(tags.get("h1", ())), len(elements))
        end = next((at for at, text in self.index.labels if at > start and self.ends_story(elements[at], text)), None)
        return [elements[at] for at in tags.get("a", ()) if start < at and (end is None or at < end)]

    def ends_story(self, element: _Element, text: str) -> bool:
        """Whether an element that is no headline and no link is the label of what follows a story."""
        if element.tag in ("h1", "a"):
            return False
        return self.counts_comments(clean(text) or "") or label_of(text) in _AFTER_STORY

    def trail(self) -> list[_Element]:
        """Links from the last one home to the headline, if they can be a breadcrumb: WordPress printed it as text."""
        links: list[_Element] = []
        for element in self.index.iter("a", "h1"):
            if element.tag == "h1":
                return links if len(links) <= 4 and all(self.shape(a) == "category" for a in links) else []
            if not any(around.tag in ("header", "nav") for around in element.iterancestors()):  # a menu
                links = [] if self.shape(element) == "front" else [*links, element]
        return []

    def shape(self, a: _Element) -> str | None:
        url = self.address(a.get("href"))
        return self.kind_of(url) if url else None

    def papers(self) -> set[str]:
        """JSON-LD names the paper as the author."""
        return super().papers() | {
            fold(clean(name) or "") for name in (self.story.paper, self.story.source.name) if name
        }

    # --- Page data --------------------------------------------------------------------------------------------

    @cached_property
    def stated_post(self) -> dict[str, str]:
        """What the data of the application says of this article: the object with its slug or its headline."""
        parts = self.parts(self.url)
        slug = parts[1][-1] if parts and parts[1] else ""
        title = fold(clean(next((inline_text(h1) for h1 in self.index.iter("h1")), "")) or "")
        stated = page_data(self.index, self.json) if any(mark in self.utf8 for mark in PAGE_DATA) else []
        for data in self.json.dictionaries(stated):
            own = str(data.get("slug") or data.get("url") or "").rstrip("/").rpartition("/")[2] == slug and slug
            same = title and fold(clean(name_of(data.get("title"))) or "") == title
            if own or same:
                values = {key: _first(data, names) for key, names in _STATED.items()}
                if values["published"] or values["body"] or values["sapo"]:
                    return {key: value for key, value in values.items() if value}
        return {}

    @cached_property
    def stated_story(self) -> Story:
        """The story in the HTML of the page data."""
        text = self.stated_post.get("body", "")
        if "<" not in text:
            return Story(body=[Piece(Block("paragraph", line)) for line in text.splitlines() if line.strip()])
        return self.told_apart(read_blocks(self.fragment(text), self.BLOCKS, self.base_url), 0, True)

    # --- The whole --------------------------------------------------------------------------------------------

    def read_links(self, wanted: Wanted | None = None) -> list[FoundLink]:
        """With the lists of the same tag as related, the source line's address and the other editions."""
        parts, source = self.parts(self.url), self.story.source.url
        slug = parts[1] if parts and self.kind_of(self.url) == "article" else None
        if wanted:  # the kinds below go by the address
            wanted = wanted._replace(address=lambda url: url == source or (slug is not None and slug[0] in url))
        same_tag = self.after_labels(_SAME_TAG, _SAME_OTHER | _PROMOTION)
        found = self.links_with(dict.fromkeys(same_tag, "related"), wanted)
        kinds = {link.url: "source" for link in found if link.url == source}
        for link in found:
            other = self.parts(link.url) if link.kind in ("article", "related") and link.url != self.url else None
            if other and slug and other[1] == slug:
                kinds[link.url] = "edition"
        return [link._replace(kind=kinds.get(link.url, link.kind)) for link in found]

    def is_article(self) -> bool:
        """A soft 404 must be expected: the headline of a Vietnamese article gives its slug."""
        title = self.pick("title")
        if not super().is_article() or fold(clean(title) or "").startswith("vietnam.vn"):
            return False
        parts = self.parts(self.url)
        if parts is None or parts[0] != "vi":
            return next(iter(self.index.iter("h1")), None) is not None or bool(self.articles_ld)
        slug = set(parts[1][-1].split("-"))
        return len(slug & set(slugify(clean(title) or "").split("-"))) * 3 >= len(slug)

    def article(self) -> Article:
        """Editions other than the Vietnamese one are machine translations of it."""
        row = super().article()
        _, language, slug = row.id.split(":", 2) if row.id.count(":") >= 2 else ("", "vi", "")
        if language != "vi":
            row.is_translation = True
            row.translation_of = row.work_id = f"vietnam.vn:vi:{slug}"
        return row


class VietnamSpider(Vietnam, NewsSpider):
    name = "vietnamvn"
    allowed_domains: ClassVar[list[str]] = ["vietnam.vn"]
    page = VietnamPage
    requisite_rules = RequisiteRules(
        hosts=_HOSTS | {"vstatic.vietnam.vn", "vphoto.vietnam.vn"},
        decoration=r"/thumb/48x48/",  # papers' logos beside their names
    )
    languages = LANGUAGES
    front_page = f"{WWW}/"
    categories = ("the-thao", "xa-hoi", "viet-nam-hom-nay")  # the names seen in links; sitemaps hold everything

    @classmethod
    def front_pages(cls, languages: tuple[str, ...]) -> list[str]:
        return [f"{WWW}/" if language == "vi" else f"{WWW}/{language}" for language in languages]

    @classmethod
    def feeds(cls, languages: tuple[str, ...]) -> list[str]:
        """``/ko/sitemap.rss`` was seen; the others go by it."""
        return [f"{WWW}/sitemap.rss" if language == "vi" else f"{WWW}/{language}/sitemap.rss" for language in languages]

    @classmethod
    def sitemaps(cls, languages: tuple[str, ...]) -> list[str]:
        return [f"{WWW}/sitemap.xml", f"{WWW}/news-sitemap.xml"]

    @classmethod
    def tag_url(cls, name: str, language: str = "vi") -> str:
        return cls._list_url("tag", name, language)

    @classmethod
    def category_url(cls, name: str, language: str = "vi") -> str:
        return cls._list_url("category", name, language)

    @classmethod
    def _list_url(cls, place: str, name: str, language: str) -> str:
        if name.startswith(("https://", "http://")):
            return cls.same_page(name)
        slug = name.strip("/").removeprefix(f"{place}/")
        if not re.fullmatch(r"[a-z0-9_-]+", slug):
            raise ValueError(f"{place} {name!r} is no name; give it as in its address: {slugify(name) or 'the-thao'}")
        return f"{WWW}/{place}/{slug}" if language == "vi" else f"{WWW}/{language}/{place}/{slug}"

    @classmethod
    def editions(cls, url: str) -> list[str]:
        """The same slug in every other language."""
        parts = cls.parts(url)
        if parts is None or cls.kind_of(url) != "article":
            return []
        slug = parts[1][0]
        return [f"{WWW}/{slug}" if x == "vi" else f"{WWW}/{x}/{slug}" for x in LANGUAGES if x != parts[0]]


def _begin(pieces: list[Piece], h1: _Element | None) -> int:
    """Where the pieces after the headline begin; 0 where it is not among them."""
    title = clean(inline_text(h1)) if h1 is not None else None
    at = (n for n, piece in enumerate(pieces) if piece.block.type == "heading" and clean(piece.block.text) == title)
    return next(at, -1) + 1


def _after(pieces: int) -> Callable[[Piece], bool]:
    """Accepts the piece after so many."""
    numbers = count()
    return lambda piece: next(numbers) >= pieces


def _position(pieces: list[Piece], part: list[Piece]) -> int | None:
    """Where the pieces of a part begin among those of the whole."""
    keys = [(piece.block.type, piece.block.text, piece.block.url) for piece in part[:_ALIKE]]
    for at in range(len(pieces)):
        if [(p.block.type, p.block.text, p.block.url) for p in pieces[at : at + len(keys)]] == keys:
            return at
    return None


def _holds_paragraphs(element: _Element, letters: int) -> bool:
    """Whether the paragraphs of an element have at least so many letters."""
    lengths = accumulate(len(inline_text(p)) for p in element.iter("p"))
    return any(length >= letters for length in lengths)


def _first(data: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these members that is a text, or an instant as a number of (milli)seconds."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and value > 10**9:
            seconds = value / 1000 if value > 10**11 else value
            return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return None
