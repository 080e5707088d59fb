"""What is known of a run when it begins: what was asked, under which settings, where it starts, with which packages."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.settings import default_settings

from crawler.arguments import Arguments
from crawler.secrets import clean_value, secrets_in

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from crawler.spider import NewsSpider


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Plain data (JSON) without secrets."""

    arguments: dict[str, Any]
    settings: dict[str, Any]
    seeds: dict[str, Any]

    @classmethod
    def of(cls, spider: NewsSpider, settings: BaseSettings) -> RunFacts:
        return cls(arguments_of(spider.args), settings_of(settings), seeds_of(spider))


def arguments_of(args: Arguments) -> dict[str, Any]:
    """Every argument, those that were not given by their defaults."""
    values = dataclasses.asdict(args)
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    return {name: clean_value(value, name) for name, value in plain.items()}


def settings_of(settings: BaseSettings) -> dict[str, Any]:
    """The settings in force, by name; what is secret is named and left out."""
    return {name: clean_value(_plain(settings[name]), name) for name in sorted(map(str, settings))}


def seeds_of(spider: NewsSpider) -> dict[str, Any]:
    """What the names in ``tags`` and ``categories`` stand for, and every address that is asked first."""
    args = spider.args
    resolved = {
        "tags": {name: [spider.tag_url(name, language) for language in args.languages] for name in args.tags},
        "categories": {
            name: [spider.category_url(name, language) for language in args.languages] for name in args.categories
        },
    }
    first = [
        {"url": found.url, "kind": found.kind} for found in getattr(spider, "seeds", tuple)()
    ]  # a spider of its own kind has none
    seeds: dict[str, Any] = clean_value({"seeds": list(args.seeds), **resolved, "asked_first": first})
    return seeds


def secrets_of(settings: BaseSettings, environment: Mapping[str, str]) -> list[str]:
    """Secrets that must not stand in the copy of the log. What Scrapy has by default is none."""
    given = {name: _plain(settings[name]) for name in map(str, settings)}
    own = {name: value for name, value in given.items() if value != getattr(default_settings, name, None)}
    return secrets_in(own, environment)


def packages() -> list[str]:
    """Name and version of everything installed where this program runs, and of Python."""
    found = {path.stem for place in sys.path for path in Path(place or ".").glob("*.dist-info")}
    python = f"Python-{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    return [python, *sorted(found, key=str.lower)]


def as_json(value: Any) -> bytes:
    """Plain data for people and programs, in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return text.encode("utf-8", "replace") + b"\n"


def _plain(value: Any) -> Any:
    """Settings inside of settings as dictionaries."""
    if hasattr(value, "copy_to_dict"):
        return value.copy_to_dict()
    return value
