"""From the paragraphs that a library found back to the page: where they stand, there are the headings, pictures and
captions too, which the libraries lose.
"""

from __future__ import annotations

from lxml.etree import _Element

from crawler.blocks import read_blocks
from crawler.blockwalk import BlockRules, Piece
from crawler.htmltext import inline_text
from crawler.makers import names_makers
from crawler.notices import begins_box, is_furniture, is_notice
from crawler.text import clean

# Parts that no site means as its story, by the names that most systems give them.
RULES = BlockRules(
    drop=(
        "nav, footer, form, .sharedaddy, .share, .social, .social-share, .share-buttons, .jp-relatedposts, .related,"
        " .addtoany_share_save_container, .related-posts, .related-articles, .yarpp-related, .crp_related,"
        " .penci-post-related, .comments, .comments-area, .comment-respond, #comments, #respond, .newsletter,"
        " .newsletter-signup, .subscribe, .advertisement, .advert, .ad, .ads, .adsbygoogle, .banner, .noads,"
        " .cookie-notice, .cookie-consent, .comment-form-cookies-consent, .akismet_comment_form_privacy_notice,"
        " .breadcrumb, .breadcrumbs, .post-meta, .entry-meta, .byline, .tags, .tag-list, .post-tags, .tagcloud,"
        " .author-box, .author-bio, .author, .author-name, .post-author, .entry-author, .article-author, .post-date,"
        " .entry-date, .is-copyright"
    ),
    figure="figure, .wp-caption",
    caption='figcaption, .wp-caption-text, [class*="caption"], [class*="Caption"]',
)
_ENOUGH = 0.85  # of the letters found: the element that holds so many is that of the story
_KNOWN = 0.6  # of the letters found must stand in elements of the page, else the finding says nothing of places
_AROUND = 3  # elements outwards from that of the story in which a box beside it may stand
_SENTENCE = 80  # letters: before the first text so long stand lines about the article
_HOLDERS = ("p", "li", "blockquote", "td", "div", "section", "h2", "h3", "h4", "span")


def located(root: _Element, found: list[str], base_url: str, labels: frozenset[str]) -> list[Piece]:
    """Pieces of the page from the first to the last paragraph of ``found``; [] when they cannot be found there.

    ``labels``: those of boxes that may stand right before the first paragraph or after the last one.
    """
    keys = {key for text in found if (key := clean(text))}
    holder = _holder(root, keys)
    if holder is None:
        return []
    pieces = _read(holder, base_url, labels)
    own = [at for at, piece in enumerate(pieces) if _is_known(piece, keys)]
    if not own:
        return []
    titles = {clean(inline_text(h1)) for h1 in root.iter("h1")}
    first, last = next((at + 1 for at in own[:3] if clean(pieces[at].block.text) in titles), own[0]), own[-1]
    inside = [p for p in pieces[first : last + 1] if not (p.linked and p.links) and not is_notice(p)]
    story = next((at for at, p in enumerate(inside) if len(p.block.text or "") >= _SENTENCE), len(inside))
    inside = [p for at, p in enumerate(inside) if at >= story or not is_furniture(p.block.text or "")]
    return [*_before(pieces[:first], labels), *inside, *_after(pieces[last + 1 :], labels)]


def _read(holder: _Element, base_url: str, labels: frozenset[str]) -> list[Piece]:
    """The pieces of the story's element, or of one around it that also holds a labelled box."""
    if labels:
        for around in [e for e in holder.iterancestors() if e.tag not in ("body", "html")][:_AROUND]:
            pieces = read_blocks(around, RULES, base_url)
            if any(begins_box(piece, labels) for piece in pieces):
                return pieces
    return read_blocks(holder, RULES, base_url)


def _holder(root: _Element, keys: set[str]) -> _Element | None:
    """The innermost element that holds nearly all of the text."""
    held: dict[_Element, int] = {}
    once = set(keys)
    for element in root.iter(*_HOLDERS):
        text = clean(inline_text(element)) if len(element) < 40 else None
        if text is None or text not in once:
            continue
        once.discard(text)
        for around in element.iterancestors():
            held[around] = held.get(around, 0) + len(text)
    most = max(held.values(), default=0)
    if not held or most < _KNOWN * sum(map(len, keys)):
        return None
    return max((e for e, letters in held.items() if letters >= _ENOUGH * most), key=_depth)


def _depth(element: _Element) -> int:
    return sum(1 for _ in element.iterancestors())


def _is_known(piece: Piece, keys: set[str]) -> bool:
    text = piece.block.text
    if not text or piece.block.type == "box":
        return False
    return clean(text) in keys or any(clean(line) in keys for line in text.split("\n"))


def _before(pieces: list[Piece], labels: frozenset[str]) -> list[Piece]:
    """Pictures right above the story, and labelled boxes with all that follows them."""
    boxed = next((at for at, piece in enumerate(pieces) if begins_box(piece, labels)), len(pieces))
    start = boxed
    while start and pieces[start - 1].block.type in ("image", "video"):
        start -= 1
    return [p for p in pieces[start:] if not is_notice(p) and not is_furniture(p.block.text or "")]


def _after(pieces: list[Piece], labels: frozenset[str]) -> list[Piece]:
    """Pictures with captions that follow at once (the rest of a gallery), the byline, and a labelled box."""
    passed = (_is_picture(p) or is_notice(p) or bool(p.linked and p.links) for p in pieces)
    over = next((at for at, one in enumerate(passed) if not one), len(pieces))
    pictures = [piece for piece in pieces[:over] if _is_picture(piece)]
    behind = next((at for at in range(over, 0, -1) if _is_picture(pieces[at - 1])), 0)
    near = pieces[behind : behind + 3]
    if near and begins_box(near[0], labels):
        return [*pictures, *near[:2]]
    end = next((n for n, p in enumerate(near, 1) if names_makers(p, p.right or p.strong or p.italic)), 0)
    return [*pictures, *near[:end]]


def _is_picture(piece: Piece) -> bool:
    return piece.block.type == "image" and piece.block.caption is not None
