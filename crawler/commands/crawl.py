"""``scrapy crawl``: check everything, lock the folder, crawl, and say by the status how it ended.

It replaces Scrapy's command of that name, also under Scrapyd. Scrapy's own knows no status but 0 and 1, ignores
options that it does not know, and looks at nothing before the crawl has begun.

    options, arguments, settings ─► 2     places to write ─► 3     folder lock ─► 4     the run ─► 0, 1, 3 or 11
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.commands import BaseRunSpiderCommand
from scrapy.exceptions import UsageError
from scrapy.spiderloader import get_spider_loader
from w3lib.url import file_uri_to_path

from crawler.arguments import ArgumentError, Arguments, parse_arguments
from crawler.chromium import NoBrowser, find_chromium
from crawler.disk import low_disk, room_of
from crawler.lock import FolderLock, Locked
from crawler.logevents import event, use_json_lines
from crawler.runfacts import secrets_of
from crawler.runlog import RunLog
from crawler.sane import contact_trouble, hosts_asked, name_the_crawler, settings_trouble
from crawler.scheduling import NotAllowed, check_job, log_file, under_scrapyd
from crawler.usage import (
    Status,
    complain,
    forget_stdout,
    one_line_errors,
    refuse_unknown_options,
    stop,
    why_no_file,
    why_not_writable,
)

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from crawler.archive import Archive
    from crawler.signs import Signs
    from crawler.spider import NewsSpider
    from crawler.trouble import OutputTrouble

# From a second stop signal, or from the last commit, to the end of the process, when a thread hangs
SHUTDOWN_SECONDS = 2.0
EXIT_SECONDS = 0.8

logger = logging.getLogger(__name__)


class Command(BaseRunSpiderCommand):
    requires_project = True
    _hurry: threading.Timer

    def syntax(self) -> str:
        return "[options] <spider>"

    def short_desc(self) -> str:
        return "Crawl a site into the archive (statuses: 0, 1, 2 usage, 3 output, 4 locked, 11 stopped)"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Refuse what cannot work, with one line, before anything is opened or created; then take the lock."""
        assert self.settings is not None
        refuse_unknown_options(args)
        refuse_doubles(opts.spargs)
        pid_file, opts.pidfile = opts.pidfile, None  # Scrapy would write it before anything is checked
        given = self._given_by_scrapyd(opts) if under_scrapyd() else {}
        super().process_options(args, opts)
        self.settings.setdict(given, priority="cmdline")
        try:
            self._spider, arguments = checked(self.settings, args, opts.spargs)
            if arguments.render != "never":
                find_chromium(self.settings)
        except (ArgumentError, UsageError, NoBrowser) as error:
            stop(Status.USAGE, str(error), self.settings)
        if self.settings.getbool("LOG_JSON"):
            use_json_lines()
        trouble = _output_trouble(self.settings, pid_file)
        if trouble:
            self._tell_refused(trouble)
            stop(Status.OUTPUT, trouble, self.settings)
        name_the_crawler(self.settings)
        # One job id for the lock, the spider and the store.
        opts.spargs["_job"] = arguments.job
        self.settings.set("JOB", arguments.job, priority="cmdline")
        folder = Path(self.settings["ARCHIVE_DIR"]).absolute()
        try:
            self._lock = FolderLock(folder, self._spider.name, arguments.job)
        except Locked as error:
            stop(Status.LOCKED, f"{error}; wait for it, stop it, or use another ARCHIVE_DIR", self.settings)
        except OSError as error:
            stop(Status.OUTPUT, _cannot_write(error, folder), self.settings)
        try:
            if pid_file:
                Path(pid_file).write_text(f"{os.getpid()}\n", encoding="ascii")
            # Scrapy opens an output at the first row, and only logs when it cannot.
            for file in map(Path, _feed_files(self.settings)):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.open("ab").close()
        except OSError as error:
            stop(Status.OUTPUT, f"{error.filename}: {error.strerror}; name a file that can be written", self.settings)
        logging.root.addHandler(RunLog(self.settings, secrets_of(self.settings, os.environ)))

    def _given_by_scrapyd(self, opts: argparse.Namespace) -> dict[str, str]:
        """The server's settings of every job; what a request may not ask for ends it here."""
        assert self.settings is not None
        settings = dict(pair.partition("=")[::2] for pair in opts.set)
        self.settings.set("LOG_FILE", log_file(settings), priority="cmdline")
        try:
            return check_job(settings, dict(pair.partition("=")[::2] for pair in opts.spargs))
        except NotAllowed as error:
            stop(Status.USAGE, str(error), self.settings)

    def _tell_refused(self, trouble: str) -> None:
        """The webhook hears of a run that could not begin, too."""
        assert self.settings is not None
        if self.settings.get("WEBHOOK_URL"):
            from crawler.webhook import Webhook

            webhook = Webhook.of(self.settings, spider=self._spider.name)
            webhook.send("run_failed", trouble, status=int(Status.OUTPUT))
            webhook.close()

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.crawler_process is not None
        from twisted.internet import reactor as running_reactor

        reactor: Any = running_reactor
        with self._lock:
            crawler = self._create_crawler(self._spider)
            task: Any = self.crawler_process.crawl(crawler, **opts.spargs)
            reactor.addSystemEventTrigger("before", "shutdown", self._last_commit, crawler)
            # What is loaded by now stays, and a page makes thousands of objects that die without the collector's help:
            # asked as often as by default, it takes a twelfth of a crawl's time.
            gc.freeze()
            gc.set_threshold(10_000, 20, 10)
            self.crawler_process.start()
        self._hurry.cancel()
        error = task.exception() if task.done() and not task.cancelled() else None
        self.exitcode, line = outcome(crawler, error)
        if error is not None and self.exitcode == Status.FAULT:
            logger.critical("The crawl broke off", exc_info=error)
        _log_summary(crawler)
        if (signs := _signs(crawler)) is not None:
            signs.over(self.exitcode, line)
        if line:
            complain(line, self.settings)
            forget_stdout()
        _end_within(EXIT_SECONDS, self.exitcode)

    def _last_commit(self, crawler: Crawler) -> Any:
        """The reactor goes down. After a second stop signal the archive is still open: have it committed and closed.

        And have the process end soon, whatever a thread waits for (a name server, a disk): what was committed is safe.
        """
        self._hurry = threading.Timer(SHUTDOWN_SECONDS, self._leave, [crawler])
        self._hurry.daemon = True
        self._hurry.start()
        archive = _archive(crawler)
        return archive.close_now() if archive is not None else None

    def _leave(self, crawler: Crawler) -> None:
        status, line = outcome(crawler, None)
        if line:
            complain(line, self.settings)
        os._exit(status)


