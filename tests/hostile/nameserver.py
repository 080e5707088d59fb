"""A name server that changes its mind: each name has the answers of one lookup after another, the last for ever.

An answer is a list of addresses, or the bytes that are sent in its place; without a byte it says nothing.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TypeAlias

Answers: TypeAlias = Mapping[str, Sequence[Sequence[str] | bytes]]
Address: TypeAlias = tuple[str, int]

A, AAAA, IN = 1, 28, 1  # RFC 1035, section 3.2; RFC 3596
ANSWERED, NO_SUCH_NAME = 0x8580, 0x8583  # flags: an authority's answer, and that there is nothing
NAME_OF_QUESTION = 0xC00C  # RFC 1035, section 4.1.4: the name that stands at byte 12
AT_ONCE = 0  # seconds that an answer may be kept


@contextmanager
def name_server(answers: Answers, listen: Address) -> Iterator[None]:
    """Answers over UDP for as long as the block runs. Both questions of a lookup, A and AAAA, get the same turn."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(listen)
    server.settimeout(0.1)
    ended = threading.Event()
    asked: Counter[tuple[str, int]] = Counter()

    def serve() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                query, client = server.recvfrom(512)
                if answer := reply(query, answers, asked):
                    server.sendto(answer, client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        server.close()


def reply(query: bytes, answers: Answers, asked: Counter[tuple[str, int]]) -> bytes:
    """The answer to a message with one question."""
    name, end = question_of(query)
    kind = int.from_bytes(query[end : end + 2], "big")
    turns = answers.get(name, ())
    turn = turns[min(asked[name, kind], len(turns) - 1)] if turns else ()
    asked[name, kind] += 1
    if isinstance(turn, bytes):
        return turn and query[:2] + turn
    found = [ip_address(one) for one in turn]
    datas = [one.packed for one in found if (one.version == 6) == (kind == AAAA) and kind in (A, AAAA)]
    flags = ANSWERED if turns else NO_SUCH_NAME
    records = b"".join(struct.pack(">HHHIH", NAME_OF_QUESTION, kind, IN, AT_ONCE, len(data)) + data for data in datas)
    return query[:2] + struct.pack(">5H", flags, 1, len(datas), 0, 0) + query[12 : end + 4] + records


def question_of(query: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends."""
    labels, at = [], 12
    while size := query[at]:
        labels.append(query[at + 1 : at + 1 + size].decode("ascii").lower())
        at += 1 + size
    return ".".join(labels), at + 1
