"""One address that is told when a person should look: POST with a JSON object, from a thread of its own.

A crawl never waits for it: signals stand in a short queue, each is tried a few times, and the end of a run waits some
seconds at most for what is still there. The address may be private: whoever runs the crawl has named it.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from crawler import __version__
from crawler.dates import utc_text
from crawler.logevents import event

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

SIGNALS: Final = {
    "run_failed": "a run ended with status 1 or 3, or was refused with 3 before it began; `status`",
    "nothing_new": "no article was written for `NOTHING_NEW_HOURS`; `hours`, `last_article_at`",
    "drift": "a field of a template has fallen; `site`, `template`, `field`, `urls`",
    "host_parked": "a host is left alone; `host`, `seconds`",
    "disk_low": "a run stops because the disk is nearly full; `free`, `floor` (bytes)",
    "verification_failed": "`scrapy verify` found faults; `faults`, `files`",
}
SCHEMA: Final = "signal/1"
TRIES: Final = 3
TRY_SECONDS: Final = 5.0  # for each step of a try: connecting, sending, the answer
PAUSES: Final = (1.0, 4.0)  # seconds before the second and the third try
END_SECONDS: Final = 8.0  # that the end of a run waits for what is not told yet
WAITING: Final = 50  # signals; what comes when so many wait is dropped, and counted

logger = logging.getLogger(__name__)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """What an answer names is no address that somebody has configured."""


class Webhook:
    """Sends signals. ``failed`` counts those that could not be delivered."""

    def __init__(
        self, url: str | None, about: dict[str, Any], sleep: Callable[[float], None] = time.sleep, tries: int = TRIES
    ) -> None:
        """Without an address nothing is sent. ``about`` stands in every signal."""
        self.sent = self.failed = 0
        self._url = url
        self._about = about
        self._sleep = sleep
        self._tries = tries
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, settings: BaseSettings, **about: Any) -> Webhook:
        """As the settings say."""
        folder = Path(settings["ARCHIVE_DIR"]).absolute()
        return cls(settings.get("WEBHOOK_URL"), {"archive": str(folder), **about})

    def send(self, name: str, text: str, **facts: Any) -> None:
        """Have a signal sent; returns at once."""
        assert name in SIGNALS
        if self._url is None:
            return
        now = utc_text(datetime.now(UTC))
        signal = {"schema": SCHEMA, "event": name, "at": now, "text": text, **self._about, **facts}
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="webhook", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(signal)
        except queue.Full:
            self._has_failed(name, f"{WAITING} signals are waiting already")

    def close(self, seconds: float = END_SECONDS) -> None:
        """Wait for what is not told yet, so long at most. May be called twice."""
        if self._thread is None:
            return
        try:
            self._waiting.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            logger.warning(
                "The webhook has not answered in time: some signals are not delivered", extra=event("webhook_failed")
            )
        self._thread = None

    def _serve(self) -> None:
        while (signal := self._waiting.get()) is not None:
            self._deliver(signal)

    def _deliver(self, signal: dict[str, Any]) -> None:
        body = json.dumps(signal, ensure_ascii=False).encode("utf-8", "replace")
        why = ""
        for number in range(self._tries):
            if number:
                self._sleep(PAUSES[min(number, len(PAUSES)) - 1])
            try:
                self._post(body)
            except Exception as error:  # noqa: BLE001 - whatever it is, the crawl goes on
                why = f"{type(error).__name__}: {error}"
            else:
                self.sent += 1
                return
        self._has_failed(signal["event"], f"{self._tries} tries, the last one: {why}")

    def _post(self, body: bytes) -> None:
        """Raises for anything but a 2xx answer."""
        assert self._url is not None
        headers = {"Content-Type": "application/json", "User-Agent": f"BaoQuan/{__version__}"}
        request = urllib.request.Request(self._url, body, headers, method="POST")
        opener = urllib.request.build_opener(_NoRedirect)
        opener.open(request, timeout=TRY_SECONDS).close()

    def _has_failed(self, name: str, why: str) -> None:
        self.failed += 1
        host = urlsplit(self._url or "").hostname  # the rest of the address may be a secret
        what = "The webhook at %s was not told of %s: %s"
        logger.error(what, host, name, why, extra=event("webhook_failed", signal=name))
