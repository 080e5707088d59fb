"""``news`` on papers that it knows nothing of: a WordPress, a Next.js and a MasterCMS one, each crawled from its front
page and compared with the truth, field by field. Every value is right, and stays so.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Crawler, ReplicaProcess
from tests.replica import outlet_mastercms, outlet_nextjs, outlet_wordpress
from tests.replica.outlet import Outlet
from tests.replica.server import running
from tests.truth import instant, rows_of

pytestmark = pytest.mark.slow

OUTLETS: dict[str, Callable[[], Outlet]] = {
    "wordpress": outlet_wordpress.build,
    "nextjs": outlet_nextjs.build,
    "mastercms": outlet_mastercms.build,
}
FIELDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{name: lambda row, name=name: row[name] for name in ("kind", "language", "title", "sapo", "body")},
    "byline": lambda row: row["byline"] and row["byline"].removeprefix("bởi "),  # how WordPress prints it
    "blocks": lambda row: [[b["type"], b["text"] or b["url"]] for b in row["blocks"]],
    "authors": lambda row: [[author["name"], author["role"]] for author in row["authors"]],
    "agencies": lambda row: row["agencies"],
    "publisher": lambda row: row["publisher"],
    "source": lambda row: row["source"]["name"],
    "section": lambda row: row["section"],
    "tags": lambda row: [tag["name"].removeprefix("#") for tag in row["tags"]],
    "images": lambda row: [image["url"] for image in row["images"]],
    "captions": lambda row: [[image["caption"], image["credit"]] for image in row["images"] if image["caption"]],
    "videos": lambda row: [video["url"] for video in row["videos"]],
    "related": lambda row: sorted({link["url"] for link in row["links"] if link["kind"] == "related"}),
    "published_at": lambda row: instant(row["published_at"] and row["published_at"][:16] + row["published_at"][-6:]),
    "published_date": lambda row: row["published_date"],
}


def verdict(is_: Any, should: Any) -> str:
    return "right" if is_ == should else "missing" if is_ in (None, [], "") else "wrong"


@pytest.mark.parametrize("system", OUTLETS)
def test_a_paper_that_no_spider_knows(
    system: str, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    paper = OUTLETS[system]()
    log = tmp_path_factory.mktemp(system) / "requests.jsonl"
    with running([paper], log=log) as replica:
        crawler = Crawler(ReplicaProcess(replica.proxy_url, replica.ca_file, {}, log), tmp_path_factory)
        run = crawler("news", "-a", f"seeds={paper.home}/", "-a", "since=2020-01-01", timeout=240)
        asked = [entry.url for entry in replica.requests]
    assert run.status == 0, run.stderr[-3000:]
    rows = {row["url"]: row for row in rows_of(run.archive)}
    truth = {story.url: story.row() for story in paper.stories}
    table = {
        field: Counter(verdict(get(rows[u]), get(truth[u])) for u in truth if u in rows)
        for field, get in FIELDS.items()
    }
    lines = [
        f"{paper.host}: {len(set(rows) & set(truth))} of {len(truth)} articles, {len(set(rows) - set(truth))} others"
    ]
    lines += [f"{'field':16}{'right':>7}{'wrong':>7}{'missing':>9}"]
    lines += [f"{name:16}{c['right']:7}{c['wrong']:7}{c['missing']:9}" for name, c in table.items()]
    for field, get in FIELDS.items():
        wrong = [(u, get(rows[u]), get(truth[u])) for u in truth if u in rows and get(rows[u]) != get(truth[u])]
        lines += [
            f"  {field} of {url}:\n    is     {str(is_)[:400]}\n    should {str(should)[:400]}"
            for url, is_, should in wrong[:2]
        ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert set(rows) == set(truth)
    assert all(row["body"] for row in rows.values())
    below = {name: c["right"] for name, c in table.items() if c["right"] < len(truth)}
    assert not below, f"right values fell below the floor: {below}"
    pages = {paper.home + path for path, (kind, _) in paper.answers.items() if kind.startswith("text/html")}
    lists = {url for url in pages - set(truth) if "page" in url or "BRSR" in url}
    assert lists - set(asked) == set()
    reasons = Counter(
        named["source"] for row in rows.values() for named in row["extraction"]["sources"] if named["field"] == "kind"
    )
    channels = Counter(row["found_by"]["channel"] for row in rows.values())
    with capsys.disabled():
        sys.stdout.write(f"taken for articles by {dict(reasons)}; found by {dict(channels)}\n")
    assert sum(reasons.values()) == len(rows)
