"""Every figure of docs/performance.md, in one run: `make bench`, about half an hour on two idle cores.

python -m tests.bench [--pages 2000] [--rounds 3] [--urls 1000000]
"""

from __future__ import annotations

import argparse
import sys

from tests.bench import crawl, extract, frontier, rendered, stages

RENDERED = 20  # so many times fewer pages are opened in a browser: each takes about a second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2000, help="articles of a crawl")
    parser.add_argument("--rounds", type=int, default=3, help="crawls of each case, in turns")
    parser.add_argument("--urls", type=int, default=1_000_000, help="URLs in and out of the frontier")
    options = parser.parse_args()
    for title, bench, arguments in (
        ("A crawl, whole processes", crawl, ["--pages", options.pages, "--rounds", options.rounds]),
        ("Where the time of a page goes", stages, ["--pages", options.pages]),
        ("Extraction from WARC files, one core", extract, ["--pages", options.pages, "--rounds", options.rounds]),
        (
            "A rendered page, whole process trees",
            rendered,
            ["--pages", max(2, options.pages // RENDERED), "--rounds", options.rounds],
        ),
        ("The frontier", frontier, ["--urls", options.urls]),
    ):
        sys.stdout.write(f"\n{title}\n\n")
        sys.stdout.flush()
        bench.main([str(argument) for argument in arguments])


if __name__ == "__main__":
    main()
