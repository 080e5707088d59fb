"""``scrapy export``: the archive as tables for analysis, in a folder that describes itself."""

from __future__ import annotations

import argparse
import shutil
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand

from crawler.commands.new import day
from crawler.commands.schema import NO_PYARROW
from crawler.summary import counted
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

if TYPE_CHECKING:
    from crawler.cursor import Cursor
    from crawler.export import Layout

FORMATS = "parquet, jsonl, hf, schema.org, zyte, bag"


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "--format FORMAT [--latest] [--since DAY] [--tag T] [--cursor NAME] -o DIR"

    def short_desc(self) -> str:
        return "Write tables with a data card: articles, events, links, checks (docs/data.md)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--format", metavar="FORMAT", help=FORMATS)
        parser.add_argument("-o", "--output", metavar="DIR", help="folder, which appears when it is whole")
        parser.add_argument("--latest", action="store_true", help="only the newest version of each article")
        parser.add_argument("--since", metavar="DAY", help="only what was captured on this day (+07:00) or later")
        parser.add_argument("--tag", metavar="T", help="only articles with this tag: its key or name")
        parser.add_argument("--cursor", metavar="NAME", help="add what is new since the cursor to DIR, and move it")
        parser.add_argument("--full-text", action="store_true", help="with the texts, which are not to be passed on")
        parser.add_argument("--force", action="store_true", help="replace an export that DIR holds")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.cursor import name_trouble
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if args:
            stop(Status.USAGE, "no arguments: see -h for the choices")
        if opts.format not in FORMATS.split(", "):
            stop(Status.USAGE, f"--format {(opts.format or '')[:40]!r}: choose from {FORMATS}")
        if not opts.output:
            stop(Status.USAGE, "name the folder: -o DIR")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        if opts.cursor is not None and (trouble := name_trouble(opts.cursor)):
            stop(Status.USAGE, trouble)
        if opts.cursor is not None and (opts.latest or opts.force):
            stop(Status.USAGE, "--cursor adds to a folder: --latest and --force go with a whole export alone")
        if opts.format == "bag" and (opts.latest or opts.since or opts.tag or opts.cursor or opts.full_text):
            stop(Status.USAGE, "a bag holds the whole archive: only -o and --force go with it")
        self._since = day(opts.since)
        self._archive = archive_of(self.settings)
        self._folder = Path(opts.output).absolute()
        if opts.format in ("parquet", "hf"):
            try:
                import pyarrow.parquet  # noqa: F401
            except ImportError:
                stop(Status.USAGE, f"--format {opts.format} {NO_PYARROW}")
        self._check_folder(opts)

    def _check_folder(self, opts: argparse.Namespace) -> None:
        """Nothing that is not ours is replaced or added to."""
        from crawler.export import UNFINISHED, ours

        folder = self._folder
        if folder.exists() and not folder.is_dir():
            stop(Status.OUTPUT, f"-o {opts.output} is no folder")
        entries = [] if not folder.exists() else [one.name for one in folder.iterdir() if one.name != UNFINISHED]
        if entries and ours(folder) is None:
            stop(Status.OUTPUT, f"-o {opts.output} is no export of ours: name another folder")
        if entries and not opts.force and opts.cursor is None:
            stop(Status.OUTPUT, f"-o {opts.output} is there: --force replaces it, --cursor NAME adds to it")
        if why := why_not_writable(folder.parent):
            stop(Status.OUTPUT, f"-o: {why}; name a folder that can be written")

    def _run_bag(self, opts: argparse.Namespace) -> None:
        from crawler.backup import Damaged
        from crawler.bag import write_bag

        assert self.settings is not None
        names = {"Source-Organization": "OPERATOR", "Contact-Email": "CONTACT", "External-Identifier": "COLLECTION"}
        given = {name: str(self.settings[key]) for name, key in names.items() if self.settings.get(key)}
        if not given.get("Contact-Email", "@").count("@"):
            given["Contact-Name"] = given.pop("Contact-Email")  # a web page
        try:
            files = write_bag(self._archive, self._folder, given)
        except Damaged as error:
            stop(Status.FAULT, f"{error}; nothing was written", self.settings)
        except sqlite3.Error as error:
            ledger_fault(self._archive, error, self.settings)
        except OSError as error:
            complain(f"{error.filename or opts.output}: {error.strerror or error}; nothing was replaced", self.settings)
            self.exitcode = Status.OUTPUT
            return
        complain(f"{counted(files, 'file')} to {opts.output}")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if opts.format == "bag":
            self._run_bag(opts)
            return
        from crawler.cursor import Cursor, CursorError
        from crawler.exclusions import Hidden
        from crawler.export import UNFINISHED, Choice, Layout, write_export
        from crawler.exports import note_export
        from crawler.ledger import LedgerError
        from crawler.ledger_changes import ChangeTable
        from crawler.lock import Locked

        layout = Layout(opts.format, opts.full_text)
        try:
            with ExitStack() as held:
                table = held.enter_context(ChangeTable(self._archive, Hidden.of(self.settings)))
                held.enter_context(table.one_moment())
                cursor = None
                if opts.cursor is not None:
                    cursor = held.enter_context(Cursor(self._archive, opts.cursor, table.order))
                    shutil.rmtree(self._folder / UNFINISHED, ignore_errors=True)  # of one that was killed
                    self._check_batch(opts, layout, cursor, table.order)
                after = cursor.position if cursor else 0
                choice = Choice(after, table.end(), self._since, opts.tag, opts.latest)
                if cursor and choice.until == after:
                    complain(f"nothing is new behind {after}")
                    return
                named = (opts.cursor, cursor) if cursor else None
                counts = write_export(self._archive, table, self._folder, layout, choice, named)
                if cursor is None:  # a cursor knows itself what it has passed
                    note_export(self._archive, self._folder, choice.until)
        except (LedgerError, sqlite3.Error) as error:
            ledger_fault(self._archive, error, self.settings)
        except CursorError as error:
            stop(Status.USAGE, str(error), self.settings)
        except Locked as error:
            stop(Status.LOCKED, f"{error}; wait for it or stop it", self.settings)
        except OSError as error:
            complain(f"{error.filename or opts.output}: {error.strerror or error}; nothing was replaced", self.settings)
            self.exitcode = Status.OUTPUT
            return
        told = ", ".join(f"{name} {count:,}" for name, count in counts.items() if name != "rows" and count)
        complain(f"{counted(counts['rows'], 'row')} to {opts.output}" + (f"; {told}" if told else ""))
        self.exitcode = Status.FAULT if counts["rows that are not there"] else Status.FINISHED

    def _check_batch(self, opts: argparse.Namespace, layout: Layout, cursor: Cursor, order: str) -> None:
        """The folder holds what this cursor delivered, and all of it: else a batch would be missing or come twice."""
        from crawler.export import ours

        about = ours(self._folder) or {"cursor": opts.cursor, "until": 0, "order": order}
        asked = {"format": layout.format, "full_text": layout.full_text, "tag": opts.tag}
        for name, value in asked.items():
            if about.get(name, value) != value:
                stop(Status.USAGE, f"-o {opts.output} was begun with {name} {about[name]!r}: go on with that")
        if (about["cursor"], about["until"], about["order"]) != (opts.cursor, cursor.position, order):
            why = f"holds what cursor {about['cursor']} delivered up to {about['until']}"
            stop(
                Status.USAGE, f"-o {opts.output} {why}, {opts.cursor} stands at {cursor.position}: name another folder"
            )
