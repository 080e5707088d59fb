"""When an article is asked again: often while it is young, seldom later, more often if it has changed before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from crawler.dates import HANOI, utc_text

NEVER = "9998-12-31T23:59:59Z"  # a due date that never comes; ``recrawl=all`` does not wait for it
FASTEST = 4  # an article that changes often is visited up to this many times as often
INTERVALS = "1d:1h, 7d:1d, 30d"  # younger than a day: every hour; younger than a week: every day; then every 30 days
LIMIT = 1000

_PART = re.compile(r"(?:(?P<age>\d{1,5}[mhd])\s*:\s*)?(?P<interval>\d{1,5}[mhd]|never)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

Step = tuple[timedelta | None, timedelta | None]  # up to which age (None: any), how often (None: never)


@dataclass(frozen=True, slots=True)
class Recrawl:
    """Settings RECRAWL_INTERVALS and RECRAWL_LIMIT."""

    steps: tuple[Step, ...]
    limit: int = LIMIT  # articles that a new pass asks again whether or not a list still promises them

    @classmethod
    def parse(cls, intervals: str = INTERVALS, limit: int = LIMIT) -> Recrawl:
        """Read ``AGE:INTERVAL, …, INTERVAL`` in minutes, hours and days (``30m``, ``1h``, ``7d``) or ``never``.

        ValueError says what is wrong.
        """
        steps: list[Step] = []
        for part in intervals.split(","):
            match = _PART.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"{part.strip()[:60]!r} is not AGE:INTERVAL, such as 7d:1d, nor never")
            age = match["age"] and span(match["age"])
            if steps and (steps[-1][0] is None or (age and age <= steps[-1][0])):
                raise ValueError("the ages must grow, and the last part has no age")
            interval = None if match["interval"] == "never" else span(match["interval"])
            if interval is not None and not interval:
                raise ValueError("an interval of nothing would ask without end")
            steps.append((age or None, interval))
        if steps[-1][0] is not None:
            raise ValueError("the last part has no age: it is for all that is older")
        return cls(tuple(steps), limit)

    def after(self, age: timedelta, version: int) -> timedelta | None:
        """Time to the next visit, None for never. Divided by the number of versions, down to the shortest interval."""
        interval = next(every for limit, every in self.steps if limit is None or age < limit)
        if interval is None:
            return None
        shortest = min(every for _, every in self.steps if every is not None)
        return max(shortest, interval / max(1, min(version, FASTEST)))

    def due_at(self, captured_at: str, born: str | None, version: int) -> str:
        """Instant from which an article captured at ``captured_at`` may be asked again.

        ``born`` is an instant or a day (in +07:00); an article of unknown age is a new one.
        """
        captured = datetime.fromisoformat(captured_at)
        try:
            birth = datetime.fromisoformat(born) if born else captured
        except ValueError:
            birth = captured
        after = self.after(captured - (birth if birth.tzinfo else birth.replace(tzinfo=HANOI)), version)
        return NEVER if after is None else utc_text(captured + after)


def span(text: str) -> timedelta:
    """``30m``, ``1h`` or ``7d``; ValueError for anything else."""
    if not re.fullmatch(r"[0-9]{1,5}[mhd]", text):
        raise ValueError(f"{text[:60]!r} is no time in minutes, hours or days, such as 30m, 1h or 7d")
    return int(text[:-1]) * _UNITS[text[-1]]


DEFAULT = Recrawl.parse()
