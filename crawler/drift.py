"""Whether the pages of a template are still read as they were: the statistics of the drift alarm, without any storage.

    history: sources of each field, by year of publication          window: the last pages
    expected share of a field = that of the history, each page of the window held against its own year
    it fell  ⇔ the share lies DRIFT_FALL under the expected one, and chance gives so few once in 100,000 times

A page *fits* in a field when the value comes from a source that gives at least a twentieth of the history's values, or
from a more trusted one than all of those. So a selector that matches no longer shows as soon as another source stands
in for it, before anything is missing. Of a field that nearly all pages have, falls are looked for in the last 8, 12,
16, 24 … pages of the window: pages from before a redesign do not hide it. Of one that most have, half must be missing
in a whole window.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from crawler.template import LENGTH, NONE, Seen

LEAST = 8  # pages of a template that an alarm needs
CHANCE = 1e-5  # of a false alarm, for each look at a field of pages that are as the history says
_SIZES = tuple(part * 2**power for power in range(8) for part in (LEAST, LEAST * 3 // 2))
NEARLY_ALL = 0.95  # share from which a field is one that every page should have
MOST = 0.5  # share from which a field is looked at
USUAL = 0.05  # share of the history's values that makes a source a usual one
OCTAVE, SIGMAS = 1.0, 6.0  # bodies half or twice as long as usual, by so many standard errors, are a fall too
KEPT = 2000.0  # pages of a year that the history remembers: beyond, all of its counts are halved
_SUM, _SQUARES, _PAGES = "sum", "squares", "pages"  # what is counted of lengths
_TRUST = {NONE: 0, "generic": 1, "meta": 2}  # others: 3

Counts = dict[str, float]  # by source


@dataclass(frozen=True, slots=True)
class Rule:
    """The bounds: settings DRIFT_EVERY, DRIFT_FALL and DRIFT_HISTORY."""

    every: int = 50  # pages of a template between two looks at all fields, and in its window; 0: no alarm
    fall: float = 0.2  # by how much a share may lie under the expected one
    enough: int = 30  # pages of a year before its shares are a history


@dataclass(frozen=True, slots=True)
class Fall:
    """A field of a template is not what it was."""

    field: str
    pages: int
    fitting: int
    expected: float  # share of the pages that fit; for LENGTH 1
    sources: str  # before and where pages do not fit: "selector 98% to generic 97%"; LENGTH: letters


@dataclass(slots=True)
class History:
    """Sources by year and field, each with the number of its pages; old pages weigh less and less."""

    counts: dict[tuple[int, str], Counts] = field(default_factory=dict)

    def add(self, seen: Seen) -> set[tuple[int, str]]:
        """Count a page; what has changed."""
        changed = set()
        for name, source in seen.sources.items():
            changed |= self._add(seen.year, name, {source: 1.0})
        if seen.length is not None:
            squares = {_PAGES: 1.0, _SUM: seen.length, _SQUARES: seen.length**2}
            changed |= self._add(seen.year, LENGTH, squares)
        return changed

    def _add(self, year: int, name: str, more: Counts) -> set[tuple[int, str]]:
        counts = self.counts.setdefault((year, name), {})
        for source, count in more.items():
            counts[source] = counts.get(source, 0.0) + count
        if pages_in(name, counts) > KEPT:
            for source in counts:
                counts[source] /= 2
        return {(year, name)}

    def forget(self, name: str) -> None:
        """Learn this field anew."""
        self.counts = {key: counts for key, counts in self.counts.items() if key[1] != name}

    def pooled(self, name: str) -> Counts:
        """Counts of a field over all years."""
        total: Counts = {}
        for (_, other), counts in self.counts.items():
            if other == name:
                for source, count in counts.items():
                    total[source] = total.get(source, 0.0) + count
        return total

    def basis(self, year: int, name: str, rule: Rule) -> Counts | None:
        """What a page of this year is held against; None for years that are not known well enough.

        A year that is later than all known ones is held against the last of these, a page without a date against all.
        """
        if year:
            own = self.counts.get((year, name))
            if own is not None and pages_in(name, own) >= rule.enough:
                return own
            known = [
                y for (y, other), c in self.counts.items() if other == name and y and pages_in(name, c) >= rule.enough
            ]
            return self.counts[max(known), name] if known and year > max(known) else None
        total = self.pooled(name)
        return total if pages_in(name, total) >= rule.enough else None


def pages_in(name: str, counts: Counts) -> float:
    """How many pages were counted."""
    return counts.get(_PAGES, 0.0) if name == LENGTH else sum(counts.values())


def fits(basis: Counts, source: str) -> bool:
    """Whether a value is found where such pages have it."""
    if source == NONE:
        return False
    values = sum(basis.values()) - basis.get(NONE, 0.0)
    if source in basis and basis[source] >= USUAL * values:
        return True
    return _trust(source) > max(map(_trust, usual_sources(basis)), default=3)


def usual_sources(basis: Counts) -> set[str]:
    """Sources that give enough of the values to be usual."""
    values = sum(count for source, count in basis.items() if source != NONE)
    return {source for source, count in basis.items() if source != NONE and count >= USUAL * values}


def share(basis: Counts) -> float:
    """Share of the pages that fit."""
    total = sum(basis.values())
    return sum(basis[source] for source in usual_sources(basis)) / total if total else 0.0


def departures(history: History, seen: Seen, rule: Rule) -> dict[str, float]:
    """Fields in which a page does not fit, each with the share of pages that do."""
    found = {}
    for name, source in seen.sources.items():
        basis = history.basis(seen.year, name, rule)
        if basis is not None and not fits(basis, source):
            found[name] = share(basis)
    return found


def judge(history: History, window: Sequence[Seen], names: Iterable[str], rule: Rule) -> list[Fall]:
    """The fields among ``names`` that fell in the window, or in its last pages."""
    falls = []
    for name in names:
        able = [seen for seen in window if (seen.length is not None if name == LENGTH else name in seen.sources)]
        sizes = sorted({size for size in (*_SIZES, len(able)) if size <= len(able)})
        if name == LENGTH:
            found = (_length_fall(history, able[-size:], name, rule) for size in sizes)
        else:
            found = (_fall(history, able[-size:], name, rule) for size in _low(history, able, sizes, name, rule))
        fall = next(filter(None, found), None)
        if fall is not None:
            falls.append(fall)
    return falls


def _low(history: History, able: Sequence[Seen], sizes: Sequence[int], name: str, rule: Rule) -> Iterator[int]:
    """Those of ``sizes`` for which so few of the last pages fit that chance has to be asked.

    Asked for each page in which any field does not fit, so the pages are gone through once for all sizes.
    """
    known = {year: history.basis(year, name, rule) for year in {seen.year for seen in able}}
    shares = {year: share(basis) for year, basis in known.items() if basis is not None}
    fit: dict[tuple[int, str], bool] = {}
    pages = count = 0
    expected = 0.0
    for size, seen in enumerate(reversed(able), 1):
        basis = known[seen.year]
        if basis is not None:
            place = seen.year, seen.sources[name]
            if place not in fit:
                fit[place] = fits(basis, seen.sources[name])
            pages += 1
            count += fit[place]
            expected += shares[seen.year]
        if size not in sizes or pages < LEAST or (expected - count) / pages < rule.fall or expected / pages < MOST:
            continue
        if expected / pages < NEARLY_ALL and (pages < rule.every or count > expected / 2):
            continue  # such fields come and go with the sections of a paper
        yield size


def _fall(history: History, window: Sequence[Seen], name: str, rule: Rule) -> Fall | None:
    """That the field fell in these pages, unless chance gives so few that fit."""
    known = {year: history.basis(year, name, rule) for year in {seen.year for seen in window}}
    held = Counter((seen.year, seen.sources[name]) for seen in window if known[seen.year] is not None)
    of_year = [(year, source, pages, basis) for (year, source), pages in held.items() if (basis := known[year])]
    size = held.total()
    lacking = {(year, source) for year, source, _, basis in of_year if not fits(basis, source)}
    count = sum(pages for place, pages in held.items() if place not in lacking)
    expected = sum(pages * share(basis) for _, _, pages, basis in of_year)
    groups: dict[int, tuple[int, float, float]] = {}  # by history: pages of the window, its own that fit, and do not
    before, now = dict[str, float](), dict[str, float]()
    for year, source, pages, basis in of_year:
        learnt = sum(basis.values())
        so_far, fit, odd = groups.get(id(basis), (0, share(basis) * learnt, (1 - share(basis)) * learnt))
        groups[id(basis)] = so_far + pages, fit, odd
        if (year, source) in lacking:
            now[source] = now.get(source, 0.0) + pages / size
        for usual, number in basis.items():
            before[usual] = before.get(usual, 0.0) + pages * number / learnt / size
    if at_most(count, groups.values()) > CHANCE:
        return None
    return Fall(name, size, count, expected / size, f"{_most(before)} to {_most(now)}")


def at_most(count: int, groups: Iterable[tuple[int, float, float]]) -> float:
    """Probability of ``count`` pages that fit, or fewer: in each group so many pages, by a history of (fit, do not).

    The share behind a history is known no better than its pages tell it (beta-binomial distribution, uniform prior).
    Pages of one kind come in a row, so a history weighs as half of its pages would if each stood alone.

    >>> round(at_most(0, [(1, 0, 0)]), 3), round(at_most(1, [(1, 18, 2), (1, 18, 2)]), 3)
    (0.5, 0.306)
    """
    ways = [1.0]  # ways[n]: probability of n pages that fit so far
    for pages, fit, odd in groups:
        a, b = fit / 2 + 1, odd / 2 + 1
        one = [
            math.comb(pages, n) * math.exp(_log_beta(n + a, pages - n + b) - _log_beta(a, b)) for n in range(pages + 1)
        ]
        both = [0.0] * (len(ways) + pages)
        for n, way in enumerate(ways):
            for m, chance in enumerate(one):
                both[n + m] += way * chance
        ways = both
    return sum(ways[: count + 1])


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _length_fall(history: History, window: Sequence[Seen], name: str, rule: Rule) -> Fall | None:
    """Bodies that are on the average half or twice as long as those of their years."""
    held = [(seen, basis) for seen in window if (basis := history.basis(seen.year, name, rule)) is not None]
    if len(held) < 2 * LEAST:
        return None
    found = usual = variance = 0.0
    for seen, basis in held:
        mean = basis[_SUM] / basis[_PAGES]
        found += (seen.length or 0.0) / len(held)
        usual += mean / len(held)
        variance += max(basis[_SQUARES] / basis[_PAGES] - mean**2, 0.01)
    error = math.sqrt(variance) / len(held)
    if abs(found - usual) < OCTAVE or abs(found - usual) < SIGMAS * error:
        return None
    return Fall(name, len(held), 0, 1.0, f"{2**usual:.0f} to {2**found:.0f} letters")


def _trust(source: str) -> int:
    return _TRUST.get(source, 3)


def _most(shares: dict[str, float]) -> str:
    source = max(shares, key=lambda one: shares[one], default=NONE)
    return f"{source} {shares.get(source, 0.0):.0%}"


def usual_length(counts: Counts) -> float:
    """Letters of a body, the geometric mean."""
    return float(2 ** (counts[_SUM] / counts[_PAGES]))
