"""Cleaning: what a row's texts look like, whatever the page printed."""

import dataclasses
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.items import Article, ArticleLink, Block, Breadcrumb, Extraction, Image, Source, Tag, Video, WarcRef
from pipelines.clean import CleanPipeline, row_id

ZWSP, SHY, NBSP = "\u200b", "\xad", "\xa0"


def clean(**values: object) -> Article:
    return CleanPipeline().process_item(Article(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["title", "kicker", "sapo", "byline", "publisher", "section"])
@pytest.mark.parametrize(
    ("text", "want"),
    [
        (f"  Mùa{NBSP}trăng\n lên ", "Mùa trăng lên"),
        (f"{SHY}Mùa tr{ZWSP}ăng\ufeff", "Mùa trăng"),
        (unicodedata.normalize("NFD", "Đường về bến"), "Đường về bến"),
        (f" {ZWSP} ", None),
        ("", None),
        (None, None),
    ],
)
def test_texts(field: str, text: str | None, want: str | None) -> None:
    assert getattr(clean(**{field: text}), field) == want


def test_body_and_blocks_stay_in_step() -> None:
    blocks = [
        Block("paragraph", f"Một{NBSP} câu.\n hai  dòng"),
        Block("paragraph", f"{ZWSP}"),
        Block("list", "a \n b", items=[" a ", f"{ZWSP}", "b"]),
        Block("table", rows=[[" 1 ", ""], ["", ""]]),
        Block("table", rows=[["", " "]]),
        Block("image", url="https://bensong.example/a.jpg", alt="  "),
    ]
    row = clean(body=f"Một{NBSP} câu.\n hai  dòng\n\n{ZWSP}\n\na \n b", blocks=blocks)
    assert row.body == "Một câu.\nhai dòng\n\na\nb"
    assert [b.type for b in row.blocks] == ["paragraph", "list", "table", "image"]
    assert row.body == "\n\n".join(b.text for b in row.blocks if b.text)
    assert row.blocks[1].items == ["a", "b"]
    assert row.blocks[2].rows == [["1", ""], ["", ""]]
    assert row.blocks[3].alt is None


@pytest.mark.parametrize(
    ("printed", "caption", "credit"),
    [
        ("Bến cũ. (Ảnh: Lan Chi)", "Bến cũ.", "Lan Chi"),
        ("Bến cũ. (Nguồn: Reuters)", "Bến cũ.", "Reuters"),
        ("Bến cũ. Ảnh: Lan Chi", "Bến cũ.", "Lan Chi"),
        (" Bến  cũ. ", "Bến cũ.", None),
        (None, None, None),
    ],
)
def test_captions_and_credits(printed: str | None, caption: str | None, credit: str | None) -> None:
    row = clean(
        blocks=[Block("image", url="https://bensong.example/a.jpg", caption=printed)],
        images=[Image("https://bensong.example/a.jpg", caption=printed)],
        videos=[Video("https://bensong.example/v.mp4", caption=printed)],
    )
    for one in (row.blocks[0], row.images[0], row.videos[0]):
        assert (one.caption, one.credit) == (caption, credit)


def test_a_credit_of_its_own_is_kept() -> None:
    row = clean(images=[Image("u", caption="Bến (Ảnh: Lan Chi)", credit=" TTXVN ")])
    assert (row.images[0].caption, row.images[0].credit) == ("Bến (Ảnh: Lan Chi)", "TTXVN")


def test_people_apart_from_agencies_and_papers() -> None:
    row = clean(byline="Lan Chi (theo Reuters)", publisher="Bản tin Bến Sông", source=Source("Báo Bãi Bồi"))
    assert [(a.name, a.role) for a in row.authors] == [("Lan Chi", "author")]
    assert row.agencies == ["Reuters"]
    assert clean(byline="Báo Bãi Bồi", source=Source("Báo Bãi Bồi")).authors == []
    assert clean(byline=None).authors == []


def test_names_of_sections_tags_and_links() -> None:
    row = clean(
        breadcrumbs=[Breadcrumb(f" Đời{NBSP}sống ")],
        tags=[Tag(f"tr{ZWSP}ăng")],
        topics=[Tag(" bến ")],
        links=[ArticleLink("u", "  Bài\nkhác "), ArticleLink("v", " ")],
    )
    assert (row.breadcrumbs[0].name, row.tags[0].name, row.topics[0].name) == ("Đời sống", "trăng", "bến")
    assert [link.text for link in row.links] == ["Bài khác", None]


def test_digest_and_row_id() -> None:
    """SHA-256 values computed with coreutils' sha256sum over the bytes that the contract names."""
    row = clean(
        title=unicodedata.normalize("NFD", "Bến"),
        body="Trăng",
        warc=WarcRef(record_id="<urn:uuid:1>"),
        extraction=Extraction("P/1"),
    )
    assert row.content_digest == "sha256:953d91cd3b16e30852ed5e6ad6dd0d1062245e0a4da575be7bad8695257a24f7"
    assert (
        row.row_id
        == "4b6412e7d69ca4a35c068e184f4eb12129d701a108ed29f5039e1ed5bb9564bd"
        == row_id("<urn:uuid:1>", "P/1")
    )
    assert row_id(None, "P/1") == ""


TEXTS = st.none() | st.text(st.sampled_from(f"aB đê\n\t{ZWSP}{SHY}{NBSP}\u0301\u2028(Ảnh:)."), max_size=30)


@given(TEXTS, TEXTS, TEXTS)
def test_cleaning_twice_changes_nothing(title: str | None, body: str | None, caption: str | None) -> None:
    blocks = [Block("paragraph", part) for part in (body or "").split("\n\n")] + [
        Block("image", url="u", caption=caption)
    ]
    row = clean(title=title, body=body, byline=title, blocks=blocks)
    once = dataclasses.asdict(row)
    assert dataclasses.asdict(CleanPipeline().process_item(row)) == once
    assert row.body is None or row.body == "\n\n".join(b.text for b in row.blocks if b.text)
