"""A home in which a person has worked, for tests of the commands."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import output
from cli.global_options import STATE
from tests.support.commands import custody
from tests.support.installed import slim

__all__ = ["slim"]


@pytest.fixture(autouse=True)
def _state() -> Iterator[None]:
    """What one command of this process leaves in its output does not reach the next."""
    before = STATE.json
    output._Printing.lost = None
    output._Printing.taken = False
    yield
    STATE.json = before
    output._Printing.lost = None


@pytest.fixture(scope="session")
def _worked(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("worked")
    home = Path(shutil.copytree(founded, folder / "home"))
    photo = folder / "photo.jpg"
    photo.write_bytes(b"\xff\xd8" + os.urandom(50_000))
    custody("upload", photo, "--case", "2026-117", "--exhibit", "A1", home=home)
    custody("anchor", home=home)
    listed = json.loads(custody("list", "--case", "2026-117", "--json", home=home).stdout)
    evidence = listed["items"][0]["evidence"]
    custody("bundle", evidence, "-o", folder / "b.bundle", "--basis", "court", home=home)
    custody("trust", "-o", folder / "trust.json", home=home)
    return folder, evidence


@pytest.fixture(scope="module")
def worked(
    _worked: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path | str]:
    """A home with one anchored item, its bundle and trust root beside it: a module's own copy of
    what commands made once.
    """
    made, evidence = _worked
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("cli") / "worked"))
    return {
        "folder": folder,
        "home": folder / "home",
        "photo": folder / "photo.jpg",
        "evidence": evidence,
    }
