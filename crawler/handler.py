"""The tee: fetch one request and archive exactly what went over the connection.

    request ─► guard ─► connection ─► bytes both ways ─► Exchange ─► store ─► CaptureRef ─► Response

The Response is handed on only after the store has appended the records, with ``request.meta["capture"]`` naming them;
an append that fails fails the request.
"""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urldefrag, urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Response
from scrapy.utils._download_handlers import make_response, wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.http_headers import Headers as WireHeaders

from crawler.archive import archive_of
from crawler.capture import CaptureRef, Exchange
from crawler.conditional import ask_again_in_full
from crawler.connection import CertificateRefused
from crawler.guard import Guard, GuardedEndpoint
from crawler.limits import Limits, NotRead
from crawler.replay import headers_of
from crawler.stopping import Unfinished
from crawler.trouble import HANDLES, OWN_FAULTS
from crawler.tunnel import TunnelEndpoint
from crawler.wire import GIVEN_UP, Body, Tee, connection_pool, ended_by, tls_policy, wire_request
from warc.message import header_pairs, parse_status, read_head
from warc.reader import DamagedRecord

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)


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
        self._limits = Limits.of(settings)
        self._reactor = reactor
        self._guard = Guard.from_settings(settings, crawler.stats)
        self._tls = tls_policy(crawler)
        self._pool = connection_pool(reactor, settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"))

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
            return await self._read_back(request, capture)
        except (OSError, ValueError) as error:
            logger.warning("Not modified, but the archived page cannot be read; asking in full: %s", error)
        ask_again_in_full(request)
        return await self._fetch(request)

    async def _replay(self, request: Request, capture: CaptureRef) -> Response:
        """What an earlier run archived and did not read. Raises Unfinished when it is gone: it is asked again."""
        try:
            return await self._read_back(request, capture)
        except (FileNotFoundError, DamagedRecord) as error:
            logger.warning("%s cannot be read back and is asked again: %s", request.url, error)
            raise Unfinished(f"{request.url} cannot be read back") from error
        except OSError as error:
            raise self._archive.in_trouble(error) from error

    async def _read_back(self, request: Request, capture: CaptureRef) -> Response:
        """The archived bytes as the answer to this request; they may have been archived at another address."""
        response = await asyncio.to_thread(self._archive.read_back, capture)
        response.request = None  # the engine sets the one that is being answered
        url = urldefrag(request.url)[0]
        return response if response.url == url else response.replace(url=url)

    async def _fetch(self, request: Request) -> Response:
        """One exchange over the network. Raises Unfinished when the crawl ends before it does."""
        tee = Tee(self._limits, request.meta.get("download_maxsize", self._maxsize))
        started, clock = datetime.now(UTC), monotonic()
        try:
            with self._archive.stopping.running(tee.give_up):
                answer, body, failure = await self._converse(request, tee)
            received = tee.stop()
            if (own_fault := tee.trouble or _out_of_handles(failure)) is not None:
                raise self._archive.in_trouble(own_fault)
            if tee.cause == GIVEN_UP:
                raise Unfinished(f"{request.url} was given up")
            if tee.handshake is not None and tee.handshake.refused:
                failure = CertificateRefused(tee.handshake.host, tee.handshake.failures)
            if received and tee.cause is None and failure is not None:
                tee.cause = ended_by(failure.__cause__)
            request.meta["download_latency"] = monotonic() - clock
            exchange = self._exchange(request, tee, received, started, round((monotonic() - clock) * 1000), failure)
            request.meta["capture"] = await self._archive.append(exchange, request.meta.get("url_id"))
            tee.response.seek(0)
            head, _ = read_head(cast("Any", tee.response))
        except OSError as error:
            if error.errno in OWN_FAULTS:
                raise self._archive.in_trouble(error) from error
            raise
        finally:
            tee.response.close()
        if tee.beyond is not None:
            raise NotRead(tee.beyond, f"The answer of {request.url} is beyond a limit; archived as far as it was read")
        if failure is not None or tee.cause is not None:
            raise _error(request, tee.cause, failure)
        if parse_status(head)[0] is None:  # Twisted takes HTTP0/1.1 for a version; no reader of the archive does
            raise DownloadFailedError(f"The answer of {request.url} is not HTTP")
        assert body is not None or answer.length == 0
        return _response(request, answer, head, b"".join(body.parts) if body else b"")

    async def _converse(self, request: Request, tee: Tee) -> tuple[Any, Body | None, Exception | None]:
        """Send the request and read the answer: Twisted's answer, its body, and what went wrong."""
        body: Body | None = None
        answer: Any = None
        failure: Exception | None = None
        deadline: Any = self._reactor.callLater(request.meta.get("response_deadline", self._deadline), _expire, tee)
        connected = self._connect_and_send(request, tee, deadline)
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

    def _connect_and_send(self, request: Request, tee: Tee, deadline: Any) -> Deferred[Any]:
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
            endpoint = GuardedEndpoint(
                self._reactor, self._guard, host, port, self._connect_timeout, found=tee.note_lookup
            )
            key = ("direct", target.scheme, host, port)
        if target.scheme == b"https":
            endpoint = wrapClientTLS(self._tls.creator(host, port), endpoint)
        wire = wire_request(request.method, path, headers, request.body, tee)
        connection: Deferred[Any] = self._pool.getConnection(key, endpoint)
        return connection.addCallback(self._send, wire, request, deadline)

    def _send(self, protocol: Any, wire: Any, request: Request, deadline: Any) -> Deferred[Any]:
        """Send the request when its host's delay has passed since what was sent before; that is not the host's time."""
        wait = self._archive.slots.send(*request.meta["pace"]) if "pace" in request.meta else 0.0
        if wait <= 0:
            return cast("Deferred[Any]", protocol.request(wire))
        if deadline.active():
            deadline.delay(wait)
        waiting: Deferred[Any] = deferLater(self._reactor, wait)

        def given_up(failure: Failure) -> Failure:
            protocol.abort()
            return failure

        waiting.addErrback(given_up)
        return waiting.addCallback(lambda _: protocol.request(wire))

    async def _read_body(self, answer: Any, request: Request, tee: Tee) -> Body | None:
        if answer.length == 0:  # 204, 304, HEAD and Content-Length: 0; deliverBody would never end
            return None
        limit = request.meta.get("download_maxsize", self._maxsize)
        if request.meta.get("skip_larger") and isinstance(answer.length, int) and answer.length > limit:
            tee.cause = "length"  # the head says it: a film is not read to the limit to be thrown away
            tee.abort()
            return None
        body = Body(limit)
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
        sent = bytes(tee.request) if tee.handshake is not None or not request.url.startswith("https:") else b""
        if tee.handshake is not None and tee.handshake.refused:
            sent = b""  # it was held back until the handshake had ended
        tee.response.seek(0)
        return Exchange(
            url=urldefrag(request.url)[0],
            started_at=started,
            request=_archived_request(sent) if proxied and sent else sent,
            response=cast("Any", tee.response) if received else None,
            method=request.method,
            ip=None if proxied else tee.ip,
            protocols=tee.protocols,
            cipher=tee.cipher,
            cause=tee.cause,
            error=None if received else (tee.beyond or _error_text(tee.cause, failure)),
            fetch_ms=fetch_ms,
            lookup=tee.lookup,
            handshake=tee.handshake,
            original=request.meta.get("unmodified"),
            facts=request.meta.get("facts") or self._archive.facts,
        )

    async def close(self) -> None:
        """Close the kept-alive connections; a peer that does not answer is not waited for."""
        closed: Deferred[Any] = self._pool.closeCachedConnections()
        closed.addTimeout(1, self._reactor)
        closed.addErrback(lambda failure: logger.debug("Connections did not close in time: %s", failure.value))
        await maybe_deferred_to_future(closed)


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


def _response(request: Request, answer: Any, head: bytes, body: bytes) -> Response:
    """Its headers are read as out of the archive: Twisted reads folded lines, bare CR and odd names otherwise."""
    return make_response(
        url=urldefrag(request.url)[0],
        status=int(answer.code),
        headers=headers_of(header_pairs(head)),
        body=body,
        protocol=f"{answer.version[0].decode()}/{answer.version[1]}.{answer.version[2]}",
    )
