"""A file that cannot be written after the work was done: what was found, deployed or signed is
printed all the same.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.invocation.global_options import STATE
from cli.terminal import output
from ledger.app import create_home
from ledger.domain.bundle.trust import parse
from tests.support import consortium
from tests.support.chains import running
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk

FULL = "/dev/full"


@pytest.fixture(autouse=True)
def _state() -> Iterator[None]:
    before = STATE.json
    yield
    STATE.json, output._Printing.taken, output._Printing.lost = before, False, None


def test_a_verdict_is_told_whether_or_not_there_is_room_for_its_page(
    home_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with Desk(home_path) as desk:
        desk.upload(tmp_path / "a")
        desk.anchor()
    code, out, said = within("audit", "--workers", "1", "--report", FULL, home=home_path)
    assert (code, "verdict: verified" in out) == (output.UNPRINTED, True), out + said
    assert "No space left" in said
    with closing(sqlite3.connect(home_path / "ledger.sqlite")) as raw, raw:
        raw.execute("UPDATE item SET holder = 'somebody'")
    code, out, said = within("--json", "audit", "--workers", "1", "--report", FULL, home=home_path)
    assert (code, json.loads(out)["verdict"]) == (1, "failed"), said
    assert json.loads(said)["error"]["exit"] == 1


def test_a_report_that_somebody_else_wrote_meanwhile_hides_no_verdict(
    home_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.commands import audit

    made = audit._page

    def meanwhile(*arguments: object) -> bytes:
        (tmp_path / "report").write_text("theirs")
        return made(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(audit, "_page", meanwhile)
    code, out, said = within(
        "audit", "--workers", "1", "--report", tmp_path / "report", home=home_path
    )
    assert (code, "verdict: incomplete" in out) == (3, True), out + said
    assert "exists already" in said
    assert (tmp_path / "report").read_text() == "theirs"


def test_an_access_that_was_signed_is_told_although_content_or_bundle_could_not_be_written(
    home_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    with Desk(home_path) as desk:
        item = desk.upload(tmp_path / "a")[0].evidence
    for command in ("get", "bundle"):
        code, out, said = within(
            "--json", command, item, "-o", FULL, "--basis", "x", home=home_path
        )
        STATE.json = False
        value = json.loads(out)
        assert (code, value["path"]) == (output.UNPRINTED, None)
        assert "No space left" in said
        with Desk(home_path) as desk:
            heads = [detail.statement for detail in desk.client.details(item, value["access"])]
        assert heads, "the access that was told is one that was recorded"


def test_contracts_that_were_paid_for_are_told_although_the_trust_root_could_not_be_written(
    tmp_path: Path,
) -> None:
    card = create_home.prepare(
        tmp_path / "nl",
        agency="NL-POL",
        person="1",
        roles=["officer"],
        passphrase=PASSPHRASE,
        url="https://nl.example",
        profile="neutral",
    )
    (tmp_path / "card").write_text(json.dumps(card.as_json()))
    (tmp_path / "key").write_text(consortium.DEPLOYER.hex())
    (tmp_path / "key").chmod(0o600)
    with running("anvil") as url:
        rest = (
            "--rpc",
            url,
            "--founders",
            tmp_path / "card",
            "--key",
            tmp_path / "key",
            "--confirmations",
            "0",
        )
        code, out, said = within("chain", "deploy", *rest, "-o", FULL)
        told = within("chain", "deploy", *rest, "-o", tmp_path / "trust.json")[1]
    assert f"`custody --home HOME init --rpc {url} --trust trust.json`" in told
    assert code == output.UNPRINTED
    assert "do not deploy again" in said
    root = parse(out.partition("The trust root:\n")[2].encode())
    assert f"registry      0x{root.registry.address.hex()}" in out


def test_a_card_is_printed_where_it_could_not_be_written_and_an_invitation_is_not(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    rest = (
        "--agency",
        "NL-POL",
        "--person",
        "1",
        "--role",
        "administrator",
        "--url",
        "https://nl.example",
    )
    code, out, _ = within("--json", "init", *rest, "--card", FULL, home=home)
    STATE.json = False
    assert code == output.UNPRINTED
    assert json.loads(out)["founder"]["kind"] == "custody-founder"

    create_home.found(
        tmp_path / "own",
        agency="NL-POL",
        person="1",
        roles=["administrator", "officer"],
        passphrase=PASSPHRASE,
    )
    code, out, said = within(
        *(
            "person",
            "invite",
            "--number",
            "2",
            "--role",
            "officer",
            "--url",
            "https://nl.example",
            "-o",
            FULL,
        ),
        home=tmp_path / "own",
    )
    assert code == 1, out + said
    assert "an invitation was made that nobody has" in out.lower()
    assert "invite them again" in said
