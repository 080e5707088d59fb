"""A paper between traps: a real crawl ends by itself, has every article, and asked little of what has no end."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from tests.conftest import Crawler, ReplicaProcess
from tests.replica.server import Answer, Replica, Request, running
from tests.smallpaper import HOST, HTML, SmallPaper, list_address, proven
from tests.truth import rows_of

PAGES = 20  # TRAP_PAGES
ARTICLES = 120
HOME = f"http://{HOST}/"
SLACK = 16  # requests that were handed out before the last barren page was read


class Swamp(SmallPaper):
    """Every list and every page between them leads into traps too."""

    def __init__(self) -> None:
        super().__init__(ARTICLES)
        self._random = Random(7)

    def respond(self, request: Request) -> Answer:
        if request.url == HOME:
            return page("Trang nhất", [list_address(0), *self.entrances()])
        name = request.target.partition("?")[0].split("/")[1]
        if name == "sao":
            return super().respond(replace(request, target=next(iter(self.articles)).removeprefix(HOME[:-1])))
        links = getattr(self, f"in_{name.replace('-', '_')}", None)
        if links is not None:
            return page(f"Trang {request.target}", links(request.target))
        answer = super().respond(replace(request, target=request.target.partition(";jsessionid=")[0]))
        if b"<h2>" in answer.body:  # the lists themselves: a number of the visit behind each address
            sid = f"{self._random.getrandbits(128):032x}"
            body = answer.body.replace(b'.html"', f'.html;jsessionid={sid}"'.encode())
            answer = Answer(answer.status, answer.reason, answer.headers, body)
        return answer

    def entrances(self) -> list[str]:
        return ["/lich/2026/11", "/vong/a/b/", "/loc?mau=do&co=to", "/tag/lua", "/ban-sao/1", "/phien?sid=1", "/so/1"]

    def in_lich(self, target: str) -> list[str]:
        """Months, backwards and forwards, each with two articles that everybody knows."""
        year, month = map(int, target.split("/")[2:4])
        months = [(year + (month == 12), month % 12 + 1), (year - (month == 1), (month - 2) % 12 + 1)]
        return [*list(self.articles)[:2], *(f"/lich/{y}/{m}" for y, m in months)]

    def in_vong(self, target: str) -> list[str]:
        return [f"{target}a/b/"]

    def in_loc(self, target: str) -> list[str]:
        """The same filters in any order, and more of them."""
        pairs = target.partition("?")[2].split("&")
        more = [f"loc{self._random.randrange(9)}={self._random.randrange(99)}", *pairs]
        return [*list(self.articles)[:3], f"/loc?{'&'.join(pairs[::-1])}", f"/loc?{'&'.join(more)}"]

    def in_tag(self, target: str) -> list[str]:
        words = [f"{self._random.getrandbits(40):010x}" for _ in range(5)]
        return [*list(self.articles)[:2], *(f"/tag/{word}" for word in words)]

    def in_ban_sao(self, target: str) -> list[str]:
        """Lists without end of one article at ever new addresses."""
        number = int(target.split("/")[2])
        return [*(f"/sao/ban-cua-tin-{number}-{n}.html" for n in range(10)), f"/ban-sao/{number + 1}"]

    def in_so(self, target: str) -> list[str]:
        number = int(target.split("/")[2])
        return [f"/so/{number + 1}", f"/so/{number + 2}"]

    def in_phien(self, target: str) -> list[str]:
        """The session-id trap: each page has ten addresses of itself."""
        return [f"/phien?sid={self._random.getrandbits(128):032x}" for _ in range(10)]


def page(title: str, links: list[str]) -> Answer:
    items = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
    html = f"<html><head><title>{title}</title></head><body><h2>{title}</h2>{items}</body></html>"
    return Answer(200, "OK", [HTML], html.encode())


@pytest.fixture(scope="module")
def swamp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Swamp, Replica, Crawler]]:
    paper, log = Swamp(), tmp_path_factory.mktemp("paper") / "requests.jsonl"
    with running([paper], log=log) as replica:
        yield paper, replica, Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), tmp_path_factory)


@pytest.mark.slow
def test_a_crawl_among_traps(swamp: tuple[Swamp, Replica, Crawler]) -> None:
    paper, replica, crawl = swamp
    follow = "follow=article,next_page,category,tag,related"
    settings = {"TRAP_PAGES": str(PAGES)}
    run = crawl("news", "-a", f"seeds={HOME}", "-a", follow, settings=settings, timeout=300)
    assert run.status == 0, run.stderr[-3000:]

    rows = rows_of(run.archive)
    assert {row["url"] for row in rows if "/sao/" not in row["url"]} == set(paper.articles)
    asked = Counter(entry.url.partition("?")[0].split("/")[3] for entry in replica.requests)
    ways = ("lich", "loc", "tag", "ban-sao", "sao", "so")
    assert {way: asked[way] for way in ways if asked[way] > PAGES + SLACK} == {}
    assert asked["phien"] == 2  # the seed's link, and the page without the number of a visit
    assert asked["vong"] <= 3
    assert not any("jsessionid" in entry.url for entry in replica.requests)
    assert len(rows) <= ARTICLES + PAGES + SLACK

    with sqlite3.connect(run.archive / "ledger.sqlite") as ledger:
        refused = dict(ledger.execute("SELECT reason, COUNT(*) FROM frontier WHERE state = 'refused' GROUP BY reason"))
    (log,) = (run.archive / "logs").rglob("*.crawl.log")
    told = {line.rpartition(" ")[2] for line in log.read_text("ascii").splitlines() if line.split(" ")[1] == "-5003"}
    wanted = {"trap_calendar", "trap_path_loop", "trap_facets", "trap_parameter_order", "trap_tags", "trap_lists"}
    assert wanted <= set(refused)
    assert wanted | {"trap_duplicates", "session_id"} <= told
    assert all(f"{reason} " in run.stderr for reason in wanted)  # the summary counts them
    assert proven(run.archive)
