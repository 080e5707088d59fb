"""Ask for what is missing: the ordinary crawl command, in a process of its own, with the holes for its seeds."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BATCH = 1000  # seeds of one crawl: they are its scope, which stands in the ledger and in every warcinfo


def fill(urls: Sequence[str], spider_of: Callable[[str], str], options: Sequence[str]) -> int:
    """Crawl these addresses and nothing that they lead to; the first status of a crawl that is not 0, else 0.

    ``options`` are those of the crawl command: settings and where it logs. What it prints goes to stderr.
    """
    by_spider: dict[str, list[str]] = {}
    for url in urls:
        by_spider.setdefault(spider_of(url), []).append(url)
    for spider, wanted in sorted(by_spider.items()):
        for start in range(0, len(wanted), BATCH):
            if status := _crawl(spider, wanted[start : start + BATCH], options):
                return status
    return 0


def _crawl(spider: str, urls: Sequence[str], options: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="bao-quan-") as folder:
        seeds = Path(folder, "holes.txt")
        seeds.write_text("\n".join(urls) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "scrapy", "crawl", spider, "-a", f"seeds=@{seeds}", "-a", "follow=none"]
        run = subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stdout=sys.stderr)
        with run as crawl, _passed_on(crawl):
            status = crawl.wait()
    return status if status >= 0 else 128 - status


@contextmanager
def _passed_on(crawl: subprocess.Popen[bytes]) -> Iterator[None]:
    """The crawl stops cleanly when this process is told to; a Ctrl-C reaches it by itself, from the terminal."""
    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, frame: crawl.send_signal(number)),
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
