"""A forward proxy on loopback that *is* the sites: it answers for their hosts and for no other.

Plain http arrives in absolute form, https through CONNECT with a certificate of the replica's own authority.
A thread serves each connection; HTTP/1.1 with keep-alive, answers strictly in the order of the requests.
A site only says what it answers (``Answer``); this module does the protocol: gzip, chunks, lengths, HEAD,
conditional requests, Date. Bytes are deterministic: the Date header shows the replica's clock, which stands.
"""

from __future__ import annotations

import gzip
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
from email.utils import format_datetime, parsedate_to_datetime
from itertools import cycle
from pathlib import Path
from typing import BinaryIO, Protocol

from tests.replica.ca import Authority

DEFAULT_CLOCK = datetime.fromisoformat("2026-11-20T12:00:00+07:00")
IDLE_TIMEOUT = 60.0  # seconds a silent connection is kept
MAX_LINE = 64 * 1024
MAX_HEADERS = 200
CHUNK_SIZES = (1, 17, 4093, 509, 8191)  # odd sizes, so that nobody can lean on chunk = buffer = page
NOT_MODIFIED_KEEPS = {"cache-control", "content-location", "date", "etag", "expires", "last-modified", "vary"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: ``target`` is the path and query exactly as sent, never empty."""

    method: str
    scheme: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"

    def header(self, name: str) -> str | None:
        """The first header of that name, in whatever case, or None."""
        return _header(self.headers, name)


@dataclass(slots=True)
class Answer:
    """What a site answers. Headers go out as given, in order; those of the protocol are added if absent.

    ``gzip``: compress when the client accepts it. ``chunked``: send in chunks, without a length.
    ``delay``: seconds before the first byte.
    """

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    chunked: bool = False
    gzip: bool = False
    delay: float = 0.0


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
    headers: tuple[tuple[str, str], ...]
    bytes: int
    connection: int


@dataclass
class Replica:
    """A running replica."""

    proxy_url: str
    ca_file: Path
    requests: list[LogEntry] = field(default_factory=list)


class BadRequest(ValueError):
    """The client's request cannot be read."""


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


Headers = tuple[tuple[str, str], ...]


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


def read_request(stream: BinaryIO) -> tuple[str, str, str, Headers, bytes] | None:
    """Method, target, version, headers and body of the next request; None at the end of the connection."""
    line = stream.readline(MAX_LINE)
    while line in (b"\r\n", b"\n"):  # RFC 9112, section 2.2: ignore empty lines before a request
        line = stream.readline(MAX_LINE)
    if not line:
        return None
    method, _, rest = line.decode("latin-1").rstrip("\r\n").partition(" ")
    target, _, version = rest.rpartition(" ")
    if not target or version not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadRequest(f"not a request line: {line[:200]!r}")
    headers: list[tuple[str, str]] = []
    while (line := stream.readline(MAX_LINE)) not in (b"\r\n", b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or name != name.strip() or len(headers) == MAX_HEADERS:
            raise BadRequest(f"not a header line: {line[:200]!r}")
        headers.append((name, value.strip()))
    if _header(headers, "transfer-encoding") is not None:
        raise BadRequest("request bodies in chunks are not read here")
    length = _header(headers, "content-length") or "0"
    if not length.isascii() or not length.isdigit():
        raise BadRequest(f"not a length: {length!r}")
    return method, target, version, tuple(headers), stream.read(int(length))


def locate(method: str, target: str, headers: Headers, body: bytes, tunnel: str | None) -> Request:
    """The request with its scheme and host: from the absolute form, or inside a tunnel from CONNECT."""
    if tunnel is not None:
        named = (_header(headers, "host") or "").lower().removesuffix(":443")
        if named != tunnel or not target.startswith("/"):
            raise BadRequest(f"inside the tunnel to {tunnel}: host {named!r}, target {target[:200]!r}")
        return Request(method, "https", tunnel, target, headers, body)
    if not target.lower().startswith("http://"):
        raise BadRequest(f"a proxy wants http:// in absolute form or CONNECT, not {target[:200]!r}")
    authority = target[7:]
    for end in "/?#":
        authority = authority.partition(end)[0]
    rest = target[7 + len(authority) :]
    host = authority.lower().removesuffix(":80")
    return Request(method, "http", host, rest if rest.startswith("/") else "/" + rest, headers, body)


def conditional(request: Request, answer: Answer) -> Answer:
    """A 304 instead of the answer, where the client's validators still hold (RFC 9110, section 13)."""
    if answer.status != 200 or request.method not in ("GET", "HEAD"):
        return answer
    etag, modified = _header(answer.headers, "etag"), _header(answer.headers, "last-modified")
    if (wanted := request.header("if-none-match")) is not None:
        tags = {_weak(tag) for tag in wanted.split(",")}
        fresh = etag is not None and (wanted.strip() == "*" or _weak(etag) in tags)
    else:
        since = _http_date(request.header("if-modified-since"))
        last = _http_date(modified)
        fresh = since is not None and last is not None and last <= since
    if not fresh:
        return answer
    kept = [(name, value) for name, value in answer.headers if name.lower() in NOT_MODIFIED_KEEPS]
    return Answer(304, "Not Modified", kept, b"")


def compose(
    answer: Answer, date: str, *, head: bool = False, gzip_ok: bool = False, close: bool = False
) -> tuple[bytes, int]:
    """The bytes on the wire, and how many of them are body (without chunk framing)."""
    headers, body = list(answer.headers), answer.body

    def add(name: str, value: str) -> None:
        if _header(headers, name) is None:
            headers.append((name, value))

    add("Date", date)
    bodiless = answer.status < 200 or answer.status in (204, 304)
    if bodiless:
        body = b""
    else:
        if answer.gzip:
            add("Vary", "Accept-Encoding")
        if answer.gzip and gzip_ok:
            body = gzip.compress(body, 1, mtime=0)
            add("Content-Encoding", "gzip")
        if answer.chunked:
            add("Transfer-Encoding", "chunked")
        else:
            add("Content-Length", str(len(body)))
    if close:
        add("Connection", "close")
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers)]
    start = "\r\n".join([*lines, "", ""]).encode()
    if head or bodiless:
        return start, 0
    return start + (in_chunks(body) if answer.chunked else body), len(body)


def in_chunks(body: bytes) -> bytes:
    """The body with chunk framing (RFC 9112, section 7.1), in several chunks of odd sizes."""
    parts: list[bytes] = []
    sizes = cycle(CHUNK_SIZES)
    position = 0
    while position < len(body):
        part = body[position : position + next(sizes)]
        parts += [b"%x\r\n" % len(part), part, b"\r\n"]
        position += len(part)
    return b"".join([*parts, b"0\r\n\r\n"])


def accepts_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.lower().split(","):
        coding, _, quality = item.replace(" ", "").partition(";")
        if coding in ("gzip", "x-gzip", "*"):
            return quality not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def plain(status: int, reason: str, text: str) -> Answer:
    return Answer(status, reason, [("Content-Type", "text/plain; charset=utf-8")], text.encode() + b"\n")


def send(sock: socket.socket, answer: Answer, date: str, *, close: bool) -> None:
    sock.sendall(compose(answer, date, close=close)[0])


def _header(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


def _weak(tag: str) -> str:
    return tag.strip().removeprefix("W/")


def _http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


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
