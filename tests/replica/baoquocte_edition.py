"""baoquocte.vn as it stands at one clock: which articles exist, and what each list of the site holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property

from tests.replica.baoquocte_content import (
    ADDED,
    COUNT,
    EDITED,
    FIELD_NAMES,
    REMOVED,
    edit,
    english,
    make,
    numbers,
    plan,
)
from tests.replica.baoquocte_links import link, link_plainly
from tests.replica.baoquocte_sections import BASE, NEXT_DAY, TAGS, TOPICS, TREE
from tests.replica.holes import Holes
from tests.replica.model import Label, Story

PAGE_SIZE = 15
FEED_SIZE = 25


class Edition:
    """The site at ``clock``. Lists are newest first and hold only articles of the group ``listed``.

    From ``NEXT_DAY`` on, ``edited``, ``removed`` and ``added`` (ids) have happened; before, they are empty.
    With ``holes`` articles are missing from lists at known places; see there.
    """

    def __init__(self, clock: datetime, holes: Holes | None = None) -> None:
        self.clock = clock
        before, later = _generate(holes)
        self.holes = {s.id: kind for place, kind in (holes.places() if holes else {}).items() for s in [before[place]]}
        plain = [
            s
            for s in before
            if s.group == "listed" and s.era == "2026" and s.kind == "article" and "json_ld" in s.traits
        ]
        changes = clock >= NEXT_DAY
        self.edited = tuple(s.id for s in plain[3 : 3 + EDITED * 8 : 8]) if changes else ()
        self.removed = tuple(s.id for s in plain[5 : 5 + REMOVED * 32 : 32]) if changes else ()
        self.added = tuple(s.id for s in later) if changes else ()
        self.removed_urls = tuple(s.url for s in before if s.id in self.removed)
        place = {id: n for n, id in enumerate(self.edited)}
        stories = [edit(s, place[s.id]) if s.id in place else s for s in before if s.id not in self.removed]
        self.stories = stories + (later if changes else [])
        self.by_number = {story.number: story for story in self.stories}
        self.listed = sorted(
            (s for s in self.stories if s.group == "listed" and self.holes.get(s.id) != "unlisted"),
            key=lambda s: (s.published, s.number),
            reverse=True,
        )

    @property
    def english(self) -> list[Story]:
        return [story for story in self.stories if story.group == "english"]

    @cached_property
    def section_lists(self) -> dict[str, list[Story]]:
        """Path of a category or sub-category → its articles. Sections without own articles are there, empty."""
        paths = [label.key for section in TREE.values() for label in (section.label, *section.subs)]
        lists = {path: [s for s in self.listed if any(c.key == path for c in s.crumbs)] for path in paths}
        lists["tin-moi"] = self.listed
        lists["tin-24h"] = [s for s in self.listed if s.published > self.clock - timedelta(days=1)]
        return lists

    @cached_property
    def tag_lists(self) -> dict[str, list[Story]]:
        return {tag.key: [s for s in self.listed if tag in s.tags] for tag in TAGS}

    @cached_property
    def topic_lists(self) -> dict[str, list[Story]]:
        return {topic.key: [s for s in self.listed if topic in s.topics] for topic in TOPICS}

    @cached_property
    def front(self) -> list[Story]:
        """The 20 newest, then the four newest of each category."""
        chosen = self.listed[:20] + [s for field in FIELD_NAMES for s in self.section_lists[field][:4]]
        return list({story.id: story for story in chosen}.values())

    @cached_property
    def sitemap(self) -> list[Story]:
        """Every article but the hidden ones and those that only related boxes know."""
        known = [s for s in reversed(self.stories) if s.group in ("listed", "sitemap")]
        return [s for s in known if self.holes.get(s.id) != "unmapped"]

    @cached_property
    def most_viewed(self) -> list[Story]:
        return self.listed[2:42:8]

    def feed(self, path: str = "") -> list[Story] | None:
        """The newest articles of a feed: of the site, or of a section; None where there is no such section."""
        if not path:
            return self.listed[:FEED_SIZE]
        stories = self.section_lists.get(path)
        return stories[:FEED_SIZE] if stories is not None else None

    def also_read(self, story: Story) -> list[Story]:
        """Six newest of the article's category."""
        return [s for s in self._newest(story.field) if s.id != story.id][:6]

    def strips(self, story: Story) -> list[tuple[Label, list[Story]]]:
        """Two other categories with six newest each."""
        start = FIELD_NAMES.index(story.field)
        fields = [FIELD_NAMES[(start + step) % 8] for step in (2, 5)]
        return [(TREE[field].label, self._newest(field)[:6]) for field in fields]

    def _newest(self, field: str) -> list[Story]:
        return self.section_lists[field]


def _generate(holes: Holes | None) -> tuple[list[Story], list[Story]]:
    """All articles until ``BASE``, and those of the day after; each with its links."""
    moments = plan()
    days = [BASE + timedelta(minutes=67 + 89 * n, seconds=13 * n) for n in range(ADDED)]
    english_at = [BASE + timedelta(days=5, minutes=n) for n in range(5)]
    ids = numbers([at for at, _ in moments] + days + english_at)
    stories = [make(index, at, era, ids[index]) for index, (at, era) in enumerate(moments)]
    later = [make(1000 + n, at, "2026", ids[COUNT + n]) for n, at in enumerate(days)]
    if holes is not None:
        places = holes.places()
        groups = [places[n] if places.get(n) in ("related", "hidden") else "listed" for n in range(COUNT)]
        return link_plainly([replace(story, group=group) for story, group in zip(stories, groups, strict=True)]), []
    linked = link(stories)
    return linked + [english(n, ids[COUNT + ADDED + n]) for n in range(5)], link(stories + later)[COUNT:]
