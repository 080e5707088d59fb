"""``scrapy probe`` on files, without network, and on a URL behind a small proxy of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from scrapy import cmdline
from scrapy.utils.project import get_project_settings

from tests.conftest import ROOT, without_network_settings
from tests.test_commands_extract import COFFEE, LISTING, RAIN, REFUSE_SOCKETS, SITE, article
from tests.test_crawler_replay import write_warc

PAGE = article("Mưa lớn ở Huế", "Nước sông Hương lên nhanh trong đêm qua.")


def probe(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"SCRAPY_SETTINGS_MODULE": "crawler.settings", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "scrapy", "probe", *arguments],
        cwd=folder,
        env=without_network_settings() | variables | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def probe_offline(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(REFUSE_SOCKETS)
    return probe(folder, *arguments, PYTHONPATH=f"{folder / 'site'}:{ROOT}")


def test_a_file_as_json(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(PAGE)
    run = probe_offline(tmp_path, "page.html", "--url", f"{SITE}mua-lon-7.html", "--json")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    found = json.loads(run.stdout)
    assert list(found) == ["row", "refused", "sources", "links"]
    assert found["row"]["id"] == "baoquocte.vn:7"
    assert found["row"]["published_at"] == "2026-03-05T08:00:00+07:00"
    assert found["row"]["warc"]["record_id"] is None
    assert found["refused"] is None
    assert found["sources"]["title"][0] == {"source": "selector", "value": "Mưa lớn ở Huế"}
    assert found["sources"]["published_at"][0] == {
        "source": "meta",
        "value": {
            "at": "2026-03-05T08:00:00+07:00",
            "day": "2026-03-05",
            "precision": "second",
            "text": "2026-03-05T08:00:00+07:00",
        },
    }
    assert found["sources"]["byline"] == []
    assert found["links"] == {"article": [{"url": f"{SITE}ca-phe-duoc-mua-8.html", "text": "Cà phê được mùa"}]}


def test_a_page_beyond_the_limits_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(PAGE + b"<div>" * 3_000)
    run = probe_offline(tmp_path, "page.html", "--url", f"{SITE}mua-lon-7.html")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"scrapy: {SITE}mua-lon-7.html has over 1000 elements inside each other\n"


def test_a_file_as_tables(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(PAGE)
    run = probe_offline(tmp_path, "page.html", "--url", f"{SITE}mua-lon-7.html")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0] == f"200 {SITE}mua-lon-7.html"
    assert lines[1].startswith("BaoquoctePage/")
    assert lines[1].endswith(": article")
    title = next(line for line in lines if "│ title" in line)
    assert "* │ selector │ Mưa lớn ở Huế" in title
    assert any("│ article" in line and f"{SITE}ca-phe-duoc-mua-8.html" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "title"),
    [([], "Mưa lớn ở Huế"), (["--url", f"{SITE}ca-phe-duoc-mua-8.html#a"], "Cà phê được mùa")],
)
def test_a_page_of_a_warc(tmp_path: Path, arguments: list[str], title: str) -> None:
    write_warc(tmp_path / "a.warc.gz", LISTING, RAIN, COFFEE)
    run = probe_offline(tmp_path, "a.warc.gz", "--json", *arguments)
    assert json.loads(run.stdout)["row"]["title"] == title


def test_a_listing_has_no_row_but_links(tmp_path: Path) -> None:
    write_warc(tmp_path / "a.warc.gz", RAIN, LISTING)
    run = probe_offline(tmp_path, "a.warc.gz", "--json", "--url", f"{SITE}thoi-su")
    found = json.loads(run.stdout)
    assert found["row"] is None
    assert found["refused"] is None


@pytest.mark.parametrize("arguments", [["--url", f"{SITE}khong-co-1.html"], []])
def test_a_warc_without_the_page(tmp_path: Path, arguments: list[str]) -> None:
    write_warc(tmp_path / "a.warc.gz", LISTING)
    run = probe_offline(tmp_path, "a.warc.gz", *arguments)
    assert run.returncode == 1
    assert run.stderr.startswith("scrapy: a.warc.gz holds no ")
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name one page"),
        (["a.html", "b.html"], "name one page"),
        (["none.html", "--url", SITE], "no file 'none.html'"),
        (["page.html"], "needs the address it comes from: --url URL"),
        (["page.html", "--url", "bao.example"], "--url 'bao.example' is no http or https URL"),
        (["https://"], "is no http or https URL that can be asked"),
        ([SITE, "--url", SITE], "does not go with a URL"),
        ([SITE], "CONTACT is not set, and baoquocte.vn would be asked"),
        (["page.html", "--url", SITE, "--quick"], "unknown option '--quick'"),
        (["page.html", "--url", SITE, "-s", "HOST_DELAY=x"], "HOST_DELAY='x' is not a number"),
    ],
)
def test_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    (tmp_path / "page.html").write_bytes(PAGE)
    with pytest.raises(SystemExit) as ended:
        cmdline.execute(["scrapy", "probe", *arguments], get_project_settings())
    told = capfd.readouterr()
    assert ended.value.code == 2
    assert says in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""


ANSWERS = {
    "http://baoquocte.vn/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /kin-\n"),
    "http://baoquocte.vn/cu-7.html": (301, {"Location": "/mua-lon-7.html"}, b""),
    "http://baoquocte.vn/mua-lon-7.html": (200, {"Content-Type": "text/html"}, PAGE),
}


class Proxy(BaseHTTPRequestHandler):
    """Answers for the site, as its proxy, from a table."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        status, headers, body = ANSWERS.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_url_is_fetched_and_nothing_is_kept(tmp_path: Path, proxy: ThreadingHTTPServer) -> None:
    address = f"http://127.0.0.1:{proxy.server_port}"
    contact = ("-s", "CONTACT=thu@bao.example")
    run = probe(tmp_path, "http://baoquocte.vn/cu-7.html", "--json", *contact, http_proxy=address)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    row = json.loads(run.stdout)["row"]
    assert row["title"] == "Mưa lớn ở Huế"
    assert row["url"] == "http://baoquocte.vn/mua-lon-7.html"
    assert proxy.asked[0] == "http://baoquocte.vn/robots.txt"  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_robots_txt_is_obeyed(tmp_path: Path, proxy: ThreadingHTTPServer) -> None:
    address = f"http://127.0.0.1:{proxy.server_port}"
    contact = ("-s", "CONTACT=thu@bao.example")
    run = probe(tmp_path, "http://baoquocte.vn/kin-9.html", *contact, http_proxy=address)
    assert run.returncode == 1
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert "RobotsClosed" in run.stderr
    assert proxy.asked == ["http://baoquocte.vn/robots.txt"]  # type: ignore[attr-defined]
