"""The statistics of the drift alarm, and what becomes of each page's row: by tables, without a crawl."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from crawler.drift import KEPT, History, Rule, at_most, departures, fits, judge, share
from crawler.drift_table import ACCEPTED, FELL
from crawler.items import Article, Extraction, FieldSource
from crawler.ledger import Ledger
from crawler.ledger_ops import DriftForget, DriftState, DriftWindow
from crawler.template import FIELDS, LENGTH, NONE, ROW, Seen, seen_of, template_name, without_row
from crawler.watch import HELD, QUARANTINED, Watch

RULE = Rule()
SITE, TEMPLATE = "bensong.example", "BenSongPage/article"


def page(year: int = 2026, number: int = 1, length: float | None = 11.0, name: str = "a", **sources: str) -> Seen:
    """A page with these sources; the other fields are not looked at."""
    return Seen(SITE, TEMPLATE, number, year, f"https://{SITE}/{name}", {ROW: "page", **sources}, length)


def history_of(*pages: tuple[int, Seen]) -> History:
    history = History()
    for count, seen in pages:
        for _ in range(count):
            history.add(seen)
    return history


# --- What a page is held against ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("basis", "source", "fit"),
    [
        ({"selector": 98, NONE: 2}, "selector", True),
        ({"selector": 98, NONE: 2}, "json_ld", False),  # as trusted, and another one
        ({"selector": 98, NONE: 2}, "generic", False),
        ({"selector": 98, NONE: 2}, NONE, False),
        ({"selector": 60, "json_ld": 40}, "json_ld", True),
        ({"selector": 96, "meta": 4}, "meta", False),  # too rare to be usual
        ({"selector": 96, "meta": 6}, "meta", True),
        ({"generic": 100}, "selector", True),  # better than all that was
        ({"generic": 60, "meta": 40}, "selector", True),
        ({"meta": 100}, "generic", False),
        ({NONE: 100}, NONE, False),
    ],
)
def test_fits(basis: dict[str, float], source: str, fit: bool) -> None:
    assert fits(basis, source) is fit


def test_the_share_that_fits() -> None:
    assert share({"selector": 90, "generic": 2, NONE: 8}) == 0.9
    assert share({NONE: 40}) == 0.0
    assert share({}) == 0.0


@pytest.mark.parametrize(
    ("year", "against"),
    [
        (2026, {"json_ld": 40}),
        (2018, {"selector": 30}),
        (2027, {"json_ld": 40}),  # a new year: against the last one that is known
        (2021, None),  # an old one that is not known is learnt
        (2012, None),
        (0, {"json_ld": 40, "selector": 35, NONE: 1}),  # without a date: against all
    ],
)
def test_each_year_has_its_own_markup(year: int, against: dict[str, float] | None) -> None:
    known = [(40, page(2026, title="json_ld")), (30, page(2018, title="selector"))]
    history = history_of(*known, (5, page(2021, title="selector")), (1, page(0, title=NONE)))
    assert history.basis(year, "title", RULE) == against


def test_old_pages_weigh_less_and_less() -> None:
    history = history_of((int(KEPT), page(title="selector")))
    for _ in range(int(KEPT)):
        history.add(page(title="json_ld"))
    counts = history.counts[2026, "title"]
    assert sum(counts.values()) <= KEPT
    assert counts["selector"] < counts["json_ld"]


# --- When a field has fallen ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(9))
def test_at_most_is_the_beta_binomial_distribution(count: int) -> None:
    """Against the share drawn from what the history leaves open, then the pages drawn by it."""
    chance = Random(3)
    hits = 0
    for _ in range(20_000):
        shares = (chance.betavariate(16, 3), chance.betavariate(4, 6))  # histories of (30, 4) and (6, 10)
        drawn = sum(chance.random() < share for share, pages in zip(shares, (5, 3), strict=True) for _ in range(pages))
        hits += drawn <= count
    assert at_most(count, [(5, 30, 4), (3, 6, 10)]) == pytest.approx(hits / 20_000, abs=0.015)


def test_few_pages_are_a_weak_history() -> None:
    """Forty pages with a byline, then a third of fifty without: so it was all the time."""
    few = history_of((40, page(byline="selector")), (2, page(byline=NONE)))
    many = history_of((800, page(byline="selector")), (40, page(byline=NONE)))
    window = [page(byline=NONE if number % 3 == 0 else "selector") for number in range(50)]
    assert judge(few, window, ["byline"], RULE) == []
    assert judge(many, window, ["byline"], RULE) != []


@pytest.mark.parametrize(
    ("share", "good", "bad", "falls"),
    [
        (98, 0, 8, True),
        (98, 0, 7, False),  # too few pages
        (98, 42, 8, True),  # only the last ones: a redesign in the middle of a window
        (98, 48, 2, False),  # as usual
        (98, 45, 5, False),
        (70, 0, 49, False),  # a field that only most pages have: no whole window
        (70, 0, 50, True),
        (70, 8, 42, True),
        (70, 18, 32, False),  # more than half of those that were expected
        (40, 0, 50, False),  # a field that few pages have
    ],
)
def test_falls(share: int, good: int, bad: int, falls: bool) -> None:
    history = history_of((share, page(title="selector")), (100 - share, page(title=NONE)))
    window = [page(title="selector")] * good + [page(title=NONE)] * bad
    assert [fall.field for fall in judge(history, window, ["title"], RULE)] == ["title"] * falls


def test_a_source_that_stands_in_is_a_fall() -> None:
    history = history_of((98, page(sapo="selector")), (2, page(sapo="meta")))
    (fall,) = judge(history, [page(sapo="meta")] * 20, ["sapo"], RULE)
    assert (fall.pages, fall.fitting, fall.expected) == (8, 0, pytest.approx(0.98))
    assert fall.sources == "selector 98% to meta 100%"


def test_old_markup_is_no_fall() -> None:
    """A crawl that goes from this year's pages to those of long ago."""
    history = history_of((90, page(2026, title="json_ld")), (30, page(2018, title="selector")))
    window = [page(2018, title="selector")] * 50
    assert judge(history, window, ["title"], RULE) == []
    assert judge(history, [page(2015, title="generic")] * 50, ["title"], RULE) == []  # never seen: learnt


