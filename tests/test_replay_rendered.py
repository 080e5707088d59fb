"""Rendered pages replay: ten of them look the same live and out of the archive, with nothing else to be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from spiders.vietnam_vn import VietnamSpider
from tests.browsing import WITH_CHROMIUM, Run
from tests.replaying import SEALED, Seen, archived_address, chromium, plain, serving
from tests.replica.server import DEFAULT_CLOCK, Replica, running
from tests.replica.vietnamvn_sections import WWW
from tests.replica.world import build

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

pytestmark = WITH_CHROMIUM
PAGES = 10
LIST = f"{WWW}/tag/gia-lua-gao"
MORE = "button:has-text('Xem thêm')"


@pytest.fixture(scope="module")
def live() -> Iterator[Replica]:
    with running(build(DEFAULT_CLOCK, scroll=True).sites) as replica:
        yield replica


@pytest.fixture(scope="module")
def visited(live: Replica, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A list and the articles that it leads to, with everything that they ask for."""
    run = Run(live, tmp_path_factory.mktemp("rendered") / "archive", {"BROWSER_CONCURRENCY": "4"})
    limit = f"-amax_articles={PAGES - 1}"
    assert run.crawl("vietnamvn", "-atags=gia-lua-gao", "-acapture=rendered", limit) == 11  # the rest is left
    return run


@dataclass
class Shown:
    """What a reader sees of a page that was scrolled to its end."""

    text: str
    images: list[tuple[str, int, int]] = field(default_factory=list)  # address, width and height of the picture itself


def shown(page: Page, frame: Frame, url: str) -> Shown:
    """Scroll down, and press "more", until the page has no more links; then take it in."""
    links = -1
    while (count := frame.evaluate("document.links.length")) > links:
        links = count
        while not frame.evaluate(
            "() => { scrollBy(0, 600); return scrollY + innerHeight >= document.documentElement.scrollHeight - 2 }"
        ):
            page.wait_for_timeout(50)
        for button in frame.locator(MORE).all():
            button.click()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(300)  # what came is put in its place
    found: list[tuple[str, int, int]] = []
    for address, width, height in frame.evaluate(
        "[...document.images].map(one => [one.currentSrc || one.src, one.naturalWidth, one.naturalHeight])"
    ):
        address = archived_address(address) or address
        if VietnamSpider.requisite_rules.want(address, url):  # counters and decoration are left out on purpose
            found.append((address, width, height))
    return Shown(plain(frame.inner_text("body")), sorted(found))


def seen_live(browser: Browser, url: str) -> Shown:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, ignore_https_errors=True)
    page = context.new_page()
    page.goto(url, wait_until="load", timeout=60_000)
    page.wait_for_load_state("networkidle")
    found = shown(page, page.main_frame, url)
    context.close()
    return found


def seen_again(browser: Browser, served: str, at: str, url: str) -> tuple[Shown, Seen]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page, seen = context.new_page(), Seen()
    seen.watch(page)
    page.goto(f"{served}{at}/{url}", wait_until="load", timeout=60_000)
    page.wait_for_load_state("networkidle")
    frame = page.frame(name="replay_iframe")  # under pywb's banner
    assert frame is not None
    found = shown(page, frame, url)
    context.close()
    return found, seen


def test_every_request_of_the_visit_is_archived(visited: Run) -> None:
    given = [entry for entry in visited.replica.requests if entry.method != "CONNECT"]
    kept = [*visited.records("response"), *visited.records("revisit")]
    print(f"requests in the sites' log: {len(given)}; of them archived: {len(kept)}")  # noqa: T201
    assert visited.is_whole()
    assert visited.is_sound()
    kinds = {row["extraction"]["input"] for row in visited.rows}
    assert kinds == {"dom"}


def test_ten_rendered_pages_look_as_they_did(live: Replica, visited: Run) -> None:
    pages: dict[str, Any] = {record.target_uri: record for record in visited.records("resource")}
    urls = [LIST, *(row["url"] for row in visited.rows)][:PAGES]
    assert len(urls) == PAGES
    with chromium(f"--proxy-server={live.proxy_url}", "--disable-dev-shm-usage") as browser:
        expected = {url: seen_live(browser, url) for url in urls}
    images = 0
    with serving(visited.archive) as served, chromium(*SEALED) as browser:
        for url in urls:
            at = re.sub(r"\D", "", pages[f"urn:dom:{url}"].date)[:14]
            found, seen = seen_again(browser, served, at, url)
            assert found.text == expected[url].text, url
            assert found.images == expected[url].images, url
            assert all(width > 1 for _, width, _ in found.images), url
            asked = [one for one in seen.asked if not one.startswith(("data:", "blob:"))]
            assert all(one.startswith("http://127.0.0.1:") for one in asked)
            images += len(found.images)
    print(f"{len(urls)} pages show the same text and the same {images} images")  # noqa: T201
    assert images >= 3 * PAGES
    related = [row for row in visited.rows if any(link["kind"] == "related" for link in row["links"])]
    assert related  # blocks that come by script
    for row in related:
        shown_links = [link["text"] for link in row["links"] if link["kind"] == "related" and link["text"]]
        assert all(plain(text) in expected[row["url"]].text for text in shown_links if row["url"] in expected)


def test_the_live_pages_hold_more_than_their_documents(visited: Run) -> None:
    """What the replay is compared with is the scripts' work too."""
    documents = {record.target_uri: record for record in visited.records("response")}
    (listed,) = (record for record in visited.records("resource") if record.target_uri == f"urn:dom:{LIST}")
    plain_links = documents[LIST].message().body.read()
    assert listed.block.count(b"<a ") > plain_links.count(b"<a ")
