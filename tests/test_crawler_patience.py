"""Retry-After, in every form that servers give it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.patience import seconds_of

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
LATER = b"Sun, 29 Nov 2026 10:05:00 GMT"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        (None, None, None),
        (b"", None, None),
        (b"0", None, 0.0),
        (b" 120 ", None, 120.0),
        (b"9999999999", None, 9_999_999_999.0),
        (b"99999999999999999999", None, None),
        (b"-5", None, None),
        (b"1.5", None, None),
        (b"soon", None, None),
        (LATER, None, 300.0),
        (LATER, b"Sun, 29 Nov 2026 10:04:00 GMT", 60.0),  # the server's clock is fast
        (LATER, b"yesterday", 300.0),
        (b"Sun, 29 Nov 2026 17:05:00 +0700", None, 300.0),
        (b"Sunday, 29-Nov-26 10:05:00 GMT", None, 300.0),  # RFC 850
        (b"Sun Nov 29 10:05:00 2026", None, 300.0),  # asctime
        (b"Sun, 29 Nov 2026 09:00:00 GMT", None, 0.0),  # over
        (b"Sun, 99 Nov 2026 10:05:00 GMT", None, None),
        (b"\xff\xfe", None, None),
    ],
)
def test_seconds(value: bytes | None, date: bytes | None, seconds: float | None) -> None:
    assert seconds_of(value, date, NOW) == seconds


@given(st.binary(max_size=60), st.binary(max_size=40))
def test_nothing_that_a_server_writes_raises(value: bytes, date: bytes) -> None:
    seconds = seconds_of(value, date, NOW)
    assert seconds is None or seconds >= 0
