"""``-a capture=page`` by the real command: which files are archived, how often they are asked for, and what fails."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import ROOT, Crawl, Crawler, ReplicaProcess
from tests.replica.media import jpeg, media, mp4, png
from tests.replica.server import Answer, LogEntry, Replica, Request, running
from tests.truth import rows_of
from warc.reader import Record, read_records
from warc.verify import verify

# --- A small paper whose files do all that files do -----------------------------------------------------------------

HOME, IMAGES, CLOSED_HOST = "http://bao-anh.example", "http://anh.bao-anh.example", "http://day.bao-anh.example"
ELSEWHERE = "http://quang-cao.example"
HTML = ("Content-Type", "text/html; charset=utf-8")
FILM_BYTES = 200_000
FAULTS = {
    "http_404": 1,
    "html": 1,
    "http_500": 1,
    "robots": 1,
    "offsite_redirect": 1,
    "too_large": 1,
    "http_429": 1,
    "parked": 1,
} | {
    "too_many_redirects": 1,
    "timeout": 1,
}
NEEDED = (
    *(f"{HOME}/anh/a.jpg", f"{HOME}/anh/moi.jpg", f"{IMAGES}/b.png", f"{HOME}/s/chinh.css", f"{HOME}/s/sau.css?v=2"),
    *(f"{HOME}/anh/nen.png", f"{HOME}/s/chu.woff2", f"{HOME}/s/chay.js", f"{HOME}/van-ban.pdf", f"{HOME}/trang.ico"),
)


def article(number: int, markup: str) -> bytes:
    text = "".join(
        f"<p>Bến thứ {number}, con nước thứ {n}, ghe hàng cập bến từ lúc trời chưa sáng rõ.</p>" for n in (1, 2, 3)
    )
    return (
        f'<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><meta property="og:type" content="article">'
        f'<title>Bến thứ {number}</title><link rel="stylesheet" href="/s/chinh.css"><link rel="icon" href="/trang.ico">'
        f'<script src="/s/chay.js"></script><script src="{ELSEWHERE}/dem.js"></script></head>'
        f'<body><article itemprop="articleBody"><h1>Bến thứ {number} đông dần về sáng</h1>'
        f'<figure><img src="/anh/a.jpg" alt="Ghe"></figure>{text}{markup}</article></body></html>'
    ).encode()


SECOND_SHEET = f"""@import url(chinh.css); @font-face {{ src: url("chu.woff2") }}
q {{ background: url(data:x,), url({CLOSED_HOST}/2.jpg) }}""".encode()

FAULTY = f"""<img src="/anh/mat.jpg"><img src="/anh/loi.jpg"><img src="/cam/kin.jpg"><img src="/anh/doi.jpg">
<img src="/anh/ra.jpg"><img src="/anh/vong.jpg"><img src="/anh/dut.jpg"><img src="/anh/loi-noi.jpg">
<img src="/anh/sai-kieu.jpg">
<img src="{CLOSED_HOST}/1.jpg"><video src="/phim.mp4"></video>
<img src="http://ads.bao-anh.example/qc.jpg"><img src="{ELSEWHERE}/qc.jpg"><a href="/van-ban.pdf">Văn bản</a>"""


class Paper:
    """Two articles, and files good and bad."""

    hosts = tuple(urlsplit(url).netloc for url in (HOME, IMAGES, CLOSED_HOST, ELSEWHERE, "http://ads.bao-anh.example"))

    def __init__(self) -> None:
        self.pages = {
            f"{HOME}/chuyen-o-ben-song-thu-1.html": article(1, f'<img src="{IMAGES}/b.png">{FAULTY}'),
            f"{HOME}/chuyen-o-ben-song-thu-2.html": article(2, f'<img src="{IMAGES}/b.png">'),
        }
        self.files = {
            "/s/chinh.css": (
                "text/css",
                b'@import "sau.css?v=2"; p { background: url(../anh/nen.png) } /* url(no.png) */',
            ),
            "/s/sau.css": (
                "text/css",
                SECOND_SHEET,
            ),
            "/s/chu.woff2": ("font/woff2", b"wOF2chu"),
            "/s/chay.js": ("application/javascript", b"document.title += ''"),
            "/van-ban.pdf": ("application/pdf", b"%PDF-1.4 \xe1"),
            "/trang.ico": ("image/x-icon", b"\0\0\1\0"),
            "/phim.mp4": ("video/mp4", mp4(b"phim") + bytes(FILM_BYTES)),
        }

    def respond(self, request: Request) -> Answer:
        path = request.target.partition("?")[0]
        if path == "/robots.txt":
            return Answer(200, "OK", [("Content-Type", "text/plain")], b"User-agent: *\nDisallow: /cam/\n")
        if request.url in self.pages:
            return Answer(200, "OK", [HTML], self.pages[request.url])
        if request.host == "day.bao-anh.example":
            return Answer(429, "Too Many Requests", [("Retry-After", "60")], b"")
        target = {
            "/anh/doi.jpg": "/anh/moi.jpg",
            "/anh/ra.jpg": f"{ELSEWHERE}/x.jpg",
            "/anh/vong.jpg": "/anh/vong.jpg",
        }.get(path)
        if target:
            return Answer(302, "Found", [("Location", target)], b"")
        if path == "/anh/mat.jpg":
            return Answer(404, "Not Found", [HTML], b"<h1>404</h1>")
        if path == "/anh/loi-noi.jpg":
            return Answer(200, "OK", [HTML], b"\n<h1>404</h1>")
        if path == "/anh/sai-kieu.jpg":
            return Answer(200, "OK", [HTML], jpeg(b"a"))
        if path == "/anh/loi.jpg":
            return Answer(500, "Internal Server Error", [HTML], b"")
        if path == "/anh/dut.jpg":  # says more than it sends
            return Answer(
                200, "OK", [("Content-Type", "image/jpeg"), ("Content-Length", "9999"), ("Connection", "close")], b"ab"
            )
        kind, body = self.files.get(path) or (
            media(path)[0],
            png(path.encode()) if path.endswith("png") else jpeg(path.encode()),
        )
        return Answer(200, "OK", [("Content-Type", kind)], body)


@dataclass
class Printed:
    replica: Replica
    crawl: Crawler

    def __call__(self, *arguments: str, archive: Path, **settings: str) -> Crawl:
        seeds = ",".join(Paper().pages)
        given = {"REQUISITE_DELAY": "0", "REQUISITE_MAXSIZE": "100000", "RESPONSE_DEADLINE": "1", **settings}
        return self.crawl("news", "-a", f"seeds={seeds}", *arguments, archive=archive, settings=given)

    def asked(self, since: int = 0) -> Counter[str]:
        return Counter(entry.url for entry in self.replica.requests[since:] if not entry.url.endswith("/robots.txt"))


@contextmanager
def printing(folders: pytest.TempPathFactory) -> Iterator[Printed]:
    log = folders.mktemp("paper") / "requests.jsonl"
    with running([Paper()], log=log) as replica:
        yield Printed(replica, Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), folders))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    with printing(tmp_path_factory) as paper:
        yield paper


@dataclass
class Captured:
    """The first crawl with everything, for several tests."""

    run: Crawl
    asked: Counter[str]
    entries: list[LogEntry]


@pytest.fixture(scope="module")
def captured(printed: Printed, tmp_path_factory: pytest.TempPathFactory) -> Captured:
    since = len(printed.replica.requests)
    run = printed("-a", "capture=page", archive=tmp_path_factory.mktemp("archive"))
    assert run.status == 0, run.stderr[-3000:]
    return Captured(run, printed.asked(since), printed.replica.requests[since:])


def stats(run: Crawl, prefix: str) -> dict[str, int]:
    return {name: int(n) for name, n in re.findall(rf"'{re.escape(prefix)}([^']+)': (\d+)", run.stderr)}


def records(archive: Path) -> dict[str, Record]:
    """Responses and revisits by id; every file must be sound."""
    found = {}
    for file in sorted(archive.rglob("*.warc.gz")):
        report = verify(file)
        assert report, report.faults[:3]
        found |= {r.record_id: r for r in read_records(file) if r.type in ("response", "revisit")}
    return found


def test_everything_a_page_needs_is_archived_once(captured: Captured) -> None:
    archived = Counter(r.target_uri for r in records(captured.run.archive).values() if r.message().status == 200)
    assert {url: archived[url] for url in NEEDED} == dict.fromkeys(NEEDED, 1)
    assert {url: captured.asked[url] for url in NEEDED} == dict.fromkeys(NEEDED, 1)


def test_the_bytes_are_those_that_were_served(captured: Captured) -> None:
    paper = Paper()
    by_url = {r.target_uri: r for r in records(captured.run.archive).values()}
    for url in NEEDED:
        parts = urlsplit(url)
        served = paper.respond(
            Request("GET", "http", parts.netloc, parts.path + ("?" + parts.query if parts.query else ""), ())
        )
        assert by_url[url].message().body.read() == served.body, url


def test_rows_name_the_records_of_their_images(captured: Captured) -> None:
    rows = {row["url"]: row for row in rows_of(captured.run.archive)}
    by_id = records(captured.run.archive)
    held = {image["url"]: image["record_id"] for row in rows.values() for image in row["images"]}
    assert {url for url, record_id in held.items() if record_id} == {
        *(f"{HOME}/anh/a.jpg", f"{HOME}/anh/doi.jpg", f"{IMAGES}/b.png", f"{HOME}/anh/sai-kieu.jpg")
    }
    assert by_id[held[f"{HOME}/anh/a.jpg"]].target_uri == f"{HOME}/anh/a.jpg"
    assert by_id[held[f"{HOME}/anh/doi.jpg"]].target_uri == f"{HOME}/anh/moi.jpg"
    assert rows[f"{HOME}/chuyen-o-ben-song-thu-1.html"]["videos"][0]["record_id"] is None
    assert rows[f"{HOME}/chuyen-o-ben-song-thu-2.html"]["images"][0]["record_id"] == held[f"{HOME}/anh/a.jpg"]


def test_failures_are_counted_and_fail_no_article(captured: Captured) -> None:
    assert len(rows_of(captured.run.archive)) == 2
    assert stats(captured.run, "requisites/failed/") == FAULTS
    assert "Files of pages that failed: " in captured.run.stderr


def test_nobody_else_is_asked(captured: Captured) -> None:
    hosts = {urlsplit(url).netloc for url in captured.asked}
    assert hosts == {"bao-anh.example", "anh.bao-anh.example", "day.bao-anh.example"}
    assert not [url for url in captured.asked if "/cam/" in url]
    assert (captured.asked[f"{CLOSED_HOST}/1.jpg"], captured.asked[f"{CLOSED_HOST}/2.jpg"]) == (1, 0)  # it said 429


def test_a_film_that_says_it_is_too_large_is_not_read(captured: Captured) -> None:
    (film,) = (r for r in records(captured.run.archive).values() if r.target_uri == f"{HOME}/phim.mp4")
    assert film.get("WARC-Truncated") == "length"
    assert film.message().get("Content-Length") == str(FILM_BYTES + len(mp4(b"phim")))
    assert film.message().body.length < FILM_BYTES


def test_files_are_asked_as_a_browser_asks(captured: Captured) -> None:
    headers = {entry.url: {name.lower(): value for name, value in entry.headers} for entry in captured.entries}
    pages = set(Paper().pages)
    assert headers[f"{HOME}/anh/a.jpg"]["referer"] in pages
    assert headers[f"{HOME}/anh/a.jpg"]["accept"].startswith("image/avif,")
    assert headers[f"{IMAGES}/b.png"]["referer"] == f"{HOME}/"
    assert headers[f"{HOME}/s/chinh.css"]["accept"].startswith("text/css")


def test_metadata_says_what_a_file_is_for(captured: Captured) -> None:
    fields = {}
    for file in captured.run.archive.rglob("*.warc.gz"):
        fields |= {r.target_uri: dict(r.fields()) for r in read_records(file) if r.type == "metadata"}
    image, nested = fields[f"{HOME}/anh/a.jpg"], fields[f"{HOME}/s/chu.woff2"]
    assert (image["requisite"], nested["requisite"]) == ("image", "font")
    assert image["via"] in Paper().pages
    assert image["hopsFromSeed"].endswith("Q")
    assert "url" not in image  # no address of the frontier


@pytest.mark.slow
def test_a_second_pass_asks_only_for_what_failed(captured: Captured, printed: Printed, tmp_path: Path) -> None:
    since = len(printed.replica.requests)
    again = printed("-a", "capture=page", "-a", "recrawl=all", archive=captured.run.archive)
    assert again.status == 0, again.stderr[-3000:]
    asked = printed.asked(since)
    assert not {url for url in NEEDED if asked[url] and url != f"{HOME}/anh/moi.jpg"}
    assert asked[f"{HOME}/anh/mat.jpg"] == asked[f"{HOME}/anh/loi-noi.jpg"] == 1
    assert asked[f"{HOME}/anh/sai-kieu.jpg"] == 0
    assert asked[f"{HOME}/anh/doi.jpg"] == asked[f"{HOME}/anh/moi.jpg"] == 0  # where the redirect leads is archived
    assert asked[f"{HOME}/anh/ra.jpg"] == 1  # where it leads is not


class Aging:
    """One article of baoquocte.vn; each time it is asked for, the cache that it comes from is another one."""

    hosts = ("baoquocte.vn",)
    url = "https://baoquocte.vn/lang-gom-ven-song-mo-lop-day-nghe-cho-hoc-tro-nho-412345.html"
    page = (ROOT / "tests/fixtures/baoquocte_vn/article.html").read_bytes()

    def __init__(self) -> None:
        self.built = 0

    def respond(self, request: Request) -> Answer:
        if request.url == self.url:
            self.built += 1
            body = self.page.replace(b"?rt=202609141038", b"?rt=%d" % self.built)
            return Answer(200, "OK", [HTML], body + b"<!-- %d -->" % self.built)
        if "/stores/" in request.target:
            return Answer(200, "OK", [("Content-Type", "image/webp")], request.target.partition("?")[0].encode())
        return Answer(404, "Not Found", [HTML], b"")


@pytest.mark.slow
def test_a_query_that_only_dates_a_cache_asks_for_no_file_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    log = tmp_path_factory.mktemp("log") / "requests.jsonl"
    with running([Aging()], log=log) as replica:
        crawl = Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), tmp_path_factory)
        archive = crawl.new_archive()
        for _ in range(2):
            run = crawl(
                "baoquocte",
                *("-a", f"seeds={Aging.url}", "-a", "follow=article", "-a", "capture=page", "-a", "recrawl=all"),
                archive=archive,
                settings={"REQUISITE_DELAY": "0"},
            )
            assert run.status == 0, run.stderr[-3000:]
        asked = Counter(entry.url.partition("?")[0] for entry in replica.requests if entry.status == 200)
    assert asked.pop(Aging.url) == 2
    assert len(asked) >= 4
    assert set(asked.values()) == {1}


@pytest.mark.slow
def test_articles_archived_before_get_their_files_and_no_new_row(printed: Printed, tmp_path: Path) -> None:
    first = printed(archive=tmp_path)
    assert first.status == 0
    assert {row["images"][0]["record_id"] for row in rows_of(tmp_path)} == {None}
    second = printed("-a", "capture=page", "-a", "recrawl=all", archive=tmp_path)
    assert second.status == 0, second.stderr[-3000:]
    assert len(rows_of(tmp_path)) == 2
    archived = {r.target_uri for r in records(tmp_path).values()}
    assert archived >= set(NEEDED)


@pytest.mark.slow
def test_a_style_sheet_of_an_earlier_run_is_read_for_what_it_names(printed: Printed, tmp_path: Path) -> None:
    """A kill may leave the sheet without its pictures."""
    sheet = f"{HOME}/s/chinh.css"
    first = printed.crawl("news", "-a", f"seeds={sheet}", archive=tmp_path)
    assert first.status in (0, 11)
    since = len(printed.replica.requests)
    second = printed("-a", "capture=page", archive=tmp_path)
    assert second.status == 0, second.stderr[-3000:]
    asked = printed.asked(since)
    assert asked[sheet] == 0
    assert asked[f"{HOME}/anh/nen.png"] == asked[f"{HOME}/s/chu.woff2"] == 1


@pytest.mark.slow
def test_the_pace_of_files(printed: Printed, tmp_path: Path) -> None:
    since = len(printed.replica.requests)
    run = printed("-a", "capture=page", archive=tmp_path, REQUISITE_DELAY="0.1")
    assert run.status == 0, run.stderr[-3000:]
    starts = sorted(
        datetime.fromisoformat(entry.time).timestamp()
        for entry in printed.replica.requests[since:]
        if entry.url.startswith(f"{HOME}/") and not entry.url.endswith((".html", "/robots.txt"))
    )
    assert len(starts) >= 15
    assert starts[-1] - starts[0] >= 0.09 * (len(starts) - 1)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_between_nothing_is_half(how: signal.Signals, tmp_path_factory: pytest.TempPathFactory) -> None:
    archive = tmp_path_factory.mktemp("archive")
    arguments = ("news", "-a", f"seeds={','.join(Paper().pages)}", "-a", "capture=page")
    settings = {"REQUISITE_DELAY": "0.3", "REQUISITE_MAXSIZE": "100000", "RESPONSE_DEADLINE": "1"}
    with printing(tmp_path_factory) as printed:
        process = printed.crawl.start(*arguments, archive=archive, settings=settings)
        until = time.monotonic() + 30
        while printed.asked().total() < 7 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(how)
        assert process.wait(30) == (11 if how == signal.SIGINT else -how)
        assert not rows_of(archive) or how == signal.SIGKILL
        second = printed.crawl(*arguments, archive=archive, settings={**settings, "REQUISITE_DELAY": "0"})
        assert second.status == 0, second.stderr[-3000:]
        asked = printed.asked()
    rows = rows_of(archive)
    assert {row["url"] for row in rows} == set(Paper().pages)
    assert len(rows) == 2
    by_id = records(archive)
    assert {r.target_uri for r in by_id.values()} >= set(NEEDED)
    for row in rows:
        images = {image["url"]: image["record_id"] for image in row["images"]}
        assert images[f"{HOME}/anh/a.jpg"] in by_id
    if how == signal.SIGINT:
        assert all(asked[url] == 1 for url in (*NEEDED, *Paper().pages))
    else:  # what the last commit had not in it is asked again, once
        assert all(asked[url] <= 2 for url in (*NEEDED, *Paper().pages))
        assert "scheduler/replayed" in second.stderr or asked[f"{HOME}/chuyen-o-ben-song-thu-1.html"] == 2


# --- The replica ----------------------------------------------------------------------------------------------------

ARTICLES = 25
SITES = {
    "baoquocte": ("baoquocte.vn", {"baoquocte.vn", "en.baoquocte.vn", "cdn.baoquocte.vn"}),
    "vietnamvn": ("vietnam.vn", {"www.vietnam.vn", "vietnam.vn", "vstatic.vietnam.vn", "vphoto.vietnam.vn"}),
}
FILES = re.compile(r"/(?:stores|modules|wp-content|_next|vietnam/resource|thumb)/")


@dataclass
class Replayed:
    spider: str
    run: Crawl
    log: list[dict[str, Any]]


@pytest.fixture(scope="module", params=SITES)
def replica_crawl(request: pytest.FixtureRequest, crawl: Crawler, replica_process: ReplicaProcess) -> Replayed:
    since = len(replica_process.requests())
    run = crawl(
        request.param, "-a", "capture=page", "-a", f"max_articles={ARTICLES}", settings={"REQUISITE_DELAY": "0"}
    )
    assert run.status == 11, run.stderr[-3000:]
    return Replayed(request.param, run, replica_process.requests()[since:])


@pytest.mark.slow
def test_every_true_image_is_archived_and_named(replica_crawl: Replayed, replica_process: ReplicaProcess) -> None:
    site, hosts = SITES[replica_crawl.spider]
    articles = replica_process.truth["sites"][site]["articles"]
    rows = rows_of(replica_crawl.run.archive)
    by_id = records(replica_crawl.run.archive)
    assert len(rows) == ARTICLES
    images = 0
    for row in rows:
        named = {image["url"]: image["record_id"] for image in row["images"]}
        for truth in articles[row["id"]]["images"]:
            if urlsplit(truth["url"]).hostname not in hosts:
                continue
            images += 1
            record = by_id[named[truth["url"]]]
            assert record.type == "response"
            assert record.message().status == 200
            assert record.message().body.read() == media(urlsplit(truth["url"]).path)[1]
    assert images >= ARTICLES


@pytest.mark.slow
def test_every_file_of_the_replica_is_asked_once(replica_crawl: Replayed) -> None:
    files = [entry["url"] for entry in replica_crawl.log if FILES.search(entry["url"])]
    # On baoquocte.vn the query of a picture only dates a cache.
    keys = Counter(url.partition("?")[0] if "/stores/" in url else url for url in files)
    assert len(keys) > ARTICLES
    assert {url: n for url, n in keys.items() if n > 1} == {}


@pytest.mark.slow
def test_robots_closed_addresses_and_strangers_are_not_asked(
    replica_crawl: Replayed, replica_process: ReplicaProcess
) -> None:
    site, hosts = SITES[replica_crawl.spider]
    asked = {entry["url"] for entry in replica_crawl.log}
    assert not asked & set(replica_process.truth["sites"][site]["robots_closed"])
    assert not [url for url in asked if "/widgets@/" in url or "/apicenter@/" in url or "/thumb/48x48/" in url]
    assert {urlsplit(url).hostname for url in asked} <= hosts
    assert not [entry["url"] for entry in replica_crawl.log if entry["method"] == "CONNECT"]  # refused hosts


@pytest.mark.slow
def test_nothing_fails_that_the_replica_has(replica_crawl: Replayed) -> None:
    assert stats(replica_crawl.run, "requisites/failed/") == {}
