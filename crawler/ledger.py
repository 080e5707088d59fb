"""The ledger: what the crawl has found, asked, archived and written, in one SQLite file.

    ledger = Ledger.open(archive / "ledger.sqlite")
    scope = ledger.open_scope("baoquocte", '{"tags":["APEC"]}')
    left = ledger.recover()            # after a kill: what to cut, what to read back, what is queued again
    ledger.apply([Add(…), Capture(…), Done(…), FileState(…)])      # one transaction, durable when it returns

One ``Ledger`` belongs to one thread. The writer thread applies; the scheduler reads through a connection of its own,
which waits for nobody (WAL).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from crawler import crash, sqlite
from crawler.capture import CaptureRef
from crawler.dates import utc_text
from crawler.drift_table import DriftTable
from crawler.ledger_batch import chunks_of, due_before, places, url_hash, write_batch
from crawler.ledger_ops import (
    Applied,
    Capture,
    Event,
    FileState,
    FrontierRow,
    HostState,
    KnownArticle,
    Leftovers,
    Op,
    Scope,
    TrapState,
    Version,
)
from crawler.ledger_schema import MIGRATIONS
from crawler.ledger_sources import SourceTable, write_sources
from crawler.recrawl import DEFAULT, Recrawl
from crawler.urls import CANONICALISATION, is_plain

_LEFT = "state IN ('queued', 'in_flight', 'captured')"
_ROW = """f.url_id, u.fingerprint, u.url, f.host, f.kind, f.depth, f.priority, f.via, f.hop_path, f.channel,
    f.render, f.attempts, f.retries, f.seed"""
# Pages that gave no article are left out. Below the priority of everything found, in the order of their recency.
_AGAIN = """UPDATE frontier SET pass = ?, state = 'queued', reason = NULL, priority = priority % 10000000000,
    attempts = 0, retries = 0, not_before = 0, changed_at = ?
