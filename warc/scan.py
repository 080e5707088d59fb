"""The bytes under ``verify``: gzip members one by one, and lines and pieces out of them. No WARC library involved.

Nothing here holds more than a piece of a record in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from isal import isal_zlib

GZIP: Final = 31  # window bits for a gzip wrapper
MAGIC: Final = b"\x1f\x8b\x08"
GZIP_HEADER: Final = 10  # bytes
RESERVED_FLAGS: Final = 0xE0  # RFC 1952, 2.3.1.2: to be refused when set; zlib does, isal does not
INPUT: Final = 1 << 16  # bytes read from the file at once
OUTPUT: Final = 1 << 18  # bytes decompressed at once, so that a bomb stays small
GZIP_ERROR: Final = cast(type[Exception], isal_zlib.error)  # typed as an instance by isal


class Damage(Exception):
    """Bytes that cannot be read on from; ``rule`` is one of ``verify.RULES``."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail
        self.record_id: str | None = None


class Region:
    """The part of a file that is to be read, from its beginning to ``end``."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end
        self._held = b""
        self.position = 0

    def take(self, size: int = INPUT) -> bytes:
        """The next bytes, at least as many as a gzip header has; fewer only at the end, where it is empty."""
        piece, self._held = self._held, b""
        if len(piece) < GZIP_HEADER:
            piece += self._file.read(min(size, self._end - self.position - len(piece)))
        self.position += len(piece)
        return piece

    def give_back(self, piece: bytes) -> None:
        """Undo the last ``take`` for these bytes, its last ones."""
        self._held = piece
        self.position -= len(piece)

    def looks_like(self, magic: bytes) -> bool:
        """Whether the next bytes are these, as far as the region goes."""
        piece = self.take()
        self.give_back(piece)
        return piece[: len(magic)] == magic[: len(piece)]

    def seek(self, position: int) -> None:
        self._file.seek(position)
        self._held = b""
        self.position = position


class Stream:
    """Lines and pieces out of a source of bytes; ``taken`` counts them."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._held = b""
        self._start = 0
        self.taken = 0

    def piece(self, size: int) -> bytes:
        """At most ``size`` bytes; empty only at the end."""
        if self._start == len(self._held):
            self._held, self._start = next(self._source, b""), 0
        piece = self._held[self._start : self._start + size]
        self._start += len(piece)
        self.taken += len(piece)
        return piece

    def line(self, limit: int) -> bytes:
        """Bytes up to and including the next LF, or ``limit`` bytes, or what is left."""
        line = b""
        while len(line) < limit:
            if self._start == len(self._held):
                self._held, self._start = next(self._source, b""), 0
                if not self._held:
                    break
            newline = self._held.find(b"\n", self._start, self._start + limit - len(line))
            if newline >= 0:
                return line + self.piece(newline + 1 - self._start)
            line += self.piece(limit - len(line))
        return line

    def exactly(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end."""
        found = b""
        while len(found) < size and (piece := self.piece(size - len(found))):
            found += piece
        return found

    def ended(self) -> bool:
        if self._start == len(self._held):
            self._held, self._start = next(self._source, b""), 0
        return not self._held

    def drain(self) -> int:
        """Read to the end; the number of bytes that were left."""
        before = self.taken
        while self.piece(OUTPUT):
            pass
        return self.taken - before


def plain(region: Region) -> Iterator[bytes]:
    """The rest of a file that is not compressed."""
    while piece := region.take():
        yield piece


def gunzip(region: Region) -> Iterator[bytes]:
    """The content of the gzip member at the region's position, which then stands behind the member. Raises Damage."""
    decompressor = isal_zlib.decompressobj(GZIP)
    data = region.take()
    if len(data) > 3 and data[3] & RESERVED_FLAGS:
        raise Damage("gzip-data", "reserved flags in the gzip header")
    region.give_back(data)
    while not decompressor.eof:
        data = decompressor.unconsumed_tail or region.take()
        try:
            content = decompressor.decompress(data, OUTPUT)
        except GZIP_ERROR as error:
            rule = "gzip-crc" if "checksum" in str(error) else "gzip-data"
            raise Damage(rule, str(error)) from error
        if content:
            yield content
        elif not data and not decompressor.eof:
            raise Damage("gzip-cut", "the file ends inside a gzip member")
    region.give_back(decompressor.unused_data)


def next_version_line(region: Region, position: int) -> int | None:
    """Where behind ``position`` the next line begins that is a version line; None when nowhere."""
    line = b"\nWARC/1."
    region.seek(position)
    tail = b""
    while piece := region.take():
        window = tail + piece
        found = window.find(line)
        if found >= 0:
            return region.position - len(window) + found + 1
        tail = window[-(len(line) - 1) :]
    return None


def next_member(region: Region, position: int) -> int | None:
    """Where, from ``position`` on, the next gzip member with a WARC record in it begins; None when nowhere."""
    region.seek(position)
    tail = b""
    while piece := region.take():
        window = tail + piece
        after = region.position
        start = after - len(window)
        found = window.find(MAGIC)
        while found >= 0:
            if _holds_record(region, start + found):
                return start + found
            found = window.find(MAGIC, found + 1)
        region.seek(after)
        tail = window[-(len(MAGIC) - 1) :]
    return None


def _holds_record(region: Region, position: int) -> bool:
    region.seek(position)
    try:
        return next(gunzip(region), b"").startswith(b"WARC/")
    except Damage:
        return False
