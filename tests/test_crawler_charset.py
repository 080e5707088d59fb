"""Decoding: headers that lie, pages in legacy encodings, where a declaration counts; never an exception."""

import codecs
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.charset import decode

VIETNAMESE = "Mùa nước nổi về trên những cánh đồng đầu nguồn; người dân chống xuồng đi đặt lợp."
PAGE = f"<!doctype html><html><body><p>{VIETNAMESE}</p></body></html>"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        ";",
        "text/html",
        "text/html;",
        "text/html; charset",
        "text/html; charset=",
        "text/html; charset=;",
        'text/html; charset=""',
        "text/html; charset= ",
        # good ones, oddly written
        "text/html; charset=utf-8",
        "text/html; charset=UTF-8",
        "text/html;charset=utf8",
        'text/html; charset="utf-8"',
        "text/html; charset='utf-8'",
        'text/html; charset="utf-8',
        "text/html; Charset = utf-8",
        "charset=utf-8",
        "text/html; charset=utf-8; charset=gbk",
        "text/html; boundary=x; charset=utf-8",
        "text/html; charset=utf-8, text/html; charset=gbk",
        "text/html; charset=unicode-1-1-utf-8",
        # Python codecs that are no charsets, and some that raise
        *[
            f"text/html; charset={name}"
            for name in ("hex", "hex_codec", "rot13", "rot_13", "idna", "punycode", "undefined")
        ],
        *[
            f"text/html; charset={name}"
            for name in ("base64", "bz2", "zlib", "uu", "quopri", "mbcs", "oem", "unicode_escape")
        ],
        *[
            f"text/html; charset={name}"
            for name in ("raw_unicode_escape", "utf-7", "utf_8_sig", "utf-32", "utf-16-be-x")
        ],
        # encodings that the standard shuts out
        *[
            f"text/html; charset={name}"
            for name in ("hz-gb-2312", "iso-2022-kr", "iso-2022-cn", "replacement", "ebcdic")
        ],
        # nonsense
        "text/html; charset=none",
        "text/html; charset=\x00",
        "text/html; charset=\ud800",
        "text/html; charset=../../etc/passwd",
        "text/html; charset=" + "a" * 100_000,
        "text/html; charset=ıso-8859-9",
        "text/html; charset=tệ",
        # the bytes contradict these
        "text/html; charset=utf-16",
        "text/html; charset=utf-16le",
        "text/html; charset=utf-16be",
        "text/html; charset=iso-8859-1",
        "text/html; charset=us-ascii",
    ],
)
def test_hostile_headers_over_utf8(content_type: str | None) -> None:
    assert decode(PAGE.encode(), content_type) == (PAGE, "utf-8")


LEGACY = [
    # label, codec that wrote the page, name in the standard, text
    ("windows-1258", "cp1258", "windows-1258", unicodedata.normalize("NFC", "Ngày xưa ở làng tôi")),
    ("windows-1252", "cp1252", "windows-1252", "Café – “crème brûlée” €5"),
    ("iso-8859-1", "cp1252", "windows-1252", "Café – “crème brûlée” €5"),
    ("iso-8859-2", "iso8859-2", "iso-8859-2", "Žluťoučký kůň"),
    ("iso-8859-15", "iso8859-15", "iso-8859-15", "œuvre à 5 €"),
    ("windows-1250", "cp1250", "windows-1250", "Žluťoučký kůň"),
    ("windows-1251", "cp1251", "windows-1251", "Новости дня"),
    ("windows-1254", "cp1254", "windows-1254", "Güneş ışığı"),
    ("iso-8859-9", "cp1254", "windows-1254", "Güneş ışığı"),
    ("koi8-r", "koi8-r", "koi8-r", "Новости дня"),
    ("tis-620", "cp874", "windows-874", "ข่าววันนี้"),
    ("gb2312", "gb18030", "gbk", "今日新闻"),
    ("gbk", "gb18030", "gbk", "今日新闻"),
    ("gb18030", "gb18030", "gb18030", "今日新闻𠀀"),
    ("big5", "big5hkscs", "big5", "今日新聞"),
    ("shift_jis", "cp932", "shift_jis", "今日のニュース①"),
    ("euc-jp", "euc-jp", "euc-jp", "今日のニュース"),
    ("iso-2022-jp", "iso2022-jp", "iso-2022-jp", "今日のニュース"),
    ("euc-kr", "cp949", "euc-kr", "오늘의 뉴스 똠"),
    ("windows-1256", "cp1256", "windows-1256", "أخبار اليوم"),
]


def vietnamese_1258(text: str) -> bytes:
    """windows-1258 has letters with their hats but writes tones as marks of their own."""
    out = b""
    for char in text:
        base = unicodedata.normalize("NFD", char)
        tone = "".join(mark for mark in base if mark in "\u0300\u0301\u0303\u0309\u0323")
        letter = unicodedata.normalize("NFC", "".join(mark for mark in base if mark not in tone))
        out += (letter + tone).encode("cp1258")
    return out


@pytest.mark.parametrize(("label", "codec", "name", "text"), LEGACY)
@pytest.mark.parametrize("where", ["header", "meta", "http-equiv", "xml"])
def test_legacy_pages(label: str, codec: str, name: str, text: str, where: str) -> None:
    head = {
        "header": "",
        "meta": f'<meta charset="{label}">',
        "http-equiv": f"<META content='text/html; charset={label}' http-equiv=Content-Type />",
        "xml": f'<?xml version="1.0" encoding="{label}"?>',
    }[where]
    body = head.encode() + (vietnamese_1258(text) if codec == "cp1258" else text.encode(codec))
    decoded, found = decode(body, f"text/html; charset={label}" if where == "header" else "text/html")
    assert found == name
    assert unicodedata.normalize("NFC", decoded) == head + text


