"""The ledger's tables ``files`` and ``manifest``, for those who close, chain and check files.

A connection of its own: the writer thread and ``scrapy verify`` use it, beside ``crawler.ledger``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from crawler import sqlite
from crawler.ledger_ops import FileState

LEDGER = "ledger.sqlite"
_STATE = "f.path, f.kind, f.spider, f.run, f.length, f.records, f.closed"


@dataclass(frozen=True, slots=True)
class Noted:
    """A line of MANIFEST.jsonl, as the ledger remembers it."""

    number: int  # from 1
    path: str  # of the file that the line is about
    sha256: str  # hex, of that file
    line_sha256: str  # hex, of the line with its line end
    line_end: int  # byte position in MANIFEST.jsonl behind the line


class FileTable:
    """SQL behind names. Raises sqlite3.Error when the ledger cannot be read or written."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        path = folder / LEDGER
        self._db = sqlite.open_reader(path) if read_only else sqlite.open_writer(path)

    def __enter__(self) -> FileTable:
        return self

    def __exit__(self, *error: object) -> None:
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; no other process writes to the ledger meanwhile."""
        return sqlite.transaction(self._db)

    def is_made(self) -> bool:
        """Whether the ledger has its tables by now."""
        return sqlite.has_table(self._db, "files")

    def files(self) -> list[FileState]:
        """Every file that the ledger knows, with its committed length."""
        rows = self._db.execute(f"SELECT {_STATE} FROM files f ORDER BY f.path")
        return [FileState(*(*row[:6], bool(row[6]))) for row in rows]

    def closed_without_line(self, spider: str) -> list[FileState]:
        """Closed files of a spider that the manifest does not hold yet, in the order of their names."""
        rows = self._db.execute(
            f"""SELECT {_STATE} FROM files f LEFT JOIN manifest m ON m.path = f.path
            WHERE f.spider = ? AND f.closed = 1 AND m.path IS NULL ORDER BY f.path""",
            (spider,),
        )
        return [FileState(*(*row[:6], bool(row[6]))) for row in rows]

    def noted(self) -> list[Noted]:
        """The lines of the manifest, in order; none in a ledger that no run of this version has opened."""
        if not sqlite.has_table(self._db, "manifest"):
            return []
        return list(self._noted("ORDER BY number"))

    def head(self) -> Noted | None:
        """The last line of the manifest."""
        return next(self._noted("ORDER BY number DESC LIMIT 1"), None)

    def _noted(self, order: str) -> Iterator[Noted]:
        rows = self._db.execute(f"SELECT number, path, sha256, line_sha256, line_end FROM manifest {order}")
        return (Noted(*row) for row in rows)

    def note(self, lines: Iterable[Noted]) -> None:
        """Lines stand in the manifest now. Of two with one number or path the first counts."""
        self._db.executemany(
            """INSERT INTO manifest (number, path, sha256, line_sha256, line_end) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING""",
            [(line.number, line.path, line.sha256, line.line_sha256, line.line_end) for line in lines],
        )

    def checked(self, results: Iterable[tuple[str, bool]], at: str) -> None:
        """Files were hashed at this instant (UTC text): path, and whether the digest was the manifest's."""
        with self.transaction():
            self._db.executemany(
                "UPDATE manifest SET checked_at = ?, sound = ? WHERE path = ?",
                [(at, int(sound), path) for path, sound in results],
            )

    def run_unended(self) -> bool:
        """Whether a run is going on, or was killed and nobody has tidied up after it."""
        return self._db.execute("SELECT 1 FROM runs WHERE ended_at IS NULL LIMIT 1").fetchone() is not None

    def place_of(self, record_id: str) -> tuple[str, int] | None:
        """File and offset of a capture."""
        query = "SELECT file, file_offset FROM captures WHERE record_id = ?"
        row = self._db.execute(query, (record_id,)).fetchone()
        return None if row is None else (str(row[0]), int(row[1]))

    def damage(self) -> str | None:
        """What SQLite finds wrong with the file itself; None when nothing."""
        return sqlite.damage(self._db)
