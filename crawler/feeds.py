"""Sitemaps (sitemaps.org protocol 0.9) and RSS 2.0, RSS 1.0 (RDF) and Atom feeds: which addresses they promise.

bytes, also .gz ─► UTF-8 pieces without DOCTYPE ─► libxml2, events alone ─► entries

No tree is built, so memory is that of the entries. No DTD is read, no entity is replaced and nothing is fetched: a
document type is cut out before the parser sees it. Broken XML gives what comes before and after the damage.
"""

from __future__ import annotations

import re
import zlib
from codecs import BOM_UTF8, getincrementaldecoder
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any, Final

from lxml import etree

from crawler.charset import codec_of
from crawler.dates import parse
from crawler.limits import DEFAULTS, Limits

DAY_IN_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.xml(?:\.gz)?$")

_PIECE: Final = 1 << 16  # bytes given to the parser at once
_PROLOG: Final = 1 << 16  # bytes in which a document type has to end
_LONGEST: Final = 8_192  # characters of one value: twice the longest address
_ENTRIES: Final = frozenset({"url", "sitemap", "item", "entry"})
_VALUES: Final = frozenset({"loc", "link", "guid", "lastmod", "pubDate", "updated", "published", "date"})
_DATES: Final = ("lastmod", "pubDate", "updated", "published", "date")  # the last one is Dublin Core's, in RSS 1.0
_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
_WIDE = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r")
_STRAY = re.compile(rb"&(?!#?\w{1,32};)(?!#?\w{0,32}\Z)")  # an ampersand that begins no reference, as in addresses
_LESS = re.compile(rb"<(?=[\s\d=<])")  # and a "less than" that begins no tag
_BEFORE_DOCTYPE = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*+(?=<!DOCTYPE\b)", re.IGNORECASE | re.DOTALL)
_QUOTED = rb"\"[^\"]*+\"|'[^']*+'"
# With the declarations and comments of its internal subset
_DOCTYPE = re.compile(
    rb"<!DOCTYPE(?:[^\[\]<>\"']|%(q)s)*+"
    rb"(?:\[(?:[^\]<\"']|%(q)s|<!--.*?-->|<(?!!--)(?:[^<>\"']|%(q)s)*+>)*+\]\s*+)?+>" % {b"q": _QUOTED},
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One promised address. ``day`` is that of the last change, or of the whole child sitemap."""

    url: str
    day: date | None
    is_sitemap: bool = False


@dataclass(slots=True)
class Entries:
    """What a list promises, and how often it went beyond what is read, by reason."""

    found: list[Entry] = field(default_factory=list)
    beyond: Counter[str] = field(default_factory=Counter)


class _Full(Exception):
    """The list has more entries than are read."""


class _Refused(Exception):
    """There is a document type where none may be."""


def read_entries(body: bytes, limits: Limits = DEFAULTS, now: datetime | None = None) -> Entries:
    """The entries of a sitemap, sitemap index or feed; broken XML gives what can be read, other content nothing.

    ``beyond`` counts ``sitemap_too_large``, ``sitemap_too_long``, ``sitemap_doctype``, ``sitemap_broken`` (a list cut
    short by its limits or its damage) and ``sitemap_bad_date``. ``now``: a date more than a day after it is none.
    """
    target = _Target(limits.sitemap_entries, now)
    beyond = target.entries.beyond
    make: Any = etree.XMLParser
    parser = make(
        target=target, recover=True, encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        plain = _plain(body, limits.sitemap_maxsize, beyond)
        for piece in _mended(_without_doctype(_utf8(plain), beyond)):
            parser.feed(piece)
        parser.close()
        beyond["sitemap_broken"] += bool(parser.feed_error_log.filter_from_fatals())
    except _Full:
        beyond["sitemap_too_long"] += 1
    except _Refused:
        beyond["sitemap_doctype"] += 1
    except (etree.XMLSyntaxError, ValueError):
        beyond["sitemap_broken"] += 1
    with suppress(_Full):
        target.flush()
    target.entries.beyond = +beyond
    return target.entries


class _Target:
    """Takes the parser's events. An entry is known with its end, or when the next one begins inside it."""

    def __init__(self, most: int, now: datetime | None) -> None:
        self.entries = Entries()
        self._most = most
        self._now = now
        self._path: list[str] = []  # local names below the entry
        self._entry = ""
        self._text: list[str] | None = None  # of the value that is being read
        self._room = 0
        self._values: dict[str, str] = {}
        self._links: list[str] = []  # of Atom

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name in _ENTRIES:
            self.flush()
            self._entry, self._path = name, []
            return
        if not self._entry:
            return
        self._path.append(name)
        self._text = None
        if len(self._path) == 1 and name in _VALUES:
            self._text, self._room = [], _LONGEST
            if name == "link" and attributes.get("rel", "alternate") == "alternate" and attributes.get("href"):
                self._links.append(attributes["href"][:_LONGEST])

    def data(self, text: str) -> None:
        if self._text is not None and self._room > 0:
            self._text.append(text[: self._room])
            self._room -= len(text)

    def end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        if not self._path:
            if name == self._entry:
                self.flush()
            return
        if self._text is not None and len(self._path) == 1 and (value := "".join(self._text).strip()):
            self._values.setdefault(name, value)
        self._text = None
        self._path.pop()

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise _Refused

    def close(self) -> None:
        """What the parser calls at the end."""

    def flush(self) -> None:
        """The entry in hand is complete, or as complete as it will be."""
        name, self._entry = self._entry, ""
        values, links = self._values, self._links
        if not name:
            return
        self._values, self._links, self._text = {}, [], None
        guid = values.get("guid", "")
        url = values.get("loc") or values.get("link") or next(iter(links), "") or (guid if guid[:4] == "http" else "")
        if not url:
            return
        if len(self.entries.found) == self._most:
            raise _Full
        is_sitemap = name == "sitemap"
        self.entries.found.append(Entry(url, self._day(values, url if is_sitemap else ""), is_sitemap))

    def _day(self, values: Mapping[str, str], sitemap_url: str) -> date | None:
        named = DAY_IN_NAME.search(sitemap_url)
        stated = named.group(1) if named else next((values[name] for name in _DATES if name in values), None)
        moment = parse(stated, self._now)
        if moment is None and stated:
            self.entries.beyond["sitemap_bad_date"] += 1
        return moment.day if moment else None


def _plain(body: bytes, most: int, beyond: Counter[str]) -> Iterator[bytes]:
    """The XML of a list that may be a .gz file, cut at the limit."""
    for piece in _inflated(body) if body.startswith(b"\x1f\x8b") else _pieces(body):
        if len(piece) > most:
            beyond["sitemap_too_large"] += 1
            yield piece[:most]
            return
        most -= len(piece)
        yield piece


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[at : at + _PIECE] for at in range(0, len(body), _PIECE))


