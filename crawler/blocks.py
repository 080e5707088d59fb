"""From the element that holds an article's text to its blocks, in reading order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from lxml.etree import _Element

from crawler.blockwalk import Actions, BlockRules, Piece, Walk
from crawler.htmltext import inline_text
from crawler.items import Block
from crawler.text import clean, fold

__all__ = ["TEXT_TYPES", "BlockRules", "Piece", "body_text", "inline_text", "read_blocks", "read_until"]

TEXT_TYPES = frozenset({"paragraph", "heading", "quote", "list"})  # the types whose texts make up ``body``
_LONGEST_CAPTION = 300  # letters
_LONGEST_LABEL = 100  # letters, with what stands before it

# Labels before links to other articles, folded (lower case, no tone marks).
_RELATED_LABEL = re.compile(
    r"^\W{0,6}(?:xem them|doc them|xem ngay|tin lien quan|bai lien quan|tin cung chuyen muc|bai viet lien quan"
    r"|co the ban quan tam|moi ban doc|see also|read more|related|more from wvr)\b[^.!?]{0,30}?:?\s*$"
)
_CREDIT = re.compile(
    r"(?:\((?:[^()]*(?:ảnh|nguồn|photo|source|credit)\b[^()]*)\)|\b(?:Ảnh|Photo|Nguồn ảnh)\s*:[^.]{2,60})\.?$", re.I
)
_ARROWS = re.compile(r"^\s*(?:>{2,}|»)")
_POINTER = re.compile(r"^\s*(?:>|[►▶➤➡→👉])")  # counts where nothing but the link follows it


def read_blocks(element: _Element, rules: BlockRules, base_url: str) -> list[Piece]:
    """The blocks of ``element`` in reading order, without links to other articles that stand under a label."""
    return read_until(element, rules, base_url, None)[0]


def read_until(
    element: _Element, rules: BlockRules, base_url: str, ends: Callable[[Piece], bool] | None
) -> tuple[list[Piece], bool]:
    """As ``read_blocks``, no further than the first piece that ``ends`` accepts; and whether there was such a one."""
    walk = Walk(rules, base_url, Actions(element, rules), ends)
    walk.walk(element, 0)
    walk.flush()
    pieces = walk.pieces if walk.end is None else walk.pieces[: walk.end]
    return _with_captions(_without_related(pieces)), walk.end is not None


def body_text(blocks: Iterable[Block]) -> str | None:
    """``body`` of an article: the texts of its text blocks, joined by a blank line."""
    return "\n\n".join(b.text for b in blocks if b.text and b.type in TEXT_TYPES) or None


def _without_related(pieces: list[Piece]) -> list[Piece]:
    """Leave out "see also" lines: a label with links, or a label and the all-link pieces that follow it."""
    kept: list[Piece] = []
    under_label = False
    for piece in pieces:
        text = piece.block.text or ""
        text = fold(text[:_LONGEST_LABEL]) if piece.links or len(text) <= _LONGEST_LABEL else ""
        if under_label and piece.linked and piece.block.text:
            continue
        under_label = bool(text) and _RELATED_LABEL.match(text) is not None
        if not under_label and not _see_also(piece, text):
            kept.append(piece)
    return kept


def _with_captions(pieces: list[Piece]) -> list[Piece]:
    """Take a short line under a picture as its caption where it looks like one: italic, centred or with a credit."""
    kept: list[Piece] = []
    for piece in pieces:
        above = kept[-1].block if kept else None
        bare = above is not None and above.type in ("image", "video") and above.caption is None
        if above is not None and bare and _is_caption(piece):
            above.caption = piece.block.text
        else:
            kept.append(piece)
    return kept


def _is_caption(piece: Piece) -> bool:
    text = clean(piece.block.text) or ""
    if piece.block.type != "paragraph" or len(text) > _LONGEST_CAPTION:
        return False
    return piece.italic or piece.centred or _CREDIT.search(text) is not None


def _see_also(piece: Piece, text: str) -> bool:
    """A line such as ">> Xem thêm: <link>"."""
    if not piece.links or piece.block.type not in ("paragraph", "heading"):
        return False
    label, colon, _ = text.partition(":")
    if _ARROWS.match(text) or (piece.linked and _POINTER.match(text)):
        return True
    return colon == ":" and _RELATED_LABEL.match(label + ":") is not None
