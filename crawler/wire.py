"""The wire: both directions of one exchange on one connection, and how its answer ended.

What the project leans on of the private parts of Twisted and Scrapy is imported here and nowhere else;
``tests/test_crawler_handler.py`` notices when one of these names changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile, gettempdir
from typing import TYPE_CHECKING, Any

from scrapy.core.downloader.contextfactory import _load_context_factory_from_settings
from scrapy.core.downloader.handlers.http11 import (
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
    _RequestBodyProducer,
)
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError
from twisted.web._newclient import Request as WireRequest
from twisted.web.client import HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss, _ChunkedTransferDecoder, _MalformedChunkedDataError
from twisted.web.http_headers import Headers as WireHeaders
from twisted.web.http_headers import InvalidHeaderName
from zope.interface import implementer

from crawler.connection import Handshake, Lookup
from crawler.limits import DEFAULTS, Limits
from crawler.tls import TlsPolicy, judged

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

SPOOL_BYTES = 2 * 1024 * 1024  # a larger response is kept on disk while it comes
HEAD_END = re.compile(rb"\r?\n\r?\n")
UNREADABLE = (ParseError, ValueError, KeyError, _MalformedChunkedDataError)  # what Twisted raises on a bad answer
GIVEN_UP = "given up"  # a cause that no record has
INTERIM = re.compile(rb"HTTP/\d\.\d 1\d\d\b")


class Tee:
    """Collects both directions of one exchange on one connection."""

    def __init__(self, limits: Limits = DEFAULTS, maxsize: int | None = None) -> None:
        """``maxsize``: bytes that the body may have; the framing of its chunks may take as many again."""
        self._limits = limits
        self._most = None if maxsize is None else 2 * maxsize + SPOOL_BYTES
        self.beyond: str | None = None  # the limit that ended the exchange
        self.request = bytearray()
        self.response: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115
        self.transport: Any = None
        self.ip: str | None = None
        self.lookup: Lookup | None = None  # made for this exchange
        self.handshake: Handshake | None = None  # of the connection that it goes over
        self.cancel: Callable[[], None] = lambda: None  # gives up a connection, or an answer, that is not there yet
        self.cause: str | None = None
        self.trouble: OSError | None = None  # why the copy could not be kept
        self._head: bytearray | None = bytearray()  # what came of the head, until it ends
        self._interim = 0  # answers before the answer
        self._size = 0  # bytes after the head
        self._open = False

    def begin(self, transport: Any, handshake: Handshake | None) -> None:
        """Start (again, when a kept-alive connection turned out to be dead) with nothing recorded."""
        self.transport = transport
        self.handshake = handshake
        self.ip = transport.getPeer().host
        self.request.clear()
        self._head = bytearray()
        self._interim = self._size = 0
        self._open = True

    def note_lookup(self, host: str, addresses: Sequence[str]) -> None:
        self.lookup = Lookup(host, tuple(addresses), datetime.now(UTC))

    def data(self, data: bytes) -> None:
        """Record bytes as they came. Interim answers (1xx, RFC 9110 section 15.2) before the answer are left out."""
        if not self._open:
            return
        try:
            self._record(data)
        except OSError as error:  # a large response is kept on disk, and that disk may be full
            self.trouble = OSError(error.errno, error.strerror, gettempdir())
            self._open = False
            self.abort()

    def _record(self, data: bytes) -> None:
        if self._head is None:
            self.response.write(data)
            self._size += len(data)
            if self._most is not None and self._size > self._most:
                self._go_beyond("framing_too_large")
            return
        seen = max(0, len(self._head) - 3)  # an end that began before
        self._head += data
        while end := HEAD_END.search(self._head, seen):
            if not INTERIM.match(self._head):
                head = self._head[: end.end()]
                self.response.write(self._head)
                self._head = None
                if len(head) > self._limits.headers_maxsize:
                    self._go_beyond("headers_too_large")
                elif head.count(b"\n") > self._limits.headers_max + 2:  # the status line and the empty one
                    self._go_beyond("too_many_headers")
                return
            self._interim += 1
            if self._interim > self._limits.interim_max:
                self._head.clear()  # no part of them is the answer
                self._go_beyond("too_many_interim_answers")
                return
            del self._head[: end.end()]
            seen = 0
        if len(self._head) > self._limits.headers_maxsize:
            self._go_beyond("headers_too_large")

    def _go_beyond(self, reason: str) -> None:
        self.cause, self.beyond = "length", reason
        self.abort()

    @property
    def protocols(self) -> tuple[str, ...]:
        """Values of WARC-Protocol; none when there was no connection."""
        if self.transport is None:
            return ()
        return ("http/1.1", self.handshake.warc_protocol) if self.handshake else ("http/1.1",)

    @property
    def cipher(self) -> str | None:
        return self.handshake.cipher if self.handshake else None

    def end(self, surplus: int) -> None:
        """The answer is whole; its last ``surplus`` bytes did not belong to it."""
        self._open = False
        if surplus:
            self.response.truncate(self.response.tell() - surplus)

    def abort(self) -> None:
        """Close the connection at once; what came so far stays recorded.

        What waits for the head is cancelled first: Twisted asks again, on another connection and without a deadline,
        when a kept-alive one is closed before it has answered.
        """
        self.cancel()
        if self.transport is not None:
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

    MAX_LENGTH = 2**24  # of one line: the tee counts the bytes of the head
    _transferDecoders = {b"chunked": _TolerantDecoder}  # noqa: RUF012 - Twisted's name and type

    def headerReceived(self, name: bytes, value: bytes) -> None:
        with suppress(InvalidHeaderName):
            super().headerReceived(name.rstrip(), value)  # type: ignore[no-untyped-call]


@implementer(IHandshakeListener)
class _TeeProtocol(_LenientHTTP11ClientProtocol):
    _tee: Tee | None = None
    _handshake: Handshake | None = None

    def handshakeCompleted(self) -> None:
        """Before the first byte of a request is encrypted: the connection may end here."""
        self._handshake = judged(self.transport)
        if self._tee is not None:
            self._tee.handshake = self._handshake

    def request(self, request: Any) -> Any:
        self._tee = request.tee
        assert self._tee is not None
        self._tee.begin(self.transport, self._handshake)
        answer = super().request(request)
        assert self._parser is not None
        self._parser.__class__ = _TolerantParser
        return answer

    def dataReceived(self, data: bytes) -> None:
        if self._tee is not None:
            self._tee.data(data)
        if self._parser is None:  # the tee has cancelled the request
            return
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def _finishResponse(self, rest: bytes) -> None:
        if self._tee is not None:
            self._tee.end(len(rest))
            self._tee = None
        super()._finishResponse(rest)


class _TeeFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: Any) -> _TeeProtocol:
        return _TeeProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


class Body(Protocol):
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
            self.ended.callback(None if whole else ended_by(reason.value))


def connection_pool(reactor: Any, per_host: int) -> Any:
    """Kept-alive connections that every exchange can be recorded on."""
    make: Any = HTTPConnectionPool
    pool = make(reactor, persistent=True)
    pool.maxPersistentPerHost = per_host
    pool._factory = _TeeFactory
    return pool


def tls_policy(crawler: Crawler) -> TlsPolicy:
    """Which versions and ciphers are accepted: Scrapy's settings decide. Which certificates: TLS_POLICY."""
    return TlsPolicy.from_settings(_load_context_factory_from_settings(crawler), crawler.settings)


def wire_request(method: str, path: bytes, headers: WireHeaders, body: bytes, tee: Tee) -> Any:
    """A request that is recorded by ``tee`` when a connection of the pool sends it."""
    make: Any = _TeeRequest
    request = make(method.encode("ascii"), path, headers, _RequestBodyProducer(body) if body else None, persistent=True)
    request.tee = tee
    return request


def ended_by(error: BaseException | None) -> str:
    """``disconnect`` when the peer closed, ``unspecified`` when we did because its answer could not be read."""
    reasons = [reason.value for reason in getattr(error, "reasons", [])]
    unreadable = any(isinstance(reason, UNREADABLE) for reason in reasons)
    return "unspecified" if unreadable else "disconnect"
