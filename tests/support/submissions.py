"""What test_main_job.py and test_registration.py share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def photo(tmp_path: Path, rng: object) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8" + os.urandom(100_000))
    return path
