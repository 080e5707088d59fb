"""Dates as printed: a table of every shape known, a table of what must not be read, and properties."""

import subprocess
import sys
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.dates import HANOI, iso, parse, parse_loose, utc_text

NOW = datetime(2024, 3, 6, 1, 30, 20, tzinfo=UTC)  # 08:30:20 in Hanoi

INSTANTS = [
    # ISO 8601 and its relatives
    ("2024-03-05T08:52:10+07:00", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05T08:52:10 +07:00", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05 08:52:10 +0700", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05T08:52:10&#x2B;07:00", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05T08:52:10&#43;07:00", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05T08:52:10+07", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05T01:52:10Z", "2024-03-05T01:52:10+00:00", "second"),
    ("2024-03-05t01:52:10z", "2024-03-05T01:52:10+00:00", "second"),
    ("2024-03-05T01:52:10.123Z", "2024-03-05T01:52:10+00:00", "second"),
    ("2024-03-05T01:52:10,123456789Z", "2024-03-05T01:52:10+00:00", "second"),
    ("2024-03-05T08:52:10", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05 08:52:10", "2024-03-05T08:52:10+07:00", "second"),
    ("2024-03-05T08:52", "2024-03-05T08:52:00+07:00", "minute"),
    ("2024-03-05T08:52+07:00", "2024-03-05T08:52:00+07:00", "minute"),
    ("2024-03-04T20:52:10-05:00", "2024-03-04T20:52:10-05:00", "second"),
    ("2024-02-29T00:00:00+05:30", "2024-02-29T00:00:00+05:30", "second"),
    # the one shape with the month first
    ("3/24/2024 6:53:30 AM", "2024-03-24T06:53:30+07:00", "second"),
    ("3/4/2024 12:05:09 PM", "2024-03-04T12:05:09+07:00", "second"),
    ("3/4/2024 12:05:09 AM", "2024-03-04T00:05:09+07:00", "second"),
    ("24/3/2024 6:53:30 PM", "2024-03-24T18:53:30+07:00", "second"),
    # RFC 822 and what feeds and scripts make of it
    ("Tue, 05 Mar 2024 08:52:10 +0700", "2024-03-05T08:52:10+07:00", "second"),
    ("Tue, 5 Mar 2024 01:52:10 GMT", "2024-03-05T01:52:10+00:00", "second"),
    ("05 Mar 2024 01:52 UT", "2024-03-05T01:52:00+00:00", "minute"),
    ("Mon, 04 Mar 2024 20:52:10 EST", "2024-03-04T20:52:10-05:00", "second"),
    ("Tue, 05 Mar 2024 08:52:10 +0700 (ICT)", "2024-03-05T08:52:10+07:00", "second"),
    ("Tue Mar 05 2024 08:52:10 GMT+0700 (Indochina Time)", "2024-03-05T08:52:10+07:00", "second"),
    # day first, with a time on either side
    ("08:52 | 05/03/2024", "2024-03-05T08:52:00+07:00", "minute"),
    ("08:52 05/03/2024", "2024-03-05T08:52:00+07:00", "minute"),
    ("05/03/2024 08:52", "2024-03-05T08:52:00+07:00", "minute"),
    ("05/03/2024 - 08:52", "2024-03-05T08:52:00+07:00", "minute"),
    ("05/03/2024, 8:52", "2024-03-05T08:52:00+07:00", "minute"),
    ("05-03-2024 08:52:10", "2024-03-05T08:52:10+07:00", "second"),
    ("08:52 | 2024-03-05", "2024-03-05T08:52:00+07:00", "minute"),
    ("05.03.2024 08:52", "2024-03-05T08:52:00+07:00", "minute"),
    ("05/03/2024 08:06 GMT+7", "2024-03-05T08:06:00+07:00", "minute"),
    ("05/03/2024 08:06 (GMT+07:00)", "2024-03-05T08:06:00+07:00", "minute"),
    ("05/03/2024 01:06 UTC", "2024-03-05T01:06:00+00:00", "minute"),
    ("05/03/2024 08:06 +07:00", "2024-03-05T08:06:00+07:00", "minute"),
    ("Thứ Ba, 22/10/2024 | 10:15", "2024-10-22T10:15:00+07:00", "minute"),
    ("Thứ ba, 5/3/2024, 00:05 (GMT+7)", "2024-03-05T00:05:00+07:00", "minute"),
    ("Thứ 3, 05/03/2024 08:52", "2024-03-05T08:52:00+07:00", "minute"),
    ("Chủ Nhật, 03/03/2024 21:00", "2024-03-03T21:00:00+07:00", "minute"),
    ("8h52 ngày 5/3/2024", "2024-03-05T08:52:00+07:00", "minute"),
    ("8h52' ngày 5/3/2024", "2024-03-05T08:52:00+07:00", "minute"),
    ("8h52’, 5/3/2024", "2024-03-05T08:52:00+07:00", "minute"),
    ("8h5, 5/3/2024", "2024-03-05T08:05:00+07:00", "minute"),
    ("8h ngày 5/3/2024", "2024-03-05T08:00:00+07:00", "minute"),
    ("8 giờ 52 phút ngày 5/3/2024", "2024-03-05T08:52:00+07:00", "minute"),
    ("lúc 8 giờ 52 ngày 5 tháng 3 năm 2024", "2024-03-05T08:52:00+07:00", "minute"),
    ("05/03/2024 5:15 CH", "2024-03-05T17:15:00+07:00", "minute"),
    ("05/03/2024 9:15 SA", "2024-03-05T09:15:00+07:00", "minute"),
    ("05/03/2024 12:15 SA", "2024-03-05T00:15:00+07:00", "minute"),
    ("05/03/2024 12:15 CH", "2024-03-05T12:15:00+07:00", "minute"),
    ("05/03/2024 17:15 CH", "2024-03-05T17:15:00+07:00", "minute"),
    ("5h15 chiều ngày 5/3/2024", "2024-03-05T17:15:00+07:00", "minute"),
    ("Cập nhật: 05/03/2024 10:15", "2024-03-05T10:15:00+07:00", "minute"),
    ("Cập nhật lúc 10:15, 05/03/2024", "2024-03-05T10:15:00+07:00", "minute"),
    ("Ngày đăng: 05/03/2024 10:15", "2024-03-05T10:15:00+07:00", "minute"),
    # English
    ("Nov 21, 2026 10:15 PM IST", "2026-11-21T22:15:00+05:30", "minute"),
    ("21 November 2026 10:15 GMT+7", "2026-11-21T10:15:00+07:00", "minute"),
    ("Saturday, November 21, 2026 at 10:15 am", "2026-11-21T10:15:00+07:00", "minute"),
    ("Published: Nov. 21, 2026, 10:15 a.m.", "2026-11-21T10:15:00+07:00", "minute"),
    ("10:15 GMT, 21 November 2026", "2026-11-21T10:15:00+00:00", "minute"),
]

DAYS = [
    ("22/10/2024", "2024-10-22"),
    ("5/3/2024", "2024-03-05"),
    ("05.03.2024", "2024-03-05"),
    ("05-03-2024", "2024-03-05"),
    ("05 / 03 / 2024", "2024-03-05"),
    ("2024/03/05", "2024-03-05"),
    ("2024-03-05", "2024-03-05"),
    ("ngày 5/3/2024", "2024-03-05"),
    ("T3, 05/03/2024", "2024-03-05"),
    ("CN, 03/03/2024", "2024-03-03"),
    ("Thứ Năm, 7 tháng 3, 2024", "2024-03-07"),
    ("22 Th10 2024", "2024-10-22"),
    ("5 Th03, 2024", "2024-03-05"),
    ("Th10 22, 2024", "2024-10-22"),
    ("5 Tháng Ba, 2024", "2024-03-05"),
    ("Tháng Ba 5, 2024", "2024-03-05"),
    ("21 Tháng Mười Một, 2024", "2024-11-21"),
    ("Tháng mười hai 1, 2024", "2024-12-01"),
    ("10 Tháng Mười, 2024", "2024-10-10"),
    ("ngày 5 tháng 3 năm 2024", "2024-03-05"),
    ("ngày 05 tháng 03 năm 2024", "2024-03-05"),
    ("4 tháng Tư năm 2024", "2024-04-04"),
    ("Đăng ngày 05/03/2024", "2024-03-05"),
    ("\u200b 05/03/2024\xa0", "2024-03-05"),
    ("Nov 21, 2026", "2026-11-21"),
    ("November 21st, 2026", "2026-11-21"),
    ("21st of November 2026", "2026-11-21"),
    ("Sept 3, 2026", "2026-09-03"),
    ("3-Sep-2026", "2026-09-03"),
    ("May 3, 2026", "2026-05-03"),
    ("Last updated on June 20, 2024", "2024-06-20"),
]


@pytest.mark.parametrize(("text", "at", "precision"), INSTANTS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_instants(text: str, at: str, precision: str, form: str) -> None:
    moment = parse(unicodedata.normalize(form, text))
    assert moment is not None
    assert moment.at is not None
    assert (iso(moment.at), moment.precision) == (at, precision)
    assert moment.day == moment.at.astimezone(HANOI).date()


@pytest.mark.parametrize(("text", "day"), DAYS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_days(text: str, day: str, form: str) -> None:
    moment = parse(unicodedata.normalize(form, text))
    assert moment is not None
    assert (moment.at, moment.day.isoformat(), moment.precision) == (None, day, "day")


@pytest.mark.parametrize(
    "text",
    [
        *[None, "", " ", "\u200b", "hôm nào đó", "10:15", "5:15 CH", "hôm qua", "2 giờ trước"],
        # days and times that do not exist
        *[
            "31/02/2024",
            "30/2/2024",
            "29/02/2023",
            "2024-02-30",
            "32/01/2024",
            "00/01/2024",
            "01/00/2024",
            "22/13/2024",
        ],
        *[
            "2024-13-01",
            "2024-00-10",
            "13/13/2024 6:53:30 AM",
            "05/03/2024 25:10",
            "05/03/2024 10:61",
            "05/03/2024 17:15 SA",
        ],
        *["2024-03-05T24:00:00Z", "2024-03-05T10:15:60Z", "2024-03-05T10:15:00+19:00", "2024-03-05T10:15:00+07:75"],
        # day or year missing, or more than one reading
        *["10/2024", "22/10", "22/10/24", "tháng 3 năm 2024", "March 2024", "1/2/3/2024", "20241022", "1729567890"],
        *["10:15 - 11:30 05/03/2024", "05/03/2024 10:15, cập nhật 06/03/2024 11:00", "05/03-2024", "05/03/20245"],
        # sentences with dates in them
        *[
            "Nghị định 15/2020/NĐ-CP ngày 3/2/2020",
            "Giấy phép số 12/GP-BTTTT cấp ngày 05/03/2024",
            "Việt Nam 05/03/2024",
        ],
        *["10:15 05/03/2024 XYZ", "10:15 ICT 05/03/2024 XYZ", "10:15 05/03/2024 +99:00", "x" * 200],
        # placeholders
        *["0001-01-01T00:00:00", "1970-01-01T00:00:00Z", "01/01/1970 07:00", "0000-00-00 00:00:00", "05/03/2567"],
    ],
)
def test_not_read(text: str | None) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "at", "day", "precision"),
    [
        ("15 phút trước", "2024-03-06T08:15:20+07:00", "2024-03-06", "minute"),
        ("2 giờ trước", "2024-03-06T06:30:20+07:00", "2024-03-06", "guess"),
        ("khoảng 9 tiếng trước", "2024-03-05T23:30:20+07:00", "2024-03-05", "guess"),
        ("3 ngày trước", None, "2024-03-03", "guess"),
        ("một tuần trước", None, "2024-02-28", "guess"),
        ("2 hours ago", "2024-03-06T06:30:20+07:00", "2024-03-06", "guess"),
        ("an hour ago", "2024-03-06T07:30:20+07:00", "2024-03-06", "guess"),
        ("Cập nhật 15 phút trước", "2024-03-06T08:15:20+07:00", "2024-03-06", "minute"),
        ("hôm nay", None, "2024-03-06", "day"),
        ("Hôm qua", None, "2024-03-05", "day"),
        ("hôm kia", None, "2024-03-04", "day"),
        ("Hôm qua, 10:15", "2024-03-05T10:15:00+07:00", "2024-03-05", "minute"),
        ("yesterday at 5:15 pm", "2024-03-05T17:15:00+07:00", "2024-03-05", "minute"),
        ("7:15 SA", "2024-03-06T07:15:00+07:00", "2024-03-06", "minute"),
        ("5:15 CH", "2024-03-05T17:15:00+07:00", "2024-03-05", "minute"),  # later than now: it was yesterday
    ],
)
def test_relative_to_the_capture(text: str, at: str | None, day: str, precision: str) -> None:
    moment = parse(text, NOW)
    assert moment is not None
    assert (moment.at and iso(moment.at), moment.day.isoformat(), moment.precision) == (at, day, precision)


def test_the_future_is_refused() -> None:
    assert parse("07/03/2024", NOW)
    assert parse("2024-03-07T01:30:00Z", NOW)
    assert parse("2024-03-07T01:31:00Z", NOW) is None
    assert parse("08/03/2024", NOW) is None
    assert parse("08/03/2024")


def test_day_is_that_of_hanoi() -> None:
    five_past_midnight = parse("2024-03-04T17:05:00Z")
    assert five_past_midnight is not None
    assert five_past_midnight.day == date(2024, 3, 5)


def test_text_is_kept_as_printed() -> None:
    moment = parse(" Thứ Ba,\n 22/10/2024 |\xa010:15 ")
    assert moment is not None
    assert moment.text == "Thứ Ba, 22/10/2024 | 10:15"


def test_zone_of_another_place() -> None:
    moment = parse("05/03/2024 08:52", zone=timezone(timedelta(hours=5, minutes=30)))
    assert moment is not None
    assert moment.at == datetime(2024, 3, 5, 3, 22, tzinfo=UTC)


OFFSETS = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31), timezones=OFFSETS).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)


