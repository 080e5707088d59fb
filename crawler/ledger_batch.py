"""Write one batch of operations into the ledger's tables, inside the caller's transaction.

Everything goes in as a few statements of many rows. Python's threads change hands at every statement, and a thread
that is busy with pages gives the processor back only after milliseconds: one statement a row would make a commit of
64 pages last a second.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from crawler.dates import utc_text
from crawler.drift_table import write_drift
from crawler.exclusions import write_exclusions
from crawler.ledger_ops import (
    ARTICLE_KINDS,
    Add,
    Applied,
    ArticleSeen,
    ArticleState,
    Basis,
    Capture,
    Done,
    Drift,
    Event,
    Exclusion,
    Failed,
    FileState,
    HostState,
    InFlight,
    Move,
    Op,
    Redirected,
    Refused,
    Requeue,
    RunBeat,
    RunEnd,
    Scope,
    TrapState,
    Version,
)
from crawler.recrawl import DEFAULT

CHUNK = 256  # rows a statement; a power of two, see chunks_of
RETRY_ARTICLE = timedelta(days=1)  # an article page that gave no article is asked again after this
NEVER, ALWAYS = "", "9999"  # what due_at is compared with, as text; the latest due date lies before

_T = TypeVar("_T")
_Row = tuple[Any, ...]
_MOVES = (InFlight, Done, Failed, Refused, Redirected, Requeue)
_OF_ARTICLES = (Version, ArticleSeen, ArticleState)
_OTHERS = (HostState, TrapState, RunBeat, RunEnd)

# Columns, and where their values come from.
_CAPTURE = (
    """record_id, url, file, file_offset, length, record_type, captured_at, run, url_id, original_id, status,
    payload_digest, truncated, mime, etag, last_modified, reading""",
    attrgetter(
        *("record_id", "url", "file", "offset", "length", "record_type", "captured_at", "run", "url_id"),
        *("original_id", "status", "payload_digest", "truncated", "mime", "etag", "last_modified", "reading"),
    ),
)
_VERSION = (
    """article_id, version, row_id, record_id, file, file_offset, length, content_digest, page, page_number,
    captured_at, run""",
    attrgetter(
        *("article_id", "version", "row_id", "record_id", "file", "offset", "length", "content_digest", "page"),
        *("page_number", "captured_at", "run"),
    ),
)
_ARTICLE = (
    """article_id, version, row_id, url, content_digest, page, page_number, published_at, first_captured_at,
    last_captured_at, section""",
    attrgetter(
        *("article_id", "version", "row_id", "url", "content_digest", "page", "page_number", "published_at"),
        *("first_captured_at", "captured_at", "section"),
    ),
)
_FILE = attrgetter("path", "kind", "spider", "run", "length", "records")
_EVENT = attrgetter("event_id", "article_id", "url", "at", "kind", "status", "record_id", "run")

QUEUE = """INSERT INTO frontier (scope_id, url_id, pass, state, kind, depth, priority, via, hop_path, channel, render,
    seed, host, attempts, retries, not_before, changed_at)
WITH v (fingerprint, kind, depth, priority, via, hop_path, channel, render, seed) AS (VALUES {})
SELECT ?, u.url_id, ?, 'queued', v.kind, v.depth, v.priority, v.via, v.hop_path, v.channel, v.render,
    v.seed, u.host, 0, 0, 0, ?
FROM v JOIN urls u ON u.fingerprint = v.fingerprint
WHERE u.due_at IS NULL OR u.due_at <= ?
ON CONFLICT (scope_id, url_id) DO UPDATE SET
    pass = excluded.pass, state = excluded.state, reason = NULL, kind = excluded.kind, priority = excluded.priority,
    via = excluded.via, hop_path = excluded.hop_path, channel = excluded.channel, render = excluded.render,
    seed = excluded.seed, changed_at = excluded.changed_at,
    depth = CASE WHEN frontier.pass = excluded.pass AND frontier.depth < excluded.depth
        THEN frontier.depth ELSE excluded.depth END,
    attempts = CASE WHEN frontier.pass = excluded.pass THEN frontier.attempts ELSE 0 END,
    retries = CASE WHEN frontier.pass = excluded.pass THEN frontier.retries ELSE 0 END,
    not_before = CASE WHEN frontier.pass = excluded.pass THEN frontier.not_before ELSE 0 END
