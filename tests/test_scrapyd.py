"""A real Scrapyd, started as docs/scrapyd.md says, runs the egg that scrapyd-deploy builds; the hostile is refused."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from crawler.ledger_runs import RunTable
from crawler.lock import holder_of
from crawler.scrapyd_start import prepare
from tests.conftest import ROOT, ReplicaProcess, without_network_settings
from tests.test_docs_commands import commands
from tests.test_readme import TEXTS
from tests.test_truth import EVERYTHING, SITES
from tests.truth import compare, reachable, rows_of, with_late_sources, with_sources
from warc.reader import read_records

pytestmark = pytest.mark.slow

PACKAGES = ("crawler", "pipelines", "spiders", "warc")
PASSWORD = "do-ngang"
DEPLOYED = "7.7.7"  # version of the project in the egg: the copy that the server has installed is another one
READY_TIMEOUT, DEPLOY_TIMEOUT, JOB_TIMEOUT = 60.0, 120.0, 400.0  # seconds
ARGUMENTS = {"since": "2016-01-01", "languages": "vi,en", "follow": EVERYTHING, "related_depth": "9"}
SETTINGS = ["HOST_DELAY=0", "CONTACT=test@example.org"]


@dataclass(frozen=True)
class Scrapyd:
    """A running Scrapyd; in ``folder`` there are its own, ``service``, the ``archive``, a ``home`` and neighbours."""

    url: str
    folder: Path

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def ask(self, action: str, password: str = PASSWORD, **values: str | Sequence[str]) -> dict[str, Any]:
        """POST to schedule and cancel, else GET; urllib.error.HTTPError on a refusal, AssertionError on a failure."""
        query = urllib.parse.urlencode(values, doseq=True, errors="surrogateescape")
        url = f"{self.url}{action}.json"
        change = action in ("schedule", "cancel")
        request = urllib.request.Request(url, query.encode()) if change else urllib.request.Request(f"{url}?{query}")
        with self.open(request, password) as response:
            answer: dict[str, Any] = json.load(response)
        assert answer["status"] == "ok", answer
        return answer

    def open(self, request: urllib.request.Request, password: str = PASSWORD) -> Any:
        secret = base64.b64encode(f"baoquan:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy of this machine
        return opener.open(request, timeout=READY_TIMEOUT)

    def schedule(self, spider: str, **arguments: str) -> str:
        """The new job's id."""
        answer = self.ask("schedule", project="baoquan", spider=spider, setting=SETTINGS, **arguments)
        return str(answer["jobid"])

    def state(self, job: str) -> str:
        """pending, running or finished; finished says nothing of how it ended."""
        jobs = self.ask("listjobs")
        return next(state for state in ("finished", "running", "pending") if job in [one["id"] for one in jobs[state]])

    def wait(self, spider: str, job: str) -> str:
        """The job's log, once it has ended."""
        deadline = time.monotonic() + JOB_TIMEOUT
        while self.state(job) != "finished":
            if time.monotonic() > deadline:
                pytest.fail(f"{job} is {self.state(job)} after {JOB_TIMEOUT:.0f} s: {self.log(spider, job)[-3000:]}")
            time.sleep(0.2)
        return self.log(spider, job)

    def log(self, spider: str, job: str) -> str:
        """As Scrapyd shows it."""
        with self.open(urllib.request.Request(f"{self.url}logs/baoquan/{spider}/{job}.log")) as response:
            return str(response.read().decode())

    def outside(self) -> dict[str, str]:
        """Every file that is neither in the archive nor in Scrapyd's own folders, with its digest."""
        own = [self.archive, *(self.folder / "service" / name for name in ("eggs", "logs", "dbs"))]
        files = [path for path in self.folder.rglob("*") if not any(path.is_relative_to(place) for place in own)]
        return {str(path): sha256(path.read_bytes()).hexdigest() if path.is_file() else "" for path in files}


