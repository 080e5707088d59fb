"""Between the frontier and the ledger: a URL as a Request, a link as an operation, the end of a visit as another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scrapy import Request

from crawler.capture import CaptureRef
from crawler.dom import RENDER
from crawler.ledger_ops import Add, Done, Failed, FrontierRow, Move, Op, Redirected, Refused, Requeue
from crawler.urls import fingerprint, host_of, is_plain

if TYPE_CHECKING:
    from crawler.spider import NewsSpider
    from crawler.visit import Found, Visit


def build_request(
    row: FrontierRow, spider: NewsSpider, replay: CaptureRef | None = None, run: Mapping[str, str] | None = None
) -> Request:
    """The one place where pages' Requests are made. With ``replay`` the answer is to be read from the archive.

    ``facts`` and those of the ``run`` go into the capture's metadata record: the ledger is rebuilt from them.
    """
    facts = {"url": row.url, "via": row.via, "hopsFromSeed": row.hop_path, "kind": row.kind, "channel": row.channel}
    facts["seed"] = row.began_at
    facts[RENDER] = row.render
    meta: dict[str, Any] = {
        "verbatim_url": is_plain(row.url),  # Scrapy need not look for what it would escape
        "url_id": row.url_id,
        "frontier": row,
        "kind": row.kind,
        "depth": row.depth,
        "via": row.via,
        "hop_path": row.hop_path,
        "channel": row.channel,
        "seed": row.seed,
        "render": row.render,
        "retry_times": row.retries,
        "facts": {name: value for name, value in facts.items() if value} | {"depth": str(row.depth)} | dict(run or {}),
    }
    if replay is not None:
        meta["replay"] = replay
    return Request(row.url, spider.parse, errback=spider.errback, meta=meta, dont_filter=True)


def add_of(found: Found, promised: bool = True) -> Add:
    """What the ledger is told of a URL that was found.

    A redirect's target is in no channel of its own: its channel promised the address that led to it.
    """
    source = _source_of(found.channel, found.via) if promised else None
    return Add(
        fingerprint(found.url),
        found.url,
        host_of(found.url),
        found.kind,
        found.depth,
        found.priority,
        found.via,
        found.hop_path,
        found.channel,
        source,
        day=found.day,
        wanted=found.wanted,
        seed=found.seed,
    )


def add_again(request: Request, url: str) -> Add:
    """What the ledger is told of a request that a middleware has made, to another address than the frontier gave."""
    meta = request.meta
    row: FrontierRow | None = meta.get("frontier")
    if row is None:
        channel = meta.get("channel")
        source = None if channel is None else _source_of(channel, meta.get("via"))
        via, hop_path, priority = meta.get("via"), meta.get("hop_path", ""), meta.get("priority", 0)
        seed = meta.get("seed")
    else:  # promised by nobody, and as urgent as the address that it stands for
        channel, source, via, hop_path, priority = row.channel, None, row.url, row.hop_path + ">", row.priority
        seed = row.began_at
    kind, depth, render = meta.get("kind", "article"), meta.get("depth", 0), meta.get("render")
    where = (via, hop_path, channel, source, render)
    return Add(fingerprint(url), url, host_of(url), kind, depth, priority, *where, seed=seed)


def may_queue(op: Op) -> bool:
    """Whether it may put something into a host's queue."""
    return op.wanted if isinstance(op, Add) else isinstance(op, Requeue)


def _source_of(channel: str, via: str | None) -> str:
    """Which list promised a URL. None for related: every article would be a list."""
    return "" if channel == "related" else via or ""


def end_of(url_id: int, visit: Visit) -> Move | None:
    """The state that the visit leaves its URL in; None to leave it captured."""
    reason = visit.reason or visit.outcome
    if visit.outcome == "done":
        return Done(url_id, visit.reason)
    if visit.outcome == "failed":
        return Failed(url_id, reason)
    if visit.outcome == "refused":
        return Refused(url_id, reason)
    if visit.outcome == "redirected":
        return Redirected(url_id, reason)
    if visit.outcome == "queued":
        return Requeue(url_id, visit.delay, visit.retries)
    return None
