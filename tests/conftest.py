"""Fixtures that several test modules share: a replica in a process of its own, and crawls through it."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT = 60.0  # seconds until the replica has generated its sites
LONGEST = (  # files by their slow tests; those that are begun last must be short, or one of two workers is left idle
    "test_hostile.py",
    "test_kill.py",
    "test_browser.py",
    "test_docs_commands.py",
    "test_second_pass.py",
    "test_postgres.py",
    "test_scrapyd.py",
    "test_data.py",
    "test_replay_rendered.py",
    "test_timetable.py",
)


def pytest_configure() -> None:
    """Ctrl-C is heard by what the tests start, also where they run in the background: shells let that ignore it.
    No example of a property has a time limit: what the machine does beside is no fault."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; `make check` keeps this order (``--no-loadscope-reorder``)."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


@dataclass(frozen=True)
class ReplicaProcess:
    """A running ``python -m tests.replica``."""

    proxy_url: str
    ca_file: Path
    truth: dict[str, Any]
    log_file: Path

    def requests(self) -> list[dict[str, Any]]:
        """Every answer so far, as in ``tests.replica.server.LogEntry``."""
        return [json.loads(line) for line in self.log_file.read_text(encoding="utf-8").splitlines()]

    def environment(self) -> dict[str, str]:
        """The environment of a process that reaches the replica's sites and nothing else."""
        return {**without_network_settings(), **proxy_variables(self.proxy_url, self.ca_file)}


@dataclass(frozen=True)
class Crawl:
    """A crawl that has ended."""

    status: int
    stdout: str
    stderr: str
    archive: Path


_NO_FLOOR = {"DISK_FLOOR": "0", "DISK_SHARE": "0"}  # nothing here depends on how full the machine's disk is


class Crawler:
    """Runs ``scrapy crawl`` in a process of its own, through the replica.

    ``crawler("baoquocte", "-a", "max_articles=5", settings={"LOG_LEVEL": "INFO"})`` waits for its end;
    ``start`` gives the process at once. Without ``archive`` each crawl has a new folder.
    """

    def __init__(self, replica: ReplicaProcess, folders: pytest.TempPathFactory) -> None:
        self.replica = replica
        self._folders = folders

    def __call__(
        self,
        spider: str,
        *arguments: str,
        archive: Path | None = None,
        settings: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Crawl:
        """Raises subprocess.TimeoutExpired (the process is killed) after ``timeout`` seconds."""
        archive = archive or self.new_archive()
        command = self.command(spider, arguments, archive, settings or {})
        run = subprocess.run(
            command, cwd=ROOT, env=self._environment(env), capture_output=True, text=True, timeout=timeout, check=False
        )
        return Crawl(run.returncode, run.stdout, run.stderr, archive)

    def start(
        self,
        spider: str,
        *arguments: str,
        archive: Path,
        settings: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        stderr: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """The running process, for tests that stop or kill it; its stderr goes to a file, if one is named."""
        command = self.command(spider, arguments, archive, settings or {})
        with (stderr or Path(os.devnull)).open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self._environment(env), stdout=subprocess.DEVNULL, stderr=log
            )

    def new_archive(self) -> Path:
        return self._folders.mktemp("archive")

    def command(self, spider: str, arguments: Sequence[str], archive: Path, settings: Mapping[str, str]) -> list[str]:
        given = {
            "ARCHIVE_DIR": str(archive),
            "HOST_DELAY": "0",
            "CONTACT": "test@example.org",
            "TDMREP": "0",
            **_NO_FLOOR,
            **settings,
        }
        pairs = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        return [sys.executable, "-m", "scrapy", "crawl", spider, *arguments, *pairs]

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return {**self.replica.environment(), **(extra or {})}


def without_network_settings() -> dict[str, str]:
    """This process's environment without proxies, trust stores and Scrapy settings of the machine.

    Bytecode is written, as on a user's machine: a crawl that compiles all modules again needs 0.6 s more.
    """
    removed = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"}
    removed.add("pythondontwritebytecode")
    return {
        name: value
        for name, value in os.environ.items()
        if name.lower() not in removed and not name.startswith("SCRAPY_")
    }


def proxy_variables(proxy_url: str, ca_file: Path) -> dict[str, str]:
    return {"http_proxy": proxy_url, "https_proxy": proxy_url, "SSL_CERT_FILE": str(ca_file)}


def first_line(process: subprocess.Popen[str], timeout: float) -> str:
    """The first line of the process's stdout; fails the test when none comes in time."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(timeout):
            pytest.fail(f"the replica was not ready after {timeout:.0f} s")
    line = process.stdout.readline().strip()
    if not line:
        pytest.fail(f"the replica ended with status {process.wait(10)} before it was ready")
    return line


@contextmanager
def replica_at(folder: Path, clock: str | None = None, *options: str) -> Iterator[ReplicaProcess]:
    """The whole replica at this clock (its default one) on a free port; its files are in the folder."""
    ca_file, truth_file, log_file = folder / "ca.pem", folder / "truth.json", folder / "requests.jsonl"
    log_file.touch()
    files = ["--ca", str(ca_file), "--truth", str(truth_file), "--log", str(log_file)]
    command = [
        sys.executable,
        "-m",
        "tests.replica",
        "--port",
        "0",
        *files,
        *(["--clock", clock] if clock else []),
        *options,
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            proxy_url = first_line(process, READY_TIMEOUT)
            truth = json.loads(truth_file.read_text(encoding="utf-8"))
            yield ReplicaProcess(proxy_url, ca_file, truth, log_file)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def replica_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaProcess]:
    """The whole replica, with its default clock, on a free port."""
    with replica_at(tmp_path_factory.mktemp("replica")) as process:
        yield process


@pytest.fixture(scope="session")
def crawl(replica_process: ReplicaProcess, tmp_path_factory: pytest.TempPathFactory) -> Crawler:
    """Runs crawls through ``replica_process``: see ``Crawler``."""
    return Crawler(replica_process, tmp_path_factory)
