"""Crawls with a browser, for slow tests: each in a process of its own, and what is left of it and of the browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, proxy_variables, without_network_settings
from tests.replica.server import Replica
from warc.reader import read_records

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WITH_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on PATH: apt install chromium"),
]
BESIDE = {"/robots.txt", "/.well-known/tdmrep.json", "/favicon.ico"}  # asked of a host that a page is of, if at all
MARK = "BAOQUAN_TEST_ARCHIVE"  # in the environment of a crawl, and so of its browser
QUICK = ("-sHOST_DELAY=0", "-sREQUISITE_DELAY=0", "-sCONTACT=test@example.org", f"-sCHROMIUM={CHROMIUM}")
LIMIT = 600.0  # seconds; a crawl that takes longer hangs


@dataclass
class Run:
    """A crawl in a process of its own, and what its archive says of it."""

    replica: Replica
    archive: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self, name: str, *arguments: str) -> list[str]:
        given = {"ARCHIVE_DIR": str(self.archive), **self.settings}
        return [sys.executable, "-m", "scrapy", name, *arguments, *(f"-s{key}={value}" for key, value in given.items())]

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.archive.parent / "stderr").open("ab") as log:
            command = self.command("crawl", *arguments, *QUICK)
            return subprocess.Popen(command, cwd=ROOT, env=self._online(), stdout=subprocess.DEVNULL, stderr=log)

    def crawl(self, *arguments: str) -> int:
        """The status; fails the test when it hangs or leaves a browser behind."""
        process = self.start(*arguments)
        try:
            status = process.wait(LIMIT)
        finally:
            process.kill()
        assert is_gone(self.archive)
        return status

    def told(self, name: str, *arguments: str, online: bool = False) -> subprocess.CompletedProcess[str]:
        """Another command's status, stdout and stderr; ``online`` for one that asks the sites."""
        command, env = self.command(name, *arguments, *(QUICK if online else ())), self._online() if online else None
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)

    def _online(self) -> dict[str, str]:
        sites = proxy_variables(self.replica.proxy_url, self.replica.ca_file)
        return {**without_network_settings(), **sites, MARK: str(self.archive)}

    def is_sound(self) -> bool:
        verified = self.told("verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        return True

    @property
    def rows(self) -> list[dict[str, Any]]:
        files = sorted((self.archive / "articles").rglob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]

    @property
    def counts(self) -> Counter[str]:
        """What the runs counted, of all of them."""
        reports = sorted((self.archive / "reports").rglob("*.json"))
        total: Counter[str] = Counter()
        for report in reports:
            total.update({k: v for k, v in json.loads(report.read_bytes())["counts"].items() if isinstance(v, int)})
        return total

    def records(self, kind: str) -> list[Any]:
        files = sorted((self.archive / "warc").rglob("*.warc.gz"))
        return [one for file in files if "-meta" not in file.name for one in read_records(file) if one.type == kind]

    def is_whole(self) -> bool:
        """Every answer that the sites gave is an exchange of the archive, and no other is."""
        given = Counter(entry.url for entry in self.replica.requests if entry.method != "CONNECT")
        kept = Counter(record.target_uri for record in [*self.records("response"), *self.records("revisit")])
        assert given == kept
        return True


def browser_processes(archive: Path, helpers: bool = False) -> list[int]:
    """The browser of the crawls into this archive; its helpers too, where they are asked for."""
    mark = f"{MARK}={archive}\0".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            line = (place / "cmdline").read_bytes()
            ours = b"chrom" in line and b"scrapy" not in line and mark in (place / "environ").read_bytes()
            if ours and (helpers or (b"--remote-debugging-pipe" in line and b"--type=" not in line)):
                found.append(int(place.name))
    return found


def is_gone(archive: Path) -> bool:
    """Whether no process of a browser is left, a few seconds after it may have ended."""
    for _ in range(50):
        if not browser_processes(archive, helpers=True):
            return True
        time.sleep(0.2)
    return False
