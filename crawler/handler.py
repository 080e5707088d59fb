"""The tee: fetch one request and archive exactly what went over the connection.

    request ─► guard ─► connection ─► bytes both ways ─► Exchange ─► store ─► CaptureRef ─► Response

The Response is handed on only after the store has appended the records, with ``request.meta["capture"]`` naming them;
an append that fails fails the request. Everything private of Twisted and Scrapy that the project leans on is imported
here and nowhere else; ``tests/test_crawler_handler.py`` notices when one of these names changes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile, gettempdir
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urldefrag, urlsplit

from scrapy import Request
from scrapy.core.downloader.contextfactory import _load_context_factory_from_settings
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.core.downloader.handlers.http11 import (
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
    _RequestBodyProducer,
)
from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Headers, Response
from scrapy.utils._download_handlers import make_response, wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError
from twisted.web._newclient import Request as WireRequest
from twisted.web.client import URI, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss, _ChunkedTransferDecoder, _MalformedChunkedDataError
from twisted.web.http_headers import Headers as WireHeaders
from twisted.web.http_headers import InvalidHeaderName

from crawler.archive import archive_of
from crawler.capture import CaptureRef, Exchange
from crawler.conditional import ask_again_in_full
from crawler.guard import Guard, GuardedEndpoint
from crawler.stopping import Unfinished
from crawler.trouble import HANDLES
from crawler.tunnel import TunnelEndpoint
from warc.reader import DamagedRecord

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

SPOOL_BYTES = 2 * 1024 * 1024  # a larger response is kept on disk while it comes
HEAD_MAX_BYTES = 256 * 1024  # a head that is longer has no end that we would wait for
HEAD_END = re.compile(rb"\r?\n\r?\n")
UNREADABLE = (ParseError, ValueError, KeyError, _MalformedChunkedDataError)  # what Twisted raises on a bad answer
GIVEN_UP = "given up"  # a cause that no record has
INTERIM = re.compile(rb"HTTP/\d\.\d 1\d\d\b")


class Tee:
    """Collects both directions of one exchange on one connection."""

    def __init__(self) -> None:
        self.request = bytearray()
        self.response: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115
        self.transport: Any = None
        self.ip: str | None = None
        self.protocols: tuple[str, ...] = ()  # WARC-Protocol
        self.cipher: str | None = None
        self.cancel: Callable[[], None] = lambda: None  # gives up a connection that is not there yet
        self.cause: str | None = None
        self.trouble: OSError | None = None  # why the copy could not be kept
        self._head: bytearray | None = bytearray()  # what came of the head, until it ends
        self._open = False

    def begin(self, transport: Any) -> None:
        """Start (again, when a kept-alive connection turned out to be dead) with nothing recorded."""
        self.transport = transport
        self.ip = transport.getPeer().host
        self.protocols = ("http/1.1",)
        self.request.clear()
        self._head = bytearray()
        self._open = True

    def data(self, data: bytes) -> None:
        """Record bytes as they came. Interim answers (1xx, RFC 9110 section 15.2) before the answer are left out."""
        if not self._open:
            return
        if not self._head:
            self._note_encryption()
        try:
            self._record(data)
        except OSError as error:  # a large response is kept on disk, and that disk may be full
            self.trouble = OSError(error.errno, error.strerror, gettempdir())
            self._open = False
            self.abort()

    def _record(self, data: bytes) -> None:
        if self._head is None:
            self.response.write(data)
            return
        self._head += data
        while end := HEAD_END.search(self._head):
            if not INTERIM.match(self._head):
                self.response.write(self._head)
                self._head = None
                return
            del self._head[: end.end()]
        if len(self._head) > HEAD_MAX_BYTES:
            self.cause = "length"
            self.abort()

    def _note_encryption(self) -> None:
        """With the first byte of an answer the handshake is over, and the connection is still there to be asked."""
        handle: Any = getattr(self.transport, "getHandle", lambda: None)()
        if hasattr(handle, "get_protocol_version_name"):
            self.protocols = ("http/1.1", handle.get_protocol_version_name().lower().replace("tlsv", "tls/"))
            self.cipher = handle.get_cipher_name()

    def end(self, surplus: int) -> None:
        """The answer is whole; its last ``surplus`` bytes did not belong to it."""
        self._open = False
        if surplus:
            self.response.truncate(self.response.tell() - surplus)

    def abort(self) -> None:
        """Close the connection at once; what came so far stays recorded."""
        if self.transport is None:
            self.cancel()
        else:
            self.transport.abortConnection()

    def give_up(self) -> None:
        """The crawl ends now: close the connection, and have nothing of the exchange archived."""
        self.cause = GIVEN_UP
        self.abort()

    def stop(self) -> int:
        """Record no more; the number of response bytes recorded."""
        self._open = False
        if self._head:
            self.response.write(self._head)
        self._head = None
        return self.response.tell()


class _Recorder:
    """A transport that notes what is written through it."""

    def __init__(self, transport: Any, tee: Tee) -> None:
        self._transport = transport
        self._tee = tee

    def write(self, data: bytes) -> None:
        self._tee.request += data
        self._transport.write(data)

    def writeSequence(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _TeeRequest(WireRequest):
    tee: Tee

    def writeTo(self, transport: Any) -> Any:
        return super().writeTo(_Recorder(transport, self.tee))  # type: ignore[no-untyped-call]


class _TolerantDecoder(_ChunkedTransferDecoder):
    """Takes white space around a chunk size, which RFC 9112 section 7.1.1 has recipients accept."""

    def _dataReceived_CHUNK_LENGTH(self) -> bool:
        end = self._buffer.find(b"\r\n", self._start)
        if end > 0:
            size, semicolon, extension = bytes(self._buffer[:end]).partition(b";")
            self._buffer[:end] = size.strip() + semicolon + extension
            self._start = 0
        return bool(super()._dataReceived_CHUNK_LENGTH())


class _TolerantParser(_LenientHTTPClientParser):
    """Leaves out header lines whose name is none, as browsers do; the tee has them all the same."""

    _transferDecoders = {b"chunked": _TolerantDecoder}  # noqa: RUF012 - Twisted's name and type

    def headerReceived(self, name: bytes, value: bytes) -> None:
        with suppress(InvalidHeaderName):
            super().headerReceived(name.rstrip(), value)  # type: ignore[no-untyped-call]


class _TeeProtocol(_LenientHTTP11ClientProtocol):
    _tee: Tee | None = None

    def request(self, request: Any) -> Any:
        self._tee = request.tee
        assert self._tee is not None
        self._tee.begin(self.transport)
        answer = super().request(request)
        assert self._parser is not None
        self._parser.__class__ = _TolerantParser
        return answer

    def dataReceived(self, data: bytes) -> None:
        if self._tee is not None:
            self._tee.data(data)
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _finishResponse(self, rest: bytes) -> None:
        if self._tee is not None:
            self._tee.end(len(rest))
            self._tee = None
        super()._finishResponse(rest)


class _TeeFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: Any) -> _TeeProtocol:
        return _TeeProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


class _Body(Protocol):
    """Reads a body up to a limit and tells how it ended: None (whole) or the cause of its truncation."""

    def __init__(self, limit: int) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.limit = limit
        self.ended: Deferred[str | None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        if self.ended.called:
            return
        self.parts.append(data)
        self.size += len(data)
        if self.limit and self.size > self.limit:
            self.ended.callback("length")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.ended.called:
            whole = reason.check(ResponseDone, PotentialDataLoss)
            self.ended.callback(None if whole else _ended_by(reason.value))


class ArchiveDownloadHandler(BaseDownloadHandler):
    """Scrapy's seam for http and https."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        from twisted.internet import reactor as running_reactor

        reactor: Any = running_reactor
        settings = crawler.settings
        self._archive = archive_of(crawler)
        self._connect_timeout = settings.getfloat("CONNECT_TIMEOUT")
        self._deadline = settings.getfloat("RESPONSE_DEADLINE")
        self._maxsize = settings.getint("DOWNLOAD_MAXSIZE")
        self._reactor = reactor
        self._guard = Guard.from_settings(settings, crawler.stats)
        self._tls: Any = _load_context_factory_from_settings(crawler)
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self._pool._factory = _TeeFactory

    async def download_request(self, request: Request) -> Response:
        """Fetch, archive, return; raises Scrapy's download errors after the archive has what came.

        A page that an earlier run archived and did not read comes from the archive, and nothing is asked. So does one
        that the server says is not modified; then ``meta["capture"].status`` is 304.
        """
        if (replay := request.meta.get("replay")) is not None:
            request.meta["capture"] = replay
            return await self._replay(request, replay)
        response = await self._fetch(request)
        capture: CaptureRef | None = request.meta["capture"]
        if response.status != 304 or capture is None or capture.revisit_id is None:
            return response
        try:
            return await self._read_back(capture)
        except (OSError, ValueError) as error:
            logger.warning("Not modified, but the archived page cannot be read; asking in full: %s", error)
        ask_again_in_full(request)
        return await self._fetch(request)

    async def _replay(self, request: Request, capture: CaptureRef) -> Response:
        """What an earlier run archived and did not read. Raises Unfinished when it is gone: it is asked again."""
        try:
            return await self._read_back(capture)
        except (FileNotFoundError, DamagedRecord) as error:
            logger.warning("%s cannot be read back and is asked again: %s", request.url, error)
            raise Unfinished(f"{request.url} cannot be read back") from error
        except OSError as error:
            raise self._archive.in_trouble(error) from error

    async def _read_back(self, capture: CaptureRef) -> Response:
        response = await asyncio.to_thread(self._archive.read_back, capture)
        response.request = None  # the engine sets the one that is being answered
        return response

    async def _fetch(self, request: Request) -> Response:
        """One exchange over the network. Raises Unfinished when the crawl ends before it does."""
        tee = Tee()
        started, clock = datetime.now(UTC), monotonic()
        try:
            with self._archive.stopping.running(tee.give_up):
                answer, body, failure = await self._converse(request, tee)
            received = tee.stop()
            if (own_fault := tee.trouble or _out_of_handles(failure)) is not None:
                raise self._archive.in_trouble(own_fault)
            if tee.cause == GIVEN_UP:
                raise Unfinished(f"{request.url} was given up")
            if received and tee.cause is None and failure is not None:
                tee.cause = _ended_by(failure.__cause__)
            request.meta["download_latency"] = monotonic() - clock
            exchange = self._exchange(request, tee, received, started, round((monotonic() - clock) * 1000), failure)
            request.meta["capture"] = await self._archive.append(exchange, request.meta.get("url_id"))
        finally:
            tee.response.close()
        if failure is not None or tee.cause is not None:
            raise _error(request, tee.cause, failure)
        assert body is not None or answer.length == 0
        return _response(request, answer, b"".join(body.parts) if body else b"")

    async def _converse(self, request: Request, tee: Tee) -> tuple[Any, _Body | None, Exception | None]:
        """Send the request and read the answer: Twisted's answer, its body, and what went wrong."""
        body: _Body | None = None
        answer: Any = None
        failure: Exception | None = None
        deadline: Any = self._reactor.callLater(request.meta.get("response_deadline", self._deadline), _expire, tee)
        connected = self._connect_and_send(request, tee)
        tee.cancel = connected.cancel
        try:
            with wrap_twisted_exceptions():
                answer = await maybe_deferred_to_future(connected)
            body = await self._read_body(answer, request, tee)
        except asyncio.CancelledError:
            tee.abort()
            raise
        except Exception as error:  # noqa: BLE001 - archived below, then raised again
            failure = error
        finally:
            if deadline.active():
                deadline.cancel()
        return answer, body, failure

    def _connect_and_send(self, request: Request, tee: Tee) -> Deferred[Any]:
        """Get a connection that the guard has let through and send the request over it."""
        url = urldefrag(request.url)[0].encode("ascii")
        target = URI.fromBytes(url)
        host, port = target.host.decode("ascii"), target.port
        headers = WireHeaders(request.headers)
        authorization = request.headers.get(b"Proxy-Authorization")
        headers.removeHeader(b"Proxy-Authorization")
        if not headers.hasHeader(b"Host"):
            headers.addRawHeader(b"Host", target.netloc)
        path = target.originForm
        proxy = request.meta.get("proxy")
        endpoint: Any
        if proxy:
            self._guard.check_literal(host, port)
            hop = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            hop_host, hop_port = hop.hostname or "", hop.port or 80
            endpoint = GuardedEndpoint(
                self._reactor, self._guard, hop_host, hop_port, self._connect_timeout, as_proxy=True
            )
            key: tuple[Any, ...] = ("proxy", hop_host, hop_port)
            if target.scheme == b"https":
                endpoint = TunnelEndpoint(endpoint, host, port, authorization)
                key = (*key, "tunnel", host, port)
            else:
                path = url
                if authorization:
                    headers.addRawHeader(b"Proxy-Authorization", authorization)
        else:
            endpoint = GuardedEndpoint(self._reactor, self._guard, host, port, self._connect_timeout)
            key = ("direct", target.scheme, host, port)
        if target.scheme == b"https":
            endpoint = wrapClientTLS(self._tls.creatorForNetloc(target.host, port), endpoint)
        producer = _RequestBodyProducer(request.body) if request.body else None
        make: Any = _TeeRequest
        wire = make(request.method.encode("ascii"), path, headers, producer, persistent=True)
        wire.tee = tee
        connection: Deferred[Any] = self._pool.getConnection(key, endpoint)
        return connection.addCallback(lambda protocol: protocol.request(wire))

    async def _read_body(self, answer: Any, request: Request, tee: Tee) -> _Body | None:
        if answer.length == 0:  # 204, 304, HEAD and Content-Length: 0; deliverBody would never end
            return None
        body = _Body(request.meta.get("download_maxsize", self._maxsize))
        answer.deliverBody(body)
        cause = await maybe_deferred_to_future(body.ended)
        if cause is not None and tee.cause is None:
            tee.cause = cause
        if tee.cause is not None:
            tee.abort()
        return body

    def _exchange(
        self,
        request: Request,
        tee: Tee,
        received: int,
        started: datetime,
        fetch_ms: int,
        failure: Exception | None,
    ) -> Exchange:
        proxied = bool(request.meta.get("proxy"))
        tee.response.seek(0)
        return Exchange(
            url=urldefrag(request.url)[0],
            started_at=started,
            request=_archived_request(bytes(tee.request)) if proxied else bytes(tee.request),
            response=cast("Any", tee.response) if received else None,
            method=request.method,
            ip=None if proxied else tee.ip,
            protocols=tee.protocols,
            cipher=tee.cipher,
            cause=tee.cause,
            error=None if received else _error_text(tee.cause, failure),
            fetch_ms=fetch_ms,
            original=request.meta.get("unmodified"),
            facts=request.meta.get("facts", {}),
        )

    async def close(self) -> None:
        """Close the kept-alive connections; a peer that does not answer is not waited for."""
        closed: Deferred[Any] = self._pool.closeCachedConnections()
        closed.addTimeout(1, self._reactor)
        closed.addErrback(lambda failure: logger.debug("Connections did not close in time: %s", failure.value))
        await maybe_deferred_to_future(closed)


