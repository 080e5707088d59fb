"""``scrapy new``: what is new, changed and gone, in the order in which it was archived.

Reads the ledger and the rows, and may be used while a crawl runs; writes nothing but its cursor.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.commands import ScrapyCommand

from crawler.commands.extract import output
from crawler.usage import (
    Status,
    archive_of,
    complain,
    forget_stdout,
    ledger_fault,
    one_line_errors,
    quiet,
    refuse_unknown_options,
    stop,
    why_no_file,
)
from warc.shown import json_of, lines_of

if TYPE_CHECKING:
    from crawler.cursor import Cursor
    from crawler.ledger_changes import ChangeTable
    from crawler.telling import Told


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[--since DAY] [--cursor NAME] [--json] [-o FILE]"

    def short_desc(self) -> str:
        return "List new, changed and gone articles (status 1: a site that always publishes gave nothing)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--since", metavar="DAY", help="only what was archived on this day (+07:00) or later")
        parser.add_argument("--cursor", metavar="NAME", help="go on where the cursor stands, and move it")
        parser.add_argument("--hold", action="store_true", help="leave the cursor where it is; --ack moves it")
        parser.add_argument("--ack", metavar="POSITION", help="all up to here was taken: move the cursor, tell nothing")
        parser.add_argument("--restart", action="store_true", help="put the cursor back to the beginning first")
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")
        parser.add_argument("-o", "--output", metavar="FILE", help="write into FILE, which appears when it is whole")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.cursor import name_trouble
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if args:
            stop(Status.USAGE, "no arguments: choose with --since DAY and --cursor NAME")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        if opts.cursor is None and (opts.hold or opts.restart or opts.ack is not None):
            stop(Status.USAGE, "--hold, --ack and --restart are about a cursor: name it with --cursor NAME")
        if opts.cursor is not None and (trouble := name_trouble(opts.cursor)):
            stop(Status.USAGE, trouble)
        if opts.ack is not None and (not opts.ack.isdecimal() or opts.hold or opts.restart):
            stop(Status.USAGE, f"--ack {opts.ack[:40]!r}: give the position of the last change that was taken, alone")
        self._since = day(opts.since)
        self._archive = archive_of(self.settings)
        if opts.output and opts.output != "-" and (why := why_no_file(Path(opts.output).absolute())):
            stop(Status.OUTPUT, f"-o: {why}; name a file that can be written")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.cursor import Cursor, CursorError
        from crawler.exclusions import Hidden
        from crawler.ledger import LedgerError
        from crawler.ledger_changes import ChangeTable
        from crawler.lock import Locked

        try:
            with ExitStack() as held:
                table = held.enter_context(ChangeTable(self._archive, Hidden.of(self.settings)))
                cursor = None
                if opts.cursor is not None:
                    cursor = held.enter_context(Cursor(self._archive, opts.cursor, table.order, restart=opts.restart))
                self._tell(table, cursor, opts)
        except (LedgerError, sqlite3.Error) as error:
            ledger_fault(self._archive, error, self.settings)
        except CursorError as error:
            stop(Status.USAGE, str(error), self.settings)
        except Locked as error:
            stop(Status.LOCKED, f"{error}; wait for it or stop it", self.settings)
        except OSError as error:
            complain(f"{error.filename or opts.output or 'stdout'}: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT

    def _tell(self, table: ChangeTable, cursor: Cursor | None, opts: argparse.Namespace) -> None:
        from crawler.rowfiles import RowFiles
        from crawler.telling import told_changes

        after, until = cursor.position if cursor else 0, table.end()
        if cursor and opts.ack is not None:
            if not after <= int(opts.ack) <= until:
                stop(Status.USAGE, f"--ack {opts.ack}: the cursor stands at {after}, the last change at {until}")
            cursor.move(int(opts.ack))
            return
        if cursor and not opts.hold and opts.output not in (None, "-") and Path(opts.output).exists():
            stop(Status.OUTPUT, f"-o {opts.output} holds changes that nobody took; take it away, then run this again")
        counts: Counter[str] = Counter()
        with RowFiles(self._archive) as files:
            lines = _lines(told_changes(table, files, after, until, self._since), counts, opts.json)
            deliver(lines, opts.output, None if opts.hold else cursor, until)
        if counts["without row"]:
            complain(f"{counts['without row']} rows are not where the ledger says: scrapy verify names them")
        silent = self._silent(table, counts)
        self.exitcode = Status.FAULT if silent or counts["without row"] else Status.FINISHED

    def _silent(self, table: ChangeTable, counts: Counter[str]) -> bool:
        """Name the sites that always had something and have nothing now."""
        from crawler.dates import utc_text
        from crawler.silence import WINDOW, silent_sites

        now = datetime.now(UTC)
        silent = silent_sites(table.first_captures(utc_text(now - WINDOW)), now)
        found = [site for site in silent if not counts[f"new at {site.site}"]]
        for site in found:
            usual = "every day" if site.pause == 1 else f"at least every {site.pause} days"
            complain(f"{site.site} gave nothing new since {site.last}, and had something {usual} before")
        return bool(found)


def day(text: str | None) -> date | None:
    """The day of ``--since``; status 2 when it is none."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        stop(Status.USAGE, f"--since {(text or '')[:40]!r} is no day such as 2026-11-21")


def deliver(lines: Iterator[bytes], name: str | None, cursor: Cursor | None, until: int) -> None:
    """Write all, and make sure of it, before the cursor moves; a file is named in the same step as the move.

    Without a change there is no file.
    """
    if cursor and name not in (None, "-"):
        file = Path(str(name)).absolute()
        unfinished = file.with_name(f".{file.name}.open")
        with unfinished.open("wb") as out:
            out.writelines(lines)
            out.flush()
            os.fsync(out.fileno())
        cursor.deliver(until, [(unfinished, file)] if unfinished.stat().st_size else [])
        unfinished.unlink(missing_ok=True)  # without a change
        return
    with output(name or "-") as out:
        for line in lines:
            out.write(line)
    with suppress(OSError):  # a pipe or a terminal
        os.fsync(sys.stdout.fileno())
    if cursor and until != cursor.position:
        cursor.move(until)


def _lines(changes: Iterator[Told], counts: Counter[str], as_json: bool) -> Iterator[bytes]:
    from crawler.serialize import to_line
    from crawler.telling import change_of

    for told in changes:
        value = change_of(told)
        counts["without row"] += told.row is None
        counts[f"new at {value['site']}"] += told.change.kind == "new"
        yield json_of(to_line(value)) if as_json else _text(told, value).encode()


def _text(told: Told, value: dict[str, Any]) -> str:
    from crawler.commands.history import PLAIN, shortened

    answer = f" {told.change.status}" if told.change.status else ""
    version = f" version {told.change.version}" if told.change.kind == "changed" else ""
    lines = [f"{value['at']}  {value['kind']}{answer}{version}  {value['id']}  {value['url']}"]
    lines += [f"  {value['title'] or 'its row is not in ' + told.change.row.file}"]
    for field, diff in told.changes.items():
        marked = (text if mark == "=" else PLAIN[mark][0] + text + PLAIN[mark][1] for mark, text in shortened(diff))
        lines.append(f"  {field}: {''.join(marked)}")
    return lines_of(lines)
