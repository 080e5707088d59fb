"""Where the CPU time of a page goes in a real crawl, by stage and thread.

    python -m tests.bench.stages [--pages 500]

Runs the crawl of ``tests.bench.crawl`` in one process, with a clock of the thread's CPU time around the functions that
make up each stage. A stage inside another one counts for itself. What no stage holds is Scrapy's engine and Twisted.
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from time import thread_time
from typing import Any

from tests.bench.crawl import command_of, counted, site
from tests.conftest import without_network_settings

ENGINE, WRITER, START = "Scrapy's engine, Twisted, robots.txt", "writer: waiting, hand-over", "start, imports"
STAGES = {
    "decode, parse, stated data": ("crawler.reading:Reading.__init__",),
    "index of classes and ids": ("crawler.selectors:Index.__init__",),
    "blocks of the text": ("crawler.blocks:read_blocks", "crawler.fields:read_blocks"),
    "other fields, refusals": ("crawler.page:ArticlePage.is_article", "crawler.page:ArticlePage.article"),
    "links with text and kind": ("crawler.page:ArticlePage.page_links",),
    "what to follow": (
        "crawler.following:Following._follow_from_article",
        "crawler.following:Following._follow_from_listing",
    ),
    "pipelines": ("pipelines.clean:CleanPipeline.process_item", "pipelines.validate:ValidatePipeline.process_item"),
    "JSON lines of row and links": ("pipelines.jsonl:JsonlPipeline.process_item",),
    "tee": ("crawler.wire:_TeeProtocol.dataReceived", "crawler.handler:ArchiveDownloadHandler._exchange"),
    "frontier": (
        "crawler.scheduler:LedgerScheduler.next_request",
        "crawler.scheduler:LedgerScheduler.finish",
        "crawler.outbox:Outbox._take_committed",
    ),
    "writer: records, digests, gzip": ("crawler.store:Store._do_append",),
    "writer: versions, rows": ("crawler.store:Store._do_decide", "crawler.store:Store._do_end"),
    "writer: fsync, ledger": ("crawler.store:Store._commit",),
}


class Clock:
    """CPU seconds by stage; each thread is in one stage at a time."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._own = threading.local()

    def enter(self, stage: str) -> str:
        """Go into a stage; the one that was left."""
        now = thread_time()
        left = getattr(self._own, "stage", WRITER if threading.current_thread().name == "archive-writer" else START)
        self.spent[left] += now - getattr(self._own, "since", 0.0)
        self._own.stage, self._own.since = stage, now
        return str(left)

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            outer = self.enter(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self.enter(outer)

        return timed


def put(clock: Clock, stage: str, path: str) -> None:
    """Have the function timed."""
    module, _, name = path.partition(":")
    *owner, name = name.split(".")
    at = functools.reduce(getattr, owner, import_module(module))
    setattr(at, name, clock.around(stage, getattr(at, name)))


def crawl(arguments: Sequence[str]) -> None:
    """The crawl itself, in this process; the last line of stdout is what it took."""
    from crawler.scheduler import LedgerScheduler

    clock = Clock()
    for stage, paths in STAGES.items():
        for path in paths:
            put(clock, stage, path)
    opened: Any = LedgerScheduler.open

    def open_(scheduler: Any, spider: Any) -> None:
        opened(scheduler, spider)
        clock.enter(ENGINE)

    LedgerScheduler.open = open_  # type: ignore[method-assign]
    from scrapy.cmdline import execute

    try:
        execute(["scrapy", *arguments])
    except SystemExit:
        clock.enter(ENGINE)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        sys.stdout.write(json.dumps({**clock.spent, "": usage.ru_utime + usage.ru_stime}) + "\n")


def table(spent: dict[str, float], pages: int) -> str:
    whole = spent.pop("")
    spent["end of the process, other threads"] = whole - sum(spent.values())
    lines = [f"{pages} pages{'':30}{'CPU ms a page':>16}{'share':>8}"]
    for stage, seconds in sorted(spent.items(), key=lambda entry: -entry[1]):
        lines.append(f"{stage:40}{1000 * seconds / pages:>16.2f}{seconds / whole:>8.0%}")
    lines.append(f"{'in all':40}{1000 * whole / pages:>16.2f}")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500, help="articles")
    options = parser.parse_args(arguments)
    with site(options.pages, False) as proxy, tempfile.TemporaryDirectory() as folder:
        command, where = command_of("ours", Path(folder))
        code = f"from tests.bench.stages import crawl; crawl({command[3:]!r})"
        environment = {**without_network_settings(), "http_proxy": proxy, "https_proxy": proxy}
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=where, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        pages, _ = counted("ours", Path(folder))
        sys.stdout.write(table(json.loads(run.stdout.splitlines()[-1]), pages))


if __name__ == "__main__":
    main()
