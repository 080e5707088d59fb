"""What can be told to the ledger, one frozen type each, and what it answers.

A batch of these goes to ``Ledger.apply`` and becomes true as a whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from crawler.capture import CaptureRef
from crawler.recrawl import DEFAULT, Recrawl

ARTICLE_KINDS = ("article", "related")
"""Link kinds that lead to articles: only these wait for their recrawl date in a new pass."""


# --- The frontier -----------------------------------------------------------------------------------------------


class Add(NamedTuple):
    """A URL was found: it is queued unless this pass of the scope knows it, or it is an article and not due.

    Unless it is ``wanted`` it is only noted that a channel promised it: the scope does not lead there.
    """

    fingerprint: bytes  # of the canonical URL, 16 bytes
    url: str  # as it is to be fetched
    host: str
    kind: str
    depth: int = 0
    priority: int = 0  # higher is fetched earlier; equal ones in the order they were found
    via: str | None = None  # address of the page that held the link
    hop_path: str = ""
    channel: str | None = None
    source: str | None = None  # which listing, sitemap or feed; '' for none in particular; None: promised by no channel
    render: str | None = None
    day: str | None = None  # that the channel gives for it: of its last change in a sitemap, of publication in a feed
    wanted: bool = True
    seed: str | None = None  # where the hop path began; None for a seed itself


@dataclass(frozen=True, slots=True)
class InFlight:
    """The URL was handed out. Late news: it never takes back a later state."""

    url_id: int


@dataclass(frozen=True, slots=True)
class Done:
    """Fetched, read, and everything it gave is committed in this batch."""

    url_id: int
    reason: str | None = None  # such as not_modified, or why its item was dropped


@dataclass(frozen=True, slots=True)
class Failed:
    """Tried, and it did not work; the next pass tries again."""

    url_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not fetched on purpose: robots.txt, the guard, a redirect that leaves the site."""

    url_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Redirected:
    """The site sent us elsewhere; the target is added in the same batch if it is wanted."""

    url_id: int
    to: str


@dataclass(frozen=True, slots=True)
class Requeue:
    """Back into the queue, not to be handed out for ``delay`` seconds from now."""

    url_id: int
    delay: float = 0.0
    retries: int | None = None  # fetches in this pass that are to be repeated; None leaves the number alone


# --- What is in the archive ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capture:
    """A record stands in a WARC file. With ``url_id`` the URL is now captured."""

    record_id: str
    url: str  # WARC-Target-URI
    file: str
    offset: int
    length: int
    record_type: str  # response, revisit or resource
    captured_at: str
    run: str
    url_id: int | None = None  # None for robots.txt, images, scripts: captures without URL state
    original_id: str | None = None  # record id that a revisit refers to
    status: int | None = None
    payload_digest: str | None = None
    truncated: str | None = None  # WARC-Truncated; such a payload is never revisited
    mime: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    reading: bytes | None = None  # what its head says of how the payload is read: ``crawler.records.reading_of``


@dataclass(frozen=True, slots=True)
class Version:
    """A row of an article stands in a JSON lines file."""

    article_id: str
    version: int
    row_id: str
    record_id: str  # WARC record that the row was read from
    url: str
    file: str
    offset: int
    length: int
    content_digest: str
    page: str  # name of the page class
    page_number: int
    captured_at: str
    first_captured_at: str
    run: str
    fields: dict[str, str] = field(default_factory=dict)  # digest of each field, for the row's ``changed``
    published_at: str | None = None
    url_id: int | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What an article said, as a page class under one number reads it."""

    content_digest: str
    page: str
    page_number: int
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class ArticleSeen:
    """An article was captured again and says the same: its next visit moves.

    With ``basis`` it was read by another number of its page class: what the next capture is compared with.
    """

    article_id: str
    captured_at: str
    url_id: int | None = None
    born: str | None = None  # published_at, else first_captured_at
    version: int = 1
    basis: Basis | None = None


@dataclass(frozen=True, slots=True)
class ArticleState:
    """An article is live, gone, soft404, moved or wall. With ``url_id`` and ``at`` its next visit moves."""

    article_id: str
    state: str
    url: str | None = None  # its new address, None when it has not changed
    url_id: int | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class FileState:
    """A file of the archive is safe on disk up to ``length``, a record or line boundary."""

    path: str  # relative to ARCHIVE_DIR, without .open
    kind: str  # warc, articles, links, events, quarantine
    spider: str
    run: str
    length: int
    records: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class HostState:
    """What a host asked for. Members that are None leave what is known alone."""

    host: str
    delay: float | None = None  # seconds, ours
    crawl_delay: float | None = None  # seconds, from robots.txt
    parked_until: float | None = None  # Unix seconds
    reason: str | None = None
    parkings: int | None = None  # in a row, without a good answer between them


@dataclass(frozen=True, slots=True)
class TrapState:
    """So many pages of a pattern in a row gave nothing; with a reason it is given up for this pass of the scope."""

    pattern: str
    pages: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to an article: gone, back, moved, soft404, wall, changed, source."""

    event_id: str
    url: str
    at: str
    kind: str
    run: str
    article_id: str | None = None
    status: int | None = None
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class TextKept:
    """What an article's text can be found by, and what it waits for: see ``crawler/ledger_sources.py``."""

    article_id: str
    spider: str
    role: str  # original, copy, line or edition
    bands: tuple[int, ...] = ()  # of its shingles
    waits_for: str | None = None  # id of an article


