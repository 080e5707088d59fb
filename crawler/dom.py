"""Rendered pages in the archive: the DOM after all scripts, and a picture of it, beside the response they came from.

A rendered page is derived, never a ``response``: its records are ``resource`` records with the target URIs
``urn:dom:<url>`` and ``urn:view:<url>``, and name the document's record with WARC-Concurrent-To (WARC-Refers-To is
not allowed in a ``resource``: ISO 28500:2017, 5.7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from crawler.dates import utc_text
from warc.reader import Capture
from warc.record import Visit, WarcRecord, resource

DOM: Final = "urn:dom:"
VIEW: Final = "urn:view:"
HTML: Final = "text/html; charset=utf-8"
STATUS: Final = 200  # only whole pages are rendered
PERMISSIONS: Final = frozenset({b"x-robots-tag", b"tdm-reservation"})  # in lower case
Header = tuple[bytes, bytes]
RENDER: Final = "render"  # fact of a document's capture: its page is read from the DOM, never from the response


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as it stood in the browser at ``at``; ``document`` is the record id of the response or revisit."""

    url: str
    at: datetime  # UTC
    html: bytes  # UTF-8
    document: str
    view: bytes | None = None  # JPEG


class RenderFailed(Exception):
    """The document is archived, and the browser did not get it shown."""


def rendered_records(page: Rendered) -> list[WarcRecord]:
    """The records of a rendered page; the first is the one rows point at."""
    at = utc_text(page.at)
    tied = [page.document]
    records = [resource(Visit(DOM + page.url, at), page.html, HTML, concurrent_to=tied)]
    if page.view is not None:
        dom = [*tied, records[0].record_id]
        records.append(resource(Visit(VIEW + page.url, at), page.view, "image/jpeg", concurrent_to=dom))
    return records


def is_dom(record_type: str, target_uri: str) -> bool:
    return record_type == "resource" and target_uri.startswith(DOM)


def page_address(uri: str) -> str:
    """Address of the page that a record of this target URI shows.

    >>> page_address("urn:dom:https://baoquocte.vn/a-1.html"), page_address("https://baoquocte.vn/")
    ('https://baoquocte.vn/a-1.html', 'https://baoquocte.vn/')
    """
    return uri.removeprefix(DOM).removeprefix(VIEW)


def permissions_in(headers: Iterable[tuple[bytes, bytes]]) -> list[Header]:
    """Those header lines of a document that hold for its DOM too."""
    return [(name, value) for name, value in headers if name.lower() in PERMISSIONS]


def as_page(capture: Capture, permissions: Iterable[Header] = ()) -> Capture:
    """A DOM record as the page that it is, for whoever reads responses; any other capture as it is.

    ``permissions`` are those of its document.
    """
    if not is_dom(capture.record_type, capture.target_uri):
        return capture
    headers = [(b"Content-Type", HTML.encode()), *permissions]
    return replace(capture, target_uri=capture.target_uri.removeprefix(DOM), status=STATUS, headers=headers)


def to_be_rendered(facts: Mapping[str, str]) -> bool:
    """Whether this document's page was read from its DOM."""
    return facts.get(RENDER) == "dom"
