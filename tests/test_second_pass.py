"""The second pass: only what changed is fetched, what happened to articles is told, and each thing once."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from scrapy.settings import Settings

from crawler.capture import CaptureRef
from crawler.events import Events, Sighting, event_line
from crawler.evidence import Evidence
from crawler.items import Article, Extraction, WarcRef
from crawler.ledger import Ledger
from crawler.ledger_ops import ArticleState, Event
from crawler.versions import Versions
from crawler.visit import Visit
from tests.changing import LIST, Press, address, article, listing, printing
from tests.conftest import Crawler, replica_at
from tests.truth import rows_of
from warc.reader import Record, read_records
from warc.record import IDENTICAL_PAYLOAD, NOT_MODIFIED
from warc.verify import verify
from warc.writer import is_meta

# --- What is decided in the writer, by hand -------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    ledger.open_scope("baoquocte", "{}")
    yield ledger
    ledger.close()


def row(body: str, day: int, page: str = "BaoquoctePage/1", title: str = "Mùa cá cơm") -> Article:
    """What the pipelines have made of a page captured on this day of the month."""
    found = Article(id="baoquocte.vn:1", url=address(1), canonical_url=address(1), title=title, body=body)
    found.captured_at = f"2026-11-{day:02}T05:00:00Z"
    found.content_digest = f"sha256:{hash((title, body))}"
    found.row_id = f"row{day}"
    found.warc = WarcRef(record_id=f"<urn:uuid:{day}>")
    found.extraction = Extraction(page)
    return found


def archived(ledger: Ledger, *rows: Article) -> list[bool]:
    """Whether each became a row; every one is committed before the next."""
    versions = Versions(ledger, "job1")
    made = []
    for one in rows:
        made.append(versions.decide(one, None))
        written = [versions.written(one, "a.jsonl", 0, 1, None)] if made[-1] else []
        ledger.apply([*written, *versions.take_seen()])
        versions.committed()
    return made


def test_a_change_of_the_text_is_a_version(ledger: Ledger) -> None:
    rows = [row("cũ", 1), row("cũ", 2), row("mới", 3), row("mới", 4, title="Mùa cá"), row("cũ", 5)]
    assert archived(ledger, *rows) == [True, False, True, True, True]
    assert [(one.version, one.previous, one.changed) for one in rows if one.version > 1] == [
        (2, "row1", ["body"]),
        (3, "row3", ["title"]),
        (4, "row4", ["title", "body"]),
    ]
    assert {one.first_captured_at for one in rows if one.row_id != "row2"} == {"2026-11-01T05:00:00Z"}


def test_another_number_of_the_page_class_makes_no_version_and_hides_none(ledger: Ledger) -> None:
    rows = [row("cũ", 1), row("cũ, đọc kỹ hơn", 2, "BaoquoctePage/2"), row("cũ, đọc kỹ hơn", 3, "BaoquoctePage/2")]
    rows += [row("mới", 4, "BaoquoctePage/2"), row("mới, đọc kỹ", 5, "OtherPage/2")]
    assert archived(ledger, *rows) == [True, False, False, True, False]
    latest = ledger.versions("baoquocte.vn:1")[-1]
    assert (latest.version, latest.row_id, latest.page) == (2, "row4", "OtherPage")


def visit(state: str, day: int, at: str = address(1), **more: Any) -> Visit:
    """A visit that ends with this sighting of article 1."""
    capture = CaptureRef("f", 0, 1, f"<urn:uuid:{day}>", "response", at, None, f"2026-11-{day:02}T05:00:00Z", 404)
    sighting = Sighting("baoquocte.vn:1", state, capture, **({"url": at} | more))
    return Visit(7, at, "article", outcome="done" if state == "live" else "failed", sighting=sighting)


def told(ledger: Ledger, *visits: Visit, commit: bool = True) -> list[tuple[str, str]]:
    """Kind and address of the events of these visits."""
    events = Events(ledger, "job2")
    found = []
    for one in visits:
        ops = events.of(one)
        found += [(op.kind, op.url) for op in ops if isinstance(op, Event)]
        if commit:
            ledger.apply(ops)
            events.committed()
    return found


LIVE, GONE, SOFT, WALL = "live", "gone", "soft404", "wall"


@pytest.mark.parametrize("commit", [True, False])  # the second sees what the first has not committed
@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        ([LIVE, LIVE], []),
        ([GONE, GONE, GONE], [GONE]),
        ([GONE, LIVE, LIVE, GONE], [GONE, "back", GONE]),
        ([WALL, GONE, LIVE], [WALL, GONE, "back"]),
        ([SOFT, LIVE], [SOFT, "back"]),
    ],
)
def test_a_state_is_told_when_it_changes(ledger: Ledger, seen: list[str], kinds: list[str], commit: bool) -> None:
    archived(ledger, row("cũ", 1))
    assert [kind for kind, _ in told(ledger, *(visit(s, n + 2) for n, s in enumerate(seen)), commit=commit)] == kinds


def test_what_was_never_archived_has_no_events(ledger: Ledger) -> None:
    assert told(ledger, visit(GONE, 1), visit(LIVE, 2)) == []


@pytest.mark.parametrize("outcome", ["queued", "captured"])
def test_a_visit_that_comes_again_tells_nothing_yet(ledger: Ledger, outcome: str) -> None:
    archived(ledger, row("cũ", 1))
    again = visit(GONE, 2)
    again.outcome = outcome
    assert told(ledger, again) == []


def test_a_headline_without_a_text_is_rather_our_fault(ledger: Ledger) -> None:
    archived(ledger, row("cũ", 1))
    assert told(ledger, visit(SOFT, 2, title="Mùa cá cơm")) == []
    assert told(ledger, visit(SOFT, 3, title="Không tìm thấy bài viết")) == [(SOFT, address(1))]


def test_moved(ledger: Ledger) -> None:
    """A new spelling is told when the known address leads to it, not when any other one does."""
    archived(ledger, row("cũ", 1))
    spelt, other = address(1, "mua-ca-com-den-som"), address(2)
    own = {"to_id": "baoquocte.vn:1"}
    assert told(ledger, visit("moved", 2, address(1, "loi-cu"), **own)) == []
    assert told(ledger, visit("moved", 3, address(1), **own | {"url": spelt})) == [("moved", spelt)]
    assert ledger.article_state("baoquocte.vn:1") == LIVE
    assert told(ledger, visit("moved", 4, address(1), **own | {"url": spelt})) == []  # it is known by the new one
    elsewhere = visit("moved", 5, spelt, url=other, to_id="baoquocte.vn:2")
    assert told(ledger, elsewhere, elsewhere) == [("moved", other)]
    assert ledger.article_state("baoquocte.vn:1") == "moved"
    assert told(ledger, visit(LIVE, 6, spelt)) == [("back", spelt)]


def test_the_line_of_an_event(ledger: Ledger) -> None:
    archived(ledger, row("cũ", 1))
    event, state = Events(ledger, "job2").of(visit(GONE, 2))
    assert isinstance(event, Event)
    assert json.loads(event_line(event)) == {
        "schema": "event/1",
        "event_id": "9b4e3c317b815b0a3ae5e8d433355d773bec47739eecf8c4f4019bac861e6adf",
        "id": "baoquocte.vn:1",
        "url": address(1),
        "at": "2026-11-02T05:00:00Z",
        "kind": "gone",
        "status": 404,
        "record_id": "<urn:uuid:2>",
        "run": "job2",
    }
    assert state == ArticleState("baoquocte.vn:1", "gone", None, 7, "2026-11-02T05:00:00Z")


# --- A paper that changes -------------------------------------------------------------------------------------------

ALL = ("-a", "recrawl=all")
MOVED, ELSEWHERE = address(7, "chuyen-moi-o-lang-chai"), address(88)


def first_edition(press: Press) -> None:
    numbers = range(1, 15)
    for number in numbers:
        press.paper.put(address(number), article(number), etag="11" if number == 11 else None)
    press.paper.put(address(14), article(13), etag="14")  # two articles with the same bytes
    press.paper.pages[f"{LIST.removesuffix('/van-hoa')}/"] = press.paper.pages[address(1)]
    press.paper.put(LIST, listing([address(number) for number in numbers]), etag="list")


def second_edition(press: Press) -> None:
    paper = press.paper
    del paper.pages[address(1)]
    paper.put(address(2), "<title>410</title>", status=410)
    paper.redirect(address(3), "/")
    paper.put(address(4), "<title>Không tìm thấy bài viết</title><h1>Không tìm thấy bài viết</h1>")
    paper.put(address(5), '<title>Just a moment...</title><div id="challenge-form"></div>')
    paper.put(address(6), "<title>403 Forbidden</title>", status=403)
    paper.redirect(address(7), MOVED)
    paper.put(MOVED, article(7))
    paper.redirect(address(8), ELSEWHERE)
    paper.put(ELSEWHERE, article(88))
    paper.put(address(9), article(9, "Thuyền về bến khi trời đã sáng."))
    paper.put(address(10), article(10, text=""))  # our selectors would not match any more


@dataclass
class Editions:
    """A press after four passes; ``since`` is how long the server's log was before each."""

    press: Press
    since: list[int]
    events: list[list[dict[str, Any]]]  # of each pass


