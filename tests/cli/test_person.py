"""A colleague joins an agency from another machine: invitation, keys, fingerprint, approval, work,
suspension.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import ROOT, custody, serving, settings_of_commands, within

OTHER = {"CUSTODY_PASSPHRASE": "another person's passphrase"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("person") / "home"
    custody("init", "--agency", "NL-POL", "--person", "4711", home=home)
    with serving(home, "--port", "0"):
        yield home


def test_from_invitation_to_suspension(served: Path, tmp_path: Path, rng: random.Random) -> None:
    mine, invitation = tmp_path / "mine", tmp_path / "invitation.json"
    custody(
        "person", "invite", "--number", "4712", "--role", "officer", "-o", invitation, home=served
    )
    assert invitation.stat().st_mode & 0o077 == 0
    assert (
        "exists already"
        in custody(
            "person",
            "invite",
            "--number",
            "1",
            "--role",
            "officer",
            "-o",
            invitation,
            home=served,
            code=2,
        ).stderr
    )

    asked = custody("person", "enrol", invitation, home=mine, environment=OTHER).stdout
    [fingerprint] = re.findall(r"^  ((?:[0-9a-f]{4} ?){4})$", asked, re.MULTILINE)
    early = custody("status", home=mine, environment=OTHER, code=2).stderr
    assert f"not enrolled yet: your fingerprint is {fingerprint}" in " ".join(early.split())
    early = custody("person", "fetch", home=mine, environment=OTHER, code=1).stderr
    assert "an administrator has to approve you first" in early
    assert f"custody --home {mine} person enrol" in early

    listed = json.loads(custody("person", "list", "--json", home=served).stdout)["people"]
    [waiting] = [one for one in listed if one["state"] == "requested"]
    assert waiting["fingerprint"] == fingerprint
    shown = custody("person", "list", home=served).stdout
    assert f"4712 asks to join, with the fingerprint {fingerprint}" in shown
    assert f"person approve {waiting['reference']}" in shown
    unasked = custody("person", "approve", waiting["reference"], home=served, code=2).stderr
    assert "nobody can be asked" in unasked
    approving = ("person", "approve", waiting["reference"], "--yes", "--json")
    done = json.loads(custody(*approving, home=served).stdout)
    invitation.unlink()  # whatever they type next joins, and needs no file any more
    assert "enrolled at" in custody("inbox", home=mine, environment=OTHER).stderr
    assert "enrolled at" not in custody("inbox", home=mine, environment=OTHER).stderr

    path = tmp_path / "file.bin"
    path.write_bytes(rng.randbytes(50_000))
    uploaded = json.loads(custody("upload", path, "--json", home=mine, environment=OTHER).stdout)[
        "items"
    ][0]["evidence"]
    custody("get", uploaded, "-o", tmp_path / "out", "--basis", "x", home=mine, environment=OTHER)
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    refused = custody("person", "list", home=mine, environment=OTHER, code=1).stderr
    assert "ask a colleague who has it: 4711 (administrator)" in refused
    shared = ("share", uploaded, "--with", done["pseudonym"], "--basis", "x")
    refused = custody(*shared, home=mine, environment=OTHER, code=1).stderr
    assert "none of your roles may record 'disclosed'" in refused
    assert "ask a colleague who has it: 4711 (custodian)" in refused
    assert {path.name for path in mine.iterdir()} == {"client.json", "keyring.json", "client"}

    suspended = json.loads(
        custody("person", "suspend", done["pseudonym"], "--json", home=served).stdout
    )
    assert suspended["revoked"]
    assert (suspended["pseudonym"], suspended["number"]) == (done["pseudonym"], "4712")
    refused = custody("status", home=mine, environment=OTHER, code=1).stderr
    assert "login refused: an administrator suspended you" in refused
    table = custody("person", "list", home=served).stdout
    assert re.search(rf"^{done['pseudonym']} +4712 +suspended +officer", table, re.MULTILINE), table


def test_a_person_joins_and_works_with_the_clients_extra_alone(
    served: Path, tmp_path: Path, rng: random.Random
) -> None:
    mine, invitation, photo = tmp_path / "mine", tmp_path / "invitation.json", tmp_path / "photo"
    photo.write_bytes(rng.randbytes(50_000))

    def client(*arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.installed", "client", "--home", str(mine)]
            + [str(one) for one in arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**settings_of_commands(), **OTHER},
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode in (0, 3), done.stdout + done.stderr
        return done.stdout

    roles = ["--role", "officer", "--role", "custodian"]
    custody("person", "invite", "--number", "4713", *roles, "-o", invitation, home=served)
    client("person", "enrol", invitation)
    listed = json.loads(custody("person", "list", "--json", home=served).stdout)["people"]
    [waiting] = [one["reference"] for one in listed if one["state"] == "requested"]
    custody("person", "approve", waiting, "--yes", home=served)
    client("person", "fetch")
    [item] = json.loads(client("upload", photo, "--json"))["items"]
    evidence, out = item["evidence"], tmp_path / "out"
    client("note", evidence, "--text", "seen")
    client("get", evidence, "-o", out, "--basis", "x")
    assert out.read_bytes() == photo.read_bytes()
    assert client("recheck", evidence, "--basis", "x").startswith("match")
    client("bundle", evidence, "-o", tmp_path / "item.bundle", "--basis", "x")
    client("trust", "-o", tmp_path / "trust.json")
    told = client("verify", tmp_path / "item.bundle", photo, "--trust", tmp_path / "trust.json")
    assert "verdict: " in told
    client("field", "prepare")
    client("--offline", "upload", photo)
    client("field", "send")


def test_an_invitation_that_nobody_reaches_makes_nothing_and_is_told_as_what_it_is(
    served: Path, tmp_path: Path
) -> None:
    """A colleague at another machine was told to check an address that they never typed, had chosen
    a passphrase for it, and was held to that address from then on.
    """
    mine, invitation = tmp_path / "mine", tmp_path / "invitation.json"
    given = ("person", "invite", "4720", "--url", "http://127.0.0.1:9", "-o", invitation)
    custody(*given, home=served)
    code, _, said = within("person", "enrol", invitation, home=mine)
    assert code == 1
    assert "which is the machine itself: where the node is on another one" in said
    assert "ask the administrator for an invitation with --url" in said
    assert not mine.exists()


def test_who_asked_by_one_invitation_goes_on_by_another_that_names_another_address(
    served: Path, tmp_path: Path
) -> None:
    mine, again = tmp_path / "mine", tmp_path / "again.json"
    custody("person", "invite", "4721", "-o", tmp_path / "first.json", home=served)
    custody("person", "enrol", tmp_path / "first.json", home=mine, environment=OTHER)
    first = json.loads((tmp_path / "first.json").read_bytes())
    moved = first["server"].replace("127.0.0.1", "localhost")
    again.write_text(json.dumps({**first, "server": moved}))
    shown = custody("person", "enrol", again, "--yes", home=mine, environment=OTHER).stdout
    [fingerprint] = re.findall(r"^  ((?:[0-9a-f]{4} ?){4})$", shown, re.MULTILINE)
    custody("person", "approve", "4721", "--fingerprint", fingerprint, home=served)
    done = custody("person", "enrol", again, home=mine, environment=OTHER)
    assert "You are enrolled at NL-POL" in done.stdout
    assert json.loads((mine / "client.json").read_bytes())["server"] == moved
    custody("list", home=mine, environment=OTHER)
    # Whoever has a certificate is led nowhere else by a file that somebody made up.
    code, _, said = within(
        "person",
        "enrol",
        tmp_path / "first.json",
        home=mine,
        passphrase=OTHER["CUSTODY_PASSPHRASE"],
    )
    assert (code, f"known at {moved}" in said) == (2, True), said
    assert json.loads((mine / "client.json").read_bytes())["server"] == moved
    strange = {**first, "agency": "RO-DIICOT"}
    (tmp_path / "strange.json").write_text(json.dumps(strange))
    code, _, said = within("person", "enrol", tmp_path / "strange.json", home=mine)
    assert (code, "the invitation is from another node, of RO-DIICOT" in said) == (2, True), said


def test_whoever_names_nobody_is_told_what_names_somebody(
    served: Path, tmp_path: Path, rng: random.Random
) -> None:
    """`handover offer --to-person 4711` answered `request not understood: path.pseudonym`."""
    (tmp_path / "file").write_bytes(rng.randbytes(99))
    done = custody("upload", tmp_path / "file", "--json", home=served)
    item = json.loads(done.stdout)["items"][0]["evidence"]
    given = ("offer", item, "--to-person", "no/body?", "--purpose", "x", "--basis", "x")
    for words in (("handover", *given), ("share", item, "--with", "9/9", "--basis", "x")):
        code, _, said = within(*words, home=served)
        assert code != 0
        assert not re.search(r"\b(path|body|query)\.|/docs", said), said
        assert "names nobody who was let in at NL-POL" in said
        assert "give a service number" in said


def test_mistakes_are_told_plainly(served: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    for text in (
        "",
        "{}",
        "[]",
        '{"v": 2}',
        '{"v":1,"server":"file:///x","agency":"A","log":"l","descriptor":"d","code":"c","expires":"e"}',
    ):
        broken.write_text(text)
        assert (
            "not an invitation"
            in custody("person", "enrol", broken, home=tmp_path / "mine", code=2).stderr
        )
    assert not (tmp_path / "mine").exists()
    assert (
        "cannot read"
        in custody("person", "enrol", tmp_path / "none", home=tmp_path / "mine", code=2).stderr
    )
    done = custody(
        "person",
        "invite",
        "--number",
        "1",
        "--role",
        "king",
        "-o",
        tmp_path / "x",
        home=served,
        code=2,
    )
    assert "roles are one or more of" in done.stderr
    assert not (tmp_path / "x").exists()
    assert "nobody waits" in custody("person", "approve", "0" * 16, home=served, code=1).stderr


def _ask(served: Path, home: Path, number: str) -> dict[str, str]:
    """A custodian is invited and asks to be enrolled: what the administrator then sees of them."""
    invitation = home.parent / f"{number}.json"
    custody(
        "person",
        "invite",
        "--number",
        number,
        "--role",
        "custodian",
        "--role",
        "officer",
        "-o",
        invitation,
        home=served,
    )
    custody("person", "enrol", invitation, home=home, environment=OTHER)
    listed = json.loads(custody("person", "list", "--json", home=served).stdout)["people"]
    return dict(next(one for one in listed if one["state"] == "requested"))


@pytest.fixture(scope="module")
def second(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a second custodian, to whom the administrator and first custodian gave the
    custody key in one step.
    """
    home = tmp_path_factory.mktemp("second") / "mine"
    asked = _ask(served, home, "4801")
    wrong = custody(
        "person",
        "approve",
        asked["reference"],
        "--fingerprint",
        "0000 0000 0000 0000",
        home=served,
        code=1,
    )
    assert "compare again" in wrong.stderr
    done = custody(
        "person", "approve", asked["reference"], "--fingerprint", asked["fingerprint"], home=served
    )
    assert "The custody key is sealed to" in done.stdout
    enrolled = custody("person", "enrol", home.parent / "4801.json", home=home, environment=OTHER)
    assert "you hold the custody key of NL-POL" in enrolled.stderr
    return home


