"""Which article a row was taken from: by the source line's address, by its text, as a translation; early and late."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.settings import Settings

from crawler.items import Article, Extraction, Source, WarcRef
from crawler.ledger import Ledger
from crawler.ledger_ops import Event, Op, SourceFound, TextCompared
from crawler.serialize import to_line
from crawler.shingles import BANDS, FEWEST, bands, likeness, shingles, words_of
from crawler.sites import Sites
from crawler.sources import SOURCE_ID, Sources, Text, may_be_source, paper_key
from crawler.versions import Versions
from tests.replica.language import Writer
from tests.replica.server import DEFAULT_CLOCK
from tests.replica.world import build

SITES = Sites(Settings({"SPIDER_MODULES": ["spiders"]}))
PAPER = "Báo Thế giới và Việt Nam"


def story(seed: object, paragraphs: int = 6) -> list[str]:
    writer = Writer(Random(f"sources {seed}"), "kinh-te")
    return [writer.paragraph(4) for _ in range(paragraphs)]


# --- Shingles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resemblance", "least", "most"), [(0.05, 0, 0.05), (0.2, 0, 0.3), (0.5, 0.85, 1), (0.65, 0.95, 1), (0.9, 1, 1)]
)
def test_like_texts_share_a_band(resemblance: float, least: float, most: float) -> None:
    """As 1 − (1 − J³)²⁰ says, within what 200 tries let it be off."""
    random, found, size = Random(2026), 0, 400
    for _ in range(200):
        one = [random.getrandbits(64) for _ in range(size)]
        common = round(2 * resemblance * size / (1 + resemblance))
        other = [*one[:common], *(random.getrandbits(64) for _ in range(size - common))]
        assert abs(likeness(frozenset(one), frozenset(other)).resemblance - resemblance) < 0.01
        found += bool(set(bands(frozenset(one))) & set(bands(frozenset(other))))
    assert least <= found / 200 <= most


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mưa lớn ở Huế, nước sông lên nhanh", "MƯA LỚN Ở HUẾ: nước sông lên nhanh!"),
        ("Mưa lớn ở Huế hôm nay", "Mưa lớn ở Huế hôm nay"),
    ],
)
def test_case_marks_and_forms_of_unicode_make_no_difference(one: str, other: str) -> None:
    assert shingles(one) == shingles(other) != frozenset()


def test_diacritics_do() -> None:
    assert not shingles("ma mà má mả mã mạ") & shingles("ma ma ma ma ma ma")


@given(st.text() | st.text(st.sampled_from("ấb1 _-.\x1c\u00a0\u0300\u200b²")))
def test_words_are_what_the_expression_finds(text: str) -> None:
    assert words_of(text) == re.findall(r"\w+", text)


@given(st.text(max_size=2000))
def test_any_text_has_all_bands_or_none(text: str) -> None:
    found = shingles(text)
    assert len(bands(found)) == (BANDS if len(found) >= FEWEST else 0)
    assert all(0 <= band < 2**63 for band in bands(found))
    assert likeness(found, found) == ((1, 1) if len(found) >= FEWEST else (0, 0))


# --- Papers and days ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paper", "day", "taken"),
    [
        (PAPER, "2026-11-05", True),
        ("Thế giới & Việt Nam", "2026-11-05", True),
        ("Tạp chí Thế giới và Việt Nam điện tử", "2026-11-05", True),
        ("Báo Quốc Tế", "2026-11-05", True),
        ("baoquocte.vn", "2026-11-05", True),
        (None, "2026-11-05", True),
        (None, None, True),
        ("Báo Đồng Sen", "2026-11-05", False),
        ("TTXVN", "2026-11-05", False),
        (PAPER, "2026-11-04", True),  # printed by day
        (PAPER, "2026-11-03", False),  # older than the original
    ],
)
def test_a_copy_names_no_other_paper_and_is_not_older(paper: str | None, day: str | None, taken: bool) -> None:
    row = {"published_date": "2026-11-05", "publisher": PAPER, "site": "baoquocte.vn"}
    assert may_be_source(row, Text("vietnam.vn:vi:a", None, day, paper, None, None, None)) is taken


@pytest.mark.parametrize("paper", ["", "Báo", "Báo …", "báo chí"])
def test_a_name_that_says_nothing(paper: str) -> None:
    assert paper_key(paper) != paper_key(PAPER)


# --- Decided beside a ledger ------------------------------------------------------------------------------------------


class Desk:
    """A ledger and files of rows, written as the writer does it: decide, write, commit, look again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.ledger.open_scope("vietnamvn", "{}")
        self.events: list[Event] = []
        self.versions = Versions(self.ledger, "job1")

    def sources(self, spider: str) -> Sources:
        return Sources(self.ledger, self.folder, spider, "job1", SITES, republishes=SITES.load(spider).republishes)

    def archive(self, article: Article, spider: str) -> Article:
        """The article as its row has it."""
        sources = self.sources(spider)
        if self.versions.decide(article, None):
            sources.decide(article)
            self.commit([*self.written(article, spider), *sources.kept_of(article)])
        return article

    def written(self, article: Article, spider: str) -> list[Op]:
        path = self.folder / f"articles/{spider}/20261120120000-job1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        line, offset = to_line(article), path.stat().st_size if path.exists() else 0
        with path.open("ab") as file:
            file.write(line)
        return [self.versions.written(article, path.relative_to(self.folder).as_posix(), offset, len(line), None)]

    def commit(self, ops: list[Op]) -> None:
        self.ledger.apply(ops)
        self.versions.committed()

    def look_again(self, spider: str = "vietnamvn") -> list[tuple[str, str]]:
        """Copy and address of each source that came late; told until nothing waits."""
        told = []
        while ops := list(self.sources(spider).late()):
            self.commit(ops)
            told += [(str(op.article_id), op.url) for op in ops if isinstance(op, Event)]
        return told


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.ledger.close()


