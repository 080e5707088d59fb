"""The grammar of printed dates, Vietnamese and English. `crawler.dates.parse` is the door to it.

Works on folded text (lower case, no diacritics). A text is read whole: one day, at most one time and one zone, in
any order, perhaps a label and a weekday; whatever else is left over refuses it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

Found = tuple[datetime | None, date, str]
"""The instant (None when only a day is known), the day in the zone as printed, the precision."""

_MONTH_NAMES = (
    ("january", "mot", "gieng"),
    ("february", "hai"),
    ("march", "ba"),
    ("april", "tu", "bon"),
    ("may", "nam"),
    ("june", "sau"),
    ("july", "bay"),
    ("august", "tam"),
    ("september", "chin"),
    ("october", "muoi"),
    ("november", "muoi mot"),
    ("december", "muoi hai", "chap"),
)
_MONTHS = {"sept": 9}
for _n, (_english, *_vietnamese) in enumerate(_MONTH_NAMES, start=1):
    _forms = [_english, _english[:3], f"th{_n}", f"th{_n:02}", f"thang {_n}", f"thang {_n:02}"]
    _MONTHS |= dict.fromkeys([*_forms, *(f"thang {name}" for name in _vietnamese)], _n)

_MONTH = "(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")(?![a-z0-9])\.?"
_NTH = "(?:st|nd|rd|th)?"
_DATES = (  # each with its groups of year, month and day; where both are numbers, the day stands first
    (re.compile(r"(?<!\d)(\d{1,2}) ?([/.-]) ?(\d{1,2}) ?\2 ?(\d{4})(?!\d)"), (4, 3, 1)),
    (re.compile(r"(?<!\d)(\d{4})([/.-])(\d{1,2})\2(\d{1,2})(?!\d)"), (1, 3, 4)),
    (re.compile(rf"(?<!\d)(\d{{1,2}}){_NTH}[ -](?:of )?{_MONTH}(?: nam|,)?[ -]+(\d{{4}})(?!\d)"), (3, 2, 1)),
    (re.compile(rf"(?<![a-z]){_MONTH} (\d{{1,2}}){_NTH},? (\d{{4}})(?!\d)"), (3, 1, 2)),
)
_NAMED_DAYS = {"hom nay": 0, "today": 0, "hom qua": 1, "yesterday": 1, "hom kia": 2}
_TIME = re.compile(
    r"(?<![\d:+-])(?P<hour>\d{1,2})"
    r"(?: ?: ?(?P<minute>\d{2})(?: ?: ?(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"| ?(?:h|gio)(?: ?(?P<minute_of>\d{1,2})(?: ?(?:phut|p)(?![a-z])|['’′])?)?)(?![\d:])"
    r"(?: ?(?P<half>am|a\.m\.|pm|p\.m\.|sa|ch|sang|chieu|toi)(?![a-z]))?"
)
_ZONE = re.compile(
    r"(?<![a-z0-9])(?:(?:gmt|utc) ?(?P<from_utc>[+-] ?\d{1,2}(?::?\d{2})?)|(?P<offset>[+-]\d{2}:?\d{2})"
    r"|(?P<name>[a-z]{1,4}))(?: ?\([a-z ]+)?$"
)
_ZONES = {  # hours from UTC: the zones of RFC 822 and those in which the source sites print
    **{"z": 0.0, "ut": 0.0, "gmt": 0.0, "utc": 0.0, "bst": 1.0, "cet": 1.0, "cest": 2.0, "ist": 5.5, "ict": 7.0},
    **{"edt": -4.0, "est": -5.0, "cdt": -5.0, "cst": -6.0, "mdt": -6.0, "mst": -7.0, "pdt": -7.0, "pst": -8.0},
}
_LABEL = re.compile(
    r"^(?:cap nhat(?: lan cuoi)?|ngay (?:dang|xuat ban|cap nhat|tao)|(?:da )?dang(?: tai)?|xuat ban|thoi gian"
    r"|publish(?:ed)?|(?:last )?(?:updated?|modified)|posted|date)(?: (?:luc|vao|ngay|on|at))*(?: ?: ?| )(?=\S)"
)
_WEEKDAY = re.compile(
    r"(?<![a-z0-9])(?:thu (?:hai|ba|tu|nam|sau|bay|[2-7])|t[2-7]|cn|chu nhat"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?)(?![a-z0-9])\.?"
)
_FILLER = re.compile(r"(?<![a-z])(?:ngay|luc|vao|at|on)(?![a-z])|[\s,|()•·–—-]")
_UNITS = {
    **{"giay": "seconds", "second": "seconds", "sec": "seconds", "phut": "minutes", "minute": "minutes"},
    **{"min": "minutes", "gio": "hours", "tieng": "hours", "hour": "hours", "hr": "hours"},
    **{"ngay": "days", "day": "days", "tuan": "weeks", "week": "weeks"},
}
_AGO = re.compile(rf"(?:khoang )?(\d{{1,3}}|an?|mot) ({'|'.join(_UNITS)})s? (?:truoc|ago)")


def read(text: str, now: datetime | None, zone: tzinfo) -> Found | None:
    """Read a folded text. Raises ValueError for days and times that do not exist."""
    text = _LABEL.sub("", text)
    if now is not None and (ago := _AGO.fullmatch(text)):
        return _before(now.astimezone(zone), ago[1], _UNITS[ago[2]])
    today = None if now is None else now.astimezone(zone).date()
    day, rest = _take_day(text, today)
    rest = _WEEKDAY.sub(" ", rest, count=1)
    time = _TIME.search(rest)
    if time is None:
        return None if day is None or _FILLER.sub("", rest) else (None, day, "day")
    stated, rest = _take_zone(f"{rest[: time.start()]} {rest[time.end() :]}")
    zone = stated or zone
    if _FILLER.sub("", rest):
        return None
    hour = int(time["hour"])
    if time["half"]:
        hour = half_day(hour, afternoon=time["half"][0] in "pct")
    minute, second = int(time["minute"] or time["minute_of"] or 0), int(time["second"] or 0)
    precision = "second" if time["second"] else "minute"
    if day is not None:
        return instant(day, hour, minute, second, zone), day, precision
    if now is None or today is None:
        return None
    at = instant(today, hour, minute, second, zone)  # a time alone: the last time the clock showed it
    return at if at <= now else at - timedelta(days=1), today, precision


def _take_day(text: str, today: date | None) -> tuple[date | None, str]:
    """Return the day in a text, and the text without it. Named days ("hôm qua") need today's."""
    for pattern, (year, month, day) in _DATES:
        if match := pattern.search(text):
            number = _MONTHS.get(match[month]) or int(match[month])
            return date(int(match[year]), number, int(match[day])), f"{text[: match.start()]} {text[match.end() :]}"
    if today is not None:
        for name, days in _NAMED_DAYS.items():
            if name in text:
                return today - timedelta(days=days), text.replace(name, " ", 1)
    return None, text


