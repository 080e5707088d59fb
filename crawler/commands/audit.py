"""``scrapy audit``: what each channel promised, what the archive has of it, and how much nobody named.

Reads the ledger alone, and may be used while a crawl runs. With ``--fill`` it crawls what is missing.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.commands import ScrapyCommand

from crawler.arguments import ArgumentError, parse_day
from crawler.commands.extract import output
from crawler.sites import Sites
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

if TYPE_CHECKING:
    from crawler.audit import Selection, SiteAudit
    from crawler.spider import NewsSpider

DAYS = ("since", "until")


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[--spider NAME] [--since DAY] [--until DAY] [--tag TAG] [--json] [--holes FILE] [-o FILE] [--fill]"

    def short_desc(self) -> str:
        return "Report what the channels promised, what is archived and what is missing; --fill crawls that"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--spider", metavar="NAME", help="only the site of this spider")
        parser.add_argument("--since", metavar="DAY", help="only articles of this day (YYYY-MM-DD, +07:00) or later")
        parser.add_argument("--until", metavar="DAY", help="only articles of this day or earlier")
        parser.add_argument("--tag", metavar="TAG", help="only what the lists of this tag name: its name, or a URL")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--holes", metavar="FILE", help="write what is missing, for -a seeds=@FILE")
        parser.add_argument("-o", "--output", metavar="FILE", help="write the audit as one HTML page")
        parser.add_argument("--fill", action="store_true", help="crawl what is missing, then report")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if args:
            stop(Status.USAGE, f"audit takes no {args[0][:60]!r}: see -h for the options")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._archive = archive_of(self.settings)
        self._sites = Sites(self.settings)
        self._chosen = self._selection(opts)
        for name, file in (("-o", opts.output), ("--holes", opts.holes)):
            if file and (why := why_no_file(Path(file).absolute(), folder_made=False)):
                stop(Status.OUTPUT, f"{name}: {why}; name a file that can be written")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.audit_fill import fill

        sites = self._audit()
        holes = [hole.url for site in sites for hole, _ in site.holes]
        if opts.fill and holes:
            self.exitcode = fill(holes, self._spider_of, _crawl_options(opts))
            sites = self._audit()
            new = {hole.url for site in sites for hole, _ in site.holes} - set(holes)
            if new:
                complain(f"the pages just read name {len(new):,} more that are missing: --fill again asks for them")
        try:
            if opts.holes:
                _write_holes(opts.holes, sites)
            if opts.output:
                self._write_certificate(opts.output, sites, opts)
            _print(sites, opts.json)
        except OSError as error:
            complain(f"{error.filename or 'stdout'}: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT

    def _audit(self) -> list[SiteAudit]:
        from crawler.audit import audit
        from crawler.audit_read import AuditTable
        from crawler.exclusions import Hidden
        from crawler.ledger import LedgerError
        from crawler.urls import registered_domain

        try:
            table = AuditTable(self._archive)
            try:
                with table.one_moment():
                    return audit(table.addresses(Hidden.of(self.settings)), self._chosen, registered_domain)
            finally:
                table.close()
        except (LedgerError, sqlite3.Error) as error:
            ledger_fault(self._archive, error, self.settings)

    def _selection(self, opts: argparse.Namespace) -> Selection:
        from crawler.audit import Selection

        if opts.spider is not None and opts.spider not in self._sites.names:
            stop(Status.USAGE, f"unknown spider {opts.spider[:60]!r}: choose from {', '.join(self._sites.names)}")
        try:
            since, until = (parse_day(f"--{key}", text) if (text := getattr(opts, key)) else None for key in DAYS)
        except ArgumentError as error:
            stop(Status.USAGE, str(error))
        if since and until and since > until:
            stop(Status.USAGE, f"--since {since} is after --until {until}: no article can be published between them")
        own = opts.spider
        wanted = (lambda host: self._spider_of(f"http://{host}/") == own) if own else (lambda host: True)
        return Selection(wanted, since, until, self._tag_lists(opts.tag, own) if opts.tag else None)

    def _tag_lists(self, tag: str, spider: str | None) -> frozenset[str]:
        """Addresses of a tag's lists, of each site and edition that can name one."""
        found, why = set(), "no such tag"
        for name in [spider] if spider else self._sites.names:
            site = self._sites.load(name)
            for language in site.languages:
                try:
                    url = site.tag_url(tag, language)
                except ValueError as error:
                    why = str(error)
                else:
                    found.add(_address(site, url))
        if not found:
            stop(Status.USAGE, f"--tag: {why}")
        return frozenset(found)

    def _spider_of(self, url: str) -> str:
        return self._sites.spider_of(url).name

    def _write_certificate(self, name: str, sites: list[SiteAudit], opts: argparse.Namespace) -> None:
        from crawler import __version__
        from crawler.certificate import Facts, certificate
        from crawler.dates import utc_text
        from crawler.ledger_files import FileTable

        with FileTable(self._archive, read_only=True) as files:
            head = next(reversed(files.noted()), None)
        keys = ("spider", *DAYS, "tag")
        chosen = ", ".join(f"{key} {value}" for key in keys if (value := getattr(opts, key)))
        made = utc_text(datetime.now(UTC))
        facts = Facts(str(self._archive), made, f"bao-quan/{__version__}", chosen or "everything", head)
        with output(name) as file:
            file.write(certificate(sites, facts).encode())


def _address(site: type[NewsSpider], url: str) -> str:
    """As the frontier writes it."""
    from crawler.urls import canonical_url

    canonical = canonical_url(url)
    return (canonical and canonical_url(site.same_page(canonical))) or url


def _crawl_options(opts: argparse.Namespace) -> list[str]:
    """What of this command's options the crawl is given too."""
    options = [part for pair in opts.set for part in ("-s", pair)]
    for name in ("logfile", "loglevel"):
        if value := getattr(opts, name):
            options += [f"--{name}", value]
    return [*options, "--nolog"] if opts.nolog else options


def _write_holes(name: str, sites: list[SiteAudit]) -> None:
    from crawler.audit_text import hole_line
    from warc.shown import lines_of

    with output(name) as file:
        file.writelines(lines_of([hole_line(hole)]).encode() for site in sites for hole, _ in site.holes)


def _print(sites: list[SiteAudit], as_object: bool) -> None:
    from crawler.audit_text import as_json, as_text
    from crawler.serialize import to_line
    from warc.shown import json_of

    said: Any = json_of(to_line(as_json(sites))) if as_object else as_text(sites).encode()
    sys.stdout.buffer.write(said)
    sys.stdout.flush()
