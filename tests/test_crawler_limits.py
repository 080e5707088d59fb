"""Each limit is a setting, checked and documented, with one default."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from scrapy.settings import Settings

from crawler import settings as project
from crawler.crawllog import LIMIT, NOT_ASKED, TOO_DEEP
from crawler.limits import DEFAULTS, REASONS, Limits, limits_of
from crawler.sane import NUMBERS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", [one.name for one in fields(Limits)])
def test_each_limit_is_a_setting(name: str) -> None:
    default = getattr(DEFAULTS, name)
    assert getattr(project, name.upper()) == default
    whole, least, most = NUMBERS[name.upper()]
    assert whole
    assert least <= default <= most
    assert f"`{name.upper()}`" in (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    assert getattr(Limits.of(Settings({name.upper(): "7"})), name) == 7


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_each_reason_is_documented_and_a_limit_in_the_crawl_log(reason: str) -> None:
    assert f"`{reason}`" in (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    assert NOT_ASKED[reason] in (LIMIT, TOO_DEEP)


def test_what_the_settings_do_not_name_has_its_default() -> None:
    assert Limits.of(Settings()) == DEFAULTS
    assert limits_of({}) is DEFAULTS
    assert limits_of({"limits": Limits(page_maxsize=1)}).page_maxsize == 1
