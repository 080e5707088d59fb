"""The index gives what XPath gives."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from crawler.selectors import Index, Place, css, place, select

PAGE = """<div class="a b" id="x"><p class="a"><i class="c">1</i></p><nav><a class="c d">2</a></nav></div>
<p class=" b  a a">3</p><div class="ab">
<b id="c">4</b><div class="a"><div class="a"><i class="c">5</i></div></div></div>"""


def root() -> Any:
    return html.document_fromstring(f"<html><body>{PAGE}</body></html>")


QUERIES = [".a", "p.a", ".a.b", "#x", "div#x.a", ".a .c", ".a i", "#x .c", ".a a.d", "p", "p .c", ".a > .c", ".a, #c"]
QUERIES += ['[id="c"]', ".none", ".a .none", ".c .c", "", "div", ".b.a.b", "i#x", ".a p .c", ".ab .a .c"]
QUERIES += ['[class*="a"]', '[class*="b a"]', 'p[class*="a"]', '.b[class*="a a"]', '[class*="d"] .c', '.a [class*="c"]']
QUERIES += ['[class*="none"]', '#x[class*="b"]', '[class*="a"] [class*="c"]']


@pytest.mark.parametrize("query", QUERIES)
def test_the_index_agrees_with_xpath(query: str) -> None:
    page = root()
    assert Index(page).select(query) == select(page, query)


NAMES = st.sampled_from(["a", "b", "c"])
SELECTORS = st.builds(
    lambda parts: " ".join(parts),
    st.lists(st.builds(lambda tag, c: f"{tag}.{c}", st.sampled_from(["", "p", "div"]), NAMES), min_size=1, max_size=3),
)
TREES = st.recursive(
    st.just("x"),
    lambda inner: st.builds(
        lambda tag, classes, parts: f'<{tag} class="{" ".join(classes)}">{"".join(parts)}</{tag}>',
        st.sampled_from(["div", "span"]),
        st.lists(NAMES, max_size=2),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)


@given(TREES, SELECTORS)
def test_the_index_agrees_on_any_tree(text: str, query: str) -> None:
    page = html.document_fromstring(f"<html><body>{text}</body></html>")
    assert Index(page).select(query) == select(page, query)


@pytest.mark.parametrize(
    ("selector", "want"),
    [
        ("div.a", Place("div", "", frozenset({"a"}))),
        (".__MB_x.b-c", Place("", "", frozenset({"__MB_x", "b-c"}))),
        ("#more", Place("", "#more", frozenset())),
        ("NAV", Place("nav", "", frozenset())),
        ("a b", None),
        ('div[class*="cap"]', Place("div", "", frozenset(), "cap")),
        ('.a[class*="cap"]', Place("", "", frozenset({"a"}), "cap")),
        ("a[href]", None),
        ('[id*="cap"]', None),
        ("a:first-child", None),
        ("", None),
    ],
)
def test_places(selector: str, want: Place | None) -> None:
    assert place(selector) == want


def test_selectors_are_compiled_once() -> None:
    assert css("p.a") is css("p.a")
