"""Pages that stand in the place of an article: error pages with status 200, walls, empty shells. Each has a reason.

A word in an article may be the word of a wall: so the whole headline must be one, or the page hold almost no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawler.htmltext import SKIP, inline_text
from crawler.selectors import Index
from crawler.text import clean, fold

SOFT_404, EMPTY_SHELL = "soft404", "empty_shell"
CHALLENGE, CAPTCHA, CONSENT, LOGIN, PAYWALL = "challenge", "captcha", "consent", "login", "paywall"
WALLS = frozenset({CHALLENGE, CAPTCHA, CONSENT, LOGIN, PAYWALL})

LITTLE = 500  # letters that a page shows outside menus and forms: a story is longer, a wall is not
STUB = 600  # letters of a text that a paywall cuts off: a paragraph or three
_SHELL = 100  # letters: a line that asks for JavaScript, a footer
_LONG = 3000  # letters: a consent page with the list of its partners is shorter
_LONGEST_CHALLENGE = 30_000  # letters of HTML: an article page may name the challenge's elements in a script

_BEFORE_NAME = re.compile(r"\s+[|–—-]\s+")

# Headlines, folded; the whole headline must be one of these, or what stands before " | <name of the paper>".
_HEADLINES = {
    SOFT_404: re.compile(
        r"(?:(?:loi|error|http)\s*)?(?:40[34]|410)\b\W*(?:(?:page )?not found|forbidden|gone|khong tim thay.{0,40}"
        r"|error|loi.{0,40})?"
        r"|khong tim thay (?:trang|bai viet|noi dung|duong dan|ket qua).{0,40}"
        r"|(?:trang|bai viet|noi dung|duong dan)[\w ]{0,30}khong (?:ton tai|tim thay|duoc tim thay).{0,40}"
        r"|(?:trang|bai viet|noi dung)[\w ]{0,20} (?:da bi (?:xoa|go)|khong con).{0,20}"
        r"|(?:page|article|post)? ?not found.{0,40}|oops.{0,40}"
        r"|(?:this |the )?(?:page|article|story|content)[\w ]{0,30} (?:can ?not|could not|can't) be found.{0,10}"
        r"|(?:this |the )?(?:page|article|story|content)[\w ]{0,30} (?:is )?no longer (?:available|exists).{0,10}"
    ),
    CHALLENGE: re.compile(
        r"just a moment.{0,5}|attention required.{0,40}|access denied.{0,40}|checking your browser.{0,40}"
        r"|one moment,? please.{0,5}|pardon our interruption.{0,5}|ddos protection.{0,20}"
        r"|dang kiem tra trinh duyet.{0,40}|vui long cho (?:giay lat|trong giay lat).{0,40}"
    ),
    CAPTCHA: re.compile(
        r"(?:are you|you are not|i.?m not) a robot.{0,5}|(?:please )?(?:verify|confirm|prove) (?:that )?you(?:'re| are)"
        r" (?:a |not a )?(?:human|robot).{0,20}|human verification|(?:security|robot|captcha) (?:check|challenge)"
        r"|captcha|xac (?:minh|nhan)[\w ]{0,20} (?:nguoi|robot|ban la nguoi).{0,30}"
    ),
    CONSENT: re.compile(
        r"before you continue.{0,30}|(?:we value|your) (?:your )?privacy(?: choices| matters)?.{0,10}"
        r"|(?:cookie|privacy) (?:consent|settings|preferences)"
        r"|(?:manage )?(?:your )?consent(?: preferences)?|truoc khi (?:ban )?tiep tuc.{0,30}"
        r"|(?:dong y|chap nhan|tuy chon|cai dat) (?:su dung )?cookies?.{0,20}"
        r"|chung toi (?:ton trong|coi trong) quyen rieng tu.{0,20}"
    ),
    LOGIN: re.compile(
        r"(?:log|sign) ?[io]n(?: to .{0,40}| or (?:register|sign up).{0,20})?|login|(?:please )?(?:log|sign) in .{0,40}"
        r"|dang nhap(?: (?:de|vao|tai khoan|he thong|thanh vien)\b.{0,40})?|member login|subscriber (?:login|sign in)"
    ),
}
# Parts that only such pages have, or that stand on any page but fill one of almost no text.
_CHALLENGES = (
    "#challenge-form, #challenge-running, #cf-challenge-running, .cf-error-details, #cf-wrapper, #challenge-error-text,"
    " #cf-please-wait, #px-captcha, #sec-if-cpt-container"
)
_PARTS = {
    CAPTCHA: '.g-recaptcha, .h-captcha, .cf-turnstile, #captcha, [id*="captcha"], iframe[src*="captcha"]',
    LOGIN: 'input[type="password"]',
    CONSENT: '[id*="consent"], [class*="consent"], [id*="cookie-wall"], [class*="cookie-wall"]',
}
_SAID = {  # folded; in the text of a page that shows little else
    CHALLENGE: re.compile(r"enable javascript and cookies to continue|checking if the site connection is secure"),
    SOFT_404: re.compile(
        r"(?:page|article|story)[\w' ]{0,40}(?:not be found|does ?n[o']t exist|no longer (?:available|exists)"
        r"|(?:has been|was) (?:removed|deleted))"
        r"|(?:trang|bai viet|noi dung|duong dan)[\w ]{0,40}(?:khong ton tai|khong tim thay|da bi (?:xoa|go)|khong con)"
    ),
}
_PAYWALL = re.compile(
    r"(?:subscribe|sign up|register|log in|sign in|become a (?:member|subscriber)) (?:now |today )?(?:to|and) "
    r"(?:continue|keep|finish) reading|(?:this|the) (?:article|story|content) is (?:for|only available to|reserved for)"
    r" (?:our )?(?:subscribers|members)|(?:subscribers?|members?).only (?:article|story|content)"
    r"|already a (?:subscriber|member)\?"
    r"|(?:dang ky|dang nhap|mua goi|tro thanh)[\w ]{0,40} de (?:doc|xem) (?:tiep|toan bo|day du)"
    r"|danh rieng cho (?:thue bao|thanh vien|doc gia (?:dai|tra phi))"
)
_ROOTS = ("#root", "#app", "#__next", "#__nuxt", "#___gatsby", "app-root")


def at_first_sight(html: str, index: Index) -> str | None:
    """Why a page is no story, by its headlines or by parts that only a browser check has."""
    headlines = [inline_text(element) for element in (*index.iter("title"), *index.iter("h1"))]
    if reason := by_headline(headlines):
        certain = reason in (SOFT_404, CHALLENGE)
        return reason if certain or len(shown(index)) < _LONG else None
    return CHALLENGE if len(html) < _LONGEST_CHALLENGE and _any(index, _CHALLENGES) else None


def by_headline(headlines: Iterable[str]) -> str | None:
    """The reason that one of the headlines gives."""
    for headline in headlines:
        text = fold(clean(headline) or "")
        for start in dict.fromkeys((text, _BEFORE_NAME.split(text)[0])):
            for reason, words in _HEADLINES.items():
                if words.fullmatch(start):
                    return reason
    return None


def in_few_words(index: Index) -> str | None:
    """Why a page that shows almost no text is no story: what it says, else which part it has."""
    said = shown(index)
    if len(said) > LITTLE:
        return None
    said = fold(said)
    parts = (reason for reason, queries in _PARTS.items() if _any(index, queries))
    return next((reason for reason, words in _SAID.items() if words.search(said)), None) or next(parts, None)


def is_stub(body: str, said_paid: bool, index: Index) -> bool:
    """Whether a text is the beginning of one that only subscribers see: short, and the page says so."""
    return len(body) < STUB and (said_paid or _PAYWALL.search(fold(shown(index))) is not None)


def is_shell(index: Index) -> bool:
    """Whether scripts would have to fill the page first."""
    if not index.iter("script"):
        return False
    length = len(shown(index))
    empty = any(not inline_text(element) for query in _ROOTS for element in index.select(query))
    return length < _SHELL or (empty and length < LITTLE)


def shown(index: Index) -> str:
    """What a page shows outside menus and forms. Without a ``body`` tag libxml2 leaves unknown elements in the head."""
    stray = [child for head in index.iter("head") for child in head if child.tag not in SKIP and child.tag != "title"]
    return " ".join(filter(None, map(inline_text, (*stray, *index.iter("body")))))


def _any(index: Index, queries: str) -> bool:
    return any(index.select(query.strip()) for query in queries.split(","))
