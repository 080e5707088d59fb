"""What each page class makes of the pages in tests/, as one digest for its number: so that the number is honest.

    python -m tests.page_numbers        writes tests/quality/numbers.json

``tests/test_page_numbers.py`` fails when a class gives other rows than are noted for its number. Nothing has been
released yet: until ``released`` in the file is set to true, a digest may be written anew under the same number. From
then on only a higher number takes a new digest.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from scrapy.http import Request, Response

from crawler.capture import CaptureRef
from crawler.page import ArticlePage
from crawler.serialize import to_line
from pipelines.clean import CleanPipeline
from tests.test_quality import HTML, PAGES, PLACES, at, changed, named_by, rename
from tests.test_spiders_sites import SITES

FILE = Path(__file__).parent / "quality" / "numbers.json"
CAPTURED_AT = "2026-11-21T10:00:00Z"


def noted() -> dict[str, Any]:
    return json.loads(FILE.read_text("utf-8"))  # type: ignore[no-any-return]


def classes() -> dict[str, type[ArticlePage]]:
    """Every page class by its name."""
    found = (spider.page for spider in SITES.values())
    return {page.name: page for page in found}


def digest(page: type[ArticlePage]) -> str:
    """SHA-256 of all rows and links that the class makes of the pages."""
    whole = sha256()
    for url, body in pages(page):
        whole.update(output(page, url, body))
    return whole.hexdigest()


def pages(page: type[ArticlePage]) -> Iterator[tuple[str, bytes]]:
    """Pages of its sites as they are, and with other class names; for the class of any site the pages of all."""
    for place in PLACES:
        own = SITES[place.parent.name].page
        if own is page or own.fallback is page:
            yield at(place), place.with_suffix(".html").read_bytes()
            if place in PAGES:
                yield at(place), changed(place, rename(named_by(own), 1.0, 1))


def output(page: type[ArticlePage], url: str, body: bytes) -> bytes:
    ref = CaptureRef("a.warc.gz", 0, len(body), "<urn:uuid:1>", "response", url, None, CAPTURED_AT, 200)
    read = page(Response(url, body=body, headers=HTML, request=Request(url, meta={"capture": ref})))
    told = f"{url} {read.is_article()} {read.refusal()}\n".encode()
    row = CleanPipeline().process_item(read.article())
    row.row_id = row.extraction.page = ""  # the number itself
    return told + to_line(row) + to_line(read.page_links())


def write() -> str:
    """Note the present digests; a line for each class. A released number keeps the digest it has."""
    known = noted() if FILE.exists() else {"released": False, "pages": {}}
    lines = []
    for name, page in sorted(classes().items()):
        old, new = known["pages"].get(name), {"number": page.number, "digest": digest(page)}
        if old == new:
            continue
        if known["released"] and old and page.number <= old["number"]:
            lines.append(f"{name} gives other rows: raise its number, {old['number']} is released")
            continue
        known["pages"][name] = new
        lines.append(f"{name}/{page.number} noted")
    FILE.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    return "".join(f"{line}\n" for line in lines) or "nothing has changed\n"


if __name__ == "__main__":
    sys.stdout.write(write())
