"""`make bench` runs, and prints every figure that docs/performance.md promises. How large they are is not tested."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests.bench import crawl, frontier, stages
from tests.conftest import ROOT

PAGES = 40
URLS = 3000
FIGURE = re.compile(r"-?\d+(?:\.\d+)?%?")


def figures(text: str, name: str) -> list[float]:
    """The numbers behind a line's name."""
    (line,) = [line for line in text.splitlines() if re.match(rf"{re.escape(name)}\s+-?\d", line)]
    return [float(number.rstrip("%")) for number in FIGURE.findall(line[len(name) :])]


@pytest.fixture(scope="module")
def printed() -> str:
    command = [sys.executable, "-m", "tests.bench", "--pages", str(PAGES), "--rounds", "1", "--urls", str(URLS)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("case", crawl.CASES)
def test_the_crawl_of_each_case(printed: str, case: str) -> None:
    if case == "wget" and shutil.which("wget") is None:
        pytest.skip("wget is not installed")
    pages, rows, cpu, rate, rss = figures(printed, case)
    assert pages >= PAGES
    assert rows == (0 if case == "wget" else PAGES)
    assert min(cpu, rate, rss) > 0
    if case != "ours":
        mine = figures(printed, "ours")
        assert figures(printed, f"ours / {case}") == pytest.approx(
            [mine[2] / cpu, mine[3] / rate, mine[4] / rss], abs=0.02
        )


@pytest.mark.slow
def test_the_stages_add_up(printed: str) -> None:
    spent = {name: figures(printed, name)[0] for name in (*stages.STAGES, stages.ENGINE, stages.START)}
    assert min(spent.values()) > 0
    assert 0.9 < sum(spent.values()) / figures(printed, "in all")[0] < 1.01


@pytest.mark.slow
@pytest.mark.parametrize("case", frontier.CASES)
def test_the_frontier_beside_the_queues(printed: str, case: str) -> None:
    assert f"{URLS} URLs" in printed
    into, out, end, cpu, rss, *_ = figures(printed, case)
    assert min(into, out, end, cpu, rss) > 0
    if case != "ledger":
        assert len(figures(printed, f"ledger : {case}")) == 5


@pytest.mark.slow
def test_rendered_pages(printed: str) -> None:
    if "left out: pages cannot be rendered" in printed:
        pytest.skip("no Chromium")
    for name in ("CPU ms a rendered page", "rendered pages/s", "peak of all processes, MB"):
        ours, playwright, ratio = figures(printed, name)
        assert ours > 0
        assert playwright > 0
        assert ratio >= 0
    assert figures(printed, "rows written") == [2.0, 2.0, 1.0]
