"""A genuine bundle to be altered, and the trust root that it verifies by."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger.adapters import profiles
from ledger.client.intake.upload import UploadOptions
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.log import item_map
from ledger.domain.verify import FileDigest
from tests.support.desk import Desk


class Sample:
    """A bundle of three events anchored at two different checkpoints, and its trust root."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        path = folder / "evidence.bin"
        path.write_bytes(os.urandom(5000))
        (item,) = desk.upload(path, options=UploadOptions({"basis": {"purpose": "search"}}))
        desk.anchor()
        desk.record(item.evidence, "note", {"text": "first"})
        desk.record(item.evidence, "note", {"text": "second"})
        desk.anchor()
        (other,) = desk.upload(path)
        desk.anchor()
        self.desk = desk
        self.data = desk.bundle(item.evidence)
        self.other = bundles.parse(desk.bundle(other.evidence))
        self.good = bundles.parse(self.data)
        self.proof = item_map.parse_proof(self.good.lists[0].proof)
        self.root = desk.trust()
        self.file = FileDigest(item.size, item.digests)


def edit_chain(bundle: Bundle, **changes: Any) -> Bundle:
    assert bundle.chain is not None
    return bundle.with_chain(replace(bundle.chain, **changes))


def profile_apart(folder: Path) -> Path:
    """A profile that wants the administrator to have no other role."""
    path = folder / "apart.toml"
    neutral = profiles.source("neutral").decode()
    path.write_text(neutral.replace("[required]", "administrator_apart = true\n[required]"))
    return path
