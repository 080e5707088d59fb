"""Responses out of WARC files instead of the network: the same objects that a live crawl would see.

*.warc.gz ─► read_captures ─► raw_response ─► HttpCompressionMiddleware ─► response with request.meta["capture"]
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]
from isal import isal_zlib
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.statscollectors import MemoryStatsCollector

from crawler.capture import CaptureRef
from crawler.dom import as_page
from warc.reader import GZIP, GZIP_ERROR, Capture, capture_at, read_captures
from warc.writer import OPEN

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

if TYPE_CHECKING:
    from scrapy.settings import Settings

# What the decoders raise on bodies that are not what Content-Encoding says; IgnoreRequest: over the limit.
_UNREADABLE = (IgnoreRequest, OSError, EOFError, ValueError, zlib.error, brotli.error, ZstdError)


class UnreadableCapture(ValueError):
    """A capture that a live crawl would have failed too: cut off, not what its Content-Encoding says, too large."""


def ref_of(capture: Capture, file: str) -> CaptureRef:
    """The reference to a capture that was read from ``file`` (relative to ARCHIVE_DIR)."""
    return CaptureRef(
        file=file,
        offset=capture.offset,
        length=capture.length,
        record_id=capture.record_id,
        record_type=capture.record_type,
        target_uri=capture.target_uri,
        payload_digest=capture.payload_digest,
        captured_at=capture.date,
        status=capture.status,
    )


def raw_response(capture: Capture, ref: CaptureRef) -> Response:
    """The response as the download handler gave it: de-chunked, still content-encoded. Raises UnreadableCapture."""
    capture = as_page(capture)
    if capture.status is None:
        raise UnreadableCapture(f"{capture.target_uri}: no HTTP status")
    if capture.truncated is not None:
        raise UnreadableCapture(f"{capture.target_uri}: cut off ({capture.truncated})")
    headers = Headers()
    for name, value in capture.headers:
        headers.appendlist(name, value)
    try:
        request = Request(capture.target_uri, meta={"capture": ref}, dont_filter=True)
    except ValueError as error:
        raise UnreadableCapture(f"{capture.target_uri}: {error}") from error
    kind = responsetypes.from_args(headers=headers, url=request.url, body=capture.body)
    return kind(request.url, status=capture.status, headers=headers, body=capture.body, request=request)


def read_again(folder: Path, ref: CaptureRef, url: str) -> Response:
    """The archived bytes as the answer at the address that was asked, from a file that may still be open.

    Raises UnreadableCapture, ``warc.reader.DamagedRecord`` and OSError.
    """
    path = folder / ref.file
    place = path if path.exists() else path.with_name(path.name + OPEN)
    return raw_response(replace(capture_at(place, ref.offset), target_uri=url), ref)


def _inflated(body: bytes, max_size: int) -> bytes | None:
    """A whole gzip body, at a third of the middleware's cost; None for any that it has to judge."""
    decompressor = isal_zlib.decompressobj(GZIP)
    try:
        data = decompressor.decompress(body, max_size + 1) if max_size else decompressor.decompress(body)
    except GZIP_ERROR:
        return None
    whole = decompressor.eof and not decompressor.unused_data and (not max_size or len(data) <= max_size)
    return data if whole else None


def _with_body(response: Response, body: bytes) -> Response:
    """As the middleware leaves a response that it has decoded."""
    headers = response.headers
    del headers["Content-Encoding"]
    kind = responsetypes.from_args(headers=headers, url=response.url, body=body)
    return kind(response.url, status=response.status, headers=headers, body=body, request=response.request)


class Replay:
    """Reads WARC files as responses with decoded bodies, by the very middleware that decodes them in a crawl."""

    def __init__(self, settings: Settings, crawler: Crawler | None = None) -> None:
        """``crawler``: the running one, whose settings cannot be given to another."""
        if crawler is None:
            crawler = Crawler(Spider, settings)
            crawler.stats = MemoryStatsCollector(crawler)
        self._compression = HttpCompressionMiddleware.from_crawler(crawler)
        self._max_size = settings.getint("DOWNLOAD_MAXSIZE")

    def read(self, path: Path, file: str) -> Iterator[tuple[CaptureRef, Response | UnreadableCapture]]:
        """Each HTTP response record of a file, in order; revisits and resources are left out.

        One that cannot be read is handed out as the error, so that one page does not end the reading.
        Raises ``warc.reader.DamagedRecord`` where the file itself cannot be read.
        """
        for capture in read_captures(path):
            if capture.record_type != "response" or capture.status is None:
                continue
            ref = ref_of(capture, file)
            try:
                yield ref, self.decoded(raw_response(capture, ref))
            except UnreadableCapture as error:
                yield ref, error

    def decoded(self, response: Response) -> Response:
        """The response without its content encoding; UnreadableCapture when that is not possible."""
        assert response.request is not None
        if response.headers.getlist("Content-Encoding") == [b"gzip"]:
            body = _inflated(response.body, self._max_size)
            if body is not None:
                return _with_body(response, body)
        try:
            result = self._compression.process_response(response.request, response)
        except _UNREADABLE as error:
            raise UnreadableCapture(f"{response.url}: {error}") from error
        assert isinstance(result, Response)
        return result
