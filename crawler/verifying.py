"""What ``scrapy verify`` does: a folder becomes tasks, all cores work on them, and the results become one.

archive folder ─► manifest against ledger and files ─► tasks: hash a file, read a WARC, prove rows, …
files by name  ─────────────────────────────────────►
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from glob import escape
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.evidence import Evidence
from crawler.evidence_check import check_crawl_log, check_meta, check_report, compare_attempts
from crawler.findings import Checked
from crawler.ledger_files import LEDGER
from crawler.manifest import MANIFEST, sha256_of
from crawler.manifest_check import Known, check_manifest, read_heads, read_known
from warc.cdxj import SUFFIX
from warc.cdxj_check import Captures, captures_of, check_index
from warc.reader import DamagedRecord
from warc.verify import verify
from warc.wacz_check import check_wacz
from warc.writer import OPEN, is_meta

if TYPE_CHECKING:
    from scrapy.settings import Settings

CHUNK = 2 << 20  # bytes of rows that one task proves
WARC_ENDINGS = (".warc", ".warc.gz", ".warc" + OPEN, ".warc.gz" + OPEN)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to check. ``name`` is what the faults call the file, ``root`` the archive folder it belongs to."""

    kind: str  # hash, warc, rows, index, wacz, crawl_log, report
    path: Path
    name: str
    root: Path
    begin: int = 0
    end: int | None = None  # for a WARC file: its committed length
    index: Path | None = None


def check_archive(folder: Path, settings: Settings, *, fixity: bool = False, workers: int | None = None) -> Checked:
    """Everything in an archive folder; with ``fixity`` only whether each file is byte for byte what it was.

    ``workers`` are processes, by default one a core.
    """
    checked = Checked()
    heads = read_heads(folder)
    known = read_known(folder, checked)
    lines = check_manifest(folder, known, heads, checked)
    sizes = {path: line.values["size"] for path, line in lines.items()}
    files = [path for path, size in sizes.items() if _is_whole(folder / path, size)]
    tasks = [Task("hash", folder / path, path, folder) for path in files]
    if not fixity:
        tasks += _warc_tasks(folder, known) + list(_row_tasks(folder, known)) + _lone_indexes(folder)
        tasks += list(_evidence_tasks(folder, known))
    for result in run(tasks, settings, workers):
        checked.take(result)
    for path, sha256 in checked.digests.items():
        if sha256 != lines[path].values["sha256"]:
            told = f"it is {sha256}, {lines[path].values['sha256']} in {MANIFEST}"
            checked.add(path, None, None, "file-digest", told)
    # Of a file that was closed when the ledger was asked every line was committed before.
    closed = [path.rpartition("/")[2] for path, state in known.files.items() if state.closed]
    compare_attempts(checked, closed if known.exists else list(checked.exchanges))
    for row_id, times in Counter(checked.row_ids).items():
        if times > 1:
            checked.add("articles", None, None, "row-id", f"{times} rows have the row_id {row_id}")
    return checked


def check_paths(paths: Iterable[Path], archive: Path, settings: Settings) -> Checked:
    """Files of any producer, and folders that hold some."""
    checked = Checked()
    for result in run([task for path in paths for task in _tasks_for(path, archive)], settings):
        checked.take(result)
    return checked


def is_archive(folder: Path) -> bool:
    """Whether this is an archive folder of ours."""
    return any((folder / name).is_file() for name in (LEDGER, MANIFEST)) or all(
        (folder / name).is_dir() for name in ("warc", "articles")
    )


def run(tasks: list[Task], settings: Settings, workers: int | None = None) -> Iterator[Checked]:
    """Do the tasks, on all cores; the results in the order of the tasks."""
    workers = min(workers or len(os.sched_getaffinity(0)), len(tasks))
    if workers < 2:
        checker = Checker(settings)
        yield from map(checker.check, tasks)
        return
    # Forked: this process has one thread, and the workers have all modules at once.
    with ProcessPoolExecutor(workers, get_context("fork"), _begin, (settings,)) as pool:
        yield from pool.map(_check, tasks)


