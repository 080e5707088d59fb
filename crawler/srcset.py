"""Which file of a responsive image a browser loads (HTML, section 4.8.4.3), for one documented screen.

    srcset ─► candidates ─► sizes gives their densities ─► the least dense that is dense enough

An archive cannot hold every candidate without asking the site for each picture five times; it holds the one that a
reader with this screen would have got. Another screen asks a replay for another file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

VIEWPORT = 1280, 720  # CSS pixels, width and height; one device pixel to a CSS pixel: a laptop, and headless Chromium
_FONT = 16.0  # CSS pixels to an em
_UNITS = {"px": 1.0, "em": _FONT, "rem": _FONT, "ch": _FONT / 2, "ex": _FONT / 2, "pt": 4 / 3, "cm": 96 / 2.54} | {
    "vw": VIEWPORT[0] / 100,
    "vh": VIEWPORT[1] / 100,
    "vmin": min(VIEWPORT) / 100,
    "vmax": max(VIEWPORT) / 100,
    "in": 96.0,
    "mm": 96 / 25.4,
    "pc": 16.0,
}

_SPACE = " \t\r\n\f"
_LENGTH = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z]*)", re.I)
_DESCRIPTOR = re.compile(r"(\d+|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([whx])", re.I)
_FEATURE = re.compile(r"\(\s*(min-|max-)?(width|height|aspect-ratio|resolution|orientation)\s*:\s*([^()]+?)\s*\)", re.I)
_TYPES = frozenset(f"image/{name}" for name in ("avif", "webp", "jpeg", "jpg", "png", "apng", "gif", "svg+xml", "bmp"))


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
        while at < end and srcset[at] in _SPACE + ",":
            at += 1
        if at >= end:
            return found
        start = at
        while at < end and srcset[at] not in _SPACE:
            at += 1
        url = srcset[start:at]
        descriptors = ""
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            descriptors, at = _until_comma(srcset, at)
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
    for part in _split(sizes):
        condition, _, length = part.rpartition(" ") if not part.endswith(")") else _before_function(part)
        value = pixels(length)
        if value is not None and value >= 0 and (not condition.strip() or matches(condition)):
            return value
    return float(VIEWPORT[0])


def matches(media: str) -> bool:
    """Whether a media query list holds for the screen. What is not understood does not hold, as in a browser."""
    return not media.strip() or any(_query(part.strip().lower()) for part in _split(media))


def readable(mime: str | None) -> bool:
    """Whether a browser shows images of this type; a source without a type is tried."""
    return not mime or mime.partition(";")[0].strip().lower() in _TYPES


def pixels(length: str) -> float | None:
    """A CSS length in pixels: a number with a unit, or ``calc()`` of sums of them; None for anything else."""
    length = length.strip().lower()
    if length.startswith("calc(") and length.endswith(")"):
        return _sum(length[5:-1])
    match = _LENGTH.fullmatch(length)
    if match is None or (match[2] and match[2] not in _UNITS) or (not match[2] and float(match[1]) != 0):
        return None
    return float(match[1]) * _UNITS.get(match[2], 0.0)


def _density(candidate: Candidate, filled: float) -> float:
    """Device pixels that the file gives to a CSS pixel, where the image fills so many of them."""
    if candidate.width is None:
        return 1.0 if candidate.density is None else candidate.density
    return candidate.width / filled if filled > 0 else math.inf


def _sum(text: str) -> float | None:
    """Sums and differences of lengths, each with a factor or divisor perhaps."""
    total = 0.0
    for sign, term in re.findall(r"(^|\s[+-]\s)\s*([^\s()]+(?:\s*[*/]\s*[^\s()]+)*)", text.strip()):
        value = 1.0
        for operator, factor in re.findall(r"(^|[*/])\s*([^\s*/]+)", term):
            number = pixels(factor) if re.search(r"[a-z%]$", factor) else _number(factor)
            if number is None or (operator == "/" and number == 0):
                return None
            value = value / number if operator == "/" else value * number
        total += -value if "-" in sign else value
    return total if text.strip() else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _query(query: str) -> bool:
    """One media query: a type, and features joined by ``and``, perhaps all of it negated."""
    negated = query.startswith("not ")
    query = query.removeprefix("not ").removeprefix("only ").strip()
    parts = [part.strip() for part in re.split(r"\band\b", query)]
    holds = all(part in ("all", "screen") or _feature(part) for part in parts)
    return holds != negated


def _feature(text: str) -> bool:
    match = _FEATURE.fullmatch(text)
    if match is None:
        return False
    bound, name, value = match[1] or "", match[2].lower(), match[3]
    if name == "orientation":
        return value == "landscape"
    actual, wanted = 1.0, _ratio(value)
    if name in ("width", "height"):
        actual, wanted = float(VIEWPORT[name == "height"]), pixels(value)
    elif name == "aspect-ratio":
        actual = VIEWPORT[0] / VIEWPORT[1]
    if wanted is None:
        return False
    return actual >= wanted if bound == "min-" else actual <= wanted if bound == "max-" else actual == wanted


def _ratio(value: str) -> float | None:
    """``16/9``, or a resolution: ``2dppx``, ``2x``, ``192dpi``."""
    if match := re.fullmatch(r"([\d.]+)\s*(?:/\s*([\d.]+)|(dppx|x|dpi))?", value):
        number, below = _number(match[1]), _number(match[2] or "1")
        if number is not None and below:
            return number / below / (96 if match[3] == "dpi" else 1)
    return None


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


def _until_comma(text: str, at: int) -> tuple[str, int]:
    """The descriptors after an address, up to a comma outside of parentheses."""
    depth, start = 0, at
    while at < len(text) and (depth or text[at] != ","):
        depth = max(0, depth + (text[at] == "(") - (text[at] == ")"))
        at += 1
    return text[start:at].strip(_SPACE), at


def _split(text: str) -> list[str]:
    """Parts between commas outside of parentheses."""
    parts, at = [], 0
    while at < len(text):
        part, at = _until_comma(text, at)
        at += 1
        if part:
            parts.append(part)
    return parts


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
