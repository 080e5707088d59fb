"""The log: whatever a page, a server or a file's name says, a record is one line, and only records begin a line."""

from __future__ import annotations

import io
import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.settings import Settings

from crawler import settings as project_settings
from crawler.loglines import PlainRecord
from crawler.runlog import RunLog
from tests.test_warc_shown import TEXT, obeyed

FORMAT = project_settings.LOG_FORMAT
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d{3})? [A-Z]+ [\w.]+: ")


def record(name: str, message: str, *values: object, failed: BaseException | None = None) -> PlainRecord:
    info = (type(failed), failed, failed.__traceback__) if failed is not None else None
    return PlainRecord(name, logging.ERROR, __file__, 1, message, values, info)


@settings(deadline=None)
@given(st.sampled_from(["crawler.archive", "scrapy.core.engine"]), TEXT, TEXT)
def test_a_record_is_one_line_whatever_its_values_are(name: str, url: str, reason: str) -> None:
    text = logging.Formatter(FORMAT).format(record(name, "timeout: %s (%s)", url, reason))
    assert obeyed(text) == []


@settings(deadline=None)
@given(TEXT)
def test_further_lines_of_stack_traces_and_tables_are_indented(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        failed = record("crawler.spider", "It failed on %s", text, failed=error)
    for one in (failed, record("scrapy.statscollectors", f"Dumping Scrapy stats:\n{text}")):
        first, *others = logging.Formatter(FORMAT).format(one).split("\n")
        assert RECORD.match(first)
        assert all(line.startswith("    ") for line in others)
        assert obeyed(first + "".join(others)) == []


@settings(deadline=None)
@given(TEXT)
def test_the_archives_copy_is_written_so_too(text: str) -> None:
    settings = Settings({"LOG_LEVEL": "INFO", "LOG_FORMAT": FORMAT})
    copy, out = RunLog(settings), io.BytesIO()
    copy.carry(lambda lines: out.write(lines) and None)
    copy.emit(record("crawler.archive", "%s", text))
    assert out.getvalue().count(b"\n") == 1
    assert obeyed(out.getvalue().decode().removesuffix("\n")) == []


def test_every_logger_makes_such_records(monkeypatch: pytest.MonkeyPatch) -> None:
    import crawler.commands  # noqa: F401 - what scrapy imports before it runs any command

    out = io.StringIO()
    handler = logging.StreamHandler(out)
    foreign = logging.getLogger("somebody.else")
    foreign.addHandler(handler)
    try:
        foreign.error("tin %s", "\x1b[2J\r\n2026-11-22 10:00:00 ERROR forged")
    finally:
        foreign.removeHandler(handler)
    assert out.getvalue() == "tin \\x1b[2J\\r\\n2026-11-22 10:00:00 ERROR forged\n"
