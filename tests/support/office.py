"""An agency whose people decide together: two custodians, reviewers, a defence counsel."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.app import create_home
from ledger.client.intake.upload import UploadOptions
from tests.support.desk import PASSPHRASE, Desk
from tests.support.people import Colleague, joined

ROLES_OF_FIRST = ["administrator", "officer", "custodian", "examiner", "prosecutor"]


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a second custodian who reviews, and a defence counsel."""
    folder = tmp_path_factory.mktemp("staffed")
    create_home.found(
        folder / "home", agency="NL-POL", person="1", roles=ROLES_OF_FIRST, passphrase=PASSPHRASE
    )
    with Desk(folder / "home") as desk:
        joined(desk, folder / "second", "custodian", "reviewer", number="2")
        joined(desk, folder / "counsel", "defence", number="3")
        joined(desk, folder / "third", "reviewer", "examiner", number="4")
    return folder


@pytest.fixture
def office(staffed: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(staffed, tmp_path / "staffed")
    with Desk(tmp_path / "staffed" / "home") as desk:
        yield desk


def colleague(desk: Desk, name: str) -> Colleague:
    from ledger.adapters.keystore.file import FileKeyring
    from ledger.app.settings import KEYRING

    folder = desk.path.parent / name
    return Colleague(desk, folder, FileKeyring.open(folder / KEYRING, PASSPHRASE), None)  # type: ignore[arg-type]


def upload(desk: Desk, tmp_path: Path, **options: Any) -> str:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"a face" * 1000)
    [done] = desk.upload(file, options=UploadOptions(**{"again": True} | options))
    return done.evidence
