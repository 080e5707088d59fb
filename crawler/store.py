"""The one writer: a thread that owns the run's files and the ledger's connection for writing.

    append(exchange) ─► request, response | revisit, metadata records ─► CaptureRef (at once, before the commit)
    decide(article)  ─► version, previous, changed
    end(…)           ─► rows and links of an ended visit, its ledger operations
    every 64 pages or 0.2 s, whichever first: the group commit
        fsync the files ─► one transaction: operations, captures, versions, each file's committed length

A kill at any moment therefore leaves all or nothing of a page; at start-up every leftover ``.open`` file is cut to
its committed length. Any trouble with the disk ends the run: ``on_trouble`` is told once, everything committed
stays sound, and what was not committed is fetched again by the next run.
"""

from __future__ import annotations

import errno
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from crawler.arguments import Arguments, scope_key
from crawler.capture import CaptureRef, Exchange
from crawler.items import Article
from crawler.ledger import Ledger, LedgerError
from crawler.ledger_ops import Capture, FileState, Op, RunBeat, RunEnd, Scope
from crawler.records import records_of
from crawler.recovery import cut_back_leftovers
from crawler.rows import RowFile
from crawler.versions import Versions
from crawler.visit import Visit
from warc.record import Original
from warc.writer import WarcFile, file_name

logger = logging.getLogger(__name__)

GROUP_PAGES = 64
GROUP_SECONDS = 0.2
HEARTBEAT_SECONDS = 10.0
FINISHED, OUTPUT, STOPPED = 0, 3, 11  # exit statuses, as in crawler.usage
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class OutputTrouble(Exception):
    """The archive cannot be written. One line that names the path and the remedy; the run ends with status 3."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the store says when it is closed."""

    files: list[str] = field(default_factory=list)  # relative to ARCHIVE_DIR
    left: int = 0  # URLs of this scope still to be asked


