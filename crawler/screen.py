"""The one documented screen: how long CSS lengths are on it, and which media queries hold (Media Queries, level 4)."""

from __future__ import annotations

import operator
import re

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
SPACE = " \t\r\n\f"

_LENGTH = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z]*)", re.I)
_FUNCTION = re.compile(r"(calc|min|max|clamp|)\(([^()]*)\)")
_NESTED = 50  # functions and parentheses of one length
_LONGEST = 500  # characters of a media query list: no longer one is read
_FEATURE = re.compile(r"(min-|max-)?(?:device-)?([a-z-]+)\s*:\s*(\S.*)", re.DOTALL)
_RANGE = re.compile(
    r"(?:([^<>=]+?)\s*([<>]=?)\s*)?(width|height|aspect-ratio|resolution)\s*(?:([<>]=?|=)\s*([^<>=]+))?"
)
_COMPARED = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_IS = {  # features with words for values, of a laptop whose owner has chosen nothing
    **{"orientation": "landscape", "prefers-color-scheme": "light", "prefers-reduced-motion": "no-preference"},
    **{"hover": "hover", "any-hover": "hover", "pointer": "fine", "any-pointer": "fine", "scripting": "enabled"},
}


def matches(media: str) -> bool:
    """Whether a media query list holds for the screen. What is not understood does not hold, as in a browser."""
    return not media.strip() or (len(media) <= _LONGEST and any(_query(part.lower()) for part in split(media)))


def pixels(length: str) -> float | None:
    """A CSS length in pixels: a number with a unit, or ``calc()``, ``min()``, ``max()``, ``clamp()`` of such.

    None for anything else.
    """
    length = length.strip().lower()
    for _ in range(_NESTED):  # from the inside out
        found = _FUNCTION.search(length)
        if found is None:
            break
        name, values = found[1], [_sum(part) for part in found[2].split(",")]
        known = [value for value in values if value is not None]
        if len(known) < len(values) or (name not in ("min", "max") and len(known) != (3 if name == "clamp" else 1)):
            return None
        value = max(known[0], min(known[1:])) if name == "clamp" else min(known) if name == "min" else max(known)
        length = f"{length[: found.start()]}{value!r}px{length[found.end() :]}"
    match = _LENGTH.fullmatch(length)
    if match is None or (match[2] and match[2] not in _UNITS) or (not match[2] and float(match[1]) != 0):
        return None
    return float(match[1]) * _UNITS.get(match[2], 0.0)


def until_comma(text: str, at: int) -> tuple[str, int]:
    """The descriptors after an address, up to a comma outside of parentheses."""
    depth, start = 0, at
    while at < len(text) and (depth or text[at] != ","):
        depth = max(0, depth + (text[at] == "(") - (text[at] == ")"))
        at += 1
    return text[start:at].strip(SPACE), at


def split(text: str) -> list[str]:
    """Parts between commas outside of parentheses."""
    parts, at = [], 0
    while at < len(text):
        part, at = until_comma(text, at)
        at += 1
        if part:
            parts.append(part)
    return parts


def _sum(text: str) -> float | None:
    """Sums and differences of lengths, each with a factor or divisor perhaps."""
    total = 0.0
    for sign, term in re.findall(r"(^|\s[+-]\s)\s*([^\s()]+(?:\s*[*/]\s*[^\s()]+)*)", text.strip()):
        value = 1.0
        for joint, factor in re.findall(r"(^|[*/])\s*([^\s*/]+)", term):
            number = pixels(factor) if re.search(r"[a-z%]$", factor) else _number(factor)
            if number is None or (joint == "/" and number == 0):
                return None
            value = value / number if joint == "/" else value * number
        total += -value if "-" in sign else value
    return total if text.strip() else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _query(query: str) -> bool:
    """One media query: a type, and features joined by ``and`` or ``or``, perhaps all of it negated."""
    query = " ".join(query.split())
    if query.startswith(("not ", "not(")):
        return not _query(query[3:])
    for joint, holds in (("or", any), ("and", all)):
        if len(parts := _joined(query, joint)) > 1:
            return holds(map(_query, parts))
    if query.startswith("(") and query.endswith(")"):
        inside = query[1:-1].strip()
        return _query(inside) if inside.startswith(("(", "not")) else _feature(inside)
    return query.removeprefix("only ") in ("all", "screen")


def _joined(query: str, joint: str) -> list[str]:
    """Parts between words outside of parentheses."""
    parts, depth = [""], 0
    for piece in re.split(rf"([()]|\b{joint}\b)", query):
        depth += (piece == "(") - (piece == ")")
        if piece == joint and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts]


def _feature(text: str) -> bool:
    if match := _RANGE.fullmatch(text):
        name, bounds = match[3], [(match[4], match[5]), (_TURNED.get(match[2] or ""), match[1])]
    elif match := _FEATURE.fullmatch(text):
        name, bounds = match[2], [({"min-": ">=", "max-": "<="}.get(match[1], "="), match[3])]
    else:
        return False
    if name in _IS:
        return match[3] == _IS[name]
    if name not in _MEASURED:
        return False
    actual, read = _MEASURED[name]
    wanted = [(sign, read(value)) for sign, value in bounds if sign]
    return bool(wanted) and all(value is not None and _COMPARED[sign](actual, value) for sign, value in wanted)


def _ratio(value: str) -> float | None:
    """``16/9``, or a resolution: ``2dppx``, ``2x``, ``192dpi``."""
    if match := re.fullmatch(r"([\d.]+)\s*(?:/\s*([\d.]+)|(dppx|x|dpi))?", value):
        number, below = _number(match[1]), _number(match[2] or "1")
        if number is not None and below:
            return number / below / (96 if match[3] == "dpi" else 1)
    return None


_MEASURED = {
    "width": (float(VIEWPORT[0]), pixels),
    "height": (float(VIEWPORT[1]), pixels),
    "aspect-ratio": (VIEWPORT[0] / VIEWPORT[1], _ratio),
    "resolution": (1.0, _ratio),
}