def article(article_id: str, url: str, body: list[str], **more: Any) -> Article:
    found = Article(id=article_id, work_id=article_id, url=url, canonical_url=url, title="Mùa cá cơm")
    found.site = article_id.partition(":")[0]
    found.body = "\n\n".join(body)
    found.published_date = "2026-11-05"
    found.captured_at = found.first_captured_at = "2026-11-20T05:00:00Z"
    found.row_id = f"row of {article_id} {len(found.body)}"
    found.content_digest = f"sha256:{found.body}"
    found.warc = WarcRef(record_id=f"<urn:{article_id}>")
    found.extraction = Extraction("Page/1")
    for name, value in more.items():
        setattr(found, name, value)
    return found


def original(body: list[str], number: int = 411111, **more: Any) -> Article:
    url = f"https://baoquocte.vn/mua-ca-com-{number}.html"
    return article(f"baoquocte.vn:{number}", url, body, **({"publisher": PAPER} | more))


def copy(body: list[str], source: Source, slug: str = "mua-ca-com", **more: Any) -> Article:
    return article(f"vietnam.vn:vi:{slug}", f"https://www.vietnam.vn/{slug}", body, source=source, **more)


def how(row: Article) -> list[str]:
    return [found.source for found in row.extraction.sources if found.field == SOURCE_ID]


BODY = story("original")


