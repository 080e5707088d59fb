"""The schema and the table follow the definition of the row; rows obey the schema."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from crawler import items
from crawler.items import Article
from crawler.schema import row_schema, row_table
from crawler.serialize import to_line

ROW = Article(
    row_id="0" * 64,
    run="j1",
    id="baoquocte.vn:1",
    work_id="baoquocte.vn:1",
    site="baoquocte.vn",
    url="https://baoquocte.vn/mua-nuoc-noi-1.html",
    canonical_url="https://baoquocte.vn/mua-nuoc-noi-1.html",
    title="Mùa nước nổi",
    blocks=[items.Block(type="heading", text="Trên đồng", level=2), items.Block(type="table", rows=[["", "a"]])],
    authors=[items.Author("Minh Quân", "photo")],
    breadcrumbs=[items.Breadcrumb("Xã hội")],
    tags=[items.Tag("lũ", "https://baoquocte.vn/tag/lu-3.tag", "lu-3")],
    images=[items.Image("https://baoquocte.vn/a.jpg", position=0)],
    videos=[items.Video("https://baoquocte.vn/a.mp4")],
    links=[items.ArticleLink("https://baoquocte.vn/khac-2.html")],
    published_at="2026-11-21T08:52:00+07:00",
    published_date="2026-11-21",
    published_precision="minute",
    captured_at="2026-11-21T02:00:00Z",
    first_captured_at="2026-11-21T02:00:00.123456Z",
    content_digest="sha256:" + "0" * 64,
    warc=items.WarcRef("warc/a.warc.gz", 0, 10, "<urn:uuid:0>", "response", "https://baoquocte.vn/", "sha1:A"),
    extraction=items.Extraction("BaoquoctePage/1", sources=[items.FieldSource("title", "selector")]),
)


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = row_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def row() -> dict[str, Any]:
    return copy.deepcopy(json.loads(to_line(ROW)))


def test_a_row_is_valid(validator: Any, row: dict[str, Any]) -> None:
    validator.validate(row)


BROKEN: list[tuple[str, Any]] = [
    ("schema", "article/0"),
    ("row_id", ""),
    ("title", ""),
    ("title", 3),
    ("version", 0),
    ("version", "1"),
    ("kind", "poem"),
    ("blocks", None),
    ("blocks", [{"type": "paragraph"}]),
    ("authors", [{"name": "Minh Quân", "role": "friend"}]),
    ("authors", [{"name": "", "role": "author"}]),
    ("source", None),
    ("published_at", "2026-11-21T08:52:00"),
    ("published_at", "2026-11-21"),
    ("published_date", "21/11/2026"),
    ("published_precision", "hour"),
    ("captured_at", "2026-11-21T09:00:00+07:00"),
    ("content_digest", "sha1:" + "0" * 40),
    ("is_translation", None),
    ("surplus", 1),
]


@pytest.mark.parametrize(("key", "value"), BROKEN)
def test_a_broken_row_is_not(validator: Any, row: dict[str, Any], key: str, value: Any) -> None:
    row[key] = value
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(row)


def objects(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every key of every object in a row."""
    if isinstance(value, dict):
        return [p for key, member in value.items() for p in [(*path, key), *objects(member, (*path, key))]]
    if isinstance(value, list):
        return [p for index, member in enumerate(value) for p in objects(member, (*path, index))]
    return []


@pytest.mark.parametrize("path", objects(json.loads(to_line(ROW))), ids=lambda path: "/".join(map(str, path)))
def test_no_key_may_be_missing(validator: Any, row: dict[str, Any], path: tuple[Any, ...]) -> None:
    holder: Any = row
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    assert not validator.is_valid(row)


def test_every_class_of_the_definition_is_described() -> None:
    schema = row_schema()
    classes = {cls.__name__: cls for cls in vars(items).values() if dataclasses.is_dataclass(cls)}
    assert set(schema["$defs"]) | {"Article"} == set(classes)
    for name, cls in classes.items():
        properties = (schema if name == "Article" else schema["$defs"][name])["properties"]
        assert list(properties) == [field.name for field in dataclasses.fields(cls)]
        assert all(member["description"] for member in properties.values())


def test_the_documented_table_is_the_definition() -> None:
    document = Path(__file__).parent.parent / "docs" / "row.md"
    assert document.read_text(encoding="utf-8") == row_table(), "run: python -m crawler.schema > docs/row.md"
