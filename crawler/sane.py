"""Settings checked before a run: what ``-s`` or Scrapyd may have set to something that cannot work."""

from __future__ import annotations

import ipaddress
import logging
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy.settings import SETTINGS_PRIORITIES

from crawler import __version__
from crawler.connection import POLICIES
from crawler.limits import DEEPEST
from crawler.recrawl import INTERVALS, Recrawl
from crawler.robots import RECORD_ONLY, ROBOTS_POLICIES

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from crawler.arguments import Arguments
    from crawler.spider import NewsSpider

# name: (whole number?, least, most); a limit of 0 would mean "none" to Scrapy, and nothing here may be unlimited
NUMBERS: dict[str, tuple[bool, float, float]] = {
    "HOST_DELAY": (False, 0, 86_400),
    "CRAWL_DELAY_MAX": (False, 0, 86_400),
    "ROBOTS_RETRY_TIMES": (True, 0, 10),
    "ROBOTS_RETRY_DELAY": (False, 0, 3600),
    "ROBOTS_RETRY_SECONDS": (False, 0, 86_400),
    "PARK_SECONDS": (False, 0, 86_400),
    "PARK_WAIT": (False, 0, 86_400),
    "PARK_LONGEST": (False, 1, 31 * 86_400),
    "CONNECT_TIMEOUT": (False, 0.001, 86_400),
    "RESPONSE_DEADLINE": (False, 0.001, 86_400),
    "STOP_GRACE": (False, 0, 86_400),
    "REQUISITE_DELAY": (False, 0, 86_400),
    "REQUISITE_SECONDS": (False, 1, 86_400),
    "REQUISITE_MAXSIZE": (True, 1, 2**40),
    "BROWSER_CONCURRENCY": (True, 1, 100),
    "BROWSER_PAGES": (True, 1, 100_000),
    "BROWSER_MEMORY": (True, 1, 1_000_000),
    "RENDER_SECONDS": (False, 1, 86_400),
    "RENDER_SCROLLS": (True, 0, 100_000),
    "RENDER_SAMPLES": (True, 0, 10_000),
    "CONCURRENT_REQUESTS": (True, 1, 1_000),
    "CONCURRENT_REQUESTS_PER_DOMAIN": (True, 1, 1_000),
    "CONCURRENT_ITEMS": (True, 1, 10_000),
    "DOWNLOAD_MAXSIZE": (True, 1, 2**40),
    "HEADERS_MAXSIZE": (True, 1, 2**24),
    "HEADERS_MAX": (True, 1, 100_000),
    "INTERIM_MAX": (True, 0, 1_000),
    "DECODED_MAXSIZE": (True, 1, 2**30),
    "DECODED_RATIO": (True, 1, 1_000_000),
    "CONTENT_ENCODINGS_MAX": (True, 1, 10),
    "PAGE_MAXSIZE": (True, 1, 2**26),
    "PARSE_SECONDS": (False, 0.1, 3600),
    "EXTRACT_SECONDS": (False, 0.1, 3600),
    "HTML_TAGS_MAX": (True, 1, 2_000_000),
    "HTML_ATTRIBUTES_MAX": (True, 10, 20_000),
    "HTML_DEPTH_MAX": (True, 20, DEEPEST),
    "JSON_DEPTH_MAX": (True, 5, 200),
    "SITEMAP_MAXSIZE": (True, 1, 2**28),
    "SITEMAP_ENTRIES": (True, 1, 1_000_000),
    "SITEMAP_DEPTH": (True, 0, 100),
    "LINKS_PER_PAGE": (True, 1, 1_000_000),
    "LINK_DEPTH_MAX": (True, 1, 100_000),
    "LIST_PAGES_MAX": (True, 1, 10_000_000),
    "HOSTS_PER_RUN": (True, 1, 1_000_000),
    "PAGES_PER_HOST": (True, 1, 10**12),
    "PAGES_PER_RUN": (True, 1, 10**12),
    "REDIRECTS_MAX": (True, 0, 100),
    "URL_LENGTH_MAX": (True, 50, 4096),
    "WARC_TARGET_SIZE": (True, 1, 2**50),
    "RETRY_TIMES": (True, 0, 100),
    "DRIFT_EVERY": (True, 0, 1_000),
    "DRIFT_FALL": (False, 0.01, 1),
    "DRIFT_HISTORY": (True, 8, 2_000),
    "RECRAWL_LIMIT": (True, 0, 10**9),
    "TRAP_PAGES": (True, 0, 10**6),
    "PATH_SEGMENTS": (True, 3, 1_000),
    "PATH_REPEATS": (True, 2, 100),
    "DISK_FLOOR": (True, 0, 2**60),
    "DISK_SHARE": (False, 0, 0.9),
    "NOTHING_NEW_HOURS": (False, 0, 87_600),
}
_MAIL = re.compile(r"[!-~]+@[!-~]+\.[!-~]+")
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}")


