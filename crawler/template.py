"""What is noted of a page that was read: its template, and which source gave each field.

A template is the page class, the kind of the article and the edition: ``BaoquoctePage/article/vi``. Neither is found by
the class names of the page's markup, so a redesign falls under the template that it changes, and not under a new one
without a history. Beside it stands the year of publication, for papers keep old articles in old markup.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from crawler.urls import registered_domain

if TYPE_CHECKING:
    from crawler.items import Article
    from crawler.page import ArticlePage

NONE = "none"  # the source of a field that was not found
ROW = "row"  # a field of its own: whether the page gave an article at all
LENGTH = "length"  # likewise: how long the body is
SUSPECT = "suspect since the drift alarm: "  # a warning of quarantined rows; the field's name follows
FIELDS = (
    *("title", "kicker", "sapo", "body", "byline", "publisher", "source", "section", "breadcrumbs", "tags", "topics"),
    *("images", "videos", "published_at", "modified_at"),
)


class Seen(NamedTuple):
    """One page, as the drift alarm counts it."""

    site: str
    template: str
    number: int  # of the page class
    year: int  # of publication, 0 when the page tells no date
    url: str
    sources: dict[str, str]  # by field; NONE where it was not found
    length: float | None = None  # of the body: the binary logarithm of its letters


def seen_of(article: Article) -> Seen:
    """What is noted of an article, after cleaning."""
    sources = {one.field: one.source for one in article.extraction.sources}
    facts = (article.kind, article.language, article.published_date, article.url, article.body)
    return _seen(article.site, article.extraction.page, sources, *facts)


def seen_of_row(row: Mapping[str, Any]) -> Seen:
    """The same, from its line. Raises KeyError or TypeError when it is no row."""
    sources = {one["field"]: one["source"] for one in row["extraction"]["sources"]}
    facts = (row["kind"], row["language"], row["published_date"], row["url"], row["body"])
    return _seen(row["site"], row["extraction"]["page"], sources, *facts)


def _seen(
    site: str, page: str, found: dict[str, str], kind: str, language: str, day: str | None, url: str, body: str | None
) -> Seen:
    name, _, number = page.partition("/")
    edition = language if found.get("language") == "url" else None
    sources = {ROW: "page", **{field: found.get(field, NONE) for field in FIELDS}}
    length = math.log2(len(body)) if body else None
    return Seen(site, template_name(name, kind, edition), int(number or 1), int((day or "0")[:4]), url, sources, length)


def without_row(article: Article) -> Seen:
    """What is noted of an article that lacks its title or its text."""
    return seen_of(article)._replace(sources={ROW: NONE}, length=None)


def template_of(page: ArticlePage, kind: str | None = None) -> str:
    """The template of a page: by the kind of the article, or of a list by the kind of its link (``kind``)."""
    language = page.pick("language") if page.source_of("language") == "url" else None
    return template_name(page.name, kind or page.pick("kind") or "article", language)


def unread(page: ArticlePage) -> Seen:
    """What is noted of a page where an article was promised and none was found."""
    published = page.pick("published_at")
    template = template_of(page)
    year = published.day.year if published else 0
    return Seen(page.site or registered_domain(page.url), template, page.number, year, page.url, {ROW: NONE})


def template_name(page: str, kind: str, language: str | None) -> str:
    """The edition is part of the name only where the address tells it: a page may lose its ``lang``."""
    return "/".join(filter(None, (page, kind, language)))
