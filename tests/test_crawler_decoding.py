"""Content encodings: every one as it was meant, and none of them a bomb."""

from __future__ import annotations

import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import HtmlResponse, Response

from crawler.decoding import LAYERS, PIECE, Decoding
from crawler.limits import MB, Limits, NotRead

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PAGE = "<title>Chợ nổi</title><p>Ghe xuồng về bến từ khi trời chưa sáng.</p>".encode()
LONG = b"".join(PAGE + b"%d" % (number * number) for number in range(3_000))
URL = "https://bao.example/a-1.html"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: brotli.compress(data, quality=5),
    "zstd": zstd.compress,
}


def decoded(body: bytes, *encodings: str, limits: Limits | None = None) -> Response:
    request = Request(URL)
    headers = {"Content-Type": "text/html", "Content-Encoding": list(encodings)}
    response = Response(URL, headers=headers, body=body, request=request)
    return Decoding(limits or Limits()).process_response(request, response)


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("data", [b"", PAGE, LONG], ids=["empty", "page", "long"])
def test_each_encoding_gives_what_went_in(coding: str, data: bytes) -> None:
    response = decoded(PACK[coding](data), coding)
    assert response.body == data
    assert isinstance(response, HtmlResponse)
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(
    ("encodings", "body", "kept"),
    [
        (("gzip, br",), brotli.compress(gzip.compress(PAGE)), []),
        (("gzip", "deflate"), zlib.compress(gzip.compress(PAGE)), []),
        (("GZIP , identity",), gzip.compress(PAGE), []),
        (("deflate",), raw_deflate(PAGE), []),
        (("gzip",), gzip.compress(PAGE[:20]) + gzip.compress(PAGE[20:]), []),
        (("gzip",), gzip.compress(PAGE) + bytes(99), []),
        (("zstd",), zstd.compress(PAGE[:20]) + zstd.compress(PAGE[20:]), []),
        (("identity",), PAGE, []),
        (("",), PAGE, []),
        (("utf-8",), PAGE, [b"utf-8"]),
        (("utf-8, gzip",), gzip.compress(PAGE), [b"utf-8"]),
        (("gzip, utf-8",), PAGE, [b"gzip, utf-8"]),
    ],
)
def test_encodings_over_each_other_and_such_that_are_none(
    encodings: tuple[str, ...], body: bytes, kept: list[bytes]
) -> None:
    response = decoded(body, *encodings)
    assert response.body == PAGE
    assert response.headers.getlist("Content-Encoding") == kept


@pytest.mark.parametrize("coding", PACK)
def test_of_a_body_that_is_cut_off_what_came_is_read(coding: str) -> None:
    data = bytes(range(256)) * 1_000
    whole = PACK[coding](data)
    if coding == "zstd":  # its blocks are large: a cut inside the first one leaves nothing
        whole = zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})
    assert data.startswith(decoded(whole[:-3], coding).body)


@pytest.mark.parametrize(("coding", "body"), [(c, b) for c in PACK for b in (b"not packed at all", b"\x1f\x8b")])
def test_what_is_not_what_it_says_is_refused_with_the_reason(coding: str, body: bytes) -> None:
    with pytest.raises(NotRead) as refused:
        decoded(body, coding)
    assert refused.value.reason == "bad_encoding"


@pytest.mark.parametrize("coding", PACK)
def test_a_bomb_is_not_inflated(coding: str) -> None:
    """64 MB of zeros; what is held at any moment is a few pieces."""
    bomb = _bomb(coding)
    for limits, reason in [
        (Limits(decoded_ratio=10**6, decoded_maxsize=8 * MB), "decoded_too_large"),
        (Limits(decoded_ratio=1), "decoded_ratio"),
    ]:
        tracemalloc.start()
        with pytest.raises(NotRead) as refused:
            decoded(bomb, coding, limits=limits)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert refused.value.reason == reason
        assert peak < 8 * MB + 8 * PIECE + 3 * len(bomb)


def _bomb(coding: str) -> bytes:
    zeros = bytes(MB)
    if coding == "br":
        packer = brotli.Compressor(quality=3)
        return b"".join(packer.process(zeros) for _ in range(64)) + packer.finish()
    if coding == "zstd":
        frames = zstd.ZstdCompressor()
        return b"".join(frames.compress(zeros) for _ in range(64)) + frames.flush()
    stream = zlib.compressobj(9, wbits=31 if "gzip" in coding else 15)
    return b"".join(stream.compress(zeros) for _ in range(64)) + stream.flush()


def test_a_bomb_inside_another_encoding_is_as_small() -> None:
    bomb = gzip.compress(_bomb("gzip"))
    with pytest.raises(NotRead) as refused:
        decoded(bomb, "gzip, gzip", limits=Limits(decoded_ratio=10**6))
    assert refused.value.reason == "decoded_too_large"
    with pytest.raises(NotRead) as refused:
        decoded(bomb, "gzip, gzip", limits=Limits())
    assert refused.value.reason == "decoded_ratio"


def test_no_more_encodings_over_each_other_than_the_limit() -> None:
    body = PAGE
    for _ in range(4):
        body = gzip.compress(body)
    assert decoded(body, "gzip, gzip, gzip, gzip", limits=Limits(content_encodings_max=4)).body == PAGE
    with pytest.raises(NotRead) as refused:
        decoded(body, ",".join(["gzip"] * 4))
    assert refused.value.reason == "too_many_encodings"


def test_a_zstd_frame_that_wants_a_large_window_is_refused() -> None:
    """RFC 9659: 8 MB at most."""
    wide = zstd.compress(PAGE * 400_000, options={zstd.CompressionParameter.window_log: 26})
    with pytest.raises(NotRead) as refused:
        decoded(wide, "zstd")
    assert refused.value.reason == "bad_encoding"


def test_requests_may_bring_a_limit_of_their_own() -> None:
    request = Request(URL, meta={"download_maxsize": 10})
    response = Response(URL, headers={"Content-Encoding": "gzip"}, body=gzip.compress(PAGE), request=request)
    with pytest.raises(NotRead):
        Decoding(Limits()).process_response(request, response)


def test_the_limits_go_with_the_request_and_a_sitemap_may_be_larger() -> None:
    limits = Limits(sitemap_maxsize=7)
    for kind, maxsize in [("article", None), ("sitemap", 7), ("feed", 7)]:
        request = Request(URL, meta={"kind": kind})
        Decoding(limits).process_request(request)
        assert request.meta["limits"] is limits
        assert request.meta.get("download_maxsize") == maxsize


@given(st.sampled_from(sorted(PACK)), st.binary(max_size=2_000), st.binary(max_size=40))
def test_any_bytes_give_a_body_or_a_reason(coding: str, data: bytes, noise: bytes) -> None:
    packed = PACK[coding](data)
    for body in (data, packed + noise, packed[: len(packed) // 2] + noise):
        try:
            reason = None if isinstance(decoded(body, coding).body, bytes) else "no body"
        except NotRead as refused:
            reason = refused.reason
        assert reason in (None, "bad_encoding", "decoded_ratio")


@given(st.binary(max_size=5_000), st.lists(st.sampled_from(sorted(PACK)), max_size=3))
def test_any_data_in_any_encodings_comes_back(data: bytes, codings: list[str]) -> None:
    body = data
    for coding in codings:
        body = PACK[coding](body)
    response = decoded(body, ", ".join(codings))
    assert response.body == data


def test_the_table_has_what_http_has_and_no_more() -> None:
    assert {name.decode() for name in LAYERS} == set(PACK)
