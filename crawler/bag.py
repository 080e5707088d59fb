"""The archive as a bag to hand over: BagIt 1.0 (RFC 8493), its payload in ``data/`` an archive folder as it stood.

bagit.txt, bag-info.txt, manifest-sha256.txt of data/, tagmanifest-sha256.txt of the others, export.json that it is ours
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from crawler import __version__
from crawler.backup import Damaged, back_up
from crawler.dates import utc_text
from crawler.export import ABOUT, EXPORT_SCHEMA, UNFINISHED, take_name
from crawler.manifest import sha256_of
from crawler.rows import make_folder

FORMAT: Final = "bag"
DATA: Final = "data"
_DECLARATION: Final = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def write_bag(archive: Path, folder: Path, info: Mapping[str, str]) -> int:
    """Write a bag; how many files it carries. It appears whole, under its name; one of ours there before is replaced.

    ``info`` are lines of bag-info.txt. Raises OSError, sqlite3.Error, and Damaged when a file is not what it was: such
    a bag is not made.
    """
    draft = folder.with_name(f".{folder.name}{UNFINISHED}")
    shutil.rmtree(draft, ignore_errors=True)
    make_folder(draft)
    try:
        back_up(archive, draft / DATA, link=True)
        wanted = _noted(draft / DATA)
        payload = list(_digests(draft, draft / DATA))
        for digest, name in payload:
            if wanted.get(name.removeprefix(f"{DATA}/"), digest) != digest:
                raise Damaged(f"{name} is not what the manifest says: scrapy verify names what is wrong")
        size = sum((draft / name).stat().st_size for _, name in payload)
        now = datetime.now(UTC)
        about = {
            **info,
            "Bagging-Date": f"{now:%Y-%m-%d}",
            "Payload-Oxum": f"{size}.{len(payload)}",
            "Bag-Software-Agent": f"bao-quan/{__version__}",
        }
        (draft / "bagit.txt").write_text(_DECLARATION, encoding="utf-8")
        lines = "".join(f"{name}: {' '.join(value.split())}\n" for name, value in about.items())
        (draft / "bag-info.txt").write_text(lines, encoding="utf-8")
        ours: dict[str, Any] = {"schema": EXPORT_SCHEMA, "format": FORMAT, "written_at": utc_text(now)}
        (draft / ABOUT).write_text(json.dumps(ours) + "\n", encoding="utf-8")
        _write_manifest(draft / "manifest-sha256.txt", payload)
        tags = [(sha256_of(path), path.name) for path in sorted(draft.iterdir()) if path.is_file()]
        _write_manifest(draft / "tagmanifest-sha256.txt", tags)
        take_name(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return len(payload)


def _noted(data: Path) -> dict[str, str]:
    """Digests by path, of MANIFEST.jsonl."""
    path = data / "MANIFEST.jsonl"
    lines = map(json.loads, path.read_bytes().splitlines()) if path.is_file() else ()
    return {line["path"]: line["sha256"] for line in lines}


def _digests(bag: Path, folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield sha256_of(path), path.relative_to(bag).as_posix()


def _write_manifest(path: Path, files: list[tuple[str, str]]) -> None:
    """Digest, two spaces, path, with %, CR and LF percent-encoded (RFC 8493, section 2.1.3)."""
    encoded = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
    path.write_text("".join(f"{digest}  {name.translate(encoded)}\n" for digest, name in files), encoding="utf-8")
