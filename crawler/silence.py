"""Sites that always had something new, and have nothing for longer than they ever let pass.

Judged by what was archived, in days of UTC: on each of its last seven days with new articles a site shows its rhythm,
which holds that of the crawl too. It is silent when twice the longest pause among them has passed without any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

DAYS = 7  # with new articles, before a site counts as one that always publishes
WINDOW = timedelta(days=60)  # looked back


@dataclass(frozen=True, slots=True)
class Silent:
    """A site that gives nothing."""

    site: str
    last: date  # on which it gave something new
    pause: int  # days: its longest pause before


def site_of(article_id: str) -> str:
    """The registered domain, which every id begins with.

    >>> site_of("vietnam.vn:vi:gia-lua")
    'vietnam.vn'
    """
    return article_id.partition(":")[0]


def silent_sites(firsts: Iterable[tuple[str, str]], now: datetime) -> Iterator[Silent]:
    """Sites that are silent now, from the ids of articles and their first captures (UTC text)."""
    days: dict[str, set[str]] = defaultdict(set)
    for article_id, at in firsts:
        days[site_of(article_id)].add(at[:10])
    for site, known in sorted(days.items()):
        last = [date.fromisoformat(day) for day in sorted(known)[-DAYS:]]
        pause = max(((after - before).days for before, after in pairwise(last)), default=0)
        if len(last) == DAYS and (now.date() - last[-1]).days >= 2 * pause:
            yield Silent(site, last[-1], pause)
