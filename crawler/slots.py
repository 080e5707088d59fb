"""The moments at which a host is asked, shared by all processes that crawl it into one archive, and kept when they die.

    turn: the next moment is taken ahead, so that nobody waits with an open connection
    send: when the connection is there, the last look: connecting took longer for one than for another

Each lane (a host, or the parts of pages of a host) has a file of two numbers under ``locks/hosts/``, Unix seconds: the
last moment that was taken, and when something was sent last. ``flock`` holds it for some microseconds. Nothing is
synchronised to the disk: what a power cut takes away is a second of patience.
"""

from __future__ import annotations

import fcntl
import os
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from time import time
from urllib.parse import quote

FOLDER = "hosts"  # under locks/
KEPT = 128  # files that are open at once
AHEAD = 100  # delays; a moment that lies further ahead was noted before somebody set the clock back
_WIDTH = 20  # bytes of a number
_LONGEST = 200  # bytes of a file's name


class Slots:
    """One process's hold of the moments. Without a ``folder`` they are its own."""

    def __init__(self, folder: Path | None, wall: Callable[[], float] = time) -> None:
        self._folder = folder / "locks" / FOLDER if folder is not None else None
        self._wall = wall
        self._files: OrderedDict[str, int] = OrderedDict()
        self._own: dict[str, tuple[float, float]] = {}

    def turn(self, lane: str, delay: float, earliest: float = 0.0) -> float:
        """Take the next moment, ``earliest`` seconds from now at the soonest; how many seconds it is away."""
        if delay <= 0:
            return earliest
        return self._with(lane, lambda now, taken, sent: _after(now, max(taken, sent), delay, earliest), taken=True)

    def send(self, lane: str, delay: float) -> float:
        """Something is ready to be sent: seconds that it has to wait for what was sent before."""
        if delay <= 0:
            return 0.0
        return self._with(lane, lambda now, taken, sent: _after(now, sent, delay, 0.0), taken=False)

    def close(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])

    def _with(self, lane: str, moment: Callable[[float, float, float], float], taken: bool) -> float:
        """Read both numbers, write one of them, while nobody else does."""
        if self._folder is None:
            now, numbers = self._wall(), self._own.get(lane, (0.0, 0.0))
            at = moment(now, *numbers)
            self._own[lane] = (at, numbers[1]) if taken else (numbers[0], at)
            return at - now
        file = self._file(lane)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            now = self._wall()
            at = moment(now, _number(os.pread(file, _WIDTH, 0)), _number(os.pread(file, _WIDTH, _WIDTH)))
            os.pwrite(file, f"{at:<{_WIDTH - 1}.6f}\n".encode("ascii"), 0 if taken else _WIDTH)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        return at - now

    def _file(self, lane: str) -> int:
        assert self._folder is not None
        file = self._files.get(lane)
        if file is None:
            name = quote(lane, safe="")
            if len(name) > _LONGEST:
                name = blake2b(name.encode("ascii"), digest_size=16).hexdigest()
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._files[lane] = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if len(self._files) > KEPT:
                os.close(self._files.popitem(last=False)[1])
        else:
            self._files.move_to_end(lane)
        return file


def _after(now: float, last: float, delay: float, earliest: float) -> float:
    last = last if last <= now + AHEAD * delay else now
    return max(now + earliest, last + delay)


def _number(data: bytes) -> float:
    """What stands in the file; nothing can be damaged there that matters."""
    try:
        number = float(data)
    except ValueError:
        return 0.0
    return number if 0.0 <= number < 1e11 else 0.0
