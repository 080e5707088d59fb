"""MANIFEST.jsonl: written at every close, whole after every kill, and no way to change an archive in silence."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scrapy.utils.project import get_project_settings

from crawler import crash
from crawler.findings import RULES, Checked
from crawler.ledger import Ledger
from crawler.ledger_files import FileTable
from crawler.ledger_ops import FileState
from crawler.manifest import MANIFEST, catch_up, head_of
from crawler.verifying import check_archive
from tests.conftest import ROOT
from tests.smallpaper import SmallPaper, printing
from warc.reader import read_at
from warc.writer import is_meta


def check(folder: Path, fixity: bool = False) -> Checked:
    return check_archive(folder, get_project_settings(), fixity=fixity, workers=1)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small archive of two runs, with several WARC files."""
    archive = tmp_path_factory.mktemp("archive")
    settings = {"WARC_TARGET_SIZE": "6000"}
    with printing(SmallPaper(12), tmp_path_factory) as printer:
        assert printer.crawl(*printer.command, "-a", "max_articles=8", archive=archive, settings=settings).status == 11
        assert printer.crawl(*printer.command, archive=archive, settings=settings).status == 0
    return archive


@pytest.fixture
def archive(crawled: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(crawled, tmp_path / "archive"))


def lines_of(folder: Path) -> list[bytes]:
    return (folder / MANIFEST).read_bytes().splitlines(keepends=True)


def write(folder: Path, lines: list[bytes]) -> None:
    (folder / MANIFEST).write_bytes(b"".join(lines))


def values_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(folder)]


def first(folder: Path, kind: str) -> Path:
    return sorted((folder / kind).rglob("*.*"))[0]


# --- What a crawl writes ------------------------------------------------------------------------------------------


