"""Digests as WARC headers carry them: ``sha1:`` and upper-case Base32 (RFC 4648, section 6)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable


class Digester:
    """A SHA-1 digest built piece by piece; ``str()`` gives the header value.

    >>> str(Digester(b"xin ch", b"ao"))
    'sha1:M7ZESKE3MTQGXMU27JLIHE4RDAPBZBLG'
    """

    __slots__ = ("_hash",)

    def __init__(self, *pieces: bytes) -> None:
        # SHA-1 because CDXJ, pywb and warcio compare payloads by it; it finds equal bodies, it proves nothing.
        self._hash = hashlib.sha1(usedforsecurity=False)
        for piece in pieces:
            self._hash.update(piece)

    def update(self, piece: bytes) -> None:
        self._hash.update(piece)

    def __str__(self) -> str:
        return "sha1:" + base64.b32encode(self._hash.digest()).decode("ascii")


def digest_of(pieces: bytes | Iterable[bytes]) -> str:
    """The digest of bytes, or of a body that comes in pieces.

    >>> digest_of(b"")
    'sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ'
    """
    digester = Digester()
    for piece in (pieces,) if isinstance(pieces, bytes) else pieces:
        digester.update(piece)
    return str(digester)


EMPTY_PAYLOAD = digest_of(b"")  # equal for every empty body: never a reason to call two captures the same
