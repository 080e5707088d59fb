"""The hostile web, crawled by the real command (``python -m tests.hostile``), and the judge that says how it went."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.hostile.catalogue import ALONE, HELD, SCENARIOS
from tests.hostile.families.mutations import MUTATIONS, mutated
from tests.hostile.judge import Demand, Ended, judge
from tests.oddserver import Canary

DEMAND = Demand({}, budget=3, ends={}, counted=(), closed=("/cam",), growth=50.0)
KEPT = Ended(Path("archive"), Path("log"), (0,), 5.0, 2.0, 90.0, 3, frozenset(("/",)), {}, growth=1.0)


def crawl(*arguments: str, capsys: pytest.CaptureFixture[str], timeout: float) -> None:
    """Run scenarios and show their table; a fault of any is the test's."""
    command = [sys.executable, "-m", "tests.hostile", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    with capsys.disabled():
        sys.stdout.write("\n" + run.stdout)
    assert run.returncode == 0, run.stderr[-3000:] or run.stdout[-3000:]


@pytest.mark.slow
def test_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    crawl(capsys=capsys, timeout=2400)  # ten minutes, where nothing else runs


@pytest.mark.slow
def test_memory_is_flat(capsys: pytest.CaptureFixture[str]) -> None:
    crawl("soak", "--seconds", "800", capsys=capsys, timeout=1000)


def test_there_are_enough_of_them() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    assert len(HELD) >= 80
    assert set(names) >= ALONE
    assert len({mutated(seed) for seed in range(MUTATIONS)}) == MUTATIONS == 200
    assert mutated(7) == mutated(7)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"statuses": (-11,)}, "status -11"),
        ({"statuses": (0, 1)}, "status 1"),
        ({"seconds": 90.0}, "took 90 s"),
        ({"peak": 601.0}, "took 601 MB"),
        ({"requests": 4}, "4 requests, 3 allowed"),
        ({"hits": {"169.254.169.254:80": 1}}, "canary 169.254.169.254:80 was asked 1 times"),
        ({"asked": frozenset(("/", "/cam"))}, "/cam is closed and was asked"),
        ({"cookies": 2}, "2 requests with a cookie"),
        ({"growth": 50.5}, "memory grew by 50.5 MB, 50.0 allowed"),
        ({"growth": None}, "memory grew by None MB, 50.0 allowed"),
    ],
)
def test_the_judge_notices(changes: dict[str, object], fault: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("Spider closed\n")
    kept = replace(KEPT, archive=tmp_path / "archive", log=tmp_path / "log")
    empty = ["no archive", "no ledger"]
    assert judge(kept, DEMAND) == empty
    assert judge(replace(kept, **changes), DEMAND) == [fault, *empty]
    again = replace(DEMAND, statuses=(11, 0))
    assert judge(replace(kept, statuses=(11, 0)), again) == empty
    assert judge(kept, again) == ["statuses (0,), (11, 0) demanded", *empty]


@pytest.mark.parametrize(
    ("log", "fault"),
    [
        (b"Traceback (most recent call last):\n", "log: Traceback (most recent call last)"),
        (b"2026-01-01 CRITICAL crawler: x\n", "log: CRITICAL"),
        (b"page \x1b[2J\n", "log: b'\\x1b'"),
        (b"page \xc2\x9b2J\n", "log: b'\\xc2\\x9b'"),
    ],
)
def test_the_judge_reads_the_log(log: bytes, fault: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(log)
    kept = replace(KEPT, archive=tmp_path / "archive", log=tmp_path / "log")
    assert judge(kept, DEMAND)[0] == fault


@pytest.mark.parametrize(
    "line", [b'{"a": NaN}', b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}', b"[]", b'{"a"', b'{"a": "\xff"}']
)
def test_the_judge_reads_every_line(line: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "articles" / "news"
    folder.mkdir(parents=True)
    (tmp_path / "log").touch()
    kept = replace(KEPT, archive=tmp_path / "archive", log=tmp_path / "log")
    (folder.parent.parent / "MANIFEST.jsonl").write_bytes(b'{"a": 1}\n')
    sound = judge(kept, DEMAND)
    (folder.parent.parent / "links.jsonl").write_bytes(line + b"\n")
    assert any(fault.startswith("links.jsonl, line 1") for fault in judge(kept, DEMAND))
    assert not any(fault.startswith("links.jsonl") for fault in sound)


def test_a_canary_says_where_it_was_asked() -> None:
    with Canary(("127.0.0.1", 0), ("127.0.0.2", 0)) as canary:
        socket.create_connection(("127.0.0.1", canary.port)).close()
        assert canary.connects == 1
    assert canary.hits == {("127.0.0.1", canary.port): 1}
