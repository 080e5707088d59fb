"""Conditional requests: a page that was captured before is asked for only if it has changed (RFC 9110, section 13).

    last whole answer 200 ─► If-None-Match, If-Modified-Since ─► 304 ─► server-not-modified revisit of the archived page

What a 304 stands for is read from the archive and handed on as if it had come: an unchanged list leads to the same
links, an unchanged article to its related ones, and a page that was archived but never read is read now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import Request

from warc.record import Original
from warc.values import safe_uri

if TYPE_CHECKING:
    from crawler.ledger import Ledger

LONGEST = 1000  # characters; a longer validator is no use to anybody and may be an attack on the server's limits


def ask_if_changed(request: Request, ledger: Ledger) -> None:
    """Give the request the validators of the last whole answer, and ``meta["unmodified"]``: what a 304 stands for."""
    last = ledger.capture_of_url(safe_uri(request.url))
    if last is None:
        return
    validators = {"If-None-Match": last.etag, "If-Modified-Since": last.last_modified}
    usable = {name: value for name, value in validators.items() if value and _is_sendable(value)}
    held = last if last.original_id is None else ledger.capture(last.original_id)
    if usable and held is not None:
        request.headers.update(usable)
        request.meta["unmodified"] = Original(held.record_id, held.url, held.captured_at)


def ask_again_in_full(request: Request) -> None:
    """Take the conditions back: what they rest on cannot be read."""
    for name in ("If-None-Match", "If-Modified-Since"):
        request.headers.pop(name, None)
    request.meta.pop("unmodified", None)


def _is_sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and len(value) <= LONGEST
