"""Runs a scenario: a network of its own, the server, the canaries, and ``scrapy crawl`` in the midst of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, without_network_settings
from tests.hostile.judge import SECONDS, Ended
from tests.hostile.nameserver import name_server
from tests.hostile.network import NAME_SERVER, own_network
from tests.hostile.scenario import CANARIES, HTTPS, MIRROR, SITE, Door, Scenario
from tests.oddserver import Canary, OddServer, odd_server
from tests.replica.ca import Authority

SETTINGS: Mapping[str, object] = {
    "CONTACT": "test@example.org",
    "HOST_DELAY": 0,
    "RETRY_TIMES": 1,
    "ROBOTS_RETRY_DELAY": 0.1,
    "ROBOTS_RETRY_TIMES": 2,
    "RESPONSE_DEADLINE": 20,  # where the server keeps the crawl waiting its scenario sets less
    "CONNECT_TIMEOUT": 10,
}
LOADED = 3  # times as long as a crawl may take it is let run: on a busy machine it waits for others
WARM = 1000  # requests after which memory is to stay what it is


def run(scenario: Scenario, folder: Path, seconds: float = SECONDS) -> Ended:
    """Crawl the scenario's paper; its files are put into the folder. To be called in a thread of its own."""
    own_network()
    archive, log = folder / "archive", folder / "log"
    host, port = scenario.site.door
    authority = Authority(named=host) if port == HTTPS else None
    trusted = [authority, *(door.authority for door in scenario.doors if door.trusted)]
    certificates = folder / "trusted.pem"
    certificates.write_bytes(b"".join(one.pem for one in trusted if one is not None))
    environment = without_network_settings()
    if certificates.stat().st_size:
        environment["SSL_CERT_FILE"] = str(certificates)
    taken = {door.listen for door in scenario.doors}
    names = {door.name: ((door.listen[0],),) for door in scenario.doors} | dict(scenario.names)
    with ExitStack() as stack:
        canary = stack.enter_context(Canary(*(address for address in CANARIES if address not in taken)))
        stack.enter_context(name_server(names, (NAME_SERVER, 53)))
        server = stack.enter_context(
            odd_server(scenario.script(), tls=authority, listen=(SITE[0], port), otherwise=scenario.otherwise)
        )
        doors = {door.home: stack.enter_context(_open(door)) for door in scenario.doors}
        ends = [
            _crawl(scenario, command(scenario, archive), environment, log, server, seconds)
            for _ in scenario.statuses or (None,)
        ]
        _ = canary.connects
        every = [*server.requests, *(request for door in doors.values() for request in door.requests)]
        return Ended(
            archive=archive,
            log=log,
            statuses=tuple(end.status for end in ends),
            seconds=max(end.seconds for end in ends),
            cpu=sum(end.cpu for end in ends),
            peak=max(end.peak for end in ends),
            requests=max(len(server.requests), server.connections),
            asked=frozenset(home + path for home, door in (("", server), *doors.items()) for path in _paths(door)),
            growth=ends[-1].growth,
            hits={f"{host}:{port}": times for (host, port), times in canary.hits.items()},
            cookies=sum(b"\r\ncookie:" in request.lower() for request in every),
        )


@dataclass(frozen=True)
class _End:
    """How one run of the command ended."""

    status: int
    seconds: float
    cpu: float
    peak: float
    growth: float | None


def _crawl(
    scenario: Scenario, arguments: list[str], env: Mapping[str, str], log: Path, server: OddServer, seconds: float
) -> _End:
    with log.open("ab") as stderr:
        began = time.monotonic()
        process = subprocess.Popen(arguments, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=stderr)
    killer = threading.Timer(LOADED * seconds, process.kill)
    killer.start()
    memory = Memory(server, process.pid)
    memory.start()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    took = time.monotonic() - began - _kept_waiting(process.pid)
    _, waited, usage = os.wait4(process.pid, 0)
    killer.cancel()
    process.returncode = os.waitstatus_to_exitcode(waited)
    memory.join()
    cpu = usage.ru_utime + usage.ru_stime
    return _End(process.returncode, took, cpu, memory.peak, memory.growth)


def _kept_waiting(pid: int) -> float:
    """Seconds that the process could have run and did not, because others had the processors (proc(5), schedstat)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError):  # a kernel that does not count it
        return 0.0


def _open(door: Door) -> AbstractContextManager[OddServer]:
    return odd_server(door.answers, tls=door.authority, listen=door.listen, greeting=door.greeting)


def _paths(server: OddServer) -> list[str]:
    """What it was asked for."""
    return [request.split(b" ", 2)[1].decode("latin-1") for request in server.requests]


class Memory(threading.Thread):
    """Looks at the crawl's peak of memory (proc(5), VmHWM) until it ends.

    What wait4 tells instead is never less than what the process that started it had.
    """

    def __init__(self, server: OddServer, pid: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._status = Path(f"/proc/{pid}/status")
        self._warm: float | None = None  # the peak at the request that ended the warming up
        self.peak = 0.0  # megabytes

    @property
    def growth(self) -> float | None:
        """Megabytes since then; None when it never came."""
        return None if self._warm is None else self.peak - self._warm

    def run(self) -> None:
        with suppress(OSError):
            while True:
                lines = self._status.read_text("ascii").splitlines()
                found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
                if not found:  # it has ended
                    return
                self.peak = int(found[0]) / 1000
                if self._warm is None and len(self._server.requests) >= WARM:
                    self._warm = self.peak
                time.sleep(0.05)


def command(scenario: Scenario, archive: Path) -> list[str]:
    """The real command."""
    site = scenario.site
    doors = [site.door, (MIRROR, SITE[1])] + [(door.name, door.listen[1]) for door in scenario.doors if door.known]
    opened = ",".join(f"{host}:{port}" for host, port in doors)
    settings = {"ARCHIVE_DIR": archive, "ALLOWED_PRIVATE_HOSTS": opened, **SETTINGS, **scenario.settings}
    seeds = scenario.seeds or [site.home + path for path in site.starts]
    arguments = {"seeds": ",".join(seeds), **scenario.arguments}
    parts = [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
    parts += [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    return [sys.executable, "-m", "scrapy", "crawl", site.spider, *parts]
