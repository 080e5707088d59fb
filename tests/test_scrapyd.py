"""A real Scrapyd runs the egg that scrapyd-deploy builds, and archives what the same crawl from a terminal does."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.parse
import urllib.request
import venv
import zipfile
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Crawler, ReplicaProcess, without_network_settings
from tests.truth import rows_of

pytestmark = pytest.mark.slow

PACKAGES = ("crawler", "pipelines", "spiders", "warc")
USER, PASSWORD = "thu", "do-ngang"
READY_TIMEOUT, DEPLOY_TIMEOUT, JOB_TIMEOUT = 60.0, 120.0, 240.0  # seconds
ARGUMENTS = {"since": "2016-01-01"}
SETTINGS = {"HOST_DELAY": "0", "CONTACT": "test@example.org"}
# What is of the capture or the run, not of the article; which of its links came first is the network's doing.
OF_THE_RUN = ("row_id", "run", "captured_at", "first_captured_at", "warc", "found_by")


@dataclass(frozen=True)
class Scrapyd:
    """A running Scrapyd and the folder that it works in."""

    url: str
    folder: Path

    def ask(self, action: str, user: str = USER, **values: str | list[str]) -> dict[str, Any]:
        """POST to schedule and cancel, else GET; urllib.error.HTTPError on a refusal, AssertionError on a failure."""
        query = urllib.parse.urlencode(values, doseq=True)
        url = f"{self.url}{action}.json"
        change = action in ("schedule", "cancel")
        request = urllib.request.Request(url, query.encode()) if change else urllib.request.Request(f"{url}?{query}")
        secret = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy of this machine
        with opener.open(request, timeout=READY_TIMEOUT) as response:
            answer: dict[str, Any] = json.load(response)
        assert answer["status"] == "ok", answer
        return answer

    def schedule(self, archive: Path, **arguments: str) -> str:
        """The new job's id."""
        settings = [f"{name}={value}" for name, value in {**SETTINGS, "ARCHIVE_DIR": archive}.items()]
        answer = self.ask("schedule", project="baoquan", spider="baoquocte", setting=settings, **arguments)
        return str(answer["jobid"])

    def state(self, job: str) -> str:
        """pending, running or finished; finished says nothing of how it ended."""
        jobs = self.ask("listjobs")
        return next(state for state in ("finished", "running", "pending") if job in [one["id"] for one in jobs[state]])

    def wait(self, job: str) -> str:
        """The job's log, once it has ended."""
        deadline = time.monotonic() + JOB_TIMEOUT
        while self.state(job) != "finished":
            if time.monotonic() > deadline:
                pytest.fail(f"job {job} is {self.state(job)} after {JOB_TIMEOUT:.0f} s: {self.log(job)[-3000:]}")
            time.sleep(0.2)
        return self.log(job)

    def log(self, job: str) -> str:
        file = self.folder / "logs" / "baoquan" / "baoquocte" / f"{job}.log"
        return file.read_text("utf-8") if file.exists() else (self.folder / "scrapyd.log").read_text("utf-8")


@pytest.fixture(scope="module")
def sources() -> list[str]:
    """Files of the project, those of git and those that it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(name for name in set(names) if name and (ROOT / name).is_file())


@pytest.fixture(scope="module")
def scrapyd(tmp_path_factory: pytest.TempPathFactory, replica_process: ReplicaProcess) -> Iterator[Scrapyd]:
    folder = tmp_path_factory.mktemp("scrapyd")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = ConfigParser()
    config["scrapyd"] = {
        "bind_address": "127.0.0.1",
        "http_port": str(port),
        "username": USER,
        "password": PASSWORD,
        "poll_interval": "0.2",
        "eggs_dir": str(folder / "eggs"),
        "logs_dir": str(folder / "logs"),
        "dbs_dir": str(folder / "dbs"),
        "items_dir": "",  # else it deletes all but the newest five
        "jobs_dir": "",  # the ledger remembers
        "jobstorage": "scrapyd.jobstorage.SqliteJobStorage",
    }
    with (folder / "scrapyd.conf").open("w", encoding="utf-8") as file:
        config.write(file)
    env = {**replica_process.environment(), "HOME": str(folder)}
    server = Scrapyd(f"http://127.0.0.1:{port}/", folder)
    python = python_without_the_project(folder / "python")
    with (folder / "scrapyd.log").open("wb") as log:
        command = [python, "-m", "scrapyd", "--pidfile="]
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def python_without_the_project(folder: Path) -> str:
    """Python with all that is installed here but the project: what a job imports of it, the egg has brought."""
    venv.create(folder, symlinks=True, with_pip=False)
    (there,) = folder.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("bao_quan", "__editable__")):
            (there / entry.name).symlink_to(entry)
    return str(folder / "bin" / "python")


def wait_until_ready(server: Scrapyd, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.ask("daemonstatus")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Scrapyd is not ready: {(server.folder / 'scrapyd.log').read_text('utf-8')[-3000:]}")


@pytest.fixture(scope="module")
def egg(scrapyd: Scrapyd, sources: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployed egg, built in a copy so that the checkout stays as it is."""
    project = tmp_path_factory.mktemp("project")
    for name in sources:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    config = ConfigParser()
    config.read(project / "scrapy.cfg")
    assert config["deploy"]["url"] == "http://127.0.0.1:6800/"
    config["deploy"].update({"url": scrapyd.url, "username": USER, "password": PASSWORD})
    with (project / "scrapy.cfg").open("w", encoding="utf-8") as file:
        config.write(file)
    deploy = subprocess.run(
        [Path(sys.executable).with_name("scrapyd-deploy")],
        cwd=project,
        env={**without_network_settings(), "HOME": str(project)},
        capture_output=True,
        text=True,
        timeout=DEPLOY_TIMEOUT,
        check=False,
    )
    assert deploy.returncode == 0, deploy.stderr[-3000:] + deploy.stdout
    assert json.loads(deploy.stdout)["spiders"] == len(list_of_spiders())
    (built,) = (scrapyd.folder / "eggs" / "baoquan").glob("*.egg")
    return built


