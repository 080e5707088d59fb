"""A small paper whose articles are half empty without a browser: text comes by script, beside a style and pictures.

``/bai-N.html`` is such an article, ``/tinh-N.html`` one that is whole in its HTML; both look the same in the end.
"""

from __future__ import annotations

import json

from tests.replica.hostile import TEXT, article
from tests.replica.media import jpeg
from tests.replica.message import Answer, Request

HOST = "ben-noi.example"
HOME = f"http://{HOST}"
PERMITS = [("X-Robots-Tag", "noarchive"), ("TDM-Reservation", "1")]  # of every article, in its headers alone
PICTURES = 7  # files that all articles share
CODE = """
const place = document.querySelector("[data-bai]");
fetch(place.dataset.bai).then(answer => answer.json()).then(paragraphs => {
  place.innerHTML = paragraphs.map(text => `<p>${text}</p>`).join(""); });
"""


def title_of(number: int) -> str:
    return f"Chuyến đò thứ {number} ở bến Nổi"


def text_of(number: int) -> list[str]:
    """The paragraphs of an article."""
    return [f"Chuyến thứ {number} rời bến khi trời còn mờ sương, chở theo mười hai người và hai sọt cam.", *TEXT]


class BenNoi:
    """Answers for every number."""

    hosts = (HOST,)

    def respond(self, request: Request) -> Answer:
        name, _, ending = request.target.lstrip("/").partition(".")
        kind, _, number = name.rpartition("-")
        if request.target == "/robots.txt":
            return _answer("text/plain", b"User-agent: *\nDisallow:\n")
        if (kind, ending) in (("bai", "html"), ("tinh", "html")):
            answer = _answer("text/html; charset=utf-8", page(int(number), kind == "bai").encode())
            return Answer(answer.status, answer.reason, [*answer.headers, *PERMITS], answer.body)
        if (kind, ending) == ("bai", "json"):
            return _answer("application/json", json.dumps(text_of(int(number)), ensure_ascii=False).encode())
        if ending == "jpg":
            return _answer("image/jpeg", jpeg(name.encode()))
        if request.target == "/kieu.css":
            return _answer("text/css", b"article { max-width: 40em; margin: auto } img { width: 100% }")
        if request.target == "/ma.js":
            return _answer("application/javascript", CODE.encode())
        return Answer(404, "Not Found", [("Content-Type", "text/plain")], b"")


def page(number: int, scripted: bool) -> str:
    paragraphs = "".join(f"<p>{text}</p>" for text in text_of(number))
    pictures = "".join(f'<img src="/anh-{(number + n) % PICTURES}.jpg" alt="">' for n in range(3))
    extra = f'<link rel="stylesheet" href="/kieu.css">{pictures}'
    whole = article(title_of(number), extra, paragraphs)
    if not scripted:
        return whole
    return whole.replace(paragraphs, f'<div data-bai="/bai-{number}.json"></div>').replace(
        "</body>", '<script src="/ma.js"></script></body>'
    )


def _answer(kind: str, body: bytes) -> Answer:
    return Answer(200, "OK", [("Content-Type", kind)], body)
