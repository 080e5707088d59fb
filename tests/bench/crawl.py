"""What a page costs, beside plain Scrapy and wget: whole processes, in turns, over one site on loopback.

    python -m tests.bench.crawl [--pages 2000] [--rounds 3] [--gzip] [--only ours,links] [--keep FOLDER]

    ours       ledger, capture into WARC, every field, rows and links as JSON lines, committed and synced
    links      plain Scrapy at its defaults: ten fields and all links, with address and text like ours, as JSON lines;
               no WARC, nothing survives a kill
    css        the same with addresses of links only
    extractor  as links, with a Request for every link, as Scrapy's documentation teaches
    wget       wget --recursive --warc-file: everything as WARC, nothing extracted

All go through the same forward proxy by plain http, obey robots.txt and log at INFO. CPU is user and system time of
the process from its start to its end. Medians; ratios are ours / peer, below 1 means that ours needs less.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

from tests.bench.site import START
from tests.conftest import without_network_settings

ROOT = Path(__file__).resolve().parents[2]
PLAIN = ROOT / "tests" / "bench" / "plain.py"
CASES = ("ours", "links", "css", "extractor", "wget")


@dataclass(frozen=True, slots=True)
class Run:
    """One process from its start to its end."""

    pages: int
    rows: int
    cpu: float  # seconds, user and system
    wall: float  # seconds
    rss: float  # MB at its peak

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / self.pages

    @property
    def rate(self) -> float:
        return self.pages / self.wall


def command_of(case: str, folder: Path) -> tuple[list[str], Path]:
    """The command of a case, and where it runs."""
    scrapy = [sys.executable, "-m", "scrapy"]
    if case == "ours":
        settings = {"SPIDER_MODULES": "tests.bench.spiders", "ARCHIVE_DIR": folder, "HOST_DELAY": 0}
        pairs = [f"-s{name}={value}" for name, value in {**settings, "CONTACT": "bench@example.org"}.items()]
        return [*scrapy, "crawl", "baoquocte", "-a", f"seeds={START}", *pairs], ROOT
    if case == "wget":
        options = ["--recursive", "--level=inf", "--follow-tags=a", "--domains=baoquocte.vn", "--delete-after", "-nv"]
        reach = ["--no-check-certificate", r"--accept-regex=-[0-9]+\.html$|/the-gioi(&s_cond=&BRSR=[0-9]+)?$|robots"]
        return ["wget", *options, *reach, "--warc-file=bench", START], folder
    arguments = ["-a", f"start={START}", "-a", f"links={case}", "-o", str(folder / "rows.jsonl")]
    return [*scrapy, "runspider", str(PLAIN), *arguments, "-sLOG_LEVEL=INFO", "-sROBOTSTXT_OBEY=True"], folder


def measure(case: str, proxy: str, folder: Path) -> Run:
    """Run a case to its end. RuntimeError when it fails."""
    command, where = command_of(case, folder)
    environment = {**without_network_settings(), "http_proxy": proxy, "https_proxy": proxy}
    log = folder / "log"
    began = monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=where, env=environment, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
    wall = monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ((0, 8) if case == "wget" else (0,)):  # 8: some page was a 404
        raise RuntimeError(f"{case}: status {process.returncode}\n{log.read_text(errors='replace')[-2000:]}")
    pages, rows = counted(case, folder)
    return Run(pages, rows, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def counted(case: str, folder: Path) -> tuple[int, int]:
    """Pages fetched and rows written, from what the case left behind."""
    if case == "wget":
        return (folder / "log").read_text(errors="replace").count(" URL:http"), 0
    rows = folder.glob("articles/*/*.jsonl") if case == "ours" else folder.glob("rows.jsonl")
    with next(rows).open("rb") as lines:
        written = sum(1 for _ in lines)
    counter = "capture/count" if case == "ours" else "response_received_count"
    if case == "ours":
        import sqlite3

        with sqlite3.connect(folder / "ledger.sqlite") as ledger:
            counts = json.loads(ledger.execute("SELECT counts FROM runs").fetchone()[0])
        return counts[counter], written
    log = (folder / "log").read_text(errors="replace")
    return int(log.partition(f"'{counter}': ")[2].partition(",")[0]), written


@contextmanager
def site(pages: int, with_gzip: bool) -> Iterator[str]:
    """The site in a process of its own; the address of its proxy."""
    command = [sys.executable, "-m", "tests.bench.site", "--pages", str(pages), *(["--gzip"] if with_gzip else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def report(runs: dict[str, list[Run]]) -> str:
    """The medians as a table, and the ratios under it."""
    measures = {"CPU ms a page": "cpu_ms", "pages/s": "rate", "peak RSS MB": "rss"}
    middle = {
        case: [median(getattr(run, name) for run in of) for name in measures.values()] for case, of in runs.items()
    }
    lines = [f"{'':12}{'pages':>8}{'rows':>8}" + "".join(f"{name:>16}" for name in measures)]
    for case, values in middle.items():
        last = runs[case][-1]
        lines.append(f"{case:12}{last.pages:>8}{last.rows:>8}" + "".join(f"{value:>16.2f}" for value in values))
    for case in runs:
        if case != "ours" and "ours" in runs:
            ratios = [mine / theirs for mine, theirs in zip(middle["ours"], middle[case], strict=True)]
            lines.append(f"{'ours / ' + case:28}" + "".join(f"{ratio:>16.2f}" for ratio in ratios))
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2000, help="articles; lists of 15 lead to them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gzip", action="store_true", help="pages come gzipped to those that accept it")
    parser.add_argument("--only", default=",".join(CASES), help="cases, comma-separated")
    parser.add_argument("--keep", type=Path, help="folder for what the runs write; a temporary one otherwise")
    options = parser.parse_args(arguments)
    cases = options.only.split(",")
    if "wget" in cases and shutil.which("wget") is None:
        sys.stdout.write("wget is not installed: left out\n")
        cases.remove("wget")
    runs: dict[str, list[Run]] = {case: [] for case in cases}
    with site(options.pages, options.gzip) as proxy:
        for number in range(options.rounds):
            for case in cases:
                with tempfile.TemporaryDirectory(dir=options.keep) as folder:
                    runs[case].append(measure(case, proxy, Path(folder)))
                sys.stderr.write(f"round {number + 1}: {case} {runs[case][-1].cpu_ms:.2f} ms\n")
    sys.stdout.write(report(runs))


if __name__ == "__main__":
    main()
