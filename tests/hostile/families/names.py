"""Names whose addresses change between two lookups, and servers that are not who they say, or do not say it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tests.hostile.network import CLOUD, OPEN_NET
from tests.hostile.scenario import DOMAIN, HTTPS, OPEN, OPEN_SITE, ROBOTS, TDMREP, Door, Scenario, sound
from tests.oddanswers import FOREVER, HTML, head, length
from tests.oddserver import Step
from tests.replica.ca import Authority
from tests.smallpaper import page

REFUSED, LOOPBACK = "refused/private_address", "127.0.0.1"
PLAIN = b"Content-Type: text/plain"
NO_ANSWER = ("failed/", "refused/robots_unreachable")


def _last(body: bytes, kind: bytes = HTML) -> tuple[Step, ...]:
    """An answer that ends its connection, so that the next request has to look the name up again."""
    return (head(kind, b"Connection: close", length(body)) + body, "close")


def _pages(*numbers: int) -> dict[str, tuple[Step, ...]]:
    return {ROBOTS: _last(OPEN, PLAIN), TDMREP: _last(b"[]", PLAIN)} | {sound(n): _last(page(n)) for n in numbers}


# --- Names ----------------------------------------------------------------------------------------------------------

ONE = (OPEN_NET,)
TURNS: Mapping[str, tuple[tuple[str, ...] | bytes, ...]] = {
    "doi-mat": (ONE, ONE, ONE, (LOOPBACK,)),  # robots.txt, tdmrep.json and a page, and then somewhere else
    "doi-nha": (ONE, ONE, ONE, (CLOUD,)),
    "doi-sau": (ONE, ONE, ONE, (OPEN_NET, "::1")),
    "lan-luot": (ONE, (LOOPBACK,)) * 9,
    "hai-nha": ((OPEN_NET, LOOPBACK),),
    "ve-nha": ((LOOPBACK,),),
    "im-lang": (b"",),
    "noi-bay": (b"\xff" * 400,),
    "cut": (b"\x87\x80\x00\x01\x00\x00\x00\x00\x00\x00",),  # the rest is to be had by TCP, where nobody listens
}


EACH = 3  # pages of each name
PAGES = {
    name: tuple(f"http://{name}.{DOMAIN}{sound(50 + EACH * at + number)}" for number in range(EACH))
    for at, name in enumerate(TURNS)
}
CHANGING = ("doi-mat", "doi-nha", "doi-sau")
_NAMES = Scenario(
    "names-that-change",
    listed=tuple(url for urls in PAGES.values() for url in urls),
    doors=(Door("mot-mat." + DOMAIN, OPEN_SITE, _pages(*range(50, 50 + EACH * len(TURNS))), known=False),),
    names={f"{name}.{DOMAIN}": turns for name, turns in TURNS.items()},
    ends={
        **dict.fromkeys((PAGES[name][0] for name in CHANGING), "done"),
        **{url: REFUSED for name in CHANGING for url in PAGES[name][1:]},
        **{url: REFUSED for name in ("hai-nha", "ve-nha") for url in PAGES[name]},
        **{url: NO_ANSWER for name in ("im-lang", "noi-bay", "cut") for url in PAGES[name]},
    },
    counted=("guard/refused/loopback", "guard/refused/link_local"),
    settings={"CONNECT_TIMEOUT": 4, "CONCURRENT_REQUESTS_PER_DOMAIN": 1},
)

# --- Certificates ---------------------------------------------------------------------------------------------------

FAULTS: Mapping[str, tuple[Authority, bool]] = {  # who signs, and whether the crawl trusts them
    "expired": (Authority(named=f"expired.{DOMAIN}", begins=timedelta(days=-60)), True),
    "not_yet_valid": (Authority(named=f"not-yet-valid.{DOMAIN}", begins=timedelta(days=2)), True),
    "wrong_name": (Authority(named="bao-khac.example"), True),
    "self_signed": (Authority(named=f"self-signed.{DOMAIN}", self_signed=True), True),
    "unknown_authority": (Authority(named=f"unknown-authority.{DOMAIN}"), False),
}
SOUND = Door("chung-chi." + DOMAIN, ("127.0.0.90", HTTPS), _pages(50), Authority(named="chung-chi." + DOMAIN))
BAD = {
    fault: Door(f"{fault.replace('_', '-')}.{DOMAIN}", (f"127.0.0.{91 + at}", HTTPS), _pages(60 + at), who, trusted)
    for at, (fault, (who, trusted)) in enumerate(FAULTS.items())
}
_GREETINGS: tuple[tuple[Step, ...], ...] = (
    ("reset",),
    ("close",),
    (FOREVER,),
    (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "close"),
    (b"\x15\x03\x03\x00\x02\x02\x28", "close"),  # an alert: handshake failure
    (b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(20), FOREVER),  # half of a ServerHello
    (b"\x16\x03\x03\x00\x7a" + b"\xff" * 122, "close"),
    (b"\x16\x03\x03\xff\xff" + bytes(100_000), "reset"),
)
MUTE = tuple(
    Door(f"cam-{at}.{DOMAIN}", (f"127.0.0.{100 + at}", HTTPS), greeting=steps) for at, steps in enumerate(_GREETINGS)
)


def _page_of(door: Door) -> str:
    """The article behind a door."""
    return door.home + next((path for path in door.answers if path.endswith(".html")), sound(70))


_CERTIFICATES = tuple(
    Scenario(
        f"certificates-{policy}",
        listed=tuple(map(_page_of, (SOUND, *BAD.values(), *MUTE))),
        doors=(SOUND, *BAD.values(), *MUTE),
        ends={
            _page_of(SOUND): "done",
            **dict.fromkeys(map(_page_of, BAD.values()), end),
            **dict.fromkeys(map(_page_of, MUTE), NO_ANSWER),
        },
        closed=tuple(door.home + path for door in BAD.values() for path in door.answers if policy == "refuse"),
        counted=tuple(f"tls/{told}/{fault}" for fault in BAD),
        settings={"TLS_POLICY": policy, "CONNECT_TIMEOUT": 4, "RESPONSE_DEADLINE": 6},
    )
    for policy, end, told in (("refuse", "failed/tls_certificate", "refused"), ("archive", "done", "archived"))
)
SCENARIOS = (_NAMES, *_CERTIFICATES)
