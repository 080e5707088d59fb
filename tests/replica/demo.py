"""``make demo``: crawl both sites of the replica into ``demo-archive/`` and show what came.

python -m tests.replica.demo [FOLDER]
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import proxy_variables, without_network_settings

ROOT = Path(__file__).resolve().parents[2]
SPIDERS = ("baoquocte", "vietnamvn")
SINCE = "2016-01-01"  # the replica's articles go back to the oldest markup


def main() -> int:
    """Run the replica and both crawls; the worst exit status."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "demo-archive").absolute()
    if folder.exists():
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory() as scratch:
        ca_file = Path(scratch, "ca.pem")
        replica = subprocess.Popen(
            [sys.executable, "-m", "tests.replica", "--ca", str(ca_file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert replica.stdout is not None
        try:
            proxy = replica.stdout.readline().strip()
            statuses = [crawl(spider, folder, proxy, ca_file) for spider in SPIDERS]
        finally:
            replica.terminate()
            replica.wait()
    show(folder)
    return max(statuses)


def crawl(spider: str, folder: Path, proxy: str, ca_file: Path) -> int:
    settings = {"ARCHIVE_DIR": folder, "CONTACT": "demo@example.org", "HOST_DELAY": 0}
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    command = [sys.executable, "-m", "scrapy", "crawl", spider, "-a", f"since={SINCE}", *options]
    env = {**without_network_settings(), **proxy_variables(proxy, ca_file)}
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def show(folder: Path) -> None:
    """Where everything is, and one row."""
    out = sys.stdout.write
    rows = 0
    for kind, pattern in (("WARC", "warc/**/*.warc.gz"), ("JSON lines", "articles/**/*.jsonl")):
        for path in sorted(folder.glob(pattern)):
            count = sum(1 for _ in path.open("rb")) if kind == "JSON lines" else 0
            rows += count
            lines = f", {count} rows" if count else ""
            out(
                f"{kind}: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}"
                f" ({path.stat().st_size / 1e6:.1f} MB{lines})\n"
            )
    first = next(folder.glob("articles/baoquocte/*.jsonl"), None)
    if first is not None:
        with first.open(encoding="utf-8") as lines_of:
            out(json.dumps(json.loads(next(lines_of)), ensure_ascii=False) + "\n")
    out(f"{rows} articles archived in {folder}\n")


if __name__ == "__main__":
    sys.exit(main())
