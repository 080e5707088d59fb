"""``scrapy export`` on an archive made by hand: what is chosen, what is left out, and what is never touched."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from crawler import crash
from crawler.items import Article, Block, Extraction, Image, Tag, WarcRef
from crawler.ledger import Ledger
from crawler.ledger_ops import Add, Capture, Done, Event, FileState, Op, Version
from crawler.lock import FolderLock
from crawler.schema import row_schema
from crawler.serialize import to_line
from crawler.tables import TABLES, arrow_schema, columns_of, duckdb_columns
from crawler.text import content_digest
from crawler.urls import fingerprint
from tests.conftest import ROOT, without_network_settings

Run = Callable[..., tuple[int, str, str]]
ROWS, LINKS = "articles/baoquocte/20261101000000-j1.jsonl", "links/baoquocte/20261101000000-j1.jsonl"
SITES = ("baoquocte.vn", "vietnam.vn")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Calls the command in this process; status, stdout, stderr."""
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cmdline.execute(["scrapy", *arguments], get_project_settings())
        told = capfd.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


class ByHand:
    """An archive to which articles are added, with their visits and links."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (ROWS, LINKS):
            (folder / name).parent.mkdir(parents=True)
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.ledger.open_scope("baoquocte", "{}")

    def article(self, number: int, version: int = 1, day: str | None = "2018-10-11", visited: int = 1) -> None:
        site = SITES[number % 2]
        url, body = f"https://{site}/bai-{number}.html", f"Thuyền về bến lần {version}."
        at, record_id = f"2026-11-{visited:02}T05:00:00Z", f"<urn:uuid:{number}-{version}>"
        row = Article(id=f"{site}:{number}", site=site, url=url, canonical_url=url, version=version, run="j1")
        row.row_id, row.title, row.body = f"{number:032x}{version:032x}", f"Kỳ {number}", body
        row.blocks, row.tags = [Block(text=body)], [Tag("lúa gạo", None, "lua-gao")] if number == 1 else []
        row.images = [Image("https://x.vn/a.jpg", alt="đò", caption="Bến cũ")]
        row.published_date, row.captured_at, row.first_captured_at = day, at, at
        row.warc, row.extraction = WarcRef("warc/a.warc.gz", 0, 9, record_id), Extraction("P/1")
        row.work_id, row.content_digest = row.id, content_digest(row.title, None, body)
        links = [{"row_id": row.row_id, "url": url, "text": None, "kind": "tag", "position": n} for n in range(3)]
        place, states = self.add_line(ROWS, asdict(row)), [self.add_line(LINKS, one) for one in links]
        url_id = self.visit(url, record_id, at)
        digest = (row.content_digest, "P", 1, at, at, "j1")
        made = Version(row.id, version, row.row_id, record_id, url, ROWS, *place, *digest, url_id=url_id)
        length = sum(states[-1])
        self.ledger.apply([made, FileState(LINKS, "links", "baoquocte", "j1", length, 1)])

    def add_line(self, name: str, value: Any) -> tuple[int, int]:
        line, file = to_line(value), self.folder / name
        offset = file.stat().st_size if file.exists() else 0
        with file.open("ab") as rows:
            rows.write(line)
        return offset, len(line)

    def visit(self, url: str, record_id: str, at: str, status: int = 200, kind: str = "response") -> int:
        self.ledger.apply([Add(fingerprint(url), url, "baoquocte.vn", "article")])
        (found,) = self.ledger._db.execute("SELECT url_id FROM urls WHERE url = ?", (url,)).fetchone()
        capture = Capture(record_id, url, "warc/a.warc.gz", 0, 9, kind, at, "j1", found, status=status)
        self.ledger.apply([capture, Done(found)])
        return int(found)

    def event(self, number: int, kind: str, status: int) -> Op:
        site, record_id = SITES[number % 2], f"<urn:uuid:{number}{kind}>"
        url, at = f"https://{site}/bai-{number}.html", "2026-11-05T05:00:00Z"
        self.visit(url, record_id, at, status)
        return Event(f"e{number}{kind}", url, at, kind, "j1", f"{site}:{number}", status, record_id)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[ByHand]:
    """Four articles of two sites, one undated, one in two versions and one gone."""
    by_hand = ByHand(tmp_path / "archive")
    for number in range(3):
        by_hand.article(number)
    by_hand.article(3, day=None, visited=2)
    by_hand.article(1, version=2, visited=4)
    by_hand.ledger.apply([by_hand.event(2, "gone", 404), by_hand.event(1, "changed", 200)])
    by_hand.visit("https://baoquocte.vn/bai-0.html", "<urn:uuid:same>", "2026-11-06T05:00:00Z", 304, "revisit")
    yield by_hand
    by_hand.ledger.close()


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every table of an export in Parquet or JSON lines, with its site."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).parts[0]
        if path.suffix == ".parquet":
            found.setdefault(name, []).extend(pq.read_table(path).to_pylist())
        elif path.suffix == ".jsonl":
            found.setdefault(name, []).extend(map(json.loads, path.read_text("utf-8").splitlines()))
    return found


def keys(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return sorted((row["id"], row["version"]) for row in rows)


ALL = [("baoquocte.vn:0", 1), ("baoquocte.vn:2", 1), ("vietnam.vn:1", 1), ("vietnam.vn:1", 2), ("vietnam.vn:3", 1)]


@pytest.mark.parametrize("name", ["parquet", "jsonl", "hf"])
def test_tables(run: Run, archive: ByHand, tmp_path: Path, name: str) -> None:
    status, out, err = run("export", "--format", name, "-o", "out")
    assert (status, out) == (0, "")
    assert err == "scrapy: 5 rows to out; events 2, checks 8\n"
    found = tables(tmp_path / "out")
    assert keys(found["articles"]) == ALL
    assert keys(found["articles_latest"]) == [key for key in ALL if key != ("vietnam.vn:1", 1)]
    assert sorted(event["kind"] for event in found["events"]) == ["changed", "gone"]
    assert [link["position"] for link in found["links"]] == [0, 1, 2] * 5
    outcomes = [check["outcome"] for check in found["checks"]]
    assert sorted(outcomes) == ["changed", "changed", "gone", "new", "new", "new", "new", "not_modified"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_folders_and_types(run: Run, archive: ByHand, tmp_path: Path) -> None:
    assert run("export", "--format", "parquet", "-o", "out")[0] == 0
    out = tmp_path / "out"
    folders = {path.parent.relative_to(out).as_posix() for path in (out / "articles").rglob("*.parquet")}
    assert folders == {
        "articles/site=baoquocte.vn/month=2018-10",
        "articles/site=vietnam.vn/month=2018-10",
        "articles/site=vietnam.vn/month=undated",
    }
    for name in TABLES:
        shipped = pa.ipc.read_schema(pa.BufferReader((out / f"schema/{name}.arrow").read_bytes()))
        assert shipped == arrow_schema(name, frozenset({"site"}))
        assert {pq.read_schema(path) == shipped for path in (out / name).rglob("*.parquet")} == {True}


def test_text_goes_out_only_when_asked(run: Run, archive: ByHand, tmp_path: Path) -> None:
    run("export", "--format", "jsonl", "-o", "ids")
    run("export", "--format", "jsonl", "-o", "all", "--full-text")
    ids, full = (tables(tmp_path / name)["articles"] for name in ("ids", "all"))
    rows = [json.loads(line) for line in (archive.folder / ROWS).read_text().splitlines()]
    assert sorted(full, key=str) == sorted(rows, key=str)
    for row, bare in zip(full, ids, strict=True):
        jsonschema.validate(bare, row_schema())
        assert list(bare) == list(row)
        assert (bare["body"], bare["blocks"], bare["images"][0]["caption"]) == (None, [], None)
        assert {key for key in row if row[key] != bare[key]} == {"body", "blocks", "images"}
    for name in ("ids", "all"):
        said = "".join(path.read_text() for path in (tmp_path / name).rglob("*") if path.is_file())
        assert ("Thuyền về bến" in said) == (name == "all")
    assert "not to be passed on.**" in (tmp_path / "all/README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        (["--latest"], [key for key in ALL if key != ("vietnam.vn:1", 1)]),
        (["--tag", "lua-gao"], [("vietnam.vn:1", 1), ("vietnam.vn:1", 2)]),
        (["--tag", "lúa gạo", "--latest"], [("vietnam.vn:1", 2)]),
        (["--since", "2026-11-02"], [("vietnam.vn:1", 2), ("vietnam.vn:3", 1)]),
    ],
)
def test_choices(run: Run, archive: ByHand, tmp_path: Path, arguments: list[str], rows: list[tuple[str, int]]) -> None:
    assert run("export", "--format", "jsonl", "-o", "out", *arguments)[0] == 0
    found = tables(tmp_path / "out")
    name = "articles_latest" if "--latest" in arguments else "articles"
    assert keys(found[name]) == rows
    assert ("articles" in found) == ("--latest" not in arguments)
    assert {link["row_id"] for link in found["links"]} == {row["row_id"] for row in found[name]}
    if "--tag" in arguments:
        assert {one["id"] for table in found.values() for one in table if "id" in one} == {"vietnam.vn:1"}


@pytest.mark.parametrize("name", ["zyte", "schema.org"])
def test_words_of_others(run: Run, archive: ByHand, tmp_path: Path, name: str) -> None:
    assert run("export", "--format", name, "-o", "out", "--latest")[0] == 0
    assert list(tables(tmp_path / "out")) == ["articles_latest"]
    first = tables(tmp_path / "out")["articles_latest"][0]
    assert (first["headline"], first["url"]) == ("Kỳ 0", "https://baoquocte.vn/bai-0.html")
    assert "articleBody" not in first


def test_the_card(run: Run, archive: ByHand, tmp_path: Path) -> None:
    run("export", "--format", "hf", "-o", "out")
    card = (tmp_path / "out/README.md").read_text()
    assert "5 versions, 4 of them the newest of their article." in card
    assert "| vietnam.vn | undated | 1 | 1 | 0% | 100% |" in card
    assert "- config_name: checks\n  data_files:\n  - split: train\n    path: checks/*.parquet\n" in card
    assert "- baoquocte.vn: done 4" in card
    croissant = json.loads((tmp_path / "out/croissant.json").read_text())
    assert [one["@id"] for one in croissant["recordSet"]] == list(TABLES)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["x"], 2, "no arguments"),
        (["--frobnicate"], 2, "unknown option"),
        (["--format", "csv"], 2, "choose from parquet, jsonl, hf, schema.org, zyte"),
        (["--format", "jsonl"], 2, "name the folder: -o DIR"),
        (["--format", "jsonl", "-o", "out", "--since", "x"], 2, "no day such as"),
        (["--format", "jsonl", "-o", "out", "--cursor", "a", "--latest"], 2, "go with a whole export alone"),
        (["--format", "jsonl", "-o", "archive"], 3, "is no export of ours: name another folder"),
        (["--format", "jsonl", "-o", "archive", "--force"], 3, "is no export of ours: name another folder"),
        (["--format", "jsonl", "-o", "file"], 3, "is no folder"),
        (["--format", "jsonl", "-o", "file/out"], 3, "is not a folder"),
        (["--format", "jsonl", "-o", "out", "-s", "ARCHIVE_DIR=x"], 2, "holds no ledger"),
    ],
)
def test_one_line_says_what_is_wrong(
    run: Run, archive: ByHand, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (tmp_path / "file").touch()
    ended, out, err = run("export", *arguments)
    assert (ended, out) == (status, "")
    assert says in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "file"]


@pytest.mark.parametrize("arguments", [("export", "--format", "parquet", "-o", "out"), ("schema", "--as", "arrow")])
def test_without_pyarrow(
    run: Run, archive: ByHand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "needs pyarrow: pip install 'bao-quan[export]'" in err
    assert len(err.splitlines()) == 1
    assert run("export", "--format", "jsonl", "-o", "out")[0] == 0


def test_an_export_is_replaced_only_when_asked(run: Run, archive: ByHand, tmp_path: Path) -> None:
    run("export", "--format", "jsonl", "-o", "out")
    status, _, err = run("export", "--format", "jsonl", "-o", "out")
    assert (status, "--force replaces it" in err) == (3, True)
    archive.article(7)
    assert run("export", "--format", "parquet", "-o", "out", "--force")[0] == 0
    assert len(tables(tmp_path / "out")["articles"]) == 6
    assert not list((tmp_path / "out").rglob("*.jsonl"))


def test_rows_that_are_not_there(run: Run, archive: ByHand, tmp_path: Path) -> None:
    (archive.folder / ROWS).unlink()
    status, _, err = run("export", "--format", "jsonl", "-o", "out")
    assert (status, "rows that are not there 5" in err) == (1, True)
    assert "rows that are not there 5" in (tmp_path / "out/README.md").read_text()


# --- Behind a cursor ------------------------------------------------------------------------------------------------


def test_a_cursor_goes_with_its_folder(run: Run, archive: ByHand, tmp_path: Path) -> None:
    lake = ("export", "--format", "parquet", "--cursor", "lake", "-o", "lake")
    assert run(*lake)[0] == 0
    assert run(*lake) == (0, "", "scrapy: nothing is new behind 7\n")
    archive.article(7)
    archive.article(7, version=2)
    assert run(*lake)[0] == 0
    found = tables(tmp_path / "lake")
    assert keys(found["articles"]) == sorted([*ALL, ("vietnam.vn:7", 1), ("vietnam.vn:7", 2)])
    assert set(found) == {"articles", "events", "links"}
    assert len(found["links"]) == 21
    assert "7 versions, 5 of them" in (tmp_path / "lake/README.md").read_text()
    archive.article(8)
    for wrong, says in (
        (("--format", "hf", "--cursor", "lake", "-o", "lake"), "was begun with format 'parquet'"),
        (("--format", "parquet", "--cursor", "lake", "-o", "pond"), "holds what cursor lake delivered up to 0"),
        (("--format", "parquet", "--cursor", "other", "-o", "lake"), "holds what cursor lake delivered up to 9"),
        ((*lake[1:], "--full-text"), "was begun with full_text False"),
    ):
        status, _, err = run("export", *wrong)
        assert (status, says in err) == (2, True), err
    with FolderLock(archive.folder, "cursor.lake", "job1"):
        assert run(*lake)[0] == 4


@pytest.mark.slow
def test_a_batch_is_there_once_whatever_is_killed(archive: ByHand, tmp_path: Path) -> None:
    """Before the cursor moves, before its first file has a name, in between, and before the last."""
    lake = ("export", "--format", "jsonl", "--cursor", "lake", "-o", str(tmp_path / "lake"))
    for number, step in enumerate(("cursor:1", "cursor:2", "cursor:5", "cursor:9"), 10):
        archive.article(number)
        command = [sys.executable, "-m", "scrapy", *lake, "-s", f"ARCHIVE_DIR={archive.folder}"]
        for kill in ({crash.VARIABLE: step}, {}):
            env = without_network_settings() | kill
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == (-signal.SIGKILL if kill else 0), done.stderr
    found = tables(tmp_path / "lake")
    added = [(f"{SITES[number % 2]}:{number}", 1) for number in range(10, 14)]
    assert keys(found["articles"]) == sorted(ALL + added)
    assert len(found["links"]) == 27
    assert not (tmp_path / "lake/.unfinished").exists()


# --- Schemas ----------------------------------------------------------------------------------------------------------


def test_schemas_have_every_column(run: Run) -> None:
    for name in TABLES:
        columns = list(columns_of(name))
        assert arrow_schema(name).names == columns
        assert [part.partition(":")[0] for part in duckdb_columns(name)[1:-1].split("', ")] == columns
        assert list(json.loads(run("schema", name)[1])["properties"]) == columns
    assert run("schema", "articles", "--as", "duckdb")[1].startswith("{schema: 'VARCHAR', row_id: 'VARCHAR'")
    assert run("schema", "pictures")[0] == run("schema", "--as", "sql")[0] == 2
