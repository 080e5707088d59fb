"""Whether a page of a site that nobody has looked at is an article, of what kind, and where on the page it stands.

An address tells little there, lists call themselves articles (many systems state ``og:type`` so), and articles stand
under addresses like those of lists. So what the page states is weighed against its address and its text, and the
source of ``kind`` in the row says what was believed.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import ClassVar

from lxml.etree import _Element

from crawler import kinds, structured
from crawler.beside import is_beside
from crawler.blocks import body_text, inline_text
from crawler.items import Article
from crawler.page import ArticlePage, Candidates
from crawler.text import clean, fold

_LISTS = frozenset({"CollectionPage", "SearchResultsPage"})
_STORY = 3, 600  # paragraphs and letters from which a text is a story, whatever its address looks like
_LIST = 5  # links to articles outside of paragraphs from which a page may be a list


class Recognised(ArticlePage):
    """A page that is asked whether it is an article."""

    explicit_lists: ClassVar[frozenset[str]] = frozenset({"front", "tag", "author", "topic", "feed", "sitemap"})

    def is_article(self) -> bool:
        return self.reads_as_article() and self.article_by is not None

    @cached_property
    def article_by(self) -> str | None:
        """What makes it an article: json_ld, meta, url or generic (its text); None for lists and other pages."""
        shape = self.kind_of(self.url)
        if shape in self.explicit_lists or self.is_named_list():
            return None
        types = {name for obj in self.json_ld for name in structured.type_names(obj)}
        listed = bool(types & _LISTS) or len(self.articles_ld) > 1
        if self.articles_ld and (shape == "article" or not listed):
            return "json_ld"
        stated = any(value == "article" for value in self.meta.get("og:type", ()))
        if shape in ("article", None) and not types & _LISTS:
            lists_more = self.cards >= _LIST and self.cards > (body_text(self.pick("body") or ()) or "").count("\n\n")
            return "meta" if stated else None if lists_more else "url"
        if listed or not self.tells_a_story():
            return None
        return "meta" if stated else "generic"

    def is_named_list(self) -> bool:
        """Whether the address says in words that it is a list."""
        return False

    def tells_a_story(self) -> bool:
        """Whether the page has a headline, a date and a story, and is no list of teasers."""
        text = body_text(self.pick("body") or ()) or ""
        paragraphs, letters = _STORY
        if text.count("\n\n") + 1 < paragraphs or len(text) < letters or self.headline is None:
            return False
        return self.cards < _LIST and self.pick("published_at") is not None

    @cached_property
    def cards(self) -> int:
        """How many other articles are linked around the text, not in its paragraphs nor beside it."""
        found = {
            url
            for a in self.frame.iter("a")
            if (url := self.address(a.get("href"))) and self.kind_of(url) == "article" and url != self.url
            if next(a.iterancestors("p"), None) is None and not is_beside(a)
        }
        return len(found)

    def article(self) -> Article:
        row = super().article()
        if self.article_by == "generic":
            row.extraction.warnings.append("taken for an article by its text alone: neither page nor address says so")
        return row

    def kind(self) -> Candidates:
        """A special kind by data, format, section or address; the source of a plain article is what made it one."""
        own = [(source, value) for source, value in super().kind() if value != "article"]
        yield from own
        formats = [e.get("class") or "" for e in self.index.iter("body", "article")]
        yield from (("generic", kinds.by_format(classes)) for classes in formats)
        yield "url", kinds.by_address(self.url)
        yield self.article_source(), "article"

    def article_source(self) -> str:
        """As ``article_by``, without a look at the text: that would ask for the kind again."""
        if self.articles_ld:
            return "json_ld"
        if any(value == "article" for value in self.meta.get("og:type", ())):
            return "meta"
        return "url" if self.kind_of(self.url) in ("article", None) else "generic"

    @cached_property
    def headline(self) -> _Element | None:
        """The ``h1`` of the article: the one that the title was taken from or is like, else the only one."""
        found = list(self.index.iter("h1"))
        title = self.pick("title") or ""
        return next((h1 for h1 in found if alike(inline_text(h1), title)), found[0] if len(found) == 1 else None)

    @cached_property
    def frame(self) -> _Element:
        """The innermost element that holds the headline and a text: what is said of the article stands in it."""
        around = self.headline.iterancestors() if self.headline is not None else iter(())
        return next((e for e in around if sum(len(inline_text(p)) > 80 for p in e.iter("p")) >= 2), self.root)

    def near(self, query: str) -> list[_Element]:
        """What a selector matches around the story, not in what stands beside it."""
        inside = self.frame
        return [e for e in self.select(query) if inside in e.iterancestors() and not is_beside(e, inside)]


def alike(one: str, other: str) -> bool:
    """Whether two headlines are nearly the same: most words of the shorter one stand in the longer one."""
    a, b = (set(re.findall(r"\w+", fold(clean(text) or ""))) for text in (one, other))
    return len(a & b) >= 0.7 * min(len(a), len(b)) and len(a & b) >= 2
