"""Reports for people: every figure is the JSON's, nothing foreign is markup, nothing is loaded, a phone shows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crawler.came import Came, coverage_section, happened_section, published
from crawler.crawllog import Tally
from crawler.ledger_runs import Run, RunTable
from crawler.pace import BINS, HOSTS, OTHERS, SLOWEST, Pace
from crawler.report import Ended, report_of
from crawler.report_html import document, link, plain, shown, text
from crawler.report_page import page_of
from crawler.runfacts import as_json
from crawler.verifying import check_archive
from tests.conftest import ROOT, without_network_settings
from tests.replaying import CHROMIUM, SEALED
from tests.smallpaper import HOST, Printer, SmallPaper, printing
from tests.test_replay import SCREENS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What a hostile paper may call its articles; each stands in a page's title and headline.
HOSTILE = (
    "<script>document.title='đã chạy'</script>",
    "</title></style><img src=http://127.0.0.1:9/a onerror=\"document.title='đã chạy'\">",
    "</bdi></td></table><iframe src='http://127.0.0.1:9/b'></iframe>",
    "'\"><svg onload=document.title='đã chạy'>",
    "Đảo chữ \u202egnơưhp auq\u202c và \u2066trái\u2069 \x9b31m",
    "&lt;b&gt; &amp;amp; &#60;i&#62; {{7*7}} ${7*7} %s %n",
    "javascript:document.title='đã chạy'",
    "Dài " + "rất " * 400 + "dài",
    "Không" + "dấucách" * 120,
)


class HostilePaper(SmallPaper):
    """A paper whose first articles have such titles."""

    def __init__(self, articles: int) -> None:
        super().__init__(articles)
        for url, title in zip(list(self.articles), HOSTILE, strict=False):
            page = re.sub(r"<script.*?</script>", "", self.articles[url].decode(), flags=re.S)
            own = re.findall(r"<h1>(.*?)</h1>", page)[0]
            self.articles[url] = page.replace(own, escape(title)).encode()


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with printing(HostilePaper(14), tmp_path_factory) as one:
        yield one


@pytest.fixture(scope="module")
def archive(printer: Printer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs; the first ends at its limit."""
    archive = tmp_path_factory.mktemp("pages") / "báo <nhỏ>"
    assert printer.crawl(*printer.command, "-a", "max_articles=4", archive=archive).status == 11
    assert printer.crawl(*printer.command, archive=archive).status == 0
    return archive


def command(archive: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "scrapy", "report", "-s", f"ARCHIVE_DIR={archive}", *arguments]
    env = without_network_settings()
    return subprocess.run(whole, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


class Figures(HTMLParser):
    """What a page shows: figures with their places in the JSON, tags, addresses that it could load."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.figures: list[tuple[str, str, str]] = []
        self.tags: set[str] = set()
        self.loaded: list[str] = []
        self._open: list[str] | None = None
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self.loaded += [
            name for name in values if name in ("src", "srcset", "style", "poster") or name.startswith("on")
        ]
        if tag == "data":
            self._open = [values["data-at"] or "", values["value"] or "", ""]

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open[2] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "data" and self._open is not None:
            self.figures.append((self._open[0], self._open[1], self._open[2]))
            self._open = None


def at(report: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901)."""
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        report = report[int(key)] if isinstance(report, list) else report[key]
    return report


def check_figures(figures: list[tuple[str, str, str]], report: Any) -> None:
    assert len(figures) > 40
    for pointer, exact, told in figures:
        value = at(report, pointer)
        assert exact == str(value), pointer
        assert told in {shown(value, unit) for unit in ("", "bytes", "ms", "s")}, pointer


def pages(archive: Path) -> list[tuple[Path, Any]]:
    found = sorted((archive / "reports").glob("*/*.html"))
    return [(page, json.loads(page.with_suffix(".json").read_bytes())) for page in found]


# --- What stands in them ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_run_has_its_page_and_stands_in_the_index(archive: Path) -> None:
    found = pages(archive)
    assert len(found) == 2
    index = (archive / "reports" / "index.html").read_text("utf-8")
    for page, report in found:
        assert f'href="{page.relative_to(archive / "reports").as_posix()}"' in index
        check_figures(Figures(page.read_bytes()).figures, report)
    assert "báo &lt;nhỏ&gt;" in index


@pytest.mark.slow
def test_what_matters_is_shown(archive: Path) -> None:
    """Of each part of the report that holds figures, all of them but a run's file list stand on the page."""
    for page, report in pages(archive):
        shown_at = {pointer for pointer, _, _ in Figures(page.read_bytes()).figures}
        wanted = {
            "/came/rows",
            "/came/new",
            "/came/changed",
            "/attempts/count",
            "/attempts/bytes",
            "/left",
            "/disk/free",
        }
        wanted |= {f"/came/by_channel/{name}" for name in report["came"]["by_channel"]}
        wanted |= {f"/attempts/by_status/{status}" for status in report["attempts"]["by_status"]}
        wanted |= {f"/not_fetched/{reason}" for reason in report["not_fetched"]}
        wanted |= {f"/politeness/hosts/{HOST}/{name}" for name in ("attempts", "mean_gap", "most_in_a_minute")}
        assert wanted <= shown_at


@pytest.mark.slow
def test_the_second_report_knows_the_first(archive: Path) -> None:
    (_, first), (_, second) = pages(archive)
    assert first["before"] == []
    (line,) = second["before"]
    assert (line["job"], line["status"], line["rows"]) == (first["run"]["job"], 11, first["came"]["rows"])
    assert (first["came"]["rows"], first["came"]["new"]) == (4, 4)


@pytest.mark.slow
def test_nothing_foreign_is_markup(archive: Path) -> None:
    titles = set()
    for page, report in pages(archive):
        titles |= {row["title"] for row in report["came"]["articles"]}
        figures = Figures(page.read_bytes())
        assert not figures.tags & {"script", "iframe", "img", "object", "embed", "link", "form", "base", "input"}
        assert figures.loaded == []
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page.read_text("utf-8"))
    assert sum("đã chạy" in (title or "") for title in titles) >= 4  # the titles did come through


