"""``scrapy history``: on an archive made by hand, and beside a crawl that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from crawler.commands.history import shortened
from crawler.history import ADDED, KEPT, REMOVED, word_diff
from crawler.ledger import Ledger
from crawler.ledger_ops import ArticleState, Event, Version
from crawler.serialize import to_line
from tests.changing import LIST, address, article, listing, printing
from tests.conftest import ROOT, without_network_settings

URL = "https://baoquocte.vn/mua-ca-com-1.html"
BODIES = ("Thuyền về bến\n\nGió lặng.", "Thuyền về bến sớm\n\nGió lặng.\n\nTrời trong.", None)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Calls the command in this process; status, stdout, stderr."""
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cmdline.execute(["scrapy", "history", *arguments], get_project_settings())
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three versions of one article and two events."""
    folder = tmp_path / "archive"
    (folder / "articles").mkdir(parents=True)
    ledger = Ledger.open(folder / "ledger.sqlite")
    ledger.open_scope("baoquocte", "{}")
    known = Version("baoquocte.vn:1", 1, "row1", "<urn:uuid:1>", URL, "", 0, 0, "", "P", 1, "", "", "")
    for number, body in enumerate(BODIES, 1):
        warc = {"file": f"warc/{number}.warc.gz", "offset": 100 * number, "record_id": f"<urn:uuid:{number}>"}
        row = {"row_id": f"row{number}", "title": "Mùa cá cơm", "sapo": None, "body": body, "warc": warc}
        at, line = f"2026-11-0{number}T05:00:00Z", to_line(row)
        place = folder / f"articles/{number}.jsonl{'.open' if number == 2 else ''}"  # one is being written
        place.write_bytes(b"{}\n" + line)
        ledger.apply(
            [
                replace(
                    known,
                    version=number,
                    row_id=f"row{number}",
                    file=f"articles/{number}.jsonl",
                    offset=3,
                    length=len(line),
                    captured_at=at,
                    first_captured_at="2026-11-01T05:00:00Z",
                    run=f"job{number}",
                )
            ]
        )
    ledger.apply(
        [
            Event("e2", URL, "2026-11-05T05:00:00Z", "back", "job5", "baoquocte.vn:1", 200, "<urn:uuid:5>"),
            Event("e1", URL, "2026-11-04T05:00:00Z", "gone", "job4", "baoquocte.vn:1", 404, "<urn:uuid:4>"),
            ArticleState("baoquocte.vn:1", "live"),
        ]
    )
    ledger.close()
    return folder


TEXT = f"""\
baoquocte.vn:1  live  {URL}
published on an unknown day, first captured 2026-11-01T05:00:00Z, last 2026-11-03T05:00:00Z

version 1  2026-11-01T05:00:00Z  run job1
  record <urn:uuid:1> in warc/1.warc.gz at 100
  Mùa cá cơm

version 2  2026-11-02T05:00:00Z  run job2
  record <urn:uuid:2> in warc/2.warc.gz at 200
  body: Thuyền về bến {{+sớm+}} Gió lặng. {{+¶ Trời trong.+}}

version 3  2026-11-03T05:00:00Z  run job3
  record <urn:uuid:3> in warc/3.warc.gz at 300
  body: [-Thuyền về bến sớm ¶ Gió lặng. ¶ Trời trong.-]

