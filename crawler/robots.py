"""What a robots.txt says (RFC 9309), and what its absence means. Pure: bytes in, an answer out.

Two readers must agree before a page is open: Protego, and a strict longest match of our own. Where Protego lets in
what the file closes (it stumbles over a byte order mark), the file wins; where a line can be read in two ways (a final
dollar sign), the reading that closes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from protego import Protego

from crawler.urls import target_of

MAX_BYTES = 500 * 1024  # RFC 9309, 2.5: so much is parsed; a line cut by the limit could say something else, and is not

OBEY, RECORD_ONLY = ROBOTS_POLICIES = ("obey", "record-only")
"""Setting ROBOTS_POLICY: record-only fetches, archives and notes what robots.txt says, and asks all the same."""

_LINE = re.compile(
    r"(user[ -]?agent|allow|dis+al+[oa]w|diasllow|crawl[ -]delay|site-?maps?)(?:\s*:|\s)\s*(.*)", re.IGNORECASE
)
_TOKEN = re.compile(r"[\w-]+", re.ASCII)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|meta|title)\b", re.I | re.DOTALL)

_SAME_WHEN_ESCAPED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!&'()+,;=:@")
_PLAIN = _SAME_WHEN_ESCAPED | frozenset(b"/?[]")
_NORMAL = re.compile(rb"[A-Za-z0-9\-._~!&'()+,;=:@/?\[\]]*")
_OCTETS = re.compile(rb"%([0-9A-Fa-f]{2})|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One allow or disallow line."""

    allow: bool
    pattern: str  # normalised; "*" and a final "$" are special
    line: str  # as it stands in the file

    def matches(self, target: str) -> bool:
        """Whether the pattern matches the beginning of a normalised target. Each part is sought once: linear."""
        anchored = self.pattern.endswith("$")
        first, *parts = (self.pattern[:-1] if anchored else self.pattern).split("*")
        if not target.startswith(first):
            return False
        if anchored and not parts:
            return target == first
        last = parts.pop() if anchored else ""
        at = len(first)
        for part in parts:
            found = target.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return target.endswith(last) and len(target) - len(last) >= at


@dataclass(slots=True)
class Group:
    """The rules for one product token; "*" for everybody else."""

    rules: list[Rule] = field(default_factory=list)
    delay: float | None = None


@dataclass(slots=True)
class Robots:
    """A parsed robots.txt."""

    groups: dict[str, Group] = field(default_factory=dict)
    sitemaps: list[str] = field(default_factory=list)
    lenient: Protego | None = None


def allowed(robots: str | bytes, agent: str, url: str) -> bool:
    """Tell whether ``agent`` (a product token or a whole User-Agent) may fetch ``url``. False for a broken ``url``."""
    target = target_of(url)
    if not target:
        return False
    if target == "/robots.txt":
        return True
    parsed = _parse(_octets(robots))
    rule = _deciding(parsed, agent, target)
    if rule is not None and not rule.allow:
        return False
    return parsed.lenient is None or bool(parsed.lenient.can_fetch(f"https://host{target}", _token(agent)))


def decide(status: int | None, content_type: str | None, body: bytes, agent: str, url: str) -> bool:
    """Tell whether ``url`` is open, from the answer to the request for robots.txt after at most five redirects.

    No answer (None), server errors and 429 close the site (RFC 9309, 2.3.1.4); other 4xx and redirects without end
    leave it open (2.3.1.2, 2.3.1.3). A page of HTML, served for every address by some sites, holds no rules; the
    bytes show it, ``content_type`` does not: rules come as text/html and error pages as text/plain.
    """
    if status is None or status >= 500 or status == 429 or status < 200:
        return False
    return status >= 300 or allowed(body, agent, url)


def rule_for(robots: str | bytes, agent: str, url: str) -> str | None:
    """Return the line that decides about ``url``, as it stands in the file; None when no line speaks of it."""
    rule = _deciding(_parse(_octets(robots)), agent, target_of(url))
    return rule.line if rule is not None else None


def crawl_delay(robots: str | bytes, agent: str) -> float | None:
    """Return the Crawl-delay that applies to ``agent``, in seconds; the longest when there are several."""
    group = _group(_parse(_octets(robots)), agent)
    return group.delay if group is not None else None


def sitemaps(robots: str | bytes) -> list[str]:
    """Return the values of the Sitemap lines, in order, as written (relative ones too)."""
    return list(_parse(_octets(robots)).sitemaps)


