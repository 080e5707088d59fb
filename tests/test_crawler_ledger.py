"""The ledger: states, passes, versions, what a kill leaves, and the queries of its documentation."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler import sqlite
from crawler.capture import CaptureRef
from crawler.ledger import Ledger, LedgerError
from crawler.ledger_files import FileTable
from crawler.ledger_ops import (
    Add,
    Applied,
    ArticleSeen,
    ArticleState,
    Basis,
    Capture,
    Done,
    Event,
    Failed,
    FileState,
    FrontierRow,
    HostState,
    InFlight,
    Op,
    Redirected,
    Refused,
    Requeue,
    RunBeat,
    RunEnd,
    SourceFound,
    TextKept,
    Version,
)
from crawler.ledger_schema import MIGRATIONS
from crawler.ledger_sources import SourceTable
from crawler.recrawl import DEFAULT, Recrawl
from crawler.urls import fingerprint

ROOT = Path(__file__).parent.parent
HOST = "baoquocte.vn"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path / "ledger.sqlite", now=clock)
    ledger.open_scope("baoquocte", "{}")
    yield ledger
    ledger.close()


def add(path: str, kind: str = "article", priority: int = 0, host: str = HOST, **more: object) -> Add:
    url = f"https://{host}/{path}"
    return Add(fingerprint(url), url, host, kind, priority=priority)._replace(**more)  # type: ignore[arg-type]


def capture(record: str, url_id: int | None = None, **more: object) -> Capture:
    known = Capture(
        record_id=f"<urn:uuid:{record}>",
        url="https://baoquocte.vn/a",
        file="warc/baoquocte/a.warc.gz",
        offset=700,
        length=1300,
        record_type="response",
        captured_at="2026-11-21T12:00:00Z",
        run="job1",
        url_id=url_id,
        status=200,
        payload_digest="sha1:AAAA",
        mime="text/html",
        reading=b"html",
    )
    return replace(known, **more)  # type: ignore[arg-type]


def version(number: int, url_id: int | None = None, **more: object) -> Version:
    known = Version(
        article_id="baoquocte.vn:1",
        version=number,
        row_id=f"row{number}",
        record_id=f"<urn:uuid:{number}>",
        url="https://baoquocte.vn/a",
        file="articles/baoquocte/a.jsonl",
        offset=100 * number,
        length=100,
        content_digest=f"sha256:{number}",
        page="BaoquoctePage",
        page_number=1,
        captured_at="2026-11-21T12:00:00Z",
        first_captured_at="2026-11-21T12:00:00Z",
        run="job1",
        fields={"title": "t", "sapo": f"s{number}"},
        url_id=url_id,
    )
    return replace(known, **more)  # type: ignore[arg-type]


def paths(ledger: Ledger, host: str = HOST, limit: int = 100, now: datetime = NOON) -> list[str]:
    return [row.url.rpartition("/")[2] for row in ledger.queued(host, limit, now.timestamp())]


def state(ledger: Ledger, path: str, column: str = "state") -> object:
    query = f"SELECT f.{column} FROM frontier f JOIN urls u ON u.url_id = f.url_id WHERE u.url LIKE ?"
    row = ledger._db.execute(query, (f"%/{path}",)).fetchone()
    return None if row is None else row[0]


def table(ledger: Ledger, query: str) -> list[tuple[object, ...]]:
    return ledger._db.execute(query).fetchall()


# --- The frontier -------------------------------------------------------------------------------------------------


def test_a_row_comes_out_as_it_went_in(ledger: Ledger) -> None:
    found = add("a", "related", 7, depth=2, via="https://baoquocte.vn/", hop_path="LR", channel="listing", render="dom")
    assert ledger.apply([found]) == Applied(new_urls=1, queued=1)
    assert ledger.queued(HOST, 10, NOON.timestamp()) == [
        FrontierRow(
            1,
            found.fingerprint,
            found.url,
            HOST,
            "related",
            2,
            7,
            "https://baoquocte.vn/",
            "LR",
            "listing",
            "dom",
            0,
            0,
        )
    ]


def test_the_queue_is_ordered_by_priority_then_by_discovery(ledger: Ledger) -> None:
    ledger.apply(
        [add("c", priority=1), add("x", host="vietnam.vn", priority=9), add("a", priority=5), add("d", priority=1)]
    )
    ledger.apply([add("b", priority=5)])
    assert paths(ledger) == ["a", "b", "c", "d"]
    assert paths(ledger, limit=2) == ["a", "b"]
    assert ledger.queued_hosts() == [HOST, "vietnam.vn"]
    assert ledger.queue_length() == 5


@pytest.mark.parametrize(
    ("first", "second", "priority", "depth", "via"),
    [
        pytest.param((1, 3, "p"), (5, 3, "q"), 5, 3, "q", id="a better priority wins"),
        pytest.param((5, 3, "p"), (1, 1, "q"), 5, 3, "p", id="a worse one does not"),
        pytest.param((5, 3, "p"), (5, 2, "q"), 5, 2, "q", id="a shallower depth wins"),
        pytest.param((5, 2, "p"), (5, 3, "q"), 5, 2, "p", id="a deeper one does not"),
        pytest.param((1, 1, "p"), (5, 3, "q"), 5, 1, "q", id="a better priority keeps the smaller depth"),
    ],
)
@pytest.mark.parametrize("batches", [1, 2])
def test_a_known_url_is_queued_once(
    ledger: Ledger,
    first: tuple[int, int, str],
    second: tuple[int, int, str],
    priority: int,
    depth: int,
    via: str,
    batches: int,
) -> None:
    ops: list[Op] = [add("a", priority=p, depth=d, via=v) for p, d, v in (first, second)]
    if batches == 1 and depth == 1:
        depth = second[1]  # the smaller depth of a worse route in the same batch is not kept: one route is written
    for batch in [ops] if batches == 1 else [[op] for op in ops]:
        ledger.apply(batch)
    (row,) = ledger.queued(HOST, 10, NOON.timestamp())
    assert (row.priority, row.depth, row.via) == (priority, depth, via)


def test_channels_remember_who_promised_a_url_and_when(ledger: Ledger, clock: Clock) -> None:
    feed, sitemap = "https://baoquocte.vn/rss", "https://baoquocte.vn/sitemap.xml"
    ledger.apply([add("a", channel="feed", source=feed), add("a", channel="sitemap", source=sitemap)])
    clock.at += timedelta(hours=1)
    ledger.apply(
        [add("a", channel="feed", source=feed), add("a", channel="related", source=""), add("a", channel="seed")]
    )
    assert table(ledger, "SELECT channel, source, first_seen, last_seen FROM channels ORDER BY channel") == [
        ("feed", feed, "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"),
        ("related", "", "2026-11-21T13:00:00Z", "2026-11-21T13:00:00Z"),
        ("sitemap", sitemap, "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"),
    ]


MOVES = [
    pytest.param([InFlight(1)], ("in_flight", None, 1, 0), id="in flight"),
    pytest.param([InFlight(1), capture("1", 1)], ("captured", None, 1, 0), id="captured"),
    pytest.param([InFlight(1), capture("1", 1), Done(1)], ("done", None, 1, 0), id="done"),
    pytest.param([Done(1, "not_modified")], ("done", "not_modified", 0, 0), id="done with a reason"),
    pytest.param([InFlight(1), Failed(1, "http_500")], ("failed", "http_500", 1, 0), id="failed"),
    pytest.param([Refused(1, "robots")], ("refused", "robots", 0, 0), id="refused"),
    pytest.param(
        [Redirected(1, "https://baoquocte.vn/b")], ("redirected", "https://baoquocte.vn/b", 0, 0), id="redirect"
    ),
    pytest.param([InFlight(1), Requeue(1, 0.0, 1)], ("queued", None, 1, 1), id="queued again"),
    pytest.param([Done(1), InFlight(1)], ("done", None, 1, 0), id="late news in one batch"),
    pytest.param([Failed(1, "x"), Requeue(1)], ("queued", None, 0, 0), id="the last word counts, and its reason"),
    pytest.param([capture("1")], ("queued", None, 0, 0), id="a capture without URL state"),
]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("ops", "expected"), MOVES)
def test_a_url_moves_through_its_states(
    ledger: Ledger, ops: list[Op], expected: tuple[object, ...], together: bool
) -> None:
    if not together and ops == [Done(1), InFlight(1)]:
        expected = ("done", None, 0, 0)  # an attempt that is told too late is not counted
    ledger.apply([add("a"), add("b")])
    for batch in [ops] if together else [[op] for op in ops]:
        ledger.apply(batch)
    columns = ("state", "reason", "attempts", "retries")
    assert tuple(state(ledger, "a", column) for column in columns) == expected
    assert state(ledger, "b") == "queued"


def test_a_requeued_url_waits(ledger: Ledger) -> None:
    ledger.apply([add("a"), add("b")])
    ledger.apply([Requeue(1, 30.0, 1)])
    now = NOON.timestamp()
    assert paths(ledger) == ["b"]
    assert ledger.next_not_before(HOST, now) == now + 30
    assert paths(ledger, now=NOON + timedelta(seconds=30)) == ["a", "b"]
    assert ledger.next_not_before(HOST, now + 30) is None


def test_batches_of_any_size_go_in_whole(ledger: Ledger) -> None:
    adds = [add(f"{n}") for n in range(1000)]
    assert ledger.apply(adds[:777]) == Applied(777, 777)
    assert ledger.apply(adds) == Applied(223, 223)
    ledger.apply([op for n in range(1, 1001) for op in (InFlight(n), Done(n))])
    assert ledger.counts() == {"done": 1000}


def test_a_batch_that_fails_changes_nothing(ledger: Ledger) -> None:
    bad = add("b", kind=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        ledger.apply([add("a"), bad])
    assert ledger.apply([add("a")]) == Applied(1, 1)
    assert ledger.counts() == {"queued": 1}


def test_state_is_of_a_scope_and_captures_are_shared(ledger: Ledger) -> None:
    first = ledger.scope
    ledger.apply([add("a"), capture("1", None)])
    other = ledger.open_scope("baoquocte", '{"tags": ["APEC"]}')
    assert first is not None
    assert other.id != first.id
    assert paths(ledger) == []
    assert ledger.apply([add("a")]) == Applied(new_urls=0, queued=1)
    assert ledger.capture("<urn:uuid:1>") is not None


# --- Passes and recrawl -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ops", "pass_number", "resumed"),
    [
        pytest.param([], 2, False, id="nothing found"),
        pytest.param([add("a")], 1, True, id="queued"),
        pytest.param([add("a"), InFlight(1)], 1, True, id="in flight"),
        pytest.param([add("a"), capture("1", 1)], 1, True, id="captured"),
        pytest.param([add("a"), Done(1)], 2, False, id="done"),
        pytest.param([add("a"), Failed(1, "timeout")], 2, False, id="failed"),
    ],
)
def test_a_scope_goes_on_while_work_is_left(ledger: Ledger, ops: list[Op], pass_number: int, resumed: bool) -> None:
    ledger.apply(ops)
    scope = ledger.open_scope("baoquocte", " { } ")
    assert (scope.pass_number, scope.resumed) == (pass_number, resumed)
    assert ledger.work_left() == (1 if resumed else 0)


def test_the_order_of_arguments_does_not_matter(ledger: Ledger) -> None:
    one = ledger.open_scope("baoquocte", '{"tags":["APEC"],"since":"2026-11-01"}')
    two = ledger.open_scope("baoquocte", '{"since": "2026-11-01", "tags": ["APEC"]}')
    three = ledger.open_scope("vietnamvn", '{"since": "2026-11-01", "tags": ["APEC"]}')
    assert one.id == two.id != three.id


@pytest.mark.parametrize("recrawl", ["auto", "never", "all"])
@pytest.mark.parametrize(
    ("kind", "ops", "age", "auto", "never"),
    [
        pytest.param("front", [Done(1)], timedelta(minutes=1), True, True, id="a list is always due"),
        pytest.param("article", [Failed(1, "timeout")], timedelta(minutes=1), True, True, id="a failed article too"),
        pytest.param("article", [version(1, 1), Done(1)], timedelta(minutes=59), False, False, id="an article is not"),
        pytest.param(
            "article", [version(1, 1), Done(1)], timedelta(minutes=61), True, False, id="until its hour is over"
        ),
        pytest.param("related", [Done(1)], timedelta(hours=23), False, False, id="a page without article waits a day"),
        pytest.param("related", [Done(1)], timedelta(hours=25), True, False, id="and is asked then"),
    ],
)
def test_a_new_pass_queues_what_is_due(
    ledger: Ledger, clock: Clock, kind: str, ops: list[Op], age: timedelta, auto: bool, never: bool, recrawl: str
) -> None:
    ledger.apply([add("a", kind, depth=3)])
    ledger.apply([InFlight(1), *ops])
    assert ledger.apply([add("a", kind)]).queued == 0  # not twice in one pass, whatever the rule
    clock.at += age
    scope = ledger.open_scope("baoquocte", "{}", recrawl)
    assert scope.pass_number == 2
    ledger.apply([add("a", kind, depth=1)])
    expected = {"auto": auto, "never": never, "all": True}[recrawl]
    assert paths(ledger) == (["a"] if expected else [])
    if expected:
        (row,) = ledger.queued(HOST, 1, clock.at.timestamp())
        assert (row.depth, row.attempts, row.retries) == (1, 0, 0)
        assert state(ledger, "a", "reason") is None


@pytest.mark.parametrize(
    ("captured_at", "born", "number", "due"),
    [
        ("2026-11-21T12:00:00Z", "2026-11-21T18:00:00+07:00", 1, "2026-11-21T13:00:00Z"),  # an hour old
        ("2026-11-21T12:00:00Z", "2026-11-20T12:00:01Z", 1, "2026-11-21T13:00:00Z"),
        ("2026-11-21T12:00:00Z", "2026-11-20T12:00:00Z", 1, "2026-11-22T12:00:00Z"),  # a day
        ("2026-11-21T12:00:00Z", "2026-11-20T12:00:00Z", 2, "2026-11-22T00:00:00Z"),  # and it has changed once
        ("2026-11-21T12:00:00Z", "2026-11-14T12:00:00Z", 1, "2026-12-21T12:00:00Z"),  # a week
        ("2026-11-21T12:00:00Z", "2026-11-14T12:00:00Z", 3, "2026-12-01T12:00:00Z"),
        ("2026-11-21T12:00:00Z", "2026-11-14T12:00:00Z", 99, "2026-11-29T00:00:00Z"),  # never more than four times
        ("2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z", 99, "2026-11-21T13:00:00Z"),  # nor more than hourly
        ("2026-11-21T12:00:00Z", None, 1, "2026-11-21T13:00:00Z"),
        ("2026-11-21T12:00:00Z", "2026-11-20", 1, "2026-11-22T12:00:00Z"),  # a day begins at midnight in +07:00
        ("2026-11-21T12:00:00Z", "hôm qua", 1, "2026-11-21T13:00:00Z"),  # no instant: as if new
    ],
)
def test_when_an_article_is_due_again(captured_at: str, born: str | None, number: int, due: str) -> None:
    assert DEFAULT.due_at(captured_at, born, number) == due


def test_an_unchanged_article_is_due_later(ledger: Ledger) -> None:
    ledger.apply([add("a"), version(1)])
    ledger.apply([version(1, 1)])
    assert table(ledger, "SELECT due_at FROM urls") == [("2026-11-21T13:00:00Z",)]
    ledger.apply([ArticleSeen("baoquocte.vn:1", "2026-11-23T12:00:00Z", 1, born="2026-11-21T12:00:00Z", version=1)])
    assert table(ledger, "SELECT due_at FROM urls") == [("2026-11-24T12:00:00Z",)]
    assert table(ledger, "SELECT last_captured_at FROM articles") == [("2026-11-23T12:00:00Z",)]


def test_another_number_of_the_page_class_gives_another_basis(ledger: Ledger) -> None:
    basis = Basis("sha256:other", "BaoquoctePage", 2, {"title": "t2"})
    ledger.apply([version(1)])
    ledger.apply([ArticleSeen("baoquocte.vn:1", "2026-11-23T12:00:00Z", version=1, basis=basis)])
    latest = ledger.latest_version("baoquocte.vn:1")
    assert latest is not None
    assert Basis(latest.content_digest, latest.page, latest.page_number, latest.fields) == basis
    assert latest.row_id == version(1).row_id


@pytest.mark.parametrize(
    ("recrawl", "limit", "expected"),
    [("never", 9, ""), ("auto", 9, "bafg"), ("auto", 2, "ba"), ("all", 0, "bafgc")],
)
def test_what_is_due_is_asked_again_though_nobody_promises_it(
    ledger: Ledger, clock: Clock, recrawl: str, limit: int, expected: str
) -> None:
    ledger.apply([add(name, priority=3 * 10**10 + 5) for name in "abcdefg"] + [add("list", "front")])
    ledger.apply([version(1, 1), Done(1)])
    ledger.apply([version(2, 2, captured_at="2026-11-21T11:30:00Z"), Done(2, "not_modified")])  # the most overdue
    ledger.apply([version(3, 3, captured_at="2026-11-21T13:00:00Z"), Done(3)])  # due in half an hour
    ledger.apply([Done(4, "dropped_before_since"), Failed(5, "not_an_article"), Done(8)])  # no articles
    ledger.apply([version(6, 6), Failed(6, "http_404")])
    ledger.apply([version(7, 7), Redirected(7, "https://baoquocte.vn/b")])
    clock.at += timedelta(hours=1, minutes=30)
    ledger.open_scope("baoquocte", "{}", recrawl, Recrawl.parse(limit=limit))
    assert ledger.ask_again() == len(expected)
    queued = ledger.queued(HOST, 10, clock.at.timestamp())
    assert sorted(row.url[-1] for row in queued) == sorted(expected)
    assert {row.priority for row in queued} <= {5}


# --- The archive --------------------------------------------------------------------------------------------------


def test_a_payload_is_found_by_its_first_whole_response(ledger: Ledger) -> None:
    ledger.apply(
        [
            capture("cut", truncated="time", captured_at="2026-11-21T11:00:00Z"),
            capture("visit", record_type="revisit", original_id="<urn:uuid:late>", captured_at="2026-11-21T11:30:00Z"),
            capture("late", captured_at="2026-11-21T13:00:00Z"),
            capture("early", captured_at="2026-11-21T12:00:00Z"),
            capture("other", payload_digest="sha1:BBBB", captured_at="2026-11-21T10:00:00Z"),
            capture("gzip", reading=b"gzip", captured_at="2026-11-21T10:00:00Z"),
            capture("older", reading=None, captured_at="2026-11-21T09:00:00Z"),
        ]
    )
    found = ledger.capture_of_payload("sha1:AAAA", b"html")
    assert found is not None
    assert found.record_id == "<urn:uuid:early>"
    assert ledger.capture_of_payload("sha1:CCCC", b"html") is None


def test_a_url_is_found_by_its_last_whole_answer(ledger: Ledger) -> None:
    ledger.apply(
        [
            capture("1", etag='"one"', last_modified="Sat, 21 Nov 2026 01:00:00 GMT"),
            capture("2", status=404, captured_at="2026-11-21T13:00:00Z"),
            capture("3", truncated="length", captured_at="2026-11-21T14:00:00Z"),
            capture("4", url="https://baoquocte.vn/a?page=2", captured_at="2026-11-21T15:00:00Z"),
        ]
    )
    found = ledger.capture_of_url("https://baoquocte.vn/a")
    assert found == capture("1", etag='"one"', last_modified="Sat, 21 Nov 2026 01:00:00 GMT")
    assert ledger.capture_of_url("https://baoquocte.vn/b") is None


def test_a_capture_is_written_once(ledger: Ledger) -> None:
    ledger.apply([capture("1")])
    ledger.apply([capture("1", length=5)])
    assert ledger.capture("<urn:uuid:1>") == capture("1")


def test_the_reference_to_a_revisit_leads_to_the_bytes(ledger: Ledger) -> None:
    visit = capture(
        "2", 1, record_type="revisit", original_id="<urn:uuid:1>", offset=9000, captured_at="2026-11-22T12:00:00Z"
    )
    ledger.apply([add("a"), capture("1"), visit])
    ((row, ref),) = ledger.captured()
    assert row.url == "https://baoquocte.vn/a"
    assert ref == CaptureRef(
        file="warc/baoquocte/a.warc.gz",
        offset=700,
        length=1300,
        record_id="<urn:uuid:1>",
        record_type="response",
        target_uri="https://baoquocte.vn/a",
        payload_digest="sha1:AAAA",
        captured_at="2026-11-22T12:00:00Z",
        status=200,
        revisit_id="<urn:uuid:2>",
    )


def test_versions_and_their_article(ledger: Ledger) -> None:
    ledger.apply([version(1)])
    ledger.apply([version(3, published_at="2026-11-21T18:00:00+07:00"), version(2)])
    latest = ledger.latest_version("baoquocte.vn:1")
    assert latest == version(3, published_at="2026-11-21T18:00:00+07:00")
    assert [known.row_id for known in ledger.versions("baoquocte.vn:1")] == ["row1", "row2", "row3"]
    assert ledger.latest_version("baoquocte.vn:2") is None
    assert ledger.article_state("baoquocte.vn:1") == "live"
    ledger.apply([ArticleState("baoquocte.vn:1", "gone")])
    assert ledger.article_state("baoquocte.vn:1") == "gone"
    ledger.apply([version(2)])  # old news brings nothing back
    assert ledger.article_state("baoquocte.vn:1") == "gone"


def test_hosts_keep_what_is_not_mentioned(ledger: Ledger) -> None:
    ledger.apply([HostState(HOST, crawl_delay=2.0)])
    ledger.apply([HostState(HOST, parked_until=1795262400.5, reason="http_429"), HostState("vietnam.vn", delay=0.5)])
    assert ledger.hosts() == [
        HostState(HOST, None, 2.0, 1795262400.5, "http_429", 0),
        HostState("vietnam.vn", 0.5, None, 0.0, None, 0),
    ]


def test_runs_beat_and_end_and_a_killed_one_is_named(ledger: Ledger, clock: Clock) -> None:
    killed = ledger.start_run("job1", "{}")
    clock.at += timedelta(minutes=5)
    ledger.apply([RunBeat(killed, {"rows": 3})])
    clock.at += timedelta(hours=1)
    ended = ledger.start_run("job1", "{}")
    ledger.apply([RunEnd(ended, 11, "max_articles", {"rows": 5})])
    assert table(ledger, "SELECT job, started_at, heartbeat, ended_at, status, reason, counts FROM runs") == [
        *[
            (
                "job1",
                "2026-11-21T12:00:00Z",
                "2026-11-21T12:05:00Z",
                "2026-11-21T12:05:00Z",
                None,
                "killed",
                '{"rows": 3}',
            )
        ],
        *[
            (
                "job1",
                "2026-11-21T13:05:00Z",
                "2026-11-21T13:05:00Z",
                "2026-11-21T13:05:00Z",
                11,
                "max_articles",
                '{"rows": 5}',
            )
        ],
    ]


def test_events_are_written_once(ledger: Ledger) -> None:
    gone = Event("e1", "https://baoquocte.vn/a", "2026-11-21T12:00:00Z", "gone", "job1", "baoquocte.vn:1", 404)
    ledger.apply([gone, gone])
    assert table(ledger, "SELECT event_id, article_id, kind, status FROM events") == [
        ("e1", "baoquocte.vn:1", "gone", 404)
    ]


# --- After a kill -------------------------------------------------------------------------------------------------


def test_recover_puts_right_what_a_kill_left(ledger: Ledger) -> None:
    file = FileState("warc/baoquocte/a.warc.gz", "warc", "baoquocte", "job1", 5000, 9)
    ledger.apply([add(name) for name in "abcd"])
    ledger.apply([InFlight(1), InFlight(2), InFlight(3), capture("2", 2), capture("3", 3), Done(3)])
    ledger.apply([file, replace(file, path="warc/b.warc.gz", closed=True), replace(file, path="c", spider="vietnamvn")])
    ledger.apply([replace(file, length=6000, records=11)])
    left = ledger.recover()
    assert left.requeued == 1
    assert [(row.url[-1], row.attempts, ref.record_id) for row, ref in left.captured] == [("b", 1, "<urn:uuid:2>")]
    assert left.files == [replace(file, length=6000, records=11)]
    assert paths(ledger) == ["a", "d"]
    assert ledger.counts() == {"captured": 1, "done": 1, "queued": 2}


KILLED = """
import os, signal, sys
from crawler.ledger import Ledger
from crawler.ledger_ops import *
from pathlib import Path

