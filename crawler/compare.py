"""One page read twice: from the bytes of plain HTTP, and from the DOM that a browser made of them. What does it add?

document ─► page object ─┐
                         ├─► fields and links: of both, of the browser alone, of plain HTTP alone, told differently
DOM ──────► page object ─┘
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from crawler.dates import Moment
from crawler.links import KINDS, FoundLink
from crawler.text import clean

if TYPE_CHECKING:
    from crawler.page import ArticlePage

BOTH, BROWSER, PLAIN, DIFFERENT = "both", "browser", "plain", "different"
IN_PASSING: Final = frozenset({"other"})  # kinds of links that no crawl follows and no row holds


@dataclass(frozen=True, slots=True)
class Links:
    """Links of one kind, by who finds them."""

    both: tuple[FoundLink, ...]
    browser: tuple[FoundLink, ...]  # the browser alone
    plain: tuple[FoundLink, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both readings of a page, field by field and kind by kind; what neither has is left out."""

    articles: tuple[bool, bool]  # whether it is an article by plain HTTP, and in the browser
    fields: dict[str, str]  # field -> both, browser, plain or different
    links: dict[str, Links]  # by kind

    @property
    def added(self) -> list[str]:
        """What only the browser finds, or finds otherwise: ``article``, names of fields, ``links/<kind>``."""
        plain, browser = self.articles
        return [
            *(["article"] if browser and not plain else []),
            *(field for field, who in self.fields.items() if who in (BROWSER, DIFFERENT)),
            *(f"links/{kind}" for kind, links in self.links.items() if links.browser and kind not in IN_PASSING),
        ]

    @property
    def plain_would_do(self) -> bool:
        """Whether the browser adds nothing."""
        return not self.added


def compare(plain: ArticlePage, browser: ArticlePage) -> Comparison:
    """Compare two readings of one page by one page class; the fields only where one of them is an article."""
    articles = (plain.is_article(), browser.is_article())
    fields = {
        name: who
        for name in (browser.FIELDS if any(articles) else ())
        if (who := _who(_said(plain.pick(name)), _said(browser.pick(name)))) is not None
    }
    ours, theirs = _by_address(plain.page_links()), _by_address(browser.page_links())
    links = {}
    for kind in KINDS:
        of_plain, of_browser = ours.get(kind, {}), theirs.get(kind, {})
        if of_plain or of_browser:
            links[kind] = Links(
                tuple(link for url, link in of_browser.items() if url in of_plain),
                tuple(link for url, link in of_browser.items() if url not in of_plain),
                tuple(link for url, link in of_plain.items() if url not in of_browser),
            )
    return Comparison(articles, fields, links)


def _who(plain: Any, browser: Any) -> str | None:
    if not plain and not browser:
        return None
    if not plain:
        return BROWSER
    if not browser:
        return PLAIN
    return BOTH if plain == browser else DIFFERENT


def _said(value: Any) -> Any:
    """A field's value as it can be compared: what a reader is told, however the markup spells it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Moment):
        return value.day, value.at
    if isinstance(value, list | tuple):
        return [_said(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _said(part) for name, part in asdict(value).items()}
    if isinstance(value, dict):
        return {name: _said(part) for name, part in value.items()}
    return value


def _by_address(links: Iterable[FoundLink]) -> dict[str, dict[str, FoundLink]]:
    found: dict[str, dict[str, FoundLink]] = {}
    for link in links:
        found.setdefault(link.kind, {}).setdefault(link.url, link)
    return found
