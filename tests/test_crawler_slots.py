"""The moments of a host: kept by all processes of an archive, and when they are killed."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.slots import AHEAD, KEPT, Slots
from tests.conftest import ROOT

BAO, KHAC = "bao.vn", "khac.vn"


class Clock:
    def __init__(self) -> None:
        self.now = 1_796_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["alone", "shared"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "shared" else None


def test_each_turn_is_a_delay_after_the_one_before(folder: Path | None) -> None:
    clock = Clock()
    slots = Slots(folder, clock)
    assert [slots.turn(BAO, 2.0) for _ in range(3)] == pytest.approx([0.0, 2.0, 4.0])
    assert slots.turn(KHAC, 2.0) == 0.0
    clock.now += 10.0
    assert slots.turn(BAO, 2.0) == 0.0
    assert slots.turn(BAO, 30.0) == pytest.approx(30.0)  # a Crawl-delay that was read meanwhile
    assert slots.turn(BAO, 2.0, earliest=50.0) == 50.0


def test_what_took_long_to_connect_moves_what_comes_after(folder: Path | None) -> None:
    clock = Clock()
    slots = Slots(folder, clock)
    assert slots.turn(BAO, 2.0) == 0.0
    assert slots.turn(BAO, 2.0) == pytest.approx(2.0)
    clock.now += 1.5
    assert slots.send(BAO, 2.0) == 0.0  # the first, late
    clock.now += 0.5
    assert slots.send(BAO, 2.0) == pytest.approx(1.5)  # the second waits with its connection
    assert slots.turn(BAO, 2.0) == pytest.approx(3.5)


def test_no_delay_no_moments(folder: Path | None) -> None:
    slots = Slots(folder, Clock())
    assert [slots.turn(BAO, 0.0), slots.turn(BAO, 0.0), slots.send(BAO, 0.0)] == [0.0, 0.0, 0.0]


def test_a_clock_that_was_set_back_blocks_nobody(folder: Path | None) -> None:
    clock = Clock()
    slots = Slots(folder, clock)
    slots.turn(BAO, 1.0)
    clock.now -= 10 * AHEAD
    assert slots.turn(BAO, 1.0) == pytest.approx(1.0)


def test_another_process_and_a_later_one_go_on(tmp_path: Path) -> None:
    clock = Clock()
    one, other = Slots(tmp_path, clock), Slots(tmp_path, clock)
    assert [one.turn(BAO, 1.0), other.turn(BAO, 1.0), one.turn(BAO, 1.0)] == pytest.approx([0.0, 1.0, 2.0])
    one.close()
    other.close()
    assert Slots(tmp_path, clock).turn(BAO, 1.0) == pytest.approx(3.0)


@pytest.mark.parametrize("damage", [b"", b"x" * 40, b"nan\n" * 10, b"\x00" * 40, b"1e300\n" + b" " * 34])
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, damage: bytes) -> None:
    clock = Clock()
    Slots(tmp_path, clock).turn(BAO, 1.0)
    (file,) = (tmp_path / "locks" / "hosts").iterdir()
    file.write_bytes(damage)
    slots = Slots(tmp_path, clock)
    assert slots.turn(BAO, 1.0) <= 1.0
    assert slots.turn(BAO, 1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("lane", ["../../x", "[::1]", "parts of bao.vn", "a" * 300, "é/\0"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, lane: str) -> None:
    slots = Slots(tmp_path, Clock())
    slots.turn(lane, 1.0)
    assert slots.turn(lane, 1.0) == pytest.approx(1.0)
    (file,) = (tmp_path / "locks" / "hosts").iterdir()
    assert len(file.name) <= 200


def test_few_files_are_open_at_once(tmp_path: Path) -> None:
    slots = Slots(tmp_path, Clock())
    for number in range(2 * KEPT):
        slots.turn(f"{number}.vn", 1.0)
    assert len(slots._files) == KEPT
    assert slots.turn("0.vn", 1.0) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.sampled_from([0.5, 1.0, 3.0]), st.floats(0.0, 2.0), st.booleans()), max_size=30))
def test_nothing_is_sent_too_soon(steps: list[tuple[float, float, bool]]) -> None:
    clock, sent = Clock(), list[tuple[float, float]]()
    slots = Slots(None, clock)
    for delay, passes, ahead in steps:
        clock.now += passes + (slots.turn(BAO, delay) if ahead else 0.0)
        clock.now += slots.send(BAO, delay)
        sent.append((clock.now, delay))
    assert all(later - before >= delay - 1e-5 for (before, _), (later, delay) in pairwise(sent))


PRESS = """
import json, sys
from pathlib import Path
from time import sleep, time
from crawler.slots import Slots
read = []
slots, moments = Slots(Path(sys.argv[1]), lambda: read.append(time()) or read[-1]), []
for _ in range(20):
    wait = slots.turn("bao.vn", 0.02)
    moments.append(read[-1] + wait)
    sleep(wait / 2)
print(json.dumps(moments))
"""


def test_four_processes_at_once_take_different_moments(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PRESS, str(tmp_path)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    moments = sorted(moment for process in running for moment in json.loads(process.communicate(timeout=60)[0]))
    assert len(moments) == 80
    assert min(later - before for before, later in pairwise(moments)) >= 0.02 - 1e-5
