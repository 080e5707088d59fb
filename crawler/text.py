"""Text as it stands in a row: one Unicode form, no invisible characters, one kind of white space."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache, lru_cache
from hashlib import sha256

# Soft hyphen, Arabic letter mark, Mongolian vowel separator, zero-width and bidi controls, invisible operators, BOM,
# interlinear marks; and control characters that are not white space.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACES = "\t\n\x0b\f\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # but U+0020
_UNTIDY = re.compile(f"[{_INVISIBLE.pattern[1:-1]}{_SURROGATE.pattern[1:-1]}{_SPACES}]")
_KEPT = 1000  # letters: longer texts are not remembered
_MARK = re.compile("[\u0300-\u036f]+")
_FOREIGN = re.compile("[^\x00-\x7f\u0300-\u036f]")
_MARKS_MAX = 30  # on one letter: UAX #15, stream-safe text
_SHORT = 1_000  # characters in which no number of marks takes long


def clean(text: str | None) -> str | None:
    """Return ``text`` as NFC without invisible characters, each run of white space one space; None if nothing is left.

    windows-1258 decodes to loose tone marks and some pages are NFD: only NFC text can be compared and hashed.
    """
    if text is None:
        return None
    return _cleaned_once(text) if len(text) <= _KEPT else _cleaned(text)


def _cleaned(text: str) -> str | None:
    if _UNTIDY.search(text):
        text = _INVISIBLE.sub("", scalar(text))  # first: an invisible character would keep a mark from its letter
    elif "  " not in text and not text.startswith(" ") and not text.endswith(" "):
        return nfc(text) or None  # as most texts are; splitting takes three times as long
    return " ".join(nfc(text).split()) or None


def nfc(text: str) -> str:
    """Return ``text`` in NFC, of more than 30 combining marks in a row the first 30: no language has them.

    Python sorts the marks of a letter by insertion: a million of them would take hours, and nothing can interrupt it.
    Marks that are in order are not sorted, and telling that takes no time.
    """
    if len(text) <= _SHORT or unicodedata.is_normalized("NFC", text):
        return unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", less_marked(text))


def less_marked(text: str) -> str:
    """Return ``text`` with no more than 30 combining marks in a row; a short text as it is."""
    return text if len(text) <= _SHORT else _crowds().sub(r"\1", text)


@cache  # made when it is first needed: it asks for the class of every character
def _crowds() -> re.Pattern[str]:
    marks = "".join(re.escape(char) for char in map(chr, range(0x300, 0x20000)) if unicodedata.combining(char))
    return re.compile(f"([{marks}]{{{_MARKS_MAX}}})[{marks}]+")


_cleaned_once = lru_cache(maxsize=2048)(_cleaned)  # fields, pieces and pipelines ask for the same texts again


def scalar(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates by U+FFFD: JSON in pages holds them, UTF-8 cannot."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def unescape_once(text: str) -> str:
    """Resolve HTML character references one time: JSON-LD strings hold ``&#7852;``, and ``&amp;lt;`` means ``&lt;``."""
    return html.unescape(text)


def fold(text: str) -> str:
    """Return lower-case text without diacritics, đ as d: for comparing labels, never for output."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", less_marked(text)).replace("đ", "d").replace("Đ", "d")
    if not _FOREIGN.search(plain):  # letters and their marks: a third of the time
        return plain.encode("ascii", "ignore").decode("ascii").lower()
    plain = _MARK.sub("", plain).lower()
    return plain if plain.isascii() else unicodedata.normalize("NFC", plain)


def content_digest(title: str | None, sapo: str | None, body: str | None) -> str:
    """Return ``sha256:<hex>`` of the NFC texts joined by U+001E: equal as long as nobody edits the article."""
    parts = (title or "", sapo or "", body or "")
    try:
        whole = "\x1e".join(nfc(part) for part in parts).encode()
    except UnicodeEncodeError:
        whole = "\x1e".join(nfc(scalar(part)) for part in parts).encode()
    return "sha256:" + sha256(whole).hexdigest()
