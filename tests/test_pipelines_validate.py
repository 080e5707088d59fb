"""What is refused, under which reason, and what only gets a warning."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from scrapy.exceptions import DropItem

from crawler.items import Article, Image, Video
from pipelines.validate import UNDATED, Refused, ValidatePipeline

GOOD = Article(
    id="bensong.example:a",
    url="https://bensong.example/a",
    canonical_url="https://bensong.example/a",
    title="Mùa trăng",
    body="Trăng lên.",
    published_at="2026-09-07T00:05:00+07:00",
    published_date="2026-09-07",
    published_precision="minute",
    captured_at="2026-11-21T10:00:00Z",
)
PICTURE = [Image("https://bensong.example/a.jpg")]


def article(**values: object) -> Article:
    item = replace(GOOD, **values)  # type: ignore[arg-type]
    item.extraction = replace(GOOD.extraction, warnings=[])
    return item


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, None),
        ({"title": None}, "no_title"),
        ({"body": None}, "no_body"),
        ({"body": None, "images": PICTURE}, "no_body"),
        ({"body": None, "images": PICTURE, "kind": "infographic"}, None),
        ({"body": None, "images": PICTURE, "kind": "emagazine"}, None),
        ({"body": None, "images": PICTURE, "kind": "gallery"}, None),
        ({"body": None, "videos": [Video("v.mp4")], "kind": "video"}, None),
        ({"body": None, "kind": "video"}, "no_body"),
        ({"url": ""}, "no_url"),
        ({"canonical_url": ""}, "no_url"),
        ({"id": ""}, "no_url"),
        ({"published_date": "2026-02-31"}, "bad_date"),
        ({"published_date": "2026-11-23"}, "bad_date"),
        ({"published_date": "2026-11-22"}, None),  # tomorrow: clocks and zones differ
        ({"published_date": "2026-11-23", "captured_at": ""}, None),
        ({"published_date": None, "published_at": None}, None),
    ],
)
def test_reasons(values: dict[str, object], reason: str | None) -> None:
    item = article(**values)
    if reason is None:
        assert ValidatePipeline().process_item(item) is item
        assert item.extraction.warnings == []
        return
    with pytest.raises(Refused) as caught:
        ValidatePipeline().process_item(item)
    assert caught.value.reason == reason
    assert isinstance(caught.value, DropItem)
    assert str(caught.value).startswith(f"{reason}: ")


@pytest.mark.parametrize(
    ("since", "until", "day", "reason"),
    [
        ("2026-09-07", None, "2026-09-07", None),  # both ends are included
        (None, "2026-09-07", "2026-09-07", None),
        ("2026-09-07", "2026-09-07", "2026-09-07", None),
        ("2026-09-08", None, "2026-09-07", "before_since"),
        (None, "2026-09-06", "2026-09-07", "after_until"),
    ],
)
def test_days(since: str | None, until: str | None, day: str, reason: str | None) -> None:
    """Days are those of +07:00: the instant may be a day earlier in UTC."""
    pipeline = ValidatePipeline(since and date.fromisoformat(since), until and date.fromisoformat(until))
    item = article(published_date=day, published_at=f"{day}T00:05:00+07:00")
    if reason is None:
        assert pipeline.process_item(item) is item
    else:
        with pytest.raises(Refused, match=f"^{reason}: "):
            pipeline.process_item(item)


def test_an_undated_article_is_kept_with_a_warning_where_days_were_asked_for() -> None:
    item = article(published_date=None, published_at=None)
    pipeline = ValidatePipeline(since=date(2026, 9, 7))
    for _ in range(2):
        assert pipeline.process_item(item).extraction.warnings == [UNDATED]


def test_days_come_from_the_spider_arguments() -> None:
    args = SimpleNamespace(since=date(2026, 9, 1), until=date(2026, 9, 2))
    made = ValidatePipeline.from_crawler(SimpleNamespace(spider=SimpleNamespace(args=args)))  # type: ignore[arg-type]
    assert (made.since, made.until) == (date(2026, 9, 1), date(2026, 9, 2))
    bare = ValidatePipeline.from_crawler(SimpleNamespace(spider=SimpleNamespace()))  # type: ignore[arg-type]
    assert (bare.since, bare.until) == (None, None)
