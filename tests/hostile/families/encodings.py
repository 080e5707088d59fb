"""Bombs, and bodies that are not what their head says."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli

from tests.hostile.scenario import HOME, OPEN, ROBOTS, Scenario, article, bad, together, whole
from tests.oddanswers import HTML, TEXT, head, length
from tests.oddserver import Steps

MEGABYTE = 1024 * 1024
GIGABYTE = 1024 * MEGABYTE
REFUSED = ("failed/", "refused/")
ANY = ("done", "failed/", "refused/")


def deflated(block: bytes, size: int, wbits: int) -> bytes:
    """``block`` (of a megabyte) again and again, ``size`` bytes; its checksum is wrong, and nobody gets so far."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first, again = (packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (size // len(block) - 1) + packer.flush()


def zstandard(size: int) -> bytes:
    """Spaces as run-length blocks (RFC 8878, section 3.1.1.2): four bytes stand for 128 kB."""
    run = 128 * 1024
    block = (run << 3 | 0b010).to_bytes(3, "little") + b" "
    last = (run << 3 | 0b011).to_bytes(3, "little") + b" "
    return b"\x28\xb5\x2f\xfd" + b"\x00\x58" + block * (size // run - 1) + last


def encoded(body: bytes, *encodings: bytes, kind: bytes = HTML) -> Steps:
    lines = [b"Content-Encoding: " + encoding for encoding in encodings]
    return (head(kind, *lines, length(body)) + body,)


SPACES = b" " * MEGABYTE
PARAGRAPHS = (b"<p>x" * MEGABYTE)[:MEGABYTE]
GZIP, ZLIB, RAW = 31, 15, -15


def _page(name: str, body: bytes | Callable[[], bytes], *encodings: bytes, ends: tuple[str, ...] = REFUSED) -> Scenario:
    answer = (lambda request: encoded(body(), *encodings)) if callable(body) else encoded(body, *encodings)
    return Scenario(name, {bad(1): answer}, extra=4, ends={bad(1): ends})


def _named(name: str, robots: bytes, path: str, answer: Steps) -> Scenario:
    """A sitemap that robots.txt names."""
    return Scenario(name, {ROBOTS: whole(OPEN + robots, b"text/plain"), path: answer}, extra=4, listed=())


_GZIP_BOMB = deflated(SPACES, 2 * GIGABYTE, GZIP)
_BOMBS = (
    _page("bomb-gzip", _GZIP_BOMB, b"gzip"),
    _page("bomb-deflate", deflated(SPACES, GIGABYTE, ZLIB), b"deflate"),
    _page("bomb-br", lambda: brotli.compress(SPACES * 100, quality=1), b"br"),
    _page("bomb-zstd", zstandard(2 * GIGABYTE), b"zstd"),
    _page("bomb-gzip-twice", gzip.compress(_GZIP_BOMB, 9, mtime=0), b"gzip", b"gzip"),
    _page("bomb-of-20-layers", gzip.compress(TEXT, mtime=0), *[b"gzip"] * 20, ends=ANY),
    _page("bomb-of-members", gzip.compress(SPACES, 6, mtime=0) * 1000, b"gzip"),
    _page("bomb-within-the-size", deflated(SPACES, 30 * MEGABYTE, GZIP), b"gzip", ends=ANY),
    _page("bomb-of-paragraphs", deflated(PARAGRAPHS, 30 * MEGABYTE, GZIP), b"gzip", ends=ANY),
    _named(
        "bomb-sitemap-gz",
        f"Sitemap: {HOME}/sitemap.xml.gz\n".encode(),
        "/sitemap.xml.gz",
        whole(_GZIP_BOMB, b"application/gzip"),
    ),
    _named(
        "bomb-sitemap-gz-encoded",
        f"Sitemap: {HOME}/sitemap.xml.gz\n".encode(),
        "/sitemap.xml.gz",
        encoded(gzip.compress(_GZIP_BOMB, 9, mtime=0), b"gzip"),
    ),
)
_PACKED = gzip.compress(article(50), mtime=0)
_LIES = (
    _page("encoding-gzip-and-is-none", article(50), b"gzip", ends=ANY),
    _page("encoding-br-and-is-none", article(50), b"br", ends=ANY),
    _page("encoding-zstd-and-is-none", article(50), b"zstd", ends=ANY),
    _page("encoding-none-and-is-gzip", _PACKED, ends=ANY),
    _page("encoding-gzip-cut", _PACKED[:-30], b"gzip", ends=ANY),
    _page("encoding-gzip-damaged", _PACKED[:60] + b"\x00\xff" * 20 + _PACKED[100:], b"gzip", ends=ANY),
    _page("encoding-gzip-and-more", _PACKED + b"rest" * 1000, b"gzip", ends=ANY),
    _page("encoding-unknown", article(50), b"sdch, dcb", ends=ANY),
    _page("encoding-of-bytes", article(50), b"\xff\x00gzip", ends=ANY),
)
_KINDS = tuple(
    Scenario(name, {bad(1): whole(body, kind), bad(2): whole(body, kind)}, extra=6, ends={bad(1): ANY})
    for name, body, kind in (
        ("type-html-and-is-png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100, b"text/html"),
        ("type-html-and-is-zip", b"PK\x03\x04" + bytes(range(256)) * 100, b"text/html; charset=utf-8"),
        ("type-html-and-is-xml", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"text/html"),
        ("type-png-and-is-html", article(50), b"image/png"),
        ("type-json-and-is-html", article(50), b"application/json"),
        ("type-pdf-and-is-html", article(50), b"application/pdf"),
        ("type-empty", article(50), b""),
        ("type-of-bytes", article(50), b"\xff\xfe; charset=\x00"),
    )
)
SCENARIOS = (*_BOMBS, together("encodings-that-lie", *_LIES), together("types-that-lie", *_KINDS))
