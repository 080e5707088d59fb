"""What a crawl asks for: arguments, limits and editions, against the replica's truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Crawler, ReplicaProcess
from tests.truth import rows_of

Articles = dict[str, dict[str, Any]]


def ids(archive: Path) -> set[str]:
    return {row["id"] for row in rows_of(archive)}


def listed(site: dict[str, Any], url: str) -> set[str]:
    """Articles of a list and of all its later pages."""
    found: set[str] = set()
    while url:
        page = site["listings"][url]
        found |= set(page["articles"])
        url = page["next_page"]
    return found


@pytest.fixture(scope="module")
def baoquocte(replica_process: ReplicaProcess) -> dict[str, Any]:
    site: dict[str, Any] = replica_process.truth["sites"]["baoquocte.vn"]
    return site


def test_a_tag_gives_its_articles_and_no_others(crawl: Crawler, baoquocte: dict[str, Any]) -> None:
    url = next(url for url, page in baoquocte["listings"].items() if page["kind"] == "tag" and page["next_page"])
    name = url.rsplit("/", 1)[-1].removesuffix(".tag")
    run = crawl("baoquocte", "-a", f"tags={name}", "-a", "related_depth=0")
    assert run.status == 0, run.stderr[-2000:]
    assert ids(run.archive) == listed(baoquocte, url)
    assert {row["found_by"]["channel"] for row in rows_of(run.archive)} == {"tag"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["the-thao", "https://baoquocte.vn/the-gioi/binh-luan"])
def test_a_category_by_name_or_address(name: str, crawl: Crawler, baoquocte: dict[str, Any]) -> None:
    run = crawl("baoquocte", "-a", f"categories={name}", "-a", "related_depth=0")
    url = name if name.startswith("https") else f"https://baoquocte.vn/{name}"
    assert run.status == 0
    assert ids(run.archive) == listed(baoquocte, url)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_related_articles_are_followed_so_many_hops(depth: int, crawl: Crawler, baoquocte: dict[str, Any]) -> None:
    articles: Articles = baoquocte["articles"]
    start = next(key for key, article in articles.items() if article["group"] == "listed" and article["links"])
    run = crawl("baoquocte", "-a", f"seeds={articles[start]['url']}", "-a", f"related_depth={depth}")
    assert run.status == 0
    by_url = {article["url"]: key for key, article in articles.items()}
    expected, edge = {start}, {start}
    for _ in range(depth):
        edge = {
            by_url[link["url"]]
            for key in edge
            for link in articles[key]["links"]
            if link["kind"] == "related" and link["url"] in by_url and articles[by_url[link["url"]]]["language"] == "vi"
        } - expected
        expected |= edge
    assert ids(run.archive) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("since=2026-11-15", lambda day: day >= "2026-11-15"),
        ("until=2026-11-12", lambda day: day <= "2026-11-12"),
    ],
)
def test_days_of_publication(
    arguments: str, wanted: Callable[[str], bool], crawl: Crawler, baoquocte: dict[str, Any]
) -> None:
    run = crawl("baoquocte", "-a", "categories=the-gioi", "-a", "related_depth=0", "-a", arguments)
    expected = listed(baoquocte, "https://baoquocte.vn/the-gioi")
    days = {key: baoquocte["articles"][key]["published_date"] for key in expected}
    assert ids(run.archive) == {key for key, day in days.items() if wanted(day)}
    assert "items/dropped/" in run.stderr


@pytest.mark.slow
def test_max_articles_is_never_exceeded_and_the_same_command_goes_on(
    crawl: Crawler, baoquocte: dict[str, Any], replica_process: ReplicaProcess
) -> None:
    before = len(replica_process.requests())
    archive = crawl.new_archive()
    expected = listed(baoquocte, "https://baoquocte.vn/ngoai-giao")
    limit = len(expected) // 2 + 1
    arguments = ("-a", "categories=ngoai-giao", "-a", "related_depth=0", "-a", f"max_articles={limit}")
    first = crawl("baoquocte", *arguments, archive=archive)
    assert first.status == 11, first.stderr[-2000:]
    assert len(rows_of(archive)) == limit
    second = crawl("baoquocte", *arguments, archive=archive)
    assert second.status == 0, second.stderr[-2000:]
    rows = rows_of(archive)
    assert {row["id"] for row in rows} == expected
    assert len(rows) == len(expected)
    pages = [entry["url"] for entry in replica_process.requests()[before:] if entry["url"].endswith(".html")]
    assert len(pages) == len(set(pages))


@pytest.mark.slow
def test_the_english_edition_alone(crawl: Crawler, replica_process: ReplicaProcess) -> None:
    run = crawl("vietnamvn", "-a", "languages=en", "-a", "max_articles=30")
    assert run.status == 11, run.stderr[-2000:]
    assert {row["language"] for row in rows_of(run.archive)} == {"en"}
    assert all(row["is_translation"] and row["translation_of"] for row in rows_of(run.archive))


@pytest.mark.slow
@pytest.mark.parametrize(
    "spelling", ["{url}&mobile=yes&amp=1", "{url}&mobile=yes", "{url}?utm_source=zalo", "{mirror}"]
)
def test_every_spelling_is_the_same_article(spelling: str, crawl: Crawler, baoquocte: dict[str, Any]) -> None:
    key, article = next((k, a) for k, a in baoquocte["articles"].items() if a["language"] == "vi" and a["tags"])
    url = article["url"]
    mirror = url.replace("https://baoquocte.vn", "http://id.baoquocte.vn")
    seeds = f"{spelling.format(url=url, mirror=mirror)},{url}"
    run = crawl("baoquocte", "-a", f"seeds={seeds}", "-a", "related_depth=0")
    assert [row["id"] for row in rows_of(run.archive)] == [key]


@pytest.mark.slow
def test_output_files_carry_the_same_rows(crawl: Crawler, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    run = crawl("baoquocte", "-a", "categories=the-thao", "-a", "max_articles=5", "-O", str(out))
    (file,) = (run.archive / "articles").rglob("*.jsonl")
    assert sorted(out.read_bytes().splitlines()) == sorted(file.read_bytes().splitlines())
