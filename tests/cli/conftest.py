"""A home in which a person has worked, for tests of the commands."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.commands import custody


@pytest.fixture(scope="module")
def worked(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A home with one anchored item, its bundle and trust root beside it."""
    folder = tmp_path_factory.mktemp("cli")
    home = Path(shutil.copytree(founded, folder / "home"))
    photo = folder / "photo.jpg"
    photo.write_bytes(b"\xff\xd8" + os.urandom(50_000))
    custody("upload", photo, "--case", "2026-117", "--exhibit", "A1", home=home)
    custody("anchor", home=home)
    found = json.loads(custody("list", "--case", "2026-117", "--json", home=home).stdout)
    evidence = found["items"][0]["evidence"]
    custody("bundle", evidence, "-o", folder / "b.bundle", "--basis", "court", home=home)
    custody("trust", "-o", folder / "trust.json", home=home)
    return {"folder": folder, "home": home, "photo": photo, "evidence": evidence}
