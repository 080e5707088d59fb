"""The replica's proxy, its authority and the odd server: what is asked through them is what is served."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ReplicaProcess
from tests.oddanswers import ODD_ANSWERS, TEXT, OddAnswer, by_name, script
from tests.oddserver import Canary, odd_server
from tests.replica.ca import Authority
from tests.replica.message import accepts_gzip, in_chunks
from tests.replica.server import Answer, Replica, Request, running

PAGE = "<title>Chợ nổi</title><p>Ghe bầu chở bưởi về bến lúc nửa đêm.</p>\n".encode() * 300
STAMP = "Thu, 19 Nov 2026 08:00:00 GMT"
HTML = ("Content-Type", "text/html; charset=utf-8")


@dataclass
class SmallSite:
    hosts: tuple[str, ...] = ("thu.example.vn", "www.thu.example.vn")
    asked: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.asked.append(request)
        if request.target == "/gzip":
            return Answer(200, "OK", [HTML], PAGE, gzip=True)
        if request.target == "/chunked":
            return Answer(200, "OK", [HTML], PAGE, chunked=True)
        if request.target == "/both":
            return Answer(200, "OK", [HTML], PAGE, chunked=True, gzip=True)
        if request.target == "/dated":
            return Answer(200, "OK", [HTML, ("ETag", '"v1"'), ("Last-Modified", STAMP)], PAGE)
        if request.target == "/slow":
            return Answer(200, "OK", [HTML], b"slow", delay=0.4)
        if request.target == "/moved":
            return Answer(301, "Moved For Good", [("Location", "/bến-cũ"), ("X-B", "2"), ("x-a", "1")], b"")
        if request.target == "/broken":
            raise KeyError("a fault in the site")
        return Answer(200, "OK", [HTML], f"{request.method} {request.url}".encode() + request.body)


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running([SmallSite()], log=tmp_path_factory.mktemp("log") / "log.jsonl") as started:
        yield started


def port_of(replica: Replica) -> int:
    return int(replica.proxy_url.rpartition(":")[2])


def tunnel(replica: Replica, host: str = "thu.example.vn") -> http.client.HTTPSConnection:
    """An https connection through the proxy that trusts the replica's authority and nobody else."""
    context = ssl.create_default_context(cafile=str(replica.ca_file))
    connection = http.client.HTTPSConnection("127.0.0.1", port_of(replica), timeout=10, context=context)
    connection.set_tunnel(host, 443)
    return connection


