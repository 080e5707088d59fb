"""MANIFEST.jsonl against the ledger, the warcinfos and the files themselves."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crawler.findings import Checked
from crawler.ledger_files import LEDGER, FileTable, Noted
from crawler.ledger_ops import FileState
from crawler.manifest import HEAD_FIELD, MANIFEST
from crawler.recovery import FOLDERS
from warc.reader import DamagedRecord, read_at
from warc.writer import OPEN

REPORTS, PAGE = "reports", ".html"  # pages for people are derived from what stands beside them
_TYPES = {"number": int, "path": str, "sha256": str, "size": int, "records": int}
_HEAD = re.compile(r"(\d+) sha256:([0-9a-f]{64})")


@dataclass(slots=True)
class Known:
    """What the ledger knows of the archive's files; all empty when there is no ledger."""

    files: dict[str, FileState] = field(default_factory=dict)
    noted: list[Noted] = field(default_factory=list)
    unended: bool = False  # a run is going on, or was killed and not tidied up after
    exists: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the manifest, as far as it can be read."""

    offset: int
    sha256: str  # of the line
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of the manifest, as the warcinfo of a file names it."""

    file: str  # name of the WARC file
    number: int
    sha256: str  # of the line


def read_heads(folder: Path) -> list[Head]:
    """To be read before the ledger is asked: a live crawl adds lines, and files that name them, at any moment."""
    heads = []
    for path in sorted((folder / "warc").rglob("*.warc.gz*")):
        with suppress(DamagedRecord, OSError):  # the file's own check names it; an open one may get its name now
            fields = dict(read_at(path, 0).fields())
            if found := _HEAD.fullmatch(fields.get(HEAD_FIELD, "")):
                heads.append(Head(path.name, int(found[1]), found[2]))
    return heads


def read_known(folder: Path, checked: Checked) -> Known:
    """Ask the ledger; a damaged one is a finding."""
    if not (folder / LEDGER).is_file():
        return Known()
    try:
        with FileTable(folder, read_only=True) as table:
            if not (table.is_made() or (folder / MANIFEST).exists()):
                return Known(unended=True)  # the first crawl of this folder is only just making its ledger
            damage = table.damage()
            if damage:
                checked.add(LEDGER, None, None, "ledger", damage)
            files = {state.path: state for state in table.files()}
            return Known(files, table.noted(), table.run_unended(), True)
    except sqlite3.Error as error:
        checked.add(LEDGER, None, None, "ledger", str(error))
        return Known()


def check_manifest(folder: Path, known: Known, heads: list[Head], checked: Checked) -> dict[str, Line]:
    """The chain, its end, and what every file's line says of it; the lines by file, for those who hash the files."""
    lines = _read_chain(folder / MANIFEST, known, checked)
    _check_end(folder / MANIFEST, lines, known, checked)
    by_path: dict[str, Line] = {}
    for line in lines:
        path = line.values["path"]
        if path in by_path:
            checked.add(MANIFEST, line.offset, None, "manifest-line", f"{path} stands in another line too")
        by_path.setdefault(path, line)
    _check_files(folder, by_path, known, checked)
    _check_heads(heads, lines, checked)
    checked.counts["manifest lines"] += len(lines)
    return by_path


def _read_chain(path: Path, known: Known, checked: Checked) -> list[Line]:
    lines: list[Line] = []
    before, offset = None, 0
    for raw in io.BytesIO(path.read_bytes()) if path.is_file() else ():
        sha256 = hashlib.sha256(raw).hexdigest()
        committed = known.noted[-1].line_end if known.noted else 0
        if known.unended and offset >= committed:
            break  # a killed run's, which never counted
        values = _values(raw)
        if values is None:
            checked.add(MANIFEST, offset, None, "manifest-line", f"not a line of it: {raw[:60]!r}")
        else:
            if values.get("previous") != before:
                told = f"line {values['number']} of it is bound to another line than the one before"
                checked.add(MANIFEST, offset, None, "manifest-chain", told)
            expected = lines[-1].values["number"] + 1 if lines else 1
            if values["number"] != expected:
                told = f"line {values['number']} stands where line {expected} should"
                checked.add(MANIFEST, offset, None, "manifest-chain", told)
            lines.append(Line(offset, sha256, values))
        before, offset = sha256, offset + len(raw)
    return lines


def _values(raw: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(raw)
        if not raw.endswith(b"\n") or any(type(values[key]) is not kind for key, kind in _TYPES.items()):
            return None
        path = Path(values["path"])
        return None if path.is_absolute() or ".." in path.parts else values
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _check_end(path: Path, lines: list[Line], known: Known, checked: Checked) -> None:
    """The ledger holds the hash of every line: nothing of it is gone, changed or added."""
    if not known.exists:
        checked.notes.append(f"no ledger: whether {MANIFEST} ends where it should is told by the warcinfos alone")
        return
    size = path.stat().st_size if path.is_file() else 0
    there = {line.values["number"]: line for line in lines}
    for noted in known.noted:
        line = there.get(noted.number)
        if line is None:
            told = f"line {noted.number} ({noted.path}) is gone"
            checked.add(MANIFEST, min(size, noted.line_end), None, "manifest-cut", told)
        elif line.sha256 != noted.line_sha256:
            told = f"line {noted.number} ({noted.path}) is not the one that the ledger has committed"
            checked.add(MANIFEST, line.offset, None, "manifest-chain", told)
    committed = known.noted[-1].line_end if known.noted else 0
    if size > committed and not known.unended:
        checked.add(MANIFEST, committed, None, "manifest-tail", f"{size - committed} bytes that nobody committed")


def _check_files(folder: Path, lines: dict[str, Line], known: Known, checked: Checked) -> None:
    """Every file that is known is there and as long as it should be; every file that is there is known."""
    there = _files_in(folder)
    waiting = 0
    for path in sorted({*lines, *known.files}):
        state, line = known.files.get(path), lines.get(path)
        if state is not None and not state.closed and line is None:
            size = there.pop(path + OPEN, there.pop(path, None))  # renamed, killed before the ledger said so
            if size is None or size < state.length:
                told = f"{state.length} bytes were committed, {size or 0} are there"
                checked.add(path, size, None, "file-missing" if size is None else "file-size", told)
            continue
        size = there.pop(path, None)
        should = line.values["size"] if line else state.length if state else 0
        if size is None:
            checked.add(
                path, None, None, "file-missing", f"{should} bytes, {'in' if line else 'not yet in'} {MANIFEST}"
            )
        elif size != should:
            checked.add(path, min(size, should), None, "file-size", f"it has {size} bytes, {should} when it was closed")
        waiting += line is None
    if waiting:
        checked.notes.append(f"{waiting} closed files get their line in {MANIFEST} from the next run")
    if there and known.unended:  # begun and closed since the ledger was asked
        there = {path: size for path, size in there.items() if path not in read_known(folder, checked).files}
    for path in there if lines or known.exists else ():
        if not (path.endswith(OPEN) and known.unended) and not Path(path).name.startswith("."):
            checked.add(path, None, None, "file-unknown", f"neither {MANIFEST} nor the ledger knows it")


def _files_in(folder: Path) -> dict[str, int]:
    """Size of every file by its path, under the name that it has when it is looked at."""
    there = {}
    for kind in FOLDERS:
        for path in sorted((folder / kind).rglob("*")):
            for name in (path, path.with_name(path.name.removesuffix(OPEN))):  # closed since the folder was read
                with suppress(FileNotFoundError):
                    if not path.is_dir() and not (kind == REPORTS and path.suffix == PAGE):
                        there[name.relative_to(folder).as_posix()] = name.stat().st_size
                        break
    return there


def _check_heads(heads: list[Head], lines: list[Line], checked: Checked) -> None:
    """What the warcinfos say the manifest ended with when their files were begun."""
    by_number = {line.values["number"]: line for line in lines}
    for head in heads:
        line = by_number.get(head.number)
        if line is None or line.sha256 != head.sha256:
            what = "is another one" if line else "is gone"
            told = f"line {head.number}, which the warcinfo of {head.file} names, {what}"
            checked.add(MANIFEST, line.offset if line else None, None, "manifest-head", told)
