"""The timetable: which crawl is due when. ``schedule.toml`` as checked values, or one line that says what is wrong.

    [entries.moi]
    spider = "baoquocte"
    cron = "*/30 5-23 * * *"
    arguments = { max_articles = 500 }

A due time is an instant of the cron expression in the entry's zone, plus the entry's jitter, which is the same for
everybody who asks.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from crawler.arguments import ArgumentError, parse_arguments, scope_key
from crawler.recrawl import span
from crawler.scheduling import NotAllowed, check_setting_names

if TYPE_CHECKING:
    from crawler.spider import NewsSpider

ZONE = "Asia/Ho_Chi_Minh"
MISSED = ("run", "report")
OVERLAP = ("wait", "skip")
INTERRUPTED = ("resume", "wait")
LONGEST_JITTER = timedelta(hours=12)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_OF_FILE = ("timezone", "hung", "end_hung", "scrapyd", "entries")
_OF_ENTRY = (
    "spider",
    "cron",
    "timezone",
    "arguments",
    "settings",
    "jitter",
    "late",
    "missed",
    "overlap",
    "interrupted",
)


class TimetableError(ValueError):
    """One line: file, entry, key, what is wrong, and the choices."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One crawl and when it is due."""

    name: str
    spider: str
    scope: str  # spider and arguments, as the ledger has them
    cron: str
    zone: ZoneInfo
    arguments: Mapping[str, str]
    settings: Mapping[str, str]
    jitter: timedelta = timedelta(0)
    late: timedelta = timedelta(minutes=10)  # a start later than this has missed its time
    missed: str = "run"  # what is due when its time was missed: run once, or report
    overlap: str = "wait"  # when the spider is at work: wait for it, or skip this time
    interrupted: str = "resume"  # a run that was stopped or killed: resume it at once, or wait for the next time

    def due(self, after: datetime, until: datetime) -> list[datetime]:
        """Due times after the one instant and up to the other, in order. UTC, whole seconds."""
        found = []
        for instant in CronSim(self.cron, (after - self.jitter).astimezone(self.zone) - timedelta(seconds=1)):
            if instant > until:
                break
            at = (instant + self._jitter_at(instant)).astimezone(UTC)
            if after < at <= until:
                found.append(at)
        return sorted(found)

    def coming(self, now: datetime, count: int) -> list[datetime]:
        """The next so many due times. UTC, whole seconds."""
        found: list[datetime] = []
        for instant in CronSim(self.cron, (now - self.jitter).astimezone(self.zone)):
            if len(found) >= count and instant > sorted(found)[count - 1]:
                break
            at = (instant + self._jitter_at(instant)).astimezone(UTC)
            if at > now:
                found.append(at)
        return sorted(found)[:count]

    def _jitter_at(self, instant: datetime) -> timedelta:
        """Spreads crawls of one minute; from the name and the time alone."""
        seconds = int(self.jitter.total_seconds())
        text = f"{self.name} {instant.astimezone(UTC).isoformat()}"
        return timedelta(seconds=int.from_bytes(sha256(text.encode()).digest()[:8]) % (seconds + 1))


@dataclass(frozen=True, slots=True)
class Timetable:
    """A checked ``schedule.toml``."""

    entries: tuple[Entry, ...]
    hung: timedelta = timedelta(minutes=30)  # a crawl whose last heartbeat is older hangs
    end_hung: bool = False  # end it, or only tell
    scrapyd: Path | None = None  # scrapyd.conf of the Scrapyd that starts the crawls; None: they are started directly


