"""Where Chromium is looked for, and what happens without the extra ``browser``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy.settings import Settings

from crawler.chromium import VARIABLE, NoBrowser, find_chromium, launch_options, memory_of
from tests.conftest import ROOT, proxy_variables, without_network_settings
from tests.replica.scripted import HOME, BenNoi, title_of
from tests.replica.server import running

WITHOUT = "import sys\nsys.modules['playwright'] = None\n"  # as where it was never installed


def program(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("#!/bin/sh\n", encoding="ascii")
    file.chmod(0o755)
    return str(file)


def test_the_order_in_which_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_, variable, own = (program(tmp_path, name) for name in ("set", "variable", "own"))
    on_the_path = program(tmp_path / "bin", "google-chrome")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv(VARIABLE, variable)
    assert find_chromium(Settings({"CHROMIUM": set_}), own) == set_
    assert find_chromium(Settings(), own) == variable
    monkeypatch.delenv(VARIABLE)
    assert find_chromium(Settings(), own) == own
    assert find_chromium(Settings(), str(tmp_path / "missing")) == on_the_path
    first = program(tmp_path / "bin", "chromium")
    assert find_chromium(Settings(), str(tmp_path / "missing")) == first


def test_none_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(NoBrowser, match="apt install chromium, playwright install chromium, or name the program"):
        find_chromium(Settings(), str(tmp_path / "missing"))
    with pytest.raises(NoBrowser, match="CHROMIUM: nowhere is no program"):
        find_chromium(Settings({"CHROMIUM": "nowhere"}))


def test_the_sandbox_is_left_only_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    for user, sandboxed in ((0, False), (1000, True)):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        options = launch_options("/usr/bin/chromium", 4711)
        assert options["chromium_sandbox"] is sandboxed
        assert options["args"][0] == "--proxy-server=http://127.0.0.1:4711"
        assert "--disable-background-networking" in options["args"]


def test_the_memory_of_a_process() -> None:
    assert memory_of(os.getpid()) > 1 << 20
    assert memory_of(2**22 + 1) == 0  # more than any process's number


@pytest.mark.slow
def test_without_the_extra_everything_else_works(tmp_path: Path) -> None:
    program_folder, archive = tmp_path / "site", tmp_path / "archive"
    program_folder.mkdir()
    (program_folder / "sitecustomize.py").write_text(WITHOUT, encoding="ascii")
    with running([BenNoi()]) as replica:
        env = {**without_network_settings(), **proxy_variables(replica.proxy_url, replica.ca_file)}
        env["PYTHONPATH"] = str(program_folder)

        def scrapy(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "scrapy", *arguments, f"-sARCHIVE_DIR={archive}", "-sHOST_DELAY=0"]
            command += ["-sCONTACT=test@example.org", "-sLOG_LEVEL=WARNING"]
            return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)

        page = f"{HOME}/tinh-1.html"
        for arguments in (
            ("crawl", "news", f"-aseeds={page}", "-arender=all"),
            ("crawl", "news", f"-aseeds={page}", "-acapture=rendered"),
            ("probe", "--compare", page),
        ):
            refused = scrapy(*arguments)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert len(refused.stderr.splitlines()) == 1
            assert "install the extra with pip install 'bao-quan[browser]'" in refused.stderr
        assert not replica.requests
        assert not archive.exists()
        crawled = scrapy("crawl", "news", f"-aseeds={page}", "-afollow=none")
        assert (crawled.returncode, crawled.stderr) == (0, "")
        (rows,) = (archive / "articles").rglob("*.jsonl")
        assert json.loads(rows.read_bytes())["title"] == title_of(1)
