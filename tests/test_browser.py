"""Pages in a real browser, behind the door: lists that scroll, pages that mean harm, and what is left after kills."""

from __future__ import annotations

import os
import select
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browsing import BESIDE, LIMIT, WITH_CHROMIUM, Run, browser_processes, is_gone
from tests.replica.hostile import COOKIE, HOME, HOST, KINDS, LARGE, TEXT, BenLa
from tests.replica.scrolling import ScrollingVietnamvn
from tests.replica.server import DEFAULT_CLOCK, Replica, running
from tests.replica.vietnamvn_sections import WWW
from tests.replica.world import World, build

pytestmark = WITH_CHROMIUM
TAG = f"{WWW}/tag/gia-lua-gao"


@pytest.fixture(scope="module")
def world() -> World:
    return build(DEFAULT_CLOCK, scroll=True)


@pytest.fixture
def scrolling(world: World) -> Iterator[Replica]:
    with running(world.sites) as replica:
        yield replica


def promised(archive: Path) -> set[str]:
    """Articles that the list named, as the crawl log has them: followed or passed over."""
    lines = [line.split() for file in archive.glob("logs/*/*.crawl.log") for line in file.read_text().splitlines()]
    return {line[3] for line in lines if line[4].startswith("L") and line[9].startswith("not_followed")}


@pytest.mark.parametrize("tag", ["gia-lua-gao", "chuyen-doi-so"])
def test_every_article_of_a_list_that_scrolls_is_found(
    scrolling: Replica, world: World, tmp_path: Path, tag: str
) -> None:
    (site,) = (site for site in world.sites if isinstance(site, ScrollingVietnamvn))
    pages = [page for page in site.listings.values() if page.base == f"{WWW}/tag/{tag}"]
    assert len(pages) > 1
    first, all_ = ({s.url for page in part for s in page.stories} for part in (pages[:1], pages))
    for render, expected in (("never", first), ("lists", all_)):
        run = Run(scrolling, tmp_path / render)
        assert run.crawl("vietnamvn", f"-atags={tag}", "-afollow=none", f"-arender={render}") == 0
        assert {url.rstrip("/") for url in promised(run.archive)} == {url.rstrip("/") for url in expected}
        assert run.is_sound()


def queued(archive: Path) -> set[str]:
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT u.url FROM frontier f JOIN urls u USING (url_id) WHERE f.state = 'queued'")
        return {url for (url,) in rows}


def test_what_a_rendered_list_led_to_is_found_again(scrolling: Replica, world: World, tmp_path: Path) -> None:
    run = Run(scrolling, tmp_path / "archive")
    assert run.crawl("vietnamvn", "-atags=gia-lua-gao", "-arender=lists", "-amax_articles=2") == 11
    before = queued(run.archive)
    (site,) = (site for site in world.sites if isinstance(site, ScrollingVietnamvn))
    later = {s.url for page in site.listings.values() if page.base == TAG and page.number > 1 for s in page.stories}
    assert before & later  # which only the DOM names
    for file in run.archive.glob("ledger.sqlite*"):
        file.unlink()
    rebuilt = run.told("rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert queued(run.archive) == before
    assert run.is_sound()


# --- The door -------------------------------------------------------------------------------------------------------


class Canary:
    """Listens on loopback for connections and datagrams, and counts them."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))

    @property
    def heard(self) -> bool:
        return bool(select.select([self.tcp, self.udp], [], [], 0)[0])

    def close(self) -> None:
        self.tcp.close()
        self.udp.close()


def test_every_kind_of_request_comes_to_the_door(tmp_path: Path) -> None:
    with running([BenLa()]) as replica:
        run = Run(replica, tmp_path / "archive")
        assert run.crawl("news", f"-aseeds={HOME}/moi-cach.html", "-acapture=rendered", "-afollow=none") == 0
        asked = {(entry.method, *urlsplit(entry.url)[1:3]) for entry in replica.requests if entry.method != "CONNECT"}
        seen = [name for name, request in KINDS.items() if request in asked]
        print(f"kinds of request at the door: {len(seen)} of {len(KINDS)}")  # noqa: T201
        assert seen == list(KINDS)
        assert {path for _, _, path in asked - set(KINDS.values())} <= BESIDE
        (baked,) = [entry for entry in replica.requests if entry.url.endswith("/banh.json")]
        assert ("Cookie", COOKIE) in baked.headers
        assert run.is_whole()
        assert run.is_sound()
    (row,) = run.rows
    assert (row["extraction"]["input"], row["warc"]["record_type"]) == ("dom", "resource")
    assert row["title"] == "Mọi cách hỏi ở bến Lá"
    assert [record.target_uri.partition("https")[0] for record in run.records("resource")] == ["urn:dom:", "urn:view:"]
    dom = run.records("resource")[0].block.decode()
    assert 'data-part="2345"' in dom
    assert f'data-large="{LARGE}"' in dom
    facts = [dict(record.fields()) for record in run.records("metadata")]
    parts = [one for one in facts if "requisite" in one]
    assert len(parts) >= len(KINDS) - 1
    assert {(one["via"], one["hopsFromSeed"], one["seed"]) for one in parts} == {
        (f"{HOME}/moi-cach.html", "Q", f"{HOME}/moi-cach.html")
    }


def test_nothing_leaves_but_through_the_door(tmp_path: Path) -> None:
    canary = Canary()
    with running([BenLa(canary.port)]) as replica:
        run = Run(replica, tmp_path / "archive", {"RENDER_SECONDS": "8"})
        assert run.crawl("news", f"-aseeds={HOME}/hiem-hoc.html", "-acapture=rendered", "-afollow=none") == 0
        assert not canary.heard
        assert {urlsplit(entry.url).hostname for entry in replica.requests} == {HOST}
        assert not [entry.url for entry in replica.requests if "/cam/" in entry.url]
        assert run.is_whole()
        assert run.is_sound()
    canary.close()
    (row,) = run.rows
    assert row["title"] == "Trang hiểm hóc ở bến Lá"
    refused = {key.removeprefix("browser/refused/") for key in run.counts if key.startswith("browser/refused/")}
    assert refused >= {
        "private_address",
        "left_out",
        "robots",
        "navigation",
        "popup",
        "websocket",
        "download",
        "scheme",
    }
    log = "".join(file.read_text() for file in run.archive.glob("logs/*/*.crawl.log"))
    for told in (
        f"http://127.0.0.1:{canary.port}/img",
        "http://169.254.169.254/latest/",
        f"{HOME}/cam/anh.jpg",
        "file:///etc/passwd",
    ):
        assert f" - {told}" in log


@pytest.mark.parametrize(("page", "title"), [("khong-yen", "Trang không lúc nào yên"), ("dong-y", "Trang hỏi ý kiến")])
def test_a_page_is_read_that_is_never_quiet_or_asks_first(tmp_path: Path, page: str, title: str) -> None:
    with running([BenLa()]) as replica:
        run = Run(replica, tmp_path / "archive", {"RENDER_SECONDS": "4"})
        assert run.crawl("news", f"-aseeds={HOME}/{page}.html", "-arender=all", "-afollow=none") == 0
        assert run.is_whole()
        assert run.is_sound()
    (row,) = run.rows
    assert row["title"].startswith(title)
    assert row["body"] == "\n\n".join(TEXT)
    assert run.counts["browser/never_quiet"] == (page == "khong-yen")


def test_a_page_that_hangs_fails_alone(tmp_path: Path) -> None:
    with running([BenLa()]) as replica:
        run = Run(replica, tmp_path / "archive", {"RENDER_SECONDS": "3", "BROWSER_CONCURRENCY": "1"})
        seeds = ",".join(f"{HOME}/{page}.html" for page in ("treo", "dong-y"))
        assert run.crawl("news", f"-aseeds={seeds}", "-arender=all", "-afollow=none") == 0
        assert run.is_sound()
    assert [row["title"] for row in run.rows] == ["Trang hỏi ý kiến trước"]
    assert run.counts["failed/not_rendered"] == 1


# --- Kills ----------------------------------------------------------------------------------------------------------


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for a moment in the middle of a crawl; fails the test when the crawl ends before it."""
    until = time.monotonic() + LIMIT
    while not happened():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)


