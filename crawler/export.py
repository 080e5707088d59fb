"""An export: a folder of tables with their schemas, README.md, croissant.json and export.json.

plan on disk ─► tables, file by file ─► card ─► the folder takes its name, or its files and the cursor move together
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.cursor import Cursor
from crawler.dates import utc_text
from crawler.export_card import Card, ledger_state
from crawler.export_files import FORMATS, SHAPES, Layout, write_table
from crawler.export_plan import Choice, Plan
from crawler.export_text import croissant, readme
from crawler.ledger_changes import ChangeTable
from crawler.rowfiles import RowFiles
from crawler.rows import make_folder
from crawler.tables import LANGUAGES, TABLES, schema_in
from warc.writer import sync_folder

ABOUT = "export.json"  # what makes a folder ours
EXPORT_SCHEMA = "export/1"
UNFINISHED = ".unfinished"

__all__ = ["FORMATS", "Choice", "Layout", "ours", "tables_of", "write_export"]


def tables_of(layout: Layout, choice: Choice, with_cursor: bool) -> list[str]:
    """Tables of an export. A batch behind a cursor holds what has a position, so no newest rows and no visits."""
    rows = "articles_latest" if choice.latest else "articles"
    if layout.format in SHAPES:
        return [rows]
    if with_cursor:
        return [rows, "events", "links"]
    return [table for table in TABLES if table != "articles" or not choice.latest]


def ours(folder: Path) -> dict[str, Any] | None:
    """What an export says of itself; None for any other folder."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and about.get("schema") == EXPORT_SCHEMA else None


def write_export(
    archive: Path, table: ChangeTable, folder: Path, layout: Layout, choice: Choice, cursor: tuple[str, Cursor] | None
) -> Counter[str]:
    """Write a folder, or with a cursor one batch more into it; what was taken. Raises OSError, and writes nothing then.

    The folder appears whole, under its name. A batch appears in one step with the move of its cursor.
    """
    before = (ours(folder) or {}) if cursor else {}
    draft = folder / UNFINISHED if cursor else folder.with_name(f".{folder.name}{UNFINISHED}")
    shutil.rmtree(draft, ignore_errors=True)
    make_folder(draft)
    try:
        plan = Plan(archive, choice, table.hidden)
        try:
            _fill(archive, table, draft, layout, choice, plan, Card(before.get("months")), cursor, before)
        finally:
            plan.close()
        if cursor is None:
            take_name(draft, folder)
        else:
            files = [path for path in sorted(draft.rglob("*")) if path.is_file()]
            cursor[1].deliver(choice.until, [(path, folder / path.relative_to(draft)) for path in files])
    except BaseException:
        if cursor is None or cursor[1].position != choice.until:  # else the next start names what is left
            shutil.rmtree(draft, ignore_errors=True)
        raise
    shutil.rmtree(draft, ignore_errors=True)
    return plan.counts


def _fill(
    archive: Path,
    table: ChangeTable,
    draft: Path,
    layout: Layout,
    choice: Choice,
    plan: Plan,
    card: Card,
    cursor: tuple[str, Cursor] | None,
    before: dict[str, Any],
) -> None:
    """Write all files of the export into the draft."""
    wanted = tables_of(layout, choice, cursor is not None)
    with RowFiles(archive) as files:
        plan.take_changes(table, files, card)
        if "links" in wanted:
            plan.take_links(table)
        if "checks" in wanted:
            plan.take_checks(table)
        written = {name: list(write_table(draft, layout, name, plan, files, choice.until)) for name in wanted}
    left_out = Counter(before.get("left_out", {}))
    left_out.update({key: plan.counts[key] for key in ("rows that are not there", "without the tag", "older versions")})
    about = {
        "schema": EXPORT_SCHEMA,
        "format": layout.format,
        "full_text": layout.full_text,
        "after": before.get("after", choice.after),
        "until": choice.until,
        "order": table.order,
        "cursor": cursor[0] if cursor else None,
        "since": choice.since.isoformat() if choice.since else None,
        "tag": choice.tag,
        "latest": choice.latest,
        "written_at": utc_text(datetime.now(UTC)),
        "left_out": {key: count for key, count in left_out.items() if count},
        "same_texts": plan.same_texts() + before.get("same_texts", 0),
        "ledger": ledger_state(table),
        "months": card.months,
    }
    filled = [name for name in wanted if written[name] or name in before.get("tables", ())]
    about["tables"] = filled
    if layout.format not in SHAPES:
        for name in wanted:
            for language in LANGUAGES[: 3 if layout.is_parquet else 2]:
                _write(draft / "schema" / f"{name}.{language}", schema_in(language, name, layout.in_path))
    _write(draft / "README.md", readme(about, card, layout, filled).encode())
    _write(draft / "croissant.json", croissant(about, layout, filled).encode())
    _write(draft / ABOUT, json.dumps(about, ensure_ascii=False, indent=1).encode() + b"\n")


def take_name(draft: Path, folder: Path) -> None:
    """Put the whole folder where it belongs; an older export of ours goes only when this one is whole."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
