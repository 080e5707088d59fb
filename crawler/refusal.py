"""Pages that answer 200 in the place of an article: error pages, browser checks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawler.selectors import Index
from crawler.text import clean, fold

# Headlines of pages that stand where an article should be. Folded; the whole headline must be one of these.
_ERROR = re.compile(
    r"(?:(?:loi|error|http)\s*)?40[34]\b\W*(?:(?:page )?not found|forbidden|khong tim thay.{0,40}|error|loi.{0,40})?"
    r"|khong tim thay (?:trang|bai viet|noi dung|duong dan|ket qua).{0,40}"
    r"|(?:trang|bai viet|noi dung|duong dan)[\w ]{0,30}khong (?:ton tai|tim thay|duoc tim thay).{0,40}"
    r"|(?:page|article|post)? ?not found.{0,40}|oops.{0,40}"
)
_CHALLENGE = re.compile(
    r"just a moment.{0,5}|attention required.{0,40}|access denied.{0,40}|checking your browser.{0,40}"
    r"|dang kiem tra trinh duyet.{0,40}"
)
_CHALLENGES = ("#challenge-form", "#challenge-running", "#cf-challenge-running", ".cf-error-details", "#cf-wrapper")
_LONGEST_CHALLENGE = 30_000  # letters of HTML: an article page may name the challenge's elements in a script


def is_refusal(headlines: Iterable[str], html: str, index: Index) -> bool:
    """Whether one of the headlines is that of an error page, or the page is a check of the browser."""
    headlines = list(headlines)
    return any(_ERROR.fullmatch(_plain(text)) for text in headlines) or is_challenge(headlines, html, index)


def is_challenge(headlines: Iterable[str], html: str, index: Index) -> bool:
    """Whether the page is a check of the browser, or says that the reader is kept out."""
    if any(_CHALLENGE.fullmatch(_plain(text)) for text in headlines):
        return True
    return len(html) < _LONGEST_CHALLENGE and any(index.select(query) for query in _CHALLENGES)


def _plain(text: str) -> str:
    return fold(clean(text) or "")
