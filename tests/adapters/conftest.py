"""A client of a real Kubo daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from ledger.adapters.ipfs.kubo import Kubo
from tests.support.kubo import Daemon


@pytest.fixture
def kubo(three: list[Daemon]) -> Iterator[Kubo]:
    with closing(three[0].client()) as client:
        yield client
