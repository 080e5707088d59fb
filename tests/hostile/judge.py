"""What a crawl left behind, against what its scenario demands; each fault is a line."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from scrapy.settings import Settings

from crawler import settings as project_settings
from crawler.verifying import check_archive, check_paths
from tests.hostile.scenario import HOME, HOST, MIRROR
from warc.reader import read_at

SECONDS, MEGABYTES = 90.0, 600.0  # that a crawl may take
STATUSES = (0, 11)
SHOWN = 3  # faults of one sort
_CRASH = re.compile(r"Traceback \(most recent call last\)|\bCRITICAL\b|Unhandled|internal error")
_TERMINAL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")  # what a terminal would obey
_STATES = "SELECT u.url, f.state, f.reason FROM frontier f JOIN urls u ON u.url_id = f.url_id"


@dataclass(frozen=True)
class Ended:
    """A crawl that is over; ``cpu`` in seconds, ``seconds`` without those in which other programs kept it waiting.

    ``peak`` in megabytes.
    """

    archive: Path
    log: Path
    statuses: tuple[int, ...]  # of each run
    seconds: float
    cpu: float
    peak: float
    requests: int
    asked: frozenset[str]  # paths; with scheme and host where it was not the paper
    hits: dict[str, int]
    growth: float | None = None  # megabytes of peak memory after the first thousand requests
    cookies: int = 0  # requests that carried one


@dataclass(frozen=True)
class Demand:
    """What is demanded of it: the fields of a ``Scenario``, without what only its server needs."""

    wanted: Mapping[str, bytes | None]  # with the bytes that were served; None when they are the scenario's own
    budget: int
    ends: Mapping[str, str | tuple[str, ...]]
    counted: tuple[str, ...]
    closed: tuple[str, ...]
    growth: float | None = None
    seconds: float = SECONDS
    statuses: tuple[int, ...] = ()
    home: str = HOME


def judge(ended: Ended, demand: Demand) -> list[str]:
    """All that is wrong; nothing when the crawl has kept to every demand."""
    return [*_process(ended, demand), *_archive(ended.archive, demand.growth is None), *_pages(ended.archive, demand)]


def _process(ended: Ended, demand: Demand) -> Iterator[str]:
    if demand.statuses not in ((), ended.statuses):
        yield f"statuses {ended.statuses}, {demand.statuses} demanded"
    for status in sorted({*ended.statuses} - {*STATUSES}):
        yield f"status {status}"
    if ended.seconds >= demand.seconds:
        yield f"took {ended.seconds:.0f} s"
    if ended.peak >= MEGABYTES:
        yield f"took {ended.peak:.0f} MB"
    if demand.growth is not None and (ended.growth is None or ended.growth >= demand.growth):
        yield f"memory grew by {ended.growth} MB, {demand.growth} allowed"
    if ended.requests > demand.budget:
        yield f"{ended.requests} requests, {demand.budget} allowed"
    for where, times in ended.hits.items():
        yield f"canary {where} was asked {times} times"
    if ended.cookies:
        yield f"{ended.cookies} requests with a cookie"
    for path in ended.asked.intersection(demand.closed):
        yield f"{path} is closed and was asked"
    log = ended.log.read_bytes()
    if crash := _CRASH.search(log.decode("utf-8", "replace")):
        yield f"log: {crash[0]}"
    for file in (ended.log, *ended.archive.glob("logs/*/*")):
        if found := _TERMINAL.search(file.read_bytes()):
            yield f"{file.name}: {found[0]!r}"


def _archive(archive: Path, proved: bool) -> Iterator[str]:
    """Every file is closed and sound, every line strict JSON; ``proved``: every row is made again from its record."""
    if not archive.is_dir():
        yield "no archive"
        return
    for file in archive.rglob("*.open"):
        yield f"{file.name} is open"
    settings = Settings()
    settings.setmodule(project_settings, priority="project")
    if proved:
        findings = check_archive(archive, settings, workers=1).findings
    else:
        findings = check_paths([archive / "warc"], archive, settings).findings
    for rule, times in Counter(finding.rule for finding in findings).items():
        first = next(finding for finding in findings if finding.rule == rule)
        yield f"verify: {rule} ({times}): {first.line()[:300]}"
    wrong = [fault for file in sorted(archive.rglob("*.jsonl")) for fault in _lines(file)]
    yield from wrong[:SHOWN]


def _lines(file: Path) -> Iterator[str]:
    data = file.read_bytes()
    if data and not data.endswith(b"\n"):
        yield f"{file.name}: no end of line at its end"
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            value = json.loads(line.decode("utf-8"), parse_constant=_constant, object_pairs_hook=_once)
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails for half of a surrogate pair
        except ValueError as error:
            yield f"{file.name}, line {number}: {error}"
            continue
        if not isinstance(value, dict):
            yield f"{file.name}, line {number}: no object"
        if found := _TERMINAL.search(line):
            yield f"{file.name}, line {number}: {found[0]!r}"


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key twice")
    return value


def _pages(archive: Path, demand: Demand) -> Iterator[str]:
    """The sound pages have their rows, the hostile ones their ends and reasons."""
    if not (archive / "ledger.sqlite").is_file():
        yield "no ledger"
        return
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        states = {url: f"{state}/{reason}" if reason else state for url, state, reason in ledger.execute(_STATES)}
    files = sorted(archive.glob("articles/*/*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_bytes().split(b"\n") if line]
    for row in rows:
        row["url"] = row["url"].replace(f"//{MIRROR}/", f"//{HOST}/")  # one article, and its row names who came first
    times = Counter(row["url"] for row in rows)
    for url in sorted(demand.wanted.keys() - times.keys()):
        yield f"no row for {url} ({states.get(url, 'never promised')})"
    for row in rows:
        url, where = row["url"], row["warc"]
        if url in demand.wanted and times[url] > 1:
            yield f"{times[url]} rows for {url}"
        served = demand.wanted.get(url)
        if served and read_at(archive / where["file"], where["offset"]).message().body.read() != served:
            yield f"{url} is not as it was served"
    for path, allowed in demand.ends.items():
        url = path if "://" in path else demand.home + path
        ways = (allowed,) if isinstance(allowed, str) else allowed
        state = states.get(url) or ""
        if not any(state == way or (way.endswith("/") and state.startswith(way)) for way in ways):
            yield f"{path} ended as {state or None}, not as {' or '.join(ways)}"
    told = set(states.values()) | _reported(archive)
    for reason in demand.counted:
        if reason not in told:
            yield f"{reason} is counted nowhere"


def _reported(archive: Path) -> set[str]:
    """Names of what the run's report counts; ``not_fetched/<reason>`` for addresses that were passed over."""
    told = set()
    for file in archive.glob("reports/*/*.json"):
        report = json.loads(file.read_text("utf-8"))
        told |= {name for name, count in report["counts"].items() if count}
        told |= {f"not_fetched/{reason}" for reason in report["not_fetched"]}
    return told
