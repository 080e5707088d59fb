"""What happens to articles after they were archived: gone, back, moved, behind a wall, changed.

    spider: what a visit has seen of an article ─► Visit.sighting
    writer: Events.of(visit) ─► operations and lines, committed together with the end of the visit

Decided in the writer thread, where the state of an article is known before it is committed: so each event is told once,
whoever sees it first and whatever kills the crawl.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from crawler.ledger_ops import ArticleState, Event, Op
from crawler.serialize import to_line
from crawler.versions import field_digest

if TYPE_CHECKING:
    from crawler.capture import CaptureRef
    from crawler.ledger import Ledger
    from crawler.visit import Visit

EVENT_SCHEMA = "event/1"
LIVE = "live"
STATES = (LIVE, "gone", "soft404", "moved", "wall")  # of an article; all but the first are kinds of events too

BARRED = ("wall", "soft404")  # states that are told of articles too that were never archived


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a visit has seen of an article: one of ``STATES``."""

    article_id: str
    state: str
    capture: CaptureRef
    url: str  # where it was looked for; for ``moved`` where it is now
    to_id: str | None = None  # for ``moved``: id of the article at the new address
    title: str | None = None  # for ``soft404``: headline of the page, where nothing else tells that it is another


class Events:
    """States of articles: those in the ledger, and those that are not committed yet."""

    def __init__(self, ledger: Ledger, job: str) -> None:
        self._ledger = ledger
        self._job = job
        self._pending: dict[str, str] = {}

    def of(self, visit: Visit) -> list[Op]:
        """What is to be committed with the end of this visit: events, and the states that they lead to."""
        if visit.outcome in ("queued", "captured"):  # it will be read again
            return []
        ops: list[Op] = []
        seen = visit.sighting
        rows = visit.rows if visit.outcome == "done" else []
        for article, _ in rows:
            if article.version > 1 and seen is not None:
                ops.append(self.changed(article.id, visit.url, seen.capture))
        if seen is None or any(article.version == 1 for article, _ in rows):
            return ops
        state = self._pending.get(seen.article_id) or self._ledger.article_state(seen.article_id)
        if state is None:
            return [*ops, *self._barred(seen)]
        if state == seen.state == LIVE:  # as it should be
            return ops
        if seen.state == LIVE:
            return [*ops, self._event("back", seen.article_id, seen.url, seen.capture), self._state(visit, seen, LIVE)]
        if state == seen.state:
            return [*ops, self._state(visit, seen, state)]
        return ops + self._lost(visit, seen)

    def _barred(self, seen: Sighting) -> list[Op]:
        """Something else stands where an article that was never archived should: told until it is told otherwise."""
        if seen.state not in BARRED or seen.title is not None:
            return []
        before = self._ledger.events(seen.article_id)
        if before and before[-1].kind == seen.state:
            return []
        self._pending[seen.article_id] = seen.state
        return [self._event(seen.state, seen.article_id, seen.url, seen.capture)]

    def changed(self, article_id: str, url: str, capture: CaptureRef) -> Event:
        """Another text is a new version."""
        return self._event("changed", article_id, url, capture)

    def committed(self) -> None:
        """The ledger knows every state."""
        self._pending.clear()

    def _lost(self, visit: Visit, seen: Sighting) -> list[Op]:
        """The article was there at the last visit and is not now, or stands elsewhere."""
        known = self._ledger.latest_version(seen.article_id)
        if known and seen.title is not None and known.fields.get("title") == field_digest(seen.title):
            return []  # its headline without a text: rather our selectors than the site
        if seen.state == "moved" and seen.to_id == seen.article_id:
            if known is None or known.url != visit.url:
                return []  # one of many spellings
            told = self._event("moved", seen.article_id, seen.url, seen.capture)
            return [told, ArticleState(seen.article_id, LIVE, seen.url)]
        return [self._event(seen.state, seen.article_id, seen.url, seen.capture), self._state(visit, seen, seen.state)]

    def _state(self, visit: Visit, seen: Sighting, state: str) -> ArticleState:
        self._pending[seen.article_id] = state
        return ArticleState(seen.article_id, state, None, visit.url_id, seen.capture.captured_at)

    def _event(self, kind: str, article_id: str, url: str, capture: CaptureRef) -> Event:
        record_id = capture.revisit_id or capture.record_id
        return Event(
            event_id=sha256(f"{record_id} {kind}".encode()).hexdigest(),
            url=url,
            at=capture.captured_at,
            kind=kind,
            run=self._job,
            article_id=article_id,
            status=capture.status,
            record_id=record_id,
        )


def event_of(event: Event) -> dict[str, Any]:
    """The event as its line in ``events/`` says it."""
    keys = ("event_id", "article_id", "url", "at", "kind", "status", "record_id", "run")
    values = asdict(event)
    return {"schema": EVENT_SCHEMA} | {key.removeprefix("article_"): values[key] for key in keys}


def event_line(event: Event) -> bytes:
    """The event's line in ``events/``."""
    return to_line(event_of(event))
