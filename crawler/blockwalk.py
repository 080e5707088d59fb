"""The walk over the element of an article's text: text and inline elements gather in an open paragraph, a block
element closes it. What to leave out, and which boxes are figures or quotes, a site says in ``BlockRules``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter

from lxml.etree import _Element

from crawler.htmltext import INLINE, MAX_DEPTH, SKIP, absolute, image_address, inline_text, one_space, pixels
from crawler.items import Block
from crawler.selectors import Place, place, select

_HEADINGS = {"h1": 2, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_PLAYERS = re.compile(r"youtube|youtu\.be|vimeo|dailymotion|facebook\.com/plugins/video|/embed|player|/video", re.I)
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:\?|$)", re.I)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_RIGHT = re.compile(r"text-align\s*:\s*(?:right|end)", re.I)
_CENTRE = re.compile(r"text-align\s*:\s*center", re.I)
_PLAIN: frozenset[str] = frozenset()
_LOOKS_OF_TAG = {
    "b": ("strong",),
    "strong": ("strong",),
    "i": ("italic",),
    "em": ("italic",),
    "a": ("linked",),
    "center": ("centred",),
}
_LABEL = 20  # letters
_LONGEST_BOX = 400  # letters of a box that may be most of a text
_SMALL = 60  # pixels: both sides declared at most this is an icon, not a picture of the article


@dataclass(frozen=True, slots=True)
class BlockRules:
    """What a site's text element holds besides plain paragraphs. CSS selectors; '' matches nothing."""

    drop: str = ""  # related boxes, adverts, share bars: not read at all
    figure: str = ""  # elements that hold images or videos and their captions
    caption: str = ""  # elements whose text is the caption of the image before them
    quote: str = ""  # boxes whose text belongs to the article
    quote_text: str = ""  # the part of such a box that holds the text, where it has one
    box: str = ""  # boxes beside the article: kept as a block, not in the body


@dataclass(slots=True)
class Piece:
    """A block, and what the page showed about its looks: a byline or a caption differs from text by these."""

    block: Block
    right: bool = False  # aligned to the right
    centred: bool = False
    strong: bool = False  # all in bold
    italic: bool = False  # all in italics
    linked: bool = False  # all inside links
    links: tuple[str, ...] = ()  # addresses of the links in it
    size: tuple[int | None, int | None] = (None, None)  # width and height of an image, where the page says so


