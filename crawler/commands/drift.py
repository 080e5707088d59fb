"""``scrapy drift``: what the drift alarm knows of each template, and how to say that a new look is right.

Reads the ledger alone and may be used while a crawl runs; ``--accept`` writes, under the locks of the spiders.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from itertools import groupby
from typing import TYPE_CHECKING

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
    from crawler.drift_state import FieldState

LETTERS = "letters"
_COLUMNS = "  {:13} {:>7} {:>8} {:>8}  {:9} {}\n"


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[--spider NAME] [--json] | --accept SITE[:TEMPLATE[:FIELD]]"

    def short_desc(self) -> str:
        return "Show which fields of which templates have fallen, or accept them as they are now"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--spider", metavar="NAME", help="only what this spider has read")
        parser.add_argument("--json", action="store_true", help="print one JSON object a field and line")
        parser.add_argument("--accept", metavar="SITE[:TEMPLATE[:FIELD]]", help="what fell there is right: learn it")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if args:
            stop(Status.USAGE, "no arguments: see -h for the options")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._archive = archive_of(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.drift_report import drift_rule
        from crawler.drift_state import states_of
        from crawler.exclusions import Hidden
        from crawler.ledger import Ledger, LedgerError

        assert self.settings is not None
        if opts.accept:
            self._accept(opts.accept, opts.spider)
            return
        try:
            ledger = Ledger.open(self._archive / "ledger.sqlite", read_only=True)
            try:
                states = states_of(ledger.drift, drift_rule(self.settings), opts.spider)
                hidden = Hidden.of(self.settings)
            finally:
                ledger.close()
        except (LedgerError, sqlite3.Error) as error:
            ledger_fault(self._archive, error, self.settings)
        for state in states:
            state.urls[:] = [url for url in state.urls if not hidden.hides_url(url)]
        try:
            _write(states, opts.json)
        except OSError as error:
            complain(f"stdout: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT

    def _accept(self, name: str, spider: str | None) -> None:
        from crawler.arguments import made_up_job
        from crawler.drift_state import accept
        from crawler.ledger import LedgerError
        from crawler.lock import Locked

        site, template, field = (*name.split(":", 2), "", "")[:3]
        try:
            accepted = accept(self._archive, made_up_job(), site, template, field, spider)
        except Locked as error:
            stop(Status.LOCKED, f"{error}; wait for it or stop it", self.settings)
        except (LedgerError, sqlite3.Error, OSError) as error:
            stop(Status.OUTPUT, f"{self._archive / 'ledger.sqlite'}: {error}", self.settings)
        if not accepted:
            stop(Status.USAGE, f"nothing has fallen at {name[:200]!r}: scrapy drift shows what has", self.settings)
        for one in accepted:
            sys.stdout.write(lines_of([f"accepted {one.site}:{one.template}:{one.field}"]))


def _write(states: list[FieldState], as_json: bool) -> None:
    from crawler.drift_state import LEARNING
    from crawler.serialize import to_line

    if as_json:
        for state in states:
            sys.stdout.buffer.write(json_of(to_line(state)))
        sys.stdout.buffer.flush()
        return
    for _, group in groupby(states, lambda state: (state.spider, state.site, state.template)):
        fields = list(group)
        first = fields[0]
        waiting = f", {first.quarantined:,} rows in quarantine" if first.quarantined else ""
        sys.stdout.write(lines_of([f"{first.site} {first.template} ({first.spider}){waiting}"]))
        if all(state.state == LEARNING for state in fields):
            sys.stdout.write(f"  {max(state.pages for state in fields):,} pages so far: too few to judge\n")
            continue
        sys.stdout.write(_COLUMNS.format("field", "pages", "history", "lately", "state", "sources"))
        for state in fields:
            sys.stdout.write(_line(state))
            for url in state.urls:
                sys.stdout.write(lines_of([f"    {url}"]))
    sys.stdout.flush()


def _line(state: FieldState) -> str:
    letters = state.sources.get(LETTERS)
    shown = (f"{name} {part:.0%}" for name, part in state.sources.items())
    sources = ", ".join(shown) if letters is None else f"{letters:,.0f} letters"
    since = f" since {state.since}" if state.since else ""
    shares = [f"{one:.0%}" if one is not None else "-" for one in (state.history, state.lately)]
    return _COLUMNS.format(state.field, f"{state.pages:,}", *shares, state.state, f"{sources}{since}")
