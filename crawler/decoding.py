"""Bodies without their content encodings (RFC 9110 section 8.4), in bounded memory and time.

raw bytes ─► pieces ─► layer (br, gzip …) ─► layer ─► at most DECODED_MAXSIZE bytes

Each layer is a generator that takes small pieces and gives small pieces, so that a bomb under another encoding is as
small as its limit at every moment. The raw bytes are in the archive already, whatever becomes of them here.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Self

import brotli  # type: ignore[import-untyped]
from isal import isal_zlib
from scrapy.http import Response
from scrapy.responsetypes import responsetypes

from crawler.limits import MB, Limits, NotRead
from warc.reader import GZIP, GZIP_ERROR

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

PIECE: Final = 1 << 18  # bytes that go into a layer at once, and that come out of it
MAY_SWELL: Final = MB  # bytes of output from which the ratio counts: an empty page may shrink to nothing
WINDOW_LOG: Final = 23  # RFC 9659: no more than 8 MB of window in zstd; without it a frame takes 128 MB

Layer = Callable[[Iterator[bytes]], Iterator[bytes]]


class Decoding:
    """Downloader middleware, and what reads bodies out of WARC files: the same bytes are the same page."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(Limits.of(crawler.settings))

    def process_request(self, request: Request) -> None:
        """The limits go with the request; a sitemap may be larger than a page."""
        request.meta["limits"] = self._limits
        if request.meta.get("kind") in ("sitemap", "feed"):
            request.meta.setdefault("download_maxsize", self._limits.sitemap_maxsize)

    def process_response(self, request: Request, response: Response) -> Response:
        """Raises NotRead; ``meta["download_maxsize"]`` goes before the setting."""
        if request.method == "HEAD":
            return response
        return self.decoded(response, request.meta.get("download_maxsize"))

    def decoded(self, response: Response, maxsize: int | None = None) -> Response:
        """The response without the encodings that are known; the others stay in its header. Raises NotRead."""
        headers = response.headers
        if "Content-Encoding" not in headers:
            return response
        told = [name.strip().lower() for line in headers.getlist("Content-Encoding") for name in line.split(b",")]
        names = [name for name in told if name not in (b"", b"identity")]
        layers: list[Layer] = []
        while names and (layer := LAYERS.get(names[-1])) is not None:
            layers.append(layer)
            names.pop()
        if len(layers) > self._limits.content_encodings_max:
            raise NotRead("too_many_encodings", f"{response.url} has {len(layers)} content encodings")
        body = self._body(response.url, response.body, layers, maxsize or self._limits.decoded_maxsize)
        del headers["Content-Encoding"]
        if names:
            headers["Content-Encoding"] = b", ".join(names)
        kind = responsetypes.from_args(headers=headers, url=response.url, body=body)
        request = response.request
        return kind(
            response.url,
            status=response.status,
            headers=headers,
            body=body,
            flags=response.flags,
            request=request,
            certificate=response.certificate,
            ip_address=response.ip_address,
            protocol=response.protocol,
        )

    def _body(self, url: str, body: bytes, layers: list[Layer], maxsize: int) -> bytes:
        if not layers:
            return body
        most = min(maxsize, max(MAY_SWELL, len(body) * self._limits.decoded_ratio))
        reason = "decoded_too_large" if most == maxsize else "decoded_ratio"
        pieces = _pieces(body)
        for layer in layers:
            pieces = _bounded(_lenient(layer(pieces), url), most, reason, url)
        return b"".join(pieces)


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[at : at + PIECE] for at in range(0, len(body), PIECE))


def _bounded(pieces: Iterator[bytes], most: int, reason: str, url: str) -> Iterator[bytes]:
    """The pieces, as long as they come to no more than ``most`` bytes."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise NotRead(reason, f"{url} exceeded {most} bytes without its content encoding")
        yield piece


def _lenient(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Of a damaged body what comes before the damage, as browsers show it; NotRead where that is nothing."""
    some = False
    try:
        for piece in pieces:
            some = some or bool(piece)
            yield piece
    except BROKEN as error:
        if not some:
            raise NotRead("bad_encoding", f"{url} is not what its Content-Encoding says: {error}") from error


def _gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Any number of members; what follows the last one is padding. Raises EOFError when the last one has no end."""
    stream = None
    for piece in pieces:
        data = piece
        while data:
            if stream is None or stream.eof:
                if data[0] != 0x1F:
                    raise zlib.error("Not a gzipped file")
                stream = isal_zlib.decompressobj(GZIP)
            yield stream.decompress(data, PIECE)
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
    if stream is not None and not stream.eof:
        raise EOFError("it has no end")


def _deflate(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """In its zlib wrapper, or without it, as some servers send it. Raises EOFError when it has no end."""
    data = next(pieces, b"")
    stream = zlib.decompressobj()
    try:
        stream.copy().decompress(data, 1)
    except zlib.error:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
    while data and not stream.eof:
        yield stream.decompress(data, PIECE)
        data = stream.unconsumed_tail or next(pieces, b"")
    yield stream.flush()
    if not stream.eof:
        raise EOFError("it has no end")


def _brotli(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Raises EOFError when it has no end."""
    stream = brotli.Decompressor()
    for piece in pieces:
        if stream.is_finished():
            return
        data = stream.process(piece, output_buffer_limit=PIECE)
        while data or not stream.can_accept_more_data():  # it takes its input in before it has given all of it out
            yield data
            data = stream.process(b"", output_buffer_limit=PIECE)
    if not stream.is_finished():
        raise EOFError("it has no end")


def _zstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Any number of frames. Raises EOFError when the last one has no end."""
    stream = None
    for piece in pieces:
        data = piece
        while data or not (stream is None or stream.needs_input or stream.eof):
            if stream is None or stream.eof:
                stream = _zstd_frame()
            yield stream.decompress(data, PIECE)
            data = stream.unused_data if stream.eof else b""
    if stream is not None and not stream.eof:
        raise EOFError("it has no end")


def _zstd_frame() -> Any:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})


BROKEN: Final = (zlib.error, GZIP_ERROR, brotli.error, zstd.ZstdError, EOFError)
LAYERS: Final[dict[bytes, Layer]] = {
    b"gzip": _gzip,
    b"x-gzip": _gzip,
    b"deflate": _deflate,
    b"br": _brotli,
    b"zstd": _zstd,
}
