"""What the metadata record of each capture says of the crawl that led to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crawler.arguments import scope_digest
from tests.changing import LIST, Press, address, article, listing, printing
from warc.reader import read_records
from warc.record import TLS
from warc.writer import is_meta


@pytest.fixture
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    with printing(tmp_path_factory) as press:
        yield press


def test_each_capture_names_its_seed_and_its_scope(press: Press) -> None:
    """An article of a list, one behind a redirect, one beside an article, the seed itself, and robots.txt."""
    paper = press.paper
    paper.put(LIST, listing([address(1), address(2)]))
    beside = f'<div class="article-related"><a href="{address(4)}">Bài bốn</a></div>'
    paper.put(address(1), article(1).replace("</body>", f"{beside}</body>"))
    paper.redirect(address(2), address(3))
    for number in (3, 4):
        paper.put(address(number), article(number))
    press.crawl()
    (file,) = (path for path in press.archive.rglob("*.warc.gz") if not is_meta(path.name))
    records = list(read_records(file))
    told = {one.target_uri: dict(one.fields()) for one in records if one.type == "metadata"}
    assert [told.pop(uri)["verified"] for uri in list(told) if uri.startswith(TLS)] == ["yes"]  # of the connection
    (info,) = (dict(one.fields()) for one in records if one.type == "warcinfo")
    assert {facts["scope"] for facts in told.values()} == {scope_digest(info["scope"])}
    seeds = {url: facts.get("seed") for url, facts in told.items()}
    robots = next(url for url in seeds if url.endswith("/robots.txt"))
    assert seeds.pop(robots) is None
    assert {LIST, address(1), address(2), address(3)} <= seeds.keys()
    assert set(seeds.values()) == {LIST}
    assert told[address(3)]["hopsFromSeed"] == "L>"
