"""The replica's vietnam.vn: which address answers what.

The bare host and http redirect to https://www.; a trailing slash redirects (308), but on the addresses of the
WordPress years answers the page itself. Query strings of articles are ignored. Two hosts serve images.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC
from email.utils import format_datetime

from tests.replica.media import media
from tests.replica.server import Answer, Request
from tests.replica.vietnamvn_article import article_page
from tests.replica.vietnamvn_edition import CLOSED, SOFT_404, VietnamEdition
from tests.replica.vietnamvn_listing import ROBOTS, empty_page, feed, listing_page, listings, sitemaps
from tests.replica.vietnamvn_sections import LANGUAGES, WWW, prefix

HTML = "text/html; charset=utf-8"


class Vietnamvn:
    """Answers for the site and its two image hosts."""

    hosts: tuple[str, ...] = ("www.vietnam.vn", "vietnam.vn", "vstatic.vietnam.vn", "vphoto.vietnam.vn")

    def __init__(self, edition: VietnamEdition) -> None:
        self.edition = edition
        self.listings = listings(edition)
        self.sitemaps = sitemaps(edition)
        self.feeds = {f"{prefix(language)}/sitemap.rss": feed(edition, language) for language in LANGUAGES}
        self._pages: dict[str, str] = {}

    def respond(self, request: Request) -> Answer:
        path = request.target.partition("?")[0]
        if request.host in ("vstatic.vietnam.vn", "vphoto.vietnam.vn") or path.startswith(("/wp-content/", "/_next/")):
            return self._file(path)
        if request.scheme == "http" or request.host == "vietnam.vn":
            return redirect(301, "Moved Permanently", WWW + request.target)
        if path == "/robots.txt":
            return Answer(200, "OK", [("Content-Type", "text/plain")], ROBOTS.encode())
        if path in self.sitemaps:
            return self._send(self.sitemaps[path], path, "application/xml", modified=True)
        if path in self.feeds:
            return self._send(self.feeds[path], path, "application/rss+xml; charset=utf-8", modified=True)
        return self._page(path, request.target)

    def _page(self, path: str, target: str) -> Answer:
        bare = path.rstrip("/") or "/"
        story = self.edition.by_path.get(bare)
        if path != bare and (story is None or story.era != "wordpress"):
            return redirect(308, "Permanent Redirect", WWW + bare + target[len(path) :])
        if story is not None:
            if bare not in self._pages:
                self._pages[bare] = article_page(story, self.edition)
            return self._send(self._pages[bare], path, HTML, etag="etag" in story.traits)
        listing = self.listings.get(WWW + target) or self.listings.get(WWW + path)
        if listing is not None:
            return self._send(listing_page(listing), target, HTML, modified=True)
        if WWW + path == SOFT_404.url:
            return self._send(empty_page("Không tìm thấy nội dung"), path, HTML)
        if WWW + path == CLOSED:
            return self._send(empty_page("Bài đã lưu"), path, HTML)
        answer = self._send(empty_page("404"), path, HTML)
        answer.status, answer.reason = 404, "Not Found"
        return answer

    def _file(self, path: str) -> Answer:
        if path.endswith((".css", ".js")):
            kind = "text/css" if path.endswith(".css") else "application/javascript"
            return Answer(200, "OK", [("Content-Type", kind)], f"/* {path} */\n".encode())
        kind, data = media(path)
        return Answer(200, "OK", [("Content-Type", kind), ("Cache-Control", "public, max-age=31536000")], data)

    def _send(self, text: str, path: str, content_type: str, *, etag: bool = False, modified: bool = False) -> Answer:
        body = text.encode()
        headers = [("Content-Type", content_type), ("X-Powered-By", "Next.js")]
        if etag:
            headers.append(("ETag", f'"{hashlib.sha1(body).hexdigest()[:16]}"'))
        if modified:
            newest = self.edition.listed["vi"][0].published.astimezone(UTC)
            headers.append(("Last-Modified", format_datetime(newest, usegmt=True)))
        way = zlib.crc32(path.encode()) % 4
        return Answer(200, "OK", headers, body, chunked=way in (2, 3), gzip=way in (1, 3))


def redirect(status: int, reason: str, address: str) -> Answer:
    return Answer(status, reason, [("Location", address), ("Content-Type", HTML)], b"")
