"""A bundle of another agency on another chain, to splice from."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ledger.app import create_home
from tests.support.desk import PASSPHRASE, Desk


def second_bundle() -> bytes:
    """Three events of an item of another agency, anchored."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        create_home.found(
            home,
            agency="RO-DIICOT",
            person="7",
            roles=["officer", "custodian"],
            passphrase=PASSPHRASE,
        )
        with Desk(home) as desk:
            path = Path(name) / "file"
            path.write_bytes(bytes(5000))
            item = desk.upload(path)[0]
            desk.anchor()
            desk.record(item.evidence, "note", {"text": "one"})
            desk.anchor()
            desk.record(item.evidence, "note", {"text": "two"})
            desk.anchor()
            return desk.bundle(item.evidence)
