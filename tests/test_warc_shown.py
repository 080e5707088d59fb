"""Foreign text on a terminal: nothing of it ends a line or is obeyed."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from warc.shown import columns_of, json_of, lines_of, plain

TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def obeyed(text: str) -> list[str]:
    """What a terminal would act on, or cannot be written."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or c in DIRECTIONS]


@settings(deadline=None)
@given(TEXT)
def test_a_value_is_one_line_that_nothing_obeys(text: str) -> None:
    assert obeyed(plain(text)) == []
    assert plain(plain(text)) == plain(text)


def test_text_of_all_languages_stays_as_it_is() -> None:
    text = "Chợ nổi Cái Răng – 水上市場 – سوق – 🛶\u200d"
    assert plain(text) == text


@settings(deadline=None)
@given(st.lists(TEXT, max_size=4))
def test_as_many_lines_as_were_given(lines: list[str]) -> None:
    assert obeyed(lines_of(lines).replace("\n", "")) == []
    assert lines_of(lines).count("\n") == len(lines)
    assert columns_of(lines).count("\t") == max(0, len(lines) - 1)


@settings(deadline=None)
@given(TEXT, TEXT)
def test_json_says_the_same(key: str, value: str) -> None:
    line = json.dumps({key: value}, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    shown = json_of(line)
    assert obeyed(shown.decode().removesuffix("\n")) == []
    assert json.loads(shown) == {key: value}