@dataclass(frozen=True, slots=True)
class TextCompared:
    """A text that waited was looked at, and nothing was found; marks that came later stay."""

    article_id: str
    pending: int


@dataclass(frozen=True, slots=True)
class SourceFound:
    """An article was taken from another one."""

    article_id: str
    source_id: str
    how: str  # address, text or edition
    at: str  # UTC text
    run: str


@dataclass(frozen=True, slots=True)
class RunBeat:
    """The run lives, and has counted so far."""

    run_id: int
    counts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The run is over, with this exit status."""

    run_id: int
    status: int
    reason: str
    counts: dict[str, Any]


# --- The drift alarm ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DriftCounts:
    """How many pages of a template had a field from each source. Whole numbers, not increments."""

    spider: str
    site: str
    template: str
    counts: dict[tuple[int, str], dict[str, float]]  # by year and field


@dataclass(frozen=True, slots=True)
class DriftWindow:
    """Pages that came into a template's window, and those that left it."""

    spider: str
    site: str
    template: str
    added: dict[int, str]  # number: the page as JSON
    left: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DriftState:
    """A field of a template has fallen, is accepted as it is now, or (``state`` None) is as it should be."""

    spider: str
    site: str
    template: str
    field: str
    state: str | None  # fell or accepted
    since: str = ""
    run: str = ""
    page_number: int = 1
    sources: str = ""  # what gave the field before and then; of the body's length: letters
    urls: tuple[str, ...] = ()
    expected: float = 0.0  # share of the pages that fit, by the history
    pages: int = 0  # looked at since it fell, those that raised the alarm included
    fitting: int = 0  # of these
    written: int = 0  # of the others those that were read, and not held back, before the alarm


@dataclass(frozen=True, slots=True)
class DriftForget:
    """The history of a field counts no longer: it is learnt anew."""

    spider: str
    site: str
    template: str
    field: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row stands in ``quarantine/``: no article yet."""

    row_id: str
    spider: str
    site: str
    template: str
    fields: tuple[str, ...]
    article_id: str
    record_id: str  # of the visit
    url: str
    page: str
    page_number: int
    file: str
    offset: int
    length: int
    captured_at: str
    run: str
    url_id: int | None = None
    content_digest: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """A quarantined row has come back: as a row (its row_id), or its article said the same already (None)."""

    row_id: str
    at: str
    became: str | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A take-down: what it names is hidden, and no byte is deleted. Told again, with ``lifted_at``, when it ends."""

    exclusion_id: str  # SHA-256 of target, a space and the time
    target: str  # as it was named: an article's id, an address in its canonical form, or a prefix with * behind it
    article_ids: tuple[str, ...]
    addresses: tuple[str, ...]  # of these articles, and of the images and videos that are in no other article
    reason: str
    ticket: str | None
    last_day: str | None  # ISO date in +07:00, the last on which it is hidden; None: until it is lifted
    at: str  # UTC text
    run: str  # job of the command
    lifted_at: str | None = None  # UTC text

    def holds(self, day: str) -> bool:
        """Whether it hides anything on this day (ISO date in +07:00)."""
        return self.lifted_at is None and (self.last_day is None or day <= self.last_day)


Move = InFlight | Done | Failed | Refused | Redirected | Requeue
Drift = DriftCounts | DriftWindow | DriftState | DriftForget | Quarantined | Returned
TextOp = TextKept | TextCompared | SourceFound
RunOp = RunBeat | RunEnd
OfArticle = Version | ArticleSeen | ArticleState | Event | TextOp
Op = Add | Move | Capture | OfArticle | FileState | HostState | TrapState | RunOp | Drift | Exclusion


# --- Answers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """Spider and arguments, and the pass that this run works on."""

    id: int
    spider: str
    pass_number: int
    resumed: bool  # work was left, and is gone on with
    recrawl: str = "auto"  # auto, never or all
    rule: Recrawl = DEFAULT


class FrontierRow(NamedTuple):
    """A URL of the frontier, as it is handed out."""

    url_id: int
    fingerprint: bytes
    url: str
    host: str
    kind: str
    depth: int
    priority: int
    via: str | None
    hop_path: str
    channel: str | None
    render: str | None
    attempts: int  # times handed out in this pass
    retries: int
    seed: str | None = None  # where the hop path began; None for a seed itself
    captured: bool = False  # an answer of it may be archived; read with the head of a queue

    @property
    def began_at(self) -> str:
        """Address of the seed that the hop path began from."""
        return self.seed or self.url


class KnownArticle(NamedTuple):
    """What is known of an article now."""

    article_id: str
    url: str
    state: str
    published_at: str | None
    first_captured_at: str
    last_captured_at: str


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What a killed run left behind."""

    captured: list[tuple[FrontierRow, CaptureRef]]  # archived, not read: to be read back, never fetched again
    files: list[FileState]  # to be cut to their length and closed, or removed
    requeued: int  # URLs that were in flight


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch changed."""

    new_urls: int = 0  # never seen before, in any scope
    queued: int = 0  # queued in this pass, or moved forward in its queue
