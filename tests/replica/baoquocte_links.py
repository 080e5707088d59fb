"""Who links to whom on the replica's baoquocte.vn: the related boxes, and the odd addresses among them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.replica.baoquocte_content import RELATED_ONLY
from tests.replica.baoquocte_images import thumb_url
from tests.replica.baoquocte_sections import HOME
from tests.replica.model import Piece, Story, Target

GONE = Target(None, f"{HOME}/bai-viet-da-go-khoi-trang-431777.html", "Bài viết đã được gỡ khỏi trang")
SOFT_404 = Target(None, f"{HOME}/bai-viet-khong-con-ton-tai-431779.html", "Bài viết không còn tồn tại")
CHALLENGE = Target(None, f"{HOME}/bai-viet-sau-tuong-chan-431781.html", "Bài viết sau tường chắn")
CLOSED = Target(None, f"{HOME}/noi-bo/so-tay-bien-tap-431783.html", "Sổ tay biên tập nội bộ")


def odd_address(story: Story, n: int) -> str:
    """Another address that leads to the article."""
    path = story.url.removeprefix(HOME)
    match n % 6:
        case 0:
            return f"https://id.baoquocte.vn{path}"
        case 1:
            return f"http://baoquocte.vn{path}"
        case 2:
            return f"https://www.baoquocte.vn{path}"
        case 3:
            return f"{story.url}?utm_source=noi-bo&utm_medium=tin-lien-quan"
        case 4:
            return f"{HOME}/tieu-de-cu-{story.number}.html"
    return f"{story.url}#binh-luan"


def link(stories: list[Story]) -> list[Story]:
    """The articles with their related boxes filled, each with articles that are not newer than a day after it."""
    listed = [story for story in stories if story.group == "listed"]
    return [_linked(index, story, listed, stories) for index, story in enumerate(stories)]


def link_plainly(stories: list[Story]) -> list[Story]:
    """The same without odd addresses; an article of the group ``related`` is linked by the one before it alone."""
    listed = [story for story in stories if story.group == "listed"]
    linked = [_linked(0, story, listed, []) for story in stories]
    for place, story in enumerate(stories):
        if story.group == "related":
            card = Piece("cards", style="card", targets=(_target(story),))
            before = linked[place - 1]
            linked[place - 1] = replace(before, pieces=(*before.pieces[:-1], card, *before.pieces[-1:]))
    return linked


def _linked(index: int, story: Story, listed: list[Story], stories: list[Story]) -> Story:
    random = Random(f"links {story.id}")
    pool = [other for other in listed if other.field == story.field and other is not story]
    near = sorted(pool, key=lambda other: abs((other.published - story.published).total_seconds()))[:24]
    chosen = iter(_target(other) for other in random.sample(near, 18))

    def take(count: int) -> tuple[Target, ...]:
        return tuple(next(chosen) for _ in range(count))

    above = take(3) if index % 4 != 3 else ()
    if index % 29 == 10 and above and above[0].id and (other := _by_id(listed, above[0].id)).kind == "article":
        odd = odd_address(other, index // 29)
        # An outdated slug is an address of its own until the site redirects it.
        above = (replace(above[0], url=odd, canonical="" if "tieu-de-cu" in odd else other.url), *above[1:])
    if (special := {75: GONE, 92: SOFT_404, 118: CHALLENGE, 164: CHALLENGE, 172: GONE}.get(index)) is not None:
        above = (*above[:2], special)
    pieces: list[Piece] = []
    for piece in story.pieces:
        match piece.kind:
            case "embed":
                pieces.append(replace(piece, targets=take(1 + index % 2)))
            case "cards":
                pieces.append(replace(piece, targets=take(1)))
            case "more":
                pieces.append(replace(piece, targets=take(2)))
            case _:
                pieces.append(piece)
    pieces[-1:-1] = [Piece("cards", style="card", targets=(t,)) for t in _only_related(index, stories)]
    same_topic = [o for o in listed if story.topics and o.topics == story.topics and o is not story]
    below = tuple(_target(other) for other in random.sample(same_topic, min(4, len(same_topic))))
    keyword = next(chosen) if "keyword_link" in story.traits else None
    return replace(story, above=above, pieces=tuple(pieces), below=below, keyword=keyword)


def _only_related(index: int, stories: list[Story]) -> list[Target]:
    """Cards for the articles that only related boxes know. The last is known only to the first of them."""
    holders = {place - 2: [place] for place in RELATED_ONLY[:-1]}
    holders |= {place + 4: [place] for place in RELATED_ONLY[:-1]}
    holders[RELATED_ONLY[0]] = [RELATED_ONLY[-1]]
    return [_target(stories[place]) for place in holders.get(index, ()) if place < len(stories)]


def _target(story: Story) -> Target:
    return story.as_target(thumb_url(story, "thumbnail/"))


def _by_id(stories: list[Story], wanted: str) -> Story:
    return next(story for story in stories if story.id == wanted)
