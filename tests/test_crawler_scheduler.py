"""The frontier: with a clock and commits by hand, and in real crawls that are killed."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import Request

from crawler import queues, scheduler
from crawler.capture import CaptureRef
from crawler.engine import WAKE
from crawler.ledger import Ledger
from crawler.ledger_ops import Capture, FrontierRow, HostState, Op
from crawler.politeness import Politeness
from crawler.requesting import build_request
from crawler.scheduler import LedgerScheduler
from crawler.urls import fingerprint
from crawler.visit import Found, Visit

ROOT = Path(__file__).parent.parent
SPIDER = SimpleNamespace(parse=lambda response: None, errback=lambda failure: None)
ARTICLE, LISTING, RELATED = 30, 20, 10


class Desk:
    """A scheduler whose clock, commits and downloads are moved by hand; the ledger is a real one."""

    def __init__(self, folder: Path, delay: float = 0.0, concurrency: int = 100, room: int | None = None) -> None:
        self.now, self.moves = 1000.0, 0.0
        self.room = room
        self.wakes = self.hurries = self.being_read = 0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.active: set[Request] = set()
        self.told: list[tuple[list[Op], Callable[[], None] | None]] = []
        self.counts: Counter[str] = Counter()
        self.writing = Ledger.open(folder / "ledger.sqlite", now=lambda: datetime.fromtimestamp(self.now + 1e9, UTC))
        self.reading = Ledger.open(folder / "ledger.sqlite", read_only=True)
        self.reading.scope = self.writing.open_scope("baoquocte", "{}")
        self.politeness = Politeness(delay, concurrency, random=lambda: 0.0)
        self.scheduler = LedgerScheduler(
            self.reading,
            self,
            self.politeness,
            self,
            leftovers=self.writing.recover().captured,
            room=lambda: self.room,
            count=lambda name: self.counts.update([name]),
            clock=self.clock,
            wall=lambda: self.now + 1e9,
        )
        self.scheduler.open(SPIDER)

    def clock(self) -> float:
        self.now += self.moves
        assert self.now < 1100 or not self.moves, "looked at for ever"
        return self.now

    # What the store does

    def submit(self, ops: list[Op], applied: Callable[[], None] | None = None) -> None:
        self.told.append((ops, applied))

    def end(self, visit: Visit, ops: list[Op]) -> None:
        self.told.append((ops, None))

    def hurry(self) -> None:
        self.hurries += 1

    def commit(self) -> None:
        self.tick(0)
        told, self.told = self.told, []
        self.writing.apply([op for ops, _ in told for op in ops])
        for _, applied in told:
            if applied is not None:
                applied()

    # What Scrapy and the reactor do

    def wake(self) -> None:
        self.wakes += 1

    def is_active(self, request: Request) -> bool:
        return request in self.active

    def in_hand(self) -> int:
        return self.being_read

    def from_thread(self, call: Callable[[], None]) -> None:
        call()

    def later(self, seconds: float, call: Callable[[], None]) -> Any:
        timer = (self.now + seconds, call)
        self.timers.append(timer)
        return SimpleNamespace(cancel=lambda: timer in self.timers and self.timers.remove(timer))

    def tick(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, call in due:
            call()

    def next(self) -> Request | None:
        request = self.scheduler.next_request()
        if request is not None and request.meta.get("replay") is None:
            self.active.add(request)
            request.meta["download_slot"] = "x"
        return request

    def all(self) -> list[str]:
        return [path(request) for request in iter(self.next, None)]

    # What the spider does

    def discover(self, *names: str, **more: Any) -> None:
        self.scheduler.discover([found(name, **more) for name in names])

    def respond(self, request: Request, outcome: str = "done", reason: str | None = None, links: str = "") -> None:
        self.active.discard(request)
        visit = Visit(request.meta["url_id"], request.url, request.meta["kind"], outcome=outcome, reason=reason)
        visit.found = [found(name, via=request.url) for name in links]
        self.scheduler.finish(visit)

    def states(self) -> dict[str, str]:
        query = "SELECT u.url, f.state FROM frontier f JOIN urls u ON u.url_id = f.url_id ORDER BY u.url"
        return {url.rpartition("/")[2]: state for url, state in self.writing._db.execute(query)}

    def one(self, query: str) -> Any:
        return self.writing._db.execute(query).fetchone()


def found(name: str, kind: str = "article", priority: int = 0, channel: str = "listing", **more: Any) -> Found:
    host, _, rest = name.rpartition("/")
    return Found(f"https://{host or 'h.vn'}/{rest}", kind, channel, more.pop("depth", 0), priority, **more)


def path(request: Request | None) -> str:
    return "" if request is None else request.url.rpartition("/")[2]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(**options: Any) -> Desk:
        for desk in desks:
            desk.writing.close()
        desks.append(Desk(tmp_path, **options))
        return desks[-1]

    yield make
    desks[-1].writing.close()


# --- In and out ---------------------------------------------------------------------------------------------------


def test_what_is_only_noted_is_told_once_and_queued_when_it_is_wanted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.discover("1", "1", wanted=False)
    assert not desk.scheduler.has_pending_requests()
    desk.commit()
    assert (desk.counts["scheduler/noted"], desk.counts["scheduler/seen"], desk.states()) == (1, 1, {})
    desk.discover("1")
    desk.discover("1", wanted=False)
    desk.commit()
    assert desk.all() == ["1"]


def test_a_url_is_handed_out_once_and_only_after_its_commit(make: Callable[..., Desk]) -> None:
    desk = make()
    assert not desk.scheduler.has_pending_requests()
    desk.discover("a")
    assert desk.scheduler.has_pending_requests()
    assert desk.next() is None
    desk.commit()
    assert desk.wakes == 1
    request = desk.next()
    assert path(request) == "a"
    assert desk.next() is None
    desk.commit()
    assert desk.all() == []
    assert desk.states() == {"a": "in_flight"}
    assert request is not None
    desk.respond(request)
    desk.commit()
    assert desk.all() == []
    assert desk.states() == {"a": "done"}
    assert not desk.scheduler.has_pending_requests()


def test_the_best_url_goes_first_also_when_it_comes_later(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("r", priority=RELATED)
    desk.discover("l", "m", priority=LISTING)
    desk.commit()
    assert path(desk.next()) == "l"
    desk.discover("a", priority=ARTICLE)
    desk.discover("b", priority=ARTICLE + 5)
    desk.commit()
    assert desk.all() == ["b", "a", "m", "r"]


def test_what_is_leaving_is_not_read_again(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("a", "b", "c", priority=LISTING)
    desk.commit()
    assert path(desk.next()) == "a"
    desk.tick(0)
    in_flight, desk.told = desk.told, []  # the writer takes its time with this one
    desk.discover("x", priority=ARTICLE)
    desk.commit()
    assert desk.all() == ["x", "b", "c"]
    desk.told = in_flight + desk.told
    desk.commit()
    assert desk.all() == []
    assert set(desk.states().values()) == {"in_flight"}


def test_links_come_with_the_end_of_their_page(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("a")
    desk.commit()
    request = desk.next()
    assert request is not None
    desk.commit()
    desk.respond(request, links="bc")
    (ops, _) = desk.told[0]
    assert [type(op).__name__ for op in ops] == ["Done", "Add", "Add"]
    desk.commit()
    assert desk.all() == ["b", "c"]
    assert desk.one("SELECT channel, source FROM channels WHERE source <> ''") == ("listing", "https://h.vn/a")


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        ("done", None, ("done", None)),
        ("done", "not_modified", ("done", "not_modified")),
        ("failed", "http_500", ("failed", "http_500")),
        ("failed", None, ("failed", "failed")),
        ("refused", "robots", ("refused", "robots")),
        ("redirected", "https://h.vn/b", ("redirected", "https://h.vn/b")),
        ("queued", None, ("queued", None)),
        ("captured", "max_articles", ("in_flight", None)),  # left as it is: its capture has made it captured
    ],
)
def test_the_outcome_of_a_visit_is_the_state_of_its_url(
    make: Callable[..., Desk], outcome: str, reason: str | None, expected: tuple[str, str | None]
) -> None:
    desk = make()
    desk.discover("a")
    desk.commit()
    request = desk.next()
    assert request is not None
    desk.respond(request, outcome, reason)
    desk.commit()
    assert desk.one("SELECT state, reason FROM frontier") == expected
    assert desk.scheduler.has_pending_requests() == (outcome == "queued")


def test_the_commit_is_hurried_when_nothing_else_can_be_asked(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("a")
    assert desk.next() is None
    assert desk.hurries == 1  # the seed waits for it
    desk.commit()
    page = desk.next()
    assert page is not None
    desk.respond(page, links="bc")
    assert desk.next() is None
    assert desk.hurries == 2
    desk.commit()
    first, second = desk.next(), desk.next()
    assert first is not None
    assert second is not None
    desk.respond(first, links="d")
    assert desk.next() is None
    assert desk.hurries == 2  # another page is on its way
    desk.respond(second)
    assert desk.next() is None
    assert desk.hurries == 3


def test_a_visit_without_url_state_leaves_only_its_links(make: Callable[..., Desk]) -> None:
    desk = make()
    visit = Visit(None, "https://h.vn/robots.txt", "robots", found=[found("a")])
    desk.scheduler.finish(visit)
    desk.commit()
    assert desk.states() == {"a": "queued"}


def test_the_same_news_is_told_once(make: Callable[..., Desk]) -> None:
    desk = make()
    for source in ("https://h.vn/1", "https://h.vn/1", "https://h.vn/2"):
        desk.discover("a", via=source)
    for source in ("https://h.vn/1", "https://h.vn/2"):
        desk.discover("a", via=source, channel="related")
    desk.discover("a", via="https://h.vn/1", priority=5)
    assert len(desk.scheduler._outbox._buffer) == 4
    assert desk.counts["scheduler/seen"] == 2
    desk.commit()
    assert desk.one("SELECT COUNT(*) FROM channels") == (3,)
    assert desk.all() == ["a"]


def test_every_key_of_a_request() -> None:
    seed = "https://h.vn/s"
    row = FrontierRow(
        7, b"k", "https://h.vn/a", "h.vn", "related", 2, 30, "https://h.vn/", "LR", "related", "dom", 3, 1, seed
    )
    request = build_request(row, SPIDER)  # type: ignore[arg-type]
    assert (request.url, request.callback, request.errback) == ("https://h.vn/a", SPIDER.parse, SPIDER.errback)
    assert request.dont_filter
    assert request.meta == {
        "verbatim_url": True,
        "url_id": 7,
        "frontier": row,
        "kind": "related",
        "depth": 2,
        "via": "https://h.vn/",
        "hop_path": "LR",
        "channel": "related",
        "seed": seed,
        "render": "dom",
        "retry_times": 1,
        "facts": {
            "url": "https://h.vn/a",
            "via": "https://h.vn/",
            "hopsFromSeed": "LR",
            "kind": "related",
            "channel": "related",
            "seed": seed,
            "render": "dom",
            "depth": "2",
        },
    }


# --- Pace ---------------------------------------------------------------------------------------------------------


def test_the_delay_that_an_operator_agreed_to_is_kept(make: Callable[..., Desk]) -> None:
    desk = make(delay=1.0)
    desk.writing.apply([HostState("h.vn", delay=0.25)])
    desk.discover("1", "2")
    desk.commit()
    desk.scheduler.close("finished")
    later = make(delay=1.0)
    assert later.all() == ["1"]
    later.tick(0.25)
    assert later.all() == ["2"]


def test_hosts_side_by_side_each_at_its_own_pace(make: Callable[..., Desk]) -> None:
    desk = make(delay=1.0)
    desk.discover("a.vn/1", "a.vn/2", "b.vn/3", "b.vn/4")
    desk.scheduler.set_crawl_delay("b.vn", 3.0)
    desk.commit()
    out: list[tuple[float, list[str]]] = []
    for _ in range(4):
        out.append((desk.now - 1000, desk.all()))
        desk.tick(1.0)
    assert out == [(0.0, ["1", "3"]), (1.0, ["2"]), (2.0, []), (3.0, ["4"])]


def test_the_engine_is_woken_when_the_next_host_may_be_asked(make: Callable[..., Desk]) -> None:
    desk = make(delay=2.0)
    desk.discover("1", "2")
    desk.commit()
    assert desk.all() == ["1"]
    desk.commit()
    wakes = desk.wakes
    desk.tick(1.9)
    assert desk.wakes == wakes
    desk.tick(0.1)
    assert desk.wakes == wakes + 1
    assert desk.all() == ["2"]


def test_a_better_url_waits_for_its_host_too(make: Callable[..., Desk]) -> None:
    desk = make(delay=2.0)
    desk.discover("1", "2")
    desk.commit()
    assert desk.all() == ["1"]
    desk.discover("3", priority=ARTICLE)
    desk.commit()
    assert desk.all() == []
    desk.tick(2.0)
    assert desk.all() == ["3"]


def test_a_host_gets_no_more_requests_than_it_may_have_in_flight(make: Callable[..., Desk]) -> None:
    desk = make(concurrency=2)
    desk.discover("1", "2", "3", "b.vn/4")
    desk.commit()
    assert desk.all() == ["1", "4", "2"]
    first = next(request for request in desk.active if path(request) == "1")
    desk.respond(first)
    assert desk.all() == ["3"]


def test_a_refusal_before_the_host_was_asked_costs_no_delay(make: Callable[..., Desk]) -> None:
    desk = make(delay=5.0, concurrency=1)
    desk.discover("1", "2")
    desk.commit()
    request = desk.next()
    assert request is not None
    del request.meta["download_slot"]
    desk.respond(request, "refused", "robots")
    assert desk.all() == ["2"]


def test_a_parked_host_rests_also_in_the_next_run(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("a.vn/1", "b.vn/2")
    desk.commit()
    desk.scheduler.park("a.vn", 900.0, "http_429")
    desk.commit()
    assert desk.all() == ["2"]
    assert desk.scheduler.parked() == {"a.vn": 900.0}
    desk.scheduler.close("finished")
    later = make()
    assert later.scheduler.parked() == {"a.vn": 900.0}
    assert later.all() == ["2"]  # it was in flight; "1" still rests
    later.tick(900.0)
    assert later.all() == ["1"]
    assert later.one("SELECT reason FROM hosts") == ("http_429",)


# --- Repeated, redirected, replayed -------------------------------------------------------------------------------


def test_a_fetch_to_be_repeated_waits_longer_each_time(make: Callable[..., Desk]) -> None:
    desk = make(delay=1.0)
    desk.discover("1")
    desk.commit()
    for retries, wait in [(1, 4.0), (2, 16.0)]:
        request = desk.next()
        assert request is not None
        assert request.meta["retry_times"] == retries - 1
        desk.active.clear()
        again = request.replace(priority=-1)
        again.meta["retry_times"] = retries
        desk.commit()
        assert desk.scheduler.enqueue_request(again)
        assert desk.scheduler.has_pending_requests()
        desk.commit()
        desk.tick(wait - 0.1)
        assert desk.all() == []
        assert desk.scheduler.has_pending_requests()
        wakes = desk.wakes
        desk.tick(0.1)
        assert desk.wakes == wakes + 1
    assert path(desk.next()) == "1"
    desk.commit()
    assert desk.one("SELECT state, attempts, retries FROM frontier") == ("in_flight", 3, 2)


def test_a_redirect_ends_one_url_and_adds_another(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("1", priority=ARTICLE, channel="feed", via="https://h.vn/rss", hop_path="F", depth=1)
    desk.commit()
    request = desk.next()
    assert request is not None
    desk.active.clear()
    assert desk.scheduler.enqueue_request(request.replace(url="https://h.vn/2"))
    desk.commit()
    assert desk.states() == {"1": "redirected", "2": "queued"}
    target = desk.next()
    assert target is not None
    row = target.meta["frontier"]
    assert (row.kind, row.depth, row.priority, row.via, row.hop_path) == ("article", 1, ARTICLE, request.url, "F>")
    assert desk.one("SELECT COUNT(*) FROM channels") == (1,)


def test_a_redirect_that_a_middleware_drops_still_ends_its_url(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("1")
    desk.commit()
    request = desk.next()
    assert request is not None
    desk.scheduler._continued(request.replace(url="https://elsewhere.com/2"))  # signal request_scheduled
    desk.commit()
    assert desk.one("SELECT state, reason FROM frontier") == ("redirected", "https://elsewhere.com/2")
    assert desk.all() == []


def test_a_redirect_to_a_known_page_is_not_fetched_again(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("1", "2", priority=1)
    desk.commit()
    one, two = desk.next(), desk.next()
    assert one is not None
    assert two is not None
    desk.respond(two)
    desk.scheduler.enqueue_request(one.replace(url=two.url))
    desk.commit()
    assert desk.states() == {"1": "redirected", "2": "done"}
    assert desk.all() == []
    assert not desk.scheduler.has_pending_requests()


def test_a_request_made_elsewhere_becomes_a_row(make: Callable[..., Desk]) -> None:
    desk = make()
    meta = {
        "kind": "category",
        "depth": 1,
        "priority": 4,
        "channel": "listing",
        "via": "https://h.vn/",
        "hop_path": "C",
    }
    assert desk.scheduler.enqueue_request(Request("https://h.vn/c?utm_source=x", meta=meta))
    assert not desk.scheduler.enqueue_request(Request("https://h.vn/c", meta=meta))
    assert not desk.scheduler.enqueue_request(Request("data:,x"))
    desk.commit()
    request = desk.next()
    assert request is not None
    row = request.meta["frontier"]
    assert row[1:11] == (
        *(
            fingerprint("https://h.vn/c"),
            "https://h.vn/c",
            "h.vn",
            "category",
            1,
            4,
            "https://h.vn/",
            "C",
            "listing",
            None,
        ),
    )


def test_what_an_earlier_run_has_captured_is_read_back_and_not_fetched(make: Callable[..., Desk]) -> None:
    desk = make(delay=9.0)
    desk.discover("1", "2")
    desk.commit()
    desk.next()
    capture = Capture(
        "<r>", "https://h.vn/1", "warc/a", 5, 6, "response", "2026-11-21T12:00:00Z", "j", url_id=1, status=200
    )
    desk.submit([capture])
    desk.commit()
    desk.scheduler.close("killed")
    later = make(delay=9.0)
    assert later.scheduler.has_pending_requests()
    back, fetched = later.next(), later.next()
    assert back is not None
    assert back.meta["replay"] == CaptureRef(
        "warc/a", 5, 6, "<r>", "response", "https://h.vn/1", None, "2026-11-21T12:00:00Z", 200
    )
    assert path(fetched) == "2"  # at once: nothing was asked of the host before
    later.respond(back)
    later.commit()
    assert later.states() == {"1": "done", "2": "in_flight"}


# --- Limits -------------------------------------------------------------------------------------------------------


def test_no_more_articles_are_asked_for_than_rows_may_be_written(make: Callable[..., Desk]) -> None:
    desk = make(room=2)
    desk.discover("1", "2", "3", "4", priority=ARTICLE)
    desk.discover("b.vn/list", kind="category", priority=LISTING)
    desk.commit()
    assert sorted(desk.all()) == ["1", "2", "list"]
    one, two = sorted((request for request in desk.active if path(request) != "list"), key=path)
    desk.respond(one, "failed", "timeout")  # no row came of it: another may be asked for
    wakes = desk.wakes
    assert wakes > 0
    assert desk.all() == ["3"]
    desk.room = 1
    desk.respond(two)
    assert desk.all() == []
    assert desk.scheduler.has_pending_requests()


def test_memory_holds_only_the_heads_of_the_queues(make: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "PER_HOST", 20)
    monkeypatch.setattr(queues, "IN_ALL", 60)
    desk = make()
    for number in range(400):
        desk.discover(f"{'abcd'[number % 4]}.vn/{number}")
    desk.commit()
    out = 0
    while desk.next() is not None:
        out += 1
        assert sum(len(host.rows) for host in desk.scheduler._queues._hosts.values()) <= 60
        if out % 7 == 0:
            desk.commit()
    assert out == 400


def test_nothing_is_handed_out_while_the_writer_is_far_behind(
    make: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "BACKLOG", 10)
    desk = make()
    desk.discover("1", "2")
    desk.commit()
    assert path(desk.next()) == "1"
    desk.commit()
    desk.discover(*(f"x{n}" for n in range(10)))
    assert desk.next() is None
    desk.commit()
    assert path(desk.next()) == "2"


def test_nothing_is_handed_out_while_many_pages_are_being_read(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("1")
    desk.commit()
    desk.being_read = scheduler.IN_HAND
    assert desk.next() is None
    desk.being_read -= 1
    assert path(desk.next()) == "1"


def test_what_was_told_is_handed_over_at_the_end(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.discover("1")
    desk.scheduler.close("shutdown")
    assert desk.next() is None
    (ops, applied) = desk.told[0]
    assert len(ops) == 1
    desk.writing.apply(ops)
    assert applied is not None
    applied()  # the commit is announced when the scheduler is gone
    assert desk.states() == {"1": "queued"}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("discover"), st.integers(0, 40), st.integers(0, 3)),
        st.tuples(st.just("next"), st.integers(1, 6), st.just(0)),
        st.tuples(st.just("commit"), st.just(0), st.just(0)),
        st.tuples(st.just("finish"), st.integers(0, 9), st.integers(0, 40)),
        st.tuples(st.just("repeat"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("tick"), st.integers(0, 9), st.just(0)),
    ),
    max_size=80,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_happens_each_url_is_fetched_once_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    desk = Desk(tmp_path_factory.mktemp("frontier"), delay=0.5, concurrency=3)
    known: set[str] = set()
    fetched: Counter[str] = Counter()
    repeated: Counter[str] = Counter()

    def fetch(limit: float = math.inf) -> bool:
        before = sum(fetched.values())
        while sum(fetched.values()) - before < limit and (request := desk.next()) is not None:
            fetched[path(request)] += 1
        return sum(fetched.values()) > before

    def end(which: int, link: int | None) -> None:
        request = sorted(desk.active, key=path)[which % len(desk.active)]
        desk.respond(request)
        if link is not None:
            known.add(f"{link}")
            desk.discover(f"{'abc'[link % 3]}.vn/{link}")

    for step, one, two in steps:
        if step == "discover":
            known.add(f"{one}")
            desk.discover(f"{'abc'[one % 3]}.vn/{one}", priority=two)
        elif step == "next":
            fetch(one)
        elif step == "commit":
            desk.commit()
        elif step == "tick":
            desk.tick(one / 4)
        elif step == "finish" and desk.active:
            end(one, two)
        elif step == "repeat" and desk.active:
            request = sorted(desk.active, key=path)[one % len(desk.active)]
            desk.active.discard(request)
            repeated[path(request)] += 1
            again = request.replace()
            again.meta["retry_times"] = 0
            desk.scheduler.enqueue_request(again)
    idle = 0
    while desk.scheduler.has_pending_requests() or desk.active:
        desk.commit()
        idle = 0 if fetch() else idle + 1
        assert idle < 50, "the frontier says that something is pending and never gives it"
        if desk.active:
            end(0, None)
        desk.tick(0.5)
    desk.commit()
    assert fetched == Counter(known) + repeated
    assert set(desk.states().values()) <= {"done"}
    desk.scheduler.close("finished")
    desk.writing.close()


# --- Real crawls --------------------------------------------------------------------------------------------------


REDIRECTS, STUMBLES = 7, 9  # a page that has moved to the next one; a page that answers 503 at first


def links_of(number: int, pages: int) -> list[int]:
    return [n for n in (2 * number + 1, 2 * number + 2, number // 2, 0) if n < pages]


def reachable(pages: int) -> set[str]:
    found, new = {0}, [0]
    while new:
        number = new.pop()
        links = [REDIRECTS + 1] if number == REDIRECTS else links_of(number, pages)
        new += [n for n in links if n not in found]
        found |= set(links)
    return {f"/{n}" for n in found}


class Site(ThreadingHTTPServer):
    """Pages that link to each other on loopback; counts what is asked."""

    daemon_threads = True

    def __init__(self, pages: int, wait: float) -> None:
        self.pages = pages
        self.wait = wait
        self.hits: Counter[str] = Counter()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Pages)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *args: object) -> None:
        """A killed client leaves broken connections behind."""


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.hits[self.path] += 1
        time.sleep(self.server.wait)
        number = int(self.path[1:])
        if number == REDIRECTS:
            self.send_response(302)
            self.send_header("Location", f"/{REDIRECTS + 1}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status = 503 if number == STUMBLES and self.server.hits[self.path] == 1 else 200
        body = "".join(f'<a href="/{n}">trang {n}</a> ' for n in links_of(number, self.server.pages)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


CRAWL = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
import scrapy
from scrapy.crawler import CrawlerProcess
from crawler.urls import canonical_url
from crawler.visit import Found, Visit
from tests.bench.writer import LedgerWriter

class Small(scrapy.Spider):
    name = "small"
    renders = staticmethod(lambda kind: False)

    async def start(self):
        self.crawler.engine.scheduler.discover([Found(self.first, "category", "seed", 0, 1)])
        for nothing in ():
            yield nothing

    def parse(self, response):
        meta = response.meta
        visit = Visit(meta["url_id"], response.url, meta["kind"])
        if response.status != 200:
            visit.end("failed", f"http_{response.status}")
        for href in response.css("a::attr(href)").getall():
            url = canonical_url(href, response.url)
            visit.found.append(Found(url, "category", "listing", meta["depth"] + 1, 1, response.url))
        self.crawler.engine.scheduler.finish(visit)
        return []

    def errback(self, failure):
        meta = failure.request.meta
        visit = Visit(meta["url_id"], failure.request.url, meta["kind"])
        visit.end("failed", type(failure.value).__name__)
        self.crawler.engine.scheduler.finish(visit)

folder, first = Path(sys.argv[1]), sys.argv[2]
writer = LedgerWriter(folder, "small")
scope = writer.open()
Small.archive = SimpleNamespace(store=writer, scope=scope, room=None, in_trouble=print, facts={})
process = CrawlerProcess({
    "SCHEDULER": "crawler.scheduler.LedgerScheduler",
    "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
    "ARCHIVE_DIR": str(folder),
    "ARCHIVE_DIR": str(folder),
    "HOST_DELAY": 0.0, "CRAWL_DELAY_MAX": 30.0, "CONCURRENT_REQUESTS_PER_DOMAIN": 8, "DOWNLOAD_DELAY": 0,
    "LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False,
    "ROBOTSTXT_OBEY": False, "HTTPERROR_ALLOW_ALL": True,
    "SPIDER_MIDDLEWARES": {"scrapy.spidermiddlewares.depth.DepthMiddleware": None},
    "DOWNLOADER_MIDDLEWARES": {"scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None},
})
crawler = process.create_crawler(Small)
process.crawl(crawler, first=first)
process.start()
writer.close()
stats = crawler.stats.get_stats()
print(json.dumps([stats["finish_reason"], stats.get("log_count/ERROR", 0), scope.pass_number, scope.resumed]))
"""


