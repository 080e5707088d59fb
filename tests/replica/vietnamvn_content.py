"""The articles of the replica's vietnam.vn: 310 in Vietnamese, each with a "machine translation" into English.

Indices 0-19 are of the WordPress years, 20-49 of 2025, the others of the fourteen days before ``BASE``; of these,
every third republishes an article of the replica's baoquocte.vn, the rest come from invented papers.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from tests.replica.baoquocte_sections import BASE
from tests.replica.english import EnglishWriter
from tests.replica.language import Writer, slug
from tests.replica.model import HANOI, Byline, Label, Picture, Piece, Story
from tests.replica.vietnamvn_copies import like_another, varied
from tests.replica.vietnamvn_sections import (
    CATEGORIES,
    PAPERS,
    SITE_NAME,
    STATIC,
    THUMB,
    WWW,
    category,
    prefix,
    tag,
)
from tests.replica.vocabulary import AGENCIES, PEN_NAMES

COUNT = 310
WORDPRESS, YEAR_2025 = 20, 50  # first index after the WordPress years, and after 2025
RELATED_ONLY = (71, 104, 152)
SITEMAP_ONLY = (82, 133, 184)
HIDDEN = (77, 121, 163, 208)
REPEATED_TITLE = 230  # has the headline of the article before it: its slug gets the suffix -2
FIELDS = tuple(CATEGORIES)
KEPT_PIECES = frozenset({"paragraph", "heading", "quote", "list", "table", "image"})
ENGLISH_CREDIT = (("(Nguồn: ", "(Source: "), ("(Ảnh: ", "(Photo: "), ("Ảnh: ", "Photo: "))


def generate(originals: list[Story]) -> list[Story]:
    """All Vietnamese articles, oldest first, without links; ``originals``: what baoquocte.vn listed at ``BASE``."""
    random = Random("vietnamvn plan")
    recent = sorted((s for s in originals if s.era == "2026" and s.kind == "article"), key=lambda s: s.number)
    recent = [s for s in recent if s.published < BASE - timedelta(hours=3)]
    step = timedelta(days=14) / (COUNT - YEAR_2025)
    stories: list[Story] = []
    for index in range(COUNT):
        if index < WORDPRESS:
            at = datetime(2023, 3, 4, 9, 30, tzinfo=HANOI) + timedelta(days=31 * index, minutes=77 * index)
        elif index < YEAR_2025:
            at = datetime(2025, 1, 12, 7, 10, tzinfo=HANOI) + timedelta(
                days=9 * (index - WORDPRESS), minutes=53 * index
            )
        else:
            at = BASE - timedelta(days=14) + step * (index - YEAR_2025) + timedelta(seconds=random.randint(60, 3600))
        at = at.replace(microsecond=0)
        if index >= YEAR_2025 and index % 3 == 0:
            original = recent[(index - YEAR_2025) * len(recent) // (COUNT - YEAR_2025)]
            stories.append(varied(index, _republished(index, original)))
        else:
            story = _own(index, at, stories[-1].title if index == REPEATED_TITLE else None)
            stories.append(like_another(index, story, recent[index * 7 % len(recent)]) if index >= YEAR_2025 else story)
    return _distinct(stories)


def _distinct(stories: list[Story]) -> list[Story]:
    """A slug that is taken gets a number."""
    taken: dict[str, int] = {}
    result: list[Story] = []
    for story in stories:
        taken[story.name] = taken.get(story.name, 0) + 1
        if taken[story.name] > 1:
            name = f"{story.name}-{taken[story.name]}"
            story = replace(story, id=f"vietnam.vn:vi:{name}", url=f"{WWW}/{name}")
        result.append(story)
    return result


def _own(index: int, at: datetime, title: str | None) -> Story:
    """An article of an invented paper."""
    field = FIELDS[index % 8]
    writer = Writer(Random(f"vietnamvn {index}"), field)
    title = title or writer.say("tieu_de")
    pieces: list[Piece] = []
    for n in range(5 + index % 6):
        pieces.append(Piece("paragraph", text=writer.paragraph(2 + (index + n) % 3)))
        if n == 0 or (n == 3 and index % 2):
            pieces.insert(len(pieces) - (n == 0), Piece("image", picture=_picture(index, n, at, writer, title)))
        if n == 2 and index % 5 == 0:
            pieces.append(Piece("heading", text=writer.say("muc"), level=2 + index % 2))
        if n == 4 and index % 4 == 0:
            pieces.append(Piece("quote", text=writer.say("trich") + "."))
        if n == 3 and index % 7 == 1:
            pieces.append(Piece("list", items=tuple(writer.say("y") for _ in range(3)), style="ul"))
    paper, host = PAPERS[index % 6]
    url = None if index % 9 == 4 else f"https://{host}/{field}/{slug(title)}-{100000 + index * 7}.htm"
    name = PEN_NAMES[index % 16]
    byline = Byline(name, ((name, "author"),), (), "paragraph") if index % 4 == 1 else None
    return _story(index, at, field, title, writer.say("sapo"), tuple(pieces), (paper, url, None), byline)


def _republished(index: int, original: Story) -> Story:
    """A copy of a baoquocte.vn article: its text, the images at an address of vietnam.vn's own."""
    at = original.published + timedelta(minutes=31 + index % 60, seconds=index % 50)
    pieces: list[Piece] = []
    for n, piece in enumerate(original.pieces):
        if piece.picture:
            kept = replace(piece.picture, url=_image_url(index, n, at, slug(original.title)))
            pieces.append(replace(piece, picture=kept))
        elif piece.kind in KEPT_PIECES:
            pieces.append(piece)
    byline = original.byline and replace(original.byline, place="paragraph")
    source = ("Báo Thế giới và Việt Nam", original.url, original.id)
    return _story(index, at, original.field, original.title, original.sapo or "", tuple(pieces), source, byline)


