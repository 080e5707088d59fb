"""What a crawl takes of anything that others send: the numbers, and the one error for what is not read.

Each is a setting (docs/limits.md). Limits of the wire are read where the bytes come (``crawler/handler.py``); those of
what a page may be go with its request, so that a page reads the same in the crawl and out of the archive.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.settings import BaseSettings

MB = 1 << 20
DEEPEST: Final = 2_048  # elements inside each other that libxml2 reads
REASONS: Final = frozenset(
    {"headers_too_large", "too_many_headers", "too_many_interim_answers", "framing_too_large"}
    | {"decoded_too_large", "decoded_ratio", "too_many_encodings", "bad_encoding", "too_many_redirects"}
    | {"page_too_large", "too_many_tags", "too_many_attributes", "too_deep", "too_slow", "too_many_links"}
    | {"json_too_deep"}
    | {"url_too_long", "link_too_deep", "too_many_list_pages", "too_many_hosts", "pages_per_host", "pages_per_run"}
    | {"sitemap_too_large", "sitemap_too_long", "sitemap_too_deep", "sitemap_doctype", "sitemap_broken"}
    | {"sitemap_bad_date"}
)
"""What goes beyond a limit, as stats and the crawl log name it; docs/limits.md has what happens then."""


class NotRead(Exception):
    """What came is archived and is not read: too large, too deep, too slow, not what it says it is.

    ``reason`` is the word for it in stats and logs.
    """

    def __init__(self, reason: str, told: str) -> None:
        super().__init__(told)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """The name of each in upper case is its setting; the defaults are those of ``crawler/settings.py``."""

    headers_maxsize: int = 128 * 1024  # bytes of an answer's head
    headers_max: int = 500  # lines of it
    interim_max: int = 20  # 1xx answers before the answer
    decoded_maxsize: int = 50 * MB  # bytes of a body without its content encodings
    decoded_ratio: int = 300  # times the size of what came, from 1 MB on
    content_encodings_max: int = 3  # one over the other
    sitemap_maxsize: int = 50 * MB  # bytes of a sitemap or feed, without content encoding and .gz
    sitemap_entries: int = 50_000
    sitemap_depth: int = 3  # sitemaps that name sitemaps
    page_maxsize: int = 8 * MB  # bytes of a page that is read
    html_tags_max: int = 200_000
    html_attributes_max: int = 2_000  # of one tag
    html_depth_max: int = 1_000  # elements inside each other
    json_depth_max: int = 40  # objects and lists inside each other, in the data that a page states
    links_per_page: int = 10_000
    link_depth_max: int = 100  # links from a seed; pages of one list count once
    list_pages_max: int = 10_000  # of one list
    hosts_per_run: int = 10_000  # of links
    pages_per_host: int = 1_000_000  # in one run; the next one goes on
    pages_per_run: int = 10_000_000
    redirects_max: int = 8  # in a row
    url_length_max: int = 2_048  # characters

    @classmethod
    def of(cls, settings: BaseSettings) -> Self:
        """Those of a run. What the settings do not name has its default."""
        return cls(**{one.name: settings.getint(one.name.upper(), getattr(DEFAULTS, one.name)) for one in fields(cls)})


DEFAULTS = Limits()


def limits_of(meta: Mapping[str, Any]) -> Limits:
    """Those that go with a request."""
    found = meta.get("limits")
    return found if isinstance(found, Limits) else DEFAULTS
