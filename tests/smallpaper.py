"""A paper of many small articles, for crawls that are stopped and killed: a chain of lists that leads to them all.

The same article is always the same bytes, so an archive can be compared with what was served.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from crawler import crash
from tests.conftest import ROOT, Crawler, ReplicaProcess
from tests.replica.server import Answer, Replica, Request, running
from tests.truth import rows_of
from warc.reader import read_at, read_records
from warc.verify import verify

HOST = "bao-nho.example"
LIST_LENGTH = 50  # articles
PLACES = ("Cần Thơ", "Đồng Hới", "Mường Lò", "Quảng Trị", "Sa Đéc", "Tuy Hòa", "Vĩnh Long", "Yên Bái")
CROPS = ("lúa nếp", "khoai lang", "chè xanh", "hạt tiêu", "quả vải", "đậu tương", "cà phê")
HTML = ("Content-Type", "text/html; charset=utf-8")


class SmallPaper:
    """``articles`` pages, each padded by ``weight`` bytes that do not compress, and the lists that name them.

    Every answer takes ``delay`` seconds, those of ``slow`` as many as it says.
    """

    hosts = (HOST,)

    def __init__(self, articles: int, delay: float = 0.0, weight: int = 0) -> None:
        self.delay = delay
        self.slow: dict[str, float] = {}
        self.articles = {address(number): page(number, weight) for number in range(articles)}
        self.lists = {list_address(first): list_page(first, articles) for first in range(0, articles, LIST_LENGTH)}

    def respond(self, request: Request) -> Answer:
        delay = self.slow.get(request.url, self.delay)
        if request.target == "/robots.txt":
            return Answer(200, "OK", [("Content-Type", "text/plain")], b"User-agent: *\nAllow: /\n", delay=delay)
        body = self.articles.get(request.url) or self.lists.get(request.url)
        if body is None:
            return Answer(404, "Not Found", [HTML], b"<title>404</title>")
        return Answer(200, "OK", [HTML], body, delay=delay)


def address(number: int) -> str:
    return f"http://{HOST}/mua-gat-o-xa-thu-{number}.html"


def list_address(first: int) -> str:
    return f"http://{HOST}/danh-muc/nong-thon" + (f"?tu={first}" if first else "")


def page(number: int, weight: int = 0) -> bytes:
    place, crop = PLACES[number % len(PLACES)], CROPS[number % len(CROPS)]
    title = f"Vụ {crop} thứ {number} ở {place}"
    day = f"2026-{1 + number % 10:02}-{1 + number % 28:02}"
    sentences = [
        f"Sáng {number % 28 + 1} tháng {number % 10 + 1}, bà con {place} ra đồng thu hoạch {crop} từ khi trời còn tối.",
        f"Hợp tác xã số {number} cho biết sản lượng năm nay cao hơn năm ngoái {number % 17 + 2} phần trăm.",
        f"Xe của thương lái đã đợi sẵn ở đầu làng, giá mua tại ruộng giữ vững suốt {number % 5 + 2} tuần qua.",
    ]
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": title,
        "datePublished": f"{day}T08:00:00+07:00",
        "articleBody": "\n\n".join(sentences),
        "description": f"Ghi chép thứ {number} từ {place}.",
    }
    text = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    padding = f"<!-- {Random(number).randbytes(weight // 2).hex()} -->" if weight else ""
    return (
        f'<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta property="og:type" content="article"><meta property="og:title" content="{title}">'
        f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script></head>'
        f"<body><article><h1>{title}</h1>{text}</article>{padding}</body></html>"
    ).encode()


def list_page(first: int, articles: int) -> bytes:
    numbers = range(first, min(first + LIST_LENGTH, articles))
    links = "".join(f'<li><a href="{address(number)}">Vụ mùa thứ {number}</a></li>' for number in numbers)
    after = first + LIST_LENGTH
    following = f'<a class="next" rel="next" href="{list_address(after)}">Trang sau</a>' if after < articles else ""
    title = f"Nông thôn, từ tin thứ {first}"
    return (
        f'<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><h2>{title}</h2><ul>{links}</ul>{following}</body></html>"
    ).encode()


@dataclass
class Printer:
    """A paper behind a proxy, and a crawler that reaches it."""

    paper: SmallPaper
    replica: Replica
    crawl: Crawler

    @property
    def command(self) -> list[str]:
        """What makes the crawl of the whole paper."""
        return ["news", "-a", f"seeds={list_address(0)}"]

    def asked(self, since: int = 0, until: int | None = None) -> Counter[str]:
        """How often each page was asked for, in this part of the server's log; robots.txt is asked by every run."""
        entries = self.replica.requests[since:until]
        return Counter(entry.url for entry in entries if not entry.url.endswith("/robots.txt"))


@contextmanager
def printing(paper: SmallPaper, folders: pytest.TempPathFactory) -> Iterator[Printer]:
    """Serve the paper for as long as the block runs."""
    log = folders.mktemp("paper") / "requests.jsonl"
    with running([paper], log=log) as replica:
        yield Printer(paper, replica, Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), folders))


def states(archive: Path) -> dict[str, int]:
    """URLs of the frontier by state."""
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        return dict(ledger.execute("SELECT state, COUNT(*) FROM frontier GROUP BY state").fetchall())


def killed_with_captured_pages(printer: Printer, folder: Path) -> Path:
    """An archive, its files cut back and closed, in whose ledger there are pages that were captured and not read."""
    for turn in range(5):
        archive = folder / f"archive{turn}"
        run = printer.crawl(*printer.command, archive=archive, env={crash.VARIABLE: "row:30"})
        assert run.status == -signal.SIGKILL
        # Another scope closes the files and touches no page of the first.
        assert printer.crawl("news", "-a", "seeds=http://127.0.0.1:9/a", archive=archive).status == 0
        if states(archive).get("captured"):
            return archive
    raise AssertionError("every page was read before the commit that followed it")


def check_files(archive: Path) -> dict[str, list[tuple[str, int]]]:
    """Every file is closed, under its name and sound; for each address its responses and revisits: file, offset."""
    assert not list(archive.rglob("*.open"))
    found: dict[str, list[tuple[str, int]]] = {}
    for file in sorted(archive.rglob("*.warc.gz")):
        report = verify(file)
        assert report, (file.name, report.faults[:3])
        assert report.ours
        for record in read_records(file):
            if record.type in ("response", "revisit"):
                assert record.type == "revisit" or record.get("WARC-Truncated") is None
                place = (file.relative_to(archive).as_posix(), record.offset)
                found.setdefault(record.target_uri, []).append(place)
    return found


def proven(archive: Path) -> str:
    """The last line of ``scrapy verify``, which makes every row again from its record and finds no fault."""
    command = [sys.executable, "-m", "scrapy", "verify", "-s", f"ARCHIVE_DIR={archive}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout.splitlines()[-1]


def check_all(archive: Path, paper: SmallPaper) -> None:
    """Every article is archived once, with the bytes that were served, and has one row that points there."""
    found = check_files(archive)
    wrong = {url: len(found.get(url, ())) for url in paper.articles if len(found.get(url, ())) != 1}
    assert not wrong, f"{len(wrong)} articles have no response record or several: {list(wrong.items())[:5]}"
    rows = {row["url"]: row for row in rows_of(archive)}
    assert len(rows_of(archive)) == len(rows)
    assert set(rows) == set(paper.articles)
    for url, row in rows.items():
        where = row["warc"]
        assert (where["file"], where["offset"]) == found[url][0]
        record = read_at(archive / where["file"], where["offset"])
        assert record.record_id == where["record_id"]
        assert record.message().body.read() == paper.articles[url]
