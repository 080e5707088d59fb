"""Which closed files of an archive folder a command takes, and what their names say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

_WARC = re.compile(r".*-(\d{14})-\d{5,}-[A-Za-z0-9_-]+\.warc\.gz|.*-(\d{14})-[A-Za-z0-9_-]+-meta\.warc\.gz")
_LINES = re.compile(r"(\d{14})-[A-Za-z0-9_-]+\.(?:jsonl|crawl\.log|log|json)")
_ENDINGS = (".warc.gz", ".warc", ".jsonl", ".log", ".json")


def closed_files(folder: Path, kind: str, spider: str | None = None, since: date | None = None) -> Iterator[Path]:
    """Files of ``warc``, ``articles`` …, of one spider or all, begun on this day (UTC) or later; sorted by path.

    A file whose name is not one of ours is taken too when no day is asked for.
    """
    pattern = _WARC if kind == "warc" else _LINES
    for path in sorted((folder / kind).glob(f"{spider or '*'}/*")):
        if not path.is_file() or not path.name.endswith(_ENDINGS):
            continue
        found = pattern.fullmatch(path.name)
        begun = datetime.strptime(next(filter(None, found.groups())), "%Y%m%d%H%M%S").date() if found else None  # noqa: DTZ007
        if since is None or (begun is not None and begun >= since):
            yield path
