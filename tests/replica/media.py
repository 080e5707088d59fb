"""Small real images and videos: valid files, different for each address."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode

TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mp4": "video/mp4"}


def media(path: str) -> tuple[str, bytes]:
    """Content type and bytes for a path; a path without a known extension is a JPEG."""
    extension = path.partition("?")[0].rpartition(".")[2].lower()
    kind = TYPES.get(extension, "image/jpeg")
    mark = path.partition("?")[0].encode()
    match kind:
        case "image/png":
            return kind, png(mark)
        case "image/webp":
            return kind, webp(mark)
        case "video/mp4":
            return kind, mp4(mark)
    return kind, jpeg(mark)


def png(mark: bytes) -> bytes:
    """A grey PNG of 16 x 9 pixels; ``mark`` stands in a comment and decides the shade."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = b"".join(b"\0" + bytes([zlib.crc32(mark) & 255]) * 16 for _ in range(9))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 9, 8, 0, 0, 0, 0))
    text = chunk(b"tEXt", b"Comment\0" + mark)
    return b"\x89PNG\r\n\x1a\n" + header + text + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def jpeg(mark: bytes) -> bytes:
    """A grey baseline JPEG of 16 x 8 pixels; ``mark`` stands in a comment."""

    def segment(code: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, code, len(data) + 2) + data

    one_code = bytes([1] + [0] * 15 + [0])  # a Huffman table whose only code, 0, means 0
    return b"".join([
        b"\xff\xd8",
        segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        segment(0xFE, mark),
        segment(0xDB, b"\0" + b"\x10" * 64),
        segment(0xC0, struct.pack(">BHHBBBB", 8, 8, 16, 1, 1, 0x11, 0)),
        segment(0xC4, b"\x00" + one_code),
        segment(0xC4, b"\x10" + one_code),
        segment(0xDA, b"\1\1\0\0\x3f\0"),
        b"\x0f",  # two blocks, each "no difference" and "end of block"; then ones
        b"\xff\xd9",
    ])  # fmt: skip


def webp(mark: bytes) -> bytes:
    """A lossless WebP; ``mark`` stands in a chunk that readers skip."""
    picture = b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")[12:]
    note = b"XMRK" + struct.pack("<I", len(mark)) + mark + b"\0" * (len(mark) % 2)
    body = b"WEBP" + picture + note
    return b"RIFF" + struct.pack("<I", len(body)) + body


def mp4(mark: bytes) -> bytes:
    """The frame of an MP4 file: its type and a free box."""
    kind = struct.pack(">I", 20) + b"ftypisom\0\0\2\0isom"
    return kind + struct.pack(">I", len(mark) + 8) + b"free" + mark