@pytest.mark.parametrize(
    ("body", "source", "found"),
    [
        (BODY, Source(PAPER), ["text"]),
        (BODY, Source(), ["text"]),
        (BODY[:1] + BODY[2:] + story("ending", 1), Source(PAPER), ["text"]),  # edited
        (BODY[:3], Source(PAPER), ["text"]),  # cut
        (BODY + story("more", 9), Source(PAPER), ["text"]),  # went on
        ([" ".join(BODY).upper()], Source(PAPER), ["text"]),
        (BODY, Source("Báo Đồng Sen"), []),  # an agency's text
        (BODY[:1] + story("another", 5), Source(PAPER), []),  # what happened before
        (story("another"), Source(PAPER), []),
        (BODY, Source(PAPER, "https://baodongsen.example/mua-ca-com.htm"), []),  # the line says otherwise
    ],
)
def test_a_copy_is_known_by_its_text(desk: Desk, body: list[str], source: Source, found: list[str]) -> None:
    desk.archive(original(BODY), "baoquocte")
    row = desk.archive(copy(body, source), "vietnamvn")
    assert (row.source.id, how(row)) == ("baoquocte.vn:411111" if found else None, found)
    assert desk.look_again() == []
    link = desk.ledger.sources.source_of(row.id)
    assert (link and link.how) == ("text" if found else None)
    assert len(desk.ledger.sources.copies_of("baoquocte.vn:411111")) == len(found)


def test_the_likest_original_is_the_source(desk: Desk) -> None:
    desk.archive(original(BODY[:4] + story("longer", 2), 411113), "baoquocte")
    desk.archive(original(BODY), "baoquocte")
    desk.archive(original(BODY[:5] + story("other", 1), 411115), "baoquocte")
    assert desk.archive(copy(BODY, Source(PAPER)), "vietnamvn").source.id == "baoquocte.vn:411111"


@pytest.mark.parametrize(
    ("url", "source_id"),
    [
        ("https://baoquocte.vn/mua-ca-com-411111.html", "baoquocte.vn:411111"),
        ("http://id.baoquocte.vn/ten-cu-411111.html?utm_source=x", "baoquocte.vn:411111"),
        ("https://www.nationpress.com/national/ca-com", "nationpress.com:national/ca-com"),
        ("https://baodongsen.example/mua-ca-com-nam-nay.htm", None),
        ("https://baodongsen.example/", None),
    ],
)
def test_the_address_of_the_line_names_the_article(desk: Desk, url: str, source_id: str | None) -> None:
    """On sites that a spider knows whether it is archived or not: it can be joined when it is."""
    row = desk.archive(copy(BODY, Source(None, url)), "vietnamvn")
    assert (row.source.id, how(row)) == (source_id, ["address"] if source_id else [])


def test_a_source_on_any_site_is_known_when_it_is_archived(desk: Desk) -> None:
    url = "https://baodongsen.example/mua-ca-com-nam-nay.htm"
    other = article("baodongsen.example:mua-ca-com-nam-nay.htm", url, story("elsewhere"))
    early = desk.archive(copy(BODY, Source(None, url)), "vietnamvn")
    assert early.source.id is None
    assert desk.look_again() == []
    desk.archive(other, "news")
    assert desk.look_again() == [(early.id, url)]
    late = desk.archive(copy(story("second"), Source(None, url), "mua-ca-com-2"), "vietnamvn")
    assert (late.source.id, how(late)) == (other.id, ["address"])


def test_an_original_that_is_archived_later_is_told_once_and_stands_in_the_next_version(desk: Desk) -> None:
    first = desk.archive(copy(BODY, Source(PAPER)), "vietnamvn")
    assert desk.look_again() == []
    desk.archive(original(BODY), "baoquocte")
    assert desk.look_again("baoquocte") == []  # the copy's spider tells it
    assert desk.look_again() == [(first.id, "https://baoquocte.vn/mua-ca-com-411111.html")]
    assert desk.look_again() == []
    desk.archive(original(story("update") + BODY), "baoquocte")
    assert desk.look_again() == []
    second = desk.archive(copy([*story("new", 4)], Source(PAPER)), "vietnamvn")
    assert (second.version, second.source.id, how(second)) == (2, "baoquocte.vn:411111", ["text"])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0), (0, 2, 1), (1, 0, 2)])