def _deciding(parsed: Robots, agent: str, target: str) -> Rule | None:
    """The longest matching rule; of two with one length the one that allows (RFC 9309, 2.2.2)."""
    group = _group(parsed, agent)
    if group is None or not target:
        return None
    normal = normalised(target)
    matching = (rule for rule in group.rules if rule.matches(normal))
    return max(matching, key=lambda rule: (len(rule.pattern), rule.allow), default=None)


def _group(parsed: Robots, agent: str) -> Group | None:
    return parsed.groups.get(_token(agent)) or parsed.groups.get("*")


def _token(agent: str) -> str:
    """The product token in lower case: ``baoquan`` of ``BaoQuan/1.0 (+https://example.vn)``; '' when there is none."""
    token = _TOKEN.match(agent.strip())
    return token[0].lower() if token else ""


def _octets(robots: str | bytes) -> bytes:
    return robots.encode("utf-8", "replace") if isinstance(robots, str) else robots


@lru_cache(maxsize=64)
def _parse(robots: bytes) -> Robots:
    if len(robots) > MAX_BYTES:
        robots = robots[: max(robots.rfind(b"\n", 0, MAX_BYTES), robots.rfind(b"\r", 0, MAX_BYTES)) + 1]
    robots = _text(robots)
    if _HTML.match(robots):
        return Robots()
    lines = [line.strip(" \t\v\f\0") for line in re.split(r"[\r\n]+", robots.decode("utf-8", "replace"))]
    parsed = Robots()
    agents: list[str] = []  # whom the lines are for
    ruled = delayed = False  # what has followed the last user-agent line
    before_delay = 0  # how many of the agents a Crawl-delay has cut off; for rules it must not (RFC 9309, 2.2.4)
    for number, line in enumerate(lines):
        match = _LINE.fullmatch(line.partition("#")[0].rstrip())
        if match is None:
            continue
        key, value = match[1].lower(), match[2]
        if key.startswith("user"):
            if ruled:
                agents, before_delay = [], 0
            elif delayed:
                before_delay = len(agents)
            ruled = delayed = False
            agents.append("*" if value.startswith("*") else _token(value))
            lines[number] = f"User-agent: {agents[-1]}"  # to Protego "BaoQuan/2.0" would be another agent
        elif key.startswith("site"):
            parsed.sitemaps += [value] if value else []
        elif key.startswith("crawl"):
            delayed = True
            for group in _groups(parsed, agents[before_delay:]):
                group.delay = max(filter(None, (group.delay, _seconds(value))), default=None)
        else:
            ruled = True
            for group in _groups(parsed, agents):
                group.rules += [Rule(key == "allow", pattern_of(value), line)] if value else []
    parsed.lenient = Protego.parse("\n".join(lines))
    return parsed


def _text(robots: bytes) -> bytes:
    """Without byte order mark and NUL: some editors save UTF-16, with a mark or without."""
    if robots.startswith((b"\xff\xfe", b"\xfe\xff")):
        robots = robots.decode("utf-16", "replace").encode("utf-8", "replace")
    return robots.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf")


def _groups(parsed: Robots, agents: list[str]) -> list[Group]:
    """The groups of the agents, new ones where they have none. Groups for one agent are one (RFC 9309, 2.2.1)."""
    return [parsed.groups.setdefault(agent, Group()) for agent in dict.fromkeys(agents) if agent]


def _seconds(value: str) -> float | None:
    number = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*s?", value, re.ASCII | re.IGNORECASE)
    return float(number[1]) if number else None


def pattern_of(value: str) -> str:
    """Normalise a rule's value. One without a slash, or with scheme and host, is read as the path its author meant."""
    path = re.sub(r"^https?://[^/]*", "", value, count=1, flags=re.IGNORECASE) or "/"
    anchor = "$" if path.endswith("$") else ""
    parts = [_normalise(part.encode()) for part in path.removesuffix("$").split("*")]
    pattern = "*".join(parts) + anchor
    return pattern if pattern.startswith(("/", "*")) else f"/{pattern}"


def normalised(target: str) -> str:
    """A request's target in the spelling that patterns have."""
    return _normalise(target.encode())


def _normalise(text: bytes) -> str:
    """Give every octet one spelling (RFC 9309, 2.2.2): plain where it says the same plain and escaped, else escaped.

    Slash and question mark differ from their escapes; a "*" or "$" of an address is no wildcard and stands escaped.
    """
    if _NORMAL.fullmatch(text):
        return text.decode()
    return "".join(map(_octet, _OCTETS.finditer(text)))


def _octet(match: re.Match[bytes]) -> str:
    octet = int(match[1], 16) if match[1] else match[2][0]
    return chr(octet) if octet in (_SAME_WHEN_ESCAPED if match[1] else _PLAIN) else f"%{octet:02X}"
