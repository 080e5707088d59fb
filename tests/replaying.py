"""Archives served by ``scrapy replay``, and a browser to look at them that reaches nothing else."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, without_network_settings
from tests.peers import peer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
SEALED = (  # whatever is not on this machine is neither found nor reached
    "--proxy-server=http://127.0.0.1:1",
    "--proxy-bypass-list=127.0.0.1",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
)
ARCHIVED = re.compile(r"/archive/\d+(?:[a-z]{2}_)?/(?:https?:)?(//.*)")


@contextmanager
def serving(archive: Path) -> Iterator[str]:
    """``scrapy replay`` on this archive; its address, such as ``http://127.0.0.1:4711/archive/``."""
    environment = peer("wayback").parent.parent
    command = [sys.executable, "-m", "scrapy", "replay", "--port", "0"]
    command += ["-s", f"ARCHIVE_DIR={archive}", "-s", f"PYWB={environment}"]
    with subprocess.Popen(
        command, cwd=ROOT, env=without_network_settings(), stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(server.stdout, selectors.EVENT_READ)
                assert selector.select(90), "scrapy replay did not say that it is ready"
            yield server.stdout.readline().split(" ")[0]
        finally:
            server.terminate()
            assert server.wait(20) == 0


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Debian's Chromium with these arguments; skips the test where it is not."""
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"no {CHROMIUM}: apt-get install -y chromium")
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*arguments, *sandbox])
        yield browser
        browser.close()


@dataclass
class Seen:
    """What a page asked for, and what it was answered."""

    asked: list[str] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", lambda response: self.answered.update({response.url: response.status}))
        page.on("requestfailed", lambda request: self.failed.append(request.url))


def plain(text: str) -> str:
    """Text as it can be compared: NFC, one space between words."""
    return " ".join(unicodedata.normalize("NFC", text.replace("\u00ad", "").replace("\u200b", "")).split())


def archived_address(url: str) -> str | None:
    """The address of the site in a replay's address."""
    found = ARCHIVED.search(url)
    return f"https:{found[1]}" if found else None
