"""Where Chromium is, and how it is started: headless, sandboxed, with no way to the network of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

VARIABLE: Final = "BAOQUAN_CHROMIUM"
ON_THE_PATH: Final = ("chromium", "google-chrome")
VIEWPORT: Final = {"width": 1280, "height": 720}  # as crawler.screen takes the screen to be

# A name that slips past the door is not looked up, UDP is not sent, nothing is asked in the background.
_FLAGS: Final = (
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its older name
    "--disable-quic",
    "--dns-prefetch-disable",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    "--no-first-run",
    "--disable-dev-shm-usage",
)


class NoBrowser(Exception):
    """No page can be rendered here; one line says how to get what is missing."""


def find_chromium(settings: BaseSettings, own: str | None = None) -> str:
    """The program to start; ``own`` is where Playwright keeps its own, None to ask it. Raises NoBrowser."""
    if find_spec("playwright") is None:
        raise NoBrowser("pages cannot be rendered: install the extra with pip install 'bao-quan[browser]'")
    named = settings.get("CHROMIUM") or os.environ.get(VARIABLE)
    if named:
        if (found := shutil.which(named)) is None:
            raise NoBrowser(f"CHROMIUM: {named} is no program; name Chromium's, or leave it out to have it found")
        return found
    own = own or _of_playwright()
    if own and Path(own).exists():
        return own
    for name in ON_THE_PATH:
        if (found := shutil.which(name)) is not None:
            return found
    raise NoBrowser(
        "pages cannot be rendered without Chromium: apt install chromium, playwright install chromium, "
        f"or name the program with -s CHROMIUM=PATH or {VARIABLE}"
    )


def launch_options(program: str, dead_end: int) -> dict[str, Any]:
    """What Playwright is to start; ``dead_end`` is the port that all connections of its own lead to."""
    return {
        "executable_path": program,
        "headless": True,
        "chromium_sandbox": os.geteuid() != 0,  # it does not start with one as root
        "handle_sigint": False,  # the crawl decides when it ends
        "handle_sigterm": False,
        "handle_sighup": False,
        "args": [f"--proxy-server=http://127.0.0.1:{dead_end}", *_FLAGS],
    }


def memory_of(pid: int) -> int:
    """Bytes that a process shares with no file; 0 when it has ended, or where there is no /proc (proc(5), statm)."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text("ascii").split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def _of_playwright() -> str | None:
    """Where Playwright would keep its own Chromium: only its driver knows, so it is asked, on a loop of its own."""
    found: list[str] = []

    async def ask() -> None:
        from playwright.async_api import async_playwright

        async with async_playwright() as playwright:
            found.append(playwright.chromium.executable_path)

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    thread.join()
    return found[0] if found else None