WHERE frontier.pass < excluded.pass
    OR (frontier.state = 'queued' AND (excluded.priority > frontier.priority
        OR (excluded.priority = frontier.priority AND excluded.depth < frontier.depth)))"""

PROMISE = """INSERT INTO channels (url_id, channel, source, first_seen, last_seen, day)
WITH v (fingerprint, channel, source, day) AS (VALUES {})
SELECT u.url_id, v.channel, v.source, ?, ?, v.day FROM v JOIN urls u ON u.fingerprint = v.fingerprint
WHERE true
ON CONFLICT (url_id, channel, source) DO UPDATE SET last_seen = excluded.last_seen,
    day = COALESCE(excluded.day, channels.day)"""

MOVE = """WITH v (url_id, state, reason, record_id, retries, not_before, sent) AS (VALUES {})
UPDATE frontier SET
    state = v.state, reason = v.reason, not_before = v.not_before, changed_at = ?,
    record_id = COALESCE(v.record_id, frontier.record_id),
    retries = COALESCE(CAST(v.retries AS INTEGER), frontier.retries),
    attempts = frontier.attempts + v.sent
FROM v WHERE frontier.scope_id = ? AND frontier.url_id = v.url_id
    AND (v.state <> 'in_flight' OR frontier.state = 'queued')"""

# An article page that gave no article has no recrawl date of its own; without one every pass would ask again.
ASK_AGAIN = """UPDATE urls SET due_at = ? WHERE (due_at IS NULL OR due_at <= ?) AND url_id IN (
    SELECT url_id FROM frontier WHERE scope_id = ? AND kind IN (?, ?) AND url_id IN {})"""

NEW_VERSION = """ON CONFLICT (article_id) DO UPDATE SET version = excluded.version, row_id = excluded.row_id,
    url = excluded.url, content_digest = excluded.content_digest, page = excluded.page,
    page_number = excluded.page_number, published_at = excluded.published_at,
    last_captured_at = excluded.last_captured_at, state = excluded.state, section = excluded.section
