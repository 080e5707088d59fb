"""``scrapy wacz``: WARC files, their index, pages with text, and rows in one file that players open."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.commands import ScrapyCommand

from crawler import __version__
from crawler.rebuild_read import job_of
from crawler.summary import counted
from crawler.usage import Status, complain, interrupt, one_line_errors, refuse_unknown_options, stop, why_no_file

if TYPE_CHECKING:
    from crawler.exclusions import Hidden

LINES = ("articles", "events", "links", "logs", "reports")  # folders whose files go in beside the format's own parts


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[--spider NAME] [--since DATE] -o FILE.wacz"

    def short_desc(self) -> str:
        return "Pack closed WARC files, index, pages and rows into one WACZ file"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("-o", "--output", metavar="FILE", help="the WACZ file, replaced when the new one is whole")
        parser.add_argument("--spider", metavar="NAME", help="only what this spider archived")
        parser.add_argument("--since", metavar="DATE", help="only files begun on this day (UTC) or later")
        parser.add_argument("--title", metavar="TEXT", help="title of the collection")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.selection import closed_files

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        if args:
            stop(Status.USAGE, "no arguments: choose with --spider and --since")
        if not opts.output or not opts.output.endswith(".wacz"):
            stop(Status.USAGE, "name the output: -o FILE.wacz")
        since = None
        if opts.since:
            try:
                since = date.fromisoformat(opts.since)
            except ValueError:
                stop(Status.USAGE, f"--since {opts.since[:40]!r} is no day such as 2026-11-21")
        archive = Path(self.settings["ARCHIVE_DIR"])
        self._warcs = list(closed_files(archive, "warc", opts.spider, since))
        if not self._warcs:
            stop(Status.USAGE, f"{str(archive)[:200]!r} holds no closed WARC file of this choice")
        self._lines = {}
        for kind in LINES:
            late = set(closed_files(archive, kind, opts.spider, since))
            every = closed_files(archive, kind, opts.spider)
            self._lines[kind] = [path for path in every if path in late or _same_run(path, self._warcs)]
        self._archive = archive
        if why := why_no_file(Path(opts.output).absolute()):
            stop(Status.OUTPUT, f"-o: {why}; name a file that can be written")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.exclusions import Hidden
        from crawler.handing import HIDING, LineFilter
        from warc.reader import DamagedRecord
        from warc.wacz import Wacz
        from warc.writer import is_meta

        hidden = Hidden.of(self.settings)
        if hidden:  # what a run says of itself names every address
            self._warcs = [path for path in self._warcs if not is_meta(path.name)]
            self._lines = {kind: paths for kind, paths in self._lines.items() if kind in HIDING}
        lines = LineFilter(hidden)
        signal.signal(signal.SIGTERM, interrupt)

        about = {
            "title": opts.title or f"{opts.spider or 'News'}, {counted(len(self._warcs), 'WARC file')}",
            "software": f"bao-quan/{__version__}",
        }
        try:
            with Wacz(Path(opts.output), about) as wacz:
                unresolved = wacz.add_warcs(self._warcs, hidden.hides_url if hidden else None)
                pages = wacz.add_pages(self._pages(hidden))
                for kind, paths in self._lines.items():
                    for path in paths:
                        wacz.add_file(
                            f"{kind}/{path.parent.name}-{path.name}", path, lines.of(kind) if hidden else None
                        )
        except DamagedRecord as error:
            complain(f"{error}; scrapy verify names what is wrong; nothing was written")
            self.exitcode = Status.FAULT
            return
        except KeyboardInterrupt:
            complain("interrupted; nothing was written")
            self.exitcode = Status.STOPPED
            return
        except OSError as error:
            complain(f"-o {opts.output}: {error.strerror or error}; nothing was replaced", self.settings)
            self.exitcode = Status.OUTPUT
            return
        told = f"; {counted(unresolved, 'revisit')} of payloads that are in files left out" if unresolved else ""
        complain(f"{counted(len(self._warcs), 'WARC file')}, {counted(pages, 'page')}, to {opts.output}{told}")

    def _pages(self, hidden: Hidden) -> Iterator[dict[str, Any]]:
        """The articles whose records are in the chosen files."""
        chosen = {path.relative_to(self._archive).as_posix() for path in self._warcs}
        for path in self._lines["articles"]:
            with path.open("rb") as lines:
                for row in map(json.loads, lines):
                    if row["warc"]["file"] in chosen and not hidden.hides_row(row):
                        names = {"id": "row_id", "url": "url", "ts": "captured_at", "title": "title", "text": "body"}
                        yield {name: row[key] for name, key in names.items() if row[key]}


def _same_run(lines: Path, warcs: list[Path]) -> bool:
    """Whether one of the WARC files is of the run of these lines: its files may have been begun on several days."""
    ending = f"-{job_of(lines.name)}.warc.gz"
    return any(warc.parent.name == lines.parent.name and warc.name.endswith(ending) for warc in warcs)
