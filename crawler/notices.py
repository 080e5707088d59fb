"""What stands among the paragraphs of a site besides its story: notices, links to other stories, labelled boxes, and
captions set like any paragraph. All of it is told by its words, so it holds on sites that nobody has looked at.
"""

from __future__ import annotations

import re

from crawler.blockwalk import Piece
from crawler.dates import parse
from crawler.items import Block
from crawler.text import clean, fold

_LONGEST_NOTICE = 400  # letters
_LONGEST_CAPTION = 250
_LONGEST_LINE = 90  # a line about the article: its date, its sharing buttons

# Folded. The whole paragraph is left out where it begins like this.
_NOTICE = re.compile(
    r"(?:we use cookies|this (?:web)?site (?:uses|utilizes) (?:cookies|akismet)"
    r"|by (?:continuing|clicking|using)\b.{0,60}(?:cookies|you (?:agree|consent|accept))"
    r"|save my name, e?-?mail|your e-?mail address will not be published"
    r"|learn (?:more about )?how your comment|required fields are marked|leave a (?:comment|reply)\b"
    r"|you must be logged in to (?:post|comment)|\d+ comments?$|comments? (?:are closed|\(\d+\))"
    r"|notify me of (?:follow-?up|new)|all rights reserved|©|\(c\) ?\d{4}|copyright ?(?:©|\(c\)|\d{4})"
    r"|sign up (?:for|to) (?:our|the)\b.{0,60}newsletter|subscribe to (?:our|the)\b.{0,60}(?:newsletter|channel)"
    r"|follow us on\b|join (?:us|our)\b.{0,40}(?:telegram|whatsapp|facebook|channel)|share(?: this(?: \w+)?)?:?$"
    r"|advertisement$|(?:tags?|keywords?|tu khoa|chu de):?$|you may also like:?$"
    r"|chung toi su dung cookie|trang (?:web )?nay su dung cookie|(?:email|thu dien tu) cua ban se khong duoc hien thi"
    r"|luu ten cua toi|binh luan (?:\(\d+\)|cua ban)|ban (?:phai|can) dang nhap de binh luan|de lai binh luan"
    r"|theo doi (?:chung toi|[\w .]{2,30}) (?:tren|tai) (?:facebook|google|zalo|youtube|tiktok)|quang cao$|chia se$"
    r"|moi (?:quy vi|ban doc)[\w ]{0,30} (?:dang ky|theo doi) kenh)"
)
# A label with the story that it leads to on the same line; links are asked for, but not after "See also".
_SEE_ALSO = re.compile(r"\W{0,4}see also\b")
_LEADS_ON = re.compile(
    # No word border: the headline after the label is often glued to it.
    r"\W{0,4}(?:read (?:more|also|next)\b|also read\b|(?:xem|doc) them|tin lien quan|bai lien quan"
    r"|(?:related(?: (?:story|stories|articles?|news))?|more on this|don.?t miss|recommended|xem ngay)\s*:)"
)
# Lines between a headline and its story.
_FURNITURE = re.compile(
    r"(?:home|trang chu)\s*[»>/›].*|\d+ (?:min(?:ute)?s?)(?: of)? read.*|(?:share|chia se|in bai viet|print|listen)"
    r"|(?:last )?updated?:? .{0,40}\d{4}.*|(?:posted|published)(?: (?:on|by|at))?:? .{0,60}\d{4}.*"
    r"|[\d\W]+|(?:by|boi) admin.{0,40}|\d+ (?:views?|shares?|luot xem).*"
    r"|.{0,40}\b(?:\d{1,2}[ ./-]+\w{1,9}[ ./-]+\d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})\b[^.]{0,30}"
)
_PICTURED = re.compile(
    r"(?:pictured|above|below|left|right|file photo|in this photo)\b|.*\((?:pictured|left|right|file)\b"
)
_BULLET = re.compile(r"^\s*[•·▪‣*–—-]\s+")
_ENDS_A_SENTENCE = (".", "?", "!", "…", ":", ";", '."', ".”", "?”", "!”", ".'", ".’", "”", '"')


def without_notices(pieces: list[Piece]) -> list[Piece]:
    """Leave out cookie, comment, copyright and sharing notices, and lines that lead to another story."""
    return [piece for piece in pieces if not is_notice(piece)]