class Walk:
    """The walk. ``pieces`` grows; the open paragraph is ``text``, with the looks that all letters of it share."""

    def __init__(
        self, rules: BlockRules, base_url: str, actions: Actions, ends: Callable[[Piece], bool] | None = None
    ) -> None:
        self.rules = rules
        self.base_url = base_url
        self.actions = actions
        self.ends = ends
        self.end: int | None = None  # how many pieces there are up to the first that ``ends`` accepts
        self.asked = 0  # pieces that were asked
        self.pieces: list[Piece] = []
        self.looks = _PLAIN  # those that the open elements set
        self.depth = 0
        self.start()

    def start(self) -> None:
        """Open a new, empty paragraph."""
        self.text: list[str] = []
        self.shared: frozenset[str] | None = None  # looks of all letters so far; None before the first letter
        self.links: list[str] = []

    def walk(self, element: _Element, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.add(" ".join(map(str, element.itertext())))
            return
        self.add(element.text)
        for child in element:
            self.depth = depth
            if isinstance(child.tag, str):
                self.enter(child, child.tag, depth)
            if self.ends is not None and self.is_over(self.ends):
                return
            self.add(child.tail)

    def is_over(self, ends: Callable[[Piece], bool]) -> bool:
        """Whether one of the pieces is the last one."""
        while self.end is None and self.asked < len(self.pieces):
            self.asked += 1
            if ends(self.pieces[self.asked - 1]):
                self.end = self.asked
        return self.end is not None

    def enter(self, child: _Element, tag: str, depth: int) -> None:
        if (action := self.actions.of(child)) is not None:
            self.flush()
            action(self, child)
            return
        style = child.get("style")
        if tag in SKIP or child.get("hidden") is not None or _is_hidden(style):
            return
        if tag == "br":
            self.text.append("\n")
        elif tag in _BLOCKS:
            self.flush()
            _BLOCKS[tag](self, child)
        elif tag in INLINE:
            self.inside(child, tag, style, depth)
        else:
            self.flush()
            self.inside(child, tag, style, depth)
            self.flush()

    def inside(self, child: _Element, tag: str, style: str | None, depth: int) -> None:
        """Walk a child with its looks counted."""
        looks = _looks_of(tag, style, child.get("align"))
        if tag == "a" and (address := absolute(self.base_url, (child.get("href") or "").strip())):
            self.links.append(address)
        outer = self.looks
        if looks:
            self.looks = outer.union(looks)
        self.walk(child, depth + 1)
        self.looks = outer

    def add(self, text: str | None) -> None:
        if not text:
            return
        text = one_space(text)
        self.text.append(text)
        if self.shared != _PLAIN and any(map(str.isalnum, text)):
            self.shared = self.looks if self.shared is None else self.shared & self.looks

    def flush(self) -> None:
        """Close the open paragraph; two line breaks in a row make two paragraphs of it."""
        if not self.text and not self.links:
            return
        whole = "".join(self.text)
        if not whole.isspace():
            shared = self.shared or _PLAIN
            looks = ("right" in shared, "centred" in shared, "strong" in shared, "italic" in shared, "linked" in shared)
            for text in _paragraphs(whole):
                self.pieces.append(Piece(Block("paragraph", text), *looks, tuple(self.links)))
        self.start()

    # --- One method for each kind of element that is a block of its own ---------------------------------------

    def leave_out(self, element: _Element) -> None:
        """A related box, an advert, a share bar."""

    def heading(self, element: _Element) -> None:
        part = self.part(element)
        text = " ".join(p.block.text for p in part if p.block.text)
        if text:
            linked = all(p.linked for p in part if p.block.text)
            links = tuple(link for p in part for link in p.links)
            level = _HEADINGS[str(element.tag)]
            self.pieces.append(Piece(Block("heading", text, level), linked=linked, links=links))
        self.pieces.extend(p for p in part if not p.block.text)

    def list_(self, element: _Element) -> None:
        items: list[str] = []
        others: list[Piece] = []
        linked = True
        links: list[str] = []
        stray = [element.text, *(li.tail for li in element)]  # text between the entries, against the rules of HTML
        items.extend(text for part in stray if (text := one_space(part or "").strip(" ")))
        for li in element:
            if not isinstance(li.tag, str) or li.tag in SKIP or self.actions.of(li):
                continue
            for piece in self.part(li):
                if piece.block.type == "list":
                    items.extend(piece.block.items)
                elif piece.block.text:
                    items.append(piece.block.text.replace("\n", " "))
                else:
                    others.append(piece)
                linked = linked and (piece.linked or not piece.block.text)
                links.extend(piece.links)
        if items:
            block = Block("list", "\n".join(items), items=items)
            self.pieces.append(Piece(block, linked=linked, links=tuple(links)))
        self.pieces.extend(others)

    def quote(self, element: _Element) -> None:
        self.framed(element, "quote")

    def box(self, element: _Element) -> None:
        if not _is_card(element):
            self.framed(element, "box")

    def framed(self, element: _Element, kind: str) -> None:
        """A box as one block of text, with its images after it."""
        holders = select(element, self.rules.quote_text) or [element]
        part = [piece for holder in holders for piece in self.part(holder)]
        text = "\n".join(p.block.text for p in part if p.block.text and _letters(p.block.text))  # no bare quote marks
        if text:
            self.pieces.append(Piece(Block(kind, text), links=tuple(link for p in part for link in p.links)))
        self.pieces.extend(p for p in part if p.block.type in ("image", "video", "table"))

    def caption(self, element: _Element) -> None:
        if self.media(element):
            self.figure(element)
            return
        text = inline_text(element)
        last = self.pieces[-1].block if self.pieces else None
        if text and last is not None and last.type in ("image", "video") and last.caption is None:
            last.caption = text

    def figure(self, element: _Element) -> None:
        """Images with their captions: row by row in a table, else one caption for all of them."""
        rows = _own_rows(element)
        if rows:
            self.figure_rows(rows)
            return
        found = self.media(element)
        if not found:
            self.walk(element, self.depth + 1)
            self.flush()
            return
        caption = " ".join(filter(None, map(inline_text, select(element, "figcaption")))) or inline_text(element)
        _caption(found, [caption] if caption else [])
        self.pieces.extend(found)

    def figure_rows(self, rows: list[list[_Element]]) -> None:
        group: list[Piece] = []
        for cells in rows:
            found = [self.media(cell) for cell in cells]
            if any(found):
                group = [piece for pieces in found for piece in pieces]
                self.pieces.extend(group)
                beside = []
                for cell, pieces in zip(cells, found, strict=True):
                    if text := inline_text(cell):
                        _caption(pieces, [text])
                        beside += [] if pieces else [text]
                _caption([piece for piece in group if piece.block.caption is None], beside)
                continue
            _caption(group, [text for cell in cells if (text := inline_text(cell))])

    def table(self, element: _Element) -> None:
        if _is_card(element) or _is_list_of_links(element):
            return
        rows = _own_rows(element)
        cells = [cell for row in rows for cell in row]
        pictures = [cell for cell in cells if self.media(cell)]
        texts = [text for cell in cells if (text := inline_text(cell))]
        if pictures and len(texts) <= len(pictures) and max(map(len, texts), default=0) < 400:
            self.figure_rows(rows)
        elif len(telling := [cell for cell in cells if _letters(inline_text(cell))]) == 1:
            letters = _letters(inline_text(telling[0]))
            if letters > _LONGEST_BOX and 2 * letters > self.actions.letters:
                self.pieces.extend(self.part(telling[0]))  # no box beside the article: its paragraphs, laid out
            else:
                self.framed(telling[0], "box")
        elif texts:
            caption = " ".join(inline_text(child) for child in element if child.tag == "caption") or None
            block = Block("table", rows=[[inline_text(cell) for cell in row] for row in rows], caption=caption)
            self.pieces.append(Piece(block))
            self.pieces.extend(found for cell in pictures for found in self.media(cell))

    def one_media(self, element: _Element) -> None:
        self.pieces.extend(self.media(element))

    def media(self, element: _Element) -> list[Piece]:
        """Images and videos at or under an element, without those in parts to leave out."""
        found: list[Piece] = []
        for one in element.iter("img", "video", "iframe", "embed", "amp-img"):
            if any(self.actions.of(a) is Walk.leave_out or a.tag == "noscript" for a in one.iterancestors()):
                continue
            piece = _image(one, self.base_url) if one.tag in ("img", "amp-img") else _video(one, self.base_url)
            if piece is not None:
                found.append(piece)
        return found

    def part(self, element: _Element) -> list[Piece]:
        """Pieces of a part of the page, read on its own with the same rules."""
        inner = Walk(self.rules, self.base_url, self.actions)
        inner.looks = self.looks
        inner.walk(element, self.depth + 1)
        inner.flush()
        return inner.pieces


_Action = Callable[[Walk, _Element], None]


class Actions:
    """What the rules of a site say of an element. Simple selectors are asked of each element that the walk meets."""

    def __init__(self, element: _Element, rules: BlockRules) -> None:
        self.element = element
        self.simple, others = _by_name(rules)
        self.found = {match: (rank, act) for rank, query, act in reversed(others) for match in select(element, query)}

    @cached_property
    def letters(self) -> int:
        """Of the whole text."""
        return _letters(inline_text(self.element))

    def of(self, element: _Element) -> _Action | None:
        held = self.simple(element.tag, element.get("class"), element.get("id"))
        if self.found and element in self.found and (held is None or self.found[element][0] < held[0]):
            held = self.found[element]
        return held[1] if held else None


_Ranked = tuple[int, _Action]


@lru_cache(maxsize=64)
def _by_name(
    rules: BlockRules,
) -> tuple[Callable[[str, str | None, str | None], _Ranked | None], list[tuple[int, str, _Action]]]:
    """The rules for an element by its tag, class and id, and those that need a search. A lower rank goes first."""
    simple: dict[str, list[tuple[int, Place, _Action]]] = {}
    others: list[tuple[int, str, _Action]] = []
    ranked: tuple[tuple[str, _Action], ...] = (
        (rules.drop, Walk.leave_out),
        (rules.figure, Walk.figure),
        (rules.caption, Walk.caption),
        (rules.quote, Walk.quote),
        (rules.box, Walk.box),
    )
    for rank, (queries, action) in enumerate(ranked):
        for query in filter(None, map(str.strip, queries.split(","))):
            if where := place(query):
                simple.setdefault(where.key, []).append((rank, where, action))
            else:
                others.append((rank, query, action))

    parts = [key for key in simple if key[0] == "*"]  # of a class attribute: asked of every element

    @lru_cache(maxsize=4096)  # the elements of a site's pages have a few hundred classes
    def of(tag: str, classes: str | None, name: str | None) -> _Ranked | None:
        names = classes or ""
        keys = (*names.split(), *parts, f"#{name}", f"<{tag}>")
        known = [entry for key in keys for entry in simple.get(key, ())]
        held = [(rank, action) for rank, where, action in known if where.fits(tag, names, name)]
        return min(held, key=itemgetter(0), default=None)

    return of, others


_BLOCKS: dict[str, _Action] = {
    **dict.fromkeys(_HEADINGS, Walk.heading),
    **dict.fromkeys(("ul", "ol", "dl"), Walk.list_),
    **dict.fromkeys(("img", "amp-img", "picture", "video", "iframe", "embed", "object"), Walk.one_media),
    "figure": Walk.figure,
    "blockquote": Walk.quote,
    "table": Walk.table,
    "aside": Walk.box,
}


def _paragraphs(text: str) -> Iterator[str]:
    """Two line breaks in a row part two paragraphs."""
    if "\n" not in text:
        if line := one_space(text).strip(" \u00a0"):
            yield line
        return
    lines = [one_space(line).strip(" \u00a0") for line in text.split("\n")]
    for paragraph in re.split(r"\n{2,}", "\n".join(lines)):
        if stripped := paragraph.strip("\n"):
            yield stripped


def _looks_of(tag: str, style: str | None, align: str | None) -> tuple[str, ...]:
    """The looks that an element gives its text."""
    looks = _LOOKS_OF_TAG.get(tag, ())
    if style is None and align is None:
        return looks
    if align == "right" or (style and _RIGHT.search(style)):
        looks = (*looks, "right")
    if "centred" not in looks and (align == "center" or (style and _CENTRE.search(style))):
        looks = (*looks, "centred")
    return looks


def _is_hidden(style: str | None) -> bool:
    return style is not None and _HIDDEN.search(style) is not None


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _is_card(element: _Element) -> bool:
    """Whether a table or box shows another article: its pictures are links to a page, beside the linked headline."""
    links = [a for a in element.iter("a") if a.get("href") and not _PICTURE_FILE.search(a.get("href") or "")]
    linked = {img for a in links for img in a.iter("img")}
    pictures = list(element.iter("img"))
    return bool(pictures) and linked.issuperset(pictures) and any(inline_text(a).strip(" \u00a0") for a in links)


def _is_list_of_links(table: _Element) -> bool:
    """Whether a table without pictures holds a label ("More from us") and links, and nothing else."""
    linked = sum(_letters(inline_text(a)) for a in table.iter("a") if a.get("href"))
    return 0 < linked >= _letters(inline_text(table)) - _LABEL and next(table.iter("img"), None) is None


def _own_rows(table: _Element) -> list[list[_Element]]:
    """Cells by row, without those of tables inside this one."""
    rows: list[list[_Element]] = []
    if table.tag != "table":
        return rows
    for row in table.iter("tr"):
        if next(row.iterancestors("table"), None) is table:
            rows.append([cell for cell in row if cell.tag in ("td", "th")])
    return rows


def _caption(group: list[Piece], texts: list[str]) -> None:
    """Give a row's texts to the images above: one each where the numbers agree, else all to all."""
    if not texts:
        return
    own = texts if len(texts) == len(group) else [" ".join(texts)] * len(group)
    for piece, text in zip(group, own, strict=True):
        block = piece.block
        block.caption = f"{block.caption} {text}" if block.caption else text


def _image(img: _Element, base_url: str) -> Piece | None:
    address = image_address(img, base_url)
    size = pixels(img, "width"), pixels(img, "height")
    if address is None or max(size[0] or _SMALL + 1, size[1] or _SMALL + 1) <= _SMALL:
        return None
    return Piece(Block("image", url=address, alt=(img.get("alt") or "").strip() or None), size=size)


def _video(element: _Element, base_url: str) -> Piece | None:
    """A video element, or an embedded frame that is a known player; other frames are adverts or counters."""
    places = [element, *element.iter("source")] if element.tag == "video" else [element]
    address = next(filter(None, (image_address(place, base_url) for place in places)), None)
    if address is None or (element.tag != "video" and not _PLAYERS.search(address)):
        return None
    return Piece(Block("video", url=address))
