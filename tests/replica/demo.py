"""``make demo``: crawl both sites of the replica into ``demo-archive/`` and show what came.

python -m tests.replica.demo [FOLDER]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import proxy_variables, without_network_settings

ROOT = Path(__file__).resolve().parents[2]
SPIDERS = ("baoquocte", "vietnamvn")
SINCE = "2016-01-01"  # the replica's articles go back to the oldest markup
LOG_LINES = 20  # shown of a crawl that failed


def main() -> int:
    """Run the replica and both crawls; the worst exit status."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "demo-archive").absolute()
    if folder.exists():
        if not (folder / "ledger.sqlite").exists():
            sys.exit(f"{folder} is no archive of an earlier demo: name a folder that is not there yet")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    say("Generating both sites …")
    with tempfile.TemporaryDirectory() as scratch:
        ca_file = Path(scratch, "ca.pem")
        command = [sys.executable, "-m", "tests.replica", "--ca", str(ca_file)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as replica:
            assert replica.stdout is not None
            try:
                proxy = replica.stdout.readline().strip()
                if not proxy:  # without it the crawls would ask the real sites
                    sys.exit("the replica did not start")
                statuses = [crawl(spider, folder, proxy, ca_file) for spider in SPIDERS]
            finally:
                replica.terminate()
    show(folder)
    return max(statuses)


def crawl(spider: str, folder: Path, proxy: str, ca_file: Path) -> int:
    """Exit status of a crawl; its log lies in the folder."""
    log = folder / f"{spider}.log"
    say(f"Crawling {spider}, log in {short(log)} …")
    settings = {"ARCHIVE_DIR": folder, "CONTACT": "demo@example.org", "HOST_DELAY": 0, "LOG_FILE": log}
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    command = [sys.executable, "-m", "scrapy", "crawl", spider, "-a", f"since={SINCE}", *options]
    env = {**without_network_settings(), **proxy_variables(proxy, ca_file)}
    status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    if status and log.exists():
        say("\n".join(log.read_text("utf-8").splitlines()[-LOG_LINES:]))
    return status


def show(folder: Path) -> None:
    """One row, then where everything is."""
    rows = {path: path.read_bytes().splitlines() for path in sorted(folder.glob("articles/**/*.jsonl"))}
    first = next((lines[0] for lines in rows.values() if lines), None)
    if first is not None:
        say(f"\nOne row:\n{first.decode('utf-8')}\n")
    for path in sorted(folder.glob("warc/**/*.warc.gz")):
        say(f"WARC        {short(path)}  {path.stat().st_size / 1e6:.1f} MB")
    for path, lines in rows.items():
        say(f"JSON lines  {short(path)}  {path.stat().st_size / 1e6:.1f} MB, {len(lines)} articles")


def short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