def checked(settings: BaseSettings, args: list[str], given: dict[str, str]) -> tuple[type[NewsSpider], Arguments]:
    """The spider that is named and its arguments; ArgumentError or UsageError when something cannot work."""
    loader = get_spider_loader(settings)
    choices = ", ".join(sorted(loader.list()))
    if len(args) != 1:
        what = "one spider at a time" if args else "name a spider"
        raise UsageError(f"{what}: choose from {choices}")
    try:
        spider: type[Any] = loader.load(args[0])
    except KeyError:
        raise UsageError(f"unknown spider {args[0][:60]!r}: choose from {choices}") from None
    arguments = parse_arguments(spider, given)
    trouble = settings_trouble(settings) or contact_trouble(settings, hosts_asked(spider, arguments))
    if trouble:
        raise UsageError(trouble)
    return spider, arguments


def _end_within(seconds: float, status: int) -> None:
    """All is said: the interpreter waits for its threads, and we do not wait for one that hangs."""
    hurry = threading.Timer(seconds, os._exit, [status])
    hurry.daemon = True
    hurry.start()


def _archive(crawler: Crawler) -> Archive | None:
    """The crawl's archive; None when the crawl broke off before it was opened."""
    from crawler.archive import Archive

    try:
        return crawler.get_extension(Archive)
    except RuntimeError:  # no extension was made yet
        return None


def _signs(crawler: Crawler) -> Signs | None:
    """What tells of the run; None when the crawl broke off before."""
    from crawler.signs import Signs

    try:
        return crawler.get_extension(Signs)
    except RuntimeError:
        return None


