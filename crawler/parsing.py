"""One page parsed, within the limits of what libxml2 does well.

A parse is one call into C that nothing can interrupt. libxml2 2.14 takes a time that grows with the square of the
attributes of one tag (100,000: half a minute), some hundred bytes a tag, and stops without a word where elements stand
more than 2,048 deep: a part of a page must not pass for the page.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from lxml import etree
from lxml.etree import _Element

from crawler.limits import NotRead

if TYPE_CHECKING:
    from crawler.limits import Limits

_HARMLESS: Final = 256 * 1024  # bytes in which no tag has room for attributes that take a second
_TOO_DEEP: Final = "ERR_RESOURCE_LIMIT"
_UNNAMED: Final = 4  # elements around others that no tag has to begin: html, body, p

_PARSER = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, collect_ids=False)
# A tag with one attribute more than so many, as HTML tells attributes apart (13.2.5.32 and on). Possessive throughout.
_ATTRIBUTE = rb"[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>]*+))?+"
_crowded: dict[int, re.Pattern[bytes]] = {}


def parse_page(utf8: bytes, limits: Limits, url: str) -> _Element:
    """Parse once. Empty and broken documents give an empty page; NotRead for one that is beyond the limits."""
    tags = utf8.count(b"<")
    if tags > limits.html_tags_max:
        raise NotRead("too_many_tags", f"{url} has {tags} tags")
    if len(utf8) > _HARMLESS and _is_crowded(utf8, limits.html_attributes_max):
        raise NotRead("too_many_attributes", f"{url} has a tag with over {limits.html_attributes_max} attributes")
    try:
        root = etree.fromstring(utf8.replace(b"\0", b"") if b"\0" in utf8 else utf8, _PARSER)
    except (ValueError, etree.XMLSyntaxError):  # nothing but white space or comments
        root = None
    most = limits.html_depth_max
    if tags + _UNNAMED > most and root is not None and (_stopped() or _deeper_than(most)(root)):
        raise NotRead("too_deep", f"{url} has over {most} elements inside each other")
    return root if root is not None else etree.fromstring("<html><body></body></html>", _PARSER)


def _is_crowded(utf8: bytes, most: int) -> bool:
    pattern = _crowded.get(most)
    if pattern is None:
        pattern = _crowded[most] = re.compile(rb"<[A-Za-z][^\s/>]*+(?:%s){%d}" % (_ATTRIBUTE, most + 1))
    return pattern.search(utf8) is not None


@lru_cache(maxsize=8)
def _deeper_than(most: int) -> Any:
    """Tells of a document whether it nests deeper. Level by level, in C: 70 microseconds for 1,500 elements."""
    return etree.XPath(f"boolean({'/*' * (most + 1)})")


def _stopped() -> bool:
    """Whether the parser has given up before the end."""
    last: Any = _PARSER.error_log.last_error
    return last is not None and last.type_name == _TOO_DEEP