WHERE scope_id = ? AND url_id IN (
    SELECT f.url_id FROM urls u CROSS JOIN frontier f  -- in this order: few are due
    WHERE f.scope_id = ? AND f.url_id = u.url_id AND u.due_at <= ? AND f.pass < ? AND f.kind IN ('article', 'related')
        AND (f.state <> 'done' OR f.reason IS NULL OR f.reason IN ('dropped_unchanged', 'not_modified', 'quarantined'))
    ORDER BY u.due_at LIMIT ?)"""
_CAPTURE = """record_id, url, file, file_offset, length, record_type, captured_at, run, url_id, original_id, status,
    payload_digest, truncated, mime, etag, last_modified, reading"""


class LedgerError(Exception):
    """The file is no ledger that this version can work on. One line that says what to do."""


class Ledger:
    """SQL behind names. Methods raise sqlite3.Error when the file cannot be read or written."""

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], datetime]) -> None:
        self._db = connection
        self.now = now
        self.scope: Scope | None = None  # what frontier operations and questions are about
        self.sources = SourceTable(connection)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        migrations: tuple[tuple[str, ...], ...] = MIGRATIONS,
    ) -> Ledger:
        """Open the file, make or migrate it; LedgerError when it is newer than this code or keyed otherwise."""
        db = sqlite.open_writer(path, statements=256)
        try:
            if not sqlite.tune(db, read_only=read_only):
                raise LedgerError("its file system cannot hold a ledger (no write-ahead log); use a local disk")
            ledger = cls(db, now)
            ledger._migrate(migrations, read_only)
        except BaseException:
            db.close()
            raise
        return ledger

    def close(self) -> None:
        self._db.close()

    def _migrate(self, migrations: tuple[tuple[str, ...], ...], read_only: bool) -> None:
        version = self._meta("schema")
        if version is None or int(version) < len(migrations):
            if read_only:
                raise LedgerError("the ledger must be opened for writing once before it can be read")
            with sqlite.transaction(self._db):
                self._db.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
                done = int(self._meta("schema") or 0)  # another process may have been here first
                for statements in migrations[done:]:
                    for statement in statements:
                        crash.at("migration")
                        self._db.execute(statement)
                self._set_meta("schema", max(done, len(migrations)))
                if done == 0:
                    self._set_meta("canonicalisation", CANONICALISATION)
                if self._meta("order") is None:
                    self._set_meta("order", token_hex(8))
        if int(self._meta("schema") or 0) > len(migrations):
            raise LedgerError("the ledger was made by a newer version of this program; use that one")
        if self._meta("canonicalisation") != str(CANONICALISATION):
            raise LedgerError("the ledger is keyed by other canonicalisation rules; run `scrapy rebuild`")

    def _meta(self, key: str) -> str | None:
        if not sqlite.has_table(self._db, "meta"):
            return None
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _set_meta(self, key: str, value: object) -> None:
        self._db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, str(value)),
        )

    # --- Scopes and runs --------------------------------------------------------------------------------------

    def open_scope(self, spider: str, arguments_json: str, recrawl: str = "auto", rule: Recrawl = DEFAULT) -> Scope:
        """Go on with the pass that has work left, or start a new one; later operations belong to this scope.

        ``recrawl`` says which articles captured before may be queued: ``auto`` those that are due, ``never`` none,
        ``all`` every one. ``rule`` says when an article is due.
        """
        arguments = json.dumps(json.loads(arguments_json), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        now = utc_text(self.now())
        with sqlite.transaction(self._db):
            known = self._db.execute(
                "SELECT scope_id, pass FROM scopes WHERE spider = ? AND arguments = ?", (spider, arguments)
            ).fetchone()
            if known is None:
                scope_id = self._db.execute(
                    "INSERT INTO scopes (spider, arguments, pass, pass_started) VALUES (?, ?, 1, ?)",
                    (spider, arguments, now),
                ).lastrowid
                assert scope_id is not None
                scope = Scope(scope_id, spider, 1, False, recrawl, rule)
            elif self._work_left(known[0]):
                scope = Scope(known[0], spider, known[1], True, recrawl, rule)
            else:
                scope = Scope(known[0], spider, known[1] + 1, False, recrawl, rule)
                self._db.execute(
                    "UPDATE scopes SET pass = ?, pass_started = ? WHERE scope_id = ?",
                    (scope.pass_number, now, scope.id),
                )
        self.scope = scope
        return scope

    def ask_again(self) -> int:
        """Queue the articles of this scope that are due, behind all that lists promise; how many.

        An article that was taken down is one that no list promises any longer. The most overdue go first, up to the
        rule's limit; with ``recrawl=all`` every one.
        """
        scope, now = self._scope(), utc_text(self.now())
        limit = 2**62 if scope.recrawl == "all" else scope.rule.limit
        values = (scope.pass_number, now, scope.id, scope.id, due_before(scope, now), scope.pass_number, limit)
        with sqlite.transaction(self._db):
            return self._db.execute(_AGAIN, values).rowcount

    def start_run(self, job: str, arguments_json: str) -> int:
        """Note a run of this scope; its number. Runs of the spider that never ended were killed: say so."""
        scope, now = self._scope(), utc_text(self.now())
        with sqlite.transaction(self._db):
            self._db.execute(
                "UPDATE runs SET ended_at = heartbeat, reason = 'killed' WHERE spider = ? AND ended_at IS NULL",
                (scope.spider,),
            )
            run_id = self._db.execute(
                """INSERT INTO runs (job, spider, scope_id, pass, arguments, started_at, heartbeat, counts)
                VALUES (?, ?, ?, ?, ?, ?, ?, '{}')""",
                (job, scope.spider, scope.id, scope.pass_number, arguments_json, now, now),
            ).lastrowid
        assert run_id is not None
        return run_id

    def recover(self) -> Leftovers:
        """Put right what a kill left, before anything else happens in this scope.

        What was in flight is queued again. What was captured but not read is returned with its captures: it is to be
        read back from the WARC. Open files of this spider are returned with the length they are to be cut to.
        """
        scope = self._scope()
        with sqlite.transaction(self._db):
            cursor = self._db.execute(
                "UPDATE frontier SET state = 'queued', not_before = 0 WHERE scope_id = ? AND state = 'in_flight'",
                (scope.id,),
            )
        return Leftovers(self.captured(), self.open_files(scope.spider), cursor.rowcount)

    def _scope(self) -> Scope:
        if self.scope is None:
            raise LedgerError("no scope is open")
        return self.scope

    def apply(self, ops: Sequence[Op]) -> Applied:
        """Make the whole batch true in one transaction; it is durable when this returns.

        Facts of one kind are written together: URLs first, then captures and rows, then what became of each URL (its
        last word in the batch counts), then the files' lengths.
        """
        with sqlite.transaction(self._db):
            applied = write_batch(self._db, self.scope, self.now(), ops)
            write_sources(self._db, ops)
            crash.at("commit")
        return applied

    # --- Questions of the frontier ----------------------------------------------------------------------------

    def queued(self, host: str, limit: int, now: float) -> list[FrontierRow]:
        """The first URLs in the queue of ``host`` that may go at ``now`` (Unix seconds)."""
        found = self._db.execute(
            f"""SELECT {_ROW} FROM frontier f JOIN urls u ON u.url_id = f.url_id
            WHERE f.scope_id = ? AND f.host = ? AND f.state = 'queued' AND f.not_before <= ?
            ORDER BY f.priority DESC, f.url_id LIMIT ?""",
            (self._scope().id, host, now, limit),
        ).fetchall()
        keys = [url_hash(row[2]) if is_plain(row[2]) else None for row in found]  # others may be sent otherwise spelled
        known = self._captured({key for key in keys if key is not None})
        return [FrontierRow._make((*row, key is None or key in known)) for row, key in zip(found, keys, strict=True)]

    def _captured(self, hashes: set[bytes]) -> set[bytes]:
        """Those of these hashes of URLs that something was captured under."""
        query = "SELECT DISTINCT url_hash FROM captures WHERE url_hash IN {}"
        chunks = chunks_of(list(hashes))
        return {row[0] for chunk in chunks for row in self._db.execute(query.format(places(1, len(chunk))), chunk)}

    def next_not_before(self, host: str, now: float) -> float | None:
        """When the first of the URLs that wait after ``now`` may go, in Unix seconds; None when none waits."""
        row = self._db.execute(
            """SELECT MIN(not_before) FROM frontier
            WHERE scope_id = ? AND host = ? AND state = 'queued' AND not_before > ?""",
            (self._scope().id, host, now),
        ).fetchone()
        return None if row[0] is None else float(row[0])

    def queued_hosts(self) -> list[str]:
        """Hosts that have something queued: one index look-up each, however long their queues."""
        scope_id, hosts, last = self._scope().id, [], ""
        query = """SELECT host FROM frontier WHERE scope_id = ? AND state = 'queued' AND host > ?
            ORDER BY scope_id, host LIMIT 1"""
        while row := self._db.execute(query, (scope_id, last)).fetchone():
            last = str(row[0])
            hosts.append(last)
        return hosts

    def hosts(self) -> list[HostState]:
        """What hosts have asked for."""
        columns = "host, delay, crawl_delay, parked_until, reason, parkings"
        return [HostState(*row) for row in self._db.execute(f"SELECT {columns} FROM hosts ORDER BY host")]

    def traps(self) -> list[TrapState]:
        """What this pass of the scope has counted of patterns of addresses."""
        scope = self._scope()
        query = "SELECT pattern, pages, reason FROM traps WHERE scope_id = ? AND pass = ? ORDER BY pattern"
        return [TrapState(*row) for row in self._db.execute(query, (scope.id, scope.pass_number))]

    def queue_length(self) -> int:
        """URLs queued in this scope; reads the whole queue's index."""
        query = "SELECT COUNT(*) FROM frontier WHERE scope_id = ? AND state = 'queued'"
        return int(self._db.execute(query, (self._scope().id,)).fetchone()[0])

    def captured(self) -> list[tuple[FrontierRow, CaptureRef]]:
        """URLs of this scope whose capture is archived and not read yet, best first, each with its capture."""
        rows = self._db.execute(
            f"""SELECT f.record_id, {_ROW} FROM frontier f JOIN urls u ON u.url_id = f.url_id
            WHERE f.scope_id = ? AND f.state = 'captured' ORDER BY f.priority DESC, f.url_id""",
            (self._scope().id,),
        ).fetchall()
        return [(FrontierRow(*row[1:]), ref) for row in rows if (ref := self.capture_ref(row[0]))]

    def _work_left(self, scope_id: int) -> bool:
        query = "SELECT 1 FROM frontier WHERE scope_id = ? AND {} LIMIT 1"
        return any(
            self._db.execute(query.format(state), (scope_id,)).fetchone()
            for state in ("state = 'queued'", "state IN ('in_flight', 'captured')")
        )

    def counts(self) -> dict[str, int]:
        """URLs of this pass of the scope by state."""
        scope = self._scope()
        rows = self._db.execute(
            "SELECT state, COUNT(*) FROM frontier WHERE scope_id = ? AND pass = ? GROUP BY state ORDER BY state",
            (scope.id, scope.pass_number),
        )
        return dict(rows.fetchall())

    def work_left(self) -> int:
        """URLs of this scope that are queued, in flight or captured and not read."""
        query = f"SELECT COUNT(*) FROM frontier WHERE scope_id = ? AND {_LEFT}"
        return int(self._db.execute(query, (self._scope().id,)).fetchone()[0])

    # --- Questions of the archive -----------------------------------------------------------------------------

    def capture(self, record_id: str) -> Capture | None:
        """The capture with this record id."""
        return self._capture("record_id = ?", record_id)

    def capture_of_payload(self, payload_digest: str, reading: bytes) -> Capture | None:
        """The first whole response with this payload that is read alike: what a revisit refers to."""
        return self._capture(
            """payload_digest = ? AND reading = ? AND record_type = 'response' AND truncated IS NULL
            ORDER BY captured_at LIMIT 1""",
            *(payload_digest, reading),
        )

    def capture_of_url(self, url: str) -> Capture | None:
        """The last whole answer 200 of exactly this URL: its ETag and Last-Modified make the next request conditional.

        It may be a revisit; ``capture(original_id)`` then has the payload.
        """
        return self._capture(
            """url_hash = ? AND status = 200 AND truncated IS NULL AND record_type IN ('response', 'revisit')
            ORDER BY captured_at DESC LIMIT 1""",
            url_hash(url),
        )

    def capture_of_file(self, url: str, key: str) -> Capture | None:
        """The last whole answer that gave this part of a page, or said where it is.

        Where ``key`` is the address without its query, it may have been asked with another query.
        """
        place = "url_hash = ?" if key == url else "url_id IS NULL AND (url = ? OR (url >= ? AND url < ?))"
        values = (url_hash(url),) if key == url else (key, f"{key}?", f"{key}@")  # @ comes after ?
        return self._capture(
            f"""{place} AND status IN (200, 301, 302, 303, 307, 308) AND truncated IS NULL
            AND record_type IN ('response', 'revisit') ORDER BY captured_at DESC LIMIT 1""",
            *values,
        )

    def _capture(self, where: str, *values: str | bytes) -> Capture | None:
        row = self._db.execute(f"SELECT {_CAPTURE} FROM captures WHERE {where}", values).fetchone()
        return None if row is None else Capture(*row)

    def capture_ref(self, record_id: str) -> CaptureRef | None:
        """Where the bytes of a capture lie: for a revisit, those of the original, with the visit's own id and date."""
        visit = self.capture(record_id)
        if visit is None:
            return None
        original = self.capture(visit.original_id) if visit.original_id else None
        return reference(visit, original or visit)

    def latest_version(self, article_id: str) -> Version | None:
        """The newest version of an article."""
        return next(iter(self._versions(article_id, "DESC LIMIT 1")), None)

    def versions(self, article_id: str) -> list[Version]:
        """All versions of an article, the first one first."""
        return self._versions(article_id, "ASC")

    def _versions(self, article_id: str, order: str) -> list[Version]:
        rows = self._db.execute(
            f"""SELECT v.article_id, v.version, v.row_id, v.record_id, a.url, v.file, v.file_offset, v.length,
                v.content_digest, v.page, v.page_number, v.captured_at, a.first_captured_at, v.run, v.fields,
                a.published_at
            FROM versions v JOIN articles a ON a.article_id = v.article_id
            WHERE v.article_id = ? ORDER BY v.version {order}""",
            (article_id,),
        )
        return [Version(*(*row[:14], json.loads(row[14]), row[15])) for row in rows]

    def article_state(self, article_id: str) -> str | None:
        """Whether the article is live, gone …; None when it is not known."""
        row = self._db.execute("SELECT state FROM articles WHERE article_id = ?", (article_id,)).fetchone()
        return None if row is None else str(row[0])

    def article(self, article_id: str) -> KnownArticle | None:
        """The newest state of an article."""
        query = """SELECT article_id, url, state, published_at, first_captured_at, last_captured_at FROM articles
            WHERE article_id = ?"""
        row = self._db.execute(query, (article_id,)).fetchone()
        return None if row is None else KnownArticle(*row)

    def article_at(self, url: str) -> str | None:
        """Id of the article that has this address; reads the whole table."""
        row = self._db.execute("SELECT article_id FROM articles WHERE url = ?", (url,)).fetchone()
        return None if row is None else str(row[0])

    def events(self, article_id: str) -> list[Event]:
        """What happened to an article beside new versions, the first first."""
        rows = self._db.execute(
            """SELECT event_id, url, at, kind, run, article_id, status, record_id FROM events
            WHERE article_id = ? ORDER BY at, kind""",
            (article_id,),
        )
        return [Event(*row) for row in rows]

    @property
    def drift(self) -> DriftTable:
        """What the drift alarm knows, and the rows in quarantine."""
        return DriftTable(self._db)

    def open_files(self, spider: str) -> list[FileState]:
        """Files that no run has closed, with the length that is committed."""
        rows = self._db.execute(
            """SELECT path, kind, spider, run, length, records, closed FROM files
            WHERE spider = ? AND closed = 0 ORDER BY path""",
            (spider,),
        )
        return [FileState(*(*row[:6], bool(row[6]))) for row in rows]

    def jobs(self, spider: str) -> list[str]:
        """Every run of this spider."""
        return [str(job) for (job,) in self._db.execute("SELECT job FROM runs WHERE spider = ?", (spider,))]


def reference(capture: Capture, at: Capture) -> CaptureRef:
    """How a row points at a capture. ``at``: the one whose record holds the bytes, another one for a revisit."""
    return CaptureRef(
        file=at.file,
        offset=at.offset,
        length=at.length,
        record_id=at.record_id,
        record_type=at.record_type,
        target_uri=at.url,
        payload_digest=at.payload_digest,
        captured_at=capture.captured_at,
        status=capture.status,
        revisit_id=capture.record_id if at is not capture else None,
    )
