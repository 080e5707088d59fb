"""Before a host's robots.txt is known nothing is asked of it, and its delay holds from the very first request."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from time import time

import pytest

from tests.changing import HOME, HTML, LIST, Press, address, article, listing, printing
from tests.replica.server import Answer, Request

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


@pytest.mark.slow
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


# --- A host that refuses ------------------------------------------------------------------------------------------

BUSY = "http_429"


def refusing(press: Press, times: int, status: int = 429, retry_after: str | None = None) -> dict[str, int]:
    """Let the paper refuse so many requests for articles, then answer; how many are left to refuse."""
    left, pages = {"refuse": times}, dict(press.paper.pages)

    def respond(request: Request) -> Answer:
        if left["refuse"] and request.target.endswith(".html"):
            left["refuse"] -= 1
            said = [("Retry-After", retry_after)] if retry_after else []
            return Answer(status, "No", [HTML, *said], b"")
        if request.target == "/robots.txt":
            return Answer(404, "No", [HTML], b"", delay=press.paper.robots_wait)
        return pages.get(request.url) or Answer(404, "No", [HTML], b"")

    press.paper.respond = respond  # type: ignore[method-assign]
    return left


def times_of(press: Press) -> list[float]:
    asked = [entry for entry in press.replica.requests if entry.url.endswith(".html")]
    return [datetime.fromisoformat(entry.time).timestamp() for entry in asked]


ALONE = {"CONCURRENT_REQUESTS_PER_DOMAIN": "1", "HOST_DELAY": "0.3"}


@pytest.mark.parametrize(
    ("status", "times", "said"),
    [*(pytest.param(status, 1, "2", marks=pytest.mark.slow) for status in (429, 503)), (403, 3, None)],
)
def test_a_burst_passes_and_every_page_comes(press: Press, status: int, times: int, said: str | None) -> None:
    refusing(press, times, status, said)
    run = press.crawl(settings=ALONE | {"PARK_SECONDS": "1.5"})
    assert run.status == 0
    assert {row["url"] for row in press.lines("articles")} == {address(number) for number in NUMBERS}
    asked = times_of(press)
    assert asked[times] - asked[times - 1] >= 1.0  # left alone
    assert len(asked) == len(NUMBERS) + times
    assert press.ask("SELECT parkings FROM hosts") == [(0,)]


@pytest.mark.slow
def test_what_waits_for_its_turn_is_not_sent_to_a_host_that_refuses(press: Press) -> None:
    """Four pages waited for a slow robots.txt, and the first one of them is refused."""
    press.paper.robots_wait = 2.0
    refusing(press, 1, 429, "3")
    seeds = ",".join(address(number) for number in NUMBERS)
    run = press.crawler("baoquocte", "-a", f"seeds={seeds}", archive=press.archive, settings={"HOST_DELAY": "0.5"})
    assert run.status == 0
    asked = times_of(press)
    assert asked[1] - asked[0] >= 2.9
    assert len(asked) == len(NUMBERS) + 1
    assert press.ask("SELECT DISTINCT state FROM frontier") == [("done",)]


@pytest.mark.slow
def test_a_host_that_wants_to_be_left_alone_for_long_ends_the_run(press: Press) -> None:
    refusing(press, 1, 429, "7200")
    run = press.crawl(settings=ALONE)
    assert run.status == 11
    assert len(times_of(press)) == 1
    assert "left alone" in run.stderr
    (parked, reason, parkings), *_ = press.ask("SELECT parked_until, reason, parkings FROM hosts")
    assert 7100 < parked - time() < 7201
    assert (reason, parkings) == (BUSY, 1)

    assert press.crawl(settings=ALONE).status == 11  # not asked, whoever starts it
    assert len(times_of(press)) == 1

    with sqlite3.connect(press.archive / "ledger.sqlite") as ledger:  # two hours pass
        ledger.execute("UPDATE hosts SET parked_until = 0")
        ledger.execute("UPDATE frontier SET not_before = 0")
    assert press.crawl(settings=ALONE).status == 0
    assert {row["url"] for row in press.lines("articles")} == {address(number) for number in NUMBERS}


@pytest.mark.slow
def test_a_host_that_goes_on_refusing_is_asked_less_and_less(press: Press) -> None:
    refusing(press, 1000)
    run = press.crawl(settings=ALONE | {"PARK_SECONDS": "1", "PARK_WAIT": "2.1"})
    assert run.status == 11  # the third parking takes four seconds
    gaps = [later - before for before, later in pairwise(times_of(press))]
    assert len(gaps) == 2
    assert gaps[0] >= 0.9
    assert gaps[1] >= 1.9
    states = press.ask("SELECT DISTINCT state FROM frontier WHERE kind = 'article'")
    assert states == [("queued",)]  # nothing is lost
