"""Foreign text that tries to become something else: a record, a line, a field, a part of a path, an escape sequence."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from crawler.capture import Exchange
from crawler.crawllog import CrawlLog, parse
from crawler.records import records_of
from crawler.serialize import to_line
from tests.conftest import ROOT, without_network_settings
from tests.oddserver import odd_server
from tests.test_crawler_handler import captures_in
from tests.test_crawler_loglines import RECORD
from tests.test_warc_shown import TEXT, obeyed
from tests.test_warc_writer import DATE, FIELDS, NAME
from warc.cdxj import index_lines, parse_line
from warc.reader import read_records
from warc.verify import verify
from warc.writer import WarcFile

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
# What attacks are made of: line ends, the beginnings of records and headers, escape sequences, controls, any bytes
PIECES = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\0",
        b"WARC/1.1\r\nWARC-Type: response\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b": ",
        b" ",
        b"Content-Length: 0\r\n",
        b"WARC-Truncated: length",
        b"\x1b]0;a\x07",
        b"\x1b[2J",
        b"\x9b1m",
        "\u202e".encode(),
        b"\t",
    ]
) | st.binary(max_size=12)
BYTES = st.lists(PIECES, max_size=8).map(b"".join)
TAIL = BYTES.map(lambda data: data.decode("latin-1")) | TEXT


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=TAIL, head=BYTES, body=BYTES, fact=TAIL, cipher=st.none() | st.just("TLS_AES"))
def test_one_capture_stays_one_record(
    tail: str, head: bytes, body: bytes, fact: str, cipher: str | None, tmp_path: Path
) -> None:
    """Three readers see the three records that were written, with these bytes in them, and nothing else."""
    answer = b"HTTP/1.1 200 OK\r\nX: " + head + b"\r\n\r\n" + body
    exchange = Exchange(
        url=f"https://bao.example/{tail}",
        started_at=AT,
        request=b"GET / HTTP/1.1\r\nHost: bao.example\r\n\r\n",
        response=io.BytesIO(answer),  # type: ignore[arg-type]
        cipher=cipher,
        facts={"via": fact, "seed": fact},
    )
    made = records_of(exchange, lambda digest: None)
    path = tmp_path / NAME
    path.unlink(missing_ok=True)
    file = WarcFile(path, FIELDS, date=DATE)
    file.append(made.records)
    file.close()
    kinds = ["warcinfo", *(record.type for record in made.records)]
    report = verify(path)
    assert (report.records, report.faults) == (len(kinds), [])
    ours = list(read_records(path))
    assert [record.type for record in ours] == kinds
    assert [dict(record.fields())["via"] for record in ours if record.type == "metadata"] == [
        dict(line.partition(":")[::2] for line in [f"via:{_as_field(fact)}"])["via"]
    ]
    with path.open("rb") as file_again:
        assert [record.rec_type for record in ArchiveIterator(file_again)] == kinds
    with path.open("rb") as file_again:
        fast = [
            (record.headers["WARC-Type"], record.reader.read()) for record in FastIterator(file_again, parse_http=False)
        ]
    assert [kind for kind, _ in fast] == kinds
    assert [block for _, block in fast] == [record.block for record in ours]
    for line in index_lines(path):
        assert obeyed(line.decode().removesuffix("\n")) == []
        parse_line(line)


def _as_field(text: str) -> str:
    from warc.values import one_line

    return one_line(text).strip()


@settings(deadline=None)
@given(url=TAIL, via=TAIL, mime=BYTES, reason=TAIL)
def test_one_attempt_is_one_line_of_the_crawl_log(url: str, via: str, mime: bytes, reason: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: " + mime + b"\r\n\r\n"
    facts = {"via": via, "kind": reason, "hopsFromSeed": via}
    exchange = Exchange(f"https://bao.example/{url}", AT, b"", io.BytesIO(answer), error=reason, facts=facts)  # type: ignore[arg-type]
    log = CrawlLog()
    log.attempt(exchange, records_of(exchange, lambda digest: None), "warc/a/b.warc.gz", 0)
    lines = log.take()
    log.close()
    assert lines.count(b"\n") == 1
    assert parse(lines) is not None
    assert obeyed(lines.decode().removesuffix("\n")) == []


@settings(deadline=None)
@given(key=TEXT, value=TEXT)
def test_a_line_of_json_is_one_line_to_every_reader(key: str, value: str) -> None:
    line = to_line({key: value}).decode()
    assert len(line.splitlines()) == 1
    assert isinstance(json.loads(line), dict)


# --- The real commands ----------------------------------------------------------------------------------------------

EVIL = "\x1b]0;chiếm\x07\x1b[2J\x9b1mđỏ\u202e"
FORGED = "2026-11-22 10:00:00,000 ERROR forged: line"


def scrapy(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = without_network_settings() | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:surrogateescape"}
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *command],
        cwd=cwd, env=env, capture_output=True, text=True, errors="surrogateescape", check=False, timeout=120,
    )  # fmt: skip


def page(number: int) -> bytes:
    title = f"Chợ {EVIL}\r\n{FORGED} nổi {number}"
    text = "".join(f"<p>Ghe xuồng {EVIL} số {n} về bến {number}, người mua kẻ bán đông vui.</p>" for n in range(9))
    links = f'<a href="/x{EVIL}&#10;{FORGED}-20{number}.html">đọc {EVIL}&#10;{FORGED}</a>'
    body = f"<title>{title}</title><h1>{title}</h1><b>{links}</b>{text}".encode()
    head = (
        b"HTTP/1.1 200 " + EVIL.encode() + b"\r\nContent-Type: text/html; charset=utf-8\r\nX-\x1b[31m: " + EVIL.encode()
    )
    return head + b"\r\nETag: " + EVIL.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An archive of a server that attacks with every text it sends, and the log of its crawl."""
    folder = tmp_path_factory.mktemp("injection")
    evil = EVIL.encode()
    script = {
        "/robots.txt": [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"],
        "/cho-noi-hop-tu-sang-101.html": [page(1)],
        "/cho-noi-hop-tu-sang-102.html": [
            b"HTTP/1.1 302 " + evil + b"\r\nLocation: /y" + evil + b"\rWARC-Type: x\r\nContent-Length: 0\r\n\r\n"
        ],
        "/cho-noi-hop-tu-sang-103.html": [
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + evil,
            "close",
        ],
        "/cho-noi-hop-tu-sang-104.html": [b"\x1b[2J" + evil + b"\r\n" + FORGED.encode() + b"\r\n\r\n", "close"],
    }
    with odd_server(script) as server:
        seeds = ",".join(server.url(path) for path in script if path != "/robots.txt")
        given = {"ARCHIVE_DIR": folder, "HOST_DELAY": 0, "ALLOWED_PRIVATE_HOSTS": server.address, "RETRY_TIMES": 0}
        pairs = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        run = scrapy("crawl", "news", "-a", f"seeds={seeds}", *pairs, "-s", "LOG_LEVEL=DEBUG", "-s", "STOP_GRACE=1")
    assert run.returncode == 0, run.stderr
    return folder, run.stderr


def test_the_log_of_a_crawl_holds_records_only(crawled: tuple[Path, str]) -> None:
    folder, stderr = crawled
    (copy,) = (path for path in folder.glob("logs/*/*.log") if not path.name.endswith(".crawl.log"))
    for log in (stderr, copy.read_text()):
        lines = log.split("\n")
        assert [line for line in lines if obeyed(line)] == []
        assert [line for line in lines if line and not line.startswith("    ") and not RECORD.match(line)] == []
        assert not [line for line in lines if line.startswith(FORGED[:19])]
        assert len(lines) > 10
    (crawl_log,) = folder.glob("logs/*/*.crawl.log")
    assert all(parse(line) for line in crawl_log.read_bytes().splitlines(keepends=True))


def test_the_archive_is_sound_and_its_rows_are_clean(crawled: tuple[Path, str]) -> None:
    folder, _ = crawled
    run = scrapy("verify", "-s", f"ARCHIVE_DIR={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    (rows,) = folder.glob("articles/*/*.jsonl")
    (row,) = map(json.loads, rows.read_text().splitlines())
    assert obeyed(row["title"] + row["body"].replace("\n", "")) == []
    (file,) = captures_in(folder)
    answered = {record.target_uri.rpartition("-")[2] for record in read_records(file) if record.type == "response"}
    assert answered >= {"101.html", "102.html", "103.html"}
    assert "104.html" not in answered  # no HTTP


SHOWN = {
    "history": ["history", "{url}"],
    "history --json": ["history", "{url}", "--json"],
    "new": ["new", "--since", "2020-01-01"],
    "new --json": ["new", "--since", "2020-01-01", "--json"],
    "audit": ["audit"],
    "audit --json": ["audit", "--json"],
    "drift": ["drift"],
    "verify --json": ["verify", "--json"],
    "probe": ["probe", "{warc}"],
    "probe --json": ["probe", "{warc}", "--json"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_no_command_shows_what_a_terminal_obeys(name: str, crawled: tuple[Path, str]) -> None:
    folder, _ = crawled
    (rows,) = folder.glob("articles/*/*.jsonl")
    values = {"url": json.loads(rows.read_text())["url"], "warc": str(captures_in(folder)[0])}
    run = scrapy(*(part.format(**values) for part in SHOWN[name]), "-s", f"ARCHIVE_DIR={folder}")
    assert run.stdout or name == "drift", run.stderr
    assert run.returncode in (0, 1), run.stderr
    for text in (run.stdout, run.stderr):
        assert [line for line in text.split("\n") if obeyed(line)] == []
        assert not [line for line in text.split("\n") if line.startswith(FORGED[:19])]


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_verify_names_files_of_any_name(as_json: bool, crawled: tuple[Path, str], tmp_path: Path) -> None:
    (file,) = captures_in(crawled[0])
    names = [
        b"a\nsound: 1 WARC files.warc.gz",
        b"b\x1b[2J\x07.warc.gz",
        b"c\xff\xfe.warc.gz",
        b"d\tx.warc.gz",
        b"..%2f.warc.gz",
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(file.read_bytes()[:-9])
    run = scrapy("verify", str(tmp_path), *(["--json"] if as_json else []), "-s", f"ARCHIVE_DIR={tmp_path / 'none'}")
    assert run.returncode == 1, run.stdout + run.stderr
    assert [line for line in run.stdout.split("\n") if obeyed(line.replace("\t", ""))] == []
    if as_json:
        assert len({fault["file"] for fault in json.loads(run.stdout)["faults"]}) == len(names)
    else:
        *faults, last, _ = run.stdout.split("\n")
        assert {line.count("\t") for line in faults} == {4}
        assert last.endswith("5 WARC files, 30 records") or "faults in 5 files" in last


def test_a_part_of_a_wacz_file_is_read_nowhere_but_in_a_folder_of_its_own(
    crawled: tuple[Path, str], tmp_path: Path
) -> None:
    (file,) = captures_in(crawled[0])
    wacz = tmp_path / "la.wacz"
    with zipfile.ZipFile(wacz, "w") as out:
        for name in ("archive/../../ra-ngoai.warc.gz", "archive//tmp/ra-ngoai.warc.gz", "archive/\x1b[2J\n.warc.gz"):
            out.writestr(name, file.read_bytes())
    before = set(tmp_path.parent.rglob("*ra-ngoai*"))
    run = scrapy("extract", str(wacz), "-o", str(tmp_path / "rows.jsonl"), "-s", f"ARCHIVE_DIR={tmp_path / 'none'}")
    assert run.returncode in (0, 1), run.stderr
    assert [line for line in run.stderr.split("\n") if obeyed(line)] == []
    assert set(tmp_path.parent.rglob("*ra-ngoai*")) == before
    assert (tmp_path / "rows.jsonl").read_text().count("\n") >= 1
    run = scrapy("verify", str(wacz), "-s", f"ARCHIVE_DIR={tmp_path / 'none'}")
    assert run.returncode == 1
    assert [line for line in run.stdout.split("\n") if obeyed(line.replace("\t", ""))] == []


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["-a", f"_job=../../{EVIL}"], 2),
        (["-a", "_job=../../x"], 2),
        (["-a", f"seeds=@/nowhere/{EVIL}"], 2),
        (["-a", f"seeds=http://127.0.0.1/{EVIL}", "-a", f"x{EVIL}=1"], 2),
        (["-a", "seeds=@/proc/self/mem"], 2),
    ],
    ids=["job", "path in job", "seed file", "argument", "unreadable"],
)
def test_arguments_are_told_and_never_obeyed(arguments: list[str], status: int, tmp_path: Path) -> None:
    run = scrapy("crawl", "news", *arguments, "-s", f"ARCHIVE_DIR={tmp_path}")
    assert run.returncode == status, run.stderr
    assert obeyed(run.stderr.removesuffix("\n")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_spider_of_no_such_name_is_told(tmp_path: Path) -> None:
    run = scrapy("crawl", f"../{EVIL}", "-s", f"ARCHIVE_DIR={tmp_path}")
    assert run.returncode == 2
    assert obeyed(run.stderr.removesuffix("\n")) == []


# --- The code -------------------------------------------------------------------------------------------------------

CLEANED = r"(lines_of|columns_of|json_of|as_text|as_json|schema_in|row_table)\("
# What is written elsewhere, and why nothing foreign is in it
KNOWN = {
    "crawler/usage.py": "line",  # cleaned where it is made
    "crawler/commands/audit.py": "said",
    "crawler/commands/plan.py": "said",
    "crawler/commands/extract.py": "difference",
    "crawler/commands/drift.py": r"_COLUMNS|_line\(|too few to judge",  # names of our own fields, and numbers
    "crawler/commands/replay.py": "serves",  # numbers
    "crawler/scrapyd_start.py": "Scrapyd at",  # what the caller named
}


def test_whatever_is_written_to_a_terminal_is_cleaned() -> None:
    """In the code: a new command that writes what it has found as it is shows up here."""
    found = []
    packages = ("crawler", "warc", "pipelines", "spiders")
    for path in (path for package in packages for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and re.match(r"sys\.std(out|err)(\.buffer)?\.write$", ast.unparse(node.func)):
                name, what = path.relative_to(ROOT).as_posix(), ast.unparse(node.args[0])
                allowed = f"{CLEANED}|{KNOWN[name]}" if name in KNOWN else CLEANED
                if not isinstance(node.args[0], ast.Constant) and not re.search(allowed, what):
                    found.append((name, node.lineno, what))
    assert found == []
