"""What a server says of when it may be asked again (Retry-After: RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.retry import RetryMiddleware

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.http import Response

_SECONDS = re.compile(rb"\d{1,10}")


def seconds_of(value: bytes | None, date: bytes | None = None, now: datetime | None = None) -> float | None:
    """Seconds from now; None when the header says nothing that can be read.

    A time is read against ``date``, the Date of the same answer, so that a clock that is wrong there does no harm.

    >>> seconds_of(b"120"), seconds_of(b"soon")
    (120.0, None)
    >>> seconds_of(b"Sun, 29 Nov 2026 10:05:00 GMT", b"Sun, 29 Nov 2026 10:00:00 GMT")
    300.0
    """
    value = (value or b"").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    until, since = _time(value), _time(date or b"") or now or datetime.now(UTC)
    return max(0.0, (until - since).total_seconds()) if until is not None else None


def retry_after(response: Response) -> float | None:
    """The same of a response."""
    return seconds_of(response.headers.get("Retry-After"), response.headers.get("Date"))


def _time(value: bytes) -> datetime | None:
    try:
        found = parsedate_to_datetime(value.decode("ascii"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # whatever a server may write
        return None


class Retry(RetryMiddleware):
    """Scrapy's, but a server that says when to come back is not asked before: the spider leaves it alone."""

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        if response.status == 503 and retry_after(response) is not None:
            return response
        return super().process_response(request, response)
