"""What README.md and docs/ say of commands, arguments, settings, links and the row is so."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scrapy.http import Response
from scrapy.settings import default_settings

import crawler.settings as ours
from crawler.arguments import CHOICES
from crawler.schema import row_schema
from crawler.usage import Status
from pipelines.clean import CleanPipeline
from tests.conftest import ROOT

README = ROOT / "README.md"
DOCS = [README, *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in DOCS}
ALL = "\n".join(TEXTS.values())

OWN = {name: value for name, value in vars(ours).items() if name.isupper() and not hasattr(default_settings, name)}
NOT_YET: set[str] = set()  # arguments that are accepted and have one choice so far


def code(text: str) -> str:
    """Everything that is shown as code: fenced and indented lines, and spans in backticks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.M | re.S)
    return "\n".join([*fenced, *re.findall(r"^ {4}.*$", rest, re.M), *re.findall(r"`([^`\n]+)`", rest)])


def table(text: str, first: str) -> list[list[str]]:
    """Cells of the table whose heading begins with ``first``, without heading and rule."""
    lines = iter(text.splitlines())
    next(line for line in lines if line.startswith(f"| {first} |"))
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows[1:]


def backticked(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    named = set(re.findall(r"\bmake ([a-z]+)", code(ALL)))
    assert {"demo", "test"} <= named <= targets
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    assert set(phony.split()) == targets


def test_scrapy_commands() -> None:
    run = subprocess.run([sys.executable, "-m", "scrapy", "-h"], cwd=ROOT, capture_output=True, text=True, check=True)
    known = set(re.findall(r"^  ([a-z]+) ", run.stdout, re.M))
    named = set(re.findall(r"(?:^|\s|/)scrapy ([a-z]+)", code(ALL), re.M))
    assert {"crawl", "probe", "extract"} <= named <= known


def test_modules() -> None:
    for name in set(re.findall(r"python -m ([a-z_.]+)", code(ALL))):
        assert importlib.util.find_spec(name), name


def test_spiders() -> None:
    run = subprocess.run([sys.executable, "-m", "scrapy", "list"], cwd=ROOT, capture_output=True, text=True, check=True)
    (named,) = re.findall(r"^    scrapy crawl (\w+(?: \| \w+)+)", TEXTS["README.md"], re.M)
    assert sorted(named.split(" | ")) == run.stdout.split()


def test_arguments() -> None:
    cells = [cell for cell, *_ in table(TEXTS["README.md"], "argument")]
    named = [span.partition("=")[0] for cell in cells for span in backticked(cell)]
    assert set(named) == set(CHOICES) - NOT_YET
    assert set(re.findall(r"-a ([a-z_]+)=", code(ALL))) - {"name"} <= set(CHOICES)


def test_statuses() -> None:
    assert [int(row[0]) for row in table(TEXTS["README.md"], "status")] == sorted(Status)


@pytest.mark.parametrize("name", TEXTS)
def test_settings_exist(name: str) -> None:
    known = {setting for source in (ours, default_settings) for setting in vars(source)} | {"LOG_FILE"}
    shown = code(TEXTS[name])
    named = {span for span in backticked(TEXTS[name]) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+|CONTACT", span)}
    named |= set(re.findall(r"(?:-s |setting=)([A-Z_]+)=", shown)) - {"SETTING", "NAME"}
    assert named - known - {"SSL_CERT_FILE", "BAOQUAN_CHROMIUM"} == set()


def test_the_tables_of_our_settings() -> None:
    settings = {
        backticked(name)[0]: backticked(default)[0] for name, default, _ in table(TEXTS["docs/settings.md"], "setting")
    }
    limits = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \|", TEXTS["docs/limits.md"], re.M))
    assert limits == {name: repr(getattr(ours, name)) for name in limits}
    assert {**settings, **limits}.items() >= {name: repr(value) for name, value in OWN.items()}.items()
    assert settings.keys() <= OWN.keys()


def test_the_table_of_scrapy_s_settings() -> None:
    text = TEXTS["docs/settings.md"].partition("## Scrapy's")[2]
    shown = {backticked(name)[0]: backticked(default)[0] for name, default, _ in table(text, "setting")}
    assert shown == {name: repr(getattr(ours, name)) for name in shown}


@pytest.mark.parametrize("path", DOCS, ids=TEXTS)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        file, _, heading = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        assert place.exists(), target
        assert place.is_relative_to(ROOT)
        if heading:
            assert heading in anchors(place.read_text("utf-8")), target


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCS, ids=TEXTS)
def test_files_that_are_named_exist(path: Path) -> None:
    """Paths in backticks, such as `crawler/page.py`; patterns and examples have other letters or another site."""
    named = [span for span in backticked(path.read_text("utf-8")) if re.fullmatch(r"(?:\w+/)+[\w.-]*", span)]
    folders = tuple(f"{folder}/" for folder in ("crawler", "docs", "pipelines", "spiders", "tests", "warc"))
    missing = [span for span in named if span.startswith(folders) and not (ROOT / span).exists()]
    assert [span for span in missing if "bensong_example" not in span] == []


def shown_row() -> dict[str, Any]:
    (block,) = re.findall(r"^```json\n(.*?)^```", TEXTS["README.md"], re.M | re.S)
    row: dict[str, Any] = json.loads(block)
    return row


def test_the_row_that_is_shown() -> None:
    """Texts and lists may be shortened; every key is there, in order, and of its type."""
    row = shown_row()
    jsonschema.validate(row, row_schema())
    assert list(row) == list(row_schema()["properties"])
    assert row["site"] == "baoquocte.vn"


# --- the example of a new site ------------------------------------------------------------------------------------

PAGE = """<html lang="vi"><head><title>Đò đêm</title></head><body>
<h1 class="headline">Đò đêm qua bến cũ</h1><span class="when">21/11/2026 07:30</span>
<p class="lead">Chuyến cuối rời bến khi trăng lên.</p>
<div class="story"><p>Ông lái đò buộc dây vào gốc bần.</p><div class="advert">Mua ngay</div>
<figure><img src="/do.jpg"><figcaption>Con đò cuối ngày.</figcaption></figure><p>Nước ròng, mái chèo chạm cát.</p>
<div class="same-story"><a href="/ben-bai/ben-cu-10230.html">Bến cũ</a></div></div>
<p class="writer">Lan Chi</p><p class="tags"><a href="/tag/do-dem">đò đêm</a></p></body></html>"""


@pytest.fixture(scope="module")
def example() -> types.ModuleType:
    """The module in docs/adding-a-site.md."""
    (source,) = re.findall(r"^```python\n(.*?)^```", TEXTS["docs/adding-a-site.md"], re.M | re.S)
    module = types.ModuleType("bensong_example")
    exec(compile(source, "docs/adding-a-site.md", "exec"), vars(module))
    return module


def test_the_example_reads_a_page(example: types.ModuleType) -> None:
    url = "https://m.bensong.example/doi-song/do-dem-10234.html"
    page = example.BenSongPage(Response(url, body=PAGE.encode(), headers={"Content-Type": "text/html; charset=utf-8"}))
    assert page.is_article()
    row = CleanPipeline().process_item(page.article())
    assert (row.id, row.title, row.sapo) == (
        "bensong.example:10234",
        "Đò đêm qua bến cũ",
        "Chuyến cuối rời bến khi trăng lên.",
    )
    assert row.body == "Ông lái đò buộc dây vào gốc bần.\n\nNước ròng, mái chèo chạm cát."
    assert (row.byline, row.published_at) == ("Lan Chi", "2026-11-21T07:30:00+07:00")
    assert [(image.url, image.caption) for image in row.images] == [
        ("https://m.bensong.example/do.jpg", "Con đò cuối ngày.")
    ]
    assert [tag.key for tag in row.tags] == ["do-dem"]
    assert [(link.kind, link.url) for link in page.page_links()] == [
        ("related", "https://bensong.example/ben-bai/ben-cu-10230.html"),
        ("tag", "https://bensong.example/tag/do-dem"),
    ]


def test_the_hooks_that_are_named_exist(example: types.ModuleType) -> None:
    text = TEXTS["docs/adding-a-site.md"]
    hooks = [backticked(cell)[0].partition("(")[0] for cell, _ in table(text, "hook")]
    assert len(hooks) == 6
    for name in hooks:
        assert hasattr(example.BenSong, name), name
    spider = text.partition("**Spider.**")[2].partition("\n\n")[0]
    for name in backticked(spider):
        assert hasattr(example.BenSongSpider, name.partition("(")[0]), name
