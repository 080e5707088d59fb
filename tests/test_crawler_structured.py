"""JSON-LD, meta elements and page data as sites write them, broken ones included."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from crawler.structured import (
    ARTICLE_TYPES,
    JsonReader,
    address_of,
    breadcrumb_items,
    json_ld,
    meta,
    name_of,
    of_type,
    page_data,
    type_names,
)


def root(text: str) -> Any:
    return html.document_fromstring(f"<html><body>{text}</body></html>")


def ld(text: str) -> Any:
    return root(f'<script type="application/ld+json">{text}</script>')


@pytest.mark.parametrize(
    ("text", "headlines"),
    [
        ('{"@type": "NewsArticle", "headline": "Một"}', ["Một"]),
        ('[{"@type": "NewsArticle", "headline": "Một"}, {"@type": "Article", "headline": "Hai"}]', ["Một", "Hai"]),
        ('{"@context": "x", "@graph": [{"@type": ["WebPage", "Article"], "headline": "Một"}]}', ["Một"]),
        ('{"@type": "http://schema.org/NewsArticle", "headline": "Một"}', ["Một"]),
        ('{"@type": "NewsArticle", "headline": "NH&#7852;T &amp; TH\\u1ef0C"}', ["NHẬT & THỰC"]),
        ('{"@type": "NewsArticle", "headline": "hai\ndòng"}', ["hai\ndòng"]),  # a raw line break in a string
        ('{"@type": "NewsArticle", "headline": "Một",}', ["Một"]),
        ('// <![CDATA[\n{"@type": "NewsArticle", "headline": "Một"}\n// ]]>', ["Một"]),
        ('{"@type": "WebSite", "headline": "Trang"}', []),
        ("{broken", []),
        ("", []),
        ("[" * 5000 + "]" * 5000, []),
    ],
)
def test_json_ld(text: str, headlines: list[str]) -> None:
    assert [obj["headline"] for obj in of_type(json_ld(ld(text)), ARTICLE_TYPES)] == headlines


def test_json_ld_reads_only_its_own_type() -> None:
    page = root(
        '<script>{"@type":"Article"}</script><script type="application/LD+json; charset=utf-8">{"@type":"A"}</script>'
    )
    assert [type_names(obj) for obj in json_ld(page)] == [{"A"}]


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("Báo Bến Sông", "Báo Bến Sông", "Báo Bến Sông"),
        ({"name": "Lan Chi", "url": "/lan-chi"}, "Lan Chi", "/lan-chi"),
        ({"@id": "https://a.example/x", "name": ["Một", "Hai"]}, "Một", "https://a.example/x"),
        ([{}, {"name": "Hai"}], "Hai", None),
        ({"name": {"name": "sâu"}}, None, None),
        ({"contentUrl": "v.mp4"}, None, "v.mp4"),
        ("  ", None, None),
        (7, None, None),
        (None, None, None),
    ],
)
def test_names_and_addresses(value: Any, name: str | None, address: str | None) -> None:
    assert name_of(value) == name
    assert address_of(value) == address


@pytest.mark.parametrize(
    "elements",
    [
        [{"position": 2, "item": {"@id": "/b", "name": "Hai"}}, {"position": 1, "item": {"@id": "/a", "name": "Một"}}],
        [{"position": "1", "name": "Một", "item": "/a"}, {"position": "2", "name": "Hai", "item": "/b"}, "rác", {}],
    ],
)
def test_breadcrumbs_in_order_of_position(elements: list[Any]) -> None:
    objects = json_ld(ld(json.dumps({"@type": "BreadcrumbList", "itemListElement": elements})))
    assert breadcrumb_items(objects) == [("Một", "/a"), ("Hai", "/b")]


def test_an_empty_breadcrumb_list_is_passed_over() -> None:
    lists = [{"@type": "BreadcrumbList"}, {"@type": "BreadcrumbList", "itemListElement": [{"name": "Một"}]}]
    assert breadcrumb_items(json_ld(ld(json.dumps(lists)))) == [("Một", None)]


def test_meta_by_any_of_its_names() -> None:
    page = root(
        '<meta property="og:title" content=" Một "><meta name="OG:Title" content="Hai"><meta itemprop="datePublished" '
        'content="2026-09-01"><meta name="empty" content=" "><meta name="none">'
        '<meta http-equiv="Content-Language" content="vi">'
    )
    assert meta(page) == {"og:title": ["Một", "Hai"], "datepublished": ["2026-09-01"], "content-language": ["vi"]}


def push(text: str) -> str:
    return f"<script>self.__next_f.push({json.dumps([1, text])})</script>"


def test_page_data_of_both_kinds() -> None:
    text = "<p>Nước lên “đỏ”.</p>"
    stream = (
        f'1:I[1,[],"x"]\n2:T{len(text.encode()):x},{text}3:["$","main",null,{{"post":{{"slug":"a","content":"$2"}}}}]\n'
    )
    page = root(
        '<script id="__NEXT_DATA__" type="application/json">{"props":{"slug":"b"}}</script>'
        "<script>(self.__next_f=self.__next_f||[]).push([0])</script>" + push(stream[:50]) + push(stream[50:])
    )
    found = [data for data in JsonReader().dictionaries(page_data(page)) if "slug" in data]
    assert found == [{"slug": "b"}, {"slug": "a", "content": text}]


@pytest.mark.parametrize(
    ("depth", "deepest", "cut"), [(5, 5, False), (6, 5, True), (40, 40, False), (41, 40, True), (5_000, 200, True)]
)
@pytest.mark.parametrize("way", ["[%s]", '{"a": %s}'])
def test_json_is_read_so_deep(depth: int, deepest: int, cut: bool, way: str) -> None:
    before, after = way.split("%s")
    nest = before * (depth - 1) + "1" + after * (depth - 1)  # inside the object that states it
    reader = JsonReader(deepest)
    page = ld(f'{{"@type": "NewsArticle", "about": {nest}}}')
    assert len(json_ld(page, reader)) == (depth < 1_000)  # what Python does not read states nothing at all
    assert reader.too_deep is cut
    data = JsonReader(deepest)
    assert list(data.dictionaries(page_data(root(f'<script id="__NEXT_DATA__">{nest}</script>'), data))) is not None
    assert data.too_deep is (depth > deepest)


@pytest.mark.parametrize("script", ["self.__next_f.push([1,", "self.__next_f.push([1, 2])", push("zz:nothing")])
def test_broken_page_data_is_no_data(script: str) -> None:
    assert page_data(root(f"<script>{script}</script>")) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["@type", "@graph", "name", "x"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_without_an_error(value: Any) -> None:
    objects = json_ld(ld(json.dumps(value).replace("</", "<\\/")))
    assert all(isinstance(obj, dict) and obj["@type"] for obj in objects)
    breadcrumb_items(objects)
    of_type(objects, ARTICLE_TYPES)
