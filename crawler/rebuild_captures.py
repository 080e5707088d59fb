"""From WARC files to captures, URLs, frontier, channels, scopes and runs of a ledger that is made again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from crawler.arguments import scope_digest
from crawler.ledger_ops import Add, Done, Failed, Op, Redirected, Scope
from crawler.rebuild_draft import Draft
from crawler.rebuild_read import Found, WarcFound, job_in
from crawler.urls import canonical_url, fingerprint, host_of

BATCH = 500  # captures


class Captures:
    """Takes WARC files in the order in which they were written."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._scopes: dict[tuple[str, str], Scope] = {}  # by spider and arguments, in the last pass of each
        self._arguments: dict[str, str] = {}  # by the digest that captures name them by

    @property
    def scopes(self) -> list[Scope]:
        return list(self._scopes.values())

    def take(self, spider: str, file: WarcFound) -> None:
        """Tell the ledger what the crawl told it of each capture."""
        batch: list[Found] = []
        runs: dict[str, tuple[str, str, int]] = {}  # first and last date, and pass, by job
        for found in file.captures():
            job = found.facts.get("job") or job_in(file.info)
            first, _, number = runs.get(job, (found.date, "", 1))
            runs[job] = (min(first, found.date), found.date, _pass_of(found) or number)
            if batch and (len(batch) == BATCH or _piece_of(batch[0]) != _piece_of(found)):
                self._take(spider, self._arguments_of(batch[0], file), batch)
                batch = []
            batch.append(found)
        if batch:
            self._take(spider, self._arguments_of(batch[0], file), batch)
        for job, (first, last, number) in runs.items():
            self._note_run(spider, file.info.get("scope"), job, first, last, number)
        self._draft.note_file("warc", spider, job_in(file.info), file)

    def _arguments_of(self, found: Found, file: WarcFound) -> str | None:
        """The scope that the capture names; without a name that of the file it stands in."""
        arguments = file.info.get("scope")
        if arguments is not None:
            self._arguments[scope_digest(arguments)] = arguments
        name = found.facts.get("scope")
        return arguments if name is None else self._arguments.get(name)

    def _take(self, spider: str, arguments: str | None, batch: list[Found]) -> None:
        """Captures of one pass, or without one: robots.txt and parts of pages, and files that do not name a scope."""
        draft, number = self._draft, _pass_of(batch[0])
        draft.at = datetime.fromisoformat(batch[0].date)
        draft.ledger.scope = scope = self._scope(spider, arguments, number, batch[0].date)
        urls = {place: url for place, found in enumerate(batch) if (url := _url_of(found))}
        if scope is not None:
            draft.ledger.apply([_add_of(batch[place], url) for place, url in urls.items()])
        else:  # known all the same, so that nothing is asked before it is due
            draft.db.executemany(
                "INSERT INTO urls (fingerprint, url, host, first_seen) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(fingerprint(url), url, host_of(url), batch[place].date) for place, url in urls.items()],
            )
        numbers = {place: draft.url_of(fingerprint(url)) for place, url in urls.items()}
        ops: list[Op] = []
        for place, found in enumerate(batch):
            url_id = numbers.get(place)
            if url_id is not None and scope is not None:
                ops += _told(url_id, found)
            elif found.capture is not None:
                ops.append(found.capture)
        draft.ledger.apply(ops)
        if scope is None:
            known = [(numbers[place], one.record_id) for place in numbers if (one := batch[place].capture)]
            draft.db.executemany("UPDATE captures SET url_id = ? WHERE record_id = ?", known)
        draft.counts["captures"] += sum(found.capture is not None for found in batch)

    def _scope(self, spider: str, arguments: str | None, number: int | None, at: str) -> Scope | None:
        """The scope of a run, in the pass that it worked on."""
        if arguments is None or number is None:
            return None
        ledger, key = self._draft.ledger, (spider, arguments)
        if key not in self._scopes:
            opened = ledger.open_scope(spider, arguments, "all", self._draft.rule)
            self._scopes[key] = replace(opened, pass_number=0, resumed=False)
        if number > self._scopes[key].pass_number:
            self._scopes[key] = replace(self._scopes[key], pass_number=number)
            values = (number, at, self._scopes[key].id)
            self._draft.db.execute("UPDATE scopes SET pass = ?, pass_started = ? WHERE scope_id = ?", values)
        return replace(self._scopes[key], pass_number=number)

    def _note_run(self, spider: str, arguments: str | None, job: str, first: str, last: str, number: int) -> None:
        """A run may have several files; they are one run. How it ended is in no file."""
        db = self._draft.db
        row = db.execute("SELECT run_id FROM runs WHERE spider = ? AND job = ?", (spider, job)).fetchone()
        if row is not None:
            db.execute("UPDATE runs SET heartbeat = ?, ended_at = ? WHERE run_id = ?", (last, last, row[0]))
            return
        known = self._scopes.get((spider, arguments or ""))
        db.execute(
            """INSERT INTO runs (job, spider, scope_id, pass, arguments, started_at, heartbeat, ended_at, reason,
                counts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'rebuilt', '{}')""",
            (job, spider, known.id if known else 0, number, arguments or "{}", first, last, last),
        )
        self._draft.counts["runs"] += 1


def _piece_of(found: Found) -> tuple[int | None, str | None]:
    return _pass_of(found), found.facts.get("scope")


def _pass_of(found: Found) -> int | None:
    number = found.facts.get("pass", "")
    return int(number) if number.isdecimal() else None


def _url_of(found: Found) -> str | None:
    """The address as it was queued; None for what has no state in the frontier, such as robots.txt."""
    return canonical_url(found.facts.get("url") or found.url) if "kind" in found.facts else None


def _add_of(found: Found, url: str) -> Add:
    facts = found.facts
    channel, hop_path, via = facts.get("channel"), facts.get("hopsFromSeed", ""), facts.get("via")
    promised = channel is not None and not hop_path.endswith(">")  # no channel promised where a redirect leads
    source = "" if channel == "related" else via or ""
    depth = int(facts.get("depth") or 0)
    key, host = fingerprint(url), host_of(url)
    seed = facts.get("seed") if hop_path else None
    source_told = source if promised else None
    return Add(key, url, host, facts["kind"], depth, 0, via, hop_path, channel, source_told, seed=seed)


def _told(url_id: int, found: Found) -> list[Op]:
    """What the crawl told the ledger of a capture, as far as its records say it."""
    capture = found.capture
    if capture is None:
        return [Failed(url_id, "no_answer")]
    if capture.truncated is not None:
        return [capture, Failed(url_id, f"truncated_{capture.truncated}")]
    status = capture.status or 0
    end: Op = Failed(url_id, f"http_{status}")
    if status in (200, 304):
        end = Done(url_id, "not_modified" if status == 304 else None)
    elif 300 <= status < 400 and found.location:
        end = Redirected(url_id, canonical_url(found.location, found.url) or found.location)
    return [replace(capture, url_id=url_id), end]
