"""What is SQLite's own: opening, tuning, locking and checking the ledger's file.

Every other statement of the program is plain SQL that PostgreSQL understands too; tests/test_postgres.py runs all of
them there, and holds that what no other database knows stands in this module alone.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

BUSY_SECONDS = 60.0  # how long a commit waits for another spider's commit on the same ledger


def open_writer(path: Path, *, statements: int = 128) -> sqlite3.Connection:
    """A connection whose commits survive a power cut; so many prepared ``statements`` are kept."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=statements)
    db.execute("PRAGMA synchronous = FULL")
    return db


def open_unread(path: Path) -> sqlite3.Connection:
    """A connection to a file that may be damaged; the first statement tells."""
    return sqlite3.connect(path, isolation_level=None)


def open_draft(path: Path) -> sqlite3.Connection:
    """A connection to a file of which nothing counts before it is whole."""
    db = open_unread(path)
    db.execute("PRAGMA synchronous = OFF")
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing; on a medium that cannot be written too, where WAL has no shared memory.

    Only a ledger without a write-ahead log can be read there: what stands in the log would be passed over.
    """
    uri = path.absolute().as_uri()
    db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        has_table(db, "meta")
    except sqlite3.OperationalError:
        db.close()
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise
        db = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
        has_table(db, "meta")
    return db


def open_scratch() -> sqlite3.Connection:
    """A file without a name, gone with the connection; what of it does not fit into 2 MB is on disk."""
    return sqlite3.connect("", isolation_level=None, check_same_thread=False)


def tune(db: sqlite3.Connection, *, read_only: bool) -> bool:
    """Make ready for a crawl, as a reader or the writer. False where the file system cannot hold a write-ahead log."""
    db.execute(f"PRAGMA cache_size = -{8_000 if read_only else 16_000}")  # KiB
    if read_only:
        db.execute("PRAGMA query_only = ON")
        return True
    # The seen-set is written all over the file: moved there every 40 MB, a page is written once for many commits.
    # With SQLite's 4 MB a million URLs take twice as long.
    db.execute("PRAGMA wal_autocheckpoint = 10000")
    return _use_wal(db)


def _use_wal(db: sqlite3.Connection) -> bool:
    """Switch to WAL. Two processes that make a new file at once get "locked" here, without any waiting by SQLite.

    Where the file system has no memory that processes share, SQLite stays in the mode that it had.
    """
    give_up = monotonic() + BUSY_SECONDS
    while True:
        try:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > give_up:
                raise
            sleep(0.01)
        else:
            return bool(mode == "wal")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. Takes the write lock at once, so that nothing read inside can be out of date."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def one_moment(db: sqlite3.Connection) -> Iterator[None]:
    """Every statement in the block reads what was committed before the first."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def has_table(db: sqlite3.Connection, name: str) -> bool:
    """Whether the file has this table."""
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None


def damage(db: sqlite3.Connection) -> str | None:
    """What SQLite finds wrong with the file itself; None when nothing."""
    (result,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return None if result == "ok" else str(result)


def move_log_in(db: sqlite3.Connection) -> None:
    """Bring what stands in the write-ahead log into the file."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def leave_wal(db: sqlite3.Connection) -> None:
    """Make the file whole by itself, without a log beside it."""
    db.execute("PRAGMA journal_mode = DELETE")


def make_whole(path: Path) -> None:
    """Have a copy stand by itself, without a write-ahead log beside it, and on disk."""
    db = open_writer(path)
    try:
        leave_wal(db)
    finally:
        db.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def copy(old: Path, new: Path) -> None:
    """Copy a ledger as its last commit left it."""
    source, db = sqlite3.connect(old), sqlite3.connect(new)
    try:
        source.backup(db)
    finally:
        source.close()
        db.close()
