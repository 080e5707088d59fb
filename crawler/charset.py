"""Bytes of a page to text, by the labels of the WHATWG Encoding Standard.

Python's codecs are never looked up by a name from the network: ``hex``, ``rot13``, ``idna`` and ``undefined`` are
codecs too, and raise. A label that the standard does not know is passed over.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_PRESCAN = 4096  # bytes searched for a declaration; the standard asks for 1,024, long comments come before it

_CODECS = {  # name in the standard: Python codec, labels beside the name
    "utf-8": ("utf-8", "utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8"),
    "utf-16le": ("utf-16-le", "utf-16 csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff"),
    "utf-16be": ("utf-16-be", "unicodefffe"),
    "windows-1252": (
        "cp1252",
        "iso-8859-1 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 iso-ir-100 csisolatin1 latin1 l1",
    ),
    "windows-1254": (
        "cp1254",
        "iso-8859-9 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 iso-ir-148 csisolatin5 latin5 l5",
    ),
    "windows-874": ("cp874", "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620"),
    "iso-8859-2": ("iso8859-2", "csisolatin2 iso-ir-101 iso_8859-2:1987 l2 latin2"),
    "iso-8859-3": ("iso8859-3", "csisolatin3 iso-ir-109 iso_8859-3:1988 l3 latin3"),
    "iso-8859-4": ("iso8859-4", "csisolatin4 iso-ir-110 iso_8859-4:1988 l4 latin4"),
    "iso-8859-5": ("iso8859-5", "csisolatincyrillic cyrillic iso-ir-144 iso_8859-5:1988"),
    "iso-8859-6": (
        "iso8859-6",
        "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i iso-ir-127"
        " iso_8859-6:1987",
    ),
    "iso-8859-7": (
        "iso8859-7",
        "csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso_8859-7:1987 sun_eu_greek",
    ),
    "iso-8859-8": (
        "iso8859-8",
        "csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso_8859-8:1988 visual csiso88598i iso-8859-8-i"
        " logical",
    ),
    "iso-8859-10": ("iso8859-10", "csisolatin6 iso-ir-157 l6 latin6"),
    "iso-8859-13": ("iso8859-13", ""),
    "iso-8859-14": ("iso8859-14", ""),
    "iso-8859-15": ("iso8859-15", "csisolatin9 l9"),
    "iso-8859-16": ("iso8859-16", ""),
    "ibm866": ("cp866", "866 cp866 csibm866"),
    "koi8-r": ("koi8-r", "cskoi8r koi koi8 koi8_r"),
    "koi8-u": ("koi8-u", "koi8-ru"),
    "macintosh": ("mac-roman", "csmacintosh mac x-mac-roman"),
    "x-mac-cyrillic": ("mac-cyrillic", "x-mac-ukrainian"),
    "gbk": ("gb18030", "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 iso-ir-58 x-gbk"),
    "gb18030": ("gb18030", ""),
    "big5": ("big5hkscs", "big5-hkscs cn-big5 csbig5 x-x-big5"),
    "euc-jp": ("euc-jp", "cseucpkdfmtjapanese x-euc-jp"),
    "iso-2022-jp": ("iso2022-jp", "csiso2022jp"),
    "shift_jis": ("cp932", "csshiftjis ms932 ms_kanji shift-jis sjis windows-31j x-sjis"),
    "euc-kr": (
        "cp949",
        "cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
    ),
} | {f"windows-{n}": (f"cp{n}", "") for n in (1250, 1251, 1253, 1255, 1256, 1257, 1258)}

_LABELS = {label: name for name, (_, labels) in _CODECS.items() for label in (name, *labels.split())}
_LABELS |= {f"{prefix}{n}": f"windows-{n}" for n in range(1250, 1259) for prefix in ("cp", "x-cp")}
_LABELS |= {
    f"{prefix}{n}": f"iso-8859-{n}"
    for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15)
    for prefix in ("iso8859-", "iso8859", "iso_8859-")
}
# x-user-defined is a trick of old scripts for binary data, and of pages with Vietnamese font encodings: Latin letters.
_LABELS |= dict.fromkeys(("ascii", "us-ascii", "ansi_x3.4-1968", "cp819", "ibm819", "x-user-defined"), "windows-1252")

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16le"), (codecs.BOM_UTF16_BE, "utf-16be"))
_PARAMETER = re.compile(r"(?:^|[\s;,])charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_IN_CONTENT = re.compile(r"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"']+))", re.IGNORECASE)
_XML = re.compile(rb"<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([^\"'>]+)[\"']")
_MARKUP = re.compile(  # one comment, tag (attributes in group 2), or other declaration
    rb"<!--.*?(?:--!?>|\Z)|<(/?[a-zA-Z][^\s/>]*+)((?:\"[^\"]*+\"|'[^']*+'|[^>\"'])*+)>|<[!/?][^>]*+>", re.DOTALL
)
_ATTRIBUTE = re.compile(r"([^\s/=\"'>][^\s/=>]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")


def decode(body: bytes, content_type: str | None) -> tuple[str, str]:
    """Return the text of a page and the name of its encoding. Never raises; what cannot be decoded is U+FFFD.

    In this order: byte order mark, ``charset`` of the Content-Type header, ``meta`` in the first 4,096 bytes, XML
    declaration; then UTF-8 if the bytes bear it out, windows-1258 if they read as Vietnamese, windows-1252. Three
    declarations are passed over because the bytes contradict them: UTF-8 with more broken than whole sequences,
    UTF-16 without a NUL, and Latin-1 (a common server default) over flawless UTF-8.
    The text is not normalised: windows-1258 gives loose tone marks.
    """
    text, name, _ = decode_page(body, content_type)
    return text, name


def decode_page(body: bytes, content_type: str | None) -> tuple[str, str, bytes]:
    """As ``decode``, and the text in UTF-8: the page's own bytes where they are that, which saves a copy."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            text = _to_text(body[len(bom) :], name)
            return text, name, text.encode("utf-8", "replace")
    flawless = _flawless(body)
    is_utf8 = flawless is not None or _is_utf8(body)
    declared = (_LABELS.get(label.strip().lower()) for label in _declared(body, content_type))
    name = next((name for name in declared if name and _bears_out(body, name, is_utf8)), "") or _guess(body, is_utf8)
    if name == "utf-8" and flawless is not None:
        return flawless, name, body
    text = _to_text(body, name)
    return text, name, text.encode("utf-8", "replace")


