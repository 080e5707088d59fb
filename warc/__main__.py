"""``python -m warc verify FILE…`` and ``python -m warc ls FILE…``: look at archives without the crawler.

Exit status: 0 sound, 1 faults or unreadable, 2 usage. Output is one line a fault or record, tab-separated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from warc.reader import DamagedRecord, read_records
from warc.shown import columns_of, lines_of
from warc.verify import verify


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m warc", description="Verify and list WARC files.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("verify", help="report every fault: file, offset, rule, record id, detail")
    one.add_argument("files", nargs="+", metavar="FILE")
    one.add_argument("--committed", type=int, metavar="BYTES", help="where the file has to end")
    one.add_argument("--strict", action="store_true", default=None, help="hold foreign files to our own measure")
    two = commands.add_parser("ls", help="list records: offset, length, type, date, status, target URI")
    two.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args(arguments)
    if options.command == "verify" and options.committed is not None and len(options.files) > 1:
        parser.error("--committed is for one file")
    done = [_verify(name, options) if options.command == "verify" else _list(name) for name in options.files]
    return 0 if all(done) else 1


def _verify(name: str, options: argparse.Namespace) -> bool:
    try:
        report = verify(name, committed=options.committed, strict=options.strict)
    except OSError as error:
        sys.stderr.write(lines_of([f"{name}: {error.strerror}"]))
        return False
    for fault in report.faults:
        _line(name, fault.offset, fault.rule, fault.record_id or "-", fault.detail)
    if report:
        _line(name, "sound", f"{report.records} records")
    return bool(report)


def _list(name: str) -> bool:
    try:
        for record in read_records(name):
            status = record.message().status if record.type == "response" and record.is_http else None
            _line(record.offset, record.length, record.type, record.date, status or "-", record.target_uri or "-")
    except OSError as error:
        sys.stderr.write(lines_of([f"{name}: {error.strerror}"]))
    except DamagedRecord as error:
        sys.stderr.write(lines_of([error]))
    else:
        return True
    return False


def _line(*values: object) -> None:
    sys.stdout.write(columns_of(values))


if __name__ == "__main__":
    sys.exit(main())
