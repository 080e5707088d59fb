"""Other people's tools, each in a virtual environment of its own under ``.cache/peers``: what reads our archives.

They are installed at first use, by slow tests only, because their packages must not stand beside ours.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PEERS = {  # command: what is installed for it
    "cdxj-indexer": ("cdxj-indexer==1.5.0",),
    "wacz": ("wacz==0.6.0", "setuptools<81"),
    "wayback": ("pywb==2.10.0", "setuptools<81"),
    "warcprox": ("warcprox==2.6.1", "setuptools<81"),
    "python3": (  # what people read rows and exports with
        *("duckdb==2.0.0", "pandas==3.1.1", "polars==2.1.0", "datasets==5.2.0", "pyarrow==26.0.1"),
        *("zyte-common-items==0.31.0", "mlcroissant==1.1.1"),
    ),
}
PLAYER = "replaywebpage@2.4.6"  # an npm package
INSTALL_SECONDS = 300


def peer(command: str) -> Path:
    """The command's program, installed if it is not there yet. Skips the test when it cannot be installed."""
    folder = ROOT / ".cache" / "peers" / command
    program = folder / "bin" / command
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        done = _run(str(folder / "bin" / "pip"), "install", "-q", *PEERS[command])
        if done.returncode != 0:
            pytest.skip(f"{command} cannot be installed: {done.stderr[-500:]}")
        (folder / "ready").touch()
    return program


def player() -> Path:
    """The folder of ReplayWeb.page's files. Skips the test when npm is missing or cannot get them."""
    folder = ROOT / ".cache" / "peers" / PLAYER
    if not (folder / "package" / "ui.js").exists():
        if shutil.which("npm") is None:
            pytest.skip(f"no npm to get {PLAYER} with")
        folder.mkdir(parents=True, exist_ok=True)
        done = _run("npm", "pack", "--silent", "--pack-destination", str(folder), PLAYER)
        if done.returncode != 0:
            pytest.skip(f"{PLAYER} cannot be had: {done.stderr[-500:]}")
        shutil.unpack_archive(next(folder.glob("*.tgz")), folder, filter="data")
    return folder / "package"


def run_peer(command: str, *arguments: str | Path, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run it; status, stdout and stderr."""
    return _run(str(peer(command)), *map(str, arguments), timeout=timeout)


def _run(*command: str, timeout: float = INSTALL_SECONDS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
