"""``scrapy exclude``: what was taken down is in no output of any command, and every byte of it stays."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.exclusions import Hidden, exclusion_line, exclusion_of
from crawler.ledger_ops import Exclusion
from crawler.pywb import closed_files, lay_out
from tests.conftest import ROOT, Crawler, ReplicaProcess
from tests.truth import rows_of
from warc.reader import read_records

COMMANDS = {path.stem for path in (ROOT / "crawler" / "commands").glob("[a-z]*.py")}
REASON = "theo yêu cầu của nhân vật"


# --- What is hidden -------------------------------------------------------------------------------------------------


def act(target: str, ids: tuple[str, ...] = (), addresses: tuple[str, ...] = (), **more: Any) -> Exclusion:
    given = {"reason": "r", "ticket": None, "last_day": None, "at": "2026-11-20T00:00:00Z", "run": "j", **more}
    return Exclusion("x", target, ids, addresses, **given)


def at_bao_que(url: str) -> tuple[str, bool] | None:
    """Addresses of a paper whose articles end in their number."""
    number = url.rpartition("-")[2].removesuffix(".html")
    return (f"baoque.vn:{number}", True) if number.isdecimal() else None


@pytest.mark.parametrize(
    ("target", "url", "is_hidden"),
    [
        ("https://baoque.vn/mua-lon-7.html", "https://baoque.vn/mua-lon-7.html", True),
        ("https://baoque.vn/mua-lon-7.html", "http://www.baoque.vn/mua-lon-7.html?utm_source=zalo#x", True),
        ("https://baoque.vn/mua-lon-7.html", "https://baoque.vn/mua-lon-8.html", False),
        ("https://baoque.vn/mua-lon-7.html", "urn:run:baoque:j:log", False),
        ("https://baoque.vn/video/*", "https://baoque.vn/video/le-hoi-9.html", True),
        ("https://baoque.vn/video/*", "http://www.baoque.vn/video/", True),
        ("https://baoque.vn/video/*", "https://baoque.vn/videos/le-hoi-9.html", False),
        ("https://baoque.vn/video/*", "https://baoque.vn.example.org/video/9.html", False),
        ("baoque.vn:7", "https://baoque.vn/ten-khac-7.html", True),  # an address that nobody knew
        ("baoque.vn:7", "https://baoque.vn/mua-lon-17.html", False),
    ],
)
def test_what_a_target_hides(target: str, url: str, is_hidden: bool) -> None:
    ids = (target,) if ":" in target and "/" not in target else ()
    assert Hidden([act(target, ids)], at_bao_que).hides_url(url) is is_hidden


@pytest.mark.parametrize(
    ("more", "is_hidden"),
    [
        ({}, True),
        ({"last_day": "2026-11-22"}, True),
        ({"last_day": "2026-11-21"}, False),
        ({"lifted_at": "2026-11-21T00:00:00Z"}, False),
    ],
)
def test_how_long_it_hides(more: dict[str, str], is_hidden: bool) -> None:
    hidden = Hidden([act("baoque.vn:7", ("baoque.vn:7",), **more)], at_bao_que, day="2026-11-22")
    assert hidden.hides("baoque.vn:7", None) is is_hidden
    assert bool(hidden) is is_hidden


def test_a_row_of_another_article_loses_its_links_to_it() -> None:
    hidden = Hidden([act("baoque.vn:7", ("baoque.vn:7",), ("https://baoque.vn/anh/7.jpg",))], at_bao_que)
    row: dict[str, Any] = {"id": "baoque.vn:8", "url": "https://baoque.vn/tin-8.html", "canonical_url": None}
    row |= {"links": [{"url": "https://baoque.vn/mua-lon-7.html", "text": "Mưa lớn", "kind": "related"}], "videos": []}
    row |= {"images": [{"url": "https://baoque.vn/anh/7.jpg"}, {"url": "https://baoque.vn/anh/8.jpg"}]}
    row["source"] = {"name": "Báo Quê", "url": None, "id": "baoque.vn:7"}
    shown = hidden.shown(row)
    assert shown is not None
    assert (shown["links"], shown["images"]) == ([], [{"url": "https://baoque.vn/anh/8.jpg"}])
    assert shown["source"] == {"name": "Báo Quê", "url": None, "id": None}
    assert hidden.shown(row | {"id": "baoque.vn:7"}) is None


@given(st.text(min_size=1), st.lists(st.text()), st.none() | st.text())
def test_an_act_is_read_back_from_its_line(target: str, addresses: list[str], ticket: str | None) -> None:
    one = act(target, ("a:1",), tuple(addresses), ticket=ticket)
    line = exclusion_line(one)
    assert line.count(b"\n") == 1
    assert exclusion_of(json.loads(line)) == one or "\ufffd" in line.decode()  # lone surrogates are replaced


# --- Every command --------------------------------------------------------------------------------------------------


@dataclass
class TakenDown:
    """An archive in which one article is hidden, and what must not be seen of it."""

    archive: Path
    replica: ReplicaProcess
    row: dict[str, Any]
    out: Path
    before: dict[str, bytes]  # its files when nothing was hidden

    @property
    def needles(self) -> list[bytes]:
        address = self.row["url"].rpartition("/")[2]
        return [text.encode() for text in (self.row["id"], self.row["title"], address, self.row["body"][:60])]

    def __call__(self, *command: str, status: int = 0) -> bytes:
        """Run it; stdout, which shows nothing of the article."""
        arguments = ["-s", f"ARCHIVE_DIR={self.archive}", "-s", "HOST_DELAY=0", "-s", "CONTACT=test@example.org"]
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", *command, *arguments],
            cwd=ROOT,
            env=self.replica.environment(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stderr.decode()
        self.shows_nothing(done.stdout, " ".join(command))
        return done.stdout

    def shows_nothing(self, data: bytes, where: str) -> None:
        for needle in self.needles:
            assert needle not in data, f"{where} shows {needle.decode()}"

    def walk(self, folder: Path) -> int:
        """Look into every file under a folder, compressed ones too; how many."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        for path in files:
            self.shows_nothing(content(path.read_bytes()), str(path))
        return len(files)


