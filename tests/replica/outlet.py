"""Papers that no spider knows: forty articles each, of several kinds, and which address of the paper answers what.

A paper is made of stories (``tests.replica.model``) and of a system that prints them: ``outlet_wordpress``,
``outlet_nextjs``, ``outlet_mastercms``. The truth about its articles is read from the stories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from tests.replica.language import Writer, slug
from tests.replica.media import media
from tests.replica.model import HANOI, Byline, Clip, Label, Picture, Piece, Story
from tests.replica.server import Answer, Request
from tests.replica.vocabulary import AGENCIES, PEN_NAMES

COUNT = 42
START = datetime(2026, 11, 20, 9, 5, tzinfo=HANOI)
SECTIONS = {"kinh-te": "Kinh tế", "xa-hoi": "Xã hội", "van-hoa": "Văn hóa", "the-thao": "Thể thao"}
SPECIAL = {"video": ("video", "Video"), "gallery": ("anh", "Ảnh"), "infographic": ("infographic", "Infographic")}
KINDS = {5: "video", 11: "gallery", 17: "infographic", 29: "video", 35: "gallery"}
PER_PAGE = 8
HTML, XML = "text/html; charset=utf-8", "application/xml"


@dataclass(frozen=True)
class Listing:
    """One page of a list."""

    label: Label
    stories: list[Story]
    number: int  # from 1
    last: int


@dataclass
class Outlet:
    """``address`` gives a story's path; ``pages`` fills the answers, by path with query."""

    name: str
    host: str
    address: Callable[[Story, int], str]
    section_path: Callable[[str], str]
    tag_path: Callable[[str], str]
    stories: list[Story] = field(default_factory=list)
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)  # media type and text
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.hosts = (self.host,)
        plain = [make(self, index) for index in range(COUNT)]
        self.stories = [self._linked(index, plain) for index in range(COUNT)]

    @property
    def home(self) -> str:
        return f"https://{self.host}"

    def _linked(self, index: int, plain: list[Story]) -> Story:
        """With three stories of the same section that it leads to."""
        own = plain[index]
        others = [s for s in plain if s.field == own.field and s.id != own.id]
        start = index % len(others)
        chosen = (others + others)[start : start + 3]
        return replace(own, below=tuple(s.as_target() for s in chosen))

    def listings(self, label: Label, stories: list[Story]) -> list[Listing]:
        last = max(1, -(-len(stories) // PER_PAGE))
        return [Listing(label, stories[(n - 1) * PER_PAGE : n * PER_PAGE], n, last) for n in range(1, last + 1)]

    def lists(self) -> list[Listing]:
        """Every page of every section and tag."""
        found: list[Listing] = []
        for key, name in (*SECTIONS.items(), *SPECIAL.values()):
            of = [s for s in self.stories if s.crumbs[0].key == key]
            found += self.listings(Label(name, self.home + self.section_path(key), key), of)
        for tag in dict.fromkeys(tag for s in self.stories for tag in s.tags):
            found += self.listings(tag, [s for s in self.stories if tag in s.tags])
        return found

    def put(self, path: str, text: str, kind: str = HTML) -> None:
        self.answers[path] = (kind, text)

    def respond(self, request: Request) -> Answer:
        if request.scheme == "http":
            return Answer(301, "Moved Permanently", [("Location", self.home + request.target)], b"")
        if found := self.answers.get(request.target):
            return Answer(200, "OK", [("Content-Type", found[0])], found[1].encode(), gzip=True)
        if request.target.endswith((".jpg", ".webp")):
            kind, data = media(request.target)
            return Answer(200, "OK", [("Content-Type", kind)], data)
        return Answer(404, "Not Found", [("Content-Type", HTML)], b"<title>404</title><h1>404</h1>")


def make(outlet: Outlet, index: int) -> Story:
    """The article of this index, without links; what it has and lacks follows from the index."""
    key = tuple(SECTIONS)[index % 4]
    writer = Writer(Random(f"{outlet.host} {index}"), key)
    kind, title = KINDS.get(index, "article"), writer.say("tieu_de")
    at = START - timedelta(hours=7 * index, minutes=13 * index, seconds=17 * index)
    pieces = compose(outlet, index, kind, at, writer, title)
    topics = sorted(writer.words["chu_de"])
    tags = [topics[n % len(topics)] for n in (index, index + 3)] if index % 7 else []
    section, name = SPECIAL.get(kind, (key, SECTIONS[key]))
    story = Story(
        id="", site=outlet.host, url="", language="vi", kind=kind, field=key, title=title,
        sapo=writer.say("sapo") if index % 6 != 4 else None, published=at, publisher=outlet.name, era="2026",
        pieces=pieces, byline=byline(index), crumbs=(Label(name, outlet.home + outlet.section_path(section), section),),
        tags=tuple(Label(t, outlet.home + outlet.tag_path(slug(t)), slug(t)) for t in dict.fromkeys(tags)),
        source=("Báo Đồng Sen", None, None) if index % 9 == 2 else (None, None, None),
    )  # fmt: skip
    path = outlet.address(story, index)
    return replace(story, id=f"{outlet.host}:{path.strip('/')}", url=outlet.home + path)


def compose(outlet: Outlet, index: int, kind: str, at: datetime, writer: Writer, title: str) -> tuple[Piece, ...]:
    """The body: film or pictures first where they are the story."""

    def image(n: int) -> Piece:
        url = f"{outlet.home}/anh/{at:%Y/%m}/{slug(title)[:40].strip('-')}-{n}.jpg"
        caption, person = writer.say("chu_thich") + ".", writer.pen_name()
        if (index + n) % 4 == 0:
            return Piece("image", picture=Picture(url, writer.say("alt"), caption, person, f"{caption} Ảnh: {person}"))
        return Piece("image", picture=Picture(url, writer.say("alt"), caption, None, caption))

    def paragraph() -> Piece:
        return Piece("paragraph", text=writer.paragraph(2 + index % 3))

    match kind:
        case "video":
            film = Clip(f"{outlet.home}/phim/{slug(title)[:30].strip('-')}.mp4")
            return (Piece("video", clip=film), paragraph(), paragraph())
        case "gallery":
            return (paragraph(), *(image(n) for n in range(5)))
        case "infographic":
            return (image(0), paragraph())
    pieces = [paragraph(), image(0), paragraph(), paragraph()]
    pieces += [Piece("heading", text=writer.say("muc"), level=2), paragraph()] if index % 3 == 0 else []
    pieces += [Piece("quote", text=writer.say("trich") + ".")] if index % 4 == 1 else []
    pieces += [Piece("list", items=tuple(writer.say("y") for _ in range(3)))] if index % 5 == 2 else []
    pieces += [image(1)] if index % 2 else []
    pieces += [paragraph() for _ in range(1 + index % 4)]
    return tuple(pieces)


def byline(index: int) -> Byline | None:
    """Who made it: a person, two, a person with an agency, nobody."""
    one, two = PEN_NAMES[index % 16], PEN_NAMES[(index * 5 + 7) % 16]
    agency = AGENCIES[index % 6]
    match index % 5:
        case 0 | 1:
            return Byline(one, ((one, "author"),), (), "top")
        case 2 if one != two:
            return Byline(f"{one} - {two}", ((one, "author"), (two, "author")), (), "top")
        case 3:
            return Byline(f"{one} (theo {agency})", ((one, "author"),), (agency,), "top")
    return None