@given(TIMES)
def test_what_iso_writes_is_read_again(at: datetime) -> None:
    for written in (iso(at), iso(at).replace("T", " "), utc_text(at), at.isoformat(timespec="milliseconds")):
        moment = parse(written)
        assert moment is not None
        assert moment.at == at
        assert moment.precision == "second"


@given(
    TIMES,
    st.sampled_from(["%H:%M | %d/%m/%Y", "%d-%m-%Y, %H:%M", "%Hh%M ngày %d tháng %m năm %Y", "%d/%m/%Y %I:%M %p"]),
)
def test_printed_shapes_read_back(at: datetime, shape: str) -> None:
    at = at.astimezone(HANOI).replace(second=0)
    moment = parse(at.strftime(shape))
    assert moment is not None
    assert moment.at == at


@given(st.text(max_size=60), st.none() | st.just(NOW))
def test_never_raises(text: str, now: datetime | None) -> None:
    parse(text, now)


@given(st.text(st.sampled_from("0123456789/:-+ .,|hTZngaythuậ()APMSACH"), max_size=30))
def test_reads_nothing_impossible(text: str) -> None:
    moment = parse(text, NOW)
    if moment is not None:
        assert 1900 <= moment.day.year <= 2024
        assert moment.at is None or moment.at <= NOW + timedelta(days=1)


