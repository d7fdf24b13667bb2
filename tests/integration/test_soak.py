"""The crash campaign in its shortest form; `make soak`, and so `make nightly`, runs the long one."""

from __future__ import annotations

import pytest

from tests.campaigns.soak import run
from tests.conftest import SEED


@pytest.mark.timeout(900)
def test_kills_lose_nothing_acknowledged(capsys: pytest.CaptureFixture[str]) -> None:
    counts = run(4, SEED)
    with capsys.disabled():
        print(f"\nsoak, seed {SEED}: {dict(counts)}")
    assert counts["checks"] == 5
    assert counts["events"] > 0
    assert counts["killed at work"] > 0
