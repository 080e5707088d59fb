"""vietnam.vn as it stands: its articles with their links, and what each list of the site holds.

The site does not change with the clock; only the daily sitemaps reach up to it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from random import Random

from tests.replica.model import Label, Story, Target
from tests.replica.vietnamvn_content import RELATED_ONLY, generate, translate
from tests.replica.vietnamvn_sections import (
    CATEGORIES,
    LANGUAGES,
    PAPERS,
    TAG_NAMES,
    WWW,
    author,
    category,
    prefix,
    tag,
)

PAGE_SIZE = 20
FEED_SIZE = 30
GONE = Target(None, f"{WWW}/bai-viet-da-duoc-go-xuong", "Bài viết đã được gỡ xuống")
SOFT_404 = Target(None, f"{WWW}/bai-viet-chi-con-lai-tieu-de", "Bài viết chỉ còn lại tiêu đề")
CLOSED = f"{WWW}/tai-khoan/bai-da-luu"


class VietnamEdition:
    """``listed[language]`` is newest first; ``lists[url]`` is the whole list behind a listing address."""

    def __init__(self, clock: datetime, originals: list[Story]) -> None:
        self.clock = clock
        vietnamese = generate(originals)
        self.stories = [story for language in LANGUAGES for story in _linked(vietnamese, language)]
        self.by_path = {story.url.removeprefix(WWW): story for story in self.stories}
        self.listed = {
            language: sorted(
                (s for s in self.stories if s.group == "listed" and s.language == language),
                key=lambda s: (s.published, s.id),
                reverse=True,
            )
            for language in LANGUAGES
        }
        self.lists: dict[str, tuple[str, Label, list[Story]]] = {}
        for language in LANGUAGES:
            self._add_lists(language, self.listed[language])

    def _add_lists(self, language: str, stories: list[Story]) -> None:
        for field in CATEGORIES:
            label = category(field, language)
            self.lists[label.url] = ("category", label, [s for s in stories if s.field == field])
        for n in range(len(TAG_NAMES)):
            label = tag(n, language)
            self.lists[label.url] = ("tag", label, [s for s in stories if any(t.key == label.key for t in s.tags)])
        for paper in ("Báo Thế giới và Việt Nam", *(name for name, _ in PAPERS)):
            label = author(paper, language)
            self.lists[label.url] = ("author", label, [s for s in stories if s.source[0] == paper])

    def front(self, language: str) -> list[Story]:
        return self.listed[language][:30]

    def feed(self, language: str) -> list[Story]:
        return self.listed[language][:FEED_SIZE]

    @property
    def in_sitemaps(self) -> list[Story]:
        """The Vietnamese addresses only."""
        return [s for s in self.stories if s.language == "vi" and s.group in ("listed", "sitemap")]

    def same_category(self, story: Story) -> list[Story]:
        return [s for s in self.lists[story.crumbs[0].url][2] if s.name != story.name][:6]

    def same_author(self, story: Story) -> list[Story]:
        papers = self.lists[author(story.source[0] or "", story.language).url][2]
        return [s for s in papers if s.name != story.name][:4]


def _linked(vietnamese: list[Story], language: str) -> list[Story]:
    """The articles of one language with the block "same tag" (related) and their other editions."""
    stories = vietnamese if language == "vi" else [translate(story) for story in vietnamese]
    holders: dict[int, list[Target]] = {}
    for place in RELATED_ONLY:
        for holder in (place - 2, place + 5):
            holders.setdefault(holder, []).append(_target(stories[place], holder))
    specials = {90: GONE, 117: SOFT_404}
    result: list[Story] = []
    for index, story in enumerate(stories):
        below = [] if "wordpress" in story.traits else _same_tag(index, story, stories) + holders.get(index, [])
        if index in specials and language == "vi":
            below.append(specials[index])
        editions = tuple(
            Target(None, f"{WWW}{prefix(other)}/{story.name}", "")
            for other in LANGUAGES
            if other != language and "alternates" in story.traits
        )
        result.append(replace(story, below=tuple(below), editions=editions))
    return result


def _same_tag(index: int, story: Story, stories: list[Story]) -> list[Target]:
    """Up to five articles that share a tag; some addresses carry a slash or a tracking parameter."""
    keys = {label.key for label in story.tags}
    pool = [
        s for s in stories if s.group == "listed" and s.name != story.name and keys & {label.key for label in s.tags}
    ]
    chosen = Random(f"same tag {story.name}").sample(pool, min(5, len(pool)))
    return [_target(other, index + n) for n, other in enumerate(chosen)]


def _target(story: Story, n: int) -> Target:
    if story.era == "wordpress":
        return story.as_target(url=f"{story.url}/")
    return story.as_target(url=f"{story.url}?utm_source=cung-chu-de&fbclid=IwAR{n}" if n % 17 == 3 else None)
