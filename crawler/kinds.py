"""What kind of article a page is, where it does not say so itself: by its address, its section, its post format."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from crawler.text import clean, fold

# schema.org types, most telling first.
_TYPES = {
    "live": frozenset({"LiveBlogPosting"}),
    "video": frozenset({"VideoObject"}),
    "gallery": frozenset({"ImageGallery", "MediaGallery"}),
}
_NAMES = {  # folded names of sections, and what one of an address's segments must be
    "video": "videos?|clips?|truyen hinh|tv|phim|watch",
    "gallery": "photos?|gallery|galleries|photo-?(?:story|essay|gallery)|pictures|slideshows?"
    "|anh|phong su anh|chum anh|tin anh",
    "infographic": "infographics?|inforgraphics?|do hoa",
    "emagazine": "e-?magazines?|megastory|longforms?|long-?form|multimedia story",
    "live": "live|live-?blogs?|live-updates|truc tiep|tuong thuat truc tiep",
}
_NAME = {kind: re.compile(names) for kind, names in _NAMES.items()}
_TITLE = re.compile(r"(?:\[\s*)?(infographics?|e-?magazines?)\s*[\]:|]")
_FORMATS = {"format-video": "video", "format-gallery": "gallery", "single-format-video": "video"} | {
    "single-format-gallery": "gallery",
    "single-format-image": "gallery",
}


def by_types(names: Iterable[str]) -> str | None:
    """Kind by schema.org types; a video or gallery beside an article is a part of it."""
    types = set(names)
    if types & _TYPES["live"]:
        return "live"
    return next((kind for kind, own in _TYPES.items() if types and types <= own), None)


def by_address(url: str) -> str | None:
    """Kind by a segment of the path before the last one: ``/video/...``, ``/anh/…``."""
    for segment in urlsplit(url).path.lower().split("/")[1:-1]:
        if kind := _named(segment) or _named(segment.replace("-", " ")):
            return kind
    return None


def by_section(name: str | None) -> str | None:
    return _named(fold(clean(name) or ""))


def by_title(title: str | None) -> str | None:
    """Kind by a label at the start of the headline: "Infographic: …"."""
    match = _TITLE.match(fold(clean(title) or ""))
    return _named(match[1]) if match else None


def by_format(classes: str) -> str | None:
    """Kind by the post format of WordPress, a class of the body or the article."""
    return next((_FORMATS[name] for name in classes.split() if name in _FORMATS), None)


def _named(name: str) -> str | None:
    return next((kind for kind, pattern in _NAME.items() if pattern.fullmatch(name)), None)