2026-11-04T05:00:00Z  gone  404  {URL}  run job4
2026-11-05T05:00:00Z  back  200  {URL}  run job5
"""


@pytest.mark.parametrize(
    "name", ["baoquocte.vn:1", URL, "http://www.baoquocte.vn/loi-cu-1.html&mobile=yes&amp=1?utm_source=x"]
)
def test_versions_changes_and_events(run: Run, archive: Path, name: str) -> None:
    assert run(name) == (0, TEXT, "")


def test_json(run: Run, archive: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in archive.rglob("*") if path.is_file()}
    status, out, err = run(URL, "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert list(told) == [
        *("id", "url", "state", "published_at", "first_captured_at", "last_captured_at", "versions", "events"),
        *("source", "copies"),
    ]
    assert told["versions"][1] == {
        "version": 2,
        "captured_at": "2026-11-02T05:00:00Z",
        "run": "job2",
        "row_id": "row2",
        "row": {
            "file": "articles/2.jsonl",
            "offset": 3,
            "length": (archive / "articles/2.jsonl.open").stat().st_size - 3,
        },
        "warc": {"file": "warc/2.warc.gz", "offset": 200, "record_id": "<urn:uuid:2>"},
        "changes": {"body": [["=", "Thuyền về bến"], ["+", " sớm"], ["=", "\n\nGió lặng."], ["+", "\n\nTrời trong."]]},
    }
    assert [event["kind"] for event in told["events"]] == ["gone", "back"]
    assert told["events"][0]["schema"] == "event/1"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_row_that_is_not_there(run: Run, archive: Path) -> None:
    (archive / "articles/2.jsonl.open").unlink()
    (archive / "articles/3.jsonl").write_text('{"row_id": "another"}\n')
    status, out, _ = run(URL)
    assert status == 0
    assert "  its row is not in articles/2.jsonl at 3\n" in out
    assert "  its row is not in articles/3.jsonl at 3\n" in out


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["baoquocte.vn:2"], 2, "no article 'baoquocte.vn:2' in"),
        (["https://baoquocte.vn/bai-2.html"], 2, "no article 'https://baoquocte.vn/bai-2.html' in"),
        ([], 2, "name one article"),
        ([URL, URL], 2, "name one article"),
        ([URL, "--xml"], 2, "unknown option '--xml'"),
        ([URL, "-s", "ARCHIVE_DIR=elsewhere"], 2, "elsewhere holds no ledger"),
        ([URL, "-s", "ARCHIVE_DIR=broken"], 1, "file is not a database"),
    ],
)
def test_one_line_says_what_is_wrong(
    run: Run, archive: Path, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/ledger.sqlite").write_bytes(b"no database" * 100)
    ended, out, err = run(*arguments)
    assert (ended, out) == (status, "")
    assert says in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "elsewhere").exists()


WORDS = st.lists(st.sampled_from(["mưa", "lớn", "ở", "Huế,", "\n\n", "cả", "đêm."]), max_size=30).map(" ".join)


@given(WORDS, WORDS)
def test_a_diff_holds_both_texts(before: str, after: str) -> None:
    diff = word_diff(before, after)
    assert "".join(text for mark, text in diff if mark != ADDED) == before
    assert "".join(text for mark, text in diff if mark != REMOVED) == after
    assert all(one[0] != other[0] for one, other in pairwise(diff))


@pytest.mark.parametrize(
    ("diff", "line"),
    [
        ([(KEPT, "một hai "), (REMOVED, "ba\n\n"), (ADDED, "bốn ")], "một hai [ba ¶][bốn]"),
        (
            [(ADDED, "mở "), (KEPT, "a b c d e f g h i "), (ADDED, "giữa "), (KEPT, "x")],
            "[mở] a b c d e f g h i [giữa] x",
        ),
        ([(KEPT, " ".join("abcdefghijk") + " "), (REMOVED, "z")], "… d e f g h i j k [z]"),
        ([(REMOVED, "z "), (KEPT, " ".join("abcdefghijk"))], "[z] a b c d e f g h …"),
    ],
)
def test_only_the_words_around_a_change_are_shown(diff: list[tuple[str, str]], line: str) -> None:
    assert "".join(text if mark == KEPT else f"[{text}]" for mark, text in shortened(diff)) == line


def test_colour_in_a_terminal(archive: Path) -> None:
    """A terminal of the kernel's, as ``script`` makes one."""
    import os
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "scrapy", "history", URL, "-s", f"ARCHIVE_DIR={archive}"]
    env = without_network_settings() | {"SCRAPY_SETTINGS_MODULE": "crawler.settings", "TERM": "xterm"}
    env = {name: value for name, value in env.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0, done.stderr
    assert "\x1b[32msớm\x1b[0m" in shown
    assert "\x1b[9;31mThuyền về bến sớm ¶ Gió lặng. ¶ Trời trong. \x1b[0m" in shown
    assert "{+" not in shown


@pytest.mark.slow
def test_beside_a_crawl(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    with printing(tmp_path_factory) as press:
        press.paper.put(LIST, listing([address(1), address(2)]))
        press.paper.put(address(1), article(1))
        press.crawl()
        press.paper.put(address(1), article(1, "Thuyền về bến khi trời đã sáng."))
        press.paper.put(address(2), article(2))
        press.paper.pages[address(2)].delay = 8.0
        command = ("-a", f"seeds={LIST}", "-a", "recrawl=all")
        process = press.crawler.start("baoquocte", *command, archive=press.archive)
        out = ""
        while process.poll() is None and "version 2" not in out:
            _, out, err = run(address(1), "-s", f"ARCHIVE_DIR={press.archive}")
            assert err == ""
        assert process.poll() is None
        assert process.wait(30) == 0
    assert "Thuyền về bến khi trời [-còn tối.-]{+đã sáng.+}" in out