def codec_of(label: str) -> str | None:
    """Python's codec for a label of the standard; None for a label that it does not know."""
    name = _LABELS.get(label.strip().lower())
    return _CODECS[name][0] if name else None


def _declared(body: bytes, content_type: str | None) -> Iterator[str]:
    if parameter := _PARAMETER.search(content_type or ""):
        yield parameter[1]
    head = body[:_PRESCAN]
    for label in _prescan(head):
        # A declaration that could be read as ASCII cannot be about UTF-16 (HTML, prescan, step "if charset is").
        yield "utf-8" if _LABELS.get(label.strip().lower(), "").startswith("utf-16") else label
    if declaration := _XML.match(head):
        label = declaration[1].decode("latin-1")
        yield "utf-8" if label.lower().startswith("utf-16") else label


def _prescan(head: bytes) -> Iterator[str]:
    """The encodings that meta elements declare; comments and the attributes of other elements are no declarations."""
    at = head.find(b"<")
    while at >= 0:
        markup = _MARKUP.match(head, at)
        if markup is not None and markup[1] is not None and markup[1].lower() == b"meta":
            found = _ATTRIBUTE.findall(markup[2].decode("latin-1"))
            values = {name.lower(): "".join(value) for name, *value in reversed(found)}  # the first of a name counts
            if "charset" in values:
                yield values["charset"]
            elif values.get("http-equiv", "").lower() == "content-type":
                yield from ("".join(label) for label in _IN_CONTENT.findall(values.get("content", ""))[:1])
        at = head.find(b"<", markup.end() if markup else at + 1)


def _bears_out(body: bytes, name: str, is_utf8: bool) -> bool:
    if name.startswith("utf-16"):
        return b"\0" in body[:_PRESCAN]
    if name == "utf-8":
        return is_utf8 or _mostly_utf8(body)
    return name != "windows-1252" or body.isascii() or not is_utf8


def _guess(body: bytes, is_utf8: bool) -> str:
    if body[:2] in (b"<\0", b"\0<"):
        return "utf-16le" if body[0] else "utf-16be"
    if is_utf8 or _mostly_utf8(body):
        return "utf-8"
    return "windows-1258" if _reads_as_vietnamese(body) else "windows-1252"


def _flawless(body: bytes) -> str | None:
    """The text of bytes that are UTF-8 to the last one."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_utf8(body: bytes) -> bool:
    """Whether the bytes are UTF-8; the last character may be cut off."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(body: bytes) -> bool:
    """Whether more sequences are whole than broken."""
    text = body.decode("utf-8", "replace")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return beyond_ascii > 2 * text.count("\ufffd")


_TONE_MARKS = re.compile(rb"[AEIOUYaeiouy\xc2\xc3\xca\xd4\xd5\xdd\xe2\xe3\xea\xf4\xf5\xfd][\xcc\xd2\xde\xec\xf2]")
_HIGH = re.compile(rb"[\xcc\xd2\xde\xec\xf2]")


def _reads_as_vietnamese(body: bytes) -> bool:
    """Whether the bytes that windows-1258 reads as tone marks stand after vowels, as they do in Vietnamese only."""
    marks = len(_HIGH.findall(body))
    return marks >= 3 and len(_TONE_MARKS.findall(body)) >= 0.9 * marks


def _to_text(body: bytes, name: str) -> str:
    return body.decode(_CODECS[name][0], "web_replace")


def _web_replace(error: UnicodeError) -> tuple[str, int]:
    """As the standard: Windows code pages keep unused C1 bytes, 0x80 in GBK is the euro, all else is U+FFFD."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte = error.object[error.start]
    if error.encoding == "gb18030" and byte == 0x80:
        return "€", error.start + 1
    if error.encoding == "charmap" and 0x80 <= byte <= 0x9F:
        return chr(byte), error.start + 1
    return "\ufffd", error.end


codecs.register_error("web_replace", _web_replace)