def raw(port: int, request: bytes) -> bytes:
    """All bytes that come back for ``request`` until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def absolute(target: str, *lines: str, method: str = "GET", close: bool = True) -> bytes:
    url = f"http://thu.example.vn{target}"
    lines = (f"{method} {url} HTTP/1.1", "Host: thu.example.vn", *lines)
    return "\r\n".join([*lines, *(["Connection: close"] if close else []), "", ""]).encode()


def test_urllib_reads_plain_http_through_the_proxy(replica: Replica) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": replica.proxy_url}))
    with opener.open("http://thu.example.vn/a/b?c=d", timeout=10) as response:
        assert response.read() == b"GET http://thu.example.vn/a/b?c=d"


def test_urllib_verifies_tls_against_the_ca_file(replica: Replica) -> None:
    handler = urllib.request.ProxyHandler({"https": replica.proxy_url})
    trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(replica.ca_file)))
    with urllib.request.build_opener(handler, trusting).open("https://www.thu.example.vn/x", timeout=10) as response:
        assert response.read() == b"GET https://www.thu.example.vn/x"
    other = Authority().pem.decode()
    distrusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=other))
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.build_opener(handler, distrusting).open("https://www.thu.example.vn/x", timeout=10)


@pytest.mark.parametrize(
    ("host", "asked", "fault"),
    [
        ("thu.vn", "thu.vn", None),
        ("127.0.0.1", "127.0.0.1", None),
        ("a" * 60 + ".thu.vn", "a" * 60 + ".thu.vn", None),  # longer than a common name may be
        ("thu.vn", "khac.vn", "Hostname mismatch"),
        ("thu.vn", "www.thu.vn", "Hostname mismatch"),
    ],
)
def test_a_certificate_is_for_its_host_only(host: str, asked: str, fault: str | None) -> None:
    authority = Authority()
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = authority.context(host).wrap_bio(to_server, to_client, server_side=True)
    client = trusting.wrap_bio(to_client, to_server, server_hostname=asked)
    found = None
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            found = error.verify_message
            break
    assert (found or "").partition(",")[0] == (fault or "")
    assert (client.version() == "TLSv1.3" and client.getpeercert() is not None) is (fault is None)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_connection_serves_many_requests(replica: Replica, scheme: str) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", port_of(replica), timeout=10)
    before = len(replica.requests)
    with closing(tunnel(replica) if scheme == "https" else plain) as connection:
        for number in range(5):
            connection.request("GET", f"{'' if scheme == 'https' else 'http://thu.example.vn'}/{number}")
            assert connection.getresponse().read() == f"GET {scheme}://thu.example.vn/{number}".encode()
    assert len({entry.connection for entry in replica.requests[before:]}) == 1
    assert len(replica.requests) == before + 5


def test_pipelined_requests_are_answered_in_order(replica: Replica) -> None:
    received = raw(port_of(replica), absolute("/1", close=False) + absolute("/slow", close=False) + absolute("/3"))
    assert [received.find(body) > 0 for body in (b"/1", b"slow", b"/3")] == [True, True, True]
    assert received.find(b"/1") < received.find(b"slow") < received.find(b"/3")
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 3


def test_the_target_reaches_the_site_as_sent() -> None:
    site = SmallSite()
    targets = [
        "/the-thao&s_cond=&BRSR=15",
        "/a%2Fb//c/../d?x=%C4%91&&y",
        "/?q=http://x.vn/",
        "/tag/bến",
        "?only=query",
        "",
    ]
    with running([site]) as replica:
        for target in targets:
            raw(port_of(replica), absolute(target))
        with closing(tunnel(replica)) as connection:
            connection.request("GET", "/x//&y", headers={"X-Odd": "Kept"})
            connection.getresponse().read()
    received = [request.target.encode("latin-1").decode() for request in site.asked]
    assert received == [*targets[:4], "/?only=query", "/", "/x//&y"]
    assert ("X-Odd", "Kept") in site.asked[-1].headers
    assert (site.asked[-1].scheme, site.asked[-1].host) == ("https", "thu.example.vn")


def test_answer_head_goes_out_in_the_sites_order_and_words(replica: Replica) -> None:
    assert (
        raw(port_of(replica), absolute("/moved"))
        == (
            "HTTP/1.1 301 Moved For Good\r\nLocation: /bến-cũ\r\nX-B: 2\r\nx-a: 1\r\n"
            "Date: Fri, 20 Nov 2026 05:00:00 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("path", "accepts", "encoding", "transfer"),
    [
        ("/gzip", "gzip", "gzip", None),
        ("/gzip", "br, gzip;q=0.5", "gzip", None),
        ("/gzip", "br", None, None),
        ("/gzip", "gzip;q=0", None, None),
        ("/chunked", "gzip", None, "chunked"),
        ("/both", "gzip", "gzip", "chunked"),
        ("/both", "identity", None, "chunked"),
    ],
)
def test_codings(replica: Replica, path: str, accepts: str, encoding: str | None, transfer: str | None) -> None:
    with closing(tunnel(replica)) as connection:
        connection.request("GET", path, headers={"Accept-Encoding": accepts})
        response = connection.getresponse()
        body = response.read()  # http.client undoes the chunks
    assert (response.headers["Content-Encoding"], response.headers["Transfer-Encoding"]) == (encoding, transfer)
    assert response.headers["Content-Length"] == (None if transfer else str(len(body)))
    assert (gzip.decompress(body) if encoding else body) == PAGE
    assert replica.requests[-1].bytes == len(body)


@given(st.binary(max_size=20_000))
def test_chunks_hold_the_body(body: bytes) -> None:
    framed, found, sizes = in_chunks(body), b"", []
    while True:
        size, _, framed = framed.partition(b"\r\n")
        sizes.append(int(size, 16))
        found, end, framed = found + framed[: sizes[-1]], framed[sizes[-1] :][:2], framed[sizes[-1] + 2 :]
        assert end == b"\r\n"
        if not sizes[-1]:
            break
    assert (found, framed) == (body, b"")
    assert len(sizes) > 2 or len(body) < 2


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("*", True),
        ("br, gzip", True),
        ("gzip; q=0", False),
        ("", False),
        ("zip", False),
    ],
)
def test_accepts_gzip(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_http_1_0_gets_no_chunks_and_a_close(replica: Replica) -> None:
    received = raw(port_of(replica), absolute("/chunked", close=False).replace(b"HTTP/1.1", b"HTTP/1.0"))
    head, _, body = received.partition(b"\r\n\r\n")
    assert body == PAGE
    assert b"\r\nConnection: close" in head
    assert b"chunked" not in head


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ('If-None-Match: "v1"', 304),
        ('If-None-Match: W/"v1"', 304),
        ('If-None-Match: "v0", "v1"', 304),
        ("If-None-Match: *", 304),
        ('If-None-Match: "v0"', 200),
        (f"If-Modified-Since: {STAMP}", 304),
        ("If-Modified-Since: Fri, 20 Nov 2026 08:00:00 GMT", 304),
        ("If-Modified-Since: Thu, 19 Nov 2026 07:59:59 GMT", 200),
        ("If-Modified-Since: yesterday", 200),
        (f'If-None-Match: "v0"\r\nIf-Modified-Since: {STAMP}', 200),  # the tag decides, RFC 9110 13.1.3
    ],
)
def test_conditional_requests(replica: Replica, line: str, status: int) -> None:
    head, _, body = raw(port_of(replica), absolute("/dated", line)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert body == (b"" if status == 304 else PAGE)
    assert b'\r\nETag: "v1"\r\n' in head
    assert (b"Content-Length" in head) is (status == 200)


def test_validators_of_a_page_without_any_change_nothing(replica: Replica) -> None:
    assert raw(port_of(replica), absolute("/gzip", "If-None-Match: *")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/gzip", "/chunked", "/plain"])
def test_head_is_the_head_of_get(replica: Replica, path: str) -> None:
    got = raw(port_of(replica), absolute(path)).partition(b"\r\n\r\n")[0]
    headed = raw(port_of(replica), absolute(path, method="HEAD"))
    assert headed.endswith(b"\r\n\r\n")
    expected = got.replace(b"Content-Length: 31", b"Content-Length: 32")  # the site names the method in its body
    assert headed[:-4] == expected


def test_post_reaches_the_site_with_its_body(replica: Replica) -> None:
    with closing(tunnel(replica)) as connection:
        for body in (b"one", b"two"):
            connection.request("POST", "/form", body)
            assert connection.getresponse().read() == b"POST https://thu.example.vn/form" + body


@pytest.mark.parametrize("url", ["http://other.example.vn/", "http://thu.example.vn:8080/", "http://127.0.0.1:1/x"])
def test_other_hosts_answer_502(replica: Replica, url: str) -> None:
    received = raw(port_of(replica), f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert received.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert (replica.requests[-1].url, replica.requests[-1].status) == (url, 502)


@pytest.mark.parametrize("authority", ["other.example.vn:443", "thu.example.vn:8443", "127.0.0.1:1"])
def test_connect_to_other_hosts_answers_502(replica: Replica, authority: str) -> None:
    received = raw(port_of(replica), f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    assert received.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    last = replica.requests[-1]
    assert (last.method, last.url, last.status) == ("CONNECT", authority, 502)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: thu.example.vn\r\n\r\n",
        b"GET https://thu.example.vn/ HTTP/1.1\r\n\r\n",
        b"GET http://thu.example.vn/ HTTP/2\r\n\r\n",
        b"GET http://thu.example.vn/ HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST http://thu.example.vn/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"hello\r\n\r\n",
    ],
)
def test_what_is_no_proxy_request_answers_400_and_ends(replica: Replica, request_bytes: bytes) -> None:
    assert raw(port_of(replica), request_bytes).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_tunnel_serves_its_own_host_only(replica: Replica) -> None:
    with closing(tunnel(replica)) as connection:
        connection.request("GET", "/", headers={"Host": "www.thu.example.vn"})
        assert connection.getresponse().status == 400


def test_a_fault_in_a_site_is_a_500_and_the_replica_lives_on(
    replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    assert raw(port_of(replica), absolute("/broken")).startswith(b"HTTP/1.1 500 ")
    assert "the site failed at http://thu.example.vn/broken" in caplog.text
    assert raw(port_of(replica), absolute("/")).startswith(b"HTTP/1.1 200 ")


def test_delay_holds_the_first_byte_back_but_no_other_connection(replica: Replica) -> None:
    with socket.create_connection(("127.0.0.1", port_of(replica)), timeout=10) as slow:
        begun = time.monotonic()
        slow.sendall(absolute("/slow"))
        raw(port_of(replica), absolute("/quick"))
        quick = time.monotonic() - begun
        slow.recv(1)
        assert quick < 0.4 <= time.monotonic() - begun


def test_the_log_file_has_a_line_for_each_answer(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"kept": true}\n')
    with running([SmallSite()], log=log) as replica:
        raw(port_of(replica), absolute("/a", "User-Agent: thử".encode().decode("latin-1")))
        with closing(tunnel(replica)) as connection:
            connection.request("HEAD", "/b")
            connection.getresponse().read()
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == {"kept": True}
    assert [(line["method"], line["url"], line["status"], line["bytes"]) for line in lines[1:]] == [
        ("GET", "http://thu.example.vn/a", 200, 27),
        ("HEAD", "https://thu.example.vn/b", 200, 0),
    ]
    assert ["Host", "thu.example.vn"] in lines[1]["headers"]
    assert datetime.fromisoformat(lines[1]["time"]).utcoffset() is not None


def test_the_same_question_gets_the_same_bytes() -> None:
    def ask() -> bytes:
        with running([SmallSite()]) as replica:
            return raw(port_of(replica), absolute("/both", "Accept-Encoding: gzip"))

    assert ask() == ask()


def test_the_end_of_the_block_ends_open_connections() -> None:
    with running([SmallSite()]) as replica:
        connection = tunnel(replica)
        connection.request("GET", "/")
        connection.getresponse().read()
        idle = socket.create_connection(("127.0.0.1", port_of(replica)), timeout=10)
        raw(port_of(replica), absolute("/"))  # so that the idle connection has been accepted
    assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(replica)), timeout=10)
    idle.close()
    connection.close()


def test_the_replica_as_a_process(replica_process: ReplicaProcess) -> None:
    before = len(replica_process.requests())
    status = raw(int(replica_process.proxy_url.rpartition(":")[2]), absolute("/"))[:12]
    assert status == b"HTTP/1.1 502"
    last = replica_process.requests()[before]
    assert (last["method"], last["url"], last["status"]) == ("GET", "http://thu.example.vn/", 502)
    assert replica_process.truth
    assert replica_process.ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----\n")


def exact(answer: OddAnswer, port: int) -> tuple[bytes, bool]:
    """What arrives of an odd answer, byte for byte, and whether a reset ended it."""
    expected, received = answer.wire, b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(f"{answer.method} {answer.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        try:
            while len(received) < len(expected) or isinstance(answer.steps[-1], str):
                part = sock.recv(1 << 20)
                if not part:
                    return received, False
                received += part
        except ConnectionResetError:
            return received, True
    return received, False


@pytest.mark.parametrize("answer", [a for a in ODD_ANSWERS if a.ends != "time"], ids=lambda a: a.name)
def test_odd_answers_arrive_exactly(answer: OddAnswer) -> None:
    with odd_server(script()) as server:
        received, reset = exact(answer, server.port)
        assert server.requests == [f"{answer.method} {answer.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()]
    assert received == answer.wire
    assert reset is (answer.steps[-1] == "reset")
    assert received == b"" or answer.body == b"" or answer.body[-12:] in received


def test_odd_answers_have_names_of_their_own() -> None:
    assert len(script()) == len(ODD_ANSWERS)


@pytest.mark.parametrize(("name", "sent"), [("silent", 0), ("slow-head", 30), ("slow-body", None), ("drip", None)])
def test_slow_answers_hold_back_and_stop_at_once(name: str, sent: int | None) -> None:
    answer = by_name(name)
    begun = time.monotonic()
    with odd_server(script()) as server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.settimeout(0.3)
        sock.sendall(f"GET {answer.path} HTTP/1.1\r\n\r\n".encode())
        received = b""
        try:
            while time.monotonic() - begun < 0.3:
                received += sock.recv(65536)
        except TimeoutError:
            pass
    assert answer.wire.startswith(received)
    assert len(received) < len(answer.wire) or name != "drip"
    assert sent is None or len(received) == sent
    assert time.monotonic() - begun < 2.0


def test_odd_server_records_each_connections_bytes() -> None:
    with odd_server({"/echo": lambda request: [b"%d" % len(request), "close"], "/keep": [b"k"]}) as server:
        first = b"POST /keep HTTP/1.1\r\ncontent-LENGTH: 3\r\n\r\nabc"
        second = b"GET http://any.example.vn/echo HTTP/1.1\r\n\r\n"
        assert raw(server.port, first + second) == b"k%d" % len(second)
        assert raw(server.port, second) == b"%d" % len(second)
        assert [bytes(received) for received in server.received] == [first + second, second]
        assert server.requests == [first, second, second]
        assert server.connections == 2


@pytest.mark.parametrize(("step", "clean"), [("close", True), ("drop", False)])
def test_odd_server_over_tls(step: str, clean: bool) -> None:
    authority = Authority()
    client = ssl.create_default_context(cadata=authority.pem.decode())
    client.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # Python 3.11.2 sets it
    with odd_server({"/x": [TEXT, step]}, tls=authority) as server:  # type: ignore[list-item]
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        with client.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as sock:
            sock.sendall(b"GET /x HTTP/1.1\r\n\r\n")
            received = b""
            while len(received) < len(TEXT):
                received += sock.recv(65536)
            assert received == TEXT
            if clean:
                assert sock.recv(1) == b""
            else:
                with pytest.raises(ssl.SSLError, match="UNEXPECTED_EOF"):
                    sock.recv(1)
        assert server.url("/x") == f"https://127.0.0.1:{server.port}/x"


def test_canary_counts_connects() -> None:
    with Canary() as canary:
        assert canary.connects == 0
        for count in (1, 2, 3):
            socket.create_connection(("127.0.0.1", canary.port), timeout=5).close()
            assert canary.connects == count
    assert canary.connects == 3
