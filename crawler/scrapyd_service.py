"""Scrapyd's schedule.json, which refuses with 400 what a job would refuse, and what no job may be asked for.

Scrapyd passes on any setting of Scrapy, and some of them name code to run. ``scrapyd.conf`` names this class in its
section [services]; ``crawler/commands/crawl.py`` asks the same again of the job.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from scrapy.settings import Settings
from scrapy.spiderloader import get_spider_loader
from scrapyd.webservice import Schedule as Stock
from twisted.web import error, http

import crawler.settings
from crawler.arguments import ArgumentError, check_letters, parse_arguments
from crawler.sane import settings_trouble
from crawler.scheduling import NotAllowed, check_arguments, check_setting_names

OF_SCRAPYD = ("project", "spider", "_version", "jobid", "priority")


class Schedule(Stock):  # type: ignore[misc]  # Scrapyd has no types
    """POST schedule.json. Answers 400 and one line for what is refused."""

    def render_POST(self, request: Any) -> Any:
        try:
            check_request(request.args)
        except (NotAllowed, ArgumentError) as refusal:
            raise error.Error(code=http.BAD_REQUEST, message=str(refusal).encode()) from None
        return super().render_POST(request)


def check_request(raw: dict[bytes, list[bytes]]) -> None:
    """Raises NotAllowed or ArgumentError. The spider's own rules are those of the copy that the server runs."""
    try:
        fields = [(name.decode(), value.decode()) for name, values in raw.items() for value in values]
    except UnicodeDecodeError:
        raise NotAllowed("the request is not UTF-8") from None
    for name, count in Counter(name for name, _ in fields).items():
        if count > 1 and name != "setting":
            raise NotAllowed(f"{name[:60]!r} is given {count} times: separate several values by commas")
    _check_settings([value for name, value in fields if name == "setting"])
    given = {name: value for name, value in fields if name != "setting"}
    arguments = {name: value for name, value in given.items() if name not in OF_SCRAPYD}
    if "_job" in arguments:
        raise NotAllowed("_job is Scrapyd's: name a job with jobid")
    check_arguments(arguments)
    check_letters(given, also=OF_SCRAPYD)
    try:
        if not math.isfinite(float(given.get("priority", "0"))):
            raise ValueError
    except ValueError:
        raise NotAllowed(f"priority={given['priority'][:60]!r} is no number") from None
    loader = get_spider_loader(Settings({"SPIDER_MODULES": crawler.settings.SPIDER_MODULES}))
    if given.get("spider") in loader.list():
        spider: Any = loader.load(given["spider"])
        parse_arguments(spider, arguments | ({"_job": given["jobid"]} if "jobid" in given else {}))


def _check_settings(pairs: list[str]) -> None:
    for pair in pairs:
        if "=" not in pair:
            raise NotAllowed(f"setting={pair[:60]!r}: write setting=NAME=VALUE")
    given = dict(pair.split("=", 1) for pair in pairs)
    check_setting_names(given)
    settings = Settings()
    settings.setmodule(crawler.settings)
    settings.setdict(given)
    if trouble := settings_trouble(settings):
        raise NotAllowed(trouble)
