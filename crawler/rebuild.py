"""The ledger made again from the files of the archive alone, when it is lost, damaged or keyed by older rules.

    warc/      ─► captures, URLs, frontier, channels, runs
    articles/  ─► versions, articles          events/ ─► events, states          MANIFEST.jsonl ─► manifest
    quarantine/ ─► quarantine, and what has fallen
    pages of the last runs that no row names ─► read by the page objects: what was archived and not read is captured
    pages of a pass that is not over ─► read by the spider: what was found and not asked is queued

All goes into ``ledger.sqlite.new``, by the operations that a crawl gives the ledger and under the clock of the records;
it takes its name at the end, and the old ledger is kept. What no file holds is gone: of passes that are over, channels
but the one that led to a fetch; delays of hosts.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.arguments import made_up_job
from crawler.inhand import InHand
from crawler.ledger_ops import Capture, Scope
from crawler.manifest import MANIFEST
from crawler.offline import Offline
from crawler.rebuild_captures import Captures
from crawler.rebuild_draft import Draft
from crawler.rebuild_drift import DriftFound
from crawler.rebuild_evidence import take_meta, text_found
from crawler.rebuild_links import find_again
from crawler.rebuild_read import LinesFound, WarcFound, files_of, job_of
from crawler.rebuild_rows import revisit_articles, take_events, take_exclusions, take_rows
from crawler.rebuild_unread import unread_pages
from crawler.recrawl import Recrawl
from crawler.sites import Sites
from crawler.warcinfo import code_digest
from warc.writer import is_meta

if TYPE_CHECKING:
    from scrapy.settings import Settings

logger = logging.getLogger(__name__)

TEXT_FOLDERS = ("logs", "reports")  # of which only the files are noted


@dataclass(frozen=True, slots=True)
class Report:
    """What a rebuild has found, and what it could not read."""

    counts: Counter[str]
    faults: list[str]
    kept: Path | None  # the old ledger
    order_kept: bool  # else the cursors of consumers count in another order


def rebuild(folder: Path, settings: Settings, spider: str | None = None) -> Report:
    """Make the ledger again and put it in place; the caller holds the locks of all spiders of the folder.

    With ``spider`` only its files are read, and what the ledger has of the others is kept. Raises OSError and
    sqlite3.Error; then the old ledger is untouched.
    """
    rule = Recrawl.parse(settings["RECRAWL_INTERVALS"], settings.getint("RECRAWL_LIMIT"))
    draft = Draft(folder, rule, spider)
    try:
        _fill(draft, settings, None if spider is None else [spider])
        kept = draft.put_in_place()
        return Report(draft.counts, draft.faults, kept, draft.order_kept)
    except BaseException:
        draft.discard()
        raise


def _fill(draft: Draft, settings: Settings, spiders: list[str] | None) -> None:
    folder, captures, sites = draft.folder, Captures(draft), Sites(settings)
    drift = DriftFound(draft)
    for spider, path, name in files_of(folder, "warc", spiders):
        logger.info("Reading %s", path)
        if is_meta(name.rpartition("/")[2]):
            take_meta(draft, spider, path, name)
        else:
            captures.take(spider, WarcFound(path, name))
    draft.ledger.scope = Scope(0, "", 0, False, rule=draft.rule)
    for spider, path, name in files_of(folder, "articles", spiders):
        take_rows(draft, spider, LinesFound(path, name), sites)
        drift.take_rows(spider, LinesFound(path, name))
    revisit_articles(draft)
    offline = Offline(settings, made_up_job())
    for spider, path, name in files_of(folder, "events", spiders):
        take_events(draft, spider, LinesFound(path, name), offline)
    for spider, path, name in files_of(folder, "exclusions", None):  # with an old ledger's they are the same
        take_exclusions(draft, spider, LinesFound(path, name))
    for spider, path, name in files_of(folder, "quarantine", spiders):
        drift.take_quarantined(spider, LinesFound(path, name))
    drift.finish()
    for spider, path, name in files_of(folder, "links", spiders):
        file = LinesFound(path, name)
        for _ in file.lines():  # to see how far it is whole
            pass
        draft.note_file("links", spider, job_of(name), file)
    for kind in TEXT_FOLDERS:
        for spider, path, name in files_of(folder, kind, spiders):
            draft.note_file(kind, spider, job_of(name), text_found(path, name))
    _take_manifest(draft)
    for scope in captures.scopes:
        draft.ledger.scope = scope
        with closing(InHand(folder, scope.spider, code_digest)) as in_hand:
            for op in unread_pages(draft, settings, in_hand):
                draft.ledger.apply([op])
                draft.counts["unread pages"] += isinstance(op, Capture)
            find_again(draft, settings, scope, in_hand)


def _take_manifest(draft: Draft) -> None:
    """The lines of MANIFEST.jsonl as they are; ``scrapy verify`` says whether they are sound."""
    path, end = draft.folder / MANIFEST, 0
    draft.db.execute("DELETE FROM manifest")
    if not path.exists():
        return
    insert = "INSERT INTO manifest (number, path, sha256, line_sha256, line_end) VALUES (?, ?, ?, ?, ?)"
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break  # a run was killed while it wrote; the next one cuts it off
            end += len(line)
            try:
                value = json.loads(line)
                place = (value["number"], value["path"], value["sha256"])
                draft.db.execute(insert, (*place, sha256(line).hexdigest(), end))
            except (ValueError, KeyError, TypeError, sqlite3.IntegrityError) as error:
                draft.faults.append(f"{path}: the line that ends at {end} is left out: {error!r}")
