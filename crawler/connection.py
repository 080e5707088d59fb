"""What is known of a connection beside its exchanges: the answer to the name lookup, and the TLS handshake.

    guard ─► Lookup ────┐
                        ├─► Exchange ─► Connections, in the writer's thread ─► dns: record, metadata record of the chain
    tls   ─► Handshake ─┘

Both are written once a run: a lookup again when its answer has changed, a chain again when it is another one. So they
cost per host, never per page.
"""

from __future__ import annotations

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from cryptography import x509

from crawler.dates import utc_text
from warc.record import LOOKUP, TLS, Visit, WarcRecord, lookup, metadata

REFUSE, ARCHIVE = "refuse", "archive"
POLICIES: Final = (REFUSE, ARCHIVE)  # TLS_POLICY

KEPT: Final = 10_000  # hosts whose answers and chains are remembered; the least lately used is written again


@dataclass(frozen=True, slots=True)
class Lookup:
    """The addresses of a name as this machine's resolver gave them, in its order; all checked by the guard."""

    host: str  # as ``crawler.guard.normal_host`` spells it
    addresses: tuple[str, ...]
    at: datetime  # UTC


@dataclass(frozen=True)
class Handshake:
    """A TLS handshake that has ended, and what is to be said of the peer's certificates.

    ``failures`` are why they prove nothing (``expired``, ``wrong_name`` … see ``crawler.tls``), none when all is well;
    ``refused`` tells that the connection was ended for it, before anything was sent.
    """

    host: str
    port: int
    chain: tuple[bytes, ...]  # DER, the peer's own first, as the peer sent them
    protocol: str  # such as TLSv1.3
    cipher: str
    failures: tuple[str, ...] = ()
    refused: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the peer's own certificate."""
        return sha256(self.chain[0] if self.chain else b"").hexdigest()

    @property
    def warc_protocol(self) -> str:
        """
        >>> Handshake("bao.vn", 443, (), "TLSv1.3", "TLS_AES_256_GCM_SHA384").warc_protocol
        'tls/1.3'
        """
        return self.protocol.lower().replace("tlsv", "tls/")


class CertificateRefused(Exception):
    """The peer's certificates prove nothing, and TLS_POLICY is refuse: nothing was sent over the connection."""

    def __init__(self, host: str, failures: tuple[str, ...]) -> None:
        super().__init__(f"the certificate of {host} is not valid ({', '.join(failures)}); see TLS_POLICY")
        self.host = host
        self.failures = failures


class Connections:
    """Which lookups and chains this run has written. For one thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._answers: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._chains: OrderedDict[tuple[Any, ...], None] = OrderedDict()
        self._kept = kept

    def lookups(self, found: Lookup | None) -> Iterator[WarcRecord]:
        """The record of a lookup whose answer is news: another set of addresses, in whatever order."""
        if found is None:
            return
        answer = frozenset(found.addresses)
        told = self._answers.get(found.host)
        _keep(self._answers, found.host, answer, self._kept)
        if told != answer:
            yield lookup(Visit(f"{LOOKUP}{found.host}", utc_text(found.at)), answer_text(found))

    def chains(self, made: Handshake | None, first: WarcRecord, ip: str | None) -> Iterator[WarcRecord]:
        """The record of a chain that is news; ``first`` is the record that came over such a connection first."""
        if made is None:
            return
        key = (made.host, made.port, made.fingerprint, made.failures)
        known = key in self._chains
        _keep(self._chains, key, None, self._kept)
        if not known:
            host = f"[{made.host}]" if ":" in made.host else made.host
            uri = f"{TLS}{host}:{made.port}:sha256:{made.fingerprint}"
            visit = Visit(uri, first.date, ip, (made.warc_protocol,), made.cipher)
            yield metadata(visit, chain_fields(made), refers_to=first.record_id)


def answer_text(found: Lookup) -> bytes:
    """The block of a ``dns:`` record: the time (RFC 2540), then resource records as in a zone file (RFC 1035, 5.1).

    A zone file may leave out the TTL, and so it is here: the resolver does not tell it.

    >>> answer_text(Lookup("bao.vn", ("1.1.1.1",), datetime(2026, 11, 21, 10)))
    b'20261121100000\\nbao.vn.\\tIN\\tA\\t1.1.1.1\\n'
    """
    lines = [f"{found.at:%Y%m%d%H%M%S}"]
    for address in found.addresses:
        lines.append(f"{found.host}.\tIN\t{'AAAA' if ':' in address else 'A'}\t{address}")
    return "".join(f"{line}\n" for line in lines).encode("ascii", "backslashreplace")


def chain_fields(made: Handshake) -> list[tuple[str, str]]:
    """The block of a chain's record. What a certificate says of itself is left out where it cannot be read."""
    fields = [
        ("host", made.host),
        ("port", str(made.port)),
        ("protocol", made.protocol),
        ("cipher", made.cipher),
        ("verified", "no" if made.failures else "yes"),
        ("failure", ", ".join(made.failures)),
        ("policy", (REFUSE if made.refused else ARCHIVE) if made.failures else ""),
        ("fingerprint", f"sha256:{made.fingerprint}"),
        *(_said_by(made.chain[0]) if made.chain else ()),
        *(("certificate", b64encode(der).decode("ascii")) for der in made.chain),
    ]
    return [(name, value) for name, value in fields if value]


def _said_by(der: bytes) -> list[tuple[str, str]]:
    try:
        own = x509.load_der_x509_certificate(der)
        return [
            ("subject", own.subject.rfc4514_string()),
            ("issuer", own.issuer.rfc4514_string()),
            ("not-before", utc_text(own.not_valid_before_utc)),
            ("not-after", utc_text(own.not_valid_after_utc)),
        ]
    except ValueError:  # OpenSSL reads some that this does not
        return []


def _keep(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
