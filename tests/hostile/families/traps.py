"""Addresses without end, and the same pages under ever new ones; the paper beside them is still crawled whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count, permutations

from tests.hostile.scenario import HOME, MIRROR, OPEN, ROBOTS, SOUND, Scenario, article, bad, listing, sound, whole
from tests.oddserver import UNKNOWN_PATH, Steps
from tests.smallpaper import page

SETTINGS = {"TRAP_PAGES": 40}  # barren pages of a pattern in a row
EXTRA = 300  # five times as many of all lists of the host, and what was on its way
ENDLESS = count(1)


def _path(request: bytes) -> str:
    return request.split(b" ", 2)[1].decode("latin-1")


def _list(title: str, *links: str) -> Steps:
    return whole(listing(title, links))


def _trap(name: str, start: str, otherwise: Callable[[bytes], Steps], extra: int = EXTRA, **more: object) -> Scenario:
    """``otherwise`` answers every path that the paper does not have."""
    return Scenario(name, listed=(start,), otherwise=otherwise, extra=extra, settings=SETTINGS, **more)  # type: ignore[arg-type]


def _calendar(request: bytes) -> Steps:
    found = re.search(r"/lich/(\d+)/(\d+)", _path(request))
    if found is None:
        return UNKNOWN_PATH
    year, month = int(found[1]), int(found[2])
    after = f"/lich/{year + month // 12}/{month % 12 + 1:02}"
    before = f"/lich/{year - (month == 1)}/{(month - 2) % 12 + 1:02}"
    days = [f"/lich/{year}/{month:02}/{day:02}" for day in range(1, 29)]
    return _list(f"Lịch tháng {month} năm {year}", before, after, *days, *SOUND)


def _numbered(stem: str, *others: str) -> Callable[[bytes], Steps]:
    """A list with the next number, and always the same articles."""

    def answer(request: bytes) -> Steps:
        found = re.search(r"(\d+)$", _path(request))
        number = int(found[1]) if found else 1
        return _list(f"Trang {number}", f"{stem}{number + 1}", f"{stem}{number + 2}", *others, *SOUND)

    return answer


def _sessions(request: bytes) -> Steps:
    """Every link of every page gets a number of its own."""
    number = next(ENDLESS)
    plain = re.sub(r";jsessionid=\w+|[?&]PHPSESSID=\w+", "", _path(request))
    links = [f"{path};jsessionid={number:032X}" for path in (*SOUND, "/danh-muc/song")]
    links += [f"{path}?PHPSESSID={number:032x}" for path in (*SOUND, "/danh-muc/bien")]
    if plain in SOUND:
        return whole(page(SOUND.index(plain)))
    return _list(f"Danh mục {plain}", *links)


NAMES = ("mau", "co", "gia", "hang", "loc", "sap")
PERMUTED = ["&".join(f"{name}=1" for name in names) for names in permutations(NAMES)]
_PATHS = (
    _trap("trap-calendar", "/lich/2026/12", _calendar),
    _trap(
        "trap-path-loop",
        "/vong/",
        lambda request: whole(listing("Vòng", ["vong/", "quanh/", "../vong/quanh/", *SOUND])),
    ),
    _trap(
        "trap-growing-path", "/goc/a", lambda request: _list("Gốc", f"{_path(request)}/b{next(ENDLESS) % 7}", *SOUND)
    ),
    _trap("trap-counting-path", "/muc/1", _numbered("/muc/")),
)
_QUERIES = (
    _trap("trap-session-ids", "/danh-muc/bao;jsessionid=00", _sessions),
    _trap(
        "trap-session-ids-of-articles",
        "/danh-muc/bao?sid=1",
        lambda request: (
            whole(page(60))
            if ".html" in _path(request)
            else _list("Báo", *(f"/mua-gat-o-xa-thu-60.html?sid={next(ENDLESS):032x}" for _ in range(50)))
        ),
    ),
    _trap(
        "trap-parameter-orders", "/loc?mau=1", lambda request: _list("Lọc", *(f"/loc?{query}" for query in PERMUTED))
    ),
    _trap(
        "trap-facets",
        "/loc?mau=1",
        lambda request: _list("Lọc", *(f"{_path(request)}&{name}={n}" for name in NAMES for n in range(3)), *SOUND),
    ),
    _trap("trap-pages-without-end", "/danh-muc/bien?page=1", _numbered("/danh-muc/bien?page=")),
)
_COPIES = (
    _trap(
        "trap-tags",
        "/tag/a",
        lambda request: _list("Thẻ", *(f"/tag/the-so-{next(ENDLESS)}" for _ in range(30)), *SOUND),
        arguments={"follow": "article,related,next_page,category,tag"},
    ),
    _trap(
        "trap-same-article-everywhere",
        "/danh-muc/khac",
        lambda request: (
            whole(page(60))
            if ".html" in _path(request)
            else _list("Khác", *(f"/ban-sao-cua-tin-{n}.html" for n in range(400)))
        ),
    ),
    _trap(
        "trap-articles-link-copies",
        "/ban-sao-cua-tin-1.html",
        lambda request: whole(
            article(
                60, body_html="".join(f'<a href="/ban-sao-cua-tin-{next(ENDLESS)}.html">Tin</a>' for _ in range(10))
            )
        ),
    ),
    _trap(
        "trap-soft-404",
        "/danh-muc/mat",
        lambda request: (
            whole("<!doctype html><title>Không tìm thấy trang</title><h1>404</h1><p>Trang không tồn tại.</p>".encode())
            if ".html" in _path(request)
            else _list("Mất", *(f"/tin-da-mat-so-{n}.html" for n in range(400)))
        ),
        extra=450,
    ),
    Scenario(
        "trap-mirror-hosts",
        front="".join(f'<a href="http://{MIRROR}{path}">Tin</a>' for path in ("/", *SOUND)),
        extra=20,
        settings=SETTINGS,
    ),
    Scenario(
        "trap-every-spelling",
        {
            bad(1): whole(
                listing(
                    "Mọi cách viết",
                    [
                        f"{HOME}{path}{more}"
                        for path in SOUND
                        for more in ("#a", "?", "?utm_source=x", "?fbclid=1", "?gclid=2#b")
                    ],
                )
            )
        },
        extra=2,
    ),
    Scenario(
        "trap-redirecting-articles",
        {ROBOTS: whole(OPEN, b"text/plain")},
        listed=tuple(bad(number) for number in range(100)),
        otherwise=lambda request: (
            whole(page(60))
            if sound(60) in _path(request)
            else (f"HTTP/1.1 302 F\r\nLocation: {sound(60)}\r\nContent-Length: 0\r\n\r\n".encode(),)
        ),
        extra=110,
    ),
)
SCENARIOS = (*_PATHS, *_QUERIES, *_COPIES)
