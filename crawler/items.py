"""The row: the one typed definition of what a line in ``articles/`` holds.

The JSON Schema (``crawler/schema.py``), the table in docs/row.md and the serialiser all read these classes.
Every key stands in every row; lists are never null; absent text is null, never an empty string.
A later ``article/N`` only adds keys. All instants are ISO 8601 strings with an offset, so that a row reads
the same in every tool.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ARTICLE_SCHEMA = "article/1"


def doc(text: str, default: Any = None) -> Any:
    """Declare a field with its meaning; ``default`` may be a factory (``list``) or a plain value."""
    if callable(default):
        return field(default_factory=default, metadata={"doc": text})
    return field(default=default, metadata={"doc": text})


@dataclass(slots=True)
class Block:
    """One piece of the body, in reading order. Every key stands in every block."""

    type: str = doc("paragraph, heading, quote, list, table, image, video or box", "paragraph")
    text: str | None = doc("plain text of a paragraph, heading, quote, list (lines) or box; null for others")
    level: int | None = doc("2 to 6 for a heading, else null")
    items: list[str] = doc("the entries of a list", list)
    rows: list[list[str]] = doc("the cells of a table, row by row", list)
    url: str | None = doc("absolute address of an image or video")
    alt: str | None = doc("alternative text of an image")
    caption: str | None = doc("caption without the photo credit")
    credit: str | None = doc("photo credit, as printed in or beside the caption")


@dataclass(slots=True)
class Author:
    """A person who made the article."""

    name: str = doc("name as printed", "")
    role: str = doc("author, photo, translator or compiler", "author")


@dataclass(slots=True)
class Source:
    """The paper that this page republishes; all members null when it is an original."""

    name: str | None = doc("the paper's name as printed")
    url: str | None = doc("address of the original article")
    id: str | None = doc("id of the original article, where it is archived or on a known site: docs/archive.md")


@dataclass(slots=True)
class Breadcrumb:
    """A section on the path to the article, outermost first."""

    name: str = doc("section name", "")
    url: str | None = doc("absolute address of the section")


@dataclass(slots=True)
class Tag:
    """A tag or topic of the article."""

    name: str = doc("as printed", "")
    url: str | None = doc("absolute address")
    key: str | None = doc("the stable part of the address: slug or number")


@dataclass(slots=True)
class Image:
    """An editorial image; decoration and advertising are left out."""

    url: str = doc("absolute address as the page gives it", "")
    alt: str | None = doc("alternative text")
    caption: str | None = doc("caption without the photo credit")
    credit: str | None = doc("photo credit")
    position: int = doc("0 for the lead image, then in reading order", 0)
    width: int | None = doc("pixels, where the page says so")
    height: int | None = doc("pixels, where the page says so")
    record_id: str | None = doc("WARC record of the image, where it was archived")


@dataclass(slots=True)
class Video:
    """An editorial video."""

    url: str = doc("absolute address of the file or player", "")
    caption: str | None = doc("caption")
    credit: str | None = doc("credit")
    position: int = doc("in reading order, from 0", 0)
    record_id: str | None = doc("WARC record of the video, where it was archived")


@dataclass(slots=True)
class ArticleLink:
    """An editorial link. All other links of the page go to ``links/``."""

    url: str = doc("absolute address", "")
    text: str | None = doc("link text")
    kind: str = doc("related, source or edition", "related")


@dataclass(slots=True)
class FoundBy:
    """How the crawl came to this page."""

    kind: str | None = doc("link kind: seed, article, related, tag, category, topic, next_page, sitemap, feed")
    referrer: str | None = doc("address of the page that held the link")
    depth: int = doc("hops from the seed", 0)
    channel: str | None = doc("seed, sitemap, feed, listing, tag or related")


@dataclass(slots=True)
class WarcRef:
    """The record that holds the bytes this row was read from."""

    file: str | None = doc("path relative to ARCHIVE_DIR")
    offset: int | None = doc("byte offset of the gzip member")
    length: int | None = doc("byte length of the gzip member")
    record_id: str | None = doc("WARC-Record-ID, with angle brackets")
    record_type: str | None = doc("response or resource")
    target_uri: str | None = doc("WARC-Target-URI")
    payload_digest: str | None = doc("sha1: and Base32, as in the record")
    revisit_id: str | None = doc("record id of this visit, where the payload was archived before")


@dataclass(slots=True)
class Permissions:
    """What the site says about the use of the page."""

    robots_rule: str | None = doc("the robots.txt line that decided")
    meta_robots: str | None = doc("content of meta robots")
    x_robots_tag: str | None = doc("X-Robots-Tag header")
    tdm_reservation: str | None = doc("TDM reservation, as declared: header, else meta, else the site's tdmrep.json")


@dataclass(slots=True)
class FieldSource:
    """Where the value of one field was found."""

    field: str = doc("name of the field", "")
    source: str = doc(
        "json_ld, embedded (page data of a script), selector, meta, generic, url or label; source.id: "
        "address, text or edition",
        "",
    )


@dataclass(slots=True)
class Extraction:
    """How the row was made."""

    page: str = doc("page class and its number, such as BaoquoctePage/1", "")
    input: str = doc("html, or dom for a rendered page", "html")
    suspect: bool = doc("true when the layout seems to have drifted", False)
    sources: list[FieldSource] = doc("one entry for each field that was found", list)
    warnings: list[str] = doc("what was noticed while reading", list)


@dataclass(slots=True)
class Article:
    """One version of one article: a line in ``articles/``."""

    schema: str = doc("article/1", ARTICLE_SCHEMA)
    row_id: str = doc("SHA-256 (hex) of warc.revisit_id, else warc.record_id, a space, and page class with number", "")
    run: str = doc("job that wrote the row", "")
    id: str = doc(
        "baoquocte.vn:<digits>; vietnam.vn:<lang>:<slug>; other sites <registered domain>:<canonical path>", ""
    )
    work_id: str = doc("id of the original-language article; equal over editions", "")
    version: int = doc("1, 2, … when cleaned title, sapo or body change", 1)
    previous: str | None = doc("row_id of the version before")
    changed: list[str] = doc("names of the fields that changed since then", list)
    kind: str = doc("article, video, gallery, infographic, emagazine or live", "article")
    site: str = doc("registered domain", "")
    language: str = doc("BCP 47", "vi")
    is_translation: bool = doc("true for machine-translated editions", False)
    translation_of: str | None = doc("id of the article this one translates")
    url: str = doc("final address, after redirects", "")
    canonical_url: str = doc("canonical form of the address", "")
    title: str | None = doc("headline")
    kicker: str | None = doc("short line above the headline")
    sapo: str | None = doc("lead paragraph under the headline")
    body: str | None = doc("texts of the text blocks, joined by a blank line")
    blocks: list[Block] = doc("the body, piece by piece, in reading order", list)
    byline: str | None = doc("author line as printed")
    authors: list[Author] = doc("people named in the byline", list)
    agencies: list[str] = doc("news agencies named in the byline", list)
    publisher: str | None = doc("who published this page")
    source: Source = doc("the paper that this page republishes", Source)
    section: str | None = doc("name of the outermost section")
    breadcrumbs: list[Breadcrumb] = doc("path of sections, outermost first", list)
    tags: list[Tag] = doc("tags in page order", list)
    topics: list[Tag] = doc("topics in page order", list)
    images: list[Image] = doc("editorial images in reading order", list)
    videos: list[Video] = doc("editorial videos in reading order", list)
    links: list[ArticleLink] = doc("editorial links: related, source, edition", list)
    published_at: str | None = doc("instant of publication, ISO 8601 with offset; null when only a day is known")
    published_date: str | None = doc("day of publication in +07:00, YYYY-MM-DD")
    published_precision: str | None = doc("second, minute, day or guess")
    published_text: str | None = doc("date as printed")
    modified_at: str | None = doc("instant of the last change; as published_at")
    modified_date: str | None = doc("day of the last change in +07:00")
    modified_precision: str | None = doc("second, minute, day or guess")
    modified_text: str | None = doc("date of the last change as printed")
    captured_at: str = doc("start of the fetch, UTC; string-equal to WARC-Date", "")
    first_captured_at: str = doc("captured_at of the first capture of this article", "")
    found_by: FoundBy = doc("how the crawl came here", FoundBy)
    content_digest: str = doc("sha256: and hex of NFC title, sapo and body joined by U+001E", "")
    warc: WarcRef = doc("the record that holds the bytes", WarcRef)
    permissions: Permissions = doc("what the site says about use", Permissions)
    extraction: Extraction = doc("how the row was made", Extraction)
