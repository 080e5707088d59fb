"""Two extractions of the same records, field by field: what another version of a page class changes.

Rows are matched by the record of their visit, else by id and time. Left out is what the ledger decides
(``crawler/rowcheck.py``) and what the number of a page class alone changes.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crawler.rowcheck import ledger_free
from warc.shown import json_of, lines_of

EXAMPLES = 3  # of each field
SHOWN = 70  # characters of a value in an example
BEFORE = 15  # of these before the first difference
LEFT_OUT = ("schema", "row_id")


@dataclass(frozen=True, slots=True, order=True)
class Example:
    """A changed value. ``distance``: characters between the first and the last difference, in both texts."""

    distance: int
    record_id: str
    url: str
    old: str
    new: str


@dataclass(slots=True)
class Difference:
    """How many rows are equal or changed in each field, and pages that are articles in one of both alone."""

    rows: int = 0  # in both
    same: int = 0  # of these, equal in every field
    fields: dict[str, dict[str, int]] = field(default_factory=dict)
    worst: dict[str, list[Example]] = field(default_factory=dict)
    became: list[tuple[str, str]] = field(default_factory=list)  # record id and address
    ceased: list[tuple[str, str]] = field(default_factory=list)
    further: int = 0  # further visits to articles that are in the older rows, where no row was written for them
    elsewhere: int = 0  # older rows from files that were not read

    def json(self) -> str:
        return json_of((json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n").encode()).decode()

    def table(self) -> str:
        lines = [f"{'field':20}{'equal':>9}{'changed':>9}{'appeared':>9}{'vanished':>9}   of {self.rows} rows"]
        for name, c in self.fields.items():
            lines.append(f"{name:20}{c['equal']:9}{c['changed']:9}{c['appeared']:9}{c['vanished']:9}")
        lines.append(f"{self.same} rows are the same in every field")
        for name, examples in self.worst.items():
            for at in examples:
                lines += [f"{name}, {at.distance} characters: {at.record_id} {at.url}"]
                lines += [f"    was {at.old}", f"    is  {at.new}"]
        for told, pages in (("became an article", self.became), ("ceased to be an article", self.ceased)):
            lines.append(f"{len(pages)} {'page' if len(pages) == 1 else 'pages'} {told}")
            lines += [f"    {record_id} {url}" for record_id, url in pages[: EXAMPLES * 3]]
        if self.further:
            lines.append(f"{self.further} further visits to articles that the older rows have at another time")
        if self.elsewhere:
            lines.append(f"{self.elsewhere} older rows are of files that were not read")
        return lines_of(lines)


def compare(old: Path, new: Path, files: set[str]) -> Difference:
    """What is different in ``new``, which was made of ``files`` (as rows name them). Raises OSError, ValueError."""
    found = Difference()
    places: dict[str, tuple[Path, int]] = {}
    ids: set[str] = set()
    for path in _files(old, new):
        for offset, row in _rows(path):
            places[_key(row)] = (path, offset)
            ids.add(row["id"])
    for _, row in _rows(new):
        place = places.pop(_key(row), None)
        if place is not None:
            _take(_row_at(*place), row, found)
        elif row["id"] in ids:
            found.further += 1
        else:
            found.became.append(_told(row))
    for path, offset in places.values():
        row = _row_at(path, offset)
        if row["warc"]["file"] is None or row["warc"]["file"] in files:
            found.ceased.append(_told(row))
        else:
            found.elsewhere += 1
    found.worst = {name: sorted(found.worst[name], reverse=True) for name in found.fields if name in found.worst}
    return found


def _take(old: dict[str, Any], new: dict[str, Any], found: Difference) -> None:
    """Count one row of both."""
    found.rows += 1
    was, is_ = _comparable(old), _comparable(new)
    found.same += was == is_
    for name in is_:
        counts = found.fields.setdefault(name, dict.fromkeys(("equal", "changed", "appeared", "vanished"), 0))
        before, after = was.get(name), is_[name]
        if before == after:
            counts["equal"] += 1
            continue
        counts["appeared" if _is_empty(before) else "vanished" if _is_empty(after) else "changed"] += 1
        examples = found.worst.setdefault(name, [])
        heapq.heappush(examples, _example(_told(new), before, after))
        if len(examples) > EXAMPLES:
            heapq.heappop(examples)


def _example(page: tuple[str, str], before: Any, after: Any) -> Example:
    was, is_ = _text(before), _text(after)
    start = _alike(was, is_)
    rest_was, rest_is = was[start:], is_[start:]
    end = _alike(rest_was[::-1], rest_is[::-1])
    begin = max(0, start - BEFORE)
    return Example(
        len(rest_was) + len(rest_is) - 2 * end, *page, was[begin : begin + SHOWN], is_[begin : begin + SHOWN]
    )


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in ledger_free(row).items() if key not in LEFT_OUT}
    kept["extraction"] = {key: value for key, value in kept["extraction"].items() if key != "page"}
    kept["permissions"] = kept["permissions"] | {"tdm_reservation": None}  # the site's tdmrep.json may have said it
    return kept


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_empty(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, dict) and not any(value.values()))


def _key(row: dict[str, Any]) -> str:
    visit = row["warc"]["revisit_id"] or row["warc"]["record_id"]
    return str(visit or f"{row['id']} {row['captured_at']}")


def _told(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["warc"]["revisit_id"] or row["warc"]["record_id"] or ""), str(row["url"])


def _files(old: Path, new: Path) -> list[Path]:
    if not old.is_dir():
        return [old]
    return sorted(path for path in old.rglob("*.jsonl") if path.is_file() and path.resolve() != new.resolve())


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Offset and row of each line that is one."""
    offset = 0
    with path.open("rb") as lines:
        for line in lines:
            yield offset, _row(path, line)
            offset += len(line)


def _row_at(path: Path, offset: int) -> dict[str, Any]:
    with path.open("rb") as lines:
        lines.seek(offset)
        return _row(path, lines.readline())


def _row(path: Path, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
        _key(row), _told(row), _comparable(row), row["id"], row["warc"]["file"]  # all that is read of it
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{path} holds a line that is no row: {line[:60]!r}") from None
    return row  # type: ignore[no-any-return]
