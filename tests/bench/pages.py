"""Article pages of about 100 kB and 200 links of both replica sites, each at an address of its own, in WARC files.

The replica's own pages are 20 to 40 kB. A longer text, more cards and a script's data make them as large as real
ones; the form of each page stays that of its era.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

from crawler.capture import Exchange
from crawler.records import records_of
from tests.bench.site import FIRST, LENGTH, LINKS, PARAGRAPH, PARAGRAPHS, filled
from tests.replica.baoquocte_edition import Edition
from tests.replica.baoquocte_frame import right_column
from tests.replica.model import Piece, Story
from tests.replica.server import DEFAULT_CLOCK
from tests.replica.vietnamvn_article import article_page
from tests.replica.vietnamvn_edition import VietnamEdition
from tests.replica.vietnamvn_frame import link_block
from warc.writer import WarcFile

SITES = ("baoquocte", "vietnamvn")
_NUMBER = re.compile(r"\d+(?=\.(?:html|media)$)|$")


def pages(site: str, count: int) -> Iterator[tuple[str, str]]:
    """Address and HTML of this many articles; the texts repeat, the addresses do not."""
    edition = Edition(DEFAULT_CLOCK)
    templates = _baoquocte(edition) if site == "baoquocte" else _vietnamvn(edition)
    for n, (url, html) in enumerate(islice(cycle(list(templates)), count)):
        own = _NUMBER.sub(lambda found, n=n: str(FIRST + n) if found[0] else f"-{n}", url, count=1)
        yield own, html.replace(url, own)


def write(site: str, count: int, path: Path) -> None:
    """The pages as a crawl archives them: gzipped by the server, each response with request and metadata."""
    request = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
    file = WarcFile(path, {"software": "bench"})
    for url, html in pages(site, count):
        body = gzip.compress(html.encode(), 6, mtime=0)
        head = ["HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", "Content-Encoding: gzip"]
        answer = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
        exchange = Exchange(url, datetime(2026, 11, 21, tzinfo=UTC), request, BytesIO(answer))
        file.append(records_of(exchange, lambda digest: None).records)
    file.close()


def _baoquocte(edition: Edition) -> Iterator[tuple[str, str]]:
    column = right_column(edition)
    for story in edition.listed:
        if story.kind == "article":
            yield story.url, filled(story, edition, column)


def _vietnamvn(edition: Edition) -> Iterator[tuple[str, str]]:
    vietnam = VietnamEdition(DEFAULT_CLOCK, edition.listed)
    for story in vietnam.listed["vi"]:
        yield story.url, _filled_out(story, vietnam)


def _filled_out(story: Story, edition: VietnamEdition) -> str:
    """A page of vietnam.vn with a longer text, one more list of articles and a script's data."""
    longer = replace(story, pieces=(*story.pieces, *[Piece("paragraph", PARAGRAPH)] * PARAGRAPHS))
    html = article_page(longer, edition)
    others = [other.as_target() for other in edition.listed["vi"][20:] if other.id != story.id]
    more = link_block("Cùng chuyên mục", others[: max(0, LINKS - html.count("<a ")) // 2], True)
    data = PARAGRAPH * ((LENGTH - len((html + more).encode())) // len(PARAGRAPH.encode()))
    html = html.replace("</main>", f"{more}</main>", 1)
    return html.replace("</body>", f'<script>var texts = ["{data}"];</script>\n</body>', 1)
