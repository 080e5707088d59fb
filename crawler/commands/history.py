"""``scrapy history``: the versions of one article, what changed between them, and what happened to it.

Reads the ledger and the rows; writes nothing, and may be used while a crawl runs.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
from collections.abc import Iterator
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

if TYPE_CHECKING:
    from crawler.history import Diff, History
    from crawler.ledger_sources import Link

AROUND = 8  # words shown of what was kept before and after a change
PLAIN = {"=": ("", ""), "-": ("[-", "-]"), "+": ("{+", "+}")}
STYLES = {"=": "", "-": "red strike", "+": "green"}

Line = list[tuple[str, str]]  # (mark, text); the marks of a Diff


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "URL|ID [--json]"

    def short_desc(self) -> str:
        return "Show the versions of an article, what changed between them, and its events"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if len(args) != 1:
            stop(Status.USAGE, "name one article: its address, or its id such as baoquocte.vn:412345")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._archive = archive_of(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.ledger import Ledger, LedgerError

        try:
            ledger = Ledger.open(self._archive / "ledger.sqlite", read_only=True)
            try:
                history = self._history(ledger, args[0])
            finally:
                ledger.close()
        except (LedgerError, sqlite3.Error) as error:
            ledger_fault(self._archive, error, self.settings)
        if history is None:
            stop(Status.USAGE, f"no article {args[0][:200]!r} in {self._archive}", self.settings)
        try:
            if opts.json:
                _write_json(history)
            else:
                _write_text(history)
            sys.stdout.flush()
        except OSError as error:
            complain(f"stdout: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT

    def _history(self, ledger: Any, name: str) -> History | None:
        from crawler.arguments import made_up_job
        from crawler.exclusions import Hidden
        from crawler.history import find_article, history_of
        from crawler.offline import Offline

        assert self.settings is not None
        article = find_article(ledger, Offline(self.settings, made_up_job()), name)
        if article and Hidden.of(self.settings).hides(article.article_id, article.url):
            stop(Status.USAGE, f"{name[:200]!r} is excluded: scrapy exclude --list says why", self.settings)
        return article and history_of(ledger, self._archive, article)


def _write_json(history: History) -> None:
    from crawler.events import event_of
    from crawler.serialize import to_line
    from warc.shown import json_of

    known = history.article
    answer = {
        "id": known.article_id,
        "url": known.url,
        "state": known.state,
        "published_at": known.published_at,
        "first_captured_at": known.first_captured_at,
        "last_captured_at": known.last_captured_at,
        "versions": [
            {
                "version": told.version.version,
                "captured_at": told.version.captured_at,
                "run": told.version.run,
                "row_id": told.version.row_id,
                "row": {"file": told.version.file, "offset": told.version.offset, "length": told.version.length},
                "warc": told.row["warc"] if told.row else None,
                "changes": {field: [list(part) for part in diff] for field, diff in told.changes.items()},
            }
            for told in history.versions
        ],
        "events": [event_of(event) for event in history.events],
        "source": _link(history.source, history.source.source_id) if history.source else None,
        "copies": [_link(link, link.article_id) for link in history.copies],
    }
    sys.stdout.buffer.write(json_of(to_line(answer)))


def _link(link: Link, other: str) -> dict[str, str]:
    return {"id": other, "how": link.how, "found_at": link.at}


def _write_text(history: History) -> None:
    from warc.shown import lines_of, plain

    lines = list(_lines(history))
    if not sys.stdout.isatty():
        for line in lines:
            marked = (text if mark == "=" else PLAIN[mark][0] + text + PLAIN[mark][1] for mark, text in line)
            sys.stdout.write(lines_of(["".join(marked)]))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, markup=False)
    for line in lines:
        parts = [(plain(text) + " " * (mark == "-"), STYLES[mark]) for mark, text in line]
        console.print(Text.assemble(*parts), soft_wrap=True)


def _lines(history: History) -> Iterator[Line]:
    known = history.article
    yield [("=", f"{known.article_id}  {known.state}  {known.url}")]
    captured = f"first captured {known.first_captured_at}, last {known.last_captured_at}"
    yield [("=", f"published {known.published_at or 'on an unknown day'}, {captured}")]
    if source := history.source:
        yield [("=", f"taken from {source.source_id}, known by its {source.how}")]
    for copy in history.copies:
        yield [("=", f"taken by {copy.article_id}, known by its {copy.how}")]
    for told in history.versions:
        version = told.version
        yield [("=", "")]
        yield [("=", f"version {version.version}  {version.captured_at}  run {version.run}")]
        if told.row is None:
            yield [("=", f"  its row is not in {version.file} at {version.offset}")]
            continue
        warc = told.row["warc"]
        yield [("=", f"  record {warc['record_id']} in {warc['file']} at {warc['offset']}")]
        if version.version == 1:
            yield [("=", f"  {told.row['title'] or ''}")]
        for field, diff in told.changes.items():
            yield [("=", f"  {field}: "), *shortened(diff)]
    if history.events:
        yield [("=", "")]
    for event in history.events:
        yield [("=", f"{event.at}  {event.kind}  {event.status or '-'}  {event.url}  run {event.run}")]


def shortened(diff: Diff) -> Line:
    """The changes on one line, each with a few of the words around it."""
    line: Line = []
    last = len(diff) - 1
    for place, (mark, text) in enumerate(diff):
        if mark != "=":
            line.append((mark, " ".join(re.sub(r"\n+", " ¶ ", text).split())))
            continue
        words = text.split()  # a line of the text never ends the line
        after, before = words[:AROUND] if place else [], words[-AROUND:] if place < last else []
        if len(after) + len(before) < len(words):
            words = [*after, "…", *before]
        line.append((mark, " " * bool(place) + " ".join(words) + " " * (place < last)))
    return line