@pytest.mark.slow
def test_pages_are_derived(archive: Path) -> None:
    """verify knows of none of them, and the command makes them again, the same."""
    from scrapy.utils.project import get_project_settings

    before = {page: page.read_bytes() for page in (archive / "reports").rglob("*.html")}
    assert b".html" not in (archive / "MANIFEST.jsonl").read_bytes()
    for page in before:
        page.unlink()
    run = command(archive)
    assert (run.returncode, run.stderr) == (0, "")
    assert {archive / line for line in run.stdout.splitlines()} == set(before)
    assert {page: page.read_bytes() for page in before} == before
    assert not check_archive(archive, get_project_settings(), workers=1).findings


@pytest.mark.slow
def test_the_command(archive: Path, tmp_path: Path) -> None:
    (page, report), _ = pages(archive)
    one = command(archive, report["run"]["job"])
    assert one.stdout.splitlines()[0] == page.relative_to(archive).as_posix()
    told = command(archive, report["run"]["job"], "--json")
    assert json.loads(told.stdout) == report
    for arguments, said in (
        (["gặt"], "no run 'gặt' in this archive: the last ones are"),
        (["--html"], "unknown option"),
    ):
        run = command(archive, *arguments)
        assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
        assert said in run.stderr
    assert "holds no ledger" in command(tmp_path).stderr
    assert not list(tmp_path.iterdir())


def test_an_older_report_and_parts_that_are_not_known() -> None:
    ended = Ended(Run("j1", "bao", 1, "{}", "2026-11-22T02:10:00Z", counts={"rows": 3}), {}, Tally(), [], [])
    whole = json.loads(as_json(report_of(ended)))
    older = {key: whole[key] for key in ("run", "asked", "attempts", "not_fetched", "left", "counts", "files", "cut")}
    older |= {
        "schema": "report/1",
        "manifest": {"before": None, "after": None},
        "drift": {"quarantined": 0, "alarms": []},
    }
    del older["attempts"]["slowest"], older["attempts"]["rhythm"]
    assert b"killed" in page_of(older) or b"going on" in page_of(older)
    more = whole | {"samples": {"asked": 7, "<b>": ["x", None, {"a": 1.5}], "none": {}}, "word": "<i>", "nothing": []}
    page = page_of(more)
    assert b"Samples" in page
    assert b"<b>" not in page
    assert b"<i>" not in page
    assert {("/samples/asked", "7", "7"), ("/samples/<b>/2/a", "1.5", "1.5")} <= set(Figures(page).figures)


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#x27;"),
        ("\0\t\n\x1b", "␀␉␊␛"),
        ("\x7f\x9b\u200b\u202e\u2028\ud800", "[U+007F][U+009B][U+200B][U+202E][U+2028][U+D800]"),
        ("x" * 500, "x" * 400 + "…"),
        (None, "None"),
    ],
)
def test_text(given: object, seen: str) -> None:
    assert plain(given) == seen
    assert text(given) == f"<bdi>{seen}</bdi>"
    document("t", text(given)).decode()


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//a.example/", "file:///etc/passwd", ""]
)
def test_only_web_addresses_are_links(address: str) -> None:
    assert "<a " not in link(address)
    assert '<a href="https://a.example/?a=&quot;&amp;b"' in link('https://a.example/?a="&b', "chữ")


