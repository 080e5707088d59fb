"""Foreign text as a terminal, a log or a table may have it: a URL, a title or a file's name is shown, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Controls (C0, DEL, C1: escape sequences begin with them), what turns the direction of writing, ends of lines and
# paragraphs, and surrogates, which cannot be written.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(value: object) -> str:
    """A value on one line, with nothing in it that a terminal acts on: such characters stand as Python spells them.

    >>> plain("tin\\x1b[2J\\n2026 ERROR"), plain("Chợ nổi")
    ('tin\\\\x1b[2J\\\\n2026 ERROR', 'Chợ nổi')
    """
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def lines_of(lines: Iterable[object]) -> str:
    """Lines, each of which stays one, with their ends."""
    return "".join(f"{plain(line)}\n" for line in lines)


def columns_of(values: Iterable[object]) -> str:
    """One line of values with a tab between."""
    return "\t".join(map(plain, values)) + "\n"


def json_of(line: bytes) -> bytes:
    r"""Lines of JSON whose texts a terminal does not act on either: they are escaped as JSON escapes them.

    >>> json_of('{"a":"\x9b1m"}\n'.encode())
    b'{"a":"\\u009b1m"}\n'
    """
    text = line.decode("utf-8", "surrogatepass")
    return _UNSAFE.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text).encode()