def test_every_closed_file_has_its_line(crawled: Path) -> None:
    lines = values_of(crawled)
    files = sorted(
        path.relative_to(crawled).as_posix()
        for path in crawled.glob("*/*/*")
        if path.parts[-3] != "indexes" and path.suffix != ".html"  # derived
    )
    assert sorted(line["path"] for line in lines) == files
    assert len([line for line in lines if line["kind"] == "warc"]) >= 3
    before = None
    for number, (line, raw) in enumerate(zip(lines, lines_of(crawled), strict=True), 1):
        data = (crawled / line["path"]).read_bytes()
        assert (line["sha256"], line["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
        content = gzip.decompress(data) if line["kind"] == "warc" else data
        assert line["records"] == content.count(b"WARC/1.1\r\n" if line["kind"] == "warc" else b"\n")
        assert (line["number"], line["previous"], line["spider"]) == (number, before, "news")
        before = hashlib.sha256(raw).hexdigest()
    assert head_of(crawled) == {"manifest-head": f"{len(lines)} sha256:{before}"}


def test_a_warcinfo_names_the_line_before_it_was_begun(crawled: Path) -> None:
    raw = lines_of(crawled)
    captures = [path for path in sorted(crawled.glob("warc/news/*")) if not is_meta(path.name)]
    heads = [dict(read_at(path, 0).fields()).get("manifest-head") for path in captures]
    assert heads[0] is None
    for head in heads[1:]:
        assert head is not None
        number, digest = head.split(" sha256:")
        assert hashlib.sha256(raw[int(number) - 1]).hexdigest() == digest
    assert len(set(heads)) == len(heads)  # each names the file before it


def test_a_crawl_is_sound(crawled: Path) -> None:
    checked = check(crawled)
    assert checked.findings == []
    assert checked.notes == []
    assert checked.counts["rows"] == 12
    assert checked.counts["files hashed"] == checked.counts["manifest lines"] == len(lines_of(crawled))


# --- After kills --------------------------------------------------------------------------------------------------


def closed(folder: Path, name: str, data: bytes = b'{"a":1}\n') -> FileState:
    """A file that the ledger knows to be closed."""
    path = folder / "links" / "news" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    state = FileState(f"links/news/{name}", "links", "news", "j1", len(data), data.count(b"\n"), closed=True)
    ledger = Ledger.open(folder / "ledger.sqlite")
    ledger.apply([state])
    ledger.close()
    return state


@pytest.mark.parametrize("step", ["manifest:1", "manifest:2"])
def test_a_kill_between_file_and_line_is_healed(tmp_path: Path, step: str) -> None:
    closed(tmp_path, "1.jsonl")
    catch_up(tmp_path, "news")
    closed(tmp_path, "2.jsonl")
    closed(tmp_path, "3.jsonl")
    code = f"from pathlib import Path; from crawler.manifest import catch_up; catch_up(Path({str(tmp_path)!r}), 'news')"
    environment = os.environ | {crash.VARIABLE: step}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, timeout=60, check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(lines_of(tmp_path)) == (1 if step == "manifest:1" else 3)
    catch_up(tmp_path, "news")
    assert [line["path"] for line in values_of(tmp_path)] == [f"links/news/{number}.jsonl" for number in (1, 2, 3)]
    assert check(tmp_path).findings == []


def test_what_has_its_line_gets_no_other(tmp_path: Path) -> None:
    closed(tmp_path, "1.jsonl")
    for _ in range(3):
        catch_up(tmp_path, "news")
    catch_up(tmp_path, "baoquocte")
    assert len(lines_of(tmp_path)) == 1


def test_a_torn_line_is_cut_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    closed(tmp_path, "1.jsonl")
    catch_up(tmp_path, "news")
    with (tmp_path / MANIFEST).open("ab") as file:
        file.write(b'{"number":2,"pa')
    closed(tmp_path, "2.jsonl")
    catch_up(tmp_path, "news")
    assert [line["number"] for line in values_of(tmp_path)] == [1, 2]
    assert "cut 15 bytes" in caplog.text
    assert check(tmp_path).findings == []


@pytest.mark.parametrize("left", [0, 1, 70, -1])
def test_a_cut_is_never_made_whole_in_silence(tmp_path: Path, left: int) -> None:
    """The next run goes on with the chain, and what was taken away stays told."""
    for name in ("1.jsonl", "2.jsonl"):
        closed(tmp_path, name)
        catch_up(tmp_path, "news")
    data = (tmp_path / MANIFEST).read_bytes()
    (tmp_path / MANIFEST).write_bytes(data[: len(lines_of(tmp_path)[0])] if left < 0 else data[:left])
    closed(tmp_path, "3.jsonl")
    catch_up(tmp_path, "news")
    assert values_of(tmp_path)[-1]["number"] == 3 if left <= 0 else lines_of(tmp_path)[-1].startswith(b'{"number":3')
    assert {"manifest-chain", "manifest-cut"} <= {finding.rule for finding in check(tmp_path).findings}


def test_a_rebuilt_ledger_takes_the_lines_over(archive: Path) -> None:
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        ledger.execute("DELETE FROM manifest")
    before = (archive / MANIFEST).read_bytes()
    closed(archive, "1.jsonl")
    catch_up(archive, "news")
    assert (archive / MANIFEST).read_bytes().startswith(before)
    assert len(lines_of(archive)) == before.count(b"\n") + 1
    assert check(archive).findings == []


@pytest.mark.parametrize("torn", [b"", b'{"numb'])
def test_a_kill_at_the_very_first_line(tmp_path: Path, torn: bytes) -> None:
    closed(tmp_path, "1.jsonl")
    catch_up(tmp_path, "news")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as ledger:
        ledger.execute("DELETE FROM manifest")
    (tmp_path / MANIFEST).write_bytes(torn or lines_of(tmp_path)[0])
    closed(tmp_path, "2.jsonl")
    catch_up(tmp_path, "news")
    assert [(line["number"], line["path"][-7:]) for line in values_of(tmp_path)] == [(1, "1.jsonl"), (2, "2.jsonl")]
    assert check(tmp_path).findings == []


def test_a_file_that_vanished_before_its_line(tmp_path: Path) -> None:
    closed(tmp_path, "1.jsonl")
    (tmp_path / "links/news/1.jsonl").unlink()
    catch_up(tmp_path, "news")
    [finding] = check(tmp_path).findings
    assert (finding.rule, finding.file) == ("file-missing", "links/news/1.jsonl")


def test_two_spiders_write_one_chain(tmp_path: Path) -> None:
    for name in ("1.jsonl", "2.jsonl", "3.jsonl"):
        state = closed(tmp_path, name)
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    for number in range(20):
        path = tmp_path / f"links/other/{number}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"{}\n")
        ledger.apply([FileState(f"links/other/{number}.jsonl", "links", "other", "j2", 3, 1, closed=True)])
    ledger.close()
    code = "from pathlib import Path; from crawler.manifest import catch_up; catch_up(Path({!r}), {!r})"
    commands = [[sys.executable, "-c", code.format(str(tmp_path), spider)] for spider in ("news", "other")]
    processes = [subprocess.Popen(command, cwd=ROOT) for command in commands]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert [line["number"] for line in values_of(tmp_path)] == list(range(1, 24))
    assert check(tmp_path).findings == []
    assert state.spider == "news"


# --- Tampering ----------------------------------------------------------------------------------------------------


def changed(folder: Path, index: int, **values: Any) -> None:
    """Change values in one line, and nothing else."""
    lines = lines_of(folder)
    line = json.loads(lines[index]) | values
    lines[index] = json.dumps(line, separators=(",", ":")).encode() + b"\n"
    write(folder, lines)


def chained(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Write these lines as a chain that is right in itself."""
    written: list[bytes] = []
    for number, line in enumerate(lines, 1):
        previous = hashlib.sha256(written[-1]).hexdigest() if written else None
        written.append(json.dumps(line | {"number": number, "previous": previous}).encode() + b"\n")
    write(folder, written)


def into_ledger(folder: Path) -> None:
    """Make the ledger hold the hashes of the manifest as it is now."""
    end = 0
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        ledger.execute("DELETE FROM manifest")
        for raw in lines_of(folder):
            end += len(raw)
            line = json.loads(raw)
            row = (line["number"], line["path"], line["sha256"], hashlib.sha256(raw).hexdigest(), end)
            ledger.execute("INSERT INTO manifest VALUES (?, ?, ?, ?, ?, NULL, NULL)", row)


def change_line(folder: Path) -> None:
    changed(folder, 1, sha256="0" * 64)


def change_last_line(folder: Path) -> None:
    changed(folder, -1, records=77)


def cut_last_line(folder: Path) -> None:
    write(folder, lines_of(folder)[:-1])


def cut_in_a_line(folder: Path) -> None:
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:-30])


def take_out_a_line(folder: Path) -> None:
    lines = lines_of(folder)
    write(folder, lines[:1] + lines[2:])


def take_out_first(folder: Path) -> None:
    write(folder, lines_of(folder)[1:])


def swap_lines(folder: Path) -> None:
    lines = lines_of(folder)
    write(folder, [lines[1], lines[0], *lines[2:]])


def repeat_line(folder: Path) -> None:
    lines = lines_of(folder)
    write(folder, [lines[0], *lines])


def add_line(folder: Path) -> None:
    """A further line that is right in itself."""
    last = lines_of(folder)[-1]
    line = json.loads(last) | {"path": "links/news/x.jsonl", "previous": hashlib.sha256(last).hexdigest()}
    write(folder, [*lines_of(folder), json.dumps(line | {"number": line["number"] + 1}).encode() + b"\n"])


def add_bytes(folder: Path) -> None:
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes() + b"\n")


def remove_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def empty_manifest(folder: Path) -> None:
    write(folder, [])


def forge_whole_chain(folder: Path) -> None:
    """A file and its line changed, and all lines after it put right."""
    lines = values_of(folder)
    path = first(folder, "articles")
    path.write_bytes(path.read_bytes().replace(b"2026", b"2027"))
    for line in lines:
        if line["path"] == path.relative_to(folder).as_posix():
            line["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    chained(folder, lines)


def forge_chain_and_ledger(folder: Path) -> None:
    """The same, and the ledger put right too: what is left are the warcinfos."""
    lines = values_of(folder)
    lines[0] |= {"run": "nobody"}
    chained(folder, lines)
    into_ledger(folder)


def forget_in_ledger(folder: Path) -> None:
    """The end cut off, there and in the ledger: a warcinfo of the second run names a line that is gone."""
    write(folder, lines_of(folder)[:1])
    into_ledger(folder)


def path_outside(folder: Path) -> None:
    changed(folder, 0, path="../ledger.sqlite")


def no_json(folder: Path) -> None:
    lines = lines_of(folder)
    write(folder, [lines[0], b"2: " + lines[1], *lines[2:]])


def deep_line(folder: Path) -> None:
    lines = lines_of(folder)
    write(folder, [lines[0], b"[" * 200_000 + b"\n", *lines[2:]])


def long_name(folder: Path) -> None:
    changed(folder, 0, path="warc/" + "a" * 300)


def no_number(folder: Path) -> None:
    changed(folder, 2, number="3")


def other_line_ends(folder: Path) -> None:
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes().replace(b"\n", b"\r\n"))


def chain_begun_again(folder: Path) -> None:
    changed(folder, 2, previous=None)


def byte_of_a_row(folder: Path) -> None:
    path = first(folder, "articles")
    path.write_bytes(path.read_bytes().replace(b"article", b"artikle", 1))


def clock_in_a_gzip_header(folder: Path) -> None:
    """No reader of the WARC file can tell."""
    path = first(folder, "warc")
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)


def record_dropped(folder: Path) -> None:
    path = first(folder, "articles")
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


def line_added(folder: Path) -> None:
    path = first(folder, "articles")
    path.write_bytes(path.read_bytes() + path.read_bytes().partition(b"\n")[0] + b"\n")


def file_removed(folder: Path) -> None:
    first(folder, "articles").unlink()


def file_renamed(folder: Path) -> None:
    path = first(folder, "articles")
    path.rename(path.with_name("20200101000000-x.jsonl"))


def file_put_in(folder: Path) -> None:
    (folder / "events" / "news").mkdir(parents=True, exist_ok=True)
    (folder / "events" / "news" / "20200101000000-x.jsonl").write_bytes(b"{}\n")


def open_file_put_in(folder: Path) -> None:
    (folder / "articles" / "news" / "20200101000000-x.jsonl.open").write_bytes(b"{}\n")


def files_exchanged(folder: Path) -> None:
    one, two = sorted((folder / "articles" / "news").iterdir())[:2]
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)


def file_emptied(folder: Path) -> None:
    first(folder, "warc").write_bytes(b"")


def ledger_broken(folder: Path) -> None:
    path = folder / "ledger.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + bytes(8192) + path.read_bytes()[12288:])


TAMPERING: list[tuple[Callable[[Path], None], set[str]]] = [
    (change_line, {"manifest-chain", "file-digest"}),
    (change_last_line, {"manifest-chain"}),
    (cut_last_line, {"manifest-cut"}),
    (cut_in_a_line, {"manifest-line", "manifest-cut"}),
    (take_out_a_line, {"manifest-chain", "manifest-cut"}),
    (take_out_first, {"manifest-chain", "manifest-cut"}),
    (swap_lines, {"manifest-chain"}),
    (repeat_line, {"manifest-chain", "manifest-line", "manifest-tail"}),
    (add_line, {"manifest-tail", "file-missing"}),
    (add_bytes, {"manifest-line", "manifest-tail"}),
    (remove_manifest, {"manifest-cut", "manifest-head"}),
    (empty_manifest, {"manifest-cut", "manifest-head"}),
    (forge_whole_chain, {"manifest-chain", "manifest-head"}),
    (forge_chain_and_ledger, {"manifest-head"}),
    (forget_in_ledger, {"manifest-head"}),
    (path_outside, {"manifest-line", "manifest-chain"}),
    (no_json, {"manifest-line", "manifest-chain"}),
    (deep_line, {"manifest-line", "manifest-chain"}),
    (long_name, {"manifest-chain", "file-missing"}),
    (no_number, {"manifest-line", "manifest-chain"}),
    (other_line_ends, {"manifest-chain", "manifest-tail"}),
    (chain_begun_again, {"manifest-chain"}),
    (byte_of_a_row, {"file-digest"}),
    (clock_in_a_gzip_header, {"file-digest"}),
    (record_dropped, {"file-size"}),
    (line_added, {"file-size"}),
    (file_removed, {"file-missing"}),
    (file_renamed, {"file-missing", "file-unknown"}),
    (file_put_in, {"file-unknown"}),
    (open_file_put_in, {"file-unknown"}),
    (files_exchanged, {"file-size"}),
    (file_emptied, {"file-size"}),
    (ledger_broken, {"ledger"}),
]


@pytest.mark.parametrize(("tamper", "rules"), TAMPERING, ids=lambda value: getattr(value, "__name__", ""))
def test_tampering_is_named(archive: Path, tamper: Callable[[Path], None], rules: set[str]) -> None:
    tamper(archive)
    checked = check(archive, fixity=True)
    assert rules <= {finding.rule for finding in checked.findings} <= RULES.keys()
    if not any(rule.startswith("manifest") for rule in rules) and rules != {"ledger"}:
        assert {finding.rule for finding in checked.findings} == rules
        assert all(finding.file.startswith(("warc/", "articles/", "links/", "events/")) for finding in checked.findings)


def test_rows_are_proven_beside_a_damaged_ledger(archive: Path) -> None:
    (archive / "ledger.sqlite").write_bytes(b"no database\n" * 1000)
    checked = check(archive)
    assert ([finding.rule for finding in checked.findings], checked.counts["rows"]) == (["ledger"], 12)


def test_a_live_archive_is_judged_by_what_is_committed(archive: Path) -> None:
    """While a run goes on, a manifest line that is not committed yet and files just begun are no faults."""
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE runs SET ended_at = NULL WHERE run_id = 2")
    add_line(archive)
    open_file_put_in(archive)
    assert check(archive, fixity=True).findings == []


def test_without_a_ledger_the_chain_and_the_warcinfos_tell(archive: Path) -> None:
    for path in archive.glob("ledger.sqlite*"):
        path.unlink()
    checked = check(archive)
    assert (checked.findings, checked.counts["rows"]) == ([], 12)
    assert "no ledger" in checked.notes[0]
    write(archive, lines_of(archive)[:1])
    assert {finding.rule for finding in check(archive, fixity=True).findings} == {"manifest-head", "file-unknown"}


def test_an_archive_on_a_medium_that_cannot_be_written(archive: Path) -> None:
    with FileTable(archive, read_only=True) as table, pytest.raises(sqlite3.OperationalError):
        table.checked([("x", True)], "2026-11-21T10:00:00Z")
