"""Trouble with the disk, the ledger or the machine: one line that names the path and the remedy."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
CLOSED = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))
HANDLES = frozenset((errno.EMFILE, errno.ENFILE))
OWN_FAULTS = FULL | HANDLES  # no page is to blame for these
LITTLE = 256 * 1024  # bytes free: SQLite reports a disk that has not even this much by several other names

_MAKE_ROOM = "make room"
_MAKE_WRITABLE = "make it writable"
_MORE_HANDLES = "allow more open files (ulimit -n)"
_NO_LOCKS = "end the program that holds it, or put ARCHIVE_DIR on a local disk if this one cannot lock files"
_DAMAGED = "put a sound copy back or run scrapy rebuild"
_SEE_DISK = "see whether the disk works"
_LEDGER_REMEDIES = {
    sqlite3.SQLITE_FULL: _MAKE_ROOM,
    sqlite3.SQLITE_READONLY: _MAKE_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _MAKE_WRITABLE,
    sqlite3.SQLITE_PERM: _MAKE_WRITABLE,
    sqlite3.SQLITE_BUSY: _NO_LOCKS,
    sqlite3.SQLITE_LOCKED: _NO_LOCKS,
    sqlite3.SQLITE_PROTOCOL: _NO_LOCKS,
    sqlite3.SQLITE_IOERR_LOCK: _NO_LOCKS,
    sqlite3.SQLITE_IOERR_SHMLOCK: _NO_LOCKS,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


class OutputTrouble(Exception):
    """The archive cannot be written. One line that names the path and the remedy; the run ends with status 3."""


def trouble_of(error: BaseException, folder: Path) -> OutputTrouble:
    """The trouble that an error in the archive folder means."""
    if isinstance(error, OutputTrouble):
        return error
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        remedy = _LEDGER_REMEDIES.get(code) or _LEDGER_REMEDIES.get(code & 0xFF) or _SEE_DISK
        if _no_handles():
            remedy = _MORE_HANDLES
        path, what = folder / "ledger.sqlite", str(error)
    elif isinstance(error, OSError):
        number = error.errno or 0
        remedy = _SEE_DISK
        if number in FULL:
            remedy = _MAKE_ROOM
        elif number in CLOSED:
            remedy = _MAKE_WRITABLE
        elif number in HANDLES:
            remedy = _MORE_HANDLES
        path, what = Path(error.filename or folder), error.strerror or str(error)
    else:
        return OutputTrouble(f"{folder}: {str(error) or type(error).__name__}")
    if remedy == _SEE_DISK and _nearly_full(folder):
        remedy = _MAKE_ROOM
    return OutputTrouble(f"{path}: {what}; {remedy}, then the same command goes on")


def _no_handles() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in HANDLES
    return False


def _nearly_full(folder: Path) -> bool:
    with suppress(OSError):
        return shutil.disk_usage(folder).free < LITTLE
    return False