def test_windows_1258_is_left_in_loose_marks() -> None:
    text, name = decode(vietnamese_1258(VIETNAMESE), "text/html; charset=windows-1258")
    assert name == "windows-1258"
    assert text != VIETNAMESE
    assert unicodedata.normalize("NFC", text) == VIETNAMESE


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16(codec: str) -> None:
    name = codec.replace("16-", "16")
    bom = codecs.BOM_UTF16_LE if codec.endswith("le") else codecs.BOM_UTF16_BE
    assert decode(PAGE.encode(codec), f"text/html; charset={name}") == (PAGE, name)
    assert decode(bom + PAGE.encode(codec), "text/html; charset=utf-8") == (PAGE, name)
    assert decode(PAGE.encode(codec), None) == (PAGE, name)


ONE_BYTE = "Café – crème".encode("cp1252")


@pytest.mark.parametrize(
    ("head", "content_type", "name"),
    [
        # order: mark, header, meta, XML, guess
        ("\ufeff<meta charset=gbk>", "text/html; charset=gbk", "utf-8"),
        ("<meta charset=koi8-r>", "text/html; charset=windows-1251", "windows-1251"),
        ("<meta charset=koi8-r>", "text/html; charset=nonsense", "koi8-r"),
        ("<?xml version='1.0' encoding='windows-1251'?><meta charset=koi8-r>", None, "koi8-r"),
        ("<meta charset=nonsense><meta charset=koi8-r>", None, "koi8-r"),
        # what is a declaration
        ("<meta charset=koi8-r charset=gbk>", None, "koi8-r"),
        ("<META\tCHARSET=' KOI8-R '/>", None, "koi8-r"),
        ("<meta name=x content='text/html; charset=koi8-r'>", None, "windows-1252"),
        ("<meta http-equiv=refresh content='0; url=?charset=koi8-r'>", None, "windows-1252"),
        ("<meta http-equiv=content-type content=\"text/html; charset='koi8-r'\">", None, "koi8-r"),
        ("<!-- <meta charset=gbk> --><meta charset=koi8-r>", None, "koi8-r"),
        ("<!-- <meta charset=gbk> >", None, "windows-1252"),
        ("<a title='<meta charset=gbk>'><meta charset=koi8-r>", None, "koi8-r"),
        ("<!doctype html><meta charset=koi8-r>", None, "koi8-r"),
        ("<metadata charset=gbk>", None, "windows-1252"),
        ("<meta charset=utf-16>", None, "windows-1252"),  # means UTF-8, which the bytes contradict
        ("<!--" + "x" * 2000 + "--><meta charset=koi8-r>", None, "koi8-r"),
        ("<!--" + "x" * 5000 + "--><meta charset=koi8-r>", None, "windows-1252"),
        ("<meta charset=hex>", None, "windows-1252"),
        ("<meta charset=", None, "windows-1252"),
        ("<" * 5000, None, "windows-1252"),
    ],
)
def test_where_a_declaration_counts(head: str, content_type: str | None, name: str) -> None:
    assert decode(head.encode() + ONE_BYTE, content_type)[1] == name


@pytest.mark.parametrize(
    ("body", "content_type", "text", "name"),
    [
        (b"", None, "", "utf-8"),
        (b"plain", "text/html; charset=iso-8859-1", "plain", "windows-1252"),
        ("nước".encode(), None, "nước", "utf-8"),
        ("nước".encode()[:-1] + b"c\xe1\xbb", None, "nước\ufffd", "utf-8"),  # cut off in a character
        (("nước " * 20).encode() + b"\xff", "text/html; charset=utf-8", "nước " * 20 + "\ufffd", "utf-8"),
        (b"it\x92s", "text/html; charset=utf-8", "it’s", "windows-1252"),  # nothing in it is UTF-8
        (b"\x81\x8d", "text/html; charset=windows-1252", "\x81\x8d", "windows-1252"),
        (b"\x80", "text/html; charset=gbk", "€", "gbk"),
        (b"\x81<p>", "text/html; charset=shift_jis", "\ufffd<p>", "shift_jis"),
        (codecs.BOM_UTF8, None, "", "utf-8"),
        (b"\xff\xfe\x41", None, "\ufffd", "utf-16le"),
    ],
)
def test_details(body: bytes, content_type: str | None, text: str, name: str) -> None:
    assert decode(body, content_type) == (text, name)


def test_undeclared_vietnamese_in_windows_1258() -> None:
    text, name = decode(vietnamese_1258(PAGE), None)
    assert name == "windows-1258"
    assert unicodedata.normalize("NFC", text) == PAGE
    assert decode("Ça va à l'hôtel, Ìle, Òrgano, ìì".encode("cp1252"), None)[1] == "windows-1252"


@given(
    st.binary(max_size=200) | st.text(max_size=60).map(lambda text: f"<meta charset={text}>".encode("utf-8", "ignore")),
    st.none() | st.text(max_size=40) | st.sampled_from(sorted(codecs.__all__)).map("text/html; charset={}".format),
)
def test_never_raises(body: bytes, content_type: str | None) -> None:
    text, name = decode(body, content_type)
    assert isinstance(text, str)
    assert name == name.lower() != ""


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_utf8_round_trip(text: str) -> None:
    assert decode(b"<p>" + text.encode(), "text/html; charset=utf-8") == (f"<p>{text}", "utf-8")
