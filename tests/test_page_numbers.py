"""A page class raises its number when its output changes: rows name both, and whoever reads them goes by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import page_numbers
from tests.page_numbers import classes, digest, noted


@pytest.mark.parametrize("name", sorted(classes()))
def test_the_number_goes_with_the_output(name: str) -> None:
    page, entry = classes()[name], noted()["pages"].get(name)
    assert entry is not None, f"{name} is new: run python -m tests.page_numbers"
    if entry != {"number": page.number, "digest": digest(page)}:
        higher = page.number > entry["number"] or not noted()["released"]
        remedy = "" if higher else f"raise {name}.number to {entry['number'] + 1}, then "
        pytest.fail(
            f"{name} gives other rows than are noted for {name}/{entry['number']}: {remedy}run"
            " python -m tests.page_numbers"
        )


def test_no_class_is_noted_that_is_gone() -> None:
    assert set(noted()["pages"]) == set(classes())


def test_another_output_gives_another_digest() -> None:
    page = classes()["BaoquoctePage"]
    other = type("Other", (page,), {"KICKER": ("h1",)})
    assert digest(page) == digest(page)
    assert any(page_numbers.output(page, *at) != page_numbers.output(other, *at) for at in page_numbers.pages(page))


def test_a_released_number_keeps_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "numbers.json"
    monkeypatch.setattr(page_numbers, "FILE", file)
    name, page = "NationPressPage", classes()["NationPressPage"]
    old = {"number": page.number, "digest": "0" * 64}
    file.write_text(f'{{"released": true, "pages": {{"{name}": {{"number": {page.number}, "digest": "{"0" * 64}"}}}}}}')
    assert f"{name} gives other rows: raise its number" in page_numbers.write()
    assert page_numbers.noted()["pages"][name] == old
    monkeypatch.setattr(page, "number", page.number + 1)
    assert f"{name}/{page.number} noted" in page_numbers.write()
