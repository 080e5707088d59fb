"""The quality gate: pages written by hand after what is known of each site's markup, era by era, and their rows.

Nothing here is made by the replica's templates, and the expected rows were written before they were extracted. What a
row does not name must be null or empty. The table goes to the test's output (``pytest -s``); floors only rise.
"""

import copy
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
FLOORS: dict[str, dict[str, int]] = json.loads((FOLDER / "floors.json").read_text("utf-8"))


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
    floors = FLOORS["right values"]
    below = {name: (c["right"], floors[name]) for name, c in counts.items() if c["right"] < floors[name]}
    assert not below, f"right values fell below the floor: {below}"


def test_the_gate_has_several_eras_of_each_site() -> None:
    eras = Counter(page.parent.name for page in PAGES)
    few = [site for site in SITES if site != "news" and eras[site] < 3]
    assert not few, f"write at least three pages with their rows into tests/quality/<site>/ for {', '.join(few)}"


# --- A redesign: the classes that the selectors name are gone ------------------------------------------------------

_NAME = re.compile(r"[.#]([\w-]+)|=\"([\w-]+)\"")  # a class, an id, the value of an attribute selector
_SELECTORS = ("TITLE", "KICKER", "SAPO", "BODY", "DATE", "BYLINE", "SOURCE", "BREADCRUMBS", "TAGS", "TOPICS")
Change = Callable[[etree._Element], None]


def named_by(page: type[ArticlePage]) -> set[str]:
    """Names that the selectors and link rules of a page class lean on."""
    rules: BlockRules = page.BLOCKS
    queries = [query for name in _SELECTORS for query in getattr(page, name)]
    queries += [rules.drop, rules.figure, rules.caption, rules.quote, rules.quote_text, rules.box]
    queries += [rule.css for rule in page.link_rules]
    return {first or second for query in queries for first, second in _NAME.findall(query)}


def rename(names: set[str], share: float, seed: int) -> Change:
    """Give this share of the names other ones, of no meaning."""
    random = Random(seed)
    new = {name: f"x{random.randrange(16**6):06x}" for name in sorted(names) if random.random() < share}

    def change(root: etree._Element) -> None:
        for element in root.iter("*"):
            for attribute in ("class", "id", "itemprop", "role"):
                if value := element.get(attribute):
                    words = (next((n for old, n in new.items() if old in word), word) for word in value.split())
                    element.set(attribute, " ".join(words))

    return change


def silence(*tags: str) -> Change:
    """Take out what the page states: ``script`` is JSON-LD and page data, ``meta`` is OpenGraph."""

    def change(root: etree._Element) -> None:
        for element in list(root.iter(*tags)):
            if element.get("charset") is None and element.get("charSet") is None and element.getparent() is not None:
                element.drop_tree() if hasattr(element, "drop_tree") else element.getparent().remove(element)

    return change


def changed(page: Path, *changes: Change) -> bytes:
    root = etree.fromstring(page.with_suffix(".html").read_bytes(), etree.HTMLParser(encoding="utf-8"))
    for change in changes:
        change(root)
    return etree.tostring(root, method="html", encoding="utf-8")


def row_of(page: Path, body: bytes) -> dict[str, Any] | None:
    """The row, None where the page is no longer taken for an article."""
    read_page = read(page, body)
    if not read_page.is_article():
        return None
    article = CleanPipeline().process_item(read_page.article())
    sources = {entry.field for entry in article.extraction.sources}
    filled = {name for name in read_page.FIELDS if read_page.pick(name)}
    assert filled == sources  # whatever is emitted names its source
    return told(article)


def allowed(page: Path) -> dict[str, list[Any]]:
    """Further values by field that the page itself states, for when the best source is gone."""
    return json.loads(page.with_suffix(".json").read_text("utf-8")).get("also", {})  # type: ignore[no-any-return]


def is_wrong(page: Path, field: str, have: Any) -> bool:
    """Whether a value says something that is not so. A part of a list, and less precision, are not wrong."""
    want = expected(page)[field]
    if have == want or is_empty(have) or have in allowed(page).get(field, []):
        return False
    if field == "body":  # every paragraph is one of the article's, in its order
        texts = iter([expected(page)["sapo"], *(row["text"] for row in _texts(page))])
        return not all(part in texts for part in have.split("\n\n"))
    if field == "blocks":  # texts and captions; a quote that became a box is one still
        known = {row["text"]: row for row in _texts(page)}
        known[expected(page)["sapo"]] = {"caption": None, "credit": None}  # a lead that is not told from the text
        return not all(
            isinstance(text, str)
            and text in known
            and caption in (None, known[text]["caption"])
            and credit in (None, known[text]["credit"])
            for _, text, caption, credit in have
        )
    if field == "images":
        known = {url: (caption, credit) for url, caption, credit in want}
        stated = allowed(page).get(field, [])
        return not all(
            url in stated or (url in known and (caption, credit) in (known[url], (None, None)))
            for url, caption, credit in have
        )
    if field in ("tags", "topics"):
        names = {name for name, *_ in want} | set(allowed(page).get(field, []))
        return not all(name in names for name, *_ in have)
    if field == "published":
        length = {"second": 25, "minute": 16}.get(have[2], 0)
        return have[1] != want[1] or (have[0] or "")[:length] != (want[0] or "")[:length]
    if field == "source":
        return not all(member in (None, wanted) for member, wanted in zip(have, want, strict=True))
    if isinstance(want, list):
        return not all(member in [*want, *allowed(page).get(field, [])] for member in have)
    return True


