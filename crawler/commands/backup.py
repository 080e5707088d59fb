"""``scrapy backup``: the archive as it stands, copied to another folder while crawls go on."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from scrapy.commands import ScrapyCommand

from crawler.summary import counted, size
from crawler.usage import (
    Status,
    archive_of,
    complain,
    ledger_fault,
    one_line_errors,
    quiet,
    refuse_unknown_options,
    stop,
    why_not_writable,
)


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "-o DIR"

    def short_desc(self) -> str:
        return "Copy the archive as it stands to a folder, what is there already once (docs/keeping.md)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("-o", "--output", metavar="DIR", help="folder that is empty, or a backup of before")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.backup import why_no_backup
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if args or not opts.output:
            stop(Status.USAGE, "name the folder: -o DIR")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._archive = archive_of(self.settings)
        self._target = Path(opts.output).absolute()
        if why := why_no_backup(self._archive, self._target):
            stop(Status.OUTPUT, f"-o: {why}; name an empty folder or one that a backup was made in")
        if why := why_not_writable(self._target):
            stop(Status.OUTPUT, f"-o: {why}; name a folder that can be written")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.backup import Damaged, back_up

        try:
            counts = back_up(self._archive, self._target)
        except Damaged as error:
            stop(Status.FAULT, str(error), self.settings)
        except sqlite3.Error as error:
            ledger_fault(self._archive, error, self.settings)
        except OSError as error:
            path = error.filename or self._target
            stop(Status.OUTPUT, f"{path}: {error.strerror or error}; the same command goes on", self.settings)
        told = f"{counted(counts['files'], 'file')}, {size(counts['bytes'])}, {counts['copied']:,} of them copied now"
        complain(f"{told}, to {opts.output}")
