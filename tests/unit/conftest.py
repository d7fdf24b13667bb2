"""A genuine bundle, made once for each module that alters it."""

from __future__ import annotations

import pytest

from tests.support.desk import Desk
from tests.support.samples import Sample


@pytest.fixture(scope="module")
def sample(shared_desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(shared_desk, tmp_path_factory.mktemp("sample"))
