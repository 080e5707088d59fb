"""A long crawl of rendered pages holds no more than a short one: the browser is started anew, and nothing stays open.

The same with 500 pages: ``python -m tests.bench.rendered --memory 500`` (docs/performance.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browsing import WITH_CHROMIUM, Run
from tests.census import with_census
from tests.replica.scripted import HOME, BenNoi
from tests.replica.server import Replica, running

pytestmark = WITH_CHROMIUM
BUDGET, PAGES, AT_ONCE = 4, 20, 2


@pytest.fixture(scope="module")
def site() -> Iterator[Replica]:
    with running([BenNoi()]) as replica:
        yield replica


def seeds(count: int) -> str:
    return "-aseeds=" + ",".join(f"{HOME}/bai-{number}.html" for number in range(count))


def test_nothing_grows_with_the_pages(site: Replica, tmp_path: Path) -> None:
    file = tmp_path / "census"
    budget = {"BROWSER_PAGES": str(BUDGET), "BROWSER_CONCURRENCY": str(AT_ONCE)}
    run = Run(site, tmp_path / "archive", {**budget, **with_census(file)})
    assert run.crawl("news", seeds(PAGES), "-arender=all", "-afollow=none") == 0
    assert len(run.rows) == PAGES
    assert run.counts["browser/restarts"] == PAGES // BUDGET - 1
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    early = [line for line in lines if 0 < line["pages"] < PAGES // 2]
    late = [line for line in lines if line["pages"] >= PAGES // 2]
    assert early
    assert late
    most = {key: (max(line[key] for line in early), max(line[key] for line in late)) for key in lines[0]}
    print("most in the first half and in the second:", most)  # noqa: T201
    assert max(line["contexts"] for line in lines) <= AT_ONCE
    assert max(line["tabs"] for line in lines) <= AT_ONCE
    for key, margin in (("objects", 10), ("tasks", 20)):  # as many as a page needs, and none of those that are over
        assert most[key][1] <= most[key][0] + margin, key
    assert most["crawl"][1] <= most["crawl"][0] + 30  # MB
    # Two browsers for a moment, when one takes over from another; never one more for each that there was.
    assert most["browser"][1] <= 2 * most["browser"][0]


def test_a_browser_that_holds_too_much_is_started_anew(site: Replica, tmp_path: Path) -> None:
    run = Run(site, tmp_path / "archive", {"BROWSER_MEMORY": "1", "BROWSER_CONCURRENCY": "1"})
    assert run.crawl("news", seeds(3), "-arender=all", "-afollow=none") == 0
    assert len(run.rows) == 3
    assert run.counts["browser/restarts"] == 2
    assert run.counts["browser/memory_max"] > 10 << 20
