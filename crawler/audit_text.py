"""An audit as lines for people, as one JSON object, and as a file of holes that a crawl takes for its seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, NamedTuple

from crawler.audit import CHANNELS, HOLES, SiteAudit, Tally, Total
from crawler.audit_read import Address
from crawler.estimate import VIEWS
from warc.shown import lines_of

SHOWN = 20  # rows of a table, and holes, that the text shows; JSON and --holes have them all
WORDS = {"not_asked": "not asked"}
COUNTS = ("promised", "archived", "missing", "gone")


class Table(NamedTuple):
    """Rows under a heading; the first cell of each is text, the others mostly numbers."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    left_out: int = 0


def tables(site: SiteAudit, most: int) -> list[Table]:
    """What is told of one site, each table with at most so many rows: first those with the most missing."""
    total = site.total()
    return [
        Table("By channel", ("channel", *COUNTS), channel_rows(site.whole)),
        *(_estimate(total) if total is not None else ()),
        _lists(site, most),
        _cut("By section", "section", {name or "unknown": tally for name, tally in site.by_section().items()}, most),
        _cut("By day", "day", {day or "unknown": tally for day, tally in site.by_day().items()}, most),
    ]


def headline(site: SiteAudit) -> str:
    whole = site.whole
    archived = whole.number("archived")
    share = f" ({100 * archived / whole.promised:.2f} %)" if whole.promised else ""
    gone = f", {whole.number('gone'):,} gone" if whole.number("gone") else ""
    return (
        f"{site.site}: {whole.promised:,} article addresses promised, {archived:,} archived{share}, "
        f"{whole.holes:,} missing{gone}"
    )


def reasons(tally: Tally) -> list[str]:
    """A line for each outcome beside plainly archived, with its reasons."""
    lines = []
    for outcome in (*HOLES, "gone"):
        if number := tally.number(outcome):
            lines.append(_reasoned(WORDS.get(outcome, outcome), number, tally.reasons(outcome)))
    if rowless := tally.reasons("archived"):
        lines.append(_reasoned("archived without a row", sum(rowless.values()), rowless))
    return lines


def _reasoned(title: str, number: int, found: Mapping[str, int]) -> str:
    told = ", ".join(f"{reason} {n:,}" for reason, n in found.items())
    return f"{title} {number:,}" + (f": {told}" if told else "")


def channel_rows(tally: Tally) -> list[tuple[str, ...]]:
    counts = [(channel, tally.of_channel(channel)) for channel in CHANNELS]
    return [(channel, *_counts(found)) for channel, found in counts if found]


def _counts(outcomes: Mapping[str, int]) -> tuple[str, ...]:
    missing = sum(outcomes.get(outcome, 0) for outcome in HOLES)
    numbers = (sum(outcomes.values()), outcomes.get("archived", 0), missing, outcomes.get("gone", 0))
    return tuple(f"{number:,}" for number in numbers)


def _cut(title: str, head: str, tallies: Mapping[str, Tally], most: int) -> Table:
    last_first = list(tallies)[::-1]
    kept = set(sorted(last_first, key=lambda name: -tallies[name].holes)[:most])
    rows = [
        (name, *_counts({outcome: tallies[name].number(outcome) for outcome, _ in tallies[name].outcomes}))
        for name in tallies
        if name in kept
    ]
    return Table(title, (head, *COUNTS), rows, len(tallies) - len(rows))


def _lists(site: SiteAudit, most: int) -> Table:
    """Lists that named what is missing."""
    short = [(sum(found[one] for one in HOLES), *key) for key, found in site.lists.items() if key[1]]
    worst = sorted((row for row in short if row[0]), key=lambda row: (-row[0], row[1:]))
    rows = [(channel, url, *_counts(site.lists[channel, url])) for _, channel, url in worst[:most]]
    return Table("Lists that named what is missing", ("channel", "list", *COUNTS), rows, len(worst) - len(rows))


def _estimate(total: Total) -> Iterator[Table]:
    days = f"{total.first} to {total.last}"
    named = [
        (" + ".join(view for view, on in zip(VIEWS, cell, strict=True) if on), f"{n:,}")
        for cell, n in sorted(total.cells.items(), reverse=True)
    ]
    yield Table(f"Named by which views, {days}", ("views", "articles"), named)
    found = total.estimates
    rows = [("known", f"{found.known:,}", "", "", "")]
    rows += [(one.name, f"{one.total:,.1f}", f"{one.low:,}", f"{one.high:,}", one.source) for one in found.each]
    rows.append(("95 % interval of all", "", f"{found.low:,}", f"{found.high:,}", "from lowest to highest"))
    yield Table(f"How many there are, {days}", ("estimator", "total", "from", "to", "source"), rows)