@pytest.fixture(scope="module")
def editions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editions]:
    with printing(tmp_path_factory) as press:
        done = Editions(press, [], [])
        for edition in (first_edition, second_edition, None, first_edition):
            if edition is not None:
                edition(press)
            done.since.append(len(press.replica.requests))
            before = len(press.lines("events"))
            press.crawl(*ALL)
            done.events.append(press.lines("events")[before:])
        yield done


def kinds(events: list[dict[str, Any]]) -> dict[str, str]:
    return {event["id"].removeprefix("baoquocte.vn:"): event["kind"] for event in events}


@pytest.mark.slow
def test_what_happened_is_told_once(editions: Editions) -> None:
    first, second, third, fourth = editions.events
    lost = {"1": "gone", "2": "gone", "3": "gone", "4": "soft404", "5": "wall", "6": "wall"}
    assert (first, third) == ([], [])
    assert kinds(second) == lost | {"7": "moved", "8": "moved", "9": "changed"}
    places = {event["id"]: event["url"] for event in second if event["kind"] == "moved"}
    assert places == {"baoquocte.vn:7": MOVED, "baoquocte.vn:8": ELSEWHERE}
    assert kinds(fourth) == dict.fromkeys([*lost, "8"], "back") | {"9": "changed"}
    told = editions.press.lines("events")
    assert len({event["event_id"] for event in told}) == len(told)
    columns = "event_id, article_id, url, at, kind, status, record_id, run"
    keys = [key.removeprefix("article_") for key in columns.split(", ")]
    held = editions.press.ask(f"SELECT {columns} FROM events ORDER BY at, event_id")
    assert held == sorted((tuple(event[key] for key in keys) for event in told), key=lambda e: (e[3], e[0]))