def _ended_by(error: BaseException | None) -> str:
    """``disconnect`` when the peer closed, ``unspecified`` when we did because its answer could not be read."""
    reasons = [reason.value for reason in getattr(error, "reasons", [])]
    unreadable = any(isinstance(reason, UNREADABLE) for reason in reasons)
    return "unspecified" if unreadable else "disconnect"


def _out_of_handles(error: BaseException | None) -> OSError | None:
    """The error when this machine had no more handles, whatever it was wrapped in; None when the peer failed."""
    while error is not None:
        number = getattr(error, "osError", None) or getattr(error, "errno", None)
        if number in HANDLES:
            return OSError(number, os.strerror(number))
        inside = [reason.value for reason in getattr(error, "reasons", [])]
        error = error.__cause__ or (inside[0] if inside else None)
    return None


def _expire(tee: Tee) -> None:
    tee.cause = "time"
    tee.abort()


def _archived_request(raw: bytes) -> bytes:
    """The request as the site would have got it: origin form, and no Proxy-* line (it may hold the password)."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    method, _, rest = line.partition(b" ")
    target, _, version = rest.rpartition(b" ")
    if b"://" in target:
        target = URI.fromBytes(target).originForm
    kept = [header for header in headers if not header.lower().startswith(b"proxy-")]
    return b"\r\n".join([b" ".join((method, target, version)), *kept]) + blank + body


def _error_text(cause: str | None, failure: Exception | None) -> str:
    if cause == "time":
        return "no answer before the deadline"
    return f"{type(failure).__name__}: {failure}" if failure is not None else "no answer"


def _error(request: Request, cause: str | None, failure: Exception | None) -> Exception:
    """The exception that Scrapy's middlewares know, for what ended the exchange."""
    if cause == "time":
        error: Exception = DownloadTimeoutError(f"Getting {request.url} took longer than its deadline")
    elif cause == "length":
        error = DownloadCancelledError(f"The answer of {request.url} is larger than its limit; archived truncated")
    elif cause == "disconnect":
        error = ResponseDataLossError(f"The connection of {request.url} ended early")
    elif cause == "unspecified":
        error = DownloadFailedError(f"The answer of {request.url} could not be read: {failure}")
    else:
        error = failure or DownloadFailedError(f"No answer from {request.url}")
    if error is not failure:
        error.__cause__ = failure
    return error


def _response(request: Request, answer: Any, body: bytes) -> Response:
    headers = Headers()
    headers.update(answer.headers.getAllRawHeaders())
    return make_response(
        url=urldefrag(request.url)[0],
        status=int(answer.code),
        headers=headers,
        body=body,
        protocol=f"{answer.version[0].decode()}/{answer.version[1]}.{answer.version[2]}",
    )
