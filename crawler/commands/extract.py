"""``scrapy extract``: rows out of WARC files, by the page objects and pipelines of a crawl, without any network.

*.warc.gz ─► response ─► the site's page object ─► clean ─► validate ─► one row a line
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import DropItem

from crawler.quarantine_command import check_quarantined, run_quarantined
from crawler.summary import counted
from crawler.usage import (
    Status,
    complain,
    forget_stdout,
    one_line_errors,
    quiet,
    refuse_unknown_options,
    stop,
    why_no_file,
)

if TYPE_CHECKING:
    from scrapy.http import Response

    from crawler.items import Article
    from crawler.offline import Offline


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "PATH… -o FILE | --quarantined [--spider NAME]"

    def short_desc(self) -> str:
        return "Extract rows from WARC files, without network"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("-o", "--output", metavar="FILE", help="JSON lines file, replaced when done; - for stdout")
        parser.add_argument("--spider", metavar="NAME", help="take this site's page object for every page")
        parser.add_argument(
            "--quarantined", action="store_true", help="bring the rows of quarantine/ back that are sound now"
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from scrapy.utils.log import configure_logging

        from crawler.arguments import made_up_job
        from crawler.offline import Offline
        from crawler.sane import settings_trouble

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        if opts.quarantined:
            check_quarantined(args, opts, self.settings)
            return
        if not args:
            stop(Status.USAGE, "name WARC files, or folders that hold them")
        if not opts.output:
            stop(Status.USAGE, "name the output: -o FILE, or -o - for stdout")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        self._files = list(_warc_files(args))
        self._offline = Offline(self.settings, made_up_job(), opts.spider)
        if opts.spider and opts.spider not in self._offline.spiders:
            choices = ", ".join(self._offline.spiders)
            stop(Status.USAGE, f"unknown spider {opts.spider[:60]!r}: choose from {choices}")
        if opts.output != "-" and (why := why_no_file(Path(opts.output).absolute())):
            stop(Status.OUTPUT, f"-o: {why}; name a file that can be written")
        quiet(self.settings)
        configure_logging(self.settings)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.serialize import to_line

        if opts.quarantined:
            self.exitcode = run_quarantined(opts.spider, self.settings)
            return
        counts: Counter[str] = Counter()
        try:
            with output(opts.output) as out:
                for row in self._rows(counts):
                    out.write(to_line(row))
        except OSError as error:
            complain(f"-o {opts.output}: {error.strerror or error}; nothing was replaced", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT
            return
        complain(_summary(counts, len(self._files), opts.output))
        self.exitcode = Status.FAULT if counts["damaged files"] else Status.FINISHED

    def _rows(self, counts: Counter[str]) -> Iterator[Article]:
        from crawler.replay import Replay, UnreadableCapture
        from warc.reader import DamagedRecord

        assert self.settings is not None
        replay = Replay(self.settings)
        archive = Path(self.settings["ARCHIVE_DIR"]).absolute()
        for path in self._files:
            try:
                for _, response in replay.read(path, _name_in(path, archive)):
                    if isinstance(response, UnreadableCapture):
                        counts["unreadable"] += 1
                        complain(str(response))
                    elif _is_page(response):
                        counts["pages"] += 1
                        yield from _row(self._offline, response, counts)
            except (DamagedRecord, OSError) as error:
                counts["damaged files"] += 1
                complain(f"{error}; what stands after it in this file is not read")


def _row(offline: Offline, response: Response, counts: Counter[str]) -> Iterator[Article]:
    page = offline.page_of(response)
    if not page.is_article():
        counts["no article"] += 1
        return
    try:
        row = offline.row_of(page)
    except DropItem as refusal:
        counts[f"dropped: {getattr(refusal, 'reason', 'dropped')}"] += 1
        return
    counts["rows"] += 1
    yield row


def _is_page(response: Response) -> bool:
    from scrapy.http import JsonResponse, TextResponse, XmlResponse

    is_text = isinstance(response, TextResponse) and not isinstance(response, JsonResponse | XmlResponse)
    return response.status == 200 and is_text


def _warc_files(names: Iterable[str]) -> Iterator[Path]:
    """The named files, and those with the usual endings in the named folders; a file that is still written is not."""
    for name in names:
        path = Path(name)
        if path.is_dir():
            found = sorted(file for file in path.rglob("*.warc*") if file.name.endswith((".warc", ".warc.gz")))
            if not found:
                stop(Status.USAGE, f"{name} holds no *.warc or *.warc.gz file")
            yield from found
        elif path.is_file():
            yield path
        else:
            stop(Status.USAGE, f"no file or folder {name[:200]!r}")


def _name_in(path: Path, archive: Path) -> str:
    """What a row calls the file: its path in the archive folder, else the path as it was given."""
    with suppress(ValueError):
        return path.absolute().relative_to(archive).as_posix()
    return path.as_posix()


@contextmanager
def output(name: str) -> Iterator[IO[bytes]]:
    """Where rows go: stdout, or a file that takes its name only when all rows are in it."""
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
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _summary(counts: Counter[str], files: int, output_name: str) -> str:
    parts = sorted(f"{name} {counts[name]:,}" for name in counts if name not in ("rows", "pages"))
    told = f"; {', '.join(parts)}" if parts else ""
    came = f"{counted(counts['pages'], 'page')} in {counted(files, 'file')}"
    return f"{counted(counts['rows'], 'row')} from {came}, to {'stdout' if output_name == '-' else output_name}{told}"
