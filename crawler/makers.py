"""Which paragraph at an end of a text is its byline: no library looks for the person there."""

from __future__ import annotations

import re

from crawler.blocks import Piece
from crawler.byline import split_byline
from crawler.text import clean, fold

_LONGEST = 120  # letters
_LABEL = re.compile(
    r"\(?(?:theo|by|bai|tin|anh|nguon|tac gia|thuc hien|nhom thuc hien|phong vien|pv|dich|bien dich|luoc dich|tong hop"
    r"|source|text|photos?|story|written by|reporting by|infographic|do hoa|thiet ke)\b"
    r"(?:[^:.]{0,30}:|(?<=theo)\s|(?<=by)\s)"
)
_BETWEEN_NAMES = frozenset({"và", "and", "theo", "từ", "biên", "lược", "dịch", "tổng", "hợp", "van", "de"})
_ENDINGS = ("(tong hop)", "(th)", "(dich)", "(bien dich)")
# Lines that name nobody, and are no more of the text than a name is: "Theo Lao Động", "(tổng hợp)", "Nhóm PV".
_TAKEN_FROM = re.compile(r"\(?(?:[Tt]heo|[Nn]guồn|[Ss]ource)(?:\s*:|\s)\s*(?:báo\s|trang\s)?(?P<paper>[^()]+)\)?")
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", re.I)
_OFFICE = re.compile(r"\(?(?:(?:nhom )?(?:pv|phong vien|ctv|btv)|(?:bien |luoc )?dich|tong hop|t/h|th)\)?")


def bylines(pieces: list[Piece]) -> list[Piece]:
    """The pieces that name the makers: the first one, and the last two.

    A bare name counts at the start when it is set to the right or in italics, at the end also in bold, and as the
    very last piece in any form.
    """
    texts = [piece for piece in pieces if piece.block.text]
    last = texts[-2:] if len(texts) > 2 else texts[1:]
    found = [p for p in texts[:1] if names_makers(p, p.right or p.italic)]
    return found + [p for p in last if names_makers(p, p.right or p.strong or p.italic or p is texts[-1])]


def names_makers(piece: Piece, may_be_name: bool) -> bool:
    """Whether a paragraph names its makers: by a label, or (where a bare name may stand) nothing but names."""
    text = clean(piece.block.text) or ""
    if piece.block.type != "paragraph" or len(text) > _LONGEST or text[-1:] in ".?!:;…":
        return False
    if names_nobody(text, may_be_name):
        return True
    if not any(split_byline(text)):
        return False
    if _LABEL.match(fold(text)) or fold(text).endswith(_ENDINGS):
        return True
    words = re.findall(r"[^\W\d_]+", re.sub(r"\([^()]*\)", "", text))
    named = all(word[0].isupper() or word in _BETWEEN_NAMES for word in words)
    return may_be_name and named and 2 <= len(words) <= 8 and not re.search(r"\d", text)


def names_nobody(text: str, may_be_name: bool) -> bool:
    """Whether a line in the place of a byline names a paper or an office alone."""
    if may_be_name and _OFFICE.fullmatch(fold(text)):
        return True
    taken = _TAKEN_FROM.fullmatch(text)
    words = re.findall(r"[^\W\d_]+", _DOMAIN.sub(" ", taken["paper"])) if taken else []
    return taken is not None and len(words) <= 8 and all(w[0].isupper() or w in _BETWEEN_NAMES for w in words)


def joined(pieces: list[Piece]) -> str | None:
    """The lines of a byline as one: two bare names in a row are two people."""
    lines = [text for p in pieces for line in (p.block.text or "").split("\n") if (text := clean(line))]
    whole = ""
    for line in dict.fromkeys(lines):
        another = line[0].isupper() and not _LABEL.match(fold(line)) and (whole[-1:].isalpha() or whole.endswith(")"))
        whole = f"{whole}{',' if another else ''} {line}" if whole else line
    return whole or None
