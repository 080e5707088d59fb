"""A plan as lines for people and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from crawler.arguments import Arguments
from crawler.plan import Plan
from crawler.plan_fetch import MOST
from crawler.summary import size
from warc.shown import lines_of


def detour(plan: Plan, args: Arguments) -> str | None:
    """How to come to the same articles where robots.txt closes the lists that lead to them."""
    closed = [kind for kind, seen in plan.robots.items() if seen.closed and len(seen.closed) == seen.looked_at]
    closed = [kind for kind in closed if kind not in ("article", "feed", "sitemap")]
    if not closed:
        return None
    since = args.since.isoformat() if args.since else "YYYY-MM-DD"
    ways = [f"scrapy crawl {args.spider} -a since={since}"] if plan.open_sitemaps else []
    if "category" not in closed:
        ways.append(f"scrapy crawl {args.spider} -a categories=…")
    if not ways:
        return "no sitemap is open either: give the addresses of articles as seeds"
    where = f" (sitemaps: {', '.join(plan.open_sitemaps[:3])})" if plan.open_sitemaps else ""
    rows = "; each row names its tags, so those of a tag can be picked out of them" if "tag" in closed else ""
    return f"{', '.join(closed)} closed: {' or '.join(ways)}{where}{rows}"


def as_text(plan: Plan, args: Arguments) -> str:
    return lines_of(_lines(plan, args))


def _lines(plan: Plan, args: Arguments) -> Iterator[str]:
    yield f"{args.spider}: asked {plan.requests} of at most {MOST} requests; nothing is archived"
    for name, url in plan.names.items():
        yield f"  {name} is {url}"
    yield ""
    yield "robots.txt"
    for kind, seen in plan.robots.items():
        said = f"closes {len(seen.closed)} of {seen.looked_at}" if seen.closed else f"open ({seen.looked_at} looked at)"
        example = f": {seen.closed[0][0]} ({seen.closed[0][1]})" if seen.closed else ""
        yield f"  {kind:10} {said}{example}"
    if way := detour(plan, args):
        yield f"  {way}"
    yield ""
    yield "Expected"
    yield f"  pages      {plan.pages:,}: " + ", ".join(f"{kind} {n:,}" for kind, n in plan.expected.items())
    if plan.related_at_most:
        yield f"             and at most {plan.related_at_most:,} by the links of the articles"
    yield f"  oldest     {plan.oldest or 'unknown'}"
    yield f"  bytes      {size(plan.pages * plan.page_bytes)} of WARC"
    yield f"  disk       {size(plan.disk_bytes)} with rows, links and ledger"
    yield f"  time       {plan.hours:,.2f} hours at a request every {plan.delay:g} s"
    share = plan.browser_share
    read = f"{share:.0%} of {len(plan.samples)} articles that were looked at" if share is not None else "unknown"
    yield f"  browser    needed by {read}"
    if plan.trouble:
        yield ""
        yield "Not had"
        yield from (f"  {line}" for line in plan.trouble)


def as_json(plan: Plan, args: Arguments) -> dict[str, Any]:
    return {
        "schema": "plan/1",
        "spider": args.spider,
        "requests": plan.requests,
        "names": plan.names,
        "robots": {
            kind: {"looked_at": seen.looked_at, "closed": [{"url": url, "rule": rule} for url, rule in seen.closed]}
            for kind, seen in plan.robots.items()
        },
        "detour": detour(plan, args),
        "pages": plan.pages,
        "expected": plan.expected,
        "related_at_most": plan.related_at_most,
        "oldest": plan.oldest,
        "warc_bytes": plan.pages * plan.page_bytes,
        "disk_bytes": plan.disk_bytes,
        "hours": plan.hours,
        "delay": plan.delay,
        "browser_share": plan.browser_share,
        "lists": [{**asdict(seen), "articles": seen.articles} for seen in plan.lists],
        "samples": [asdict(sample) for sample in plan.samples],
        "trouble": plan.trouble,
    }
