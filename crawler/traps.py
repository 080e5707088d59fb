"""Traps: addresses without end that a server makes up, by mistake or on purpose. Told apart from a large site by what
their pages give.

    link ─► without its session id ─► pattern given up? ─► frontier ─► judged by its address ─► fetched ─► what it gave

Pages are counted by the pattern of their address. A list is barren when it names no article that is new to this run,
an article when it, or its text, was met at another address. ``TRAP_PAGES`` barren ones in a row, and the pattern is
given up for this pass: what is left of it is refused, and the rest of the site is crawled as before. Articles have a
narrower pattern first, the words of their name: copies are given up and their neighbours are not. All state is of a
fixed size; what was counted is kept in the ledger.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from crawler.ledger_ops import ARTICLE_KINDS, TrapState

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from crawler.visit import Visit

SESSION: Final = "session_id"
LOOP, DEEP, ORDER = "trap_path_loop", "trap_path_depth", "trap_parameter_order"
CALENDAR, FACETS, TAGS, LISTS, COPIES = "trap_calendar", "trap_facets", "trap_tags", "trap_lists", "trap_duplicates"
REASONS: Final = (SESSION, LOOP, DEEP, ORDER, CALENDAR, FACETS, TAGS, LISTS, COPIES)

LONGEST_LOOP: Final = 4  # segments that come again together
WIDER: Final = 5  # times as many pages, and all lists of a host, or all articles of a pattern, are given up
OF_PROVEN: Final = 10  # so many failures are one barren page where the pattern has given articles: they may be gone
KEPT: Final = 20_000  # patterns, and addresses with several parameters, that are remembered
STEP: Final = 20  # pages after which the ledger is told the count
FILES: Final = frozenset(
    {"sitemap", "feed"}
)  # their limits are others: a sitemap of old days names nothing that is new
# A visit that failed for a reason of the network says nothing of the page
TELLING: Final = re.compile(r"http_(?:400|404|406|410|414|451)|not_an_article|soft404|empty_shell")

_HINT = re.compile(r"sess|sid=|\bcf(?:id|token)=|zenid=|/\(\w\(", re.IGNORECASE)
_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sessionid|session_id|sid)=[^/?;]*", re.IGNORECASE)
_ASP_NET = re.compile(r"/\((?:[A-Z]\([0-9a-z]{8,64}\))+\)(?=/|\?|$)", re.IGNORECASE)
_ALWAYS = re.compile(
    r"jsessionid|phpsessid|aspsessionid\w*|sessionid|session_id|oscsid|zenid|cfid|cftoken", re.IGNORECASE
)
_PERHAPS = re.compile(r"sid|sess|sessid|session|\w+sid", re.IGNORECASE)  # with a value that nobody types
_TOKEN = re.compile(r"(?=.*\d)[0-9a-z_-]{16,128}", re.IGNORECASE)
_DATED = re.compile(
    r"(?:^|[/=_-])(?:19|20)\d\d(?:[/_-]|$)|(?:^|&)(?:year|month|week|day|date|nam|thang|tuan|ngay)=|/(?:calendar|lich)\b",
    re.I,
)
_DIGIT = re.compile(r"\d")
_NUMBERED = re.compile(r"[^\W_]*\d[^\W_]*")  # a number, or a word with one in it
_LONG = 20  # letters: a longer segment is a title, not the name of a section
_NAME = 80  # letters of an article's name that count


# --- Addresses, one by one ----------------------------------------------------------------------------------------


def without_session(url: str) -> str:
    """The address without the number of a visit that a server has put into it: the same page for everybody.

    >>> without_session("https://bao.vn/a;jsessionid=1A2B?page=2&PHPSESSID=77ab&sid=12")
    'https://bao.vn/a?page=2&sid=12'
    """
    if ("?" not in url and ";" not in url and "/(" not in url) or not _HINT.search(url):
        return url
    whole, mark, query = url.partition("?")
    whole = _ASP_NET.sub("", _IN_PATH.sub("", whole))
    kept = "&".join(pair for pair in query.split("&") if not _is_session(pair)) if mark else ""
    return f"{whole}?{kept}" if kept else whole


def _is_session(pair: str) -> bool:
    name, _, value = pair.partition("=")
    return bool(_ALWAYS.fullmatch(name) or (_PERHAPS.fullmatch(name) and _TOKEN.fullmatch(value)))


def in_circles(path: str, times: int) -> bool:
    """Whether up to four segments of a path come ``times`` times one after another, or one of them still more often.

    Numbers are no sign: ``/11/11/11/`` is a day.

    >>> in_circles("/tin/anh/tin/anh/tin/anh/1.html", 3), in_circles("/2011/11/11/tin.html", 3)
    (True, False)
    """
    segments = [segment for segment in path.split("/") if segment]
    if len(segments) < times:
        return False
    names = [segment for segment in segments if not segment.isdigit()]
    if len(names) - len(set(names)) > times and max(map(names.count, set(names))) > times + 1:
        return True
    for size in range(1, LONGEST_LOOP + 1):
        run = 0
        for one, before in zip(segments[size:], segments, strict=False):
            run = run + 1 if one == before and not one.isdigit() else 0
            if run >= size * (times - 1):
                return True
    return False


def pattern_of(url: str, kind: str) -> str:
    """What the addresses of one template have in common: host, kind, the names in the path, those of parameters.
    Of an article also the words of its name.

    >>> pattern_of("https://bao.vn/lich/2026/12?xem=thang", "category")
    'bao.vn list /lich/*?xem'
    >>> pattern_of("http://bao.vn/the-gioi/nghe-det-1234.html", "related")
    'bao.vn article /the-gioi/* nghe-det-*.html'
    """
    whole, _, query = url.partition("?")
    host, _, path = whole.partition("://")[2].partition("/")
    segments = path.rstrip("/").split("/")
    shape: list[str] = []
    for at, segment in enumerate(segments):
        plain = len(segment) <= _LONG and not _DIGIT.search(segment) and (at == 0 or at < len(segments) - 1)
        one = segment if plain else "*"
        if one != "*" or shape[-1:] != ["*"]:
            shape.append(one)
    names = {pair.partition("=")[0] for pair in query.split("&") if pair}
    asked = "" if not names else "?+" if len(names) > 1 else f"?{_DIGIT.sub('*', names.pop())[:_LONG]}"
    where = f"/{'/'.join(shape)}{asked}".replace(" ", "%20")
    if kind not in ARTICLE_KINDS:
        return f"{host} list {where}"
    return f"{host} article {where} {_NUMBERED.sub('*', segments[-1])[:_NAME].replace(' ', '%20')}"


def wider_of(pattern: str) -> str:
    """The pattern that is given up with all like it, only after ``WIDER`` times as many pages.

    >>> wider_of("bao.vn list /lich/*?xem"), wider_of("bao.vn article /sao/* ban-sao-*.html")
    ('bao.vn list **', 'bao.vn article /sao/*')
    """
    host, kind, shape, *_ = pattern.split(" ")
    return f"{host} {kind} **" if kind == "list" else f"{host} {kind} {shape}"


def name_of(url: str, kind: str) -> str:
    """The reason under which such addresses are given up."""
    parts = urlsplit(url)
    if kind in ARTICLE_KINDS:
        return COPIES
    if _DATED.search(parts.path) or _DATED.search(parts.query):
        return CALENDAR
    if kind == "tag":
        return TAGS
    return FACETS if parts.query.count("&") else LISTS


# --- What is remembered -------------------------------------------------------------------------------------------


class Seen:
    """Which keys were met, in four million bytes (a Bloom filter): among a million one in six thousand is mistaken."""

    BITS: Final = 1 << 25

    def __init__(self) -> None:
        self._bits = bytearray(self.BITS // 8)

    def is_new(self, key: str) -> bool:
        """Note the key; False when it was met before."""
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        new = False
        for start in range(0, 16, 4):
            bit = int.from_bytes(digest[start : start + 4]) % self.BITS
            if not self._bits[bit >> 3] & 1 << (bit & 7):
                self._bits[bit >> 3] |= 1 << (bit & 7)
                new = True
        return new


class Traps:
    """What a run has seen of patterns. ``pages`` 0: nothing is counted; the checks of addresses stay."""

    def __init__(self, pages: int = 0, segments: int = 20, repeats: int = 3) -> None:
        self._pages = pages  # barren ones in a row
        self._segments = segments  # of a path
        self._repeats = repeats  # of segments of a path
        self._barren: OrderedDict[str, float] = OrderedDict()
        self._proven: OrderedDict[str, None] = OrderedDict()  # patterns that gave an article
        self._closed: dict[str, str] = {}  # reason by pattern
        self._orders: OrderedDict[bytes, str] = OrderedDict()  # address by its parameters in one order
        self._seen = Seen()

    @classmethod
    def of(cls, settings: BaseSettings) -> Traps:
        pages = settings.getint("TRAP_PAGES")
        return cls(pages, settings.getint("PATH_SEGMENTS", 20), settings.getint("PATH_REPEATS", 3))

    def load(self, states: Iterable[TrapState]) -> None:
        """What earlier runs of this pass have counted."""
        for state in states:
            self._barren[state.pattern] = state.pages
            if state.reason is not None:
                self._closed[state.pattern] = state.reason

    def judge(self, url: str, kind: str) -> str | None:
        """Why this address is not to be asked; None when it is."""
        path = url.partition("?")[0]
        slashes = path.count("/")  # two of them before the host
        if slashes - 2 > self._segments:
            return DEEP
        if slashes - 2 >= self._repeats and in_circles(path.partition("://")[2].partition("/")[2], self._repeats):
            return LOOP
        if "&" in url and not self._in_first_order(url):
            return ORDER
        return self.closed(url, kind)

    def closed(self, url: str, kind: str) -> str | None:
        """The reason why the pattern of this address was given up; None when it was not."""
        if not self._closed or kind in FILES:
            return None
        pattern = pattern_of(url, kind)
        return self._closed.get(pattern) or self._closed.get(wider_of(pattern))

    def ended(self, visit: Visit) -> list[TrapState]:
        """Count what a visit gave; what the ledger is to be told."""
        if not self._pages or visit.kind in FILES or visit.depth == 0:
            return []
        pattern = pattern_of(visit.url, visit.kind)
        weight = self._weight(visit, wider_of(pattern))
        if weight is None:
            return []
        narrow = self._count(pattern, self._pages, weight, visit)
        return narrow + self._count(wider_of(pattern), self._pages * WIDER, weight, visit)

    def _weight(self, visit: Visit, pattern: str) -> float | None:
        """How barren it was: 0 ends a row of barren ones, None says nothing."""
        if visit.outcome == "redirected":
            return None if self._seen.is_new(f"to {visit.reason}") else 1.0
        if visit.outcome == "failed":
            if TELLING.fullmatch(visit.reason or "") is None:
                return None
            return 1 / OF_PROVEN if pattern in self._proven else 1.0
        if visit.outcome != "done":
            return None
        if visit.kind not in ARTICLE_KINDS:
            named = [one.url for one in visit.found if one.kind in ARTICLE_KINDS and not self.closed(one.url, one.kind)]
            new = [url for url in named if self._seen.is_new(f"at {url}")]  # every one of them is noted
            return 0.0 if new or visit.rows else 1.0
        if visit.sighting is None or visit.sighting.state != "live":
            return None
        fresh = self._seen.is_new(f"id {visit.sighting.article_id}")
        for row, _ in visit.rows:
            fresh = self._seen.is_new(f"text {row.content_digest}") and fresh
        if fresh:
            self._proven[pattern] = None
            if len(self._proven) > KEPT:
                self._proven.popitem(last=False)
        return 0.0 if fresh else 1.0

    def _count(self, pattern: str, most: int, weight: float, visit: Visit) -> list[TrapState]:
        before = self._barren.pop(pattern, 0.0)
        if not weight:
            return [TrapState(pattern, 0)] if before >= STEP else []
        count = self._barren[pattern] = before + weight
        if len(self._barren) > KEPT:
            self._barren.popitem(last=False)
        if pattern in self._closed:
            return []
        if count >= most:
            self._closed[pattern] = name_of(visit.url, visit.kind)
            return [TrapState(pattern, int(count), self._closed[pattern])]
        return [TrapState(pattern, int(count))] if count // STEP > before // STEP else []

    def _in_first_order(self, url: str) -> bool:
        """False when the same parameters were asked for in another order; names that come twice keep theirs."""
        whole, _, query = url.partition("?")
        pairs = sorted(query.split("&"), key=lambda pair: pair.partition("=")[0])
        key = blake2b(f"{whole}?{'&'.join(pairs)}".encode("utf-8", "surrogatepass"), digest_size=12).digest()
        first = self._orders.setdefault(key, url)
        if len(self._orders) > KEPT:
            self._orders.popitem(last=False)
        return first == url
