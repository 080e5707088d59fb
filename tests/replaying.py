"""Archives served by ``scrapy replay``, and a browser to look at them that reaches nothing else."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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


class Ranges(SimpleHTTPRequestHandler):
    """Files of a folder, and parts of them: of a large file a player asks only for what it shows."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if wanted is None:
            super().do_GET()
            return
        data = Path(self.translate_path(self.path)).read_bytes()
        begin = int(wanted[1]) if wanted[1] else len(data) - int(wanted[2])
        end = int(wanted[2]) + 1 if wanted[1] and wanted[2] else len(data)
        part = data[begin:end]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{begin + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        with suppress(OSError):  # the player has seen enough
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """The folder on a web server of this machine; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


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
