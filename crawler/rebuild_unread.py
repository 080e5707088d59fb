"""Pages that were archived, and whose rows a kill has cut off: the page objects tell them from those without a row."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from scrapy.exceptions import DropItem

from crawler.arguments import made_up_job
from crawler.inhand import CRASHES, TIMES, InHand
from crawler.ledger_ops import ARTICLE_KINDS, ArticleSeen, Done, Failed, Op
from crawler.limits import NotRead
from crawler.offline import Offline
from crawler.rebuild_draft import Draft
from crawler.replay import Replay, UnreadableCapture, read_again
from crawler.timelimit import within
from crawler.urls import fingerprint
from crawler.versions import page_class
from warc.reader import DamagedRecord

if TYPE_CHECKING:
    from scrapy.settings import Settings

    from crawler.items import Article
    from crawler.page import ArticlePage

logger = logging.getLogger(__name__)

# Only the last run can have left something: every later one reads what an earlier one has not.
UNNAMED = """SELECT f.url_id, u.url, f.record_id FROM frontier f JOIN urls u ON u.url_id = f.url_id
    JOIN captures c ON c.record_id = f.record_id
    WHERE f.scope_id = ? AND f.state = 'done' AND f.kind IN (?, ?) AND f.record_id NOT IN (SELECT record_id FROM named)
        AND f.record_id NOT IN (SELECT record_id FROM quarantine)
        AND c.run = (SELECT job FROM runs WHERE scope_id = f.scope_id ORDER BY ended_at DESC, run_id DESC LIMIT 1)"""


def unread_pages(draft: Draft, settings: Settings, in_hand: InHand) -> Iterator[Op]:
    """What became of each page of the scope's last run that no row names. A page to be read again is its Capture."""
    db, ledger = draft.db, draft.ledger
    scope = ledger.scope
    assert scope is not None
    offline, replay = Offline(settings, made_up_job(), scope.spider), Replay(settings)
    if scope.spider not in offline.spiders:
        logger.warning("No spider %s: its pages that no row names are taken for read", scope.spider)
        return
    (arguments,) = db.execute("SELECT arguments FROM scopes WHERE scope_id = ?", (scope.id,)).fetchone()
    days = json.loads(arguments)
    for url_id, url, record_id in db.execute(UNNAMED, (scope.id, *ARTICLE_KINDS)).fetchall():
        ref, capture = ledger.capture_ref(record_id), ledger.capture(record_id)
        assert ref is not None
        assert capture is not None
        key = fingerprint(url)
        if in_hand.gives_up(key, ref.payload_digest):
            logger.error("%s has ended %d processes that read it, and is not read", url, TIMES)
            yield Failed(url_id, CRASHES)
            continue
        try:
            with in_hand.held(key, ref.payload_digest), within(settings.getfloat("EXTRACT_SECONDS"), url):
                page = offline.page_of(replay.decoded(read_again(draft.folder, ref, url)))
                verdict, is_article = _verdict(offline, page, days.get("since"), days.get("until")), page.is_article()
        except (UnreadableCapture, DamagedRecord, OSError) as error:
            logger.warning("%s cannot be read: %s", url, error)
            continue
        except NotRead as error:
            logger.warning("%s: %s", error.reason, error)
            yield Failed(url_id, error.reason)
            continue
        except Exception:
            logger.exception("%s cannot be read by its page object", url)
            yield Failed(url_id, "parse_error")
            continue
        in_hand.forgive(key)
        if isinstance(verdict, str) and not is_article:
            db.execute("UPDATE urls SET due_at = NULL WHERE url_id = ?", (url_id,))  # it was never an article
            yield Failed(url_id, verdict)
            continue
        if isinstance(verdict, str):
            yield Done(url_id, f"dropped_{verdict}")
            continue
        known = ledger.latest_version(verdict.id)
        if known is None or (
            known.content_digest != verdict.content_digest and (known.page, known.page_number) == page_class(verdict)
        ):
            yield replace(capture, url_id=url_id)
        else:
            yield Done(url_id, "not_modified" if capture.status == 304 else "dropped_unchanged")
            born = known.published_at or known.first_captured_at
            yield ArticleSeen(verdict.id, capture.captured_at, url_id, born, known.version)


def _verdict(offline: Offline, page: ArticlePage, since: str | None, until: str | None) -> Article | str:
    """The row of a page, or why it has none."""
    if not page.is_article():
        return page.refusal() or "not_an_article"
    try:
        row = offline.row_of(page)
    except DropItem as refusal:
        return str(getattr(refusal, "reason", "dropped"))
    day = row.published_date
    if day and since and day < since:
        return "before_since"
    if day and until and day > until:
        return "after_until"
    return row
