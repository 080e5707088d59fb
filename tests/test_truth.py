"""The whole replica, crawled by the real command, against the truth that it knows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crawler.rowcheck import ledger_free
from tests.conftest import Crawl, Crawler, ReplicaProcess
from tests.truth import compare, reachable, rows_of, with_late_sources, with_sources
from warc.reader import read_at
from warc.verify import verify

pytestmark = pytest.mark.slow

EVERYTHING = "article,related,next_page,tag,category,topic,sitemap,feed"
SITES = {"baoquocte": "baoquocte.vn", "vietnamvn": "vietnam.vn"}


@pytest.fixture(scope="module")
def asked_before(replica_process: ReplicaProcess) -> int:
    """How much other tests have asked of the same replica."""
    return len(replica_process.requests())


@pytest.fixture(scope="module")
def crawls(crawl: Crawler, asked_before: int) -> dict[str, Crawl]:
    """Both sites in one archive, every channel open."""
    archive = crawl.new_archive()
    given = ("since=2016-01-01", "languages=vi,en", f"follow={EVERYTHING}", "related_depth=9")
    arguments = [part for argument in given for part in ("-a", argument)]
    return {spider: crawl(spider, *arguments, archive=archive, timeout=300) for spider in SITES}


@pytest.mark.parametrize("spider", SITES)
def test_every_reachable_article_has_its_row(
    spider: str, crawls: dict[str, Crawl], replica_process: ReplicaProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    crawl = crawls[spider]
    assert crawl.status == 0, crawl.stderr[-3000:]
    site = SITES[spider]
    rows = [row for row in rows_of(crawl.archive) if row["site"] == site]
    expected = reachable(replica_process.truth["sites"][site]["articles"], ("vi", "en"))
    found = compare(with_late_sources(rows, crawl.archive), with_sources(expected))
    with capsys.disabled():
        sys.stdout.write(f"\n{site}\n{found.table()}\n")
    assert found


def test_one_article_is_fetched_once(
    crawls: dict[str, Crawl], replica_process: ReplicaProcess, asked_before: int
) -> None:
    asked = replica_process.requests()[asked_before:]
    pages = [entry["url"] for entry in asked if entry["url"].endswith(".html")]
    assert len(pages) > 100
    assert len(pages) == len(set(pages))


def test_every_row_names_its_record(crawls: dict[str, Crawl]) -> None:
    archive = crawls["baoquocte"].archive
    for row in rows_of(archive):
        warc = row["warc"]
        record = read_at(archive / warc["file"], warc["offset"])
        assert (record.record_id, record.length) == (warc["record_id"], warc["length"])
        assert record.get("WARC-Payload-Digest") == warc["payload_digest"]
        assert record.target_uri == warc["target_uri"]
        assert row["captured_at"] == record.date or warc["revisit_id"]


def test_every_file_is_sound(crawls: dict[str, Crawl]) -> None:
    archive = crawls["baoquocte"].archive
    files = sorted(archive.rglob("*.warc.gz"))
    assert files
    for file in files:
        report = verify(file)
        assert report, report.faults[:5]
        for check in ("warcio.cli", "fastwarc.cli"):
            run = subprocess.run([sys.executable, "-m", check, "check", str(file)], capture_output=True, check=False)
            assert run.returncode == 0, run.stdout[-2000:]


def test_nothing_that_robots_closes_was_asked(crawls: dict[str, Crawl], replica_process: ReplicaProcess) -> None:
    asked = {entry["url"] for entry in replica_process.requests()}
    for site in SITES.values():
        assert not asked & set(replica_process.truth["sites"][site]["robots_closed"])


def test_extract_gives_the_same_rows(crawls: dict[str, Crawl], tmp_path: Path) -> None:
    archive = crawls["baoquocte"].archive
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, "-m", "scrapy", "extract", str(archive), "-o", str(out), "-s", f"ARCHIVE_DIR={archive}"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    again = {visit_of(row): row for row in map(json.loads, out.read_text("utf-8").splitlines())}
    live = {visit_of(row): row for row in rows_of(archive)}
    assert len(live) > 500
    assert not set(live) - set(again)
    assert {row["id"] for row in again.values()} == {row["id"] for row in live.values()}
    for visit, row in live.items():
        assert ledger_free(again[visit]) == ledger_free(row)
        assert [again[visit][key] for key in ("run", "found_by")] == [row[key] for key in ("run", "found_by")]


def visit_of(row: dict[str, Any]) -> str:
    return str(row["warc"]["revisit_id"] or row["warc"]["record_id"])
