"""Spider arguments (``-a name=value``) as one checked value, or one line that says what is wrong.

Everything is checked before the crawl opens or creates anything, so a typing error costs no request and leaves no
trace. An argument that is not understood is an error, never ignored: a misspelt ``max_article`` must not become a
crawl of the whole site.
"""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from crawler.urls import canonical_url, in_domains

if TYPE_CHECKING:
    from crawler.spider import NewsSpider

FOLLOW = ("article", "related", "tag", "category", "topic", "next_page", "sitemap", "feed", "author")
RECRAWL = ("auto", "never", "all")
CAPTURE = ("html", "page", "rendered")
RENDER = ("never", "lists", "all")
CHOICES = (
    "seeds",
    "tags",
    "categories",
    "follow",
    "related_depth",
    "since",
    "until",
    "max_articles",
    "languages",
    "recrawl",
    "capture",
    "render",
)
FROM_SCRAPYD = ("_job", "_version")  # Scrapyd adds them to every job

LONGEST_NAME = 200  # letters; the longest tag name seen has 80
_JOB = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}")
_IN_NO_ADDRESS = re.compile(r'[<>"{}|^`]|%(?![0-9A-Fa-f]{2})')  # RFC 3986, appendix A


class ArgumentError(ValueError):
    """One line: what is wrong with an argument, and the choices."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a run is asked to do."""

    spider: str
    job: str
    seeds: tuple[str, ...] = ()  # as written, in order, each once
    tags: tuple[str, ...] = ()  # NFC
    categories: tuple[str, ...] = ()  # NFC
    follow: frozenset[str] = frozenset()  # link kinds that lead on
    related_depth: int = 1  # hops over related links
    since: date | None = None  # first and last day of publication, both inclusive, in +07:00
    until: date | None = None
    max_articles: int | None = None  # rows written by this run
    languages: tuple[str, ...] = ("vi",)  # editions, BCP 47 in lower case
    recrawl: str = "auto"
    capture: str = "html"
    render: str = "never"  # which pages are opened in a browser, and read from its DOM


def parse_arguments(
    spider_class: type[NewsSpider], raw: Mapping[str, str], *, new_job: Callable[[], str] | None = None
) -> Arguments:
    """Check ``raw`` for this spider; ArgumentError on the first thing that is wrong."""
    check_letters(raw)
    seeds = tuple(dict.fromkeys(_seeds(spider_class, raw["seeds"]))) if "seeds" in raw else ()
    tags = _names(raw, "tags")
    categories = _names(raw, "categories")
    languages = _languages(spider_class, raw)
    _check_addresses(spider_class, "tags", spider_class.tag_url, tags, languages)
    _check_addresses(spider_class, "categories", spider_class.category_url, categories, languages)
    if not (seeds or tags or categories or spider_class.front_page):
        raise ArgumentError(f"{spider_class.name} has no front page of its own: give seeds=URL,… or seeds=@FILE")
    since, until = _day(raw, "since"), _day(raw, "until")
    if since and until and since > until:
        raise ArgumentError(f"since={since} is after until={until}: no article can be published between them")
    return Arguments(
        spider=spider_class.name,
        seeds=seeds,
        tags=tags,
        categories=categories,
        follow=_follow(spider_class, raw, seeds, bool(tags or categories or spider_class.narrowed_by(seeds))),
        related_depth=_number(raw, "related_depth", least=0) if "related_depth" in raw else 1,
        since=since,
        until=until,
        max_articles=_number(raw, "max_articles", least=1) if "max_articles" in raw else None,
        languages=languages,
        recrawl=_choice(raw, "recrawl", RECRAWL),
        capture=_choice(raw, "capture", CAPTURE),
        render=_render(spider_class, raw),
        job=_job(raw) if "_job" in raw else (new_job or made_up_job)(),
    )


