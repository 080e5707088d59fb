"""Addresses: one canonical form, by which the frontier, the seen-set and the ids of articles compare.

The canonical form may only merge spellings of one address, never two pages that differ. So parameters keep
their order, ``http`` and ``https`` stay apart, and an ampersand in the path (``/the-gioi&s_cond=&BRSR=15``)
is a character like any other. Which hosts or editions show the same page is knowledge of a site, not of this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote, unquote_to_bytes

from ada_url import join_url, normalize_url

from crawler.text import fold, scalar

CANONICALISATION = 1
"""Number of these rules. The ledger stores it: with another number its fingerprints mean other addresses."""

MAX_URL = 4096
"""Longest canonical address, in characters: twice what browsers and caches commonly carry; longer ones are traps."""

TRACKING_PREFIXES = ("utm_", "mtm_", "pk_", "hsa_", "__cft__", "__xts__", "fb_action_")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TRACKING_PARAMETERS = _words(
    # Facebook, Instagram, Zalo, TikTok, X, LinkedIn, Pinterest
    "fbclid fb_source fb_ref mibextid __tn__ igsh igshid gidzl zarsrc ttclid twclid li_fat_id epik"
    # Google: clicks, linked domains, merchants, the AMP viewer
    " gclid gclsrc dclid gbraid wbraid gad_source gad_campaignid srsltid _ga _gl amp_js_v amp_gsa"
    # Microsoft, Yandex, Yahoo and mail senders
    " msclkid yclid ysclid _openstat guccounter guce_referrer guce_referrer_sig"
    " mc_cid mc_eid _hsenc _hsmi mkt_tok vero_id oly_enc_id oly_anon_id wickedid s_kwcid rb_clickid"
)
"""Names that only say where a reader came from; compared in lower case. Names with another possible use
(``ref``, ``source``, ``from``, ``id``) are left alone."""

_HREF = re.compile(r"(https?)://([^/?#]+)(/[^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^.:@]{1,63}(?:\.[^.:@]{1,63})*\.?)(?::(\d+))?")
# A host that no parser reads as anything else: a name of plain labels, the last of them no number (it could be an IPv4
# address in another spelling), and none in Punycode (it could be broken).
_PLAIN_HOST = re.compile(r"https?://((?:(?!xn--)[a-z0-9-]{1,63}\.)*(?!xn--)[a-z][a-z0-9-]{0,62})/")
_PLAIN = re.compile(_PLAIN_HOST.pattern + r"[\w\-.~/=&]*(?:\?[\w\-.~/=&]*)?", re.ASCII)
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
# Unreserved and reserved characters (RFC 3986, 2.2 and 2.3) and upper-case escapes of anything but the unreserved.
_SETTLED = re.compile(
    r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]++|%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|[46]0|5[B-E]|7[BCDF]))*+"
)
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_RUNS = re.compile(r"%[0-9A-F]{2}|[^%:/?\[\]@!$&'()*+,;=]+")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def canonical_url(url: str, base: str | None = None) -> str | None:
    """Return the canonical form of ``url``, read against ``base``, or None when it is no address to fetch.

    Parsed as browsers do (WHATWG URL): white space around it and tabs and line ends inside are dropped, the host
    is lower case and ASCII, default ports and dot segments go. Then the fragment is dropped; escapes of unreserved
    characters are decoded; other text is NFC, UTF-8 and escaped with upper-case hex; a ``%`` that escapes nothing
    becomes ``%25``; tracking parameters and an empty query go.

    None for other schemes, broken addresses, hosts that no name server can know, results over ``MAX_URL``, and
    addresses with user name or password: without them it may be another page, with them a secret would be stored.
    Never raises; applied to its own result it changes nothing.
    """
    if base is not None and _ABSOLUTE.match(url):
        base = None  # it says nothing then; and one cache entry serves all pages
    return _canonical(url, base)


@lru_cache(maxsize=16_384)
def _canonical(url: str, base: str | None) -> str | None:
    if base is None and len(url) <= MAX_URL and is_settled(url):
        return url
    # The slack over MAX_URL leaves room for escapes and tracking parameters that go.
    if len(url) > 4 * MAX_URL or (base is not None and len(base) > 4 * MAX_URL):
        return None
    match = _HREF.fullmatch(_parse(url, base))
    if match is None:
        return None
    scheme, authority, path, query = match.groups()
    if not _AUTHORITY.fullmatch(authority):
        return None
    result = f"{scheme}://{authority}{_respell(path)}"
    if query:
        kept = "&".join(pair for pair in _respell(query).split("&") if not _is_tracking(pair))
        if kept.strip("&"):
            result = f"{result}?{kept}"
    return result if len(result) <= MAX_URL else None


def _parse(url: str, base: str | None = None) -> str:
    """Return the serialised WHATWG address, '' when it cannot be parsed."""
    try:
        return normalize_url(url) if base is None else join_url(base, url)
    except ValueError:
        whole = scalar(url), None if base is None else scalar(base)
        return "" if whole == (url, base) else _parse(*whole)


def _is_tracking(pair: str) -> bool:
    name = pair.partition("=")[0].lower()
    return name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)


def _respell(part: str) -> str:
    """Give a path or query its one spelling. Reserved characters and their escapes stay apart: they may differ."""
    if _SETTLED.fullmatch(part) and ("%" not in part or _is_nfc(part)):
        return part
    part = _STRAY.sub("%25", part)
    part = _ESCAPES.sub(_decode_escapes, part)
    # NFC runs between delimiters only: a combining mark must not melt into "=" or into the digits of an escape.
    return _RUNS.sub(lambda run: run[0] if run[0][0] == "%" else quote(unicodedata.normalize("NFC", run[0])), part)


def _is_nfc(part: str) -> bool:
    return unicodedata.is_normalized("NFC", unquote_to_bytes(part).decode("utf-8", "surrogateescape"))


def _decode_escapes(run: re.Match[str]) -> str:
    """Decode unreserved and non-ASCII characters; other escapes and bytes that are no UTF-8 stay, in upper case."""
    text = bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "surrogateescape")
    return "".join(
        char
        if char in _UNRESERVED or (char > "\x7f" and not "\udc80" <= char <= "\udcff")
        else f"%{ord(char) & 0xFF:02X}"
        for char in text
    )


def fingerprint(canonical: str) -> bytes:
    """Return the 16-byte key of a canonical address in the ledger (BLAKE2b)."""
    return blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@lru_cache(maxsize=16_384)  # asked again for every list that a URL stands in
def host_of(url: str) -> str:
    """Return the lower-case ASCII host (an IPv6 address in brackets), '' when there is none. Accepts a bare host."""
    if plain := _PLAIN_HOST.match(url):
        return plain[1]
    match = _HREF.fullmatch(_parse(url if ":" in url else f"http://{url}"))
    authority = _AUTHORITY.fullmatch(match[2].rpartition("@")[2]) if match else None
    return authority[1] if authority else ""


def is_plain(canonical: str) -> bool:
    """Tell whether a canonical address has nothing that a library could spell in another way, such as escapes."""
    return _PLAIN.fullmatch(canonical) is not None


def is_settled(url: str) -> bool:
    """Tell whether an address is canonical at first sight, as most links are: a parser takes six times as long."""
    return is_plain(url) and "/." not in url and "?" not in url


def origin_host_port(url: str) -> str:
    """Return ``host:port`` of an http or https address with the port always written, '' when there is none."""
    match = _HREF.fullmatch(_parse(url))
    authority = _AUTHORITY.fullmatch(match[2].rpartition("@")[2]) if match else None
    if match is None or authority is None:
        return ""
    return f"{authority[1]}:{authority[2] or (443 if match[1] == 'https' else 80)}"


def target_of(url: str) -> str:
    """Return path and query of an http or https address as a request line carries them, '' when it is none."""
    match = _HREF.fullmatch(_parse(url))
    if match is None:
        return ""
    return match[3] if match[4] is None else f"{match[3]}?{match[4]}"


def path_of(canonical: str) -> str:
    """Return path and query of a canonical address without the leading slash: the second half of a generic id."""
    match = _HREF.fullmatch(canonical)
    if match is None:
        return ""
    return match[3][1:] + (f"?{match[4]}" if match[4] else "")


def in_domains(url: str, domains: Iterable[str]) -> bool:
    """Tell whether the host of ``url`` is one of ``domains`` or a subdomain of one."""
    host = host_of(url)
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


_SECOND_LEVEL = _words("com net org edu gov co ac mil")  # under any country code
_SECOND_LEVEL_OF = {
    "vn": _words("biz health id info int io ai name pro"),
    "uk": _words("ltd me nhs plc police sch"),
    "jp": _words("ad ed go gr lg ne or"),
    "kr": _words("go ne or pe re"),
    "in": _words("firm gen ind nic res"),
    "id": _words("desa go my or sch web"),
    "th": _words("go in mi or"),
    "au": _words("asn id"),
    "nz": _words("geek gen govt iwi maori school"),
    "tw": _words("idv"),
    "hk": _words("idv"),
}


def registered_domain(url: str) -> str:
    """Return the domain that somebody registered: ``baoquocte.vn`` for ``https://en.baoquocte.vn/…``.

    A small rule instead of the public suffix list, which would have to be fetched: two labels, three where the
    second-level label is a known registry under a two-letter country code (``co.uk``, ``com.vn``). An IP address
    and a single label stand for themselves. '' when there is no host.
    """
    host = host_of(url).rstrip(".")
    labels = host.split(".")
    if len(labels) < 3 or host.startswith("[") or labels[-1].isdigit():
        return host
    top, second = labels[-1], labels[-2]
    known = len(top) == 2 and (second in _SECOND_LEVEL or second in _SECOND_LEVEL_OF.get(top, ()))
    return ".".join(labels[-3:] if known else labels[-2:])


def slugify(headline: str) -> str:
    """Return the slug of a headline: no diacritics, lower case, every run of other characters one hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", fold(headline)).strip("-")
