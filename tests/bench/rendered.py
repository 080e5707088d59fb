"""What a rendered page costs, beside plain scrapy-playwright: whole process trees, in turns, over one site on loopback.

    python -m tests.bench.rendered [--pages 60] [--rounds 3] [--only ours,playwright]
    python -m tests.bench.rendered --memory 500         what a long crawl holds, by the pages that it has behind it

    ours        the browser behind the archive's door: every request into WARC, DOM records, fields, rows, ledger
    playwright  scrapy-playwright at its defaults: ten fields of the DOM into JSON lines; nothing is archived

Both open as many pages at once, in a context each, and load the pictures. CPU is user and system time of the crawl, of
Playwright's driver and of all of Chromium's processes; memory is the peak of what they hold together (Pss).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from scrapy.settings import Settings

from crawler.chromium import NoBrowser, find_chromium
from tests.census import descendants, memory, with_census
from tests.conftest import ROOT, proxy_variables, without_network_settings
from tests.replica.scripted import HOME, BenNoi
from tests.replica.server import running

CASES = ("ours", "playwright")
AT_ONCE = 4  # pages open
STEP = 50  # pages between two lines of --memory
EVERY = 0.5  # seconds between two looks at the memory
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2): orphans come to us, and so does what they have used
PLAIN = ROOT / "tests" / "bench" / "plain_playwright.py"


@dataclass(frozen=True, slots=True)
class Run:
    """A crawl with all its processes."""

    rows: int
    cpu: float  # seconds
    wall: float  # seconds
    peak: float  # MB


def command_of(case: str, folder: Path, seeds: Path) -> list[str]:
    scrapy = [sys.executable, "-m", "scrapy"]
    if case == "ours":
        settings = {"ARCHIVE_DIR": folder, "HOST_DELAY": 0, "REQUISITE_DELAY": 0, "BROWSER_CONCURRENCY": AT_ONCE}
        pairs = [f"-s{name}={value}" for name, value in {**settings, "CONTACT": "bench@example.org"}.items()]
        return [*scrapy, "crawl", "news", f"-aseeds=@{seeds}", "-acapture=rendered", "-afollow=none", *pairs]
    return [*scrapy, "runspider", str(PLAIN), f"-aseeds={seeds}", "-o", str(folder / "rows.jsonl"), "-sLOG_LEVEL=INFO"]


def measure(
    command: Sequence[str], where: Path, environment: dict[str, str], log: Path, look: Callable[[], None]
) -> float:
    """CPU seconds of a command with all that it starts; ``look`` is called while it runs. RuntimeError if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=where, env=environment, stdout=out, stderr=out)
        while process.poll() is None:
            look()
            sleep(EVERY)
    while True:  # whatever it has left to us
        try:
            os.wait()
        except ChildProcessError:
            break
    if process.returncode != 0:
        raise RuntimeError(f"{command[:5]}: status {process.returncode}\n{log.read_text(errors='replace')[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def site(pages: int) -> Iterator[tuple[dict[str, str], Path]]:
    """The site on this machine: the environment of a crawl of it, and a file of its articles."""
    with running([BenNoi()]) as replica, tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder, "seeds")
        seeds.write_text("".join(f"{HOME}/bai-{number}.html\n" for number in range(pages)), encoding="ascii")
        yield {**without_network_settings(), **proxy_variables(replica.proxy_url, replica.ca_file)}, seeds


def run_of(case: str, environment: dict[str, str], seeds: Path) -> Run:
    peaks: list[float] = [0.0]

    def look() -> None:
        peaks.append(sum(memory(pid) for pid in descendants(os.getpid()) if pid != os.getpid()))

    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), monotonic()
        where = ROOT if case == "ours" else folder  # plain Scrapy has no project
        cpu = measure(command_of(case, folder, seeds), where, environment, folder / "log", look)
        wall = monotonic() - began
        rows = next(folder.glob("articles/*/*.jsonl" if case == "ours" else "rows.jsonl")).read_bytes().count(b"\n")
    return Run(rows, cpu, wall, max(peaks))


def report(runs: dict[str, list[Run]], pages: int) -> str:
    """A table: what a page costs in each case, and the ratio."""
    figures: dict[str, Callable[[Run], float]] = {
        "CPU ms a rendered page": lambda run: 1000 * run.cpu / pages,
        "rendered pages/s": lambda run: pages / run.wall,
        "peak of all processes, MB": lambda run: run.peak,
        "rows written": lambda run: run.rows,
    }
    both = set(CASES) <= runs.keys()
    lines = [f"{'':28}" + "".join(f"{case:>12}" for case in runs) + ("  ours / playwright" if both else "")]
    for name, figure in figures.items():
        values = {case: median(map(figure, found)) for case, found in runs.items()}
        ratio = f"{values['ours'] / values['playwright']:>19.2f}" if both else ""
        lines.append(f"{name:28}" + "".join(f"{value:>12.1f}" for value in values.values()) + ratio)
    return "\n".join(lines) + "\n"


def long_crawl(pages: int, settings: dict[str, str]) -> Iterator[dict[str, float]]:
    """What a crawl of so many rendered pages holds, as ``tests.census`` wrote it down."""
    with site(pages) as (environment, seeds), tempfile.TemporaryDirectory() as name:
        file = Path(name, "census")
        pairs = [f"-s{key}={value}" for key, value in {**settings, **with_census(file)}.items()]
        measure([*command_of("ours", Path(name), seeds), *pairs], ROOT, environment, Path(name, "log"), lambda: None)
        yield from map(json.loads, file.read_text("utf-8").splitlines())


def steps(lines: Iterator[dict[str, float]]) -> str:
    """A table: the most that was held in each part of the crawl."""
    parts: dict[int, list[dict[str, float]]] = {}
    for line in lines:
        parts.setdefault(int(line["pages"]) // STEP * STEP, []).append(line)
    columns = ("crawl", "browser", "contexts", "tabs", "objects", "tasks", "started")
    table = ["pages from" + "".join(f"{column:>10}" for column in columns)]
    for pages, part in parts.items():
        table.append(f"{pages:>10}" + "".join(f"{max(line[column] for line in part):>10.0f}" for column in columns))
    return "\n".join(table) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=60, help="rendered pages of a crawl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(CASES), help="cases, comma-separated")
    parser.add_argument("--memory", type=int, metavar="PAGES", help="one long crawl of ours instead")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the long crawl")
    options = parser.parse_args(arguments)
    if ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl")
    try:
        find_chromium(Settings())
    except NoBrowser as error:
        sys.stdout.write(f"left out: {error}\n")
        return
    if options.memory:
        sys.stdout.write(steps(long_crawl(options.memory, dict(pair.split("=", 1) for pair in options.set))))
        return
    runs: dict[str, list[Run]] = {case: [] for case in options.only.split(",")}
    with site(options.pages) as (environment, seeds):
        for number in range(options.rounds):
            for case, found in runs.items():
                found.append(run_of(case, environment, seeds))
                sys.stderr.write(f"round {number + 1}: {case} {1000 * found[-1].cpu / options.pages:.0f} ms\n")
    sys.stdout.write(report(runs, options.pages))


if __name__ == "__main__":
    main()
