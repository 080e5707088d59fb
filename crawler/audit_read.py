"""What the ledger knows of every article address: who promised it, what became of it, of which day and section.

Three tables are read side by side in the order of their addresses, so a million take seconds and no memory to speak
of. A crawl may go on meanwhile: all is read from one moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from crawler import sqlite
from crawler.dates import HANOI
from crawler.exclusions import NOTHING, Hidden
from crawler.feeds import DAY_IN_NAME
from crawler.ledger import Ledger
from crawler.ledger_files import LEDGER
from crawler.ledger_ops import ARTICLE_KINDS
from crawler.refusal import SOFT_404
from crawler.urls import fingerprint

GONE = frozenset({"http_404", "http_410", "http_451", SOFT_404, "not_an_article"})
"""Reasons of a failure that mean that there is no article at the address: nothing of it is missing."""

_ADDRESSES = """SELECT u.url_id, u.url, u.host, u.article_id, a.published_at, a.section
FROM urls u LEFT JOIN articles a ON a.article_id = u.article_id ORDER BY u.url_id"""
_STATES = "SELECT url_id, state, reason, kind, changed_at FROM frontier ORDER BY url_id"
_CHANNELS = "SELECT url_id, channel, source, day FROM channels ORDER BY url_id"
_REDIRECTS = "SELECT url_id, reason FROM frontier WHERE state = 'redirected'"
_PAGES = """SELECT u.url, f.via FROM frontier f JOIN urls u ON u.url_id = f.url_id
WHERE f.kind = 'next_page' AND f.via IS NOT NULL"""
_OUTCOMES = {"in_flight": "queued", "captured": "queued", "done": "archived"}
_RANK = {"archived": 5, "queued": 4, "failed": 3, "gone": 2, "refused": 1, "redirected": 0}


class Promise(NamedTuple):
    """A list that names an address."""

    channel: str  # seed, sitemap, feed, listing, tag or related
    list: str  # address of the first page of the list; '' for related
    day: str | None  # ISO date that the list gives for it


@dataclass(frozen=True, slots=True)
class Address:
    """An article address of the site."""

    url: str
    host: str
    article_id: str | None
    outcome: str  # archived, failed, refused, queued, not_asked or gone
    reason: str | None
    day: str | None  # ISO date in +07:00: of publication where it is archived, else what a list gives
    section: str | None
    promises: tuple[Promise, ...]


class AuditTable:
    """SQL behind names. Raises sqlite3.Error, and LedgerError for a ledger that this version cannot read."""

    def __init__(self, folder: Path) -> None:
        Ledger.open(folder / LEDGER, read_only=True).close()  # is it one that this version knows?
        self._db = sqlite.open_reader(folder / LEDGER)

    def one_moment(self) -> AbstractContextManager[None]:
        """What is read in this block is of one moment, whatever a crawl commits meanwhile."""
        return sqlite.one_moment(self._db)

    def close(self) -> None:
        self._db.close()

    def addresses(self, hidden: Hidden = NOTHING) -> Iterator[Address]:
        """Every article address that a channel promised or that was asked."""
        moved = self._redirects()
        inherited = self._inherited(moved)
        first_page = _FirstPage({str(url): str(via) for url, via in self._db.execute(_PAGES)})
        states = _Beside(self._db.execute(_STATES))
        channels = _Beside(self._db.execute(_CHANNELS))
        for url_id, url, host, article_id, published_at, section in self._db.execute(_ADDRESSES):
            asked, named = states.of(url_id), channels.of(url_id)
            if hidden.hides(article_id, url):
                continue
            if asked and not any(row[3] in ARTICLE_KINDS for row in asked):
                continue  # a list
            if url_id in inherited:
                named = [*named, *inherited[url_id]]
            outcome, reason = _outcome(asked)
            if outcome == "redirected" and url_id in moved:
                continue  # the address behind it counts
            if outcome == "redirected":
                outcome, reason = "failed", "redirected"  # in a circle, or to what the ledger does not know
            if article_id is not None:
                outcome, reason = "archived", None
            elif not (asked or named):
                continue
            promises = tuple([Promise(channel, first_page[source], day) for _, channel, source, day in named])
            day = _day_of(published_at) if published_at else _promised_day(promises)
            yield Address(url, host, article_id, outcome, reason, day, section, promises)

    def _redirects(self) -> dict[int, int]:
        """Addresses that lead elsewhere, and to which known one in the end."""
        step = {}
        for url_id, target in self._db.execute(_REDIRECTS).fetchall():
            found = self._db.execute("SELECT url_id FROM urls WHERE fingerprint = ?", (fingerprint(target),)).fetchone()
            if found is not None and found[0] != url_id:
                step[url_id] = int(found[0])
        ends = {}
        for start in step:
            end, hops = step[start], 0
            while end in step and hops < len(step):
                end, hops = step[end], hops + 1
            if end not in step:  # else they lead in a circle
                ends[start] = end
        return ends

    def _inherited(self, moved: Mapping[int, int]) -> dict[int, list[tuple[int, str, str, str | None]]]:
        """Who promised an address by another one that leads to it."""
        found: dict[int, list[tuple[int, str, str, str | None]]] = {}
        query = "SELECT url_id, channel, source, day FROM channels WHERE url_id = ?"
        for start, end in moved.items():
            found.setdefault(end, []).extend(self._db.execute(query, (start,)))
        return found


class _Beside:
    """Rows in the order of their first column, given out address by address while another query goes through these."""

    def __init__(self, rows: sqlite3.Cursor) -> None:
        self._groups = groupby(rows, itemgetter(0))
        self._next = next(self._groups, None)

    def of(self, url_id: int) -> list[Any]:
        """Ask with growing numbers."""
        while self._next is not None and self._next[0] < url_id:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != url_id:
            return []
        found = list(self._next[1])
        self._next = next(self._groups, None)
        return found


class _FirstPage(dict[str, str]):
    """First page of the list that a page belongs to: a list is one list, on however many pages."""

    def __init__(self, before: Mapping[str, str]) -> None:
        super().__init__()
        self._before = before  # address of a page → of the page that led to it

    def __missing__(self, source: str) -> str:
        seen, first = {source}, source
        while (page := self._before.get(first)) is not None and page not in seen:
            seen.add(page)
            first = page
        self[source] = first
        return first


def _outcome(asked: list[tuple[int, str, str, str, str]]) -> tuple[str, str | None]:
    """What several scopes made of one address: the best of it; of equal ones the last."""
    best: tuple[int, str, str, str | None] | None = None
    for _, state, reason, _, changed_at in asked:
        outcome = _OUTCOMES.get(state, state)
        if outcome == "failed" and reason in GONE:
            outcome = "gone"
        known = (_RANK[outcome], changed_at, outcome, reason)
        if best is None or known[:2] > best[:2]:
            best = known
    return ("not_asked", None) if best is None else best[2:]


@lru_cache(maxsize=4096)
def _day_of(published_at: str) -> str:
    """Day in +07:00 of ``articles.published_at``: a day, or an instant with its offset."""
    if len(published_at) == 10 or published_at.endswith("+07:00"):
        return published_at[:10]
    return datetime.fromisoformat(published_at).astimezone(HANOI).date().isoformat()


def _promised_day(promises: tuple[Promise, ...]) -> str | None:
    """The day in a sitemap's name is that of publication, so is a feed's; an entry's in a sitemap, of its change."""
    for promise in promises:
        if promise.channel == "sitemap" and (day := _day_in_name(promise.list)):
            return day
    return next((p.day for channel in ("feed", "sitemap") for p in promises if p.channel == channel and p.day), None)


@lru_cache(maxsize=4096)
def _day_in_name(url: str) -> str | None:
    found = DAY_IN_NAME.search(url)
    return found[1] if found else None
