"""How the timetable starts a crawl: in a process of its own, or through the API of a Scrapyd on this machine.

A start is noted after it is sure that nothing else works with the spider and before anything runs, so that a tick that
is killed in between leaves a note of a start that came to nothing, never a crawl that nobody knows.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from crawler import clock
from crawler.lock import HANDED_OVER, FolderLock, Holder
from crawler.scheduling import SECTION
from crawler.timetable import Entry, TimetableError

PROJECT = "baoquan"
ANSWER_SECONDS = 20.0


class CannotStart(Exception):
    """One line: what keeps every crawl from being started."""


class Starter(Protocol):
    """What both ways have in common."""

    def at_work(self) -> dict[str, set[str]]:
        """Jobs that run or wait, by spider, beside those that hold a lock. Raises CannotStart."""

    def start(self, entry: Entry, job: str, noted: Callable[[], None]) -> None:
        """Start the crawl, and call ``noted`` before. Locked when the spider is at work; CannotStart."""

    def end(self, holder: Holder, number: signal.Signals) -> str:
        """Send a crawl that holds its lock this signal; what was done, also that it failed. CannotStart."""


class Direct:
    """A process in a session of its own. It gets the spider's lock with its start, so no second one can come between.

    Its output goes to ``timetable/<job>.log``.
    """

    def __init__(self, archive: Path, options: Sequence[str], ahead: timedelta) -> None:
        self._archive = archive
        self._options = list(options)  # NAME=VALUE, the settings of the tick's own command line
        self._ahead = ahead

    def at_work(self) -> dict[str, set[str]]:
        """Those that hold a lock are all."""
        return {}

    def start(self, entry: Entry, job: str, noted: Callable[[], None]) -> None:
        """Raises Locked or OSError."""
        lock = FolderLock(self._archive, entry.spider, job)
        try:
            log = self._archive / "timetable" / f"{job}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            noted()
            with log.open("ab") as out:
                process = subprocess.Popen(
                    self._command(entry, job),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=self._environment(lock),
                    pass_fds=(lock.fileno(),),
                    start_new_session=True,
                )
        except BaseException:
            lock.release()
            raise
        lock.handed_to(process.pid)
        process.returncode = 0  # nobody waits for it: it outlives this process

    def end(self, holder: Holder, number: signal.Signals) -> str:
        """Never raises."""
        return end_process(holder, number)

    def _environment(self, lock: FolderLock) -> dict[str, str]:
        environment = {**os.environ, HANDED_OVER: str(lock.fileno())}
        if self._ahead:
            environment[clock.VARIABLE] = str(self._ahead.total_seconds())
        return environment

    def _command(self, entry: Entry, job: str) -> list[str]:
        arguments = {**entry.arguments, "_job": job}
        settings = [*self._options, *(f"{name}={value}" for name, value in entry.settings.items())]
        command = [sys.executable, "-m", "scrapy", "crawl", entry.spider]
        command += [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
        command += [part for setting in settings for part in ("-s", setting)]
        return [*command, "-s", f"ARCHIVE_DIR={self._archive}"]


class ThroughScrapyd:
    """Scrapyd starts it. Address, user and password come from its own ``scrapyd.conf``."""

    def __init__(self, conf: Path, archive: Path) -> None:
        config = ConfigParser()
        try:
            with conf.open(encoding="utf-8") as file:
                config.read_file(file)
            server = config["scrapyd"]
            theirs = Path(config.get(SECTION, "archive_dir", fallback=""))
            secret = f"{server['username']}:{server['password']}"
            self._url = f"http://{server['bind_address']}:{server['http_port']}/"
        except OSError as error:
            raise TimetableError(f'{conf}: {error.strerror}; scrapyd = "…" names the file of make scrapyd') from None
        except (ConfigError, KeyError, UnicodeDecodeError) as error:
            raise TimetableError(f"{conf} is not as make scrapyd writes it: {error}") from None
        if theirs != archive:
            raise TimetableError(
                f"{conf}: its ARCHIVE_DIR is {theirs}, that of the timetable {archive}: set one of them"
            )
        self._headers = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}

    def at_work(self) -> dict[str, set[str]]:
        """What Scrapyd has queued or runs."""
        jobs = self._ask("listjobs.json?" + urllib.parse.urlencode({"project": PROJECT}))
        found: dict[str, set[str]] = {}
        for job in jobs["pending"] + jobs["running"]:
            found.setdefault(job["spider"], set()).add(job["id"])
        return found

    def start(self, entry: Entry, job: str, noted: Callable[[], None]) -> None:
        """Raises CannotStart."""
        noted()
        setting = [f"{name}={value}" for name, value in entry.settings.items()]
        fields = {"project": PROJECT, "spider": entry.spider, "jobid": job, "setting": setting, **entry.arguments}
        self._ask("schedule.json", urllib.parse.urlencode(fields, doseq=True).encode())

    def end(self, holder: Holder, number: signal.Signals) -> str:
        """Scrapyd signals its own process, whoever's it is. A crawl that was started by hand is none of its jobs."""
        fields = {"project": PROJECT, "job": holder.job, "signal": number.name.removeprefix("SIG")}
        answer = self._ask("cancel.json", urllib.parse.urlencode(fields).encode())
        if answer["prevstate"] is None:
            return end_process(holder, number)
        return f"{number.name} through Scrapyd"

    def _ask(self, what: str, data: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self._url + what, data, self._headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
        try:
            with opener.open(request, timeout=ANSWER_SECONDS) as response:
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            answer = _refusal(error)
        except (OSError, ValueError) as error:
            raise CannotStart(f"Scrapyd at {self._url} does not answer ({error}): start it with make scrapyd") from None
        if answer.get("status") != "ok":
            raise CannotStart(f"Scrapyd at {self._url} refuses {what.partition('?')[0]}: {answer.get('message')}")
        return answer


def end_process(holder: Holder, number: signal.Signals) -> str:
    """Signal the process; what was done. The lock is held, so what is named there lives and is this crawl."""
    told = f"{number.name} to process {holder.pid}"
    try:
        if holder.host != socket.gethostname() or holder.pid <= 1:
            raise PermissionError(None, f"it runs on {holder.host or 'another machine'}")
        os.kill(holder.pid, number)
    except (ProcessLookupError, PermissionError) as error:
        told += f" failed: {error.strerror}"
    return told


def _refusal(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.load(error)
    except ValueError:
        return {"message": f"{error.code} {error.reason}"}
    return answer
