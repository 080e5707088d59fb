"""``scrapy rebuild``: the ledger again, from the WARC files and JSON lines of the archive alone."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from contextlib import ExitStack
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.spiderloader import get_spider_loader

from crawler.arguments import made_up_job
from crawler.cursor import FOLDER as CURSORS
from crawler.lock import FolderLock, Locked
from crawler.summary import counted
from crawler.usage import Status, complain, forget_stdout, one_line_errors, quiet, refuse_unknown_options, stop
from warc.shown import lines_of

COUNTED = ("files", "captures", "rows", "events", "runs")
SHOWN = 20  # faults that are named; the others are counted


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[--spider NAME]"

    def short_desc(self) -> str:
        return (
            "Make the ledger again from the archive's files (statuses: 0, 1 damaged files, 2 usage, 3 output, 4 locked)"
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument(
            "--spider", metavar="NAME", help="read only this spider's files, and keep what the ledger has of the others"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from scrapy.utils.log import configure_logging

        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        if args:
            stop(
                Status.USAGE, "no arguments: the files of ARCHIVE_DIR are read; --spider NAME reads those of one spider"
            )
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        quiet(self.settings)
        configure_logging(self.settings)
        self._archive = Path(self.settings["ARCHIVE_DIR"]).absolute()
        if not (self._archive / "warc").is_dir():
            stop(Status.USAGE, f"{self._archive} holds no warc folder: set -s ARCHIVE_DIR=PATH")
        if opts.spider and not (self._archive / "warc" / opts.spider).is_dir():
            known = ", ".join(sorted(path.name for path in (self._archive / "warc").iterdir()))
            stop(Status.USAGE, f"--spider {opts.spider[:60]!r} has no files here: choose from {known}")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.rebuild import rebuild

        assert self.settings is not None
        with ExitStack() as locks:
            try:
                for name in self._spiders():
                    locks.enter_context(FolderLock(self._archive, name, made_up_job()))
                report = rebuild(self._archive, self.settings, opts.spider)
            except Locked as error:
                stop(Status.LOCKED, f"{error}; wait for it or stop it", self.settings)
            except sqlite3.DatabaseError as error:
                what = f"{error}; nothing was replaced"
                remedy = "; rebuild without --spider" if opts.spider else ""
                stop(Status.OUTPUT, f"{self._archive / 'ledger.sqlite'}: {what}{remedy}", self.settings)
            except OSError as error:
                place = error.filename or self._archive
                stop(Status.OUTPUT, f"{place}: {error.strerror or error}; nothing was replaced", self.settings)
        for fault in report.faults[:SHOWN]:
            complain(fault, self.settings)
        if len(report.faults) > SHOWN:
            complain(f"and {counted(len(report.faults) - SHOWN, 'more fault')}", self.settings)
        self.exitcode = Status.FAULT if report.faults else Status.FINISHED
        counts = ", ".join(counted(report.counts[name], name.removesuffix("s")) for name in COUNTED)
        unread = report.counts["unread pages"]
        lines = [f"{self._archive / 'ledger.sqlite'}: {counts}"]
        lines += [f"{counted(unread, 'page')} archived and not read: the next run reads them"] if unread else []
        if found := report.counts["found again"]:
            lines.append(f"{counted(found, 'URL')} found and not asked: the next run goes on with them")
        lines += [f"the old ledger is kept as {report.kept}"] if report.kept else []
        if not report.order_kept and (cursors := sorted((self._archive / CURSORS).glob("*.json"))):
            names = ", ".join(path.stem for path in cursors)
            lines.append(
                f"the order of commits is a new one: {names} must begin anew (scrapy new --cursor … --restart)"
            )
        try:
            sys.stdout.write(lines_of(lines))
            sys.stdout.flush()
        except OSError:
            forget_stdout()

    def _spiders(self) -> list[str]:
        """Whoever may crawl into this folder: every spider there is, and those that have been here."""
        assert self.settings is not None
        here = [path.name for path in (self._archive / "warc").iterdir() if path.is_dir()]
        locked = [path.stem for path in (self._archive / "locks").glob("*.lock")]
        return sorted({*get_spider_loader(self.settings).list(), *here, *locked})
