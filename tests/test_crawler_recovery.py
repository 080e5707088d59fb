"""What a start finds of a killed run, state by state, and what it makes of it."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.ledger_ops import FileState
from crawler.recovery import cut_back_leftovers
from crawler.rows import RowFile, make_folder
from crawler.trouble import OutputTrouble
from tests.test_warc_writer import FIELDS, capture
from warc.verify import verify
from warc.writer import WarcFile

JOB = "20261121100000-abc123"
WARC = f"warc/bao/bao-20261121100001-00000-{JOB}.warc.gz"
ROWS = f"articles/bao/20261121100001-{JOB}.jsonl"
LINES = b'{"a": 1}\n{"a": 2}\n'


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    make_folder(tmp_path / "warc" / "bao")
    make_folder(tmp_path / "articles" / "bao")
    return tmp_path


def state(path: str, length: int) -> FileState:
    return FileState(path, path.split("/")[0], "bao", JOB, length, 2)


def closed(archive: Path, *known: FileState, jobs: tuple[str, ...] = (JOB,)) -> list[str]:
    """Clear up; the paths that the ledger is told are closed."""
    ops = cut_back_leftovers(archive, "bao", known, jobs)
    assert all(isinstance(op, FileState) and op.closed for op in ops)
    lengths = {one.path: one.length for one in known}
    assert all(isinstance(op, FileState) and op.length == lengths[op.path] for op in ops)
    return sorted(op.path for op in ops if isinstance(op, FileState))


def files(archive: Path) -> dict[str, int]:
    return {path.relative_to(archive).as_posix(): path.stat().st_size for path in archive.rglob("*") if path.is_file()}


# File under .open, file under its name, committed length in the ledger (None: unknown); what is there afterwards.
@pytest.mark.parametrize(
    ("opened", "named", "committed", "after"),
    [
        pytest.param(LINES, None, len(LINES), {ROWS: len(LINES)}, id="killed between commits"),
        pytest.param(LINES + b'{"a": 3', None, len(LINES), {ROWS: len(LINES)}, id="killed in a line"),
        pytest.param(LINES, None, None, {}, id="killed before its first commit"),
        pytest.param(b"", None, None, {}, id="killed when it was made"),
        pytest.param(None, LINES, len(LINES), {ROWS: len(LINES)}, id="killed after the rename"),
        pytest.param(None, LINES + b"x\n", len(LINES), {ROWS: len(LINES) + 2}, id="somebody wrote behind it"),
        pytest.param(None, None, None, {}, id="nothing left over"),
    ],
)
def test_rows(
    opened: bytes | None, named: bytes | None, committed: int | None, after: dict[str, int], archive: Path
) -> None:
    if opened is not None:
        (archive / f"{ROWS}.open").write_bytes(opened)
    if named is not None:
        (archive / ROWS).write_bytes(named)
    known = [] if committed is None else [state(ROWS, committed)]
    assert closed(archive, *known) == ([] if committed is None else [ROWS])
    assert files(archive) == after
    assert closed(archive) == []  # a second start finds nothing to do


@pytest.mark.parametrize(
    ("opened", "named", "says"),
    [
        pytest.param(LINES[:5], None, "holds 5 bytes, 18 were committed; put it back as it was", id="cut off"),
        pytest.param(None, LINES[:5], "holds 5 bytes, 18 were committed; put it back as it was", id="named, cut off"),
        pytest.param(None, None, "holds 0 bytes, 18 were committed; put it back as it was", id="taken away"),
        pytest.param(LINES, LINES, "a file without .open is beside it; move the one that is a copy away", id="two"),
    ],
)
def test_what_no_kill_leaves_is_refused(opened: bytes | None, named: bytes | None, says: str, archive: Path) -> None:
    if opened is not None:
        (archive / f"{ROWS}.open").write_bytes(opened)
    if named is not None:
        (archive / ROWS).write_bytes(named)
    before = files(archive)
    with pytest.raises(OutputTrouble) as refused:
        cut_back_leftovers(archive, "bao", [state(ROWS, len(LINES))], [JOB])
    assert says in str(refused.value)
    assert str(archive / ROWS) in str(refused.value)
    assert files(archive) == before


def test_a_file_of_another_ledger_is_left_alone(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    (archive / f"{ROWS}.open").write_bytes(LINES)
    assert closed(archive, jobs=("20261121100000-fff999", "abc123x")) == []
    assert files(archive) == {f"{ROWS}.open": len(LINES)}
    assert "is of no run in this ledger and left alone" in caplog.text


def test_what_was_cut_off_is_told_with_its_hash(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    rest = b'{"a": 3'
    (archive / f"{ROWS}.open").write_bytes(LINES + rest)
    with caplog.at_level(logging.WARNING):
        closed(archive, state(ROWS, len(LINES)))
    assert f"cut 7 bytes after the last commit, sha256 {hashlib.sha256(rest).hexdigest()}" in caplog.text


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(min_value=0, max_value=3000), garbage=st.binary(max_size=50))
def test_a_warc_file_cut_anywhere_behind_its_last_commit_is_sound(
    cut: int, garbage: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = tmp_path_factory.mktemp("archive")
    make_folder(archive / "warc" / "bao")
    file = WarcFile(archive / WARC, FIELDS)
    file.append(capture())
    committed = file.size
    file.append(capture())
    file.abandon()
    data = file.open_path.read_bytes()
    file.open_path.write_bytes(data[: max(committed, len(data) - cut)] + garbage)
    assert closed(archive, state(WARC, committed)) == [WARC]
    assert (archive / WARC).read_bytes() == data[:committed]
    assert verify(archive / WARC)


def test_a_row_file_never_takes_the_place_of_another(archive: Path) -> None:
    (archive / ROWS).write_bytes(LINES)
    with pytest.raises(FileExistsError):
        RowFile(archive / ROWS).append(LINES)
    assert files(archive) == {ROWS: len(LINES)}


def test_abandoned_files_keep_their_name(archive: Path) -> None:
    file = RowFile(archive / ROWS)
    file.append(LINES)
    file.sync()
    file.abandon()
    assert files(archive) == {f"{ROWS}.open": len(LINES)}
