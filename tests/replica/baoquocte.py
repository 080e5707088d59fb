"""The replica's baoquocte.vn: which address answers what.

Hosts: the bare one; www (redirects); id. (a mirror of everything); en. (the English edition); cdn. (images).
http redirects to https, except on the mirror. Each fetch of a page differs in its generation stamps only.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from datetime import UTC, timedelta
from email.utils import format_datetime

from tests.replica.baoquocte_article import article_page, copy_page
from tests.replica.baoquocte_edition import Edition
from tests.replica.baoquocte_frame import CACHED, PAGEGEN, RANDTIME, TODAY, right_column
from tests.replica.baoquocte_links import CHALLENGE, CLOSED, SOFT_404
from tests.replica.baoquocte_listing import (
    ROBOTS,
    feed,
    front_page,
    listing_page,
    listings,
    not_found_page,
    page_address,
    sitemaps,
    topics_page,
)  # fmt: skip
from tests.replica.baoquocte_sections import EDITION_EN, HOME, PUBLISHER, TREE
from tests.replica.media import media
from tests.replica.model import HANOI, Story
from tests.replica.server import Answer, Request

ARTICLE = re.compile(r"^/[^/]*-(\d+)\.(html|media)((?:&[^?#]*)?)$")
PRINT = re.compile(r"^/apicenter@/print_article&i=(\d+)$")
PAGE_OFFSET = re.compile(r"&s_cond=&BRSR=(\d+)$")
STATIC = {"/thong-tin-toa-soan", "/lien-he-quang-cao", "/chinh-sach-bao-mat", "/doc-gia-lam-bao"}
WEEKDAYS = ("Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy", "Chủ nhật")
HTML = ("Content-Type", "text/html; charset=UTF-8")


class Baoquocte:
    """Answers for all hosts of the paper."""

    hosts: tuple[str, ...] = (
        "baoquocte.vn",
        "www.baoquocte.vn",
        "id.baoquocte.vn",
        "en.baoquocte.vn",
        "cdn.baoquocte.vn",
    )

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        self.listings = listings(edition)
        self.column = right_column(edition)
        self.sitemaps = sitemaps(edition)
        self.fetches = 0
        self._pages: dict[str, str] = {}

    def respond(self, request: Request) -> Answer:
        self.fetches += 1
        host, target = request.host, request.target
        if host == "www.baoquocte.vn" or (
            request.scheme == "http" and host not in ("id.baoquocte.vn", "cdn.baoquocte.vn")
        ):
            home = "https://" + host.removeprefix("www.")
            return Answer(301, "Moved Permanently", [HTML, ("Location", home + target)], b"")
        path = target.partition("?")[0]
        if path.startswith(("/stores/", "/modules/", "/cdn-cgi/")):
            return self._file(path)
        if host == "cdn.baoquocte.vn":
            return self._missing()
        base = EDITION_EN if host == "en.baoquocte.vn" else HOME
        return self._page(base, path, target)

    def _page(self, base: str, path: str, target: str) -> Answer:
        if path == "/robots.txt":
            return Answer(200, "OK", [("Content-Type", "text/plain; charset=utf-8")], ROBOTS.encode())
        if path in self.sitemaps:
            return self._send(self.sitemaps[path], target, content_type="text/xml; charset=utf-8", modified=True)
        if (found := re.match(r"^/rss_feed/(.*?)/?$", path)) or (found := re.match(r"^/(.+)/rss_feed/$", path)):
            return self._feed(found[1], target)
        if base + path == CHALLENGE.url:
            return challenge()
        if base + path in (SOFT_404.url, CLOSED.url):
            text = "Nội dung bạn tìm không còn trên trang" if base + path == SOFT_404.url else "Sổ tay biên tập"
            return self._send(not_found_page(self.column, text), target)
        if found := ARTICLE.match(path):
            return self._article(base, int(found[1]), found[2], found[3], target)
        if found := PRINT.match(path):
            story = self.edition.by_number.get(int(found[1]))
            return self._send(copy_page(story, "print"), target) if story else self._missing()
        if path.startswith(("/apicenter@/", "/widgets@/", "/search_enginer.html")):
            return self._send("<div></div>", target)
        return self._list(base, path, target)

    def _article(self, base: str, number: int, tail: str, parameters: str, target: str) -> Answer:
        """The id alone names an article: another slug, host or suffix redirects to its address."""
        story = self.edition.by_number.get(number)
        if story is None:
            return self._missing()
        address = base + target.partition("?")[0].removesuffix(parameters)
        if address != story.url:
            return Answer(301, "Moved Permanently", [HTML, ("Location", story.url + parameters)], b"")
        form = "amp" if "amp=1" in parameters else "mobile" if "mobile=yes" in parameters else ""
        key = f"{number}{form}"
        if key not in self._pages:
            self._pages[key] = copy_page(story, form) if form else article_page(story, self.edition, self.column)
        etag = f'W/"{digest(story)}{form}"' if "etag" in story.traits else None
        return self._send(self._pages[key], target, etag=etag)

    def _list(self, base: str, path: str, target: str) -> Answer:
        path = path.removesuffix("&mobile=yes")
        if path == "/" and base == HOME:
            return self._send(front_page(self.edition, self.column), target, modified=True)
        if path == "/chu-de":
            return self._send(topics_page(self.column), target, modified=True)
        if path in STATIC:
            return self._send(not_found_page(self.column, f"{PUBLISHER}: trang thông tin"), target)
        listing = self.listings.get(base + path)
        if listing is None and (found := PAGE_OFFSET.search(path)):
            first = self.listings.get(base + path[: found.start()])
            listing = first and self.listings.get(page_address(first.base, int(found[1])))
            if first is not None and listing is None:  # past the end: the frame without items
                return self._send(not_found_page(self.column, first.name), target)
        if listing is None:
            return self._missing()
        return self._send(listing_page(listing, self.column), target, modified=True)

    def _feed(self, section: str, target: str) -> Answer:
        stories = self.edition.feed(section)
        if stories is None:
            return self._missing()
        name = TREE[section.partition("/")[0]].label.name if section else PUBLISHER
        return self._send(feed(stories, name), target, content_type="application/rss+xml; charset=utf-8", modified=True)

    def _file(self, path: str) -> Answer:
        """Images and videos; styles and scripts are short."""
        if path.endswith((".css", ".js")):
            kind = "text/css" if path.endswith(".css") else "application/javascript"
            return Answer(200, "OK", [("Content-Type", kind)], f"/* {path} */\n".encode())
        if path.startswith("/cdn-cgi/"):
            return self._send("<p>Địa chỉ thư được bảo vệ</p>", path)
        kind, data = media(path)
        headers = [
            ("Content-Type", kind),
            ("Cache-Control", "max-age=2592000"),
            ("Last-Modified", "Thu, 05 Nov 2026 01:02:03 GMT"),
        ]
        return Answer(200, "OK", headers, data)

    def _missing(self) -> Answer:
        answer = self._send(not_found_page(self.column, "404: trang bạn tìm không có"), "/404")
        answer.status, answer.reason = 404, "Not Found"
        return answer

    def _send(
        self, text: str, target: str, *, etag: str | None = None, modified: bool = False, content_type: str = HTML[1]
    ) -> Answer:
        """A page with this fetch's stamps; plain, gzip, chunked or both, by its address."""
        headers = [("Content-Type", content_type), ("Server", "cloudflare"), ("CF-Cache-Status", "DYNAMIC")]
        if etag:
            headers.append(("ETag", etag))
        if modified:
            newest = self.edition.listed[0].published
            headers.append(("Last-Modified", format_datetime(newest.astimezone(UTC), usegmt=True)))
        way = zlib.crc32(target.encode()) % 4
        return Answer(200, "OK", headers, self._stamp(text).encode(), chunked=way in (2, 3), gzip=way in (1, 3))

    def _stamp(self, text: str) -> str:
        now = (self.edition.clock + timedelta(seconds=7 * self.fetches)).astimezone(HANOI)
        for mark, value in (
            (PAGEGEN, f"{now:%d-%m-%Y %H:%M:%S}"),
            (RANDTIME, str(int(now.timestamp()))),
            (TODAY, f"{WEEKDAYS[now.weekday()]} {now:%d/%m/%Y %H:%M}"),
            (CACHED, f"{now:%H:%M:%S}"),
        ):
            text = text.replace(mark, value)
        return text


def digest(story: Story) -> str:
    """Changes when what the article says changes."""
    return hashlib.sha1(repr((story.title, story.pieces, story.modified)).encode()).hexdigest()[:16]


def challenge() -> Answer:
    """The shield's page instead of the article."""
    text = """<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>
<meta name="robots" content="noindex,nofollow"></head>
<body><div class="main-wrapper"><h1>baoquocte.vn</h1>
<p>We are checking that you are a person. This takes a few seconds.</p>
<noscript>Enable JavaScript to continue</noscript></div><script>window._cf_chl_opt={cType:'managed'};</script>
<script src="/cdn-cgi/challenge-platform/h/g/orchestrate/chl_page/v1"></script></body></html>"""
    headers = [HTML, ("Server", "cloudflare"), ("cf-mitigated", "challenge"), ("Cache-Control", "no-store")]
    return Answer(403, "Forbidden", headers, text.encode())
