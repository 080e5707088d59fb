"""A paper that changes between two crawls: every page is set by hand, and the spider of baoquocte.vn reads it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.conftest import Crawl, Crawler, ReplicaProcess
from tests.replica.server import Answer, Replica, Request, running

HOME = "https://baoquocte.vn"
LIST = f"{HOME}/van-hoa"
HTML = ("Content-Type", "text/html; charset=utf-8")


@dataclass
class ChangingPaper:
    """``pages`` by address; what is not there is answered by 404."""

    hosts: tuple[str, ...] = ("baoquocte.vn",)
    pages: dict[str, Answer] = field(default_factory=dict)
    closed: str = "/dong/"  # by robots.txt
    robots: list[int] = field(default_factory=list)  # statuses that robots.txt has first
    robots_wait: float = 0.0  # seconds

    def respond(self, request: Request) -> Answer:
        if request.target == "/robots.txt":
            sleep(self.robots_wait)
            if self.robots:
                return Answer(self.robots.pop(0), "No", [HTML], b"")
            return Answer(
                200, "OK", [("Content-Type", "text/plain")], f"User-agent: *\nDisallow: {self.closed}\n".encode()
            )
        return self.pages.get(request.url) or Answer(404, "Not Found", [HTML], b"<title>404</title>")

    def put(self, url: str, text: str, etag: str | None = None, status: int = 200) -> None:
        tags = [("ETag", f'"{etag}"')] if etag else []
        self.pages[url] = Answer(status, "OK", [HTML, *tags], text.encode())

    def redirect(self, url: str, to: str) -> None:
        self.pages[url] = Answer(301, "Moved Permanently", [HTML, ("Location", to)], b"")


def address(number: int, slug: str = "chuyen-lang-chai") -> str:
    return f"{HOME}/{slug}-{number}.html"


def article(number: int, text: str = "Thuyền về bến khi trời còn tối.", title: str | None = None) -> str:
    """An article of the site, of a day long ago, in one paragraph."""
    title = title or f"Chuyện làng chài, kỳ {number}"
    data = {"@type": "NewsArticle", "headline": title, "datePublished": "2016-03-05T08:00:00+07:00"}
    body = f'<div itemprop="articleBody"><p>{text}</p></div>' if text else ""
    return (
        f'<html lang="vi"><head><title>{title}</title><meta property="og:title" content="{title}">'
        f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script></head>'
        f'<body><h1 class="article-detail-title">{title}</h1>{body}</body></html>'
    )


def listing(urls: Sequence[str]) -> str:
    links = "".join(f'<li><a href="{url}">Bài {n}</a></li>' for n, url in enumerate(urls))
    return f"<html><head><title>Văn hóa</title></head><body><h2>Văn hóa</h2><ul>{links}</ul></body></html>"


@dataclass
class Press:
    """The paper behind a proxy, and crawls of it into one archive."""

    paper: ChangingPaper
    replica: Replica
    crawler: Crawler
    archive: Path

    def crawl(self, *arguments: str, settings: dict[str, str] | None = None) -> Crawl:
        """Run the crawl of the paper's one list."""
        command = ("baoquocte", "-a", f"seeds={LIST}", *arguments)
        run = self.crawler(*command, archive=self.archive, settings=settings)
        assert run.status in (0, 11), run.stderr[-3000:]
        return run

    def asked(self, since: int = 0) -> dict[str, list[dict[str, str]]]:
        """Headers of the requests for each page, in lower case, in this part of the log."""
        found: dict[str, list[dict[str, str]]] = {}
        for entry in self.replica.requests[since:]:
            if not entry.url.endswith("/robots.txt"):
                found.setdefault(entry.url, []).append({name.lower(): value for name, value in entry.headers})
        return found

    def lines(self, folder: str) -> list[dict[str, Any]]:
        """Every line of ``articles``, ``events`` …, in the order of the runs."""
        files = sorted((self.archive / folder).rglob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger."""
        with sqlite3.connect(self.archive / "ledger.sqlite") as db:
            return db.execute(query).fetchall()


@contextmanager
def printing(folders: pytest.TempPathFactory) -> Iterator[Press]:
    """An empty paper, served for as long as the block runs."""
    paper, log = ChangingPaper(), folders.mktemp("paper") / "requests.jsonl"
    with running([paper], log=log) as replica:
        crawler = Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), folders)
        yield Press(paper, replica, crawler, crawler.new_archive())
