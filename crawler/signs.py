"""A run's signs of life, and what ends it before the disk is full: looked at every few seconds.

stats, frontier, disk ─► metrics file ─► Prometheus
                      ─► webhook: drift, a host that is left alone, nothing new, the disk, a run that failed
                      ─► the disk is low: the run is stopped like by a signal, and all of it is kept
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Self, cast

from scrapy import signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from crawler.dates import utc_text
from crawler.disk import Room, disk_line, disk_section, low_disk, room_of
from crawler.drift_report import ALARMS
from crawler.ledger_runs import RunTable
from crawler.logevents import event
from crawler.metrics import Now, metrics_text, write_metrics
from crawler.webhook import Webhook

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.archive import Archive
    from crawler.spider import NewsSpider

LOOK_EVERY = 2.0  # seconds: a disk may fill quickly
WRITE_EVERY = 15.0  # seconds between two metrics files; the queue's index is read for it
RUNS = 1000  # earlier runs that are looked through for the last article

logger = logging.getLogger(__name__)


class Signs:
    """The extension."""

    def __init__(self, crawler: Crawler, archive: Archive, folder: Path) -> None:
        settings, spider = crawler.settings, archive.spider_name
        self._crawler = crawler
        self._archive = archive
        self._folder = folder
        self._spider = spider
        self._job = archive.job
        self._metrics = Path(settings["METRICS_DIR"]) if settings.get("METRICS_DIR") else None
        self._hours = settings.getfloat("NOTHING_NEW_HOURS")
        self._started = time()
        self._last_article: float | None = None
        self._known_since = self._started  # when the archive's first run of this spider began, as far as it matters
        self._rows = 0
        self._told_nothing_new = False
        self._parked: set[str] = set()
        self._drifts = 0  # alarms that were told
        self._written = -WRITE_EVERY
        self._task: Any = create_looping_call(self.look)
        self.webhook = Webhook.of(settings, spider=spider, job=self._job)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("ARCHIVE_ENABLED", True):
            raise NotConfigured
        archive = cast("NewsSpider", crawler.spider).archive
        assert archive.store is not None
        signs = cls(crawler, archive, archive.store.folder)
        crawler.signals.connect(signs.spider_opened, signals.spider_opened)
        crawler.signals.connect(signs.spider_closed, signals.spider_closed)
        return signs

    def spider_opened(self, spider: NewsSpider) -> None:
        logger.info("Run %s of %s begins", self._job, self._spider, extra=self._about("run_started"))
        if self._hours or self._metrics is not None:
            self._look_back()
        self._task.start(LOOK_EVERY, now=True)

    def spider_closed(self, spider: NewsSpider) -> None:
        if self._task.running:
            self._task.stop()

    def look(self) -> None:
        """What a few seconds may have changed."""
        room = self._room()
        if room is not None and room.is_low and self._archive.trouble is None:
            trouble = low_disk(self._folder, room)
            about = {"free": room.free, "floor": room.floor}
            logger.error("The run stops: %s", trouble, extra=event("disk_low", **about))
            self.webhook.send("disk_low", str(trouble), **about)
            self._archive.stop_for(trouble, "disk_low")
        self._look_at_hosts()
        self._look_for_drift()
        self._look_for_news()
        if self._metrics is not None and monotonic() - self._written >= WRITE_EVERY:
            self._write(room, None)

    def over(self, status: int, line: str | None) -> None:
        """The run has ended, all is committed; waits some seconds for the webhook."""
        stats = self._stats()
        self._look_for_drift()
        if status in (1, 3):
            self.webhook.send("run_failed", line or f"status {status}", status=status)
        self._look_for_news()
        if (room := self._room()) is not None:
            pages, left = stats.get("capture/count", 0), stats.get("frontier/left")
            line = disk_line(disk_section(room, stats.get("capture/bytes", 0), pages, left))
            logger.info(line, extra=event("summary"))
        self.webhook.close()
        logger.info("Run %s ended with status %d", self._job, status, extra=self._about("run_ended", status=status))
        if self._metrics is not None:
            self._write(room, status)

    def _look_back(self) -> None:
        """When this spider wrote its last article, by the ledger."""
        now = utc_text(datetime.now(UTC) + timedelta(seconds=1))
        try:
            with RunTable(self._folder) as table:
                runs = table.before(self._spider, now, RUNS)
        except sqlite3.Error as error:  # whoever has to read it for the crawl will say so
            logger.warning("What earlier runs have written is not known: %s", error)
            return
        with_rows = next((run for run in runs if run.counts.get("rows") or run.counts.get("store/rows")), None)
        if with_rows is not None:
            self._last_article = _seconds(with_rows.ended_at or with_rows.heartbeat)
        if runs:
            self._known_since = _seconds(runs[-1].started_at)

    def _look_for_news(self) -> None:
        rows = self._stats().get("store/rows", 0)
        if rows > self._rows:
            self._rows, self._last_article, self._told_nothing_new = rows, time(), False
        since = self._last_article or self._known_since
        if not self._hours or self._told_nothing_new or time() - since < self._hours * 3600:
            return
        self._told_nothing_new = True
        last = utc_text(datetime.fromtimestamp(self._last_article, UTC)) if self._last_article else None
        told = f"{self._spider}: no new article for {self._hours:g} hours"
        logger.error(told, extra=event("nothing_new", hours=self._hours))
        self.webhook.send("nothing_new", told, hours=self._hours, last_article_at=last)

    def _look_for_drift(self) -> None:
        alarms = self._stats().get(ALARMS, [])
        for alarm in alarms[self._drifts :]:  # the log has them from the watch
            facts = {name: alarm[name] for name in ("site", "template", "field", "urls")}
            self.webhook.send("drift", alarm["told"], **facts)
        self._drifts = len(alarms)

    def _look_at_hosts(self) -> None:
        parked = self._parked_now()
        for host in parked.keys() - self._parked:
            seconds = round(parked[host])
            about = event("host_parked", host=host, seconds=seconds)
            logger.warning("%s is left alone for %d s", host, seconds, extra=about)
            self.webhook.send("host_parked", f"{host} is left alone for {seconds} s", host=host, seconds=seconds)
        self._parked = set(parked)

    def _write(self, room: Room | None, status: int | None) -> None:
        self._written = monotonic()
        scheduler: Any = self._crawler.engine.scheduler if self._crawler.engine else None
        stats = self._stats()
        frontier = stats.get("frontier/left")
        if frontier is None and scheduler is not None and status is None:
            with suppress(sqlite3.Error):  # it may be closed by now
                frontier = len(scheduler)
        now = Now(
            spider=self._spider,
            started=self._started,
            seen=time(),
            status=status,
            last_article=self._last_article,
            frontier=frontier,
            parked=len(self._parked),
            free=room.free if room else None,
            floor=room.floor if room else None,
            webhook_failed=self.webhook.failed,
        )
        try:
            assert self._metrics is not None
            write_metrics(self._metrics, self._spider, metrics_text(stats, now))
        except OSError as error:
            logger.error("No metrics: %s: %s", error.filename or self._metrics, error.strerror or error)

    def _room(self) -> Room | None:
        try:
            return room_of(self._folder, self._crawler.settings)
        except OSError:  # whoever writes there says so
            return None

    def _parked_now(self) -> dict[str, float]:
        scheduler: Any = self._crawler.engine.scheduler if self._crawler.engine else None
        return scheduler.parked() if scheduler is not None else {}

    def _stats(self) -> Mapping[str, Any]:
        assert self._crawler.stats is not None
        return self._crawler.stats.get_stats()

    def _about(self, name: str, **facts: Any) -> dict[str, Any]:
        return event(name, spider=self._spider, job=self._job, **facts)


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
