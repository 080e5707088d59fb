"""What a run says of itself: whole after every end and every kill, equal to what happened, without secrets."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import threading
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scrapy.utils.project import get_project_settings

from crawler import crash
from crawler.arguments import Arguments
from crawler.crawllog import Tally, parse
from crawler.evidence_check import check_report
from crawler.ledger import Ledger
from crawler.ledger_runs import Run
from crawler.metawarc import CLOSING, OPENING
from crawler.report import PARTS, Ended, report_of
from crawler.runfacts import RunFacts, seeds_of
from crawler.store import Store
from crawler.verifying import check_archive
from spiders.vietnam_vn import VietnamSpider
from tests.conftest import Crawl
from tests.smallpaper import Printer, SmallPaper, printing
from tests.test_commands_verify import run
from warc.cdxj import index_lines
from warc.reader import read_records
from warc.verify import verify
from warc.writer import is_meta

SECRET = "Hoa-Gao-77"


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with printing(SmallPaper(12), tmp_path_factory) as one:
        yield one


@pytest.fixture(scope="module")
def crawled(printer: Printer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Crawl]:
    """Two runs in one archive; the first ends at its limit."""
    archive = tmp_path_factory.mktemp("evidence") / "archive"
    settings = {"MAIL_PASS": SECRET, "OPERATOR": "Thư viện Sông Trầm", "COLLECTION": "Báo nhỏ", "LOG_LEVEL": "DEBUG"}
    first = printer.crawl(*printer.command, "-a", "max_articles=5", archive=archive, settings=settings)
    assert first.status == 11, first.stderr
    assert printer.crawl(*printer.command, archive=archive).status == 0
    return archive, first


@pytest.fixture
def archive(crawled: tuple[Path, Crawl], tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(crawled[0], tmp_path / "archive"))


def metas(archive: Path) -> list[Path]:
    return sorted(path for path in archive.rglob("*.warc.gz") if is_meta(path.name))


def parts_of(meta: Path) -> dict[str, bytes]:
    """The parts of a run's evidence, each of which stands there once."""
    info, *records = read_records(meta)
    assert info.type == "warcinfo"
    names = [record.target_uri.rpartition(":")[2] for record in records]
    assert names == [*OPENING, *CLOSING]
    assert {record.type for record in records} == {"resource"}
    return dict(zip(names, (record.block for record in records), strict=True))


def lines_of(archive: Path) -> list[list[str]]:
    values = [parse(line) for path in sorted(archive.rglob("*.crawl.log")) for line in path.open("rb")]
    return [line for line in values if line is not None and len(values)]


def reports_of(archive: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(archive.rglob("reports/*/*.json"))]


def rules(archive: Path) -> set[str]:
    return {finding.rule for finding in check_archive(archive, get_project_settings(), workers=1).findings}


# --- What stands there --------------------------------------------------------------------------------------------


def test_a_run_tells_of_itself(crawled: tuple[Path, Crawl]) -> None:
    archive, first = crawled
    meta, _ = metas(archive)
    assert verify(meta)
    parts = parts_of(meta)
    assert json.loads(parts["arguments"])["max_articles"] == 5
    assert json.loads(parts["settings"])["LOG_LEVEL"] == "DEBUG"
    assert json.loads(parts["seeds"])["asked_first"][0]["kind"] == "category"
    assert {"Scrapy-2.19.0", "warcio-1.8.1"} <= {
        line.replace("scrapy-", "Scrapy-") for line in json.loads(parts["packages"])
    }
    assert parts["log"].decode() in first.stderr.replace(SECRET, "(left out)")
    assert "Spider opened" in parts["log"].decode()
    for part, pattern in (("crawl-log", "logs/*/*.crawl.log"), ("report", "reports/*/*.json")):
        assert parts[part] == sorted(archive.glob(pattern))[0].read_bytes()


def test_no_secret_stands_anywhere(crawled: tuple[Path, Crawl]) -> None:
    archive, first = crawled
    assert SECRET in first.stderr  # Scrapy tells it
    for path in archive.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert all(SECRET.encode() not in block for meta in metas(archive) for block in parts_of(meta).values())


