"""Addresses in a style sheet: what ``@import`` and ``url()`` lead to (CSS Syntax, CSS Values and Units).

Read by tokens, not by a grammar: comments, strings and ``url()`` are all that matters here, and what a browser makes
of a broken sheet differs from browser to browser. Nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""/\*.*?(?:\*/|\Z)                                        # comment
    | (?P<rule>@[a-z-]+)                                        # at-rule
    | (?P<set>(?:-webkit-)?image-set\()                         # its strings are addresses
    | (?:url|src)\(\s*(?P<quoted>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*[^)]{0,200}\)
    | url\(\s*(?P<bare>(?:[^"'()\\\s]|\\[0-9a-f]{1,6}\s?|\\.)*+)\s*\)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<sign>[;{}()])""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})[ \t\r\n\f]?|\r?\n|(.))", re.DOTALL)
_INLINE = ("data:", "about:", "blob:", "javascript:", "#")


def addresses(css: str) -> Iterator[tuple[str, bool]]:
    """Each address as written, in order, and whether it is another style sheet. Inline data is left out."""
    importing, depth, sets = False, 0, set[int]()
    for token in _TOKEN.finditer(css):
        kind = token.lastgroup
        if kind == "rule":
            importing = token["rule"].lower() == "@import"
        elif kind == "set":
            depth += 1
            sets.add(depth)
        elif kind == "sign":
            sign = token["sign"]
            sets.discard(depth if sign == ")" else -1)
            depth = max(0, depth + (sign == "(") - (sign == ")"))
            if sign in ";{}":
                importing, depth = False, 0
                sets.clear()
        elif kind is not None and (kind != "string" or importing or sets):
            text = _unescaped(token[kind] if kind == "bare" else token[kind][1:-1]).strip()
            if text and not text.lower().startswith(_INLINE):
                yield text, importing
            importing = False


def _unescaped(text: str) -> str:
    """CSS escapes resolved: ``\\26`` is an ampersand."""
    return _ESCAPE.sub(_letter, text) if "\\" in text else text


def _letter(escape: re.Match[str]) -> str:
    if not escape[1]:
        return escape[2] or ""
    code = int(escape[1], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\N{REPLACEMENT CHARACTER}"
