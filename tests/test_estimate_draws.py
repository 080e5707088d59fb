"""A hundred times some of the articles are hidden at random from each channel: does the interval hold the truth?"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pytest

from crawler.audit import Selection, Total, audit
from crawler.audit_read import AuditTable
from crawler.ledger import Ledger
from crawler.ledger_ops import Add, Done, Version
from crawler.urls import fingerprint, registered_domain
from tests.replica.baoquocte_edition import Edition
from tests.replica.baoquocte_sections import HOME
from tests.replica.holes import Holes
from tests.replica.model import HANOI, Story
from tests.replica.server import DEFAULT_CLOCK

DRAWS = 100
CHANNELS = ("sitemap", "feed", "listing", "tag", "related")


def promises(edition: Edition) -> dict[str, list[tuple[str, str]]]:
    """By article: the channels and lists of the paper that name it."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for story in edition.sitemap:
        found[story.id].append(("sitemap", f"{HOME}/sitemaparticles-site-1.xml"))
    for path, stories in edition.section_lists.items():
        for story in stories:
            found[story.id].append(("listing", f"{HOME}/{path}"))
        for story in edition.feed(path) or ():
            found[story.id].append(("feed", f"{HOME}/rss_feed/{path}"))
    for key, stories in edition.tag_lists.items():
        for story in stories:
            found[story.id].append(("tag", f"{HOME}/tag/{key}.tag"))
    for story in edition.stories:
        for target in story.related():
            if target.id is not None:
                found[target.id].append(("related", ""))
    return {key: sorted(set(named)) for key, named in found.items()}


def archived(folder: Path, stories: list[Story], named: dict[str, list[tuple[str, str]]]) -> Path:
    """An archive that has all that any channel names."""
    folder.mkdir()
    ledger = Ledger.open(folder / "ledger.sqlite")
    ledger.open_scope("baoquocte", "{}")
    known = [story for story in stories if named.get(story.id)]
    ledger.apply(
        [
            Add(fingerprint(story.url), story.url, "baoquocte.vn", "article", channel=channel, source=source)
            for story in known
            for channel, source in named[story.id]
        ]
    )
    rows = ledger._db.execute("SELECT url, url_id FROM urls")
    ids = dict(rows.fetchall())
    row = ("", "", 0, 0, "", "BaoquoctePage", 1, "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", "j")
    ledger.apply(
        [
            Version(s.id, 1, s.id, s.id, s.url, *row[1:], published_at=s.published.isoformat(), url_id=ids[s.url])
            for s in known
        ]
        + [Done(ids[story.url]) for story in known]
    )
    ledger.close()
    return folder


def total_of(archive: Path) -> Total:
    table = AuditTable(archive)
    with table.one_moment():
        (site,) = audit(table.addresses(), Selection(), registered_domain)
    table.close()
    total = site.total()
    assert total is not None
    return total


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "share"),
    [(CHANNELS, 0.05), (("sitemap", "listing"), 0.05), (("sitemap", "listing"), 0.2), (CHANNELS, 0.4)],
    ids=["every channel", "sitemap and listings", "a fifth hidden", "two fifths hidden"],
)
def test_the_interval_holds_the_truth(
    read: tuple[str, ...], share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edition = Edition(DEFAULT_CLOCK, Holes(0, 0, 0, 0))
    stories = [story for story in edition.stories if story.language == "vi"]
    every = promises(edition)
    held: Counter[str] = Counter()
    made: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    unseen = 0
    for draw in range(DRAWS):
        random = Random(f"draw {draw}")
        hidden = {channel: {s.id for s in stories if random.random() < share} for channel in CHANNELS}
        named = {
            key: [(channel, source) for channel, source in several if channel in read and key not in hidden[channel]]
            for key, several in every.items()
        }
        total = total_of(archived(tmp_path / str(draw), stories, named))
        truth = sum(total.first <= s.published.astimezone(HANOI).date().isoformat() <= total.last for s in stories)
        unseen += truth - total.estimates.known
        held["together"] += total.estimates.low <= truth <= total.estimates.high
        for one in total.estimates.each:
            name = "log-linear" if one.name.startswith("log-linear") else one.name
            made[name] += 1
            held[name] += one.low <= truth <= one.high
            sums[name] += one.total - truth
    with capsys.disabled():
        sys.stdout.write(f"\n{share:.0%} hidden of {', '.join(read)}: {unseen / DRAWS:.2f} articles named by nobody\n")
        for name in made:
            sys.stdout.write(f"  {name}: holds {held[name]} of {made[name]}, off by {sums[name] / made[name]:+.2f}\n")
        sys.stdout.write(f"  together: holds {held['together']} of {DRAWS}\n")
    assert held["together"] >= 90
