"""How long one page may be read: a timer of the processor time that this process has used, heard by the main thread.

Processor time, so that a page is not blamed for other work of the machine. What runs in C is heard at its end, so
whatever goes there has a bounded size (``crawler/parsing.py``).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from crawler.limits import NotRead

AGAIN = 0.5  # seconds between two rings, should one have been swallowed on its way up

_T = TypeVar("_T")


class TooSlow(BaseException):
    """A page took longer than it may. No Exception: libraries, and our own code, go on after one of those."""


class _Timer:
    """The one timer of the process. Its handler stays: without one a late signal would end the process."""

    armed = False

    def ring(self, *_: Any) -> None:
        if self.armed:
            raise TooSlow

    def arm(self, seconds: float) -> None:
        if signal.getsignal(signal.SIGPROF) != self.ring:
            signal.signal(signal.SIGPROF, self.ring)
        self.armed = True
        signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)


_timer = _Timer()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the block after so many seconds of processor time. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        try:
            _timer.arm(seconds)
            yield
        finally:
            _timer.armed = False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def within(seconds: float, url: str) -> Iterator[None]:
    """Raise NotRead for a page that the block has not read after so many seconds of processor time."""
    try:
        with time_limit(seconds):
            yield
    except TooSlow:
        raise NotRead("too_slow", f"{url} was not read within {seconds:g} seconds") from None


def in_time(seconds: float, url: str, steps: Iterator[_T]) -> Iterator[_T]:
    """The same steps, each within the limit. Raises NotRead when one is not."""
    while True:
        try:
            with within(seconds, url):
                step = next(steps)
        except StopIteration:
            return
        yield step
