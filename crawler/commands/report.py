"""``scrapy report``: the pages of runs, written again from their JSON, and the index of all runs."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys

from scrapy.commands import ScrapyCommand

from crawler.usage import (
    Status,
    archive_of,
    forget_stdout,
    ledger_fault,
    one_line_errors,
    quiet,
    refuse_unknown_options,
    stop,
)
from warc.shown import lines_of


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[JOB…] [--spider NAME] [--json]"

    def short_desc(self) -> str:
        return "Write the HTML pages of runs and the index of all runs (docs/reports.md)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--spider", metavar="NAME", help="only runs of this spider")
        parser.add_argument("--json", action="store_true", help="print the reports themselves, one object a line")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._archive = archive_of(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.exclusions import Hidden
        from crawler.ledger_runs import RunTable
        from crawler.report_files import reports_of, write_pages

        try:
            with RunTable(self._archive) as table:
                runs = table.between("", "~")
            hidden = Hidden.of(self.settings)
        except sqlite3.Error as error:
            ledger_fault(self._archive, error, self.settings)
        runs = [run for run in runs if opts.spider in (None, run.spider)]
        if missing := set(args) - {run.job for run in runs}:
            last = ", ".join(run.job for run in runs[:5]) or "none"
            stop(Status.USAGE, f"no run {min(missing)[:60]!r} in this archive: the last ones are {last}")
        wanted = [run for run in runs if not args or run.job in args]
        try:
            if opts.json:
                found = reports_of(self._archive, wanted, hidden)
                lines = [json.dumps(report, ensure_ascii=False) for _, report in found]
            else:
                lines = write_pages(self._archive, wanted, hidden)
        except OSError as error:
            stop(Status.OUTPUT, f"{error.filename or self._archive}: {error.strerror or error}", self.settings)
        except ValueError as error:
            stop(Status.FAULT, f"a report that is no JSON: {error}; scrapy verify names it", self.settings)
        try:
            sys.stdout.write(lines_of(lines))
            sys.stdout.flush()
        except BrokenPipeError:
            forget_stdout()