@pytest.mark.slow
def test_an_event_names_the_record_that_shows_it(editions: Editions) -> None:
    records = {record.record_id: record for record in all_records(editions.press.archive)}
    for event in editions.press.lines("events"):
        record = records[event["record_id"]]
        assert record.type in ("response", "revisit")
        assert (record.date, record.message().status) == (event["at"], event["status"])


@pytest.mark.slow
def test_the_row_of_each_version_is_written_once(editions: Editions) -> None:
    rows = editions.press.lines("articles")
    assert Counter(row["id"] for row in rows) == Counter(
        {f"baoquocte.vn:{number}": 3 if number == 9 else 1 for number in (*range(1, 15), 88)}
    )
    nine = [row for row in rows if row["id"] == "baoquocte.vn:9"]
    assert [row["version"] for row in nine] == [1, 2, 3]
    assert [row["changed"] for row in nine] == [[], ["body"], ["body"]]
    assert [row["previous"] for row in nine] == [None, nine[0]["row_id"], nine[1]["row_id"]]
    # The third has the very bytes of the first, and is its own row all the same.
    assert nine[2]["warc"]["record_id"] == nine[0]["warc"]["record_id"]
    assert nine[2]["warc"]["revisit_id"]
    assert len({row["row_id"] for row in rows}) == len(rows)


@pytest.mark.slow
def test_pages_are_asked_with_what_the_server_gave(editions: Editions) -> None:
    press, since = editions.press, editions.since[1]
    asked = press.asked(since)
    assert asked[LIST][0]["if-none-match"] == '"list"'
    assert asked[address(11)][0]["if-none-match"] == '"11"'
    assert "if-none-match" not in asked[address(12)][0]
    assert all("if-none-match" not in headers[0] for headers in press.asked(0).values())


