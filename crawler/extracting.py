"""Rows out of one WARC file, page by page: whatever a page does, the next one is read.

visit ─► response ─► the site's page object ─► clean ─► validate ─► one row a line
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING

from scrapy.exceptions import DropItem
from scrapy.http import JsonResponse, TextResponse, XmlResponse

from crawler.dom import as_page, to_be_rendered
from crawler.exclusions import EXCLUDED, Hidden
from crawler.extract_read import NOT_MODIFIED, Source, Visited, keys_of, original_keys, visits
from crawler.items import Article, FoundBy
from crawler.offline import Offline
from crawler.replay import Replay, UnreadableCapture, raw_response, ref_of
from crawler.serialize import to_line
from crawler.timelimit import TooSlow, time_limit
from warc.reader import DamagedRecord, Record, capture_of, read_at

if TYPE_CHECKING:
    from scrapy.settings import Settings

NOBODY = "extract"  # ``run`` of a row whose file does not say which job fetched the page
FAULTS = ("damaged records", "failed", "too slow")


@dataclass(slots=True)
class Extracted:
    """What came of a file: counts by reason, what is to be told, the page classes of the rows, revisits left over."""

    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)
    left: list[tuple[Source, Visited]] = field(default_factory=list)  # their originals are not earlier in the file

    def take(self, other: Extracted) -> None:
        self.counts += other.counts
        self.told += other.told
        self.pages |= other.pages
        self.left += other.left

    def miss(self, reason: str, what: str) -> None:
        self.counts[reason] += 1
        self.told.append(f"{reason}: {what}")


class Extractor:
    """Reads files one after another. ``spider`` names the page class for all pages, None leaves it to each file."""

    def __init__(self, settings: Settings, spider: str | None, seconds: float) -> None:
        self._replay = Replay(settings)
        self._settings = settings
        self._only = spider
        self._seconds = seconds
        self._makers: dict[str | None, Offline] = {}
        self._hidden = Hidden.of(settings)

    def extract(self, source: Source, out: IO[bytes]) -> Extracted:
        """Write the rows of a file."""
        result = Extracted()
        known: dict[str, int] = {}
        try:
            with source.opened() as path:
                for visited in visits(path):
                    if isinstance(visited, DamagedRecord):
                        result.miss("damaged records", str(visited).replace(str(path), source.name))
                        continue
                    record = visited.record
                    if record.type == "response":
                        for key in keys_of(record):
                            known.setdefault(key, record.offset)
                    if to_be_rendered(visited.facts) and record.type != "resource":
                        result.counts["rendered"] += 1  # its DOM is the page
                    elif record.type in ("response", "resource"):
                        self.write(source, visited, record, result, out)
                    elif (record.get("WARC-Profile") or "").rstrip("/").endswith(NOT_MODIFIED):
                        result.counts["not modified"] += 1
                    elif (at := next((known[key] for key in original_keys(record) if key in known), None)) is not None:
                        self.write(source, visited, read_at(path, at), result, out)
                    else:
                        result.left.append((source, visited))
        except (DamagedRecord, OSError) as error:
            result.miss("damaged records", f"{source.name}: {error}")
        return result

    def write(
        self, source: Source, visited: Visited, original: Record, result: Extracted, out: IO[bytes], at: str = ""
    ) -> None:
        """Write the row of a visit, if there is one. ``at``: the file of the original, where it is another one."""
        url = visited.record.target_uri
        if self._hidden.hides_url(url):
            result.counts[EXCLUDED] += 1
            return
        try:
            with time_limit(self._seconds):
                row = self.row(source, visited, original, result, at or source.name)
                line = to_line(self._hidden.without(row)) if row else b""
        except UnreadableCapture as error:
            result.miss("unreadable", f"{error} ({visited.record.record_id})")
        except TooSlow:
            result.miss("too slow", f"{url} ({visited.record.record_id})")
        except Exception as error:  # noqa: BLE001  one page must not end the reading of millions
            told = f"{url} ({visited.record.record_id}): {type(error).__name__}: {error}"
            result.miss("failed", told)
        else:
            if row and self._hidden.hides(row.id, row.url, row.canonical_url):
                result.counts[EXCLUDED] += 1
                return
            out.write(line)
            if row:
                result.pages.add(row.extraction.page)
                result.counts["rows"] += 1

    def row(self, source: Source, visited: Visited, original: Record, result: Extracted, file: str) -> Article | None:
        archived = capture_of(original)
        capture = as_page(archived, visited.permissions)
        if capture.status != 200:
            result.counts["other answers"] += 1
            return None
        ref = ref_of(archived, file)
        if original is not visited.record:
            visit = visited.record
            capture = replace(capture, target_uri=visit.target_uri)
            ref = replace(ref, captured_at=visit.date, revisit_id=visit.record_id)
        response = self._replay.decoded(raw_response(capture, ref))
        if not isinstance(response, TextResponse) or isinstance(response, JsonResponse | XmlResponse):
            result.counts["no pages"] += 1
            return None
        result.counts["pages"] += 1
        maker = self._maker(source.spider)
        page = maker.page_of(response)
        page.found_by = found_by(visited.facts)
        if not page.is_article():
            result.counts["no article"] += 1
            return None
        try:
            row = maker.row_of(page)
        except DropItem as refusal:
            result.counts[f"dropped: {getattr(refusal, 'reason', 'dropped')}"] += 1
            return None
        row.run = visited.facts.get("job") or visited.job or NOBODY
        return row

    def _maker(self, spider: str | None) -> Offline:
        """The page objects of the spider whose file it is, as in the crawl; else those that the addresses ask for."""
        wanted = self._only or spider
        if wanted not in self._makers:
            maker = Offline(self._settings, NOBODY)
            named = wanted is not None and wanted in maker.spiders
            self._makers[wanted] = Offline(self._settings, NOBODY, wanted) if named else maker
        return self._makers[wanted]


def found_by(facts: dict[str, str]) -> FoundBy:
    """How the crawl came to the page, as its metadata record tells it."""
    depth = facts.get("depth", "")
    return FoundBy(facts.get("kind"), facts.get("via"), int(depth) if depth.isdecimal() else 0, facts.get("channel"))
