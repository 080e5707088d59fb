"""Records of the log that nobody outside can forge or end: every logger's, Scrapy's and Twisted's own included.

A record is one line. What is meant to have several (a stack trace, Scrapy's table of stats) has the others indented,
so that whatever begins at the left is a record. It holds for stderr, LOG_FILE and the archive's copy alike, because
it is the record that is made so, not what writes it.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any, Final

from warc.shown import plain

INDENT: Final = "    "
OF_LINES: Final = frozenset({"scrapy.statscollectors", "twisted"})  # loggers whose messages are tables or stack traces

_LINE_END: Final = re.compile(r"\r\n|\r|\n")  # not as splitlines: what else ends lines there is no end to most readers


class PlainRecord(logging.LogRecord):
    """A record whose message, stack trace and stack cannot hold a control character."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[0] is not None:
            self.exc_text = indented("".join(traceback.format_exception(*self.exc_info)).rstrip("\n"), first=INDENT)
        if self.stack_info:
            self.stack_info = indented(self.stack_info, first=INDENT)

    def getMessage(self) -> str:
        message = super().getMessage()
        return indented(message) if self.name in OF_LINES else plain(message)


def indented(text: str, first: str = "") -> str:
    """Each line behind the first one indented, and free of controls.

    >>> indented("a\\n2026-11-22 ERROR b")
    'a\\n    2026-11-22 ERROR b'
    """
    return first + f"\n{INDENT}".join(map(plain, _LINE_END.split(text)))


def keep_lines_whole() -> None:
    """From now on all records of this process are such."""
    logging.setLogRecordFactory(PlainRecord)
