"""A copy of a run's log for the archive: what goes to stderr or LOG_FILE stands beside the captures too.

    command ─► RunLog, holding lines back ─► the archive is open: carry(to) ─► store ─► logs/<spider>/<time>-<job>.log

Lines come under Scrapy's format (or LOG_JSON) and level. What a secret of the settings or of a proxy stands in is
cleaned first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from crawler.logevents import formatter
from crawler.secrets import LEFT_OUT, clean_text

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

HELD_BACK = 1000  # lines of a start that are kept until the archive is open
LONGEST = 4000  # characters of a line: what an answer made of it stands in the WARC, and patterns take time to look


class RunLog(logging.Handler):
    """Takes the process's log from its start to the closing of the archive."""

    def __init__(self, settings: BaseSettings, secrets: Sequence[str] = ()) -> None:
        super().__init__(settings.get("LOG_LEVEL"))
        self.setFormatter(formatter(settings, self.cleaned))
        self._secrets = secrets
        self._held: list[bytes] = []
        self._to: Callable[[bytes], None] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - as every handler does with a message that does not fit its values
            self.handleError(record)
            return
        line = text.encode("utf-8", "replace") + b"\n"
        if self._to is not None:
            self._to(line)
        elif len(self._held) < HELD_BACK:
            self._held.append(line)

    def cleaned(self, text: str) -> str:
        """The text without secrets, and without the ends of lines that are too long."""
        for secret in self._secrets:
            text = text.replace(secret, LEFT_OUT)
        if len(text) > LONGEST:
            text = "\n".join(map(_cut, text.split("\n")))
        return clean_text(text)

    def carry(self, to: Callable[[bytes], None]) -> None:
        """The archive is open: give it what was held back, and from now on every line."""
        held, self._held = self._held, []
        if held:
            to(b"".join(held))
        self._to = to

    def end(self) -> None:
        """The archive is being closed: what comes now is on stderr and in LOG_FILE alone."""
        self._to = None
        self._held = []
        logging.root.removeHandler(self)
        self.close()


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}… ({len(line) - LONGEST:,} characters more)"


def running_log() -> RunLog | None:
    """The one of this process, if its command keeps one."""
    return next((handler for handler in logging.root.handlers if isinstance(handler, RunLog)), None)
