"""How much room the disk of the archive has, and how much of it a crawl leaves alone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.summary import size
from crawler.trouble import OutputTrouble

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


@dataclass(frozen=True, slots=True)
class Room:
    """The disk at one moment, in bytes."""

    free: int  # for this user
    total: int
    floor: int  # a crawl stops before less than this is free

    @property
    def is_low(self) -> bool:
        return self.free < self.floor


def room_of(folder: Path, settings: BaseSettings | Mapping[str, Any]) -> Room:
    """Of the disk that the folder is on, or will be; the floor is the larger of DISK_FLOOR and DISK_SHARE.

    Raises OSError.
    """
    place = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(place)
    floor = max(int(settings.get("DISK_FLOOR") or 0), int(float(settings.get("DISK_SHARE") or 0) * usage.total))
    return Room(usage.free, usage.total, floor)


def low_disk(folder: Path, room: Room) -> OutputTrouble:
    """The line that is said when a crawl stops for it: the archive is whole, and more must not be begun."""
    return OutputTrouble(
        f"{folder}: {size(room.free)} are free and DISK_FLOOR or DISK_SHARE keeps {size(room.floor)}; "
        "make room (docs/disk.md), then the same command goes on"
    )


def disk_section(room: Room | None, written: int, attempts: int, left: int | None) -> dict[str, Any]:
    """The part of a report: what the run has written, and what the rest of its frontier will need at that rate."""
    a_page = written / attempts if attempts else None
    needed = round(left * a_page) if left is not None and a_page is not None else None
    return {
        "free": room.free if room else None,
        "total": room.total if room else None,
        "floor": room.floor if room else None,
        "written": written,
        "written_a_page": round(a_page) if a_page is not None else None,
        "needed_for_the_rest": needed,
        "enough": None if room is None or needed is None else room.free - needed >= room.floor,
    }


def disk_line(section: Mapping[str, Any]) -> str | None:
    """The same in words; None when there is nothing to tell."""
    if section["free"] is None:
        return None
    rest = ""
    if needed := section["needed_for_the_rest"]:
        rest = f"; what is left needs some {size(needed)}" + ("" if section["enough"] else ", MORE THAN THERE IS")
    return f"Disk: {size(section['free'])} free, {size(section['floor'])} of it kept{rest}"
