"""When an article is asked again, and how the setting says it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crawler.recrawl import NEVER, Recrawl

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("intervals", "age", "version", "after"),
    [
        ("1d:1h, 7d:1d, 30d", HOUR, 1, HOUR),
        ("1d:1h, 7d:1d, 30d", 6 * DAY, 1, DAY),
        ("1d:1h, 7d:1d, 30d", 7 * DAY, 1, 30 * DAY),
        ("1d:1h, 7d:1d, 30d", 7 * DAY, 3, 10 * DAY),
        ("1d:10m,never", HOUR, 1, timedelta(minutes=10)),
        ("1d:10m,never", HOUR, 9, timedelta(minutes=10)),  # the shortest interval is the floor
        ("1d:10m,never", DAY, 9, None),
        ("never", HOUR, 1, None),
        ("2h", 900 * DAY, 1, timedelta(hours=2)),
    ],
)
def test_intervals(intervals: str, age: timedelta, version: int, after: timedelta | None) -> None:
    assert Recrawl.parse(intervals).after(age, version) == after


@pytest.mark.parametrize(
    ("intervals", "says"),
    [
        ("", "is not AGE:INTERVAL"),
        ("1d:1h", "the last part has no age"),
        ("1d", None),
        ("30d, 1d:1h", "the ages must grow"),
        ("7d:1d, 1d:1h, 30d", "the ages must grow"),
        ("1w", "is not AGE:INTERVAL"),
        ("0h", "would ask without end"),
        ("1d:0m, 30d", "would ask without end"),
        ("1d:1h, often", "'often' is not AGE:INTERVAL"),
    ],
)
def test_what_the_setting_may_say(intervals: str, says: str | None) -> None:
    if says is None:
        assert Recrawl.parse(intervals).steps == ((None, DAY),)
        return
    with pytest.raises(ValueError, match=says):
        Recrawl.parse(intervals)


def test_never_lies_behind_every_date() -> None:
    assert Recrawl.parse("never").due_at("2026-11-21T12:00:00Z", None, 1) == NEVER
    assert Recrawl.parse("36500d").due_at("2026-11-21T12:00:00Z", None, 1) < NEVER < "9999"
