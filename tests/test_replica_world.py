"""The replica's sites against their own truth: what the pages hold, and that every promise is kept."""

from __future__ import annotations

import json
import re
from collections import deque
from datetime import datetime
from functools import cache
from typing import Any
from unicodedata import is_normalized, normalize
from urllib.parse import urljoin, urlsplit

import pytest
from lxml import html

from tests.replica.server import Answer, Request
from tests.replica.world import World, build

BASE = datetime.fromisoformat("2026-11-20T12:00:00+07:00")
NEXT_DAY = datetime.fromisoformat("2026-11-21T12:00:00+07:00")
SITES = ("baoquocte.vn", "vietnam.vn")
ROW_KEYS = ("url", "title", "sapo", "body", "blocks", "breadcrumbs", "tags", "byline", "published_date")
STAMPS = re.compile(
    rb"\d\d-\d\d-2026 \d\d:\d\d:\d\d|randTime=\d+|\d\d/\d\d/2026 \d\d:\d\d</span>|cached \d\d:\d\d:\d\d"
)


@cache
def world(clock: datetime) -> World:
    return build(clock)


@cache
def truth(clock: datetime) -> dict[str, Any]:
    return world(clock).truth()


def articles(site: str, clock: datetime = BASE) -> dict[str, Any]:
    found: dict[str, Any] = truth(clock)["sites"][site]["articles"]
    return found


def fetch(url: str, clock: datetime = BASE) -> Answer:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    site = next(site for site in world(clock).sites if parts.netloc in site.hosts)
    return site.respond(Request("GET", parts.scheme, parts.netloc, target, ()))


def hosts() -> set[str]:
    return {host for site in world(BASE).sites for host in site.hosts}


def addresses(url: str, body: bytes, attributes: tuple[str, ...] = ("href",)) -> list[str]:
    """Every address of a page that the replica should answer."""
    root = html.document_fromstring(body.decode(), parser=html.HTMLParser())
    values = [value.strip() for element in root.iter() for name in attributes if (value := element.get(name))]
    joined = [urljoin(url, value).partition("#")[0] for value in values if not value.startswith("data:")]
    return [address for address in dict.fromkeys(joined) if urlsplit(address).netloc in hosts()]


def test_counts() -> None:
    baoquocte, vietnam = articles("baoquocte.vn"), articles("vietnam.vn")
    assert sum(row["language"] == "vi" for row in baoquocte.values()) == 320
    assert sum(row["language"] == "en" for row in baoquocte.values()) == 5
    for language in ("vi", "en"):
        assert sum(row["language"] == language for row in vietnam.values()) >= 300
    copies = [row for row in vietnam.values() if row["source"]["id"] and row["language"] == "vi"]
    silent = [row for row in vietnam.values() if row["copy_of"] and row["language"] == "vi"]
    assert len(copies) > 40
    assert len(silent) > 40
    assert all((row["source"]["id"] or row["copy_of"]) in baoquocte for row in copies + silent)
    lists = truth(BASE)["sites"]["baoquocte.vn"]["listings"]
    tags = {url.partition("&")[0] for url, page in lists.items() if page["kind"] == "tag"}
    topics = {url.partition("&")[0] for url, page in lists.items() if page["kind"] == "topic"}
    assert (len(tags), len(topics)) == (30, 5)


@pytest.mark.parametrize("site", SITES)
def test_texts_are_unique_and_composed(site: str) -> None:
    rows = articles(site).values()
    originals = [row for row in rows if row["language"] == "vi"]
    bodies = [row["body"] for row in originals]
    assert len(set(bodies)) == len(bodies)
    assert all(is_normalized("NFC", json.dumps(row, ensure_ascii=False)) for row in rows)


def test_baoquocte_numbers_are_odd_and_grow_with_time() -> None:
    rows = [row for row in articles("baoquocte.vn").values() if row["language"] == "vi"]
    numbers = [int(row["id"].partition(":")[2]) for row in sorted(rows, key=lambda row: row["published_at"])]
    assert numbers == sorted(numbers)
    assert all(number % 2 for number in numbers)
    assert all(re.search(rf"-{row['id'].partition(':')[2]}\.(html|media)$", row["url"]) for row in rows)


