"""How many pages a second one core extracts, and where the time goes.

    python -m tests.bench.extract [--pages 1000] [--rounds 3] [--warc FILE]

For each of both replica sites a WARC file of pages of about 100 kB, each at its own address, gzipped as a server sends
them. ``scrapy extract --processes 1`` reads it: CPU is user and system time of the whole process from its start to its
end, the best of the rounds (another process on the machine can only make it worse). The stages are timed page by page
in this process, the best of three readings of each page. ``--warc`` takes a file of your own instead.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from time import process_time

from scrapy.utils.project import get_project_settings

from crawler.extract_read import Visited, visits
from crawler.offline import Offline
from crawler.replay import Replay, raw_response, ref_of
from crawler.serialize import to_line
from tests.bench.pages import SITES, write
from tests.conftest import without_network_settings
from warc.reader import capture_of

STAGES = ("read, gunzip", "decode", "parse, index", "is it one", "links", "fields", "clean, validate", "serialise")
GOAL = 300  # pages a second and core


def whole(warc: Path, folder: Path) -> tuple[float, int]:
    """CPU seconds of the command, and the rows that it wrote."""
    rows = folder / "rows.jsonl"
    command = [sys.executable, "-m", "scrapy", "extract", str(warc), "--processes", "1", "-o", str(rows)]
    environment = without_network_settings() | {"SCRAPY_SETTINGS_MODULE": "crawler.settings"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"status {process.returncode}")
    with rows.open("rb") as lines:
        return usage.ru_utime + usage.ru_stime, sum(1 for _ in lines)


def stages(warc: Path, most: int) -> list[float]:
    """Milliseconds a page in each stage."""
    best: list[list[float]] = []
    for _ in range(3):
        for number, times in enumerate(timed(warc)):
            if number == most:
                break
            if number == len(best):
                best.append(times)
            best[number] = list(map(min, best[number], times))
    return [1000 * sum(page[n] for page in best) / len(best) for n in range(len(STAGES))]


def timed(warc: Path) -> Iterator[list[float]]:
    """Seconds in each stage, for each article."""
    settings = get_project_settings()
    replay, maker = Replay(settings), Offline(settings, "bench")
    found = visits(warc)
    while True:
        at = [process_time()]
        visited = next(found, None)
        if visited is None:
            return
        if not isinstance(visited, Visited):
            continue
        capture = capture_of(visited.record)
        raw = raw_response(capture, ref_of(capture, warc.name))
        at.append(process_time())
        response = replay.decoded(raw)
        at.append(process_time())
        page = maker.page_of(response)
        at.append(process_time())
        is_article = page.is_article()
        at.append(process_time())
        _ = page.editorial_links
        at.append(process_time())
        row = page.article()
        row.captured_at = row.first_captured_at = visited.record.date
        at.append(process_time())
        with suppress(Exception):
            maker.finished(row)
        at.append(process_time())
        to_line(row)
        at.append(process_time())
        if is_article:
            yield [after - before for before, after in pairwise(at)]


def report(name: str, cpu: float, rows: int, times: list[float]) -> str:
    rate = rows / cpu
    lines = [
        f"{name}: {rate:.0f} pages/s/core, {1000 * cpu / rows:.2f} ms a page ({100 * rate / GOAL:.0f} % of {GOAL})"
    ]
    for stage, ms in zip(STAGES, times, strict=True):
        lines.append(f"    {stage:18}{ms:7.3f} ms {100 * ms / sum(times):4.0f} %  {'#' * round(40 * ms / sum(times))}")
    lines.append(
        f"    {'sum':18}{sum(times):7.3f} ms, {1000 / sum(times):.0f} pages/s without the start of the process"
    )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000, help="articles of each site")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warc", type=Path, help="a file of your own, instead of the replica's sites")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {options.warc.name: options.warc} if options.warc else {s: folder / f"{s}.warc.gz" for s in SITES}
        for site, warc in files.items():
            if not options.warc:
                write(site, options.pages, warc)
            cpu, rows = min(whole(warc, folder) for _ in range(options.rounds))
            sys.stdout.write(report(site, cpu, rows, stages(warc, 300)))


if __name__ == "__main__":
    main()
