"""Rows and exports in the tools that people read them with: every snippet of docs/data.md runs, in two time zones."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import smallpaper
from tests.changing import LIST, ChangingPaper, Press, address, article, listing
from tests.conftest import ROOT, Crawler, ReplicaProcess, without_network_settings
from tests.peers import peer
from tests.replica.server import running

pytestmark = pytest.mark.slow
TEXT = (ROOT / "docs" / "data.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
ZONES = ("UTC", "Asia/Ho_Chi_Minh")
TABLES = ("articles", "articles_latest", "events", "links", "checks")


def scrapy(folder: Path, *arguments: str) -> bytes:
    """Run it on the archive in the folder; its stdout."""
    command = [sys.executable, "-m", "scrapy", *arguments, "-s", f"ARCHIVE_DIR={folder / 'archive'}"]
    done = subprocess.run(
        command, cwd=ROOT, env=without_network_settings(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def python(folder: Path, code: str, zone: str = "UTC") -> str:
    """Run code where the tools are; what it prints."""
    env = without_network_settings() | {
        "TZ": zone,
        "HF_HOME": str(folder / zone.replace("/", "-")),
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [peer("python3"), "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:] + code
    return done.stdout


def printed_at(number: int) -> str:
    """An article of the night: in UTC it is of the day before."""
    page = article(number).replace("2016-03-05T08:00:00+07:00", f"2016-03-{1 + number % 28:02}T00:30:00+07:00")
    return page.replace("</body>", f'<nav><a href="{LIST}">Văn hóa</a></nav></body>')


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of two sites and three runs, first and second versions and events; its schemas and exports."""
    folder = tmp_path_factory.mktemp("data")
    paper, log = ChangingPaper(("baoquocte.vn", "bensong.example")), folder / "requests.jsonl"
    with running([paper], log=log) as replica:
        crawler = Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), tmp_path_factory)
        crawl_papers(Press(paper, replica, crawler, folder / "archive"))
    for language in ("duckdb", "arrow"):
        (folder / f"articles.{language}").write_bytes(scrapy(folder, "schema", "articles", "--as", language))
    scrapy(folder, "export", "--format", "parquet", "--full-text", "-o", str(folder / "export"))
    scrapy(folder, "export", "--format", "hf", "--latest", "-o", str(folder / "rice"))
    for name in ("hf", "jsonl", "schema.org", "zyte"):
        scrapy(folder, "export", "--format", name, "--full-text", "-o", str(folder / name))
    return folder


def crawl_papers(press: Press) -> None:
    numbers = range(1, 9)
    for number in numbers:
        press.paper.put(address(number), printed_at(number))
    press.paper.put(LIST, listing([address(number) for number in numbers]))
    press.crawl()
    press.paper.put(address(1), printed_at(1).replace("Thuyền về bến", "Thuyền rời bến"))
    del press.paper.pages[address(2)]
    press.crawl("-a", "recrawl=all")
    others = [f"https://bensong.example/mua-gat-{number}.html" for number in range(3)]
    for number, url in enumerate(others):
        press.paper.put(url, smallpaper.page(number).decode())
    run = press.crawler("news", "-a", f"seeds={','.join(others)}", "-a", "follow=article", archive=press.archive)
    assert run.status == 0, run.stderr[-3000:]


def rows(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "archive/articles").rglob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def by_day(folder: Path) -> dict[str, int]:
    return dict(Counter(row["published_date"] for row in rows(folder)))


def test_the_rows_are_what_the_test_needs(data: Path) -> None:
    found = rows(data)
    assert {row["version"] for row in found} == {1, 2}
    assert len({row["run"] for row in found}) == 3
    assert {row["site"] for row in found} == {"baoquocte.vn", "bensong.example"}
    assert all(row["videos"] == [] and row["translation_of"] is None for row in found)
    assert any(row["published_at"][:10] == row["published_date"] for row in found)
    kinds = [json.loads(line)["kind"] for file in (data / "archive/events").rglob("*.jsonl") for line in file.open()]
    assert sorted(kinds) == ["changed", "gone"]


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippets_say_the_same_in_every_zone(data: Path, number: int) -> None:
    here, there = (python(data, SNIPPETS[number], zone) for zone in ZONES)
    assert here == there
    if "published_date" in SNIPPETS[number]:
        last = ast.literal_eval(here.splitlines()[-1])
        days = dict(last)
        wanted = by_day(data)
        if "DISTINCT id" in SNIPPETS[number]:
            wanted = dict(Counter(row["published_date"] for row in rows(data) if row["version"] == 1))
        assert days == wanted


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq")
def test_jq(data: Path) -> None:
    (command,) = re.findall(r"^```sh\n(.*?)^```", TEXT, re.M | re.S)
    done = subprocess.run(["sh", "-c", command], cwd=data, capture_output=True, text=True, timeout=60, check=True)
    counts = {day: int(count) for count, day in map(str.split, done.stdout.splitlines())}
    assert counts == by_day(data)


