"""TLS certificates: every chain is judged and kept, and TLS_POLICY says what a bad one leads to.

    connection ─► handshake, whose errors are noted and let pass ─► judged, before one byte of a request is sent
                                                                     │ sound: on
                                                                     │ not: refuse ─► the connection is ended
                                                                     └      archive ─► on, and the captures say so

OpenSSL would end a bad handshake itself, but then nobody could say with which chain: evidence comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate
from OpenSSL.SSL import VERIFY_FAIL_IF_NO_PEER_CERT, VERIFY_PEER
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.python.failure import Failure
from zope.interface import implementer

from crawler.connection import ARCHIVE, CertificateRefused, Handshake
from crawler.guard import literal

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

NOT_JUDGED: Final = "not_judged"  # OpenSSL never looked at the chain
WRONG_NAME: Final = "wrong_name"
# X509_V_ERR_… of OpenSSL (x509_vfy.h)
_REASONS: Final = {
    2: "unknown_authority",  # the issuer's certificate is not there
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "unknown_authority",  # a root nobody here trusts
    20: "unknown_authority",
    21: "unknown_authority",
    23: "revoked",
}


class TlsPolicy:
    """Makes the client's side of TLS connections; ``factory`` is Scrapy's: trust roots, versions and ciphers."""

    def __init__(self, factory: Any, policy: str) -> None:
        self._factory = factory
        self._refuses = policy != ARCHIVE

    @classmethod
    def from_settings(cls, factory: Any, settings: BaseSettings) -> TlsPolicy:
        return cls(factory, settings["TLS_POLICY"])

    def creator(self, host: str, port: int) -> Any:
        """For one connection to this host, an address or a name in ASCII."""
        return Judge(lambda: self._factory.creatorForNetloc(host.encode("ascii"), port), host, port, self._refuses)


@implementer(IOpenSSLClientConnectionCreator)
class Judge:
    """Judges one connection. Nothing passes that OpenSSL has not looked at: the verdict is bad until it has."""

    def __init__(self, inner: Callable[[], Any], host: str, port: int, refuses: bool) -> None:
        self._inner = inner  # made only when there is a connection to be made: it reads all trust roots
        self._host = host
        self._port = port
        self._refuses = refuses
        self._looked = False
        self._errors: list[str] = []

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        connection = self._inner().clientConnectionForTLS(tlsProtocol)
        connection.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, self._note)
        tlsProtocol.judge = self
        return connection

    def _note(self, _connection: Any, _certificate: Any, error: int, depth: int, ok: int) -> bool:
        """Called by OpenSSL for every certificate and every fault; the handshake goes on."""
        self._looked = self._looked or depth == 0
        if not ok:
            self._errors.append(_REASONS.get(error, f"openssl_{error}"))
        return True

    def verdict(self, connection: Any) -> Handshake:
        """The handshake has ended: what it was."""
        failures = self._errors if self._looked else [NOT_JUDGED]
        if not self._fits(connection):
            failures = [*failures, WRONG_NAME]
        chain = connection.get_peer_cert_chain() or ()
        return Handshake(
            self._host,
            self._port,
            tuple(dump_certificate(FILETYPE_ASN1, certificate) for certificate in chain),
            connection.get_protocol_version_name(),
            connection.get_cipher_name() or "",
            tuple(dict.fromkeys(failures)),
            bool(failures) and self._refuses,
        )

    def _fits(self, connection: Any) -> bool:
        """Whether the certificate is one for this host (RFC 9525)."""
        try:
            (verify_ip_address if literal(self._host) else verify_hostname)(connection, self._host)
        except (VerificationError, CertificateError, ValueError):
            return False
        return True


def judged(transport: Any) -> Handshake | None:
    """The verdict over a transport whose handshake has just ended; a bad one is closed if it is to be refused."""
    judge: Judge | None = getattr(transport, "judge", None)
    if judge is None:
        return None
    handshake = judge.verdict(transport.getHandle())
    if handshake.refused:
        transport.failVerification(Failure(CertificateRefused(handshake.host, handshake.failures)))
    return handshake