def outcome(crawler: Crawler, error: BaseException | None) -> tuple[int, str | None]:
    """Exit status of a run that has ended, and the line to say on stderr.

    Trouble with the archive comes first; else the work left in the frontier decides, whatever the reason the
    spider was closed for.
    """
    if (trouble := _trouble_in(error, crawler)) is not None:
        return Status.OUTPUT, str(trouble)
    if error is not None:
        return Status.FAULT, f"internal error: {type(error).__name__}: {error}"
    archive = _archive(crawler)
    if archive is None:
        return Status.STOPPED, None
    if archive.trouble is not None:
        return Status.OUTPUT, str(archive.trouble)
    stats = crawler.stats.get_stats()
    if "output/trouble" in stats:
        return Status.OUTPUT, f"-o: {stats['output/trouble']}; the archive has all rows, -o only those before"
    if any(key.startswith("feedexport/failed_count") for key in stats):
        return Status.OUTPUT, "-o: an output could not be stored, see the log; the archive has all rows"
    reason = stats.get("finish_reason")
    # A second stop signal ends the reactor before the spider is closed: no reason, and work left. A first one may
    # come before the frontier was told a single seed.
    if reason is None or (reason == "shutdown" and "scheduler/enqueued" not in stats):
        return Status.STOPPED, None
    if reason == "start_error" or "frontier/left" not in stats:
        return Status.FAULT, f"internal error: {reason}, see the log"
    return (Status.STOPPED if stats["frontier/left"] > 0 else Status.FINISHED), None


def _trouble_in(error: BaseException | None, crawler: Crawler) -> OutputTrouble | None:
    """The trouble with the archive that broke the crawl off, though Scrapy raised something else while it closed."""
    from crawler.trouble import OutputTrouble, trouble_of

    while error is not None:
        if isinstance(error, OutputTrouble | sqlite3.Error):
            return trouble_of(error, Path(crawler.settings["ARCHIVE_DIR"]).absolute())
        error = error.__cause__ or error.__context__
    return None


def refuse_doubles(pairs: list[str]) -> None:
    """An argument that is given twice would count once."""
    names = [pair.partition("=")[0] for pair in pairs]
    for name in names:
        if names.count(name) > 1:
            stop(Status.USAGE, f"-a {name[:60]!r} is given twice: separate several values by commas")


def _output_trouble(settings: BaseSettings, pid_file: str | None) -> str | None:
    """One line about the first place that cannot be written, looked at without making anything."""
    folder = Path(settings["ARCHIVE_DIR"]).absolute()
    if why := why_not_writable(folder):
        return f"ARCHIVE_DIR: {why}; free the path or set -s ARCHIVE_DIR=PATH"
    with suppress(OSError):
        room = room_of(folder, settings)
        if room.is_low:
            return str(low_disk(folder, room))
    for output in _feed_files(settings):
        if why := why_no_file(Path(output).absolute()):
            return f"-o: {why}; name a file that can be written"
    for name in (settings.get("LOG_FILE"), pid_file):
        if name and (why := why_no_file(Path(name).absolute(), folder_made=False)):
            return f"{why}; name a file that can be written"
    return None


def _feed_files(settings: BaseSettings) -> list[str]:
    """Files named by -o, -O or FEEDS; none for other storages and for names made up per batch."""
    feeds = [str(uri) for uri in settings.getdict("FEEDS") if "%(" not in str(uri)]
    local = [uri for uri in feeds if urlsplit(uri).scheme in ("", "file")]
    return [file_uri_to_path(uri) if uri.startswith("file:") else uri for uri in local]


def _cannot_write(error: OSError, folder: Path) -> str:
    return f"{error.filename or folder}: {error.strerror or error}; free the path or set -s ARCHIVE_DIR=PATH"


def _log_summary(crawler: Crawler) -> None:
    from crawler.summary import summary_lines

    with suppress(RuntimeError):  # a crawl that broke off before its first setting was read has no stats
        for line in summary_lines(crawler.stats.get_stats()):
            logger.info(line, extra=event("summary"))
