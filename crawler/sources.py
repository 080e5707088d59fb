"""Which archived article a row was taken from: its ``source.id``, decided in the writer thread.

    the address of the source line ─► id, at once where a spider knows the site, else when that article is archived
    a text without such an address ─► originals that share bands ─► their rows, compared word by word
    a translation                  ─► the source of the article that it translates

Rows are never changed. A source that is found after its copy was written (the original was archived later, by any
spider) is told by an event ``source``, once, by the spider of the copy, in this run or its next; the copy's next
version has it in the row. The ledger's table ``sources`` has both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from crawler.dates import utc_text
from crawler.items import Article, FieldSource
from crawler.ledger import Ledger
from crawler.ledger_ops import Event, Op, SourceFound, TextCompared, TextKept, Version
from crawler.ledger_sources import COPY, EDITION, HOW, LINE, ORIGINAL, Waiting
from crawler.rowfiles import read_row
from crawler.shingles import bands, likeness, shingles
from crawler.sites import Sites
from crawler.text import fold

LEAST_RESEMBLANCE = 0.5  # of two texts: about two thirds of the words of each stand in the other
LEAST_CONTAINMENT = 0.8  # of the shorter text in the longer one: a copy that was cut, or went on
SOURCE_ID = "source.id"  # in ``extraction.sources``, where the page does not say it
_AT_ONCE = 64  # texts looked at after one commit
_A_DAY = timedelta(days=1)  # a copy is printed by day, in a zone of its own
_KIND_OF_PAPER = re.compile(r"^(?:bao(?: dien tu)?|tap chi|trang|tin)\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Text:
    """What of a row tells where it was taken from."""

    article_id: str
    body: str | None
    day: str | None
    paper: str | None
    url: str | None
    source_id: str | None
    translation_of: str | None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Text:
        source = row["source"]
        own = (source["name"], source["url"], source["id"], row["translation_of"])
        return cls(row["id"], row["body"], row["published_date"], *own)

    @classmethod
    def of(cls, article: Article) -> Text:
        source = article.source
        own = (source.name, source.url, source.id, article.translation_of)
        return cls(article.id, article.body, article.published_date, *own)


class Sources:
    """Sources of articles: those in the ledger, and those that a row brings."""

    def __init__(
        self, ledger: Ledger, folder: Path, spider: str, job: str, sites: Sites, *, republishes: bool = False
    ) -> None:
        self._ledger = ledger
        self._folder = folder
        self._spider = spider
        self._job = job
        self._sites = sites
        self._republishes = republishes

    def decide(self, article: Article) -> None:
        """Fill in ``source.id`` where the page leaves it open and the archive knows it."""
        text = Text.of(article)
        if text.source_id is not None:
            return
        source_id, how = self._known(text)
        if source_id is not None and source_id != article.id:
            article.source.id = source_id
            article.extraction.sources.append(FieldSource(SOURCE_ID, how))

    def kept_of(self, article: Article) -> list[Op]:
        """As ``kept``, of a row that this run has written."""
        return self.kept(Text.of(article), article.captured_at, how_of(article.extraction.sources))

    def kept(self, text: Text, at: str, how: str | None = None) -> list[Op]:
        """What the ledger is to know of a row that was written. ``how``: what ``extraction.sources`` says."""
        ops: list[Op] = []
        if text.source_id is not None:
            ops.append(SourceFound(text.article_id, text.source_id, how or HOW[LINE], at, self._job))
        role, waits_for = (None, None) if ops and self._republishes else self._role(text)
        by_words = role in (ORIGINAL, COPY)
        found = tuple(bands(shingles(text.body or ""))) if by_words else ()
        if role is not None and (found or not by_words):
            ops.append(TextKept(text.article_id, self._spider, role, found, waits_for))
        return ops

    def late(self) -> Iterator[Op]:
        """Look again for the sources of texts that something was archived for; what was found, each with its event."""
        if not self._republishes:
            return
        for waiting in self._ledger.sources.waiting(self._spider, _AT_ONCE):
            version = self._found(waiting)
            if version is None:
                yield TextCompared(waiting.article_id, waiting.pending)
                continue
            at = utc_text(self._ledger.now())
            yield SourceFound(waiting.article_id, version.article_id, HOW[waiting.role], at, self._job)
            yield source_event(waiting.article_id, version, at, self._job)

    # --- Where it was taken from --------------------------------------------------------------------------------

    def _known(self, text: Text) -> tuple[str | None, str]:
        if text.url is not None:
            named = self._sites.article_at(text.url)
            sure = named is not None and (named[1] or self._ledger.latest_version(named[0]) is not None)
            return (named[0] if named and sure else None), HOW[LINE]
        if known := self._ledger.sources.source_of(text.article_id):
            return known.source_id, known.how
        role, waits_for = self._role(text)
        if role == EDITION:
            original = self._ledger.sources.source_of(waits_for or "")
            return (original.source_id if original else None), HOW[EDITION]
        found = self._like(text) if role == COPY else None
        return (found.article_id if found else None), HOW[COPY]

    def _role(self, text: Text) -> tuple[str | None, str | None]:
        """Role of a text without a known source, and the article that it waits for."""
        if not self._republishes:
            return ORIGINAL, None
        if text.url is not None:
            named = self._sites.article_at(text.url)
            return (LINE, named[0]) if named and named[0] != text.article_id else (None, None)
        return (EDITION, text.translation_of) if text.translation_of is not None else (COPY, None)

    def _found(self, waiting: Waiting) -> Version | None:
        """The newest version of the source that has come to be known."""
        if waiting.role == LINE:
            return self._ledger.latest_version(waiting.waits_for or "")
        if waiting.role == EDITION:
            original = self._ledger.sources.source_of(waiting.waits_for or "")
            return self._ledger.latest_version(original.source_id) if original else None
        version = self._ledger.latest_version(waiting.article_id)
        row = read_row(self._folder, version) if version else None
        return self._like(Text.of_row(row)) if row else None

    def _like(self, text: Text) -> Version | None:
        """The original that this text is a copy of: the likest one of those that share bands with it."""
        own = shingles(text.body or "")
        best: tuple[float, Version] | None = None
        for article_id in self._ledger.sources.originals_like(bands(own)):
            version = self._ledger.latest_version(article_id)
            row = read_row(self._folder, version) if version else None
            if version is None or row is None or not may_be_source(row, text):
                continue
            resemblance, containment = likeness(own, shingles(row["body"] or ""))
            alike = resemblance >= LEAST_RESEMBLANCE or containment >= LEAST_CONTAINMENT
            if alike and (best is None or resemblance > best[0]):
                best = (resemblance, version)
        return best[1] if best else None


def how_of(sources: list[FieldSource]) -> str | None:
    """How the archive found ``source.id``; None where the page says it."""
    return next((found.source for found in sources if found.field == SOURCE_ID), None)


def source_event(article_id: str, source: Version, at: str, run: str) -> Event:
    """An article was taken from this version of another one: ``url`` is the original's, ``record_id`` its record."""
    return Event(
        event_id=sha256(f"{article_id} source {source.article_id}".encode()).hexdigest(),
        url=source.url,
        at=at,
        kind="source",
        run=run,
        article_id=article_id,
        record_id=source.record_id,
    )


def may_be_source(row: Mapping[str, Any], text: Text) -> bool:
    """Whether a row can be the source of a text as far as days and papers tell.

    Two papers print one agency's text: a copy that names another paper was not taken from this one. Nor was one that
    is older.
    """
    born = row["published_date"]
    if born and text.day and date.fromisoformat(born) > date.fromisoformat(text.day) + _A_DAY:
        return False
    if text.paper is None:
        return True
    name = paper_key(text.paper)
    domain = row["site"].partition(".")[0]
    own = {paper_key(row["publisher"] or ""), domain, domain.removeprefix("bao")} - {""}
    return name in own or any(len(key) > 8 and key in name for key in own)


def paper_key(name: str) -> str:
    """A paper's name for comparing: folded, without what kind of paper it is, in one word.

    >>> paper_key("Báo Thế giới & Việt Nam"), paper_key("Thế giới và Việt Nam")
    ('thegioivavietnam', 'thegioivavietnam')
    """
    folded = _KIND_OF_PAPER.sub("", fold(name).replace("&", " va "))
    return re.sub(r"[\W_]+", "", folded)
