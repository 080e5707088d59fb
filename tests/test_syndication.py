"""A copy that is archived before its original: told once by the copy's spider, whatever kills it, and found again by
``scrapy rebuild``; the copy's next version has it in its row.
"""

# ruff: noqa: E501 - markup stands in lines

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from crawler import crash
from tests.conftest import ROOT, Crawl, Crawler, ReplicaProcess
from tests.replica.language import Writer
from tests.replica.server import Answer, Request, running
from tests.truth import rows_of

pytestmark = pytest.mark.slow

ORIGINAL = "https://baoquocte.vn/mua-nuoc-noi-ve-som-412345.html"
COPY, ENGLISH = (f"https://www.vietnam.vn{edition}/mua-nuoc-noi-ve-som-tren-dong" for edition in ("", "/en"))
HTML = [("Content-Type", "text/html; charset=utf-8")]
TITLE = "Mùa nước nổi về sớm trên đồng"
IDS = {"vietnam.vn:vi:mua-nuoc-noi-ve-som-tren-dong", "vietnam.vn:en:mua-nuoc-noi-ve-som-tren-dong"}
LINKS = "SELECT article_id, source_id, how, found_at, run FROM sources ORDER BY article_id"


def story() -> list[str]:
    writer = Writer(Random("syndication"), "xa-hoi")
    return [writer.paragraph(4) for _ in range(7)]


def page(url: str, paragraphs: list[str]) -> str:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    if url == ORIGINAL:
        data = {"@type": "NewsArticle", "headline": TITLE, "datePublished": "2026-11-18T08:00:00+07:00"}
        data["publisher"] = {"@type": "Organization", "name": "Báo Thế giới và Việt Nam"}  # type: ignore[assignment]
        return (
            f'<html lang="vi"><head><title>{TITLE}</title><script type="application/ld+json">{json.dumps(data)}</script>'
            f'</head><body><h1 class="article-detail-title">{TITLE}</h1><div itemprop="articleBody">{text}</div></body></html>'
        )
    return (
        f'<html><head><title>{TITLE}</title></head><body><main role="main"><h1>{TITLE}</h1>'
        f'<p>Báo Thế giới và Việt Nam 19/11/2026</p><div class="post-detail-body">{text}</div></main></body></html>'
    )


@dataclass
class Papers:
    """Both sites; ``pages`` by address."""

    hosts: tuple[str, ...] = ("baoquocte.vn", "www.vietnam.vn")
    pages: dict[str, str] = field(default_factory=dict)

    def respond(self, request: Request) -> Answer:
        if request.target == "/robots.txt":
            return Answer(200, "OK", [("Content-Type", "text/plain")], b"User-agent: *\nAllow: /\n")
        text = self.pages.get(request.url)
        return Answer(200, "OK", HTML, text.encode()) if text else Answer(404, "Not Found", HTML, b"<title>404</title>")


@dataclass
class Desk:
    papers: Papers
    crawler: Crawler

    def crawl(self, spider: str, archive: Path, step: str | None = None, *more: str) -> Crawl:
        seeds = {"baoquocte": ORIGINAL, "vietnamvn": f"{COPY},{ENGLISH}"}[spider]
        languages = ["-a", "languages=vi,en"] if spider == "vietnamvn" else []
        env = {crash.VARIABLE: step} if step else None
        return self.crawler(spider, "-a", f"seeds={seeds}", *languages, *more, archive=archive, env=env)


@contextmanager
def desk_at(folders: pytest.TempPathFactory) -> Iterator[Desk]:
    papers, log = Papers(), folders.mktemp("papers") / "requests.jsonl"
    paragraphs = story()
    papers.pages = {
        ORIGINAL: page(ORIGINAL, paragraphs),
        COPY: page(COPY, paragraphs[:3] + paragraphs[4:]),
        ENGLISH: page(ENGLISH, ["The river rose early this year, and boats went to the market before dawn. " * 3] * 5),
    }
    with running([papers], log=log) as replica:
        yield Desk(papers, Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), folders))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_at(tmp_path_factory) as desk:
        yield desk


