"""`custody verify` as somebody in a hurry types it: with the file alone, and reading one line."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from ledger.app import bootstrap, public_trust, settings
from ledger.app.settings import ClientSettings
from ledger.domain.bundle import trust_fingerprint
from ledger.domain.bundle.trust import parse
from tests.support.commands import within


@pytest.fixture
def given(worked: dict[str, Path], tmp_path: Path) -> Path:
    """A folder with a photograph, its bundle under another name, and a trust root."""
    for name in ("photo.jpg", "b.bundle", "trust.json"):
        shutil.copyfile(worked["folder"] / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", ["photo.jpg.bundle", "photo.bundle"])
def test_the_bundle_beside_a_file_and_the_trust_root_of_the_home_are_found(
    given: Path, worked: dict[str, Path], name: str
) -> None:
    (given / "b.bundle").rename(given / name)
    code, printed, said = within("verify", given / "photo.jpg", home=worked["home"])
    assert code == 0, said
    assert "note: judged by the chain of your own home" in printed


def test_a_trust_root_that_lies_beside_a_bundle_is_not_taken_by_itself(
    given: Path, tmp_path: Path
) -> None:
    """Whoever made up the bundle would have put it there."""
    code, printed, said = within(
        "verify", given / "b.bundle", given / "photo.jpg", home=tmp_path / "no home"
    )
    assert (code, printed) == (2, "")
    [command] = re.findall(r"what to do: (custody .*)", said)
    words = [*shlex.split(command)[1:-1], str(given / "trust.json")]
    assert within(*words)[0] == 0


def test_a_file_without_its_bundle_is_told_with_the_command(given: Path) -> None:
    code, _, said = within("verify", given / "photo.jpg", "--trust", given / "trust.json")
    assert code == 4
    [command] = re.findall(r"name its bundle: (custody .*)", said)
    assert within(*shlex.split(command)[1:])[0] == 0
    (given / "b.bundle").unlink()
    code, _, said = within("verify", given / "photo.jpg", "--trust", given / "trust.json")
    assert (code, "no photo.jpg.bundle or photo.bundle lies beside it" in said) == (4, True)


@pytest.mark.parametrize("name", ["/", ".", ".."])
def test_what_has_no_name_is_told_as_a_folder(
    given: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside it nothing can be looked for: that was told as a defect of ours."""
    (inner := tmp_path / "outer" / "inner").mkdir(parents=True)
    monkeypatch.chdir(inner)
    code, _, said = within("verify", name, "--trust", given / "trust.json")
    assert (code, "is a folder, not an evidence bundle" in said) == (4, True), said


