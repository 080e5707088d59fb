"""Rows are made again from the bytes of their records: what was changed, in a row or in a file, is named."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from scrapy.utils.project import get_project_settings

from crawler.evidence import Evidence
from crawler.findings import RULES, Checked
from crawler.offline import Offline
from crawler.replay import Replay
from crawler.rowcheck import FROM_LEDGER, check_ids, read_row
from crawler.serialize import to_line
from crawler.text import content_digest
from crawler.verifying import check_archive
from tests.conftest import Crawler
from tests.smallpaper import SmallPaper, printing
from tests.test_crawler_replay import response, write_warc
from tests.truth import rows_of
from warc.reader import read_records

SITE = "https://baoquocte.vn/"
FILE = "warc/baoquocte/a.warc.gz"
ROWS = "articles/baoquocte/20260305010203-job.jsonl"
IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"


def page(title: str, number: int, printed: str = "2 giờ trước") -> tuple[Any, ...]:
    """An article whose date is printed as the time since."""
    body = f"""<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title></head><body>
<h1 class="article-detail-title">{title}</h1><span class="format_date">{printed}</span>
<div class="article-detail-desc">Ghi nhanh về {title}.</div>
<div class="__MASTERCMS_CONTENT"><p>Bà con ra đồng từ khi trời còn tối.</p>
<p><img src="/anh/{number}.jpg" alt="Ruộng lúa"></p></div></body></html>"""
    return response(body.encode(), url=f"{SITE}mua-gat-{number}.html")


def revisit(number: int, refers_to: str) -> tuple[Any, ...]:
    headers = {"WARC-Date": "2026-03-09T05:00:00Z", "WARC-Profile": IDENTICAL, "WARC-Refers-To": refers_to}
    return "revisit", f"{SITE}mua-gat-{number}.html", [("Content-Type", "text/html")], b"", headers


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two pages, one of them visited again: a row from the page itself, and one from the visit."""
    folder = tmp_path / "archive"
    (folder / FILE).parent.mkdir(parents=True)
    (folder / ROWS).parent.mkdir(parents=True)
    write_warc(folder / FILE, page("Mùa gặt ở Sa Đéc", 1), page("Chợ nổi Cái Răng", 2))
    second = [record for record in read_records(folder / FILE) if record.type == "response"][1]
    write_warc(folder / "warc/baoquocte/b.warc.gz", revisit(2, second.record_id))
    [visit] = [record for record in read_records(folder / "warc/baoquocte/b.warc.gz") if record.type == "revisit"]
    settings = get_project_settings()
    offline = Offline(settings, "job")
    rows = []
    for ref, answer in Replay(settings).read(folder / FILE, FILE):
        if ref.record_id == second.record_id:
            object.__setattr__(ref, "captured_at", visit.date)
            object.__setattr__(ref, "revisit_id", visit.record_id)
        rows.append(offline.row_of(offline.page_of(answer)))
    (folder / ROWS).write_bytes(b"".join(map(to_line, rows)))
    return folder


def proven(folder: Path) -> Checked:
    return Evidence(folder, get_project_settings()).check_rows(folder / ROWS, ROWS)


def change(folder: Path, number: int, put: Callable[[dict[str, Any]], object]) -> None:
    """Change a row, and write it as the serialiser does."""
    rows = [json.loads(line) for line in (folder / ROWS).read_bytes().splitlines()]
    put(rows[number])
    (folder / ROWS).write_bytes(b"".join(map(to_line, rows)))


def rules(folder: Path) -> set[str]:
    return {finding.rule for finding in proven(folder).findings}


def test_rows_are_proven(archive: Path) -> None:
    checked = proven(archive)
    assert (checked.findings, checked.counts["rows"]) == ([], 2)


def test_a_row_of_a_page_that_is_beyond_the_limits_now_is_not_proven(archive: Path) -> None:
    settings = get_project_settings()
    settings.set("PAGE_MAXSIZE", 100)
    found = Evidence(archive, settings).check_rows(archive / ROWS, ROWS).findings
    assert [finding.rule for finding in found] == ["row-page"] * 2
    assert all("bytes" in finding.detail for finding in found)


