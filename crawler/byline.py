"""Bylines and captions: people told apart from agencies, papers, offices and places.

`split_byline` answers who made the article, `split_caption` what a picture shows and whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawler.editions import in_english
from crawler.items import Author
from crawler.text import clean, fold

_LONGEST_BYLINE = 300  # characters; more is a sentence that happens to stand in the author line
_LONGEST_NAME = 60

_AGENCIES = {  # folded spelling to the name under which it is listed; the first of each group
    fold(spelling): group[0]
    for group in (
        ("TTXVN", "Thông tấn xã Việt Nam", "VNA", "Vietnam News Agency"),
        ("Reuters", "Roi-tơ"),
        ("AFP", "Agence France-Presse"),
        ("AP", "Associated Press", "The Associated Press"),
        ("Xinhua", "Tân Hoa xã", "THX", "Xinhua News Agency"),
        ("TASS", "Itar-Tass"),
        ("Sputnik",),
        ("RIA Novosti", "RIA"),
        ("Interfax",),
        ("Yonhap", "Yonhap News Agency"),
        ("Kyodo", "Kyodo News"),
        ("Jiji", "Jiji Press"),
        *[("KCNA",), ("Bloomberg",), ("DPA",), ("EFE",), ("ANSA",), ("UPI",), ("IANS",), ("ANI",), ("Bernama",)],
        *[("PTI", "Press Trust of India"), ("Anadolu", "Anadolu Agency"), ("Antara",), ("Prensa Latina",)],
        *[("BelTA",), ("IRNA",), ("Ukrinform",), ("EPA", "EPA-EFE"), ("Getty Images", "Getty")],
    )
    for spelling in group
}
_PAPERS = frozenset(  # folded; papers that stand beside a name or alone where a name is expected
    fold(name)
    for name in (
        *["TG&VN", "TGVN", "WVR", "Vietnam+", "VietnamPlus"],
        *["Tin tức", "Nhân Dân", "Quân đội nhân dân", "Tuổi Trẻ", "Thanh Niên", "Tiền Phong", "Lao Động", "Dân trí"],
        *[
            "VnExpress",
            "VietNamNet",
            "Znews",
            "Zing",
            "VOV",
            "VTV",
            "VTC",
            "Hà Nội mới",
            "SGGP",
            "Chinhphu",
            "BBC",
            "CNN",
        ],
        *[
            "NationPress",
            "Daily Mail",
            "MailOnline",
            "London 24 News",
            "Breaking Latest News",
            "The Guardian",
            "Guardian",
        ],
    )
)
_JOINED_PAPER = re.compile(r"(?:báo )?thế giới (?:và|&) việt nam|the world and vietnam report", re.I)
_OFFICE = re.compile(  # in lower case; "báo" and "ban" are written out because Bảo and Bàn are names
    r"(?:(?:admin|administrator|webmaster|editors?|editorial|newsroom|staff|correspondent|reporter|pv|p\.v|phóng viên"
    r"|ctv|btv|bbt|bạn đọc|t(?:òa|oà) soạn|nhóm|báo|tạp chí|kênh|cổng|trung tâm|đài (?:truyền|phát|tiếng)"
    r"|ban (?:biên|thời|quốc|kinh|văn|xã|thể|chuyên|tuyên|khoa))(?!\w)"
    r"|.*(?:\.(?:vn|com|net|org|news|co|info)\b|@|\d\d| (?:reporter|correspondent|desk|staff|newsroom|team|bureau)$))"
)
_STAFF = re.compile(r"(?:(?:pv|p\.v\.?|ctv|btv|phóng viên|nhà báo|cộng tác viên|hãng(?: tin| thông tấn)?)\s+)+", re.I)
_PLACE = re.compile(r"\s(?:tại|từ|ở|phát|in|from)(?:\s.*)?$")  # lower case only: Phát is a name

_ROLES = {  # what stands before a colon or "by", or in brackets after a name
    "author": r"bài(?: viết)?|tin(?: bài)?|lời|nội dung|tác giả|thực hiện|pv|phóng viên"
    r"|nhóm (?:pv|phóng viên|thực hiện)|thiết kế|trình bày|đồ họa|infographics?"
    r"|text|words|story|written|reporting|authors?|by|bởi",
    "photo": r"(?:chụp |hình )?ảnh|clip|video|photos?|pictures?|images?",
    "translator": r"(?:người |biên |lược )?dịch|translated|translation|translator",
    "compiler": r"tổng hợp|lược thuật|sưu tầm|compiled",
    "source": r"(?:theo )?nguồn(?: tin)?|source|theo",
    "nobody": r"biên tập|hiệu đính|edited|editing",
}
_ROLE = "|".join(_ROLES.values())
_AND = r"(?:\s*[,&/+-]\s*|\s+(?:và|and)\s+)"
_ROLE_LIST = rf"(?:{_ROLE})(?:{_AND}(?:{_ROLE}))*"
_LABEL = re.compile(rf"(?<!\w)(?:({_ROLE_LIST})(?:\s*:|\s+by(?!\w)\s*:?)|(theo|by|bởi)(?!\w))", re.I)
_ONE_ROLE = {role: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.I) for role, words in _ROLES.items()}
_MAKER = rf"(?:{_ROLES['translator']}|{_ROLES['compiler']})"
_BARE_ROLE = re.compile(rf"(.*?)(?<!\w)({_MAKER})", re.I)
_ROLE_NOTE = re.compile(_ROLE_LIST, re.I)
_NOTE = re.compile(r"([^()]*)\(([^()]*)\)?(.*)")
_SEPARATOR = re.compile(r"(?:\s*[,;|/•·–—]\s*|\s+[-&+]\s+|\s+(?:và|and)\s+)(?![^()]*\))")
_SHORT = re.compile(r"\(\s*(?:t/h|th)\s*\)|(?<!\w)t/h(?!\w)", re.I)
_FROM = re.compile(rf"(?<!\w)({_MAKER})\s+từ\s", re.I)
_FOR = re.compile(r"\s[Ff]or\s(?:the\s)?[A-Z].*$")  # "Lan Chi For MailOnline": the paper that sent her
_AROUND = " .,;:–—-()[]|*\"'“”"


def split_byline(byline: str | None, papers: Iterable[str] = ()) -> tuple[list[Author], list[str]]:
    """Return the people of a byline with their roles, and the news agencies, both in the order printed.

    A person with two roles ("Bài và ảnh: …") stands there twice. Agencies go by one name each. After "Theo" and
    "Nguồn" stands where the text was taken from: an agency is listed, anybody else is not. Offices ("Nhóm PV",
    "admin") and papers (a few known ones, and those in ``papers``) are nobody.
    """
    text = clean(byline)
    if text is None or len(text) > _LONGEST_BYLINE:
        return [], []
    text = _JOINED_PAPER.sub(" ", in_english(text))
    nobody = _PAPERS | {fold(name) for name in papers}
    if fold(text) in nobody:
        return [], []
    text = _FROM.sub(r"\1 theo ", _SHORT.sub("(tổng hợp)", text))
    authors: dict[tuple[str, str], None] = {}
    agencies: dict[str, None] = {}
    for roles, part in _labelled(text):
        people: list[tuple[str, tuple[str, ...]]] = []
        compiled = False  # "Minh Anh, Thu Hà (tổng hợp)" is about both, "(dịch)" about the last
        for piece in _SEPARATOR.split(part):
            name, own, note = _take_note(piece)
            compiled = compiled or own == ("compiler",)
            names = [name, *_SEPARATOR.split(note)]
            agencies |= dict.fromkeys(agency for agency in map(_agency, names) if agency)
            if _is_person(name, nobody):
                people.append((name, own or roles))
        for name, given in people:
            given = ("compiler",) if compiled and given == ("author",) else given
            authors |= {(name, role): None for role in given if role not in ("source", "nobody")}
    return [Author(name, role) for name, role in authors], list(agencies)


def _labelled(text: str) -> list[tuple[tuple[str, ...], str]]:
    """Cut at role labels: ``Bài: A - Ảnh: B`` is (author, "A") and (photo, "B")."""
    labels = list(_LABEL.finditer(text))
    ends = [*(label.start() for label in labels), len(text)]
    parts: list[tuple[tuple[str, ...], str]] = [(("author",), text[: ends[0]])]
    for label, end in zip(labels, ends[1:], strict=True):
        parts.append((_roles(label[1] or label[2]), text[label.end() : end]))
    return [
        (roles, part.strip() if part.count(")") <= part.count("(") else part.strip(_AROUND)) for roles, part in parts
    ]


def _roles(words: str) -> tuple[str, ...]:
    found = tuple(role for role, pattern in _ONE_ROLE.items() if pattern.search(words))
    return next(((role,) for role in ("source", "nobody") if role in found), found)


def _take_note(piece: str) -> tuple[str, tuple[str, ...], str]:
    """Return name, own roles and note: ``Thu Hà (dịch)`` and ``Thu Hà dịch`` name a role, ``Thu Hà (AFP)`` does not."""
    if bracket := _NOTE.fullmatch(piece):
        name, note = _bare(f"{bracket[1]} {bracket[3]}"), bracket[2].strip(_AROUND)
        return (name, _roles(note), "") if _ROLE_NOTE.fullmatch(note) else (name, (), note)
    if bare := _BARE_ROLE.fullmatch(piece.strip(_AROUND)):
        return _bare(bare[1]), _roles(bare[2]), ""
    return _bare(piece), (), ""


def _bare(name: str) -> str:
    """Strip punctuation, "PV" before a name and the place after it."""
    name = _STAFF.sub("", name.strip(_AROUND), count=1) if _STAFF.match(name.strip(_AROUND)) else name.strip(_AROUND)
    return _PLACE.sub("", _FOR.sub("", name)).strip(_AROUND)


def _agency(name: str) -> str | None:
    """Return the listed name of an agency. Short ones are written in capitals: "Ani" is a person."""
    name = _bare(name)
    return _AGENCIES.get(fold(name)) if len(name) > 4 or name.isupper() else None


def _is_person(name: str, nobody: frozenset[str]) -> bool:
    if not name or len(name) > _LONGEST_NAME or name.islower() or not any(char.isalpha() for char in name):
        return False
    bureau = name.split("-")[0]  # "VOV-Paris", "TTXVN-Rome"
    known = any(_agency(part) is not None or fold(part) in nobody for part in (name, bureau))
    return not known and _OFFICE.match(name.lower()) is None


_CREDIT = (
    r"(?:nguồn(?: ảnh)?|ảnh(?: [^\W\d_]+){0,4}?|photo(?:s|graph)?(?: credit| by)?|images?|pictures?|source|credit)"
)
_IN_BRACKETS = re.compile(rf"(.*?)\s*[(\[]\s*{_CREDIT}\s*[:/]\s*([^()\[\]]*(?:\([^()]*\)[^()]*)?)[)\]]?\s*\.?", re.I)
_LAST_BRACKET = re.compile(r"(.*?)\s*\(\s*(?:[Ảả]nh )?([^()]*)\)\s*\.?")
_OPEN_LABEL = re.compile(rf"(?<!\w)(?=[A-ZẢ])(?i:{_CREDIT})\s*:\s*")
_LONGEST_CREDIT, _MOST_CREDIT_WORDS = 80, 10


def split_caption(text: str | None) -> tuple[str | None, str | None]:
    """Return caption and photo credit: ``Cảnh họp. (Nguồn: TTXVN)`` is ("Cảnh họp.", "TTXVN").

    A caption that is only a credit is (None, credit). A bare bracket counts when it names an agency: ``(AFP)``.
    """
    whole = clean(text)
    if whole is None:
        return None, None
    if "(" in whole or "[" in whole:
        if match := _IN_BRACKETS.fullmatch(whole):
            return _caption(match[1]), clean(match[2].strip(" .;,")) or None
        if (match := _LAST_BRACKET.fullmatch(whole)) and all(map(_agency, _SEPARATOR.split(match[2]))):
            return _caption(match[1]), match[2].strip()
    if ":" not in whole:
        return whole, None
    for label in _OPEN_LABEL.finditer(whole):
        credit = whole[label.end() :].strip(" .;,()")
        if (
            credit
            and len(credit) <= _LONGEST_CREDIT
            and len(credit.split()) <= _MOST_CREDIT_WORDS
            and ". " not in credit
        ):
            return _caption(whole[: label.start()]), credit
    return whole, None


def _caption(text: str) -> str | None:
    return text.rstrip(" -–—|,;(/").strip() or None