def _inflated(body: bytes) -> Iterator[bytes]:
    """Of a damaged .gz file what comes before the damage."""
    stream = zlib.decompressobj(wbits=31)
    try:
        for piece in _pieces(body):
            data = piece
            while data:
                if stream.eof:
                    stream = zlib.decompressobj(wbits=31)
                yield stream.decompress(data, _PIECE)
                data = stream.unused_data if stream.eof else stream.unconsumed_tail
    except zlib.error:
        return


def _utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The text in UTF-8, whatever it says it is in, without the control characters that XML does not know."""
    first = next(pieces, b"").removeprefix(BOM_UTF8).lstrip()
    declared = _ENCODING.match(first[:512])
    stated = codec_of(declared[1].decode("ascii")) if declared is not None else None
    codec = next((name for mark, name in _WIDE if first.startswith(mark)), None)
    if codec is None and stated not in ("utf-16-le", "utf-16-be"):  # of a declaration in ASCII that is not true
        codec = stated
    decoder = getincrementaldecoder(codec or "utf-8")("replace")
    for piece in chain((first,), pieces, (b"",)):
        text = decoder.decode(piece, final=not piece).removeprefix("\ufeff")
        yield text.encode("utf-8", "replace").translate(None, _CONTROLS)


def _without_doctype(pieces: Iterator[bytes], beyond: Counter[str]) -> Iterator[bytes]:
    """The document type is cut out, with every entity that it declares; where it has no end nothing is read."""
    first = b""
    while len(first) < _PROLOG and (piece := next(pieces, b"")):
        first += piece
    first = first[max(first.find(b"<"), 0) :]  # some programs print their troubles before
    if (before := _BEFORE_DOCTYPE.match(first)) is not None:
        whole = _DOCTYPE.match(first, before.end())
        if whole is None:
            raise _Refused
        if b"[" in whole[0]:
            beyond["sitemap_doctype"] += 1
        first = first[: whole.start()] + first[whole.end() :]
    yield first
    yield from pieces


def _mended(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Ampersands and ``<`` as they should have been written, until there is a section in which they need not be."""
    literal = False
    for piece in pieces:
        literal = literal or b"<![CDATA[" in piece
        yield piece if literal else _LESS.sub(b"&lt;", _STRAY.sub(b"&amp;", piece))
