"""The drift alarm at work: in the writer thread, where each page that was read is counted once, with its commit.

    decide  ─► look(seen)      does the page fit? else its row is held back, or goes to quarantine/
    end     ─► note(seen, …)   the page comes into its template's window; what leaves the window is history
                               a field that fell ─► DriftState, the held rows of the window ─► quarantine/

A row that does not fit, where nearly all do, is *held back*: its page stays ``captured``, so a kill costs nothing. It
is written when its window has gone by without an alarm, or at the end of the run. So no row of a broken extraction
becomes a version before the alarm is sure, and no good one is lost for standing alone.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from crawler.drift import MOST, NEARLY_ALL, Fall, History, Rule, departures, fits, judge, share
from crawler.drift_report import told
from crawler.drift_table import FELL, DriftTable
from crawler.ledger_ops import DriftCounts, DriftState, DriftWindow, Op
from crawler.logevents import event
from crawler.template import FIELDS, LENGTH, ROW, Seen

logger = logging.getLogger(__name__)

SHOWN = 3  # addresses of an alarm
HELD, QUARANTINED = "held", "quarantined"

_T = TypeVar("_T")


@dataclass(slots=True)
class _Entry(Generic[_T]):
    number: int
    seen: Seen
    held: _T | None


@dataclass(slots=True)
class _Template(Generic[_T]):
    """What is known of one template, with what is not committed yet."""

    history: History
    window: deque[_Entry[_T]]
    states: dict[str, DriftState]
    next_number: int
    unlooked: int = 0  # pages since all fields were looked at
    counted: set[tuple[int, str]] = field(default_factory=set)
    added: dict[int, Seen] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    stated: set[str] = field(default_factory=set)  # fields whose state is new


class Watch(Generic[_T]):
    """Counts pages by template. ``_T`` is what the caller has to do when a held row is decided."""

    def __init__(self, table: DriftTable, spider: str, job: str, rule: Rule, now: Callable[[], str]) -> None:
        self._table = table
        self._spider = spider
        self._job = job
        self._rule = rule
        self._now = now
        self._templates: dict[tuple[str, str], _Template[_T]] = {}
        self._changed: set[tuple[str, str]] = set()  # templates with something to commit
        self._ops: list[Op] = []
        self._ready: list[tuple[_T, tuple[str, ...]]] = []
        self._raised: list[tuple[str, str, str]] = []  # alarms of this run: site, template, field
        self._untold: list[DriftState] = []

    def look(self, seen: Seen) -> str | None:
        """What is to become of the page's row: HELD, QUARANTINED, or None: an article."""
        if not self._rule.every:
            return None
        template = self._template(seen)
        if self._fallen(template, seen):
            return QUARANTINED
        odd = departures(template.history, seen, self._rule).values()
        return HELD if max(odd, default=0.0) >= NEARLY_ALL else None

    def note(self, seen: Seen, held: _T | None = None) -> None:
        """A visit has ended: count its page. A row that is held back is decided later, see ``ready``."""
        if not self._rule.every:
            return
        template = self._template(seen)
        fallen = self._fallen(template, seen)
        self._count(template, seen, fallen)
        if fallen:
            if held is not None:
                self._ready.append((held, fallen))
            return  # no part of the window: the history stays what it was
        entry = _Entry(template.next_number, seen, held)
        template.next_number += 1
        template.unlooked += 1
        template.window.append(entry)
        template.added[entry.number] = seen
        self._changed.add((seen.site, seen.template))
        if template.unlooked >= self._rule.every:
            self._look_at_all(seen, template)
        else:  # the other fields can only have become better
            self._look_at(seen, template, departures(template.history, seen, self._rule))
        while template.window and (len(template.window) > self._rule.every or self._is_learnt(template)):
            oldest = template.window.popleft()
            template.counted |= template.history.add(oldest.seen)
            self._leave(template, oldest)

    def ready(self) -> list[tuple[_T, tuple[str, ...]]]:
        """Held rows that are decided: with the fields that fell, or none when the row is an article."""
        ready, self._ready = self._ready, []
        return ready

    def settle(self) -> None:
        """The run ends, or waits for nothing else: look at everything, and decide all rows that are held back."""
        for template in self._templates.values():
            if template.window and template.unlooked:
                self._look_at_all(template.window[-1].seen, template)
            for entry in template.window:
                self._decide(template, entry)

    def take(self) -> list[Op]:
        """Operations for the next commit."""
        ops, self._ops = self._ops, []
        for place in self._changed:
            key, template = (self._spider, *place), self._templates[place]
            if template.counted:
                counts = {one: dict(template.history.counts[one]) for one in template.counted}
                ops.append(DriftCounts(*key, counts))
            if template.added or template.left:
                added = {number: json.dumps(seen, ensure_ascii=False) for number, seen in template.added.items()}
                ops.append(DriftWindow(*key, added, tuple(template.left)))
            ops += [template.states[name] for name in template.stated]
            template.counted, template.added, template.left, template.stated = set(), {}, [], set()
        self._changed.clear()
        return ops

    def untold(self) -> list[DriftState]:
        """Alarms since this was asked last, as they were raised."""
        untold, self._untold = self._untold, []
        return untold

    @property
    def alarms(self) -> list[DriftState]:
        """What fell in this run, as it stands now."""
        return [self._templates[site, name].states[field] for site, name, field in self._raised]

    # --- Inside -----------------------------------------------------------------------------------------------

    def _template(self, seen: Seen) -> _Template[_T]:
        place = (seen.site, seen.template)
        template = self._templates.get(place)
        if template is None:
            key = (self._spider, *place)
            window = deque(_Entry[_T](number, one, None) for number, one in self._table.window(key))
            states = {state.field: state for state in self._table.states(key)}
            following = window[-1].number + 1 if window else 1
            template = _Template(self._table.history(key), window, states, following)
            self._templates[place] = template
        for state in [one for one in template.states.values() if one.state == FELL and one.page_number < seen.number]:
            del template.states[state.field]
            self._ops.append(DriftState(*_key(state), None))
            logger.info("%s %s is read by number %d now: looked at anew", seen.site, seen.template, seen.number)
        return template

    def _is_learnt(self, template: _Template[_T]) -> bool:
        """Whether the oldest page of the window is of a year that cannot be judged yet: it is history at once."""
        return template.history.basis(template.window[0].seen.year, ROW, self._rule) is None

    def _fallen(self, template: _Template[_T], seen: Seen) -> tuple[str, ...]:
        """The fields under an alarm in which the page does not fit."""
        return tuple(n for n, one in template.states.items() if one.state == FELL and self._lacks(template, seen, n))

    def _count(self, template: _Template[_T], seen: Seen, fallen: tuple[str, ...]) -> None:
        """How it goes on under an alarm."""
        for name, state in template.states.items():
            if state.state == FELL and (name in seen.sources or name == LENGTH):
                fits_now = name not in fallen and not self._lacks_now(template, seen, name)
                template.states[name] = replace(state, pages=state.pages + 1, fitting=state.fitting + fits_now)
                template.stated.add(name)
                self._changed.add((seen.site, seen.template))

    def _lacks(self, template: _Template[_T], seen: Seen, name: str) -> bool:
        if name == LENGTH:
            return seen.length is not None
        if name not in seen.sources or name == ROW:
            return False
        basis = template.history.basis(seen.year, name, self._rule) or template.history.pooled(name)
        return share(basis) >= MOST and not fits(basis, seen.sources[name])

    def _look_at_all(self, seen: Seen, template: _Template[_T]) -> None:
        template.unlooked = 0
        self._look_at(seen, template, (ROW, *FIELDS, LENGTH))

    def _look_at(self, seen: Seen, template: _Template[_T], names: Iterable[str]) -> None:
        names = [name for name in names if name not in template.states or template.states[name].state != FELL]
        for fall in judge(template.history, [entry.seen for entry in template.window], names, self._rule):
            self._alarm(seen, template, fall)

    def _alarm(self, seen: Seen, template: _Template[_T], fall: Fall) -> None:
        """A field fell: what of the window lacks it is no history, and held rows of it go to quarantine."""
        name = fall.field
        able = [one for one in template.window if name in one.seen.sources or name == LENGTH]
        lacking = [one for one in able[-fall.pages :] if self._lacks_now(template, one.seen, name)]
        state = DriftState(
            *(self._spider, seen.site, seen.template, name, FELL, self._now(), self._job, seen.number),
            sources=fall.sources,
            expected=fall.expected,
            pages=fall.pages,
            fitting=fall.fitting,
            urls=tuple(one.seen.url for one in lacking[:SHOWN]),
            written=sum(one.held is None and self._lacks(template, one.seen, name) for one in lacking),
        )
        template.states[name] = state
        template.stated.add(name)
        self._changed.add((seen.site, seen.template))
        self._raised.append((seen.site, seen.template, name))
        self._untold.append(state)
        about = event("drift", site=state.site, template=state.template, field=state.field)
        logger.error("Drift: %s; such as %s", told(state), " ".join(state.urls), extra=about)
        for one in lacking:
            template.window.remove(one)
            self._leave(template, one)

    def _lacks_now(self, template: _Template[_T], seen: Seen, name: str) -> bool:
        if name == LENGTH:
            return seen.length is not None
        basis = template.history.basis(seen.year, name, self._rule)
        return name in seen.sources and basis is not None and not fits(basis, seen.sources[name])

    def _leave(self, template: _Template[_T], entry: _Entry[_T]) -> None:
        if template.added.pop(entry.number, None) is None:
            template.left.append(entry.number)
        self._decide(template, entry)

    def _decide(self, template: _Template[_T], entry: _Entry[_T]) -> None:
        if entry.held is not None:
            self._ready.append((entry.held, self._fallen(template, entry.seen)))
            entry.held = None


def _key(state: DriftState) -> tuple[str, str, str, str]:
    return state.spider, state.site, state.template, state.field
