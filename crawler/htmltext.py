"""Text and addresses of HTML elements: what a browser would show on one line, where a picture really is."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from lxml.etree import _Element

from crawler.srcset import candidates

# Elements that hold no text of the page, and elements that do not break a line.
SKIP = frozenset(
    {"script", "style", "noscript", "template", "head", "nav", "form", "button", "input", "select", "textarea", "svg"}
    | {"canvas", "ins", "zone", "map", "link", "meta"}
)
INLINE = frozenset(
    {"a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "kbd"}
    | {"label", "mark", "o:p", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u"}
    | {"var", "wbr", "nobr", "ruby", "rb", "rt", "rp"}
    | {
        f"st1:{name}"
        for name in ("place", "city", "country-region", "state", "personname", "date", "time", "metricconverter")
    }
)

_WHITE = " \t\r\n\f"  # HTML's white space: a no-break space is a letter here
MAX_DEPTH = 100  # elements nested deeper are read as plain text; Python's stack ends at about 1000 frames
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "src")  # the lazy address first: src may be a blank


def inline_text(element: _Element) -> str:
    """Text of an element on one line: white space collapsed, words on two sides of a block kept apart."""
    if not len(element):
        return one_space((element.text or "").strip(_WHITE))
    parts: list[str] = []
    _gather(element, parts, 0)
    return one_space("".join(parts).strip(_WHITE))


def one_space(text: str) -> str:
    """Each run of HTML's white space as one space."""
    for white in "\n\t\r\f":
        if white in text:
            text = text.replace(white, " ")
    while "  " in text:  # a regular expression would look at every letter
        text = text.replace("  ", " ")
    return text


def image_address(img: _Element, base_url: str) -> str | None:
    """Absolute address of an image: the lazy attribute first; None for an inline blank."""
    for name in _LAZY:
        value = (img.get(name) or "").strip()
        if value and not value.startswith(("data:", "about:", "blob:")):
            return absolute(base_url, value)
    first = next((named.url for named in candidates(img.get("data-srcset") or img.get("srcset") or "")), "data:")
    return None if first.startswith("data:") else absolute(base_url, first)


def pixels(element: _Element, name: str) -> int | None:
    """A width or height attribute in pixels: ``640`` or ``640px``, None for ``100%``."""
    match = re.fullmatch(r"\s*(\d{1,5})(?:\.\d+)?\s*(?:px)?\s*", element.get(name) or "")
    return int(match[1]) if match else None


@lru_cache(maxsize=8192)  # the pictures and links of a text are asked for more than once
def absolute(base_url: str, address: str) -> str | None:
    """An http or https address, read against the page's; None for anything else."""
    try:
        joined = urljoin(base_url, address)
        return joined if urlsplit(joined).scheme in ("http", "https") else None
    except ValueError:  # such as an unclosed IPv6 bracket
        return None


def _gather(element: _Element, parts: list[str], depth: int) -> None:
    if element.text:
        parts.append(element.text)
    for child in element:
        tag = child.tag
        if depth >= MAX_DEPTH:
            parts.extend(map(str, child.itertext()))
        elif isinstance(tag, str) and tag not in SKIP:
            separate = tag not in INLINE
            parts.append(" " if separate else "")
            _gather(child, parts, depth + 1)
            parts.append(" " if separate else "")
        if child.tail:
            parts.append(child.tail)
