"""What ``scrapy probe --compare`` prints: a page by plain HTTP beside the same page in the browser."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crawler.compare import BROWSER, DIFFERENT, PLAIN, Comparison
from crawler.serialize import to_line
from crawler.showing import as_json, on_one_line
from warc import shown

if TYPE_CHECKING:
    from crawler.links import FoundLink
    from crawler.page import ArticlePage

VERDICT: Final = {BROWSER: "only the browser", PLAIN: "only plain HTTP", DIFFERENT: "different", "both": "same"}
SHOWN: Final = 5  # links of a kind that the table names


@dataclass(frozen=True, slots=True)
class Compared:
    """Both readings of a page, what they come to, and the requests that the browser made for it."""

    plain: ArticlePage
    browser: ArticlePage
    comparison: Comparison
    asked: int
    refused: dict[str, int]  # by reason


def write_json(compared: Compared) -> None:
    """One object on stdout."""
    both = compared.comparison
    fields = {
        name: {"found_by": who, "plain": _value(compared.plain, name), "browser": _value(compared.browser, name)}
        for name, who in both.fields.items()
    }
    links = {
        kind: {
            "both": len(found.both),
            "browser": [_link(link) for link in found.browser],
            "plain": [_link(link) for link in found.plain],
        }
        for kind, found in both.links.items()
    }
    answer = {
        "url": compared.browser.response.url,
        "page": f"{compared.browser.name}/{compared.browser.number}",
        "article": dict(zip(("plain", "browser"), both.articles, strict=True)),
        "fields": fields,
        "links": links,
        "requests": {"asked": compared.asked, "refused": compared.refused},
        "added": both.added,
        "plain_would_do": both.plain_would_do,
    }
    sys.stdout.buffer.write(shown.json_of(to_line(answer)))


def write_tables(compared: Compared) -> None:
    """The same for people: what both find is a line, what differs is shown."""
    from rich.console import Console
    from rich.table import Table

    both, page = compared.comparison, compared.browser
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    plain, browser = ("article" if one else "no article" for one in both.articles)
    console.print(shown.plain(f"200 {page.response.url}"))
    console.print(f"{page.name}/{page.number}: {plain} by plain HTTP, {browser} in the browser")
    refused = ", ".join(f"{shown.plain(reason)} {count:,}" for reason, count in compared.refused.items())
    console.print(f"Requests of the page in the browser: {compared.asked:,}; refused: {refused or 'none'}")
    fields = Table("field", "found by", "plain HTTP", "browser", title="Fields", title_justify="left")
    for name, who in both.fields.items():
        values = [on_one_line(_value(one, name) or "-", 48) for one in (compared.plain, compared.browser)]
        fields.add_row(name, VERDICT[who], *values)
    if both.fields:
        console.print(fields)
    links = Table(
        "kind", "both", "only browser", "only plain", "the first of them", title="Links", title_justify="left"
    )
    for kind, found in both.links.items():
        told = [f"browser: {link.url}" for link in found.browser[:SHOWN]]
        told += [f"plain: {link.url}" for link in found.plain[:SHOWN]]
        counts = (len(found.both), len(found.browser), len(found.plain))
        links.add_row(kind, *map(str, counts), "\n".join(map(shown.plain, told)))
    console.print(links)
    console.print(_verdict(both))


def _verdict(both: Comparison) -> str:
    if both.plain_would_do:
        return "Plain HTTP would do: the browser adds nothing to this page."
    return f"The browser adds: {', '.join(both.added)}."


def _value(page: ArticlePage, name: str) -> Any:
    return as_json(page.pick(name))


def _link(link: FoundLink) -> dict[str, str | None]:
    return {"url": link.url, "text": link.text}
