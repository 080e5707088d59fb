"""How long ``scrapy audit`` takes over many addresses.

    python -m tests.bench.audit [--urls 1000000] [--folder DIR]

The ledger is made of plain rows: articles of a thousand days in twenty sections, each named by a day's sitemap, a list
and nearly always two more channels; one in fifty is missing. Prints seconds, those of the processor, and the peak of
memory of the command.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from crawler.ledger import Ledger
from crawler.urls import fingerprint

DAYS, SECTIONS = 1000, 20
FIRST = date(2023, 1, 1)
NOW = "2026-11-20T12:00:00Z"
LEFT = ("failed", "queued", "refused", None)  # None: nobody has asked


def url_of(number: int) -> str:
    return f"https://www.vietnam.vn/ban-tin-so-{number}-tu-mot-lang-que-ven-song-co-tieu-de-dai-vua-phai"


def fill(path: Path, urls: int) -> None:
    """Write the tables as crawls of all channels would have left them."""
    ledger = Ledger.open(path)
    db = ledger._db
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    address = "INSERT INTO urls (url_id, fingerprint, url, host, first_seen, article_id) VALUES (?, ?, ?, ?, ?, ?)"
    article = """INSERT INTO articles (article_id, version, row_id, url, content_digest, page, page_number,
        published_at, first_captured_at, last_captured_at, state, section)
        VALUES (?, 1, '', ?, '', 'VietnamPage', 1, ?, ?, ?, 'live', ?)"""
    asked = """INSERT INTO frontier (scope_id, url_id, pass, state, reason, kind, depth, priority, hop_path, host,
        attempts, retries, not_before, changed_at) VALUES (1, ?, 1, ?, ?, 'article', 1, 0, '', ?, 1, 0, 0, ?)"""
    named = "INSERT INTO channels (url_id, channel, source, first_seen, last_seen, day) VALUES (?, ?, ?, ?, ?, ?)"
    for number, missing, day, section in articles(urls):
        url, name = url_of(number), f"vietnam.vn:vi:{number}"
        db.execute(address, (number, fingerprint(url), url, "www.vietnam.vn", NOW, None if missing else name))
        if not missing:
            db.execute(article, (name, url, f"{day}T08:00:00+07:00", NOW, NOW, f"Mục {section}"))
        state = LEFT[number % len(LEFT)] if missing else "done"
        if state is not None:
            reason = {"failed": "timeout", "refused": "robots"}.get(state)
            db.execute(asked, (number, state, reason, "www.vietnam.vn", NOW))
        for channel, source in lists(number, day, section):
            db.execute(named, (number, channel, source, NOW, NOW, day if channel == "sitemap" else None))
    db.execute("COMMIT")
    ledger.close()


def articles(urls: int) -> Iterator[tuple[int, bool, str, int]]:
    for number in range(1, urls + 1):
        yield (
            number,
            number % 50 == 0,
            (FIRST + timedelta(days=number * DAYS // (urls + 1))).isoformat(),
            number % SECTIONS,
        )


def lists(number: int, day: str, section: int) -> Iterator[tuple[str, str]]:
    random = Random(number)
    if random.random() < 0.95:
        yield "sitemap", f"https://www.vietnam.vn/sitemap/sitemap-post/{day}.xml"
    if random.random() < 0.95:
        yield "listing", f"https://www.vietnam.vn/category/muc-{section}?page={number % 500}"
    if random.random() < 0.8:
        yield "tag", f"https://www.vietnam.vn/tag/the-{random.randrange(2000)}"
    if random.random() < 0.9:
        yield "related", ""


def run(folder: Path) -> tuple[float, float, dict[str, Any], int]:
    """Seconds of the command, of them on the processor, its answer, and its peak of memory in bytes."""
    command = [sys.executable, "-m", "scrapy", "audit", "--json", "-s", f"ARCHIVE_DIR={folder}"]
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
    code += "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
    code += "sys.stderr.write(f'{used.ru_utime + used.ru_stime} {used.ru_maxrss}')"
    began = monotonic()
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    busy, memory = done.stderr.split()[-2:]
    return monotonic() - began, float(busy), json.loads(done.stdout), 1024 * int(memory)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.audit", description=__doc__)
    parser.add_argument("--urls", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the ledger is made; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if not (folder / "ledger.sqlite").exists():
            fill(folder / "ledger.sqlite", options.urls)
        seconds, busy, answer, memory = run(folder)
    (site,) = answer["sites"]
    sys.stdout.write(
        f"{site['promised']:,} addresses, {site['missing']:,} missing: "
        f"{seconds:.1f} s ({busy:.1f} s of the processor), {memory / 1e6:.0f} MB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
