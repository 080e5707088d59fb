"""``scrapy index``: a CDXJ index beside each closed WARC file, and all of them in one on demand."""

from __future__ import annotations

import argparse
from pathlib import Path

from scrapy.commands import ScrapyCommand

from crawler.commands.extract import output
from crawler.summary import counted
from crawler.usage import Status, complain, forget_stdout, one_line_errors, refuse_unknown_options, stop, why_no_file


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[-o FILE]"

    def short_desc(self) -> str:
        return "Index the WARC files (CDXJ): one index a file, with -o all in one"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("-o", "--output", metavar="FILE", help="merge all indexes into this file; - for stdout")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        if args:
            stop(Status.USAGE, "no arguments: the files of ARCHIVE_DIR are indexed")
        self._archive = Path(self.settings["ARCHIVE_DIR"])
        if not self._archive.is_dir():
            stop(Status.USAGE, f"ARCHIVE_DIR: no folder {str(self._archive)[:200]!r}")
        if opts.output and opts.output != "-" and (why := why_no_file(Path(opts.output).absolute())):
            stop(Status.OUTPUT, f"-o: {why}; name a file that can be written")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.exclusions import Hidden, shown_lines
        from crawler.selection import closed_files
        from warc.cdxj import SUFFIX, merge, write_index
        from warc.reader import DamagedRecord
        from warc.writer import is_meta

        indexes, damaged = [], 0
        try:
            for warc in closed_files(self._archive, "warc"):
                if is_meta(warc.name):
                    continue
                index = self._archive / "indexes" / warc.parent.name / (warc.name + SUFFIX)
                if not index.exists() or index.stat().st_mtime < warc.stat().st_mtime:
                    try:
                        write_index(warc, index)
                    except DamagedRecord as error:
                        complain(f"{error}; it is not indexed")
                        damaged += 1
                        continue
                indexes.append(index)
            if opts.output:
                with output(opts.output) as out:
                    out.writelines(shown_lines(Hidden.of(self.settings), merge(indexes)))
        except OSError as error:
            complain(f"{error.filename or opts.output}: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT
            return
        complain(f"{counted(len(indexes), 'file')} indexed" + (f", {damaged} damaged" if damaged else ""))
        self.exitcode = Status.FAULT if damaged else Status.FINISHED
