"""``scrapy exclude``: an article, an address or all addresses under a prefix out of sight, and no byte deleted.

Everything that shows, hands on or fetches something asks ``crawler.exclusions`` first.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from scrapy.commands import ScrapyCommand

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
)
from warc.shown import json_of, lines_of

if TYPE_CHECKING:
    from crawler.ledger_ops import Exclusion
    from crawler.takedown import Concerned

LONGEST = 2000  # characters of a reason or a ticket


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "URL|ID|PREFIX* --reason TEXT [--until DAY] [--editions] [--copies] [--dry-run] | --lift TARGET | --list"

    def short_desc(self) -> str:
        return "Take something down: hidden everywhere and not crawled again, and no byte deleted"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--reason", metavar="TEXT", help="why; kept in the archive, never handed on")
        parser.add_argument("--ticket", metavar="TEXT", help="where the request is filed")
        parser.add_argument("--until", metavar="DAY", help="last day (+07:00) on which it is hidden; without: for good")
        parser.add_argument("--editions", action="store_true", help="the article's other language editions too")
        parser.add_argument("--copies", action="store_true", help="archived articles that were taken from it too")
        parser.add_argument("--dry-run", action="store_true", help="only show what is concerned")
        parser.add_argument("--lift", metavar="TARGET", help="end the exclusion with this target")
        parser.add_argument("--list", action="store_true", help="show all exclusions, also those that have ended")
        parser.add_argument("--json", action="store_true", help="print JSON, one object a line")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if len(args) + bool(opts.lift) + bool(opts.list) != 1:
            stop(Status.USAGE, "name one thing: an article's id, an address, a prefix that ends in *, --lift or --list")
        if args and not opts.dry_run and not (opts.reason or "").strip():
            stop(Status.USAGE, "say why with --reason; --dry-run only shows what is concerned")
        for text in (opts.reason, opts.ticket):
            if text is not None and (len(text) > LONGEST or not text.isprintable()):
                stop(Status.USAGE, f"--reason and --ticket are one line of at most {LONGEST} characters")
        self._until = _day(opts.until)
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._archive = archive_of(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.ledger import LedgerError
        from crawler.lock import Locked
        from crawler.trouble import OutputTrouble

        try:
            if opts.list:
                self._list(opts.json)
            elif opts.lift:
                self._lift(opts.lift, opts.json)
            else:
                self._exclude(args[0], opts)
            sys.stdout.flush()
        except Locked as error:
            stop(Status.LOCKED, f"{error}; wait for it or stop it", self.settings)
        except OutputTrouble as error:
            stop(Status.OUTPUT, str(error), self.settings)
        except (LedgerError, sqlite3.Error) as error:
            ledger_fault(self._archive, error, self.settings)
        except OSError as error:
            complain(f"{error.filename or 'stdout'}: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT

    def _exclude(self, target: str, opts: argparse.Namespace) -> None:
        from scrapy.settings import Settings

        from crawler.arguments import made_up_job
        from crawler.exclusions import is_prefix
        from crawler.sites import Sites
        from crawler.takedown import concerned_by, exclude
        from crawler.urls import canonical_url

        assert isinstance(self.settings, Settings)
        if is_prefix(target) and canonical_url(target[:-1]) is None:
            stop(Status.USAGE, f"{target[:200]!r} is no prefix: an http or https address with a * at its end")
        sites = Sites(self.settings)
        found = [concerned_by(self._archive, target, sites)]
        if not found[0].anything and canonical_url(target) is None and not is_prefix(target):
            stop(Status.USAGE, f"no article {target[:200]!r} in {self._archive}; an address need not be archived yet")
        more = (found[0].editions if opts.editions else []) + (found[0].copies if opts.copies else [])
        found += [concerned_by(self._archive, one, sites) for one in more]
        for one in found:
            _write_concerned(one, opts.json)
        if opts.dry_run:
            return
        exclude(self._archive, self.settings, found, made_up_job(), opts.reason.strip(), opts.ticket, self._until)
        complain("excluded; a crawl that is running now heeds it from its next start")

    def _lift(self, target: str, as_json: bool) -> None:
        from scrapy.settings import Settings

        from crawler.arguments import made_up_job
        from crawler.takedown import lift

        assert isinstance(self.settings, Settings)
        acts = lift(self._archive, self.settings, target, made_up_job())
        if not acts:
            stop(Status.USAGE, f"nothing is excluded as {target[:200]!r}: scrapy exclude --list", self.settings)
        for act in acts:
            _write_act(act, as_json)

    def _list(self, as_json: bool) -> None:
        from crawler.exclusions import exclusions_of

        for act in exclusions_of(self._archive):
            _write_act(act, as_json)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        stop(Status.USAGE, f"--until {text[:40]!r} is no day such as 2026-11-21")


def _write_json(value: Any) -> None:
    from crawler.serialize import to_line

    sys.stdout.buffer.write(json_of(to_line(value)))


def _write_act(act: Exclusion, as_json: bool) -> None:
    if as_json:
        _write_json(asdict(act))
        return
    state = f"lifted {act.lifted_at}" if act.lifted_at else f"until {act.last_day}" if act.last_day else "for good"
    ticket = f"  [{act.ticket}]" if act.ticket else ""
    sys.stdout.write(lines_of([f"{act.target}  {act.at}, {state}{ticket}  {act.reason}"]))


def _write_concerned(one: Concerned, as_json: bool) -> None:
    if as_json:
        _write_json(asdict(one) | {"article_ids": sorted(one.article_ids)})
        return
    sys.stdout.write(lines_of([one.target]))
    for article_id, title in one.articles.items():
        sys.stdout.write(lines_of([f"  article   {article_id}  {title}"]))
    lists = (("row", one.rows), ("capture", one.records), ("address", one.addresses), ("picture", one.pictures))
    for name, values in (*lists, ("edition", one.editions), ("copy", one.copies), ("taken by", one.takers)):
        for value in values:
            sys.stdout.write(lines_of([f"  {name:<9} {value}"]))
    if one.editions or one.copies:
        sys.stdout.write("  editions and copies stay, unless --editions or --copies is given\n")
