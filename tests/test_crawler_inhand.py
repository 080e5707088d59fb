"""A page that takes the process with it is read ten times and then given up; no other page is blamed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.inhand import TIMES, InHand
from tests.changing import LIST, Press, address, article, listing, printing
from tests.conftest import ROOT
from tests.test_commands_rebuild import lose

REEF, CALM = b"r" * 16, b"c" * 16
DIES = """
import os, sys
from pathlib import Path
from crawler.inhand import TIMES, InHand
in_hand = InHand(Path(sys.argv[1]), "thu", lambda: sys.argv[2])
list(in_hand.reading(b"c" * 16, "sha1:C", iter("ab")))
steps = in_hand.reading(b"c" * 16, "sha1:C", iter("ab"))
next(steps)  # between two steps the page is in nobody's hands
with in_hand.held(b"r" * 16, sys.argv[3] or None):
    os._exit(0)
"""


def begun(folder: Path, code: str = "code/1") -> InHand:
    return InHand(folder, "thu", lambda: code)


def die(folder: Path, payload: str = "sha1:A", code: str = "code/1") -> None:
    subprocess.run([sys.executable, "-c", DIES, folder, code, payload], cwd=ROOT, check=True, timeout=30)


def test_only_the_page_in_hand_is_blamed(tmp_path: Path) -> None:
    for times in range(1, TIMES + 1):
        die(tmp_path)
        again = begun(tmp_path)  # and nothing is counted twice, however often it is looked at
        again.close()
        again = begun(tmp_path)
        assert (again.times(REEF), again.times(CALM)) == (times, 0)
        assert again.gives_up(REEF, "sha1:A") is (times == TIMES)
        again.close()
    assert not begun(tmp_path).gives_up(CALM, "sha1:C")


def test_another_payload_and_other_code_are_tried(tmp_path: Path) -> None:
    for _ in range(TIMES):
        die(tmp_path, payload="")
    in_hand = begun(tmp_path)
    assert in_hand.gives_up(REEF, None)
    assert not in_hand.gives_up(REEF, "sha1:B")
    in_hand.close()
    die(tmp_path, payload="sha1:B")
    in_hand = begun(tmp_path)
    assert in_hand.gives_up(REEF, "sha1:B")  # once is enough for a page that is known
    in_hand.close()
    assert begun(tmp_path, "code/2").times(REEF) == 0


def test_a_page_that_is_read_well_is_forgiven(tmp_path: Path) -> None:
    die(tmp_path)
    in_hand = begun(tmp_path)
    assert list(in_hand.reading(REEF, "sha1:A", iter("ab"))) == ["a", "b"]
    assert in_hand.times(REEF) == 0
    in_hand.close()
    assert not list((tmp_path / "locks").iterdir())


def test_a_page_whose_reading_fails_is_no_crash(tmp_path: Path) -> None:
    def fails() -> Iterator[str]:
        yield "a"
        raise KeyError

    with pytest.raises(KeyError):
        list(begun(tmp_path).reading(REEF, "sha1:A", fails()))
    assert begun(tmp_path).times(REEF) == 0


@pytest.mark.parametrize("text", ["", "\n", "no number\n\n1 2\n", "x" * 300])
def test_a_file_that_somebody_else_wrote(tmp_path: Path, text: str) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/thu.reading").write_text(text)
    begun(tmp_path).close()


# --- Real pages -----------------------------------------------------------------------------------------------------

NUMBERS = range(1, 31)
WORST = address(30)  # the newest: every run asks for it first
MODULES = {"SPIDER_MODULES": "tests.crashing"}


@pytest.fixture
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    with printing(tmp_path_factory) as press:
        for number in NUMBERS:
            press.paper.put(address(number), article(number))
        press.paper.put(WORST, article(30, "Thuyền va phải đá ngầm."))
        press.paper.put(LIST, listing([address(number) for number in NUMBERS]))
        yield press


def crawl(press: Press, death: str) -> int:
    command = ("baoquocte", "-a", f"seeds={LIST}")
    return press.crawler(*command, archive=press.archive, settings=MODULES, env={"DEATH": death}).status


@pytest.mark.slow
@pytest.mark.parametrize(("death", "status"), [("segv", -signal.SIGSEGV), ("exit", 9)])
def test_a_crawl(press: Press, death: str, status: int) -> None:
    assert [crawl(press, death) for _ in range(TIMES + 1)] == [status] * TIMES + [0]
    others = Counter(address(number) for number in NUMBERS if address(number) != WORST)
    assert Counter(row["url"] for row in press.lines("articles")) == others
    states = (
        "SELECT u.url, f.state, f.reason FROM frontier f JOIN urls u ON u.url_id = f.url_id WHERE f.state <> 'done'"
    )
    assert press.ask(states) == [(WORST, "failed", "crashes")]
    (counts,) = press.ask("SELECT counts FROM runs ORDER BY run_id DESC LIMIT 1")[0]
    assert '"failed/crashes": 1' in counts
    log = "".join(file.read_text() for file in (press.archive / "logs").rglob("*.crawl.log"))
    assert [line.split()[1] for line in log.splitlines() if f" {WORST} " in line and line.endswith(" crashes")] == [
        "-3000"
    ]

    assert crawl(press, death) == 0  # the next pass asks for it, and does not read it as long as it says the same
    assert press.ask(states) == [(WORST, "failed", "crashes")]
    press.paper.put(WORST, article(30, "Thuyền về bến."))
    assert crawl(press, death) == 0
    assert Counter(row["url"] for row in press.lines("articles")) == others + Counter([WORST])


@pytest.mark.slow
def test_a_rebuild(press: Press) -> None:
    press.crawl("-a", "max_articles=20")
    lose(press.archive)
    command = [sys.executable, "-m", "scrapy", "rebuild", "-s", f"ARCHIVE_DIR={press.archive}"]
    command += [part for name, value in MODULES.items() for part in ("-s", f"{name}={value}")]
    environment = {**press.crawler.replica.environment(), "DEATH": "exit"}
    statuses = [
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=100).returncode
        for _ in range(TIMES + 1)
    ]
    assert statuses == [9] * TIMES + [0]
    assert press.crawl().status == 0
    assert Counter(row["url"] for row in press.lines("articles")) == Counter(map(address, NUMBERS))