@pytest.fixture(scope="module")
def unlinked(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive in which copies and original stand, and no run of the copies' spider came after."""
    archive = tmp_path_factory.mktemp("unlinked") / "archive"
    assert desk.crawl("vietnamvn", archive).status == 0
    assert [row["source"]["id"] for row in rows_of(archive)] == [None, None]
    assert desk.crawl("baoquocte", archive).status == 0
    assert told(archive) == []
    return archive


def told(archive: Path) -> list[dict[str, Any]]:
    """The lines of ``events/`` that tell a source."""
    files = sorted((archive / "events").rglob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return [line for line in lines if line["kind"] == "source"]


def links(archive: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(archive / "ledger.sqlite") as db:
        return db.execute(LINKS).fetchall()


def scrapy(archive: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "scrapy", *arguments, "-s", f"ARCHIVE_DIR={archive}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


@pytest.mark.parametrize(
    "step", [None, "row:1", "fsync:1", "commit:1", "commit:2", "committed:1", "committed:2", "close:1"]
)
def test_a_late_source_is_told_once(step: str | None, desk: Desk, unlinked: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(unlinked, archive)
    if step is not None:
        assert desk.crawl("vietnamvn", archive, step).status == -signal.SIGKILL
    for _ in range(2):
        assert desk.crawl("vietnamvn", archive).status == 0
        events = told(archive)
        assert {event["id"] for event in events} == IDS
        assert len(events) == len(IDS)
        assert {event["url"] for event in events} == {ORIGINAL}
    assert [link[:3] for link in links(archive)] == [
        ("vietnam.vn:en:mua-nuoc-noi-ve-som-tren-dong", "baoquocte.vn:412345", "edition"),
        ("vietnam.vn:vi:mua-nuoc-noi-ve-som-tren-dong", "baoquocte.vn:412345", "text"),
    ]
    original = next(row for row in rows_of(archive) if row["url"] == ORIGINAL)
    assert {event["record_id"] for event in events} == {original["warc"]["record_id"]}
    assert scrapy(archive, "verify").startswith("sound: ")


def test_a_rebuild_knows_it_again_and_the_next_version_has_it(
    desk: Desk, unlinked: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(unlinked, archive)
    assert desk.crawl("vietnamvn", archive).status == 0
    before = links(archive)
    for file in archive.glob("ledger.sqlite*"):
        file.unlink()
    scrapy(archive, "rebuild")
    assert links(archive) == before
    with desk_at(tmp_path_factory) as later:
        later.papers.pages[COPY] = page(COPY, ["Tin mới: nước đã rút." * 3, *story()[:2]])
        assert later.crawl("vietnamvn", archive, None, "-a", "recrawl=all").status == 0
    assert len(told(archive)) == len(IDS)
    second = next(row for row in rows_of(archive) if row["version"] == 2)
    assert second["source"]["id"] == "baoquocte.vn:412345"
    assert {"field": "source.id", "source": "text"} in second["extraction"]["sources"]
    assert "taken from baoquocte.vn:412345, known by its text" in scrapy(archive, "history", COPY)
    assert "taken by vietnam.vn:en:mua-nuoc-noi-ve-som-tren-dong" in scrapy(archive, "history", ORIGINAL)
    assert scrapy(archive, "verify").startswith("sound: ")  # the row is proven without what the archive added


def test_a_rebuild_leaves_what_was_not_told_to_the_next_run(desk: Desk, unlinked: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(unlinked, archive)
    for file in archive.glob("ledger.sqlite*"):
        file.unlink()
    scrapy(archive, "rebuild")
    assert links(archive) == []
    assert desk.crawl("vietnamvn", archive).status == 0
    assert {event["id"] for event in told(archive)} == IDS
