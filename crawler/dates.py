"""Dates as news pages state them, read by a strict parser of our own: a text is understood whole, or not at all.

General parsers swap day and month or take any number for a date, and a wrong day is worse than none. The day stands
before the month in every shape but those that cannot mean anything else: ISO, names of months, and
``3/24/2024 6:53:30 AM``. A time without a zone is Vietnam's. Days are counted in +07:00: 00:05 in Hanoi is the day
before in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from crawler import datewords
from crawler.datewords import Found
from crawler.text import clean, fold, unescape_once

HANOI = timezone(timedelta(hours=7))

_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LONGEST = 100  # characters; more is a sentence

_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)? ?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2}):(\d{2}) ([AP])M")


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened to an article, as exactly as the page says it."""

    at: datetime | None  # aware; None when only a day is known
    day: date  # in +07:00
    precision: str  # second, minute, day or guess
    text: str  # as printed


def parse(text: str | None, now: datetime | None = None, zone: tzinfo = HANOI) -> Moment | None:
    """Read a printed or machine-readable date, None when it is not one of the known shapes or cannot be.

    ``now`` (aware; the time of capture) allows relative dates ("2 giờ trước", "hôm qua", "5:15 CH") and refuses dates
    more than a day after it. ``zone`` stands in where the text names none. Fractions of a second are cut off.
    """
    printed = _tidy(text)
    if printed is None:
        return None
    try:
        found = _iso(printed, zone) or _american(printed, zone) or datewords.read(fold(printed), now, zone)
    except (ValueError, OverflowError):  # the 31st of February, 25:61
        return None
    return None if found is None else _plausible(found, printed, now)


def parse_loose(text: str | None, now: datetime) -> Moment | None:
    """As `parse`; what it cannot read goes to dateparser, in Vietnamese and day first, and is a ``guess``."""
    strict = parse(text, now)
    printed = _tidy(text)
    if strict is not None or printed is None:
        return strict
    import dateparser  # slow to import, and most pages never need it

    guessed = dateparser.parse(
        printed,
        languages=["vi"],
        settings={
            "PARSERS": ["absolute-time"],  # of "năm ngoái" it would make a day
            "REQUIRE_PARTS": ["day", "month", "year"],
            "DATE_ORDER": "DMY",
            "TIMEZONE": "+0700",
            "RETURN_AS_TIMEZONE_AWARE": True,
        },
    )
    if guessed is None:
        return None
    at = guessed.replace(microsecond=0).astimezone(HANOI)
    only_a_day = (at.hour, at.minute, at.second) == (0, 0, 0)
    return _plausible((None if only_a_day else at, at.date(), "guess"), printed, now)


def utc_text(at: datetime) -> str:
    """Return ``2026-11-21T10:00:00Z``: the form of WARC-Date and captured_at. ValueError for a naive ``at``."""
    return _aware(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso(at: datetime) -> str:
    """Return ``2026-11-21T17:00:00+07:00``, with the offset that ``at`` has. ValueError for a naive ``at``."""
    return _aware(at).isoformat(timespec="seconds")


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("naive datetime")
    return at


def _tidy(text: str | None) -> str | None:
    printed = clean(unescape_once(text)) if text else None
    return printed if printed is not None and len(printed) <= _LONGEST else None


def _iso(text: str, zone: tzinfo) -> Found | None:
    """ISO 8601 and what content systems make of it: a space for the T, a space before the zone, no zone."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, offset = match.groups()
    on = date(int(year), int(month), int(day))
    if hour is None:
        return None, on, "day"
    zone = datewords.offset(offset) if offset else zone
    at = datewords.instant(on, int(hour), int(minute), int(second or 0), zone)
    return at, on, "second" if second else "minute"


def _american(text: str, zone: tzinfo) -> Found | None:
    """``3/24/2024 6:53:30 AM``, what some systems print by default: month first, unless it is more than 12."""
    match = _AMERICAN.fullmatch(text)
    if match is None:
        return None
    month, day, year, hour, minute, second = map(int, match.groups()[:6])
    if month > 12:
        month, day = day, month
    on = date(year, month, day)
    hour = datewords.half_day(hour, afternoon=match[7] == "P")
    return datewords.instant(on, hour, minute, second, zone), on, "second"


def _plausible(found: Found, printed: str, now: datetime | None) -> Moment | None:
    """Refuse placeholders (year 1, the epoch) and what lies in the future."""
    at, day, precision = found
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR or (at is not None and at.timestamp() == 0):
        return None
    if at is not None:
        day = at.astimezone(HANOI).date()
    if now is not None:
        latest = now + timedelta(days=1)
        if (at is not None and at > latest) or day > latest.astimezone(HANOI).date():
            return None
    return Moment(at, day, precision, printed)
