"""What an article of the replica is, before any markup; and the row that a crawler should make of it.

The renderers read these classes, ``Story.row`` reads them too: so the truth never goes through HTML.
Texts are NFC and clean here; a renderer may print them in NFD or with stray spaces (``traits``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

HANOI = timezone(timedelta(hours=7))
IN_BODY = frozenset({"paragraph", "heading", "quote", "list"})


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with the caption line as printed; ``caption`` and ``credit`` are its two parts."""

    url: str
    alt: str | None = None
    caption: str | None = None
    credit: str | None = None
    printed: str | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A video: a file (``player`` "video") or a frame of another site (``player`` "iframe")."""

    url: str
    player: str = "video"
    caption: str | None = None
    credit: str | None = None
    printed: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An article as other pages show it. ``url``: as linked; ``canonical``: where that is another address."""

    id: str | None
    url: str
    title: str
    sapo: str = ""
    thumb: str = ""
    canonical: str = ""

    @property
    def address(self) -> str:
        """What a crawler should make of the link."""
        return self.canonical or self.url


@dataclass(frozen=True, slots=True)
class Piece:
    """One element of the body, in page order.

    ``kind``: a block type of crawler.items.Block, or one that yields no block: ``cards`` (related stories),
    ``embed`` (related stories at the right), ``more`` (another related box), ``advert``, ``empty``.
    ``style`` chooses among a renderer's forms.
    """

    kind: str
    text: str | None = None
    level: int | None = None
    items: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    picture: Picture | None = None
    clip: Clip | None = None
    targets: tuple[Target, ...] = ()
    style: str = ""


@dataclass(frozen=True, slots=True)
class Byline:
    """The author line. ``place``: member, cms, bottom (elements of their own) or paragraph (end of the body)."""

    printed: str
    authors: tuple[tuple[str, str], ...]
    agencies: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Label:
    """A section, tag or topic."""

    name: str
    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Story:
    """One article in one language on one site, at one moment."""

    id: str
    site: str
    url: str
    language: str
    kind: str
    field: str
    title: str
    sapo: str | None
    published: datetime
    publisher: str
    era: str
    kicker: str | None = None
    pieces: tuple[Piece, ...] = ()
    byline: Byline | None = None
    crumbs: tuple[Label, ...] = ()
    tags: tuple[Label, ...] = ()
    topics: tuple[Label, ...] = ()
    above: tuple[Target, ...] = ()
    below: tuple[Target, ...] = ()
    keyword: Target | None = None
    editions: tuple[Target, ...] = ()
    precision: str = "second"
    modified: datetime | None = None
    source: tuple[str | None, str | None, str | None] = (None, None, None)
    translation_of: str | None = None
    copy_of: str | None = None  # id of the article whose text this is, where the page does not name its address
    traits: frozenset[str] = frozenset()
    group: str = "listed"

    @property
    def number(self) -> int:
        """The site's own number of the article (baoquocte.vn)."""
        return int(self.id.rpartition(":")[2])

    @property
    def name(self) -> str:
        """The last part of the id: number or slug."""
        return self.id.rpartition(":")[2]

    def pictures(self) -> list[Picture]:
        return [piece.picture for piece in self.pieces if piece.picture]

    def clips(self) -> list[Clip]:
        return [piece.clip for piece in self.pieces if piece.clip]

    def related(self) -> list[Target]:
        """Editorial links in page order, each address once."""
        inside = [target for piece in self.pieces for target in piece.targets]
        return list({target.address: target for target in (*self.above, *inside, *self.below)}.values())

    def as_target(self, thumb: str = "", url: str | None = None) -> Target:
        return Target(self.id, url or self.url, self.title, self.sapo or "", thumb, self.url if url else "")

    def body(self) -> str | None:
        texts = [block["text"] for block in map(block_of, self.pieces) if block and block["type"] in IN_BODY]
        return "\n\n".join(texts) or None

    def row(self) -> dict[str, Any]:
        """The fields of crawler.items.Article that the page decides, after cleaning."""
        published, modified = self.published.astimezone(HANOI), self.modified and self.modified.astimezone(HANOI)
        name, url, source_id = self.source
        links: list[tuple[str, str | None, str]] = [(t.url, None, "edition") for t in self.editions]
        if url is not None:
            links.append((url, url, "source"))
        links += [(t.address, t.title, "related") for t in self.related()]
        return {
            "id": self.id,
            "work_id": self.translation_of or self.id,
            "site": self.site,
            "kind": self.kind,
            "language": self.language,
            "is_translation": self.translation_of is not None,
            "translation_of": self.translation_of,
            "url": self.url,
            "title": self.title,
            "kicker": self.kicker,
            "sapo": self.sapo,
            "body": self.body(),
            "blocks": [block for block in map(block_of, self.pieces) if block],
            "byline": self.byline.printed if self.byline else None,
            "authors": [{"name": n, "role": r} for n, r in self.byline.authors] if self.byline else [],
            "agencies": list(self.byline.agencies) if self.byline else [],
            "publisher": self.publisher,
            "source": {"name": name, "url": url, "id": source_id},
            "section": self.crumbs[0].name if self.crumbs else None,
            "breadcrumbs": [{"name": crumb.name, "url": crumb.url} for crumb in self.crumbs],
            "tags": [asdict(tag) for tag in self.tags],
            "topics": [asdict(topic) for topic in self.topics],
            "images": [
                {"url": p.url, "alt": p.alt, "caption": p.caption, "credit": p.credit, "position": position}
                for position, p in enumerate(self.pictures())
            ],
            "videos": [
                {"url": c.url, "caption": c.caption, "credit": c.credit, "position": position}
                for position, c in enumerate(self.clips())
            ],
            "links": [{"url": url, "text": text, "kind": kind} for url, text, kind in links],
            "published_at": None if self.precision == "day" else shown(published, self.precision),
            "published_date": published.date().isoformat(),
            "published_precision": self.precision,
            "modified_at": modified and shown(modified, "second"),
            "modified_date": modified and modified.date().isoformat(),
            "modified_precision": modified and "second",
        }


def shown(at: datetime, precision: str) -> str:
    """The instant as a row holds it: a page that shows minutes gives second 00."""
    return at.replace(second=at.second if precision == "second" else 0, microsecond=0).isoformat()


def block_of(piece: Piece) -> dict[str, Any] | None:
    """The block that a piece should become, or None."""
    picture, clip = piece.picture, piece.clip
    if piece.kind not in IN_BODY | {"table", "image", "video"}:
        return None
    shown_under = picture or clip
    return {
        "type": piece.kind,
        "text": "\n".join(piece.items) if piece.kind == "list" else piece.text,
        "level": piece.level,
        "items": list(piece.items),
        "rows": [list(row) for row in piece.rows],
        "url": shown_under.url if shown_under else None,
        "alt": picture.alt if picture else None,
        "caption": shown_under.caption if shown_under else None,
        "credit": shown_under.credit if shown_under else None,
    }