def start(folder: Path, site: Site) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CRAWL, str(folder), f"http://127.0.0.1:{site.server_port}/0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def finish(crawl: subprocess.Popen[str]) -> list[Any]:
    out, err = crawl.communicate(timeout=60)
    assert crawl.returncode == 0, err
    assert "Traceback" not in err
    return list(json.loads(out))


def counts(folder: Path) -> dict[str, int]:
    ledger = Ledger.open(folder / "ledger.sqlite", read_only=True)
    query = "SELECT state, COUNT(*) FROM frontier GROUP BY state"
    result = dict(ledger._db.execute(query).fetchall())
    ledger.close()
    return result


def done_paths(folder: Path) -> set[str]:
    ledger = Ledger.open(folder / "ledger.sqlite", read_only=True)
    query = "SELECT u.url FROM frontier f JOIN urls u ON u.url_id = f.url_id WHERE f.state IN ('done', 'redirected')"
    result = {"/" + url.rpartition("/")[2] for (url,) in ledger._db.execute(query)}
    ledger.close()
    return result


@pytest.mark.parametrize("passes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_crawl_visits_every_page_once_a_pass(tmp_path: Path, passes: int) -> None:
    site = Site(100, 0.0)
    assert finish(start(tmp_path, site)) == ["finished", 0, 1, False]
    assert site.hits == Counter(reachable(100)) + Counter([f"/{STUMBLES}"])
    assert counts(tmp_path)["redirected"] == 1
    assert "failed" not in counts(tmp_path)
    if passes == 2:
        site.hits.clear()
        assert finish(start(tmp_path, site)) == ["finished", 0, 2, False]
        assert site.hits == Counter(reachable(100)) + Counter([f"/{STUMBLES}"])
    site.shutdown()


@pytest.mark.parametrize("kill_at", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_a_killed_crawl_goes_on_and_fetches_nothing_that_was_done(tmp_path: Path, kill_at: int) -> None:
    site = Site(150, 0.01)
    crawl = start(tmp_path, site)
    deadline = time.monotonic() + 30
    while sum(site.hits.values()) < kill_at:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(crawl.pid, signal.SIGKILL)
    crawl.communicate()
    time.sleep(0.1)  # requests that the server is still answering
    done, before = done_paths(tmp_path), Counter(site.hits)
    assert 0 < len(done) <= kill_at + 8
    assert finish(start(tmp_path, site)) == ["finished", 0, 1, True]
    again = {page for page, number in site.hits.items() if number > before[page]}
    assert again & done == set()
    assert set(site.hits) == reachable(150)
    assert set(counts(tmp_path)) == {"done", "redirected"}
    site.shutdown()


def test_the_wake_request_reaches_nobody() -> None:
    assert WAKE.url.startswith("data:")
    assert WAKE.callback is None


def test_a_turn_that_comes_between_two_looks_at_the_clock(tmp_path: Path) -> None:
    """Ready by the later one and not by the earlier one: the host is asked next time, and nobody waits in a circle."""
    desk = Desk(tmp_path, delay=10.0)
    desk.discover("a")
    desk.commit()
    desk.politeness.answered("h.vn", desk.now - 10 + 1.5)  # its turn is in 1.5 seconds
    desk.moves = 1.0
    assert desk.next() is None
    assert desk.timers
    assert desk.all() == ["a"]


def test_a_run_does_not_wait_for_a_parked_host_of_which_nothing_is_left(make: Callable[..., Desk]) -> None:
    """What was found once more, on a page of another host, may be done already."""
    desk = make()
    desk.discover("a")
    desk.commit()
    request = desk.next()
    assert request is not None
    desk.respond(request)
    desk.scheduler.park("h.vn", 900, "http_429")
    desk.discover("a", via="https://x.vn/1")
    assert desk.scheduler.has_pending_requests()
    desk.commit()
    assert not desk.scheduler.has_pending_requests()
    desk.discover("b", via="https://x.vn/1")
    desk.commit()
    assert desk.scheduler.has_pending_requests()
    assert desk.next() is None
    desk.tick(900)
    assert desk.all() == ["b"]
