"""Boxes whose class nobody knows, found by the label that readers see: "Bài viết cùng chủ đề", "Same tag"."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from lxml.etree import _Element

from crawler.selectors import Index
from crawler.text import clean, fold


def after_labels(
    page: Index, labels: frozenset[str], stops: frozenset[str], is_article: Callable[[_Element], bool]
) -> list[_Element]:
    """Elements that hold the links under a label.

    ``labels`` and ``stops`` (other labels, where a box ends) are folded texts without a final colon. ``is_article``
    tells whether a link leads to an article.
    """
    texts = {page.elements[at]: label_of(text) for at, text in page.labels}
    any_label = labels | stops
    marks = {e for e, text in texts.items() if text in any_label}
    return [part for e, text in texts.items() if text in labels for part in _following(e, marks, is_article)]


@lru_cache(maxsize=4096)
def label_of(text: str) -> str:
    """A label for comparing: folded, without a colon or a count such as "(0)" at its end."""
    return re.sub(r"\s*(?:[(（]\d+[)）])?\s*[:：﹕]?$", "", fold(clean(text) or ""))


def _following(label: _Element, marks: set[_Element], is_article: Callable[[_Element], bool]) -> list[_Element]:
    """Elements with links after a label, up to the next label: beside it, else beside what encloses it.

    Where those link no article (a topic's name beside the label), what stands one level further out belongs to them.
    """
    found: list[_Element] = []
    at: _Element | None = label
    while at is not None and at.tag not in ("body", "html", "main"):
        beside = []
        for sibling in at.itersiblings():
            if any(e in marks for e in sibling.iter()):
                break
            if next(sibling.iter("a"), None) is not None:
                beside.append(sibling)
        found += beside
        if found and (found != beside or any(map(is_article, (a for part in found for a in part.iter("a"))))):
            return found
        at = at.getparent()
    return found
