"""The crawl log: one line an attempt, and one line for each URL that was not fetched, with the reason.

    2026-11-22T02:10:00Z 200 14272 https://… TL https://… text/html sha1:… news-….warc.gz kind:article,offset:812,ms:31
    2026-11-22T02:10:01Z -9998 - https://… T https://… - - - robots

Ten fields with a space between: time, status, bytes of the body, URL, hop path, via, type, payload digest, WARC file,
notes. ``-`` stands for what there is not. Negative statuses are those of Heritrix. No field holds a space, a control
character or a letter beyond ASCII: they are percent-encoded, so nothing that a page or a server says makes a line.
Lines are written by the group commit that makes true what they tell.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final
from urllib.parse import quote

from crawler.capture import Exchange
from crawler.dates import utc_text
from crawler.limits import REASONS
from crawler.pace import Pace
from crawler.records import CaptureRecords
from crawler.sqlite import open_scratch
from crawler.traps import REASONS as TRAPS

ABSENT: Final = "-"
FIELDS: Final = 10
LONGEST: Final = 200  # characters of one note

BAD_CERTIFICATE: Final = "tls_certificate"  # the reason of a URL whose host could not prove that it is that host

NO_DNS, NO_CONNECTION, LOST, TIMED_OUT = -1, -2, -3, -4
LIMIT, EXCLUDED, OUT_OF_SCOPE, TOO_DEEP, ROBOTS, CRASHED = -5003, -5001, -5000, -4001, -9998, -3000

# Of an exchange without one byte of an answer, by the name of what ended it
NO_ANSWER: Final[Mapping[str, int]] = {
    "CannotResolveHostError": NO_DNS,
    "ForbiddenAddress": EXCLUDED,
    "ResponseDataLossError": LOST,
    "DownloadFailedError": LOST,
}
# Of a URL that was not asked for (or, ``crashes``, whose answer is not read), by the reason; every other reason is one
# of the scope
NOT_ASKED: Final[Mapping[str, int]] = (
    dict.fromkeys(REASONS, LIMIT)
    | {
        "robots": ROBOTS,
        "robots_unreachable": ROBOTS,
        "crashes": CRASHED,
        BAD_CERTIFICATE: NO_CONNECTION,
        "depth": TOO_DEEP,
        "link_too_deep": TOO_DEEP,
        "private_address": EXCLUDED,
        "excluded": EXCLUDED,
        "parked": EXCLUDED,
        "max_articles": LIMIT,
        "stopped": LIMIT,
        "too_many": LIMIT,
        "out_of_time": LIMIT,
    }
    | dict.fromkeys(TRAPS, LIMIT)
)

_PLAIN = re.compile(r"[!-~]+")
_LETTERS: Final = "".join(map(chr, range(0x21, 0x7F)))
_CHUNK: Final = 256  # addresses in one statement
_REMEMBERED: Final = 20_000  # addresses
_EXAMPLES: Final = 3  # addresses that are named for each reason
_TYPES: Final = 100  # that are counted by name: a server may make up any number of them


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A URL that a page promised, or the frontier held, and that is not fetched for this reason."""

    url: str
    reason: str
    hop_path: str = ""
    via: str | None = None


