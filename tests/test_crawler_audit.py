"""The audit over ledgers written line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from crawler.audit import Selection, SiteAudit, audit
from crawler.audit_read import Address, AuditTable
from crawler.audit_text import as_json, as_text, hole_line
from crawler.certificate import Facts, certificate
from crawler.ledger import Ledger
from crawler.ledger_ops import Add, Done, Failed, Redirected, Refused, Version
from crawler.urls import fingerprint, registered_domain
from tests.conftest import ROOT, without_network_settings

HOME = "https://baoquocte.vn"
DAILY = f"{HOME}/sitemap-2026-11-20.xml"
LIST = f"{HOME}/the-gioi"


def add(name: str, channel: str, source: str, **more: object) -> Add:
    url = f"{HOME}/{name}"
    made = Add(fingerprint(url), url, "baoquocte.vn", "article", channel=channel, source=source)
    return made._replace(**more)  # type: ignore[arg-type]


class Writer:
    """A ledger whose URLs are named by the last part of their address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.ledger.open_scope("baoquocte", "{}")

    def id(self, name: str) -> int:
        row = self.ledger._db.execute("SELECT url_id FROM urls WHERE url = ?", (f"{HOME}/{name}",)).fetchone()
        return int(row[0])

    def archived(self, name: str, published: str = "2026-11-20T09:00:00+07:00", section: str = "Thế giới") -> None:
        row = ("", 0, 0, "", "P", 1, "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", "j")
        one = Version(f"n:{name}", 1, name, name, f"{HOME}/{name}", *row, {}, published, self.id(name), section)
        self.ledger.apply([one, Done(self.id(name))])

    def audit(self, chosen: Selection | None = None) -> SiteAudit:
        (site,) = self.audits(chosen)
        return site

    def audits(self, chosen: Selection | None = None) -> list[SiteAudit]:
        table = AuditTable(self.folder)
        try:
            with table.one_moment():
                return audit(table.addresses(), chosen or Selection(), registered_domain)
        finally:
            table.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path)
    yield writer
    writer.ledger.close()


def names(site: SiteAudit) -> dict[str, tuple[str, str | None]]:
    return {hole.url.rpartition("/")[2]: (hole.outcome, hole.reason) for hole, _ in site.holes}


def test_what_became_of_each_promise(writer: Writer) -> None:
    writer.ledger.apply([add(name, "sitemap", DAILY) for name in ("a", "b", "c", "d", "e", "f")])
    writer.ledger.apply([add("g", "related", "", wanted=False), add("the-gioi", "seed", "", kind="category")])
    writer.archived("a")
    moves = [Failed(writer.id("b"), "timeout"), Refused(writer.id("c"), "robots"), Failed(writer.id("d"), "http_404")]
    writer.ledger.apply([*moves, Done(writer.id("e"), "dropped_before_since")])
    site = writer.audit()
    assert names(site) == {
        "b": ("failed", "timeout"),
        "c": ("refused", "robots"),
        "f": ("queued", None),
        "g": ("not_asked", None),
    }
    whole = site.whole
    assert (whole.promised, whole.number("archived"), whole.holes, whole.number("gone")) == (7, 2, 4, 1)
    assert whole.reasons("archived") == {"dropped_before_since": 1}
    assert site.lists["sitemap", DAILY] == {"archived": 2, "failed": 1, "refused": 1, "gone": 1, "queued": 1}


def test_the_day_is_that_of_publication_else_what_a_list_says(writer: Writer) -> None:
    writer.ledger.apply([add("a", "sitemap", DAILY), add("b", "sitemap", DAILY, day="2026-11-25")])
    writer.ledger.apply([add("c", "feed", f"{HOME}/rss", day="2026-11-18"), add("d", "listing", LIST)])
    writer.archived("a", "2026-11-18T20:00:00Z")  # the 19th in Hanoi
    days = {str(day): tally.promised for day, tally in writer.audit().by_day().items()}
    assert days == {"2026-11-18": 1, "2026-11-19": 1, "2026-11-20": 1, "None": 1}
    chosen = writer.audit(Selection(since=date(2026, 11, 19)))
    assert (chosen.whole.promised, chosen.undated) == (2, 1)


def test_a_hole_is_of_the_section_that_its_list_shows(writer: Writer) -> None:
    everything = f"{HOME}/tin-moi"
    writer.ledger.apply(
        [add(name, "listing", LIST) for name in "abch"] + [add(n, "listing", everything) for n in "adeh"]
    )
    for name, section in zip("abcde", ["Thế giới"] * 3 + ["Kinh tế"] * 2, strict=True):
        writer.archived(name, section=section)
    ((hole, section),) = writer.audit().holes
    assert (hole.url, section) == (f"{HOME}/h", "Thế giới")


def test_an_address_that_leads_elsewhere_passes_on_who_named_it(writer: Writer) -> None:
    writer.ledger.apply([add("old", "related", ""), add("new", "sitemap", DAILY)])
    writer.ledger.apply([Redirected(writer.id("old"), f"{HOME}/new")])
    writer.archived("new")
    site = writer.audit()
    assert (site.whole.promised, {channel for channel, _ in site.lists}) == (1, {"sitemap", "related"})


