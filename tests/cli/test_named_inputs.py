"""What a command was given to read is not written over by it, under whatever name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.cli.test_named_outputs import (
    FILES,
    KEPT,
    READ,
    _run,
    _within,  # noqa: F401  (a fixture)
    shared,  # noqa: F401  (a fixture)
)
from tests.support.commands import within

#: What else the commands of ``FILES`` read, with how it is given; {} is the place.
INPUTS: Final = {
    "audit report": {
        "audit trust": ["--log", "tree", "--trust", "{}"],
        "audit state": ["--log", "tree", "--state", "{}"],
        "audit seen": ["--log", "tree", "--seen", "{}"],
    },
    "chain deploy out": {
        "chain deploy founders": ["--founders", "{}"],
        "chain deploy key": ["--key", "{}"],
    },
    # joining a chain, which writes no card
    "init card": {"init trust": None, "init partner": None},
    # What is checked is compared, and nothing is written with it.
    "trust out": {"trust pin": ["--pin", "{}"], "trust check": None},
}
SECRET: Final = b"a passphrase that opens every key\n"


def spellings(folder: Path, there: Path) -> Iterator[Path]:
    """The names under which a file can be meant."""
    yield there
    yield folder / "." / ".." / folder.name / there.name
    (folder / "link").symlink_to(there)
    yield folder / "link"
    (folder / "same").hardlink_to(there)
    yield folder / "same"
    (folder / "folder").symlink_to(folder)
    yield folder / "folder" / there.name


@pytest.mark.parametrize("name", FILES)
def test_the_passphrase_file_is_never_written_over_under_whatever_name(
    name: str, shared: Path, tmp_path: Path
) -> None:
    there = tmp_path / "passphrase"
    there.write_bytes(SECRET)
    for place in spellings(tmp_path, there):
        command = ["--passphrase-file", str(there), *FILES[name]]
        chosen = tmp_path / "new-home" if FILES[name][0] == "init" else shared
        code, _, said = within(*[one.format(place) for one in command], "--force", home=chosen)
        assert (code, "given to read" in said) == (2, True), said
        assert there.read_bytes() == SECRET
    with there.open("r+b") as opened:
        os.set_inheritable(opened.fileno(), True)
        command = ["--passphrase-file", str(there), *FILES[name], "--force"]
        place = f"/dev/fd/{opened.fileno()}"
        assert within(*[one.format(place) for one in command], home=chosen)[0] == 2
    assert there.read_bytes() == SECRET


def test_every_file_that_a_writing_command_reads_is_known_here() -> None:
    for name in FILES:
        command = name.rpartition(" ")[0]
        beside = {one for one in {*READ, *KEPT} if one.rpartition(" ")[0] == command}
        assert beside == set(INPUTS.get(name, {})), name


@pytest.mark.parametrize(
    ("name", "given"),
    [
        (name, given)
        for name, inputs in INPUTS.items()
        for given in inputs.values()
        if given is not None
    ],
)
def test_what_a_command_reads_is_never_written_over(
    name: str, given: list[str], shared: Path, tmp_path: Path
) -> None:
    there = tmp_path / "input"
    there.write_bytes(SECRET)
    (tmp_path / "tree").mkdir()
    for place in spellings(tmp_path, there):
        more = [grant.format(there) for grant in given]
        code, told = _run([*FILES[name], *more], place, shared, "--force")
        assert (code, "given to read" in told) == (2, True), told
        assert there.read_bytes() == SECRET


def test_a_report_is_not_written_over_a_file_of_the_log_that_is_audited(
    shared: Path, tmp_path: Path
) -> None:
    (tmp_path / "tree").mkdir()
    place = tmp_path / "tree" / "checkpoint"
    place.write_bytes(SECRET)
    command = ["audit", "--log", str(tmp_path / "tree"), "--report", "{}"]
    code, told = _run(command, place, shared, "--force")
    assert (code, "given to read" in told) == (2, True), told
    assert place.read_bytes() == SECRET