@pytest.mark.parametrize("function", [utc_text, iso])
def test_naive_datetimes_are_refused(function: object) -> None:
    with pytest.raises(ValueError, match="naive"):
        function(datetime(2024, 3, 5))  # type: ignore[operator]  # noqa: DTZ001


def test_utc_text() -> None:
    assert utc_text(datetime(2026, 11, 21, 0, 5, 7, 999, tzinfo=HANOI)) == "2026-11-20T17:05:07Z"


@pytest.mark.parametrize(
    ("text", "at", "day", "precision"),
    [
        ("05/03/2024 08:52", "2024-03-05T08:52:00+07:00", "2024-03-05", "minute"),  # the strict parser comes first
        ("05/03/24", None, "2024-03-05", "guess"),
        ("05/03/24 08:52", "2024-03-05T08:52:00+07:00", "2024-03-05", "guess"),
    ],
)
def test_loose(text: str, at: str | None, day: str, precision: str) -> None:
    moment = parse_loose(text, NOW)
    assert moment is not None
    assert (moment.at and iso(moment.at), moment.day.isoformat(), moment.precision) == (at, day, precision)


@pytest.mark.parametrize("text", [None, "", "31/02/2024", "năm ngoái", "không có ngày nào", "5 tháng 3", "05/03/25"])
def test_not_even_guessed(text: str | None) -> None:
    assert parse_loose(text, NOW) is None


def test_dateparser_is_imported_at_first_use() -> None:
    code = "import sys, crawler.dates as d; d.parse('05/03/2024'); sys.exit('dateparser' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
