"""The whole replica at one clock: the sites for the server, and the truth about them for the tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.replica.baoquocte import Baoquocte
from tests.replica.baoquocte_edition import Edition
from tests.replica.baoquocte_sections import BASE, NEXT_DAY
from tests.replica.baoquocte_truth import baoquocte_truth
from tests.replica.holes import Holes
from tests.replica.scrolling import ScrollingVietnamvn
from tests.replica.server import Site
from tests.replica.vietnamvn import Vietnamvn
from tests.replica.vietnamvn_edition import VietnamEdition
from tests.replica.vietnamvn_truth import vietnamvn_truth


@dataclass(frozen=True)
class World:
    """``sites`` answer; ``truth()`` says, as plain JSON values, what a crawl of them should find."""

    clock: datetime
    edition: Edition
    vietnam: VietnamEdition
    sites: tuple[Site, ...]

    def truth(self) -> dict[str, Any]:
        sites = {"baoquocte.vn": baoquocte_truth(self.edition), "vietnam.vn": vietnamvn_truth(self.vietnam)}
        return {"clock": self.clock.isoformat(), "sites": sites}


def build(clock: datetime, holes: Holes | None = None, scroll: bool = False) -> World:
    """The world at ``clock`` (aware). The base is 2026-11-20T12:00:00+07:00; a day later, articles changed.

    ``scroll``: vietnam.vn's lists and related blocks come by script.
    """
    edition = Edition(clock, holes)
    originals = edition if clock < NEXT_DAY and holes is None else Edition(BASE)  # copies are of the day they were made
    vietnam = VietnamEdition(clock, originals.listed)
    site = ScrollingVietnamvn(vietnam) if scroll else Vietnamvn(vietnam)
    return World(clock, edition, vietnam, (Baoquocte(edition), site))
