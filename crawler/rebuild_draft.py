"""The ledger that is being made again, beside the present one, and how it takes its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from crawler import crash, sqlite
from crawler.ledger import Ledger
from crawler.ledger_files import LEDGER
from crawler.ledger_ops import FileState
from crawler.rebuild_order import keep_order
from crawler.rebuild_read import LinesFound, WarcFound
from crawler.recrawl import Recrawl
from warc.writer import OPEN, sync_folder

LOGS = ("-wal", "-journal")  # files of SQLite that belong to the one they are named after


class Draft:
    """``ledger.sqlite.new``. ``at`` is the clock of the operations, ``named`` says which record a row is of."""

    def __init__(self, folder: Path, rule: Recrawl, spider: str | None = None) -> None:
        """Begin it: empty, or (for one spider) as the present ledger without what is of that spider."""
        self.folder = folder
        self.rule = rule
        self.at = datetime.now(UTC)
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.order_kept = True
        self._path = folder / f"{LEDGER}.new"
        remove(self._path)
        if spider is not None and (folder / LEDGER).exists():
            copy_without(folder / LEDGER, self._path, spider)
        Ledger.open(self._path).close()
        self.db = sqlite.open_draft(self._path)
        self.db.execute("CREATE TEMP TABLE named (record_id TEXT PRIMARY KEY, article_id TEXT NOT NULL)")
        self.db.execute("CREATE INDEX of_url ON captures (url_id, captured_at)")
        self.ledger = Ledger(self.db, lambda: self.at)

    def discard(self) -> None:
        """Leave nothing of it."""
        self.db.close()
        remove(self._path)

    def put_in_place(self) -> Path | None:
        """Give it its name; where the old ledger is kept, None when there was none."""
        self.db.execute("DROP INDEX of_url")
        self.order_kept = keep_order(self.db, self.folder / LEDGER)
        sqlite.leave_wal(self.db)
        self.db.close()
        return put_in_place(self._path, self.folder / LEDGER)

    def url_of(self, key: bytes) -> int | None:
        """Number of the URL with this fingerprint."""
        row = self.db.execute("SELECT url_id FROM urls WHERE fingerprint = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def url_of_record(self, record_id: str) -> int | None:
        """Number of the URL that a capture is of, where it has state in the frontier."""
        row = self.db.execute("SELECT url_id FROM captures WHERE record_id = ?", (record_id,)).fetchone()
        return None if row is None else row[0]

    def note_file(self, kind: str, spider: str, job: str, file: WarcFound | LinesFound) -> None:
        """What of the file counts. An open one is cut to that and closed by the next run of its spider."""
        closed = file.path.suffix != OPEN
        if file.damage and closed:
            self.faults.append(file.damage)
        self.ledger.apply([FileState(file.name, kind, spider, job, file.end, file.records, closed)])
        self.counts["files"] += 1


def remove(path: Path) -> None:
    """Remove a ledger with what SQLite keeps beside it."""
    for ending in ("", "-shm", *LOGS):
        Path(f"{path}{ending}").unlink(missing_ok=True)


def copy_without(old: Path, new: Path, spider: str) -> None:
    """Copy a ledger, leaving out what is made again from this spider's files. The URLs stay: others have them too."""
    sqlite.copy(old, new)
    db = sqlite.open_draft(new)
    try:
        Ledger.open(new).close()  # it may be of an older version
        scopes = "SELECT scope_id FROM scopes WHERE spider = :spider"
        for statement in (
            """DELETE FROM articles WHERE article_id IN
                (SELECT article_id FROM versions WHERE file LIKE 'articles/' || :spider || '/%')""",
            """DELETE FROM sources WHERE article_id IN
                (SELECT article_id FROM versions WHERE file LIKE 'articles/' || :spider || '/%')""",
            "DELETE FROM bands WHERE text_id IN (SELECT text_id FROM texts WHERE spider = :spider)",
            "DELETE FROM texts WHERE spider = :spider",
            "DELETE FROM versions WHERE file LIKE 'articles/' || :spider || '/%'",
            "DELETE FROM captures WHERE file LIKE 'warc/' || :spider || '/%'",
            "DELETE FROM events WHERE run IN (SELECT job FROM runs WHERE spider = :spider)",
            f"""DELETE FROM channels WHERE url_id IN (SELECT url_id FROM frontier WHERE scope_id IN ({scopes}))
                AND url_id NOT IN (SELECT url_id FROM frontier WHERE scope_id NOT IN ({scopes}))""",
            f"""UPDATE urls SET due_at = NULL
                WHERE url_id IN (SELECT url_id FROM frontier WHERE scope_id IN ({scopes}))""",
            f"DELETE FROM frontier WHERE scope_id IN ({scopes})",
            "DELETE FROM scopes WHERE spider = :spider",
            "DELETE FROM runs WHERE spider = :spider",
            "DELETE FROM files WHERE spider = :spider",
            *(
                f"DELETE FROM {table} WHERE spider = :spider"
                for table in ("drift_history", "drift_window", "drift_states", "quarantine")
            ),
        ):
            db.execute(statement, {"spider": spider})
    finally:
        db.close()


def put_in_place(new: Path, path: Path) -> Path | None:
    """Give a ledger its name; where the old one is kept. A kill in between leaves one of them there, whole."""
    kept = path.with_name(f"{path.name}.old-{datetime.now(UTC):%Y%m%d%H%M%S%f}")
    with new.open("rb") as file:
        os.fsync(file.fileno())
    if path.exists():
        db = sqlite.open_unread(path)
        with suppress(sqlite3.Error):  # a damaged one is kept as it is: closing it would throw its log away
            sqlite.move_log_in(db)
            db.close()
        try:
            os.link(path, kept)
        except OSError:  # a file system without links
            shutil.copy2(path, kept)
    # A log of the old ledger beside the new one would be written into it.
    Path(f"{path}-shm").unlink(missing_ok=True)
    for ending in LOGS:
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{kept}{ending}")
    crash.at("kept")
    new.replace(path)
    crash.at("replaced")
    sync_folder(path.parent)
    return kept if kept.exists() else None
