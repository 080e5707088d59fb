"""One process per spider and folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.lock import FolderLock, Holder, Locked

HOLD = """
import sys, time
from pathlib import Path
from crawler.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), "paper", "other-job")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that has the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_refused_with_the_holders_name(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(Locked) as caught:
        FolderLock(tmp_path, "paper", "mine")
    assert caught.value.holder == Holder("other-job", holder.pid, socket.gethostname())
    assert f"job other-job, process {holder.pid} on {socket.gethostname()}" in str(caught.value)


def test_a_killed_holder_blocks_nobody(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    FolderLock(tmp_path, "paper", "mine").release()


def test_another_spider_has_its_own_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    FolderLock(tmp_path, "gazette", "mine").release()


def test_released_at_the_end_of_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with FolderLock(tmp_path, "paper", "mine") as lock:
            assert json.loads(lock.path.read_text()) == {
                "job": "mine",
                "pid": os.getpid(),
                "host": socket.gethostname(),
            }
    assert lock.path.read_bytes() == b""


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"job": "x"}'])
def test_a_name_that_cannot_be_read_still_refuses(
    tmp_path: Path, holder: subprocess.Popen[str], content: bytes
) -> None:
    (tmp_path / "locks" / "paper.lock").write_bytes(content)
    with pytest.raises(Locked, match="held by another process"):
        FolderLock(tmp_path, "paper", "mine")


def test_a_lock_is_not_inherited(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, "paper", "mine")
    code = "import time; print('begun', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], close_fds=False, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "begun\n"  # before its exec is over, a child has everything
        lock.release()
        FolderLock(tmp_path, "paper", "mine").release()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        FolderLock(tmp_path / "file", "paper", "mine")
