"""One process per spider and archive folder.

The lock is ``flock`` on ``ARCHIVE_DIR/locks/<spider>.lock``. The kernel drops it with the process, so a holder that
was killed never blocks the next run, and the file is never removed: taking it away would let two processes lock two
different files under one name. What the file holds is only for people: who has the lock.

A lock can be handed over to a process that is started with it (``handed_to``, BAOQUAN_LOCK_FD): it is never free
between the two.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

HANDED_OVER = "BAOQUAN_LOCK_FD"  # number of an open file


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that has the lock."""

    job: str
    pid: int
    host: str


class Locked(Exception):
    """Another process has the lock; ``holder`` is None when its name could not be read."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        who = f"job {holder.job}, process {holder.pid} on {holder.host}" if holder else "another process"
        super().__init__(f"{path} is held by {who}")
        self.holder = holder


class FolderLock:
    """Held from construction to ``release`` or the end of the process. Locked or OSError when it cannot be had."""

    def __init__(self, folder: Path, spider: str, job: str) -> None:
        self._job = job
        self.path = lock_path(folder, spider)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _handed_over(self.path) or os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _take(self._file)
            self._write(os.getpid())
        except BlockingIOError:
            os.close(self._file)
            raise Locked(self.path, _read_holder(self.path)) from None
        except OSError:
            os.close(self._file)
            raise

    def fileno(self) -> int:
        """For ``subprocess.Popen(pass_fds=…)``, beside ``handed_to``."""
        return self._file

    def handed_to(self, pid: int) -> None:
        """The process ``pid`` was started with this lock, and keeps it to its end."""
        self._write(pid)
        os.close(self._file)

    def release(self) -> None:
        """Give the lock back; the file stays, empty."""
        os.ftruncate(self._file, 0)
        os.close(self._file)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _write(self, pid: int) -> None:
        holder = Holder(self._job, pid, socket.gethostname())
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(asdict(holder)).encode() + b"\n", 0)


def lock_path(folder: Path, spider: str) -> Path:
    """The file that is locked."""
    return folder / "locks" / f"{spider}.lock"


def holder_of(folder: Path, spider: str) -> Holder | None:
    """Who has the lock, None when it is free. OSError when the file cannot be read."""
    path = lock_path(folder, spider)
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(path) or Holder("", 0, "")
    finally:
        os.close(file)
    return None


def _take(file: int) -> None:
    """BlockingIOError when another process has it, and not only looks who has (``holder_of``)."""
    for _ in range(3):
        with suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.01)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _handed_over(path: Path) -> int | None:
    """The open file that whoever started this process has locked for it; None without one for ``path``."""
    number = os.environ.get(HANDED_OVER, "")
    try:
        file = int(number)
        if not os.path.samestat(os.fstat(file), path.stat()):
            return None
    except (ValueError, OSError):
        return None
    del os.environ[HANDED_OVER]
    os.set_inheritable(file, False)
    return file


def _read_holder(path: Path) -> Holder | None:
    # Between flock and the write the file is empty, or still names a holder that was killed: look again.
    holder = None
    for _ in range(10):
        try:
            holder = Holder(**json.loads(path.read_bytes()))
        except (ValueError, TypeError):
            holder = None
        if holder and (holder.host != socket.gethostname() or _runs(holder.pid)):
            return holder
        time.sleep(0.02)
    return holder


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
