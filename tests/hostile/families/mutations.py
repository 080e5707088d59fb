"""Answers that are sound but for some bytes: flipped, put in, cut out, doubled, by a seeded chance."""

from __future__ import annotations

import gzip
from random import Random

from tests.hostile.scenario import HOME, Scenario, article, bad, listing, redirect, sound, whole
from tests.oddanswers import CHUNKED, GZIP, HTML, LAST_CHUNK, NO_LENGTH, chunk, head, length
from tests.oddserver import Steps

MUTATIONS, CRAWLS = 200, 4
ENDS = ("done", "failed/", "refused/", "redirected/")
PAGE = article(70)
PACKED = gzip.compress(PAGE, mtime=0)
ANSWERS: tuple[bytes, ...] = (
    head(HTML, b"Server: thu", b"Date: Thu, 19 Nov 2026 01:00:00 GMT", b'ETag: "1"', length(PAGE)) + PAGE,
    head(HTML, GZIP, length(PACKED)) + PACKED,
    head(HTML, CHUNKED) + b"".join(chunk(PAGE[at : at + 300]) for at in range(0, len(PAGE), 300)) + LAST_CHUNK,
    head(HTML, GZIP, CHUNKED) + chunk(PACKED[:99]) + chunk(PACKED[99:]) + LAST_CHUNK,
    NO_LENGTH + PAGE,
    *(step for step in whole(listing("Thử", [sound(1), sound(2)])) if isinstance(step, bytes)),
    *(step for step in redirect(f"{HOME}{sound(3)}") if isinstance(step, bytes)),
    head(b"Location: /", length(PAGE), HTML, status=b"HTTP/1.1 404 Not Found") + PAGE,
)


def mutated(seed: int) -> bytes:
    """One of the answers with one to six changes; every second time in the head alone, where most depends on them."""
    chance = Random(seed)
    data = bytearray(chance.choice(ANSWERS))
    end = data.find(b"\r\n\r\n") if seed % 2 else len(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(max(1, min(end, len(data))))
        size = chance.choice((1, 2, 8, 64))
        how = chance.randrange(5)
        if how == 0:
            data[at : at + 1] = bytes([data[at] ^ 1 << chance.randrange(8)]) if data else b""
        elif how == 1:
            data[at:at] = chance.randbytes(size)
        elif how == 2:
            del data[at : at + size]
        elif how == 3:
            data[at:at] = data[at : at + size]
        else:
            data[at:at] = chance.choice(
                (b"\r\n", b"\r\n\r\n", b"\x00", b"\n", b":", b"-", b"99999", b"<", b'"', b"\xff")
            )
    return bytes(data) if chance.random() < 0.8 else bytes(data[: chance.randrange(len(data) + 1)])


def _crawl(number: int) -> Scenario:
    size = MUTATIONS // CRAWLS
    answers: dict[str, Steps] = {
        bad(seed): (mutated(seed), "close") for seed in range(number * size, (number + 1) * size)
    }
    return Scenario(
        f"mutations-{number * size}-to-{(number + 1) * size - 1}",
        answers,
        extra=4 * size,
        ends=dict.fromkeys(answers, ENDS),
        settings={"PARK_SECONDS": 1, "PARK_WAIT": 20, "RESPONSE_DEADLINE": 8},
    )


SCENARIOS = tuple(map(_crawl, range(CRAWLS)))
