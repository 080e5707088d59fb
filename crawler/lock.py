"""One process per spider and archive folder.

The lock is ``flock`` on ``ARCHIVE_DIR/locks/<spider>.lock``. The kernel drops it with the process, so a holder that
was killed never blocks the next run, and the file is never removed: taking it away would let two processes lock two
different files under one name. What the file holds is only for people: who has the lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType


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
        self.path = folder / "locks" / f"{spider}.lock"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(Holder(job, os.getpid(), socket.gethostname()))
        except BlockingIOError:
            os.close(self._file)
            raise Locked(self.path, _read_holder(self.path)) from None
        except OSError:
            os.close(self._file)
            raise

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

    def _write(self, holder: Holder) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(asdict(holder)).encode() + b"\n", 0)


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
