"""The ledger's table ``runs``, for those who tell of a run: its evidence and its report.

A connection of its own, for reading: the writer thread uses it, beside ``crawler.ledger``.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crawler.crawllog import PassedOver
from crawler.ledger_files import LEDGER
from crawler.ledger_ops import HostState
from crawler.sqlite import has_table, open_reader

_RUN = "job, spider, pass, arguments, started_at, heartbeat, ended_at, status, reason, counts"


@dataclass(frozen=True, slots=True)
class Run:
    """One process, from its start to its end. Instants are UTC text."""

    job: str
    spider: str
    pass_number: int
    scope: str  # spider and arguments, canonical JSON
    started_at: str
    heartbeat: str = ""
    ended_at: str | None = None
    status: int | None = None  # exit status; None for a run that was killed
    reason: str | None = None  # why it ended
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def timestamp14(self) -> str:
        """Its start as the names of its files have it."""
        return "".join(filter(str.isdigit, self.started_at))[:14]


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of a run."""

    path: str
    kind: str
    size: int
    records: int
    sha256: str | None  # hex; None while the manifest has no line for it


class RunTable:
    """SQL behind names. Raises sqlite3.Error when the ledger cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._db = open_reader(folder / LEDGER)

    def __enter__(self) -> RunTable:
        return self

    def __exit__(self, *error: object) -> None:
        self._db.close()

    def run(self, spider: str, job: str, timestamp14: str | None = None) -> Run | None:
        """The run of this job; of several with one job id the one that began then, else the last."""
        rows = self._db.execute(
            f"SELECT {_RUN} FROM runs WHERE spider = ? AND job = ? ORDER BY run_id DESC", (spider, job)
        )
        runs = [_run_of(row) for row in rows]
        return next((run for run in runs if run.timestamp14 == timestamp14), runs[0] if runs else None)

    def before(self, spider: str, instant: str, most: int) -> list[Run]:
        """Runs of a spider that began before an instant, the newest first, so many at most."""
        rows = self._db.execute(
            f"SELECT {_RUN} FROM runs WHERE spider = ? AND started_at < ? ORDER BY started_at DESC LIMIT ?",
            (spider, instant, most),
        )
        return [_run_of(row) for row in rows]

    def between(self, begin: str, end: str) -> list[Run]:
        """Runs that began from one instant on and before another, the newest first."""
        spiders = [spider for (spider,) in self._db.execute("SELECT DISTINCT spider FROM runs")]
        found = [
            _run_of(row)
            for spider in spiders  # one by one: the index is by spider and time
            for row in self._db.execute(
                f"SELECT {_RUN} FROM runs WHERE spider = ? AND started_at >= ? AND started_at < ?", (spider, begin, end)
            )
        ]
        return sorted(found, key=lambda run: (run.started_at, run.job), reverse=True)

    def hosts(self, names: Collection[str]) -> list[HostState]:
        """What these hosts have asked for."""
        places = ",".join("?" * len(names))
        rows = self._db.execute(
            f"SELECT host, delay, crawl_delay, parked_until, reason FROM hosts WHERE host IN ({places})", tuple(names)
        )
        return [HostState(*row) for row in rows]

    @property
    def is_made(self) -> bool:
        """Whether the ledger's first run is so far that its tables are there."""
        return has_table(self._db, "runs")

    def of_scope(self, spider: str, scope: str, most: int) -> list[Run]:
        """The last runs of a scope, so many at most, the newest last."""
        rows = self._db.execute(
            f"""SELECT {_RUN} FROM runs WHERE spider = ? AND arguments = ?
            ORDER BY started_at DESC, run_id DESC LIMIT ?""",
            (spider, scope, most),
        )
        return [_run_of(row) for row in rows][::-1]

    def killed(self, spider: str) -> list[Run]:
        """Runs of a spider that nobody ended."""
        rows = self._db.execute(
            f"SELECT {_RUN} FROM runs WHERE spider = ? AND reason = 'killed' ORDER BY run_id", (spider,)
        )
        return [_run_of(row) for row in rows]

    def knows(self, path: str) -> bool:
        """Whether the ledger knows a file of the archive."""
        return self._db.execute("SELECT 1 FROM files WHERE path = ?", (path,)).fetchone() is not None

    def files(self, run: Run) -> list[RunFile]:
        """What a run has written, each with its digest."""
        rows = self._db.execute(
            """SELECT f.path, f.kind, f.length, f.records, m.sha256 FROM files f LEFT JOIN manifest m ON m.path = f.path
            WHERE f.spider = ? AND f.run = ? AND f.closed = 1 ORDER BY f.path""",
            (run.spider, run.job),
        )
        return [RunFile(*row) for row in rows]

    def left(self, scope_id: int, most: int, reason: str) -> list[PassedOver]:
        """URLs that wait in the frontier of a scope, so many at most."""
        rows = self._db.execute(
            """SELECT u.url, f.hop_path, f.via FROM frontier f JOIN urls u ON u.url_id = f.url_id
            WHERE f.scope_id = ? AND f.state = 'queued' LIMIT ?""",
            (scope_id, most),
        )
        return [PassedOver(url, reason, hop_path, via) for url, hop_path, via in rows]


def _run_of(row: Any) -> Run:
    return replace(Run(*row[:-1]), counts=json.loads(row[-1]))
