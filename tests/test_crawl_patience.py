"""Before a host's robots.txt is known nothing is asked of it, and its delay holds from the very first request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest

from tests.changing import HOME, LIST, Press, address, article, listing, printing

NUMBERS = range(1, 7)
ROBOTS = f"{HOME}/robots.txt"
STATES = "SELECT u.url, f.state, f.reason FROM frontier f JOIN urls u ON u.url_id = f.url_id"


@pytest.fixture
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    with printing(tmp_path_factory) as press:
        for number in NUMBERS:
            press.paper.put(address(number), article(number))
        press.paper.put(LIST, listing([address(number) for number in NUMBERS]))
        yield press


def test_a_robots_txt_that_comes_later(press: Press) -> None:
    press.paper.robots = [503, 500]
    assert press.crawl(settings={"ROBOTS_RETRY_DELAY": "0.2"}).status == 0
    assert [entry.url for entry in press.replica.requests[:4]] == [ROBOTS, ROBOTS, ROBOTS, LIST]
    assert {row["url"] for row in press.lines("articles")} == {address(number) for number in NUMBERS}


def test_a_robots_txt_that_never_comes(press: Press) -> None:
    press.paper.robots = [503] * 100
    run = press.crawl(settings={"ROBOTS_RETRY_DELAY": "0.1", "ROBOTS_RETRY_TIMES": "2"})
    assert run.status == 0
    assert [entry.url for entry in press.replica.requests] == [ROBOTS] * 3
    assert press.ask(STATES) == [(LIST, "refused", "robots_unreachable")]
    press.paper.robots = []
    press.crawl()  # the next pass asks again
    assert {row["url"] for row in press.lines("articles")} == {address(number) for number in NUMBERS}


@pytest.mark.slow
def test_the_first_requests_keep_the_delay(press: Press) -> None:
    """Requests that waited for a slow robots.txt do not leave together."""
    press.paper.robots_wait = 2.0
    delay, seeds = 0.6, ",".join(address(number) for number in NUMBERS)
    settings = {"HOST_DELAY": str(delay)}
    run = press.crawler("baoquocte", "-a", f"seeds={seeds}", archive=press.archive, settings=settings)
    assert run.status == 0
    asked = press.replica.requests
    assert len(asked) == 1 + len(NUMBERS)
    times = [datetime.fromisoformat(entry.time).timestamp() for entry in asked]
    # The machine's own haste and delay, on both sides, is some hundredths of a second.
    assert min(later - before for before, later in pairwise(times)) > delay - 0.1
