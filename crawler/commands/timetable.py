"""``scrapy timetable``: crawls by a schedule, without a daemon.

check   is schedule.toml sound?           next      what runs when
tick    start what is due, every minute   install   what has the machine do that
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.commands import ScrapyCommand
from scrapy.spiderloader import get_spider_loader

from crawler.timetable import TimetableError, read_timetable
from crawler.usage import Status, complain, one_line_errors, quiet, refuse_unknown_options, stop, why_not_writable
from warc.shown import lines_of

if TYPE_CHECKING:
    from crawler.timetable_start import Starter

ACTIONS = ("check", "next", "tick", "install")


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "check|next|tick|install [--file schedule.toml]"

    def short_desc(self) -> str:
        return "Crawl by a schedule, without a daemon (status 1: something hangs, was given up, or cannot be started)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--file", metavar="FILE", default="schedule.toml", help="the schedule (schedule.toml)")
        parser.add_argument("--count", metavar="N", default="10", help="next: how many runs are shown (10)")
        parser.add_argument("--now", metavar="TIME", help="next, tick: as if it were then; with zone, for trying out")
        parser.add_argument("--as", dest="form", metavar="FORM", default="systemd", help="install: systemd or cron")
        parser.add_argument(
            "-o", "--output", metavar="PATH", help="install: a folder for systemd's files, a file for cron"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if len(args) != 1 or args[0] not in ACTIONS:
            what = f"unknown action {args[0][:60]!r}" if len(args) == 1 else "one action"
            stop(Status.USAGE, f"timetable: {what}: choose from {', '.join(ACTIONS)}")
        if not opts.count.isdecimal() or not 0 < int(opts.count) <= 10_000:
            stop(Status.USAGE, f"--count {opts.count[:60]!r} is no number from 1 to 10000")
        if opts.form not in ("systemd", "cron"):
            stop(Status.USAGE, f"--as {opts.form[:60]!r}: choose from systemd, cron")
        self._now = _instant(opts.now) if opts.now else datetime.now(UTC)
        self._archive = Path(self.settings["ARCHIVE_DIR"]).absolute()
        self._file = Path(opts.file).absolute()
        loader = get_spider_loader(self.settings)
        spiders: dict[str, Any] = {name: loader.load(name) for name in loader.list()}
        try:
            self._table = read_timetable(self._file, spiders)
        except TimetableError as error:
            stop(Status.USAGE, str(error))
        except OSError as error:
            stop(Status.USAGE, f"{self._file}: {error.strerror}; name the schedule, --file schedule.toml")
        self._starter: Starter = self._check(opts)

    def _check(self, opts: argparse.Namespace) -> Starter:
        """What the settings must be for the crawls too."""
        from crawler.arguments import arguments_of_scope
        from crawler.sane import contact_trouble, hosts_asked, settings_trouble
        from crawler.timetable_start import Direct, ThroughScrapyd

        assert self.settings is not None
        try:
            if self._table.scrapyd is not None:
                return ThroughScrapyd(self._table.scrapyd, self._archive)
        except TimetableError as error:
            stop(Status.USAGE, str(error))
        loader = get_spider_loader(self.settings)
        for entry in self._table.entries:
            settings = self.settings.copy()
            settings.setdict(dict(entry.settings), priority="cmdline")
            spider: Any = loader.load(entry.spider)
            hosts = hosts_asked(spider, arguments_of_scope(entry.scope, "check"))
            if trouble := settings_trouble(settings) or contact_trouble(settings, hosts):
                stop(Status.USAGE, f"{self._file}: [entries.{entry.name}]: {trouble}")
        return Direct(
            self._archive,
            opts.set,
            self._now - datetime.now(UTC) if opts.now else datetime.now(UTC) - datetime.now(UTC),
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args[0] == "tick":
            self._tick()
        elif args[0] == "install":
            self._install(opts)
        elif args[0] == "next":
            self._next(int(opts.count))
        else:
            way = f"through {self._table.scrapyd}" if self._table.scrapyd else "in processes of their own"
            _print(f"{self._file}: {len(self._table.entries)} entries are sound; crawls are started {way}")

    def _next(self, count: int) -> None:
        coming = [(at, entry) for entry in self._table.entries for at in entry.coming(self._now, count)]
        for at, entry in sorted(coming, key=lambda one: (one[0], one[1].name))[:count]:
            local = at.astimezone(entry.zone)
            arguments = "".join(f" {name}={value}" for name, value in entry.arguments.items())
            _print(f"{local:%Y-%m-%d %H:%M:%S %z}  {at:%Y-%m-%dT%H:%M:%SZ}  {entry.name}  {entry.spider}{arguments}")

    def _tick(self) -> None:
        from crawler.lock import Locked
        from crawler.timetable_start import CannotStart
        from crawler.timetable_tick import ALARMING, tick

        if why := why_not_writable(self._archive):
            stop(Status.OUTPUT, f"ARCHIVE_DIR: {why}; free the path or set -s ARCHIVE_DIR=PATH")
        try:
            told = tick(self._table, self._archive, self._starter, self._now)
        except Locked as error:
            stop(Status.LOCKED, f"{error}; it does what is to be done")
        except CannotStart as error:
            stop(Status.FAULT, str(error))
        except sqlite3.Error as error:
            stop(Status.FAULT, f"{self._archive / 'ledger.sqlite'}: {error}")
        except OSError as error:
            stop(Status.OUTPUT, f"{error.filename or self._archive}: {error.strerror}; free the path")
        for line in told:
            _print(line.text())
        self.exitcode = Status.FAULT if any(line.kind in ALARMING for line in told) else Status.FINISHED

    def _install(self, opts: argparse.Namespace) -> None:
        from crawler.timetable_install import crontab, systemd, tick_command

        given = [option for option in opts.set if not option.startswith("ARCHIVE_DIR=")]
        command = tick_command(self._file, [f"ARCHIVE_DIR={self._archive}", *given])
        files = {"": crontab(command, Path.cwd())} if opts.form == "cron" else systemd(command, Path.cwd())
        try:
            for name, text in files.items():
                if opts.output is None:
                    _print(f"# {name}\n{text}" if name else text.rstrip("\n"))
                    continue
                path = Path(opts.output).absolute() / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
                _print(str(path))
        except OSError as error:
            complain(f"-o: {error.filename}: {error.strerror}; name a place that can be written")
            self.exitcode = Status.OUTPUT


def _instant(text: str) -> datetime:
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    return stop(Status.USAGE, f"--now {text[:60]!r} is no instant with a zone, such as 2026-11-21T05:00:00+07:00")


def _print(text: str) -> None:
    sys.stdout.write(lines_of(text.split("\n")))
