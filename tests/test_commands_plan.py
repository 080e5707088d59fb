"""``scrapy plan``: what it predicts, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request, cmdline
from scrapy.http import HtmlResponse
from scrapy.utils.project import get_project_settings

from crawler.plan_fetch import MOST
from crawler.plan_lists import list_seen, look_further
from spiders.baoquocte_vn import BaoquocteSpider
from spiders.vietnam_vn import VietnamSpider
from tests.conftest import ROOT, Crawler, ReplicaProcess, without_network_settings
from tests.replica.baoquocte import Baoquocte
from tests.replica.baoquocte_edition import Edition
from tests.replica.holes import Holes
from tests.replica.server import DEFAULT_CLOCK, Answer, LogEntry, Replica, running
from tests.replica.server import Request as Asked

TAG = "chuyen-doi-so-718"


class Closed(Baoquocte):
    """The replica's paper; its robots.txt closes tag pages, as that of a sibling does."""

    crawl_delay = ""

    def respond(self, request: Asked) -> Answer:
        answer = super().respond(request)
        if request.target == "/robots.txt":
            answer.body = answer.body.replace(b"Allow: /\n", b"Allow: /\nDisallow: /tag/\n" + self.crawl_delay.encode())
        return answer


@dataclass
class Desk:
    paper: Closed
    replica: Replica

    def plan(self, *arguments: str, archive: Path) -> tuple[dict[str, Any], list[LogEntry]]:
        """The JSON, and the requests that came."""
        before = len(self.replica.requests)
        process = ReplicaProcess(self.replica.proxy_url, self.replica.ca_file, {}, Path())
        run = plan(*arguments, "--json", archive=archive, env=process.environment())
        assert (run.returncode, run.stderr) == (0, "")
        return json.loads(run.stdout), self.replica.requests[before:]


