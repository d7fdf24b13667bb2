"""Work without network: signed and kept in order, sent later, once."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from tests.support.commands import custody, within


def test_what_is_recorded_without_network_is_registered_later_in_order_and_verifies(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    custody("init", "--agency", "NL-POL", "--person", "4711", home=home)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo" * 500_000)
    assert "field prepare" in custody("--offline", "upload", photo, home=home, code=2).stderr
    custody("field", "prepare", home=home)
    disk = json.loads(
        custody(
            "--offline", "--json", "seize", "disk", "--seal", "S-1", "--case", "7", home=home
        ).stdout
    )["evidence"]
    custody(
        "--offline", "record", "unseal", disk, "--number", "S-1", "--condition", "whole", home=home
    )
    made = json.loads(
        custody("--offline", "--json", "upload", photo, "--from", disk, home=home).stdout
    )["items"][0]
    custody("--offline", "note", made["evidence"], "--text", "screen is cracked", home=home)
    assert (
        "field send"
        in custody(
            "--offline",
            "get",
            made["evidence"],
            "-o",
            tmp_path / "x",
            "--basis",
            "y",
            home=home,
            code=2,
        ).stderr
    )
    assert json.loads(custody("field", "status", "--json", home=home).stdout)["queued"] == 4
    queued = b"".join(path.read_bytes() for path in (home / "client").rglob("*") if path.is_file())
    assert b"cracked" not in queued
    kept = shutil.copytree(home / "client", tmp_path / "kept")
    sent = json.loads(custody("field", "send", "--json", home=home).stdout)
    assert (sent["sent"], sent["repeated"]) == (4, 0)
    shutil.rmtree(home / "client")
    shutil.copytree(kept, home / "client")  # as if the answer had been lost
    again = json.loads(custody("field", "send", "--json", home=home).stdout)
    assert (again["sent"], again["repeated"]) == (4, 4)
    assert json.loads(custody("field", "status", "--json", home=home).stdout)["queued"] == 0
    custody("anchor", home=home)
    custody("bundle", made["evidence"], "-o", tmp_path / "b", "--basis", "court", home=home)
    custody("trust", "-o", tmp_path / "t", home=home)
    custody("verify", tmp_path / "b", photo, "--trust", tmp_path / "t", "--timeline")
    assert "seal opened" in custody("show", disk, "--basis", "look", home=home).stdout
    assert "ok" in custody("doctor", "--deep", home=home, code=3).stdout


def test_a_short_id_that_was_told_without_network_is_taken_there_and_stays_right_on_the_label(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    home = worked["home"]
    assert within("field", "prepare", home=home)[0] == 0
    code, told, said = within("--offline", "seize", "bag", "--case", "77", home=home)
    assert code == 0, said
    [bag] = re.findall(r"named without network by its id: ([0-9a-f]{8})$", told, re.MULTILINE)
    code, _, said = within("--offline", "note", bag, "--text", "x", home=home)
    assert code == 0, said
    (tmp_path / "f").write_bytes(b"taken in the field")
    code, listed, said = within("--offline", "upload", tmp_path / "f", "--case", "77", home=home)
    assert code == 0, said
    ids = re.findall(r"^([0-9a-f]{8})  ", listed, re.MULTILINE)
    assert len(ids) == 1
    code, _, said = within("--offline", "note", ids[0], "--text", "x", home=home)
    assert code == 0, said
    for unknown in ("00000000", "77/A1", "nonsense"):
        code, _, said = within("--offline", "note", unknown, "--text", "x", home=home)
        assert (code, "without network, give the whole id" in said) == (2, True), said
    assert within("field", "send", home=home)[0] == 0
    shown = json.loads(within("--json", "show", ids[0], home=home)[1])
    assert shown["item"]["opening"].startswith(ids[0])
    assert len(shown["events"]) == 2
