"""What is to be left out of an export and cannot be: told as what it is, before anything is signed
where the options alone decide, and else with what stands signed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import custody, within


def events(worked: dict[str, Path]) -> int:
    shown = custody("show", worked["evidence"], "--json", home=worked["home"]).stdout
    return int(json.loads(shown)["item"]["events"])


@pytest.mark.parametrize("verb", ["court", "bundle"])
def test_a_field_that_cannot_be_withheld_is_no_trouble_of_the_disk_and_what_was_signed_is_told(
    worked: dict[str, Path], tmp_path: Path, verb: str
) -> None:
    before = events(worked)
    code, _, said = within(
        *(verb, worked["evidence"], "-o", tmp_path / "x", "--basis", "x"),
        *("--withhold", "/body/nmae"),
        home=worked["home"],
    )
    assert code == 2
    assert "there is: /" in said
    assert "another --output" not in said
    assert "signed and recorded" in said
    assert events(worked) == before + 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("selector", ["/body/digests", "0:/body", "0"])
def test_a_folder_whose_file_nobody_could_compare_is_refused_before_anything_is_signed(
    worked: dict[str, Path], tmp_path: Path, selector: str
) -> None:
    before = events(worked)
    code, _, said = within(
        *("court", worked["evidence"], "-o", tmp_path / "x", "--basis", "x"),
        *("--withhold", selector),
        home=worked["home"],
    )
    assert code == 2
    assert "nothing was signed" in " ".join(said.split())
    assert events(worked) == before
