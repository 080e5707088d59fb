"""Where exports went: ``exports/<time>.json`` in the archive folder, so that a take-down can name those concerned."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from crawler.cursor import cursors_of
from crawler.dates import utc_text
from crawler.rows import make_folder

FOLDER = "exports"

logger = logging.getLogger(__name__)


def note_export(archive: Path, folder: Path, until: int) -> None:
    """Note an export that was written; an archive that cannot be written is warned of, the export stands."""
    now = datetime.now(UTC)
    note = {"folder": str(folder.absolute()), "until": until, "written_at": utc_text(now)}
    try:
        make_folder(archive / FOLDER)
        (archive / FOLDER / f"{now:%Y%m%d%H%M%S%f}.json").write_text(json.dumps(note) + "\n", encoding="utf-8")
    except OSError as error:
        logger.warning("The export is not noted in the archive (%s): scrapy exclude will not name it", error)


def takers_of(archive: Path, position: int) -> list[str]:
    """Cursors and exports that were given the change at this position of the order of commits."""
    found = [f"cursor {name}" for name, until in cursors_of(archive) if until >= position]
    for path in sorted((archive / FOLDER).glob("*.json")):
        with suppress(ValueError, KeyError, TypeError, OSError):
            note = json.loads(path.read_bytes())
            if note["until"] >= position:
                found.append(f"export {note['folder']} of {note['written_at']}")
    return found
