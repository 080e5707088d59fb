"""Responses out of WARC files instead of the network: the same objects that a live crawl would see.

*.warc.gz ─► read_captures ─► raw_response ─► Decoding ─► response with request.meta["capture"]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes

from crawler.capture import CaptureRef
from crawler.decoding import Decoding
from crawler.dom import as_page
from crawler.limits import Limits, NotRead
from warc.reader import Capture, capture_at, read_captures
from warc.writer import OPEN

if TYPE_CHECKING:
    from scrapy.settings import Settings


_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, section 5.6.2


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


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The header lines of an answer as Scrapy's responses have them, in a crawl and out of the archive.

    A line whose name is none is left out, as browsers do; a bare CR counts as a space (RFC 9110, section 5.5).
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        if _NAME.fullmatch(name):
            found.setdefault(name.lower(), []).append(value.replace(b"\r", b" "))
    return Headers(found)


def raw_response(capture: Capture, ref: CaptureRef) -> Response:
    """The response as the download handler gave it: de-chunked, still content-encoded. Raises UnreadableCapture."""
    capture = as_page(capture)
    if capture.status is None:
        raise UnreadableCapture(f"{capture.target_uri}: no HTTP status")
    if capture.truncated is not None:
        raise UnreadableCapture(f"{capture.target_uri}: cut off ({capture.truncated})")
    headers = headers_of(capture.headers)
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
    return raw_response(replace(as_page(capture_at(place, ref.offset)), target_uri=url), ref)


class Replay:
    """Reads WARC files as responses with decoded bodies, by the very code that decodes them in a crawl."""

    def __init__(self, settings: Settings) -> None:
        self._limits = Limits.of(settings)
        self._decoding = Decoding(self._limits)

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
        response.request.meta["limits"] = self._limits
        try:
            return self._decoding.decoded(response)
        except NotRead as error:
            raise UnreadableCapture(str(error)) from error
