"""Copies on the replica's vietnam.vn that name no address of their source, and articles that only look like copies.

Of the articles taken from baoquocte.vn every second one has a source line with an address; the others name the paper
alone: word for word, or edited. Of the others some tell the same event in words of their own around a paragraph that
both have, some print an agency's text that baoquocte.vn prints too.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.replica.language import Writer
from tests.replica.model import Piece, Story

PAPER = "Báo Thế giới và Việt Nam"


def varied(index: int, copy: Story) -> Story:
    """A copy with its source line, without its address, or edited too."""
    name, _, source_id = copy.source
    match index % 12:
        case 3:
            return replace(copy, source=(name, None, None), copy_of=source_id)
        case 9:
            return replace(copy, source=(name, None, None), copy_of=source_id, pieces=_edited(index, copy))
    return copy


def _edited(index: int, copy: Story) -> tuple[Piece, ...]:
    """One paragraph left out, a sentence cut from another, one written anew at the end."""
    pieces = list(copy.pieces)
    places = [place for place, piece in enumerate(pieces) if piece.kind == "paragraph"]
    middle = pieces[places[2]]
    first, _, _ = (middle.text or "").partition(". ")
    pieces[places[2]] = replace(middle, text=f"{first.rstrip('.')}.")
    pieces[places[-1]] = Piece("paragraph", text=Writer(Random(f"edited copy {index}"), copy.field).paragraph(2))
    del pieces[places[1]]
    return tuple(pieces)


def like_another(index: int, story: Story, other: Story) -> Story:
    """An article that was not taken from the other one, though it has text of it; most have none."""
    own = [place for place, piece in enumerate(story.pieces) if piece.kind == "paragraph"]
    theirs = [piece for piece in other.pieces if piece.kind in ("paragraph", "quote")]
    pieces = list(story.pieces)
    match index % 12:
        case 4:  # the same event, told by another paper
            pieces[own[1]] = theirs[0]
            return replace(story, pieces=tuple(pieces), source=(story.source[0], None, None))
        case 7:  # an agency's text, printed by both papers, here with a paragraph more
            body = [piece for piece in other.pieces if piece.kind in ("paragraph", "heading", "list", "quote")]
            lead = [piece for piece in pieces[: own[0]] if piece.kind == "image"]
            later = max(story.published, other.published)
            return replace(
                story, pieces=(*lead, *body, pieces[own[-1]]), source=(story.source[0], None, None), published=later
            )
        case 10:  # another article of the same paper, with its paragraph on what happened before
            pieces[own[-1]] = theirs[1]
            return replace(story, pieces=tuple(pieces), source=(PAPER, None, None))
    return story