@pytest.fixture(scope="module")
def sources() -> list[str]:
    """Files of the project, those of git and those that it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(name for name in set(names) if name and (ROOT / name).is_file())


@pytest.fixture(scope="module")
def scrapyd(tmp_path_factory: pytest.TempPathFactory, replica_process: ReplicaProcess) -> Iterator[Scrapyd]:
    folder = tmp_path_factory.mktemp("scrapyd")
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    (folder / "home" / "hạt giống.txt").write_text("https://baoquocte.vn/mot.html\n", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Scrapyd(f"http://127.0.0.1:{port}/", folder)
    conf = prepare(folder / "service", server.archive, PASSWORD)
    assert conf.stat().st_mode & 0o777 == 0o600
    text = conf.read_text("utf-8").replace("= 6800", f"= {port}\npoll_interval = 0.2\nmax_proc = 4")
    conf.write_text(text, "utf-8")
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    env = {**replica_process.environment(), **places}
    (folder / "scrapyd.log").touch()
    with (tmp_path_factory.mktemp("log") / "scrapyd.log").open("w+b") as log:
        command = [sys.executable, "-m", "crawler.scrapyd_start", str(folder / "service")]
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until_ready(server, process, Path(log.name))
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until_ready(server: Scrapyd, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.ask("daemonstatus")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Scrapyd is not ready: {log.read_text('utf-8')[-3000:]}")


@pytest.fixture(scope="module")
def egg(scrapyd: Scrapyd, sources: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployed egg, built in a copy so that the checkout stays as it is."""
    project = tmp_path_factory.mktemp("project")
    for name in sources:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    code = project / "crawler" / "__init__.py"
    code.write_text(code.read_text("utf-8").replace('"0.1.0"', f'"{DEPLOYED}"'), "utf-8")
    config = ConfigParser()
    config.read(project / "scrapy.cfg")
    assert config["deploy"]["url"] == "http://127.0.0.1:6800/"
    config["deploy"]["url"] = scrapyd.url
    with (project / "scrapy.cfg").open("w", encoding="utf-8") as file:
        config.write(file)
    deploy = subprocess.run(
        [Path(sys.executable).with_name("scrapyd-deploy")],
        cwd=project,
        env={**without_network_settings(), "HOME": str(project), "SCRAPYD_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=DEPLOY_TIMEOUT,
        check=False,
    )
    assert deploy.returncode == 0, deploy.stderr[-3000:] + deploy.stdout
    assert json.loads(deploy.stdout)["spiders"] == len(list_of_spiders())
    (built,) = (scrapyd.folder / "service" / "eggs" / "baoquan").glob("*.egg")
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


@pytest.fixture(scope="module")
def before(scrapyd: Scrapyd, egg: Path) -> dict[str, str]:
    """The files outside before any job."""
    return scrapyd.outside()


def test_the_egg_holds_the_packages_and_nothing_else(egg: Path, sources: Sequence[str]) -> None:
    packed = zipfile.ZipFile(egg).namelist()
    assert {name.partition("/")[0] for name in packed} == {"EGG-INFO", *PACKAGES}
    ours = {name for name in sources if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    assert "crawler/py.typed" in ours
    assert ours - set(packed) == set()


def test_scrapyd_knows_the_project_and_its_spiders(scrapyd: Scrapyd, egg: Path) -> None:
    assert scrapyd.ask("listprojects")["projects"] == ["baoquan"]
    assert scrapyd.ask("listspiders", project="baoquan")["spiders"] == list_of_spiders()


def test_strangers_are_refused(scrapyd: Scrapyd, egg: Path) -> None:
    for action in ("daemonstatus", "schedule", "listjobs"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            scrapyd.ask(action, password="khach", project="baoquan", spider="baoquocte")


# --- What is refused ----------------------------------------------------------------------------------------------

LONG = "d" * 5000
HOSTILE: list[dict[str, Any]] = [
    {"setting": "EXTENSIONS={'os.system': 1}"},
    {"setting": "ITEM_PIPELINES={}"},
    {"setting": "SPIDER_MODULES=os"},
    {"setting": "ADDONS={}"},
    {"setting": "ARCHIVE_DIR=/tmp/elsewhere"},
    {"setting": "ARCHIVE_DIR=../elsewhere"},
    {"setting": 'FEEDS={"/tmp/out.jsonl": {"format": "jsonlines"}}'},
    {"setting": "LOG_FILE=../../home/out.log"},
    {"setting": "JOBDIR=/tmp/jobs"},
    {"setting": "CHROMIUM=/bin/sh"},
    {"setting": "ALLOWED_PRIVATE_HOSTS=127.0.0.1:6800"},
    {"setting": "TWISTED_REACTOR=os.system"},
    {"setting": "-o=out.jsonl"},
    {"setting": "DISK_FLOOR=0"},
    {"setting": "WEBHOOK=http://127.0.0.1:1/"},
    {"setting": "HOST_DELAY"},
    {"setting": "HOST_DELAY=%s"},
    {"setting": "CONTACT=a\r\nX-Evil: 1"},
    {"setting": ["HOST_DELAY=1", "EDITOR=sh"]},
    {"seeds": "@home/hạt giống.txt"},
    {"seeds": "@/etc/passwd"},
    {"seeds": "file:///etc/passwd"},
    {"seeds": "https://baoquocte.vn/\0"},
    {"seeds": f"https://baoquocte.vn/{LONG}"},
    {"seeds": "http://127.0.0.1:6800/"},
    {"tags": "../../../etc/passwd"},
    {"tags": "%2e%2e%2f%2e%2e%2fetc-1"},
    {"tags": "/etc/passwd"},
    {"tags": "a\\..\\b-1"},
    {"tags": LONG},
    {"tags": "a\nb-1"},
    {"tags": "a\0b-1"},
    {"tags": "%s%n%x-1"},
    {"tags": "{0.__class__}-1"},
    {"tags": "%(job)s-1"},
    {"tags": "${jndi:ldap}-1"},
    {"categories": "xa-hoi/../../.."},
    {"max_articles": "%d"},
    {"max_articles": "9" * 5000},
    {"since": "{0}"},
    {"languages": "\u2028vi"},
    {"follow": "article;rm -rf ."},
    {"max_article": "3"},
    {"--output": "out.jsonl"},
    {"_job": "mine"},
    {"settings": "{}"},
    {"name": "news"},
    {"jobid": "../../home/evil"},
    {"jobid": LONG},
    {"jobid": "a\0b"},
    {"priority": "nan"},
    {"tags": ["a-1", "b-1"]},
    {"tags": "\udcff-1"},
]


@pytest.mark.parametrize("asked", HOSTILE, ids=lambda asked: json.dumps(asked)[:40])
def test_hostile_requests_are_refused(scrapyd: Scrapyd, before: dict[str, str], asked: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        scrapyd.ask("schedule", project="baoquan", spider="baoquocte", **asked)
    answer = json.load(refused.value)
    assert answer["status"] == "error"
    assert 10 < len(answer["message"]) < 2000
    assert "\n" not in answer["message"]


def test_what_was_refused_left_nothing(scrapyd: Scrapyd, before: dict[str, str]) -> None:
    jobs = scrapyd.ask("listjobs")
    assert [jobs[state] for state in ("pending", "running", "finished")] == [[], [], []]
    assert scrapyd.outside() == before
    assert not scrapyd.archive.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-s", "ARCHIVE_DIR=/tmp/elsewhere"], "setting 'ARCHIVE_DIR' cannot be given with a schedule"),
        (["-s", "EXTENSIONS={}"], "setting 'EXTENSIONS' cannot be given with a schedule"),
        (["-s", "SPIDER_MODULES=os"], "setting 'SPIDER_MODULES' cannot be given with a schedule"),
        (["-a", "seeds=@../home/hạt giống.txt"], "seeds=@FILE would read a file of the server"),
        (["-a", "tags=" + "d" * 20_001], "tags is longer than 20000 letters"),
        (["-a", "tags=../a-1"], "looks like a file path"),
        (["-a", "-o=out.jsonl"], "expected one argument"),
    ],
)
def test_a_job_refuses_it_too(
    scrapyd: Scrapyd, before: dict[str, str], arguments: Sequence[str], told: str, tmp_path: Path
) -> None:
    """Whatever has put it into Scrapyd's queue. The line is in the job's log, which is all that Scrapyd shows."""
    command = [sys.executable, "-m", "crawler.scrapyd_runner", "crawl", "baoquocte", *arguments]
    log = tmp_path / "job.log"
    env = {**without_network_settings(), "SCRAPY_PROJECT": "baoquan", "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [*command, "-s", f"LOG_FILE={log}", "-s", "CONTACT=test@example.org"],
        cwd=scrapyd.folder / "service",
        env=env,
        capture_output=True,
        text=True,
        timeout=READY_TIMEOUT,
        check=False,
    )
    assert run.returncode == 2, run.stderr[-2000:]
    assert told in run.stderr
    assert log.exists() == ("expected" not in told)
    assert scrapyd.outside() == before
    assert not scrapyd.archive.exists()


# --- Two jobs, of which one is cancelled --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jobs(scrapyd: Scrapyd, before: dict[str, str]) -> dict[str, list[str]]:
    """The ids of each spider's jobs: of one, cancelled while it had rows, and the one that went on."""
    first = {spider: scrapyd.schedule(spider, **ARGUMENTS) for spider in SITES}
    deadline = time.monotonic() + JOB_TIMEOUT
    while not (rows := list(scrapyd.archive.glob("articles/baoquocte/*"))) or rows[0].stat().st_size < 100_000:
        assert scrapyd.state(first["baoquocte"]) != "finished", scrapyd.log("baoquocte", first["baoquocte"])[-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    scrapyd.ask("cancel", project="baoquan", job=first["baoquocte"])
    assert "Ended (shutdown)" in scrapyd.wait("baoquocte", first["baoquocte"])
    second = scrapyd.schedule("baoquocte", **ARGUMENTS)
    for spider, job in (("baoquocte", second), ("vietnamvn", first["vietnamvn"])):
        log = scrapyd.wait(spider, job)
        assert "Ended (finished)" in log, log[-3000:]
        assert "Traceback" not in log
    return {"baoquocte": [first["baoquocte"], second], "vietnamvn": [first["vietnamvn"]]}


@pytest.mark.parametrize("spider", SITES)
def test_every_reachable_article_has_its_row(
    spider: str, scrapyd: Scrapyd, jobs: dict[str, list[str]], replica_process: ReplicaProcess
) -> None:
    site = SITES[spider]
    rows = [row for row in rows_of(scrapyd.archive) if row["site"] == site]
    expected = reachable(replica_process.truth["sites"][site]["articles"], ("vi", "en"))
    found = compare(with_late_sources(rows, scrapyd.archive), with_sources(expected))
    assert found, found.table()
    assert {row["run"] for row in rows} == set(jobs[spider])


def test_the_job_is_named_everywhere(scrapyd: Scrapyd, jobs: dict[str, list[str]]) -> None:
    for spider, ids in jobs.items():
        files = [path for path in scrapyd.archive.glob(f"*/{spider}/*") if path.is_file()]
        assert {"warc", "articles", "links", "logs", "reports"} <= {file.parent.parent.name for file in files}
        named = [(job, file) for file in files for job in ids if f"-{job}." in file.name or f"-{job}-" in file.name]
        assert {file for _, file in named} == set(files)
        with RunTable(scrapyd.archive) as runs:
            ends = [(run.status, run.reason) for job in ids if (run := runs.run(spider, job)) is not None]
        assert ends == [(11, "shutdown"), (0, "finished")][-len(ids) :]
        reports = [json.loads(file.read_text("utf-8")) for file in files if file.match("reports/*/*.json")]
        assert {report["run"]["job"] for report in reports} == set(ids)


def test_what_was_deployed_has_run(scrapyd: Scrapyd, jobs: dict[str, list[str]]) -> None:
    """And not the copy of the project that the server has installed."""
    for spider in jobs:
        for file in (scrapyd.archive / "warc" / spider).glob("*.warc.gz"):
            info = next(iter(read_records(file)))
            assert DEPLOYED in info.block.decode()


def test_nothing_is_written_elsewhere(scrapyd: Scrapyd, before: dict[str, str], jobs: dict[str, list[str]]) -> None:
    assert scrapyd.outside() == before
    assert {path.name for path in (scrapyd.folder / "service").iterdir()} == {
        *("scrapyd.conf", "scrapy.cfg", "eggs", "logs", "dbs")
    }


def test_the_password_is_private(tmp_path: Path) -> None:
    conf = prepare(tmp_path, tmp_path / "archive 100%")
    config = ConfigParser()
    config.read(conf)
    assert len(config["scrapyd"]["password"]) >= 32
    assert config["baoquan"]["archive_dir"] == str(tmp_path / "archive 100%")
    text = conf.read_text("utf-8")
    assert prepare(tmp_path, tmp_path / "other") == conf
    assert conf.read_text("utf-8") == text
    conf.chmod(0o644)
    run = subprocess.run(
        [sys.executable, "-m", "crawler.scrapyd_start", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr.endswith(f"can be read by others: chmod 600 {conf}\n")


def timetable(scrapyd: Scrapyd, folder: Path, text: str) -> Callable[[int], tuple[int, str]]:
    """Looks at this timetable so many seconds from now: the exit status, and what is told."""
    schedule = folder / "schedule.toml"
    schedule.write_text(f'scrapyd = "{scrapyd.folder}/service/scrapyd.conf"\n{text}', "utf-8")
    now = datetime.now(UTC)

    def tick(seconds: int) -> tuple[int, str]:
        then = (now + timedelta(seconds=seconds)).isoformat()
        command = [sys.executable, "-m", "scrapy", "timetable", "tick", "--file", str(schedule), "--now", then]
        command += ["-s", f"ARCHIVE_DIR={scrapyd.archive}"]
        env = without_network_settings()
        run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=READY_TIMEOUT)
        assert run.stderr == ""
        return run.returncode, run.stdout

    return tick


def wait_until_begun(scrapyd: Scrapyd, spider: str, job: str) -> None:
    """Until the ledger knows of the run."""
    deadline = time.monotonic() + READY_TIMEOUT
    with RunTable(scrapyd.archive) as runs:
        while runs.run(spider, job) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_timetable_starts_a_job_once(scrapyd: Scrapyd, jobs: dict[str, list[str]], tmp_path: Path) -> None:
    """Whatever Scrapyd knows of it: that it waits, runs, or has ended."""
    entry = """
        [entries.it]
        spider = "vietnamvn"
        cron = "* * * * *"
        arguments = { follow = "none" }
        settings = { HOST_DELAY = 0, CONTACT = "test@example.org" }
    """
    tick = timetable(scrapyd, tmp_path, entry)
    status, told = tick(0)
    assert (status, "it is in the timetable from now on" in told) == (0, True)
    _, told = tick(60)
    (job,) = re.findall(r"^\S+ it started \(due \S+\) job (\S+)$", told, re.M)
    assert tick(60) == (0, "")
    assert "Ended (finished)" in scrapyd.wait("vietnamvn", job)
    assert tick(60) == (0, "")
    with RunTable(scrapyd.archive) as runs:
        assert (run := runs.run("vietnamvn", job)) is not None
        assert run.status == 0
    assert len(scrapyd.ask("listjobs")["finished"]) == sum(map(len, jobs.values())) + 1


def test_the_timetable_ends_a_job_that_hangs(
    scrapyd: Scrapyd, jobs: dict[str, list[str]], replica_process: ReplicaProcess, tmp_path: Path
) -> None:
    """Scrapyd is asked to, and the scope goes on in a job of its own."""
    articles = replica_process.truth["sites"]["vietnam.vn"]["articles"].values()
    seeds = [article["url"] for article in articles if article["language"] == "vi"][:3]
    entry = f"""
        hung = "5m"
        end_hung = true
        [entries.long]
        spider = "vietnamvn"
        cron = "* * * * *"
        arguments = {{ seeds = {json.dumps(seeds)}, recrawl = "all", follow = "none" }}
        settings = {{ HOST_DELAY = 3, CONTACT = "test@example.org" }}
    """
    tick = timetable(scrapyd, tmp_path, entry)
    tick(0)
    (job,) = re.findall(r" long started \(due \S+\) job (\S+)$", tick(60)[1], re.M)
    wait_until_begun(scrapyd, "vietnamvn", job)
    holder = holder_of(scrapyd.archive, "vietnamvn")
    assert holder is not None
    assert holder.job == job
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        status, told = tick(900)
        assert status == 1
        assert f"vietnamvn HANGS: no sign of life job {job}: process {holder.pid}" in told
        assert f"ends the crawl that hangs job {job}: SIGTERM through Scrapyd" in told
        assert scrapyd.state(job) == "running"
        assert f"ends the crawl that hangs job {job}: SIGKILL through Scrapyd" in tick(1080)[1]
        scrapyd.wait("vietnamvn", job)
    finally:
        with suppress(ProcessLookupError):
            os.kill(holder.pid, signal.SIGKILL)
    (after,) = re.findall(r" long resumed .*job (\S+): ", tick(1081)[1], re.M)
    assert "Ended (finished)" in scrapyd.wait("vietnamvn", after)
    with RunTable(scrapyd.archive) as runs:
        ended = [runs.run("vietnamvn", one) for one in (job, after)]
    assert [(run.status, run.reason) for run in ended if run is not None] == [(None, "killed"), (0, "finished")]


def test_the_printed_requests(scrapyd: Scrapyd, jobs: dict[str, list[str]]) -> None:
    """The lines of docs/scrapyd.md: schedule a job, list it, cancel it, show its log."""
    schedule, listing, cancel, log = [one for one in commands(TEXTS["docs/scrapyd.md"]) if one.startswith("curl ")]

    def asked(line: str, job: str = "") -> str:
        line = line.replace("http://127.0.0.1:6800/", scrapyd.url).replace("PASSWORD", PASSWORD).replace("JOB", job)
        shell = ["bash", "-euc", line]
        return subprocess.run(
            shell, env=without_network_settings(), stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    job = json.loads(asked(schedule))["jobid"]
    wait_until_begun(scrapyd, "baoquocte", job)
    assert job in [one["id"] for one in json.loads(asked(listing))["running"]]
    assert json.loads(asked(cancel, job))["prevstate"] == "running"
    scrapyd.wait("baoquocte", job)
    assert "ended with status 11" in asked(log, job)