def test_a_translation_has_the_source_of_its_original_in_any_order(desk: Desk, order: tuple[int, ...]) -> None:
    english = article(
        "vietnam.vn:en:mua-ca-com", "https://www.vietnam.vn/en/mua-ca-com", ["Anchovies " * 90], source=Source(PAPER)
    )
    english.translation_of = english.work_id = "vietnam.vn:vi:mua-ca-com"
    rows = [(original(BODY), "baoquocte"), (copy(BODY, Source(PAPER)), "vietnamvn"), (english, "vietnamvn")]
    told = []
    for place in order:
        desk.archive(*rows[place])
        told += desk.look_again()
    links = desk.ledger.sources
    assert [links.source_of(row.id).how for row, _ in rows[1:]] == ["text", "edition"]  # type: ignore[union-attr]
    in_rows = {row.id for row, _ in rows if row.source.id}
    assert in_rows | {copy_id for copy_id, _ in told} == {rows[1][0].id, rows[2][0].id}
    assert not in_rows & {copy_id for copy_id, _ in told}


def test_what_comes_between_look_and_commit_is_not_lost(desk: Desk) -> None:
    """Two spiders write at one time: the mark that came meanwhile stays."""
    desk.archive(copy(BODY, Source(PAPER)), "vietnamvn")
    seen = list(desk.sources("vietnamvn").late())
    assert [type(op) for op in seen] == [TextCompared]
    desk.archive(original(BODY), "baoquocte")
    desk.commit(seen)
    assert len(desk.look_again()) == 1


def test_a_crowded_band_costs_no_more(desk: Desk) -> None:
    """A formula that a thousand articles print: few are read, and the statement looks at few."""
    formula = story("formula", 12)
    for number in range(60):
        desk.archive(original([*formula, f"Ngày {number}"], 500001 + 2 * number), "baoquocte")
    found = shingles("\n\n".join([*formula, "Ngày 7"]))
    assert len(desk.ledger.sources.originals_like(bands(found))) == 4
    plan = desk.ledger._db.execute(
        "EXPLAIN QUERY PLAN SELECT text_id FROM bands WHERE band = 1 ORDER BY text_id DESC LIMIT 16"
    ).fetchall()
    assert "SEARCH bands USING COVERING INDEX" in plan[0][3]


# --- The replica's truth ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_precision_and_recall_on_the_replica(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Every article of both sites, the originals first; what the model knows against what was found by the texts."""
    truth = build(DEFAULT_CLOCK).truth()["sites"]
    for row in truth["baoquocte.vn"]["articles"].values():
        desk.archive(of_truth(row), "baoquocte")
    found: Counter[str] = Counter()
    for row in truth["vietnam.vn"]["articles"].values():
        if row["language"] != "vi":
            continue
        made = desk.archive(of_truth(row), "vietnamvn")
        should, is_ = row["copy_of"], made.source.id if how(made) == ["text"] else None
        found["copies"] += should is not None
        found["right"] += is_ is not None and is_ == should
        found["wrong"] += is_ is not None and is_ != should
        found["others that share text"] += (
            should is None and row["source"]["id"] is None and row["source"]["url"] is None
        )
    precision = found["right"] / (found["right"] + found["wrong"])
    recall = found["right"] / found["copies"]
    with capsys.disabled():
        sys.stdout.write(f"\ncopies by their text: precision {precision:.3f}, recall {recall:.3f}; {dict(found)}\n")
    assert found["copies"] > 40
    assert found["others that share text"] > 60
    assert precision == 1.0
    assert recall >= 0.98


def of_truth(row: dict[str, Any]) -> Article:
    body = (row["body"] or "").split("\n\n")
    made = article(row["id"], row["url"], body, source=Source(**row["source"]), published_date=row["published_date"])
    made.publisher, made.translation_of = row["publisher"], row["translation_of"]
    return made


def test_the_ledger_made_twice_is_the_same(desk: Desk) -> None:
    """The same operations again, as a rebuild gives them."""
    desk.archive(original(BODY), "baoquocte")
    row = desk.archive(copy(BODY, Source(PAPER)), "vietnamvn")
    again = desk.sources("vietnamvn").kept(Text.of(row), row.captured_at, "text")
    assert again == [SourceFound(row.id, "baoquocte.vn:411111", "text", row.captured_at, "job1")]
