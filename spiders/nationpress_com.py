"""nationpress.com: an English news site of India. Its markup is not known, so everything is read as on any site.

- ``/<category>/<slug>`` without a number and without a final slash: ``/international/villagers-rebuild-their-bridge``
  (ten addresses, 2025–26). Categories seen: international, national, sciencetech, all.
- Before the story stand ``Synopsis`` and ``Key Takeaways`` with bullets; the story begins
  "<City>, <Mon D> (NationPress)".
- Headlines are often questions.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from typing import ClassVar
from urllib.parse import urlsplit

from spiders.news import AnyNewsSpider, NewsPage, Plain

HOME = "https://www.nationpress.com"
_HOSTS = frozenset({"nationpress.com", "www.nationpress.com"})
_ARTICLE = re.compile(r"/[a-z0-9-]+/(?:[a-z0-9%]+-)+[a-z0-9%]+")


class NationPress(Plain):
    """What the addresses of the site mean."""

    site = "nationpress.com"

    @classmethod
    def same_page(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.hostname not in _HOSTS:
            return url
        path = parts.path.rstrip("/").removesuffix("/amp")
        return f"{HOME}{path or '/'}" + (f"?{parts.query}" if parts.query else "")

    @classmethod
    def kind_of(cls, url: str) -> str | None:
        kind = super().kind_of(url)
        return "article" if kind == "category" and _ARTICLE.fullmatch(urlsplit(url).path) else kind

    @classmethod
    def language_of(cls, url: str) -> str | None:
        return "en"


class NationPressPage(NationPress, NewsPage):
    name = "NationPressPage"
    number = 2

    ZONE = timezone(timedelta(hours=5, minutes=30))
    BOXES = frozenset({"synopsis", "key takeaways", "key takeaway", "key highlights"})


class NationPressSpider(NationPress, AnyNewsSpider):
    name = "nationpress"
    allowed_domains: ClassVar[list[str]] = ["nationpress.com"]
    page = NationPressPage
    languages = ("en",)
    front_page = f"{HOME}/"
    categories = ("international", "national", "sciencetech", "all")

    @classmethod
    def category_url(cls, name: str, language: str = "en") -> str:
        return cls.same_page(name if name.startswith(("https://", "http://")) else f"{HOME}/{name.strip('/')}")

    @classmethod
    def sitemaps(cls, languages: tuple[str, ...]) -> list[str]:
        """The usual name: what robots.txt says is not known."""
        return [f"{HOME}/sitemap.xml"]