def scope_key(args: Arguments) -> str:
    """The scope as canonical JSON: runs with equal keys share their frontier.

    What only limits or repeats the work of a run (max_articles, recrawl, capture, render) and its job stay out,
    so that a run that reached its limit is gone on with by the next one.
    """
    scope = {
        "spider": args.spider,
        "seeds": sorted(args.seeds),
        "tags": sorted(args.tags),
        "categories": sorted(args.categories),
        "follow": sorted(args.follow),
        "related_depth": args.related_depth,
        "since": args.since.isoformat() if args.since else None,
        "until": args.until.isoformat() if args.until else None,
        "languages": sorted(args.languages),
    }
    return json.dumps(scope, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def arguments_of_scope(key: str, job: str) -> Arguments:
    """The arguments that ``scope_key`` made this scope of. KeyError, TypeError or ValueError when it is none."""
    scope = json.loads(key)
    return Arguments(
        spider=scope["spider"],
        job=job,
        seeds=tuple(scope["seeds"]),
        tags=tuple(scope["tags"]),
        categories=tuple(scope["categories"]),
        follow=frozenset(scope["follow"]),
        related_depth=scope["related_depth"],
        since=date.fromisoformat(scope["since"]) if scope["since"] else None,
        until=date.fromisoformat(scope["until"]) if scope["until"] else None,
        languages=tuple(scope["languages"]),
    )


def scope_digest(key: str) -> str:
    """A short name of a scope: the first 16 hex digits of the SHA-256 of its ``scope_key``."""
    return sha256(key.encode()).hexdigest()[:16]


def made_up_job() -> str:
    """A job id for a run that Scrapyd did not name: UTC second and six random hex digits."""
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(3)}"


