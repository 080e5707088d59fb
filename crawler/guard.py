"""Which addresses may be connected to: no page, feed or redirect can lead the crawler into a private network.

The check sits in the connection itself. ``GuardedEndpoint`` resolves the name, refuses when *any* answer is not a
public address, and connects to the very address it has checked. A check on the name alone can be rebound (the second
lookup answers differently), and a check after the connection has already knocked at the private door.

Sources: the IANA special-purpose address registries (RFC 6890), RFC 4291, RFC 6052, RFC 3056, RFC 6761, RFC 6762.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, Self

import ada_url
from scrapy.exceptions import IgnoreRequest
from scrapy.settings import BaseSettings
from scrapy.statscollectors import StatsCollector
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.threads import deferToThreadPool
from zope.interface import implementer

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""A name to all its addresses; an empty answer means that the name does not exist. It may await Deferreds only."""

SPECIAL_NETWORKS = tuple(
    (ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared"),  # carrier-grade NAT
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "link_local"),  # a public number that a cloud answers from inside every machine
        ("169.254.0.0/16", "link_local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),  # relays of 6to4
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "mapped"),  # an IPv4 address in IPv6 clothes
        ("::/96", "mapped"),  # the older, "compatible" cut of the same
        ("64:ff9b:1::/48", "private"),  # translation inside a network
        ("2001::/23", "reserved"),  # Teredo, benchmarking, ORCHID
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private"),  # unique local
        ("fe80::/10", "link_local"),
        ("fec0::/10", "private"),  # site local
        ("ff00::/8", "multicast"),
    )
)
GLOBAL_UNICAST = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")
SIX_TO_FOUR = ip_network("2002::/16")

LOCAL_SUFFIXES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa")
_NOT_IN_HOST = re.compile(r"[\s\x00-\x20\x7f/?#@\\]")


class ForbiddenAddress(IgnoreRequest):
    """The host leads to an address that may not be asked: the request is refused, and is never tried again.

    An ``IgnoreRequest``, so that the retry middleware leaves it alone and the log holds no stack trace. ``address``
    is the one that was found, ``kind`` says what it is (``loopback``, ``private`` …), ``reason`` is the visit's.
    """

    reason = "private_address"

    def __init__(self, host: str, address: str, kind: str) -> None:
        super().__init__(f"{host} leads to {address} ({kind}): not asked")
        self.host = host
        self.address = address
        self.kind = kind