@pytest.mark.slow
def test_records_of_pages_that_did_not_change(editions: Editions) -> None:
    by_url: dict[str, list[Record]] = {}
    for record in all_records(editions.press.archive):
        if record.type in ("response", "revisit"):
            by_url.setdefault(record.target_uri, []).append(record)
    for url, profile, status in ((LIST, NOT_MODIFIED, 304), (address(12), IDENTICAL_PAYLOAD, 200)):
        first, *later = by_url[url]
        assert first.type == "response"
        assert len(later) == 3
        for record in later:
            assert (record.type, record.get("WARC-Profile")) == ("revisit", profile)
            assert record.get("WARC-Refers-To") == first.record_id
            assert record.get("WARC-Refers-To-Date") == first.date
            assert record.get("WARC-Refers-To-Target-URI") == url
            assert record.message().status == status
            same = first.get("WARC-Payload-Digest") if profile == IDENTICAL_PAYLOAD else None
            assert record.get("WARC-Payload-Digest") == same
            assert record.get("WARC-Truncated") == ("length" if profile == IDENTICAL_PAYLOAD else None)
    for file in editions.press.archive.rglob("*.warc.gz"):
        assert verify(file)


@pytest.mark.slow
def test_what_an_unchanged_list_promises_is_promised_again(editions: Editions) -> None:
    promised = "SELECT MIN(last_seen), MAX(first_seen) FROM channels WHERE channel = 'listing'"
    ((last_seen, first_seen),) = editions.press.ask(promised)
    assert last_seen > first_seen
    ends = dict(editions.press.ask("SELECT u.url, f.reason FROM frontier f JOIN urls u ON u.url_id = f.url_id"))
    assert (ends[LIST], ends[address(11)], ends[address(12)]) == ("not_modified", "not_modified", "dropped_unchanged")


@pytest.mark.slow
def test_bytes_archived_at_one_address_are_read_at_another(editions: Editions) -> None:
    rows = {row["id"]: row for row in editions.press.lines("articles")}
    one, other = rows["baoquocte.vn:13"], rows["baoquocte.vn:14"]
    assert one["warc"]["record_id"] == other["warc"]["record_id"]
    assert one["row_id"] != other["row_id"]
    seen = "SELECT first_captured_at, last_captured_at FROM articles WHERE article_id = 'baoquocte.vn:14'"
    ((first, last),) = editions.press.ask(seen)
    assert last > first


@pytest.mark.slow
def test_every_row_is_made_again_from_its_record(editions: Editions) -> None:
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    evidence = Evidence(editions.press.archive, settings)
    for file in (editions.press.archive / "articles").rglob("*.jsonl"):
        checked = evidence.check_rows(file, file.name)
        assert checked.counts["rows"] > 0
        assert checked.findings == []


@pytest.mark.slow
def test_a_page_whose_archived_bytes_are_lost_is_asked_in_full(editions: Editions, tmp_path: Path) -> None:
    press = editions.press
    first = min(path for path in press.archive.rglob("*.warc.gz") if not is_meta(path.name))
    lost = shutil.move(first, tmp_path / first.name)
    since = len(press.replica.requests)
    press.crawl(*ALL)
    shutil.move(lost, first)
    asked = press.asked(since)
    assert [headers.get("if-none-match") for headers in asked[LIST]] == ['"list"', None]
    assert address(12) in asked
    assert press.lines("events")[-1]["run"] != press.ask("SELECT MAX(job) FROM runs")[0][0]


def all_records(archive: Path) -> Iterator[Record]:
    """Of every file, in the order of the runs."""
    for file in sorted(archive.rglob("*.warc.gz")):
        yield from read_records(file)


@pytest.mark.slow
def test_an_article_that_no_list_names_is_asked_when_it_is_due(tmp_path_factory: pytest.TempPathFactory) -> None:
    with printing(tmp_path_factory) as press:
        press.paper.put(LIST, listing([address(1), address(2)]))
        press.paper.put(address(1), article(1))
        press.paper.put(address(2), article(2))
        press.crawl()
        press.paper.put(LIST, listing([address(2)]))
        del press.paper.pages[address(1)]
        for arguments, settings, asked in (
            ((), None, {LIST}),  # ten years old: asked again in a month
            (("-a", "recrawl=never"), None, {LIST}),
            (("-a", "recrawl=all"), {"RECRAWL_LIMIT": "0"}, {LIST, address(1), address(2)}),
        ):
            since = len(press.replica.requests)
            press.crawl(*arguments, settings=settings)
            assert set(press.asked(since)) == asked
        assert kinds(press.lines("events")) == {"1": "gone"}


