"""What the archive knows of one article: its versions, what changed between them, and what happened to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.ledger_ops import Event, KnownArticle, Version
from crawler.rowfiles import RowFiles, RowPlace
from crawler.versions import DECIDING_FIELDS

if TYPE_CHECKING:
    from crawler.ledger import Ledger
    from crawler.ledger_sources import Link
    from crawler.offline import Offline

KEPT, REMOVED, ADDED = "=", "-", "+"
Diff = list[tuple[str, str]]  # (KEPT, REMOVED or ADDED, words)
_PARAGRAPHS = re.compile(r"(\n+)")
_WORDS = re.compile(r"\n+| ?\S+|\s")  # with the space before it, so that the last word of a line is like any other


@dataclass(frozen=True, slots=True)
class Told:
    """One version with its row (None when the file is not there or holds another one), and the changes before it."""

    version: Version
    row: dict[str, Any] | None
    changes: dict[str, Diff]  # by field, of those that decide


@dataclass(frozen=True, slots=True)
class History:
    """All of one article."""

    article: KnownArticle
    versions: list[Told]
    events: list[Event]
    source: Link | None  # what it was taken from
    copies: list[Link]  # what was taken from it, the first hundred


def find_article(ledger: Ledger, offline: Offline, name: str) -> KnownArticle | None:
    """The article with this id, or at this address in any spelling that its site's spider knows."""
    from crawler.urls import canonical_url

    canonical = canonical_url(name)
    if canonical is None:
        return ledger.article(name)
    spider = offline.spider_of(canonical)
    address = canonical_url(spider.same_page(canonical)) or canonical
    ids = (spider.identity(address), ledger.article_at(address), ledger.article_at(canonical))
    return next((found for key in ids if key and (found := ledger.article(key))), None)


def history_of(ledger: Ledger, archive: Path, article: KnownArticle) -> History:
    """Read the rows of all versions and compare each with the one before."""
    told: list[Told] = []
    before: dict[str, Any] | None = None
    with RowFiles(archive) as files:
        for version in ledger.versions(article.article_id):
            row = files.row(RowPlace(version.row_id, version.file, version.offset, version.length))
            told.append(Told(version, row, changes_between(before, row) if row and before else {}))
            before = row or before
    article_id, sources = article.article_id, ledger.sources
    return History(
        article, told, ledger.events(article_id), sources.source_of(article_id), sources.copies_of(article_id)
    )


def changes_between(before: dict[str, Any], row: dict[str, Any]) -> dict[str, Diff]:
    """What changed from one row to the next, by field, of those that make a version."""
    pairs = {field: (before[field] or "", row[field] or "") for field in DECIDING_FIELDS}
    return {field: word_diff(*pair) for field, pair in pairs.items() if pair[0] != pair[1]}


def word_diff(before: str, after: str) -> Diff:
    """What was kept, removed and added, in words. Paragraphs are compared first, so that a long text stays cheap.

    >>> word_diff("Mưa lớn ở Huế", "Mưa nhỏ ở Huế")
    [('=', 'Mưa'), ('-', ' lớn'), ('+', ' nhỏ'), ('=', ' ở Huế')]
    """
    old, new = (list(filter(None, _PARAGRAPHS.split(text))) for text in (before, after))
    merged: Diff = []
    for mark, text in _compared(old, new, by_words=True):
        if merged and merged[-1][0] == mark:
            merged[-1] = (mark, merged[-1][1] + text)
        else:
            merged.append((mark, text))
    return merged


def _compared(old: list[str], new: list[str], by_words: bool) -> Iterator[tuple[str, str]]:
    for change, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = "".join(old[a:b]), "".join(new[c:d])
        if change == "equal":
            yield KEPT, removed
        elif change == "replace" and by_words:
            yield from _compared(_WORDS.findall(removed), _WORDS.findall(added), by_words=False)
        else:
            yield from ((mark, text) for mark, text in ((REMOVED, removed), (ADDED, added)) if text)
