"""Shared fixtures: a home founded once and copied for each test, and a person at a desk in it."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.app import create_home
from tests.support import stretching
from tests.support.desk import PASSPHRASE, Desk
from tests.support.kubo import Daemon, swarm

# Commands are started hundreds of times: compiling them anew each time would take minutes.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# What commands remember of homes, and the home that they find by themselves, are the tests' own.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="custody-tests-data-")
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="custody-tests-config-")
# One zone, whatever the machine's: times are told as its clock goes, with UTC beside.
os.environ["TZ"] = "UTC"
time.tzset()
for _name in ("CUSTODY_HOME", "CUSTODY_PASSPHRASE_FILE", "CUSTODY_SERVER"):
    os.environ.pop(_name, None)
SEED = int(os.environ.get("CUSTODY_TEST_SEED", "20261121"))


def pytest_report_header() -> str:
    return f"custody test seed: {SEED} (set CUSTODY_TEST_SEED to change it)"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Randomness that the header's seed and the test's name give again."""
    return random.Random(f"{SEED} {request.node.nodeid}")


@pytest.fixture(scope="session", autouse=True)
def _stretched(tmp_path_factory: pytest.TempPathFactory) -> None:
    stretching.keep_in(tmp_path_factory.mktemp("stretched"))


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("founded") / "home"
    create_home.found(
        home, agency="NL-POL", person="4711", roles=["officer", "custodian"], passphrase=PASSPHRASE
    )
    return home


@pytest.fixture
def home_path(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


@pytest.fixture
def desk(home_path: Path) -> Iterator[Desk]:
    with Desk(home_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_desk(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk for tests that only read, with an anchored item of several events."""
    home = Path(shutil.copytree(founded, tmp_path_factory.mktemp("shared") / "home"))
    with Desk(home) as opened:
        yield opened


@pytest.fixture(scope="session")
def _three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Daemon]]:
    with swarm(tmp_path_factory.mktemp("swarm"), "site-a", "site-b", "site-c") as daemons:
        yield daemons


@pytest.fixture
def three(_three: list[Daemon]) -> list[Daemon]:
    """Three real Kubo daemons in one private swarm on loopback, all of them running: a test may
    kill them.
    """
    for daemon in _three:
        if daemon.process is None:
            daemon.start()
    return _three
