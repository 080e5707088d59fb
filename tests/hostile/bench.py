"""Runs a scenario: a network of its own, the server, the canaries, and ``scrapy crawl`` in the midst of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.conftest import ROOT, without_network_settings
from tests.hostile.judge import SECONDS, Ended
from tests.hostile.network import own_network
from tests.hostile.scenario import CANARIES, HOST, MIRROR, SITE, Scenario
from tests.oddserver import Canary, OddServer, odd_server

SETTINGS: Mapping[str, object] = {
    "CONTACT": "test@example.org",
    "ALLOWED_PRIVATE_HOSTS": f"{HOST}:{SITE[1]},{MIRROR}:{SITE[1]}",
    "HOST_DELAY": 0,
    "RETRY_TIMES": 1,
    "ROBOTS_RETRY_DELAY": 0.1,
    "ROBOTS_RETRY_TIMES": 2,
    "RESPONSE_DEADLINE": 20,  # where the server keeps the crawl waiting its scenario sets less
    "CONNECT_TIMEOUT": 10,
}
WARM = 1000  # requests after which memory is to stay what it is


def run(scenario: Scenario, folder: Path, seconds: float = SECONDS) -> Ended:
    """Crawl the scenario's paper; its files are put into the folder. To be called in a thread of its own."""
    own_network()
    archive, log = folder / "archive", folder / "log"
    with ExitStack() as stack:
        canary = stack.enter_context(Canary(*CANARIES))
        server = stack.enter_context(odd_server(scenario.script(), listen=SITE, otherwise=scenario.otherwise))
        with log.open("wb") as stderr:
            began = time.monotonic()
            process = subprocess.Popen(
                command(scenario, archive),
                cwd=ROOT,
                env=without_network_settings(),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        killer = threading.Timer(seconds + 5, process.kill)
        killer.start()
        memory = Memory(server, process.pid)
        if scenario.growth is not None:
            memory.start()
        _, waited, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(waited)
        _ = canary.connects
        return Ended(
            archive=archive,
            log=log,
            status=process.returncode,
            seconds=took,
            cpu=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss / 1000,
            requests=max(len(server.requests), server.connections),
            asked=frozenset(request.split(b" ", 2)[1].decode("latin-1") for request in server.requests),
            growth=memory.growth,
            hits={f"{host}:{port}": times for (host, port), times in canary.hits.items()},
        )


class Memory(threading.Thread):
    """Looks at the crawl's peak of memory until it ends."""

    def __init__(self, server: OddServer, pid: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._status = Path(f"/proc/{pid}/status")
        self._peaks: list[float] = []  # from the request on that ends the warming up

    @property
    def growth(self) -> float | None:
        """Megabytes from the first look to the last; None when nothing was seen."""
        return self._peaks[-1] - self._peaks[0] if len(self._peaks) > 1 else None

    def run(self) -> None:
        with suppress(OSError):
            while True:
                time.sleep(0.05)
                if len(self._server.requests) >= WARM:
                    lines = self._status.read_text("ascii").splitlines()
                    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
                    if not found:  # it has ended
                        return
                    self._peaks.append(int(found[0]) / 1000)


def command(scenario: Scenario, archive: Path) -> list[str]:
    """The real command."""
    settings = {"ARCHIVE_DIR": archive, **SETTINGS, **scenario.settings}
    arguments = {"seeds": ",".join(scenario.seeds), **scenario.arguments}
    parts = [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
    parts += [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    return [sys.executable, "-m", "scrapy", "crawl", "news", *parts]
