"""What is kept of an invitation until its certificate is there."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from tests.cli.test_person import OTHER, served  # noqa: F401
from tests.support.commands import custody, within


def test_an_altered_invitation_does_not_take_the_place_of_the_one_by_which_somebody_asked(
    served: Path, tmp_path: Path
) -> None:
    mine, forged = tmp_path / "mine", tmp_path / "forged.json"
    custody("person", "invite", "4731", "-o", tmp_path / "good.json", home=served)
    shown = custody("person", "enrol", tmp_path / "good.json", home=mine, environment=OTHER).stdout
    [fingerprint] = re.findall(r"^  ((?:[0-9a-f]{4} ?){4})$", shown, re.MULTILINE)
    good = json.loads((tmp_path / "good.json").read_bytes())
    forged.write_text(json.dumps({**good, "code": "A" * len(good["code"])}))
    custody("person", "enrol", forged, "--yes", home=mine, environment=OTHER, code=1)
    custody("person", "approve", "4731", "--fingerprint", fingerprint, home=served)
    assert "you are enrolled" in custody("status", home=mine, environment=OTHER).stderr


def test_what_is_kept_of_an_invitation_is_sent_to_no_address_but_its_own(
    served: Path, tmp_path: Path
) -> None:
    """Whoever was named with --server got the code, and joined by it in that person's place."""
    mine = tmp_path / "mine"
    custody("person", "invite", "4732", "-o", tmp_path / "good.json", home=served)
    custody("person", "enrol", tmp_path / "good.json", home=mine, environment=OTHER)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.1)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        said = custody("--server", address, "status", home=mine, environment=OTHER, code=2).stderr
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert "you are not enrolled yet: your fingerprint is" in said


@pytest.mark.parametrize("words", [("accept",), ("decline", "3f0c1d2e", "--reason", "broken")])
def test_whoever_is_not_enrolled_yet_hears_that_before_they_are_told_to_say_yes(
    served: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    mine, number = tmp_path / "mine", f"47{50 + len(words)}"
    custody("person", "invite", number, "-o", tmp_path / "good.json", home=served)
    custody("person", "enrol", tmp_path / "good.json", home=mine, environment=OTHER)
    said = custody("handover", *words, home=mine, environment=OTHER, code=2).stderr
    assert "you are not enrolled yet: your fingerprint is" in said


def test_another_invitation_does_not_take_the_place_of_a_kept_one_without_a_word(
    served: Path, tmp_path: Path
) -> None:
    """A colleague's, or one to somebody's own machine that answers with the public descriptor."""
    mine, other, moved = tmp_path / "mine", tmp_path / "4734.json", tmp_path / "moved.json"
    custody("person", "invite", "4733", "-o", tmp_path / "4733.json", home=served)
    custody("person", "invite", "4734", "-o", other, home=served)
    custody("person", "enrol", tmp_path / "4733.json", home=mine, environment=OTHER)
    good = json.loads((tmp_path / "4733.json").read_bytes())
    address = good["server"].replace("127.0.0.1", "localhost")
    moved.write_text(json.dumps({**good, "server": address}))
    before = (mine / "keyring.json").read_bytes(), (mine / "client.json").read_bytes()
    phrase = OTHER["CUSTODY_PASSPHRASE"]
    for file, news in ((other, "another code"), (moved, f"goes to {address} in the place of")):
        for typed in (None, "n\n", "\n"):
            words = ("person", "enrol", file)
            code, _, said = within(*words, home=mine, passphrase=phrase, typed=typed)
            assert (code, news in " ".join(said.replace("\\", "").split())) == (2, True), said
            assert "--home NEW-FOLDER" in said
    assert before == ((mine / "keyring.json").read_bytes(), (mine / "client.json").read_bytes())
    listed = json.loads(custody("person", "list", "--json", home=served).stdout)
    assert {one["number"]: one["state"] for one in listed["people"]}["4734"] == "invited"
    words = ("person", "enrol", other, "--no-wait")
    assert within(*words, home=mine, passphrase=phrase, typed="y\n")[0] == 0
    listed = json.loads(custody("person", "list", "--json", home=served).stdout)
    asking = [one["reference"] for one in listed["people"] if one["number"] in ("4733", "4734")]
    assert [sorted(one) for one in listed["sharingKeys"]] == [sorted(asking)]
    shown = " ".join(custody("person", "list", home=served).stdout.split())
    assert "4733 (requested) and 4734 (requested) have the same keys" in shown
