"""Pages beyond what the parser does well are refused before it is asked, or when it stops."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from scrapy import Request
from scrapy.http import HtmlResponse

from crawler.limits import DEEPEST, Limits, NotRead
from crawler.page import ArticlePage
from crawler.parsing import parse_page

URL = "https://bao.example/a-1.html"
FILLER = b"<p>" + b"x" * 300_000


def attributes(count: int, value: bytes = b"") -> bytes:
    return b"<p " + b" ".join(b"a%d%s" % (n, value) for n in range(count)) + b">x</p>"


@pytest.mark.parametrize("value", [b"", b"=1", b' = "<p>"', b"='>'", b"/", b'="/>"'])
def test_attributes_of_one_tag_are_counted_as_the_parser_counts_them(value: bytes) -> None:
    limits = Limits(html_attributes_max=50)
    root = parse_page(attributes(50, value) + FILLER, limits, URL)
    assert max(len(element.attrib) for element in root.iter()) == 50
    with pytest.raises(NotRead) as refused:
        parse_page(attributes(51, value) + FILLER, limits, URL)
    assert refused.value.reason == "too_many_attributes"


@given(st.lists(st.sampled_from(["<p ", "<a", ">", '"', "'", "=", " ", "/", "b", "c", "<", "\n", "&"]), max_size=60))
def test_no_tag_has_more_attributes_than_were_counted(parts: list[str]) -> None:
    """A mutation that the check overlooks would let the parser run for minutes."""
    page = "".join(parts).encode() + FILLER
    found = etree.fromstring(page, etree.HTMLParser())
    most = max((len(element.attrib) for element in found.iter("*")), default=0)
    if most > 3:
        with pytest.raises(NotRead):
            parse_page(page, Limits(html_attributes_max=3), URL)


def test_a_page_of_nothing_but_tags() -> None:
    limits = Limits(html_tags_max=1_000)
    assert len(list(parse_page(b"<i>x</i>" * 500, limits, URL).iter("i"))) == 500
    with pytest.raises(NotRead) as refused:
        parse_page(b"<i>x</i>" * 501, limits, URL)
    assert refused.value.reason == "too_many_tags"


@pytest.mark.parametrize("most", [20, 1_000, 1_999, DEEPEST])
def test_a_part_of_a_page_does_not_pass_for_the_page(most: int) -> None:
    limits, deep, flat = Limits(html_depth_max=most), b"<div>" * (most - 2), b"<p>x</span></p>" * 3_000
    assert parse_page(flat + deep + b"x", limits, URL).xpath("count(//div)") == most - 2  # inside html and body
    assert parse_page((deep + b"</div>" * most) * 10, limits, URL).xpath("count(//div)") == 10 * (most - 2)
    for body in (deep + b"<i>x", flat + deep + b"<div><p>x", b"<div>" * 5_000 + b"x"):
        with pytest.raises(NotRead) as refused:
            parse_page(body, limits, URL)
        assert refused.value.reason == "too_deep"


@given(st.lists(st.sampled_from(["<p>", "<b>", "<ul>", "<li>", "<td>", "</b>", "</ul>", "</p>", "x"]), max_size=60))
def test_every_depth_is_seen(parts: list[str]) -> None:
    page = ("<i>" + "".join(parts)).encode()
    depth = max(int(one.xpath("count(ancestor-or-self::*)")) for one in parse_page(page, Limits(), URL).iter())
    parse_page(page, Limits(html_depth_max=depth), URL)
    with pytest.raises(NotRead):
        parse_page(page, Limits(html_depth_max=depth - 1), URL)


@pytest.mark.parametrize("body", [b"", b" ", b"<!-- -->", b"\0", b"<", b"</", b"<?", b"\xff\xfe"])
def test_next_to_nothing_is_an_empty_page(body: bytes) -> None:
    assert len(parse_page(body, Limits(), URL)) <= 1


def test_the_limits_come_with_the_request() -> None:
    body = "<title>Chợ nổi</title>".encode() + b" " * 100
    request = Request(URL, meta={"limits": Limits(page_maxsize=50)})
    with pytest.raises(NotRead) as refused:
        ArticlePage(HtmlResponse(URL, body=body, request=request))
    assert refused.value.reason == "page_too_large"
    assert ArticlePage(HtmlResponse(URL, body=body)).pick("title") == "Chợ nổi"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        b"<" * 8_000_000,
        b"<a " * 199_000,
        attributes(2_000) * 700,
        attributes(30_000),
        b"<table><tr><td>" * 60_000,
        b"<!--" * 190_000,
        b"<b>" * 1_900 + b"</x>" * 190_000,
        b"<a b='" * 190_000 + b'"' * 500_000,
        b"<title>" + b"</titl" * 190_000,
        b"&amp" * 2_000_000,
    ],
    ids=["lt", "open", "attributes", "one", "tables", "comments", "ends", "quotes", "title", "references"],
)
def test_the_worst_within_the_limits_takes_seconds(page: bytes) -> None:
    """Processor time, so that a loaded machine makes no difference; the limit of a page is 10 seconds."""
    began = process_time()
    try:
        parse_page(page, Limits(), URL)
        reason = None
    except NotRead as refused:
        reason = refused.reason
    assert process_time() - began < 8
    assert reason in (None, "too_many_tags", "too_deep", "too_many_attributes")