def plan(*arguments: str, archive: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    settings = ("ARCHIVE_DIR=" + str(archive), "HOST_DELAY=0", "CONTACT=test@example.org")
    pairs = [part for setting in settings for part in ("-s", setting)]
    command = [sys.executable, "-m", "scrapy", "plan", *arguments, *pairs]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    paper = Closed(Edition(DEFAULT_CLOCK, Holes(0, 0, 0, 0)))
    with running([paper]) as replica:
        yield Desk(paper, replica)


def test_a_closed_tag_is_told_and_not_asked(desk: Desk, tmp_path: Path) -> None:
    found, asked = desk.plan("baoquocte", "-a", f"tags={TAG}", archive=tmp_path / "archive")
    assert not [entry.url for entry in asked if "/tag/" in entry.url]
    assert [entry.url for entry in asked] == ["https://baoquocte.vn/robots.txt"]
    url = f"https://baoquocte.vn/tag/{TAG}.tag"
    assert found["names"] == {TAG: url}
    assert found["robots"]["tag"] == {"looked_at": 1, "closed": [{"url": url, "rule": "Disallow: /tag/"}]}
    assert "-a since=" in found["detour"]
    assert "https://baoquocte.vn/sitemap_site_1.xml" in found["detour"]
    assert not (tmp_path / "archive").exists()


def test_it_asks_little_and_keeps_to_a_crawl_delay(desk: Desk, tmp_path: Path) -> None:
    desk.paper.crawl_delay = "Crawl-delay: 0.05\n"
    found, asked = desk.plan("baoquocte", "-a", "since=2016-01-01", archive=tmp_path / "archive")
    desk.paper.crawl_delay = ""
    assert found["delay"] == 0.05
    assert len(asked) == found["requests"] <= MOST
    assert not [entry.url for entry in asked if "/tag/" in entry.url]
    assert found["oldest"] == "2018-01-08"
    assert found["expected"]["articles"] == 320
    assert found["browser_share"] == 0
    assert 0 < found["warc_bytes"] < found["disk_bytes"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a spider: choose from"),
        (["baomoi"], "unknown spider 'baomoi'"),
        (["baoquocte", "--frobnicate"], "unknown option '--frobnicate'"),
        (["baoquocte", "-a", "tags=galatasaray"], "has no number"),
        (["baoquocte", "-a", "tags"], "use -a NAME=VALUE"),
        (["baoquocte", "-a", "since=2026-01-01", "-a", "since=2026-01-02"], "'since' is given twice"),
    ],
)
def test_usage(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cmdline.execute(["scrapy", "plan", *arguments, "-s", "CONTACT=test@example.org"], get_project_settings())
    told = capfd.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert len(told.err.splitlines()) == 1
    assert said in told.err
    assert not list(tmp_path.iterdir())


def test_a_site_that_cannot_be_reached(tmp_path: Path) -> None:
    env = {**without_network_settings(), "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    run = plan("baoquocte", "-a", f"tags={TAG}", archive=tmp_path / "archive", env=env)
    assert run.returncode == 1
    assert "no robots.txt could be had" in run.stderr.splitlines()[-1]


# --- How long a list is ---------------------------------------------------------------------------------------------


def html(url: str, numbers: list[str], articles: list[str], pager: str) -> HtmlResponse:
    links = "".join(f'<div class="article"><a href="{article}">Tin</a></div>' for article in articles)
    named = "".join(f'<a href="{number}">{n}</a>' for n, number in enumerate(numbers))
    text = f'<html><body><div class="bx-listing">{links}</div><div class="{pager}">{named}</div></body></html>'
    return HtmlResponse(url, body=text.encode(), encoding="utf-8", request=Request(url))


def test_a_pager_of_offsets() -> None:
    site, base = BaoquocteSpider(), "https://baoquocte.vn/the-gioi"
    articles = [f"https://baoquocte.vn/bai-{n}.html" for n in range(15)]
    numbers = [f"{base}&s_cond=&BRSR={offset}" for offset in (15, 30, 45)]
    seen = list_seen(site, site.page(html(base, numbers, articles, "__MB_ARTICLE_PAGING")), base, "category")
    assert (seen.pages, seen.size, seen.articles, seen.last) == (4, 15, 3 * 15 + 8, numbers[-1])
    further = [f"{base}&s_cond=&BRSR={offset}" for offset in (30, 45, 60, 75)]
    assert look_further(site, seen, site.page(html(numbers[-1], further, articles, "__MB_ARTICLE_PAGING")))
    assert (seen.pages, seen.last) == (6, further[-1])
    assert not look_further(site, seen, site.page(html(further[-1], further[:2], articles[:4], "__MB_ARTICLE_PAGING")))
    assert seen.articles == 5 * 15 + 4


def test_a_pager_of_page_numbers() -> None:
    site, base = VietnamSpider(), "https://www.vietnam.vn/category/the-thao"
    articles = [f"https://www.vietnam.vn/mot-bai-viet-so-{n}" for n in range(20)]
    page = html(base, [f"{base}?page={n}" for n in (2, 3, 7)], articles, "ant-pagination")
    body = page.body.replace(f'href="{base}?page=2"'.encode(), f'rel="next" href="{base}?page=2"'.encode())
    seen = list_seen(site, site.page(page.replace(body=body)), base, "category")
    assert (seen.pages, seen.size, seen.articles) == (7, 20, 6 * 20 + 10)


def test_a_list_of_one_page() -> None:
    site, base = VietnamSpider(), "https://www.vietnam.vn/tag/gia-lua-gao"
    seen = list_seen(site, site.page(html(base, [], ["https://www.vietnam.vn/mot-bai-viet"], "x")), base, "tag")
    assert (seen.pages, seen.articles, seen.last) == (1, 1, None)


# --- Against a crawl ------------------------------------------------------------------------------------------------

CRAWLS = (
    ("baoquocte", "since=2016-01-01"),
    ("baoquocte", f"tags={TAG}", "follow=article,next_page"),
    ("vietnamvn",),
)


@pytest.mark.slow
@pytest.mark.parametrize("given", CRAWLS, ids=" ".join)
def test_pages_within_ten_percent(
    given: tuple[str, ...], crawl: Crawler, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    spider, *values = given
    arguments = [part for value in values for part in ("-a", value)]
    run = plan(spider, *arguments, "--json", archive=tmp_path / "archive", env=crawl.replica.environment())
    assert run.returncode == 0, run.stderr
    planned = json.loads(run.stdout)
    before = len(crawl.replica.requests())
    done = crawl(spider, *arguments, settings={"LOG_LEVEL": "INFO"}, timeout=300)
    assert done.status == 0, done.stderr[-3000:]
    asked = len(crawl.replica.requests()) - before
    warc = sum(file.stat().st_size for file in done.archive.rglob("*.warc.gz"))
    disk = sum(file.stat().st_size for file in done.archive.rglob("*") if file.is_file())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{' '.join(given)}: planned {planned['pages']} pages with {planned['requests']} requests, came {asked}; "
            f"WARC {planned['warc_bytes'] / 1e6:.1f} of {warc / 1e6:.1f} MB, "
            f"disk {planned['disk_bytes'] / 1e6:.1f} of {disk / 1e6:.1f} MB\n"
        )
    assert abs(planned["pages"] - asked) <= 0.1 * asked
    assert "No pass before to go by" in done.stderr