class Store:
    """Writes everything that this run puts into the archive folder."""

    def __init__(self, folder: Path, args: Arguments, warcinfo: dict[str, str], target_size: int) -> None:
        self._thread = threading.Thread(target=self._serve, name="archive-writer", daemon=True)
        self.folder = folder
        self.on_trouble: Callable[[OutputTrouble], None] = lambda trouble: None
        self._args = args
        self._warcinfo = warcinfo
        self._target_size = target_size
        self._inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._started = datetime.now(UTC)
        self._ready: Future[Scope] = Future()
        self._trouble: OutputTrouble | None = None
        # What the next group commit will make true
        self._ops: list[Op] = []
        self._applied: list[Callable[[], None]] = []
        self._pages = 0
        self._group_began: float | None = None
        self._group_seconds = 0.0  # the seeds are committed at once: nothing is fetched before
        # Known, but not committed yet
        self._payloads: dict[str, Capture] = {}
        self._counts: dict[str, int] = {}
        self._beat = monotonic()
        # The run's files
        self._warc: WarcFile | None = None
        self._warc_day: date | None = None
        self._serial = 0
        self._rows: dict[str, RowFile] = {}
        self._committed: dict[str, int] = {}
        self._closed: list[str] = []

    # --- From other threads -----------------------------------------------------------------------------------

    def open(self) -> Scope:
        """Start the thread; the scope that this run works on. Raises OutputTrouble, ledger errors included."""
        self._thread.start()
        return self._ready.result()

    def append(self, exchange: Exchange, url_id: int | None = None) -> Future[CaptureRef | None]:
        """Write the exchange's records; the reference when they stand in the file. Fails with OutputTrouble."""
        return self._ask("append", exchange, url_id)

    def decide(self, article: Article, url_id: int | None) -> Future[bool]:
        """Set version, previous, changed and first_captured_at; False when this version is archived already."""
        return self._ask("decide", article, url_id)

    def end(self, visit: Visit, ops: list[Op]) -> None:
        """A visit has ended: its row, its lines and its operations become true together."""
        self._inbox.put(("end", None, visit, ops))

    def submit(self, ops: list[Op], applied: Callable[[], None] | None = None) -> None:
        """Apply operations with the next commit; ``applied`` is called in the writer thread after it."""
        self._inbox.put(("submit", None, ops, applied))

    def close(self, reason: str, counts: dict[str, Any]) -> Future[Report]:
        """Commit, close the files under their names and end the thread."""
        return self._ask("close", reason, counts)

    def _ask(self, what: str, *values: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        self._inbox.put((what, answer, *values))
        return answer

    # --- The thread -------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Serve the inbox until ``close``."""
        try:
            scope = self._open()
        except (OSError, sqlite3.Error, ValueError, LedgerError) as error:
            self._ready.set_exception(self._as_trouble(error))
            return
        self._ready.set_result(scope)
        while True:
            message = self._next()
            if message is None:
                self._guarded(None, self._commit)
                continue
            what, answer, *values = message
            self._guarded(answer, getattr(self, f"_do_{what}"), *values)
            if what == "close":
                return
            if self._pages >= GROUP_PAGES:
                self._guarded(None, self._commit)

    def _next(self) -> tuple[Any, ...] | None:
        """The next message; None when the group has waited long enough."""
        if self._group_began is None:
            return self._inbox.get()
        try:
            return self._inbox.get(timeout=max(0.0, self._group_began + self._group_seconds - monotonic()))
        except queue.Empty:
            return None

    def _guarded(self, answer: Future[Any] | None, work: Callable[..., Any], *values: Any) -> None:
        """Do one piece of work; the first trouble with the disk ends all further writing."""
        try:
            if self._trouble is not None and work != self._do_close:
                raise self._trouble
            result = work(*values)
        except (OSError, EOFError, sqlite3.Error, OutputTrouble) as error:
            trouble = self._as_trouble(error)
            if self._trouble is None:
                self._trouble = trouble
                self.on_trouble(trouble)
            if answer is not None:
                answer.set_exception(trouble)
        except Exception as error:
            logger.exception("The writer could not do its work")
            if answer is None:
                self._trouble = self._as_trouble(error)
                self.on_trouble(self._trouble)
            else:
                answer.set_exception(error)
        else:
            if answer is not None:
                answer.set_result(result)

    def _as_trouble(self, error: BaseException) -> OutputTrouble:
        if isinstance(error, OutputTrouble):
            return error
        number = getattr(error, "errno", None)
        full = number in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)
        remedy = "make room" if full else "make it writable" if number in READ_ONLY else "see the log"
        path = getattr(error, "filename", None) or self.folder
        what = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        return OutputTrouble(f"{path}: {what}; {remedy}, then the same command goes on")

    # --- Work, in the thread ----------------------------------------------------------------------------------

    def _do_append(self, exchange: Exchange, url_id: int | None) -> CaptureRef | None:
        made = records_of(exchange, self._original)
        file = self._warc_file()
        refs = file.append(made.records)
        self._touch()
        self._count("captures")
        if made.main is None or made.message is None:
            return None
        place, digest, original = refs[0], made.message.payload_digest, made.original
        capture = Capture(
            record_id=place.record_id,
            url=made.main.target_uri or exchange.url,
            file=self._relative(file.path),
            offset=place.offset,
            length=place.length,
            record_type=made.main.type,
            captured_at=made.main.date,
            run=self._args.job,
            url_id=url_id if made.truncated is None else None,  # a cut page is not one to be read later
            original_id=original.record_id if original else None,
            status=made.message.status,
            payload_digest=digest,
            truncated=made.truncated,
            mime=(made.message.get("Content-Type") or "").split(";")[0].strip().lower() or None,
            etag=made.message.get("ETag"),
            last_modified=made.message.get("Last-Modified"),
        )
        self._ops.append(capture)
        self._count("bytes", place.length)
        if original is None and digest and made.truncated is None:
            self._payloads[digest] = capture
        return self._reference(capture)

    def _do_decide(self, article: Article, url_id: int | None) -> bool:
        return self._versions.decide(article, url_id)

    def _do_end(self, visit: Visit, ops: list[Op]) -> None:
        if visit.outcome == "done":
            for article, line in visit.rows:
                file = self._row_file("articles")
                offset, length = file.append(line)
                path = self._relative(file.path)
                self._ops.append(self._versions.written(article, path, offset, length, visit.url_id))
                self._count("rows")
            for kind, line in visit.lines:
                self._row_file(kind).append(line)
        self._ops += ops
        self._pages += 1
        self._touch()

    def _do_submit(self, ops: list[Op], applied: Callable[[], None] | None) -> None:
        self._ops += ops
        if applied is not None:
            self._applied.append(applied)
        self._touch()

    def _commit(self) -> None:
        """The commit point: what the files hold is safe first, then the ledger says so, all in one transaction."""
        self._group_began = None
        self._group_seconds = GROUP_SECONDS
        self._pages = 0
        self._sync_files()
        ops, self._ops = self._ops, []
        if monotonic() - self._beat >= HEARTBEAT_SECONDS:
            self._beat = monotonic()
            ops.append(RunBeat(self._run_id, dict(self._counts)))
        ops += self._versions.take_seen()
        self._ledger.apply(ops)
        self._payloads.clear()
        self._versions.committed()
        applied, self._applied = self._applied, []
        for call in applied:
            call()
        if self._warc is not None and self._warc.size >= self._target_size:
            self._close_warc()

    def _sync_files(self) -> None:
        """Make the files durable and note how far they are."""
        for kind, file in self._files():
            if self._committed.get(kind) != file.size and file.size:
                file.sync()
                self._committed[kind] = file.size
                self._ops.append(self._state(kind, file))

    def _do_close(self, reason: str, counts: dict[str, Any]) -> Report:
        """Commit what there is; after trouble, cut the files back to what was committed. They get their names."""
        if self._trouble is None:
            self._commit()
        left = self._ledger.work_left() if self._trouble is None else 1
        closing = []
        if self._warc is not None:
            closing.append(self._closed_warc(self._warc))
        for kind, file in self._rows.items():
            path = file.close(self._committed.get(kind, 0))
            if path is not None:
                self._closed.append(self._relative(path))
                closing.append(self._state(kind, file, closed=True))
        status = STOPPED if left else FINISHED
        if self._trouble is not None:
            status, reason = OUTPUT, "output_trouble"
        self._ledger.apply([*closing, RunEnd(self._run_id, status, reason, {**counts, **self._counts})])
        self._ledger.close()
        if self._trouble is not None:
            raise self._trouble
        return Report(sorted(self._closed), left)

    # --- Files ------------------------------------------------------------------------------------------------

    def _open(self) -> Scope:
        self.folder.mkdir(parents=True, exist_ok=True)
        spider = self._args.spider
        self._ledger = Ledger.open(self.folder / "ledger.sqlite")
        self._versions = Versions(self._ledger, self._args.job)
        scope = self._ledger.open_scope(spider, scope_key(self._args), self._args.recrawl)
        self._run_id = self._ledger.start_run(self._args.job, scope_key(self._args))
        self.leftovers = self._ledger.recover()
        self._ledger.apply(cut_back_leftovers(self.folder, spider, self.leftovers.files))
        return scope

    def _warc_file(self) -> WarcFile:
        """The WARC file to append to; a new one each day."""
        today = datetime.now(UTC).date()
        if self._warc is not None and self._warc_day != today:
            self._commit()
            if self._warc is not None:
                self._close_warc()
        if self._warc is None:
            folder = self.folder / "warc" / self._args.spider
            folder.mkdir(parents=True, exist_ok=True)
            name = file_name(self._args.spider, self._timestamp(datetime.now(UTC)), self._serial, self._args.job)
            self._warc = WarcFile(folder / name, self._warcinfo)
            self._warc_day = today
            self._serial += 1
        return self._warc

    def _close_warc(self) -> None:
        """Give a full file its name; everything in it is committed."""
        assert self._warc is not None
        self._ops.append(self._closed_warc(self._warc))
        self._touch()

    def _closed_warc(self, file: WarcFile) -> FileState:
        committed = self._committed.pop("warc", 0)
        state = replace(self._state("warc", file, closed=True), length=committed)
        if file.close(committed) is not None:
            self._closed.append(state.path)
        self._warc = None
        return state

    def _row_file(self, kind: str) -> RowFile:
        if kind not in self._rows:
            name = f"{self._timestamp(self._started)}-{self._args.job}.jsonl"
            self._rows[kind] = RowFile(self.folder / kind / self._args.spider / name)
        return self._rows[kind]

    def _files(self) -> list[tuple[str, WarcFile | RowFile]]:
        warc = [("warc", self._warc)] if self._warc is not None else []
        return [*warc, *self._rows.items()]

    def _state(self, kind: str, file: WarcFile | RowFile, closed: bool = False) -> FileState:
        path = self._relative(file.path)
        return FileState(path, kind, self._args.spider, self._args.job, file.size, file.count, closed)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    @staticmethod
    def _timestamp(at: datetime) -> str:
        return at.strftime("%Y%m%d%H%M%S")

    # --- Small helpers ----------------------------------------------------------------------------------------

    def _original(self, digest: str) -> Original | None:
        """The first capture of this payload, committed or not."""
        capture = self._payloads.get(digest) or self._ledger.capture_of_payload(digest)
        return Original(capture.record_id, capture.url, capture.captured_at) if capture else None

    def _reference(self, capture: Capture) -> CaptureRef:
        """How a row points at this capture: for a revisit, at the record that holds the bytes."""
        at = capture
        if capture.original_id is not None:
            at = (
                self._payloads.get(capture.payload_digest or "") or self._ledger.capture(capture.original_id) or capture
            )
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

    def _touch(self) -> None:
        if self._group_began is None:
            self._group_began = monotonic()

    def _count(self, name: str, amount: int = 1) -> None:
        self._counts[name] = self._counts.get(name, 0) + amount
