"""Reading ends in time, whatever a page does to it."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import process_time, sleep
from typing import Any

import pytest

from crawler.limits import NotRead
from crawler.timelimit import TooSlow, in_time, time_limit, within


def busy(seconds: float) -> None:
    until = process_time() + seconds
    while process_time() < until:
        pass


def swallowing() -> None:
    for _ in range(2):
        with suppress(BaseException):  # as some libraries do
            busy(60)
    busy(60)


@pytest.mark.parametrize(
    "work",
    [
        lambda: busy(60),
        swallowing,
        lambda: re.fullmatch(r"(a+)+b", "a" * 60),
        lambda: sum(n % 7 for n in range(10**10)),
    ],
    ids=["loop", "swallowed", "regex", "sum"],
)
def test_whatever_runs_is_ended(work: Any) -> None:
    began = process_time()
    with pytest.raises(TooSlow), time_limit(0.05):
        work()
    assert process_time() - began < 20


def test_only_processor_time_counts() -> None:
    with time_limit(0.2):
        sleep(0.5)


def test_nothing_rings_afterwards() -> None:
    with time_limit(0.05):
        pass
    with pytest.raises(ZeroDivisionError), time_limit(0.05):
        raise ZeroDivisionError
    busy(0.3)
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    with pytest.raises(TooSlow), time_limit(0.05):  # and the next one is as long as the first
        busy(60)


def test_other_threads_are_left_alone() -> None:
    done: list[bool] = []

    def work() -> None:
        with time_limit(0.01):
            busy(0.1)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_each_step_has_its_time() -> None:
    ended: list[str] = []

    def steps() -> Iterator[int]:
        try:
            yield 1
            busy(0.1)
            yield 2
            busy(60)
            yield 3
        finally:
            ended.append("closed")

    taken = in_time(0.3, "https://bao.example/a", steps())
    assert [next(taken), next(taken)] == [1, 2]
    with pytest.raises(NotRead, match=r"https://bao\.example/a was not read within 0\.3 seconds") as refused:
        next(taken)
    assert refused.value.reason == "too_slow"
    assert ended == ["closed"]
    assert list(in_time(0.3, "", iter("ab"))) == ["a", "b"]


def test_a_block_has_its_time() -> None:
    told = r"https://bao\.example/a was not read within 0\.05 seconds"
    with pytest.raises(NotRead, match=told), within(0.05, "https://bao.example/a"):
        busy(60)
    with within(0.05, ""):
        pass


def test_it_costs_microseconds() -> None:
    """A page takes some ten milliseconds."""
    began = process_time()
    for _ in range(2_000):
        list(in_time(5, "", iter((1,))))
    assert (process_time() - began) / 2_000 < 0.000_5
