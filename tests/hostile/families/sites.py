"""The papers that the project was made for, over TLS, with what a hostile server in their place would send: their own
spiders and page classes archive all sound pages.
"""

from __future__ import annotations

import json
from itertools import chain, count, repeat

from tests.hostile.families.encodings import GZIP, SPACES, deflated, encoded
from tests.hostile.network import CLOUD
from tests.hostile.scenario import (
    BAOQUOCTE,
    PATIENT,
    ROBOTS,
    VIETNAM,
    Scenario,
    Site,
    article,
    listing,
    redirect,
    whole,
)
from tests.oddanswers import CHUNKED, HTML, LONG, chunk, head
from tests.oddserver import UNKNOWN_PATH, Answering, Steps
from tests.smallpaper import page

ENDS = ("done", "failed/", "refused/")
WALL = "<!doctype html><title>Đăng nhập</title><form action=/login><input name=u><input type=password name=p></form>"
CHALLENGE = (
    "<!doctype html><title>Just a moment...</title><noscript>Enable JavaScript and cookies to continue</noscript>"
    '<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script>'
)
NESTED = '{"@type":"NewsArticle","author":' + '{"@type":"Person","parentOrganization":' * 3000 + "1" + "}" * 3001


def _crowded() -> str:
    return "<p " + " ".join(f"a{n}" for n in range(200_000)) + ">x</p>"


def _data() -> bytes:
    """A page that is the data of an application; its HTML is no HTML before it is read."""
    row = '2:{"slug":"tin-la-so-4","content":"' + _crowded() + '"}\n'
    pushed = json.dumps([1, row]).replace("<", "\\u003c")
    title = "<!doctype html><title>Tin lạ số 4</title><h1>Tin lạ số 4</h1>"
    return f"{title}<script>self.__next_f.push({pushed})</script>".encode()


def _pages(site: Site) -> Scenario:
    """What one page after another may send, all in one paper."""
    answers: tuple[tuple[Steps | Answering, str | tuple[str, ...]], ...] = (
        (encoded(deflated(SPACES, 2**30, GZIP), b"gzip"), "failed/decoded_too_large"),
        (lambda request: chain((head(HTML, CHUNKED),), repeat(chunk(LONG))), "failed/"),
        (redirect(f"http://{CLOUD}/latest/meta-data/"), "refused/offsite_redirect"),
        (redirect("http://127.0.0.1:8080/a-1.html"), "refused/offsite_redirect"),
        (lambda request: whole(_data()), "failed/too_many_attributes" if site is VIETNAM else "failed/"),
        (whole(article(72, body_html="<div>" * 3000)), "failed/too_deep"),
        (lambda request: whole(article(73, body_html=_crowded())), "failed/"),
        (whole(WALL.encode()), "failed/"),
        (whole(CHALLENGE.encode()), "failed/"),
        (lambda request: whole(article(74, body_html="<p>" + "Mưa rơi trên sông. " * 300_000)), ENDS),
        ((b"\x00\x01\r\n\r\n", "close"), "failed/"),
    )
    steps = {site.bad(number): answer for number, (answer, _) in enumerate(answers)}
    deep = article(70, head_html=f'<script type="application/ld+json">{NESTED}</script>')  # sound without that
    return Scenario(
        f"{site.spider}-hostile-pages",
        {**steps, site.sound(70): whole(deep)},
        listed=(*steps, site.sound(70)),
        also=(70,),
        extra=2 * len(steps),
        ends={site.bad(number): ends for number, (_, ends) in enumerate(answers)},
        counted=("limits/decoded_too_large", "limits/too_deep", "limits/json_too_deep"),
        settings={**PATIENT, "DOWNLOAD_MAXSIZE": 10_000_000},
        site=site,
    )


def _robots(site: Site) -> Scenario:
    """Its robots.txt answers 500: nothing is asked."""
    return Scenario(
        f"{site.spider}-robots-answers-500",
        {ROBOTS: (head(b"Content-Length: 0", status=b"HTTP/1.1 500 No"),)},
        lost=frozenset(map(site.sound, range(9))),
        extra=2,
        counted=("refused/robots_unreachable",),
        site=site,
    )


def _trap(site: Site) -> Scenario:
    """Every unknown address is a list of ever new ones, each with the same sound articles."""
    numbers = count(1)
    start = site.list.rpartition("/")[0] + "/bay"

    def answer(request: bytes) -> Steps:
        more = [f"{start}-{next(numbers)}" for _ in range(10)]
        return whole(listing("Bẫy", [*more, *map(site.sound, range(6))]))

    return Scenario(
        f"{site.spider}-trap",
        listed=(start,),
        otherwise=answer,
        extra=300,
        settings={"TRAP_PAGES": 40},
        arguments={"follow": "article,related,next_page,category"},
        site=site,
    )


def _copies(site: Site) -> Scenario:
    """One article at 300 addresses."""
    links = [f"/ban-sao-cua-tin-{1000 + number}{site.ending}" for number in range(300)]
    return Scenario(
        f"{site.spider}-copies",
        {site.list: whole(listing("Nông thôn", [*map(site.sound, range(6, 9)), *links]))},
        otherwise=lambda request: whole(page(60)),
        extra=310,
        site=site,
    )


def _endless_list() -> Scenario:
    """Each page of a list names the same articles, and as many of them as a page that is not the last one."""
    numbers = range(6, 6 + 15)
    cards = "".join(
        f'<div class="article"><h3 class="article-title"><a href="{BAOQUOCTE.sound(number)}">Tin</a></h3></div>'
        for number in numbers
    )
    steps = whole(f"<!doctype html><title>Nông thôn</title><div class='bx-listing'>{cards}</div>".encode())
    return Scenario(
        "baoquocte-list-without-end",
        {BAOQUOCTE.list: steps},
        otherwise=lambda request: steps if b"&BRSR=" in request else UNKNOWN_PATH,
        also=tuple(numbers[3:]),
        extra=2,  # two more pages of the list
        site=BAOQUOCTE,
    )


_BOTH = tuple(make(site) for site in (BAOQUOCTE, VIETNAM) for make in (_pages, _robots, _trap, _copies))
SCENARIOS = (*_BOTH, _endless_list())
