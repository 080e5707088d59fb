"""No spelling, answer or second answer leads to a private address: a canary on loopback counts who knocks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.exceptions import IgnoreRequest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError, TCPTimedOutError, TimeoutError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.web.client import Agent

from crawler.guard import (
    SPECIAL_NETWORKS,
    ForbiddenAddress,
    Guard,
    GuardedEndpoint,
    allowed_hosts,
    forbidden,
    normal_host,
)

PUBLIC, PUBLIC_6 = "93.184.215.14", "2606:2800:21f:cb07::1"

LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.8.9.10",
    "2130706433",
    "0x7f000001",
    "0X7F.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "0127.0.0.1",  # 87.0.0.1 in octal, loopback to a reader that takes it as decimal
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "0",
    "0.0.0.0",
    "0x0",
    "localhost",
    "LocalHost",
    "localhost.",
    "a.localhost",
    "loc%61lhost",
    "localhost.localdomain",
    "printer.local",
    "metadata.google.internal",
    "intranet",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::80ff:fffe]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
]
LOOPBACK_SPELLINGS_BEYOND_ASCII = [
    "127。0。0。1",
    "127．0．0．1",
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
    "localhost。",
    "ⓛocalhost",
    "lo\u00adcalhost",
]
OTHER_PRIVATE = [
    ("10.0.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("3232235777", "private"),
    ("100.64.0.1", "shared"),
    ("169.254.169.254", "link_local"),
    ("0xa9fea9fe", "link_local"),
    ("168.63.129.16", "link_local"),
    ("192.0.0.8", "reserved"),
    ("198.18.0.1", "benchmarking"),
    ("203.0.113.7", "documentation"),
    ("224.0.0.1", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("[fc00::1]", "private"),
    ("[fd12:3456::1]", "private"),
    ("[fec0::1]", "private"),
    ("[fe80::1]", "link_local"),
    ("[ff02::1]", "multicast"),
    ("[2001:db8::1]", "documentation"),
    ("[3fff::1]", "documentation"),
    ("[2002:c0a8:101::1]", "private"),
    ("[64:ff9b::a9fe:a9fe]", "link_local"),
    ("[64:ff9b:1::1]", "private"),
    ("[::ffff:93.184.215.14]", "mapped"),
    ("[4000::1]", "reserved"),
    ("0x5d.184.215.14", "spelling"),
    ("1.2.3.4.5", "malformed"),
    ("08.8.8.8", "malformed"),
    ("256.1.1.1", "malformed"),
    ("", "malformed"),
    ("user@example.com", "malformed"),
    ("example.com\\.localhost", "malformed"),
    ("127.0.0.1\x00.example.com", "malformed"),
]


class Canary:
    """A listening socket on both loopbacks that knows how many have connected."""

    def __init__(self) -> None:
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._sockets[0].getsockname()[1]
        if socket.has_ipv6:
            with contextlib.suppress(OSError):
                self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for listening in self._sockets:
            listening.setblocking(False)

    def connects(self) -> int:
        count = 0
        for listening in self._sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    listening.accept()[0].close()
                    count += 1
        return count

    def close(self) -> None:
        for listening in self._sockets:
            listening.close()


class Network:
    """A reactor of our own on a loop of our own, so that nothing is installed in the test process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.reactor = AsyncioSelectorReactor(self.loop)

    def result(self, deferred: Deferred[Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(deferred.asFuture(self.loop), 5))

    def connect(self, guard: Guard, host: str, port: int, timeout: float = 2.0, as_proxy: bool = False) -> Any:
        endpoint = GuardedEndpoint(self.reactor, guard, host, port, timeout, as_proxy=as_proxy)
        return self.result(endpoint.connect(Factory.forProtocol(Protocol)))


class Answers:
    """A resolver that gives one prepared answer after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        return self._answers.pop(0)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.reactor.disconnectAll()
    network.loop.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.close()


def to_loopback() -> Answers:
    """What the spellings that pass for names would resolve to, if anybody asked."""
    return Answers(["127.0.0.1"], ["127.0.0.1"])


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS + LOOPBACK_SPELLINGS_BEYOND_ASCII)
def test_no_spelling_of_loopback_is_connected_to(network: Network, canary: Canary, host: str) -> None:
    guard = Guard(resolver=to_loopback())
    with pytest.raises(ForbiddenAddress):
        network.connect(guard, host, canary.port)
    with pytest.raises(ForbiddenAddress):
        guard.check_literal(host, canary.port)
    assert canary.connects() == 0


@pytest.mark.parametrize("host", [host for host in LOOPBACK_SPELLINGS if "%25" not in host and "%lo" not in host])
def test_an_agent_on_the_guarded_endpoint_connects_to_no_spelling(network: Network, canary: Canary, host: str) -> None:
    class Endpoints:
        def endpointForURI(self, uri: Any) -> GuardedEndpoint:
            return GuardedEndpoint(network.reactor, guard, uri.host.decode("ascii"), uri.port, 2.0)

    guard = Guard(resolver=to_loopback())
    agent = Agent.usingEndpointFactory(network.reactor, Endpoints())
    with pytest.raises(ForbiddenAddress):
        network.result(agent.request(b"GET", f"http://{host}:{canary.port}/".encode("ascii")))
    assert canary.connects() == 0


@pytest.mark.parametrize(("host", "kind"), OTHER_PRIVATE)
def test_private_by_spelling(host: str, kind: str) -> None:
    with pytest.raises(ForbiddenAddress) as caught:
        Guard().check_literal(host, 80)
    assert (caught.value.kind, caught.value.reason) == (kind, "private_address")
    assert isinstance(caught.value, IgnoreRequest)


@pytest.mark.parametrize(
    "host", [PUBLIC, f"[{PUBLIC_6}]", "news.example.com", "news.example.com.", "báo.vn", "a_b.vn", "1.1.1.1.nip.io"]
)
def test_public_by_spelling(host: str) -> None:
    Guard().check_literal(host, 80)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("64:ff9b::5db8:d70e", None),
        ("64:ff9b::a00:1", "private"),
        ("2002:5db8:d70e::1", None),
        ("fe80::1%2", "link_local"),
        (PUBLIC_6 + "%eth0", "link_local"),
        ("nonsense", "malformed"),
        ("192.167.255.255", None),
        ("100.128.0.0", None),
        ("172.32.0.0", None),
    ],
)
def test_answers_of_a_resolver(address: str, reason: str | None) -> None:
    assert forbidden(address) == reason


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_what_the_standard_library_calls_not_global_is_forbidden(address: IPv4Address | IPv6Address) -> None:
    assert address.is_global or forbidden(str(address))


@st.composite
def special_ipv4(draw: st.DrawFn) -> IPv4Address:
    networks = [network for network, _ in SPECIAL_NETWORKS if network.version == 4]
    network = draw(st.sampled_from(networks))
    return IPv4Address(int(network.network_address) + draw(st.integers(0, network.num_addresses - 1)))


@given(special_ipv4())
def test_every_way_to_write_a_special_ipv4_address_is_refused(address: IPv4Address) -> None:
    number, (a, b, c, d) = int(address), address.packed
    spellings = [
        str(address),
        f"{number}",
        f"{number:#x}",
        f"0{number:o}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"[::ffff:{address}]",
        f"[::{address}]",
        f"[64:ff9b::{address}]",
        f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]",
    ]
    for spelling in spellings:
        with pytest.raises(ForbiddenAddress):
            Guard().check_literal(spelling, 80)


@given(st.text(max_size=30))
def test_any_text_is_a_host_or_refused(text: str) -> None:
    try:
        Guard().check_literal(text, 80)
    except ForbiddenAddress:
        return
    assert normal_host(normal_host(text)) == normal_host(text)


def test_any_forbidden_answer_refuses_the_name(network: Network, canary: Canary) -> None:
    for answers in ([PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC_6, "::1"], ["::ffff:127.0.0.1"]):
        with pytest.raises(ForbiddenAddress):
            network.connect(Guard(resolver=Answers(answers)), "news.example.com", canary.port)
    assert canary.connects() == 0


def test_the_checked_answer_is_the_one_connected_to() -> None:
    """A name that is rebound between two lookups: each connection looks up once, and asks what it has checked."""
    reactor, factory = MemoryReactorClock(), Factory.forProtocol(Protocol)
    answers = Answers([PUBLIC], ["127.0.0.1"], [PUBLIC_6])
    guard = Guard(resolver=answers)
    GuardedEndpoint(reactor, guard, "rebind.example.com", 80, 10.0).connect(factory)
    assert [client[:2] for client in reactor.tcpClients] == [(PUBLIC, 80)]
    assert answers.asked == ["rebind.example.com"]
    refused: list[Failure] = []
    GuardedEndpoint(reactor, guard, "rebind.example.com", 80, 10.0).connect(factory).addErrback(refused.append)
    assert refused[0].check(ForbiddenAddress)
    GuardedEndpoint(reactor, guard, "rebind.example.com", 80, 10.0).connect(factory)
    assert [client[0] for client in reactor.tcpClients] == [PUBLIC, PUBLIC_6]


def test_each_address_gets_its_share_of_the_time() -> None:
    reactor = MemoryReactorClock()
    guard = Guard(resolver=Answers([PUBLIC_6, PUBLIC]))
    failed: list[Failure] = []
    endpoint = GuardedEndpoint(reactor, guard, "news.example.com", 80, 10.0)
    endpoint.connect(Factory.forProtocol(Protocol)).addErrback(failed.append)
    host, _, wrapped, timeout, _ = reactor.tcpClients[0]
    assert (host, timeout) == (PUBLIC_6, 5.0)
    reactor.advance(5.0)
    wrapped.clientConnectionFailed(reactor.connectors[0], Failure(TCPTimedOutError()))
    host, _, wrapped, timeout, _ = reactor.tcpClients[1]
    assert (host, timeout) == (PUBLIC, 5.0)
    wrapped.clientConnectionFailed(reactor.connectors[1], Failure(TCPTimedOutError()))
    assert failed[0].check(TCPTimedOutError)


def test_the_next_address_is_tried_when_one_does_not_answer(network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        guard = Guard({("news.example.com", port)}, Answers(["127.0.0.9", "127.0.0.1"]))
        protocol = network.connect(guard, "news.example.com", port)
        assert protocol.transport.getPeer().host == "127.0.0.1"


def test_a_lookup_that_takes_too_long_fails_in_time(network: Network) -> None:
    async def never(_name: str) -> list[str]:
        return await Deferred()

    with pytest.raises(TimeoutError):
        network.connect(Guard(resolver=never), "news.example.com", 80, timeout=0.05)


def test_a_name_without_an_address_is_an_error_and_no_refusal(network: Network) -> None:
    with pytest.raises(DNSLookupError):
        network.connect(Guard(resolver=Answers([])), "gone.example.com", 80)


def test_an_opened_pair_opens_that_pair_alone(network: Network, canary: Canary) -> None:
    port = canary.port
    guard = Guard({("127.0.0.1", port), ("replica", port)}, Answers(["127.0.0.1"], ["127.0.0.1"]))
    network.connect(guard, "127.0.0.1", port)
    network.connect(guard, "replica", port)
    assert canary.connects() == 2
    for host, other in [("127.0.0.2", port), ("127.0.0.1", port + 1), ("localhost", port), ("news.example.com", port)]:
        with pytest.raises(ForbiddenAddress):
            network.connect(guard, host, other)
    assert canary.connects() == 0


def test_the_proxy_is_exempt_as_a_hop_and_not_as_a_target(network: Network, canary: Canary) -> None:
    guard = Guard(resolver=Answers(["127.0.0.1"]))
    network.connect(guard, "127.0.0.1", canary.port, as_proxy=True)
    network.connect(guard, "squid", canary.port, as_proxy=True)
    assert canary.connects() == 2
    with pytest.raises(ForbiddenAddress):
        network.connect(guard, "127.0.0.1", canary.port)
    with pytest.raises(ForbiddenAddress):
        guard.check_literal("squid", canary.port)
    assert canary.connects() == 0


def test_pairs_from_the_settings() -> None:
    pairs = {("127.0.0.1", 8080), ("::1", 80), ("báo.test", 1)}
    assert allowed_hosts(["127.0.0.1:8080", " [::1]:80 ", "BÁO.test.:1"]) == {
        (normal_host(host), port) for host, port in pairs
    }
    for entry in ("127.0.0.1", ":80", "name:", "name:http", "a b:80", ""):
        with pytest.raises(ValueError, match="host"):
            allowed_hosts([entry])


SYSTEM_RESOLVER = """
import sys
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted.internet.protocol import Factory, Protocol
from crawler.guard import ForbiddenAddress, Guard, GuardedEndpoint

async def main(reactor):
    port = int(sys.argv[1])
    guard = Guard({("localhost", port)})
    protocol = await GuardedEndpoint(reactor, guard, "localhost", port, 5.0).connect(Factory.forProtocol(Protocol))
    print(protocol.transport.getPeer().host)

react(lambda reactor: ensureDeferred(main(reactor)))
"""


def test_the_system_resolver_answers_by_default(canary: Canary) -> None:
    command = [sys.executable, "-c", SYSTEM_RESOLVER, str(canary.port)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() in {"127.0.0.1", "::1"}
    assert canary.connects() == 1
