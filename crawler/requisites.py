"""What a page needs to be shown: pictures, styles, scripts, fonts, icons, films and documents (Heritrix: "embeds").

    page ─► addresses in the order of the page ─► the site's rules: which hosts, which of them are decoration ─► fetch

Frames are left out: on the sites known they are advertising, counters and other sites' players.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from urllib.parse import urldefrag

from ada_url import join_url
from lxml.etree import _Element

from crawler import screen, srcset, stylesheet
from crawler.urls import MAX_URL, host_of, in_domains, registered_domain

IMAGE, STYLE, SCRIPT, FONT, ICON, VIDEO, DOCUMENT, OTHER = (
    *("image", "style", "script", "font", "icon", "video", "document"),
    "other",
)

_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-bg", "data-background-image")
_PRELOADED = {"image": IMAGE, "style": STYLE, "script": SCRIPT, "font": FONT, "video": VIDEO}
_SCRIPT_TYPES = re.compile(r"|module|(?:text|application)/(?:x-)?(?:java|ecma)script", re.I)
_DOCUMENT = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|odt|ods|epub)$", re.I)
_FILM = re.compile(r"\.(?:mp4|m4v|webm|mp3|m4a|ogg)$", re.I)
_PLAYED = re.compile(r"\s*$|(?:video|audio)/(?:mp4|webm|ogg|quicktime|x-m4v|mpeg|mp3|aac|wav|flac)\b", re.I)
_FONT_FILE = re.compile(r"\.(?:woff2?|ttf|otf|eot)$", re.I)
# Advertising and counting on a paper's own domain; those of others are out because only the paper's hosts are in.
_NOT_CONTENT = re.compile(
    r"https?://(?:[\w-]+\.)*(?:ads?\d*|adserver|adsrv|analytics|beacon|counter|metrics|pixel|stats?|track(?:er|ing)?)\."
    r"|/(?:adsfw|adserver|beacon|challenge-platform)/",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Requisite:
    """A file that a page needs. ``url`` is what a browser asks for: absolute, as printed, without fragment."""

    url: str
    kind: str


@dataclass(frozen=True, slots=True)
class RequisiteRules:
    """What a site says of its files: the hosts that serve them, and what the addresses mean."""

    hosts: frozenset[str] = frozenset()  # exact; empty: every host of the page's registered domain
    decoration: str = ""  # regular expression, searched in the address: not archived
    undated: str = ""  # the same: addresses whose query only names the age of a cache, so that it is one file
    _decoration: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _undated: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoration", re.compile(self.decoration or r"(?!)"))
        object.__setattr__(self, "_undated", re.compile(self.undated or r"(?!)"))

    def want(self, url: str, page_url: str) -> bool:
        """Whether the file belongs to the paper, and is neither decoration nor a counter."""
        host = host_of(url)
        ours = host in self.hosts if self.hosts else in_domains(url, (registered_domain(page_url),))
        return bool(host) and ours and not _NOT_CONTENT.search(url) and not self._decoration.search(url)

    def key(self, url: str) -> str:
        """What is the same for all addresses of one file."""
        return url.partition("?")[0] if self._undated.search(url) else url


def requisites_of(root: _Element, base_url: str) -> list[Requisite]:
    """The files that a page names, each once, in its order; ``base_url`` is what its links are read against."""
    found: dict[str, Requisite] = {}
    for address, kind in _named(root):
        url = file_address(address, base_url)
        if url is not None:
            found.setdefault(url, Requisite(url, kind))
    return list(found.values())


def in_stylesheet(css: str, base_url: str) -> list[Requisite]:
    """The files that a style sheet names, each once."""
    found: dict[str, Requisite] = {}
    for address, is_sheet in stylesheet.addresses(css):
        url = file_address(address, base_url)
        if url is not None:
            font = FONT if _FONT_FILE.search(url.partition("?")[0]) else IMAGE
            found.setdefault(url, Requisite(url, STYLE if is_sheet else font))
    return list(found.values())


def file_address(address: str, base_url: str) -> str | None:
    """What a browser asks for (WHATWG URL); None for other schemes and broken addresses. Nothing is tidied up.

    >>> file_address("../a b.png?v=1#top", "https://example.org/x/y/")
    'https://example.org/x/a%20b.png?v=1'
    """
    if len(address) > MAX_URL:
        return None
    try:
        url = urldefrag(join_url(base_url, address)).url
    except ValueError:  # also a letter that UTF-8 cannot write
        return None
    return url if url.startswith(("https://", "http://")) and host_of(url) and len(url) <= MAX_URL else None


# --- What the elements name ---------------------------------------------------------------------------------------


def _named(root: _Element) -> Iterator[tuple[str, str]]:
    """Addresses as written, with what they are."""
    for element in root.iter("*"):
        tag = element.tag
        if tag in ("img", "amp-img"):
            yield from ((address, IMAGE) for address in _of_image(element))
        elif tag == "link":
            yield from _of_link(element)
        elif tag == "script":
            src = element.get("src")
            if src and _SCRIPT_TYPES.fullmatch(element.get("type") or ""):
                yield src, SCRIPT
        elif tag == "style":
            yield from _of_css(element.text or "")
        elif tag in ("video", "audio"):
            yield from _of_film(element)
        elif tag == "a":
            yield from _of_anchor(element)
        else:
            yield from _of_other(element, tag)
        if style := element.get("style"):
            yield from _of_css(style)
        if background := element.get("background"):
            yield background, IMAGE


def _of_image(img: _Element) -> Iterator[str]:
    """The candidate of the first source that a browser takes, else of the image; and what a lazy script puts there."""
    picture = next(img.iterancestors("picture"), None)
    before = iter(()) if picture is None else takewhile(lambda e: e is not img, picture.iter("source", "img"))
    sources = [
        source
        for source in before
        if source.tag == "source" and screen.matches(source.get("media") or "") and srcset.readable(source.get("type"))
    ]
    late = next((value for name in _LAZY if (value := img.get(name))), None)
    for prefix, src in (("", img.get("src")), ("data-", late), ("data-lazy-", None)):
        chosen = (srcset.choose(source.get(f"{prefix}srcset"), source.get("sizes")) for source in sources)
        sizes = img.get(f"{prefix}sizes") or img.get("sizes")
        if address := next(filter(None, chosen), None) or srcset.choose(img.get(f"{prefix}srcset"), sizes, src):
            yield address


def _of_link(link: _Element) -> Iterator[tuple[str, str]]:
    rel = (link.get("rel") or "").lower().split()
    href = link.get("href") or ""
    if "preload" in rel:
        kind = _PRELOADED.get((link.get("as") or "").lower())
        chosen = srcset.choose(link.get("imagesrcset"), link.get("imagesizes"), href) if kind == IMAGE else href
        if kind and chosen and screen.matches(link.get("media") or ""):
            yield chosen, kind
    elif not href:
        return
    elif "stylesheet" in rel:
        yield href, STYLE
    elif "modulepreload" in rel:
        yield href, SCRIPT
    elif {"icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon"} & set(rel):
        yield href, ICON
    elif "manifest" in rel:
        yield href, OTHER


def _of_css(css: str) -> Iterator[tuple[str, str]]:
    for address, is_sheet in stylesheet.addresses(css):
        yield address, STYLE if is_sheet else FONT if _FONT_FILE.search(address.partition("?")[0]) else IMAGE


def _of_film(film: _Element) -> Iterator[tuple[str, str]]:
    """The poster, the first source that browsers play, the subtitles."""
    if poster := film.get("poster"):
        yield poster, IMAGE
    places = [film, *film.iter("source")]  # nested, for the parser does not know that they are empty
    places.sort(key=lambda place: not _PLAYED.match(place.get("type") or ""))
    address = next((value for place in places if (value := place.get("src") or place.get("data-src"))), None)
    if address:
        yield address, VIDEO
    yield from ((src, OTHER) for track in film.iter("track") if (src := track.get("src")))


def _of_anchor(anchor: _Element) -> Iterator[tuple[str, str]]:
    """Documents and films that a reader opens from the page."""
    href = (anchor.get("href") or "").strip()
    path = re.split("[?#]", href, maxsplit=1)[0]
    if _DOCUMENT.search(path):
        yield href, DOCUMENT
    elif _FILM.search(path):
        yield href, VIDEO


def _of_other(element: _Element, tag: str) -> Iterator[tuple[str, str]]:
    """Infographics and drawings in elements that are rare."""
    if tag in ("embed", "object"):
        address = element.get("src") or element.get("data")
        if address:
            yield address, DOCUMENT if _DOCUMENT.search(re.split("[?#]", address, maxsplit=1)[0]) else OTHER
    elif tag == "input" and (element.get("type") or "").lower() == "image":
        yield element.get("src") or "", IMAGE
    elif tag in ("image", "use", "feimage"):
        address = element.get("href") or element.get("xlink:href") or "#"
        if not address.startswith("#"):  # a part of this page
            yield address, IMAGE
    elif (late := element.get("data-bg") or element.get("data-background-image")) is not None:
        yield late, IMAGE