def _take_zone(text: str) -> tuple[tzinfo | None, str]:
    """Return the zone at the end of a text, and the text without it. An unknown name stays, and so refuses the text."""
    match = _ZONE.search(text.rstrip(" ()|,"))
    if match is None or (match["name"] and match["name"] not in _ZONES):
        return None, text
    zone = (
        timezone(timedelta(hours=_ZONES[match["name"]]))
        if match["name"]
        else offset(match["offset"] or match["from_utc"])
    )
    return zone, text[: match.start()]


def _before(now: datetime, count: str, unit: str) -> Found:
    """``15 phút trước`` holds to the minute; the page has rounded hours and days: a guess."""
    at = (now - timedelta(**{unit: int(count) if count.isdigit() else 1})).replace(microsecond=0)
    if unit in ("days", "weeks"):
        return None, at.date(), "guess"
    return at, at.date(), "guess" if unit == "hours" else "minute"


def half_day(hour: int, afternoon: bool) -> int:
    """Return the hour of 24. ``17:15 CH`` is printed by some systems and says one thing; ``17:15 SA`` is nonsense."""
    if hour > 12:
        if not afternoon:
            raise ValueError("no such hour of the morning")
        return hour
    return hour % 12 + (12 if afternoon else 0)


def offset(text: str) -> tzinfo:
    """Read ``Z``, ``+7``, ``+07``, ``+0700`` or ``+07:00``."""
    if text in ("Z", "z"):
        return UTC
    digits = text[1:].replace(":", "").strip()
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    if hours > 14 or minutes > 59:
        raise ValueError("no such offset")
    return timezone((1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def instant(day: date, hour: int, minute: int, second: int, zone: tzinfo) -> datetime:
    """Return the aware instant. Raises ValueError for times that do not exist."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)
