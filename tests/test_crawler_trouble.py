"""One line for each trouble with disk, ledger or machine; and ledgers that cannot be locked."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from crawler import sqlite
from crawler.ledger import Ledger, LedgerError
from crawler.trouble import OutputTrouble, trouble_of

GOES_ON = ", then the same command goes on"


def refused(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (refused(errno.ENOSPC), "{archive}: No space left on device; make room"),
        (refused(errno.EDQUOT, "/kho/a"), "/kho/a: Disk quota exceeded; make room"),
        (refused(errno.EROFS, "/kho/a"), "/kho/a: Read-only file system; make it writable"),
        (refused(errno.EACCES, "/kho/a"), "/kho/a: Permission denied; make it writable"),
        (refused(errno.EMFILE), "{archive}: Too many open files; allow more open files (ulimit -n)"),
        (refused(errno.EIO, "/kho/a"), "/kho/a: Input/output error; see whether the disk works"),
        (EOFError("a body became shorter"), None),
        (LedgerError("the ledger was made by a newer version of this program; use that one"), None),
    ],
)
def test_errors_of_the_system(error: Exception, line: str | None, tmp_path: Path) -> None:
    wanted = f"{tmp_path}: {error}" if line is None else line.format(archive=tmp_path) + GOES_ON
    assert str(trouble_of(error, tmp_path)) == wanted


def test_trouble_stays_what_it_is(tmp_path: Path) -> None:
    trouble = OutputTrouble("x")
    assert trouble_of(trouble, tmp_path) is trouble


def sqlite_error(sql: str, path: Path, setup: str = "") -> sqlite3.Error:
    """The error that a statement raises; another connection has run ``setup`` and stays open."""
    with sqlite3.connect(path, isolation_level=None) as other, sqlite3.connect(path, timeout=0) as mine:
        other.executescript(setup)
        with pytest.raises(sqlite3.Error) as caught:
            mine.execute(sql)
    return caught.value


def test_a_ledger_that_somebody_holds(tmp_path: Path) -> None:
    error = sqlite_error("SELECT * FROM a", tmp_path / "ledger.sqlite", "CREATE TABLE a (b); BEGIN EXCLUSIVE;")
    line = str(trouble_of(error, tmp_path))
    assert line.startswith(f"{tmp_path}/ledger.sqlite: database is locked; end the program that holds it, or put")
    assert line.endswith(GOES_ON)


def test_a_ledger_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes("trâu bò ".encode() * 400)
    error = sqlite_error("SELECT * FROM a", tmp_path / "ledger.sqlite")
    assert "file is not a database; put a sound copy back or run scrapy rebuild" in str(trouble_of(error, tmp_path))


def test_a_ledger_held_for_good_is_waited_for_only_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    with sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            Ledger.open(tmp_path / "ledger.sqlite")


def test_a_place_without_a_write_ahead_log_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LedgerError, match="use a local disk"):
        Ledger.open(Path(":memory:"))  # SQLite keeps no such log there, as on many network file systems


def test_handles_are_named_when_the_ledger_cannot_be_opened_for_want_of_them(tmp_path: Path) -> None:
    code = """if True:
        import os, resource, sqlite3, sys
        from pathlib import Path
        from crawler.trouble import trouble_of
        taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1] + 1, taken[-1] + 1))
        try:
            sqlite3.connect(Path(sys.argv[1]) / "ledger.sqlite").execute("CREATE TABLE a (b)")
        except sqlite3.Error as error:
            print(trouble_of(error, Path(sys.argv[1])))
    """
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=30, check=True
    )
    expected = f"{tmp_path}/ledger.sqlite: unable to open database file; allow more open files (ulimit -n){GOES_ON}\n"
    assert run.stdout == expected
