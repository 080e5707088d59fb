"""How fast URLs go into the frontier and out of it, and in how much memory, beside Scrapy's own schedulers.

    python -m tests.bench.frontier [--urls 100000] [--hosts 100] [--folder DIR] [--case ledger]

Each case is a process of its own. "in" is a URL found on a page until it is in the queue (for the ledger: committed and
synced); "out" is a Request handed out; "end" is its URL's end, which for the ledger is its state, for Scrapy nothing.
Scrapy's schedulers forget everything when they are killed; the ledger does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

from scrapy import Request, Spider
from scrapy.core.scheduler import Scheduler
from scrapy.utils.asyncio import CallLaterResult, call_later
from scrapy.utils.misc import build_from_crawler
from scrapy.utils.test import get_crawler

from crawler.ledger import Ledger
from crawler.politeness import Politeness
from crawler.scheduler import BACKLOG, LedgerScheduler
from crawler.visit import Found, Visit
from tests.bench.writer import LedgerWriter

LINKS_A_PAGE = 50
CASES = ("ledger", "memory", "disk")
PAGE = "https://bao{}.example/tin-tuc/doi-song/mot-tieu-de-dai-vua-phai-cua-bai-viet-so-{}.html"


class Loop:
    """What the scheduler needs of a reactor, on a bare asyncio loop; no request ever stays with a downloader."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.woken = asyncio.Event()

    def wake(self) -> None:
        self.woken.set()

    def is_active(self, request: Request) -> bool:
        return False

    def in_hand(self) -> int:
        return 0

    def later(self, seconds: float, call: Callable[[], None]) -> CallLaterResult:
        return call_later(seconds, call)

    def from_thread(self, call: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(call)


async def ledger(urls: int, hosts: int, folder: Path) -> dict[str, float]:
    writer = LedgerWriter(folder, "bench", group_seconds=0.05)
    scope = writer.open()
    reading = Ledger.open(folder / "ledger.sqlite", read_only=True)
    reading.scope = scope
    loop = Loop()
    scheduler = LedgerScheduler(reading, writer, Politeness(0.0, 1_000_000), loop)
    scheduler.open(SimpleNamespace(parse=lambda response: None, errback=lambda failure: None))
    began = monotonic()
    for start in range(0, urls, LINKS_A_PAGE):
        links = [
            Found(PAGE.format(n % hosts, n), "article", "listing", 1, n % 7, f"https://bao0.example/{start}")
            for n in range(start, min(urls, start + LINKS_A_PAGE))
        ]
        scheduler.finish(Visit(None, f"https://bao0.example/{start}", "category", found=links))
        if start % 1000 == 0:
            await asyncio.sleep(0)
            while scheduler._outbox.behind >= BACKLOG:
                await asyncio.sleep(0.001)
    while scheduler._outbox.behind:
        await asyncio.sleep(0.001)
    queued = monotonic()
    handed_out = handing = 0.0
    while scheduler.has_pending_requests() or scheduler._outbox.behind:
        loop.woken.clear()
        before = monotonic()
        batch = []
        while len(batch) < 100 and (request := scheduler.next_request()) is not None:
            batch.append(request)
        handing += monotonic() - before
        handed_out += len(batch)
        for request in batch:
            scheduler.finish(Visit(request.meta["url_id"], request.url, "article"))
        await asyncio.sleep(0)
        if not batch and not loop.woken.is_set():
            await asyncio.wait_for(loop.woken.wait(), 10)
    ended = monotonic()
    scheduler.close("finished")
    writer.close()
    assert handed_out == urls
    size = (folder / "ledger.sqlite").stat().st_size / urls
    return {"in": urls / (queued - began), "out": urls / handing, "end": urls / (ended - queued), "disk": size}


def scrapy(urls: int, hosts: int, folder: Path | None) -> dict[str, float]:
    # The default priority queue asks the downloader of a running engine; this one is the plainer and faster.
    settings = {"SCHEDULER_PRIORITY_QUEUE": "scrapy.pqueues.ScrapyPriorityQueue"}
    crawler = get_crawler(Spider, {**settings, "JOBDIR": str(folder)} if folder else settings)
    crawler.spider = crawler._create_spider("bench")
    scheduler = build_from_crawler(Scheduler, crawler)
    scheduler.open(crawler.spider)
    began = monotonic()
    for n in range(urls):
        meta: dict[str, Any] = {"kind": "article", "depth": 1, "via": "https://bao0.example/"}
        scheduler.enqueue_request(Request(PAGE.format(n % hosts, n), priority=n % 7, meta=meta))
    queued = monotonic()
    handed_out = sum(1 for _ in iter(scheduler.next_request, None))
    ended = monotonic()
    scheduler.close("finished")
    assert handed_out == urls
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / urls if folder else 0
    return {"in": urls / (queued - began), "out": urls / (ended - queued), "end": urls / (ended - queued), "disk": size}


def run(case: str, urls: int, hosts: int, folder: Path) -> dict[str, float]:
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if case == "ledger":
        result = asyncio.run(ledger(urls, hosts, folder))
    else:
        result = scrapy(urls, hosts, folder if case == "disk" else None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    return {
        **result,
        "rss_mb": peak / 1024,
        "grown_mb": (peak - base) / 1024,
        "cpu_us": 1e6 * (cpu.ru_utime + cpu.ru_stime) / urls,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=100_000)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where the queues are kept; a temporary folder otherwise")
    parser.add_argument("--case", choices=CASES, help="run one case here and write its figures as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.case:
            sys.stdout.write(json.dumps(run(options.case, options.urls, options.hosts, Path(folder))) + "\n")
            return
    figures = {}
    for case in CASES:
        where = ["--folder", str(options.folder)] if options.folder else []
        size = ["--urls", str(options.urls), "--hosts", str(options.hosts)]
        command = [sys.executable, "-m", "tests.bench.frontier", "--case", case, *size, *where]
        figures[case] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    columns = ("in", "out", "end", "cpu_us", "rss_mb", "grown_mb", "disk")
    sys.stdout.write(f"{options.urls} URLs, {options.hosts} hosts\n")
    sys.stdout.write(
        f"{'':8}{'in/s':>10}{'out/s':>10}{'end/s':>10}{'CPU us':>10}{'RSS MB':>10}{'grown':>10}{'disk B':>10}\n"
    )
    for case, row in figures.items():
        sys.stdout.write(f"{case:8}" + "".join(f"{row[column]:>10.0f}" for column in columns) + "\n")
    for case in CASES[1:]:
        ratios = (
            figures["ledger"][column] / figures[case][column] for column in ("in", "out", "end", "cpu_us", "rss_mb")
        )
        sys.stdout.write(f"ledger : {case:<7}" + " ".join(f"{ratio:.2f}" for ratio in ratios) + "\n")


if __name__ == "__main__":
    main()