def read_timetable(path: Path, spiders: Mapping[str, type[NewsSpider]]) -> Timetable:
    """Raises TimetableError or OSError."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TimetableError(f"{path}: {error}") from None
    _known(f"{path}:", data, _OF_FILE)
    tables = data.get("entries")
    if not isinstance(tables, dict) or not tables:
        raise TimetableError(f"{path}: no entry: write [entries.NAME] with spider and cron")
    zone = data.get("timezone", ZONE)
    scrapyd = data.get("scrapyd")
    if not (scrapyd is None or (isinstance(scrapyd, str) and scrapyd.strip())):
        raise TimetableError(f"{path}: scrapyd={scrapyd!r} names no file: write the path of its scrapyd.conf")
    return Timetable(
        entries=tuple(_entry(path, name, table, zone, spiders) for name, table in tables.items()),
        hung=_span(f"{path}:", data, "hung", "30m"),
        end_hung=_choice(f"{path}:", data, "end_hung", (False, True)),
        scrapyd=path.parent / scrapyd if scrapyd else None,
    )


def _entry(path: Path, name: str, table: Any, zone: Any, spiders: Mapping[str, type[NewsSpider]]) -> Entry:
    where = f"{path}: [entries.{name[:40]}]"
    if not _NAME.fullmatch(name):
        raise TimetableError(f"{where}: a name has 1 to 40 of A-Z, a-z, 0-9, _ and -")
    if not isinstance(table, dict):
        raise TimetableError(f"{where} is no table: write [entries.NAME] with spider and cron")
    _known(where, table, _OF_ENTRY)
    spider = _choice(where, table, "spider", tuple(sorted(spiders)), required=True)
    arguments = _texts(where, table, "arguments")
    settings = _texts(where, table, "settings")
    try:
        if "_job" in arguments or "_version" in arguments:
            raise NotAllowed("a job is named when it is started")
        scope = scope_key(parse_arguments(spiders[spider], arguments))
    except (ArgumentError, NotAllowed) as error:
        raise TimetableError(f"{where}: arguments: {error}") from None
    try:
        check_setting_names(settings)
    except NotAllowed as error:
        raise TimetableError(f"{where}: settings: {error}") from None
    jitter = _span(where, table, "jitter", "0m")
    if jitter > LONGEST_JITTER:
        raise TimetableError(f"{where}: jitter={table['jitter']!r} is more than 12h")
    entry = Entry(
        name=name,
        spider=spider,
        scope=scope,
        cron=_text(where, table, "cron"),
        zone=_zone(where, table.get("timezone", zone)),
        arguments=arguments,
        settings=settings,
        jitter=jitter,
        late=_span(where, table, "late", "10m"),
        missed=_choice(where, table, "missed", MISSED),
        overlap=_choice(where, table, "overlap", OVERLAP),
        interrupted=_choice(where, table, "interrupted", INTERRUPTED),
    )
    _check_cron(where, entry)
    return entry


def _check_cron(where: str, entry: Entry) -> None:
    what = f"{where}: cron={entry.cron[:60]!r}"
    if len(entry.cron.split()) != 5:
        raise TimetableError(f"{what}: give five fields, minute hour day month weekday, such as '*/30 5-23 * * *'")
    try:
        first = list(islice(CronSim(entry.cron, datetime(2026, 1, 1, tzinfo=entry.zone)), 1))
    except CronSimError as error:
        raise TimetableError(f"{what}: {str(error).lower()}; such as '*/30 5-23 * * *'") from None
    if not first:
        raise TimetableError(f"{what}: there is no such day")


def _known(where: str, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            raise TimetableError(f"{where} unknown key {key[:40]!r}: choose from {', '.join(keys)}")


def _text(where: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise TimetableError(f'{where}: {key} is missing: write {key} = "…"')
    return value


def _texts(where: str, table: Mapping[str, Any], key: str) -> dict[str, str]:
    """A table of values as the command line has them: lists by commas, days as they stand."""
    values = table.get(key, {})
    if not isinstance(values, dict):
        raise TimetableError(f'{where}: {key} is no table: write {key} = {{ name = "value" }}')
    return {name: _as_argument(f"{where}: {key}: {name[:40]}", value) for name, value in values.items()}


def _as_argument(where: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_as_argument(where, part) for part in value)
    if type(value) in (str, int, float):
        return str(value)
    if type(value) is date:
        return value.isoformat()
    raise TimetableError(f"{where} is a {type(value).__name__}: give a text, a number, a day or a list of them")


def _choice(where: str, table: Mapping[str, Any], key: str, choices: tuple[Any, ...], required: bool = False) -> Any:
    value = table.get(key, None if required else choices[0])
    if value not in choices or type(value) is not type(choices[0]):
        named = ", ".join(str(choice).lower() if isinstance(choice, bool) else choice for choice in choices)
        wrong = f"{key}={str(value)[:60]!r}" if key in table else f"{key} is missing"
        raise TimetableError(f"{where.removesuffix(':')}: {wrong}: choose from {named}")
    return value


def _span(where: str, table: Mapping[str, Any], key: str, default: str) -> timedelta:
    try:
        return span(str(table.get(key, default)))
    except ValueError as error:
        raise TimetableError(f"{where.removesuffix(':')}: {key}: {error}") from None


def _zone(where: str, name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, TypeError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise TimetableError(f"{where}: timezone={str(name)[:60]!r} is no time zone, such as {ZONE}") from None
