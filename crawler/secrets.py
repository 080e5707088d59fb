"""What no file of the archive may hold: passwords, tokens, keys, and whatever opens a proxy or a database.

settings ─► by name (…PASSWORD, …TOKEN, …DSN) and by form (user:password@host, Bearer …, a private key)
log      ─► the same forms, and every value that was left out of the settings, wherever it stands
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

LEFT_OUT: Final = "(left out)"
SHORTEST: Final = 4  # letters of a secret that is looked for in the log: a shorter one would be found in every word

_NAME = re.compile(
    r"pass(wor[dt]|wd|phrase)?(_|$)|pwd|secret|token|credential|cookie|session|signature|dsn|webhook"
    r"|auth(?!ors?(_|$))|(api|access|private|account|shared|encryption)_?key|_key(_id)?$|^key$"
    r"|connection_?string|(database|db|redis|mongo\w*|amqp|broker|postgres\w*|mysql)_?ur[il]",
    re.IGNORECASE,
)
# Names of Scrapy's that the pattern takes for secrets, and that hold none
_PLAIN: Final = frozenset({"COOKIES_ENABLED", "COOKIES_DEBUG", "HTTPAUTH_DOMAIN", "HTTPPROXY_AUTH_ENCODING"})
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*:/?/)[^\s/?#'\"<>]*@")
_SCHEME_LESS = re.compile(r"(?<![\w/])[^\s/:@'\"=,]+:[^\s/:@'\"]+@(?=[\w.-]+(:\d+)?\b)")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*[b'\"]*(?:\w+\s+)?|bearer\s+|basic\s+(?=[\w+/]*[0-9=]))[\w+/=.~-]{6,}"
)
_PAIR = re.compile(
    r"(?i)(?<![\w-])([\w-]*(?:password|passwd|pwd|secret|token|api_?key|access_?key|signature|sig)\s*=\s*)(?!\(left)[^\s&;,'\"]+"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def is_secret_name(name: str) -> bool:
    """Whether what a setting, argument or key of this name holds is nobody's business.

    >>> is_secret_name("AWS_SECRET_ACCESS_KEY"), is_secret_name("CONTACT"), is_secret_name("follow_authors")
    (True, False, False)
    """
    return name not in _PLAIN and _NAME.search(name) is not None


def clean_text(text: str) -> str:
    """A text without what its form gives away as a secret.

    >>> clean_text("ftp://an:mat-khau@kho.example/a?token=xyz&b=1")
    'ftp://(left out)@kho.example/a?token=(left out)&b=1'
    """
    text = _PRIVATE_KEY.sub(LEFT_OUT, text)
    text = _USERINFO.sub(rf"\1{LEFT_OUT}@", text)
    text = _HEADER.sub(rf"\1{LEFT_OUT}", text)
    text = _SCHEME_LESS.sub(f"{LEFT_OUT}@", text)
    return _PAIR.sub(rf"\1{LEFT_OUT}", text)


def clean_value(value: Any, name: str = "") -> Any:
    """Plain data (JSON) of a setting or argument, without secrets; classes and functions by their name."""
    if name and is_secret_name(name) and _says_something(value):
        return LEFT_OUT
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean_value(member, str(key)) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        members = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [clean_value(member) for member in members]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return clean_text(str(value))


def secrets_in(values: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """The secrets themselves, longest first: of settings by their names, and of the proxies in the environment."""
    found = set(_secrets(values))
    for name, value in environment.items():
        if name.lower().endswith("_proxy"):
            found |= {part for part in _userinfo(value) if part}
    return sorted((text for text in found if len(text) >= SHORTEST), key=len, reverse=True)


def _secrets(value: Any, name: str = "") -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _secrets(member, str(key))
    elif isinstance(value, list | tuple | set | frozenset):
        for member in value:
            yield from _secrets(member, name)
    elif isinstance(value, str | bytes) and name and is_secret_name(name):
        yield value if isinstance(value, str) else value.decode("utf-8", "replace")


def _userinfo(url: str) -> Iterable[str]:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        yield from (parts.password or "", unquote(parts.password or ""))
    except ValueError:
        return


def _says_something(value: Any) -> bool:
    """Whether it may be a secret: switches and empty values are none."""
    return not isinstance(value, bool) and value not in (None, "", b"", 0) and value != [] and value != {}
