"""Lines of the archive's files as they are handed on: without what is hidden."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from crawler.exclusions import Hidden
from crawler.serialize import to_line

HIDING = ("articles", "events", "links")
"""Folders of which single lines can be left out. Logs and reports name everything, so they stay behind as a whole."""


class LineFilter:
    """Read ``articles`` before ``links``: a page's links go with its row."""

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden
        self._rows: set[str] = set()  # ids of rows that were left out

    def of(self, kind: str) -> Callable[[bytes], bytes]:
        """What is left of a line of this folder; nothing of one that is hidden."""
        return self._link if kind == "links" else self._event if kind in ("events", "checks") else self._article

    def _article(self, line: bytes) -> bytes:
        row = orjson.loads(line)
        shown = self._hidden.shown(row)
        if shown is None:
            self._rows.add(row["row_id"])
            return b""
        return line if shown == row else to_line(shown)

    def _event(self, line: bytes) -> bytes:
        event = orjson.loads(line)
        return b"" if self._hidden.hides(event["id"], event["url"]) else line

    def _link(self, line: bytes) -> bytes:
        link = orjson.loads(line)
        return b"" if link["row_id"] in self._rows or self._hidden.hides_url(link["url"]) else line
