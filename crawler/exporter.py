"""``-o`` and ``-O``: this run's rows, byte for byte as they stand in ``articles/``."""

from __future__ import annotations

import logging
from typing import IO, TYPE_CHECKING, Any

from scrapy.exporters import BaseItemExporter

from crawler.serialize import to_line

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector

logger = logging.getLogger(__name__)

TROUBLE = "output/trouble"  # stats key: the first write that failed, as one line


class JsonLinesExporter(BaseItemExporter):
    """One row a line. FEED_EXPORT_FIELDS does not apply: a row always has every key.

    Scrapy only logs what an exporter raises and would end with status 0. The first failed write is therefore noted
    in the stats, for the command's status, and ends this output: after a lost line no later one is written, so that
    what is there is a whole beginning.
    """

    def __init__(self, file: IO[bytes], *, stats: StatsCollector, **kwargs: Any) -> None:
        super().__init__(dont_fail=True, **kwargs)
        self._file = file
        self._stats = stats
        self._broken = False

    @classmethod
    def from_crawler(cls, crawler: Crawler, file: IO[bytes], **kwargs: Any) -> JsonLinesExporter:
        return cls(file, stats=crawler.stats, **kwargs)

    def export_item(self, item: Any) -> None:
        """Write one row and hand it to the system, so that a reader of a pipe gets it at once."""
        if self._broken:
            return
        line = to_line(item)
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            self._broken = True
            trouble = f"{getattr(self._file, 'name', 'output')}: {error.strerror or error}"
            self._stats.set_value(TROUBLE, trouble)
            logger.error("Rows are no longer written to %s", trouble)
