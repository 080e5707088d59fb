"""Of the pages that a run has opened in the browser, a few of each template are read from their documents too.

So the run's report says, template by template, when plain HTTP would do. Nothing is asked for it: the document was
fetched, and archived, before the browser saw it.

    rendered page ─► its template, not yet RENDER_SAMPLES times? ─► compare ─► stats ─► ledger ─► report, summary
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from crawler.compare import compare
from crawler.template import template_of

if TYPE_CHECKING:
    from scrapy.statscollectors import StatsCollector

    from crawler.compare import Comparison
    from crawler.page import ArticlePage

SAMPLED: Final = "browser/sampled"  # in a run's stats: what is noted, by template
EXAMPLES: Final = 3  # addresses of each template whose pages need the browser


class Samples:
    """Notes, for one run, what the browser adds to the pages of each template."""

    def __init__(self, most: int, stats: StatsCollector) -> None:
        """``most``: pages of each template that are compared; 0 for none."""
        self._most = most
        self._stats = stats
        self._noted: dict[str, dict[str, Any]] = {}

    def take(self, page: ArticlePage, read_plain: Callable[[], ArticlePage], kind: str | None) -> None:
        """Count a page that was read from its DOM, and compare it when its template has too few comparisons.

        ``kind``: that of its link, where it is a list. ``read_plain`` reads the document that came over the network.
        """
        if not self._most:
            return
        if not self._noted:
            self._stats.set_value(SAMPLED, self._noted)
        one = self._noted.setdefault(template_of(page, kind), _nothing())
        one["rendered"] += 1
        if one["compared"] < self._most:
            _note(one, page.response.url, compare(read_plain(), page))


def _note(one: dict[str, Any], url: str, comparison: Comparison) -> None:
    """Add a comparison to those of its template."""
    one["compared"] += 1
    for field, who in comparison.fields.items():
        counts = one["fields"].setdefault(field, {})
        counts[who] = counts.get(who, 0) + 1
    for kind, links in comparison.links.items():
        counts = one["links"].setdefault(kind, {"both": 0, "browser": 0, "plain": 0})
        for who in counts:
            counts[who] += len(getattr(links, who))
    if comparison.plain_would_do:
        one["plain_would_do"] += 1
    else:
        for name in comparison.added:
            one["added"][name] = one["added"].get(name, 0) + 1
        one["urls"] = [*one["urls"], url][:EXAMPLES]


def _nothing() -> dict[str, Any]:
    return {
        "rendered": 0,  # pages
        "compared": 0,
        "plain_would_do": 0,  # compared pages to which the browser added nothing
        "added": {},  # article, a field or links/<kind>: in how many pages only the browser found it, or another value
        "fields": {},  # field: in how many compared pages both found it, one alone, or they found different values
        "links": {},  # kind: links of all compared pages
        "urls": [],  # of pages to which the browser added something
    }


def rendering_section(stats: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The part of a run's report: one object for each template that was opened in the browser."""
    return [{"template": template, **noted} for template, noted in sorted(stats.get(SAMPLED, {}).items())]


def rendering_lines(stats: Mapping[str, Any]) -> list[str]:
    """The same in words."""
    return [_told(one) for one in rendering_section(stats) if one["compared"]]


def _told(one: Mapping[str, Any]) -> str:
    compared, plain = one["compared"], one["plain_would_do"]
    what = f"Rendered {one['template']}: "
    if plain == compared:
        return what + f"plain HTTP would do, for all {compared:,} compared of {one['rendered']:,} pages"
    added = sorted(one["added"].items(), key=lambda pair: (-pair[1], pair[0]))
    names = ", ".join(f"{name} {count:,}" for name, count in added)
    needed = f"needed for {compared - plain:,} of {compared:,} compared pages ({one['rendered']:,} in all)"
    return what + f"the browser is {needed}: {names}; such as {' '.join(one['urls'])}"
