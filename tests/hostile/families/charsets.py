"""Character sets that are none, that lie, and bytes that fit none."""

from __future__ import annotations

from tests.hostile.scenario import Scenario, bad, whole
from tests.smallpaper import page

ENDS = ("done", "failed/", "refused/")
BODY = page(60)
TEXT = BODY.decode()


def _pages(name: str, *pages: tuple[bytes, bytes]) -> Scenario:
    """(charset in the header, body) for each page; an empty charset is not stated."""
    answers = {
        bad(number): whole(body, b"text/html" + (b"; charset=" + charset if charset else b""))
        for number, (charset, body) in enumerate(pages)
    }
    return Scenario(name, answers, extra=2 * len(answers), ends=dict.fromkeys(answers, ENDS))


def _stated(charset: str) -> bytes:
    """The article with another charset in its meta element."""
    return TEXT.replace('<meta charset="utf-8">', f'<meta charset="{charset}">').encode()


CODECS = (
    *(b"hex", b"rot13", b"base64", b"zip", b"bz2", b"uu", b"quopri", b"undefined", b"idna", b"punycode", b"mbcs"),
    *(b"unicode_escape", b"raw_unicode_escape", b"string_escape", b"utf-8-sig", b"charmap", b"oem", b"aliases"),
)
STRANGE = (
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"''",
    b"utf-8; charset=hex",
    b"../../etc/passwd",
    b"none",
    b"a" * 60_000,
    b"utf\xe28\x90\x938",
)
SCENARIOS = (
    _pages("charset-of-python-codecs", *((codec, BODY) for codec in CODECS)),
    _pages("charset-of-python-codecs-in-meta", *((b"", _stated(codec.decode())) for codec in CODECS)),
    _pages("charset-of-no-name", *((charset, BODY) for charset in STRANGE)),
    _pages(
        "charset-utf-7",
        (b"utf-7", TEXT.encode("utf-7")),
        (b"", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"),
        (b"utf-7", BODY),
    ),
    _pages(
        "charset-utf-16-and-32",
        *(
            (charset, TEXT.encode(codec))
            for charset in (b"", b"utf-16", b"utf-8", b"utf-32")
            for codec in ("utf-16-le", "utf-16-be", "utf-16", "utf-32")
        ),
    ),
    _pages(
        "charset-that-lies",
        *(
            (charset, BODY)
            for charset in (
                b"windows-1258",
                b"shift_jis",
                b"gb18030",
                b"iso-2022-jp",
                b"utf-16",
                b"euc-kr",
                b"ibm866",
                b"x-user-defined",
                b"replacement",
                b"iso-2022-kr",
                b"hz-gb-2312",
            )
        ),
    ),
    _pages(
        "charset-doubly-encoded",
        *((b"utf-8", TEXT.encode().decode(codec, "replace").encode()) for codec in ("latin-1", "cp1252", "cp1258")),
    ),
    _pages(
        "charset-of-invalid-utf-8",
        *(
            (b"utf-8", BODY.replace(b"</p>", bad_bytes * 3000 + b"</p>"))
            for bad_bytes in (
                b"\xff",
                b"\xc0\xaf",
                b"\xed\xa0\x80",
                b"\xf4\x90\x80\x80",
                b"\xe1\xbb",
                b"\xf8\x88\x80\x80\x80",
                b"\x80",
            )
        ),
    ),
    _pages(
        "charset-of-shifted-states",
        *((b"iso-2022-jp", BODY.replace(b"<p>", b"\x1b$B<p>\x1b(J\x1b$@")) for _ in range(2)),
        (b"hz-gb-2312", b"~{" + BODY),
    ),
    _pages(
        "charset-by-every-mark",
        *(
            (b"windows-1252", mark + BODY)
            for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"+/v8")
        ),
    ),
    _pages(
        "charset-stated-1000-times",
        (b"", TEXT.replace('<meta charset="utf-8">', "".join(f'<meta charset="x{n}">' for n in range(1000))).encode()),
        (b"utf-8", b"<?xml version='1.0' encoding='hex'?>" + BODY),
        (b"", b'<meta http-equiv="Content-Type" content="text/html; charset=rot13; charset=utf-16">' + BODY),
    ),
    _pages("charset-windows-1258", (b"windows-1258", "".join(TEXT).encode("cp1258", "xmlcharrefreplace"))),
)
