"""The line that names the paper an article was taken from: "Nguồn: Báo Bãi Bồi", "Source : https://…", "来源：…"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawler.byline import split_byline
from crawler.editions import COLON, SOURCE_LABELS
from crawler.items import Source
from crawler.text import clean, fold
from crawler.urls import canonical_url

_LINE = re.compile(rf"[(\[（]?\s*([^\d:：﹕]{{1,30}}?)\s*{COLON}\s*(\S.*?)\s*[)\]）]?")
_LONGEST = 200  # letters
_LONGEST_NAME = 80


def source_in(text: str | None, links: Iterable[str] = ()) -> Source | None:
    """The source that a line names, by the labels of every edition language; None when it is no such line.

    An agency after the label is a byline, and a sentence is text.
    """
    text = clean(text) or ""
    line = _LINE.fullmatch(text) if len(text) <= _LONGEST else None
    if line is None or fold(line[1]).strip() not in SOURCE_LABELS or split_byline(text)[1]:
        return None
    url = next(filter(None, (canonical_url(link) for link in links)), None)
    name = line[2].strip()
    if "://" in name:
        url, name = url or canonical_url(name), ""
    if name.endswith((".", "。")) or not (url or len(name) <= _LONGEST_NAME):
        return None
    return Source(name or None, url)
