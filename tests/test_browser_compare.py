"""Is the browser needed? What ``scrapy probe --compare`` shows of a page, and what a run says of its templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browsing import BESIDE, CHROMIUM, WITH_CHROMIUM, Run, is_gone
from tests.replica.scripted import HOME, BenNoi, text_of, title_of
from tests.replica.server import Replica, running

pytestmark = WITH_CHROMIUM
NO_RULE = {"robots_rule": None}  # robots.txt stands in no record of the page


@pytest.fixture(scope="module")
def site() -> Iterator[Replica]:
    with running([BenNoi()]) as replica:
        yield replica


def test_a_page_both_ways(site: Replica, tmp_path: Path) -> None:
    run, before = Run(site, tmp_path / "archive"), len(site.requests)
    shown = run.told("probe", "--compare", "--json", f"{HOME}/bai-3.html", online=True)
    assert shown.returncode == 0, shown.stderr
    assert not run.archive.exists()
    assert is_gone(run.archive)
    found = json.loads(shown.stdout)
    assert found["url"] == f"{HOME}/bai-3.html"
    assert found["article"] == {"plain": False, "browser": True}
    assert found["fields"]["title"] == {"found_by": "both", "plain": title_of(3), "browser": title_of(3)}
    assert found["fields"]["body"]["found_by"] == "browser"
    assert [block["text"] for block in found["fields"]["body"]["browser"]] == text_of(3)
    assert "article" in found["added"]
    assert found["plain_would_do"] is False
    assert found["requests"]["refused"] == {"not_shown": 3}
    asked = {entry.url.removeprefix(HOME) for entry in site.requests[before:]}
    assert asked - BESIDE == {"/bai-3.html", "/bai-3.json", "/kieu.css", "/ma.js"}
    assert found["requests"]["asked"] == 4 + 3 + ("/favicon.ico" in asked)


def test_a_page_that_needs_no_browser(site: Replica, tmp_path: Path) -> None:
    shown = Run(site, tmp_path / "archive").told("probe", "--compare", f"{HOME}/tinh-4.html", online=True)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[1].endswith("article by plain HTTP, article in the browser")
    assert lines[-1] == "Plain HTTP would do: the browser adds nothing to this page."


def test_what_cannot_be_opened_in_a_browser(site: Replica, tmp_path: Path) -> None:
    run = Run(site, tmp_path / "archive")
    for path, said in (("khong-co.html", "404, text/plain"), ("anh-1.jpg", "200, image/jpeg")):
        shown = run.told("probe", "--compare", f"{HOME}/{path}", online=True)
        assert (shown.returncode, shown.stdout) == (1, "")
        told = f"{HOME}/{path}: {said}: only HTML with status 200 is opened in the browser"
        assert shown.stderr == f"scrapy: {told}\n"


def test_a_run_says_when_plain_http_would_do(site: Replica, tmp_path: Path) -> None:
    reports: list[list[dict[str, Any]]] = []
    for kind in ("tinh", "bai"):
        run = Run(site, tmp_path / kind, {"RENDER_SAMPLES": "2", "LOG_LEVEL": "INFO"})
        seeds = ",".join(f"{HOME}/{kind}-{number}.html" for number in range(3))
        assert run.crawl("news", f"-aseeds={seeds}", "-arender=all", "-afollow=none") == 0
        assert len(run.rows) == 3
        assert {row["permissions"]["x_robots_tag"] for row in run.rows} == {"noarchive"}
        assert {row["permissions"]["tdm_reservation"] for row in run.rows} == {"1"}
        assert run.is_sound()
        again = run.told("extract", str(run.archive), "-o", str(tmp_path / f"{kind}.jsonl"))
        assert again.returncode == 0, again.stderr
        made = [json.loads(line) for line in (tmp_path / f"{kind}.jsonl").read_text("utf-8").splitlines()]
        assert {row["row_id"]: row["permissions"] | NO_RULE for row in made} == {
            row["row_id"]: row["permissions"] | NO_RULE for row in run.rows
        }
        (report,) = (run.archive / "reports").rglob("*.json")
        reports.append(json.loads(report.read_bytes())["rendering"])
    (whole,), (scripted,) = reports
    assert (whole["rendered"], whole["compared"], whole["plain_would_do"], whole["added"]) == (3, 2, 2, {})
    assert (scripted["rendered"], scripted["compared"], scripted["plain_would_do"]) == (3, 2, 0)
    assert scripted["added"]["body"] == 2
    assert len(scripted["urls"]) == 2
    log = (tmp_path / "stderr").read_text("utf-8")
    assert f"Rendered {whole['template']}: plain HTTP would do, for all 2 compared of 3 pages" in log
    assert f"Rendered {scripted['template']}: the browser is needed for 2 of 2 compared pages (3 in all)" in log


def test_usage(tmp_path: Path, site: Replica) -> None:
    run = Run(site, tmp_path / "archive")
    (tmp_path / "page.html").write_text("<p>x")
    for arguments, said in (
        ((str(tmp_path / "page.html"), "--compare"), "--compare opens a page in the browser: name a URL, not a file"),
        ((f"{HOME}/bai-1.html", "--compare", "-sCHROMIUM=/no/such"), "CHROMIUM: /no/such is no program"),
    ):
        before = len(site.requests)
        shown = run.told("probe", *arguments, "-sCONTACT=test@example.org")
        assert (shown.returncode, shown.stdout, len(shown.stderr.splitlines())) == (2, "", 1)
        assert said in shown.stderr
        assert len(site.requests) == before
    assert CHROMIUM
