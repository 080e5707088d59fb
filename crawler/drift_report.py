"""What a run says of the drift alarm: in its stats, in its summary, in its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crawler.drift import Rule
from crawler.template import LENGTH

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings
    from scrapy.statscollectors import StatsCollector

    from crawler.ledger_ops import DriftState

ALARMS, QUARANTINED = "drift/alarms", "drift/quarantined"


def drift_rule(settings: BaseSettings) -> Rule:
    """The bounds that the settings give."""
    return Rule(settings.getint("DRIFT_EVERY"), settings.getfloat("DRIFT_FALL"), settings.getint("DRIFT_HISTORY"))


def add_alarm(stats: StatsCollector, state: DriftState) -> None:
    """Put an alarm into the run's stats as it is raised, for whoever looks at them while the run goes on."""
    stats.set_value(ALARMS, [*stats.get_value(ALARMS, []), _alarm(state)])


def note_drift(stats: StatsCollector, quarantined: int, alarms: list[DriftState]) -> None:
    """Put what the writer has told at the end into the run's stats."""
    if quarantined:
        stats.set_value(QUARANTINED, quarantined)
    for key, value in drift_counts(alarms).items():
        stats.set_value(key, value)


def drift_counts(alarms: list[DriftState]) -> dict[str, Any]:
    """What fell in a run, for the ledger's counts of it."""
    return {ALARMS: [_alarm(state) for state in alarms]} if alarms else {}


def drift_section(stats: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a run's report: rows that went to quarantine/, and what fell in this run."""
    return {"quarantined": stats.get(QUARANTINED, 0), "alarms": stats.get(ALARMS, [])}


def drift_lines(stats: Mapping[str, Any]) -> list[str]:
    """The same in words."""
    section = drift_section(stats)
    lines = [f"Drift: {one['told']}; such as {' '.join(one['urls'])}" for one in section["alarms"]]
    if section["quarantined"]:
        lines.append(f"In quarantine/, no articles yet: {section['quarantined']:,}; scrapy drift says why")
    return lines


def told(state: DriftState) -> str:
    """An alarm in words: "baoquocte.vn BaoquoctePage/article/vi: body fell from 98% to 3% of 40 pages (…)"."""
    if state.field == LENGTH:
        what = f"the body's length went from {state.sources}"
    else:
        now = state.fitting / state.pages if state.pages else 0.0
        what = f"{state.field} fell from {state.expected:.0%} to {now:.0%} of {state.pages:,} pages ({state.sources})"
    return f"{state.site} {state.template}: {what}"


def _alarm(state: DriftState) -> dict[str, Any]:
    keys = ("site", "template", "field", "since", "expected", "pages", "fitting", "sources", "written")
    return {key: getattr(state, key) for key in keys} | {"urls": list(state.urls), "told": told(state)}