WHERE articles.version <= excluded.version"""

SEEN = """WITH v (article_id, captured_at) AS (VALUES {})
UPDATE articles SET last_captured_at = v.captured_at FROM v
WHERE articles.article_id = v.article_id AND articles.last_captured_at < v.captured_at"""

DUE = """WITH v (url_id, due_at, article_id) AS (VALUES {})
UPDATE urls SET due_at = v.due_at, article_id = v.article_id FROM v WHERE urls.url_id = v.url_id"""

# The row stays locked until the commit: on every database commits stand in the order of their positions.
POSITIONS = """UPDATE meta SET value = CAST(CAST(value AS BIGINT) + ? AS TEXT) WHERE key = 'position' RETURNING value"""

TRAP = """INSERT INTO traps (scope_id, pass, changed_at, pattern, pages, reason) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (scope_id, pattern) DO UPDATE SET pass = excluded.pass, changed_at = excluded.changed_at,
    pages = excluded.pages, reason = excluded.reason"""

HOST = """INSERT INTO hosts (host, delay, crawl_delay, parked_until, reason, parkings)
VALUES (?, ?, ?, COALESCE(?, 0), ?, COALESCE(?, 0))
ON CONFLICT (host) DO UPDATE SET
    delay = COALESCE(excluded.delay, hosts.delay),
    crawl_delay = COALESCE(excluded.crawl_delay, hosts.crawl_delay),
    parked_until = CASE WHEN excluded.parked_until > 0 THEN excluded.parked_until ELSE hosts.parked_until END,
    reason = COALESCE(excluded.reason, hosts.reason),
    parkings = COALESCE(?, hosts.parkings)"""


def write_batch(db: sqlite3.Connection, scope: Scope | None, now: datetime, ops: Sequence[Op]) -> Applied:
    """Write all operations. Only what moves the frontier needs a scope: AssertionError without one."""
    applied = _add(db, scope, utc_text(now), [op for op in ops if isinstance(op, Add)])
    _add_captures(db, [op for op in ops if isinstance(op, Capture)])
    positions = _take_positions(db, [op for op in ops if isinstance(op, Version | Event)])
    _add_articles(db, scope, [op for op in ops if isinstance(op, _OF_ARTICLES)], positions)
    _add_events(db, [op for op in ops if isinstance(op, Event)], positions)
    _move(db, scope, now, ops)
    _set_files(db, [op for op in ops if isinstance(op, FileState)])
    write_drift(db, [op for op in ops if isinstance(op, Drift)], _insert)
    write_exclusions(db, [op for op in ops if isinstance(op, Exclusion)])
    _set_others(db, scope, utc_text(now), [op for op in ops if isinstance(op, _OTHERS)])
    return applied


def _add(db: sqlite3.Connection, scope: Scope | None, now: str, adds: list[Add]) -> Applied:
    """Queue new URLs and note who promised them."""
    if not adds:
        return Applied()
    assert scope is not None, "no scope is open"
    best: dict[bytes, Add] = {}
    for add in adds:
        other = best.get(add.fingerprint)
        if other is None or (add.wanted, add.priority, -add.depth) > (other.wanted, other.priority, -other.depth):
            best[add.fingerprint] = add
    new = _insert(
        db,
        "urls (fingerprint, url, host, first_seen)",
        [(add.fingerprint, add.url, add.host, now) for add in best.values()],
        "ON CONFLICT (fingerprint) DO NOTHING",
    )
    due = due_before(scope, now)
    wanted = [
        (a.fingerprint, a.kind, a.depth, a.priority, a.via, a.hop_path, a.channel, a.render, a.seed)
        for a in best.values()
        if a.wanted
    ]
    queued = _each(db, QUEUE, wanted, scope.id, scope.pass_number, now, due)
    promised: dict[tuple[bytes, str, str], str | None] = {}
    for add in adds:
        if add.channel is not None and add.source is not None:
            key = (add.fingerprint, add.channel, add.source)
            promised[key] = add.day or promised.get(key)
    _each(db, PROMISE, [(*key, day) for key, day in promised.items()], now, now)
    return Applied(new, queued)


def due_before(scope: Scope, now: str) -> str:
    """What the due date of an article is compared with, in this run."""
    return {"all": ALWAYS, "never": NEVER}.get(scope.recrawl, now)


def _move(db: sqlite3.Connection, scope: Scope | None, now: datetime, ops: Sequence[Op]) -> None:
    """Write what the batch makes of each URL: its last word counts."""
    moves: dict[int, list[Any]] = {}
    for op in ops:
        if isinstance(op, Capture):
            if op.url_id is not None:
                move = moves.setdefault(op.url_id, _unmoved(op.url_id))
                move[1], move[3] = "captured", op.record_id
        elif isinstance(op, _MOVES):
            _change(moves.setdefault(op.url_id, _unmoved(op.url_id)), op, now.timestamp())
    if not moves:
        return
    assert scope is not None, "no scope is open"
    _each(db, MOVE, list(moves.values()), utc_text(now), scope.id)
    for ids in chunks_of([url_id for url_id, move in moves.items() if move[1] == "done"]):
        again = (utc_text(now + RETRY_ARTICLE), utc_text(now), scope.id, *ARTICLE_KINDS)
        db.execute(ASK_AGAIN.format(places(1, len(ids))), (*again, *ids))


def _unmoved(url_id: int) -> list[Any]:
    return [url_id, "", None, None, None, 0.0, 0]  # the columns of MOVE


def _change(move: list[Any], op: Move, now: float) -> None:
    """Fold one operation into what the batch makes of its URL."""
    if isinstance(op, InFlight):
        move[1] = move[1] or "in_flight"
        move[6] += 1
    elif isinstance(op, Requeue):
        move[1], move[2], move[5] = "queued", None, now + op.delay if op.delay > 0 else 0.0
        move[4] = op.retries
    elif isinstance(op, Redirected):
        move[1], move[2] = "redirected", op.to
    else:
        move[1] = {Done: "done", Failed: "failed", Refused: "refused"}[type(op)]
        move[2] = op.reason


def _add_captures(db: sqlite3.Connection, captures: list[Capture]) -> None:
    columns, values = _CAPTURE
    rows = [(url_hash(capture.url), *values(capture)) for capture in captures]
    _insert(db, f"captures (url_hash, {columns})", rows, "ON CONFLICT (record_id) DO NOTHING")


def _take_positions(db: sqlite3.Connection, told: list[Version | Event]) -> dict[int, int]:
    """Where each of these stands in the order of commits, by the ``id()`` of the operation."""
    if not told:
        return {}
    (last,) = db.execute(POSITIONS, (len(told),)).fetchone()
    return {id(op): position for position, op in enumerate(told, int(last) - len(told) + 1)}


def _add_articles(
    db: sqlite3.Connection,
    scope: Scope | None,
    ops: list[Version | ArticleSeen | ArticleState],
    positions: dict[int, int],
) -> None:
    """Write new versions, the newest of each into its article, and when each URL may be asked again."""
    versions = sorted((op for op in ops if isinstance(op, Version)), key=attrgetter("version"))
    columns, values = _VERSION
    rows = [
        (positions[id(version)], json.dumps(version.fields, sort_keys=True), *values(version)) for version in versions
    ]
    _insert(db, f"versions (position, fields, {columns})", rows, "ON CONFLICT (article_id, version) DO NOTHING")
    columns, values = _ARTICLE
    rows = [("live", *values(newest)) for newest in {version.article_id: version for version in versions}.values()]
    _insert(db, f"articles (state, {columns})", rows, NEW_VERSION)
    _each(db, SEEN, [(op.article_id, op.captured_at) for op in ops if isinstance(op, ArticleSeen)])
    rule = scope.rule if scope is not None else DEFAULT
    due: dict[int, tuple[str, str]] = {}  # when each URL may be asked again, and which article was read there
    for op in ops:
        if isinstance(op, ArticleState):
            state = (op.state, op.url, op.article_id)
            db.execute("UPDATE articles SET state = ?, url = COALESCE(?, url) WHERE article_id = ?", state)
            if op.url_id is not None and op.at is not None:
                query = "SELECT COALESCE(published_at, first_captured_at), version FROM articles WHERE article_id = ?"
                for born, version in db.execute(query, (op.article_id,)):
                    due[op.url_id] = (rule.due_at(op.at, born, version), op.article_id)
        elif op.url_id is not None:
            born = (op.published_at or op.first_captured_at) if isinstance(op, Version) else op.born
            due[op.url_id] = (rule.due_at(op.captured_at, born, op.version), op.article_id)
        if isinstance(op, ArticleSeen) and op.basis is not None:
            _set_basis(db, op.article_id, op.version, op.basis)
    _each(db, DUE, [(url_id, *known) for url_id, known in due.items()])


def _set_basis(db: sqlite3.Connection, article_id: str, version: int, basis: Basis) -> None:
    """Compare the next capture with this: another number of a page class may read the same page otherwise."""
    values = (basis.content_digest, basis.page, basis.page_number)
    db.execute(
        "UPDATE articles SET content_digest = ?, page = ?, page_number = ? WHERE article_id = ?", (*values, article_id)
    )
    db.execute(
        """UPDATE versions SET content_digest = ?, page = ?, page_number = ?, fields = ?
        WHERE article_id = ? AND version = ?""",
        (*values, json.dumps(basis.fields, sort_keys=True), article_id, version),
    )


def _add_events(db: sqlite3.Connection, events: list[Event], positions: dict[int, int]) -> None:
    columns = "position, event_id, article_id, url, at, kind, status, record_id, run"
    rows = [(positions[id(event)], *_EVENT(event)) for event in events]
    _insert(db, f"events ({columns})", rows, "ON CONFLICT (event_id) DO NOTHING")


def _set_files(db: sqlite3.Connection, files: list[FileState]) -> None:
    _insert(
        db,
        "files (path, kind, spider, run, length, records, closed)",
        [(*_FILE(file), int(file.closed)) for file in {file.path: file for file in files}.values()],
        """ON CONFLICT (path) DO UPDATE SET length = excluded.length, records = excluded.records,
            closed = excluded.closed""",
    )


def _set_others(
    db: sqlite3.Connection, scope: Scope | None, now: str, ops: list[HostState | TrapState | RunBeat | RunEnd]
) -> None:
    for op in ops:
        if isinstance(op, HostState):
            values = (op.host, op.delay, op.crawl_delay, op.parked_until, op.reason, op.parkings)
            db.execute(HOST, (*values, op.parkings))
        elif isinstance(op, TrapState):
            assert scope is not None, "no scope is open"
            db.execute(TRAP, (scope.id, scope.pass_number, now, op.pattern, op.pages, op.reason))
        elif isinstance(op, RunBeat | RunEnd):
            counts = json.dumps(op.counts, sort_keys=True)
            db.execute("UPDATE runs SET heartbeat = ?, counts = ? WHERE run_id = ?", (now, counts, op.run_id))
            if isinstance(op, RunEnd):
                end = (now, op.status, op.reason, op.run_id)
                db.execute("UPDATE runs SET ended_at = ?, status = ?, reason = ? WHERE run_id = ?", end)


def _insert(db: sqlite3.Connection, target: str, rows: list[_Row], conflict: str) -> int:
    return _each(db, f"INSERT INTO {target} VALUES {{}} {conflict}", rows)


def _each(db: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Any]], *after: Any) -> int:
    """Execute the statement for chunks of rows, which stand where its ``{}`` is; how many rows it changed in all.

    Only statements that begin with INSERT or UPDATE are counted (Python's sqlite3 goes by the first word).
    """
    changed = 0
    for chunk in chunks_of(rows):
        given = (*chain.from_iterable(chunk), *after)
        changed += db.execute(_with_values(sql, len(chunk), len(chunk[0])), given).rowcount
    return changed


def chunks_of(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Cut into 256, 128, … 1 rows: few statement texts, which SQLite then has prepared already."""
    start, size = 0, CHUNK
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


@lru_cache(maxsize=256)
def _with_values(sql: str, rows: int, columns: int) -> str:
    return sql.format(places(rows, columns))


@lru_cache(maxsize=128)
def places(rows: int, columns: int) -> str:
    """Places for that many rows of values in a statement."""
    return ",".join([f"({','.join('?' * columns)})"] * rows)


def url_hash(url: str) -> bytes:
    """Key of a target URI as it was fetched, not of its canonical form."""
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=8).digest()