def test_a_line_an_attempt_and_a_line_for_each_that_was_left(crawled: tuple[Path, Crawl], printer: Printer) -> None:
    archive, _ = crawled
    lines = lines_of(archive)
    attempts = [line for line in lines if line[8] != "-"]
    assert Counter(line[3] for line in attempts) == Counter(entry.url for entry in printer.replica.requests)
    assert {line[1] for line in attempts} == {"200"}
    left = [line for line in lines if line[8] == "-"]
    assert {(line[1], line[9]) for line in left} == {("-5003", "max_articles")}
    assert {line[3] for line in left} == set(printer.paper.articles) - {line[3] for line in attempts[:7]}


def test_the_report(crawled: tuple[Path, Crawl]) -> None:
    archive, _ = crawled
    first, second = reports_of(archive)
    assert (first["run"]["status"], first["run"]["reason"], first["left"]) == (11, "max_articles", 7)
    assert (second["run"]["status"], second["run"]["reason"], second["left"]) == (0, "finished", 0)
    assert first["attempts"]["count"] == first["counts"]["captures"] == 7
    assert first["counts"]["rows"] == 5
    assert first["not_fetched"] == {"max_articles": 7}
    assert first["manifest"]["before"] is None
    lines = {line["path"]: line for line in map(json.loads, (archive / "MANIFEST.jsonl").read_bytes().splitlines())}
    number = int(first["manifest"]["after"].split()[0])
    assert [line["path"] for line in lines.values()][:number] == [file["path"] for file in first["files"]]
    assert all(lines[file["path"]]["sha256"] == file["sha256"] for file in (*first["files"], *second["files"]))
    assert int(second["manifest"]["before"].split()[0]) == number + 2  # its report and its meta WARC


def test_a_part_more_is_a_function_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.report.PARTS", {**PARTS, "pages": lambda ended: ended.run.counts.get("rows")})
    ended = Ended(Run("j1", "bao", 1, "{}", "2026-11-22T02:10:00Z", counts={"rows": 3}), {}, Tally(), [], [])
    assert report_of(ended)["pages"] == 3


@pytest.mark.parametrize(("schema", "accepted"), [("report/3", False), ("report/2", True), ("report/4", False)])
def test_a_report_with_fewer_parts_has_an_older_number(schema: str, accepted: bool, tmp_path: Path) -> None:
    whole = report_of(Ended(Run("j1", "bao", 1, "{}", "2026-11-22T02:10:00Z"), {}, Tally(), [], []))
    path = tmp_path / "j1.json"
    path.write_text(json.dumps(whole), "utf-8")
    assert not check_report(path, path.name).findings
    path.write_text(json.dumps({key: whole[key] for key in whole if key != "rendering"} | {"schema": schema}), "utf-8")
    assert bool(check_report(path, path.name).findings) != accepted


def test_every_warcinfo_says_who_and_how(crawled: tuple[Path, Crawl]) -> None:
    archive, _ = crawled
    first_job = reports_of(archive)[0]["run"]["job"]
    for path in archive.rglob("*.warc.gz"):
        info, *records = read_records(path)
        fields = dict(info.fields())
        assert {record.get("WARC-Warcinfo-ID") for record in records} == {info.record_id}
        assert {"software", "code-digest", "robots", "hostname", "http-header-user-agent", "scope"} <= fields.keys()
        if fields["job"] == first_job:
            assert (fields["operator"], fields["isPartOf"]) == ("Thư viện Sông Trầm", "Báo nhỏ")
        else:
            assert (fields["operator"], fields["isPartOf"]) == (fields["contact"], "archive")
            assert "manifest-head" in fields


def test_names_of_tags_are_resolved() -> None:
    spider = VietnamSpider(tags="gia-lua-gao", languages="vi,en")
    seeds = seeds_of(spider)
    assert seeds["tags"] == {"gia-lua-gao": [spider.tag_url("gia-lua-gao", "vi"), spider.tag_url("gia-lua-gao", "en")]}
    assert {seed["kind"] for seed in seeds["asked_first"]} == {"tag"}


