"""URLs that were found and not asked, for a ledger that is made again: they stand nowhere but in the pages.

    pass that no run says is over ─► its seeds, sitemaps in robots.txt, lists, feeds, articles ─► read by the spider
    of the scope's arguments ─► Add operations, under the date of the capture

What the pass has asked already stays as it is: only what it had still to ask is queued, for the next run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.arguments import arguments_of_scope, made_up_job
from crawler.dom import DOM
from crawler.inhand import InHand
from crawler.ledger_batch import url_hash
from crawler.ledger_ops import Op, Requeue, Scope
from crawler.limits import Limits
from crawler.metawarc import report_in
from crawler.rebuild_draft import Draft
from crawler.rebuild_read import files_of, job_of
from crawler.recovery import ENDINGS, FOLDERS
from crawler.replay import Replay, read_again
from crawler.requesting import add_of
from crawler.robots import sitemaps
from crawler.sites import Sites
from crawler.timelimit import within
from crawler.urls import canonical_url, fingerprint
from crawler.visit import Visit
from warc.writer import META, OPEN, is_meta

if TYPE_CHECKING:
    from scrapy.settings import Settings

    from crawler.spider import NewsSpider

logger = logging.getLogger(__name__)

PAGES = """SELECT c.captured_at, c.url, c.run, f.record_id,
    f.url_id, u.url, f.kind, f.depth, f.hop_path, f.channel, f.via, f.seed
    FROM frontier f JOIN urls u ON u.url_id = f.url_id JOIN captures c ON c.record_id = f.record_id
    WHERE f.scope_id = ? AND f.pass = ? AND c.truncated IS NULL AND c.status >= 200 AND c.status < 400
    ORDER BY c.captured_at, f.url_id"""
# The DOM that a run has made of a document; where there is one the page was read from it.
DOM_OF = """SELECT record_id FROM captures WHERE url_hash = ? AND run = ? AND captured_at >= ?
    ORDER BY captured_at LIMIT 1"""
ROBOTS = """SELECT c.captured_at, c.record_id, c.url FROM captures c JOIN runs r ON r.job = c.run
    WHERE r.scope_id = ? AND r.pass = ? AND c.url_id IS NULL AND c.status = 200 AND c.url LIKE '%/robots.txt'
    ORDER BY c.captured_at"""
# Fetches that the crawl would have repeated, by how often they were made in this pass.
FAILED = """SELECT f.url_id, COUNT(*) FROM frontier f JOIN captures c ON c.url_id = f.url_id
    JOIN runs r ON r.job = c.run
    WHERE f.scope_id = ? AND f.pass = ? AND f.state = 'failed' AND r.scope_id = f.scope_id AND r.pass = f.pass
        AND f.reason = 'http_' || CAST(c.status AS TEXT) AND c.status IN ({})
    GROUP BY f.url_id HAVING COUNT(*) <= ?"""
ASKED_BEFORE = """SELECT COUNT(*) FROM frontier f WHERE f.scope_id = ? AND f.pass = ? AND EXISTS (
    SELECT 1 FROM captures c WHERE c.url_id = f.url_id AND c.captured_at < ?)"""


def find_again(draft: Draft, settings: Settings, scope: Scope, in_hand: InHand) -> None:
    """Queue what the last pass of a scope had found and not asked, unless a run says that nothing was left."""
    db, sites = draft.db, Sites(settings)
    arguments, began = db.execute(
        "SELECT arguments, pass_started FROM scopes WHERE scope_id = ?", (scope.id,)
    ).fetchone()
    if scope.spider not in sites.names or is_over(draft, scope, arguments):
        return
    try:
        spider = sites.load(scope.spider).of(arguments_of_scope(arguments, made_up_job()), Limits.of(settings))
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("Arguments of %s that cannot be read, its lists are asked again: %r", scope.spider, error)
        return
    draft.at = datetime.fromisoformat(began)
    (asked,) = db.execute(ASKED_BEFORE, (scope.id, scope.pass_number, began)).fetchone()
    rule = replace(scope.rule, limit=max(0, scope.rule.limit - asked))
    draft.ledger.scope = replace(scope, recrawl="auto", rule=rule)
    if scope.pass_number > 1:
        draft.ledger.ask_again()
    draft.ledger.apply([add_of(found) for found in spider.seeds()])
    for at, ops in _found(draft, settings, spider, scope, in_hand):
        draft.at = at
        draft.ledger.apply(ops)
    draft.ledger.apply(_to_repeat(draft, settings, scope))
    draft.counts["found again"] += draft.ledger.queue_length()


def is_over(draft: Draft, scope: Scope, arguments: str) -> bool:
    """Whether nothing was left of this pass when a run of it ended.

    Runs that wrote no report are older than reports: closed files are all they say, and are taken for an end.
    """
    wanted, reports = json.loads(arguments), _reports(draft.folder, scope.spider)
    of_pass = [job for job, run, _ in reports if _is_of(run, wanted, scope.pass_number)]
    if any(left == 0 for _, run, left in reports if _is_of(run, wanted, scope.pass_number)):
        return True
    jobs = draft.db.execute("SELECT job FROM runs WHERE scope_id = ?", (scope.id,)).fetchall()
    endings = tuple(f"-{job}{ending}{OPEN}" for (job,) in jobs for ending in ENDINGS)
    files = (path for kind in FOLDERS for path in (draft.folder / kind / scope.spider).glob(f"*{OPEN}"))
    return not of_pass and not any(path.name.endswith(endings) for path in files)


def _is_of(run: dict[str, Any], arguments: dict[str, Any], number: int) -> bool:
    return run.get("scope") == arguments and run.get("pass") == number


def _reports(folder: Path, spider: str) -> list[tuple[str, dict[str, Any], int | None]]:
    """Job, run and what was left, of each run that has a report: in ``reports/``, else in its meta WARC."""
    found: dict[str, dict[str, Any]] = {}
    for _, path, name in files_of(folder, "reports", [spider]):
        try:
            found[job_of(name)] = json.loads(path.read_bytes())
        except ValueError as error:
            logger.warning("%s is no report: %s", path, error)
    for _, path, name in files_of(folder, "warc", [spider]):
        file = name.rpartition("/")[2]
        job = file.removesuffix(META).removeprefix(f"{spider}-")[15:]
        if is_meta(file) and job not in found:
            try:
                found[job] = report_in(path)
            except (ValueError, OSError) as error:
                logger.warning("%s has no report that can be read: %s", path, error)
    return [(job, report.get("run", {}), report.get("left")) for job, report in found.items() if report]


def _found(
    draft: Draft, settings: Settings, spider: NewsSpider, scope: Scope, in_hand: InHand
) -> Iterator[tuple[datetime, list[Op]]]:
    """What each page of the pass led to, in the order in which they came. A page that cannot be read leads nowhere."""
    replay = Replay(settings)
    of_pass = (scope.id, scope.pass_number)
    for at, record_id, url in draft.db.execute(ROBOTS, of_pass).fetchall():
        ref = draft.ledger.capture_ref(record_id)
        assert ref is not None
        try:
            response = replay.decoded(read_again(draft.folder, ref, url))
        except (ValueError, OSError) as error:
            logger.warning("%s cannot be read: %s", url, error)
            continue
        named = [one for line in sitemaps(response.body) if (one := canonical_url(line, url))]
        yield datetime.fromisoformat(at), [add_of(found) for found in spider.named_seeds(named)]
    for at, document, run, record_id, *facts in draft.db.execute(PAGES, of_pass):
        dom = draft.db.execute(DOM_OF, (url_hash(DOM + document), run, at)).fetchone()
        ref = draft.ledger.capture_ref(dom[0] if dom else record_id)
        assert ref is not None
        url_id, url, kind, depth, hop_path, channel, via, seed = facts
        visit, key = Visit(url_id, url, kind, depth, hop_path, channel, via, seed), fingerprint(url)
        if in_hand.gives_up(key, ref.payload_digest):
            continue
        try:
            with in_hand.held(key, ref.payload_digest), within(settings.getfloat("EXTRACT_SECONDS"), url):
                spider.follow(replay.decoded(read_again(draft.folder, ref, url)), visit)
        except Exception as error:  # noqa: BLE001 - a page that the crawl could not read either
            logger.warning("%s cannot be read, and what it led to is not found: %r", url, error)
            draft.counts["pages that cannot be read"] += 1
            continue
        in_hand.forgive(key)
        adds: list[Op] = [add_of(found, promised=visit.outcome != "redirected") for found in visit.found]
        yield datetime.fromisoformat(at), adds


def _to_repeat(draft: Draft, settings: Settings, scope: Scope) -> list[Op]:
    """Failures that may pass, and that the crawl would have asked again."""
    codes = [int(code) for code in settings.getlist("RETRY_HTTP_CODES")]
    query = FAILED.format(", ".join("?" * len(codes)))
    values = (scope.id, scope.pass_number, *codes, settings.getint("RETRY_TIMES"))
    return [Requeue(url_id, retries=times) for url_id, times in draft.db.execute(query, values).fetchall()]
