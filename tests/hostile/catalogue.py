"""All scenarios."""

from tests.hostile.families import (
    addresses,
    charsets,
    connections,
    encodings,
    floods,
    framing,
    injection,
    limits,
    markup,
    mutations,
    names,
    redirects,
    robots,
    sitemaps,
    sites,
    soak,
    structured,
    traps,
)
from tests.hostile.scenario import Scenario

FAMILIES = (
    *(connections, framing, encodings, limits, redirects, addresses, names, robots, sitemaps),
    *(markup, structured, charsets, traps, floods, injection, sites, mutations, soak),
)
SCENARIOS: tuple[Scenario, ...] = (
    Scenario("nothing-hostile"),
    *(scenario for family in FAMILIES for scenario in family.SCENARIOS),
)

ALONE = frozenset(("soak",))
"""Takes minutes: it has a test of its own."""

HELD = tuple(scenario for scenario in SCENARIOS if scenario.name not in ALONE)