TAGS = ("vietnamvn", "-atags=gia-lua-gao", "-acapture=rendered", "-amax_articles=12")


def test_a_killed_browser_is_started_anew(scrolling: Replica, tmp_path: Path) -> None:
    run = Run(scrolling, tmp_path / "archive")
    process = run.start(*TAGS)
    for asked in (5, 40):
        wait_until(
            lambda asked=asked: len(scrolling.requests) >= asked and bool(browser_processes(run.archive)), process
        )
        for pid in browser_processes(run.archive):
            os.kill(pid, signal.SIGKILL)
    assert process.wait(LIMIT) == 11  # max_articles, with work left
    assert is_gone(run.archive)
    assert len(run.rows) == 12
    assert {row["extraction"]["input"] for row in run.rows} == {"dom"}
    assert run.counts["browser/started"] >= 2
    assert run.is_whole()
    assert run.is_sound()


def test_a_killed_crawl_leaves_no_browser_and_goes_on(scrolling: Replica, tmp_path: Path) -> None:
    run = Run(scrolling, tmp_path / "archive")
    for asked in (6, 60):
        process = run.start(*TAGS)
        wait_until(
            lambda asked=asked: len(scrolling.requests) >= asked and bool(browser_processes(run.archive)), process
        )
        process.kill()
        process.wait()
        assert is_gone(run.archive)
    assert run.crawl(*TAGS) == 11
    ids = [row["id"] for row in run.rows]
    assert len(ids) == len(set(ids)) >= 12
    assert run.is_sound()


def test_a_stopped_crawl_takes_no_half_page_and_goes_on(scrolling: Replica, tmp_path: Path) -> None:
    run = Run(scrolling, tmp_path / "archive", {"STOP_GRACE": "1"})
    process = run.start(*TAGS)
    wait_until(lambda: len(scrolling.requests) >= 30, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == 11
    assert is_gone(run.archive)
    assert run.is_sound()
    assert run.crawl(*TAGS) == 11
    assert len(run.rows) >= 12
    assert run.is_sound()
    related = {row["url"]: [link["url"] for link in row["links"] if link["kind"] == "related"] for row in run.rows}
    assert any(related.values())  # they come by script


def test_pages_wait_for_nobody_at_any_concurrency_and_budget(scrolling: Replica, tmp_path: Path) -> None:
    for requests, pages, budget in ((1, 1, 1), (16, 6, 3)):
        settings = {"CONCURRENT_REQUESTS": str(requests), "CONCURRENT_REQUESTS_PER_DOMAIN": str(requests)}
        settings |= {"BROWSER_CONCURRENCY": str(pages), "BROWSER_PAGES": str(budget)}
        run = Run(scrolling, tmp_path / str(requests), settings)
        assert run.crawl(*TAGS) == 11
        assert len(run.rows) == 12
        assert run.counts["browser/restarts"] >= 3
        assert "browser/never_quiet" not in run.counts
        assert run.is_sound()