@pytest.mark.slow
def test_two_builds_are_equal() -> None:
    again = build(BASE)
    assert json.dumps(again.truth()) == json.dumps(truth(BASE))
    urls = [row["url"] for row in (*articles("baoquocte.vn").values(), *articles("vietnam.vn").values())][::40]
    for url in urls:
        parts = urlsplit(url)
        site = next(site for site in again.sites if parts.netloc in site.hosts)
        other = site.respond(Request("GET", parts.scheme, parts.netloc, parts.path, ()))
        assert STAMPS.sub(b"", other.body) == STAMPS.sub(b"", fetch(url).body)


def test_a_baoquocte_page_differs_at_every_fetch_in_its_stamps_only() -> None:
    url = next(iter(articles("baoquocte.vn").values()))["url"]
    first, second = fetch(url).body, fetch(url).body
    assert first != second
    assert STAMPS.sub(b"", first) == STAMPS.sub(b"", second)


@pytest.mark.parametrize("site", SITES)
def test_pages_hold_what_the_truth_says(site: str) -> None:
    for row in list(articles(site).values())[::3]:
        answer = fetch(row["url"])
        assert answer.status == 200, row["url"]
        root = html.document_fromstring(answer.body.decode())
        shown = tidy(" ".join(text for text in root.itertext() if isinstance(text, str)))
        wanted = [row["title"], row["sapo"], row["kicker"], row["byline"], *(tag["name"] for tag in row["tags"])]
        for block in row["blocks"]:
            wanted += [*(block["items"] or [block["text"]]), block["caption"], block["credit"]]
            wanted += [cell for cells in block["rows"] for cell in cells]
        missing = [text for text in wanted if text and tidy(text) not in shown]
        assert not missing, (row["url"], missing)
        sources = {image.get("src") for image in root.iter("img")}
        assert {image["url"] for image in row["images"]} <= sources


def tidy(text: str) -> str:
    return re.sub(r"[\s\u00a0\u200b\u00ad]+", "", normalize("NFC", text))


@pytest.mark.parametrize("site", SITES)
def test_the_truth_agrees_with_itself(site: str) -> None:
    for id, row in articles(site).items():
        texts = [b["text"] for b in row["blocks"] if b["type"] in ("paragraph", "heading", "quote", "list")]
        assert row["body"] == "\n\n".join(texts)
        assert [b["url"] for b in row["blocks"] if b["type"] == "image"] == [i["url"] for i in row["images"]]
        assert row["id"] == id
        assert row["section"] == row["breadcrumbs"][0]["name"]
        assert (row["published_at"] is None) == (row["published_precision"] == "day")
        assert row["published_at"] is None or row["published_at"].startswith(row["published_date"])
        assert row["byline"] is None or row["byline"] not in row["body"].split("\n\n")
        assert row["is_translation"] == (site == "vietnam.vn" and row["language"] == "en")


def test_bodies_hold_nothing_of_related_boxes() -> None:
    rows = articles("baoquocte.vn")
    for row in rows.values():
        for link in row["links"]:
            assert link["text"] not in row["body"]
        assert "More from WVR" not in row["body"]
        assert "Tin cùng chuyên mục" not in row["body"]


def test_every_oddity_occurs() -> None:
    rows = articles("baoquocte.vn").values()
    assert {row["era"] for row in rows} == {"2018", "2021", "2024", "2026"}
    assert {row["kind"] for row in rows} == {"article", "video", "infographic", "emagazine"}
    assert {trait for row in rows for trait in row["traits"]} >= {"entities", "nfd", "dirty", "keyword_link", "etag"}
    kinds = {block["type"] for row in rows for block in row["blocks"]}
    assert kinds == {"paragraph", "heading", "quote", "list", "table", "image", "video"}
    assert {row["published_precision"] for row in rows} == {"second", "minute"}
    assert {row["published_precision"] for row in articles("vietnam.vn").values()} == {"second", "day"}


@pytest.mark.parametrize("site", SITES)
def test_every_address_of_a_page_answers(site: str) -> None:
    known = truth(BASE)["sites"][site]
    pages = [row["url"] for row in list(known["articles"].values())[::23]] + list(known["listings"])[::7]
    links = {link: page for page in pages for link in addresses(page, fetch(page).body, ("href", "src", "data-src"))}
    dead = {404: set(known["gone"]), 403: set(known["challenge"])}
    for link, page in links.items():
        status = fetch(link).status
        assert status in (200, 301, 308) or link in dead[status], (status, link, page)
    assert len(links) > 500


