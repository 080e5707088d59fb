"""A site of many large pages for the crawl bench, behind a forward proxy on loopback that does nothing but send bytes.

    python -m tests.bench.site [--pages 2000] [--gzip]

Articles are pages of the replica's baoquocte.vn, filled up to about 100 kB and 200 links and numbered in address and
text, so that each is a page of its own; all links to articles stay inside. Everything is plain http and rendered before
the first request. The address of the proxy is the first line of stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import random
import re
import sys
from collections.abc import Callable
from dataclasses import replace

from tests.replica.baoquocte_article import article_page
from tests.replica.baoquocte_edition import PAGE_SIZE, Edition
from tests.replica.baoquocte_frame import block, card, right_column
from tests.replica.baoquocte_listing import Listing, listing_page
from tests.replica.baoquocte_sections import HOME
from tests.replica.model import Piece, Story
from tests.replica.server import DEFAULT_CLOCK

HOST = "baoquocte.vn"
LIST = "/the-gioi"
START = f"http://{HOST}{LIST}"
TEMPLATES = 60
LENGTH = 100_000  # bytes of an article page
LINKS = 200  # a elements in it
PARAGRAPHS = 20  # added to each text
FIRST = 500_000  # number of the first article

_ARTICLE = re.compile(rf"{HOME}/[\w-]*?-(\d+)\.(?:html|media)")
PARAGRAPH = "Đoàn công tác đã đi thăm các xã ven sông, nghe người dân nói về mùa nước và con đường mới sắp mở. "


def pages(count: int) -> dict[str, str]:
    """Every page of the site by its path."""
    edition = Edition(DEFAULT_CLOCK)
    column = right_column(edition)
    stories = [s for s in edition.listed if s.era == "2026" and s.kind == "article" and "json_ld" in s.traits]
    stories = [s for s in stories if "nfd" not in s.traits][:TEMPLATES]
    templates = [filled(story, edition, column) for story in stories]
    chance = random.Random(2026)
    paths = [f"/bai-viet-thu-{n}-ve-mua-nuoc-va-con-duong-moi-{FIRST + n}.html" for n in range(count)]
    site: dict[str, str] = {}
    for n, path in enumerate(paths):
        story = stories[n % len(stories)]
        html = templates[n % len(stories)].replace(PARAGRAPH.strip(), f"Đây là bài thứ {n}. {PARAGRAPH.strip()}", 1)
        site[path] = _linked(html, story, path, lambda _: chance.choice(paths))
    for offset in range(0, count, PAGE_SIZE):
        listed = stories[: min(PAGE_SIZE, count - offset)]
        listing = Listing("category", f"{HOME}{LIST}", "Thế giới", tuple(listed), offset, count)
        at = {story.number: paths[offset + n] for n, story in enumerate(listed)}
        html = listing_page(listing, column)
        path = f"{LIST}&s_cond=&BRSR={offset}" if offset else LIST
        site[path] = _linked(html, None, path, lambda number, at=at: at.get(number) or chance.choice(paths))
    return site


def filled(story: Story, edition: Edition, column: str) -> str:
    """The story's page with a longer text, more cards and a script's data at its foot."""
    longer = replace(story, pieces=(*story.pieces, *[Piece("paragraph", PARAGRAPH)] * PARAGRAPHS))
    html = article_page(longer, edition, column)
    cards = [card(other) for other in edition.listed[40:] if other.id != story.id]
    foot = block("bx-detail-listing", "", "".join(cards[: (LINKS - html.count("<a ")) // cards[0].count("<a ")]))
    missing = LENGTH - len((html + foot).encode())
    data = PARAGRAPH * (missing // len(PARAGRAPH.encode()))
    return html.replace("<footer ", f'{foot}<script>var texts = ["{data}"];</script>\n<footer ', 1)


def _linked(html: str, own: Story | None, path: str, target: Callable[[int], str]) -> str:
    """The page with its own address, links to articles of this site, and http everywhere."""

    def there(match: re.Match[str]) -> str:
        number = int(match[1])
        return HOME + (path if own is not None and number == own.number else target(number))

    return _ARTICLE.sub(there, html).replace(f"https://{HOST}", f"http://{HOST}")


class Server(asyncio.Protocol):
    """Answers GET in absolute form, on connections that stay open."""

    def __init__(self, answers: dict[bytes, bytes], gzipped: dict[bytes, bytes]) -> None:
        self.answers = answers
        self.gzipped = gzipped
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        while b"\r\n\r\n" in self.held:
            head, _, self.held = self.held.partition(b"\r\n\r\n")
            url = head.split(b" ", 2)[1]
            path = b"/" + url.partition(b"://")[2].partition(b"/")[2]
            answers = self.gzipped if b"gzip" in head else self.answers
            self.transport.write(answers.get(path) or self.answers[b""])


def answer(status: str, body: bytes, content_type: str, *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


async def serve(site: dict[str, str], with_gzip: bool) -> None:
    html = "text/html; charset=UTF-8"
    bodies = {path.encode(): text.encode() for path, text in site.items()}
    answers = {path: answer("200 OK", body, html, "Server: bench") for path, body in bodies.items()}
    answers[b"/robots.txt"] = answer("200 OK", b"User-agent: *\nDisallow: /noi-bo/\n", "text/plain")
    answers[b""] = answer("404 Not Found", b"<h1>404</h1>", html)
    gzipped = answers
    if with_gzip:
        small = {path: gzip.compress(body, 6) for path, body in bodies.items()}
        gzipped = answers | {p: answer("200 OK", b, html, "Content-Encoding: gzip") for p, b in small.items()}
    server = await asyncio.get_running_loop().create_server(lambda: Server(answers, gzipped), "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2000, help="articles; lists of 15 lead to them")
    parser.add_argument("--gzip", action="store_true", help="answer gzipped to those that accept it")
    options = parser.parse_args()
    asyncio.run(serve(pages(options.pages), options.gzip))


if __name__ == "__main__":
    main()