def test_a_second_custodian_opens_what_the_first_one_recorded(
    served: Path, second: Path, tmp_path: Path, rng: random.Random
) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(rng.randbytes(5_000))
    uploaded = json.loads(custody("upload", path, "--json", home=served).stdout)["items"][0][
        "evidence"
    ]
    custody("get", uploaded, "-o", tmp_path / "out", "--basis", "x", home=second, environment=OTHER)
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


def test_a_colleague_verifies_by_their_agencys_node_without_a_passphrase(
    served: Path, second: Path, tmp_path: Path, rng: random.Random
) -> None:
    """Which node it is that answers is compared with the one that they joined."""
    path, bundle = tmp_path / "file.bin", tmp_path / "file.bin.bundle"
    path.write_bytes(rng.randbytes(5_000))
    uploaded = custody("upload", path, "--json", home=served).stdout
    item = json.loads(uploaded)["items"][0]["evidence"]
    custody("anchor", home=served)
    custody("bundle", item, "-o", bundle, "--basis", "x", home=served)
    code, printed, said = within("verify", path, home=second, passphrase=None)
    assert (code, "judged by the chain of your agency" in printed) == (0, True), said
    other = shutil.copytree(second, tmp_path / "other")
    settings = json.loads((other / "client.json").read_text())
    settings["log"] = settings["log"][:-2] + ("00" if settings["log"][-2:] != "00" else "11")
    (other / "client.json").write_text(json.dumps(settings))
    code, printed, said = within("verify", path, home=other, passphrase=None)
    assert (code, printed, "another node than your agency's answers" in said) == (2, "", True), said