def settings_trouble(settings: BaseSettings) -> str | None:
    """One line about the first setting that cannot work, None when all can."""
    return (
        _folder(settings)
        or _numbers(settings)
        or _intervals(settings)
        or _private_hosts(settings)
        or _tls(settings)
        or _log_level(settings)
        or _contact(settings)
        or _one_line(settings)
        or _robots_policy(settings)
        or _user_agent(settings)
        or _webhook(settings)
        or _metrics(settings)
        or _switch(settings)
        or _cookies(settings)
    )


def name_the_crawler(settings: BaseSettings) -> None:
    """Put the product token and CONTACT into the User-Agent, unless somebody set another one."""
    if settings.getpriority("USER_AGENT") == SETTINGS_PRIORITIES["default"]:
        contact = settings.get("CONTACT")
        about = f" (+{contact})" if contact else ""
        settings.set("USER_AGENT", f"BaoQuan/{__version__}{about}", priority="project")


def contact_trouble(settings: BaseSettings, hosts: Iterable[str]) -> str | None:
    """One line when a host that is not loopback would be asked and nobody answers for the crawl."""
    strangers = [host for host in hosts if not is_loopback(host)]
    if strangers and not settings.get("CONTACT"):
        return (
            f"CONTACT is not set, and {strangers[0]} would be asked: "
            "set -s CONTACT=<mail address or web page>, it becomes part of the User-Agent"
        )
    return None


def hosts_asked(spider_class: type[NewsSpider], args: Arguments) -> list[str]:
    """Hosts a run asks first: those of the seeds, and the site's where it starts from the site itself."""
    hosts = [urlsplit(url).hostname or "" for url in args.seeds]
    if args.tags or args.categories or not args.seeds:
        hosts += getattr(spider_class, "allowed_domains", None) or ()
        hosts.append(urlsplit(spider_class.front_page).hostname or "")
    return [host for host in dict.fromkeys(hosts) if host]


