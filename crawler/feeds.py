"""Sitemaps (sitemaps.org protocol 0.9) and RSS 2.0 / Atom feeds: which addresses they promise, and of what date."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import date

from lxml import etree

from crawler.dates import parse

SITEMAP_MAX_BYTES = 50 * 1024 * 1024  # sitemaps.org: 50 MB uncompressed
SITEMAP_MAX_ENTRIES = 50_000  # sitemaps.org
DAY_IN_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.xml(?:\.gz)?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One promised address. ``day`` is that of the last change, or of the whole child sitemap."""

    url: str
    day: date | None
    is_sitemap: bool = False


def read_entries(body: bytes) -> list[Entry]:
    """The entries of a sitemap, sitemap index or feed; broken XML gives what can be read, other content nothing."""
    root = _root(_plain(body))
    if root is None:
        return []
    found: list[Entry] = []
    for element in root.iter("{*}url", "{*}sitemap", "{*}item", "{*}entry"):
        if len(found) == SITEMAP_MAX_ENTRIES:
            break
        url = _text(element, "loc") or _link(element)
        if url:
            is_sitemap = etree.QName(element).localname == "sitemap"
            found.append(Entry(url, _day(element, url if is_sitemap else ""), is_sitemap))
    return found


def _plain(body: bytes) -> bytes:
    """The XML of a sitemap that may be a .gz file, cut at the protocol's limit."""
    if not body.startswith(b"\x1f\x8b"):
        return body[:SITEMAP_MAX_BYTES]
    try:
        return zlib.decompressobj(wbits=31).decompress(body, SITEMAP_MAX_BYTES)
    except zlib.error:
        return b""


def _root(xml: bytes) -> etree._Element | None:
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(xml.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _text(element: etree._Element, *names: str) -> str:
    for name in names:
        child = element.find(f"{{*}}{name}")
        if child is not None and child.text and child.text.strip():
            return child.text.strip()
    return ""


def _link(element: etree._Element) -> str:
    """RSS: the text of ``link``, else a permalink guid; Atom: the alternate link's href."""
    if text := _text(element, "link"):
        return text
    for link in element.iterfind("{*}link"):
        if link.get("rel", "alternate") == "alternate" and link.get("href"):
            return str(link.get("href"))
    guid = _text(element, "guid")
    return guid if guid.startswith("http") else ""


def _day(element: etree._Element, sitemap_url: str) -> date | None:
    if name := DAY_IN_NAME.search(sitemap_url):
        moment = parse(name.group(1))
    else:
        moment = parse(_text(element, "lastmod", "pubDate", "updated", "published"))
    return moment.day if moment else None