@pytest.mark.slow
def test_other_commands_know_what_it_is(archive: Path) -> None:
    assert rules(archive) == set()
    assert all(list(index_lines(meta)) == [] for meta in metas(archive))
    done = run("index", archive.parent)
    assert done.returncode == 0, done.stderr
    assert len(list(archive.rglob("*.cdxj"))) == len(list(archive.rglob("warc/*/*.warc.gz"))) - 2
    assert run("wacz", archive.parent, "-o", "tin.wacz").returncode == 0
    checked = run("verify", archive.parent, "tin.wacz")
    assert checked.returncode == 0, checked.stdout
    names = zipfile.ZipFile(archive.parent / "tin.wacz").namelist()
    assert sum(name.endswith("-meta.warc.gz") for name in names) == 2
    assert sum(name.startswith("logs/news-") for name in names) == 4
    assert sum(name.startswith("reports/news-") for name in names) == 2


def test_a_rebuilt_ledger_knows_the_files(archive: Path) -> None:
    (archive / "ledger.sqlite").unlink()
    done = run("rebuild", archive.parent)
    assert done.returncode == 0, done.stderr
    assert rules(archive) == set()
    with sqlite3.connect(archive / "ledger.sqlite") as ledger:
        files = ledger.execute("SELECT path, run FROM files WHERE path LIKE '%-meta.warc.gz'").fetchall()
    assert sorted(run for _, run in files) == sorted(report["run"]["job"] for report in reports_of(archive))


# --- Changed afterwards -------------------------------------------------------------------------------------------


def put_right(archive: Path) -> None:
    """Forget the manifest, so that only the evidence itself can tell."""
    (archive / "MANIFEST.jsonl").unlink()
    (archive / "ledger.sqlite").unlink()


@pytest.mark.parametrize(
    ("pattern", "change", "rule"),
    [
        ("logs/*/*.crawl.log", lambda data: data.partition(b"\n")[2], {"evidence", "crawl-log"}),
        ("logs/*/*.crawl.log", lambda data: data + data.partition(b"\n")[0] + b"\n", {"evidence", "crawl-log"}),
        ("logs/*/*.crawl.log", lambda data: data.replace(b" 200 ", b" 2 00 ", 1), {"evidence", "crawl-log"}),
        ("logs/*/*[0-9a-f].log", lambda data: data.replace(b"INFO", b"WARN", 1), {"evidence"}),
        ("reports/*/*.json", lambda data: data.replace(b'"left"', b'"right"'), {"evidence", "report"}),
        ("reports/*/*.json", lambda data: data[:-9], {"evidence", "report"}),
        ("warc/*/*-meta.warc.gz", lambda data: data[: data.rindex(b"\x1f\x8b\x08")], {"evidence"}),
    ],
)
def test_what_was_changed_is_found(archive: Path, pattern: str, change: Any, rule: set[str]) -> None:
    put_right(archive)
    path = next(
        path for path in sorted(archive.glob(pattern)) if not path.name.endswith(".crawl.log") or "crawl" in pattern
    )
    path.write_bytes(change(path.read_bytes()))
    assert rules(archive) - {"manifest-head"} == rule


def test_another_run_s_evidence_is_none(archive: Path) -> None:
    put_right(archive)
    one, two = metas(archive)
    two.unlink()
    one.rename(two)
    assert {"evidence", "filename"} <= rules(archive)


# --- After kills --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(["row:5", "evidence:2"], marks=pytest.mark.slow),
        *(pytest.param([step], marks=pytest.mark.slow) for step in ("commit:2", "row:9", "rename:1")),
        *(pytest.param([f"evidence:{times}"], marks=pytest.mark.slow) for times in (1, 2, 3)),
    ],
    ids="-".join,
)
def test_no_run_without_evidence(steps: list[str], printer: Printer, tmp_path: Path) -> None:
    for step in steps:
        killed = printer.crawl(*printer.command, archive=tmp_path, env={crash.VARIABLE: step})
        assert killed.status == -signal.SIGKILL, killed.stderr[-2000:]
    assert printer.crawl(*printer.command, archive=tmp_path).status == 0
    assert list(tmp_path.rglob("*.open")) == []
    assert rules(tmp_path) == set()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as ledger:
        jobs = [job for (job,) in ledger.execute("SELECT job FROM runs")]
        (captures,) = ledger.execute("SELECT COUNT(*) FROM captures").fetchone()
    found = [parts_of(meta) for meta in metas(tmp_path)]
    assert sorted(json.loads(parts["report"])["run"]["job"] for parts in found) == sorted(jobs)
    assert len(jobs) == len(steps) + 1
    settings = [json.loads(parts["settings"]) for parts in found]
    assert all(one.get("ARCHIVE_DIR") == str(tmp_path) or "unknown" in one for one in settings)
    assert sum("unknown" in one for one in settings) == (steps[-1] == "commit:2" or len(steps) > 1)
    assert sum(line[8] != "-" for line in lines_of(tmp_path)) == captures


