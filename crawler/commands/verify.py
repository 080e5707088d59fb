"""``scrapy verify``: is the archive sound, and does every row prove itself? Reads only.

WARC files ─► strict reading   rows ─► made again from their records   indexes, WACZ, manifest ─► what they speak of
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand

from crawler.usage import Status, complain, forget_stdout, one_line_errors, quiet, refuse_unknown_options, stop
from warc.shown import json_of, lines_of

if TYPE_CHECKING:
    from crawler.findings import Checked

COUNTED = (
    *("WARC files", "records", "rows", "crawl logs", "reports", "indexes", "WACZ files"),
    *("files hashed", "manifest lines"),
)


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[PATH…] [--json] [--fixity]"

    def short_desc(self) -> str:
        return "Check WARC files, rows, indexes and manifest (statuses: 0 sound, 1 faults, 2 usage)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--fixity", action="store_true", help="only hash the files that the manifest names, and note the date"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from scrapy.utils.log import configure_logging

        from crawler.sane import settings_trouble
        from crawler.verifying import is_archive

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._archive = Path(self.settings["ARCHIVE_DIR"])
        self._paths = list(map(Path, args)) or [self._archive]
        for path in self._paths:
            if not path.exists():
                what = "no file or folder" if args else "ARCHIVE_DIR: no folder"
                stop(Status.USAGE, f"{what} {str(path)[:200]!r}: name what to verify, or set ARCHIVE_DIR")
            if opts.fixity and not is_archive(path):
                stop(Status.USAGE, f"{str(path)[:200]!r} is no archive folder: --fixity goes by its manifest")
        quiet(self.settings)
        configure_logging(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.findings import Checked
        from crawler.verifying import check_archive, check_paths, is_archive

        assert self.settings is not None
        checked = Checked()
        for path in self._paths:
            if is_archive(path):
                found = check_archive(path, self.settings, fixity=opts.fixity)
                if opts.fixity:
                    self._note(path, found)
            else:
                found = check_paths([path], self._archive, self.settings)
            if len(self._paths) > 1 and is_archive(path):
                found.named_in(str(path))
            checked.take(found)
        if not checked.counts.total() and not any(map(is_archive, self._paths)):
            stop(Status.USAGE, f"nothing to verify in {', '.join(map(str, self._paths))[:200]}")
        try:
            sys.stdout.write(as_json(checked) if opts.json else as_text(checked))
            sys.stdout.flush()
        except BrokenPipeError:
            forget_stdout()
        if not checked:
            self._tell(checked)
        self.exitcode = self.exitcode or (Status.FINISHED if checked else Status.FAULT)

    def _tell(self, checked: Checked) -> None:
        """Have the webhook told, if there is one."""
        from crawler.webhook import Webhook

        assert self.settings is not None
        webhook = Webhook.of(self.settings)
        files = sorted({finding.file for finding in checked.findings})
        text = f"{len(checked.findings):,} faults in {len(files):,} files, such as {files[0]}"
        webhook.send("verification_failed", text, faults=len(checked.findings), files=files[:20])
        webhook.close()

    def _note(self, folder: Path, checked: Checked) -> None:
        """Keep in the ledger when each file was hashed, and what came of it."""
        from crawler.dates import utc_text
        from crawler.ledger_files import LEDGER, FileTable

        if not (folder / LEDGER).is_file():
            complain(f"{folder}: no ledger, so the date of this check is not kept")
            return
        wrong = {finding.file for finding in checked.findings}
        results = [(path, path not in wrong) for path in checked.digests]
        results += [(path, False) for path in wrong - checked.digests.keys()]
        try:
            with FileTable(folder) as table:
                table.checked(results, utc_text(datetime.now(UTC)))
        except sqlite3.Error as error:
            complain(f"{folder / LEDGER}: {error}; the date of this check is not kept")
            self.exitcode = Status.OUTPUT


def as_text(checked: Checked) -> str:
    """A line for each fault (file, offset, record id, rule, detail, by tabs), notes, and one line for all."""
    faults = "".join(finding.line() for finding in checked.findings)
    lines = [f"note: {note}" for note in checked.notes]
    lines += [
        f"note: {rows:,} rows made by {page}, not compared field by field"
        for page, rows in sorted(checked.older.items())
    ]
    counts = ", ".join(f"{checked.counts[name]:,} {name}" for name in COUNTED if checked.counts[name])
    files = len({finding.file for finding in checked.findings})
    found = f"{len(checked.findings):,} faults in {files:,} files" if checked.findings else "sound"
    return faults + lines_of([*lines, f"{found}: {counts or 'nothing in it yet'}"])


def as_json(checked: Checked) -> str:
    """The same as one object."""
    value = {
        "sound": bool(checked),
        "counts": {name.replace(" ", "_").lower(): checked.counts[name] for name in COUNTED},
        "faults": [asdict(finding) for finding in checked.findings],
        "older_rows": dict(sorted(checked.older.items())),
        "notes": checked.notes,
    }
    said = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    return json_of(said.encode("utf-8", "surrogatepass")).decode()
