"""Too much of everything: headers, cookies, refusals, and times to come back that make no sense."""

from __future__ import annotations

from collections.abc import Callable

from tests.hostile.scenario import HOME, LIST, SOUND, Scenario, bad, listing, together, whole
from tests.oddanswers import HTML, TEXT, head, length
from tests.oddserver import Steps
from tests.smallpaper import page

ENDS = ("done", "failed/", "refused/")
WAITS = {"PARK_SECONDS": 0.1, "PARK_WAIT": 20}  # what a host is left alone for, and what a run waits for it


def _refusal(status: int, *lines: bytes) -> Steps:
    return (head(*lines, b"Content-Length: 0", status=b"HTTP/1.1 %d No" % status),)


def _storm(name: str, status: int, *lines: bytes, pages: int = 3, extra: int = 12, lost: bool = False) -> Scenario:
    """Some pages always answer so, and the paper between them does not."""
    answers = {bad(number): _refusal(status, *lines) for number in range(pages)}
    return Scenario(name, answers, extra=extra, settings=WAITS, lost=frozenset())


def _first(times: int, steps: Steps, then: Steps) -> Callable[[bytes], Steps]:
    """The first answers, and the one after them."""
    left = times

    def answer(request: bytes) -> Steps:
        nonlocal left
        left -= 1
        return steps if left >= 0 else then

    return answer


def _head(name: str, *lines: bytes) -> Scenario:
    return Scenario(name, {bad(1): (head(HTML, *lines, length(TEXT)) + TEXT,)}, extra=4, ends={bad(1): ENDS})


_HEADS = (
    _head("flood-of-cookies", *(b"Set-Cookie: c%d=%s; Path=/" % (n, b"x" * 50) for n in range(2000))),
    _head("flood-of-one-cookie", b"Set-Cookie: a=" + b"x" * 200_000),
    _head("flood-of-headers", *(b"X-%d: y" % n for n in range(15_000))),
    _head("flood-of-one-header", *[b"X-Same: y"] * 15_000),
    _head("flood-of-robots-tags", *[b"X-Robots-Tag: noindex, nofollow"] * 5000),
    _head("flood-of-links", *(b"Link: <http://127.0.0.1:8080/%d>; rel=preload" % n for n in range(3000))),
)
_STORMS = (
    _storm("storm-of-429", 429),
    together(
        "storm-of-429-without-sense",
        *(
            _storm(f"storm-of-429-{name}", 429, b"Retry-After: " + value, pages=1)
            for name, value in (
                ("at-once", b"0"),
                ("before-it-was-asked", b"-100"),
                ("soon", "sớm thôi".encode()),
                ("long-ago", b"Thu, 01 Jan 1970 00:00:00 GMT"),
                ("in-numbers", b"1e99"),
                ("of-50-kb", b"9" * 50_000),
                ("in-superscript", "²".encode()),
            )
        ),
    ),
    together(
        "storm-of-closed-doors",
        _storm("401", 401, b'WWW-Authenticate: Basic realm="x"'),
        _storm("407", 407, b'Proxy-Authenticate: Basic realm="x"'),
        _storm("451", 451),
    ),
    _storm("storm-of-403", 403, pages=12, extra=40),
    _storm("storm-of-503", 503, b"Retry-After: 0", pages=12, extra=40),
    _storm("storm-of-500", 500, pages=12, extra=40),
    Scenario(
        "storm-that-passes",
        {path: _first(1, _refusal(429, b"Retry-After: 1"), whole(page(n))) for n, path in enumerate(SOUND)},
        extra=12,
        settings=WAITS,
    ),
    # An hour is asked for: the run ends with work left, and does not wait for it.
    Scenario(
        "storm-of-429-in-an-hour",
        {path: _refusal(429, b"Retry-After: 3600") for path in SOUND},
        lost=frozenset((*SOUND, *(f"/mua-gat-o-xa-thu-{n}.html" for n in range(6, 9)))),
        extra=8,
        settings=WAITS,
    ),
    Scenario(
        "storm-of-404",
        {
            LIST: whole(
                listing(
                    "Nông thôn",
                    [
                        *(f"/mua-gat-o-xa-thu-{n}.html" for n in range(6, 9)),
                        *(f"{HOME}/tin-mat-so-{n}.html" for n in range(500)),
                    ],
                )
            )
        },
        extra=510,
    ),
)
SCENARIOS = (together("floods-of-headers", *_HEADS), *_STORMS)
