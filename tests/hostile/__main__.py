"""``python -m tests.hostile [NAME…]``: crawl the scenarios of these names (or whose names begin so), print N of N.

Without names those that ``make check`` holds the crawler to. The soak takes minutes: ``soak --seconds 600``.

--jobs N       scenarios at once (most of them wait most of the time)
--keep FOLDER  leave archives and logs there, each in a folder of its scenario's name
--list         only name them
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.hostile.bench import WARM, run
from tests.hostile.judge import SECONDS, Demand, Ended, judge
from tests.hostile.network import enter
from tests.hostile.scenario import NAMES, Scenario

JOBS = 6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description="Crawl the hostile scenarios.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that a crawl may take, on a busy machine")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    names = tuple(options.names)
    from tests.hostile.catalogue import HELD, SCENARIOS  # not in the processes that judge: they import this module too

    chosen = list(SCENARIOS if options.all else HELD)
    if names:
        chosen = [one for one in SCENARIOS if one.name.startswith(names)]
    if options.list or not chosen:
        sys.stdout.writelines(f"{scenario.name}\n" for scenario in SCENARIOS)
        return 0 if options.list else 2
    enter(NAMES)
    if options.keep is not None:
        return crawl_all(chosen, options.keep, options.jobs, options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        return crawl_all(chosen, Path(folder), options.jobs, options.seconds)


def crawl_all(scenarios: list[Scenario], folder: Path, jobs: int, seconds: float) -> int:
    """Crawl, judge and tell each as it ends; 0 when nothing is wrong."""
    began = time.monotonic()
    waiting, lock = deque(scenarios), threading.Lock()
    table = Table(len(scenarios))
    with ProcessPoolExecutor(2, get_context("spawn")) as judges:

        def work() -> None:
            while True:
                with lock:
                    if not waiting:
                        return
                    scenario = waiting.popleft()
                place = folder / scenario.name
                place.mkdir(parents=True)
                ended = run(scenario, place, seconds)
                demand = Demand(
                    scenario.wanted,
                    scenario.budget,
                    scenario.ends,
                    scenario.counted,
                    scenario.closed,
                    scenario.growth,
                    seconds,
                    scenario.statuses,
                    scenario.site.home,
                )
                faults = judges.submit(judge, ended, demand).result()
                with lock:
                    table.tell(scenario.name, ended, demand.budget, faults)

        threads = [threading.Thread(target=work) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return table.end(time.monotonic() - began)


@dataclass
class Table:
    """A line a scenario, and the sum."""

    of: int
    good: int = 0
    peak: float = 0.0
    cpu: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def tell(self, name: str, ended: Ended, budget: int, faults: list[str]) -> None:
        self.good += not faults
        self.peak, self.cpu = max(self.peak, ended.peak), self.cpu + ended.cpu
        verdict, status = "WRONG" if faults else "ok   ", " ".join(map(str, ended.statuses))
        sys.stdout.write(
            f"{verdict} {name:36} status {status:>2} {ended.seconds:5.1f} s "
            f"{ended.cpu:5.1f} s cpu {ended.peak:4.0f} MB {ended.requests:4} of {budget:4} requests\n"
        )
        if ended.growth is not None:
            sys.stdout.write(f"        {ended.growth:.1f} MB more after the first {WARM:,} requests\n")
        sys.stdout.writelines(f"        {fault}\n" for fault in faults)
        sys.stdout.flush()
        self.wrong += [name] if faults else []

    def end(self, seconds: float) -> int:
        sys.stdout.write(
            f"{self.good} of {self.of} scenarios: at most {self.peak:.0f} MB, "
            f"{self.cpu:.0f} s of processor, {seconds:.0f} s\n"
        )
        if self.wrong:
            sys.stdout.write(f"wrong: {' '.join(sorted(self.wrong))}\n")
        return 0 if self.good == self.of else 1


if __name__ == "__main__":
    sys.exit(main())
