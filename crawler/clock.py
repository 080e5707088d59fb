"""The clock that the ledger's times are read from.

    BAOQUAN_CLOCK_AHEAD=259200 scrapy crawl …       a crawl as if three days had passed

So ``scrapy timetable tick --now TIME`` starts crawls that live at that time. WARC files always have the real one.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

VARIABLE = "BAOQUAN_CLOCK_AHEAD"  # seconds

_ahead = timedelta(seconds=float(os.environ.get(VARIABLE) or 0))


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(UTC) + _ahead