def is_loopback(host: str) -> bool:
    """True for localhost and literal loopback addresses; a name is not looked up."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _folder(settings: BaseSettings) -> str | None:
    folder = settings.get("ARCHIVE_DIR")
    if not folder or "\0" in str(folder) or not str(folder).strip():
        return f"ARCHIVE_DIR={str(folder)!r} names no folder: set -s ARCHIVE_DIR=PATH"
    return None


def _numbers(settings: BaseSettings) -> str | None:
    for name, (whole, least, most) in NUMBERS.items():
        text = str(settings.get(name)).strip()
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # also false for nan
            kind = "a whole number" if whole else "a number"
            return f"{name}={text[:60]!r} is not {kind} from {least:g} to {most:g}"
    return None


def _intervals(settings: BaseSettings) -> str | None:
    try:
        Recrawl.parse(str(settings.get("RECRAWL_INTERVALS")))
    except ValueError as error:
        return f"RECRAWL_INTERVALS: {error}; the default is {INTERVALS!r}"
    return None


def _private_hosts(settings: BaseSettings) -> str | None:
    for pair in settings.getlist("ALLOWED_PRIVATE_HOSTS"):
        if not _HOST_AND_PORT.fullmatch(str(pair).strip()):
            return f"ALLOWED_PRIVATE_HOSTS: {str(pair)[:60]!r} is not host:port, such as 127.0.0.1:8080 or [::1]:8080"
    return None


def _tls(settings: BaseSettings) -> str | None:
    policy = settings.get("TLS_POLICY")
    if policy not in POLICIES:
        return f"TLS_POLICY={str(policy)[:60]!r}: choose from {', '.join(POLICIES)}"
    if not settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
        return "DOWNLOAD_VERIFY_CERTIFICATES stays on: -s TLS_POLICY=archive keeps pages behind bad certificates"
    return None


def _log_level(settings: BaseSettings) -> str | None:
    level = settings.get("LOG_LEVEL")
    if str(level).isdigit() or level in logging.getLevelNamesMapping():
        return None
    return f"LOG_LEVEL={str(level)[:60]!r}: choose from CRITICAL, ERROR, WARNING, INFO, DEBUG"


def _contact(settings: BaseSettings) -> str | None:
    contact = settings.get("CONTACT")
    if not contact:
        return None
    # It stands in a header, inside parentheses, beside "; +": nothing that could end the comment or the line.
    text = str(contact)
    plain = text.isascii() and text.isprintable() and len(text) <= 200 and not re.search(r"[\s()<>;,\\]", text)
    is_page = re.match(r"https?://[^/.]+(\.[^/.]+)+", text) or re.match(r"https?://localhost", text)
    if plain and (_MAIL.fullmatch(text) or is_page):
        return None
    return f"CONTACT={text[:60]!r} is neither a mail address nor an http(s) address of a page"


def _one_line(settings: BaseSettings) -> str | None:
    for name in ("OPERATOR", "COLLECTION", "ROBOTS_REASON"):
        text = str(settings.get(name) or "")
        if not text.isprintable() or len(text) > 200:
            return f"{name}={text[:60]!r} is not one line of at most 200 letters"
    return None


def _robots_policy(settings: BaseSettings) -> str | None:
    policy = str(settings.get("ROBOTS_POLICY"))
    if policy not in ROBOTS_POLICIES:
        return f"ROBOTS_POLICY={policy[:60]!r}: choose from {', '.join(ROBOTS_POLICIES)}"
    if policy == RECORD_ONLY and not str(settings.get("ROBOTS_REASON") or "").strip():
        return f"ROBOTS_POLICY={policy} needs a reason: set -s ROBOTS_REASON=TEXT, it stands in every warcinfo"
    return None


def _webhook(settings: BaseSettings) -> str | None:
    url = str(settings.get("WEBHOOK_URL") or "")
    try:
        parts = urlsplit(url)
        right = not url or (parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0)
    except ValueError:
        right = False
    if right and url.isascii() and url.isprintable() and " " not in url and len(url) <= 2000:
        return None
    return "WEBHOOK_URL is no http(s) address, such as https://hooks.example/bao-quan"  # it may hold a secret


def _metrics(settings: BaseSettings) -> str | None:
    folder = settings.get("METRICS_DIR")
    if not folder or ("\0" not in str(folder) and Path(str(folder)).is_dir() and os.access(str(folder), os.W_OK)):
        return None
    return f"METRICS_DIR={str(folder)[:60]!r} is no folder that can be written: make it, or name another one"


def _switch(settings: BaseSettings) -> str | None:
    try:
        settings.getbool("LOG_JSON")
    except ValueError:
        return f"LOG_JSON={str(settings.get('LOG_JSON'))[:60]!r}: choose from True, False"
    return None


def _cookies(settings: BaseSettings) -> str | None:
    if settings.getbool("COOKIES_ENABLED"):
        return "COOKIES_ENABLED=True: no cookies are kept, what a page shows depends on nothing but its address"
    return None


def _user_agent(settings: BaseSettings) -> str | None:
    agent = str(settings.get("USER_AGENT"))
    if agent.isascii() and agent.isprintable() and re.match(r"[A-Za-z_-]+(/|$)", agent):
        return None
    return f"USER_AGENT={agent[:60]!r} does not begin with the name that robots.txt files use, such as BaoQuan/1.0"
