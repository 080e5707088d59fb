"""A connection through an HTTP proxy's CONNECT (RFC 9110, section 9.3.6); the talk with the proxy is not archived."""

from __future__ import annotations

from typing import Any

from scrapy.exceptions import DownloadFailedError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

HEAD_MAX_BYTES = 64 * 1024


class TunnelRefused(DownloadFailedError):
    """The proxy did not open the tunnel."""


class _Tunnel(Protocol):
    """Sends CONNECT, waits for 200, then hands the connection to the protocol that wanted it."""

    def __init__(self, wanted: Any, request: bytes, where: str) -> None:
        self._wanted = wanted
        self._request = request
        self._where = where
        self._answer = b""
        self.opened: Deferred[Any] = Deferred(lambda _: self._connection.abortConnection())

    def connectionMade(self) -> None:
        transport: Any = self.transport
        self._connection = transport
        self._connection.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        self._answer += data
        head, blank, rest = self._answer.partition(b"\r\n\r\n")
        if not blank:
            if len(self._answer) > HEAD_MAX_BYTES:
                self._fail("answered CONNECT with an endless head")
            return
        status = head.split(b"\r\n", 1)[0]
        if status.split(b" ")[1:2] != [b"200"]:
            self._fail(f"answered {status[:100].decode('latin-1')!r}")
            return
        protocol = self._wanted.buildProtocol(self._connection.getPeer())
        self._connection.protocol = protocol
        protocol.makeConnection(self._connection)
        self.opened.callback(protocol)
        if rest:
            protocol.dataReceived(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.opened.called:
            self.opened.errback(TunnelRefused(f"The proxy closed the connection before the tunnel to {self._where}"))

    def _fail(self, what: str) -> None:
        if not self.opened.called:
            self.opened.errback(TunnelRefused(f"The proxy {what} for {self._where}"))
        self._connection.loseConnection()


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """Connects to host:port through the proxy that ``proxy`` reaches."""

    def __init__(self, proxy: Any, host: str, port: int, authorization: bytes | None = None) -> None:
        self._proxy = proxy
        self._where = f"{host}:{port}"
        lines = [f"CONNECT {self._where} HTTP/1.1", f"Host: {self._where}"]
        self._request = "\r\n".join(lines).encode("ascii") + b"\r\n"
        if authorization:
            self._request += b"Proxy-Authorization: " + authorization + b"\r\n"
        self._request += b"\r\n"

    def connect(self, factory: Any) -> Deferred[Any]:
        """Open the tunnel; the result is the protocol that ``factory`` built."""
        tunnels = Factory.forProtocol(lambda: _Tunnel(factory, self._request, self._where))
        tunnels.noisy = False
        connected: Deferred[Any] = self._proxy.connect(tunnels)
        return connected.addCallback(lambda tunnel: tunnel.opened)