# --- Text -----------------------------------------------------------------------------------------------------------


def as_text(sites: list[SiteAudit]) -> str:
    if not sites:
        return "no article address in this selection\n"
    return "\n".join(lines_of(_site_lines(site)) for site in sites)


def _site_lines(site: SiteAudit) -> Iterator[str]:
    yield headline(site)
    yield from (f"  {line}" for line in reasons(site.whole))
    if site.undated:
        yield f"  of no known day, and left out: {site.undated:,}"
    for table in tables(site, SHOWN):
        if table.rows:
            yield ""
            yield from _table_lines(table)
    if site.holes:
        yield ""
        yield "Missing"
        yield from (f"  {hole_line(hole)}" for hole, _ in site.holes[:SHOWN])
        if len(site.holes) > SHOWN:
            yield f"  and {len(site.holes) - SHOWN:,} more: --holes FILE"


def _table_lines(table: Table) -> Iterator[str]:
    yield table.title
    rows = [table.heads, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.heads))]
    for row in rows:
        cells = [
            cell.ljust(width) if head in ("list", "source") or place == 0 else cell.rjust(width)
            for place, (cell, width, head) in enumerate(zip(row, widths, table.heads, strict=True))
        ]
        yield "  " + "  ".join(cells).rstrip()
    if table.left_out:
        yield f"  and {table.left_out:,} more: --json"


# --- Holes ----------------------------------------------------------------------------------------------------------


def hole_line(hole: Address) -> str:
    """A line for ``seeds=@FILE``: the address, and behind the # what became of it and who named it."""
    what = " ".join(filter(None, (WORDS.get(hole.outcome, hole.outcome), hole.reason)))
    day = f", {hole.day}" if hole.day else ""
    return f"{hole.url}  # {what}{day}: {'; '.join(sorted(_naming(hole)))}"


def _naming(hole: Address) -> set[str]:
    return {f"{promise.channel} {promise.list}".strip() for promise in hole.promises}


# --- JSON -----------------------------------------------------------------------------------------------------------


def as_json(sites: list[SiteAudit]) -> dict[str, Any]:
    return {"schema": "audit/1", "sites": [_site(site) for site in sites]}


def _site(site: SiteAudit) -> dict[str, Any]:
    total = site.total()
    by_day = groupby(sorted(site.parts, key=str), key=lambda key: key[0])
    return {
        "site": site.site,
        "undated": site.undated,
        **_tally(site.whole),
        "days": [
            {"day": day, "sections": [{"section": key[1], **_tally(site.parts[key])} for key in keys]}
            for day, keys in by_day
        ],
        "lists": [
            {"channel": channel, "list": url, **_outcomes(found)}
            for (channel, url), found in sorted(site.lists.items())
        ],
        "views": [
            {"named_by": [view for view, on in zip(VIEWS, cell, strict=True) if on], "articles": n}
            for cell, n in sorted(total.cells.items(), reverse=True)
        ]
        if total
        else [],
        "estimate": None if total is None else _estimated(total),
        "holes": [
            {
                "url": hole.url,
                "outcome": hole.outcome,
                "reason": hole.reason,
                "day": hole.day,
                "section": section,
                "named_by": [{"channel": p.channel, "list": p.list or None} for p in hole.promises],
            }
            for hole, section in site.holes
        ],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    numbers = {outcome: tally.number(outcome) for outcome in ("archived", *HOLES, "gone")}
    return {
        "promised": tally.promised,
        **numbers,
        "missing": tally.holes,
        "reasons": {outcome: tally.reasons(outcome) for outcome in ("failed", "refused", "gone", "archived")},
        "channels": {channel: _outcomes(found) for channel in CHANNELS if (found := tally.of_channel(channel))},
    }


def _outcomes(found: Mapping[str, int]) -> dict[str, int]:
    missing = sum(found.get(outcome, 0) for outcome in HOLES)
    return {"promised": sum(found.values()), "archived": found.get("archived", 0), "missing": missing} | {
        "gone": found.get("gone", 0)
    }


def _estimated(total: Total) -> dict[str, Any]:
    found = total.estimates
    high = None if found.high == float("inf") else found.high
    each = [asdict(one) for one in found.each]
    return {"since": total.first, "until": total.last, "known": found.known, "low": found.low, "high": high} | {
        "estimators": each
    }
