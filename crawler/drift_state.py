"""The state of every field of every template, for ``scrapy drift``; and how what fell is accepted."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from dataclasses import field as member
from datetime import UTC, datetime
from pathlib import Path

from crawler.dates import utc_text
from crawler.drift import History, Rule, fits, pages_in, share, usual_length
from crawler.drift_table import ACCEPTED, FELL, DriftTable
from crawler.ledger import Ledger
from crawler.ledger_files import LEDGER
from crawler.ledger_ops import DriftForget, DriftState, DriftWindow, Op
from crawler.lock import FolderLock
from crawler.template import FIELDS, LENGTH, ROW, Seen

OK, LEARNING = "ok", "learning"  # beside those of the ledger; the second: too few pages to judge


@dataclass(frozen=True, slots=True)
class FieldState:
    """One field of one template. Shares are of pages whose value comes from a usual source."""

    spider: str
    site: str
    template: str
    field: str
    pages: int  # in the history and the window
    history: float | None  # share; for ``length`` None
    lately: float | None  # share in the window, or since it fell; None without pages
    sources: dict[str, float]  # shares in the history; for ``length`` the usual number of letters
    state: str  # ok, learning, fell or accepted
    since: str | None = None
    urls: list[str] = member(default_factory=list)  # of pages that do not fit
    quarantined: int = 0  # rows of the template
    written: int = 0  # rows that lacked the field and were written before it was known to have fallen


def states_of(table: DriftTable, rule: Rule, spider: str | None = None) -> list[FieldState]:
    """Every field that any page of its template has had, fallen ones first."""
    found = []
    for key in table.templates(spider):
        history, window = table.history(key), [seen for _, seen in table.window(key)]
        fallen = {state.field: state for state in table.states(key)}
        states = [
            _state(key, name, history, window, fallen.get(name), rule)
            for name in (ROW, *FIELDS, LENGTH)
            if name in fallen or _is_known(name, history, window)
        ]
        waiting = table.in_quarantine(key)
        found += [replace(one, quarantined=waiting) for one in sorted(states, key=lambda one: one.state != FELL)]
    return found


def accept(folder: Path, job: str, site: str, template: str, name: str, spider: str | None = None) -> list[DriftState]:
    """Take what fell at this place for right: its history is forgotten and learnt anew. '' means all of them.

    Raises Locked while a crawl of one of the spiders runs.
    """
    with ExitStack() as stack:
        ledger = Ledger.open(folder / LEDGER)
        stack.callback(ledger.close)
        wanted = [
            state
            for key in ledger.drift.templates(spider)
            if key[1] == site and template in ("", key[2])
            for state in ledger.drift.states(key)
            if state.state == FELL and name in ("", state.field)
        ]
        for one in sorted({state.spider for state in wanted}):
            stack.enter_context(FolderLock(folder, one, job))
        now = utc_text(datetime.now(UTC))
        ops: list[Op] = []
        for state in wanted:
            key = (state.spider, state.site, state.template)
            ops += [DriftForget(*key, state.field), replace(state, state=ACCEPTED, since=now, run=job)]
            ops.append(DriftWindow(*key, {}, tuple(number for number, _ in ledger.drift.window(key))))
        ledger.apply(ops)
        return wanted


def _is_known(name: str, history: History, window: list[Seen]) -> bool:
    pooled = {source: count for source, count in history.pooled(name).items() if source != "none"}
    return bool(pooled) or any(seen.sources.get(name, "none") != "none" for seen in window)


def _state(
    key: tuple[str, str, str], name: str, history: History, window: list[Seen], state: DriftState | None, rule: Rule
) -> FieldState:
    counts = history.pooled(name)
    pages = pages_in(name, counts)
    before = lately = None
    if name == LENGTH:
        able = [seen for seen in window if seen.length is not None]
        sources = {"letters": usual_length(counts)} if pages else {}
    else:
        able = [seen for seen in window if name in seen.sources]
        sources = {source: count / pages for source, count in sorted(counts.items(), key=lambda one: -one[1])}
        before = share(counts) if pages else None
        if state is not None and state.state == FELL:
            lately = state.fitting / state.pages if state.pages else None
        elif able and pages:
            lately = sum(fits(counts, seen.sources[name]) for seen in able) / len(able)
    known = OK if pages >= rule.enough else LEARNING
    return FieldState(
        *key,
        name,
        pages=round(pages) + len(able),
        history=before,
        lately=lately,
        sources=sources,
        state=state.state if state and state.state else known,
        since=state.since if state else None,
        written=state.written if state else 0,
        urls=list(state.urls) if state and state.state == FELL else [],
    )
