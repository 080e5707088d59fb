"""What was taken down: hidden from replay, index, extraction, exports and WACZ, and not crawled again.

    scrapy exclude ─► exclusions/, events/ and the ledger ─► Hidden ─► every command that shows or fetches something

No byte of the archive changes: the records stay, and an exclusion that is lifted, or whose last day has passed, leaves
everything as it was.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler import sqlite
from crawler.dates import HANOI
from crawler.dom import page_address
from crawler.ledger_files import LEDGER
from crawler.ledger_ops import Exclusion
from crawler.serialize import to_line
from crawler.urls import canonical_url
from warc.cdxj import parse_line

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from crawler.items import Article

EXCLUDED = "excluded"  # kind of the event, and the reason under which a URL is refused
SCHEMA = "exclusion/1"
READMITTED = "readmitted"  # kind of the event when an exclusion is lifted
ANYTHING = "*"  # at the end of a target: every address that begins with what stands before

_COLUMNS = "exclusion_id, target, article_ids, addresses, reason, ticket, last_day, at, run, lifted_at"


def today() -> str:
    return datetime.now(UTC).astimezone(HANOI).date().isoformat()


# --- The ledger's table -------------------------------------------------------------------------------------------


def write_exclusions(db: sqlite3.Connection, exclusions: Iterable[Exclusion]) -> None:
    """New ones, and old ones that are lifted now."""
    for one in exclusions:
        values = (one.exclusion_id, one.target, json.dumps(one.article_ids), json.dumps(one.addresses))
        db.execute(
            f"""INSERT INTO exclusions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (exclusion_id) DO UPDATE SET lifted_at = excluded.lifted_at""",
            (*values, one.reason, one.ticket, one.last_day, one.at, one.run, one.lifted_at),
        )


def read_exclusions(db: sqlite3.Connection) -> list[Exclusion]:
    """All that there ever were, in their order."""
    found = []
    for row in db.execute(f"SELECT {_COLUMNS} FROM exclusions ORDER BY at, exclusion_id"):
        lists = (tuple(json.loads(text)) for text in row[2:4])
        found.append(Exclusion(*row[:2], *lists, *row[4:]))
    return found


def exclusions_of(archive: Path) -> list[Exclusion]:
    """Those of an archive; none where there is no ledger. Raises sqlite3.Error when it cannot be read."""
    if not (archive / LEDGER).is_file():
        return []
    with closing(sqlite.open_reader(archive / LEDGER)) as db:
        return read_exclusions(db) if sqlite.has_table(db, "exclusions") else []


# --- Their lines in exclusions/ -----------------------------------------------------------------------------------


def exclusion_line(act: Exclusion) -> bytes:
    """The act's line in ``exclusions/``."""
    return to_line({"schema": SCHEMA, **asdict(act)})


def exclusion_of(line: dict[str, Any]) -> Exclusion:
    """Raises KeyError or TypeError when it is none."""
    values = {key: value for key, value in line.items() if key != "schema"}
    lists = {key: tuple(values[key]) for key in ("article_ids", "addresses")}
    return Exclusion(**(values | lists))


# --- What they hide -----------------------------------------------------------------------------------------------


class Hidden:
    """Says of an article, an address or a row whether it is hidden. False where nothing is, and then it costs nothing.

    An article is hidden under every address that names it, also one that nobody knew when it was taken down.
    """

    def __init__(
        self,
        exclusions: Iterable[Exclusion],
        article_at: Callable[[str], tuple[str, bool] | None],
        day: str | None = None,
    ) -> None:
        """``article_at``: the article an address names (``crawler.sites``). ``day``: ISO date in +07:00, else today."""
        self.exclusions = [one for one in exclusions if one.holds(day or today())]
        self._article_at = article_at
        self._ids = {article_id for one in self.exclusions for article_id in one.article_ids}
        self._addresses = {key for one in self.exclusions for url in one.addresses if (key := _key(url))}
        targets = [one.target for one in self.exclusions]
        self._addresses |= {key for target in targets if not is_prefix(target) and (key := _key(target))}
        self._prefixes = tuple({prefix_key(target) for target in targets if is_prefix(target)})
        self._judged = lru_cache(maxsize=4096)(self._judge)

    @classmethod
    def of(cls, settings: BaseSettings | None) -> Hidden:
        """What is hidden in ARCHIVE_DIR today. Raises sqlite3.Error when its ledger cannot be read."""
        from scrapy.settings import Settings

        from crawler.sites import Sites

        assert isinstance(settings, Settings)
        return cls(exclusions_of(Path(settings["ARCHIVE_DIR"]).absolute()), Sites(settings).article_at)

    def __bool__(self) -> bool:
        return bool(self.exclusions)

    def hides_id(self, article_id: str | None) -> bool:
        return article_id in self._ids

    def hides_url(self, url: str | None) -> bool:
        return bool(self.exclusions) and url is not None and self._judged(page_address(url))

    def hides(self, article_id: str | None, *urls: str | None) -> bool:
        """Whether the article is hidden, or anything that stands at these addresses."""
        return bool(self.exclusions) and (self.hides_id(article_id) or any(map(self.hides_url, urls)))

    def hides_row(self, row: Mapping[str, Any]) -> bool:
        """Of a row in ``articles/``, ``quarantine/`` or an export's table of articles."""
        return self.hides(row.get("id"), row.get("url"), row.get("canonical_url"))

    def without(self, article: Article) -> Article:
        """The row of another article without its links to what is hidden: their texts are titles."""
        for key in _LISTS if self.exclusions else ():
            setattr(article, key, [one for one in getattr(article, key) if not self.hides_url(one.url)])
        if self.hides(article.source.id, article.source.url):
            article.source.id = article.source.url = None
        return article

    def shown(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The same of a row that was read back; None when the row itself is hidden."""
        if not self.exclusions:
            return row
        if self.hides_row(row):
            return None
        kept: dict[str, Any] = {key: [one for one in row[key] if not self.hides_url(one["url"])] for key in _LISTS}
        if self.hides(row["source"]["id"], row["source"]["url"]):
            kept["source"] = row["source"] | {"id": None, "url": None}
        return row | kept

    def _judge(self, url: str) -> bool:
        key = _key(url)
        if key is None:
            return False
        if key in self._addresses or (self._prefixes and key.startswith(self._prefixes)):
            return True
        named = self._article_at(url) if self._ids else None
        return named is not None and named[0] in self._ids


NOTHING = Hidden((), lambda url: None)
_LISTS = ("links", "images", "videos")


def is_prefix(target: str) -> bool:
    return target.endswith(ANYTHING)


def prefix_key(target: str) -> str:
    """What the keys of all addresses under a prefix begin with."""
    return _without_scheme(target.removesuffix(ANYTHING))


def _key(url: str) -> str | None:
    """The same for http and https, with and without ``www.``: a take-down is of a page, not of a spelling."""
    canonical = canonical_url(url)
    return _without_scheme(canonical) if canonical else None


def _without_scheme(url: str) -> str:
    return url.partition("://")[2].removeprefix("www.")


def shown_lines(hidden: Hidden, lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a CDXJ index that are not of what is hidden."""
    return (
        (line for line in lines if not hidden.hides_url(parse_line(line).fields.get("url"))) if hidden else iter(lines)
    )
