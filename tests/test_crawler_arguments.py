"""Spider arguments: what they mean, and one line for everything that is wrong."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.arguments import CHOICES, FOLLOW, ArgumentError, Arguments, made_up_job, parse_arguments, scope_key
from crawler.spider import NewsSpider


class Paper(NewsSpider):
    name = "paper"
    site = "bao.example"
    allowed_domains: ClassVar[list[str]] = ["bao.example"]
    languages = ("vi", "en", "zh-cn")
    front_page = "https://bao.example/"

    @classmethod
    def tag_url(cls, name: str, language: str = "vi") -> str:
        if not name.endswith("1"):
            raise ValueError(f"tag {name!r} needs its number:\nwrite <slug>-<number>")
        return name if name.startswith("https://") else f"https://bao.example/tag/{name}"

    @classmethod
    def category_url(cls, name: str, language: str = "vi") -> str:
        return f"https://bao.example/{quote(name)}"

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        return "sitemap" if url.endswith(".xml") else None


class Anywhere(NewsSpider):
    name = "anywhere"


def parse(spider: type[NewsSpider] = Paper, **raw: str) -> Arguments:
    return parse_arguments(spider, raw, new_job=lambda: "made-up")


def test_nothing_given_means_the_whole_site() -> None:
    assert parse() == Arguments(
        spider="paper",
        seeds=(),
        tags=(),
        categories=(),
        follow=frozenset({"article", "related", "next_page", "category", "feed", "sitemap"}),
        related_depth=1,
        since=None,
        until=None,
        max_articles=None,
        languages=("vi",),
        recrawl="auto",
        capture="html",
        render="never",
        job="made-up",
    )


class Application(Paper):
    name = "application"
    rendered = "lists"


@pytest.mark.parametrize(
    ("spider", "raw", "render"),
    [
        (Paper, {}, "never"),
        (Paper, {"render": "lists"}, "lists"),
        (Paper, {"capture": "rendered"}, "all"),
        (Paper, {"capture": "rendered", "render": "lists"}, "lists"),
        (Application, {}, "lists"),
        (Application, {"render": "never"}, "never"),
        (Application, {"capture": "page"}, "lists"),
    ],
)
def test_what_is_rendered(spider: type[NewsSpider], raw: dict[str, str], render: str) -> None:
    args = parse(spider, **raw)
    assert args.render == render
    pages = {kind: spider(**raw).renders(kind) for kind in ("front", "tag", "article", "related", "sitemap", "feed")}
    lists, rest = render != "never", render == "all"
    expected = {"front": lists, "tag": lists, "article": rest, "related": rest, "sitemap": False, "feed": False}
    assert pages == expected


def test_everything_given() -> None:
    args = parse(
        seeds="https://bao.example/a, http://en.bao.example/b?x=1,https://bao.example/a",
        tags="kinh-tế-1,the-thao-1",
        categories="the-gioi/binh-luan",
        follow="article,tag",
        related_depth="3",
        since="2026-01-02",
        until="2026-01-02",
        max_articles="10",
        languages="EN,vi",
        recrawl="never",
        capture="html",
        _job="Job_1-a",
        _version="r7",
    )
    assert args.seeds == ("https://bao.example/a", "http://en.bao.example/b?x=1")
    assert args.tags == ("kinh-tế-1", "the-thao-1")
    assert args.categories == ("the-gioi/binh-luan",)
    assert args.follow == {"article", "tag"}
    assert (args.related_depth, args.max_articles) == (3, 10)
    assert args.since == args.until == date(2026, 1, 2)
    assert args.languages == ("en", "vi")
    assert (args.recrawl, args.job) == ("never", "Job_1-a")


@pytest.mark.parametrize(
    ("raw", "follow"),
    [
        ({"tags": "a-1"}, {"article", "related", "next_page"}),
        ({"seeds": "https://bao.example/a"}, {"article", "related", "next_page"}),
        ({"seeds": "https://bao.example/map.xml"}, {"article", "related", "next_page", "sitemap"}),
        ({"seeds": "https://bao.example/a", "follow": "none"}, set()),
        ({"follow": "tag"}, {"tag"}),
    ],
)
def test_what_is_followed(raw: dict[str, str], follow: set[str]) -> None:
    assert parse(**raw).follow == follow


def test_seeds_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "hạt giống, 1.txt"
    file.write_bytes(
        "\ufeff# của tôi\r\nhttps://bao.example/a#phần  # ghi chú\r\n\r\n  https://bao.example/b,c \n".encode()
    )
    assert parse(seeds=f"@{file}").seeds == ("https://bao.example/a#phần", "https://bao.example/b,c")


def test_any_host_is_a_seed_where_the_spider_has_no_domains() -> None:
    assert parse(Anywhere, seeds="http://127.0.0.1:8000/a").seeds == ("http://127.0.0.1:8000/a",)


def test_names_are_composed() -> None:
    assert parse(categories="kinh te\u0302\u0301").categories == ("kinh tế",)


BAD = [
    ({"max_article": "3"}, "unknown argument 'max_article': choose from seeds, tags"),
    ({"": "3"}, "unknown argument ''"),
    ({"seeds": ""}, "seeds is empty"),
    ({"seeds": "  "}, "seeds is empty"),
    ({"seeds": "bao.example/a"}, "no http or https URL"),
    ({"seeds": "ftp://bao.example/a"}, "no http or https URL"),
    ({"seeds": "https://"}, "no http or https URL"),
    ({"seeds": "https://bao.example:99999/"}, "no http or https URL"),
    ({"seeds": "https://ai@bao.example/"}, "no http or https URL"),
    ({"seeds": "https://bao.example/a b"}, "no http or https URL"),
    ({"seeds": "https://bao.example/" + "a" * 5000}, "no http or https URL"),
    ({"seeds": "https://bao.example/a,"}, "seeds: '' is no http"),
    ({"seeds": "https://bao.example/a,b"}, "as %2C"),
    ({"seeds": "https://other.example/a"}, "is not on bao.example"),
    ({"seeds": "https://notbao.example/a"}, "is not on bao.example"),
    ({"seeds": "https://other.example\\@bao.example/a"}, "is not on bao.example"),
    ({"seeds": "https://bao.example/a\x00b"}, "seeds holds a line break, a control character"),
    ({"seeds": "@no/such/file"}, "cannot read 'no/such/file' (No such file or directory)"),
    ({"seeds": "@."}, "cannot read '.' (Is a directory)"),
    ({"seeds": "@" + "a" * 5000}, "File name too long"),
    ({"tags": "a,,b"}, "separate names by single commas"),
    ({"tags": "a"}, "tags: tag 'a' needs its number: write <slug>-<number>"),
    ({"tags": "x" * 5000}, "is longer than 200 letters"),
    ({"tags": "a\nb"}, "tags holds a line break"),
    ({"tags": "a\u2028b"}, "tags holds a line break"),
    ({"tags": "a\udcff"}, "not UTF-8"),
    ({"tags": "https://other.example/1"}, "is not on bao.example"),
    ({"tags": "../a-1"}, "looks like a file path"),
    ({"categories": "a/../../etc"}, "looks like a file path"),
    ({"categories": "/etc/passwd"}, "looks like a file path"),
    ({"categories": "a\\b"}, "looks like a file path"),
    ({"follow": "everything"}, "unknown link kind 'everything': choose from article, related"),
    ({"follow": "article,none"}, "unknown link kind 'none'"),
    ({"related_depth": "-1"}, "not a whole number from 0"),
    ({"related_depth": "1.5"}, "not a whole number from 0"),
    ({"related_depth": "٣"}, "not a whole number from 0"),
    ({"since": "05/03/2026"}, "since='05/03/2026' is not a day: write YYYY-MM-DD"),
    ({"since": "2026-02-30"}, "is not a day"),
    ({"until": "2026-1-1"}, "is not a day"),
    ({"until": "20260101"}, "is not a day"),
    ({"since": "2026-02-01", "until": "2026-01-31"}, "since=2026-02-01 is after until=2026-01-31"),
    ({"max_articles": "0"}, "not a whole number from 1"),
    ({"max_articles": "1_000"}, "not a whole number from 1"),
    ({"max_articles": "9" * 5000}, "not a whole number from 1"),
    ({"languages": "tlh"}, "paper has no 'tlh' edition: choose from vi, en, zh-cn"),
    ({"languages": "vi,"}, "paper has no '' edition"),
    ({"recrawl": "sometimes"}, "recrawl='sometimes': choose from auto, never, all"),
    ({"capture": "video"}, "capture='video': choose from html, page, rendered"),
    ({"render": "1"}, "render='1': choose from never, lists, all"),
    ({"capture": "rendered", "render": "never"}, "capture=rendered with render=never: choose render=lists or all"),
    ({"_job": "../x"}, "_job='../x'"),
    ({"_job": "a" * 65}, "_job="),
    ({"_job": "a\n"}, "_job holds a line break"),
]


@pytest.mark.parametrize(("raw", "says"), BAD)
def test_one_line_for_what_is_wrong(raw: dict[str, str], says: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse(**raw)
    line = str(caught.value)
    assert says in line
    assert len(line.splitlines()) == 1
    assert len(line) < 400
    assert line.isprintable()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no URL"),
        (b"# only\n", "holds no URL"),
        (b"https://bao.example/\xff\n", "is not UTF-8 text"),
        (b"\n\nhttps://other.example/\n", "seeds.txt' line 3: 'https://other.example/' is not on bao.example"),
    ],
)
def test_a_bad_seed_file(tmp_path: Path, content: bytes, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seeds.txt").write_bytes(content)
    with pytest.raises(ArgumentError, match=re.escape(says)):
        parse(seeds="@seeds.txt")


def test_a_spider_without_a_front_page_needs_a_seed() -> None:
    with pytest.raises(ArgumentError, match="anywhere has no front page of its own: give seeds="):
        parse(Anywhere)


def test_a_spider_without_tag_pages_says_so() -> None:
    with pytest.raises(ArgumentError, match="tags: anywhere has no tag pages; give the list's address as a seed"):
        parse(Anywhere, tags="a")


SAME_SCOPE = [
    {"max_articles": "1"},
    {"recrawl": "all"},
    {"_job": "b"},
    {"_version": "2"},
    {"capture": "html"},
    {"capture": "page"},
]
OTHER_SCOPE = [
    {"seeds": "https://bao.example/b"},
    {"tags": "b-1"},
    {"categories": "c"},
    {"follow": "article"},
    {"related_depth": "2"},
    {"since": "2026-01-01"},
    {"until": "2026-01-01"},
    {"languages": "en"},
]


@pytest.mark.parametrize("raw", SAME_SCOPE)
def test_arguments_outside_the_scope(raw: dict[str, str]) -> None:
    assert scope_key(parse(**raw)) == scope_key(parse())


@pytest.mark.parametrize("raw", OTHER_SCOPE)
def test_arguments_of_the_scope(raw: dict[str, str]) -> None:
    assert scope_key(parse(**raw)) != scope_key(parse())


def test_scope_is_canonical_json() -> None:
    one = scope_key(parse(tags="b-1,á-1", languages="vi,en"))
    assert one == scope_key(parse(languages="en,vi", tags="á-1,b-1"))
    assert json.loads(one)["tags"] == ["b-1", "á-1"]
    assert scope_key(parse(seeds="https://bao.example/")) != scope_key(parse(Anywhere, seeds="https://bao.example/"))


def test_a_made_up_job_is_a_job() -> None:
    job = made_up_job()
    assert parse(_job=job).job == job
    assert made_up_job() != job


@given(st.dictionaries(st.sampled_from([*CHOICES, "_job", "x"]), st.text(max_size=30), max_size=4))
def test_any_text_is_understood_or_refused_in_one_line(raw: dict[str, str]) -> None:
    try:
        args = parse_arguments(Paper, raw)
    except ArgumentError as error:
        line = str(error)
        assert len(line.splitlines()) == 1
        assert line.isprintable()
    else:
        assert args.follow <= set(FOLLOW)
        assert "\n" not in scope_key(args)