# --- What they are counted from -----------------------------------------------------------------------------------


def line(number: int, host: str = "a.example", status: str = "200", took: int = 5) -> list[str]:
    time = f"2026-11-22T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    notes = f"kind:article,offset:8,ms:{took}"
    return [time, status, "100", f"https://{host}/{number}", "L", "-", "text/html", "-", "a.warc.gz", notes]


def test_pace() -> None:
    pace = Pace()
    for number in range(0, 40_000, 2):
        pace.count(line(number, took=number % 7919, status="429" if number == 100 else "200"))
    host = pace.hosts["a.example"]
    assert (host.attempts, host.bytes, host.most, host.refusals["429"]) == (20_000, 2_000_000, 30, 1)
    assert (host.last - host.first) / (host.attempts - 1) == 2.0
    rhythm = pace.rhythm()
    assert sum(rhythm["attempts"]) == 20_000
    assert sum(rhythm["bytes"]) == 2_000_000
    assert BINS / 2 <= len(rhythm["attempts"]) <= BINS
    slowest = [one["ms"] for one in pace.slowest()]
    assert len(slowest) == SLOWEST
    assert slowest == sorted(slowest, reverse=True)
    assert slowest == sorted((number % 7919 for number in range(0, 40_000, 2)), reverse=True)[:SLOWEST]


def test_any_number_of_hosts() -> None:
    pace = Pace()
    for number in range(HOSTS * 3):
        pace.count(line(number, host=f"h{number}.example"))
    assert len(pace.hosts) == HOSTS + 1
    assert pace.hosts[OTHERS].attempts == HOSTS * 2
    assert Pace().rhythm() == {"step": 1, "begin": None, "attempts": [], "bytes": []}


def test_published() -> None:
    recent = {f"2026-11-{day:02}": 5 for day in range(1, 31)}
    assert published(recent)["unit"] == "day"
    assert published({**recent, "2009-01-05": 1})["earlier"] == 1
    assert published({f"{year}-06-01": 1 for year in range(2022, 2027)})["unit"] == "month"
    by_year = published({f"{year}-06-01": 1 for year in range(2001, 2027)})
    assert (by_year["unit"], len(by_year["counts"])) == ("year", 26)
    assert published({}) == {"unit": "day", "counts": {}, "earlier": 0, "undated": 0}


def test_lines_that_are_no_rows() -> None:
    came = Came()
    came.read_rows([b"{\n", b"[]\n", b'{"kind":"article"}\n', b"\xff\n"])
    came.read_events([b"null\n", b'{"kind":"gone","url":"https://a.example/1"}\n'])
    assert (came.rows, coverage_section(came)) == (0, {})
    assert happened_section(came) == {"gone": {"count": 1, "examples": ["https://a.example/1"]}}


@pytest.mark.slow
def test_runs_by_month(archive: Path) -> None:
    with RunTable(archive) as table:
        (second, first) = table.between("", "~")
        assert table.between(first.started_at[:7], first.started_at[:7] + "~") == [second, first]
        assert table.between("1999-01", "1999-02") == []
        assert table.before("news", second.started_at, 10) == [first]


# --- A browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"no {CHROMIUM}: apt-get install -y chromium")
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*SEALED, *sandbox])
        yield browser
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width", "scheme"), [("desktop", 1280, "light"), ("phone", 390, "dark")])
def test_in_a_browser(archive: Path, browser: Browser, name: str, width: int, scheme: Any) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    index = archive / "reports" / "index.html"
    for number, (file, report) in enumerate([*pages(archive), (index, None)]):
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        page = context.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda message, said=said: said.append(message.text))
        page.goto(file.as_uri())
        page.wait_for_load_state("networkidle")
        page.screenshot(path=SCREENS / f"report-{name}-{number}.png", full_page=True)
        assert asked == [file.as_uri()]
        assert said == []  # a breach of the policy would be told here
        assert "đã chạy" not in page.title()
        assert page.evaluate("document.scripts.length") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 14
        if report is not None:
            figures = page.evaluate(
                "[...document.querySelectorAll('data')]"
                ".map(d => [d.dataset.at, d.attributes.value.value, d.textContent])"
            )
            check_figures([tuple(one) for one in figures], report)
            titles = [row["title"] for row in report["came"]["articles"]]
            for title in titles:
                assert " ".join(title.split())[:30].split("\u202e")[0] in page.inner_text("body")
        context.close()
