"""The one writer: a thread that owns the run's files and the ledger's connection for writing.

    append(exchange) ─► request, response | revisit, metadata records ─► CaptureRef (at once, before the commit)
    decide(article)  ─► version, previous, changed
    end(…)           ─► rows and links of an ended visit, its ledger operations
    every 64 pages or 0.2 s, whichever first, or when the frontier waits for it: the group commit
        fsync the files ─► one transaction: operations, captures, versions, each file's committed length

A kill at any moment therefore leaves all or nothing of a page; at start-up every leftover ``.open`` file is cut to
its committed length. Any trouble with the disk ends the run: ``on_trouble`` is told once, everything committed
stays sound, and what was not committed is fetched again by the next run.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from crawler import crash
from crawler.arguments import Arguments, scope_key
from crawler.capture import CaptureRef, Exchange
from crawler.events import Events, event_line
from crawler.items import Article
from crawler.ledger import Ledger, LedgerError
from crawler.ledger_ops import Capture, Event, FileState, Leftovers, Op, RunBeat, RunEnd, Scope
from crawler.manifest import catch_up, head_of
from crawler.outputs import Outputs
from crawler.records import records_of
from crawler.recovery import cut_back_leftovers
from crawler.recrawl import DEFAULT, Recrawl
from crawler.rows import make_folder
from crawler.sites import Sites
from crawler.sources import Sources
from crawler.trouble import OutputTrouble, trouble_of
from crawler.versions import Versions
from crawler.visit import Visit
from warc.record import Original

__all__ = ["OutputTrouble", "Report", "Store"]

logger = logging.getLogger(__name__)

GROUP_PAGES = 64
GROUP_SECONDS = 0.2
HEARTBEAT_SECONDS = 10.0
FINISHED, OUTPUT, STOPPED = 0, 3, 11  # exit statuses, as in crawler.usage
DISK = (OSError, EOFError, sqlite3.Error, LedgerError, OutputTrouble)  # what ends all further writing


@dataclass(frozen=True, slots=True)
class Report:
    """What the store says when it is closed."""

    files: list[str] = field(default_factory=list)  # relative to ARCHIVE_DIR
    left: int = 0  # URLs of this scope still to be asked
    events: dict[str, int] = field(default_factory=dict)  # by kind


class Store:
    """Writes everything that this run puts into the archive folder."""

    def __init__(
        self,
        folder: Path,
        args: Arguments,
        warcinfo: dict[str, str],
        target_size: int,
        recrawl: Recrawl = DEFAULT,
        sites: Sites | None = None,
    ) -> None:
        self._thread = threading.Thread(target=self._serve, name="archive-writer", daemon=True)
        self.folder = folder
        self.on_trouble: Callable[[OutputTrouble], None] = lambda trouble: None
        self.leftovers: Leftovers
        self._args = args
        self._recrawl = recrawl
        self._sites = sites
        self._warcinfo = warcinfo
        self._inbox: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._ready: Future[Scope] = Future()
        self._trouble: OutputTrouble | None = None
        self._outputs = Outputs(folder, args.spider, args.job, warcinfo, target_size)
        # What the next group commit will make true
        self._ops: list[Op] = []
        self._applied: list[Callable[[], None]] = []
        self._appended = 0  # captures
        self._ended = 0  # visits
        self._group_began: float | None = None
        self._group_seconds = 0.0  # the seeds are committed at once: nothing is fetched before; so after ``hurry``
        # Known, but not committed yet
        self._payloads: dict[str, Capture] = {}
        self._counts: dict[str, int] = {}
        self._beat = monotonic()

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

    def hurry(self) -> None:
        """Do not wait for more before the next commit: somebody waits for it."""
        self._inbox.put(("hurry", None))

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
        except DISK as error:
            self._ready.set_exception(trouble_of(error, self.folder))
            return
        except Exception as error:  # noqa: BLE001 - raised again where the store is opened
            self._ready.set_exception(error)
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
            if max(self._appended, self._ended) >= GROUP_PAGES:
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
                raise OutputTrouble(*self._trouble.args)
            result = work(*values)
        except Exception as error:
            if isinstance(error, DISK) or answer is None:
                error = OutputTrouble(*self._in_trouble(error).args)  # each that waits raises one of its own
            else:
                logger.exception("The writer could not do its work")
            if answer is not None:
                answer.set_exception(error)
        else:
            if answer is not None:
                answer.set_result(result)

    def _in_trouble(self, error: Exception) -> OutputTrouble:
        """Write nothing more, and tell it the first time."""
        if self._trouble is None:
            if not isinstance(error, DISK):
                logger.critical("The writer could not do its work", exc_info=error)
            self._trouble = trouble_of(error, self.folder)
            self._group_began = None
            self.on_trouble(self._trouble)
        return self._trouble

    # --- Work, in the thread ----------------------------------------------------------------------------------

    def _do_append(self, exchange: Exchange, url_id: int | None) -> CaptureRef | None:
        made = records_of(exchange, self._original)
        if self._outputs.warc_is_over:
            self._commit()
            self._ledger.apply(self._outputs.close_warc())
            self._chain()
        path, refs = self._outputs.append(made.records)
        self._appended += 1
        self._touch()
        self._count("captures")
        if made.main is None or made.message is None:
            return None
        place, digest, original = refs[0], made.main.payload_digest, made.original
        capture = Capture(
            record_id=place.record_id,
            url=made.main.target_uri or exchange.url,
            file=path,
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
        if not self._versions.decide(article, url_id):
            return False
        if self._sources is not None:
            self._sources.decide(article)
        return True

    def _do_end(self, visit: Visit, ops: list[Op]) -> None:
        if visit.outcome == "done":
            for article, line in visit.rows:
                path, offset, length = self._outputs.add_lines("articles", line)
                self._ops.append(self._versions.written(article, path, offset, length, visit.url_id))
                if self._sources is not None:
                    self._ops += self._sources.kept_of(article)
                self._count("rows")
            for kind, lines in visit.lines:
                self._outputs.add_lines(kind, lines)
        for op in self._events.of(visit):
            if isinstance(op, Event):
                self._outputs.add_lines("events", event_line(op))
                self._count(f"events/{op.kind}")
            self._ops.append(op)
        self._ops += ops
        self._ended += 1
        self._touch()

    def _do_submit(self, ops: list[Op], applied: Callable[[], None] | None) -> None:
        self._ops += ops
        if applied is not None:
            self._applied.append(applied)
        self._touch()

    def _do_hurry(self) -> None:
        if self._group_began is not None:
            self._group_seconds = 0.0

    def _commit(self) -> None:
        """The commit point: what the files hold is safe first, then the ledger says so, all in one transaction."""
        self._group_began = None
        self._group_seconds = GROUP_SECONDS
        self._appended = self._ended = 0
        ops, self._ops = self._ops + self._outputs.sync(), []
        if monotonic() - self._beat >= HEARTBEAT_SECONDS:
            self._beat = monotonic()
            ops.append(RunBeat(self._run_id, dict(self._counts)))
        ops += self._versions.take_seen()
        self._ledger.apply(ops)
        crash.at("committed")
        self._payloads.clear()
        self._versions.committed()
        self._events.committed()
        self._tell_late_sources()
        applied, self._applied = self._applied, []
        for call in applied:
            call()

    def _tell_late_sources(self) -> None:
        """What this commit, or another spider's, has made known of texts that waited; part of the next commit."""
        for op in self._sources.late() if self._sources is not None else ():
            if isinstance(op, Event):
                self._outputs.add_lines("events", event_line(op))
                self._count(f"events/{op.kind}")
            self._ops.append(op)
            self._touch()

    def _do_close(self, reason: str, counts: dict[str, Any]) -> Report:
        """Commit what there is and give the files their names; after trouble, settle what was committed."""
        if self._trouble is None:
            try:
                return self._finish(reason, counts)
            except Exception as error:  # noqa: BLE001 - whatever it is, the archive could not be closed
                self._in_trouble(error)
        assert self._trouble is not None
        self._settle(counts)
        raise self._trouble

    def _finish(self, reason: str, counts: dict[str, Any]) -> Report:
        self._commit()
        while self._ops:  # sources that were found after the last commit
            self._commit()
        left = self._ledger.work_left()
        status = OUTPUT if reason == "output_trouble" else STOPPED if left else FINISHED
        end = RunEnd(self._run_id, status, reason, {**counts, **self._counts})
        self._ledger.apply(self._outputs.close())
        self._chain()
        self._ledger.apply([end])
        self._ledger.close()
        events = {key.removeprefix("events/"): n for key, n in self._counts.items() if key.startswith("events/")}
        return Report(sorted(self._outputs.closed), left, events)

    def _settle(self, counts: dict[str, Any]) -> None:
        """Do what the next start would do, as far as the disk lets us; the rest is left to the next start.

        A commit that has failed may stand in the write-ahead log all the same, and count after a kill. Only a ledger
        that takes another transaction is sure of what it had committed, and only by such a one is anything cut off.
        """
        end = RunEnd(self._run_id, OUTPUT, "output_trouble", {**counts, **self._counts})
        with suppress(*DISK):
            self._outputs.abandon()
            self._ledger.apply([end])
            self._ledger.apply(self._cut_back(self._ledger.open_files(self._args.spider)))
        with suppress(*DISK):
            self._ledger.close()

    # --- Start-up ---------------------------------------------------------------------------------------------

    def _open(self) -> Scope:
        make_folder(self.folder)
        path = self.folder / "ledger.sqlite"
        if not path.exists() and any(self.folder.glob("warc/*/*.warc.gz")):
            # A new ledger would know nothing of these files, and everything would be archived again.
            raise OutputTrouble(f"{path} is missing beside archived files; put it back, or run scrapy rebuild")
        self._ledger = Ledger.open(path)
        self._versions = Versions(self._ledger, self._args.job)
        self._events = Events(self._ledger, self._args.job)
        self._sources = self._sources_of(self._sites) if self._sites is not None else None
        key = scope_key(self._args)
        scope = self._ledger.open_scope(self._args.spider, key, self._args.recrawl, self._recrawl)
        if not scope.resumed and (again := self._ledger.ask_again()):
            logger.info("%d articles of earlier passes are due and will be asked again", again)
        self._run_id = self._ledger.start_run(self._args.job, key)
        self.leftovers = self._ledger.recover()
        self._ledger.apply(self._cut_back(self.leftovers.files))
        self._warcinfo.update(head_of(self.folder))
        return scope

    def _cut_back(self, files: list[FileState]) -> list[Op]:
        return cut_back_leftovers(self.folder, self._args.spider, files, self._ledger.jobs(self._args.spider))

    def _sources_of(self, sites: Sites) -> Sources:
        spider = self._args.spider
        republishes = sites.load(spider).republishes
        return Sources(self._ledger, self.folder, spider, self._args.job, sites, republishes=republishes)

    # --- Small helpers ----------------------------------------------------------------------------------------

    def _chain(self) -> None:
        """Closed files come into the manifest, those of a killed run too; the next warcinfo names its end."""
        catch_up(self.folder, self._args.spider)
        self._warcinfo.update(head_of(self.folder))

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
