"""Links of a page: each address once per kind, with the kind that its place on the page or its shape gives it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from lxml.etree import _Element

from crawler.htmltext import inline_text
from crawler.selectors import Place, place
from crawler.urls import canonical_url

if TYPE_CHECKING:
    from crawler.page import ArticlePage

KINDS = (
    "article",
    "related",
    "tag",
    "category",
    "topic",
    "next_page",
    "sitemap",
    "feed",
    "author",
    "edition",
    "source",
    "most_viewed",
    "front",
    "other",
)

_NO_PAGE = ("javascript:", "mailto:", "tel:", "data:")


@dataclass(frozen=True, slots=True)
class LinkRule:
    """Links in one of these places, or anywhere, with an address of this shape are of this kind.

    ``css`` is a list of simple selectors (``div.article-relate, #related``; no descendants): every link is asked for
    the places it stands in, from the inside out, and a page has hundreds of links.
    """

    kind: str
    allow: str = ""  # regular expression, searched in the canonical address
    css: str = ""  # places; '' means anywhere, asked only when no place decided
    shape: str = ""  # kind that the address must have by ``kind_of``
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)
    places: tuple[Place, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown link kind {self.kind!r}; the kinds are {', '.join(KINDS)}")
        object.__setattr__(self, "pattern", re.compile(self.allow))
        object.__setattr__(self, "places", tuple(map(_place, filter(None, map(str.strip, self.css.split(","))))))


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link of a page."""

    url: str  # canonical
    text: str | None  # link text; for an image link its alternative text
    kind: str
    position: int  # order on the page, from 0


class Addresses:
    """What the addresses of a site mean; a site's page and its spider inherit the same one.

    All hooks are pure functions of the address. The defaults know nothing and suit any site.
    """

    site: ClassVar[str] = ""
    link_rules: ClassVar[tuple[LinkRule, ...]] = ()

    @classmethod
    def same_page(cls, url: str) -> str:
        """The one address for the page behind AMP, print, mobile and mirror spellings of it."""
        return url

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        """Link kind by the shape of the address alone; None when it says nothing."""
        return None

    @classmethod
    def article_id(cls, url: str) -> str | None:
        """Row id of the article at this address, where the address alone names it."""
        return None

    @classmethod
    def language_of(cls, url: str) -> str | None:
        """Edition that the address belongs to, None where it does not say."""
        return None

    @classmethod
    def next_page(cls, page: ArticlePage) -> str | None:
        """Address of the list page after this one."""
        return None


def address(site: type[Addresses], href: str, base: str) -> str | None:
    """The one canonical address behind an ``href``, None when it leads to no page."""
    return _read(site.same_page, site.kind_of, href, None if href.startswith(("https://", "http://")) else base)[0]


@lru_cache(maxsize=65_536)  # menus, footers and lists repeat from page to page
def _read(
    same_page: Callable[[str], str], kind_of: Callable[[str], str | None], href: str, base: str | None
) -> tuple[str | None, str | None]:
    """Canonical address and kind by its shape."""
    url = canonical_url(href, base)
    url = canonical_url(same_page(url)) if url is not None else None
    return url, kind_of(url) if url is not None else None


def extract_links(
    root: _Element, site: type[Addresses], base_url: str, places: Mapping[_Element, str] | None = None
) -> list[FoundLink]:
    """All links of a page in order, each address once per kind; the first text that is not empty is its text.

    ``places``: elements found by other means than a selector, and the kind of the articles linked in them.
    """
    kinds = _Kinds(_index(site.link_rules), places or {})
    same_page, kind_of = site.same_page, site.kind_of
    found: dict[tuple[str, str], FoundLink] = {}
    named: set[tuple[str, str]] = set()  # whose text is a text, not that of an image
    for element in root.iter("a", "link", "area"):
        href = (element.get("href") or "").strip()
        declared = _declared_kind(element) if element.tag == "link" else ""
        if (
            not href
            or declared is None
            or href[0] == "#"
            or href.lower().startswith(("javascript:", "mailto:", "tel:"))
        ):
            continue
        url, shape = _read(same_page, kind_of, href, None if href.startswith(("https://", "http://")) else base_url)
        if url is None:
            continue
        key = (url, declared or kinds.kind(element, url, shape))
        if key in named:
            continue
        position = found[key].position if key in found else len(found)
        if text := inline_text(element).strip(" \u00a0"):
            named.add(key)
            found[key] = FoundLink(url, text, key[1], position)
        elif key not in found or found[key].text is None:
            found[key] = FoundLink(url, _substitute(element), key[1], position)
    return list(found.values())


class _Kinds:
    """Kinds of the links of one page. The rules that hold at an element are kept, so each ancestor is read once."""

    def __init__(self, index: _Index, places: Mapping[_Element, str]) -> None:
        self.index = index
        self.places = places
        self.known: dict[_Element, tuple[LinkRule, ...]] = {}

    def kind(self, element: _Element, url: str, shape: str | None) -> str:
        for rule in (*self.at(element), *self.index.anywhere):
            if rule.shape in ("", shape) and rule.pattern.search(url):
                return rule.kind
        return shape or "other"

    def at(self, element: _Element) -> tuple[LinkRule, ...]:
        """Rules whose places hold the element, the innermost place first."""
        way: list[_Element] = []
        at: _Element | None = element
        while at is not None and at not in self.known:
            way.append(at)
            at = at.getparent()
        rules = self.known[at] if at is not None else ()
        for element in reversed(way):
            own = self.index.rules_at(element)
            if element in self.places:
                own = (LinkRule(self.places[element], shape="article"), *own)
            rules = self.known[element] = (*own, *rules) if own else rules
        return rules


class _Index:
    """The rules of a site by what an element must have for one of their places."""

    def __init__(self, rules: tuple[LinkRule, ...]) -> None:
        self.anywhere = tuple(rule for rule in rules if not rule.places)
        self.by_name: dict[str, list[tuple[LinkRule, Place]]] = {}
        for rule in rules:
            for where in rule.places:
                self.by_name.setdefault(where.key, []).append((rule, where))

    def rules_at(self, element: _Element) -> tuple[LinkRule, ...]:
        classes, name = (element.get("class") or "").split(), "#" + (element.get("id") or "")
        keys = [key for key in (*classes, name, f"<{element.tag}>") if key in self.by_name]
        if not keys:
            return ()
        return tuple(rule for key in keys for rule, where in self.by_name[key] if where.holds(element))


@lru_cache(maxsize=64)
def _index(rules: tuple[LinkRule, ...]) -> _Index:
    return _Index(rules)


def _place(selector: str) -> Place:
    found = place(selector)
    if found is None:
        raise ValueError(f"not a simple selector: {selector!r}; give tag, .class and #id without spaces")
    return found


def _declared_kind(element: _Element) -> str | None:
    """Kind that a ``link`` element in the head declares, None for stylesheets and the like."""
    rel = (element.get("rel") or "").lower().split()
    if "next" in rel:
        return "next_page"
    if "alternate" in rel and (element.get("type") or "").lower() in ("application/rss+xml", "application/atom+xml"):
        return "feed"
    if "alternate" in rel and element.get("hreflang"):
        return "edition"
    return "sitemap" if "sitemap" in rel else None


def _substitute(element: _Element) -> str | None:
    """Name of a link without text: its image's, last the ``title`` attribute: raw quotes in one cut it off."""
    alt = next((alt for image in element.iter("img") if (alt := (image.get("alt") or "").strip())), None)
    return alt or (element.get("title") or "").strip() or None
