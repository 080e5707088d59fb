"""One visit to one URL of the frontier, from its hand-out to its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from crawler.crawllog import PassedOver
from crawler.events import Sighting
from crawler.items import Article
from crawler.links import FoundLink
from crawler.requisites import Requisite
from crawler.template import Seen


@dataclass(slots=True)
class Found:
    """A URL that a page promised, on its way into the frontier."""

    url: str  # canonical
    kind: str
    channel: str
    depth: int
    priority: int
    via: str | None = None  # address of the page that held it
    hop_path: str = ""
    seed: str | None = None  # address that the hop path began from; None for a seed itself
    day: str | None = None  # ISO date that the list gives for it
    wanted: bool = True  # False: only to be noted as promised, this crawl does not lead there


@dataclass(slots=True, eq=False)
class Visit:
    """What is known of a visit; it ends when its callback is exhausted and each of its items has been signalled.

    ``outcome`` is the state its URL will have: done, failed, refused, redirected, or captured when the page is to be
    parsed by a later run (its row would have gone over ``max_articles``).
    """

    url_id: int | None
    url: str
    kind: str
    depth: int = 0
    hop_path: str = ""
    channel: str | None = None
    via: str | None = None
    seed: str | None = None
    outcome: str = "done"
    reason: str | None = None
    retries: int | None = None  # with ``queued``: how often this fetch has been repeated, so that it ends some day
    delay: float = 0.0  # with ``queued``: seconds before it is asked again
    items_open: int = 0
    exhausted: bool = False
    found: list[Found] = field(default_factory=list)
    passed: list[PassedOver] = field(default_factory=list)  # not fetched, by a decision of this visit
    beyond: Counter[str] = field(default_factory=Counter)  # how often a limit was reached, by reason
    links: list[FoundLink] = field(default_factory=list)  # every link of the page
    requisites: list[Requisite] = field(default_factory=list)  # every file the page names, with capture=page
    rows: list[tuple[Article, bytes]] = field(default_factory=list)  # with their lines, written when the visit ends
    lines: list[tuple[str, bytes]] = field(default_factory=list)  # (folder, whole lines), written with them
    sighting: Sighting | None = None  # what was seen of the article at this address
    seen: Seen | None = None  # what the drift alarm counts of the page
    suspect: Article | None = None  # does not fit its template: held back, or on its way to quarantine/

    @property
    def began_at(self) -> str:
        """Address of the seed that the hop path began from."""
        return self.seed or self.url

    def end(self, outcome: str, reason: str | None = None) -> None:
        """Set the outcome; what went wrong first is kept."""
        if self.outcome == "done":
            self.outcome, self.reason = outcome, reason

    @property
    def ended(self) -> bool:
        return self.exhausted and self.items_open == 0