def forbidden(address: str) -> str | None:
    """Why ``address`` (one literal IPv4 or IPv6 address) may not be connected to; None when it is public.

    >>> forbidden("10.1.2.3"), forbidden("64:ff9b::7f00:1"), forbidden("1.1.1.1")
    ('private', 'loopback', None)
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "malformed"
    for network, reason in SPECIAL_NETWORKS:
        if ip in network:
            return reason
    if isinstance(ip, IPv4Address):
        return None
    if ip.scope_id is not None:
        return "link_local"
    if ip in NAT64:  # what a DNS64 resolver answers for a host that has IPv4 alone
        return forbidden(str(IPv4Address(int(ip) & 0xFFFFFFFF)))
    if ip in SIX_TO_FOUR:
        return forbidden(str(IPv4Address(int(ip) >> 80 & 0xFFFFFFFF)))
    return None if ip in GLOBAL_UNICAST else "reserved"


@lru_cache(maxsize=1024)  # asked for every request
def normal_host(host: str) -> str:
    """``host`` as a WHATWG URL parser reads it: ASCII, lower case, IPv4 dotted, IPv6 without brackets, no last dot.

    Raises ValueError for what is no host, a zone id among it.

    >>> normal_host("０x7F。1"), normal_host("[::FFFF:127.0.0.1]"), normal_host("Báo.VN.")
    ('127.0.0.1', '::ffff:7f00:1', 'xn--bo-mia.vn')
    """
    if not host or _NOT_IN_HOST.search(host):
        raise ValueError(f"no host: {host!r}")
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return str(ada_url.URL(f"http://{bracketed}/").hostname).strip("[]").rstrip(".")


def literal(host: str) -> str | None:
    """``host`` when it is an address (as ``normal_host`` spells it), None when it is a name."""
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def allowed_hosts(entries: Iterable[str]) -> frozenset[tuple[str, int]]:
    """The pairs that ``ALLOWED_PRIVATE_HOSTS`` opens. Raises ValueError for an entry that is not ``host:port``.

    >>> sorted(allowed_hosts(["127.0.0.1:8080", "[::1]:80"]))
    [('127.0.0.1', 8080), ('::1', 80)]
    """
    pairs = set()
    for entry in entries:
        host, colon, port = entry.strip().rpartition(":")
        if not colon or not port.isascii() or not port.isdigit():
            raise ValueError(f"ALLOWED_PRIVATE_HOSTS: {entry!r} is not host:port")
        pairs.add((normal_host(host), int(port)))
    return frozenset(pairs)


def thread_resolver(reactor: Any) -> Resolver:
    """The system's resolver, asked anew for every connection in the reactor's threads: all addresses, both families.

    Not ``reactor.nameResolver``: the one Scrapy installs there answers with a single IPv4 address and keeps it for
    the whole crawl, and a rule about any answer needs all of them.
    """

    async def resolve(name: str) -> Sequence[str]:
        try:
            answers = await deferToThreadPool(
                reactor, reactor.getThreadPool(), socket.getaddrinfo, name, None, type=socket.SOCK_STREAM
            )
        except (socket.gaierror, UnicodeError):
            return ()
        return [str(sockaddr[0]) for *_, sockaddr in answers]

    return resolve


class Guard:
    """Decides which addresses a host may be reached at.

    ``allowed`` holds (host, port) pairs that are opened although they are private; a pair opens exactly the host as
    the URL names it, so ``127.0.0.1:8080`` does not open a name that resolves to it. ``resolver`` is the system's
    when not given. Refusals are counted in ``stats`` under ``guard/refused/<kind>``.
    """

    def __init__(
        self,
        allowed: Iterable[tuple[str, int]] = (),
        resolver: Resolver | None = None,
        stats: StatsCollector | None = None,
    ) -> None:
        self._allowed = frozenset((normal_host(host), port) for host, port in allowed)
        self._resolver = resolver
        self._stats = stats

    @classmethod
    def from_settings(cls, settings: BaseSettings, stats: StatsCollector | None = None) -> Self:
        return cls(allowed_hosts(settings.getlist("ALLOWED_PRIVATE_HOSTS")), stats=stats)

    def check_literal(self, host: str, port: int) -> None:
        """Refuse a host that is private by its spelling: an address, or a name that is local by definition.

        All that can be checked before a proxy is asked, for a proxy resolves names itself. Raises ForbiddenAddress.
        """
        try:
            name = normal_host(host)
        except ValueError:
            raise self._refusal(host, host, "malformed") from None
        if (name, port) in self._allowed:
            return
        if address := literal(name):
            if reason := forbidden(address):
                raise self._refusal(host, address, reason)
            if ":" not in address and host.rstrip(".") != address:  # 010.0.0.1 is 8.0.0.1 to some, 10.0.0.1 to others
                raise self._refusal(host, address, "spelling")
        elif "." not in name or name.endswith(tuple(f".{suffix}" for suffix in LOCAL_SUFFIXES)):
            raise self._refusal(host, name, "local_name")

    async def addresses(self, host: str, port: int, *, as_proxy: bool = False) -> list[str]:
        """Literal addresses that may be connected to, in the resolver's order; all of them checked.

        Raises ForbiddenAddress, and DNSLookupError for a name without an address. ``as_proxy``: the host is the
        configured proxy, which usually is private, and nothing is refused. Awaits Deferreds, so it runs inside
        ``Deferred.fromCoroutine``.
        """
        if not as_proxy:
            self.check_literal(host, port)
        name = normal_host(host)
        if address := literal(name):
            return [address]
        answers = list(dict.fromkeys(await self._resolve(name)))
        if not answers:
            raise DNSLookupError(f"no address for {name}")
        if not as_proxy and (name, port) not in self._allowed:
            for answer in answers:
                if reason := forbidden(answer):
                    raise self._refusal(host, answer, reason)
        return answers

    async def _resolve(self, name: str) -> Sequence[str]:
        if self._resolver is None:
            from twisted.internet import reactor  # importing it installs one: only when the crawl runs

            self._resolver = thread_resolver(reactor)
        return await self._resolver(name)

    def _refusal(self, host: str, address: str, kind: str) -> ForbiddenAddress:
        if self._stats is not None:
            self._stats.inc_value(f"guard/refused/{kind}")
        return ForbiddenAddress(host, address, kind)


@implementer(IStreamClientEndpoint)
class GuardedEndpoint:
    """A TCP endpoint behind the guard.

    The addresses are tried in order; ``timeout`` (seconds) covers the lookup and all attempts together, each attempt
    taking at most its share of what is left. ``found`` is told the name and the answer when one was looked up. Fails
    with ForbiddenAddress, DNSLookupError, or the last ConnectError.
    """

    def __init__(
        self,
        reactor: Any,
        guard: Guard,
        host: str,
        port: int,
        timeout: float,
        bind_address: tuple[str, int] | None = None,
        as_proxy: bool = False,
        found: Callable[[str, Sequence[str]], None] | None = None,
    ) -> None:
        self._reactor = reactor
        self._guard = guard
        self._host = host
        self._port = port
        self._timeout = timeout
        self._bind_address = bind_address
        self._as_proxy = as_proxy
        self._found = found

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        deadline = self._reactor.seconds() + self._timeout
        addresses = await self._addresses()
        name = normal_host(self._host)
        if self._found is not None and literal(name) is None:
            self._found(name, addresses)
        *others, last = addresses
        for position, address in enumerate(others):
            share = (deadline - self._reactor.seconds()) / (len(others) + 1 - position)
            try:
                return await self._attempt(factory, address, share)
            except ConnectError:
                continue
        return await self._attempt(factory, last, deadline - self._reactor.seconds())

    def _attempt(self, factory: IProtocolFactory, address: str, timeout: float) -> Deferred[IProtocol]:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        # Neither looks up a name that is a literal address, so what was checked is what is asked.
        return kind(self._reactor, address, self._port, max(timeout, 0.001), self._bind_address).connect(factory)

    def _addresses(self) -> Deferred[list[str]]:
        lookup = Deferred.fromCoroutine(self._guard.addresses(self._host, self._port, as_proxy=self._as_proxy))

        def too_slow(_result: object, seconds: float) -> list[str]:
            raise TimeoutError(string=f"no address for {self._host} within {seconds:g} s")

        return lookup.addTimeout(self._timeout, self._reactor, onTimeoutCancel=too_slow)
