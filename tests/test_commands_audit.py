"""``scrapy audit``: what it names, what it fills, and the intervals around the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.conftest import ROOT, Crawler, ReplicaProcess
from tests.replica.baoquocte import Baoquocte
from tests.replica.baoquocte_edition import Edition
from tests.replica.holes import Holes
from tests.replica.model import HANOI
from tests.replica.server import DEFAULT_CLOCK, Answer, Request, running

SITEMAP = "https://baoquocte.vn/sitemap_site_1.xml"


class Paper(Baoquocte):
    """The replica's paper with holes in its lists; what is in ``down`` answers 503."""

    def __init__(self, edition: Edition) -> None:
        super().__init__(edition)
        self.down: frozenset[str] = frozenset()

    def respond(self, request: Request) -> Answer:
        if request.url in self.down:
            return Answer(503, "Service Unavailable", [], b"")
        return super().respond(request)

    def with_hole(self, *kinds: str) -> frozenset[str]:
        """Addresses of the articles that are missing so."""
        return frozenset(s.url for s in self.edition.stories if self.edition.holes.get(s.id) in kinds)


@dataclass
class Desk:
    paper: Paper
    crawl: Crawler

    def audit(self, archive: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command, env = self.command(archive, *options), self.crawl.replica.environment()
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=200, check=False)

    def command(self, archive: Path, *options: str, delay: str = "0") -> list[str]:
        given = {"ARCHIVE_DIR": str(archive), "HOST_DELAY": delay, "CONTACT": "test@example.org"}
        pairs = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        return [sys.executable, "-m", "scrapy", "audit", *options, *pairs]

    def site(self, archive: Path, *options: str) -> dict[str, Any]:
        """The JSON of the one site."""
        run = self.audit(archive, "--json", *options)
        assert run.returncode == 0, run.stderr[-3000:]
        (site,) = json.loads(run.stdout)["sites"]
        return dict(site)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    paper = Paper(Edition(DEFAULT_CLOCK, Holes()))
    log = tmp_path_factory.mktemp("paper") / "requests.jsonl"
    with running([paper], log=log) as replica:
        process = ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log)
        yield Desk(paper, Crawler(process, tmp_path_factory))


def given(*arguments: str) -> list[str]:
    return [part for argument in arguments for part in ("-a", argument)]


# What was crawled before, and which of the holes are left by that.
WAYS = {
    "an outage": (
        [given("since=2016-01-01", "follow=article,related,next_page,category,tag,topic,feed,sitemap")],
        ("unlisted", "unmapped", "related"),
    ),
    "listings crawled, sitemap read": (
        [given("categories=tin-moi", "follow=article,next_page"), given(f"seeds={SITEMAP}", "follow=sitemap")],
        ("unlisted", "related"),
    ),
    "sitemap crawled, listings read": (
        [given(f"seeds={SITEMAP}", "follow=sitemap,article"), given("categories=tin-moi", "follow=next_page")],
        ("unmapped", "related"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_it_names_the_holes_and_fills_them(way: str, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    crawls, kinds = WAYS[way]
    holes = desk.paper.with_hole(*kinds)
    archive = desk.crawl.new_archive()
    desk.paper.down = holes if way == "an outage" else frozenset()
    for arguments in crawls:
        since = [] if "since=2016-01-01" in arguments else given("since=2016-01-01")
        run = desk.crawl("baoquocte", *arguments, *since, archive=archive)
        assert run.status == 0, run.stderr[-3000:]
    desk.paper.down = frozenset()

    before = desk.site(archive)
    assert {hole["url"] for hole in before["holes"]} == holes
    assert before["missing"] == len(holes)
    assert before["failed"] == (len(holes) if way == "an outage" else 0)
    assert before["promised"] == 320 - 4
    for kind, channels in {"unlisted": {"sitemap", "related"}, "related": {"related"}}.items():
        for hole in before["holes"]:
            if hole["url"] in desk.paper.with_hole(kind):
                assert {name["channel"] for name in hole["named_by"]} == channels

    filled = desk.audit(archive, "--fill", "--json")
    assert filled.returncode == 0, filled.stderr[-3000:]
    (site,) = json.loads(filled.stdout)["sites"]
    assert (site["holes"], site["archived"]) == ([], 316)
    assert not desk.paper.with_hole("hidden") & {name["url"] for name in before["holes"]}
    found = site["estimate"]
    with capsys.disabled():
        sys.stdout.write(f"\n{way}: {len(holes)} named and filled; all: {found['low']:.1f} to {found['high']:.1f}\n")
        for one in found["estimators"]:
            sys.stdout.write(f"  {one['name']}: {one['total']:.1f}, {one['low']:.1f} to {one['high']:.1f}\n")
    days = [s.published.astimezone(HANOI).date().isoformat() for s in desk.paper.edition.stories if s.language == "vi"]
    truth = sum(found["since"] <= day <= found["until"] for day in days)
    assert truth == found["known"] + 4
    if way == "an outage":  # every channel was read
        assert found["low"] <= truth <= found["high"]


@pytest.mark.slow
def test_a_fill_that_is_stopped(desk: Desk) -> None:
    """The signal reaches the crawl, which ends cleanly; what it has filled is in the report, and its status is ours."""
    archive = desk.crawl.new_archive()
    read = desk.crawl("baoquocte", *given(f"seeds={SITEMAP}", "follow=sitemap", "since=2016-01-01"), archive=archive)
    assert read.status == 0, read.stderr[-3000:]
    before = desk.site(archive)
    assert before["not_asked"] == before["missing"] == 320 - 4 - 3 - 5
    asked = len(desk.crawl.replica.requests())
    env = desk.crawl.replica.environment()
    with subprocess.Popen(
        desk.command(archive, "--fill", "--json", delay="0.2"),
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        give_up = monotonic() + 60
        while len(desk.crawl.replica.requests()) < asked + 5 and monotonic() < give_up:
            sleep(0.1)
        run.terminate()
        out, err = run.communicate(timeout=60)
    assert run.returncode == 11, err[-3000:]
    (site,) = json.loads(out)["sites"]
    assert 0 < site["archived"] < 100
    assert site["archived"] + site["missing"] >= before["missing"]
