"""The archive replays: byte for byte through pywb, and to the eye in a browser that reaches nothing else."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from scrapy.spiderloader import get_spider_loader
from scrapy.utils.project import get_project_settings

from crawler.capture import Exchange
from crawler.pywb import closed_files, find_wayback, lay_out
from crawler.records import records_of
from tests.conftest import ROOT, Crawler, without_network_settings
from tests.peers import player
from tests.replaying import SEALED, Seen, archived_address, chromium, plain, published, serving
from tests.replica.media import media
from tests.test_warc_writer import write_every_kind
from tests.truth import rows_of
from warc.cdxj import index_lines, parse_line
from warc.reader import Record, read_records
from warc.writer import WarcFile

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARTICLES = 12  # of each site
PAGES = 20
URLS = 100
SCREENS = ROOT / ".cache" / "screens"
# --- What needs no pywb ---------------------------------------------------------------------------------------------


def replay(archive: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scrapy", "replay", "-s", f"ARCHIVE_DIR={archive}", *arguments]
    env = {**without_network_settings(), "PATH": "/usr/bin:/bin", **(env or {})}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def small_archive(tmp_path: Path) -> Path:
    """One page in one closed file."""
    folder = tmp_path / "archive" / "warc" / "news"
    folder.mkdir(parents=True)
    answer = BytesIO(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\nb\xe1\xba\xbfn 1")
    request = b"GET / HTTP/1.1\r\nHost: ben.example\r\n\r\n"
    exchange = Exchange("http://ben.example/", datetime(2026, 11, 21, tzinfo=UTC), request, answer)
    file = WarcFile(folder / "news-20261121100000-00000-a.warc.gz", {"software": "test"})
    file.append(records_of(exchange, lambda _: None).records)
    file.close()
    return tmp_path / "archive"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "http"], "--port 'http' is no port: choose from 0 to 65535"),
        (["--port", "65536"], "choose from 0 to 65535"),
        (["bai.warc.gz"], "replay takes no 'bai.warc.gz'"),
        (["--live"], "unknown option '--live'"),
        ([], "pywb was not found: make an environment of its own with `python3 -m venv pywb"),
        (["-s", "PYWB=/nowhere"], "pywb was not found"),
    ],
)
def test_usage(arguments: list[str], said: str, small_archive: Path) -> None:
    run = replay(small_archive, *arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert len(run.stderr.splitlines()) == 1
    assert said in run.stderr
    assert not (small_archive / "indexes").exists()


def test_an_empty_archive(tmp_path: Path) -> None:
    run = replay(tmp_path)
    assert run.returncode == 2
    assert "holds no WARC file that is closed" in run.stderr
    assert not list(tmp_path.iterdir())


def test_a_wayback_that_ends_at_once(small_archive: Path, tmp_path: Path) -> None:
    program = tmp_path / "wayback"
    program.write_text("#!/bin/sh\necho hỏng rồi >&2\nexit 7\n", encoding="utf-8")
    program.chmod(0o755)
    run = replay(small_archive, "-s", f"PYWB={program}", "--port", "0")
    assert (run.returncode, run.stdout) == (1, "")
    assert "pywb did not start: hỏng rồi" in run.stderr


def test_where_wayback_is_looked_for(tmp_path: Path) -> None:
    program = tmp_path / "env" / "bin" / "wayback"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    assert find_wayback(str(tmp_path / "env"), {}) is None  # not to be run
    program.chmod(0o755)
    for named in (program, program.parent, tmp_path / "env"):
        assert find_wayback(str(named), {}) == program
        assert find_wayback(None, {"BAOQUAN_PYWB": str(named)}) == program
    assert find_wayback(None, {"PATH": str(program.parent)}) == program
    assert find_wayback(None, {"PATH": str(tmp_path)}) is None


def test_a_collection_of_the_closed_files(small_archive: Path, tmp_path: Path) -> None:
    (small_archive / "warc" / "news" / "news-20261121110000-00000-b.warc.gz.open").write_bytes(b"not yet")
    place = tmp_path / "collection"
    place.mkdir()
    warcs = closed_files(small_archive)
    assert [path.name for path in warcs] == ["news-20261121100000-00000-a.warc.gz"]
    assert list(lay_out(place, small_archive, warcs)) == []
    config = json.loads((place / "config.yaml").read_text("utf-8"))["collections"]["archive"]
    assert config["archive_paths"] == [f"{small_archive}/warc/news/"]
    (served,) = Path(config["index_paths"]).iterdir()
    index = small_archive / "indexes" / "news" / served.name
    (line,) = served.read_bytes().splitlines(keepends=True)
    assert parse_line(line).key == "example,ben)/"
    made = index.stat().st_mtime_ns
    again = tmp_path / "again"
    again.mkdir()
    list(lay_out(again, small_archive, warcs))
    assert index.stat().st_mtime_ns == made  # a closed file is indexed once


def test_what_had_not_changed_is_shown_as_it_was(tmp_path: Path) -> None:
    """For the date of a 304 pywb would answer with an empty 304; without it, with the capture before."""
    folder, place = tmp_path / "archive" / "warc" / "baoquocte", tmp_path / "collection"
    folder.mkdir(parents=True)
    place.mkdir()
    warc = write_every_kind(folder)
    assert list(lay_out(place, tmp_path / "archive", [warc])) == []
    (served,) = (place / "indexes").iterdir()
    lines = sorted(index_lines(warc))
    assert served.read_bytes().splitlines(True) == [line for line in lines if b'"status": "304"' not in line] != lines
    assert (tmp_path / "archive" / "indexes" / "baoquocte" / served.name).read_bytes().splitlines(True) == lines


def test_a_damaged_file_is_named_and_left_out(small_archive: Path, tmp_path: Path) -> None:
    (sound,) = closed_files(small_archive)
    whole = sound.read_bytes()
    sound.with_name("news-20261121120000-00000-c.warc.gz").write_bytes(whole[: len(whole) // 2])
    place = tmp_path / "collection"
    place.mkdir()
    (damage,) = lay_out(place, small_archive, closed_files(small_archive))
    assert "news-20261121120000-00000-c.warc.gz" in str(damage)
    assert [path.name for path in (place / "indexes").iterdir()] == [f"{sound.name}.cdxj"]


# --- pywb -----------------------------------------------------------------------------------------------------------


@dataclass
class Archive:
    folder: Path
    rows: list[dict[str, Any]]
    responses: dict[str, Record]  # by URL


@pytest.fixture(scope="module")
def archive(crawl: Crawler, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Of both sites; the files of one lie on another disk."""
    folder = crawl.new_archive()
    for spider in ("baoquocte", "vietnamvn"):
        limits = ("-a", "capture=page", "-a", f"max_articles={ARTICLES}")
        run = crawl(spider, *limits, archive=folder, settings={"REQUISITE_DELAY": "0"})
        assert run.status == 11, run.stderr[-3000:]
    shelf = tmp_path_factory.mktemp("shelf")
    for file in (folder / "warc" / "baoquocte").iterdir():  # moved to another disk, as in docs/disk.md
        moved = shutil.move(file, shelf / file.name)
        file.symlink_to(moved)
    records = (record for file in closed_files(folder) for record in read_records(file))
    responses = {r.target_uri: r for r in records if r.type == "response" and r.message().status == 200}
    return Archive(folder, rows_of(folder), responses)


