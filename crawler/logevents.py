"""Log lines for programs: with LOG_JSON each is one JSON object, and says by a name from this table what it is about.

A line gets its name and its facts where it is logged: ``logger.warning("…", extra=event("page_failed", url=url))``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from crawler.dates import utc_text

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

EVENTS: Final[Mapping[str, str]] = {
    "run_started": "a run begins; `spider`, `job`",
    "outlook": "what it will come to, by the pass before",
    "progress": "how far it is; `captures`, `rows`, `bytes`, `failed`",
    "page_failed": "an address failed; `url`, `reason`",
    "page_given_up": "a page has ended several processes and is not read; `url`",
    "robots_closed": "no robots.txt, so its site stays closed; `url`",
    "host_parked": "a host is left alone; `host`, `seconds`",
    "drift": "a field of a template has fallen; `site`, `template`, `field`",
    "tail_cut": "what a killed run had not committed was cut off; `path`, `bytes`",
    "disk_low": "the disk is nearly full and the run stops; `free`, `floor`",
    "nothing_new": "no article for `hours`",
    "trouble": "the archive cannot be written",
    "stopping": "the run is being stopped",
    "webhook_failed": "a signal could not be delivered; `signal`",
    "summary": "a line of the summary at the end",
    "run_ended": "a run has ended; `spider`, `job`, `status`",
    "log": "anything else, Scrapy's own lines too",
}


def event(name: str, **facts: Any) -> dict[str, Any]:
    """``extra`` of a log call."""
    assert name in EVENTS
    return {"event": name, "facts": facts}


class JsonLines(logging.Formatter):
    """A line is ``{"at", "level", "event", "logger", "message"}``, the facts of its event, and ``exception``."""

    def __init__(self, clean: Callable[[str], str] = str) -> None:
        """``clean`` takes secrets out of a text."""
        super().__init__()
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Any] = getattr(record, "facts", {})
        line = {
            "at": utc_text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "event": getattr(record, "event", "log"),
            "logger": record.name,
            "message": self._clean(record.getMessage()),
            **{name: self._clean(value) if isinstance(value, str) else value for name, value in facts.items()},
        }
        if record.exc_info:
            line["exception"] = self._clean(self.formatException(record.exc_info))
        text = json.dumps(line, ensure_ascii=False, default=lambda value: self._clean(str(value)))
        return text.encode("utf-8", "replace").decode()


def use_json_lines() -> None:
    """Have every handler that Scrapy makes from now on write JSON: it makes them anew with each crawler.

    Scrapy has no setting for this; the private name is held by a test of the first and the last line of a log.
    """
    import scrapy.utils.log

    scrapy.utils.log._get_formatter = lambda handler, settings: JsonLines()


def formatter(settings: BaseSettings, clean: Callable[[str], str]) -> logging.Formatter:
    """Of the archive's copy of the log, as LOG_JSON or LOG_FORMAT says. ``clean`` takes secrets out."""
    if settings.getbool("LOG_JSON"):
        return JsonLines(clean)
    return _Cleaned(settings.get("LOG_FORMAT"), settings.get("LOG_DATEFORMAT"), clean)


class _Cleaned(logging.Formatter):
    def __init__(self, form: str, dates: str, clean: Callable[[str], str]) -> None:
        super().__init__(form, dates)
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        return self._clean(super().format(record))
