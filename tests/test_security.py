"""SECURITY.md against the project: its minimum versions are kept, and what it names as proof is there."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT
from tests.test_packaging import PINS, PROJECT
from tests.test_readme import backticked, table

TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
FLOORS = {name: Version(floor) for name, floor, _ in table(TEXT, "package")}
ASKED = [
    *PROJECT["project"]["dependencies"],
    *(line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines),
]


@pytest.mark.parametrize("name", FLOORS)
def test_no_pin_is_older_than_an_advisory_allows(name: str) -> None:
    assert Version(PINS[canonicalize_name(name)] or "0") >= FLOORS[name]


def test_what_the_project_asks_for_is_not_older_either() -> None:
    asked = {canonicalize_name(one.name): one.specifier for one in map(Requirement, ASKED)}
    lowest = {
        name: max(Version(one.version) for one in asked[name] if one.operator == ">=") for name in FLOORS.keys() & asked
    }
    assert {name: floor for name, floor in lowest.items() if floor < FLOORS[name]} == {}
    assert {"scrapy", "twisted", "lxml", "brotli", "playwright", "pyopenssl", "cryptography"} <= lowest.keys()


def test_every_floor_that_is_called_one_is_in_the_table() -> None:
    lines = re.findall(r'"([\w.-]+)[^"\n]*",\s*#[^\n]*advisories', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(map(canonicalize_name, lines)) <= set(map(canonicalize_name, FLOORS))


def test_every_proof_is_there() -> None:
    proofs = [name for *_, shown in table(TEXT, "against") for name in backticked(shown)]
    assert len(proofs) > 10
    assert [name for name in proofs if not (ROOT / name).is_file()] == []


def test_every_link_leads_somewhere() -> None:
    for path, heading in re.findall(r"\]\((docs/[\w.-]+)(?:#([\w-]+))?\)", TEXT):
        found = re.findall(r"(?m)^#+ (.*)$", (ROOT / path).read_text("utf-8"))
        slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found}
        assert heading in slugs | {""}, (path, heading)
