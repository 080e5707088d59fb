"""Rows of ``quarantine/`` read again from their records, by the page class as it is now; sound ones become articles.

    quarantine (ledger) ─► record ─► page object ─► does it fit again? ─► the writer: version, row, Returned

Whether pages fit is asked as the alarm asks it: of all pages of a template together, and only where these still fall,
of each one. A row and the note that it has come back are one commit, so each comes back once, whatever kills this.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import DropItem

from crawler.arguments import Arguments
from crawler.drift import LEAST, fits, judge
from crawler.drift_report import drift_rule
from crawler.drift_table import FELL
from crawler.items import FoundBy, Image, Video
from crawler.ledger import Ledger
from crawler.ledger_files import LEDGER
from crawler.ledger_ops import Basis, DriftState, Quarantined
from crawler.limits import NotRead
from crawler.lock import FolderLock
from crawler.offline import Offline
from crawler.replay import Replay, UnreadableCapture, read_again
from crawler.serialize import link_lines
from crawler.sites import Sites
from crawler.store import Store
from crawler.template import FIELDS, LENGTH, Seen, seen_of
from crawler.timelimit import within
from crawler.versions import DECIDING_FIELDS, field_digest, page_class
from warc.reader import DamagedRecord

if TYPE_CHECKING:
    from scrapy.settings import Settings

    from crawler.items import Article
    from crawler.page import ArticlePage

SCOPE = '{"quarantined":true}'


def quarantined_spiders(folder: Path) -> dict[str, bool]:
    """Spiders with rows in quarantine; False: none, but files that are still open. Raises sqlite3.Error, LedgerError.

    A run that was killed after its last row has left nothing but files to be closed.
    """
    ledger = Ledger.open(folder / LEDGER, read_only=True)
    try:
        unclosed = dict.fromkeys(ledger.drift.spiders_with_open_rows(), False)
        return dict(sorted((unclosed | {entry.spider: True for entry in ledger.drift.quarantined()}).items()))
    finally:
        ledger.close()


def bring_back(folder: Path, settings: Settings, spider: str, job: str) -> Counter[str]:
    """Bring back what is sound now; how many ``rows`` came, were ``unchanged`` or ``stay``.

    Raises Locked while another process works for this spider, and OutputTrouble.
    """
    with FolderLock(folder, spider, job):
        return _bring_back_locked(folder, settings, spider, job)


def _bring_back_locked(folder: Path, settings: Settings, spider: str, job: str) -> Counter[str]:
    store = Store(
        folder, Arguments(spider, job), {}, settings.getint("WARC_TARGET_SIZE"), sites=Sites(settings), scope=SCOPE
    )
    store.open()
    counts: Counter[str] = Counter()
    reason = "broken_off"
    try:
        ledger = Ledger.open(folder / LEDGER, read_only=True)
        try:
            _bring_back(_Reader(folder, settings, ledger, spider, job), store, counts)
        finally:
            ledger.close()
        reason = "finished"
    finally:
        store.close(reason, dict(counts)).result()
    return counts


def _bring_back(reader: _Reader, store: Store, counts: Counter[str]) -> None:
    templates: dict[tuple[str, str], list[Quarantined]] = defaultdict(list)
    for entry in reader.ledger.drift.quarantined(reader.spider):
        templates[entry.site, entry.template].append(entry)
    for (site, template), entries in templates.items():
        key = (reader.spider, site, template)
        sound, falls = _sound(reader, key, entries)
        for entry in entries:
            again = reader.read(entry) if entry.row_id in sound else None
            comparable, basis = reader.basis(again.row) if again else (False, None)
            if again is None or not comparable:
                counts["stay"] += 1
                continue
            links = link_lines(again.row, again.page.page_links())
            new = store.restore(again.row, links, entry, basis).result()
            counts["rows" if new else "unchanged"] += 1
        mended = [one for one in reader.ledger.drift.states(key) if one.state == FELL and one.field not in falls]
        if len(sound) == len(entries):
            store.submit([DriftState(*key, one.field, None) for one in mended])


def _sound(reader: _Reader, key: tuple[str, str, str], entries: list[Quarantined]) -> tuple[set[str], set[str]]:
    """Ids of the quarantined rows that come back, and the fields that fall still."""
    history, rule = reader.ledger.drift.history(key), drift_rule(reader.settings)
    seen: dict[str, Seen] = {}
    for entry in entries:
        if again := reader.read(entry):
            seen[entry.row_id] = seen_of(again.row)
    falls = {fall.field for fall in judge(history, list(seen.values()), (*FIELDS, LENGTH), rule)}
    sound = set()
    for entry in entries:
        page = seen.get(entry.row_id)
        if page is None:
            continue
        lacking = set()
        for name in falls | (set(entry.fields) if len(seen) < LEAST else set()):
            basis = history.basis(page.year, name, rule) or history.pooled(name)
            if name == LENGTH or (basis and not fits(basis, page.sources[name])):
                lacking.add(name)
        if not lacking:
            sound.add(entry.row_id)
    return sound, falls


@dataclass(frozen=True, slots=True)
class _Again:
    """A page read again, and the row that it gives now."""

    page: ArticlePage
    row: Article


class _Reader:
    """Reads archived pages by the present page class."""

    def __init__(self, folder: Path, settings: Settings, ledger: Ledger, spider: str, job: str) -> None:
        self.ledger = ledger
        self.settings = settings
        self.spider = spider
        self._folder = folder
        self._replay = Replay(settings)
        self._offline = Offline(settings, job, spider)
        self._seconds = settings.getfloat("EXTRACT_SECONDS")

    def read(self, entry: Quarantined) -> _Again | None:
        """The row now, with what the crawl alone knew; None when the page gives none."""
        again = self._read(entry.record_id, entry.url)
        if again is None:
            return None
        before = self._line(entry)
        again.row.found_by = FoundBy(**before["found_by"])
        said, permissions = before["permissions"], again.row.permissions
        permissions.robots_rule = said["robots_rule"]
        permissions.tdm_reservation = permissions.tdm_reservation or said["tdm_reservation"]
        records = {part["url"]: part["record_id"] for name in ("images", "videos") for part in before[name]}
        parts: list[Image | Video] = [*again.row.images, *again.row.videos]
        for part in parts:
            part.record_id = records.get(part.url)
        return again

    def basis(self, row: Article) -> tuple[bool, Basis | None]:
        """What the newest version says, read by the number that reads the row: else every change would be the class's.

        False when it cannot be read; no basis where there is no version, or one by the same number.
        """
        known = self.ledger.latest_version(row.id)
        if known is None or (known.page, known.page_number) == page_class(row):
            return True, None
        again = self._read(known.record_id, known.url)
        if again is None:
            return False, None
        fields = {name: field_digest(getattr(again.row, name)) for name in DECIDING_FIELDS}
        return True, Basis(again.row.content_digest, *page_class(again.row), fields)

    def _read(self, record_id: str, url: str) -> _Again | None:
        ref = self.ledger.capture_ref(record_id)
        if ref is None:
            return None
        try:
            with within(self._seconds, url):
                page = self._offline.page_of(self._replay.decoded(read_again(self._folder, ref, url)))
                return _Again(page, self._offline.row_of(page)) if page.is_article() else None
        except (UnreadableCapture, NotRead, DamagedRecord, DropItem, FileNotFoundError):
            return None

    def _line(self, entry: Quarantined) -> dict[str, Any]:
        with (self._folder / entry.file).open("rb") as file:
            file.seek(entry.offset)
            row: dict[str, Any] = json.loads(file.read(entry.length))
        return row