def test_a_custodian_gives_the_key_on_and_losing_the_role_is_told_for_what_it_is(
    served: Path, second: Path, tmp_path: Path
) -> None:
    third = tmp_path / "mine"
    asked = _ask(served, third, "4802")
    approved = json.loads(
        custody("person", "approve", asked["reference"], "--yes", "--json", home=served).stdout
    )
    who = approved["pseudonym"]
    assert approved["custodyKey"] == "sealed", "the node is the administrator's own"
    given = custody(
        "person",
        "give-key",
        who,
        "--fingerprint",
        asked["fingerprint"],
        home=second,
        environment=OTHER,
    )
    assert "their next command takes it" in given.stdout
    enrolled = custody("person", "enrol", tmp_path / "4802.json", home=third, environment=OTHER)
    assert "you hold the custody key of NL-POL" in enrolled.stderr

    lost = custody("person", "renew", who, "--role", "officer", home=served).stdout
    assert f"{who} keeps the custody key of NL-POL" in lost
    assert "until the custody key is rotated" in lost
    table = custody("person", "list", home=served).stdout
    assert re.search(rf"^{who} +4802 +active +officer +still holds it", table, re.MULTILINE), table


NOBODY = "a" * 26


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("renew", "NOBODY"), 2, "'NOBODY' names nobody"),
        (("renew", "../key"), 2, "names nobody"),
        (("renew", "NOBODY", "--at-home"), 2, "'NOBODY' names nobody"),
        (("suspend", ""), 2, "a word of the command is empty"),
        (("link", "NOBODY", "--account", "x"), 2, "'NOBODY' names nobody"),
        (("give-key", "NOBODY", "--fingerprint", "x"), 2, "'NOBODY' names nobody"),
        (("approve", "NOBODY"), 2, "'NOBODY' names no request to join"),
        (("approve", "0" * 16), 1, "nobody waits for approval under that reference"),
        (("renew", NOBODY), 1, "no such person of this agency"),
        (("renew", f"{NOBODY}@RO-DIICOT"), 1, "is a person of another agency"),
        (("suspend", NOBODY), 1, "no such person"),
    ],
)
def test_whoever_does_not_exist_is_named_as_such_and_nothing_is_done(
    served: Path, command: tuple[str, ...], code: int, told: str
) -> None:
    done, out, said = within("person", *command, home=served)
    assert (done, out) == (code, "")
    assert told in said
    assert "what to do" in said
    assert "request not understood" not in said
