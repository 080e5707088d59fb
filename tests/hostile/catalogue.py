"""All scenarios."""

from tests.hostile.families import (
    addresses,
    charsets,
    connections,
    encodings,
    floods,
    framing,
    injection,
    markup,
    mutations,
    redirects,
    robots,
    sitemaps,
    soak,
    structured,
    traps,
)
from tests.hostile.scenario import Scenario

FAMILIES = (
    *(connections, framing, encodings, redirects, addresses, robots, sitemaps),
    *(markup, structured, charsets, traps, floods, injection, mutations, soak),
)
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("nothing-hostile"),
    *(scenario for family in FAMILIES for scenario in family.SCENARIOS),
)

OUTSTANDING = frozenset(
    (
        "encodings-that-lie",
        "redirect-between-http-and-https",
        "redirect-with-control-characters",
        "redirect-without-location",
        "redirect-with-50-locations",
        "redirect-and-a-page",
        "redirect-of-every-status",
        "private-in-feed",
        "robots-star-bomb",
        "robots-of-100000-rules",
        "robots-huge",
        "robots-endless",
        "robots-of-20000-sitemaps",
        "robots-crawl-delay-endless",
        "robots-crawl-delay-no-number",
        "robots-bomb",
        "robots-in-gzip",
        "robots-closes-all-but-the-front",
        "html-of-paragraphs",
        "html-of-100000-links-elsewhere",
        "html-of-100000-times-one-link",
        "html-of-strange-text",
        "html-of-numbers",
        "html-of-pictures",
        "html-of-100000-links",
        "charset-that-lies",
        "trap-growing-path",
        "trap-same-article-everywhere",
        "trap-articles-link-copies",
        "storm-of-429-without-sense",
        "forged-record-in-head",
        "forged-record-in-location",
        "escapes-in-headers",
        "mutations-0-to-49",
        "mutations-50-to-99",
        "mutations-100-to-149",
        "mutations-150-to-199",
        "soak",
    )
)
"""Run by name or with ``--all``, and not yet by ``make check``: no run of these has been seen to keep every demand."""

HELD = tuple(scenario for scenario in SCENARIOS if scenario.name not in OUTSTANDING)
