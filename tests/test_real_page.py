"""A page that nobody here wrote, served under its own address and crawled by the real command.

The folder of saved pages is named by the environment variable REAL_PAGES; they belong to their publishers and are not
part of this project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crawler.rowcheck import ledger_free
from tests.conftest import ROOT, proxy_variables, without_network_settings
from tests.replica.server import Answer, Request, running
from tests.test_crawler_replay import response, write_warc
from tests.truth import rows_of

PAGE = "baoquocte.vn__galatasaray-363297.html"
PATH = "/galatasaray-lan-dau-lot-vong-18-uefa-champions-league-sau-12-nam-363297.html"
URL = f"https://baoquocte.vn{PATH}"

pytestmark = pytest.mark.skipif("REAL_PAGES" not in os.environ, reason="REAL_PAGES names no folder of saved pages")


class OnePage:
    """baoquocte.vn with nothing but this page on it."""

    hosts = ("baoquocte.vn",)

    def __init__(self) -> None:
        self.body = Path(os.environ["REAL_PAGES"], PAGE).read_bytes()

    def respond(self, request: Request) -> Answer:
        if request.target == PATH:
            return Answer(200, "OK", [("Content-Type", "text/html; charset=UTF-8")], self.body, gzip=True)
        return Answer(404, "Not Found", [("Content-Type", "text/plain")], b"")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """The crawl's row, what probe prints, and the archive."""
    archive = tmp_path_factory.mktemp("real")
    scrapy = [sys.executable, "-m", "scrapy"]
    settings = ["-s", "CONTACT=test@example.org", "-s", "HOST_DELAY=0"]
    with running([OnePage()]) as proxy:
        env = {**without_network_settings(), **proxy_variables(proxy.proxy_url, proxy.ca_file)}
        command = [*scrapy, "crawl", "baoquocte", "-a", f"seeds={URL}", "-a", "max_articles=1"]
        command += ["-s", f"ARCHIVE_DIR={archive}", *settings]
        crawl = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert crawl.returncode in (0, 11), crawl.stderr
        command = [*scrapy, "probe", URL, "--json", *settings]
        probe = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert probe.returncode == 0, probe.stderr
    (row,) = rows_of(archive)
    return row, json.loads(probe.stdout), archive


def test_the_row(answers: tuple[dict[str, Any], dict[str, Any], Path]) -> None:
    row = answers[0]
    assert row["id"] == "baoquocte.vn:363297"
    assert row["title"].startswith("Galatasaray")
    assert row["sapo"]
    paragraphs = [block for block in row["blocks"] if block["type"] == "paragraph"]
    assert len(paragraphs) == 5  # the page has six p; the last one holds nothing but a no-break space
    assert row["body"] == "\n\n".join(block["text"] for block in paragraphs)
    assert [crumb["name"] for crumb in row["breadcrumbs"]] == ["Thể thao", "Cup C1"]
    assert len(row["tags"]) == 4
    assert row["published_at"] == "2026-02-26T08:01:12+07:00"
    (image,) = row["images"]
    assert image["caption"]
    assert row["authors"] == []
    assert row["url"] == URL


def test_no_text_of_a_box_or_caption_is_in_the_body(answers: tuple[dict[str, Any], dict[str, Any], Path]) -> None:
    row = answers[0]
    related = [link["text"] for link in row["links"] if link["kind"] == "related"]
    assert len(related) >= 3
    for text in [*related, row["images"][0]["caption"]]:
        assert text not in row["body"]


def test_probe_lists_the_links(answers: tuple[dict[str, Any], dict[str, Any], Path]) -> None:
    probe = answers[1]
    assert len(probe["links"]["related"]) >= 3
    assert len(probe["links"]["most_viewed"]) == 5
    assert probe["row"]["title"] == answers[0]["title"]
    assert probe["sources"]["title"]


def test_extract_from_the_archive_gives_the_same_row(
    answers: tuple[dict[str, Any], dict[str, Any], Path], tmp_path: Path
) -> None:
    row, _, archive = answers
    command = [sys.executable, "-m", "scrapy", "extract", str(archive), "-o", str(tmp_path / "rows.jsonl")]
    command += ["-s", f"ARCHIVE_DIR={archive}"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60, capture_output=True)
    (again,) = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    assert ledger_free(again) == ledger_free(row)
    assert (again["run"], again["found_by"]) == (row["run"], row["found_by"])


def test_extract_of_the_page_in_another_programs_warc_gives_the_same_row(
    answers: tuple[dict[str, Any], dict[str, Any], Path], tmp_path: Path
) -> None:
    row, body = answers[0], OnePage().body
    write_warc(tmp_path / "a.warc.gz", response(body, url=URL, **{"WARC-Date": row["captured_at"]}))
    command = [sys.executable, "-m", "scrapy", "extract", str(tmp_path / "a.warc.gz"), "-o", str(tmp_path / "rows")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60, capture_output=True)
    (again,) = [json.loads(line) for line in (tmp_path / "rows").read_text("utf-8").splitlines()]
    is_, should = ({**ledger_free(found), "warc": None, "row_id": None} for found in (again, row))
    assert is_ == should
