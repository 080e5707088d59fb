"""Every command that README.md and docs/ print is run on an archive of the replica, or has a reason here why not.

A document's commands run one after another in a folder of their own, in which ``archive`` is a copy of that archive;
the live sites that they name are the replica's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.conftest import ROOT, Crawler, ReplicaProcess
from tests.test_readme import TEXTS
from tests.truth import rows_of

ARTICLES = 25  # of each site
PROGRAMS = (
    r"(?:[A-Z_]+=\S+ )?(?:\.venv/bin/|pywb/bin/)?"
    r"(?:scrapyd-deploy|scrapy|bagit\.py|python3?|pip|make|curl|jq|cp|cat|systemctl)"
)
SYNOPSIS = re.compile(r"[…\[]|\w \| \w|\||\b(?:URL|FILE|DIR|PATH|SPIDER|NAME|FORMAT)\b| --format F ")

# Why a command is not run here, by what it begins with; what runs it is named, where something does.
ELSEWHERE = {
    r"curl ": "a running Scrapyd: tests/test_scrapyd.py gives it these very lines",
    r"make (scrapyd|deploy)|SCRAPYD_PASSWORD": "a fixed port: tests/test_scrapyd.py does the same on another one",
    r"make (lint|test|check)": "what continuous integration runs itself",
    r"make bench|python -m tests\.bench": "takes half an hour: tests/test_bench.py runs it with few pages",
    r"python3 -m venv pywb|scrapy replay": "an environment of its own, and a server: tests/test_replay.py",
    r"scrapy (crawl|probe) .*bensong|python -m pytest .*bensong": "only an example: tests/test_readme.py runs its code",
    r"systemctl ": "the machine's own systemd: tests/test_crawler_timetable.py has it verify the units",
}
LEAST = 50  # of them are run
STOPPED = 11  # with work left


def commands(text: str) -> list[str]:
    """Shell blocks, and indented lines that begin with a program; without the words that explain them."""
    lines, at = [], 0
    for block in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.M | re.S):
        lines += _indented(text[at : block.start()])
        lines += [block[2]] if block[1] == "sh" else []
        at = block.end()
    return [*lines, *_indented(text[at:])]


def _indented(text: str) -> list[str]:
    found = re.findall(rf"^ {{4}}({PROGRAMS} (?:.*\\\n)*.*)$", text, re.M)
    plain = [line if "\\\n" in line else re.split(r"\s{2,}", line)[0] for line in found]
    return [re.sub(r" \[[^]]*\]", "", line) for line in plain]  # what is optional is left out


def why_not(command: str) -> str | None:
    """Why a command is not run; None when it is."""
    if command.startswith("scrapy") and SYNOPSIS.search(command.partition("#")[0]):
        return "a synopsis: choices, not one command"
    plain = command.replace(".venv/bin/", "")
    return next((why for begin, why in ELSEWHERE.items() if re.match(begin, plain)), None)


def to_run() -> dict[str, list[str]]:
    """By document. A command that several of them print is run for one, which is not the README."""
    found: dict[str, list[str]] = {}
    for name in sorted(TEXTS, key="README.md".__eq__):
        earlier = {one for some in found.values() for one in some}
        found[name] = [one for one in commands(TEXTS[name]) if why_not(one) is None and one not in earlier]
    return found


RUN = to_run()


def test_they_are_found() -> None:
    assert sum(map(len, RUN.values())) >= LEAST
    for begin in ELSEWHERE:  # no reason that nothing needs
        everything = [one.replace(".venv/bin/", "") for text in TEXTS.values() for one in commands(text)]
        assert any(re.match(begin, one) for one in everything), begin


@pytest.fixture(scope="module")
def archive(crawl: Crawler) -> Path:
    """An archive of both sites."""
    archive = crawl.new_archive() / "archive"
    for spider in ("baoquocte", "vietnamvn"):
        run = crawl(spider, "-a", f"max_articles={ARTICLES}", archive=archive)
        assert run.status == STOPPED, run.stderr[-2000:]
    return archive


@pytest.fixture
def place(archive: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder with what a reader of the documents has: an archive, files of somebody else, a schedule."""
    shutil.copytree(archive, tmp_path / "archive")
    with (tmp_path / "other.warc.gz").open("wb") as file:
        writer = WARCWriter(file)
        headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
        body = BytesIO(b"<title>Con do</title><p>Of somebody else.</p>")
        writer.write_record(writer.create_warc_record("https://a.example/", "response", body, http_headers=headers))
    (schedule,) = re.findall(r"^```toml\n(.*?)^```", TEXTS["docs/timetable.md"], re.M | re.S)[:1]
    (tmp_path / "schedule.toml").write_text(schedule, encoding="utf-8")
    settings = "from crawler.settings import *\nHOST_DELAY = 0\nTDMREP = False\nDISK_FLOOR = DISK_SHARE = 0\n"
    (tmp_path / "docs_settings.py").write_text(settings, encoding="utf-8")
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def as_here(command: str, place: Path) -> str:
    """The command with this machine's places, and with articles and tags that the replica has."""
    rows = rows_of(place / "archive")
    ours = next(row for row in rows if row["site"] == "baoquocte.vn")
    theirs = next(row for row in rows if row["site"] == "vietnam.vn")
    tags = {row["site"]: row["tags"][0]["url"].rpartition("/")[2].removesuffix(".tag") for row in rows if row["tags"]}
    replaced = {
        ".venv/bin/": "",
        "make demo": f"python -m tests.replica.demo {place}/demo-archive",
        "/mnt/": f"{place}/mnt/",
        "/srv/": f"{place}/srv/",
        "/etc/": f"{place}/etc/",
        "2026-11.jsonl": f"{datetime.now(UTC):%Y-%m}.jsonl",
        "max_articles=20": "max_articles=4",
        "baoquocte.vn:412345": ours["id"],
        "https://www.vietnam.vn/ten-bai": theirs["url"],
        "galatasaray-168815": tags["baoquocte.vn"],
        "gia-lua-gao": tags["vietnam.vn"],
    }
    for old, new in replaced.items():
        command = command.replace(old, new)
    return command


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, found in RUN.items() if found])
def test_they_run(name: str, place: Path, replica_process: ReplicaProcess) -> None:
    env = {
        **replica_process.environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{place}:{ROOT}",
        "SCRAPY_SETTINGS_MODULE": "docs_settings",
        "HOME": str(place),
    }
    (place / "srv").mkdir()
    (place / "mnt").mkdir()
    if any(".wacz" in command for command in RUN[name]):
        made = subprocess.run(["scrapy", "wacz", "-o", "x.wacz"], cwd=place, env=env, check=False, timeout=300)
        assert made.returncode == 0
        shutil.copy(place / "x.wacz", place / "more.wacz")
    for command in RUN[name]:
        shell = ["bash", "-euo", "pipefail", "-c", as_here(command, place)]
        run = subprocess.run(shell, cwd=place, env=env, capture_output=True, text=True, timeout=900, check=False)
        may_be = (0, STOPPED) if " crawl " in command else (0,)
        assert run.returncode in may_be, f"{command}\n{run.stdout[-1500:]}\n{run.stderr[-1500:]}"
        assert "Traceback" not in run.stderr, command
