"""The page that is being parsed, written down for the case that it takes the process with it.

    locks/<spider>.reading    the page in hand, overwritten in place for each page
                              then a line a page that processes have died with: times, address, payload, code

A segmentation fault or the kernel's out-of-memory killer leaves no exception to catch: the page stays captured, and
without this every later run would read it first and die of it. What a process leaves in hand is counted by the next
one; a page that is read well afterwards is forgiven, so one that only happened to be there when the process was killed
from outside keeps nothing. The file is not synced: a power cut is not the page's doing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

TIMES = 10
"""A page that so many processes have died with is given up. A kill from outside may hit the same page more than once
(the first one of a run takes longest): with three, one of 1,500 innocent pages was given up after fifty kills."""
_ROOM = 128  # bytes for the page in hand
_NOBODY = b"\n".rjust(_ROOM)
CRASHES = "crashes"  # why a page that was given up has failed

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Blamed:
    times: int
    payload: str  # digest of what was read last, "-" when it has none
    code: str  # digest of the code that read it


class InHand:
    """For one spider, by whoever holds its lock: a crawl, or a rebuild."""

    def __init__(self, folder: Path, spider: str, code: Callable[[], str]) -> None:
        """Count what a process that died has left. ``code`` gives a digest of this program. Raises OSError."""
        self._path = folder / "locks" / f"{spider}.reading"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._code = code
        self._blamed: dict[str, _Blamed] = {}
        self._file = -1
        self._left()
        self._write()

    @contextmanager
    def held(self, fingerprint: bytes, payload: str | None) -> Iterator[None]:
        """While the block runs its page is in hand: ``payload`` is the digest of what is read."""
        self._put(f"{fingerprint.hex()} {payload or '-'}\n".encode().rjust(_ROOM))
        try:
            yield
        finally:
            self._put(_NOBODY)

    def reading(self, fingerprint: bytes, payload: str | None, steps: Iterator[_T]) -> Iterator[_T]:
        """The same steps; while each is taken its page is in hand. When all were taken the page is forgiven."""
        while True:
            with self.held(fingerprint, payload):
                try:
                    step = next(steps)
                except StopIteration:
                    break
            yield step
        self.forgive(fingerprint)

    def forgive(self, fingerprint: bytes) -> None:
        """The page was read well."""
        if self._blamed.pop(fingerprint.hex(), None) is not None and self._file >= 0:
            self._write()

    def times(self, fingerprint: bytes) -> int:
        """How many processes have died with this page in hand, since it was last read well."""
        known = self._blamed.get(fingerprint.hex())
        return known.times if known is not None else 0

    def gives_up(self, fingerprint: bytes, payload: str | None) -> bool:
        """Whether the page is not to be read: this code died of this payload, and ``TIMES`` processes of the page."""
        known = self._blamed.get(fingerprint.hex())
        return known is not None and known.times >= TIMES and known.payload == (payload or "-")

    def close(self) -> None:
        """No page is read any more; the file stays while it has something to say."""
        os.close(self._file)
        self._file = -1  # whoever is still reading writes into no other file that has its number
        if not self._blamed:
            self._path.unlink(missing_ok=True)

    def _put(self, entry: bytes) -> None:
        if self._file >= 0:
            os.pwrite(self._file, entry, 0)

    def _left(self) -> None:
        """What earlier processes left. What other code died of is tried again."""
        try:
            first, *lines = self._path.read_text("ascii", "replace").split("\n")
        except FileNotFoundError:
            return
        for fields in map(str.split, lines):
            if len(fields) == 4 and fields[0].isdecimal() and fields[3] == self._code():
                self._blamed[fields[1]] = _Blamed(int(fields[0]), fields[2], fields[3])
        if len(named := first.split()) == 2:
            key, payload = named
            known = self._blamed.get(key) or _Blamed(0, payload, self._code())
            self._blamed[key] = replace(known, times=known.times + 1, payload=payload)

    def _write(self) -> None:
        """The page in hand is nobody's again, in one step with what was counted."""
        lines = [f"{one.times} {key} {one.payload} {one.code}\n" for key, one in self._blamed.items()]
        new = self._path.with_suffix(".reading-new")
        new.write_bytes(_NOBODY + "".join(lines).encode())
        new.replace(self._path)
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