def test_what_another_scope_has_archived_is_no_hole(writer: Writer) -> None:
    writer.ledger.apply([add("a", "sitemap", DAILY)])
    writer.ledger.apply([Failed(writer.id("a"), "timeout")])
    writer.ledger.open_scope("baoquocte", '{"seeds":["x"]}')
    writer.ledger.apply([add("a", "seed", "")])
    assert names(writer.audit()) == {"a": ("queued", None)}
    writer.archived("a")
    assert names(writer.audit()) == {}


def test_pages_of_a_list_are_one_list(writer: Writer) -> None:
    pages = [LIST, f"{LIST}&s_cond=&BRSR=15", f"{LIST}&s_cond=&BRSR=30"]
    writer.ledger.apply(
        [Add(fingerprint(page), page, "baoquocte.vn", "next_page", via=before) for before, page in pairwise(pages)]
    )
    writer.ledger.apply([add(name, "listing", page) for name, page in zip("abc", pages, strict=True)])
    assert writer.audit().lists == {("listing", LIST): {"queued": 3}}
    assert writer.audit(Selection(lists=frozenset({LIST}))).whole.promised == 3
    assert writer.audits(Selection(lists=frozenset({f"{HOME}/khac"}))) == []


def test_the_answer_is_readable_in_three_ways(writer: Writer) -> None:
    writer.ledger.apply([add(name, "sitemap", DAILY) for name in "ab"] + [add("c", "related", "", wanted=False)])
    writer.archived("a", section="<script>alert(1)</script>")
    sites = writer.audits()
    told = json.loads(json.dumps(as_json(sites)))
    (site,) = told["sites"]
    assert [(hole["url"], hole["outcome"]) for hole in site["holes"]] == [
        (f"{HOME}/b", "queued"),
        (f"{HOME}/c", "not_asked"),
    ]
    assert (site["promised"], site["archived"], site["missing"]) == (3, 1, 2)
    assert "3 article addresses promised, 1 archived (33.33 %), 2 missing" in as_text(sites)
    page = certificate(sites, Facts("/tmp/<b>", "2026-11-21T00:00:00Z", "bao-quan/0", "everything", None))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "/tmp/&lt;b&gt;" in page
    assert as_text([]) == "no article address in this selection\n"


def test_a_hole_is_a_line_that_a_crawl_takes() -> None:
    hole = Address(f"{HOME}/b", "baoquocte.vn", None, "failed", "timeout", "2026-11-20", None, ())
    assert hole_line(hole).startswith(f"{HOME}/b  # failed timeout, 2026-11-20")


# --- The command ----------------------------------------------------------------------------------------------------


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "scrapy", "audit", *arguments]
    env = without_network_settings()
    return subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["x"], 2, "audit takes no 'x'"),
        (["--frobnicate"], 2, "unknown option '--frobnicate'"),
        (["--spider", "baomoi"], 2, "unknown spider 'baomoi': choose from baoquocte"),
        (["--since", "hôm qua"], 2, "is not a day: write YYYY-MM-DD"),
        (["--since", "2026-02-02", "--until", "2026-02-01"], 2, "is after --until"),
        (["--spider", "baoquocte", "--tag", "galatasaray"], 2, "has no number"),
        (["-o", "/no/such/folder/a.html"], 3, "name a file that can be written"),
        (["-s", "ARCHIVE_DIR=/no/such/folder"], 2, "holds no ledger"),
    ],
)
def test_usage(
    arguments: list[str],
    status: int,
    said: str,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    where = [] if "-s" in arguments else ["-s", f"ARCHIVE_DIR={writer.folder}"]
    with pytest.raises(SystemExit) as ended:
        cmdline.execute(["scrapy", "audit", *arguments, *where], get_project_settings())
    told = capfd.readouterr()
    assert (ended.value.code, told.out) == (status, "")
    assert len(told.err.splitlines()) == 1
    assert said in told.err


def test_the_command(writer: Writer, tmp_path: Path) -> None:
    writer.ledger.apply([add(name, "sitemap", DAILY) for name in "ab"])
    writer.archived("a")
    out, holes = tmp_path / "audit.html", tmp_path / "holes.txt"
    run = command("--json", "-o", str(out), "--holes", str(holes), "-s", f"ARCHIVE_DIR={writer.folder}")
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["sites"][0]["missing"] == 1
    assert holes.read_text("utf-8") == f"{HOME}/b  # queued, 2026-11-20: sitemap {DAILY}\n"
    assert "no file is closed yet" in out.read_text("utf-8")


def test_a_fill_that_is_refused_passes_its_status_on(writer: Writer) -> None:
    writer.ledger.apply([add("a", "sitemap", DAILY)])
    run = command("--fill", "-s", f"ARCHIVE_DIR={writer.folder}")
    assert run.returncode == 2
    assert "CONTACT is not set" in run.stderr
    assert "1 missing" in run.stdout