def test_a_name_like_an_option_is_no_option_of_the_hint(
    given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a folder that a forger filled: the command that is proposed would name their trust root."""
    monkeypatch.chdir(given)
    (given / "b.bundle").rename(given / "--trust=trust.bundle")
    code, _, said = within("verify", "photo.jpg", "--trust", "trust.json")
    assert code == 4
    [command] = re.findall(r"name its bundle: (custody .*)", said)
    assert shlex.split(command)[2:4] == ["./--trust=trust.bundle", "photo.jpg"]


def test_a_bundle_in_the_place_of_the_file_is_no_verdict_on_the_file(given: Path) -> None:
    """Any good bundle under the file's name was verified, and the exit code was 0."""
    (given / "b.bundle").rename(given / "photo.jpg.bundle")
    shutil.copyfile(given / "photo.jpg.bundle", given / "photo.jpg")
    asked = ("verify", given / "photo.jpg", "--trust", given / "trust.json")
    code, printed, _ = within(*asked)
    assert (code, "FAILED: this file is not the one that was recorded" in printed) == (1, True)
    turned = within("verify", given / "photo.jpg", given / "photo.jpg.bundle", *asked[2:])
    assert turned[:2] == (code, printed)
    (given / "photo.jpg.bundle").unlink()
    code, printed, said = within(*asked)
    assert (code, printed) == (4, "")
    assert "is itself an evidence bundle, and no bundle of it lies beside it" in said


@pytest.mark.parametrize("twice", ["b.bundle", "linked.bundle"])
def test_one_bundle_that_is_named_twice_accuses_no_file(given: Path, twice: str) -> None:
    """It was compared with itself, and told that the file was changed after it was recorded."""
    (given / "linked.bundle").symlink_to(given / "b.bundle")
    code, printed, said = within(
        "verify", given / "b.bundle", given / twice, "--trust", given / "trust.json"
    )
    assert (code, printed) == (4, "")
    assert "was given as bundle and as file: neither verified nor refuted" in said


def test_what_failed_stands_first_with_what_it_means_and_last(given: Path) -> None:
    with (given / "photo.jpg").open("ab") as file:
        file.write(b"x")
    code, printed, _ = within(
        *("verify", given / "b.bundle", given / "photo.jpg", "--trust", given / "trust.json"),
        "--timeline",
    )
    first, *_, last = printed.splitlines()
    assert (code, last) == (1, "verdict: failed")
    assert first == "FAILED: this file is not the one that was recorded (step 9)"
    assert "what it means: it was changed after it was recorded, or is another file" in printed
    assert "the record itself is good: steps 1 to 8 hold" in printed


def test_a_record_that_is_not_whole_is_not_called_good_where_the_file_differs(
    given: Path, worked: dict[str, Path]
) -> None:
    evidence = worked["evidence"]
    assert within("note", evidence, "--text", "x", home=worked["home"])[0] == 0
    bundle = given / "waits.bundle"
    assert within("bundle", evidence, "-o", bundle, "--basis", "x", home=worked["home"])[0] == 0
    (given / "photo.jpg").write_bytes(b"other")
    code, printed, _ = within(
        "verify", bundle, given / "photo.jpg", "--trust", given / "trust.json"
    )
    assert (code, "the record itself is good" in printed) == (1, False), printed


def test_a_record_that_is_not_anchored_is_called_incomplete_first(
    given: Path, worked: dict[str, Path]
) -> None:
    evidence = worked["evidence"]
    assert within("note", evidence, "--text", "x", home=worked["home"])[0] == 0
    bundle = given / "waits.bundle"
    assert within("bundle", evidence, "-o", bundle, "--basis", "x", home=worked["home"])[0] == 0
    code, printed, _ = within("verify", bundle, "--trust", given / "trust.json")
    assert (code, printed.startswith("INCOMPLETE: nothing contradicts the record")) == (3, True)
    assert "still open: steps 3, 5" in printed


@pytest.mark.parametrize("field", ["/body/digests/sha-256", "/body/name"])
def test_what_was_corrected_later_is_told_with_the_verdict(
    worked: dict[str, Path], tmp_path: Path, field: str
) -> None:
    """A file was called verified without a word of its digest having been called wrong."""
    home = Path(shutil.copytree(worked["home"], tmp_path / "home"))
    evidence = worked["evidence"]
    said = ("correct", evidence, "--event", "0", "--field", field, "--new", "0" * 64)
    assert within(*said, "--reason", "typing error", home=home)[0] == 0
    assert within("anchor", home=home)[0] == 0
    bundle = tmp_path / "b.bundle"
    assert within("bundle", evidence, "-o", bundle, "--basis", "x", home=home)[0] == 0
    code, printed, _ = within("verify", bundle, worked["photo"], home=home)
    assert code == 0
    behind = printed.splitlines()[2]  # the verdict, which takes two lines
    is_digest = field.startswith("/body/digests")
    assert behind.startswith("  corrected later, by event") == is_digest
    told = " ".join(printed.split())
    assert re.search(rf'note: event \d+ corrects event 0: {field} is now "0{{64}}"', told)


def test_who_verifies_in_their_own_home_is_asked_for_no_passphrase(
    given: Path, worked: dict[str, Path]
) -> None:
    """The trust root of the home is public, and it is the one that the node gives."""
    (given / "b.bundle").rename(given / "photo.jpg.bundle")
    code, _, said = within("verify", given / "photo.jpg", home=worked["home"], passphrase=None)
    assert code == 0, said
    told, own = parse((given / "trust.json").read_bytes()), parse(public_trust.read(worked["home"]))
    assert trust_fingerprint.of(own).chain == trust_fingerprint.of(told).chain


def test_the_trust_root_of_a_home_is_read_while_another_process_has_it(
    given: Path, worked: dict[str, Path]
) -> None:
    lock = bootstrap.lock_home(worked["home"])
    try:
        code, _, said = within(
            "verify", given / "b.bundle", given / "photo.jpg", home=worked["home"], passphrase=None
        )
    finally:
        lock.release()
    assert code == 0, said


def test_a_folder_is_verified_by_its_name(given: Path) -> None:
    (given / "b.bundle").rename(given / "photo.jpg.bundle")
    (given / "READ-ME.html").write_text("<p>Check it.</p>")
    code, printed, said = within("verify", given, "--trust", given / "trust.json")
    assert (code, "the record; no file" in printed) == (0, False), said
    assert "compared with nothing" not in said
    (given / "notes.txt").write_text("of somebody else")
    code, _, said = within("verify", given, "--trust", given / "trust.json")
    assert (code, "compared with nothing: notes.txt" in said) == (0, True), said
    (given / "photo.jpg").write_bytes(b"another photograph")
    code, printed, _ = within("verify", given, "--trust", given / "trust.json")
    assert (code, "verdict: failed" in printed) == (1, True)


def test_which_file_of_a_folder_is_meant_is_never_guessed(given: Path) -> None:
    """Whoever put a file of another name there would have it taken for the one that was checked."""
    code, printed, said = within("verify", given, "--trust", given / "trust.json")
    assert (code, printed) == (4, "")
    assert "holds photo.jpg: neither verified nor refuted" in said
    [command] = re.findall(r"name the file with it: (custody .*)", said)
    assert within(*shlex.split(command)[1:])[0] == 0
    shutil.copyfile(given / "b.bundle", given / "c.bundle")
    code, _, said = within("verify", given, "--trust", given / "trust.json")
    assert (code, "is a folder with 2 evidence bundles: b.bundle, c.bundle" in said) == (4, True)
    for path in given.glob("*.bundle"):
        path.unlink()
    code, _, said = within("verify", given, "--trust", given / "trust.json")
    assert (code, "it holds photo.jpg, trust.json" in said) == (4, True), said


def test_whoever_takes_the_file_out_of_a_folder_gets_no_verdict_of_its_record_alone(
    given: Path,
) -> None:
    trust = ("--trust", given / "trust.json")
    (given / "b.bundle").rename(given / "photo.jpg.bundle")
    (given / "photo.jpg").unlink()
    code, printed, said = within("verify", given, *trust, "--timeline")
    assert (code, printed) == (4, "")
    assert "is the bundle of photo.jpg, which" in said
    [command] = re.findall(r"verify the record alone: (custody .*)", said)
    assert command.endswith(" --timeline")
    assert within(*shlex.split(command)[1:])[0] == 0
    (given / "photo.jpg.bundle").rename(given / "item.bundle")  # as `court` calls one without file
    assert within("verify", given, *trust)[0] == 0


def test_a_chain_that_is_gone_is_told_and_not_made_anew(
    given: Path, worked: dict[str, Path], tmp_path: Path
) -> None:
    """It was an error of ours, and an empty one lay in its place from then on."""
    home = Path(shutil.copytree(worked["home"], tmp_path / "home"))
    chain = home / "chain" / "chain.sqlite"
    chain.unlink()
    code, _, said = within("verify", given / "b.bundle", home=home, passphrase=None)
    assert (code, "the embedded chain could not be read" in said) == (4, True), said
    assert not chain.exists()


@pytest.mark.parametrize("name", ["READ-ME.html", "trust.json"])
def test_what_lies_beside_the_evidence_is_not_proposed_as_the_file(given: Path, name: str) -> None:
    (given / "READ-ME.html").write_text("<p>Check it.</p>")
    (given / "b.bundle").rename(given / "photo.jpg.bundle")
    code, _, said = within("verify", given / name, "--trust", given / "trust.json")
    assert code == 4
    [command] = re.findall(r"what is in it is found: (custody .*)", said)
    assert within(*shlex.split(command)[1:])[0] == 0


def test_who_cannot_reach_the_node_of_their_agency_is_told_of_a_trust_root(
    given: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    settings.write_client(mine, ClientSettings(1, "http://127.0.0.1:9", "NL-POL", "log"))
    code, _, said = within("verify", given / "b.bundle", given / "photo.jpg", home=mine)
    assert (code, "was not read: the node did not answer" in said) == (3, True), said
    [command] = re.findall(r"what to do: (custody .*)", said)
    assert command.endswith("photo.jpg --trust TRUST-ROOT")


def test_the_command_that_is_told_for_want_of_a_trust_root_has_what_was_typed(
    given: Path, tmp_path: Path
) -> None:
    (given / "b.bundle").rename(given / "photo.jpg.bundle")
    code, _, said = within("verify", given, "--timeline", home=tmp_path / "no home")
    assert code == 2
    assert "trust.json lies beside it, chosen by whoever made the folder: compare" in said
    [command] = re.findall(r"what to do: (custody .*)", said)
    assert command.endswith("--timeline --trust TRUST-ROOT")
