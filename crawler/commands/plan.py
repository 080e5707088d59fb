"""``scrapy plan``: before a crawl, what it would ask for, what robots.txt closes, and how long it would take.

The arguments are those of ``scrapy crawl``. A few requests go out, as politely as the crawl's; nothing is archived.
"""

from __future__ import annotations

import argparse
import sys

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.utils.conf import arglist_to_dict

from crawler.arguments import ArgumentError
from crawler.commands.crawl import checked, refuse_doubles
from crawler.usage import Status, complain, forget_stdout, one_line_errors, quiet, refuse_unknown_options, stop


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "SPIDER [-a NAME=VALUE …] [--json]"

    def short_desc(self) -> str:
        return "Ask a few pages and say what a crawl would come to; nothing is archived"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("-a", dest="given", action="append", default=[], metavar="NAME=VALUE", help="as for crawl")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.sane import name_the_crawler

        assert self.settings is not None
        refuse_unknown_options(args)
        refuse_doubles(opts.given)
        super().process_options(args, opts)
        quiet(self.settings)
        try:
            self._given = arglist_to_dict(opts.given)
        except ValueError:
            stop(Status.USAGE, "invalid -a value, use -a NAME=VALUE", self.settings)
        try:
            self._spider, self._arguments = checked(self.settings, args, self._given)
        except (ArgumentError, UsageError) as error:
            stop(Status.USAGE, str(error), self.settings)
        name_the_crawler(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.exclusions import Hidden
        from crawler.plan_fetch import ask_all
        from crawler.plan_text import as_json, as_text
        from crawler.planner import Planner
        from crawler.serialize import to_line
        from warc.shown import json_of

        assert self.settings is not None
        site = self._spider(**self._given)
        site.hidden = Hidden.of(self.settings)
        planner = Planner(site)
        plan = ask_all(self._arguments, planner.run, self.settings).result
        said = (
            json_of(to_line(as_json(plan, self._arguments))) if opts.json else as_text(plan, self._arguments).encode()
        )
        try:
            sys.stdout.buffer.write(said)
            sys.stdout.flush()
        except OSError as error:
            complain(f"stdout: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT
            return
        unreachable = [rule for seen in plan.robots.values() for _, rule in seen.closed if rule == "robots_unreachable"]
        if unreachable and len(unreachable) == sum(seen.looked_at for seen in plan.robots.values()):
            complain("no robots.txt could be had, so nothing may be asked: see Not had, and try later", self.settings)
            self.exitcode = Status.FAULT
