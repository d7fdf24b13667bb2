"""Bad input, one by one: what was expected, what was found, what to do, the right exit code, and
nothing half-written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.ipfs.packindex import PackIndex
from ledger.app import create_home
from ledger.domain.codecs import cbor
from ledger.domain.ipld import cid as cids
from tests.support.commands import custody, within
from tests.support.desk import PASSPHRASE

#: The system refuses to let any file grow beyond a limit, as a full disk does.
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"


def told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One message and one hint, in plain words, within the terminal."""
    for word in words:
        assert word in done.stderr, done.stderr
    assert "what to do: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


def untouched(home: Path) -> int:
    """How many items there are; nothing half-written may lie about."""
    parts = (".part", ".custody-part", ".tmp")
    assert not [path for path in home.rglob("*") if path.suffix in parts]
    return len(json.loads(custody("list", "--json", home=home).stdout)["items"])


@pytest.fixture(scope="module")
def home(worked: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(worked["home"], tmp_path_factory.mktemp("bad") / "home"))


def test_what_cannot_be_uploaded_is_named_and_nothing_is_recorded(
    home: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    before = untouched(home)
    for path, code, words in (
        (tmp_path / "missing", 2, ("cannot upload", "No such file")),
        (tmp_path / "broken", 2, ("cannot upload", "No such file")),
        (tmp_path / "fifo", 2, ("named pipe", "expected a file or a folder")),
        (Path("/dev/zero"), 2, ("character device", "image a device first")),
        (Path("/proc/self/mem"), 4, ("cannot read", "the medium")),
    ):
        told(custody("upload", path, home=home, code=code), *words)
    assert untouched(home) == before


def test_names_that_are_not_utf_8_are_kept_byte_for_byte(home: Path, tmp_path: Path) -> None:
    name = b"caf\xe9 \xff.jpg"
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    done = custody("--json", "upload", os.fsencode(tmp_path) + b"/" + name, home=home)
    evidence = json.loads(done.stdout)["items"][0]["evidence"]
    shown = json.loads(custody("show", evidence, "--basis", "x", "--json", home=home).stdout)
    body = shown["details"][0]["document"]["body"]
    assert body["name"] == "caf\\xe9 \\xff.jpg"
    assert body["ext"]["nameBytes"] == "Y2Fm6SD_LmpwZw"


def test_a_full_disk_stops_an_upload_and_the_next_one_goes_on(home: Path, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom(9_000_000))
    before = untouched(home)
    told(
        custody("upload", big, home=home, code=1, before=FULL.format(3_000_000)),
        "could not be written",
        "free space",
    )
    assert untouched(home) == before
    done = json.loads(custody("upload", big, "--json", home=home).stdout)
    assert done["items"][0]["resumed"]
    assert (
        "verdict: incomplete" in custody("doctor", "--deep", home=home, code=3).stdout
    )  # whole; the newest entries wait to be anchored


def test_a_full_disk_stops_get_and_bundle_and_leaves_no_file(
    home: Path, worked: dict[str, Path], tmp_path: Path
) -> None:
    done = custody(
        "get",
        worked["evidence"],
        "-o",
        tmp_path / "out",
        "--basis",
        "x",
        home=home,
        code=1,
        before=FULL.format(20_000),
    )
    assert "what to do: " in done.stderr
    assert list(tmp_path.iterdir()) == []
    told(
        custody(
            "get",
            worked["evidence"],
            "-o",
            tmp_path / "none" / "out",
            "--basis",
            "x",
            home=home,
            code=2,
        ),
        "cannot write",
    )


def test_a_flipped_bit_in_a_stored_block_is_found_and_leaves_no_file(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    home = Path(shutil.copytree(worked["home"], tmp_path / "home"))
    item = json.loads(custody("list", "--json", home=home).stdout)["items"][0]
    index = PackIndex(home / "blocks")
    place = index.find(cids.from_text(item["cid"]))
    index.close()
    assert place is not None
    pack = home / "blocks" / f"pack-{place.pack:06}.car"
    data = bytearray(pack.read_bytes())
    data[place.at + 100] ^= 1
    pack.write_bytes(data)
    done = custody(
        "get", item["evidence"], "-o", tmp_path / "out", "--basis", "x", home=home, code=1
    )
    told(done, "was altered on disk", "replica or a backup")
    assert not (tmp_path / "out").exists()
    assert "was altered on disk" in custody("doctor", "--deep", home=home, code=1).stdout


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle and trust root of another agency on another chain."""
    folder = tmp_path_factory.mktemp("foreign")
    create_home.found(
        folder / "home",
        agency="RO-DIICOT",
        person="1",
        roles=["officer", "custodian"],
        passphrase=PASSPHRASE,
    )
    (folder / "file").write_bytes(b"x")
    done = json.loads(custody("upload", folder / "file", "--json", home=folder / "home").stdout)
    custody("anchor", home=folder / "home")
    custody(
        "bundle",
        done["items"][0]["evidence"],
        "-o",
        folder / "b.bundle",
        "--basis",
        "x",
        home=folder / "home",
    )
    custody("trust", "-o", folder / "trust.json", home=folder / "home")
    return folder


def test_bundles_that_prove_nothing_here_fail_at_the_step_at_fault(
    worked: dict[str, Path], foreign: Path, tmp_path: Path
) -> None:
    own = worked["folder"]
    later = cbor.decode((own / "b.bundle").read_bytes()) | {"v": 3}
    (tmp_path / "later.bundle").write_bytes(cbor.encode(later))
    (tmp_path / "cut.bundle").write_bytes((own / "b.bundle").read_bytes()[:-100])
    root = json.loads((own / "trust.json").read_text())
    (tmp_path / "later.json").write_text(json.dumps(root | {"v": root["v"] + 1}))
    for bundle, trust, code, step, words in (
        (foreign / "b.bundle", own / "trust.json", 1, 6, ""),
        (own / "b.bundle", foreign / "trust.json", 1, 6, ""),
        (tmp_path / "later.bundle", own / "trust.json", 4, 1, "version 3, expected 2"),
        (tmp_path / "cut.bundle", own / "trust.json", 4, 1, "a part of the file is missing"),
    ):
        report = json.loads(custody("verify", bundle, "--trust", trust, "--json", code=code).stdout)
        told_of = {1: "failed", 4: "unreadable"}[code]
        assert report["verdict"] == told_of
        assert [one["number"] for one in report["steps"] if one["status"] == told_of] == [step], (
            report["steps"]
        )
        assert words in json.dumps(report["steps"])
    told(
        custody("verify", own / "b.bundle", "--trust", tmp_path / "later.json", code=2),
        f"version {root['v'] + 1}",
    )


@pytest.mark.parametrize(
    ("old", "changed"), [("chainId", {"chainId": 5}), ("finality", {"finality": None})]
)
def test_where_the_trust_root_may_be_at_fault_the_record_is_not_blamed_alone(
    worked: dict[str, Path], tmp_path: Path, old: str, changed: dict[str, Any]
) -> None:
    """A changed trust.json made it "the record shows something that the agency never took in"."""
    own, other = worked["folder"], tmp_path / "other.json"
    root = json.loads((own / "trust.json").read_text())
    clique = {**root["finality"][0], "signers": ["0x" + "ab" * 20]}
    other.write_text(json.dumps(root | {old: changed[old] or [clique]}))
    said = custody("verify", own / "b.bundle", "--trust", other, code=1).stdout
    assert "or the trust root that you gave was changed" in " ".join(said.split())
    digits = re.search(r"fingerprint ((?:\d{5} ?){8})", said)
    assert digits is not None
    words = ("--trust", other, "--trust-fingerprint", digits[1].strip())
    said = custody("verify", own / "b.bundle", *words, code=1).stdout
    assert "or the trust root that you gave" not in " ".join(said.split())


def test_a_damaged_home_is_named_and_not_made_worse(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    for name, words in (
        ("home.json", "cannot be read"),
        ("keyring.json", "is not a keyring"),
        ("ledger.sqlite", "ledger.sqlite could not be opened: SQLITE_NOTADB"),
    ):
        home = Path(shutil.copytree(worked["home"], tmp_path / name.partition(".")[0]))
        for extra in home.glob("ledger.sqlite-*"):
            extra.unlink()
        (home / name).write_bytes(b"garbage" * 100)
        told(custody("list", home=home, code=1), words)
        assert (home / name).read_bytes() == b"garbage" * 100


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["upload", ""], "a word of the command is empty"),
        (["upload", "--", ""], "a word of the command is empty"),
        (["upload", "FILE", "--case", ""], "nothing is said with --case"),
        (["upload", "FILE", "--case=  "], "nothing is said with --case"),
        (["upload", "FILE", "--part-of", ""], "nothing is said with --part-of"),
        (["verify", "FILE", "--trust-fingerprint", ""], "nothing is said with --trust-fingerprint"),
        (["audit", "--trust-fingerprint="], "nothing is said with --trust-fingerprint"),
        (["court", "FILE", "-o", ""], "nothing is said with -o"),
        (["--server", "", "list"], "nothing is said with --server"),
    ],
)
def test_a_variable_that_is_not_set_is_taken_for_nothing_that_was_not_said(
    home: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    """`upload "$FILE"` recorded the working folder; a fingerprint of no digits was compared with
    nothing, and the verdict was "verified"; a case of no number recorded an item of no case.
    """
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"photo")
    before = untouched(home)
    given = [str(file) if word == "FILE" else word for word in words]
    code, out, said = within(*given, home=home)
    assert (code, out) == (2, ""), said
    assert told in said
    assert "what to do: say it, or leave it out" in said
    assert untouched(home) == before
