"""The one writer: a thread that owns the run's files and the ledger's connection for writing.

    append(exchange) ─► request, response | revisit, metadata records ─► CaptureRef (at once, before the commit)
    decide(article)  ─► version, previous, changed; or held back, or for quarantine/ (crawler/watch.py)
    end(…)           ─► rows and links of an ended visit, its ledger operations
    every 64 pages or 0.2 s, whichever first, or when the frontier waits for it: the group commit
        fsync the files ─► one transaction: operations, captures, versions, each file's committed length

A kill at any moment therefore leaves all or nothing of a page; at start-up every leftover ``.open`` file is cut to
its committed length. Any trouble with the disk ends the run: ``on_trouble`` is told once, everything committed
stays sound, and what was not committed is fetched again by the next run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from crawler import clock, crash
from crawler.arguments import Arguments, scope_key
from crawler.capture import CaptureRef, Exchange
from crawler.connection import Connections
from crawler.crawllog import PassedOver
from crawler.dates import utc_text
from crawler.dom import Rendered, rendered_records
from crawler.drift import Rule
from crawler.drift_report import QUARANTINED, drift_counts
from crawler.events import Events, event_line
from crawler.exclusions import EXCLUDED, NOTHING, Hidden, exclusions_of
from crawler.items import Article
from crawler.ledger import Ledger, reference
from crawler.ledger_ops import (
    Add,
    ArticleSeen,
    Basis,
    Capture,
    Done,
    DriftState,
    Event,
    FileState,
    Leftovers,
    Op,
    Quarantined,
    Returned,
    RunBeat,
    RunEnd,
    Scope,
)
from crawler.ledger_runs import RunTable
from crawler.manifest import catch_up, head_of
from crawler.outputs import Outputs
from crawler.records import reading_of, records_of
from crawler.recovery import cut_back_leftovers
from crawler.recrawl import DEFAULT, Recrawl
from crawler.report import Cut
from crawler.rows import make_folder
from crawler.runevidence import RunEvidence
from crawler.runfacts import RunFacts
from crawler.serialize import link_lines, to_line
from crawler.sites import Sites
from crawler.sources import Sources
from crawler.store_ops import captured, quarantined, rendered
from crawler.template import SUSPECT, seen_of
from crawler.trouble import OutputTrouble
from crawler.versions import Versions
from crawler.visit import Visit
from crawler.warcinfo import CODE_FIELD, code_digest
from crawler.watch import Watch
from crawler.writer_thread import DISK, WriterThread
from warc.message import StoredMessage
from warc.record import Original, WarcRecord
from warc.writer import RecordRef

__all__ = ["OutputTrouble", "Report", "Store"]

logger = logging.getLogger(__name__)

GROUP_PAGES = 64
HEARTBEAT_SECONDS = 10.0
FINISHED, OUTPUT, STOPPED = 0, 3, 11  # exit statuses, as in crawler.usage


@dataclass(frozen=True, slots=True)
class Report:
    """What the store says when it is closed."""

    files: list[str] = field(default_factory=list)  # relative to ARCHIVE_DIR
    left: int = 0  # URLs of this scope still to be asked
    events: dict[str, int] = field(default_factory=dict)  # by kind
    quarantined: int = 0  # rows
    alarms: list[DriftState] = field(default_factory=list)  # raised by this run


class Store(WriterThread):
    """Writes everything that this run puts into the archive folder."""

    def __init__(
        self,
        folder: Path,
        args: Arguments,
        warcinfo: dict[str, str],
        target_size: int,
        recrawl: Recrawl = DEFAULT,
        sites: Sites | None = None,
        drift: Rule | None = None,
        scope: str | None = None,
        facts: RunFacts | None = None,
    ) -> None:
        """``scope`` is for work that is no crawl: a scope of its own instead of that of the arguments.
        ``facts`` are what the run's evidence begins with; without them the run keeps none."""
        super().__init__(folder)
        self.on_released: Callable[[Article], None] = lambda article: None  # a row that was held back is written
        self.on_drift: Callable[[DriftState], None] = lambda state: None  # an alarm is committed
        self.leftovers: Leftovers
        self._args = args
        self._recrawl = recrawl
        self._sites = sites
        self._drift = drift or Rule()
        self._scope = scope or scope_key(args)
        self._warcinfo = warcinfo
        self._outputs = Outputs(folder, args.spider, args.job, warcinfo, target_size)
        self._facts = facts
        self._evidence: RunEvidence | None = None
        self._connections = Connections()
        self._cut: list[Cut] = []  # off the files of killed runs
        # What the next group commit will make true
        self._ops: list[Op] = []
        self._applied: list[Callable[[], None]] = []
        self._appended = 0  # captures
        self._ended = 0  # visits
        # Known, but not committed yet
        self._payloads: dict[tuple[str | None, bytes | None], Capture] = {}  # by digest and reading
        self._counts: dict[str, int] = {}
        self._aside: dict[str, str] = {}  # content digest by article: rows held back or put into quarantine by this run
        self._beat = monotonic()

    # --- From other threads -----------------------------------------------------------------------------------

    def append(self, exchange: Exchange, url_id: int | None = None) -> Future[CaptureRef | None]:
        """Write the exchange's records; the reference when they stand in the file. Fails with OutputTrouble."""
        return self._ask("append", exchange, url_id)

    def derive(self, page: Rendered) -> Future[CaptureRef]:
        """Write a rendered page; the reference to its DOM. Fails with OutputTrouble."""
        return self._ask("derive", page)

    def decide(self, article: Article, visit: Visit) -> Future[str | None]:
        """Set version, previous, changed and first_captured_at; None, or why there is no row (now).

        ``unchanged``: this version is archived already. ``held`` and ``quarantined``: the page does not fit its
        template; its visit keeps the article as ``suspect``, and the row is written when that is decided.
        """
        return self._ask("decide", article, visit)

    def settle(self) -> Future[None]:
        """Decide all rows that are held back, with what is known now."""
        return self._ask("settle")

    def restore(self, article: Article, links: bytes, entry: Quarantined, basis: Basis | None = None) -> Future[bool]:
        """Write the row of a page that was in quarantine, with its version; False when the archive says the same.

        ``basis``: how the row's page class reads the newest version, where another number wrote that.
        """
        return self._ask("restore", article, links, entry, basis)

    def end(self, visit: Visit, ops: list[Op]) -> None:
        """A visit has ended: its row, its lines and its operations become true together."""
        self._put("end", visit, ops)

    def submit(self, ops: list[Op], applied: Callable[[], None] | None = None) -> None:
        """Apply operations with the next commit; ``applied`` is called in the writer thread after it."""
        self._put("submit", ops, applied)

    def passed_over(self, urls: list[PassedOver]) -> None:
        """These are not fetched: the crawl log says so."""
        self._put("passed_over", urls)

    def log(self, lines: bytes) -> None:
        """Lines for the archive's copy of the log."""
        self._put("log", lines)

    def close(self, reason: str, counts: dict[str, Any]) -> Future[Report]:
        """Commit, close the files under their names and end the thread."""
        return self._ask("close", reason, counts)

    # --- Work, in the thread ----------------------------------------------------------------------------------

    @property
    def _group_is_full(self) -> bool:
        return max(self._appended, self._ended) >= GROUP_PAGES

    def _do_append(self, exchange: Exchange, url_id: int | None) -> CaptureRef | None:
        made = records_of(exchange, self._original)
        before = list(self._connections.lookups(exchange.lookup))
        after = self._connections.chains(exchange.handshake, made.records[0], exchange.ip)
        path, refs = self._append([*before, *made.records, *after])
        refs = refs[len(before) :]
        self._count("captures")
        if self._evidence is not None:
            self._evidence.crawl_log.attempt(exchange, made, path, refs[0].offset)
        capture = captured(made, exchange.url, path, refs[0], self._args.job, url_id)
        if capture is None:
            return None
        self._ops.append(capture)
        self._count("bytes", capture.length)
        if capture.original_id is None and capture.payload_digest and made.truncated is None:
            self._payloads[capture.payload_digest, capture.reading] = capture
        return self._reference(capture)

    def _append(self, records: list[WarcRecord]) -> tuple[str, list[RecordRef]]:
        """Into the WARC file, or into the next one when this one is over."""
        if self._outputs.warc_is_over:
            self._commit()
            self._ledger.apply(self._outputs.close_warc())
            self._chain()
        path, refs = self._outputs.append(records)
        self._appended += 1
        self._touch()
        return path, refs

    def _do_derive(self, page: Rendered) -> CaptureRef:
        records = rendered_records(page)
        path, refs = self._append(records)
        capture = rendered(records[0], path, refs[0], self._args.job)
        self._ops.append(capture)
        self._count("rendered")
        return self._reference(capture)

    def _do_decide(self, article: Article, visit: Visit) -> str | None:
        if self._hidden.hides(article.id, article.url, article.canonical_url):
            return EXCLUDED
        visit.seen = seen_of(article)
        verdict = self._watch.look(visit.seen)
        if verdict is not None and not self._versions.says_the_same(article):
            if self._is_aside(article):
                return "unchanged"
            self._aside[article.id] = article.content_digest
            visit.suspect = article
            return verdict
        return None if self._decided(article, visit.url_id) else "unchanged"

    def _decided(self, article: Article, url_id: int | None) -> bool:
        """Whether there is a new version to write; then it has all that the archive says of it."""
        if not self._versions.decide(article, url_id):
            return False
        if self._sources is not None:
            self._sources.decide(article)
        return True

    def _is_aside(self, article: Article) -> bool:
        """Whether a row that says the same is held back or in quarantine already."""
        digest = article.content_digest
        return self._aside.get(article.id) == digest or self._ledger.drift.waits(article.id, digest)

    def _do_end(self, visit: Visit, ops: list[Op]) -> None:
        self._ended += 1
        self._do_passed_over(visit.passed)
        if visit.outcome in ("queued", "captured"):  # it will be read again, and counted then
            self._write(visit, ops)
            return
        if visit.suspect is None or visit.outcome != "done":
            self._write(visit, ops)
            held: tuple[Visit, list[Op]] | None = None
        else:  # what it has found is followed now; the rest, its state included, waits for the watch
            self._ops += [op for op in ops if isinstance(op, Add)]
            held = (visit, [op for op in ops if not isinstance(op, Add)])
        if visit.seen is not None:
            self._watch.note(visit.seen, held)
        self._end_held()

    def _do_settle(self) -> None:
        self._watch.settle()
        self._end_held()

    def _end_held(self) -> None:
        """End the visits of which it is decided now whether their rows are articles."""
        for (visit, ops), fields in self._watch.ready():
            article = visit.suspect
            assert article is not None
            if fields:
                visit.reason = "quarantined"
                self._quarantine(visit, article, fields)
            elif self._decided(article, visit.url_id):
                visit.rows.append((article, to_line(article)))
                visit.lines.append(("links", link_lines(article, visit.links)))
                self.on_released(article)
            elif visit.reason is None:
                visit.reason = "dropped_unchanged"
            self._write(visit, [replace(op, reason=visit.reason) if isinstance(op, Done) else op for op in ops])

    def _quarantine(self, visit: Visit, article: Article, fields: tuple[str, ...]) -> None:
        assert visit.seen is not None
        article.extraction.suspect = True
        article.extraction.warnings += [f"{SUSPECT}{name}" for name in fields]
        place = self._outputs.add_lines("quarantine", to_line(article))
        self._ops.append(quarantined(article, visit, fields, self._args, place))
        self._count(QUARANTINED)

    def _write(self, visit: Visit, ops: list[Op]) -> None:
        """Write the rows and lines of a visit, and what became of its URL."""
        if visit.outcome == "done":
            for article, line in visit.rows:
                self._write_row(article, line, visit.url_id)
            for kind, lines in visit.lines:
                self._outputs.add_lines(kind, lines)
        self._tell(self._events.of(visit))
        self._ops += ops

    def _write_row(self, article: Article, line: bytes, url_id: int | None) -> None:
        path, offset, length = self._outputs.add_lines("articles", line)
        self._ops.append(self._versions.written(article, path, offset, length, url_id))
        if self._sources is not None:
            self._ops += self._sources.kept_of(article)
        self._count("rows")

    def _tell(self, ops: Iterable[Op]) -> None:
        """Events have lines of their own."""
        for op in ops:
            if isinstance(op, Event):
                self._outputs.add_lines("events", event_line(op))
                self._count(f"events/{op.kind}")
            self._ops.append(op)

    def _do_restore(self, article: Article, links: bytes, entry: Quarantined, basis: Basis | None) -> bool:
        if basis is not None:
            self._versions.rebase(article.id, basis)
        known = self._versions.known(article.id)
        new = self._decided(article, entry.url_id)
        if new:
            self._write_row(article, to_line(article), None)
            if links:
                self._outputs.add_lines("links", links)
            if known is not None:
                ref = self._ledger.capture_ref(entry.record_id)
                self._tell([self._events.changed(article.id, entry.url, ref)] if ref else [])
                if known.captured_at > article.captured_at:  # a later capture was read before: it stays the newest text
                    basis = Basis(known.content_digest, known.page, known.page_number, known.fields)
                    seen = ArticleSeen(article.id, article.captured_at, None, None, article.version, basis)
                    self._ops.append(seen)
        self._ops.append(Returned(entry.row_id, utc_text(datetime.now(UTC)), article.row_id if new else None))
        self._ended += 1
        self._touch()
        return new

    def _do_passed_over(self, urls: list[PassedOver]) -> None:
        if self._evidence is not None:
            self._evidence.crawl_log.passed_over(urls)
        self._touch()

    def _do_log(self, lines: bytes) -> None:
        if self._evidence is not None:
            self._evidence.log(lines)
            self._touch()

    def _do_submit(self, ops: list[Op], applied: Callable[[], None] | None) -> None:
        self._ops += ops
        if applied is not None:
            self._applied.append(applied)
        self._touch()

    def _commit(self) -> None:
        """The commit point: what the files hold is safe first, then the ledger says so, all in one transaction."""
        self._group_is_over()
        self._appended = self._ended = 0
        for name, lines in self._evidence.take() if self._evidence is not None else ():
            self._outputs.add_lines(name, lines)
        ops, self._ops = self._ops + self._outputs.sync(), []
        if monotonic() - self._beat >= HEARTBEAT_SECONDS:
            self._beat = monotonic()
            ops.append(RunBeat(self._run_id, dict(self._counts)))
        ops += self._versions.take_seen() + self._watch.take()
        self._ledger.apply(ops)
        crash.at("committed")
        self._payloads.clear()
        self._versions.committed()
        self._events.committed()
        self._tell_late_sources()
        for alarm in self._watch.untold():
            self.on_drift(alarm)
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
        self._do_settle()
        self._commit()
        while self._ops:  # sources that were found after the last commit
            self._commit()
        left = self._ledger.work_left()
        status = OUTPUT if reason in ("output_trouble", "disk_low") else STOPPED if left else FINISHED
        told = drift_counts(self._watch.alarms)
        end = RunEnd(self._run_id, status, reason, {**counts, **self._counts, **told})
        if self._evidence is not None and left:
            assert self._ledger.scope is not None
            self._evidence.left_over(self._ledger.scope.id, "max_articles" if reason == "max_articles" else "stopped")
            self._commit()
        self._ledger.apply(self._outputs.close())
        self._chain()
        if self._evidence is not None:
            self._outputs.closed += self._evidence.end(status, reason, utc_text(datetime.now(UTC)), end.counts, left)
        self._ledger.apply([end])
        self._write_pages()
        self._ledger.close()  # the last one of this process: a reader would leave the write-ahead log behind
        events = {key.removeprefix("events/"): n for key, n in self._counts.items() if key.startswith("events/")}
        quarantined = self._counts.get(QUARANTINED, 0)
        return Report(sorted(self._outputs.closed), left, events, quarantined, self._watch.alarms)

    def _write_pages(self) -> None:
        """Reports for people. Everything is safe without them, so what keeps them from being written ends no run."""
        if self._evidence is None:
            return
        from crawler.report_files import write_pages  # not needed before the end

        try:
            self._outputs.closed += write_pages(self.folder, self._evidence.reported)
        except Exception as error:  # noqa: BLE001 - see above; ``scrapy report`` writes them again
            logger.error("The pages in reports/ are not written: %r; scrapy report writes them", error)

    def _settle(self, counts: dict[str, Any]) -> None:
        """Do what the next start would do, as far as the disk lets us; the rest is left to the next start.

        A commit that has failed may stand in the write-ahead log all the same, and count after a kill. Only a ledger
        that takes another transaction is sure of what it had committed, and only by such a one is anything cut off.
        """
        end = RunEnd(self._run_id, OUTPUT, "output_trouble", {**counts, **self._counts})
        with suppress(*DISK):
            self._outputs.abandon()
            if self._evidence is not None:
                self._evidence.abandon()
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
        self._ledger = Ledger.open(path, now=clock.now)
        self._versions = Versions(self._ledger, self._args.job)
        self._events = Events(self._ledger, self._args.job)
        self._sources = self._sources_of(self._sites) if self._sites is not None else None
        self._hidden = (
            Hidden(exclusions_of(self.folder), self._sites.article_at) if self._sites is not None else NOTHING
        )
        self._watch: Watch[tuple[Visit, list[Op]]] = Watch(
            self._ledger.drift, self._args.spider, self._args.job, self._drift, lambda: utc_text(datetime.now(UTC))
        )
        key = self._scope
        scope = self._ledger.open_scope(self._args.spider, key, self._args.recrawl, self._recrawl)
        if not scope.resumed and (again := self._ledger.ask_again()):
            logger.info("%d articles of earlier passes are due and will be asked again", again)
        self._run_id = self._ledger.start_run(self._args.job, key)
        self.leftovers = self._ledger.recover()
        self._ledger.apply(self._cut_back(self.leftovers.files))
        self._warcinfo.update(head_of(self.folder))
        return scope

    def _begin(self) -> None:
        """Before the first capture counts; the first request need not wait for it."""
        if self._facts is None:
            return
        self._warcinfo[CODE_FIELD] = code_digest()
        with RunTable(self.folder) as table:
            run = table.run(self._args.spider, self._args.job)
        assert run is not None
        self._outputs.started = run.timestamp14
        evidence = RunEvidence(self.folder, self._ledger, run, self._facts, self._chain, self._cut)
        evidence.begin(self._warcinfo)
        self._evidence = evidence

    def _cut_back(self, files: list[FileState]) -> list[Op]:
        jobs = self._ledger.jobs(self._args.spider)
        return cut_back_leftovers(self.folder, self._args.spider, files, jobs, self._cut)

    def _sources_of(self, sites: Sites) -> Sources:
        spider = self._args.spider
        republishes = spider in sites.names and sites.load(spider).republishes
        return Sources(self._ledger, self.folder, spider, self._args.job, sites, republishes=republishes)

    # --- Small helpers ----------------------------------------------------------------------------------------

    def _chain(self) -> None:
        """Closed files come into the manifest, those of a killed run too; the next warcinfo names its end."""
        catch_up(self.folder, self._args.spider)
        self._warcinfo.update(head_of(self.folder))

    def _original(self, message: StoredMessage) -> Original | None:
        """The first capture of this payload that is read as this answer is, committed or not."""
        digest, reading = message.payload_digest, reading_of(message)
        assert digest is not None
        capture = self._payloads.get((digest, reading)) or self._ledger.capture_of_payload(digest, reading)
        return Original(capture.record_id, capture.url, capture.captured_at) if capture else None

    def _reference(self, capture: Capture) -> CaptureRef:
        """How a row points at this capture: for a revisit, at the record that holds the bytes."""
        at = capture
        if capture.original_id is not None:
            known = self._payloads.get((capture.payload_digest, capture.reading))
            at = known or self._ledger.capture(capture.original_id) or capture
        return reference(capture, at)

    def _count(self, name: str, amount: int = 1) -> None:
        self._counts[name] = self._counts.get(name, 0) + amount
