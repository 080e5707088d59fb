"""When a host may be asked again. Pure bookkeeping: every method is told the time, on any clock that only grows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import random

JITTER = 0.25  # delays are made up to a quarter longer, so that requests do not tick; never shorter than asked for


@dataclass(slots=True)
class _Host:
    delay: float  # seconds between the starts of two requests: ours, or the larger Crawl-delay
    asked_at: float = -math.inf  # hand-out of the last request
    sent_at: float = -math.inf  # when the last request went on to the host, or is going to
    next_at: float = -math.inf
    next_before: float = -math.inf  # next_at as it was before the last request, to take that one back
    parked_until: float = -math.inf
    parkings: int = 0  # for refusals, in a row, without a good answer between them
    in_flight: int = 0


class Politeness:
    """Delay, Crawl-delay, parking and concurrency for each host on its own.

    A request is asked for when it is handed out, and over when it has left the downloader.
    """

    def __init__(
        self,
        delay: float,
        concurrency: int,
        crawl_delay_max: float = 30.0,
        park_seconds: float = 900.0,
        park_longest: float = 86_400.0,
        random: Callable[[], float] = random,
    ) -> None:
        self._delay = delay  # seconds
        self._concurrency = concurrency  # requests in flight to one host
        self._crawl_delay_max = crawl_delay_max  # seconds; more than this would be a closed door, not a delay
        self._park_seconds = park_seconds  # when a host refuses and does not say for how long
        self._park_longest = park_longest  # seconds, whatever it says
        self._random = random  # in [0, 1)
        self._hosts: dict[str, _Host] = {}

    def next_at(self, host: str) -> float:
        """The earliest time for a request to ``host``; infinity while as many as allowed are in flight."""
        known = self._hosts.get(host)
        if known is None:
            return -math.inf
        if known.in_flight >= self._concurrency:
            return math.inf
        return max(known.next_at, known.parked_until)

    def ready(self, host: str, now: float) -> bool:
        return self.next_at(host) <= now

    def asked(self, host: str, now: float) -> float:
        """A request is on its way; the token takes it back with ``spared``."""
        known = self._host(host)
        known.in_flight += 1
        known.asked_at = now
        known.next_before = known.next_at
        known.next_at = now + known.delay * (1 + JITTER * self._random())
        return known.next_at

    def turn(self, host: str, now: float) -> float:
        """Seconds that a request which is ready to be sent has to wait; others may have been held up with it."""
        known = self._host(host)
        return max(0.0, known.sent_at + known.delay - now)

    def sent(self, host: str, at: float) -> None:
        """A request goes out at this time, which may still be to come; nothing is handed out that would come sooner."""
        self._send(self._host(host), at)

    def answered(self, host: str, now: float) -> None:
        """The first answer of a host has come: its delay begins here, for its connection took time."""
        self._send(self._host(host), now)

    def _send(self, known: _Host, at: float) -> None:
        known.sent_at = max(known.sent_at, at)
        known.next_at = max(known.next_at, at + known.delay)

    def over(self, host: str) -> None:
        """A request that was asked has ended."""
        known = self._host(host)
        known.in_flight = max(0, known.in_flight - 1)

    def spared(self, host: str, token: float) -> None:
        """A request has ended without reaching the host (robots.txt forbids it): no delay is owed for it."""
        known = self._host(host)
        if known.next_at == token:
            known.next_at = known.next_before
        self.over(host)

    def delay(self, host: str) -> float:
        """Seconds between two requests to this host, without jitter."""
        return self._host(host).delay

    def set_delay(self, host: str, seconds: float) -> None:
        """Use another delay than the general one, say because an operator wrote to us."""
        self._host(host).delay = seconds

    def set_crawl_delay(self, host: str, seconds: float) -> None:
        """What robots.txt asks for: cut to the maximum, and never below our own delay."""
        known = self._host(host)
        known.delay = max(self._delay, min(seconds, self._crawl_delay_max))
        known.next_at = max(known.next_at, known.asked_at + known.delay)  # of the page that waits for robots.txt

    def park(self, host: str, until: float) -> None:
        """Ask nothing before ``until``. Two parkings: the later end counts."""
        known = self._host(host)
        known.parked_until = max(known.parked_until, until)

    def refused(self, host: str, now: float, seconds: float | None = None) -> float:
        """The host wants to be left alone, for ``seconds`` if it says so; for how long it is.

        Without its word for a while that doubles each time it refuses again. Answers to what was asked before it was
        parked, and that come now, are no further refusals.
        """
        known = self._host(host)
        if known.parked_until <= now:
            known.parkings += 1
        elif seconds is None:
            return known.parked_until - now
        own = self._park_seconds * 2.0 ** min(max(known.parkings, 1) - 1, 30)
        seconds = min(own if seconds is None else seconds, self._park_longest)
        self.park(host, now + seconds)
        return known.parked_until - now

    def welcomed(self, host: str) -> bool:
        """The host has given a good answer; whether it had refused before."""
        known = self._hosts.get(host)
        if known is None or not known.parkings:
            return False
        known.parkings = 0
        return True

    def parkings(self, host: str) -> int:
        """How often it was parked for refusals, in a row."""
        return self._host(host).parkings

    def set_parkings(self, host: str, number: int) -> None:
        """What earlier runs have counted."""
        self._host(host).parkings = number

    def parked_until(self, host: str) -> float:
        """When its parking ends; minus infinity when it was never parked."""
        known = self._hosts.get(host)
        return -math.inf if known is None else known.parked_until

    def parked(self, now: float) -> dict[str, float]:
        """Hosts that are parked, with the seconds that remain."""
        return {name: host.parked_until - now for name, host in self._hosts.items() if host.parked_until > now}

    def _host(self, host: str) -> _Host:
        known = self._hosts.get(host)
        if known is None:
            known = self._hosts[host] = _Host(self._delay)
        return known
