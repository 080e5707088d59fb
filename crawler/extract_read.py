"""WARC files of any producer as visits: a response, or a revisit and what it refers to, with what the archive knows.

*.warc, *.warc.gz, *.wacz, folders ─► sources ─► records ─► visits
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from crawler.dom import Header, is_dom, permissions_in, to_be_rendered
from crawler.rebuild_read import job_in
from warc.reader import DamagedRecord, Record, read_past_damage, read_records
from warc.writer import is_meta

ENDINGS = (".warc", ".warc.gz")
WACZ = ".wacz"
NOT_MODIFIED = "server-not-modified"  # how the profile of a revisit ends that stands for a 304


@dataclass(frozen=True, slots=True)
class Source:
    """A WARC file, or a part of a WACZ file. ``name`` is what rows call it: relative to ARCHIVE_DIR where it can be."""

    path: Path
    name: str
    part: str | None = None

    @property
    def spider(self) -> str | None:
        """Whose files lie in its folder, where it lies in an archive as ours are laid out."""
        folder = self.path.absolute().parent
        return folder.name if self.part is None and folder.parent.name == "warc" else None

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """A file to read: the part of a WACZ file is copied out for as long."""
        if self.part is None:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, Path(self.part).name)
            with zipfile.ZipFile(self.path) as wacz, wacz.open(self.part) as part, copy.open("wb") as file:
                shutil.copyfileobj(part, file, 1 << 20)
            yield copy


@dataclass(slots=True)
class Visited:
    """A response or revisit, the facts of its metadata record, and the job that fetched it, where the file says so."""

    record: Record
    job: str | None
    facts: dict[str, str] = field(default_factory=dict)
    permissions: list[Header] = field(default_factory=list)  # of a DOM: those of its document


def sources(names: Iterable[str], archive: Path) -> list[Source]:
    """The files behind the names. Raises ValueError with what is wrong with one, OSError for a broken WACZ file."""
    found: dict[tuple[Path, str | None], Source] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            top = path / "warc" if (path / "warc").is_dir() and (path / "articles").is_dir() else path
            files = sorted(file for file in top.rglob("*") if file.is_file() and file.name.endswith((*ENDINGS, WACZ)))
            if not files:
                raise ValueError(f"{name} holds no *.warc, *.warc.gz or *.wacz file")
        elif path.is_file():
            files = [path]
        else:
            raise ValueError(f"no file or folder {name[:200]!r}")
        for file in files:
            for source in _sources_in(file, archive):
                if not is_meta((source.part or file.name).rpartition("/")[2]):  # it holds no pages
                    found.setdefault((file.resolve(), source.part), source)
    return list(found.values())


def _sources_in(file: Path, archive: Path) -> Iterator[Source]:
    name = file.as_posix()
    with suppress(ValueError):
        name = file.absolute().relative_to(archive).as_posix()
    if not file.name.endswith(WACZ):
        yield Source(file, name)
        return
    try:
        with zipfile.ZipFile(file) as wacz:
            parts = [part for part in wacz.namelist() if part.startswith("archive/") and part.endswith(ENDINGS)]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{name} is no WACZ file: {error}") from None
    yield from (Source(file, f"{name}/{part}", part) for part in parts)


def visits(path: Path) -> Iterator[Visited | DamagedRecord]:
    """Responses and revisits in the order of the file; what of it is damaged comes as the error."""
    waiting: Visited | None = None
    job: str | None = None
    rendered: dict[str, Visited] = {}  # documents whose DOM has not come yet
    permissions: dict[str, list[Header]] = {}  # by record, of documents that state any
    for record in read_past_damage(path):
        if isinstance(record, DamagedRecord):
            yield record
        elif record.type == "warcinfo":
            job = job_in(dict(record.fields())) or None
        elif record.type in ("response", "revisit") and record.is_http:
            if waiting:
                yield waiting
            waiting = Visited(record, job)
        elif record.type == "metadata" and waiting and waiting.record.record_id in record.get_all("WARC-Concurrent-To"):
            waiting.facts |= dict(record.fields())
            if to_be_rendered(waiting.facts):
                rendered[waiting.record.record_id] = waiting
                if stated := permissions_in(waiting.record.message().headers):
                    permissions[waiting.record.record_id] = stated
        elif is_dom(record.type, record.target_uri):
            found = (rendered.pop(key) for key in record.get_all("WARC-Concurrent-To") if key in rendered)
            document = next(found, None)
            if document is None:
                yield Visited(record, job)
            else:
                stated = permissions.get(states_them(document.record), [])
                yield Visited(record, job, document.facts, stated)
    if waiting:
        yield waiting


def states_them(document: Record) -> str:
    """Id of the record whose headers say what the document permits: a 304 leaves that to what it refers to."""
    profile = (document.get("WARC-Profile") or "").rstrip("/")
    refers_to = document.get("WARC-Refers-To") if profile.endswith(NOT_MODIFIED) else None
    return refers_to or document.record_id


def keys_of(record: Record) -> Iterator[str]:
    """What a revisit may call this response by."""
    yield record.record_id
    yield f"{record.date} {record.target_uri}"
    if digest := record.get("WARC-Payload-Digest"):
        yield digest


def original_keys(revisit: Record) -> list[str]:
    """What a revisit calls its original by, surest first."""
    referred, date = revisit.get("WARC-Refers-To"), revisit.get("WARC-Refers-To-Date")
    uri = (revisit.get("WARC-Refers-To-Target-URI") or revisit.target_uri).strip("<>")
    at = f"{date} {uri}" if date else None
    return [key for key in (referred, at, revisit.get("WARC-Payload-Digest")) if key]


def find(source: Source, wanted: frozenset[str]) -> dict[str, int]:
    """Offsets of the responses in a file that go by these keys; the first one for each."""
    found: dict[str, int] = {}
    with suppress(DamagedRecord, OSError), source.opened() as path:
        for record in read_records(path):
            if record.type == "response":
                for key in wanted.intersection(keys_of(record)):
                    found.setdefault(key, record.offset)
    return found
