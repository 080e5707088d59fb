"""Values that may stand in WARC headers and fields: each stays on its line, whatever text it is made from."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z")
_RECORD_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x3b\x3d\x3f-\x7e]+>")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_URI_SAFE = "".join(map(chr, range(0x21, 0x7F)))


def new_record_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def utc_now() -> str:
    """The present as a WARC-Date."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def warc_fields(fields: Mapping[str, str] | Iterable[tuple[str, str]]) -> bytes:
    """A block of ``name: value`` lines (application/warc-fields). Values may be any text and stay one line each."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    lines = []
    for name, value in pairs:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"not a field name: {name!r}")
        lines.append(f"{name}: {one_line(value)}\r\n")
    return "".join(lines).encode("utf-8")


def safe_uri(uri: str) -> str:
    """A URI that cannot end a header line: everything outside printable ASCII is percent-encoded, as UTF-8.

    >>> safe_uri("https://baoquocte.vn/tin?a=1\\r\\nWARC-Type: resource")
    'https://baoquocte.vn/tin?a=1%0D%0AWARC-Type:%20resource'
    """
    encoded = quote(uri, safe=_URI_SAFE, errors="replace")
    if not _URI.fullmatch(encoded):
        raise ValueError(f"not an absolute URI: {uri!r}")
    return encoded


def checked_id(value: str) -> str:
    if not _RECORD_ID.fullmatch(value):
        raise ValueError(f"not a record id: {value!r}")
    return value


def checked_date(value: str) -> str:
    if not _DATE.fullmatch(value):
        raise ValueError(f"not a WARC-Date: {value!r}")
    datetime.fromisoformat(value)
    return value


def one_line(value: str) -> str:
    """Percent-encode what could end a line or is no text: controls, line and paragraph separators, surrogates."""
    if value.isascii() and value.isprintable():
        return value
    return "".join(
        quote(character, errors="replace") if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") else character
        for character in value
    )
