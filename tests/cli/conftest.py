"""A home in which a person has worked, for tests of the commands."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.invocation.global_options import STATE
from cli.terminal import output
from tests.support import releasing
from tests.support.commands import custody


@pytest.fixture(autouse=True)
def _state() -> Iterator[None]:
    """What one command of this process leaves in its output, and its options, do not reach the
    next.
    """
    before = vars(STATE).copy()
    output._Printing.lost = None
    output._Printing.taken = False
    yield
    vars(STATE).update(before)
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


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, as it lies here, in a folder where it is committed."""
    return releasing.cloned(tmp_path_factory.mktemp("release") / "clone")


@pytest.fixture(scope="session")
def released(clone: Path) -> tuple[Path, str]:
    """The folder of a release, and what was told of it."""
    key, out = releasing.key_in(clone.parent), clone.parent / "out"
    return out, releasing.release(clone, "--key", str(key), "--output", str(out)).stdout


@pytest.fixture(scope="session")
def slim(
    released: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> releasing.Installed:
    """An environment with the wheel of the release and the base, and nothing else."""
    return releasing.install(tmp_path_factory.mktemp("slim"), released[0])