@pytest.mark.parametrize("site", SITES)
def test_images_are_files_of_their_type(site: str) -> None:
    magic = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/webp": b"RIFF"}
    bodies = set()
    images = [image["url"] for row in list(articles(site).values())[::5] for image in row["images"]]
    for url in images:
        answer = fetch(url)
        kind = dict(answer.headers)["Content-Type"]
        assert answer.body.startswith(magic[kind]), url
        bodies.add(answer.body)
    assert len(bodies) == len(set(images))


@pytest.mark.parametrize("site", SITES)
def test_listings_show_their_articles_and_their_next_page(site: str) -> None:
    known = truth(BASE)["sites"][site]
    for url, page in known["listings"].items():
        links = addresses(url, fetch(url).body)
        assert {known["articles"][id]["url"] for id in page["articles"]} <= set(links), url
        if page["next_page"]:
            assert page["next_page"] in links
            assert page["next_page"] in known["listings"]


def test_the_pager_marks_more_than_the_current_number() -> None:
    root = html.document_fromstring(fetch("https://baoquocte.vn/the-gioi").body.decode())
    marked = [span.text for span in root.cssselect("div.__MB_ARTICLE_PAGING span.current")]
    assert marked == ["|<", "<", "1"]


@pytest.mark.parametrize("clock", [BASE, pytest.param(NEXT_DAY, marks=pytest.mark.slow)])
def test_a_walk_over_all_links_finds_all_but_the_hidden_articles(clock: datetime) -> None:
    known = truth(clock)["sites"]["baoquocte.vn"]
    numbers = {int(id.partition(":")[2]): row for id, row in known["articles"].items()}
    seen: set[str] = set()
    found: set[int] = set()
    queue = deque(["https://baoquocte.vn/", "https://baoquocte.vn/sitemaparticles-site-1.xml"])
    while queue:
        url = queue.popleft()
        answer = fetch(url, clock)
        if answer.status == 301:
            links = [dict(answer.headers)["Location"]]
        elif url.endswith(".xml"):
            links = re.findall("<loc>(.*?)</loc>", answer.body.decode())
        else:
            links = re.findall(r"href=\"(https://(?:en\.)?baoquocte\.vn/[^\"]*)\"", answer.body.decode())
        for link in dict.fromkeys(link.replace("&amp;", "&") for link in links):
            article = re.search(r"-(\d+)\.(?:html|media)", link)
            key = article[1] if article else link
            if key not in seen and "@" not in link and "mobile=yes" not in link and "/modules/" not in link:
                seen.add(key)
                if article and int(article[1]) in numbers:
                    found.add(int(article[1]))
                queue.append(link)
    missing = [row["group"] for number, row in numbers.items() if number not in found]
    assert missing == ["hidden"] * 4


def test_groups_are_reachable_by_their_one_channel() -> None:
    for site, sizes in (("baoquocte.vn", (6, 6, 4)), ("vietnam.vn", (3, 3, 4))):
        rows = [row for row in articles(site).values() if row["language"] == "vi"]
        assert tuple(sum(row["group"] == g for row in rows) for g in ("related", "sitemap", "hidden")) == sizes
        for row in rows:
            ways = {name for name, value in row["reachable_from"].items() if value} - {"edition_of"}
            if row["group"] != "listed" and row["group"] != "english":
                assert ways == {"related": {"related"}, "sitemap": {"sitemap"}, "hidden": set()}[row["group"]], row[
                    "id"
                ]


def test_the_next_day_changes_exactly_what_it_says() -> None:
    before, after = articles("baoquocte.vn"), articles("baoquocte.vn", NEXT_DAY)
    known = truth(NEXT_DAY)["sites"]["baoquocte.vn"]
    edited, removed, added = set(known["edited"]), set(known["removed"]), set(known["added"])
    assert (len(edited), len(removed), len(added)) == (20, 5, 15)
    assert set(before) - set(after) == removed
    assert set(after) - set(before) == added
    for id in set(before) & set(after):
        changed = {key for key in before[id] if key in ROW_KEYS and before[id][key] != after[id][key]}
        assert changed == ({"body", "blocks"} if id in edited else set()), id
    for id in edited:
        old, new = before[id]["body"].split("\n\n"), after[id]["body"].split("\n\n")
        assert sum(a != b for a, b in zip(old, new, strict=True)) == 1
        assert BASE.isoformat() < after[id]["modified_at"] < NEXT_DAY.isoformat()
    assert {fetch(before[id]["url"], NEXT_DAY).status for id in removed} == {404}
    assert {fetch(after[id]["url"]).status for id in added} == {404}
    assert all(after[id]["reachable_from"]["sitemap"] and after[id]["reachable_from"]["categories"] for id in added)
    assert articles("vietnam.vn").keys() == articles("vietnam.vn", NEXT_DAY).keys()


