"""The one serialiser: stable bytes, one line whatever the text holds, no silent loss."""

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.items import Article, Author, Block
from crawler.serialize import to_line


@dataclass(slots=True)
class Note:
    text: str | None = None
    parts: list[str] = field(default_factory=list)
    inner: Author | None = None


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({}, b"{}\n"),
        ({"b": 1, "a": None, "c": [True, 1.5]}, b'{"b":1,"a":null,"c":[true,1.5]}\n'),
        ({"tên": "Mùa nước nổi"}, '{"tên":"Mùa nước nổi"}\n'.encode()),
        (
            Note("a", ["b"], Author("Minh Quân", "photo")),
            '{"text":"a","parts":["b"],"inner":{"name":"Minh Quân","role":"photo"}}\n'.encode(),
        ),
        ({"a": ("b", "c")}, b'{"a":["b","c"]}\n'),
        ({"a": 'quote " and \\ and \n and \t'}, b'{"a":"quote \\" and \\\\ and \\n and \\t"}\n'),
        ({"a": "\x00\x1f"}, b'{"a":"\\u0000\\u001f"}\n'),
        # line ends of other readers
        ({"a": "1\u20282\u20293\x854"}, b'{"a":"1\\u20282\\u20293\\u00854"}\n'),
        ({"\u2028": "\\\u2028"}, b'{"\\u2028":"\\\\\\u2028"}\n'),
        ({"a": "\u2027\u202a\u0084\xc2"}, '{"a":"\u2027\u202a\u0084\xc2"}\n'.encode()),
        # surrogates
        (
            {"a": "x\ud800y", "b": [Note("\udfff")]},
            '{"a":"x\ufffdy","b":[{"text":"\ufffd","parts":[],"inner":null}]}\n'.encode(),
        ),
        ({"\ud800": ("\ud83d\ude00",)}, '{"\ufffd":["\U0001f600"]}\n'.encode()),
        ({"a": "\ud800\u2028"}, b'{"a":"\xef\xbf\xbd\\u2028"}\n'),
    ],
)
def test_lines(value: object, line: bytes) -> None:
    assert to_line(value) == line


def test_a_row_has_every_key_in_the_order_of_the_definition() -> None:
    line = to_line(Article(blocks=[Block()]))
    row = json.loads(line)
    assert list(row) == [member.name for member in fields(Article)]
    assert list(row["blocks"][0]) == [member.name for member in fields(Block)]
    assert to_line(row) == line


@pytest.mark.parametrize(
    "value", [{"a": datetime(2026, 11, 21, tzinfo=UTC)}, {"a": object()}, {"a": {1, 2}}, {"a": b"x"}, {1: 2}]
)
def test_what_is_not_plain_data_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_line(value)


TEXT = st.text(st.characters() | st.sampled_from('\u2028\u2029\x85\ud800\udfff\n\r\x0b\x0c\x1c\x1d\x1e\\"'))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
        lambda v: st.lists(v) | st.dictionaries(TEXT, v),
    )
)
def test_one_line_that_reads_back(value: object) -> None:
    line = to_line({"value": value})
    text = line.decode()
    assert len(text.splitlines()) == 1
    assert text.endswith("\n")
    read = json.loads(text)
    assert to_line(read) == line
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert read == {"value": value}