def test_time_since_counts_from_the_visit(archive: Path) -> None:
    """Not from the clock, and for a payload archived before not from its first capture."""
    one, two = rows_of(archive)
    assert one["published_at"].startswith("2026-03-05T")
    assert two["published_at"].startswith("2026-03-09T")
    assert two["captured_at"] == "2026-03-09T05:00:00Z"


def rename(row: dict[str, Any]) -> None:
    """Another title, by someone who knows how ids are made."""
    row["title"] = "Mùa gặt muộn"
    row["content_digest"] = content_digest(row["title"], row["sapo"], row["body"])


def of_page(page: str) -> Callable[[dict[str, Any]], None]:
    def put(row: dict[str, Any]) -> None:
        row["extraction"]["page"] = page
        record_id = row["warc"]["revisit_id"] or row["warc"]["record_id"]
        row["row_id"] = sha256(f"{record_id} {page}".encode()).hexdigest()

    return put


def of_visit(revisit_id: str | None) -> Callable[[dict[str, Any]], None]:
    def put(row: dict[str, Any]) -> None:
        row["warc"]["revisit_id"] = revisit_id or row["warc"]["record_id"]
        of_page(row["extraction"]["page"])(row)

    return put


def no_visit(row: dict[str, Any]) -> None:
    row["warc"]["revisit_id"] = None
    of_page(row["extraction"]["page"])(row)


def of_record(record_id: str) -> Callable[[dict[str, Any]], None]:
    def put(row: dict[str, Any]) -> None:
        row["warc"]["record_id"] = record_id
        of_page(row["extraction"]["page"])(row)

    return put


