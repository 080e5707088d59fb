"""The archive as a collection that pywb serves. pywb is a program beside us, in an environment of its own.

Never in ours: its brotlipy takes the place of ``brotli``, and with that goes Scrapy's guard against bombs.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from crawler.exclusions import NOTHING, Hidden, shown_lines
from warc.cdxj import SUFFIX, playable, write_index
from warc.reader import DamagedRecord
from warc.writer import is_meta

COLLECTION = "archive"
HOW_TO_MAKE_ONE = (
    "pywb was not found: make an environment of its own with "
    "`python3 -m venv pywb && pywb/bin/pip install pywb==2.10.0 'setuptools<81'`, "
    "then name it with -s PYWB=pywb or BAOQUAN_PYWB=pywb"
)


def find_wayback(named: str | None, environment: Mapping[str, str]) -> Path | None:
    """pywb's program ``wayback``: as named by the setting, else by BAOQUAN_PYWB, else on PATH.

    What is named may be the program, its folder, or the environment it is in.
    """
    if place := named or environment.get("BAOQUAN_PYWB"):
        tried = [Path(place) / "bin" / "wayback", Path(place) / "wayback", Path(place)]
        return next((path.absolute() for path in tried if path.is_file() and os.access(path, os.X_OK)), None)
    found = shutil.which("wayback", path=environment.get("PATH"))
    return Path(found) if found else None


def closed_files(archive: Path) -> list[Path]:
    """The WARC files of captures that are complete; one that is still written, or was left by a kill, is not served."""
    return sorted(path for path in (archive / "warc").rglob("*.warc.gz") if not is_meta(path.name))


def index_of(warc: Path, archive: Path) -> Path:
    """The file's CDXJ in ``indexes/``, made if it is not there: a closed file never changes."""
    index = archive / "indexes" / warc.parent.name / (warc.name + SUFFIX)
    if not index.exists() or index.stat().st_mtime < warc.stat().st_mtime:
        write_index(warc, index)
    return index


def lay_out(folder: Path, archive: Path, warcs: list[Path], hidden: Hidden = NOTHING) -> Iterator[DamagedRecord]:
    """Make ``folder`` a place that ``wayback`` can be started in; gives the damage of each file that is left out.

    Raises OSError when an index cannot be written.
    """
    indexes = folder / "indexes"
    indexes.mkdir()
    for warc in warcs:
        try:
            index = index_of(warc, archive)
        except DamagedRecord as damage:
            yield damage
            continue
        with index.open("rb") as lines, (indexes / index.name).open("wb") as shown:
            shown.writelines(playable(shown_lines(hidden, lines)))
    folders = sorted({f"{warc.parent.absolute()}{os.sep}" for warc in warcs})
    collection = {"index_paths": f"{indexes}{os.sep}", "archive_paths": folders}
    # JSON is YAML too
    (folder / "config.yaml").write_text(json.dumps({"collections": {COLLECTION: collection}}), encoding="utf-8")