class Checker:
    """Does one task after another in one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._evidence: dict[Path, Evidence] = {}

    def check(self, task: Task) -> Checked:
        try:
            try:
                return self._check(task)
            except FileNotFoundError:
                if not task.path.name.endswith(OPEN):
                    raise
                path = task.path.with_name(task.path.name.removesuffix(OPEN))  # a live crawl has closed it meanwhile
                return self._check(replace(task, path=path, end=None if task.kind == "warc" else task.end))
        except OSError as error:
            checked = Checked()
            checked.add(task.name, None, None, "file-unreadable", error.strerror or str(error))
            return checked

    def _check(self, task: Task) -> Checked:
        return getattr(self, f"_check_{task.kind}")(task)  # type: ignore[no-any-return]

    def _check_hash(self, task: Task) -> Checked:
        return Checked(digests={task.name: sha256_of(task.path)}, counts=Counter({"files hashed": 1}))

    def _check_warc(self, task: Task) -> Checked:
        report = verify(task.path, committed=task.end)
        checked = Checked(counts=Counter({"WARC files": 1, "records": report.records}))
        for fault in report.faults:
            checked.add(task.name, fault.offset, fault.record_id, fault.rule, fault.detail)
        checked.exchanges[task.path.name] += report.exchanges
        in_archive = is_archive(task.root)
        for revisit in report.elsewhere if in_archive else ():
            for rule, detail in self._evidence_of(task.root).check_original(revisit):
                checked.add(task.name, revisit.offset, revisit.record_id, rule, detail)
        if is_meta(task.path.name) and (report.ours or in_archive):  # wget has files of such names too
            check_meta(task.name, report, task.root, checked)
        if task.index is not None:
            index = Task("index", task.index, task.index.relative_to(task.root).as_posix(), task.root)
            checked.take(self._check_index(index))
        return checked

    def _check_rows(self, task: Task) -> Checked:
        return self._evidence_of(task.root).check_rows(task.path, task.name, task.begin, task.end)

    def _evidence_of(self, root: Path) -> Evidence:
        if root not in self._evidence:
            self._evidence[root] = Evidence(root, self._settings)
        return self._evidence[root]

    def _check_crawl_log(self, task: Task) -> Checked:
        return check_crawl_log(task.path, task.name, task.end)

    def _check_report(self, task: Task) -> Checked:
        return check_report(task.path, task.name)

    def _check_index(self, task: Task) -> Checked:
        checked = Checked(counts=Counter({"indexes": 1}))
        whole = task.path.name.removesuffix(SUFFIX)  # an index named after a file holds all captures of it
        with task.path.open("rb") as lines:
            complete = [whole] if whole.endswith(WARC_ENDINGS[:2]) else []
            for offset, rule, detail in check_index(lines, lambda name: _captures(task.root, name), complete):
                checked.add(task.name, offset, None, rule, detail)
        return checked

    def _check_wacz(self, task: Task) -> Checked:
        checked = Checked(counts=Counter({"WACZ files": 1}))
        for part, offset, record_id, rule, detail in check_wacz(task.path):
            checked.add(f"{task.name}/{part}".rstrip("/"), offset, record_id, rule, detail)
        return checked


_checker: Checker | None = None  # of a worker process


def _begin(settings: Settings) -> None:
    global _checker
    _checker = Checker(settings)


def _check(task: Task) -> Checked:
    assert _checker is not None
    return _checker.check(task)


def _captures(root: Path, name: str) -> Captures | None:
    """What the WARC file of this name holds, wherever under the folder it lies; nothing, when it cannot be read."""
    named = root.rglob(escape(name)) if name and "/" not in name else ()
    path = next((path for path in sorted(named) if path.is_file()), None)
    try:
        return None if path is None else captures_of(path)
    except DamagedRecord:
        return {}


def _warc_tasks(folder: Path, known: Known) -> list[Task]:
    tasks = []
    for path in sorted((folder / "warc").rglob("*")):
        if path.is_file() and path.name.endswith(WARC_ENDINGS):
            name = path.relative_to(folder).as_posix()
            state = known.files.get(name.removesuffix(OPEN))
            if state is None and name.endswith(OPEN) and known.unended:
                continue  # begun after the last commit: nothing of it counts
            closed_since = state is not None and not (state.closed or name.endswith(OPEN)) and known.unended
            index = folder / "indexes" / path.parent.name / (path.name + SUFFIX)
            tasks.append(
                Task(
                    "warc",
                    path,
                    name,
                    folder,
                    end=state.length if state and not closed_since else None,
                    index=index if index.exists() else None,
                )
            )
    return tasks


def _row_tasks(folder: Path, known: Known) -> Iterator[Task]:
    for path in sorted((folder / "articles").rglob("*.jsonl*")):
        name = path.relative_to(folder).as_posix()
        state = known.files.get(name.removesuffix(OPEN))
        if not path.name.endswith((".jsonl", ".jsonl" + OPEN)):
            continue
        if name.endswith(OPEN):
            yield from _row_chunks(path, name, folder, state.length if state else 0)
        elif path.is_file():
            yield from _row_chunks(path, name, folder, _size(path))


def _evidence_tasks(folder: Path, known: Known) -> Iterator[Task]:
    """Crawl logs, as far as they are committed, and reports."""
    for path in sorted((folder / "logs").rglob("*.crawl.log*")):
        name = path.relative_to(folder).as_posix()
        if path.name.endswith(".crawl.log"):
            yield Task("crawl_log", path, name, folder)
        elif (state := known.files.get(name.removesuffix(OPEN))) is not None:
            yield Task("crawl_log", path, name, folder, end=state.length)
    for path in sorted((folder / "reports").rglob("*.json")):
        yield Task("report", path, path.relative_to(folder).as_posix(), folder)


def _row_chunks(path: Path, name: str, folder: Path, end: int) -> Iterator[Task]:
    for begin in range(0, end, CHUNK):
        yield Task("rows", path, name, folder, begin, min(begin + CHUNK, end))


def _lone_indexes(folder: Path) -> list[Task]:
    """Indexes that no WARC file lies beside."""
    return [
        Task("index", path, path.relative_to(folder).as_posix(), folder)
        for path in sorted((folder / "indexes").rglob(f"*{SUFFIX}"))
        if not (folder / "warc" / path.parent.name / path.name.removesuffix(SUFFIX)).exists()
    ]


def _tasks_for(path: Path, archive: Path) -> Iterator[Task]:
    """What can be checked of a named file or folder."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.name.endswith((*WARC_ENDINGS[:2], ".wacz", SUFFIX)):
                yield from _tasks_for(file, archive)
        return
    root = next((folder for folder in path.absolute().parents if is_archive(folder)), None)
    if path.name.endswith((".jsonl", ".jsonl" + OPEN)):
        yield from _row_chunks(path, str(path), root or archive, _size(path))
    elif path.name.endswith((".wacz", SUFFIX)):
        yield Task("wacz" if path.name.endswith(".wacz") else "index", path, str(path), root or path.absolute().parent)
    else:
        state = None
        if root is not None and path.name.endswith(OPEN):
            name = path.absolute().relative_to(root).as_posix().removesuffix(OPEN)
            state = read_known(root, Checked()).files.get(name)
        yield Task("warc", path, str(path), root or path.parent, end=state.length if state else None)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.is_file() and _size(path) == size
    except OSError:  # a name that no file can have
        return False


def _size(path: Path) -> int:
    return path.stat().st_size