CHANGED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "title": (lambda row: row.update(title="Mùa gặt muộn"), "row-id"),
    "title and digest": (rename, "row-fields"),
    "body": (lambda row: row.update(body=row["body"] + "."), "row-id"),
    "digest": (lambda row: row.update(content_digest="sha256:" + "0" * 64), "row-id"),
    "row_id": (lambda row: row.update(row_id="0" * 64), "row-id"),
    "kicker": (lambda row: row.update(kicker="Nông thôn"), "row-fields"),
    "author": (lambda row: row["authors"].append({"name": "Lê An", "role": "author"}), "row-fields"),
    "language": (lambda row: row.update(language="en"), "row-fields"),
    "published": (lambda row: row.update(published_date="2026-03-01"), "row-fields"),
    "address": (lambda row: row.update(url=SITE), "row-fields"),
    "image": (lambda row: row["images"][0].update(alt="Ruộng"), "row-fields"),
    "image record": (lambda row: row["images"][0].update(record_id="<urn:uuid:none>"), "row-part"),
    "block": (lambda row: row["blocks"][0].update(text="Khác."), "row-fields"),
    "source of a field": (lambda row: row["extraction"]["sources"][0].update(source="meta"), "row-fields"),
    "warning": (lambda row: row["extraction"].update(warnings=["lạ"]), "row-fields"),
    "permissions": (lambda row: row["permissions"].update(meta_robots="noindex"), "row-fields"),
    "captured_at": (lambda row: row.update(captured_at="2026-03-05T01:02:04Z"), "row-date"),
    "file": (lambda row: row["warc"].update(file="warc/baoquocte/c.warc.gz"), "row-record"),
    "file outside": (lambda row: row["warc"].update(file="../../etc/passwd"), "row-record"),
    "file by its full path": (lambda row: row["warc"].update(file="/etc/passwd"), "row-record"),
    "offset": (lambda row: row["warc"].update(offset=1), "row-record"),
    "offset of another record": (lambda row: row["warc"].update(offset=0), "row-record"),
    "offset behind the end": (lambda row: row["warc"].update(offset=10**9), "row-record"),
    "length": (lambda row: row["warc"].update(length=7), "row-record"),
    "record": (of_record("<urn:uuid:00000000-0000-4000-8000-000000000000>"), "row-record"),
    "no record": (lambda row: row["warc"].update(record_id=None), "row-record"),
    "type": (lambda row: row["warc"].update(record_type="resource"), "row-record"),
    "target": (lambda row: row["warc"].update(target_uri=SITE), "row-record"),
    "payload digest": (lambda row: row["warc"].update(payload_digest="sha1:" + "A" * 32), "row-payload"),
    "visit that is not there": (of_visit("<urn:uuid:none>"), "row-visit"),
    "another page class": (of_page("VietnamPage/1"), "row-page"),
    "a key less": (lambda row: row.pop("kicker"), "row-line"),
    "a key more": (lambda row: row.update(mood="vui"), "row-line"),
    "null for a list": (lambda row: row.update(images=None), "row-line"),
    "text for an object": (lambda row: row.update(warc="a"), "row-line"),
    "a list for the row_id": (lambda row: row.update(row_id=[]), "row-line"),
    "an object for a record": (lambda row: row["images"][0].update(record_id={}), "row-line"),
    "an object for no films": (lambda row: row.update(videos={}), "row-line"),
    "a text for the version": (lambda row: row.update(version="1"), "row-line"),
    "an empty text for no visit": (lambda row: row["warc"].update(revisit_id=""), "row-line"),
    "another run": (lambda row: row.update(run="x"), "row-run"),
    "an offset that no file can have": (lambda row: row["warc"].update(offset=2**64 - 1), "row-record"),
    "NUL in the file's name": (lambda row: row["warc"].update(file="warc/a\0b"), "row-record"),
    "another spelling of the file": (lambda row: row["warc"].update(file="./" + row["warc"]["file"]), "row-record"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_row_is_named(archive: Path, name: str) -> None:
    put, rule = CHANGED[name]
    change(archive, 0, put)
    [finding] = proven(archive).findings
    assert (finding.file, finding.offset, finding.rule) == (ROWS, 0, rule), finding
    assert rule in RULES


@pytest.mark.parametrize(
    ("put", "rule"),
    [
        (lambda row: row.update(captured_at="2026-03-05T01:02:03Z"), "row-date"),
        (no_visit, "row-date"),
        (of_visit(None), "row-visit"),
    ],
)
def test_a_visit_to_an_archived_payload(archive: Path, put: Callable[[dict[str, Any]], object], rule: str) -> None:
    change(archive, 1, put)
    [finding] = proven(archive).findings
    assert (finding.rule, finding.offset) == (rule, (archive / ROWS).read_bytes().index(b"\n") + 1)


@pytest.mark.parametrize("name", sorted(FROM_LEDGER - {"found_by", "run"}))
def test_what_only_the_ledger_knows_is_not_compared(archive: Path, name: str) -> None:
    change(archive, 0, lambda row: row.update({name: 7 if name == "version" else ["x"] if name == "changed" else "x"}))
    assert proven(archive).findings == []


@pytest.mark.parametrize(
    "line",
    [b"\n", b"{}\n", b"[1]\n", b"row\n", b'"x"\n', b"null\n", b"\xff\n", b"[" * 200_000 + b"\n"],
    ids=lambda line: repr(line[:9]),
)
def test_lines_that_are_no_rows(archive: Path, line: bytes) -> None:
    (archive / ROWS).write_bytes(line + (archive / ROWS).read_bytes())
    [finding] = proven(archive).findings
    assert (finding.offset, finding.rule) == (0, "row-line")


def test_a_row_in_another_spelling(archive: Path) -> None:
    line = json.dumps(json.loads((archive / ROWS).read_bytes().splitlines()[0]), ensure_ascii=False) + "\n"
    (archive / ROWS).write_text(line, encoding="utf-8")
    assert rules(archive) == {"row-line"}


def test_a_row_of_an_older_page_class_is_told_and_no_fault(archive: Path) -> None:
    change(archive, 0, of_page("BaoquoctePage/0"))
    change(archive, 0, lambda row: row.update(kicker="as it was read then"))
    checked = proven(archive)
    assert (checked.findings, dict(checked.older)) == ([], {"BaoquoctePage/0": 1})
    change(archive, 0, lambda row: row["warc"].update(length=1))
    assert rules(archive) == {"row-record"}


def test_a_record_that_gives_no_row(archive: Path) -> None:
    listing = response(b"<html><body><h1>Tin</h1></body></html>", url=f"{SITE}thoi-su")
    write_warc(archive / FILE, listing)
    [record] = [record for record in read_records(archive / FILE) if record.type == "response"]
    where = {"offset": record.offset, "length": record.length, "payload_digest": record.get("WARC-Payload-Digest")}

    def put(row: dict[str, Any]) -> None:
        row["warc"].update(where, target_uri=f"{SITE}thoi-su")
        of_record(record.record_id)(row)

    change(archive, 0, put)
    assert proven(archive).findings[0].rule == "row-page"


def test_a_payload_is_hashed_again(archive: Path) -> None:
    """A body put in the place of another, by someone who left the digest as it was."""
    data = b"".join(
        gzip.compress(gzip.decompress(member).replace("trời".encode(), "trới".encode()))
        for member in members((archive / FILE).read_bytes())
    )
    (archive / FILE).write_bytes(data)
    records = [record for record in read_records(archive / FILE) if record.type == "response"]

    def put(row: dict[str, Any]) -> None:
        row["warc"].update(offset=records[0].offset, length=records[0].length)

    change(archive, 0, put)
    assert proven(archive).findings[0].rule == "row-payload"


def members(data: bytes) -> list[bytes]:
    """The gzip members of a file."""
    starts = [at for at in range(len(data)) if data[at : at + 3] == b"\x1f\x8b\x08"]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def test_parts_of_a_file_come_together(archive: Path) -> None:
    """However a file is cut into parts, each line is checked once."""
    size = (archive / ROWS).stat().st_size
    evidence = Evidence(archive, get_project_settings())
    for step in (size // 2, size // 3, 1000):
        parts = [evidence.check_rows(archive / ROWS, ROWS, at, min(at + step, size)) for at in range(0, size, step)]
        assert sum(part.counts["rows"] for part in parts) == 2


def test_ids_are_as_documented() -> None:
    with pytest.raises(Exception, match="not as it was written"):
        read_row(b"{}\n")
    row = {"row_id": "", "warc": {"record_id": "<a:b>", "revisit_id": None}, "extraction": {"page": "X/1"}}
    with pytest.raises(Exception, match="row_id is not made of <a:b> X/1"):
        check_ids(row)


# --- After a crawl ------------------------------------------------------------------------------------------------


def test_one_byte_of_one_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Exactly this file, and exactly the row that was read from the changed record, are named."""
    archive = tmp_path_factory.mktemp("archive")
    with printing(SmallPaper(12), tmp_path_factory) as printer:
        run = printer.crawl(*printer.command, archive=archive, settings={"WARC_TARGET_SIZE": "6000"})
        assert run.status == 0
    settings = get_project_settings()
    assert check_archive(archive, settings, workers=1).findings == []
    rows = rows_of(archive)
    for row in (rows[0], rows[5], rows[11]):
        damaged = Path(shutil.copytree(archive, tmp_path_factory.mktemp("damaged") / "archive"))
        path = damaged / row["warc"]["file"]
        data = bytearray(path.read_bytes())
        data[row["warc"]["offset"] + row["warc"]["length"] // 2] ^= 0x10
        path.write_bytes(data)
        findings = check_archive(damaged, settings, workers=1).findings
        of_rows = [finding for finding in findings if finding.file.startswith("articles/")]
        assert {finding.file for finding in findings} - {of_rows[0].file} == {row["warc"]["file"]}
        assert [finding.record_id for finding in of_rows] == [row["warc"]["record_id"]]
        offsets = {finding.offset for finding in findings if finding.file == row["warc"]["file"]} - {None}
        assert row["warc"]["offset"] in offsets


@pytest.mark.slow
@pytest.mark.parametrize("spider", ["baoquocte", "vietnamvn"])
def test_every_row_of_a_whole_site(crawl: Crawler, spider: str) -> None:
    run = crawl(spider, "-a", "languages=vi,en" if spider == "vietnamvn" else "languages=vi", timeout=400)
    assert run.status == 0, run.stderr[-2000:]
    checked = check_archive(run.archive, get_project_settings())
    assert checked.findings == []
    assert not checked.older
    assert checked.counts["rows"] == len(rows_of(run.archive)) > 200