def test_an_etag_changes_with_an_edit_only() -> None:
    known = truth(NEXT_DAY)["sites"]["baoquocte.vn"]
    tagged = {id: row["url"] for id, row in articles("baoquocte.vn").items() if "etag" in row["traits"]}
    assert 0.4 < len(tagged) / len(articles("baoquocte.vn")) < 0.6
    for id in set(tagged) & set(known["articles"]):
        tags = [dict(fetch(tagged[id], clock).headers)["ETag"] for clock in (BASE, NEXT_DAY)]
        assert (tags[0] != tags[1]) == (id in known["edited"]), id


@pytest.mark.parametrize(
    ("url", "status", "location"),
    [
        ("http://baoquocte.vn/the-thao", 301, "https://baoquocte.vn/the-thao"),
        ("https://www.baoquocte.vn/the-thao&s_cond=&BRSR=15", 301, "https://baoquocte.vn/the-thao&s_cond=&BRSR=15"),
        ("https://baoquocte.vn/the-thao&s_cond=&BRSR=900", 200, None),
        ("https://baoquocte.vn/rss/the-gioi.rss", 404, None),
        ("https://baoquocte.vn/the-gioi/rss_feed/", 200, None),
        ("https://baoquocte.vn/khong-co-bai-nay-999999.html", 404, None),
        ("http://id.baoquocte.vn/the-thao", 200, None),
        ("https://vietnam.vn/category/the-thao", 301, "https://www.vietnam.vn/category/the-thao"),
        ("http://www.vietnam.vn/", 301, "https://www.vietnam.vn/"),
        ("https://www.vietnam.vn/category/the-thao/", 308, "https://www.vietnam.vn/category/the-thao"),
        ("https://www.vietnam.vn/khong-co-bai-nay", 404, None),
        ("https://www.vietnam.vn/sitemap/sitemap-post/2023-01-01.xml", 200, None),
    ],
)
def test_addresses_beside_the_articles(url: str, status: int, location: str | None) -> None:
    answer = fetch(url)
    assert (answer.status, dict(answer.headers).get("Location")) == (status, location)


def test_copies_of_an_article_name_its_address() -> None:
    row = next(iter(articles("baoquocte.vn").values()))
    number = row["id"].partition(":")[2]
    path = urlsplit(row["url"]).path
    for url in (
        f"{row['url']}&mobile=yes&amp=1",
        f"{row['url']}&mobile=yes",
        f"https://baoquocte.vn/apicenter@/print_article&i={number}",
        f"http://id.baoquocte.vn{path}",
    ):
        answer = fetch(url)
        assert answer.status == 200
        assert f'<link rel="canonical" href="{row["url"]}" />' in answer.body.decode()
    assert dict(fetch(f"https://baoquocte.vn/ten-khac-{number}.html").headers)["Location"] == row["url"]


def test_walls_and_soft_404_look_like_no_article() -> None:
    known = truth(BASE)["sites"]["baoquocte.vn"]
    wall = fetch(known["challenge"][0])
    assert (wall.status, dict(wall.headers)["cf-mitigated"]) == (403, "challenge")
    for site in SITES:
        page = fetch(truth(BASE)["sites"][site]["soft_404"][0])
        assert page.status == 200
        assert b"articleBody" not in page.body
        assert b"post-detail-body" not in page.body


def test_daily_sitemaps_of_vietnam() -> None:
    known = truth(BASE)["sites"]["vietnam.vn"]
    index = fetch(known["sitemaps"]["index"]).body.decode()
    days = re.findall(r"/sitemap/sitemap-post/(\d{4}-\d\d-\d\d)\.xml", index)
    assert (days[0], days[-1], len(days)) == ("2023-01-01", "2026-11-20", 1420)
    for url, ids in known["sitemaps"]["articles"].items():
        text = fetch(url).body.decode()
        assert sorted(re.findall("<loc>(.*?)</loc>", text)) == sorted(known["articles"][id]["url"] for id in ids)
    assert re.search(r"<lastmod>2026-11-\d\dT\d\d:\d\d:\d\d\.\d{3}Z</lastmod>", text)
