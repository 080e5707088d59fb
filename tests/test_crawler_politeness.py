"""Politeness: delays, Crawl-delay, parking and concurrency, on a clock that is set by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.politeness import JITTER, Politeness

A, B = "baoquocte.vn", "vietnam.vn"


def polite(delay: float = 1.0, concurrency: int = 4, random: float = 0.0) -> Politeness:
    return Politeness(delay, concurrency, 30.0, random=lambda: random)


def test_an_unknown_host_is_ready() -> None:
    assert polite().ready(A, 0.0)


@pytest.mark.parametrize(("random", "wait"), [(0.0, 2.0), (0.5, 2.25), (0.999, 2.4995)])
def test_the_delay_runs_from_start_to_start_and_is_never_shortened(random: float, wait: float) -> None:
    politeness = polite(delay=2.0, random=random)
    politeness.asked(A, 100.0)
    politeness.over(A)
    assert politeness.next_at(A) == pytest.approx(100.0 + wait)
    assert not politeness.ready(A, 101.99)
    assert politeness.ready(A, 102.5)


def test_hosts_do_not_wait_for_each_other() -> None:
    politeness = polite()
    politeness.asked(A, 0.0)
    assert not politeness.ready(A, 0.5)
    assert politeness.ready(B, 0.5)


def test_no_more_than_the_allowed_requests_are_in_flight() -> None:
    politeness = polite(delay=0.0, concurrency=2)
    politeness.asked(A, 0.0)
    assert politeness.ready(A, 0.0)
    politeness.asked(A, 0.0)
    assert politeness.next_at(A) == math.inf
    politeness.over(A)
    assert politeness.ready(A, 0.0)


@pytest.mark.parametrize(
    ("asked", "delay"),
    [
        pytest.param(5.0, 5.0, id="as asked"),
        pytest.param(0.1, 1.0, id="never below our own"),
        pytest.param(86400.0, 30.0, id="cut to the maximum"),
        pytest.param(0.0, 1.0, id="none"),
    ],
)
def test_crawl_delay(asked: float, delay: float) -> None:
    politeness = polite()
    politeness.set_crawl_delay(A, asked)
    politeness.asked(A, 10.0)
    politeness.over(A)
    assert politeness.next_at(A) == 10.0 + delay


def test_a_crawl_delay_holds_for_the_page_after_the_one_that_waited_for_robots_txt() -> None:
    politeness = polite()
    politeness.asked(A, 10.0)
    politeness.set_crawl_delay(A, 5.0)
    politeness.over(A)
    assert politeness.next_at(A) == 15.0


def test_the_later_end_of_two_parkings_counts() -> None:
    politeness = polite(delay=0.0)
    politeness.park(A, 900.0)
    politeness.park(A, 300.0)
    assert politeness.next_at(A) == 900.0
    assert politeness.parked(600.0) == {A: 300.0}
    assert politeness.parked(900.0) == {}
    assert politeness.ready(A, 900.0)


def test_a_request_that_was_spared_costs_no_delay() -> None:
    politeness = polite(concurrency=1)
    token = politeness.asked(A, 10.0)
    politeness.spared(A, token)
    assert politeness.ready(A, 10.0)


def test_a_spared_request_does_not_take_back_the_delay_of_another() -> None:
    politeness = polite()
    first = politeness.asked(A, 10.0)
    politeness.asked(A, 11.0)
    politeness.spared(A, first)
    assert politeness.next_at(A) == 12.0


@given(
    delay=st.floats(0.0, 10.0),
    concurrency=st.integers(1, 5),
    steps=st.lists(st.tuples(st.floats(0.0, 3.0), st.sampled_from(["ask", "over", "park"])), max_size=60),
)
def test_a_host_that_is_asked_only_when_ready_is_never_pressed(
    delay: float, concurrency: int, steps: list[tuple[float, str]]
) -> None:
    politeness = Politeness(delay, concurrency)
    now, last, in_flight, parked = 0.0, -math.inf, 0, -math.inf
    for wait, step in steps:
        now += wait
        if step == "ask" and politeness.ready(A, now):
            assert now >= last + delay
            assert now >= parked
            assert in_flight < concurrency
            politeness.asked(A, now)
            last, in_flight = now, in_flight + 1
            assert politeness.next_at(A) <= now + delay * (1 + JITTER) or in_flight == concurrency
        elif step == "over" and in_flight:
            politeness.over(A)
            in_flight -= 1
        elif step == "park":
            parked = max(parked, now + 2.0)
            politeness.park(A, now + 2.0)


def test_a_host_that_refuses_again_is_left_alone_for_longer() -> None:
    politeness = polite(delay=0.0)
    now, waited = 0.0, []
    for _ in range(9):
        waited.append(politeness.refused(A, now))
        assert politeness.refused(A, now + 1.0) == waited[-1] - 1.0  # asked before; no further refusal
        now += waited[-1]
    assert waited == [900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 57_600.0, 86_400.0, 86_400.0]
    assert politeness.ready(B, 0.0)
    assert politeness.welcomed(A)
    assert not politeness.welcomed(A)
    assert not politeness.welcomed(B)
    assert politeness.refused(A, now) == 900.0


@pytest.mark.parametrize(("said", "seconds"), [(1.0, 1.0), (7200.0, 7200.0), (1e12, 86_400.0), (0.0, 0.0)])
def test_the_host_says_for_how_long(said: float, seconds: float) -> None:
    assert polite().refused(A, 10.0, said) == seconds


def test_what_earlier_runs_have_counted() -> None:
    politeness = polite()
    politeness.set_parkings(A, 3)
    assert politeness.refused(A, 0.0) == 7200.0
    assert politeness.parkings(A) == 4