@pytest.fixture(scope="module")
def served(archive: Archive) -> Iterator[str]:
    with serving(archive.folder) as address:
        yield address


def ask(address: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body as they come, nothing decoded."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        target = address.partition(parts.netloc)[2]
        connection.putrequest("GET", target, skip_accept_encoding=True)
        connection.putheader("Accept-Encoding", "gzip")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.slow
def test_a_hundred_addresses_byte_for_byte(archive: Archive, served: str) -> None:
    """Pages, lists, styles, scripts, images, robots.txt in turn; raw, as archived."""
    kinds: dict[str, list[str]] = {}
    for url in sorted(archive.responses):
        kinds.setdefault((archive.responses[url].message().get("Content-Type") or "").partition(";")[0], []).append(url)
    assert {"text/html", "image/jpeg", "image/png", "text/css", "application/javascript"} <= set(kinds)
    urls = [url for place in zip_longest(*kinds.values()) for url in place if url is not None]  # kinds in turn
    chosen = urls[:URLS]
    assert len(set(chosen)) == URLS
    encoded = 0
    for url in chosen:
        message = archive.responses[url].message()
        status, headers, body = ask(f"{served}id_/{url}")
        assert status == 200, url
        assert body == message.body.read(), url
        assert headers.get("content-encoding") == message.get("Content-Encoding"), url
        assert headers["content-type"] == message.get("Content-Type"), url
        encoded += message.get("Content-Encoding") == "gzip"
        kind, bytes_served = media(urlsplit(url).path)
        if headers["content-type"] == kind and not url.endswith("/robots.txt"):
            assert body == bytes_served, url  # images do not change from one fetch to the next
    assert encoded >= 5


@pytest.mark.slow
def test_every_image_of_a_row_replays(archive: Archive, served: str) -> None:
    for row in archive.rows:
        for image in row["images"]:
            assert ask(f"{served}id_/{image['url']}")[0] == 200, image["url"]


@pytest.mark.slow
def test_a_picture_is_found_by_every_query_that_only_dates_a_cache(archive: Archive, served: str) -> None:
    dated = [url for url in archive.responses if "/stores/" in url and "?" in url]
    assert len(dated) >= 10
    for url in dated[:10]:
        for query in ("?rt=203001010000", "?randTime=1893430800", "?300101000000?1", ""):
            status, _, body = ask(f"{served}id_/{url.partition('?')[0]}{query}")
            assert (status, body) == (200, media(urlsplit(url).path)[1]), (url, query)


# --- A browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*SEALED) as browser:
        yield browser


@pytest.mark.slow
def test_articles_in_a_browser_that_reaches_nothing_else(archive: Archive, served: str, browser: Browser) -> None:
    loader = get_spider_loader(get_project_settings())
    rules = {
        site: loader.load(name).requisite_rules
        for name, site in (("baoquocte", "baoquocte.vn"), ("vietnamvn", "vietnam.vn"))
    }  # type: ignore[attr-defined]
    by_site = [[row for row in archive.rows if row["site"] == site] for site in rules]
    rows = [row for pair in zip(*by_site, strict=True) for row in pair][:PAGES]
    assert len(rows) == PAGES
    SCREENS.mkdir(parents=True, exist_ok=True)
    images = shown = 0
    for number, row in enumerate(rows):
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        page, seen = context.new_page(), Seen()
        seen.watch(page)
        at = re.sub(r"\D", "", row["captured_at"])[:14]
        page.goto(f"{served}{at}/{row['url']}", wait_until="load", timeout=60_000)
        page.wait_for_load_state("networkidle")
        frame = page.frame(name="replay_iframe")  # under pywb's banner
        assert frame is not None
        frame.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=SCREENS / f"{row['site']}-{number:02}.png")
        found = frame.evaluate(
            "[...document.images].map(i => [i.currentSrc || i.src, i.complete && i.naturalWidth > 0])"
        )
        title, text = plain(frame.title()), plain(frame.inner_text("body"))
        context.close()
        assert plain(row["title"]) in title, row["url"]
        for paragraph in (block["text"] for block in row["blocks"] if block["type"] == "paragraph"):
            assert plain(paragraph) in text, (row["url"], paragraph)
        for url, is_shown in found:
            address = archived_address(url)
            if address is not None and rules[row["site"]].want(address, row["url"]):
                images += 1
                shown += is_shown
        asked = [url for url in seen.asked if not url.startswith(("data:", "blob:"))]
        assert {urlsplit(url).hostname for url in asked} == {"127.0.0.1"}
        assert not set(asked) - set(seen.answered)
        for url, status in seen.answered.items():
            address = archived_address(url)
            is_frame = "if_/" in url
            left_out = address is not None and (is_frame or not rules[row["site"]].want(address, row["url"]))
            # What is left out (other hosts, decoration, frames) is not in the archive, and that is the answer.
            assert (status, url in seen.failed) == (200, False) or (left_out and status == 404), (url, status)
    assert images >= 5 * PAGES
    assert shown >= 0.95 * images, f"{shown} of {images} images are shown"