WALLS = {
    "consent": "<title>Before you continue</title><h1>Before you continue to the paper</h1><p>We use cookies.</p>",
    "captcha": "<title>Captcha</title><h1>Verify you are human</h1><div class='h-captcha'></div>",
    "challenge": "<title>Just a moment...</title><div id='challenge-form'></div>",
    "login": "<title>Đăng nhập | Bản tin</title><form><input type='password'></form>",
    "paywall": "<title>Chuyện làng chài</title><h1 class='article-detail-title'>Chuyện làng chài</h1>"
    "<div itemprop='articleBody'><p>Thuyền về bến.</p></div><p>Đăng ký gói tháng để đọc tiếp</p>",
    "soft404": "<title>404</title><h1>404 Not Found</h1>",
    "empty_shell": "<title>Bản tin</title><div id='root'></div><script>start()</script>",
}


@pytest.mark.slow
def test_each_kind_of_wall_is_told_and_counted_and_no_article(tmp_path_factory: pytest.TempPathFactory) -> None:
    with printing(tmp_path_factory) as press:
        urls = {address(number): reason for number, reason in enumerate(WALLS, 1)}
        for number in range(1, len(WALLS) + 1):
            press.paper.put(address(number), article(number))
        press.paper.put(LIST, listing(list(urls)))
        press.crawl()
        rows = press.lines("articles")
        for url, reason in urls.items():
            press.paper.put(url, WALLS[reason])
        run = press.crawl(*ALL)
        assert press.lines("articles") == rows
        told = {event["url"]: event["kind"] for event in press.lines("events")}
        assert told == {url: "soft404" if reason == "soft404" else "wall" for url, reason in urls.items()}
        states = press.ask("SELECT u.url, f.state, f.reason FROM frontier f JOIN urls u ON u.url_id = f.url_id")
        assert {(url, "failed", reason) for url, reason in urls.items()} <= set(states)
        (failed,) = [line for line in run.stderr.splitlines() if "Failed: " in line]
        assert all(f"{reason} 1" in failed for reason in WALLS)


