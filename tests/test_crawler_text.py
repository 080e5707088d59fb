"""Text cleaning: Vietnamese in every Unicode form, invisible characters, digests."""

import hashlib
import re
import unicodedata
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.text import clean, content_digest, fold, nfc, scalar, unescape_once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        (" \n\t ", None),
        ("\u200b\ufeff\u00ad", None),
        ("Mùa nước nổi", "Mùa nước nổi"),
        (unicodedata.normalize("NFD", "Mùa nước nổi"), "Mùa nước nổi"),
        (bytes([0x4D, 0xF9, 0xCC]).decode("cp1258"), unicodedata.normalize("NFC", "Mù\u0300")),
        ("nu\u031bo\u031b\u0301c", "nước"),
        ("no\u0309\u0302i", unicodedata.normalize("NFC", "no\u0309\u0302i")),
        ("  Mùa \n\n nước\t\r\nnổi ", "Mùa nước nổi"),
        ("Mùa\xa0nước\u2009nổi\u3000về", "Mùa nước nổi về"),
        ("Mùa\u2028nước\u2029nổi\x85về", "Mùa nước nổi về"),
        ("\ufeffMùa n\u00adước n\u200bổi", "Mùa nước nổi"),
        ("a\u200b\u0301", "á"),  # the space stood between a letter and its mark
        ("\u202bMùa\u202c \u2066nước\u2069\u200e", "Mùa nước"),
        ("Mùa\x00 nước\x1b\x7f", "Mùa nước"),
        ("\ud800Mùa\udfff", "\ufffdMùa\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("Ⅻ ﬁ ½", "Ⅻ ﬁ ½"),  # NFC, not NFKC
    ],
)
def test_clean(text: str | None, expected: str | None) -> None:
    assert clean(text) == expected


@given(st.text(st.characters() | st.sampled_from("\u200b\xad\ufeff\u0301\u0323 \xa0\x85ăâđêôơưAa\ud800")))
def test_clean_text_is_clean(text: str) -> None:
    cleaned = clean(text)
    assert cleaned is None or cleaned == clean(cleaned) == unicodedata.normalize("NFC", cleaned).strip()
    if cleaned is not None:
        assert "  " not in cleaned
        cleaned.encode()
    assert clean(unicodedata.normalize("NFD", text)) == cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NH&#7852;T B&#7842;N", "NHẬT BẢN"),
        ("c&agrave; ph&ecirc;", "cà phê"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("+07:00 &#x2B;", "+07:00 +"),
        ("A & B", "A & B"),
        ("&#xD800;&#0;", "\ufffd\ufffd"),
    ],
)
def test_unescape_once(text: str, expected: str) -> None:
    assert unescape_once(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tin liên quan", "tin lien quan"),
        ("ĐỌC THÊM", "doc them"),
        ("Đường Ứng Quỳ Mỹ Thượng", "duong ung quy my thuong"),
        ("aăâeêioôơuưy", "aaaeeiooouuy"),
        ("한국 日本", "한국 日本"),
        ("", ""),
    ],
)
def test_fold(text: str, expected: str) -> None:
    assert fold(text) == expected
    assert fold(unicodedata.normalize("NFD", text)) == expected


def test_scalar() -> None:
    assert scalar("\ud800") == "\ufffd"
    assert scalar("\ud83d\ude00") == "\U0001f600"
    assert scalar("nước") == "nước"


def test_content_digest() -> None:
    expected = hashlib.sha256("Mùa nước nổi\x1e\x1eNước về.".encode()).hexdigest()
    assert content_digest("Mùa nước nổi", None, "Nước về.") == f"sha256:{expected}"
    decomposed = [unicodedata.normalize("NFD", part) for part in ("Mùa nước nổi", "", "Nước về.")]
    assert content_digest(*decomposed) == f"sha256:{expected}"


def test_content_digest_keeps_the_parts_apart() -> None:
    digests = {
        content_digest(*parts) for parts in [("a", "b", None), ("a", None, "b"), (None, "a", "b"), ("ab", None, None)]
    }
    assert len(digests) == 4


def test_content_digest_of_a_lone_surrogate() -> None:
    assert content_digest("\ud800", None, None) == content_digest("\ufffd", None, None)


def test_a_crowd_of_marks_on_a_letter_takes_no_time() -> None:
    """Python sorts them by insertion, in C, where nothing can interrupt it."""
    crowd = "a" + "\u0301\u0327" * 100_000
    for text in (crowd, f"{crowd} {crowd}", "a\u0301" * 100_000, "\u0327" * 50_000 + "\u0301" * 50_000):
        began = process_time()
        tidy = nfc(text)
        fold(text)
        assert process_time() - began < 5
        assert unicodedata.is_normalized("NFC", tidy)
        assert nfc(tidy) == tidy


@given(st.text(st.sampled_from("aệ\u0301\u0327\u0323 "), max_size=40), st.integers(0, 40))
def test_nfc_is_nfc_but_for_crowds(text: str, count: int) -> None:
    text = text * count
    longest = max(map(len, re.findall("[\u0301\u0327\u0323]+", text)), default=0)
    if longest <= 30:
        assert nfc(text) == unicodedata.normalize("NFC", text)
    assert nfc(nfc(text)) == nfc(text)