EMBEDDED = """<!DOCTYPE html><script src="ui.js"></script>
<replay-web-page style="height: 700px" source="archive.wacz" url="{}"></replay-web-page>"""  # as docs/replay.md says


@pytest.mark.slow
def test_articles_of_a_wacz_in_replaywebpage(archive: Archive, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "replay").mkdir()
    for name in ("ui.js", "replay/sw.js"):
        shutil.copy(player() / name.removeprefix("replay/"), tmp_path / name)
    command = [sys.executable, "-m", "scrapy", "wacz", "-s", f"ARCHIVE_DIR={archive.folder}"]
    subprocess.run([*command, "-o", tmp_path / "archive.wacz"], cwd=ROOT, capture_output=True, check=True)
    with published(tmp_path) as address:
        for site in ("baoquocte.vn", "vietnam.vn"):
            row = next(row for row in archive.rows if row["site"] == site and row["kind"] == "article")
            (tmp_path / "index.html").write_text(EMBEDDED.format(row["url"]))
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            page = context.new_page()
            frame = None
            for _ in range(4):  # its service worker does not always begin at the first visit
                page.goto(address)
                until = time.monotonic() + 12
                while time.monotonic() < until and frame is None:
                    page.wait_for_timeout(500)
                    frame = next((frame for frame in page.frames if "mp_/" in frame.url), None)
                if frame is not None:
                    break
            assert frame is not None, "ReplayWeb.page shows nothing"
            frame.wait_for_load_state("load", timeout=30_000)
            page.screenshot(path=SCREENS / f"replaywebpage-{site}.png")
            text = plain(frame.inner_text("body"))
            shown = frame.evaluate("[...document.images].filter(i => i.naturalWidth > 0).map(i => i.currentSrc)")
            context.close()
            for block in row["blocks"]:
                if block["type"] == "paragraph":
                    assert plain(block["text"]) in text, (row["url"], block["text"])
            picture = row["images"][0]["url"].partition("?")[0]
            assert [url for url in shown if url.partition("_/")[2].partition("?")[0] == picture], (picture, shown)
