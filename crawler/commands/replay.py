"""``scrapy replay``: the archive in a browser, served on this machine by pywb.

indexes/ ─► a collection in a temporary folder ─► wayback on 127.0.0.1 ─► http://127.0.0.1:8080/archive/
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from scrapy.commands import ScrapyCommand

from crawler.usage import Status, complain, forget_stdout, one_line_errors, quiet, refuse_unknown_options, stop

READY_SECONDS = 60.0
END_SECONDS = 5.0
HOST = "127.0.0.1"


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[--port N]"

    def short_desc(self) -> str:
        return "Serve the archive on this machine, to be read in a browser"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--port", metavar="N", default="8080", help="port on 127.0.0.1 (8080); 0 takes a free one")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.pywb import HOW_TO_MAKE_ONE, closed_files, find_wayback

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if args:
            stop(Status.USAGE, f"replay takes no {args[0][:60]!r}: it serves ARCHIVE_DIR, all of it")
        if not opts.port.isdecimal() or int(opts.port) > 65535:
            stop(Status.USAGE, f"--port {opts.port[:60]!r} is no port: choose from 0 to 65535")
        self._archive = Path(self.settings["ARCHIVE_DIR"]).absolute()
        self._warcs = closed_files(self._archive)
        if not self._warcs:
            stop(
                Status.USAGE,
                f"{self._archive} holds no WARC file that is closed: name the archive, -s ARCHIVE_DIR=PATH",
            )
        wayback = find_wayback(self.settings.get("PYWB"), os.environ)
        if wayback is None:
            stop(Status.USAGE, HOW_TO_MAKE_ONE)
        self._wayback = wayback
        port = _free_port(int(opts.port))
        if port is None:
            stop(Status.USAGE, f"port {opts.port} is taken or not ours: choose another one with --port, 0 for any")
        self._port = port

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.exclusions import Hidden
        from crawler.pywb import lay_out

        with tempfile.TemporaryDirectory(prefix="replay-") as name:
            try:
                damaged = list(lay_out(Path(name), self._archive, self._warcs, Hidden.of(self.settings)))
            except OSError as error:
                complain(f"{error.filename}: {error.strerror}; the indexes cannot be made", self.settings)
                self.exitcode = Status.OUTPUT
                return
            for damage in damaged:
                complain(f"{damage}; this file is not served", self.settings)
                self.exitcode = Status.FAULT
            self._sound = len(self._warcs) - len(damaged)
            if self._sound:
                self._serve(Path(name))

    def _serve(self, folder: Path) -> None:
        """Run pywb until it ends or a signal comes."""
        command = [str(self._wayback), "-b", HOST, "-p", str(self._port), "-d", str(folder)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ends = Ends()
        try:
            if not self._wait_until_ready(server, ends):
                last = (folder / "log").read_text("utf-8", "replace").strip().splitlines()[-1:]
                if not ends.asked:
                    complain(f"pywb did not start: {' '.join(last) or 'no word from it'}", self.settings)
                    self.exitcode = Status.FAULT
                return
            self._announce()
            while server.poll() is None and not ends.asked:
                time.sleep(0.2)
            if not ends.asked:
                complain(f"pywb ended with status {server.returncode}", self.settings)
                self.exitcode = Status.FAULT
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(END_SECONDS)
            server.kill()

    def _wait_until_ready(self, server: subprocess.Popen[bytes], ends: Ends) -> bool:
        until = time.monotonic() + READY_SECONDS
        while server.poll() is None and not ends.asked and time.monotonic() < until:
            with suppress(OSError), socket.create_connection((HOST, self._port), timeout=1):
                return True
            time.sleep(0.1)
        return False

    def _announce(self) -> None:
        from crawler.pywb import COLLECTION
        from crawler.summary import counted

        try:
            sys.stdout.write(
                f"http://{HOST}:{self._port}/{COLLECTION}/ serves {counted(self._sound, 'WARC file')}; a page is at "
                f"http://{HOST}:{self._port}/{COLLECTION}/*/URL (Ctrl-C ends it)\n"
            )
            sys.stdout.flush()
        except OSError:
            forget_stdout()


class Ends:
    """Notes that a signal asked for the end."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.asked = True


def _free_port(port: int) -> int | None:
    """The port, or any free one for 0; None when it is not to be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
