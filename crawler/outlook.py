"""What a run will come to, by what the ledger knows when it begins: one line in the log, nothing is asked for it."""

from __future__ import annotations

import json
import logging
import sqlite3
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured

from crawler import sqlite
from crawler.ledger_files import LEDGER
from crawler.logevents import event
from crawler.politeness import JITTER
from crawler.summary import counted, size

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.ledger_ops import Scope
    from crawler.spider import NewsSpider

_RUNS = "SELECT counts FROM runs WHERE scope_id = ? AND pass = ?"
_LEFT = "SELECT COUNT(*) FROM frontier WHERE scope_id = ? AND state = 'queued'"

logger = logging.getLogger(__name__)


class Outlook:
    """The extension. It reads the ledger once and writes one line."""

    def __init__(self, delay: float) -> None:
        self._delay = delay

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("ARCHIVE_ENABLED", True):
            raise NotConfigured
        outlook = cls(crawler.settings.getfloat("HOST_DELAY"))
        crawler.signals.connect(outlook.spider_opened, signals.spider_opened)
        return outlook

    def spider_opened(self, spider: NewsSpider) -> None:
        store, scope = spider.archive.store, spider.archive.scope
        assert store is not None
        assert scope is not None
        try:
            db = sqlite.open_reader(store.folder / LEDGER)
            try:
                line = outlook(db, scope, self._delay, sum(1 for _ in spider.seeds()))
                logger.info(line, extra=event("outlook"))
            finally:
                db.close()
        except sqlite3.Error as error:  # whoever has to read it for the crawl will say so
            logger.warning("No outlook: %s", error)


def outlook(db: sqlite3.Connection, scope: Scope, delay: float, starts: int) -> str:
    """One line: by the pass before this one, or by what is left of this one, at a request every ``delay`` seconds."""
    if scope.resumed:
        (left,) = db.execute(_LEFT, (scope.id,)).fetchone()
        pages, weight = _captures(db, scope, scope.pass_number)
        mean = weight / pages if pages else 0.0
        told = _told(left, left * mean, delay)
        return f"Goes on with pass {scope.pass_number}: in the frontier {told}, and what they lead to"
    pages, weight = _captures(db, scope, scope.pass_number - 1)
    if not pages:
        return f"No pass before to go by, {counted(starts, 'URL')} to begin with: scrapy plan estimates a crawl"
    return f"Expected, by pass {scope.pass_number - 1}: {_told(pages, weight, delay)}"


def _captures(db: sqlite3.Connection, scope: Scope, number: int) -> tuple[int, int]:
    """Captures of a pass and their bytes, over all its runs."""
    runs = [json.loads(counts) for (counts,) in db.execute(_RUNS, (scope.id, number))]
    return sum(run.get("capture/count", 0) for run in runs), sum(run.get("capture/bytes", 0) for run in runs)


def _told(pages: int, weight: float, delay: float) -> str:
    pace = f", {pages * delay * (1 + JITTER / 2) / 3600:.2f} hours at a request every {delay:g} s" if delay else ""
    return f"{counted(pages, 'page')}, {size(weight)}{pace}"
