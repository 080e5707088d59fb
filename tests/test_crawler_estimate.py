"""How many articles there are: against published results, and against counts made by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler import estimate as module
from crawler.estimate import chao, chapman, coverage, estimate, log_interval, log_linear

# Hepatitis A in a college of northern Taiwan, 1995: three lists of patients (Chao et al. 2001, table II).
HAV = {(1, 1, 1): 28, (1, 1, 0): 21, (1, 0, 1): 17, (0, 1, 1): 18, (1, 0, 0): 69, (0, 1, 0): 55, (0, 0, 1): 63}
CELLS = {(bool(a), bool(b), bool(c)): n for (a, b, c), n in HAV.items()}


def test_two_lists() -> None:
    found = chapman({(True, True, False): 19, (True, False, False): 80, (False, True, False): 30}, 0, 1)
    assert found.total == pytest.approx(100 * 50 / 20 - 1)
    assert found.low < found.total < found.high


def test_sample_coverage_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    low = coverage(CELLS)
    assert low is not None
    assert round(low.total) == 508  # the one-step estimate: the coverage of 51 % is too low for the other
    monkeypatch.setattr(module, "ENOUGH", 0.5)
    high = coverage(CELLS)
    assert high is not None
    assert round(high.total) == 971


def test_log_linear_fits_as_by_hand() -> None:
    """Of two views that are independent given the third, missing = what each names alone, over what both name."""
    found = log_linear(CELLS)
    assert found is not None
    assert found.name == "log-linear, lists with sitemap and with related"
    assert found.total == pytest.approx(271 + 69 * 63 / 17, abs=0.01)
    assert found.low < 545 < found.high  # what a census of the college found in the end


def test_the_lower_bound() -> None:
    found = chao(known=100, once=10, twice=4, channels=5)
    assert found.total == pytest.approx(100 + 4 / 5 * 10 * 9 / (2 * 5))
    assert found.low <= found.total <= found.high


def test_nothing_is_missing_where_everything_is_named_often() -> None:
    found = estimate({(True, True, True): 500}, once=0, twice=0, channels=5)
    assert (found.known, found.low) == (500, 500)
    assert found.high <= 501


@pytest.mark.parametrize("cells", [{}, {(True, False, False): 9}, {(False, False, True): 1}])
def test_one_view_says_nothing(cells: dict[tuple[bool, ...], int]) -> None:
    found = estimate(cells, once=sum(cells.values()), twice=0, channels=1)
    assert (found.low, found.high) == (sum(cells.values()), float("inf"))


CELL = st.tuples(st.booleans(), st.booleans(), st.booleans()).filter(any)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(CELL, st.integers(0, 10**6)), st.integers(0, 100), st.integers(0, 100), st.integers(0, 6))
def test_whatever_the_counts(cells: dict[tuple[bool, ...], int], once: int, twice: int, channels: int) -> None:
    found = estimate(cells, once, twice, channels)
    for one in found.each:
        assert found.known <= one.low <= one.high
        assert found.known <= one.total < float("inf")


def test_an_interval_never_goes_below_what_is_known() -> None:
    assert log_interval(100, 100, 0.0) == (100, 100)
    low, high = log_interval(100, 104, 9.0)
    assert 100 < low < 104 < high
