"""Which file of a responsive image a browser loads (HTML, section 4.8.4.3), for one documented screen.

    srcset ─► candidates ─► sizes gives their densities ─► the least dense that is dense enough

An archive cannot hold every candidate without asking the site for each picture five times; it holds the one that a
reader with this screen would have got. Another screen asks a replay for another file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from crawler.screen import SPACE, VIEWPORT, matches, pixels, split, until_comma

_DESCRIPTOR = re.compile(r"(\d+|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([whx])", re.I)
_TYPES = frozenset(
    f"image/{name}" for name in ("avif", "jxl", "webp", "jpeg", "jpg", "png", "apng", "gif", "svg+xml", "bmp")
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file of a ``srcset``; at most one of width (w) and density (x) is given."""

    url: str
    width: int | None = None
    density: float | None = None


def candidates(srcset: str) -> list[Candidate]:
    """The candidates of a ``srcset`` attribute; broken ones are left out. Addresses may hold commas, not spaces."""
    found: list[Candidate] = []
    at, end = 0, len(srcset)
    while True:
        while at < end and srcset[at] in SPACE + ",":
            at += 1
        if at >= end:
            return found
        start = at
        while at < end and srcset[at] not in SPACE:
            at += 1
        url = srcset[start:at]
        descriptors = ""
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            descriptors, at = until_comma(srcset, at)
        candidate = _candidate(url, descriptors)
        if candidate is not None:
            found.append(candidate)


def choose(srcset: str | None, sizes: str | None = None, src: str | None = None) -> str | None:
    """The address that a browser with ``VIEWPORT`` loads, as written; None when there is nothing to load."""
    found = candidates(srcset or "")
    filled = source_size(sizes or "")
    with_widths = any(c.width is not None for c in found)
    ranked = [(_density(c, filled), c.url) for c in found]
    if src and src.strip() and not with_widths and all(density != 1.0 for density, _ in ranked):
        ranked.append((1.0, src.strip()))
    if not ranked:
        return None
    ranked.sort(key=lambda pair: pair[0])
    return next((url for density, url in ranked if density >= 1.0), ranked[-1][1])


def source_size(sizes: str) -> float:
    """CSS pixels that the image fills, by its ``sizes``; the viewport's width when it does not say."""
    for part in split(sizes):
        condition, _, length = part.rpartition(" ") if not part.endswith(")") else _before_function(part)
        value = pixels(length)
        if value is not None and value >= 0 and (not condition.strip() or matches(condition)):
            return value
    return float(VIEWPORT[0])


def readable(mime: str | None) -> bool:
    """Whether a browser shows images of this type; a source without a type is tried."""
    return not mime or mime.partition(";")[0].strip().lower() in _TYPES


def _density(candidate: Candidate, filled: float) -> float:
    """Device pixels that the file gives to a CSS pixel, where the image fills so many of them."""
    if candidate.width is None:
        return 1.0 if candidate.density is None else candidate.density
    return candidate.width / filled if filled > 0 else math.inf


def _candidate(url: str, descriptors: str) -> Candidate | None:
    width: int | None = None
    density: float | None = None
    for text in descriptors.split():
        match = _DESCRIPTOR.fullmatch(text)
        if match is None:
            return None
        kind = match[2].lower()
        if kind == "w" and match[1].isdigit() and int(match[1]) > 0 and width is density is None:
            width = int(match[1])
        elif kind == "x" and float(match[1]) >= 0 and width is density is None:
            density = float(match[1])
        elif kind != "h":
            return None
    return Candidate(url, width, density) if url else None


def _before_function(part: str) -> tuple[str, str, str]:
    """Split ``(max-width: 9px) calc(1px + 2px)`` before the function at its end."""
    depth, at = 0, len(part)
    while at > 0:
        at -= 1
        depth += (part[at] == ")") - (part[at] == "(")
        if depth == 0:
            break
    while at > 0 and (part[at - 1].isalnum() or part[at - 1] == "-"):
        at -= 1
    return part[:at], "", part[at:]