@pytest.mark.slow
def test_a_wall_before_what_was_never_archived_is_told_once_until_it_falls(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with printing(tmp_path_factory) as press:
        urls = {address(number): reason for number, reason in enumerate(WALLS, 1)}
        press.paper.put(LIST, listing(list(urls)))
        for url, reason in urls.items():
            press.paper.put(url, WALLS[reason])
        kinds = {url: "soft404" if reason == "soft404" else "wall" for url, reason in urls.items()}
        for _ in range(2):
            press.crawl(*ALL)
            assert press.lines("articles") == []
            told = press.lines("events")
            assert {event["url"]: event["kind"] for event in told} == kinds
            assert len(told) == len(kinds)
        for number in range(1, len(WALLS) + 1):
            press.paper.put(address(number), article(number))
        press.crawl(*ALL)
        assert {row["canonical_url"] for row in press.lines("articles")} == set(urls)
        assert len(press.lines("events")) == len(urls)


@pytest.mark.slow
def test_events_are_told_once_whatever_kills_the_crawl(tmp_path_factory: pytest.TempPathFactory) -> None:
    numbers = range(1, 301)
    with printing(tmp_path_factory) as press:
        for number in numbers:
            press.paper.put(address(number), article(number))
        press.paper.put(LIST, listing([address(number) for number in numbers]))
        press.crawl()
        for number in numbers:
            if number % 3:
                del press.paper.pages[address(number)]
            else:
                press.paper.put(address(number), article(number, "Gió đã đổi chiều."))
        chance, kills, status = Random(7), 0, None
        while status != 0:
            arguments = ("-a", f"seeds={LIST}", *ALL)
            since = len(press.replica.requests)
            process = press.crawler.start("baoquocte", *arguments, archive=press.archive)
            while kills < 5 and process.poll() is None and len(press.replica.requests) < since + 40:
                time.sleep(0.005)
            if kills < 5 and process.poll() is None:
                time.sleep(chance.uniform(0, 0.3))
                process.kill()
                kills += 1
            status = process.wait(60)
        events = press.lines("events")
        assert kills == 5
        assert Counter(event["kind"] for event in events) == {"gone": 200, "changed": 100}
        assert len({event["id"] for event in events}) == 300
        assert sorted(e["event_id"] for e in events) == sorted(e for (e,) in press.ask("SELECT event_id FROM events"))
        assert Counter(row["version"] for row in press.lines("articles")) == {1: 300, 2: 100}


# --- The replica a day later ----------------------------------------------------------------------------------------

EVERYTHING = "article,related,next_page,tag,category,topic,sitemap,feed"
COMMAND = ("baoquocte", "-a", "since=2016-01-01", "-a", "languages=vi,en", "-a", f"follow={EVERYTHING}")
TODAY, NEXT_DAY = "2026-11-20T12:00:00+07:00", "2026-11-21T12:00:00+07:00"


@dataclass
class Pass:
    """One run over the whole replica."""

    truth: dict[str, Any]
    wire: int  # bytes of bodies as sent
    statuses: Counter[int]
    rows: list[dict[str, Any]]
    events: list[dict[str, Any]]
    warcs: list[Path]


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> list[Pass]:
    """The replica today, a day later, once more, and (everything undone) today again."""
    archive, done = tmp_path_factory.mktemp("archive"), list[Pass]()
    for clock in (TODAY, NEXT_DAY, NEXT_DAY, TODAY):
        with replica_at(tmp_path_factory.mktemp("replica"), clock) as replica:
            run = Crawler(replica, tmp_path_factory)(
                *COMMAND, "-a", "related_depth=9", "-a", "recrawl=all", archive=archive, timeout=300
            )
            assert run.status == 0, run.stderr[-3000:]
            assert len(done) != 1 or "Articles: changed 20, gone 5" in run.stderr
            log = replica.requests()
        seen = [file for one in done for file in one.warcs]
        events = [
            json.loads(line)
            for file in (archive / "events").rglob("*.jsonl")
            for line in file.read_text("utf-8").splitlines()
        ]
        done.append(
            Pass(
                truth=replica.truth["sites"]["baoquocte.vn"],
                wire=sum(entry["bytes"] for entry in log),
                statuses=Counter(entry["status"] for entry in log),
                rows=rows_of(archive)[sum(len(one.rows) for one in done) :],
                events=[event for event in events if not any(event in one.events for one in done)],
                warcs=[file for file in sorted(archive.rglob("*.warc.gz")) if file not in seen],
            )
        )
    return done


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


@pytest.mark.slow
def test_a_day_later_exactly_what_changed_is_written(passes: list[Pass], capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third, _ = passes
    with capsys.disabled():
        for name, one in (("first", first), ("second", second), ("third", third)):
            size = sum(file.stat().st_size for file in one.warcs)
            sys.stdout.write(f"\n{name} pass: {one.wire:,} bytes, {dict(one.statuses)}, {len(one.rows)} rows, ")
            sys.stdout.write(f"{len(one.events)} events, WARC {size:,} bytes")
        sys.stdout.write("\n")
    truth = second.truth
    again = [row for row in second.rows if row["version"] == 2]
    new = [row for row in second.rows if row["version"] == 1]
    assert ids(again) == set(truth["edited"])
    assert len(again) == 20
    assert all(row["changed"] == ["body"] for row in again)
    assert all(truth["articles"][row["id"]]["body"] == row["body"] for row in again)
    assert ids(new) == set(truth["added"])
    assert len(new) == 15
    previous = {row["id"]: row for row in first.rows}
    assert all(row["previous"] == previous[row["id"]]["row_id"] for row in again)
    assert {event["kind"] for event in first.events} <= {"wall", "soft404"}
    by_kind = {kind: [e for e in second.events if e["kind"] == kind] for kind in ("gone", "changed")}
    assert ids(by_kind["gone"]) == set(truth["removed"])
    assert ids(by_kind["changed"]) == set(truth["edited"])
    assert len(second.events) == 25


@pytest.mark.slow
def test_the_same_day_again_brings_nothing(passes: list[Pass]) -> None:
    first, second, third, _ = passes
    assert third.rows == []
    assert third.events == []
    assert third.wire < second.wire < first.wire


@pytest.mark.slow
def test_what_is_undone_is_told_too(passes: list[Pass]) -> None:
    _, second, _, fourth = passes
    truth = second.truth
    assert ids([e for e in fourth.events if e["kind"] == "back"]) == set(truth["removed"])
    assert ids([e for e in fourth.events if e["kind"] == "gone"]) == set(truth["added"])
    assert ids(fourth.rows) == set(truth["edited"])
    assert {row["version"] for row in fourth.rows} == {3}


@pytest.mark.slow
def test_no_payload_is_stored_twice(passes: list[Pass]) -> None:
    stored: Counter[str] = Counter()
    for one in passes:
        for file in one.warcs:
            report = verify(file)
            assert report, report.faults[:3]
            for record in read_records(file):
                if record.type == "response" and record.message().body.length and not record.get("WARC-Truncated"):
                    stored[record.get("WARC-Payload-Digest") or ""] += 1
    assert [digest for digest, times in stored.items() if times > 1] == []
