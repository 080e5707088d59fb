"""A raw-socket server for answers that no HTTP library would send, and a socket nobody should connect to.

A script maps a path to steps, which are done exactly as written. No header, length or close is added: after
the last step the connection stays open for the next request.

    bytes     send them
    float     wait so many seconds (ends early when the server stops)
    "close"   end the connection cleanly (with TLS: after its goodbye)
    "drop"    end it without TLS's goodbye; the same as "close" on a plain connection
    "reset"   end it with a TCP reset

``tests/oddanswers.py`` holds ready-made scripts.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Literal, Self, TypeAlias

from tests.replica.ca import Authority

Step: TypeAlias = bytes | float | Literal["close", "drop", "reset"]
Steps: TypeAlias = Sequence[Step]
Answering: TypeAlias = Callable[[bytes], Iterable[Step]]  # may give steps without end
Script: TypeAlias = Mapping[str, Steps | Answering]
Address: TypeAlias = tuple[str, int]

UNKNOWN_PATH: Steps = (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",)


class OddServer:
    """Made by ``odd_server``. A step function gets the raw request.

    ``received``: per connection, every byte that came, in the order of accept. ``requests``: the raw requests
    (head and body) of all connections, in the order of arrival. The path of an absolute-form request
    (``GET http://host/path``, so of a client that takes this for a proxy) is looked up without its host.
    A path that is not in the script is ``otherwise``'s. ``greeting``: what is done to every connection instead, when
    its first bytes have come.
    """

    def __init__(
        self,
        script: Script,
        tls: Authority | None,
        listen: Address = ("127.0.0.1", 0),
        otherwise: Answering = lambda request: UNKNOWN_PATH,
        greeting: Steps = (),
    ) -> None:
        self._script = script
        self._otherwise = otherwise
        self._greeting = greeting
        self._context = tls.context("127.0.0.1") if tls is not None else None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._sockets: set[socket.socket] = set()
        self.received: list[bytearray] = []
        self.requests: list[bytes] = []
        self._listener = socket.create_server(listen, backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"{listen[0]}:{self.port}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, path: str) -> str:
        return f"{'http' if self._context is None else 'https'}://{self.address}{path}"

    @property
    def connections(self) -> int:
        """How many were accepted so far."""
        return len(self.received)

    def stop(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    # Of the plain socket: an SSLSocket's own shutdown drops the TLS state its thread is using.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5.0)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.add(sock)
                received = bytearray()
                self.received.append(received)
                thread = threading.Thread(target=self._serve, args=(sock, received), daemon=True)
                self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, received: bytearray) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # two sends are to be two arrivals
        sock.settimeout(60.0)
        try:
            with suppress(OSError):
                if self._context is not None:
                    plain, sock = sock, self._context.wrap_socket(sock, server_side=True)
                    with self._lock:
                        self._sockets.discard(plain)
                        self._sockets.add(sock)
                buffer = bytearray()
                if self._greeting:
                    more(sock, buffer, received)
                    self._play(sock, self._greeting)
                    return
                while (request := take_request(sock, buffer, received)) is not None:
                    with self._lock:
                        self.requests.append(request)
                    if not self._play(sock, self._steps(request)):
                        return
        finally:
            with self._lock:
                self._sockets.discard(sock)
            sock.close()

    def _steps(self, request: bytes) -> Iterable[Step]:
        target = request.split(b" ", 2)[1].decode("latin-1")
        if target.startswith("http://"):
            target = "/" + target.split("/", 3)[3]
        steps = self._script.get(target, self._otherwise)
        return steps(request) if callable(steps) else steps

    def _play(self, sock: socket.socket, steps: Iterable[Step]) -> bool:
        """Do the steps; False when one of them ended the connection."""
        for step in steps:
            if isinstance(step, bytes):
                sock.sendall(step)
            elif isinstance(step, float):
                if self._stopping.wait(step):
                    return False
            else:
                finish(sock, step)
                return False
        return True


def take_request(sock: socket.socket, buffer: bytearray, received: bytearray) -> bytes | None:
    """The next raw request, head and body by Content-Length; None when the client has ended."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        if not more(sock, buffer, received):
            return None
    lines = bytes(buffer[:end]).lower().split(b"\r\n")
    lengths = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
    size = end + 4 + (lengths[0] if lengths else 0)
    while len(buffer) < size:
        if not more(sock, buffer, received):
            return None
    request = bytes(buffer[:size])
    del buffer[:size]
    return request


def more(sock: socket.socket, buffer: bytearray, received: bytearray) -> bool:
    data = sock.recv(65536)
    buffer += data
    received += data
    return bool(data)


def finish(sock: socket.socket, how: Literal["close", "drop", "reset"]) -> None:
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "close":
        if hasattr(sock, "unwrap"):
            sock.settimeout(1.0)
            with suppress(OSError):
                sock.unwrap()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
    sock.close()


@contextmanager
def odd_server(
    script: Script,
    *,
    tls: Authority | None = None,
    listen: Address = ("127.0.0.1", 0),
    otherwise: Answering = lambda request: UNKNOWN_PATH,
    greeting: Steps = (),
) -> Iterator[OddServer]:
    """The server, for as long as the block runs; with ``tls`` it speaks https. Port 0: a free one."""
    server = OddServer(script, tls, listen, otherwise, greeting)
    try:
        yield server
    finally:
        server.stop()


class Canary:
    """Listening sockets that count connects and close them at once: what must stay at 0.

    ``connects`` also counts what the kernel has accepted and this process has not yet looked at; ``hits`` says where.
    Without addresses it listens on a free port of 127.0.0.1.
    """

    def __init__(self, *addresses: Address) -> None:
        self._lock = threading.Lock()
        self.hits: Counter[Address] = Counter()
        self._stopping = False
        self._listeners = [_listener(address) for address in addresses or (("127.0.0.1", 0),)]
        self.port: int = self._listeners[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def connects(self) -> int:
        with self._lock:
            for listener in [] if self._stopping else self._listeners:
                with suppress(BlockingIOError):
                    while True:
                        listener.accept()[0].close()
                        self.hits[listener.getsockname()[:2]] += 1
            return self.hits.total()

    def _watch(self) -> None:
        while not self._stopping:
            if select.select(self._listeners, [], [], 0.05)[0]:
                _ = self.connects

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _ = self.connects  # the last look, so that the count stays true afterwards
        self._stopping = True
        self._thread.join()
        for listener in self._listeners:
            listener.close()


def _listener(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.create_server(address, family=family, backlog=64)
    listener.setblocking(False)
    return listener
