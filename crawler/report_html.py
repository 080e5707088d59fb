"""What report pages are made of: escaped text, figures that name their place in the JSON, tables and plots.

A page is one file: no script, no font, no picture, nothing that is loaded. Its policy says so to the browser, and lets
the one style sheet in by its digest.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any, Final

from crawler.summary import size

LONGEST: Final = 400  # letters of a foreign text
STYLE: Final = (files("crawler") / "data" / "report.css").read_text("utf-8")
_DIGEST: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))  # controls, bidi marks, surrogates, line ends
NO_VALUE: Final = "–"

Path = tuple[str | int, ...]  # to a value in the JSON: keys and positions


class Html(str):
    """Text that is HTML already."""


def text(value: object) -> Html:
    """Foreign text: markup means nothing, what cannot be seen is shown, and its direction ends with it.

    >>> text("<b>&\\0\\u202e")
    '<bdi>&lt;b&gt;&amp;␀[U+202E]</bdi>'
    """
    return Html(f"<bdi>{plain(value)}</bdi>")


def plain(value: object) -> str:
    """The same for an attribute, or an element that holds text alone."""
    given = str(value)
    cut = given if len(given) <= LONGEST else given[:LONGEST] + "…"
    return escape("".join(_seen(letter) for letter in cut), quote=True)


def _seen(letter: str) -> str:
    if letter < " ":
        return chr(0x2400 + ord(letter))  # control pictures
    return f"[U+{ord(letter):04X}]" if unicodedata.category(letter) in _UNSEEN else letter


def link(address: object, shown: object | None = None) -> Html:
    """Foreign text that leads to a web page when somebody follows it; anything but a web address is text alone."""
    url = str(address)
    if not url.lower().startswith(("http://", "https://")):
        return text(shown if shown is not None else url)
    return Html(f'<a href="{escape(url, quote=True)}" rel="noreferrer noopener">{text(shown or url)}</a>')


def figure(value: Any, at: Path, unit: str = "") -> Html:
    """A number, with its exact value and its place in the JSON (a JSON pointer, RFC 6901)."""
    if value is None:
        return Html(NO_VALUE)
    pointer = "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in at)
    return Html(f'<data value="{plain(value)}" data-at="{plain(pointer)}">{shown(value, unit)}</data>')


def shown(value: Any, unit: str = "") -> str:
    """A number for people.

    >>> shown(1234), shown(1_200_000, "bytes"), shown(0.5), shown(True), shown(1250, "ms")
    ('1,234', '1.2 MB', '0.5', 'yes', '1.25 s')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "bytes":
        return size(value)
    if unit == "ms":
        return f"{value / 1000:,.2f} s"
    return f"{value:,}" + (f" {unit}" if unit else "")


def bar(share: float) -> Html:
    """A bar over a part of its place."""
    width = 100 * min(1.0, max(0.0, share))
    rects = f'<rect class="back" width="100" height="8"/><rect class="fill" width="{width:.2f}" height="8"/>'
    return Html(f'<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{rects}</svg>')


def plot(values: Sequence[int], labels: Sequence[str], about: str) -> Html:
    """Columns side by side, each with its label and number; the ends and the highest are written under it."""
    most = max(values, default=0) or 1
    columns = []
    for number, (value, label) in enumerate(zip(values, labels, strict=True)):
        height = 100 * value / most
        columns.append(
            f'<rect class="fill" x="{number * 10 + 0.6:.1f}" y="{100 - height:.2f}" width="8.8" height="{height:.2f}">'
            f"<title>{plain(label)}: {value:,}</title></rect>"
        )
    back = f'<rect class="back" y="99.5" width="{len(values) * 10}" height="0.5"/>'
    svg = (
        f'<svg class="plot" viewBox="0 0 {max(1, len(values)) * 10} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{plain(about)}">{back}{"".join(columns)}</svg>'
    )
    ends = [labels[0], f"at most {max(values):,}", labels[-1]] if values else ["", "nothing", ""]
    return Html(svg + '<div class="ends">' + "".join(f"<span>{plain(end)}</span>" for end in ends) + "</div>")


def counts(values: Mapping[str, int], at: Path, head: str, unit: str = "") -> Html:
    """A table of counts by name, each with its bar; nothing for none."""
    if not values:
        return Html("")
    most = max(values.values()) or 1
    rows = [
        (text(name), Cell(figure(count, (*at, name), unit), "number"), Cell(bar(count / most), "share"))
        for name, count in values.items()
    ]
    return table((head, "", ""), rows)


class Cell(Html):
    """HTML of a table's cell with the class of the cell."""

    kind: str

    def __new__(cls, value: str, kind: str) -> Cell:
        cell = super().__new__(cls, value)
        cell.kind = kind
        return cell


def number(value: Any, at: Path, unit: str = "") -> Cell:
    """The cell of a figure."""
    return Cell(figure(value, at, unit), "number")


def table(heads: Sequence[str], rows: Iterable[Sequence[Html]]) -> Html:
    """A table; a head stands over its cells as they do."""
    body = list(rows)
    kinds = [getattr(cell, "kind", "") for cell in body[0]] if body else [""] * len(heads)
    top = "".join(f"<th{_kind(kind)}>{plain(head)}</th>" for head, kind in zip(heads, kinds, strict=True))
    lines = (
        "<tr>" + "".join(f"<td{_kind(getattr(cell, 'kind', ''))}>{cell}</td>" for cell in row) + "</tr>" for row in body
    )
    shown_heads = f"<thead><tr>{top}</tr></thead>" if any(heads) else ""
    return Html(f'<div class="scroll"><table>{shown_heads}<tbody>{"".join(lines)}</tbody></table></div>')


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def section(title: str, *parts: str) -> Html:
    """A card; nothing when it would be empty."""
    inside = "".join(parts)
    return Html(f"<section><h2>{plain(title)}</h2>{inside}</section>" if inside else "")


def titled(title: str, part: str) -> Html:
    """A part of a card under its own heading; nothing when it is empty."""
    return Html(f"<h3>{plain(title)}</h3>{part}" if part else "")


def tiles(values: Iterable[tuple[str, Html]]) -> Html:
    """The few figures that are looked at first."""
    return Html(
        '<dl class="tiles">'
        + "".join(f"<div><dt>{plain(name)}</dt><dd>{value}</dd></div>" for name, value in values)
        + "</dl>"
    )


def listed(values: Iterable[Html]) -> Html:
    items = "".join(f"<li>{value}</li>" for value in values)
    return Html(f"<ul>{items}</ul>" if items else "")


def document(title: str, *parts: str) -> bytes:
    """A whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{plain(title)}</title>\n<style>{STYLE}</style></head>\n<body><main>\n{''.join(parts)}\n</main></body></html>\n"
    ).encode("utf-8", "replace")
