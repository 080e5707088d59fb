"""``scrapy verify`` beside a crawl that goes on: what is begun, closed or named while it reads is no fault.

And what only several files together tell: whether a revisit's original is anywhere.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scrapy.utils.project import get_project_settings

from crawler import manifest_check, verifying
from crawler.findings import Checked
from crawler.manifest import MANIFEST
from crawler.manifest_check import Known
from crawler.store import Store
from crawler.verifying import check_archive, check_paths
from tests.test_crawler_store import append, commit
from tests.test_run_evidence import store
from tests.test_warc_message import MESSAGES
from tests.test_warc_reader import by_warcio
from tests.test_warc_record import DATE, GET, VISIT
from tests.test_warc_writer import FIELDS, capture
from warc import record
from warc.cdxj import index_lines
from warc.message import read_message
from warc.record import Original
from warc.writer import WarcFile


def go_on(live: Store, *numbers: int) -> None:
    """Archive these; with files of one byte each closes the file before and begins one that names its line."""
    for number in numbers:
        append(live, number)
        commit(live)


@pytest.mark.parametrize("moment", ["read_heads", "read_known", "check_manifest"])
def test_a_crawl_goes_on_while_the_archive_is_read(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = store(tmp_path, "mot", target_size=1)
    live.open()
    go_on(live, 1, 2, 3)
    real = getattr(verifying, moment)

    def then_more(*values: object) -> object:
        result = real(*values)
        go_on(live, 4, 5, 6)
        return result

    monkeypatch.setattr(verifying, moment, then_more)
    checked = check_archive(tmp_path, get_project_settings(), workers=1)
    live.close("finished", {}).result(10)
    assert checked.findings == []
    assert checked.counts["WARC files"] >= 3


def test_the_ledger_of_a_first_crawl_is_being_made(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    settings = get_project_settings()
    assert check_archive(tmp_path, settings, workers=1).findings == []
    (tmp_path / MANIFEST).touch()  # whoever has one had a ledger with tables, too
    assert [finding.rule for finding in check_archive(tmp_path, settings, workers=1).findings] == ["ledger"]


def test_a_file_that_gets_its_name_while_the_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is listed, then each file is looked at: by then it may have been closed."""
    live = store(tmp_path, "mot", target_size=1)
    live.open()
    go_on(live, 1, 2)
    known = manifest_check.read_known(tmp_path, Checked())
    listing = sorted((tmp_path / "warc").rglob("*"))
    assert any(path.name.endswith("00001-mot.warc.gz.open") for path in listing)
    go_on(live, 3)
    monkeypatch.setattr(Path, "rglob", lambda self, pattern: listing if self.name == "warc" else [])
    checked = Checked()
    manifest_check._check_files(tmp_path, {}, Known(known.files, [], True, True), checked)
    monkeypatch.undo()
    live.close("finished", {}).result(10)
    assert {finding.rule for finding in checked.findings if finding.file.startswith("warc/")} == set()


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("tin[1].warc.gz", set()),
        ("/etc/passwd", {"index-record"}),
        ("a**b", {"index-record"}),
        ("*", {"index-record"}),
    ],
)
def test_a_name_in_an_index_is_a_name_and_no_pattern(name: str, rules: set[str], tmp_path: Path) -> None:
    warc = by_warcio(tmp_path / "tin[1].warc.gz")
    [line, *_] = [line.replace(json.dumps(warc.name).encode(), json.dumps(name).encode()) for line in index_lines(warc)]
    (tmp_path / "alle.cdxj").write_bytes(line)
    found = check_paths([tmp_path / "alle.cdxj"], tmp_path, get_project_settings()).findings
    assert {finding.rule for finding in found} == rules


NOBODY = "<urn:uuid:00000000-0000-4000-8000-000000000000>"
WITHOUT = Path("warc", "baoquocte", "baoquocte-20261122100000-00000-hai.warc.gz")


@pytest.mark.parametrize(
    ("refers_to", "uri", "message", "detail"),
    [
        ("response", VISIT.uri, "identity", None),
        ("request", VISIT.uri, "identity", "names a record that is no response"),
        (NOBODY, VISIT.uri, "identity", f"no record {NOBODY}"),
        ("response", VISIT.uri + "?", "identity", "date or target URI is not that"),
        ("response", VISIT.uri, "chunked", "the payload digest is not that"),
    ],
)
def test_the_original_of_a_revisit_in_another_file(
    refers_to: str, uri: str, message: str, detail: str | None, tmp_path: Path
) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / WITHOUT).parent.mkdir(parents=True)
    first = WarcFile(tmp_path / WITHOUT.with_name("baoquocte-20261121100000-00000-mot.warc.gz"), FIELDS, date=DATE)
    originals = capture()
    first.append(originals)
    first.close()
    second = WarcFile(tmp_path / WITHOUT, FIELDS, date=DATE)
    original = Original({made.type: made.record_id for made in originals}.get(refers_to, refers_to), uri, DATE)
    again = record.revisit(VISIT, read_message(MESSAGES[message][0]), original)
    second.append([again, record.request(VISIT, GET, concurrent_to=[again.record_id])])
    second.close()
    settings = get_project_settings()
    for found in (check_archive(tmp_path, settings, workers=1), check_paths([tmp_path / WITHOUT], tmp_path, settings)):
        if detail is None:
            assert found.findings == []
        else:
            [finding] = found.findings
            assert (finding.rule, finding.record_id) == ("revisit", again.record_id)
            assert detail in finding.detail
    alone = (tmp_path / WITHOUT).rename(tmp_path.parent / WITHOUT.name)  # where nobody can know
    assert check_paths([alone], tmp_path, settings).findings == []