def _story(
    index: int,
    at: datetime,
    field: str,
    title: str,
    sapo: str,
    pieces: tuple[Piece, ...],
    source: tuple[str | None, str | None, str | None],
    byline: Byline | None,
) -> Story:
    name = slug(title, keep_number_marks=True)
    form = "wordpress" if index < WORDPRESS else ("json_ld", "next_data", "stream", "plain", "hreflang")[index % 5]
    stated = form in ("json_ld", "hreflang", "next_data") or (form == "wordpress" and index % 2 == 0)
    marks = {form, "sapo_first" if index % 3 == 1 else "sapo_last", "absolute" if index % 2 else "relative"}
    if form == "hreflang" or (form == "json_ld" and index % 2 == 0):
        marks.add("alternates")
    if index % 2 == 0:
        marks.add("etag")
    group = {
        **dict.fromkeys(RELATED_ONLY, "related"),
        **dict.fromkeys(SITEMAP_ONLY, "sitemap"),
        **dict.fromkeys(HIDDEN, "hidden"),
    }.get(index, "listed")
    return Story(
        id=f"vietnam.vn:vi:{name}", site="vietnam.vn", url=f"{WWW}/{name}", language="vi", kind="article", field=field,
        title=title, sapo=sapo, published=at, publisher=SITE_NAME, era="wordpress" if index < WORDPRESS else "next",
        pieces=pieces, byline=byline, crumbs=(category(field, "vi"),), source=source,
        tags=tags_of(index),
        precision="second" if stated else "day",
        modified=at + timedelta(minutes=12) * (index % 2) if form in ("json_ld", "hreflang") else None,
        traits=frozenset(marks), group=group,
    )  # fmt: skip


def tags_of(index: int) -> tuple[Label, ...]:
    """One to three tags; one article in eleven has none."""
    labels = [tag(index * step + 3 + step // 7, "vi") for step in (1, 3, 7)[: 1 + index % 3]] if index % 11 else []
    return tuple(dict.fromkeys(labels))


def translate(story: Story) -> Story:
    """The English edition of an article: the same slug, the same pictures with their Vietnamese alt texts."""
    writer = EnglishWriter(Random(f"english {story.id}"))
    return replace(
        story,
        id=f"vietnam.vn:en:{story.name}",
        url=f"{WWW}{prefix('en')}/{story.name}",
        language="en",
        title=writer.say("headline"),
        sapo=writer.say("lead"),
        pieces=tuple(_in_english(piece, writer) for piece in story.pieces),
        crumbs=(category(story.field, "en"),),
        tags=tuple(replace(label, url=label.url.replace(WWW, f"{WWW}/en")) for label in story.tags),
        translation_of=story.id,
    )


def _in_english(piece: Piece, writer: EnglishWriter) -> Piece:
    match piece.kind:
        case "paragraph":
            return replace(piece, text=writer.paragraph(2 + len(piece.text or "") // 220))
        case "heading":
            return replace(piece, text=writer.say("heading"))
        case "quote":
            return replace(piece, text=writer.say("sentence"))
        case "list":
            return replace(piece, items=tuple(writer.say("entry") for _ in piece.items))
        case "table":
            rows = [(writer.say("place"), *row[1:]) for row in piece.rows[1:]]
            return replace(piece, rows=(("Place", "Number", "Against last year"), *rows))
    picture = piece.picture
    if picture is None or picture.caption is None:
        return piece
    caption = writer.say("caption") + "."
    printed = (picture.printed or "").replace(picture.caption, caption)
    for vietnamese, english in ENGLISH_CREDIT:
        printed = printed.replace(vietnamese, english)
    return replace(piece, picture=replace(picture, caption=caption, printed=printed))


def _picture(index: int, n: int, at: datetime, writer: Writer, title: str) -> Picture:
    url = _image_url(index, n, at, slug(title))
    alt = title if n == 0 else writer.say("alt")
    if (index + n) % 8 == 5:
        return Picture(url, alt)
    caption, agency, person = writer.say("chu_thich") + ".", writer.random.choice(AGENCIES), writer.pen_name()
    forms = (
        (None, caption),
        (agency, f"{caption} (Nguồn: {agency})"),
        (person, f"{caption} Ảnh: {person}"),
        (person, f"{caption} (Ảnh: {person})"),
    )
    credit, printed = forms[(index + n) % 4]
    return Picture(url, alt, caption, credit, printed)


def _image_url(index: int, n: int, at: datetime, name: str) -> str:
    """The address of an image file, in the form of its years; some bodies hold the thumbnail."""
    if index < WORDPRESS:
        return f"{WWW}/wp-content/uploads/{at:%Y/%m}/{name[:40].strip('-')}-{n}.jpg"
    if index < YEAR_2025:  # the path's day is that of a bulk move, not of the article
        return f"{STATIC}/2025/1/{18 + index % 4}/{hashlib.md5(f'{index} {n}'.encode()).hexdigest()}"
    stamp = int(at.astimezone(UTC).timestamp() * 1000) + n
    path = f"{at:%Y/%m/%d}/{stamp}_{name[:40].strip('-')}.{('jpg', 'png', 'jpeg')[(index + n) % 3]}"
    if index % 13 == 2:
        return f"{THUMB}/1200x675/vietnam/resource/IMAGE/{path}"
    return f"{STATIC}/{path}"
