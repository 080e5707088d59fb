"""An audit as one HTML page that needs nothing else: its figures, and the head of the manifest's chain.

Whoever keeps the page can show later that the archive is still the one it speaks of: the hash of the last line of
MANIFEST.jsonl binds every line before it, and each line the bytes of a file.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from crawler.audit import SiteAudit
from crawler.audit_text import Table, headline, hole_line, reasons, tables
from crawler.ledger_files import Noted

ROWS = 400  # of a table: a year of days fits
HOLES = 1000

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{border-bottom:1px solid #ddd;padding:.15rem .8rem .15rem 0;text-align:right;vertical-align:top}
th:first-child,td:first-child,.text{text-align:left;overflow-wrap:anywhere}
code,li{font-family:ui-monospace,monospace;font-size:13px;overflow-wrap:anywhere}"""


class Facts(NamedTuple):
    """What the certificate says of itself."""

    archive: str
    made_at: str  # UTC
    program: str
    selection: str
    head: Noted | None  # last line of the manifest


def certificate(sites: list[SiteAudit], facts: Facts) -> str:
    """The page. Every text that comes from a site is escaped, and the page may load and run nothing."""
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Audit of {escape(facts.archive)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>Audit of {escape(facts.archive)}</h1>",
            _table(Table("", ("", ""), _facts(facts)), text=2),
            *(_site(site) for site in sites),
            "<p>What the words mean, the formulas and what the interval does not say: docs/audit.md.</p>",
            "</body></html>\n",
        ]
    )


def _facts(facts: Facts) -> list[tuple[str, ...]]:
    rows = [("made", facts.made_at), ("by", facts.program), ("of", facts.selection)]
    if facts.head is None:
        return [*rows, ("manifest", "no file is closed yet")]
    return [
        *rows,
        ("last line of MANIFEST.jsonl", f"{facts.head.number:,}"),
        ("SHA-256 of that line", facts.head.line_sha256),
        ("the file it is about", facts.head.path),
        ("SHA-256 of that file", facts.head.sha256),
    ]


def _site(site: SiteAudit) -> str:
    lines = [*reasons(site.whole), *([f"of no known day, and left out: {site.undated:,}"] if site.undated else ())]
    parts = [f"<h2>{escape(headline(site))}</h2>", "<ul>", *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"]
    parts += [_table(table, text=2 if "list" in table.heads else 1) for table in tables(site, ROWS) if table.rows]
    if site.holes:
        shown = "".join(f"<li>{escape(hole_line(hole))}</li>" for hole, _ in site.holes[:HOLES])
        more = f"<p>and {len(site.holes) - HOLES:,} more</p>" if len(site.holes) > HOLES else ""
        parts.append(f"<h3>Missing</h3><ol>{shown}</ol>{more}")
    return "\n".join(parts)


def _table(table: Table, text: int) -> str:
    """``text``: how many columns are text, which stands at the left."""
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    head = f"<thead><tr>{heads}</tr></thead>" if any(table.heads) else ""
    rows = "".join(f"<tr>{_cells(row, text)}</tr>" for row in table.rows)
    more = f"<p>and {table.left_out:,} more</p>" if table.left_out else ""
    return f"<table><caption>{escape(table.title)}</caption>{head}<tbody>{rows}</tbody></table>{more}"


def _cells(row: tuple[str, ...], text: int) -> str:
    return "".join(
        f'<td class="text">{escape(cell)}</td>' if place < text else f"<td>{escape(cell)}</td>"
        for place, cell in enumerate(row)
    )
