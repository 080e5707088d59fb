"""The progress line and the summary, from literal stats; the live line in a real terminal."""

from __future__ import annotations

import io
import logging
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from crawler.progress import Progress, Rate
from crawler.summary import size, summary_lines

STATS: dict[str, Any] = {
    "capture/count": 1234,
    "capture/bytes": 12_345_678,
    "capture/status/200": 1200,
    "capture/status/404": 30,
    "capture/status/301": 30,
    "store/rows": 311,
    "store/files": ["warc/paper/a.warc.gz", "articles/paper/a.jsonl"],
    "items/dropped/no_body": 2,
    "refused/robots": 5,
    "failed/timeout": 3,
    "failed/http_404": 30,
    "events/gone": 2,
    "events/changed": 5,
    "robots/forbidden": 5,
    "frontier/left": 1750,
    "finish_reason": "max_articles",
    "elapsed_time_seconds": 61.4,
    "response_received_count": 99999,  # Scrapy's own counts are not what the archive holds
    "item_scraped_count": 99999,
}


def test_summary() -> None:
    assert summary_lines(STATS) == [
        "Ended (max_articles) after 61 s: 1,234 captures, 12.3 MB, 311 rows",
        "Answers by status: 200 1,200, 301 30, 404 30",
        "Failed: http_404 30, timeout 3",
        "Refused: robots 5",
        "Dropped: no_body 2",
        "Articles: changed 5, gone 2",
        "Forbidden by robots.txt: 5",
        "Written: warc/paper/a.warc.gz",
        "Written: articles/paper/a.jsonl",
        "Left in the frontier: 1,750; the same command goes on",
    ]


def test_summary_of_nothing() -> None:
    assert summary_lines({"finish_reason": "finished"}) == ["Ended (finished) after 0 s: 0 captures, 0 B, 0 rows"]


def test_summary_of_one() -> None:
    stats = {"capture/count": 1, "capture/bytes": 1000, "store/rows": 1}
    assert summary_lines(stats) == ["Ended (broken off) after 0 s: 1 capture, 1.0 kB, 1 row"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_940, "999.9 kB"), (999_960, "1.0 MB"), (5e15, "5000.0 TB")],
)
def test_size(count: float, text: str) -> None:
    assert size(count) == text


def test_rate_is_that_of_the_last_seconds() -> None:
    time = 0.0
    rate = Rate(clock=lambda: time)
    assert rate.of(0) == 0.0
    time = 5.0
    assert rate.of(50) == 10.0
    for time in range(6, 30):  # noqa: B007  the clock reads it
        stalled = rate.of(50)
    assert stalled == 0.0


def test_progress_line() -> None:
    progress = Progress(lambda: STATS, terminal=False, queue=lambda: 5)
    line = progress.line()
    assert line.startswith("1,234 pages, 311 articles, 1,750 in the frontier, ")
    assert line.endswith(" pages/s, 12.3 MB, 33 failed")


def test_plain_log_lines_without_a_terminal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Progress(lambda: STATS, terminal=False, queue=lambda: 5).tick()
    assert "1,234 pages" in caplog.text


IN_A_TERMINAL = """
import logging, sys
from scrapy.settings import Settings
from scrapy.utils.log import configure_logging, get_scrapy_root_handler
from crawler.progress import Progress
configure_logging(Settings({"LOG_FORMAT": "%(message)s"}))
log = logging.getLogger("a")
progress = Progress(lambda: {"capture/count": 7}, terminal=sys.stderr.isatty(), queue=lambda: 5)
progress.tick()
log.info("bài [red]thứ nhất[/red] " + "x" * 100)
progress.tick()
progress.spider_closed(None)
log.info("after")
assert get_scrapy_root_handler().stream is sys.stderr
"""


def test_log_runs_above_the_live_line() -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "60", "LINES": "20"}
    done = subprocess.run([sys.executable, "-c", IN_A_TERMINAL], stderr=theirs, env=environment, timeout=60, check=True)
    os.close(theirs)
    output = io.BytesIO()
    try:
        while piece := os.read(ours, 65536):
            output.write(piece)
    except OSError:
        pass  # Linux reports the closed end this way
    os.close(ours)
    text = output.getvalue().decode()
    assert done.returncode == 0
    assert "bài [red]thứ nhất[/red] " + "x" * 100 + "\r\n" in text
    assert text.count("7 pages, 0 articles") >= 3
    before, _, after = text.partition("xxx\r\n")
    assert "7 pages" in before  # drawn, then wiped and drawn again below the log line
    assert "\x1b[2K" in before
    assert "7 pages" in after
    assert text.endswith("after\r\n")
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back
