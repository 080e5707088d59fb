"""The articles of the replica's baoquocte.vn: 320 in Vietnamese, 5 in English, and what a day changes.

Everything follows from an article's index, so every feature occurs often and any two builds are equal.
Indices 0-69 fill the old eras (2018, 2021, 2024), the others the fourteen days before ``BASE``.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from tests.replica.baoquocte_images import clip, image_url, picture
from tests.replica.baoquocte_sections import (
    BASE,
    EDITION_EN,
    HOME,
    PUBLISHER,
    PUBLISHER_EN,
    TAGS,
    TOPICS,
    TREE,
    Section,
)
from tests.replica.english import EnglishWriter
from tests.replica.language import Writer, slug
from tests.replica.model import HANOI, Byline, Label, Picture, Piece, Story
from tests.replica.vocabulary import AGENCIES, PEN_NAMES

COUNT = 320
ADDED = 15
EDITED = 20
REMOVED = 5
RELATED_ONLY = (81, 103, 129, 151, 183, 215)
SITEMAP_ONLY = (90, 111, 140, 171, 200, 233)
HIDDEN = (96, 145, 190, 241)
OLD_ERAS = ((18, "2018", datetime(2018, 1, 8, 8, 5, tzinfo=HANOI), 23.0),
            (40, "2021", datetime(2020, 6, 2, 9, 12, tzinfo=HANOI), 33.0),
            (70, "2024", datetime(2024, 2, 5, 7, 31, tzinfo=HANOI), 21.0))  # fmt: skip
ID_GROWTH = (
    *((2018, 1, 60001), (2018, 5, 71349), (2020, 3, 111553), (2022, 6, 187077), (2023, 12, 255197)),
    *((2024, 10, 288901), (2025, 9, 326593), (2026, 2, 355785), (2026, 11, 431001), (2026, 12, 440001)),
)
BOXES = ("__MB_template_g", "__MB_template_d", "__MB_HL_BOX")  # other templates for text that is set apart
FIELD_NAMES = tuple(TREE)[:8]


def plan() -> list[tuple[datetime, str]]:
    """When each article was published, oldest first, and in which era."""
    moments: list[tuple[datetime, str]] = []
    for end, era, start, step in OLD_ERAS:
        first = len(moments)
        moments += [(start + timedelta(days=step * n, minutes=37 * n, seconds=11 * n), era) for n in range(end - first)]
    random = Random("baoquocte plan")
    recent = COUNT - len(moments)
    pace = timedelta(days=14) / recent
    start = BASE - timedelta(days=14, minutes=-1)
    for n in range(recent):
        at = start + pace * n + timedelta(seconds=random.randint(0, 4200))
        moments.append((min(at, BASE - timedelta(minutes=3)).replace(microsecond=0), "2026"))
    return sorted(moments)


def numbers(moments: list[datetime]) -> list[int]:
    """Ids for these moments: odd, growing, sparse, along the ids that were seen on the site."""
    known = [(datetime(year, month, 1, tzinfo=HANOI), number) for year, month, number in ID_GROWTH]
    ids: list[int] = []
    for at in moments:
        place = bisect(known, (at, 0))
        (before, low), (after, high) = known[place - 1], known[place]
        number = low + int((high - low) * ((at - before) / (after - before)))
        ids.append(max(number | 1, ids[-1] + 2 if ids else 1))
    return ids


def compose(index: int, at: datetime, era: str, kind: str, title: str, writer: Writer) -> tuple[Piece, ...]:
    """The body. Related boxes stand here without targets: ``linking`` fills them."""
    story_slug = slug(title)
    image_no = iter(range(9))

    def image(alt: str) -> Piece:
        return Piece("image", picture=picture(story_slug, at, era, index, next(image_no), writer, alt))

    def paragraph() -> Piece:
        return Piece("paragraph", text=writer.paragraph(writer.random.randint(2, 4)))

    count = 2 if kind in ("video", "infographic") else 6 + index % 6
    video = clip(index, at, story_slug, writer)
    lead = Piece("video", clip=video) if kind == "video" else image(title if index % 3 else writer.say("alt"))
    extras = {
        1: [Piece("embed")] if index % 3 == 0 and kind == "article" else [],
        2: [Piece("list", items=tuple(writer.say("y") for _ in range(3 + index % 3)), style=("ul", "ol")[index % 2])]
        if index % 7 == 3 else [],
        3: [Piece("heading", text=writer.say("muc"), level=2 + (index % 8 == 0))]
        if index % 4 == 0 or kind == "emagazine" else [],
        4: ([image(writer.say("alt"))] if index % 2 == 0 or kind != "article" else [])
        + ([Piece("more")] if index % 11 == 0 else []),
        5: ([Piece("quote", text=writer.say("trich") + ".")] if index % 5 == 1 or kind == "emagazine" else [])
        + ([Piece("advert")] if index % 5 == 0 else []),
        6: [Piece("heading", text=writer.say("muc"), level=2 + (index % 8 == 0))] if index % 4 == 0 else [],
        7: ([Piece("table", rows=writer.table(3 + index % 3))] if index % 9 == 4 else [])
        + ([image(writer.say("alt"))] if index % 10 == 0 else []),
        8: [Piece("quote", text=writer.say("hop"), style=BOXES[index % 3])] if index % 6 == 2 else [],
    }  # fmt: skip
    pieces = [lead]
    for n in range(1, max(count, max(extras)) + 1):
        pieces += ([paragraph()] if n <= count else []) + extras.get(n, [])
    if video and kind != "video":
        pieces.insert(len(pieces) // 2, Piece("video", clip=video))
    if index % 3 != 2 and kind in ("article", "video"):
        pieces += [Piece("cards", style="card")] * (2 + index % 4)
    return (*pieces, Piece("empty"))


def byline(index: int, era: str) -> Byline | None:
    """The author line in one of its forms."""
    one, two = PEN_NAMES[index % 16], PEN_NAMES[(index * 7 + 3) % 16]
    agency = AGENCIES[index % 6]
    top = ("member", "cms")[index // 8 % 2] if era in ("2024", "2026") else "bottom"
    match index // 2 % 8:
        case 0 | 1:
            return Byline(one, ((one, "author"),), (), top)
        case 2:
            return Byline(f"(theo {agency})", (), (agency,), "bottom")
        case 3:
            return Byline(one, ((one, "author"),), (), "paragraph")
        case 4 if one != two:
            return Byline(f"{one} - {two}", ((one, "author"), (two, "author")), (), "bottom")
        case 5:
            return Byline(f"{one} (tổng hợp)", ((one, "compiler"),), (), "paragraph")
        case 6:
            return Byline(f"{one} (theo {agency})", ((one, "author"),), (agency,), top)
    return None


def traits(index: int, era: str, number: int) -> frozenset[str]:
    """Oddities of the page that change nothing in the row."""
    json_ld = era in ("2024", "2026") or (era == "2021" and index % 2 == 0)
    wanted = {
        "json_ld": json_ld,
        "entities": json_ld and index % 7 == 2,
        "nfd": index % 25 == 9,
        "dirty": index % 12 == 8,
        "keyword_link": index % 3 == 1,
        "old_headings": era == "2024",
        "etag": number // 2 % 2 == 0,
    }
    return frozenset(name for name, on in wanted.items() if on)


def make(index: int, at: datetime, era: str, number: int) -> Story:
    """The Vietnamese article of this index, without links."""
    random = Random(f"baoquocte {index}")
    recent = era == "2026" and index < COUNT
    kind = {7: "infographic", 17: "emagazine", 27: "video"}.get(index % 40, "article") if recent else "article"
    field = FIELD_NAMES[index % 8]
    writer = Writer(random, field)
    title = writer.say("tieu_de")
    marks = traits(index, era, number)
    modified = at + timedelta(minutes=41, seconds=7) * (index % 3 == 0) if "json_ld" in marks else None
    tail = "media" if kind == "video" else "html"
    group = {**dict.fromkeys(RELATED_ONLY, "related"), **dict.fromkeys(SITEMAP_ONLY, "sitemap"),
             **dict.fromkeys(HIDDEN, "hidden")}.get(index, "listed")  # fmt: skip
    return Story(
        id=f"baoquocte.vn:{number}", site="baoquocte.vn", url=f"{HOME}/{slug(title)}-{number}.{tail}",
        language="vi", kind=kind, field=field, title=title, sapo=writer.say("sapo"), published=at,
        publisher=PUBLISHER, era=era, kicker=writer.say("kicker") if index % 6 == 1 else None,
        pieces=compose(index, at, era, kind, title, writer),
        byline=byline(index, era) if kind == "article" else None,
        crumbs=crumbs(kind, field, index), tags=tags_of(index), modified=modified, traits=marks,
        topics=(TOPICS[index // 5 % 5],) if index % 5 == 0 and group == "listed" else (),
        precision="second" if "json_ld" in marks else "minute", group=group,
    )  # fmt: skip


def crumbs(kind: str, field: str, index: int) -> tuple[Label, ...]:
    if kind in ("infographic", "emagazine"):
        return (TREE[kind].label,)
    section: Section = TREE[field]
    return (section.label, section.subs[index // 8 % len(section.subs)])


def tags_of(index: int) -> tuple[Label, ...]:
    """Two to four tags; one article in ten has none."""
    if index % 10 == 9:
        return ()
    places = [(index * step + step + step // 3) % 30 for step in (1, 7, 11, 13)[: 2 + index % 3]]
    return tuple(TAGS[place] for place in dict.fromkeys(places))


def english(n: int, number: int) -> Story:
    """An article of the English edition; it shares the number space and the markup."""
    writer = EnglishWriter(Random(f"baoquocte english {n}"))
    title = writer.say("headline")
    at = BASE - timedelta(hours=7 * n + 2, minutes=13)
    url = image_url(slug(title), at, "2026", n, "", "jpg")
    caption = writer.say("caption") + "."
    pieces = [Piece("image", picture=Picture(url, title, caption, "VNA", f"{caption} (Source: VNA)"))]
    pieces += [Piece("paragraph", text=writer.paragraph(3)) for _ in range(6)]
    return Story(
        id=f"baoquocte.vn:{number}", site="baoquocte.vn", url=f"{EDITION_EN}/{slug(title)}-{number}.html",
        language="en", kind="article", field="the-gioi", title=title, sapo=writer.say("lead"), published=at,
        publisher=PUBLISHER_EN, era="2026", pieces=(*pieces, Piece("empty")),
        crumbs=(Label("Politics", f"{EDITION_EN}/politics", "politics"),), modified=at,
        traits=frozenset({"json_ld"}), group="english",
    )  # fmt: skip


def edit(story: Story, n: int) -> Story:
    """The article after its edit: the second paragraph is another one."""
    paragraphs = [place for place, piece in enumerate(story.pieces) if piece.kind == "paragraph"]
    writer = Writer(Random(f"edit {story.id}"), story.field)
    pieces = list(story.pieces)
    pieces[paragraphs[1]] = Piece("paragraph", text=writer.paragraph(3))
    return replace(story, pieces=tuple(pieces), modified=BASE + timedelta(hours=1 + n, minutes=5, seconds=n))
