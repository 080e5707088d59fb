"""Parts of a page beside its story: a sidebar, related stories, comments, the foot of the page."""

from __future__ import annotations

import re

from lxml.etree import _Element

_BESIDE = frozenset({"aside", "nav"})
_OF_ARTICLE = re.compile(r"entry|post|article", re.I)  # in the class of its footer
_BESIDE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:related|sidebar|widget|comments?|recommend\w*|popular|latest)(?:$|[\s_-])", re.I
)


def is_beside(element: _Element, inside: _Element | None = None) -> bool:
    """Whether an element stands in a part beside the story: a sidebar, related stories, comments."""
    for around in (element, *element.iterancestors()):
        if around is inside:
            return False
        classes = around.get("class") or ""
        if around.tag in _BESIDE or _BESIDE_CLASS.search(classes):
            return True
        if around.tag == "footer" and not _OF_ARTICLE.search(classes):
            return True
    return False
