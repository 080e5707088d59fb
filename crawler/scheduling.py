"""What those who schedule crawls may ask for: through Scrapyd's API, or with an entry of the timetable.

A person at a terminal may set anything. A schedule is another matter: it may come over the network, and some settings
of Scrapy name code to run, files to write or hosts to open.

    request ─► crawler.scrapyd_service: 400     job ─► crawler.commands.crawl: status 2, one line in the job's log
"""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from crawler.sane import NUMBERS

OF_THE_MACHINE = {"DISK_FLOOR", "DISK_SHARE", "BROWSER_MEMORY"}  # what keeps it alive
SCHEDULABLE = (frozenset(NUMBERS) - OF_THE_MACHINE) | {
    *("CONTACT", "OPERATOR", "COLLECTION", "RECRAWL_INTERVALS", "LOG_LEVEL"),
}
"""Settings that a schedule may give: numbers, and text that is checked and shown. None names code, a path or a host."""

LONGEST_ARGUMENT = 20_000  # letters; the kernel takes 131,072 bytes
SECTION = "baoquan"  # of scrapyd.conf: settings of every job, which no request can change


class NotAllowed(ValueError):
    """One line: what a schedule may not ask for, and the choices."""


def check_setting_names(names: Iterable[str]) -> None:
    """Raises NotAllowed for the first setting that a schedule may not give."""
    for name in names:
        if name not in SCHEDULABLE:
            raise NotAllowed(
                f"setting {name[:60]!r} cannot be given with a schedule: choose from {', '.join(sorted(SCHEDULABLE))}"
            )


def check_arguments(arguments: Mapping[str, str]) -> None:
    """Raises NotAllowed for what only a terminal may give: a file of this machine, a text without end."""
    for name, value in arguments.items():
        if len(value) > LONGEST_ARGUMENT:
            raise NotAllowed(f"{name[:60]} is longer than {LONGEST_ARGUMENT} letters")
    if arguments.get("seeds", "").lstrip().startswith("@"):
        raise NotAllowed("seeds=@FILE would read a file of the server: give the URLs, seeds=URL,…")


def under_scrapyd() -> bool:
    """Whether Scrapyd's runner started this process."""
    return "scrapyd" in sys.modules


def log_file(settings: Mapping[str, str]) -> str | None:
    """The log that Scrapyd names for this job; None where Scrapyd keeps none, whatever the request said."""
    from scrapyd.config import Config

    return settings.get("LOG_FILE") if Config().get("logs_dir", "logs") else None


def check_job(settings: Mapping[str, str], arguments: Mapping[str, str]) -> dict[str, str]:
    """The settings that the server gives to this job. Raises NotAllowed.

    ``settings`` and ``arguments`` are those of the command line: the request's, and Scrapyd's LOG_FILE.
    """
    from scrapyd.config import Config

    check_setting_names(name for name in settings if name != "LOG_FILE" or not log_file(settings))
    check_arguments(arguments)
    try:
        given = {name.upper(): value for name, value in Config().items(SECTION, default=())}
    except configparser.Error as error:
        raise NotAllowed(f"[{SECTION}] in scrapyd.conf: {error}") from None
    if not Path(given.get("ARCHIVE_DIR", "")).is_absolute():
        raise NotAllowed(f"ARCHIVE_DIR is no absolute path: set it in scrapyd.conf, section [{SECTION}]")
    return given
