"""Signs of life: metrics for Prometheus, a webhook that nobody waits for, logs for programs, a disk that fills."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crawler.disk import Room, disk_line, disk_section, room_of
from crawler.logevents import EVENTS, JsonLines, event
from crawler.metrics import METRICS, Now, metrics_text, write_metrics
from crawler.webhook import SIGNALS, TRIES, WAITING, Webhook
from tests.conftest import ROOT, without_network_settings
from tests.replica.server import Answer, Request
from tests.smallpaper import Printer, SmallPaper, check_all, printing
from tests.test_output_trouble import MEGABYTE, mounted
from tests.test_readme import backticked, table
from warc.verify import verify


class SternPaper(SmallPaper):
    """A paper that answers the third article with 429."""

    def respond(self, request: Request) -> Answer:
        if request.url == list(self.articles)[2]:
            return Answer(429, "Too Many Requests", [("Retry-After", "600")], b"")
        return super().respond(request)


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printer]:
    with printing(SternPaper(6), tmp_path_factory) as one:
        yield one


@dataclass
class Hook:
    """A web server that notes what it is told, and answers with these statuses, the last one for ever."""

    statuses: list[int]
    told: list[dict[str, Any]] = field(default_factory=list)
    hold: threading.Event | None = None  # no answer before it is set
    url: str = ""


@contextmanager
def hook(*statuses: int, hold: threading.Event | None = None) -> Iterator[Hook]:
    one = Hook(list(statuses) or [204], hold=hold)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one.told.append(json.loads(body) | {"type": self.headers["Content-Type"]})
            if one.hold is not None:
                one.hold.wait(30)
            self.send_response(one.statuses.pop(0) if len(one.statuses) > 1 else one.statuses[0])
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}/đích?token=bi-mat-7".replace("đ", "d").replace("í", "i")
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()


# --- The webhook ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "asked", "failed"),
    [((204,), 1, 0), ((500, 503, 200), 3, 0), ((500,), TRIES, 1), ((302,), TRIES, 1), ((404,), TRIES, 1)],
)
def test_tries_are_bounded(
    statuses: tuple[int, ...], asked: int, failed: int, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    with hook(*statuses) as one:
        webhook = Webhook(one.url, {"archive": "/a"}, sleep=pauses.append)
        webhook.send("host_parked", "bao.example được để yên", host="bao.example", seconds=900)
        webhook.close()
    assert (len(one.told), webhook.failed, webhook.sent) == (asked, failed, 1 - failed)
    assert len(pauses) == asked - 1
    told = one.told[0]
    assert told.pop("at").endswith("Z")
    assert told == {
        **{"schema": "signal/1", "event": "host_parked", "text": "bao.example được để yên", "archive": "/a"},
        **{"host": "bao.example", "seconds": 900, "type": "application/json"},
    }
    assert "bi-mat-7" not in caplog.text
    assert ("was not told" in caplog.text) == bool(failed)


def test_nobody_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    held = threading.Event()
    with hook(hold=held) as one:
        webhook = Webhook(one.url, {})
        began = time.monotonic()
        for _ in range(WAITING + 5):
            webhook.send("drift", "trang đổi mẫu")
        thread = webhook._thread
        webhook.close(0.3)
        assert time.monotonic() - began < 3
        assert webhook.failed >= 4
        held.set()
        webhook.close(30)
        assert thread is not None
        thread.join(30)  # the first close may have given up on it: it must not go on beside other tests
        assert not thread.is_alive()
    assert "has not answered" in caplog.text or "waiting already" in caplog.text
    silent = Webhook(None, {})
    silent.send("drift", "không ai nghe")
    silent.close()


def test_an_address_that_nobody_serves() -> None:
    webhook = Webhook("http://127.0.0.1:9/", {}, sleep=lambda _: None)
    webhook.send("drift", "x")
    webhook.close()
    assert (webhook.sent, webhook.failed) == (0, 1)


# --- Metrics --------------------------------------------------------------------------------------------------------


def test_prometheus_reads_them(tmp_path: Path) -> None:
    stats = {
        **{
            "capture/count": 7,
            "capture/bytes": 1200,
            "store/rows": 3,
            "capture/status/200": 6,
            "capture/status/404": 1,
        },
        **{"failed/http_404": 1, 'failed/lạ "\\\n': 2, "items/dropped/no_body": 1, "drift/alarms": [{}, {}]},
    }
    now = Now("news", 1_764_000_000.25, 1_764_000_009.5, frontier=4, parked=1, free=10**12, floor=5, status=None)
    write_metrics(tmp_path, "news", metrics_text(stats, now))
    (path,) = tmp_path.iterdir()
    assert path.name == "baoquan_news.prom"
    families = {one.name: one for one in text_string_to_metric_families(path.read_text("utf-8"))}
    assert {name.removesuffix("_total") for name in METRICS} == set(families)
    values = {
        (sample.name, sample.labels.get("reason") or sample.labels.get("status")): sample.value
        for family in families.values()
        for sample in family.samples
        if sample.labels["spider"] == "news"
    }
    assert values["baoquan_captures_total", None] == 7
    assert values["baoquan_answers_total", "404"] == 1
    assert values["baoquan_failed_total", 'lạ "\\\n'] == 2
    assert values["baoquan_drift_alarms", None] == 2
    assert values["baoquan_run_active", None] == 1
    assert values["baoquan_disk_free_bytes", None] == 10**12
    assert ("baoquan_run_status", None) not in values
    assert families["baoquan_failed"].type == "counter"


# --- Logs -----------------------------------------------------------------------------------------------------------


def test_a_line_is_an_object() -> None:
    lines = JsonLines(lambda text: text.replace("mật", "(left out)"))
    try:
        raise ValueError("bí mật\nhai dòng")
    except ValueError:
        record = logging.LogRecord("a.b", logging.ERROR, "f", 1, "%s có\nmật", ("bài",), sys.exc_info())
    vars(record).update(event("page_failed", url="https://a.example/mật", reason="timeout", odd={1}))
    (text,) = lines.format(record).splitlines()
    line = json.loads(text)
    assert (line["event"], line["level"], line["logger"]) == ("page_failed", "ERROR", "a.b")
    assert (line["message"], line["url"]) == ("bài có\n(left out)", "https://a.example/(left out)")
    assert "bí (left out)" in line["exception"]


def test_docs_name_all_of_them() -> None:
    text = (ROOT / "docs" / "signals.md").read_text("utf-8")
    assert {backticked(name)[0]: (kind, about) for name, kind, about in table(text, "metric")} == METRICS
    assert {backticked(name)[0]: about for name, about in table(text, "event")} == SIGNALS
    assert {backticked(name)[0]: about for name, about in table(text.partition("## Logs")[2], "event")} == EVENTS
    used = set()
    for path in (ROOT / "crawler").rglob("*.py"):
        used |= set(re.findall(r'(?:\bevent|_about)\(\s*"(\w+)"', path.read_text("utf-8")))
    assert used | {"log"} == set(EVENTS)


# --- The disk -------------------------------------------------------------------------------------------------------


def test_the_larger_floor_counts(tmp_path: Path) -> None:
    room = room_of(tmp_path / "not" / "yet", {"DISK_FLOOR": "7", "DISK_SHARE": "0"})
    assert (room.floor, room.is_low) == (7, False)
    assert room_of(tmp_path, {"DISK_FLOOR": 7, "DISK_SHARE": "0.5"}).floor == room.total // 2
    assert Room(free=4, total=10, floor=5).is_low
    assert not Room(free=5, total=10, floor=5).is_low


def test_forecast() -> None:
    section = disk_section(Room(free=10_000, total=50_000, floor=4_000), written=3_000, attempts=10, left=30)
    assert (section["written_a_page"], section["needed_for_the_rest"], section["enough"]) == (300, 9_000, False)
    assert (
        disk_line(section)
        == "Disk: 10.0 kB free, 4.0 kB of it kept; what is left needs some 9.0 kB, MORE THAN THERE IS"
    )
    nothing = disk_section(None, written=0, attempts=0, left=None)
    assert set(nothing.values()) == {None, 0}
    assert disk_line(nothing) is None


@pytest.mark.slow
def test_a_crawl_stops_before_the_disk_is_full(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    archive, size = tmp_path / "disk" / "archive", 60 * MEGABYTE
    floor = {"DISK_FLOOR": str(size - 6 * MEGABYTE), "RESPONSE_DEADLINE": "60"}
    paper = SmallPaper(120, delay=0.35, weight=200_000)
    with mounted(tmp_path / "disk", f"size={size}"), hook() as one, printing(paper, tmp_path_factory) as printer:
        env = {"no_proxy": "127.0.0.1"}
        run = printer.crawl(*printer.command, archive=archive, settings={**floor, "WEBHOOK_URL": one.url}, env=env)
        assert run.status == 3, run.stderr[-2000:]
        (line,) = [line for line in run.stderr.splitlines() if line.startswith("scrapy: ")]
        assert line.endswith("make room (docs/disk.md), then the same command goes on")
        assert [told["event"] for told in one.told] == ["disk_low", "run_failed"]
        assert not list(archive.rglob("*.open"))
        (report,) = [json.loads(path.read_bytes()) for path in archive.rglob("reports/*/*.json")]
        assert (report["run"]["reason"], report["run"]["status"]) == ("disk_low", 3)
        assert report["left"] > 0
        assert report["disk"]["floor"] > report["disk"]["free"] > 40 * MEGABYTE
        assert all(verify(file) for file in archive.rglob("*.warc.gz"))
        before = {path: path.stat().st_mtime_ns for path in archive.rglob("*")}
        low = {"DISK_FLOOR": str(shutil.disk_usage(archive).free + MEGABYTE)}  # the ledger's closed log has made room
        again = printer.crawl(*printer.command, archive=archive, settings=low)
        assert (again.status, len(again.stderr.splitlines())) == (3, 1)
        assert {path: path.stat().st_mtime_ns for path in archive.rglob("*")} == before
        assert printer.crawl(*printer.command, archive=archive).status == 0
        check_all(archive, printer.paper)


# --- A whole run ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_and_all_its_signs(printer: Printer, tmp_path: Path) -> None:
    archive, metrics = tmp_path / "archive", tmp_path / "metrics"
    metrics.mkdir()
    with hook() as one:
        settings = {"METRICS_DIR": str(metrics), "WEBHOOK_URL": one.url, "LOG_JSON": "True", "NOTHING_NEW_HOURS": "5"}
        run = printer.crawl(
            *printer.command, "-a", "max_articles=2", archive=archive, settings=settings, env={"no_proxy": "127.0.0.1"}
        )
        assert run.status == 11, run.stderr[-2000:]
        second = {**settings, "NOTHING_NEW_HOURS": "0.0000001", "LOG_LEVEL": "INFO"}
        process = printer.crawl.start(
            *printer.command, archive=archive, settings=second, env={"no_proxy": "127.0.0.1"}, stderr=tmp_path / "log"
        )
        wait(lambda: {"host_parked", "nothing_new"} <= {told["event"] for told in one.told}, process)
        process.terminate()
        assert process.wait(60) == 11
    told = {told["event"]: told for told in one.told}
    assert told["host_parked"]["host"] == printer.paper.hosts[0]
    assert told["host_parked"]["seconds"] <= 600
    assert told["nothing_new"]["last_article_at"] is not None
    assert "run_failed" not in told
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert {line["event"] for line in lines} >= {"run_started", "progress", "summary", "run_ended", "log"}
    assert {line["event"] for line in lines} <= set(EVENTS)
    assert "bi-mat-7" not in "".join(path.read_text("utf-8", "replace") for path in archive.rglob("*.log"))
    for path in archive.rglob("logs/*/*-??????.log"):
        assert [json.loads(line)["at"] for line in path.read_text("utf-8").splitlines()]
    (file,) = metrics.iterdir()
    values = {
        sample.name: sample.value for one in text_string_to_metric_families(file.read_text()) for sample in one.samples
    }
    assert (values["baoquan_run_status"], values["baoquan_run_active"]) == (11, 0)
    assert values["baoquan_frontier_urls"] > 0
    assert values["baoquan_last_article_timestamp_seconds"] > time.time() - 600


def wait(done: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if done():
            return
        assert process.poll() is None
        time.sleep(0.1)
    pytest.fail("it did not come")


@pytest.mark.slow
def test_verify_tells(printer: Printer, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    printer.crawl(*printer.command, "-a", "max_articles=1", archive=archive)
    (archive / "MANIFEST.jsonl").write_bytes(b"{}\n")
    with hook() as one:
        command = [sys.executable, "-m", "scrapy", "verify", "--fixity", "-s", f"ARCHIVE_DIR={archive}"]
        env = without_network_settings()
        whole = [*command, "-s", f"WEBHOOK_URL={one.url}"]
        run = subprocess.run(whole, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    (told,) = one.told
    assert (told["event"], told["files"]) == ("verification_failed", ["MANIFEST.jsonl"])
    assert told["faults"] == len([line for line in run.stdout.splitlines() if "\t" in line])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("WEBHOOK_URL=ftp://a.example/", "WEBHOOK_URL is no http(s) address"),
        ("WEBHOOK_URL=http://[bad/?token=bi-mat-7", "WEBHOOK_URL is no http(s) address"),
        ("METRICS_DIR=/nowhere/at/all", "METRICS_DIR='/nowhere/at/all' is no folder"),
        ("DISK_SHARE=1.5", "DISK_SHARE='1.5' is not a number from 0 to 0.9"),
        ("DISK_FLOOR=-1", "DISK_FLOOR='-1' is not a whole number"),
        ("NOTHING_NEW_HOURS=soon", "NOTHING_NEW_HOURS='soon' is not a number"),
        ("LOG_JSON=perhaps", "LOG_JSON='perhaps': choose from True, False"),
    ],
)
def test_settings_that_cannot_work(setting: str, said: str) -> None:
    from scrapy.settings import Settings

    import crawler.settings
    from crawler.sane import settings_trouble

    settings = Settings()
    settings.setmodule(crawler.settings)
    name, _, value = setting.partition("=")
    settings.set(name, value)
    trouble = settings_trouble(settings) or ""
    assert said in trouble
    assert "bi-mat-7" not in trouble
