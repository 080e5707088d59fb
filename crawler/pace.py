"""How a run asked: its rhythm, what each host was asked, and which answers took longest. From the crawl log's lines.

A line tells whole seconds, so gaps do too; the lines stand in the order in which the exchanges ended.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from crawler.ledger_ops import HostState

BINS: Final = 120  # of the rhythm
HOSTS: Final = 100  # that are counted by name
OTHERS: Final = "(others)"
SLOWEST: Final = 10
_OPEN_MINUTES: Final = 4  # an exchange may end minutes after a later one


@dataclass(slots=True)
class HostPace:
    """What one host was asked. Instants are Unix seconds."""

    attempts: int = 0
    bytes: int = 0
    first: int = 0
    last: int = 0
    most: int = 0  # attempts in one minute of the clock
    refusals: Counter[str] = field(default_factory=Counter)  # 403 and 429
    minutes: dict[int, int] = field(default_factory=dict)  # the newest ones


class Pace:
    """Counts attempts one by one; as large as there are bins and hosts."""

    def __init__(self) -> None:
        self.hosts: dict[str, HostPace] = {}
        self._step = 1  # seconds of a bin
        self._bins: dict[int, list[int]] = {}  # by seconds // step
        self._slowest: list[tuple[int, int, dict[str, Any]]] = []
        self._number = 0
        self._second = ("", 0)  # the last one that was read

    def count(self, values: list[str]) -> None:
        """The ten fields of a line that tells of an attempt."""
        time, status, size, url, *_, notes = values
        at, weight = self._seconds(time), int(size) if size.isdecimal() else 0
        self._number += 1
        bin_ = self._bins.setdefault(at // self._step, [0, 0])
        bin_[0] += 1
        bin_[1] += weight
        while max(self._bins) - min(self._bins) >= BINS:
            self._widen()
        self._count_host(url.split("/", 3)[2].lower() if url.count("/") > 1 else url, at, status, weight)
        took = _took(notes)
        if len(self._slowest) < SLOWEST or took > self._slowest[0][0]:
            slow = {"url": url, "ms": took, "at": time, "status": int(status), "bytes": weight}
            put = heapq.heappush if len(self._slowest) < SLOWEST else heapq.heappushpop
            put(self._slowest, (took, -self._number, slow))

    def slowest(self) -> list[dict[str, Any]]:
        """The exchanges that took longest, the slowest first."""
        return [slow for _, _, slow in sorted(self._slowest, key=lambda one: one[:2], reverse=True)]

    def rhythm(self) -> dict[str, Any]:
        """Attempts and bytes in steps of so many seconds, from the first attempt on."""
        numbers = range(min(self._bins), max(self._bins) + 1) if self._bins else ()
        bins = [self._bins.get(number, (0, 0)) for number in numbers]
        return {
            "step": self._step,
            "begin": min(self._bins) * self._step if self._bins else None,
            "attempts": [attempts for attempts, _ in bins],
            "bytes": [weight for _, weight in bins],
        }

    def _seconds(self, time: str) -> int:
        if self._second[0] != time:
            self._second = (time, int(datetime.fromisoformat(time).timestamp()))
        return self._second[1]

    def _widen(self) -> None:
        self._step *= 2
        wider: dict[int, list[int]] = {}
        for number, (attempts, weight) in self._bins.items():
            bin_ = wider.setdefault(number // 2, [0, 0])
            bin_[0] += attempts
            bin_[1] += weight
        self._bins = wider

    def _count_host(self, name: str, at: int, status: str, weight: int) -> None:
        host = self.hosts.get(name)
        if host is None:
            name = name if len(self.hosts) < HOSTS else OTHERS
            host = self.hosts.setdefault(name, HostPace(first=at, last=at))
        host.attempts += 1
        host.bytes += weight
        host.first, host.last = min(host.first, at), max(host.last, at)
        if status in ("403", "429"):
            host.refusals[status] += 1
        minute = at // 60
        host.minutes[minute] = host.minutes.get(minute, 0) + 1
        host.most = max(host.most, host.minutes[minute])
        if len(host.minutes) > _OPEN_MINUTES:
            del host.minutes[min(host.minutes)]


def politeness_section(pace: Pace, known: Iterable[HostState], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a report: what was asked of each host, and what the host had asked for. Seconds throughout."""
    states = {state.host: state for state in known}
    return {
        "delay": float(delay) if (delay := settings.get("HOST_DELAY")) is not None else None,
        "hosts": {
            name: {
                "attempts": host.attempts,
                "bytes": host.bytes,
                "mean_gap": round((host.last - host.first) / (host.attempts - 1), 2) if host.attempts > 1 else None,
                "most_in_a_minute": host.most,
                "answered_403": host.refusals["403"],
                "answered_429": host.refusals["429"],
                **_asked_for(states.get(name)),
            }
            for name, host in sorted(pace.hosts.items(), key=lambda pair: -pair[1].attempts)
        },
    }


def _asked_for(state: HostState | None) -> dict[str, Any]:
    return {
        "crawl_delay": state.crawl_delay if state else None,
        "parked_until": state.parked_until if state else None,
        "parked_for": state.reason if state else None,
    }


def _took(notes: str) -> int:
    """Milliseconds."""
    for note in notes.split(","):
        if note.startswith("ms:") and note[3:].isdecimal():
            return int(note[3:])
    return 0
