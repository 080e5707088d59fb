"""Refuse what is no article, with a reason that is also a stats key: ``items/dropped/<reason>``."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import DropItem

from crawler.dates import HANOI
from crawler.items import Article

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

WITHOUT_TEXT = frozenset({"video", "gallery", "infographic", "emagazine"})  # kinds that may be pictures or film alone
UNDATED = "kept without a date: since and until cannot judge it"


class Refused(DropItem):
    """An item that a pipeline drops. ``reason`` is one word of the list in docs/row.md."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}", log_level="DEBUG")
        self.reason = reason


class ValidatePipeline:
    """Second pipeline: what an article must have, and the days that the run asked for."""

    def __init__(self, since: date | None = None, until: date | None = None) -> None:
        self.since = since
        self.until = until

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ValidatePipeline:
        args: Any = getattr(crawler.spider, "args", None)
        return cls(getattr(args, "since", None), getattr(args, "until", None))

    def process_item(self, item: Article) -> Article:
        if not item.url or not item.canonical_url or not item.id:
            raise Refused("no_url", item.url or "an item without an address")
        if item.title is None:
            raise Refused("no_title", item.url)
        pictures = item.kind in WITHOUT_TEXT and (item.images or item.videos)
        if item.body is None and not pictures:
            raise Refused("no_body", item.url)
        self._check_date(item)
        return item

    def _check_date(self, item: Article) -> None:
        """``since`` and ``until`` are days in +07:00, both included; an undated article is kept with a warning."""
        if item.published_date is None:
            if (self.since or self.until) and UNDATED not in item.extraction.warnings:
                item.extraction.warnings.append(UNDATED)
            return
        try:
            day = date.fromisoformat(item.published_date)
            captured = datetime.fromisoformat(item.captured_at) if item.captured_at else None
        except ValueError:
            raise Refused("bad_date", f"{item.published_date} {item.url}") from None
        if captured is not None and day > captured.astimezone(HANOI).date() + timedelta(days=1):
            raise Refused("bad_date", f"published {day}, captured {item.captured_at}: {item.url}")
        if self.since is not None and day < self.since:
            raise Refused("before_since", f"{day} {item.url}")
        if self.until is not None and day > self.until:
            raise Refused("after_until", f"{day} {item.url}")
