"""``scrapy fixture URL``: make the test fixture of a site from a page in our own archive: the bytes as captured.

    <ARCHIVE_DIR>/warc ─► the newest capture of URL ─► tests/fixtures/<site>/article.html or listing.html
                                                     └► expected.json, with what the site's page object finds now

What was found is not yet what is right: ``expected.json`` says ``"checked": false`` until somebody has read it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.commands import ScrapyCommand
from scrapy.utils.conf import closest_scrapy_cfg

from crawler.arguments import made_up_job
from crawler.exclusions import Hidden
from crawler.usage import Status, complain, one_line_errors, quiet, refuse_unknown_options, stop
from warc.shown import lines_of

if TYPE_CHECKING:
    from scrapy.http import Response

    from crawler.offline import Offline
    from crawler.page import ArticlePage

_FOLDER = re.compile(r"[a-z][a-z0-9_]*")
_OF_A_RUN = frozenset(  # of a visit, not of a page: these differ in every archive
    {"schema", "row_id", "run", "version", "previous", "changed", "url", "captured_at", "first_captured_at", "found_by"}
    | {"content_digest", "warc", "permissions", "extraction"}
)


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "URL [--site FOLDER]"

    def short_desc(self) -> str:
        return "Make a site's test fixture from a page in the archive"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--site", metavar="FOLDER", help="folder in tests/fixtures (default: the site's module)")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.offline import Offline
        from crawler.sane import settings_trouble
        from crawler.urls import canonical_url

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if len(args) != 1 or canonical_url(args[0]) is None:
            stop(Status.USAGE, "name one page of the archive by its http or https URL")
        if opts.site and not _FOLDER.fullmatch(opts.site):
            stop(Status.USAGE, f"--site {opts.site[:60]!r} is no name for a folder; such as bensong_example")
        if trouble := settings_trouble(self.settings):
            stop(Status.USAGE, trouble)
        if not (Path(self.settings["ARCHIVE_DIR"]) / "warc").is_dir():
            stop(Status.USAGE, f"{self.settings['ARCHIVE_DIR']} holds no archive; name one with -s ARCHIVE_DIR=FOLDER")
        self._offline = Offline(self.settings, made_up_job())

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None
        if Hidden.of(self.settings).hides_url(args[0]):
            stop(Status.USAGE, f"{args[0][:200]!r} is excluded: scrapy exclude --list says why", self.settings)
        response = newest(args[0], Path(self.settings["ARCHIVE_DIR"]), self.settings)
        if response is None:
            complain(f"no capture of {args[0]} with status 200 in the archive; crawl it first", self.settings)
            self.exitcode = Status.FAULT
            return
        site = opts.site or self._offline.spider_of(response.url).__module__.rpartition(".")[2]
        folder = Path(closest_scrapy_cfg()).parent / "tests" / "fixtures" / site
        try:
            written = write(folder, self._offline.page_of(response), self._offline)
        except FileExistsError as error:
            stop(Status.USAGE, f"{error} is there already; remove it first, or choose another --site")
        except OSError as error:
            stop(Status.OUTPUT, f"{folder}: {error.strerror or error}", self.settings)
        advice = f"Read every value in {folder / 'expected.json'}, then set checked to true."
        sys.stdout.write(lines_of([written, advice]))


def newest(url: str, archive: Path, settings: Any) -> Response | None:
    """The last capture of a page that answered 200, whose bytes can be read."""
    from crawler.replay import Replay, UnreadableCapture
    from crawler.urls import canonical_url
    from warc.reader import DamagedRecord

    wanted = canonical_url(url)
    found: tuple[str, Response] | None = None
    replay = Replay(settings)
    for path in sorted((archive / "warc").rglob("*.warc.gz")):
        try:
            for ref, response in replay.read(path, path.relative_to(archive).as_posix()):
                if isinstance(response, UnreadableCapture) or response.status != 200:
                    continue
                if canonical_url(response.url) == wanted and (found is None or ref.captured_at >= found[0]):
                    found = ref.captured_at, response
        except (DamagedRecord, OSError) as error:
            complain(f"{error}; what stands after it in this file is not read", settings)
    return found[1] if found else None


def write(folder: Path, page: ArticlePage, offline: Offline) -> Path:
    """Write the page, and add it to ``expected.json``. Raises FileExistsError for a fixture that is there already."""
    what = "article" if page.is_article() else "listing"
    target, list_file = folder / f"{what}.html", folder / "expected.json"
    expected = json.loads(list_file.read_text("utf-8")) if list_file.exists() else {}
    if target.exists() or what in expected:
        raise FileExistsError(target)
    folder.mkdir(parents=True, exist_ok=True)
    target.write_bytes(page.response.body)
    entry = article_of(page, offline) if what == "article" else listing_of(page, offline)
    content_type = (page.response.headers.get("Content-Type") or b"").decode("latin-1")
    expected = {"checked": False, **expected, what: {"url": page.response.url, "content_type": content_type, **entry}}
    list_file.write_text(json.dumps(expected | {"checked": False}, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return target


def article_of(page: ArticlePage, offline: Offline) -> dict[str, Any]:
    row = dataclasses.asdict(offline.row_of(page))
    item = {name: value for name, value in row.items() if name not in _OF_A_RUN}
    item["blocks"] = [[b["type"], b["text"] or b["url"] or b["rows"], b["caption"], b["credit"]] for b in row["blocks"]]
    item["sources"] = {entry["field"]: entry["source"] for entry in row["extraction"]["sources"]}
    links: dict[str, list[str]] = {}
    for link in page.page_links():
        links.setdefault(link.kind, []).append(link.url)
    return {"item": item, "links": links}


def listing_of(page: ArticlePage, offline: Offline) -> dict[str, Any]:
    links: dict[str, list[list[str | None]]] = {}
    for link in page.page_links():
        links.setdefault(link.kind, []).append([link.url, link.text])
    return {"links": links, "next_page": offline.spider_of(page.response.url).next_page(page)}
