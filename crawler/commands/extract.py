"""``scrapy extract``: rows out of WARC files, by the page objects and pipelines of a crawl, without any network.

WARC files, WACZ files, folders ─► visits ─► page object ─► clean ─► validate ─► extracted/<page classes>/<time>.jsonl
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from scrapy.commands import ScrapyCommand

from crawler.quarantine_command import check_quarantined, run_quarantined
from crawler.summary import counted
from crawler.usage import (
    Status,
    complain,
    forget_stdout,
    interrupt,
    one_line_errors,
    quiet,
    refuse_unknown_options,
    stop,
    why_no_file,
    why_not_writable,
)

if TYPE_CHECKING:
    from collections import Counter

    from crawler.extracting import Extracted

EXTRACTED = "extracted"
# Of an archive, never written
OWN_FOLDERS = ("articles", "warc", "links", "events", "quarantine", "exclusions", "logs", "reports", "indexes", "locks")


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return (
            "PATH… [-o FILE|DIR] [--spider NAME] [--processes N] [--diff OLD [--json]] | --quarantined [--spider NAME]"
        )

    def short_desc(self) -> str:
        return "Extract rows from WARC files, without network"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument(
            "-o",
            "--output",
            metavar="FILE|DIR",
            help="JSON lines file, replaced when done; a folder, for <page classes>/<time>.jsonl in it; - for stdout;"
            f" default: {EXTRACTED}/ in ARCHIVE_DIR",
        )
        parser.add_argument("--spider", metavar="NAME", help="take this site's page object for every page")
        parser.add_argument("--processes", metavar="N", type=int, help="worker processes; default: one for each core")
        parser.add_argument("--diff", metavar="OLD", help="compare with an older file of rows, or a folder of them")
        parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
        parser.add_argument(
            "--quarantined", action="store_true", help="bring the rows of quarantine/ back that are sound now"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from scrapy.utils.log import configure_logging

        from crawler.extract_read import sources
        from crawler.offline import Offline
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        if opts.quarantined:
            check_quarantined(args, opts, self.settings)
            return
        if not args:
            stop(Status.USAGE, "name WARC files, WACZ files, or folders that hold them")
        if opts.processes is not None and opts.processes < 1:
            stop(Status.USAGE, f"--processes {opts.processes}: give a number of 1 or more")
        if opts.diff and opts.output == "-":
            stop(Status.USAGE, "--diff prints to stdout: give the rows a file, or leave -o out")
        if opts.json and not opts.diff:
            stop(Status.USAGE, "--json is the form of a comparison: name an older file with --diff OLD")
        if opts.diff and not Path(opts.diff).exists():
            stop(Status.USAGE, f"--diff: no file or folder {opts.diff[:200]!r}")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        archive = Path(self.settings["ARCHIVE_DIR"]).absolute()
        try:
            self._sources = sources(args, archive)
        except (ValueError, OSError) as error:
            stop(Status.USAGE, str(error))
        choices = Offline(self.settings, "").spiders
        if opts.spider and opts.spider not in choices:
            stop(Status.USAGE, f"unknown spider {opts.spider[:60]!r}: choose from {', '.join(choices)}")
        self._target = Target(opts.output, archive)
        if folder := self._target.forbidden(archive):
            stop(Status.USAGE, f"-o: {folder}/ is written by crawls alone; name a file outside of it")
        if any(self._target.place == source.path.absolute() for source in self._sources):
            stop(Status.USAGE, f"-o {opts.output}: it is one of the files to read")
        if opts.diff and self._target.replaces(Path(opts.diff)):
            stop(Status.USAGE, f"-o {opts.output}: it would replace rows to compare with; name another file")
        if why := self._target.trouble():
            stop(Status.OUTPUT, f"-o: {why}; name a file that can be written")
        quiet(self.settings)
        configure_logging(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.extract_run import extract
        from crawler.sealed import seal, unseal

        assert self.settings is not None
        if opts.quarantined:
            seal()
            try:
                self.exitcode = run_quarantined(opts.spider, self.settings)
            finally:
                unseal()
            return
        processes = opts.processes or len(os.sched_getaffinity(0))
        before = signal.signal(signal.SIGTERM, interrupt)
        seal()
        try:
            with self._target.opened() as (out, pages), tempfile.TemporaryDirectory(dir=self._target.scratch) as parts:
                found = extract(self._sources, self.settings, opts.spider, processes, out, Path(parts))
                pages |= found.pages
        except KeyboardInterrupt:
            complain("interrupted; nothing was written", self.settings)
            self.exitcode = Status.STOPPED
            return
        except BrokenProcessPool:
            complain("a worker process was killed; nothing was written. With less memory: --processes 1", self.settings)
            self.exitcode = Status.FAULT
            return
        except OSError as error:
            complain(f"-o {opts.output}: {error.strerror or error}; nothing was replaced", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT
            return
        finally:
            unseal()
            signal.signal(signal.SIGTERM, before)
        self._tell(found)
        if opts.diff:
            self._compare(Path(opts.diff), opts.json)

    def _tell(self, found: Extracted) -> None:
        from crawler.extracting import FAULTS

        for line in found.told:
            complain(line)
        complain(_summary(found.counts, len(self._sources), self._target.shown()))
        self.exitcode = Status.FAULT if any(found.counts[reason] for reason in FAULTS) else Status.FINISHED

    def _compare(self, old: Path, as_json: bool) -> None:
        from crawler.rowdiff import compare

        try:
            difference = compare(old, self._target.final, {source.name for source in self._sources})
        except (OSError, ValueError) as error:
            stop(Status.USAGE, f"--diff: {error}")
        sys.stdout.write(difference.json() if as_json else difference.table())


class Target:
    """Where rows go: stdout, a file, or a folder, where the page classes of the rows and the time make the name."""

    def __init__(self, given: str | None, archive: Path) -> None:
        self.stdout = given == "-"
        place = archive / EXTRACTED if given is None else Path(given).absolute()
        self.is_folder = given is None or place.is_dir() or given.endswith("/")
        self.place = place
        self.final = place
        self.given = given

    @property
    def scratch(self) -> Path | None:
        """Where parts may lie: the output's own file system."""
        return None if self.stdout else self.place if self.is_folder else self.place.parent

    def forbidden(self, archive: Path) -> str | None:
        """The folder of an archive that it lies in, when that is one which crawls write."""
        if self.stdout:
            return None
        place = self.place.resolve()
        for around in (place, *place.parents):
            root = around.parent
            ours = root == archive.resolve() or ((root / "warc").is_dir() and (root / "articles").is_dir())
            if around.name in OWN_FOLDERS and ours:
                return around.name
        return None

    def replaces(self, rows: Path) -> bool:
        """Whether it is a file of these rows, or one in this folder of them."""
        ours, theirs = self.place.resolve(), rows.resolve()
        return not self.is_folder and self.place.is_file() and theirs in (ours, *ours.parents)

    def trouble(self) -> str | None:
        if self.stdout:
            return None
        return why_not_writable(self.place) if self.is_folder else why_no_file(self.place)

    def shown(self) -> str:
        if self.stdout:
            return "stdout"
        return str(self.final) if self.is_folder or self.given is None else self.given

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], set[str]]]:
        """The file to write, and the set to put the page classes of the rows in."""
        pages: set[str] = set()

        def named() -> Path:
            classes = "+".join(sorted(page.replace("/", "-") for page in pages)) or "none"
            self.final = self.place / classes / f"{datetime.now(UTC):%Y%m%d%H%M%S}.jsonl"
            return self.final

        first = str(self.place / f"{EXTRACTED}.jsonl") if self.is_folder else "-" if self.stdout else str(self.place)
        if not self.stdout:
            Path(first).parent.mkdir(parents=True, exist_ok=True)
        with output(first, named if self.is_folder else None) as file:
            yield file, pages


@contextmanager
def output(name: str, final: Callable[[], Path] | None = None) -> Iterator[IO[bytes]]:
    """Where lines go: stdout, or a file that takes its name (or that of ``final``) only when all of them are in it."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    if path.exists() and not path.is_file():  # a pipe or device has no name to take over
        with path.open("wb") as device:
            yield device
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".open", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  a descriptor, not a path
            yield file
            file.flush()
            os.fchmod(handle, 0o644)
            os.fsync(handle)
        if final is not None:
            path = final()
            path.parent.mkdir(parents=True, exist_ok=True)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _summary(counts: Counter[str], files: int, output_name: str) -> str:
    parts = sorted(f"{name} {counts[name]:,}" for name in counts if name not in ("rows", "pages"))
    told = f"; {', '.join(parts)}" if parts else ""
    came = f"{counted(counts['pages'], 'page')} in {counted(files, 'file')}"
    return f"{counted(counts['rows'], 'row')} from {came}, to {output_name}{told}"