def test_dates_that_vanish_are_a_fall() -> None:
    history = history_of((60, page(2026, published_at="json_ld")), (40, page(2025, published_at="json_ld")))
    (fall,) = judge(history, [page(0, published_at=NONE)] * 8, ["published_at"], RULE)
    assert fall.field == "published_at"


@pytest.mark.parametrize(
    ("letters", "pages", "falls"),
    [(11.0, 50, False), (10.5, 50, False), (9.5, 50, True), (12.5, 50, True), (9.5, 15, False)],
)
def test_the_length_of_the_body(letters: float, pages: int, falls: bool) -> None:
    chance = Random(5)
    history = History()
    for _ in range(200):
        history.add(page(length=chance.gauss(11.0, 0.7)))
    window = [page(length=chance.gauss(letters, 0.7)) for _ in range(pages)]
    assert [fall.field for fall in judge(history, window, [LENGTH], RULE)] == [LENGTH] * falls


def test_false_alarms_are_rare() -> None:
    """Pages as the history says, a thousand windows of twelve fields."""
    chance = Random(11)
    shares = {name: 0.3 + 0.06 * number for number, name in enumerate(FIELDS[:12])}
    history = History()

    def ordinary() -> Seen:
        return page(**{name: "selector" if chance.random() < part else NONE for name, part in shares.items()})

    for _ in range(300):
        history.add(ordinary())
    alarms = sum(len(judge(history, [ordinary() for _ in range(50)], shares, RULE)) for _ in range(1000))
    assert alarms == 0


def test_departures() -> None:
    history = history_of((95, page(title="selector", kicker=NONE)), (5, page(title="selector", kicker="selector")))
    assert departures(history, page(title="generic", kicker=NONE), RULE) == {"title": 1.0, "kicker": 0.05}
    assert departures(history, page(1999, title="generic"), RULE) == {}


# --- Templates ------------------------------------------------------------------------------------------------------


def test_what_is_noted_of_an_article() -> None:
    row = Article(site=SITE, url=f"https://{SITE}/a", kind="video", language="vi", body="x" * 1024)
    row.published_date = "2021-03-05"
    sources = [FieldSource("title", "selector"), FieldSource("language", "meta"), FieldSource("body", "generic")]
    row.extraction = Extraction("BenSongPage/3", sources=sources)
    seen = seen_of(row)
    assert seen[:5] == (SITE, "BenSongPage/video", 3, 2021, f"https://{SITE}/a")
    assert (seen.sources["title"], seen.sources["body"], seen.sources["sapo"], seen.length) == (
        "selector",
        "generic",
        NONE,
        10.0,
    )
    assert without_row(row).sources == {ROW: NONE}
    sources[1].source = "url"
    assert seen_of(row).template == template_name("BenSongPage", "video", "vi") == "BenSongPage/video/vi"


# --- At work --------------------------------------------------------------------------------------------------------

GOOD, BAD = page(title="selector", byline="selector"), page(title="meta", byline="selector")
UNSIGNED = page(title="selector", byline=NONE)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    yield ledger
    ledger.close()


def watch_of(ledger: Ledger, rule: Rule = RULE) -> Watch[str]:
    return Watch(ledger.drift, "bensong", "job1", rule, lambda: "2026-11-22T05:00:00Z")


def read(watch: Watch[str], ledger: Ledger, *pages: Seen) -> list[str | None]:
    """Verdict of each page; a held row is its number. Everything is committed."""
    verdicts = []
    for number, seen in enumerate(pages):
        verdicts.append(watch.look(seen))
        watch.note(seen, str(number) if verdicts[-1] == HELD else None)
    ledger.apply(watch.take())
    return verdicts


def signed(count: int) -> list[Seen]:
    """Good pages, of which every fifth has no byline."""
    return [UNSIGNED if number % 5 == 0 else GOOD for number in range(count)]


