"""The files of an export: one a table, site and month; JSON lines, or Parquet written row group by row group."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import orjson

from crawler.export_plan import Plan
from crawler.export_shapes import Row, schema_org, without_text, zyte
from crawler.rowfiles import RowFiles
from crawler.rows import make_folder
from crawler.serialize import to_line
from crawler.tables import arrow_schema
from warc.writer import sync_folder

GROUP, GROUP_BYTES = 5_000, 16_000_000  # rows and bytes of a row group: what is held in memory
ROWS = ("articles", "articles_latest")
FORMATS = ("parquet", "jsonl", "hf", "schema.org", "zyte")
SHAPES: dict[str, Callable[[Row], Row]] = {"schema.org": schema_org, "zyte": zyte}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a format lays out its files."""

    format: str
    full_text: bool

    @property
    def is_parquet(self) -> bool:
        return self.format in ("parquet", "hf")

    @property
    def ending(self) -> str:
        return "parquet" if self.is_parquet else "jsonl"

    @property
    def in_path(self) -> frozenset[str]:
        """Columns that stand in the names of folders alone: pyarrow and pandas refuse a column that is in both."""
        return frozenset(("site",)) if self.format == "parquet" else frozenset()

    def name(self, table: str, site: str, month: str, number: int) -> str:
        """Path of a file. Hugging Face reads no columns out of folders, so there the site stays in the rows."""
        if self.format == "hf":
            return f"{table}/{quote(site)}-{month}-{number:010}.parquet"
        return f"{table}/site={quote(site)}/month={month}/part-{number:010}.{self.ending}"

    def shaped(self, table: str, line: bytes) -> bytes | Row:
        """A line of the archive as it goes out."""
        if table not in ROWS:
            return line
        if self.full_text and self.format not in SHAPES:
            return line
        row: Row = orjson.loads(line)
        row = row if self.full_text else without_text(row)
        return SHAPES[self.format](row) if self.format in SHAPES else row


def write_table(folder: Path, layout: Layout, table: str, plan: Plan, files: RowFiles, number: int) -> Iterator[str]:
    """Write all files of a table, each whole and synced; their paths."""
    for site, month in plan.partitions(table):
        name = layout.name(table, site, month, number)
        make_folder((folder / name).parent)
        values = (layout.shaped(table, line) for line in plan.lines(table, site, month, files))
        (_write_parquet if layout.is_parquet else _write_lines)(folder / name, layout, table, values)
        sync_folder((folder / name).parent)
        yield name


def _write_lines(path: Path, layout: Layout, table: str, values: Iterator[bytes | Row]) -> None:
    with path.open("wb") as file:
        for value in values:
            file.write(value if isinstance(value, bytes) else to_line(value))
        file.flush()
        os.fsync(file.fileno())


def _write_parquet(path: Path, layout: Layout, table: str, values: Iterator[bytes | Row]) -> None:
    import pyarrow as pa
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    schema = arrow_schema(table, layout.in_path)
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for lines in _groups(values):
                whole = pj.ReadOptions(use_threads=False, block_size=len(lines) + 1)  # no row is cut in two
                rows = pj.read_json(pa.BufferReader(lines), whole, options)
                writer.write_table(rows.select(schema.names).cast(schema))
        file.flush()
        os.fsync(file.fileno())


def _groups(values: Iterator[bytes | Row]) -> Iterator[bytes]:
    """Lines of a row group each."""
    lines, size = [], 0
    for value in values:
        lines.append(value if isinstance(value, bytes) else to_line(value))
        size += len(lines[-1])
        if len(lines) == GROUP or size >= GROUP_BYTES:
            yield b"".join(lines)
            lines, size = [], 0
    if lines:
        yield b"".join(lines)
