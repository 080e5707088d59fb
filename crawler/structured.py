"""What a page states about itself for machines: JSON-LD, meta elements, and the data a Next.js page carries.

Everything here reads a parsed document and never fails: a page with broken data simply states less, and so does one
whose data nests deeper than ``JSON_DEPTH_MAX`` (a hostile page could nest until Python's stack ends).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lxml.etree import _Element

from crawler.limits import DEFAULTS
from crawler.selectors import Index
from crawler.text import unescape_once

ARTICLE_TYPES = frozenset(
    {
        "Article",
        "NewsArticle",
        "ReportageNewsArticle",
        "AnalysisNewsArticle",
        "OpinionNewsArticle",
        "BackgroundNewsArticle",
        "ReviewNewsArticle",
        "BlogPosting",
        "LiveBlogPosting",
        "SatiricalArticle",
        "ImageGallery",
        "MediaGallery",
        "VideoObject",
    }
)
PAGE_DATA = (b"__NEXT_DATA__", b"__next_f")  # one of them stands in every page that carries such data
_JSON = json.JSONDecoder(strict=False)

_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_ROW = re.compile(rb"\s*([0-9a-f]+):(?:T([0-9a-f]+),)?")
_WRAPPERS = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*\]\]>|\]\]>)\s*;?\s*$")


class JsonReader:
    """Reads the JSON of one page, so many objects and lists inside each other; ``too_deep``: there were more."""

    def __init__(self, deepest: int = DEFAULTS.json_depth_max) -> None:
        self.deepest = deepest
        self.too_deep = False

    def read(self, text: str) -> Any:
        """JSON as pages write it: raw line breaks in strings, comment wrappers, commas before a closing bracket.

        None for what is none, and for what nests so deep that Python does not read it.
        """
        try:
            try:
                return _JSON.decode(text)
            except ValueError:
                return _JSON.decode(_TRAILING_COMMA.sub(r"\1", _WRAPPERS.sub("", text)))
        except ValueError:
            return None
        except RecursionError:
            self.too_deep = True
            return None

    def unescaped(self, value: Any, depth: int = 0) -> Any:
        """The same with HTML entities in strings resolved once; None in the place of what is too deep."""
        if isinstance(value, str):
            return unescape_once(value)
        if not isinstance(value, (list, dict)):
            return value
        if depth >= self.deepest:
            self.too_deep = True
            return None
        if isinstance(value, list):
            return [self.unescaped(member, depth + 1) for member in value]
        return {key: self.unescaped(member, depth + 1) for key, member in value.items()}

    def dictionaries(self, data: Any) -> Iterator[dict[str, Any]]:
        """Every dict in a nest of lists and dicts that is not too deep, outer ones first."""
        level = [data]
        for _ in range(self.deepest):
            following: list[Any] = []
            for value in level:
                if isinstance(value, dict):
                    yield value
                    following.extend(value.values())
                elif isinstance(value, list):
                    following.extend(value)
            level = [value for value in following if isinstance(value, (dict, list))]
        self.too_deep |= bool(level)


def json_ld(page: _Element | Index, reader: JsonReader | None = None) -> list[dict[str, Any]]:
    """Every JSON-LD object of the page in document order, ``@graph`` and lists flattened.

    HTML entities that are still in the strings (``NH&#7852;T``) are resolved once.
    """
    reader = reader or JsonReader()
    found: list[dict[str, Any]] = []
    for script in page.iter("script"):
        if (script.get("type") or "").split(";")[0].strip().lower() == "application/ld+json":
            found.extend(_objects(reader.unescaped(reader.read(script.text or ""))))
    return found


def of_type(objects: list[dict[str, Any]], types: frozenset[str]) -> list[dict[str, Any]]:
    """Those objects whose ``@type`` is one of ``types``; ``@type`` may be a list or a schema.org address."""
    return [o for o in objects if not types.isdisjoint(type_names(o))]


def type_names(obj: dict[str, Any]) -> set[str]:
    """The plain type names of an object: ``http://schema.org/NewsArticle`` gives ``NewsArticle``."""
    value = obj.get("@type")
    names = value if isinstance(value, list) else [value]
    return {re.split(r"[/#:]", name)[-1] for name in names if isinstance(name, str)}


def name_of(value: Any) -> str | None:
    """The name in a value that may be a string, an object with ``name``, or a list of these (its first)."""
    if isinstance(value, list):
        return next(filter(None, map(name_of, value)), None)
    if isinstance(value, dict):
        value = value.get("name") or value.get("legalName")
        return name_of(value) if not isinstance(value, dict) else None
    return value.strip() or None if isinstance(value, str) else None


def address_of(value: Any) -> str | None:
    """The address in a value that may be a string, an object (``url``, ``contentUrl``, ``@id``) or a list."""
    if isinstance(value, list):
        return next(filter(None, map(address_of, value)), None)
    if isinstance(value, dict):
        for key in ("url", "contentUrl", "@id", "embedUrl"):
            if isinstance(value.get(key), str) and value[key].strip():
                return str(value[key]).strip()
        return None
    return value.strip() or None if isinstance(value, str) else None


def breadcrumb_items(objects: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Names and addresses of the first BreadcrumbList that has any, in its order of ``position``."""
    for crumbs in of_type(objects, frozenset({"BreadcrumbList"})):
        entries = crumbs.get("itemListElement")
        entries = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
        entries.sort(key=lambda entry: _number(entry.get("position")))
        pairs = [(name_of(e) or name_of(e.get("item")), address_of(e.get("item"))) for e in entries]
        named = [(name, address) for name, address in pairs if name]
        if named:
            return named
    return []


def meta(page: _Element | Index) -> dict[str, list[str]]:
    """Contents of the meta elements by lower-case ``property``, ``name``, ``itemprop`` or ``http-equiv``."""
    found: dict[str, list[str]] = {}
    for element in page.iter("meta"):
        content = element.get("content")
        if content is None or not content.strip():
            continue
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            key = element.get(attribute)
            if key:
                found.setdefault(key.strip().lower(), []).append(content.strip())
    return found


def page_data(page: _Element | Index, reader: JsonReader | None = None) -> list[Any]:
    """Data that a Next.js page carries for its scripts: ``__NEXT_DATA__`` and the streamed ``__next_f`` rows."""
    reader = reader or JsonReader()
    found: list[Any] = []
    chunks: list[str] = []
    for script in page.iter("script"):
        text = script.text or ""
        if script.get("id") == "__NEXT_DATA__":
            found.append(reader.read(text))
        elif "__next_f" in text:
            chunks.extend(_pushed(text))
    found.extend(_rows("".join(chunks).encode("utf-8", "replace"), reader))
    return [value for value in found if value is not None]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for member in value:
            yield from _objects(member)
    elif isinstance(value, dict):
        if value.get("@type"):
            yield value
        yield from _objects(value.get("@graph"))


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _pushed(script: str) -> Iterator[str]:
    """The string chunks of ``self.__next_f.push([1, "…"])`` calls."""
    for call in re.finditer(r"__next_f\.push\(\s*(?=\[)", script):
        try:
            value, _ = _JSON.raw_decode(script, call.end())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, list) and len(value) > 1 and isinstance(value[1], str):
            yield value[1]


def _rows(stream: bytes, reader: JsonReader) -> list[Any]:
    """Rows of a React stream: ``<hex id>:<json>`` lines, and ``<hex id>:T<hex length>,<text>`` without a line end.

    A string that is nothing but ``$<hex id>`` refers to another row; references to texts are resolved.
    """
    rows: list[Any] = []
    texts: dict[str, str] = {}
    at = 0
    while match := _ROW.match(stream, at):
        if match[2] is not None:
            end = match.end() + int(match[2], 16)
            texts["$" + match[1].decode()] = stream[match.end() : end].decode("utf-8", "replace")
        else:
            end = stream.find(b"\n", match.end())
            end = len(stream) if end < 0 else end
            rows.append(reader.read(stream[match.end() : end].decode("utf-8", "replace")))
        at = end
    for row in reader.dictionaries(rows):
        for key, value in row.items():
            if isinstance(value, str) and value in texts:
                row[key] = texts[value]
    return rows