class Recent:
    """Addresses told a short while ago: menus and lists name the same ones on every page."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._told: OrderedDict[str, None] = OrderedDict()

    def is_news(self, url: str) -> bool:
        if url in self._told:
            self._told.move_to_end(url)
            return False
        self._told[url] = None
        if len(self._told) > self._most:
            self._told.popitem(last=False)
        return True


class CrawlLog:
    """Makes the lines of one run; ``take`` gives those of a group. For one thread."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._lines: list[str] = []
        self._passed: list[PassedOver] = []
        # Which URLs have their line
        self._told = open_scratch()
        self._told.execute("CREATE TABLE told (url BIGINT PRIMARY KEY)")

    def attempt(self, exchange: Exchange, made: CaptureRecords, file: str, offset: int) -> None:
        """One exchange, whose records stand in this WARC file."""
        message, main, facts = made.message, made.main, exchange.facts
        status = message.status if message is not None else None
        mime = (message.get("Content-Type") or "").split(";")[0].strip().lower() if message is not None else ""
        notes = [f"{name}:{facts[name]}" for name in ("kind", "requisite") if name in facts]
        notes += [f"record:{main.type}"] if main is not None and main.type != "response" else []
        notes += [f"offset:{offset}", f"ms:{exchange.fetch_ms}"]
        if exchange.handshake is not None and exchange.handshake.failures:
            notes.append(f"tls:{'+'.join(exchange.handshake.failures)}")
        notes += [f"truncated:{made.truncated}"] if made.truncated else []
        if message is None:
            notes.append(f"error:{exchange.error or 'unknown'}")
        elif status is None:
            notes.append("error:the answer is not HTTP")
        self._add(
            utc_text(exchange.started_at),
            status if status is not None else no_answer(exchange),
            str(message.body.length) if message is not None else ABSENT,
            exchange.url,
            facts.get("hopsFromSeed", ""),
            facts.get("via"),
            mime,
            main.payload_digest if main is not None else None,
            file.rpartition("/")[2],
            notes,
        )

    def passed_over(self, urls: Iterable[PassedOver]) -> None:
        """URLs that are not fetched; each is told once."""
        self._passed += urls

    def take(self) -> bytes:
        """The lines since the last call."""
        if self._passed:
            passed, self._passed = self._passed, []
            now = utc_text(datetime.now(UTC))
            for one in self._news(passed):
                status = NOT_ASKED.get(one.reason, OUT_OF_SCOPE)
                self._add(now, status, ABSENT, one.url, one.hop_path, one.via, None, None, None, [one.reason])
        lines, self._lines = self._lines, []
        return "".join(lines).encode("ascii")

    def close(self) -> None:
        self._told.close()

    def _add(
        self,
        time: str,
        status: int,
        size: str,
        url: str,
        hop_path: str,
        via: str | None,
        mime: str | None,
        digest: str | None,
        file: str | None,
        notes: list[str],
    ) -> None:
        shown = ",".join(field(note[:LONGEST]).replace(",", "%2C") for note in notes)
        values = (field(url), field(hop_path), field(via), field(mime), digest or ABSENT, file or ABSENT, shown)
        line = [time, str(status), size, *values]
        self.tally.count(line)
        self._lines.append(" ".join(line) + "\n")

    def _news(self, passed: list[PassedOver]) -> Iterator[PassedOver]:
        """Those without a line, each once: one statement for many, as in ``crawler.ledger_batch``."""
        keys: dict[int, PassedOver] = {}
        for one in passed:
            keys.setdefault(_key(one.url), one)
        wanted = list(keys)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            places = ",".join(["(?)"] * len(chunk))
            new = self._told.execute(f"INSERT INTO told VALUES {places} ON CONFLICT DO NOTHING RETURNING url", chunk)
            news = {url for (url,) in new}
            yield from (keys[key] for key in chunk if key in news)


class Tally:
    """What the lines of a crawl log come to; as large as there are statuses, types and reasons."""

    def __init__(self) -> None:
        self.attempts = 0
        self.bytes = 0  # of bodies, as received
        self.by_status: Counter[str] = Counter()
        self.by_type: Counter[str] = Counter()
        self.not_fetched: Counter[str] = Counter()
        self.passed: dict[str, list[str]] = {}  # some addresses by the reason why they were not fetched
        self.pace = Pace()

    def count(self, values: list[str]) -> None:
        _, status, size, url, _, _, mime, _, file, notes = values
        if file == ABSENT:
            self.not_fetched[notes] += 1
            if self.not_fetched[notes] <= _EXAMPLES:
                self.passed.setdefault(notes, []).append(url)
            return
        self.attempts += 1
        self.by_status[status] += 1
        self.by_type[mime if mime in self.by_type or len(self.by_type) < _TYPES else "others"] += 1
        self.bytes += int(size) if size != ABSENT else 0
        self.pace.count(values)

    def read(self, lines: Iterable[bytes]) -> None:
        """Count the lines of a file; what is no line of a crawl log is passed over."""
        for line in lines:
            if (values := parse(line)) is not None:
                self.count(values)


def parse(line: bytes) -> list[str] | None:
    """The ten fields of a line; None when it is none."""
    values = line.decode("ascii", "replace").removesuffix("\n").split(" ")
    right = len(values) == FIELDS and line.endswith(b"\n") and all(map(_PLAIN.fullmatch, values))
    return values if right and (values[2] == ABSENT or values[2].isdecimal()) else None


def field(value: str | None) -> str:
    """A value as one field.

    >>> field("text/html"), field(""), field("a b\\nc"), field("-")
    ('text/html', '-', 'a%20b%0Ac', '%2D')
    """
    if not value:
        return ABSENT
    if _PLAIN.fullmatch(value):
        return value if value != ABSENT else "%2D"
    return quote(value, safe=_LETTERS, errors="replace")


def no_answer(exchange: Exchange) -> int:
    """The status of an exchange that brought no HTTP answer."""
    if exchange.cause == "time":
        return TIMED_OUT
    if exchange.response is not None:
        return LOST
    return NO_ANSWER.get((exchange.error or "").partition(":")[0], NO_CONNECTION)


def _key(url: str) -> int:
    return int.from_bytes(blake2b(url.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