def check_letters(raw: Mapping[str, str], also: Collection[str] = FROM_SCRAPYD) -> None:
    """What holds for every spider: known names, none of them empty, plain letters. Raises ArgumentError."""
    for key, value in raw.items():
        if key not in CHOICES and key not in also:
            raise ArgumentError(f"unknown argument {_show(key)}: choose from {', '.join(CHOICES)}")
        if not value.strip():
            raise ArgumentError(f"{key} is empty: give a value or leave it out")
        if any(map(_is_control, value)):
            raise ArgumentError(f"{key} holds a line break, a control character or bytes that are not UTF-8")


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def _seeds(spider_class: type[NewsSpider], value: str) -> Iterator[str]:
    if not value.startswith("@"):
        for part in value.split(","):
            yield _seed(spider_class, part.strip(), "seeds")
        return
    path = Path(value[1:])
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ArgumentError(f"seeds: {_show(str(path))} is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a file name"
        raise ArgumentError(
            f"seeds: cannot read {_show(str(path))} ({why}); @FILE holds one URL a line, # begins a comment"
        ) from None
    found = False
    for number, line in enumerate(lines, 1):
        # Only after white space: inside a URL, # begins a fragment.
        url = re.sub(r"(^|\s)#.*", "", line).strip()
        if url:
            found = True
            yield _seed(spider_class, url, f"seeds: {_show(str(path))} line {number}")
    if not found:
        raise ArgumentError(f"seeds: {_show(str(path))} holds no URL; one a line, # begins a comment")


def _seed(spider_class: type[NewsSpider], url: str, where: str) -> str:
    # canonical_url drops white space inside without a word; here it is more likely a slip.
    if not _WEB.fullmatch(url) or canonical_url(url) is None:
        raise ArgumentError(
            f"{where}: {_show(url)} is no http or https URL that can be asked "
            "(write a comma inside a URL as %2C, or use @FILE)"
        )
    domains = getattr(spider_class, "allowed_domains", None)
    if domains and not in_domains(url, domains):
        raise ArgumentError(
            f"{where}: {_show(url)} is not on {', '.join(domains)}; take the spider of that site, or news for any site"
        )
    return url


def _names(raw: Mapping[str, str], key: str) -> tuple[str, ...]:
    if key not in raw:
        return ()
    names = []
    for part in raw[key].split(","):
        name = unicodedata.normalize("NFC", part.strip())
        if not name:
            raise ArgumentError(f"{key}={_show(raw[key])} holds an empty name: separate names by single commas")
        if len(name) > LONGEST_NAME:
            raise ArgumentError(f"{key}: {_show(name)} is longer than {LONGEST_NAME} letters")
        plain = unquote(name, errors="surrogateescape")
        if "\\" in plain or plain.startswith("/") or {"..", "."} & set(plain.split("/")):
            raise ArgumentError(f"{key}: {_show(name)} looks like a file path; give the name as the site writes it")
        if _IN_NO_ADDRESS.search(name) or any(map(_is_control, plain)):
            raise ArgumentError(f"{key}: {_show(name)} cannot stand in an address; give the name as the site writes it")
        names.append(name)
    return tuple(dict.fromkeys(names))


def _check_addresses(
    spider_class: type[NewsSpider],
    key: str,
    address: Callable[[str, str], str],
    names: tuple[str, ...],
    languages: tuple[str, ...],
) -> None:
    """A name may not be enough for an address, and may itself be an address, of another site perhaps."""
    for name in names:
        for language in languages:
            try:
                url = address(name, language)
            except ValueError as error:
                raise ArgumentError(" ".join(f"{key}: {error}".split())) from None
            _seed(spider_class, url, f"{key}: {_show(name)}")


def _follow(
    spider_class: type[NewsSpider], raw: Mapping[str, str], seeds: tuple[str, ...], narrowed: bool
) -> frozenset[str]:
    """Link kinds that lead on.

    A run over a whole site also follows what it starts from: categories, feeds and sitemaps. A run that was given
    seeds, tags or categories opens those and does not spread: one tag of an article would lead to every tag.
    A sitemap given as a seed may be an index, so its parts belong to it.
    """
    if "follow" not in raw:
        kinds = {"article", "related", "next_page"}
        if not narrowed:
            kinds |= {"category", "feed", "sitemap"}
        return frozenset(kinds | ({spider_class.kind_of(url) or "" for url in seeds} & {"sitemap"}))
    asked = [part.strip() for part in raw["follow"].split(",")]
    if asked == ["none"]:
        return frozenset()
    for kind in asked:
        if kind not in FOLLOW:
            raise ArgumentError(f"follow: unknown link kind {_show(kind)}: choose from {', '.join(FOLLOW)}, or none")
    return frozenset(asked)


def _languages(spider_class: type[NewsSpider], raw: Mapping[str, str]) -> tuple[str, ...]:
    known = spider_class.languages
    if "languages" not in raw:
        return ("vi",) if "vi" in known else known[:1]
    asked = tuple(dict.fromkeys(part.strip().lower() for part in raw["languages"].split(",")))
    for language in asked:
        if language not in known:
            raise ArgumentError(
                f"languages: {spider_class.name} has no {_show(language)} edition: choose from {', '.join(known)}"
            )
    return asked


def _day(raw: Mapping[str, str], key: str) -> date | None:
    return parse_day(key, raw[key]) if key in raw else None


def parse_day(key: str, text: str) -> date:
    """A day as every command takes it; ArgumentError when it is none."""
    try:
        if _DAY.fullmatch(text.strip()):
            return date.fromisoformat(text.strip())
    except ValueError:
        pass  # 2026-02-30: the same line as for any other text
    raise ArgumentError(f"{key}={_show(text)} is not a day: write YYYY-MM-DD, such as 2026-03-05")


def _number(raw: Mapping[str, str], key: str, least: int) -> int:
    # int() alone would also take "1_000", "+5" and digits of other scripts.
    if not _NUMBER.fullmatch(raw[key].strip()) or int(raw[key]) < least:
        raise ArgumentError(f"{key}={_show(raw[key])} is not a whole number from {least} to 999999999")
    return int(raw[key])


def _choice(raw: Mapping[str, str], key: str, choices: tuple[str, ...]) -> str:
    value = raw.get(key, choices[0])
    if value not in choices:
        raise ArgumentError(f"{key}={_show(value)}: choose from {', '.join(choices)}")
    return value


def _render(spider_class: type[NewsSpider], raw: Mapping[str, str]) -> str:
    """As asked; else all of a crawl that keeps rendered pages, and what the site needs of any other."""
    rendered = raw.get("capture") == "rendered"
    if "render" not in raw:
        return RENDER[-1] if rendered else getattr(spider_class, "rendered", RENDER[0])
    value = _choice(raw, "render", RENDER)
    if rendered and value == RENDER[0]:
        raise ArgumentError("capture=rendered with render=never: choose render=lists or all, or another capture")
    return value


def _job(raw: Mapping[str, str]) -> str:
    if not _JOB.fullmatch(raw["_job"]):
        raise ArgumentError(f"_job={_show(raw['_job'])}: 1 to 64 of A-Z, a-z, 0-9, _ and -")
    if raw["_job"].endswith("-meta"):
        raise ArgumentError(f"_job={_show(raw['_job'])}: -meta at the end is kept for the file that tells of a run")
    return raw["_job"]


def _show(value: str) -> str:
    """The value in quotes, on one line and short enough to read."""
    return repr(value if len(value) <= 60 else value[:59] + "…")
