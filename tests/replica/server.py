"""A forward proxy on loopback that *is* the sites: it answers for their hosts and for no other.

Plain http arrives in absolute form, https through CONNECT with a certificate of the replica's own authority.
A thread serves each connection; HTTP/1.1 with keep-alive, answers strictly in the order of the requests.
A site only says what it answers (``Answer``); the protocol is done here and in ``message``: gzip, chunks,
lengths, HEAD, conditional requests, Date. The Date header shows the replica's clock, which stands still.
"""

from __future__ import annotations

import json
import logging
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from tests.replica.ca import Authority
from tests.replica.message import (
    Answer,
    BadRequest,
    Headers,
    Request,
    accepts_gzip,
    compose,
    conditional,
    locate,
    plain,
    read_request,
)

__all__ = ["Answer", "LogEntry", "Replica", "ReplicaServer", "Request", "Site", "running"]

DEFAULT_CLOCK = datetime.fromisoformat("2026-11-20T12:00:00+07:00")
IDLE_TIMEOUT = 60.0  # seconds a silent connection is kept

logger = logging.getLogger(__name__)


class Site(Protocol):
    """``respond`` is called by one thread at a time, so a site may keep caches without a lock."""

    hosts: tuple[str, ...]

    def respond(self, request: Request) -> Answer: ...


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One answer given. ``bytes``: of the body as sent, compressed, without chunk framing.

    ``url`` of a refused CONNECT is ``host:port``; a CONNECT that was granted leaves no entry.
    """

    time: str
    method: str
    url: str
    status: int
    headers: Headers
    bytes: int
    connection: int


@dataclass
class Replica:
    """A running replica."""

    proxy_url: str
    ca_file: Path
    requests: list[LogEntry] = field(default_factory=list)


class ReplicaServer(socketserver.ThreadingTCPServer):
    """Listens at once; ``serve_forever`` answers until ``shutdown``; ``server_close`` cuts what is open."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # connections are cut below; a thread in a site's delay ends by itself
    request_queue_size = 128

    def __init__(
        self, sites: Sequence[Site], *, port: int = 0, clock: datetime = DEFAULT_CLOCK, log: Path | None = None
    ) -> None:
        self.site_of = {host: site for site in sites for host in site.hosts}
        self.authority = Authority()
        self.date = format_datetime(clock.astimezone(UTC), usegmt=True)
        self.requests: list[LogEntry] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._site_lock = threading.Lock()
        self._connections = 0
        self._sockets: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), ConnectionHandler)
        self._log = log.open("a", encoding="utf-8") if log is not None else None

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def respond(self, site: Site, request: Request) -> Answer:
        """The site's answer; an exception in a site is a 500, and an error in the log."""
        with self._site_lock:
            try:
                return site.respond(request)
            except Exception:
                logger.exception("the site failed at %s", request.url)
                return plain(500, "Internal Server Error", "the replica's site failed; see its log")

    def note(self, connection: int, method: str, url: str, status: int, headers: Headers, size: int) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        entry = LogEntry(now, method, url, status, headers, size, connection)
        with self._lock:
            self.requests.append(entry)
            if self._log is not None:
                self._log.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
                self._log.flush()

    def opened(self, sock: socket.socket) -> int:
        """Register a connection; gives its number, from 1."""
        with self._lock:
            self._sockets.add(sock)
            self._connections += 1
            return self._connections

    def swapped(self, old: socket.socket, new: socket.socket | None) -> None:
        with self._lock:
            self._sockets.discard(old)
            if new is not None:
                self._sockets.add(new)

    def server_close(self) -> None:
        self.stopping.set()
        super().server_close()
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    # Of the plain socket: an SSLSocket's own shutdown would drop its TLS state under its thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
            if self._log is not None:
                self._log.close()
                self._log = None


class ConnectionHandler(socketserver.BaseRequestHandler):
    """One connection of a client, from accept to close."""

    server: ReplicaServer
    request: socket.socket

    def handle(self) -> None:
        sock = self.request
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(IDLE_TIMEOUT)
        self.number = self.server.opened(sock)
        try:
            with suppress(OSError), sock.makefile("rb") as stream:
                self._serve(sock, stream, tunnel=None)
        finally:
            self.server.swapped(sock, None)

    def _serve(self, sock: socket.socket, stream: BinaryIO, tunnel: str | None) -> None:
        """Answer requests until one side ends; ``tunnel`` is the host of the CONNECT we are inside of."""
        while not self.server.stopping.is_set():
            try:
                message = read_request(stream)
                if message is None:
                    return
                method, target, version, headers, body = message
                if method == "CONNECT" and tunnel is None:
                    self._connect(sock, target, headers)
                    return
                request = locate(method, target, headers, body, tunnel)
            except BadRequest as error:
                send(sock, plain(400, "Bad Request", str(error)), self.server.date, close=True)
                return
            if not self._answer(sock, request, version):
                return

    def _answer(self, sock: socket.socket, request: Request, version: str) -> bool:
        """Send one answer; True when the connection goes on."""
        site = self.server.site_of.get(request.host)
        if site is None:
            answer = plain(502, "Bad Gateway", f"{request.host} is not one of the replica's hosts")
        else:
            answer = self.server.respond(site, request)
        if answer.delay:
            self.server.stopping.wait(answer.delay)
        answer = conditional(request, answer)
        close = version == "HTTP/1.0" or "close" in (request.header("connection") or "").lower()
        if version == "HTTP/1.0":
            answer = replace(answer, chunked=False)
        accepts = accepts_gzip(request.header("accept-encoding") or "")
        wire, size = compose(answer, self.server.date, head=request.method == "HEAD", gzip_ok=accepts, close=close)
        # Before the bytes: whoever has read the answer finds it in the log.
        self.server.note(self.number, request.method, request.url, answer.status, request.headers, size)
        sock.sendall(wire)
        return not close

    def _connect(self, sock: socket.socket, target: str, headers: Headers) -> None:
        host, _, port = target.rpartition(":")
        host = host.lower()
        if host not in self.server.site_of or port != "443":
            answer = plain(502, "Bad Gateway", f"{target} is not one of the replica's hosts")
            self.server.note(self.number, "CONNECT", target, answer.status, headers, len(answer.body))
            send(sock, answer, self.server.date, close=True)
            return
        context = self.server.authority.context(host)
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(sock, server_side=True) as secure:
            self.server.swapped(sock, secure)
            try:
                with secure.makefile("rb") as stream:
                    self._serve(secure, stream, tunnel=host)
                secure.settimeout(1.0)  # for the client's half of the TLS goodbye
                with suppress(OSError, ValueError):
                    secure.unwrap()
            finally:
                self.server.swapped(secure, None)


def send(sock: socket.socket, answer: Answer, date: str, *, close: bool) -> None:
    sock.sendall(compose(answer, date, close=close)[0])


@contextmanager
def running(
    sites: Sequence[Site], *, port: int = 0, clock: datetime = DEFAULT_CLOCK, log: Path | None = None
) -> Iterator[Replica]:
    """A replica of these sites in a thread of this process, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder, ReplicaServer(sites, port=port, clock=clock, log=log) as server:
        ca_file = Path(folder) / "ca.pem"
        ca_file.write_bytes(server.authority.pem)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield Replica(server.proxy_url, ca_file, server.requests)
        finally:
            server.shutdown()
            thread.join()