ledger = Ledger.open(Path(sys.argv[1]))
ledger.open_scope("baoquocte", "{}")
until = int(sys.argv[2])
noon = "2026-11-21T12:00:00Z"
statements = 0

def killer(statement):
    global statements
    statements += 1
    if statements == until:
        os.kill(os.getpid(), signal.SIGKILL)

ledger._db.set_trace_callback(killer)
for page in range(1, 5):
    keys = [bytes([page, n]) * 8 for n in range(9)]
    adds = [Add(key, f"https://h/{key.hex()}", "h", "article", channel="feed", source="f") for key in keys]
    capture = Capture(f"r{page}", "https://h/", "w", 0, 1, "response", noon, "j", url_id=page)
    version = Version(f"a{page}", 1, "r", "r", "u", "f", 0, 1, "d", "P", 1, noon, noon, "j")
    text = TextKept(f"a{page}", "baoquocte", "original", (page, page + 10))
    taken = SourceFound(f"b{page}", f"a{page}", "text", noon, "j")
    file = FileState("w", "warc", "baoquocte", "j", 100 * page, page)
    ledger.apply([*adds, capture, version, Done(page), file, text, taken])
print(statements)
"""


def run_killed(path: Path, until: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLED, str(path), str(until)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)


@pytest.mark.parametrize("until", [*range(1, 23), 25])
def test_kill_9_between_statements_leaves_whole_batches(tmp_path: Path, until: int) -> None:
    path = tmp_path / "ledger.sqlite"
    assert run_killed(path, until).returncode == -signal.SIGKILL
    ledger = Ledger.open(path)
    pages = (table(ledger, "SELECT COALESCE(MAX(records), 0) FROM files")[0][0]) or 0
    assert isinstance(pages, int)
    for name, count in [
        ("urls", 9),
        ("frontier", 9),
        ("channels", 9),
        ("captures", 1),
        ("versions", 1),
        ("articles", 1),
        ("texts", 1),
        ("bands", 2),
        ("sources", 1),
    ]:
        assert table(ledger, f"SELECT COUNT(*) FROM {name}") == [(pages * count,)], name
    assert table(ledger, "SELECT COUNT(*) FROM frontier WHERE state = 'done'") == [(pages,)]
    assert table(ledger, "SELECT COALESCE(SUM(length), 0) FROM files") == [(100 * pages,)]
    ledger.close()


def test_the_kills_above_fall_into_every_statement_of_a_batch(tmp_path: Path) -> None:
    run = run_killed(tmp_path / "ledger.sqlite", 0)
    assert 4 * 15 <= int(run.stdout) <= 4 * 22, run.stderr


# --- One file, many processes, many versions ----------------------------------------------------------------------


def test_processes_that_open_a_new_ledger_at_once_get_one(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from crawler.ledger import Ledger; "
        "print(Ledger.open(Path(sys.argv[1])).open_scope(sys.argv[2], '{}').id)"
    )

    def one(n: int) -> str:
        command = [sys.executable, "-c", code, str(tmp_path / "ledger.sqlite"), f"spider{n}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True).stdout.strip()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == ["1", "2", "3", "4", "5", "6"]


def test_a_reader_sees_commits_and_cannot_write(ledger: Ledger, tmp_path: Path) -> None:
    reader = Ledger.open(tmp_path / "ledger.sqlite", read_only=True)
    reader.scope = ledger.scope
    assert paths(reader) == []
    ledger.apply([add("a")])
    assert paths(reader) == ["a"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.apply([add("b")])
    reader.close()


def test_a_reader_does_not_wait_for_an_open_transaction(ledger: Ledger, tmp_path: Path) -> None:
    ledger.apply([add("a")])
    reader = Ledger.open(tmp_path / "ledger.sqlite", read_only=True)
    reader.scope = ledger.scope
    with sqlite.transaction(ledger._db):
        ledger._db.execute("UPDATE frontier SET state = 'done'")
        assert paths(reader) == ["a"]
    assert paths(reader) == []
    reader.close()


def test_the_file_is_durable_at_commit(ledger: Ledger) -> None:
    assert table(ledger, "PRAGMA journal_mode") == [("wal",)]
    assert table(ledger, "PRAGMA synchronous") == [(2,)]  # FULL


def test_an_older_ledger_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    old = Ledger.open(path)
    old.open_scope("baoquocte", "{}")
    old.apply([add("a")])
    old.close()
    newer = (*MIGRATIONS, ("ALTER TABLE urls ADD COLUMN note TEXT", "UPDATE urls SET note = 'x'"))
    for _ in range(2):  # the second opening has nothing to do
        ledger = Ledger.open(path, migrations=newer)
        assert table(ledger, "SELECT url, note FROM urls") == [("https://baoquocte.vn/a", "x")]
        ledger.close()
    with pytest.raises(LedgerError, match="newer version"):
        Ledger.open(path)


def test_a_migration_that_fails_leaves_the_old_version(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path).close()
    with pytest.raises(sqlite3.OperationalError):
        Ledger.open(path, migrations=(*MIGRATIONS, ("ALTER TABLE urls ADD COLUMN note TEXT", "NONSENSE")))
    ledger = Ledger.open(path)
    assert "note" not in str(table(ledger, "SELECT sql FROM sqlite_master WHERE name = 'urls'"))
    ledger.close()


def test_a_ledger_with_other_canonicalisation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '0' WHERE key = 'canonicalisation'")
    db.close()
    with pytest.raises(LedgerError, match="canonicalisation"):
        Ledger.open(path)


def test_a_reader_does_not_make_a_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="opened for writing"):
        Ledger.open(tmp_path / "ledger.sqlite", read_only=True)


def test_every_look_up_uses_an_index(ledger: Ledger) -> None:
    """A scan of a big table would stop the crawl for seconds once there are millions of rows."""
    seen: list[str] = []
    ledger._db.set_trace_callback(seen.append)
    ledger.apply([add("a", channel="feed", source=""), capture("1", 1), version(1, 1), Done(1)])
    ledger.apply([ArticleSeen("baoquocte.vn:1", "2026-11-22T12:00:00Z", 1), ArticleState("baoquocte.vn:1", "live")])
    ledger.queued(HOST, 10, 0.0)
    ledger.queued_hosts()
    ledger.next_not_before(HOST, 0.0)
    ledger.recover()
    ledger.open_scope("baoquocte", "{}")
    ledger.ask_again()
    ledger.capture_of_payload("x", b"x")
    ledger.capture_of_url("x")
    ledger.latest_version("x")
    ledger._db.set_trace_callback(None)
    plans = [
        (line[3], statement)
        for statement in seen
        if statement.lstrip().split()[0] in ("SELECT", "INSERT", "UPDATE", "WITH")
        for line in ledger._db.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    big = re.compile(r"SCAN (frontier|f|urls|u|captures|versions|articles|channels)\b")
    assert len(plans) > 20
    assert [plan for plan in plans if big.search(plan[0])] == []


# --- The documentation --------------------------------------------------------------------------------------------


def test_the_documented_queries_run(ledger: Ledger) -> None:
    text = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert len(queries) == 6
    ledger.apply(
        [add("a", channel="feed", source="f"), capture("1"), version(1), version(2), Event("e", "u", "t", "gone", "j")]
    )
    taken = [SourceFound("vietnam.vn:vi:a", version(1).article_id, "text", "t", "j")]
    ledger.apply([Failed(1, "timeout"), *taken])
    ledger.start_run("job1", "{}")
    assert [len(table(ledger, query)) > 0 for query in queries] == [True] * 6


def test_the_documentation_names_every_table_and_column(ledger: Ledger) -> None:
    text = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    documented = {
        name: set(re.findall(r"`(\w+)`", row.partition("|")[0] + columns))
        for row in re.findall(r"^\| `\w+` \|.*$", text, re.MULTILINE)
        for name, columns in [(re.findall(r"`(\w+)`", row)[0], row.split("|")[2])]
    }
    names = [str(name) for (name,) in table(ledger, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in names:
        columns = {str(row[1]) for row in table(ledger, f"PRAGMA table_info({name})")}
        assert columns <= documented.get(name, set()), name


def test_counts_are_json(ledger: Ledger) -> None:
    run = ledger.start_run("job1", "{}")
    ledger.apply([RunBeat(run, {"lỗi": 1})])
    assert json.loads(str(table(ledger, "SELECT counts FROM runs")[0][0])) == {"lỗi": 1}


# --- What channels promised, for the audit --------------------------------------------------------------------------


def test_what_is_not_wanted_is_noted_and_not_queued(ledger: Ledger) -> None:
    ledger.apply([add("a", channel="sitemap", source="https://baoquocte.vn/s.xml", day="2026-11-20", wanted=False)])
    assert (paths(ledger), state(ledger, "a")) == ([], None)
    # The sitemap does not give the day again; a list that leads there wants it.
    again = add("a", channel="sitemap", source="https://baoquocte.vn/s.xml", wanted=False)
    ledger.apply([again, add("a", channel="listing", source="https://baoquocte.vn/the-gioi")])
    assert paths(ledger) == ["a"]
    assert table(ledger, "SELECT channel, source, day FROM channels ORDER BY channel") == [
        ("listing", "https://baoquocte.vn/the-gioi", None),
        ("sitemap", "https://baoquocte.vn/s.xml", "2026-11-20"),
    ]


def test_an_address_knows_the_article_that_was_read_there(ledger: Ledger) -> None:
    ledger.apply([add("a"), add("b")])
    ledger.apply([capture("1", 1), version(1, 1, section="Thế giới"), Done(1)])
    ledger.apply([capture("2", 2), ArticleSeen("baoquocte.vn:1", "2026-11-21T12:00:00Z", 2), Done(2)])
    assert table(ledger, "SELECT article_id FROM urls") == [("baoquocte.vn:1",)] * 2
    assert table(ledger, "SELECT section FROM articles") == [("Thế giới",)]


def test_an_older_ledger_learns_which_article_each_address_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path, migrations=MIGRATIONS[:3]).close()
    with sqlite3.connect(path) as old:
        old.execute("INSERT INTO urls (url_id, fingerprint, url, host, first_seen) VALUES (7, x'00', 'u', 'h', 't')")
        old.execute(
            """INSERT INTO captures (record_id, url_id, url, url_hash, file, file_offset, length, record_type,
            captured_at, run) VALUES ('r', 7, 'u', x'00', 'f', 0, 1, 'response', 't', 'j')"""
        )
        old.execute("INSERT INTO versions VALUES ('n:1', 1, 'row', 'r', 'f', 0, 1, 'd', '{}', 'P', 1, 't', 'j')")
    old.close()
    ledger = Ledger.open(path)
    assert table(ledger, "SELECT url_id, article_id FROM urls") == [(7, "n:1")]
    ledger.close()


def test_where_a_record_lies(ledger: Ledger, tmp_path: Path) -> None:
    ledger.apply([capture("a", offset=70)])
    with FileTable(tmp_path, read_only=True) as files:
        assert files.place_of("<urn:uuid:a>") == ("warc/baoquocte/a.warc.gz", 70)
        assert files.place_of("<urn:uuid:b>") is None


def test_the_role_of_a_text(ledger: Ledger) -> None:
    ledger.apply([TextKept("baoquocte.vn:1", "baoquocte", "original", (7,))])
    texts = SourceTable(ledger._db)
    assert [texts.role_of(f"baoquocte.vn:{number}") for number in (1, 2)] == ["original", None]