def list_of_spiders() -> list[str]:
    run = subprocess.run(
        [sys.executable, "-m", "scrapy", "list"],
        cwd=ROOT,
        env=without_network_settings(),
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.split()


def test_the_egg_holds_the_packages_and_nothing_else(egg: Path, sources: Sequence[str]) -> None:
    packed = zipfile.ZipFile(egg).namelist()
    assert {name.partition("/")[0] for name in packed} == {"EGG-INFO", *PACKAGES}
    ours = {name for name in sources if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    assert "crawler/py.typed" in ours
    assert ours - set(packed) == set()


def test_scrapyd_knows_the_spiders(scrapyd: Scrapyd, egg: Path) -> None:
    assert scrapyd.ask("listspiders", project="baoquan")["spiders"] == list_of_spiders()


def test_strangers_are_refused(scrapyd: Scrapyd, egg: Path, tmp_path: Path) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        scrapyd.ask("schedule", user="khach", project="baoquan", spider="baoquocte")


@pytest.fixture(scope="module")
def job(scrapyd: Scrapyd, egg: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, str]:
    """A job that has ended: its id, its archive and its log."""
    archive = tmp_path_factory.mktemp("archive")
    name = scrapyd.schedule(archive, **ARGUMENTS)
    return name, archive, scrapyd.wait(name)


def test_a_job_archives_what_the_terminal_does(job: tuple[str, Path, str], crawl: Crawler) -> None:
    _, archive, log = job
    assert "Ended (finished)" in log, log[-3000:]
    assert "Traceback" not in log
    pairs = [part for pair in ARGUMENTS.items() for part in ("-a", "=".join(pair))]
    same = crawl("baoquocte", *pairs, timeout=JOB_TIMEOUT)
    assert same.status == 0, same.stderr[-3000:]
    there, here = (of_the_articles(rows_of(folder)) for folder in (archive, same.archive))
    assert len(there) > 100
    assert there.keys() == here.keys()
    assert [(key, there[key], here[key]) for key in there if there[key] != here[key]] == []


def of_the_articles(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    articles = {row["id"]: {key: value for key, value in row.items() if key not in OF_THE_RUN} for row in rows}
    assert len(articles) == len(rows)
    return articles


def test_the_job_is_named_in_files_and_rows(job: tuple[str, Path, str]) -> None:
    name, archive, _ = job
    files = [path.relative_to(archive) for path in archive.glob("*/baoquocte/*") if path.is_file()]
    assert {"warc", "articles", "links"} <= {file.parts[0] for file in files}
    assert [file for file in files if f"-{name}." not in file.name and f"-{name}-meta." not in file.name] == []
    assert {row["run"] for row in rows_of(archive)} == {name}


def test_nothing_lands_where_scrapyd_works(scrapyd: Scrapyd, job: tuple[str, Path, str]) -> None:
    made = {path.name for path in scrapyd.folder.iterdir()}
    assert made == {"scrapyd.conf", "scrapyd.log", "python", "eggs", "logs", "dbs"}


def test_a_cancelled_job_is_gone_on_with_by_the_next(
    scrapyd: Scrapyd, job: tuple[str, Path, str], tmp_path: Path
) -> None:
    first = scrapyd.schedule(tmp_path, **ARGUMENTS)
    deadline = time.monotonic() + JOB_TIMEOUT
    while not (rows := list(tmp_path.glob("articles/*/*"))) or rows[0].stat().st_size < 100_000:
        assert scrapyd.state(first) != "finished", scrapyd.log(first)[-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    scrapyd.ask("cancel", project="baoquan", job=first)
    assert "Ended (shutdown)" in scrapyd.wait(first)
    before = rows_of(tmp_path)
    second = scrapyd.schedule(tmp_path, **ARGUMENTS)
    assert "Ended (finished)" in scrapyd.wait(second)
    _, archive, _ = job
    both = of_the_articles(rows_of(tmp_path))
    assert 0 < len(before) < len(both)
    assert both.keys() == of_the_articles(rows_of(archive)).keys()
    assert {row["run"] for row in rows_of(tmp_path)} == {first, second}


def test_a_mistake_is_said_in_the_log(scrapyd: Scrapyd, egg: Path, tmp_path: Path) -> None:
    """Scrapyd shows a job's log and not its status."""
    name = scrapyd.schedule(tmp_path / "archive", max_article="3")
    assert "scrapy: unknown argument 'max_article': choose from" in scrapyd.wait(name)
    assert not (tmp_path / "archive").exists()
