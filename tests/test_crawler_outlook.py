"""The line that a run begins with."""

from __future__ import annotations

from pathlib import Path

from crawler import sqlite
from crawler.ledger import Ledger
from crawler.ledger_ops import Add, Done, RunEnd
from crawler.outlook import outlook
from crawler.urls import fingerprint


def said(folder: Path, ledger: Ledger, delay: float = 1.0) -> str:
    assert ledger.scope is not None
    db = sqlite.open_reader(folder / "ledger.sqlite")
    try:
        return outlook(db, ledger.scope, delay, 3)
    finally:
        db.close()


def test_it_goes_by_what_was(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    ledger.open_scope("baoquocte", "{}")
    assert said(tmp_path, ledger) == "No pass before to go by, 3 URLs to begin with: scrapy plan estimates a crawl"

    run = ledger.start_run("job", "{}")
    url = "https://baoquocte.vn/a"
    ledger.apply([Add(fingerprint(url), url, "baoquocte.vn", "article")])
    ledger.apply([RunEnd(run, 11, "shutdown", {"capture/count": 100, "capture/bytes": 2_000_000})])
    ledger.open_scope("baoquocte", "{}")
    assert said(tmp_path, ledger, 0.0) == "Goes on with pass 1: in the frontier 1 page, 20.0 kB, and what they lead to"

    run = ledger.start_run("job2", "{}")
    ledger.apply([Done(1), RunEnd(run, 0, "finished", {"capture/count": 3100, "capture/bytes": 4_000_000})])
    ledger.open_scope("baoquocte", "{}")
    told = said(tmp_path, ledger)
    assert told == "Expected, by pass 1: 3,200 pages, 6.0 MB, 1.00 hours at a request every 1 s"
    ledger.close()
