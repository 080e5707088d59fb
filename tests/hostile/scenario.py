"""What a scenario is: a small sound paper, and beside its pages whatever one hostile server may send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape

from tests.hostile.nameserver import Answers
from tests.hostile.network import CLOUD, OPEN_NET
from tests.oddanswers import head, length
from tests.oddserver import UNKNOWN_PATH, Address, Answering, Script, Steps
from tests.replica.ca import Authority
from tests.smallpaper import page

DOMAIN = "bao-la.example"
HOST = f"www.{DOMAIN}"
HOME = f"http://{HOST}"
SITE: Address = ("127.0.0.80", 80)
HTTPS = 443
OPEN_SITE: Address = (OPEN_NET, 80)  # of the open network, as far as the crawl can know
INNER = f"noi-bo.{DOMAIN}"  # of the paper's own domain, and leads to this machine
CLOUDY = f"dam-may.{DOMAIN}"  # leads to the cloud's own address
TWO_FACED = f"hai-mat.{DOMAIN}"  # leads to the open network and to this machine
MIRROR = f"guong.{DOMAIN}"  # the paper again, under another name
FOREIGN = "bao-khac.example"  # somebody else's
NAMES: Mapping[str, tuple[str, ...]] = {
    "localhost": ("127.0.0.1", "::1"),
    HOST: (SITE[0],),
    MIRROR: (SITE[0],),
    INNER: ("127.0.0.1", "::1"),
    CLOUDY: (CLOUD,),
    TWO_FACED: (OPEN_NET, "127.0.0.1"),
    FOREIGN: ("127.0.0.1",),
    "baoquocte.vn": (SITE[0],),
    "www.vietnam.vn": (SITE[0],),
}
CANARIES: tuple[Address, ...] = (
    *(("127.0.0.1", port) for port in (22, 25, 80, 443, 3306, 5432, 6379, 8000, 8080, 9200)),
    *(("::1", port) for port in (80, 443, 8080)),
    *((CLOUD, port) for port in (80, 443, 8080)),
    *((SITE[0], port) for port in (22, 8080)),  # the paper's own host, but not its door
)


def sound(number: int) -> str:
    """Path of a sound article, ``tests.smallpaper.page(number)``."""
    return f"/mua-gat-o-xa-thu-{number}.html"


def bad(number: int) -> str:
    """Path of a hostile page: it looks like an article."""
    return f"/tin-la-so-{number}.html"


SOUND = tuple(map(sound, range(6)))
LISTED = tuple(map(sound, range(6, 9)))  # on the list alone
LIST = "/danh-muc/nong-thon"
FRONT = "/"
ROBOTS = "/robots.txt"
TDMREP = "/.well-known/tdmrep.json"  # what may be mined, asked once a host
PATIENT = {"RESPONSE_DEADLINE": 80}  # a page keeps the crawl busy, and the next ones are not to be late for that
OPEN = b"User-agent: *\nAllow: /\n"


@dataclass(frozen=True)
class Site:
    """A paper: whose spider crawls it, where it stands, and what its addresses look like."""

    spider: str
    home: str
    ending: str = ".html"  # of an article's address
    list: str = LIST
    starts: tuple[str, ...] = (FRONT,)

    def sound(self, number: int) -> str:
        return sound(number).removesuffix(".html") + self.ending

    def bad(self, number: int) -> str:
        return bad(number).removesuffix(".html") + self.ending

    @property
    def door(self) -> tuple[str, int]:
        """Host and port."""
        scheme, _, host = self.home.partition("://")
        return host, HTTPS if scheme == "https" else SITE[1]


NEWS = Site("news", HOME)
BAOQUOCTE = Site("baoquocte", "https://baoquocte.vn", starts=(FRONT, LIST))
VIETNAM = Site("vietnamvn", "https://www.vietnam.vn", "", VIETNAM_LIST := "/category/nong-thon", (FRONT, VIETNAM_LIST))


@dataclass(frozen=True)
class Door:
    """Another server beside the paper's, under this name.

    ``authority``: who signs for it, with TLS; ``greeting``: what it does to everybody who knocks, instead of listening.
    """

    name: str
    listen: Address
    answers: Script = field(default_factory=dict)
    authority: Authority | None = None
    trusted: bool = True  # the authority, by the crawl
    greeting: Steps = ()
    known: bool = True  # opened to the crawl, though its address is private

    @property
    def home(self) -> str:
        return f"{'https' if self.listen[1] == HTTPS else 'http'}://{self.name}"


@dataclass(frozen=True)
class Scenario:
    """The front page names three sound articles, then ``listed``, then three more and a list with the last three.

    ``answers``: by path; they may take the place of sound pages. ``otherwise``: for every path without an answer.
    ``listed``: by default all paths of ``answers`` that no sound page has. ``front``: HTML at the front page's end.
    ``extra``: requests that the paper may get beyond one for each of its sound pages, all repetitions included.
    ``ends``: by path, the states and reasons (``failed/timeout``; ``failed/`` for any) its URL may have in the ledger.
    ``counted``: reasons that must stand in the run's report or in the ledger.
    ``lost``: sound pages that nobody can get, because the server does not give them or closes its door.
    ``also``: numbers of further sound articles, which only the scenario's own answers name.
    ``closed``: paths that robots.txt closes, or a limit: not one request.
    ``growth``: megabytes that the peak of memory may grow by after the first thousand requests.
    ``statuses``: the same command as often as there are statuses, each with this one; else once, with 0 or 11.
    ``doors``: other servers; what they are asked for is told with scheme and host.
    ``names``: what a name server says of names that the hosts file does not know.
    """

    name: str
    answers: Mapping[str, Steps | Answering] = field(default_factory=dict)
    extra: int = 0
    listed: tuple[str, ...] | None = None
    front: str = ""
    ends: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    counted: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()
    also: tuple[int, ...] = ()
    closed: tuple[str, ...] = ()
    otherwise: Answering = lambda request: UNKNOWN_PATH
    settings: Mapping[str, object] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[str, ...] = ()  # the front page
    growth: float | None = None
    statuses: tuple[int, ...] = ()
    site: Site = NEWS
    doors: tuple[Door, ...] = ()
    names: Answers = field(default_factory=dict)

    @property
    def sound(self) -> dict[str, bytes]:
        """The sound articles by path."""
        numbers = (*range(len(SOUND) + len(LISTED)), *self.also)
        return {self.site.sound(number): page(number) for number in numbers}

    @property
    def wanted(self) -> dict[str, bytes | None]:
        """Those that must be archived, each with a row, by address; None for one that the scenario has changed."""
        served = {path: body for path, body in self.sound.items() if path not in self.lost}
        return {f"{self.site.home}{path}": None if path in self.answers else body for path, body in served.items()}

    @property
    def budget(self) -> int:
        """Requests that the paper may get."""
        runs = max(1, len(self.statuses))
        return len((ROBOTS, TDMREP)) * runs + len((FRONT, LIST, *self.wanted)) + self.extra

    def script(self) -> dict[str, Steps | Answering]:
        """What the server answers, by path."""
        first, last = (tuple(map(self.site.sound, numbers)) for numbers in (range(6), range(6, 9)))
        pages: dict[str, Steps | Answering] = {path: whole(body) for path, body in self.sound.items()}
        hostile = self.listed
        if hostile is None:
            hostile = tuple(path for path in self.answers if path not in {ROBOTS, FRONT, self.site.list, *pages})
        pages[ROBOTS] = whole(OPEN, b"text/plain")
        pages[FRONT] = whole(listing("Báo Lạ", (*first[:3], *hostile, *first[3:], self.site.list), self.front))
        pages[self.site.list] = whole(listing("Nông thôn", last))
        return {**pages, **self.answers}


def whole(body: bytes, kind: bytes = b"text/html; charset=utf-8", *lines: bytes) -> Steps:
    """A plain 200 with this body."""
    return (head(b"Content-Type: " + kind, length(body), *lines) + body,)


def listing(title: str, links: Iterable[str], more: str = "") -> bytes:
    """A list page."""
    items = "".join(
        f'<li><a href="{escape(url)}">Tin {number} của {title}</a></li>' for number, url in enumerate(links)
    )
    return (
        f'<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><h2>{title}</h2><ul>{items}</ul>{more}</body></html>"
    ).encode()


def redirect(target: bytes | str, status: bytes = b"HTTP/1.1 302 Found") -> Steps:
    target = target.encode() if isinstance(target, str) else target
    return (head(b"Location: " + target, b"Content-Length: 0", status=status),)


def article(number: int, *, head_html: str = "", body_html: str = "") -> bytes:
    """A sound article with something more in its head or at the end of its body."""
    html = page(number).decode()
    return html.replace("</head>", f"{head_html}</head>").replace("</article>", f"{body_html}</article>").encode()


def together(name: str, *scenarios: Scenario) -> Scenario:
    """Scenarios of hostile pages alone as one: each page keeps its demands, and one start of a crawl is enough.

    The settings of one are those of all.
    """
    answers: dict[str, Steps | Answering] = {}
    ends: dict[str, str | tuple[str, ...]] = {}
    settings: dict[str, object] = {}
    for place, one in enumerate(scenarios, 1):
        moved = {path: bad(100 * place + number) for number, path in enumerate(one.answers)}
        answers |= {moved[path]: steps for path, steps in one.answers.items()}
        ends |= {moved[path]: ways for path, ways in one.ends.items()}
        settings |= one.settings
    return Scenario(name, answers, extra=sum(one.extra for one in scenarios), ends=ends, settings=settings)
