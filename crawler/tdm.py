"""Reservations against text and data mining in ``/.well-known/tdmrep.json`` (W3C community group report TDMRep).

A list of objects, each with a ``location`` and a ``tdm-reservation`` of 0 or 1. Locations are patterns as in robots.txt
and are matched in the same way: the longest one decides, of two with one length the one that reserves. What a page says
of itself, in a header or a meta element, goes before the file. Pure: bytes in, an answer out.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from crawler.robots import Rule, normalised, pattern_of
from crawler.urls import target_of

PATH = "/.well-known/tdmrep.json"
MAX_BYTES = 500 * 1024  # as of robots.txt; a longer file says nothing
MAX_RULES = 5_000


def reservation(body: bytes, url: str) -> str | None:
    """``1`` where rights are reserved, ``0`` where they are not; None when the file does not speak of the address.

    >>> reservation(b'[{"location": "/anh/*", "tdm-reservation": 1}]', "https://bao.vn/anh/1.jpg")
    '1'
    """
    target = normalised(target_of(url))
    matching = (rule for rule in _rules(body) if rule.matches(target))
    found = max(matching, key=lambda rule: (len(rule.pattern), not rule.allow), default=None)
    return None if found is None else str(int(not found.allow))


@lru_cache(maxsize=64)
def _rules(body: bytes) -> tuple[Rule, ...]:
    if len(body) > MAX_BYTES:
        return ()
    try:
        found = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return ()
    listed = found if isinstance(found, list) else [found]
    return tuple(rule for one in listed[:MAX_RULES] if (rule := _rule(one)) is not None)


def _rule(one: Any) -> Rule | None:
    if not isinstance(one, dict) or not isinstance(location := one.get("location"), str):
        return None
    said = one.get("tdm-reservation")
    if isinstance(said, bool) or str(said) not in ("0", "1"):
        return None
    return Rule(str(said) == "0", pattern_of(location), location)