def _texts(page: Path) -> list[dict[str, Any]]:
    return [
        {"text": text, "caption": caption, "credit": credit} for _, text, caption, credit in expected(page)["blocks"]
    ]


STAGES: dict[str, Callable[[set[str], int], tuple[Change, ...]]] = {
    "as it is": lambda names, seed: (),
    "half renamed": lambda names, seed: (rename(names, 0.5, seed),),
    "all renamed": lambda names, seed: (rename(names, 1.0, seed),),
    "and no JSON-LD": lambda names, seed: (rename(names, 1.0, seed), silence("script")),
    "and no meta": lambda names, seed: (rename(names, 1.0, seed), silence("script", "meta")),
}


@pytest.mark.slow
def test_a_redesign_costs_fields_but_gives_no_wrong_ones() -> None:
    right: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: list[str] = []
    tried: Counter[str] = Counter()
    for page in PAGES:
        names = named_by(SITES[page.parent.name].page)
        for stage, changes in STAGES.items():
            for seed in range(8 if stage == "half renamed" else 1):
                row = row_of(page, changed(page, *changes(names, seed)))
                tried[stage] += 1
                for field in FIELDS:
                    have = row[field] if row else None
                    right[field][stage] += have == expected(page)[field]
                    if row and is_wrong(page, field, have):
                        wrong.append(f"{page.parent.name}/{page.name}, {stage}, {field}: {have!r}")
    lines = [f"{'right of 100':16}" + "".join(f"{stage:>16}" for stage in STAGES)]
    lines += [f"{f:16}" + "".join(f"{100 * right[f][s] // tried[s]:16}" for s in STAGES) for f in FIELDS]
    whole = {stage: sum(right[f][stage] for f in FIELDS) * 100 // (tried[stage] * len(FIELDS)) for stage in STAGES}
    lines += [f"{'all fields':16}" + "".join(f"{whole[stage]:16}" for stage in STAGES)]
    print("\n".join(["", *lines]))  # noqa: T201
    assert not wrong, "\n".join(wrong)
    below = {stage: (whole[stage], floor) for stage, floor in FLOORS["right of 100"].items() if whole[stage] < floor}
    assert not below, f"fewer fields survive: {below}"


# --- The contract of body ------------------------------------------------------------------------------------------

PLACES = [*PAGES, *(FIXTURES / site / "article" for site in SITES)]
STRAY = ("\u00a0", "\n\n", " \u200b ", "<br>", "\u00ad", "Một dòng lạc.", "a\u0301", "\r\n \r\n", "“", "•")


def at(place: Path) -> str:
    if place.parent.parent == FIXTURES:
        return str(json.loads((place.parent / "expected.json").read_text("utf-8"))["article"]["url"])
    return address(place)


def article_of(place: Path, body: bytes) -> Article:
    page = SITES[place.parent.name].page(Response(at(place), body=body, headers=HTML))
    return CleanPipeline().process_item(page.article())


def broken(place: Path, random: Random) -> bytes:
    """The page with a few things gone, doubled, renamed, moved into another, or with stray text in them."""
    root = etree.fromstring(place.with_suffix(".html").read_bytes(), etree.HTMLParser(encoding="utf-8"))
    for _ in range(random.randint(1, 12)):
        inside = [e for e in root.iter("*") if e.getparent() is not None and e.tag not in ("body", "head")]
        if not inside:
            break
        element, other = random.choice(inside), random.choice(inside)
        match random.randrange(6):
            case 0:
                element.getparent().remove(element)
            case 1:
                element.addnext(copy.deepcopy(element))
            case 2:
                element.tag = random.choice(("div", "p", "span", "section", "blockquote", "li", "td", "h2", "table"))
            case 3:
                element.text = (element.text or "") + random.choice(STRAY)
            case 4:
                element.tail = random.choice(STRAY) + (element.tail or "")
            case _:
                if other not in element.iter() and element not in other.iter():
                    other.append(element)
    return etree.tostring(root, method="html", encoding="utf-8")


def joined(row: Article) -> str | None:
    return "\n\n".join(block.text for block in row.blocks if block.type in TEXT_TYPES and block.text) or None


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.parent.name}/{place.name}")
def test_body_is_the_texts_of_the_text_blocks(place: Path) -> None:
    row = article_of(place, place.with_suffix(".html").read_bytes())
    assert row.body == joined(row)
    assert row.body or row.kind in ("infographic", "video", "gallery")
    assert not any(block.text == "" or (block.text or "").strip() != (block.text or "") for block in row.blocks)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(PLACES), st.randoms(use_true_random=False))
def test_body_is_the_texts_of_the_text_blocks_of_broken_pages_too(place: Path, random: Random) -> None:
    row = article_of(place, broken(place, random))
    assert row.body == joined(row)
    assert "" not in (row.body or "x").split("\n\n")
