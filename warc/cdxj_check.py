"""An index against the files that it is about: in order, every line at a capture, every capture in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from warc.cdxj import BadLine, Entry, index_lines, parse_line

Fault = tuple[int | None, str, str]  # offset of the line, rule, detail
Captures = Mapping[str, Entry]  # by offset

COMPARED = ("url", "mime", "status", "digest", "length")


def captures_of(warc: Path) -> Captures:
    """What an index has to say of a file. Raises ``warc.reader.DamagedRecord``, OSError."""
    entries = map(parse_line, index_lines(warc))
    return {entry.offset: entry for entry in entries}


def check_index(
    lines: Iterable[bytes],
    find: Callable[[str], Captures | None],
    complete: Iterable[str] = (),
    *,
    for_players: bool = False,
) -> Iterator[Fault]:
    """``find`` gives the captures of a file by its name, None when it is not there; ``complete`` names the files of
    which no capture may be missing; answers 304 may, of an index ``for_players``. An index of other hands may have
    fewer fields: those it has are compared."""
    known: dict[str, Captures | None] = {}
    indexed: dict[str, set[str]] = {}
    offset, before = 0, b""
    for line in lines:
        if line < before:
            yield offset, "index-order", f"{line[:60]!r} stands behind a greater line"
        elif line == before:
            yield offset, "index-order", f"{line[:60]!r} stands in it twice"
        before = line
        try:
            entry = parse_line(line)
        except BadLine as error:
            yield offset, "index-line", str(error)
        else:
            name = entry.filename
            if name not in known:
                known[name] = find(name)
            captures = known[name]
            indexed.setdefault(name, set()).add(entry.offset)
            if captures is None:
                yield offset, "index-record", f"no file {name!r}"
            elif detail := _difference(entry, captures.get(entry.offset)):
                yield offset, "index-record", detail
        offset += len(line)
    for name in complete:
        captures = known[name] if name in known else find(name)
        for at in (captures or {}).keys() - indexed.get(name, set()):
            if not (for_players and captures and captures[at].is_not_modified):
                yield None, "index-missing", f"the capture at {at} of {name} is not in it"


def _difference(entry: Entry, capture: Entry | None) -> str | None:
    if capture is None:
        return f"no capture at {entry.offset!r} of {entry.filename}"
    if (entry.key, entry.timestamp) != (capture.key, capture.timestamp):
        return f"key and time are {entry.key} {entry.timestamp}, of the capture {capture.key} {capture.timestamp}"
    for name in COMPARED:
        value, true = entry.fields.get(name), capture.fields.get(name)
        if value is not None and value != true:
            return f"{name} is {value!r}, of the capture {true!r}"
    return None
