"""Rows through ``-o``: the same bytes as in articles/, and trouble that is not lost."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest
from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.misc import build_from_crawler, load_object

from crawler import settings as project
from crawler.exporter import TROUBLE, JsonLinesExporter
from crawler.items import Article
from crawler.serialize import to_line


@pytest.fixture
def crawler() -> Crawler:
    crawler = Crawler(Spider, Settings())
    crawler.stats = MemoryStatsCollector(crawler)
    return crawler


# As Scrapy's FeedSlot makes exporters.
OPTIONS = {"fields_to_export": ["title"], "encoding": "utf-8", "indent": 2}
ROWS = [Article(title="Mưa\u2028lớn"), Article(title="Nắng\x85", body="một\ud800"), Article()]


@pytest.mark.parametrize("format_", ["jsonlines", "jsonl", "jl"])
def test_rows_are_those_of_the_archive(crawler: Crawler, format_: str) -> None:
    file = io.BytesIO()
    exporter = build_from_crawler(load_object(project.FEED_EXPORTERS[format_]), crawler, file, **OPTIONS)
    exporter.start_exporting()
    for row in ROWS:
        exporter.export_item(row)
    exporter.finish_exporting()
    assert file.getvalue() == b"".join(map(to_line, ROWS))
    assert len(file.getvalue().decode().splitlines()) == 3
    assert crawler.stats.get_value(TROUBLE) is None


def test_each_row_is_out_at_once(crawler: Crawler, tmp_path: Path) -> None:
    with (tmp_path / "rows.jsonl").open("wb") as file:
        JsonLinesExporter.from_crawler(crawler, file).export_item(ROWS[0])
        assert (tmp_path / "rows.jsonl").read_bytes() == to_line(ROWS[0])


def test_a_full_disk_is_noted_once(crawler: Crawler, caplog: pytest.LogCaptureFixture) -> None:
    with open("/dev/full", "wb", buffering=0) as full, caplog.at_level(logging.ERROR):  # noqa: PTH123  a device
        exporter = JsonLinesExporter.from_crawler(crawler, full)
        for row in ROWS:
            exporter.export_item(row)
    assert crawler.stats.get_value(TROUBLE) == "/dev/full: No space left on device"
    assert len(caplog.records) == 1
