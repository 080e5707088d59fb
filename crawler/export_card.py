"""What an export says of itself: counts and coverage as they were found, and what they are to be read with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crawler.ledger_changes import ChangeTable

COVERED = ("sapo", "body", "byline", "publisher", "section", "tags", "images", "published_at", "modified_at")
PERMISSIONS = ("meta_robots", "x_robots_tag", "tdm_reservation")


class Card:
    """Counts that add up over batches: keys are texts, values numbers."""

    def __init__(self, before: dict[str, dict[str, int]] | None = None) -> None:
        self.months: dict[str, Counter[str]] = {key: Counter(value) for key, value in (before or {}).items()}

    def take(self, row: dict[str, Any], month: str, newest: bool) -> None:
        """Count one row."""
        counts = self.months.setdefault(f"{row['site']} {month}", Counter())
        counts["versions"] += 1
        counts["first versions"] += row["version"] == 1
        counts["newest"] += newest
        counts["translations"] += row["is_translation"]
        counts["from another paper"] += row["source"]["name"] is not None
        counts["suspect"] += row["extraction"]["suspect"]
        counts[f"page {row['extraction']['page']}"] += 1
        counts[f"language {row['language']}"] += 1
        for field in COVERED:
            counts[f"has {field}"] += row[field] not in (None, [])
        for name in PERMISSIONS:
            counts[f"says {name}"] += row["permissions"][name] is not None
        counts["against robots.txt"] += (row["permissions"]["robots_rule"] or "").lower().startswith("disallow")

    def robots(self) -> str:
        """How robots.txt was kept to: a rule that forbids stands in rows of ROBOTS_POLICY=record-only alone."""
        against = self.total()["against robots.txt"]
        obeyed = "robots.txt was obeyed (RFC 9309)"
        return f"{obeyed}, but for {against:,} versions that were archived against it" if against else obeyed

    def total(self) -> Counter[str]:
        return sum(self.months.values(), Counter())

    def parts(self, prefix: str) -> dict[str, int]:
        """Totals under a prefix, largest first."""
        found = {key.removeprefix(prefix): count for key, count in self.total().items() if key.startswith(prefix)}
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def ledger_state(table: ChangeTable) -> dict[str, Any]:
    """What the ledger says of completeness, of all that it knows and not of this export alone."""
    outcomes: dict[str, Counter[str]] = {}
    for host, state, reason, count in table.outcomes():
        outcomes.setdefault(host, Counter())[f"{state} {reason}".strip()] += count
    return {
        "addresses": {host: dict(counts.most_common()) for host, counts in outcomes.items()},
        "states": dict(table.states()),
        "copies": dict(table.copies()),
        "exclusions": len(table.hidden.exclusions),
    }
