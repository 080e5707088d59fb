"""tdmrep.json: what it reserves, and files that are none."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import tdm

BAO = "https://bao.vn"


def rule(location: Any, said: Any) -> dict[str, Any]:
    return {"location": location, "tdm-reservation": said, "tdm-policy": f"{BAO}/policy.json"}


@pytest.mark.parametrize(
    ("rules", "path", "said"),
    [
        ([rule("/", 1)], "/a", "1"),
        ([rule("*", 1)], "/a", "1"),
        ([rule("/", "0")], "/a", "0"),
        ([rule("/anh/*", 1)], "/tin/a", None),
        ([rule("/", 0), rule("/anh/", 1)], "/anh/a.jpg", "1"),
        ([rule("/anh/", 1), rule("/", 0)], "/tin/a", "0"),
        ([rule("/a", 0), rule("/a", 1)], "/a", "1"),
        ([rule("/*.pdf$", 1)], "/a.pdf", "1"),
        ([rule("/*.pdf$", 1)], "/a.pdf?b", None),
        ([rule("/giá lúa", 1)], "/gi%C3%A1%20l%C3%BAa", "1"),
        ([rule("/", 2), rule("/", True), rule("/", None), rule(7, 1), "/", None, []], "/a", None),
        (rule("/", 1), "/a", "1"),  # no list, and clear all the same
        ([], "/a", None),
        ("/", "/a", None),
        (7, "/a", None),
    ],
)
def test_reservations(rules: Any, path: str, said: str | None) -> None:
    body = json.dumps(rules).encode()
    assert tdm.reservation(body, BAO + path) == said
    assert tdm.reservation(b"\xef\xbb\xbf" + body, BAO + path) == said


@pytest.mark.parametrize("body", [b"", b"<!DOCTYPE html>", b"[" * 100_000, b"{", b"\xff\xfe", b"null", b"[1e999999]"])
def test_files_that_say_nothing(body: bytes) -> None:
    assert tdm.reservation(body, f"{BAO}/a") is None


def test_a_large_file_takes_no_time() -> None:
    body = json.dumps([rule("/" + "*a" * 50 + f"b{n}$", 1) for n in range(2500)]).encode()
    started = time.process_time()
    for page in range(10):
        assert tdm.reservation(body, f"{BAO}/{'a' * 3000}{page}") is None
    assert time.process_time() - started < 2.0
    assert tdm.reservation(body * 4, f"{BAO}/a") is None


@given(st.binary(max_size=60), st.text(max_size=30))
def test_never_raises(body: bytes, path: str) -> None:
    tdm.reservation(body, f"{BAO}/{path}")
