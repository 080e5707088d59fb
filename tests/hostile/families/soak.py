"""A paper of ten thousand pages, of which some are broken in each of the ways that others are attacked by."""

from __future__ import annotations

import re

from tests.hostile.scenario import FRONT, HOME, Scenario, listing, redirect, sound, whole
from tests.oddanswers import FIRST, HTML, TEXT, head, length
from tests.oddserver import UNKNOWN_PATH, Steps
from tests.smallpaper import page

PAGES, LISTED = 10_000, 100  # in all, and on one list
BEGIN = 1000  # number of the first article
GROWTH = 50.0  # megabytes of peak memory after the first thousand pages


def _list(number: int) -> str:
    return f"/danh-muc/bo-bai/page/{number}"


def _answer(request: bytes) -> Steps:
    path = request.split(b" ", 2)[1].decode("latin-1")
    found = re.search(r"(\d+)(?:\.html)?$", path)
    if found is None:
        return UNKNOWN_PATH
    number = int(found[1])
    if path == _list(number):
        links = [sound(BEGIN + (number - 1) * LISTED + place) for place in range(LISTED)]
        after = f'<a rel="next" href="{_list(number + 1)}">Trang sau</a>' if number * LISTED < PAGES else ""
        return whole(listing(f"Trang {number}", links, after))
    if path != sound(number):
        return UNKNOWN_PATH
    match number % 50:
        case 7:
            return UNKNOWN_PATH
        case 17:
            return redirect(f"{HOME}{sound(number + 1)}")
        case 27:
            return (head(HTML, b"Content-Length: 99999") + FIRST, "close")
        case 37:
            return (head(HTML, length(TEXT)) + TEXT,)
        case 47:
            return (b"\x00\x01\r\n\r\n", "close")
    return whole(page(number))


SOAK = Scenario(
    "soak",
    {FRONT: whole(listing("Báo Lạ", [*map(sound, range(9)), _list(1)]))},
    otherwise=_answer,
    extra=PAGES + PAGES // LISTED + 2 * 2 * PAGES // 50 + 100,
    growth=GROWTH,
    settings={"LOG_LEVEL": "WARNING", "DRIFT_EVERY": 0},
)
SCENARIOS = (SOAK,)
