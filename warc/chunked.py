"""Chunk framing (RFC 9112, section 7.1), taken off as the bytes come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

MAX_LINE: Final = 8 << 10  # of a chunk size with its extensions

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_CHUNK_SIZE_BEGUN = re.compile(rb"[ \t]*[0-9A-Fa-f]{0,15}[ \t]*(?:;.*)?\r?", re.DOTALL)
_CHUNK_END_BEGUN = re.compile(rb"\r?")


class Dechunker:
    """Takes the framing off a chunked body (RFC 9112, section 7.1), piece by piece.

    ``complete`` becomes True with the zero-sized chunk, which is what ends a chunked body (section 8).
    ``broken`` becomes True at a line that is no chunk size; from there on bytes pass through unchanged.
    """

    __slots__ = ("_left", "_line", "_state", "broken", "complete")

    def __init__(self) -> None:
        self._state = "size"  # size -> data -> end of data -> size …
        self._line = b""  # a line of the framing that has not come whole
        self._left = 0
        self.complete = False
        self.broken = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        position = 0
        while position < len(piece) and not self.complete:
            if self.broken:
                yield piece[position:]
                return
            if self._state == "data":
                data = piece[position : position + self._left]
                position += len(data)
                self._left -= len(data)
                if not self._left:
                    self._state = "end of data"
                yield data
                continue
            newline = piece.find(b"\n", position)
            end = newline + 1 if newline >= 0 else len(piece)
            self._line += piece[position:end]
            position = end
            if newline >= 0:
                yield from self._framing_line()
            elif len(self._line) > MAX_LINE:
                yield self._give_up()

    def finish(self) -> bytes:
        """Bytes that were held back as a possible line of the framing and are none."""
        expected = _CHUNK_SIZE_BEGUN if self._state == "size" else _CHUNK_END_BEGUN
        return b"" if expected.fullmatch(self._line) else self._give_up()

    def _framing_line(self) -> Iterator[bytes]:
        line = self._line.removesuffix(b"\n").removesuffix(b"\r")
        if self._state == "end of data":
            if line:
                yield self._give_up()
            self._state = "size"
        elif size := _CHUNK_SIZE.fullmatch(line):
            self._left = int(size[1], 16)
            self._state = "data"
            self.complete = self._left == 0
        else:
            yield self._give_up()
        self._line = b""

    def _give_up(self) -> bytes:
        self.broken = True
        held, self._line = self._line, b""
        return held