def is_notice(piece: Piece) -> bool:
    if piece.block.type not in ("paragraph", "heading", "list"):
        return False
    text = fold(clean(piece.block.text) or "")
    if len(text) > _LONGEST_NOTICE:
        return False
    return bool(_NOTICE.match(text) or _SEE_ALSO.match(text) or (piece.links and _LEADS_ON.match(text)))


def leads_on(text: str) -> bool:
    """Whether a line with a link leads to another story."""
    folded = fold(clean(text) or "")
    return len(folded) <= _LONGEST_NOTICE and bool(_SEE_ALSO.match(folded) or _LEADS_ON.match(folded))


def is_furniture(text: str) -> bool:
    """Whether a line before the story is about the article: its path, its date, its sharing buttons."""
    text = clean(text) or ""
    return len(text) <= _LONGEST_LINE and bool(_FURNITURE.fullmatch(fold(text)) or parse(text))


def with_boxes(pieces: list[Piece], labels: frozenset[str]) -> list[Piece]:
    """Make one box of a label ("Synopsis", "Key Takeaways") and what belongs to it.

    That is the list after the label, or the lines with bullets, or else one paragraph; or the rest of its own line.
    """
    kept: list[Piece] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        label, own = _label(piece, labels)
        end = at + 1
        if label and not own:
            end = _end_of_box(pieces, at + 1)
        if label and (own or end > at + 1):
            lines = [piece.block.text or "", *(p.block.text or "" for p in pieces[at + 1 : end])]
            links = tuple(link for p in pieces[at:end] for link in p.links)
            kept.append(Piece(Block("box", "\n".join(_BULLET.sub("", line) for line in lines)), links=links))
        else:
            kept.append(piece)
        at = end
    return kept


def begins_box(piece: Piece, labels: frozenset[str]) -> bool:
    return bool(_label(piece, labels)[0])


def with_plain_captions(pieces: list[Piece], captions: frozenset[str] = frozenset()) -> list[Piece]:
    """Take paragraphs as captions that nothing but their words and their place tell from the story.

    A paragraph that repeats the alternative text or the caption of a picture of the page (``captions``: those that
    stand outside these pieces, folded) is its caption. So is a short one right under a picture that does not end like
    a sentence, or says who is pictured.
    """
    kept: list[Piece] = []
    shown = {fold(clean(p.block.alt) or ""): p.block for p in pieces if p.block.type == "image" and p.block.alt}
    shown |= {fold(clean(p.block.caption) or ""): p.block for p in pieces if p.block.caption}
    for piece in pieces:
        text = clean(piece.block.text) or ""
        folded = fold(text)
        if piece.block.type != "paragraph" or not text or len(text) > _LONGEST_CAPTION:
            kept.append(piece)
        elif folded in shown:
            shown[folded].caption = shown[folded].caption or piece.block.text
        elif folded in captions:
            continue
        elif kept and _under_picture(kept[-1]) and _looks_like_caption(text):
            kept[-1].block.caption = piece.block.text
        else:
            kept.append(piece)
    return kept


def _under_picture(above: Piece) -> bool:
    return above.block.type in ("image", "video") and above.block.caption is None


def _looks_like_caption(text: str) -> bool:
    return not text.endswith(_ENDS_A_SENTENCE) or _PICTURED.match(fold(text)) is not None


def _label(piece: Piece, labels: frozenset[str]) -> tuple[str, bool]:
    """The label that a piece begins with, and whether its own line goes on after it."""
    if piece.block.type not in ("paragraph", "heading"):
        return "", False
    first, newline, rest = (piece.block.text or "").strip().partition("\n")
    if fold(clean(first) or "").strip(" :") in labels:
        return first, bool(newline and rest.strip())
    start, colon, rest = first.partition(":")
    return (start, True) if colon and rest.strip() and fold(clean(start) or "") in labels else ("", False)


def _end_of_box(pieces: list[Piece], at: int) -> int:
    """Where the content of a box ends that begins at ``at``."""
    if at == len(pieces) or pieces[at].block.type not in ("list", "paragraph", "quote"):
        return at
    end = at + 1
    if pieces[at].block.type == "paragraph" and _BULLET.match(pieces[at].block.text or ""):
        while end < len(pieces) and _BULLET.match(pieces[end].block.text or ""):
            end += 1
    return end
