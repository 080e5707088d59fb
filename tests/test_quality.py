"""The quality gate: pages written by hand after what is known of each site's markup, era by era, and their rows.

Nothing here is made by the replica's templates, and the expected rows were written before they were extracted. What a
row does not name must be null or empty. The table goes to the test's output (``pytest -s``); floors only rise.
"""

import dataclasses
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree
from scrapy.http import Response

from crawler.blocks import TEXT_TYPES, BlockRules
from crawler.items import Article
from crawler.page import ArticlePage
from pipelines.clean import CleanPipeline
from tests.test_spiders_sites import FIXTURES, SITES

FOLDER = Path(__file__).parent / "quality"
PAGES = sorted(path.with_suffix("") for path in FOLDER.rglob("*.html"))
NAMES = [f"{page.parent.name}/{page.name}" for page in PAGES]
HTML = {"Content-Type": "text/html; charset=utf-8"}
FIELDS = (
    *("id", "work_id", "kind", "language", "is_translation", "translation_of", "canonical_url", "title", "kicker"),
    *("sapo", "body", "blocks", "byline", "authors", "agencies", "publisher", "source", "section", "breadcrumbs"),
    *("tags", "topics", "images", "videos", "links", "published", "modified_at"),
)
FLOORS: dict[str, int] = json.loads((FOLDER / "floors.json").read_text("utf-8"))  # right values by field, of all pages


def told(row: Article) -> dict[str, Any]:
    """A row in the short form of the expected ones."""
    found = {name: getattr(row, name) for name in FIELDS if name != "published"}
    found["blocks"] = [[b.type, b.text or b.url or b.rows, b.caption, b.credit] for b in row.blocks]
    found["authors"] = [[author.name, author.role] for author in row.authors]
    found["source"] = [row.source.name, row.source.url, row.source.id]
    found["breadcrumbs"] = [[crumb.name, crumb.url] for crumb in row.breadcrumbs]
    for name in ("tags", "topics"):
        found[name] = [[tag.name, tag.url, tag.key] for tag in getattr(row, name)]
    found["images"] = [[image.url, image.caption, image.credit] for image in row.images]
    found["videos"] = [video.url for video in row.videos]
    found["links"] = [[link.kind, link.url] for link in row.links]
    found["published"] = [row.published_at, row.published_date, row.published_precision]
    return found


@cache
def expected(page: Path) -> dict[str, Any]:
    """The row as written by hand, with what follows from it: ``body`` from the blocks, absent keys as empty."""
    row = json.loads(page.with_suffix(".json").read_text("utf-8"))["row"]
    row["blocks"] = [[*block, None, None][:4] for block in row["blocks"]]
    row["body"] = "\n\n".join(text for kind, text, *_ in row["blocks"] if kind in TEXT_TYPES) or None
    row.setdefault("work_id", row["id"])
    row.setdefault("is_translation", False)
    row.setdefault("source", [None, None, None])
    return {name: row.get(name, [] if name in _LISTS else None) for name in FIELDS}


_LISTS = {"authors", "agencies", "breadcrumbs", "tags", "topics", "images", "videos", "links"}


def address(page: Path) -> str:
    return str(json.loads(page.with_suffix(".json").read_text("utf-8"))["url"])


def read(page: Path, body: bytes | None = None) -> ArticlePage:
    response = Response(address(page), body=body or page.with_suffix(".html").read_bytes(), headers=HTML)
    return SITES[page.parent.name].page(response)


@cache
def found(page: Path) -> dict[str, Any]:
    return told(CleanPipeline().process_item(read(page).article()))


def is_empty(value: Any) -> bool:
    return value in (None, [], "") or (isinstance(value, list) and not any(value))


def verdict(page: Path, field: str) -> str:
    want, have = expected(page)[field], found(page)[field]
    return "right" if want == have else "missing" if is_empty(have) else "wrong"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_page_is_an_article_and_every_field_is_right(page: Path) -> None:
    assert read(page).is_article()
    unknown = set(json.loads(page.with_suffix(".json").read_text("utf-8"))["row"]) - set(FIELDS)
    assert not unknown
    assert found(page) == expected(page)


def test_the_table_and_its_floors() -> None:
    counts = {field: Counter(verdict(page, field) for page in PAGES) for field in FIELDS}
    lines = [f"{'field':16}{'right':>7}{'wrong':>7}{'missing':>9}   of {len(PAGES)} pages"]
    lines += [f"{name:16}{c['right']:7}{c['wrong']:7}{c['missing']:9}" for name, c in counts.items()]
    print("\n".join(["", *lines]))  # noqa: T201
    below = {name: (c["right"], FLOORS[name]) for name, c in counts.items() if c["right"] < FLOORS[name]}
    assert not below, f"right values fell below the floor: {below}"


def test_the_gate_has_several_eras_of_each_site() -> None:
    eras = Counter(page.parent.name for page in PAGES)
    assert set(eras) == set(SITES) - {"news"}
    assert min(eras.values()) >= 3
