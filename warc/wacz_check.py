"""A WACZ file against its own list: every part there and as it says, every archive and index sound."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path
from typing import Any, Final

from warc.cdxj_check import Captures, captures_of, check_index
from warc.reader import DamagedRecord
from warc.verify import verify
from warc.wacz import DATAPACKAGE, DIGEST, PAGES, PIECE

# What zipfile raises for an archive that is broken, encrypted (RuntimeError) or packed in a way that it does not know
BROKEN: Final = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, ValueError)

Fault = tuple[str, int | None, str | None, str, str]  # part, offset in it, record id, rule, detail


def check_wacz(path: Path) -> Iterator[Fault]:
    """Every fault. Raises OSError when the file cannot be read at all."""
    try:
        with zipfile.ZipFile(path) as wacz:
            yield from _check(wacz)
    except BROKEN as error:
        yield "", None, None, "wacz", str(error)


def _check(wacz: zipfile.ZipFile) -> Iterator[Fault]:
    names = [info.filename for info in wacz.infolist() if not info.is_dir()]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield name, None, None, "wacz", "the part stands in it twice"
    for info in wacz.infolist():  # zipfile itself goes by the smaller size, other readers as they like
        if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
            told = f"it is stored as it is, with {info.compress_size} bytes for {info.file_size}"
            yield info.filename, None, None, "wacz", told
    package = _package(wacz)
    if package is None:
        yield DATAPACKAGE, None, None, "wacz", "it is missing or no list of resources"
        return
    yield from _check_list(wacz, package, set(names))
    for folder in ("archive/", "indexes/"):
        if not any(name.startswith(folder) for name in names):
            yield folder, None, None, "wacz", "there is no part in it"
    yield from _check_pages(wacz)
    yield from _check_archives(wacz, names)


def _package(wacz: zipfile.ZipFile) -> dict[str, Any] | None:
    try:
        package = json.loads(wacz.read(DATAPACKAGE))
        resources = package["resources"]
        good = all(isinstance(part["path"], str) and isinstance(part["hash"], str) for part in resources)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return package if good else None


def _check_list(wacz: zipfile.ZipFile, package: dict[str, Any], names: set[str]) -> Iterator[Fault]:
    if package.get("profile") != "data-package" or not str(package.get("wacz_version", "")).startswith("1."):
        yield DATAPACKAGE, None, None, "wacz", "no data-package of WACZ version 1"
    listed = set()
    for part in package["resources"]:
        name = part["path"]
        listed.add(name)
        if name.startswith("/") or ".." in name.split("/"):
            yield name, None, None, "wacz", "its path leads out of the file"
        if name not in names:
            yield name, None, None, "wacz", "it is listed and missing"
            continue
        algorithm, _, digest = part["hash"].partition(":")
        try:
            found, size = _digest(wacz, name, algorithm)
        except BROKEN as error:
            yield name, None, None, "wacz", str(error)
            continue
        if size != part.get("bytes", size):
            yield name, None, None, "wacz", f"it has {size} bytes, {part['bytes']} are listed"
        if found != digest:
            yield name, None, None, "wacz", f"its {algorithm} is {found}"
    for name in sorted(names - listed - {DATAPACKAGE, DIGEST}):
        yield name, None, None, "wacz", "it is not listed"
    if DIGEST in names:
        try:
            digest = json.loads(wacz.read(DIGEST))["hash"]
        except (ValueError, KeyError, TypeError, RecursionError):
            digest = None
        if digest != "sha256:" + _digest(wacz, DATAPACKAGE, "sha256")[0]:
            yield DIGEST, None, None, "wacz", f"{DATAPACKAGE} has another digest"
    elif str(package.get("software", "")).startswith("bao-quan"):
        yield DIGEST, None, None, "wacz", "it is missing"


def _digest(wacz: zipfile.ZipFile, name: str, algorithm: str) -> tuple[str, int]:
    digest, size = hashlib.new(algorithm, usedforsecurity=False), 0
    if not digest.digest_size:
        raise ValueError(f"{algorithm} has no length of its own")
    with wacz.open(name) as part:
        while piece := part.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def _check_pages(wacz: zipfile.ZipFile) -> Iterator[Fault]:
    """The list of pages is mandatory: a head line, then pages with address and time."""
    offset = 0
    try:
        with wacz.open(PAGES) as pages:
            for number, line in enumerate(pages):
                try:
                    page = json.loads(line)
                    good = "format" in page if number == 0 else bool(page["url"] and page["ts"])
                except (ValueError, KeyError, TypeError, RecursionError):
                    good = False
                if not good:
                    yield PAGES, offset, None, "wacz", f"line {number + 1} is no {'page' if number else 'head line'}"
                offset += len(line)
        if not offset:
            yield PAGES, 0, None, "wacz", "it is empty"
    except KeyError:
        yield PAGES, None, None, "wacz", "it is missing"


def _check_archives(wacz: zipfile.ZipFile, names: list[str]) -> Iterator[Fault]:
    """Each WARC file by the strict reading, and the plain indexes against all of them."""
    captures: dict[str, Captures] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if not name.startswith("archive/"):
                continue
            if wacz.getinfo(name).compress_type != zipfile.ZIP_STORED:
                yield name, None, None, "wacz", "it is deflated: players cannot seek in it"
            copy = Path(folder) / name.rpartition("/")[2]
            try:
                with wacz.open(name) as part, copy.open("wb") as file:
                    shutil.copyfileobj(part, file, PIECE)
            except OSError as error:
                yield name, None, None, "wacz", error.strerror or str(error)
                continue
            for fault in verify(copy).faults:
                yield name, fault.offset, fault.record_id, fault.rule, fault.detail
            try:
                captures[copy.name] = captures_of(copy)
            except DamagedRecord:
                captures[copy.name] = {}
            copy.unlink()
    for name in names:
        if name.startswith("indexes/") and name.endswith((".cdx", ".cdxj")):
            with wacz.open(name) as lines:
                for offset, rule, detail in check_index(lines, captures.get, captures, for_players=True):
                    yield name, offset, None, rule, detail
