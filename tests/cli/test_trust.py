"""Trust roots at the command line: their fingerprint told, compared, and checked by a second
agency.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ledger.domain.bundle import trust, trust_fingerprint
from tests.support.commands import custody, within


@pytest.fixture(scope="module")
def fingerprint(worked: dict[str, Path]) -> str:
    root = trust.parse((worked["folder"] / "trust.json").read_bytes())
    return trust_fingerprint.of(root).chain


def verified(worked: dict[str, Path], *more: object) -> tuple[int, str, str]:
    folder = worked["folder"]
    return within(
        *("verify", folder / "b.bundle", worked["photo"], "--trust", folder / "trust.json", *more)
    )


def test_the_fingerprint_is_told_by_trust_verify_and_audit(
    worked: dict[str, Path], fingerprint: str, tmp_path: Path
) -> None:
    page = tmp_path / "audit.html"
    audited = custody("audit", "--report", page, home=worked["home"], code=None)
    for told in (
        custody("trust", home=worked["home"]).stdout,
        verified(worked)[1],
        audited.stdout,
        page.read_text(),
    ):
        assert fingerprint in told
    value = json.loads(verified(worked, "--json")[1])
    assert value["trust"] == {
        "fingerprint": fingerprint,
        "fingerprintWithPins": None,
        "pinned": [],
        "timeAuthorities": [],
    }
    shown = json.loads(custody("trust", "--json", home=worked["home"]).stdout)
    assert (shown["fingerprint"], shown["path"]) == (fingerprint, None)


def test_the_fingerprint_that_somebody_was_told_is_compared_however_they_type_it(
    worked: dict[str, Path], fingerprint: str
) -> None:
    for told in (fingerprint, fingerprint.replace(" ", ""), fingerprint.replace(" ", "-")):
        code, printed, _ = verified(worked, "--trust-fingerprint", told)
        assert code == 0
        assert f"{fingerprint}\n      as you were told\n" in printed


def test_another_trust_root_than_one_was_told_of_is_no_verdict_and_both_are_shown(
    worked: dict[str, Path], fingerprint: str
) -> None:
    told = fingerprint[::-1]
    code, printed, said = verified(worked, "--trust-fingerprint", told)
    assert (code, printed) == (3, "")
    assert "another trust root" in said
    assert fingerprint in said
    assert told in said
    code, _, said = verified(worked, "--trust-fingerprint", fingerprint[:-6])
    assert code == 2
    assert "has 40 digits" in said


def test_a_fingerprint_without_a_trust_root_is_compared_with_nothing_in_silence(
    worked: dict[str, Path], fingerprint: str
) -> None:
    bundle = worked["folder"] / "b.bundle"
    code, _, said = within(
        *("verify", bundle, worked["photo"], "--trust-fingerprint", fingerprint),
        home=worked["home"],
    )
    assert code == 2
    assert "name that one with --trust" in said


def test_a_record_of_others_is_not_accused_by_the_chain_of_ones_own_home(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    """It was called failed: the bundle of another chain, or somebody made it up."""
    home, bundle = tmp_path / "ro", worked["folder"] / "b.bundle"
    custody("init", "--agency", "RO-DNA", "--person", "1", home=home)
    code, printed, said = within("verify", bundle, worked["photo"], home=home)
    assert (code, printed) == (2, "")
    words = " ".join(said.replace("\\\n", "").split())
    assert "no trust root: the record is of NL-POL, on another chain" in words
    assert "(RO-DNA): neither verified nor refuted" in words
    assert "--trust TRUST-ROOT" in words
    given = ("--trust", worked["folder"] / "trust.json")
    assert within("verify", bundle, worked["photo"], *given, home=home)[0] == 0


def test_an_audit_by_another_trust_root_than_one_was_told_of_judges_nothing(
    worked: dict[str, Path], fingerprint: str, tmp_path: Path
) -> None:
    custody("log", "export", tmp_path / "log", home=worked["home"])
    given = ("--log", tmp_path / "log", "--trust", worked["folder"] / "trust.json")
    told = ("--rpc", "http://127.0.0.1:9", "--trust-fingerprint", fingerprint[::-1])
    for command in ("audit", "monitor"):
        more = ("--once", "--state", tmp_path / "state") if command == "monitor" else ()
        code, printed, said = within(command, *given, *told, *more)
        assert (code, printed) == (3, "")
        assert "another trust root" in said


def test_a_second_agency_says_whether_a_trust_root_agrees_with_its_own_chain(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    home, court = worked["home"], tmp_path / "court.json"
    custody("trust", "-o", court, "--pin", worked["folder"] / "b.bundle", home=home)
    done = custody("trust", "--check", court, home=home)
    assert "agrees with all that is believed of it" in done.stdout
    assert "its label, agencies, time authorities and confirmations were compared" in done.stdout
    longer = re.findall(r"with pinned block \d+: ([\d ]{47})", done.stdout)
    # Of the two, each says what it is of, and so whom it is compared with.
    lines = done.stdout.splitlines()
    [which, _, pins] = [line for line in lines if line.startswith(("  of ", "with "))]
    assert "each agency of the chain has this one" in which
    assert "of this very file" in pins
    assert longer == [trust_fingerprint.of(trust.parse(court.read_bytes())).with_pins]
    good = json.loads(court.read_bytes())
    [[real]] = [rule["blocks"] for rule in good["finality"] if rule["kind"] == "pinned"]
    for member, forged, told in (
        ("chainId", 1, "another chain"),
        ("genesis", "0x" + "00" * 32, "another first block"),
        ("contracts", {**good["contracts"], "ledger": good["contracts"]["registry"]}, "contract"),
        (
            "finality",
            [{"kind": "clique", "from": 1, "to": None, "signers": ["0x" + "11" * 20], "seals": 1}],
            "other signers",
        ),
        (
            "finality",
            [{"kind": "pinned", "blocks": [{"number": 1, "hash": "0x" + "22" * 32}]}],
            "block 1",
        ),
        (
            "finality",
            [{"kind": "pinned", "blocks": [{"number": 10**6, "hash": "0x" + "22" * 32}]}],
            "not final yet",
        ),
        # A verifier believes the first of two rules; the second was the one that was compared.
        (
            "finality",
            [{"kind": "pinned", "blocks": [real | {"hash": "0x" + "22" * 32}]}, *good["finality"]],
            f"block {real['number']} of your node's chain is another one",
        ),
    ):
        court.write_text(json.dumps(good | {member: forged}))
        code = 3 if "final yet" in told else 1
        assert told in custody("trust", "--check", court, home=home, code=code).stderr


def test_whoever_asks_for_the_trust_root_of_their_home_is_asked_for_no_passphrase(
    worked: dict[str, Path], fingerprint: str, tmp_path: Path
) -> None:
    """All keys were opened for what is public; a second custodian on the telephone had none."""
    pinned = tmp_path / "pinned.json"
    for words in (
        ("trust",),
        ("trust", "-o", pinned, "--pin", worked["folder"] / "b.bundle"),
        ("trust", "--check", pinned),
    ):
        code, printed, said = within(*words, home=worked["home"], passphrase=None)
        assert (code, fingerprint in printed, said) == (0, True, "")


def test_whoever_has_no_home_is_told_so_when_they_ask_for_its_trust_root(tmp_path: Path) -> None:
    code, _, said = within("trust", home=tmp_path, passphrase=None)
    assert (code, "is not the home of a node" in said) == (2, True), said


@pytest.mark.parametrize("named", ["--server", "CUSTODY_SERVER"])
def test_no_partners_node_is_believed_about_whose_chain_one_trusts(
    worked: dict[str, Path], monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Whoever works as a guest at a partner's node verified the partner's bundle by the trust root
    that the partner's node gave, called "the chain of your own home".
    """
    url, folder = "https://node.partner.example", worked["folder"]
    given: tuple[str, ...] = (named, url)
    if named == "CUSTODY_SERVER":
        monkeypatch.setenv(named, url)
        given = ()
    for words in (
        ("verify", folder / "b.bundle", folder / "photo.jpg"),
        ("trust", "--check", folder / "trust.json"),
    ):
        code, printed, said = within(*given, *words, home=worked["home"])
        assert (code, printed) == (2, ""), said
        assert f"{url} was named by --server or CUSTODY_SERVER: whose chain you trust" in said


def test_a_check_writes_no_trust_root(worked: dict[str, Path]) -> None:
    trusted = worked["folder"] / "trust.json"
    code, _, said = within("trust", "--check", trusted, "-o", trusted, home=worked["home"])
    assert code == 2
    assert "--check" in said


def test_an_agency_joins_no_chain_of_another_trust_root_than_it_was_told_of(
    worked: dict[str, Path], fingerprint: str, tmp_path: Path
) -> None:
    """Nobody is asked: neither the chain, nor for the passphrase."""
    trusted = worked["folder"] / "trust.json"
    given = ("init", "--rpc", "http://127.0.0.1:9", "--trust", trusted)
    code, _, said = within(*given, "--trust-fingerprint", fingerprint[::-1], home=tmp_path / "home")
    assert code == 3
    assert "another trust root" in said
    alone = ("init", "--agency", "NL-POL", "--person", "1", "--trust-fingerprint", fingerprint)
    code, _, said = within(*alone, home=tmp_path / "home")
    assert code == 2
    assert "name that one with --trust" in said
    assert not (tmp_path / "home").exists()
