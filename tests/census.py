"""An extension for crawls under test: writes down, all the time, what the browser and the crawl hold.

``-s CENSUS=FILE`` and ``-s EXTENSIONS=…`` with ``tests.census.Census`` in it (``with_census``).
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call

from crawler.browser import Browser
from crawler.settings import EXTENSIONS

EVERY = 1.0  # seconds: to ask for shares of memory costs the kernel some milliseconds a process


def with_census(file: Path) -> dict[str, str]:
    """The settings that take it along."""
    return {"CENSUS": str(file), "EXTENSIONS": json.dumps({**EXTENSIONS, "tests.census.Census": 900})}


class Census:
    """A JSON line each time: pages so far, what is open, memory of the crawl and of the browser's processes, in MB."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._file = Path(crawler.settings["CENSUS"]).open("w")  # noqa: SIM115
        self._loop: Any = create_looping_call(self._count)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        census = cls(crawler)
        crawler.signals.connect(census._begin, signal=signals.spider_opened)
        crawler.signals.connect(census._end, signal=signals.spider_closed)
        return census

    def _begin(self) -> None:
        self._loop.start(EVERY)

    def _end(self) -> None:
        self._loop.stop()
        self._file.close()

    def _count(self) -> None:
        browser, stats = self._crawler.get_extension(Browser), self._crawler.stats
        assert browser is not None
        assert stats is not None
        running: Any = browser._running
        tree = [pid for pid in descendants(os.getpid()) if pid != os.getpid()]
        line = {
            "pages": stats.get_value("browser/pages", 0),
            "started": stats.get_value("browser/started", 0),
            "open": running.open if running else 0,
            "contexts": len(running.browser.contexts) if running else 0,
            "tabs": sum(len(context.pages) for context in running.browser.contexts) if running else 0,
            "objects": len(browser._playwright._impl_obj._connection._objects) if browser._playwright else 0,
            "tasks": len(asyncio.all_tasks()),
            "crawl": memory(os.getpid()),
            "browser": sum(map(memory, tree)),
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def descendants(pid: int) -> list[int]:
    """A process and all that came of it and still lives with a parent of its own line."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text("ascii").split())
        except OSError:  # it has ended
            continue
    return found


def memory(pid: int) -> float:
    """MB of a process: its own, and its share of what several hold (Pss of proc(5), smaps_rollup)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
