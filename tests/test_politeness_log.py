"""How a host was asked, by its own log: across a kill, by two spiders at once, with the browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from time import monotonic, sleep

import pytest

from tests.changing import HOME, LIST, Press, address, article, listing, printing
from tests.replica.server import LogEntry

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DELAY = 0.8
# A request stands in the log when it was answered, by a machine that does other things too. Two processes that know
# nothing of each other would be far below this, and a run that forgets the one before it too.
LEAST = 0.75 * DELAY
SETTINGS = {"HOST_DELAY": str(DELAY), "TDMREP": "1"}
OTHER_LIST = f"{HOME}/the-gioi"


@pytest.fixture
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    with printing(tmp_path_factory) as press:
        for number in range(1, 13):
            press.paper.put(address(number), article(number))
        press.paper.put(LIST, listing([address(number) for number in range(1, 7)]))
        press.paper.put(OTHER_LIST, listing([address(number) for number in range(7, 13)]))
        yield press


def gaps(entries: Sequence[LogEntry]) -> list[float]:
    times = sorted(datetime.fromisoformat(entry.time).timestamp() for entry in entries)
    return [later - before for before, later in pairwise(times)]


def wait_for(press: Press, requests: int) -> None:
    until = monotonic() + 60
    while len(press.replica.requests) < requests:
        assert monotonic() < until
        sleep(0.02)


def test_two_spiders_at_once_one_of_them_killed_and_started_again(press: Press) -> None:
    first = ("baoquocte", "-a", f"seeds={LIST}")
    other = press.crawler.start("news", "-a", f"seeds={OTHER_LIST}", archive=press.archive, settings=SETTINGS)
    killed = press.crawler.start(*first, archive=press.archive, settings=SETTINGS)
    wait_for(press, 9)
    killed.kill()
    killed.wait()
    assert press.crawler(*first, archive=press.archive, settings=SETTINGS).status == 0
    assert other.wait(timeout=60) == 0
    assert {row["url"] for row in press.lines("articles")} == {address(number) for number in range(1, 13)}
    assert len(press.replica.requests) >= 14 + 3 * 2  # both lists, and robots.txt and tdmrep.json of three runs
    assert min(gaps(press.replica.requests)) >= LEAST


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on PATH: apt install chromium")
def test_documents_that_a_browser_opens(press: Press) -> None:
    settings = SETTINGS | {"CHROMIUM": str(CHROMIUM)}
    run = press.crawler(
        "baoquocte", "-a", f"seeds={LIST}", "-a", "render=all", archive=press.archive, settings=settings
    )
    assert run.status == 0, run.stderr[-2000:]
    assert len(press.lines("articles")) == 6
    asked = [entry for entry in press.replica.requests if not entry.url.endswith("favicon.ico")]
    assert min(gaps(asked)) >= LEAST
