"""What our commands share: exit statuses, one-line errors, and checks that create nothing."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from scrapy.settings import SETTINGS_PRIORITIES

from warc.shown import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.settings import BaseSettings


class Status(IntEnum):
    """Exit statuses of every command."""

    FINISHED = 0  # also with failed pages, which the summary names
    FAULT = 1  # internal error, or faults found
    USAGE = 2  # one line on stderr: what is wrong and the choices
    OUTPUT = 3  # something could not be written
    LOCKED = 4  # another process works in this folder
    STOPPED = 11  # stopped with work left; the same command goes on


def stop(status: Status, message: str, settings: BaseSettings | None = None) -> NoReturn:
    """End the process with ``status`` and one line on stderr."""
    complain(message, settings)
    raise SystemExit(int(status))


def complain(message: str, settings: BaseSettings | None = None) -> None:
    """One line on stderr; in LOG_FILE too, because Scrapyd shows a job's log and nothing else of it."""
    line = "scrapy: " + plain(" ".join(message.split()))
    sys.stderr.write(line + "\n")
    log_file = settings.get("LOG_FILE") if settings is not None else None
    if log_file:
        with suppress(OSError, ValueError), Path(log_file).open("a", encoding="utf-8") as log:
            log.write(line + "\n")


def one_line_errors(parser: argparse.ArgumentParser) -> None:
    """Let ``parser.error``, which Scrapy also calls on UsageError, leave out its usage text."""

    def error(message: str) -> NoReturn:
        stop(Status.USAGE, message)

    parser.error = error  # type: ignore[method-assign]


def refuse_unknown_options(args: Iterable[str]) -> None:
    """Scrapy leaves options that it does not know among the arguments, and crawls."""
    for arg in args:
        if arg.startswith("-") and arg != "-":
            stop(Status.USAGE, f"unknown option {arg!r}: see -h for the choices")


def quiet(settings: BaseSettings) -> None:
    """Log warnings only, unless the command line asked for another level: the result is what people want to read."""
    if (settings.getpriority("LOG_LEVEL") or 0) < SETTINGS_PRIORITIES["cmdline"]:
        settings.set("LOG_LEVEL", "WARNING", priority="cmdline")


def archive_of(settings: BaseSettings) -> Path:
    """The archive that a command reads. Ends the process when ARCHIVE_DIR holds no ledger."""
    from crawler.ledger_files import LEDGER

    archive = Path(settings["ARCHIVE_DIR"]).absolute()
    if not (archive / LEDGER).is_file():
        stop(Status.USAGE, f"{archive} holds no ledger: set -s ARCHIVE_DIR=PATH, or run scrapy rebuild")
    return archive


def ledger_fault(archive: Path, error: Exception, settings: BaseSettings | None) -> NoReturn:
    """End the process because the ledger cannot be read."""
    from crawler.ledger_files import LEDGER

    stop(Status.FAULT, f"{archive / LEDGER}: {error}", settings)


def why_not_writable(path: Path) -> str | None:
    """Why no file can be made under the folder ``path``, which need not exist; None when it can. Makes nothing."""
    try:
        for place in (path, *path.parents):
            if place.is_dir():
                return None if os.access(place, os.W_OK | os.X_OK) else f"{place} is not writable"
            if place.is_symlink() or place.exists():
                return f"{place} is not a folder"
    except (OSError, ValueError) as error:
        return f"{path}: {getattr(error, 'strerror', None) or error}"
    return f"{path} has no folder above it"


def why_no_file(file: Path, folder_made: bool = True) -> str | None:
    """Why ``file`` cannot be written; ``folder_made`` tells whether a missing folder would be made for it."""
    try:
        if file.is_dir():
            return f"{file} is a folder"
        if file.exists():
            return None if os.access(file, os.W_OK) else f"{file} is not writable"
        if not folder_made and not file.parent.is_dir():
            return f"{file.parent} is no folder"
    except (OSError, ValueError) as error:
        return f"{file}: {getattr(error, 'strerror', None) or error}"
    return why_not_writable(file.parent)


def forget_stdout() -> None:
    """Point stdout nowhere when its reader has gone: else the interpreter's last flush fails and sets status 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def interrupt(*_: Any) -> None:
    """SIGTERM as if it were SIGINT."""
    raise KeyboardInterrupt
