"""How much of one text stands in another: shingles, their resemblance, and the bands by which like texts are found.

    text ─► shingles (every 4 words in a row) ─► 60 minima ─► 20 bands of 3

Two texts that share a part J of their shingles share a band with probability 1 − (1 − J³)²⁰: .52 at J = .33, .93 at
.5, .998 at .65, and one in four hundred at .05. A band is only a hint: what it finds is compared shingle by shingle.
After Broder, "On the resemblance and containment of documents" (1997), with one hash for all minima and empty places
filled from the next one as in Shrivastava and Li, "Densifying One Permutation Hashing" (2014).
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple
from zlib import crc32

from crawler.text import nfc

WORDS = 4  # of a shingle
BANDS, ROWS = 20, 3
FEWEST = 40  # shingles; of shorter texts likeness says nothing

_WORD = re.compile(r"\w+")


class Likeness(NamedTuple):
    """How much two texts have in common, from 0 to 1."""

    resemblance: float  # of the shingles of both (Jaccard)
    containment: float  # of the shingles of the shorter one


def shingles(text: str) -> frozenset[int]:
    """Hashes (32 bits) of every four words in a row; without case and punctuation, with diacritics."""
    words = words_of(nfc(text).lower())
    starts = [0, *accumulate(map(_octets, words))]
    spelled = " ".join([*words, ""]).encode()
    return frozenset([crc32(spelled[start:end]) for start, end in zip(starts, starts[WORDS:], strict=False)])


def words_of(text: str) -> list[str]:
    r"""Runs of ``\w``; the expression only looks at what is more than letters and digits, which takes a third."""
    words: list[str] = []
    for part in text.split():
        if part.isalnum():
            words.append(part)
        else:
            words += _WORD.findall(part)
    return words


@lru_cache(maxsize=16_384)  # Vietnamese has some thousand syllables
def _octets(word: str) -> int:
    """Length in UTF-8 with the space after it."""
    return len(word.encode()) + 1


def bands(found: frozenset[int]) -> list[int]:
    """Twenty numbers (63 bits) that like texts are likely to share some of; none for a text that is too short."""
    if len(found) < FEWEST:
        return []
    places = BANDS * ROWS
    least_of = {value % places: value // places for value in sorted(found, reverse=True)}  # the last one stays
    minima = list(map(least_of.get, range(places)))
    dense: list[tuple[int, int]] = []  # from the last place to the first: how far the lender is, and what it lends
    near = next((place + 1, least) for place, least in enumerate(minima) if least is not None)
    for least in reversed(minima):
        near = (near[0] + 1, near[1]) if least is None else (0, least)
        dense.append(near)
    return [_band(number, dense[number * ROWS : (number + 1) * ROWS]) for number in range(BANDS)]


def _band(number: int, minima: list[tuple[int, int]]) -> int:
    return int.from_bytes(blake2b(repr((number, minima)).encode(), digest_size=8).digest()) >> 1


def likeness(one: frozenset[int], other: frozenset[int]) -> Likeness:
    """Both are 0 when either text is too short."""
    if min(len(one), len(other)) < FEWEST:
        return Likeness(0.0, 0.0)
    common = len(one & other)
    return Likeness(common / len(one | other), common / min(len(one), len(other)))
