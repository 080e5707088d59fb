"""A run's report as one page for people, made from its JSON alone: every figure on it stands there too.

What this version does not know of (a part that a later one, or another component, has put in) is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from crawler.dates import utc_text
from crawler.report_html import (
    NO_VALUE,
    Cell,
    Html,
    Path,
    bar,
    counts,
    document,
    figure,
    link,
    listed,
    number,
    plain,
    plot,
    section,
    shown,
    table,
    text,
    tiles,
    titled,
)

Report = Mapping[str, Any]

ENDINGS: Final = {0: ("finished", "good"), 11: ("stopped with work left", "warn"), 3: ("output trouble", "bad")}
KNOWN: Final = frozenset(
    (
        *("schema", "run", "asked", "attempts", "came", "happened", "without_row", "not_fetched"),
        *("not_fetched_examples", "politeness", "coverage", "left", "counts", "drift", "disk", "before", "files"),
        *("cut", "manifest"),
    )
)


def page_of(report: Report) -> bytes:
    """The page."""
    run = report["run"]
    title = f"{run['spider']} {run['started_at']}"
    others = (name for name in report if name not in KNOWN)
    narrow = (
        _published(report),
        _came(report),
        _asked(report),
        _rhythm(report),
        _without_row(report),
        _answers(report),
        _happened(report),
        _disk(report),
        _coverage(report),
        *(section(name.replace("_", " ").capitalize(), _any(report[name], (name,))) for name in others),
    )
    wide = (
        _politeness(report),
        _slowest(report),
        _articles(report),
        _before(report),
        _files(report),
        _counts(report),
    )
    return document(
        title, _head(report), _drift(report), '<div class="cards">', *narrow, "</div>", *wide, _foot(report)
    )


def state(status: int | None, reason: str | None) -> Html:
    """How a run ended, as a label."""
    told, kind = ENDINGS.get(status, ("failed", "bad")) if status is not None else (reason or "going on", "bad")
    if reason and reason not in (told, "finished"):
        told = f"{told}: {reason}" if status is not None else told
    return Html(f'<span class="state {kind}">{plain(told)}</span>')


def _head(report: Report) -> Html:
    run, attempts, came = report["run"], report["attempts"], report.get("came", {})
    left = report.get("left")
    first = [
        ("articles", figure(came.get("rows"), ("came", "rows"))),
        ("of them new", figure(came.get("new"), ("came", "new"))),
        ("changed", figure(came.get("changed"), ("came", "changed"))),
        ("answers", figure(attempts["count"], ("attempts", "count"))),
        ("received", figure(attempts["bytes"], ("attempts", "bytes"), "bytes")),
        ("left in the frontier", figure(left, ("left",))),
    ]
    header = (
        f'<header><p><a href="../index.html">All runs</a></p><h1>{text(run["spider"])}, run {text(run["job"])}</h1>'
        f"<p>{state(run['status'], run['reason'])} {_when(run['started_at'])} to {_when(run['ended_at'])}, "
        f"pass {figure(run['pass'], ('run', 'pass'))}</p></header>"
    )
    return Html(header + tiles(first))


def _when(instant: object) -> str:
    return f"<time>{plain(str(instant).replace('T', ' ').replace('Z', ' UTC'))}</time>" if instant else NO_VALUE


def _came(report: Report) -> Html:
    came = report.get("came", {})
    names = ("kind", "section", "channel", "site", "language")
    parts = [titled(f"By {name}", counts(came.get(f"by_{name}", {}), ("came", f"by_{name}"), "")) for name in names]
    return section("What came", *(parts if came.get("rows") else ["<p>No new or changed article.</p>"] if came else []))


def _asked(report: Report) -> Html:
    given = {name: value for name, value in report["asked"].items() if value not in (None, [], {}, "")}
    rows = [(text(name), Cell(_value(value, ("asked", name)), "text")) for name, value in given.items()]
    return section("What was asked", table(("argument", ""), rows) if rows else "")


def _published(report: Report) -> Html:
    published = report.get("came", {}).get("published", {"counts": {}})
    values = published["counts"]
    if not values:
        return Html("")
    about = f"Articles by {published['unit']} of publication"
    some = {name: count for name, count in values.items() if count}
    rows = counts(some, ("came", "published", "counts"), published["unit"])
    ends = ", ".join(
        f"{figure(published[name], ('came', 'published', name))} {name}"
        for name in ("earlier", "undated")
        if published.get(name)
    )
    note = f'<p class="note">Beside these {ends}.</p>' if ends else ""
    return section(about, plot(list(values.values()), list(values), about), note, _folded("The numbers", rows))


def _rhythm(report: Report) -> Html:
    rhythm = report["attempts"].get("rhythm", {})
    if not rhythm.get("attempts"):
        return Html("")
    step, begin = rhythm["step"], rhythm["begin"]
    at = [datetime.fromtimestamp(begin + n * step, UTC) for n in range(len(rhythm["attempts"]))]
    labels = [utc_text(one)[11:19] for one in at]
    every = Html(f'<p class="note">A column is {figure(step, ("attempts", "rhythm", "step"), "s")}; times are UTC.</p>')
    return section(
        "Answers over time",
        plot(rhythm["attempts"], labels, "Answers over time"),
        titled("Bytes", plot(rhythm["bytes"], labels, "Bytes over time")),
        every,
    )


def _articles(report: Report) -> Html:
    rows = [
        (
            Cell(link(row["url"], row["title"] or row["url"]), "text"),
            text(row["kind"]),
            number(row["version"], ("came", "articles", n, "version")),
            Cell(plain(str(row["published_at"] or NO_VALUE)[:16].replace("T", " ")), "when"),
        )
        for n, row in enumerate(report.get("came", {}).get("articles", ()))
    ]
    return section("First articles of the run", table(("title", "kind", "version", "published"), rows) if rows else "")


def _without_row(report: Report) -> Html:
    parts = [
        titled(kind.capitalize(), counts(values, ("without_row", kind), "reason"))
        for kind, values in report.get("without_row", {}).items()
    ]
    examples = report.get("not_fetched_examples", {})
    rows = [
        (
            text(reason),
            number(count, ("not_fetched", reason)),
            Cell("<br>".join(map(link, examples.get(reason, ()))), "text"),
        )
        for reason, count in report["not_fetched"].items()
    ]
    passed = titled("Not asked for", table(("reason", "", "such as"), rows) if rows else "")
    return section("What did not come, and why", *parts, passed)


def _answers(report: Report) -> Html:
    attempts = report["attempts"]
    return section(
        "Answers",
        titled("By status", counts(attempts["by_status"], ("attempts", "by_status"), "")),
        titled("By type", counts(attempts["by_type"], ("attempts", "by_type"), "")),
    )


def _drift(report: Report) -> Html:
    drift = report.get("drift", {})
    alarms = [Html(f"{text(alarm['told'])}{listed(map(link, alarm['urls']))}") for alarm in drift.get("alarms", ())]
    aside = drift.get("quarantined")
    told = f"<p>Rows in quarantine/: {figure(aside, ('drift', 'quarantined'))}</p>" if aside else ""
    return section("Drift: fields that templates have lost", listed(alarms), told)


def _happened(report: Report) -> Html:
    kinds = report.get("happened", {})
    parts = [
        titled(
            "Articles behind a wall" if kind == "wall" else f"Articles: {kind}",
            f"<p>{figure(one['count'], ('happened', kind, 'count'))}</p>" + listed(map(link, one["examples"])),
        )
        for kind, one in kinds.items()
    ]
    return section("What happened to articles", *parts)


def _coverage(report: Report) -> Html:
    parts = []
    for template, one in report.get("coverage", {}).items():
        at: Path = ("coverage", template)
        pages = one["pages"] or 1
        rows = [
            (text(name), number(n, (*at, "fields", name)), Cell(bar(n / pages), "share"))
            for name, n in one["fields"].items()
            if 0 < n < pages
        ]
        always = ", ".join(name for name, n in one["fields"].items() if n == pages)
        absent = ", ".join(name for name, n in one["fields"].items() if not n)
        note = f'<p class="note">On all of them: {plain(always)}</p>' if always else ""
        note += f'<p class="note">On none: {plain(absent)}</p>' if absent else ""
        head = Html(f"<h3>{text(template)}, {figure(one['pages'], (*at, 'pages'))} pages</h3>")
        parts.append(head + note + (table(("", "", ""), rows) if rows else ""))
    return section("Which fields were found, by template", *parts)


def _politeness(report: Report) -> Html:
    politeness = report.get("politeness", {})
    columns = ("attempts", "mean_gap", "most_in_a_minute", "crawl_delay", "answered_403", "answered_429")
    rows = []
    for host, one in politeness.get("hosts", {}).items():
        at: Path = ("politeness", "hosts", host)
        parked = (
            f"<br>left alone until {_until(one['parked_until'])}: {plain(one['parked_for'])}"
            if one["parked_for"]
            else ""
        )
        figures = (number(one[name], (*at, name), "s" if "gap" in name or "delay" in name else "") for name in columns)
        rows.append((Cell(text(host) + parked, "text"), *figures, number(one["bytes"], (*at, "bytes"), "bytes")))
    heads = ("host", "asked", "mean gap", "most a minute", "Crawl-delay", "403", "429", "received")
    delay = politeness.get("delay")
    ours = figure(delay, ("politeness", "delay"), "s")
    note = f'<p class="note">Our delay between two requests to a host: {ours}</p>'
    return section("Politeness", table(heads, rows) + note if rows else "")


def _until(instant: float | None) -> str:
    return _when(utc_text(datetime.fromtimestamp(instant, UTC))) if instant else NO_VALUE


def _slowest(report: Report) -> Html:
    rows = [
        (
            Cell(link(one["url"]), "text"),
            number(one["ms"], ("attempts", "slowest", n, "ms"), "ms"),
            number(one["status"], ("attempts", "slowest", n, "status")),
            number(one["bytes"], ("attempts", "slowest", n, "bytes"), "bytes"),
        )
        for n, one in enumerate(report["attempts"].get("slowest", ()))
    ]
    return section("Slowest answers", table(("address", "took", "status", "received"), rows) if rows else "")


def _disk(report: Report) -> Html:
    disk = report.get("disk", {})
    names = {
        "free": "free",
        "total": "size of the disk",
        "floor": "kept free (DISK_FLOOR, DISK_SHARE)",
        "written": "written by this run",
        "written_a_page": "of it for one answer",
        "needed_for_the_rest": "the rest of the frontier needs about",
        "enough": "there is room for that",
    }
    rows = [
        (text(told), number(disk[name], ("disk", name), "" if name == "enough" else "bytes"))
        for name, told in names.items()
        if disk.get(name) is not None
    ]
    used = ""
    if disk.get("total"):
        used = bar(1 - disk["free"] / disk["total"])
    return section("Disk", used, table(("", ""), rows) if rows else "")


def _before(report: Report) -> Html:
    rows = runs_table(report.get("before", ()), ("before",))
    return section("Runs before this one", rows)


def runs_table(runs: Any, at: Path, href: Mapping[str, str] | None = None) -> Html:
    """Runs, one a line. ``href``: the page of a job, where there is one."""
    lines = []
    for n, run in enumerate(runs):
        own: Path = (*at, n)
        when = _when(run["started_at"])
        page = (href or {}).get(f"{run['spider']} {run['started_at']} {run['job']}")
        lines.append(
            (
                Cell(f'<a href="{plain(page)}">{when}</a>' if page else when, "when"),
                text(run["spider"]),
                state(run["status"], run["reason"]),
                number(run["captures"], (*own, "captures")),
                number(run["rows"], (*own, "rows")),
                number(run["failed"], (*own, "failed")),
                number(run["refused"], (*own, "refused")),
                number(run["bytes"], (*own, "bytes"), "bytes"),
            )
        )
    heads = ("began", "spider", "end", "captures", "articles", "failed", "refused", "received")
    return table(heads, lines) if lines else Html("")


def _counts(report: Report) -> Html:
    rows = [
        (text(name), number(value, ("counts", name)))
        for name, value in report["counts"].items()
        if isinstance(value, int | float)
    ]
    return section("All counts", _folded("Show", table(("", ""), rows)) if rows else "")


def _files(report: Report) -> Html:
    rows = [
        (
            Cell(text(file["path"]), "text"),
            number(file["size"], ("files", n, "size"), "bytes"),
            number(file["records"], ("files", n, "records")),
        )
        for n, file in enumerate(report["files"])
    ]
    cut = [
        Html(f"{text(one['path'])}: {figure(one['bytes'], ('cut', n, 'bytes'), 'bytes')}")
        for n, one in enumerate(report["cut"])
    ]
    return section(
        "Files",
        table(("file", "", "records or lines"), rows) if rows else "",
        titled("Cut off after a kill", listed(cut)),
    )


def _foot(report: Report) -> Html:
    manifest = report["manifest"]
    head = f"MANIFEST.jsonl ended with {plain(manifest['after'])}. " if manifest.get("after") else ""
    return Html(f"<footer>{head}Made from the JSON file of the same name ({plain(report['schema'])}).</footer>")


def _folded(title: str, inside: str) -> Html:
    return Html(f"<details><summary>{plain(title)}</summary>{inside}</details>")


# --- Values of any shape ------------------------------------------------------------------------------------------


def _value(value: Any, at: Path) -> Html:
    """One value on one line."""
    if isinstance(value, bool):
        return text(shown(value))
    if isinstance(value, int | float):
        return figure(value, at)
    if isinstance(value, list):
        return Html(", ".join(_value(one, (*at, n)) for n, one in enumerate(value)))
    if isinstance(value, dict):
        return Html("; ".join(f"{text(key)}: {_value(one, (*at, key))}" for key, one in value.items()))
    return text(NO_VALUE if value is None else value)


def _any(value: Any, at: Path) -> Html:
    """A part that is not known here: a table of its members."""
    if isinstance(value, dict):
        return table(("", ""), list(_members(value, at))) if value else Html("")
    return Html(f"<p>{_value(value, at)}</p>") if value not in (None, [], "") else Html("")


def _members(value: Mapping[str, Any], at: Path) -> Iterator[tuple[Html, Html]]:
    for key, one in value.items():
        is_number = isinstance(one, int | float) and not isinstance(one, bool)
        yield (
            text(key.replace("_", " ")),
            number(one, (*at, key)) if is_number else Cell(_value(one, (*at, key)), "text"),
        )
