"""Links of a page: each address once per kind, with the kind that its place on the page or its shape gives it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from lxml.etree import _Element

from crawler.htmltext import inline_text
from crawler.selectors import Index, Place, place
from crawler.urls import canonical_url

if TYPE_CHECKING:
    from crawler.page import ArticlePage

LINK_TAGS = ("a", "link", "area")
_ABSOLUTE = ("https://", "http://")

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


class Wanted(NamedTuple):
    """The links that are asked for, where not all are: a row needs few of a page's hundreds. Others may come too."""

    kinds: frozenset[str]  # kinds that a place gives or a ``link`` element declares
    address: Callable[[str], bool] | None = None  # whether a canonical address is asked for, whatever its kind


class FoundLink(NamedTuple):
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
    republishes: ClassVar[bool] = False  # its articles are other papers': their texts are looked for in the archive

    @classmethod
    def same_page(cls, url: str) -> str:
        """The one address for the page behind AMP, print, mobile and mirror spellings of it."""
        return url

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        """Link kind by the shape of the address alone; None when it says nothing.

        Never a row's kind (related, source, edition): what a link is to an article, the page says.
        """
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
    return _facts(site, href, base)[0]


def _facts(site: Any, href: str, base: str) -> tuple[str | None, str | None]:
    """Canonical address of an ``href`` and its kind by its shape; the same for all pages where it is absolute."""
    return _read(site, href, None if href.startswith(_ABSOLUTE) else base)


@lru_cache(maxsize=8192)  # menus, footers and lists repeat from page to page; some 700 bytes each
def _read(site: Any, href: str, base: str | None) -> tuple[str | None, str | None]:
    url = canonical_url(href, base)
    url = canonical_url(site.same_page(url)) if url is not None else None
    return url, site.kind_of(url) if url is not None else None


def extract_links(
    root: _Element,
    site: type[Addresses],
    base_url: str,
    places: Mapping[_Element, str] | None = None,
    index: Index | None = None,
    wanted: Wanted | None = None,
    most: int | None = None,
) -> list[FoundLink]:
    """All links of a page in order, each address once per kind; the first text that is not empty is its text.

    ``places``: elements found by other means than a selector, and the kind of the articles linked in them.
    ``index``: that of the page, where there is one already. ``wanted``: the only links to look for.
    ``most``: after one more than so many the page is looked at no further.
    """
    index = index or Index(root)
    kinds = _Kinds(site.link_rules, index, places or {})
    hopeful = kinds.inside_of(wanted.kinds) if wanted else None
    by_address = wanted.address if wanted else None
    found: dict[tuple[str, str], FoundLink] = {}
    named: set[tuple[str, str]] = set()  # whose text is a text, not that of an image
    wordless: dict[tuple[str, str], list[_Element]] = {}
    for element in index.iter(*LINK_TAGS):
        declared = _declared_kind(element) if element.tag == "link" else ""
        asked = wanted is None or hopeful is None or declared in wanted.kinds or element in hopeful
        if declared is None or not (asked or by_address):
            continue
        href = (element.get("href") or "").strip()
        if not href or href[0] == "#":
            continue
        url, shape = _facts(site, href, base_url)
        if url is None or not (asked or (by_address and by_address(url))):
            continue
        kind = declared or kinds.kind(element, url, shape)
        key = (url, kind)
        if key in named:
            continue
        before = found.get(key)
        if text := inline_text(element).strip(" \u00a0"):
            named.add(key)
        else:
            wordless.setdefault(key, []).append(element)
        found[key] = FoundLink(url, text or None, kind, len(found) if before is None else before.position)
        if most is not None and len(found) > most:
            break
    for key in wordless.keys() - named:
        found[key] = found[key]._replace(text=next(filter(None, map(_substitute, wordless[key])), None))
    return list(found.values())


class _Kinds:
    """Kinds of the links of one page. The rules are asked for their places, not each link for what it stands in."""

    def __init__(self, rules: tuple[LinkRule, ...], index: Index, places: Mapping[_Element, str]) -> None:
        self.anywhere = tuple(rule for rule in rules if not rule.places)
        self.inside: dict[_Element, tuple[LinkRule, ...]] = {}  # by link: of the innermost place first, anywhere last
        at = {element: [LinkRule(kind, shape="article")] for element, kind in places.items()}
        for rule in rules:
            for element in (element for where in rule.places for element in index.at(where)):
                at.setdefault(element, []).append(rule)
        for element in sorted(at, key=_depth):
            for link in element.iter("a", "area"):
                self.inside[link] = (*at[element], *self.inside.get(link, self.anywhere))

    def inside_of(self, kinds: frozenset[str]) -> set[_Element] | None:
        """Links in places that may give one of these kinds; None for all links."""
        if any(rule.kind in kinds for rule in self.anywhere):
            return None
        return {link for link, rules in self.inside.items() if any(rule.kind in kinds for rule in rules)}

    def kind(self, element: _Element, url: str, shape: str | None) -> str:
        for rule in self.inside.get(element, self.anywhere):
            if rule.shape in ("", shape) and rule.pattern.search(url):
                return rule.kind
        return shape or "other"


def _depth(element: _Element) -> int:
    return len(list(element.iterancestors()))


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
