"""The mutation campaign in its short form; `make campaigns` runs the long one."""

from __future__ import annotations

import pytest

from tests.campaigns.mutations import run
from tests.campaigns.second import second_bundle
from tests.conftest import SEED


@pytest.mark.timeout(900)
def test_a_thousand_changes_are_refused_at_the_right_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts, wrong = run(1_000, SEED, second_bundle())
    with capsys.disabled():
        print(f"\nmutations, seed {SEED}: {dict(counts)}")
    assert sum(counts.values()) >= 1_000
    assert [problem for problem, _ in wrong] == []