def content(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def written(archive: Path) -> dict[str, bytes]:
    """Every file that is closed for good: not the pages over reports, which are made again."""
    kinds = ("warc", "articles", "events", "links", "logs", "reports")
    files = (
        path for kind in kinds for path in (archive / kind).rglob("*") if path.suffix != ".html" and path.is_file()
    )
    return {path.relative_to(archive).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def taken_down(crawl: Crawler, replica_process: ReplicaProcess, tmp_path_factory: pytest.TempPathFactory) -> TakenDown:
    archive = crawl.new_archive()
    assert crawl("baoquocte", "-a", "max_articles=25", archive=archive).status in (0, 11)
    row = next(row for row in rows_of(archive) if row["images"])
    case = TakenDown(archive, replica_process, row, tmp_path_factory.mktemp("out"), written(archive))
    environment = replica_process.environment()
    command = [sys.executable, "-m", "scrapy", "exclude", row["id"], "-s", f"ARCHIVE_DIR={archive}"]
    dry = subprocess.run(
        [*command, "--dry-run", "--json"], cwd=ROOT, env=environment, capture_output=True, timeout=60, check=True
    )
    concerned = json.loads(dry.stdout)
    assert concerned["rows"] == [row["row_id"]]
    assert row["warc"]["record_id"] in concerned["records"]
    assert row["url"] in concerned["addresses"]
    assert not (archive / "exclusions").exists()
    subprocess.run([*command, "--reason", REASON, "--ticket", "T-1"], cwd=ROOT, env=environment, timeout=60, check=True)
    return case


def crawl_again(case: TakenDown) -> None:
    asked = len(case.replica.requests())
    rows = case.out / "rows.jsonl"
    case("crawl", "baoquocte", "-a", f"seeds={case.row['url']}", "-a", "recrawl=all", "-O", str(rows))
    assert not rows.exists() or rows.read_bytes() == b""
    assert [one for one in case.replica.requests()[asked:] if one["url"] == case.row["url"]] == []


def audit(case: TakenDown) -> None:
    case("audit", "--json", "--holes", str(case.out / "holes.txt"), "-o", str(case.out / "audit.html"))
    assert case.walk(case.out) >= 2


def export(case: TakenDown) -> None:
    for name in ("jsonl", "schema.org", "zyte"):
        folder = case.out / name
        case("export", "--format", name, "--full-text", "-o", str(folder))
        assert case.walk(folder) > 2
    assert "Take-downs in force when it was written: 1." in (case.out / "jsonl" / "README.md").read_text("utf-8")


def extract(case: TakenDown) -> None:
    rows = case("extract", str(case.archive), "-o", "-").splitlines()
    assert 20 <= len(rows) < len(rows_of(case.archive)) + 1


def replay(case: TakenDown) -> None:
    """What pywb would be given."""
    from scrapy.utils.project import get_project_settings

    settings = get_project_settings()
    settings.set("ARCHIVE_DIR", str(case.archive))
    folder = case.out / "replay"
    folder.mkdir()
    assert list(lay_out(folder, case.archive, closed_files(case.archive), Hidden.of(settings))) == []
    assert case.walk(folder) >= 2


def wacz(case: TakenDown) -> None:
    path = case.out / "out.wacz"
    case("wacz", "-o", str(path))
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            if name.startswith("archive/"):  # lists and other articles that name it stay as they were captured
                (case.out / "shown.warc.gz").write_bytes(parts.read(name))
                uris = [record.target_uri for record in read_records(case.out / "shown.warc.gz")]
                assert len(uris) > 50
                assert case.row["url"] not in uris
            else:
                case.shows_nothing(content(parts.read(name)), name)
    case("extract", str(path), "-o", "-")


def rebuild(case: TakenDown) -> None:
    copy = case.out / "rebuilt"
    shutil.copytree(case.archive, copy)
    (copy / "ledger.sqlite").unlink()
    again = TakenDown(copy, case.replica, case.row, case.out, case.before)
    again("rebuild")
    again("index", "-o", "-")
    again("new", "--json")


def refused(*command: str) -> Callable[[TakenDown], None]:
    return lambda case: (case(command[0], case.row["url"], *command[1:], status=2), None)[1]


WALK: dict[str, Callable[[TakenDown], object]] = {
    "audit": audit,
    "backup": lambda case: None,  # a copy of the archive, with what was taken down and the list of it
    "crawl": crawl_again,
    "drift": lambda case: case("drift", "--json"),
    "exclude": lambda case: None,  # the one that says what is hidden
    "export": export,
    "extract": extract,
    "fixture": refused("fixture"),
    "history": refused("history"),
    "index": lambda case: case("index", "-o", "-"),
    "new": lambda case: case("new", "--json"),
    "plan": lambda case: case("plan", "baoquocte", "--json"),
    "probe": refused("probe"),
    "rebuild": rebuild,
    "replay": replay,
    "report": lambda case: case("report", "--json"),
    "schema": lambda case: None,  # of no article
    "timetable": lambda case: None,  # of no article
    "verify": lambda case: case("verify", "--json"),
    "wacz": wacz,
}


def test_every_command_is_walked() -> None:
    assert set(WALK) == COMMANDS


@pytest.mark.slow
@pytest.mark.parametrize("command", WALK)
def test_no_command_shows_it(taken_down: TakenDown, command: str, tmp_path: Path) -> None:
    taken_down.out = tmp_path
    WALK[command](taken_down)
    now = written(taken_down.archive)
    assert {name: now.get(name) for name in taken_down.before} == taken_down.before  # no byte was touched


@pytest.mark.slow
def test_the_act_is_in_ledger_manifest_and_events_and_ends(taken_down: TakenDown) -> None:
    archive, article_id = taken_down.archive, taken_down.row["id"]
    lines = (archive / "MANIFEST.jsonl").read_text("utf-8").splitlines()
    paths = [json.loads(line)["path"].partition("/")[0] for line in lines if '"exclude"' in line]
    assert sorted(paths) == ["events", "exclusions"]
    (event,) = [json.loads(line) for path in (archive / "events" / "exclude").iterdir() for line in path.open()]
    assert (event["kind"], event["id"]) == ("excluded", article_id)
    assert REASON not in json.dumps(event, ensure_ascii=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "scrapy", *arguments, "-s", f"ARCHIVE_DIR={archive}"]
        return subprocess.run(
            command, cwd=ROOT, env=taken_down.replica.environment(), capture_output=True, timeout=60, check=False
        )

    (known,) = map(json.loads, run("exclude", "--list", "--json").stdout.splitlines())
    assert (known["target"], known["reason"], known["ticket"], known["lifted_at"]) == (article_id, REASON, "T-1", None)
    assert run("exclude", "--lift", article_id).returncode == 0
    assert run("exclude", "--lift", article_id).returncode == 2
    assert article_id.encode() in run("history", article_id).stdout
    assert article_id.encode() in run("new", "--json").stdout
    done = run("verify")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name one thing"),
        (("baoquocte.vn:1", "--list"), "name one thing"),
        (("baoquocte.vn:1",), "say why with --reason"),
        (("baoquocte.vn:1", "--reason", "a\nb"), "one line"),
        (("baoquocte.vn:1", "--reason", "r", "--until", "mai"), "--until 'mai' is no day"),
        (("baoquocte.vn:1", "--reason", "r"), "holds no ledger"),
    ],
)
def test_usage(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scrapy", "exclude", *arguments, "-s", f"ARCHIVE_DIR={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr
