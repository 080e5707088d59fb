"""SURT keys: a URL turned round so that pages of one site sort together, spelt as replay tools look them up.

    >>> surt("https://www.Bao.vn:443/Tin//a/../B.html?y=2&X=1#top")
    'vn,bao)/tin/b.html?x=1&y=2'

The host's labels are reversed, a leading ``www.`` (``www2.`` …) and a default port are left out, everything is lower
case, escapes are undone and made again, dot segments and empty ones resolved, query arguments sorted, session ids
taken away. These are the rules of the Internet Archive's canonicaliser, which pywb and OpenWayback share.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?", re.DOTALL)
_WWW = re.compile(r"www\d*\.")
_PORT = re.compile(r":(\d*)$")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_KEPT = "!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~"  # unescaped, beside letters and digits
_PATH_SESSIONS = tuple(
    re.compile(rf"(?i)(.*/){session}([^?]+\.aspx.*)")
    for session in (r"\((?:[a-z]\([0-9a-z]{24}\))+\)/", r"\([0-9a-z]{24}\)/")
)
_QUERY_SESSIONS = tuple(
    re.compile(rf"(?i)(.*){session}(?:&(.*))?")
    for session in (
        r"jsessionid=[0-9a-z]{32}",
        r"phpsessid=[0-9a-z]{32}",
        r"sid=[0-9a-z]{32}",
        r"aspsessionid[a-z]{8}=[a-z]{24}",
        r"cfid=[^&]+&cftoken=[^&]+",
    )
)


def surt(uri: str) -> str:
    """The key of a target URI; the URI itself when it has no scheme."""
    found = _PARTS.match(uri.strip())
    if not found:
        return uri
    scheme, authority, path, query = found[1], found[2], found[3], found[4]
    host = _host(scheme.lower(), authority or "")
    path = _escaped(_resolved(_unescaped(path)) if host else _unescaped(path)).lower()
    for session in _PATH_SESSIONS:
        path = session.sub(r"\1\2", path)
    if len(path) > 1:
        path = path.removesuffix("/")
    arguments = _query(_escaped(_unescaped(query or "")))
    return f"{host or scheme + ':'}{path}{arguments}"


def _host(scheme: str, authority: str) -> str:
    """``vn,bao)``, with the port when it is not the scheme's own."""
    name = authority.rpartition("@")[2]
    port = _PORT.search(name)
    number = port[1] if port else ""
    name = name[: port.start()] if port else name
    name = _unescaped(name.strip("[]")).decode("latin-1").lower().replace("..", ".").strip(".")
    if not name:
        return ""
    labels = _WWW.sub("", name, count=1) if _WWW.match(name) else name
    shown = "" if number in ("", _DEFAULT_PORTS.get(scheme)) else f":{int(number)}"
    return f"{','.join(reversed(labels.split('.')))}{shown})"


def _resolved(path: bytes) -> bytes:
    """An absolute path without dot segments and empty segments; a slash at the end stays."""
    kept: list[bytes] = []
    for segment in path.split(b"/")[1:]:
        if segment == b"..":
            kept = kept[:-1] if kept else [segment]
        elif segment != b".":
            kept.append(segment)
    return b"/" + b"/".join([*filter(None, kept[:-1]), *kept[-1:]])


def _query(query: str) -> str:
    for session in _QUERY_SESSIONS:
        if found := session.fullmatch(query):
            query = found[1] + (found[2] or "")
    if not query:
        return ""
    return "?" + "&".join(sorted(query.lower().split("&"), key=lambda argument: argument.split("=", 1)))


def _unescaped(text: str) -> bytes:
    """Percent-escapes undone until none is left."""
    data = text.encode("utf-8", "replace")
    while (undone := unquote_to_bytes(data)) != data:
        data = undone
    return data


def _escaped(data: bytes) -> str:
    return quote_from_bytes(data, safe=_KEPT)
