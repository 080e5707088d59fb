"""What a site permits: noted in the rows, archived, and obeyed unless somebody gave a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.changing import HOME, HTML, LIST, Press, address, article, listing, printing
from tests.replica.server import Answer
from tests.smallpaper import proven
from warc.reader import read_records

TDMREP = f"{HOME}/.well-known/tdmrep.json"


@pytest.fixture
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    with printing(tmp_path_factory) as press:
        press.paper.closed = "/chuyen-cam"
        pages = [address(1), address(2), address(3, "chuyen-cam")]
        for number, url in enumerate(pages, 1):
            press.paper.put(url, article(number))
        press.paper.put(LIST, listing(pages))
        yield press


def robots_of(press: Press) -> set[tuple[str | None, str | None]]:
    """``robots`` and ``robots-reason`` of every warcinfo."""
    found = set()
    for file in press.archive.rglob("*.warc.gz"):
        info = next(iter(read_records(file))).block.decode()
        fields = dict(line.split(": ", 1) for line in info.splitlines() if line)
        found.add((fields.get("robots"), fields.get("robots-reason")))
    return found


def rules(press: Press) -> dict[str, str | None]:
    return {row["url"]: row["permissions"]["robots_rule"] for row in press.lines("articles")}


@pytest.mark.slow
def test_robots_txt_is_only_noted_where_somebody_gave_a_reason(press: Press) -> None:
    assert press.crawl().status == 0
    assert rules(press) == {address(1): None, address(2): None}
    assert robots_of(press) == {("classic", None)}

    reason = "Luật Lưu chiểu, điều 22"
    press.paper.robots = []
    run = press.crawl("-a", "recrawl=all", settings={"ROBOTS_POLICY": "record-only", "ROBOTS_REASON": reason})
    assert run.status == 0
    assert rules(press)[address(3, "chuyen-cam")] == "Disallow: /chuyen-cam"
    assert ("ignore", reason) in robots_of(press)
    asked = [entry.url for entry in press.replica.requests]
    assert asked.count(f"{HOME}/robots.txt") == 2  # it is asked for, and a record, all the same
    assert asked[-1] != f"{HOME}/robots.txt"


def test_without_a_reason_nothing_is_asked(press: Press) -> None:
    run = press.crawler("baoquocte", settings={"ROBOTS_POLICY": "record-only"}, archive=press.archive)
    assert run.status == 2
    assert "ROBOTS_REASON" in run.stderr
    run = press.crawler("baoquocte", settings={"ROBOTS_POLICY": "ignore"}, archive=press.archive)
    assert run.status == 2
    assert "obey, record-only" in run.stderr
    assert press.replica.requests == []


@pytest.mark.slow
def test_reservations_of_the_site_stand_in_the_rows_and_in_the_archive(press: Press) -> None:
    said = [{"location": "/", "tdm-reservation": 0}, {"location": "/chuyen-lang-chai-2*", "tdm-reservation": 1}]
    press.paper.pages[TDMREP] = Answer(200, "OK", [("Content-Type", "application/json")], json.dumps(said).encode())
    press.paper.pages[address(1)].headers.append(("TDM-Reservation", "1"))
    press.paper.pages[address(1)].headers.append(("X-Robots-Tag", "noarchive"))
    assert press.crawl(settings={"TDMREP": "1"}).status == 0
    found = {row["url"]: row["permissions"] for row in press.lines("articles")}
    assert found[address(1)]["tdm_reservation"] == "1"  # the page's own word goes first
    assert found[address(1)]["x_robots_tag"] == "noarchive"
    assert found[address(2)]["tdm_reservation"] == "1"
    asked = [entry.url for entry in press.replica.requests]
    assert asked[:2] == [f"{HOME}/robots.txt", TDMREP]
    assert asked.count(TDMREP) == 1
    (file,) = [file for file in press.archive.rglob("*.warc.gz") if not file.name.endswith("-meta.warc.gz")]
    assert TDMREP in {record.target_uri for record in read_records(file) if record.type == "response"}
    assert proven(press.archive)


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 500, 302])
def test_a_site_that_reserves_nothing(press: Press, status: int) -> None:
    headers = [HTML, ("Location", "/.well-known/tdmrep.json")]
    press.paper.pages[TDMREP] = Answer(status, "No", headers, b"")
    assert press.crawl(settings={"TDMREP": "1"}).status == 0
    assert [row["permissions"]["tdm_reservation"] for row in press.lines("articles")] == [None, None]
