"""A certificate authority of the replica's own, so that clients can verify TLS for real host names.

One EC key signs, one EC key serves every host (making keys is the slow part); a leaf certificate is made at
the first connection to its host. Validity follows the real clock, never the replica's: it is the client who
checks it.
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=30)


class Authority:
    """Signs a certificate for any host; ``pem`` is what a client has to trust (SSL_CERT_FILE).

    For servers whose certificates are bad: ``begins`` is when they begin to be valid, as seen from now; ``named`` is
    the one host they are all for; with ``self_signed`` nobody else has signed them.
    """

    def __init__(
        self, *, begins: timedelta = timedelta(days=-1), named: str | None = None, self_signed: bool = False
    ) -> None:
        self._begins = begins
        self._named = named
        self._self_signed = self_signed
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bao Quan replica CA")])
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._issuer_key = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        if self_signed:
            self._issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._leaf_key.public_key())
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def context(self, host: str) -> ssl.SSLContext:
        """A server's TLS context for ``host`` (a DNS name or an IP address), made once."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._make_context(host)
            return self._contexts[host]

    def _make_context(self, host: str) -> ssl.SSLContext:
        # No host name in the subject: a common name may not pass 64 characters, the alternative name may.
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "replica")])
        public = self._leaf_key.public_key()
        certificate = (
            _builder(subject, subject if self._self_signed else self._name, public, self._begins)
            .add_extension(x509.SubjectAlternativeName([_general_name(self._named or host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(self._issuer_key, critical=False)
            .sign(self._leaf_key if self._self_signed else self._key, hashes.SHA256())
        )
        key = self._leaf_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryDirectory() as folder:  # ssl reads certificates from files only
            chain = Path(folder) / "chain.pem"
            chain.write_bytes(key + certificate.public_bytes(serialization.Encoding.PEM))
            context.load_cert_chain(chain)
        return context


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    begins: timedelta = timedelta(days=-1),
) -> x509.CertificateBuilder:
    begin = datetime.now(UTC) + begins
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
