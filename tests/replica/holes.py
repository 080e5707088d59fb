"""A baoquocte.vn whose lists have holes at known places, for what says what a crawl has missed.

Every article stands in every kind of list, but for those chosen here; what the plain replica leaves out on purpose
(gone pages, walls, odd addresses) is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

FIRST, LAST = 72, 312  # indices among which holes are: articles of the last fortnight, with neighbours on both sides


@dataclass(frozen=True)
class Holes:
    """How many articles are missing where. Places are chosen by ``seed``, at least three apart."""

    listings: int = 7  # from listings, tags, topics, feeds and front page alone
    sitemap: int = 5  # from the sitemap alone
    related_only: int = 3  # from everything but one link in one article
    hidden: int = 4  # from everything
    seed: int = 1

    def places(self) -> dict[int, str]:
        """Index of an article → unlisted, unmapped, related or hidden."""
        kinds = ["unlisted"] * self.listings + ["unmapped"] * self.sitemap
        kinds += ["related"] * self.related_only + ["hidden"] * self.hidden
        chosen = Random(f"holes {self.seed}").sample(range(FIRST, LAST, 3), len(kinds))
        return dict(zip(chosen, kinds, strict=True))
