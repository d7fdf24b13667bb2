"""What tests of several modules begin with: three agencies on one anvil, shared by a module; an
agency with an administrator; a photograph; keys of backups; a laptop in the field.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ledger.adapters.backup.keys import BackupKeys
from ledger.app import create_home
from ledger.domain.bundle.trust import TrustRoot
from tests.support import consortium, proofs
from tests.support.chains import running
from tests.support.consortium import NL, RO, US, Consortium
from tests.support.desk import PASSPHRASE, Desk
from tests.support.laptop import Laptop
from tests.support.malice import World
from tests.support.people import joined


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with running("anvil") as url:
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("consortium")


@pytest.fixture(scope="module")
def root(chain: str, folder: Path) -> TrustRoot:
    return consortium.found(folder, chain, NL, RO, US)


@pytest.fixture(scope="module")
def trio(root: TrustRoot, folder: Path) -> Iterator[Consortium]:
    with consortium.opened(folder, NL, RO, US) as agencies:
        yield agencies


@pytest.fixture
def both(trio: Consortium) -> Consortium:
    """Two of the agencies do the work; the third one is there all the while."""
    return trio


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Consortium, TrustRoot, str]]:
    """Two agencies on a chain of their own, whose clocks go on together."""
    with running("anvil") as url:
        root = consortium.found(tmp_path, url, NL, RO)
        with consortium.opened(tmp_path, NL, RO) as agencies:
            yield agencies, root, url


@pytest.fixture
def world(tmp_path: Path, rng: random.Random) -> Iterator[World]:
    """Two agencies that can do whatever their keys let them."""
    found = World(tmp_path, rng, NL, RO)
    yield found
    found.close()


@pytest.fixture(scope="session")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose first person is administrator, officer and custodian."""
    home = tmp_path_factory.mktemp("governed") / "home"
    create_home.found(
        home,
        agency="NL-POL",
        person="4711",
        roles=["administrator", "officer", "custodian"],
        passphrase=PASSPHRASE,
    )
    return home


@pytest.fixture
def office(governed: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(Path(shutil.copytree(governed, tmp_path / "home"))) as desk:
        yield desk


@pytest.fixture
def http(desk: Desk) -> Iterator[httpx.Client]:
    """Requests made by hand, each with the proof of the session that it names."""
    with proofs.client(desk.transport) as client:
        yield client


@pytest.fixture
def photo(tmp_path: Path, rng: random.Random) -> Path:
    """A file of a hundred kilobytes."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8" + rng.randbytes(100_000))
    return path


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    """Where the keys of backups lie: away from the backups."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "keys"


@pytest.fixture
def keys(keys_file: Path) -> BackupKeys:
    return BackupKeys(keys_file, PASSPHRASE, create=True)


@pytest.fixture
def laptop(office: Desk, tmp_path: Path) -> Laptop:
    """An officer of the office, out in the field."""
    return Laptop(joined(office, tmp_path / "mine", "officer"))
