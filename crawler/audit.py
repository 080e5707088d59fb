"""What the channels promised and what the archive has: by site, day, section, channel and list; every hole by name.

ledger ─► addresses (audit_read) ─► tallies, lists, holes ─► estimate of the total ─► text, JSON, certificate
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from crawler.audit_read import Address
from crawler.estimate import VIEWS, Estimates, estimate

CHANNELS = ("seed", "sitemap", "feed", "listing", "tag", "related")
HOLES = ("failed", "refused", "queued", "not_asked")
"""Outcomes of an address that was promised and is missing. ``gone`` is none: there is no article any more."""

_VIEW = {"sitemap": "sitemap", "feed": "lists", "listing": "lists", "tag": "lists", "related": "related"}
_PURE = 0.8  # of a list's archived articles: then it is the list of their section
_TELLING = 3  # archived articles that a list must have to say so
_EDGE = 0.01  # of a view's articles, at either end of its days, that do not count as covered by it


@dataclass(frozen=True, slots=True)
class Selection:
    """Which addresses are looked at."""

    wanted_host: Callable[[str], bool] = lambda host: True
    since: date | None = None  # days in +07:00, both included
    until: date | None = None
    lists: frozenset[str] | None = None  # only what one of these lists names

    @property
    def by_day(self) -> bool:
        return self.since is not None or self.until is not None

    def holds_day(self, day: str) -> bool:
        return not (
            (self.since is not None and day < self.since.isoformat())
            or (self.until is not None and day > self.until.isoformat())
        )


@dataclass(slots=True)
class Tally:
    """Addresses by outcome and reason, and by channel and outcome."""

    outcomes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    channels: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, address: Address) -> None:
        self.outcomes[address.outcome, address.reason] += 1
        for channel in {channel for channel, _, _ in address.promises}:
            self.channels[channel, address.outcome] += 1

    def take(self, other: Tally) -> None:
        self.outcomes.update(other.outcomes)
        self.channels.update(other.channels)

    @property
    def promised(self) -> int:
        return self.outcomes.total()

    @property
    def holes(self) -> int:
        return sum(map(self.number, HOLES))

    def number(self, outcome: str) -> int:
        return sum(n for (one, _), n in self.outcomes.items() if one == outcome)

    def reasons(self, outcome: str) -> dict[str, int]:
        """Largest first."""
        found = {reason: n for (one, reason), n in self.outcomes.items() if one == outcome and reason}
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))

    def of_channel(self, channel: str) -> dict[str, int]:
        """Numbers of what one channel named, by outcome."""
        return {outcome: n for (one, outcome), n in self.channels.items() if one == channel}


@dataclass(frozen=True, slots=True)
class Total:
    """The estimate, and over which days it is made: those that every view covers."""

    first: str
    last: str
    cells: dict[tuple[bool, ...], int]
    estimates: Estimates


@dataclass(slots=True)
class SiteAudit:
    """One site."""

    site: str
    parts: dict[tuple[str | None, str | None], Tally] = field(
        default_factory=lambda: defaultdict(Tally)
    )  # day, section
    lists: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # channel, address
    holes: list[tuple[Address, str | None]] = field(default_factory=list)  # with the section they are likely of
    undated: int = 0  # left out of a selection by days
    _marks: Counter[tuple[str, frozenset[str]]] = field(default_factory=Counter)  # by day and channels
    _sections: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, address: Address) -> None:
        outcome, section = address.outcome, address.section
        for channel, url, _ in address.promises:
            self.lists[channel, url][outcome] += 1
            if channel == "listing" and section is not None:
                self._sections[url][section] += 1
        if outcome in HOLES:
            self.holes.append((address, None))
        else:
            self.parts[address.day, section].add(address)
        if outcome != "gone" and address.day is not None:
            self._marks[address.day, frozenset([channel for channel, _, _ in address.promises])] += 1

    def finish(self) -> None:
        """Count the holes, each in the section of the most special list that names it."""
        special = {
            url: (found.total(), *found.most_common(1)[0])
            for url, found in self._sections.items()
            if found.total() >= _TELLING and found.most_common(1)[0][1] >= _PURE * found.total()
        }
        for at, (hole, _) in enumerate(self.holes):
            section = min((special[p.list] for p in hole.promises if p.list in special), default=(0, None))[1]
            self.holes[at] = (hole, section)
            self.parts[hole.day, section].add(hole)

    @property
    def whole(self) -> Tally:
        return summed(self.parts.values())

    def by_day(self) -> dict[str | None, Tally]:
        return self._by(0)

    def by_section(self) -> dict[str | None, Tally]:
        return self._by(1)

    def _by(self, place: int) -> dict[str | None, Tally]:
        found: dict[str | None, Tally] = {}
        for key, tally in self.parts.items():
            found.setdefault(key[place], Tally()).take(tally)
        return dict(sorted(found.items(), key=lambda pair: (pair[0] is None, pair[0] or "")))

    def total(self) -> Total | None:
        """How many articles there are; None when no view but the seeds named any."""
        spans = [span for view in VIEWS if (span := self._span(view))]
        if not spans:
            return None
        first, last = max(span[0] for span in spans), min(span[1] for span in spans)
        cells: Counter[tuple[bool, ...]] = Counter()
        named: Counter[int] = Counter()
        for (day, channels), n in self._marks.items():
            if first <= day <= last and (views := {_VIEW[channel] for channel in channels & _VIEW.keys()}):
                cells[tuple(view in views for view in VIEWS)] += n
                named[len(channels & _VIEW.keys())] += n
        used = {channel for channel, _ in self.lists} & _VIEW.keys()
        return Total(first, last, dict(cells), estimate(cells, named[1], named[2], len(used)))

    def _span(self, view: str) -> tuple[str, str] | None:
        """First and last day that a view covers, but for its outliers: an old article that was changed lately."""
        days: Counter[str] = Counter()
        for (day, channels), n in self._marks.items():
            if any(_VIEW.get(channel) == view for channel in channels):
                days[day] += n
        if not days:
            return None
        return _quantile(days, _EDGE), _quantile(days, _EDGE, backwards=True)


def _quantile(days: Mapping[str, int], share: float, backwards: bool = False) -> str:
    """The day behind which no more than this share of all lies."""
    left = share * sum(days.values())
    for day in sorted(days, reverse=backwards):
        left -= days[day]
        if left < 0:
            break
    return day


def summed(tallies: Iterable[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.take(tally)
    return whole


def audit(addresses: Iterable[Address], chosen: Selection, site_of: Callable[[str], str]) -> list[SiteAudit]:
    """Go through all addresses once. ``site_of``: name of the site of a host."""
    sites: dict[str, SiteAudit] = {}
    hosts: dict[str, SiteAudit | None] = {}
    for address in addresses:
        if address.host not in hosts:
            name = site_of(address.host)
            wanted = chosen.wanted_host(address.host)
            hosts[address.host] = sites.setdefault(name, SiteAudit(name)) if wanted else None
        site = hosts[address.host]
        if site is None:
            continue
        if chosen.lists is not None and not any(promise.list in chosen.lists for promise in address.promises):
            continue
        if chosen.by_day and address.day is None:
            site.undated += 1
        elif address.day is None or chosen.holds_day(address.day):
            site.add(address)
    for site in sites.values():
        site.finish()
    return [site for _, site in sorted(sites.items()) if site.parts or site.undated]
