"""Links of a page: one address each, a kind by place or shape."""

from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from crawler.links import KINDS, Addresses, FoundLink, LinkRule, extract_links

BASE = "https://bensong.example/doi-song/"


class Site(Addresses):
    site = "bensong.example"
    link_rules: ClassVar[tuple[LinkRule, ...]] = (
        LinkRule("article", css="a.keyword", shape="article"),
        LinkRule("related", css="div.body, #more", shape="article"),
        LinkRule("most_viewed", css="ul.top.list, aside", shape="article"),
        LinkRule("other", css="nav"),
        LinkRule("author", allow=r"/tac-gia/"),
    )

    @classmethod
    def same_page(cls, url: str) -> str:
        return url.replace("http://", "https://").removesuffix("/amp")

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        path = urlsplit(url).path
        return "article" if path.endswith(".html") else "category" if path.count("/") == 1 else None


def links(text: str) -> list[FoundLink]:
    return extract_links(html.document_fromstring(f"<html><body>{text}</body></html>"), Site, BASE)


def kinds(text: str) -> list[str]:
    return [link.kind for link in links(text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('<a href="/a.html">A</a>', "article"),
        ('<a href="/the-thao">A</a>', "category"),
        ('<a href="https://khac.example/x/y">A</a>', "other"),
        ('<div class="x body y"><p><a href="/a.html">A</a></p></div>', "related"),
        ('<div class="body"><a href="/the-thao">A</a></div>', "category"),  # the rule is about articles
        ('<div class="body"><a class="keyword" href="/a.html">A</a></div>', "article"),  # the inner place decides
        ('<section id="more"><a href="/a.html">A</a></section>', "related"),
        ('<ul class="list top"><li><a href="/a.html">A</a></li></ul>', "most_viewed"),
        ('<ul class="list"><li><a href="/a.html">A</a></li></ul>', "article"),
        ('<aside><a href="/a.html">A</a></aside>', "most_viewed"),
        ('<aside><div class="body"><a href="/a.html">A</a></div></aside>', "related"),
        ('<div class="body"><aside><a href="/a.html">A</a></aside></div>', "most_viewed"),
        ('<nav><a href="/a.html">A</a></nav>', "other"),
        ('<a href="/x/tac-gia/lan-chi">A</a>', "author"),
        ('<link rel="alternate" hreflang="en" href="/en/a.html">', "edition"),
        ('<link rel="alternate" type="application/rss+xml" href="/rss">', "feed"),
        ('<link rel="next" href="?trang=2">', "next_page"),
        ('<link rel="sitemap" href="/sitemap.xml">', "sitemap"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert kinds(text) == [kind]
    assert kind in KINDS


@pytest.mark.parametrize(
    "text",
    [
        '<a name="x">A</a>',
        '<a href="">A</a>',
        '<a href="#dau">A</a>',
        '<a href="javascript:void(0)">A</a>',
        '<a href="MAILTO:a@bensong.example">A</a>',
        '<a href="tel:+840000">A</a>',
        '<a href="ftp://bensong.example/a.html">A</a>',
        '<a href="http://[broken/a.html">A</a>',
        '<link rel="stylesheet" href="/a.css">',
        '<link rel="preload" href="/a.html">',
    ],
)
def test_no_links(text: str) -> None:
    assert links(text) == []


def test_each_address_once_per_kind_with_the_best_text() -> None:
    found = links(
        '<a href="/a.html#x"><img alt="Ảnh bến"></a><a href="http://bensong.example/a.html/amp">Mùa  trăng\n lên</a>'
        '<a href="/a.html?utm_source=f">Lần nữa</a><aside><a href="/a.html" title="Tựa"></a></aside>'
        '<a href="b.html" title="Mùa "nước" nổi"><img alt=""></a>'
    )
    url = "https://bensong.example/a.html"
    assert found == [
        FoundLink(url, "Mùa trăng lên", "article", 0),
        FoundLink(url, "Tựa", "most_viewed", 1),
        FoundLink("https://bensong.example/doi-song/b.html", "Mùa", "article", 2),
    ]


def test_the_text_of_a_link_beats_its_broken_title() -> None:
    found = links("""<a href="/a.html" title='Men tro: 'bí quyết' giữ lửa'>Men tro: 'bí quyết' giữ lửa</a>""")
    assert [link.text for link in found] == ["Men tro: 'bí quyết' giữ lửa"]


def test_places_found_by_other_means() -> None:
    root = html.document_fromstring('<div id="x"><a href="/a.html">A</a><a href="/the-thao">B</a></div>')
    box = root.get_element_by_id("x")
    assert [link.kind for link in extract_links(root, Site, BASE, {box: "related"})] == ["related", "category"]


@pytest.mark.parametrize("css", ["div p", "a[href]", "p > a", "p,,a b", ".a:hover"])
def test_places_are_simple_selectors(css: str) -> None:
    with pytest.raises(ValueError, match="not a simple selector"):
        LinkRule("related", css=css)


def test_kinds_are_a_closed_list() -> None:
    with pytest.raises(ValueError, match="unknown link kind 'liked'"):
        LinkRule("liked")


def test_a_site_without_knowledge() -> None:
    root = html.document_fromstring('<a href="/a.html">A</a>')
    assert extract_links(root, Addresses, BASE) == [FoundLink("https://bensong.example/a.html", "A", "other", 0)]


HREFS = st.sampled_from(
    ["/a.html", "b.html", "?x=1", "#y", "//khac.example/z", "http://[", " /c.html ", "/đường/đi"]
) | st.text(max_size=20)


@settings(max_examples=80)
@given(st.lists(HREFS, max_size=8))
def test_positions_count_and_addresses_are_canonical(hrefs: list[str]) -> None:
    root = html.document_fromstring("<html><body></body></html>")
    for href in hrefs:
        a = html.Element("a")
        a.set("href", "".join(c for c in href if c.isprintable()))
        root.body.append(a)
    found = extract_links(root, Site, BASE)
    assert [link.position for link in found] == list(range(len(found)))
    assert len({(link.url, link.kind) for link in found}) == len(found)
    assert all(link.url.startswith("https://") for link in found)
