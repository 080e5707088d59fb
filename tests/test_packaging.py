"""What `make setup` installs is pinned, and what is packed is all of the project."""

from __future__ import annotations

import re
import sys
import sysconfig
import tomllib
from importlib.metadata import Distribution, version
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import crawler
from tests.conftest import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PINS = {
    canonicalize_name(name): pin
    for name, _, pin in (line.partition("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split())
}
INSTALLED = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})  # no egg-info of the checkout
PACKAGES = ("crawler", "pipelines", "spiders", "warc")


def needed(name: str, extras: frozenset[str], found: set[tuple[str, frozenset[str]]]) -> set[str]:
    """Names of the distributions that this one needs here, with its own and those of its dependencies."""
    if (name, extras) not in found:
        found.add((name, extras))
        (here,) = Distribution.discover(name=name, path=INSTALLED)
        for line in here.requires or ():
            one = Requirement(line)
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                needed(canonicalize_name(one.name), frozenset(one.extras), found)
    return {name for name, _ in found}


@pytest.fixture(scope="module")
def installed() -> set[str]:
    extras = frozenset(PROJECT["project"]["optional-dependencies"])
    return needed("bao-quan", extras, set()) - {"bao-quan"} | {"pip", "setuptools"}


def test_every_dependency_is_pinned_as_installed(installed: set[str]) -> None:
    assert {name: version(name) for name in installed} == {name: PINS.get(name) for name in installed}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the pins are what Python 3.11 needs")
def test_every_pin_is_of_a_dependency(installed: set[str]) -> None:
    assert PINS.keys() - installed == set()


def test_pins_keep_to_what_the_project_asks_for() -> None:
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    asked += [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)]), requirement


def test_every_package_is_declared() -> None:
    """A package that pyproject.toml does not name is in no egg and no wheel."""
    folders = {path.parent.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == {".".join(folder.parts) for folder in folders}


def test_the_version_is_that_of_the_code() -> None:
    assert version("bao-quan") == crawler.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", crawler.__version__)


def test_setup_installs_every_extra() -> None:
    (named,) = re.findall(r"-e '\.\[([a-z,]+)\]'", (ROOT / "Makefile").read_text("utf-8"))
    assert set(named.split(",")) == set(PROJECT["project"]["optional-dependencies"])
