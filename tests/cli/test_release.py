"""`make release`, in a clone: what a stranger downloads, and how they find out that it was changed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from ledger import __version__
from tests.support.commands import ROOT
from tests.support.releasing import SOURCE, WHEEL, Installed, key_in, release
from tools.release import building, sample, sbom, signing
from tools.release.notes import NotesError, notes


def checked(folder: Path, allowed: str) -> int:
    """What a user finds out with the two commands of docs/install.md."""
    page = (ROOT / "docs" / "install.md").read_text()
    commands = re.findall(r"^    ((?:sha256sum|ssh-keygen) .+)$", page, re.MULTILINE)
    assert len(commands) == 2
    (folder.parent / "allowed_signers").write_text(allowed + "\n")
    done = subprocess.run(
        " && ".join(commands), shell=True, cwd=folder, capture_output=True, check=False
    )
    return done.returncode


def test_a_user_finds_out_whether_a_release_was_changed(
    released: tuple[Path, str], tmp_path: Path
) -> None:
    out, told = released
    allowed = told.splitlines()[-1]
    folder = Path(shutil.copytree(out, tmp_path / "downloaded"))
    assert checked(folder, allowed) == 0
    with (folder / WHEEL).open("ab") as file:
        file.write(b"\0")
    assert checked(folder, allowed) != 0
    sums = signing.write_sums(folder)  # by whoever changed the wheel
    assert sums.is_file()
    assert checked(folder, allowed) != 0
    other = key_in(tmp_path)
    (folder / "SHA256SUMS.sig").unlink()
    signing.sign(sums, other)
    assert checked(folder, allowed) != 0
    assert checked(folder, signing.allowed(other)) == 0


def test_everything_of_a_release_stands_in_its_checksums(released: tuple[Path, str]) -> None:
    out, _ = released
    listed = {line.split("  ")[1] for line in (out / "SHA256SUMS").read_text().splitlines()}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert there - listed == {"SHA256SUMS", "SHA256SUMS.sig", ".made-by-custody"}
    assert {WHEEL, SOURCE, "RELEASE-NOTES.md", *sbom.LOCKS.values()} <= listed


def test_a_release_builds_to_the_same_bytes_elsewhere_and_later(
    released: tuple[Path, str], clone: Path, tmp_path: Path
) -> None:
    out, _ = released
    source = building.copy_source(clone, tmp_path / "another" / "place")
    for path in source.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    before = os.umask(0o077)
    try:
        made = building.build(
            source, tmp_path / "dist", building.committed(clone), "wheel", "sdist"
        )
    finally:
        os.umask(before)
    assert [path.name for path in made] == [WHEEL, SOURCE]
    for path in made:
        assert path.read_bytes() == (out / path.name).read_bytes()


def test_a_release_says_nothing_of_who_built_it_and_holds_no_tests_in_its_wheel(
    released: tuple[Path, str],
) -> None:
    out, _ = released
    with tarfile.open(out / SOURCE) as archive:
        members = archive.getmembers()
        assert {(one.uid, one.gid, one.uname, one.gname) for one in members} == {(0, 0, "", "")}
        names = {one.name.partition("/")[2] for one in members}
    assert {"tests/vectors/test_vectors.py", "contracts/EvidenceLedger.sol", "Makefile"} <= names
    with zipfile.ZipFile(out / WHEEL) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {"api", "cli", "ledger", f"custody_ledger-{__version__}.dist-info"}


def test_the_bill_of_materials_names_what_the_locks_pin(released: tuple[Path, str]) -> None:
    out, _ = released
    bill = json.loads((out / f"custody_ledger-{__version__}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    locks = "".join((ROOT / name).read_text() for name in sbom.LOCKS.values())
    pinned = re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", locks, re.MULTILINE)
    assert {(one["name"], one["version"]) for one in bill["components"]} == set(pinned)
    required = {one["name"] for one in bill["components"] if one["scope"] == "required"}
    assert {"cryptography", "coincurve", "typer"} <= required
    assert not {"py-evm", "fastapi", "pyjwt", "libewf-python"} & required
    refs = [one["ref"] for one in bill["dependencies"]]
    assert len(refs) == len(set(refs)) == len(bill["components"]) + 1
    [own] = [
        one for one in bill["dependencies"] if one["ref"].startswith("pkg:pypi/custody-ledger@")
    ]
    assert any("/cryptography@" in ref for ref in own["dependsOn"])
    assert {ref for one in bill["dependencies"] for ref in one["dependsOn"]} <= set(refs)
    licensed = [one for one in bill["components"] if "licenses" in one]
    assert len(licensed) > len(bill["components"]) * 3 // 4
    wheel = [one for one in bill["metadata"]["component"]["properties"] if WHEEL in one["name"]]
    assert wheel[0]["value"] == signing.digest(out / WHEEL)


def test_a_stranger_comes_to_the_verdict_of_the_sample_by_one_command(
    released: tuple[Path, str], slim: Installed, tmp_path: Path
) -> None:
    out, _ = released
    shutil.copytree(out / sample.FOLDER, tmp_path / sample.FOLDER)
    words = sample.command(tmp_path / sample.FOLDER)
    page = (ROOT / "docs" / "install.md").read_text()
    assert f"custody/bin/custody {shlex.join(words)}\n" in page
    assert WHEEL in page
    told = slim.alone("-m", "cli", *words, folder=tmp_path).stdout
    assert "verdict: verified" in told


def test_without_a_key_there_is_no_release(clone: Path, tmp_path: Path) -> None:
    told = release(clone, "--output", str(tmp_path / "out"), code=1).stderr
    assert "no key to sign the release with: make release RELEASE_KEY=" in told
    told = release(clone, "--key", "absent", "--output", str(tmp_path / "out"), code=1).stderr
    assert "there is no key to sign the release with at absent" in told
    broken = tmp_path / "broken"
    broken.write_text("no key")
    told = release(clone, "--key", str(broken), "--output", str(tmp_path / "out"), code=1).stderr
    assert "ssh-keygen cannot read" in told
    assert not (tmp_path / "out").exists()


def test_what_is_not_committed_is_not_released(clone: Path, tmp_path: Path) -> None:
    changed = clone / "ledger" / "__init__.py"
    before = changed.read_bytes()
    changed.write_bytes(before + b"# later")
    try:
        key, out = key_in(tmp_path), tmp_path / "out"
        told = release(clone, "--key", str(key), "--output", str(out), code=1).stderr
    finally:
        changed.write_bytes(before)
    assert "commit first" in told
    assert "ledger/__init__.py" in told
    assert not out.exists()


def test_what_an_officers_day_leaves_in_the_clone_stops_no_release_and_is_in_none(
    clone: Path, tmp_path: Path
) -> None:
    """README's own day leaves photo.jpg, an invitation and for-the-court in it."""
    left = [clone / name for name in ("photo.jpg", "docs/photo.jpg", "ledger/spare.py")]
    for path in left:
        path.write_bytes(b"evidence")
    try:
        assert building.changed(clone) == []
        source = building.copy_source(clone, tmp_path / "source")
    finally:
        for path in left:
            path.unlink()
    assert (source / "Makefile").is_file()
    assert not any((source / path.relative_to(clone)).exists() for path in left)


def test_the_notes_are_those_of_the_version() -> None:
    text = "# Changelog\n\n## Unreleased\n\n- new\n\n## 0.1.0\n\n- old\n"
    assert notes(text, "0.1.0") == "# custody 0.1.0\n\n- new\n"
    assert notes(text.replace("- new\n", ""), "0.1.0") == "# custody 0.1.0\n\n- old\n"
    with pytest.raises(NotesError, match=r"neither a part '## Unreleased' nor '## 0\.2\.0'"):
        notes("# Changelog\n", "0.2.0")
