"""What is expected of a crawl: pages, bytes, hours, and what robots.txt closes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from crawler.plan_lists import ListSeen
from crawler.politeness import JITTER

LEDGER_BYTES = 1500  # of the ledger for each address


@dataclass(slots=True)
class KindSeen:
    """What robots.txt says of one kind of link: how many addresses were looked at, and those that it closes."""

    looked_at: int = 0
    closed: list[tuple[str, str]] = field(default_factory=list)  # address, rule or reason


@dataclass(slots=True)
class Sample:
    """An article that was asked for, as a crawl would have it."""

    url: str
    day: str | None
    warc_bytes: int
    row_bytes: int
    seconds: float
    readable: bool  # an article without a browser
    related: list[str]


@dataclass(slots=True)
class Plan:
    """What is expected of the crawl."""

    names: dict[str, str] = field(default_factory=dict)  # a tag's or category's name → its address
    robots: dict[str, KindSeen] = field(default_factory=dict)  # by link kind
    open_sitemaps: list[str] = field(default_factory=list)
    lists: list[ListSeen] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)  # pages by kind
    related_at_most: int = 0  # pages more, by the links of the articles
    oldest: str | None = None  # ISO date
    delay: float = 0.0  # seconds between two requests
    requests: int = 0
    trouble: list[str] = field(default_factory=list)

    @property
    def pages(self) -> int:
        return sum(self.expected.values())

    @property
    def page_bytes(self) -> int:
        return _mean(sample.warc_bytes for sample in self.samples)

    @property
    def disk_bytes(self) -> int:
        """WARC, rows, links and ledger."""
        rows = self.expected.get("articles", 0) * _mean(sample.row_bytes for sample in self.samples)
        return self.pages * (self.page_bytes + LEDGER_BYTES) + rows

    @property
    def hours(self) -> float:
        """At the set pace; without a delay, at that of the answers."""
        seconds = sum(sample.seconds for sample in self.samples) / max(1, len(self.samples))
        return self.pages * max(self.delay * (1 + JITTER / 2), 0.0 if self.delay else seconds) / 3600

    @property
    def browser_share(self) -> float | None:
        """Of the articles that were looked at, those that plain HTTP does not give."""
        return sum(not sample.readable for sample in self.samples) / len(self.samples) if self.samples else None


def _mean(numbers: Iterable[int]) -> int:
    found = list(numbers)
    return round(sum(found) / len(found)) if found else 0
