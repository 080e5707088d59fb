"""``scrapy schema``: what the columns of a table are, in the language of the tool that is to read them."""

from __future__ import annotations

import argparse
import sys

from scrapy.commands import ScrapyCommand

from crawler.tables import LANGUAGES, TABLES, schema_in
from crawler.usage import Status, complain, forget_stdout, one_line_errors, refuse_unknown_options, stop

NO_PYARROW = "needs pyarrow: pip install 'bao-quan[export]', or make setup in a checkout"


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[articles|events|links|checks] [--as json|duckdb|arrow]"

    def short_desc(self) -> str:
        return "Print a table's schema: JSON Schema, DuckDB's columns, or Arrow (serialised)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--as", dest="language", metavar="LANGUAGE", default="json", help=", ".join(LANGUAGES))

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        refuse_unknown_options(args)
        table = args[0] if args else "articles"
        if len(args) > 1 or table not in TABLES:
            stop(Status.USAGE, f"name one table: {', '.join(TABLES)}")
        if opts.language not in LANGUAGES:
            stop(Status.USAGE, f"--as {opts.language[:40]!r}: choose from {', '.join(LANGUAGES)}")
        try:
            sys.stdout.buffer.write(schema_in(opts.language, table))
            sys.stdout.flush()
        except ImportError:
            stop(Status.USAGE, f"--as arrow {NO_PYARROW}")
        except OSError as error:
            complain(f"stdout: {error.strerror or error}")
            forget_stdout()
            self.exitcode = Status.OUTPUT
