"""The short form of the crash campaign; `make soak` runs the long one."""

from __future__ import annotations

import pytest

from tests.campaigns.soak import run
from tests.conftest import SEED


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_twenty_kills_lose_nothing_acknowledged(capsys: pytest.CaptureFixture[str]) -> None:
    counts = run(20, SEED)
    with capsys.disabled():
        print(f"\nsoak, seed {SEED}: {dict(counts)}")
    assert counts["checks"] == 21
    assert counts["events"] > 0
    assert counts["killed at work"] > 0
