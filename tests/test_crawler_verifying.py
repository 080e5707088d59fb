"""``scrapy verify`` beside a crawl that goes on: what is begun, closed or named while it reads is no fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from scrapy.utils.project import get_project_settings

from crawler import manifest_check, verifying
from crawler.findings import Checked
from crawler.manifest_check import Known
from crawler.store import Store
from crawler.verifying import check_archive
from tests.test_crawler_store import append, commit
from tests.test_run_evidence import store


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
