"""``scrapy extract`` as a process, with sockets refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from tests.conftest import ROOT, without_network_settings
from tests.test_crawler_replay import response, write_warc
from warc.reader import read_at

REFUSE_SOCKETS = """
import socket
def refuse(*_):
    raise AssertionError("a socket was opened")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = socket.getaddrinfo = refuse
"""
SITE = "https://baoquocte.vn/"


def article(title: str, body: str) -> bytes:
    return f"""<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title>
<meta property="article:published_time" content="2026-03-05T08:00:00+07:00"></head><body>
<h1 class="article-detail-title">{title}</h1><div class="article-detail-desc">Tóm tắt của {title}.</div>
<div class="__MASTERCMS_CONTENT"><p>{body}</p></div>
<a href="/ca-phe-duoc-mua-8.html">Cà phê được mùa</a></body></html>""".encode()


RAIN = response(article("Mưa lớn ở Huế", "Nước sông Hương lên nhanh trong đêm qua."), url=f"{SITE}mua-lon-7.html")
COFFEE = response(article("Cà phê được mùa", "Nông dân Đắk Lắk vào vụ thu hoạch."), url=f"{SITE}ca-phe-duoc-mua-8.html")
LISTING = response(b"<html><body><h1>Th\xe1\xbb\x9di s\xe1\xbb\xb1</h1></body></html>", url=f"{SITE}thoi-su")
EMPTY = response(b"<html><body><h1>Trang n\xc3\xa0y</h1></body></html>", url=f"{SITE}trang-nay-9.html")
ROBOTS = ("response", f"{SITE}robots.txt", [("Content-Type", "text/plain")], b"User-agent: *\n", {})
REVISIT = (
    "revisit",
    f"{SITE}mua-lon-7.html",
    [("Content-Type", "text/html")],
    b"",
    {"WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"},
)


def extract(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "sitecustomize.py").write_text(REFUSE_SOCKETS)
    environment = without_network_settings() | {
        "SCRAPY_SETTINGS_MODULE": "crawler.settings",
        "PYTHONPATH": f"{folder / 'site'}:{ROOT}",
    }
    command = [sys.executable, "-m", "scrapy", "extract", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)


def rows(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_rows_from_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "archive" / "warc" / "baoquocte"
    folder.mkdir(parents=True)
    rain = write_warc(folder / "1.warc.gz", ROBOTS, LISTING, RAIN, REVISIT, EMPTY)
    write_warc(folder / "2.warc.gz.open", COFFEE)
    alone = write_warc(tmp_path / "alone.warc.gz", COFFEE)
    run = extract(tmp_path, "archive", "alone.warc.gz", "-o", "out/rows.jsonl")
    assert run.returncode == 0, run.stderr
    assert run.stdout == b""
    assert run.stderr.decode() == ("scrapy: 2 rows from 5 pages in 2 files, to out/rows.jsonl; no article 3\n")
    first, second = rows((tmp_path / "out" / "rows.jsonl").read_bytes())
    assert (first["title"], second["title"]) == ("Mưa lớn ở Huế", "Cà phê được mùa")
    assert (first["id"], second["id"]) == ("baoquocte.vn:7", "baoquocte.vn:8")
    assert first["body"] == "Nước sông Hương lên nhanh trong đêm qua."
    assert first["published_at"] == "2026-03-05T08:00:00+07:00"
    assert first["captured_at"] == first["first_captured_at"] == "2026-03-05T01:02:03Z"
    assert first["warc"]["file"] == "warc/baoquocte/1.warc.gz"
    assert second["warc"]["file"] == "alone.warc.gz"
    record = read_at(rain, first["warc"]["offset"])
    assert record.record_id == first["warc"]["record_id"]
    assert record.target_uri == f"{SITE}mua-lon-7.html"
    assert len(first["row_id"]) == 64
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rows.jsonl"]
    assert read_at(alone, second["warc"]["offset"]).length == second["warc"]["length"]


def test_rows_to_stdout(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN)
    run = extract(tmp_path, "a.warc.gz", "-o", "-")
    assert run.returncode == 0
    assert [row["title"] for row in rows(run.stdout)] == ["Mưa lớn ở Huế"]
    assert run.stderr == b"scrapy: 1 row from 1 page in 1 file, to stdout\n"


def test_a_site_that_no_spider_knows(tmp_path: Path) -> None:
    kind, _, *rest = RAIN
    write_warc(tmp_path / "a.warc.gz", (kind, "https://bao.example/mua-lon-o-hue-7.html", *rest), COFFEE)
    run = extract(tmp_path, "a.warc.gz", "-o", "-")
    pages = {row["id"]: row["extraction"]["page"].partition("/")[0] for row in rows(run.stdout)}
    assert pages["baoquocte.vn:8"] == "BaoquoctePage"
    assert pages["bao.example:mua-lon-o-hue-7.html"] != "BaoquoctePage"


def test_the_named_sites_page_is_taken_for_every_host(tmp_path: Path) -> None:
    kind, _, headers, body, further = RAIN
    write_warc(tmp_path / "a.warc.gz", (kind, "https://web.example/mua-lon-7.html", headers, body, further))
    run = extract(tmp_path, "a.warc.gz", "-o", "-", "--spider", "baoquocte")
    assert [row["extraction"]["page"].partition("/")[0] for row in rows(run.stdout)] == ["BaoquoctePage"]


def test_a_damaged_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN, COFFEE)
    (tmp_path / "a.warc.gz").write_bytes((tmp_path / "a.warc.gz").read_bytes()[:-9])
    write_warc(tmp_path / "b.warc.gz", response(b"x", ("Content-Encoding", "gzip"), url=f"{SITE}hong-6.html"), COFFEE)
    run = extract(tmp_path, "a.warc.gz", "b.warc.gz", "-o", "rows.jsonl")
    assert run.returncode == 1
    assert "Cà phê được mùa" in [row["title"] for row in rows((tmp_path / "rows.jsonl").read_bytes())]
    assert b"a.warc.gz" in run.stderr
    assert b"hong-6.html" in run.stderr
    assert b"damaged files 1, unreadable 1" in run.stderr


def test_an_output_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN)
    run = extract(tmp_path, "a.warc.gz", "-o", "/dev/full")
    assert run.returncode == 3
    assert run.stderr.decode() == "scrapy: -o /dev/full: No space left on device; nothing was replaced\n"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "name WARC files"),
        (["a.warc.gz"], 2, "name the output: -o FILE"),
        (["no.warc.gz", "-o", "x"], 2, "no file or folder 'no.warc.gz'"),
        (["empty", "-o", "x"], 2, "empty holds no *.warc or *.warc.gz file"),
        (["a.warc.gz", "-o", "x", "--spider", "baomoi"], 2, "unknown spider 'baomoi': choose from"),
        (["a.warc.gz", "-o", "x", "--fast"], 2, "unknown option '--fast'"),
        (["a.warc.gz", "-o"], 2, "expected one argument"),
        (["a.warc.gz", "-o", "a.warc.gz/x"], 3, "is not a folder; name a file that can be written"),
    ],
)
def test_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    write_warc(tmp_path / "a.warc.gz", RAIN)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        cmdline.execute(["scrapy", "extract", *arguments], get_project_settings())
    told = capfd.readouterr()
    assert ended.value.code == status
    assert says in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""
    assert not (tmp_path / "x").exists()
