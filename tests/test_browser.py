"""Pages in a real browser, behind the door: lists that scroll, pages that mean harm, and what is left after kills."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, proxy_variables, without_network_settings
from tests.replica.scrolling import ScrollingVietnamvn
from tests.replica.server import DEFAULT_CLOCK, Replica, running
from tests.replica.vietnamvn_sections import WWW
from tests.replica.world import World, build
from warc.reader import read_records

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome on PATH: apt install chromium"),
]
TAG = f"{WWW}/tag/gia-lua-gao"
LIMIT = 240.0  # seconds; a crawl that takes longer hangs


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
        quick = ("-sHOST_DELAY=0", "-sREQUISITE_DELAY=0", "-sCONTACT=test@example.org", f"-sCHROMIUM={CHROMIUM}")
        env = {**without_network_settings(), **proxy_variables(self.replica.proxy_url, self.replica.ca_file)}
        with (self.archive.parent / "stderr").open("ab") as log:
            command = self.command("crawl", *arguments, *quick)
            return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=log)

    def crawl(self, *arguments: str) -> int:
        """The status; fails the test when it hangs or leaves a browser behind."""
        process = self.start(*arguments)
        try:
            status = process.wait(LIMIT)
        finally:
            process.kill()
        assert browsers() == []
        return status

    def told(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self.command(name, *arguments)
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)

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


def browsers() -> list[str]:
    """Command lines of browsers that lead to a dead end of ours, a few seconds after they may have ended."""
    for _ in range(50):
        found = [line for line in map(command_line, Path("/proc").glob("[0-9]*/cmdline")) if "MAP * ~NOTFOUND" in line]
        if not found:
            return []
        time.sleep(0.2)
    return found


def command_line(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:  # it has ended
        return ""


def browser_processes() -> list[int]:
    """The browser itself, not its helpers."""
    lines = {int(path.parent.name): command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    return [pid for pid, line in lines.items() if "MAP * ~NOTFOUND" in line and "--type=" not in line]


@pytest.fixture(scope="module")
def world() -> World:
    return build(DEFAULT_CLOCK, scroll=True)


@pytest.fixture
def scrolling(world: World) -> Iterator[Replica]:
    with running(world.sites) as replica:
        yield replica


def promised(archive: Path) -> set[str]:
    """Articles that the list named, as the crawl log has them: followed or passed over."""
    lines = [line.split() for file in archive.glob("logs/*/*.crawl.log") for line in file.read_text().splitlines()]
    return {line[3] for line in lines if line[4].startswith("L") and line[9].startswith("not_followed")}


@pytest.mark.parametrize("tag", ["gia-lua-gao", "chuyen-doi-so"])
def test_every_article_of_a_list_that_scrolls_is_found(
    scrolling: Replica, world: World, tmp_path: Path, tag: str
) -> None:
    (site,) = (site for site in world.sites if isinstance(site, ScrollingVietnamvn))
    pages = [page for page in site.listings.values() if page.base == f"{WWW}/tag/{tag}"]
    assert len(pages) > 1
    first, all_ = ({s.url for page in part for s in page.stories} for part in (pages[:1], pages))
    for render, expected in (("never", first), ("lists", all_)):
        run = Run(scrolling, tmp_path / render)
        assert run.crawl("vietnamvn", f"-atags={tag}", "-afollow=none", f"-arender={render}") == 0
        assert {url.rstrip("/") for url in promised(run.archive)} == {url.rstrip("/") for url in expected}
        assert run.is_sound()