def test_a_single_odd_page_is_held_and_let_go(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    assert set(read(watch, ledger, *signed(60))) == {None}
    assert read(watch, ledger, BAD) == [HELD]
    assert watch.ready() == []
    read(watch, ledger, *[GOOD] * 49)
    assert watch.ready() == []
    read(watch, ledger, GOOD)
    assert watch.ready() == [("0", ())]
    assert watch.alarms == []


def test_the_end_of_a_run_decides(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    read(watch, ledger, *signed(60))
    assert read(watch, ledger, *[BAD] * 4) == [HELD] * 4
    watch.settle()
    assert watch.ready() == [(str(number), ()) for number in range(4)]
    # The next run knows of them.
    watch = watch_of(ledger)
    assert read(watch, ledger, *[BAD] * 8)[:2] == [HELD, HELD]
    (alarm,) = watch.alarms
    assert (alarm.field, alarm.written) == ("title", 4)


def test_a_fall_and_what_becomes_of_the_rows(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    read(watch, ledger, *signed(60))
    verdicts = read(watch, ledger, *[BAD] * 20)
    held = verdicts.index(QUARANTINED)
    assert held <= 12
    assert verdicts == [HELD] * held + [QUARANTINED] * (20 - held)
    assert watch.ready() == [(str(number), ("title",)) for number in range(held)]
    (alarm,) = watch.alarms
    assert (alarm.site, alarm.template, alarm.field, alarm.state) == (SITE, TEMPLATE, "title", FELL)
    assert (alarm.written, len(alarm.urls)) == (0, 3)
    assert (alarm.fitting, alarm.pages, alarm.expected) == (alarm.pages - 20, alarm.pages, 1.0)
    # Good pages go on, and the history has not learnt the bad ones.
    assert read(watch, ledger, GOOD, BAD, UNSIGNED) == [None, QUARANTINED, None]
    key = ("bensong", SITE, TEMPLATE)
    assert "meta" not in ledger.drift.history(key).pooled("title")
    assert BAD not in [seen for _, seen in ledger.drift.window(key)]
    # A later run knows the alarm, until the page class has another number.
    assert read(watch_of(ledger), ledger, BAD, GOOD) == [QUARANTINED, None]
    assert read(watch_of(ledger), ledger, BAD._replace(number=2)) == [HELD]
    assert ledger.drift.states(key) == []


def test_fields_that_many_pages_lack_are_told_and_not_held(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    read(watch, ledger, *signed(100))
    verdicts = read(watch, ledger, *[UNSIGNED] * 60)
    (alarm,) = watch.alarms
    assert alarm.field == "byline"
    assert HELD not in verdicts
    assert verdicts[-1] == QUARANTINED
    assert 30 < alarm.written < 50


def test_nothing_is_lost_or_doubled_by_a_kill(ledger: Ledger) -> None:
    """What is committed with the rows is what the next run starts from."""
    pages = [*signed(37), BAD, *signed(80)]
    for seen in pages:  # a process for each page
        watch = watch_of(ledger)
        read(watch, ledger, seen)
    key = ("bensong", SITE, TEMPLATE)
    counted = sum(ledger.drift.history(key).pooled("title").values()) + len(ledger.drift.window(key))
    assert counted == len(pages)


def test_off(ledger: Ledger) -> None:
    watch = watch_of(ledger, Rule(every=0))
    assert set(read(watch, ledger, *signed(60), *[BAD] * 40)) == {None}
    assert ledger.drift.templates() == []


def test_an_accepted_field_is_learnt_anew(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    read(watch, ledger, *signed(60), *[BAD] * 20)
    watch = watch_of(ledger)
    key = ("bensong", SITE, TEMPLATE)
    (state,) = ledger.drift.states(key)
    numbers = tuple(number for number, _ in ledger.drift.window(key))
    accepted = DriftState(*key, "title", ACCEPTED, "2026-11-22T06:00:00Z", "job2", 1, state.sources)
    ledger.apply([DriftForget(*key, "title"), DriftWindow(*key, {}, numbers), accepted])
    watch = watch_of(ledger)
    assert set(read(watch, ledger, *[BAD] * 90)) == {None}
    assert watch.alarms == []
    read(watch, ledger, *[page(title=NONE, byline="selector")] * 20)
    assert [alarm.field for alarm in watch.alarms] == ["title"]


def test_a_page_that_gives_no_article_counts(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    read(watch, ledger, *signed(60))
    for _ in range(16):
        watch.note(page(length=None)._replace(sources={ROW: NONE}))
    assert [alarm.field for alarm in watch.alarms] == [ROW]


def test_the_tables_stay_small(ledger: Ledger, tmp_path: Path) -> None:
    watch = watch_of(ledger)
    for _ in range(30):
        read(watch, ledger, *signed(100))
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        assert db.execute("SELECT COUNT(*) FROM drift_window").fetchone() == (RULE.every,)
        assert db.execute("SELECT COUNT(*) FROM drift_history").fetchone()[0] < 10
