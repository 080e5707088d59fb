"""A site whose templates were changed: class names and ids are others, and everything else is as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tests.replica.message import Answer, Request
from tests.replica.server import Site


class Redesigned:
    """``names``: old to new, as whole words of a class or id."""

    def __init__(self, site: Site, names: Mapping[str, str]) -> None:
        self.hosts = site.hosts
        self._site = site
        self._new = {old.encode(): new.encode() for old, new in names.items()}
        words = b"|".join(re.escape(name) for name in self._new)
        self._attribute = re.compile(rb"""\b(?:class|id)=(["'])(.*?)\1""")
        self._word = re.compile(rb"(?<![\w-])(?:" + words + rb")(?![\w-])")

    def respond(self, request: Request) -> Answer:
        answer = self._site.respond(request)
        if not any(name == "Content-Type" and "html" in value for name, value in answer.headers):
            return answer
        body = self._attribute.sub(lambda found: self._renamed(found[0]), answer.body)
        tag = [(name, f'{value[:-1]}-r"' if name == "ETag" else value) for name, value in answer.headers]
        return replace(answer, body=body, headers=tag if body != answer.body else answer.headers)

    def _renamed(self, attribute: bytes) -> bytes:
        return self._word.sub(lambda found: self._new[found[0]], attribute)


def redesigned(sites: tuple[Site, ...], renames: list[str]) -> tuple[Site, ...]:
    """Each of ``renames`` is OLD=NEW; they hold on all sites."""
    names = dict(rename.split("=", 1) for rename in renames)
    return tuple(Redesigned(site, names) for site in sites) if names else sites