ALL_TOOLS = """
import glob, sys, duckdb, pandas, polars, pyarrow as pa, pyarrow.dataset, pyarrow.json, pyarrow.parquet
from datasets import Dataset, load_dataset
schema = pa.ipc.read_schema(pa.BufferReader(open("articles.arrow", "rb").read()))
columns = open("articles.duckdb").read()
for files in SUBSETS:
    table = f"read_json({files}, format = 'newline_delimited', columns = {columns})"
    found = {
        duckdb.sql(f"SELECT * FROM {table}").fetchall().__len__(),
        sum(pa.json.read_json(f, parse_options=pa.json.ParseOptions(explicit_schema=schema,
            unexpected_field_behavior="error")).cast(schema).num_rows for f in files),
        polars.scan_ndjson(files, schema=polars.from_arrow(schema.empty_table()).schema).collect().height,
        len(pandas.concat(pandas.read_json(f, lines=True, dtype=False, convert_dates=False) for f in files)),
        len(Dataset(pa.concat_tables(pa.json.read_json(f, parse_options=pa.json.ParseOptions(explicit_schema=schema))
            for f in files))),
    }
    print(len(found), found.pop())
for table in TABLES:
    path = f"export/{table}"
    found = {
        pandas.read_parquet(path).shape,
        polars.read_parquet(path).shape,
        pyarrow.dataset.dataset(path, partitioning="hive").to_table().shape,
        pyarrow.parquet.read_table(path).shape,
        tuple(map(len, (duckdb.sql(f"SELECT * FROM '{path}/**/*.parquet'").fetchall(),
            duckdb.sql(f"SELECT * FROM '{path}/**/*.parquet'").columns))),
    }
    with_site = load_dataset("hf", table, split="train")
    print(len(found), found.pop()[0] - len(with_site))
    wanted = pa.ipc.read_schema(pa.BufferReader(open(f"export/schema/{table}.arrow", "rb").read()))
    assert all(pyarrow.parquet.read_schema(f).equals(wanted) for f in glob.glob(f"{path}/**/*.parquet", recursive=True))
"""


def test_any_subset_of_files_in_every_tool(data: Path) -> None:
    """One file of each kind alone and all together; an export's files have the types that it ships."""
    archive = data / "archive/articles"
    files = [path.relative_to(data).as_posix() for path in sorted(archive.rglob("*.jsonl"))]
    only_new = data / "first.jsonl"
    only_new.write_text("".join(json.dumps(row) + "\n" for row in rows(data)[:1]))
    second = data / "second.jsonl"
    second.write_text("".join(json.dumps(row) + "\n" for row in rows(data) if row["version"] == 2))
    subsets = [[one] for one in files] + [files, ["first.jsonl"], ["second.jsonl"], ["second.jsonl", files[0]]]
    code = f"SUBSETS, TABLES = {subsets}, {TABLES}\n{ALL_TOOLS}"
    told = [tuple(map(int, line.split())) for line in python(data, code).splitlines()]
    lengths = [sum(len((data / file).read_text().splitlines()) for file in subset) for subset in subsets]
    assert told == [(1, length) for length in lengths] + [(1, 0)] * len(TABLES)


VALIDATED = """
import glob, json
import mlcroissant, zyte_common_items
for file in glob.glob("zyte/articles/**/*.jsonl", recursive=True):
    for line in open(file):
        item = zyte_common_items.Article.from_dict(json.loads(line))
        assert not item._unknown_fields_dict and item.articleBody and item.headline, line
        print("item")
for folder in ("export", "hf"):
    dataset = mlcroissant.Dataset(jsonld=f"{folder}/croissant.json")
    assert not dataset.metadata.issues.errors, dataset.metadata.issues.report()
    for records in dataset.metadata.record_sets:
        print(records.uuid, len(list(dataset.records(records.uuid))))
"""


def test_other_people_s_formats(data: Path) -> None:
    told = Counter(python(data, VALIDATED).splitlines())
    assert told.pop("item") == len(rows(data))
    assert {line.split()[0] for line in told} == set(TABLES)
    assert told[f"articles {len(rows(data))}"] == 2
    for file in (data / "schema.org/articles").rglob("*.jsonl"):
        for line in file.read_text("utf-8").splitlines():
            value = json.loads(line)
            assert value["@type"] == "NewsArticle"
            assert set(value) <= NEWS_ARTICLE, set(value) - NEWS_ARTICLE


# Properties of schema.org/NewsArticle and what it inherits (schema.org 29), as far as rows can fill them.
NEWS_ARTICLE = {
    *("@context", "@id", "@type", "abstract", "alternativeHeadline", "articleBody", "articleSection", "author"),
    *("dateModified", "datePublished", "headline", "identifier", "image", "inLanguage", "isBasedOn", "keywords"),
    *("publisher", "sdDatePublished", "translationOfWork", "translator", "url", "version", "video"),
}
