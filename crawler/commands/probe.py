"""``scrapy probe``: one page, field by field: what each source says, what was chosen, which links would be followed.

For the first person who looks at a live page, and for whoever wonders why a row says what it says. A URL is fetched
once, past the same guard and robots.txt as in a crawl; nothing is archived. A file needs no network. With ``--compare``
the page is opened in the browser too, and what only one of both readings finds is shown.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import DropItem

from crawler.arguments import made_up_job
from crawler.limits import NotRead
from crawler.showing import as_json, on_one_line
from crawler.timelimit import within
from crawler.usage import Status, complain, forget_stdout, one_line_errors, quiet, refuse_unknown_options, stop
from warc.shown import json_of, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from crawler.items import Article
    from crawler.offline import Offline
    from crawler.page import ArticlePage


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False  # only a URL needs one

    def syntax(self) -> str:
        return "URL|FILE [--url URL] [--compare] [--json]"

    def short_desc(self) -> str:
        return "Show field by field what is found on a page; nothing is archived"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        one_line_errors(parser)
        parser.add_argument("--url", metavar="URL", help="address of the page in an HTML file, or which page of a WARC")
        parser.add_argument(
            "--compare", action="store_true", help="open the URL in the browser too: what does only one way find?"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object: row, sources, links")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from crawler.exclusions import Hidden
        from crawler.offline import Offline
        from crawler.sane import contact_trouble, name_the_crawler, settings_trouble
        from crawler.urls import canonical_url

        assert self.settings is not None
        refuse_unknown_options(args)
        super().process_options(args, opts)
        quiet(self.settings)
        if len(args) != 1:
            stop(Status.USAGE, "name one page: a URL, an HTML file with --url URL, or a WARC file")
        if opts.url and canonical_url(opts.url) is None:
            stop(Status.USAGE, f"--url {opts.url[:60]!r} is no http or https URL")
        trouble = settings_trouble(self.settings)
        if _is_url(args[0]):
            if canonical_url(args[0]) is None:
                stop(Status.USAGE, f"{args[0][:60]!r} is no http or https URL that can be asked")
            if opts.url:
                stop(Status.USAGE, "--url says where a file comes from; it does not go with a URL")
            trouble = trouble or contact_trouble(self.settings, [urlsplit(args[0]).hostname or ""])
            if not trouble and Hidden.of(self.settings).hides_url(args[0]):
                trouble = f"{args[0][:200]!r} is excluded: scrapy exclude --list says why"
            if not trouble and opts.compare:
                trouble = _browser_trouble(self.settings)
        elif opts.compare:
            stop(Status.USAGE, "--compare opens a page in the browser: name a URL, not a file")
        elif not Path(args[0]).is_file():
            stop(Status.USAGE, f"no file {args[0][:200]!r}; a URL begins with http:// or https://")
        elif not _is_warc(args[0]) and not opts.url:
            stop(Status.USAGE, "an HTML file needs the address it comes from: --url URL")
        if trouble:
            stop(Status.USAGE, trouble)
        name_the_crawler(self.settings)
        self._seconds = self.settings.getfloat("EXTRACT_SECONDS")
        self._offline = Offline(self.settings, made_up_job())

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        try:
            write = self._compared(args[0]) if opts.compare else self._probed(args[0], opts.url)
        except (NoPage, NotRead) as error:
            complain(str(error), self.settings)
            self.exitcode = Status.FAULT
            return
        try:
            write(opts.json)
            sys.stdout.flush()
        except OSError as error:
            complain(f"stdout: {error.strerror or error}", self.settings)
            forget_stdout()
            self.exitcode = Status.OUTPUT

    def _probed(self, place: str, url: str | None) -> Callable[[bool], None]:
        response = self._response(place, url)
        with within(self._seconds, response.url):
            findings = Findings.of(response, self._offline)
        return lambda as_json: _write_json(findings) if as_json else _write_tables(findings)

    def _compared(self, url: str) -> Callable[[bool], None]:
        from crawler.compare import compare
        from crawler.compare_text import Compared, write_json, write_tables
        from crawler.fetch_one import NotFetched, fetch_both_ways

        assert self.settings is not None
        try:
            both = fetch_both_ways(url, self.settings, self._offline.spider_of)
        except NotFetched as error:
            raise NoPage(str(error)) from error
        with within(self._seconds, url):
            plain, browser = self._offline.page_of(both.plain), self._offline.page_of(both.browser)
            compared = Compared(plain, browser, compare(plain, browser), both.asked, both.refused)
        return lambda as_json: write_json(compared) if as_json else write_tables(compared)

    def _response(self, place: str, url: str | None) -> Response:
        from crawler.fetch_one import NotFetched, fetch

        assert self.settings is not None
        if _is_url(place):
            try:
                return fetch(place, self.settings)
            except NotFetched as error:
                raise NoPage(str(error)) from error
        if _is_warc(place):
            return _from_warc(Path(place), url, self._offline, self.settings)
        assert url is not None
        return _from_html(Path(place), url)


def _browser_trouble(settings: BaseSettings) -> str | None:
    from crawler.chromium import NoBrowser, find_chromium

    try:
        find_chromium(settings)
    except NoBrowser as error:
        return str(error)
    return None


class NoPage(Exception):
    """There is no response to look at; one line that says why."""


@dataclass(slots=True)
class Findings:
    """All that a page object says of one response."""

    page: ArticlePage
    row: Article | None  # None when the page is no article
    refused: str | None  # why a pipeline would drop it
    sources: dict[str, list[dict[str, Any]]]  # field -> [{source, value}], the chosen one first
    links: dict[str, list[dict[str, str | None]]]  # link kind -> [{url, text}]

    @classmethod
    def of(cls, response: Response, offline: Offline) -> Findings:
        page = offline.page_of(response)
        row, refused = None, None
        if page.is_article():
            try:
                row = offline.row_of(page)
            except DropItem as error:
                refused = getattr(error, "reason", None) or str(error)
        sources = {
            field: [{"source": source, "value": as_json(value)} for source, value in page.candidates(field)]
            for field in page.FIELDS
        }
        from crawler.links import KINDS

        links: dict[str, list[dict[str, str | None]]] = {}
        for kind in KINDS:
            found = [{"url": link.url, "text": link.text} for link in page.page_links() if link.kind == kind]
            if found:
                links[kind] = found
        next_url = offline.spider_of(response.url).next_page(page)
        if next_url and "next_page" not in links:
            links["next_page"] = [{"url": next_url, "text": None}]
        return cls(page, row, refused, sources, links)


def _from_html(path: Path, url: str) -> Response:
    from scrapy import Request
    from scrapy.http import HtmlResponse

    try:
        return HtmlResponse(url, body=path.read_bytes(), request=Request(url))
    except OSError as error:
        raise NoPage(f"{path}: {error.strerror or error}") from error


def _from_warc(path: Path, url: str | None, offline: Offline, settings: Any) -> Response:
    """The capture of ``url``; without it the first article of the file."""
    from crawler.replay import Replay, UnreadableCapture
    from crawler.urls import canonical_url
    from warc.reader import DamagedRecord

    wanted = canonical_url(url) if url else None
    try:
        for _, response in Replay(settings).read(path, path.as_posix()):
            if isinstance(response, UnreadableCapture):
                continue
            if wanted is not None:
                if canonical_url(response.url) == wanted:
                    return response
            elif response.status == 200:
                with suppress(NotRead), within(settings.getfloat("EXTRACT_SECONDS"), response.url):
                    if offline.page_of(response).is_article():
                        return response
    except (DamagedRecord, OSError) as error:
        raise NoPage(str(error)) from error
    raise NoPage(f"{path} holds no capture of {url}" if url else f"{path} holds no article; --url URL names a page")


def _write_json(findings: Findings) -> None:
    from crawler.serialize import to_line

    answer = {"row": findings.row, "refused": findings.refused, "sources": findings.sources, "links": findings.links}
    sys.stdout.buffer.write(json_of(to_line(answer)))


def _write_tables(findings: Findings) -> None:
    from rich.console import Console
    from rich.table import Table

    page = findings.page
    # Piped, there is no width to ask for: wide enough that a URL stays on one line.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    verdict = "no article" if findings.row is None else "article"
    if findings.refused:
        verdict = f"dropped: {findings.refused}"
    console.print(plain(f"{page.response.status} {page.response.url}"))
    console.print(plain(f"{page.name}/{page.number}, {page.encoding}: {verdict}"))
    fields = Table("field", "", "source", "value", title="Fields (* chosen)", title_justify="left")
    for field, found in findings.sources.items():
        # Several selectors of one source often meet the same element: one line is enough for them.
        said = dict.fromkeys((candidate["source"], on_one_line(candidate["value"])) for candidate in found)
        for place, (source, value) in enumerate(said or [("", "-")]):
            fields.add_row("" if place else field, "*" if found and place == 0 else "", source, value)
    console.print(fields)
    for warning in findings.row.extraction.warnings if findings.row else page.warnings:
        console.print(plain(f"warning: {warning}"))
    links = Table("kind", "links", "the first of them", title="Links by kind", title_justify="left")
    for kind, found_links in findings.links.items():
        links.add_row(
            kind,
            str(len(found_links)),
            "\n".join(_link(link) for link in found_links[:3]),
        )
    console.print(links)


def _link(link: dict[str, str | None]) -> str:
    return plain(f"{link['url']}  {on_one_line(link['text'], 50)}" if link["text"] else link["url"])


def _is_url(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))


def _is_warc(place: str) -> bool:
    return place.endswith((".warc", ".warc.gz", ".warc.gz.open"))
