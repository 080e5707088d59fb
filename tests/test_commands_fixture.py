"""``scrapy fixture``: from a WARC of ours to a site's fixture, in a project of its own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, without_network_settings
from tests.test_commands_extract import SITE, article
from tests.test_crawler_replay import response, write_warc

PAGE = article("Mưa lớn ở Huế", "Nước sông Hương lên nhanh trong đêm qua.")
RAIN = f"{SITE}mua-lon-7.html"
LIST = '<html><body><h1>Thế giới</h1><a href="/ca-phe-8.html">Cà phê được mùa</a></body></html>'.encode()
NEWER = article("Mưa lớn ở Huế", "Nước sông Hương đã rút.")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with an archive of two visits to an article and one to a list."""
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = crawler.settings\n")
    (tmp_path / "archive" / "warc").mkdir(parents=True)
    zipped = ("Content-Encoding", "gzip")
    write_warc(
        tmp_path / "archive" / "warc" / "b.warc.gz",
        response(PAGE, url=RAIN, **{"WARC-Date": "2026-03-05T01:00:00Z"}),
        response(LIST, url=f"{SITE}the-gioi"),
    )
    write_warc(
        tmp_path / "archive" / "warc" / "a.warc.gz",
        response(gzip.compress(NEWER), zipped, url=RAIN, **{"WARC-Date": "2026-03-06T01:00:00Z"}),
    )
    return tmp_path


def fixture(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {"PYTHONPATH": str(ROOT), "SCRAPY_SETTINGS_MODULE": "crawler.settings"}
    return subprocess.run(
        [sys.executable, "-m", "scrapy", "fixture", *arguments, "-s", "ARCHIVE_DIR=archive"],
        cwd=project,
        env=without_network_settings() | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_article_and_a_list(project: Path) -> None:
    run = fixture(project, RAIN)
    assert (run.returncode, run.stderr) == (0, "")
    folder = project / "tests" / "fixtures" / "baoquocte_vn"
    assert run.stdout.startswith(f"{folder / 'article.html'}\n")
    assert (folder / "article.html").read_bytes() == NEWER  # the newest capture, decoded, byte for byte
    assert fixture(project, f"{SITE}the-gioi").returncode == 0
    assert (folder / "listing.html").read_bytes() == LIST
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    assert expected["checked"] is False
    assert expected["article"]["url"] == RAIN
    assert expected["article"]["item"]["title"] == "Mưa lớn ở Huế"
    assert expected["article"]["item"]["blocks"] == [["paragraph", "Nước sông Hương đã rút.", None, None]]
    assert not {"warc", "row_id", "captured_at", "run"} & set(expected["article"]["item"])
    assert len(expected["article"]["item"]) >= 20
    assert "article" in expected["listing"]["links"]
    assert expected["listing"]["next_page"] is None


def test_a_folder_of_its_own_and_no_second_time(project: Path) -> None:
    assert fixture(project, RAIN, "--site", "bensong_example").returncode == 0
    file = project / "tests" / "fixtures" / "bensong_example" / "article.html"
    before = file.stat().st_mtime_ns
    again = fixture(project, RAIN, "--site", "bensong_example")
    assert (again.returncode, again.stdout) == (2, "")
    assert "is there already" in again.stderr
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([f"{SITE}khong-co-9.html"], 1, "no capture of"),
        ([], 2, "name one page"),
        (["trang chủ"], 2, "name one page"),
        ([RAIN, "--site", "../etc"], 2, "no name for a folder"),
    ],
)
def test_one_line_where_it_cannot(project: Path, arguments: list[str], status: int, said: str) -> None:
    run = fixture(project, *arguments)
    assert (run.returncode, run.stdout) == (status, "")
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (project / "tests").exists()
