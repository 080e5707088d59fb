"""Imports go in one direction: the map that the README draws is held here."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"crawler", "spiders", "pipelines", "warc"}
ALLOWED = {
    "spiders": {"crawler.page", "crawler.spider", "crawler.links", "crawler.structured", "crawler.text"}
    | {"crawler.dates", "crawler.urls", "crawler.blocks", "crawler.items", "crawler.requisites", "crawler.anysite"}
    | {"crawler.editions", "crawler.labels"},
    "pipelines": {"crawler.items", "crawler.text", "crawler.dates", "crawler.urls", "crawler.store", "crawler.archive"}
    | {"crawler.serialize", "crawler.byline", "crawler.requisites", "crawler.requisite_fetch", "crawler.stopping"},
    "crawler": {"crawler", "warc"},
    "warc": {"warc"},
}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Project modules that a file imports, lazily or for types alone too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] in PACKAGES}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = ALLOWED[package] | {package}
    wrong = {name for name in imports(path) if not any(name == a or name.startswith(f"{a}.") for a in allowed)}
    if package in ("spiders", "pipelines"):
        wrong |= {name for name in imports(path) if name.startswith("crawler") and name not in allowed}
    assert not wrong, f"{path.relative_to(ROOT)} may not import {sorted(wrong)}"