@pytest.mark.slow
def test_a_run_that_was_killed_says_so(printer: Printer, tmp_path: Path) -> None:
    killed = printer.crawl(*printer.command, archive=tmp_path, env={crash.VARIABLE: "row:9"})
    assert killed.status == -signal.SIGKILL
    assert printer.crawl(*printer.command, archive=tmp_path).status == 0
    first, second = reports_of(tmp_path)
    assert (first["run"]["reason"], first["run"]["status"], first["left"]) == ("killed", None, None)
    assert first["attempts"]["count"] + second["attempts"]["count"] == sum(
        line[8] != "-" for line in lines_of(tmp_path)
    )
    assert [cut["path"] for cut in first["cut"]] == [cut["path"] for cut in second["cut"]] != []
    assert all(first["run"]["job"] in cut["path"] and cut["bytes"] > 0 for cut in first["cut"])


def facts(settings: dict[str, Any]) -> RunFacts:
    return RunFacts({"max_articles": 3}, settings, {"asked_first": []})


def store(folder: Path, job: str, target_size: int = 10**9) -> Store:
    info = {"software": "bao-quan/0", "job": job}
    return Store(folder, Arguments("bao", job), info, target_size, facts=facts({"A": job}))


def test_a_run_that_was_killed_before_it_could_say_anything(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    ledger.open_scope("bao", '{"spider":"bao"}')
    ledger.start_run("mot", '{"spider":"bao"}')
    ledger.close()
    second = store(tmp_path, "hai")
    second.open()
    assert second.close("finished", {}).result(10).left == 0
    one, two = (parts_of(meta) for meta in metas(tmp_path))
    if json.loads(one["report"])["run"]["job"] == "hai":
        one, two = two, one
    assert json.loads(one["arguments"])["scope"] == {"spider": "bao"}
    assert "unknown" in json.loads(one["settings"])
    assert json.loads(one["report"])["run"]["reason"] == "killed"
    assert json.loads(two["settings"]) == {"A": "hai"}
    assert rules(tmp_path) == set()


def test_trouble_leaves_it_to_the_next_run(tmp_path: Path) -> None:
    first = store(tmp_path, "mot")
    first.open()
    in_the_way = tmp_path / "logs"
    first.submit([])
    in_the_way.write_bytes(b"")
    first.log(b"mot dong\n")
    with pytest.raises(Exception, match="logs"):
        first.close("finished", {}).result(10)
    in_the_way.unlink()
    second = store(tmp_path, "hai")
    second.open()
    second.close("finished", {}).result(10)
    reports = {report["run"]["job"]: report["run"] for report in reports_of(tmp_path)}
    assert (reports["mot"]["status"], reports["mot"]["reason"]) == (3, "output_trouble")
    assert reports["hai"]["status"] == 0
    assert len(metas(tmp_path)) == 2
    assert rules(tmp_path) == set()


@pytest.mark.slow
def test_a_large_log_goes_through_in_pieces(tmp_path: Path) -> None:
    one = store(tmp_path, "mot")
    one.open()
    piece = b"".join(b"dong %d\n" % number for number in range(100_000))
    for _ in range(40):
        one.log(piece)
        done = threading.Event()
        one.submit([], done.set)
        assert done.wait(20)
    tracemalloc.start()
    one.close("finished", {}).result(60)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (log,) = tmp_path.rglob("*.log")
    assert log.stat().st_size == 40 * len(piece) > 40_000_000
    assert peak < 8_000_000
    assert parts_of(metas(tmp_path)[0])["log"] == log.read_bytes()
