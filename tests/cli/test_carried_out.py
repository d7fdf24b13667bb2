"""Carrying a disposal out: what is shown before the keys go, and what a bundle tells afterwards."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.test_questions import requested, second  # noqa: F401  (a fixture)
from tests.support.actors import Actor
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)


def test_keys_are_destroyed_after_the_approvals_were_shown_and_somebody_said_yes(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    item, _, _ = requested(desk, tmp_path)
    assert within("dispose", "approve", item, "--yes")[0] == 0
    carry_out = ("dispose", "carry-out", item, "--method", "burnt", "--rule", "wpg-9")
    code, _, said = within(*carry_out)
    assert (code, "nobody can be asked" in said) == (2, True), said
    code, out, said = within(*carry_out, typed="\n")
    assert (code, out) == (2, "")
    told = " ".join(said.split())
    assert "photo.jpg" in told
    assert re.search(rf"approved \S+ by .*, who signs as [\\\\ ]*{second.pseudonym}", told)
    assert "Destroy its keys? Nobody can open it afterwards. [y/N]" in told
    assert not desk.client.item(item).closed
    code, _, said = within(*carry_out, typed="y\n")
    assert code == 0, said
    assert desk.client.item(item).closed


def test_nobody_is_asked_about_what_is_refused_for_certain(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    """Whoever had requested a disposal was asked whether they approve it, and then refused."""
    item = photo(desk, tmp_path)
    assert within("dispose", "request", item, "--reason", "over")[0] == 0
    code, _, said = within("dispose", "approve", item, typed="y\n")
    assert (code, "nobody decides upon what they recorded themselves" in said) == (1, True), said
    assert "Approve it" not in said


def test_what_was_destroyed_with_the_keys_is_not_called_withheld(
    desk: Desk, second: Actor, tmp_path: Path
) -> None:
    item, _, _ = requested(desk, tmp_path)
    assert within("dispose", "approve", item, "--yes")[0] == 0
    carry_out = ("dispose", "carry-out", item, "--method", "burnt", "--rule", "wpg-9", "--yes")
    code, printed, _ = within(*carry_out)
    assert (code, f"bundle {desk.client.item(item).opening[:8]}" in printed) == (0, True)
    desk.anchor()
    bundle, trust = tmp_path / "b.bundle", tmp_path / "t"
    assert within("bundle", item, "-o", bundle)[0] == 0
    trust.write_bytes(desk.client.trust_root())
    code, printed, _ = within("verify", bundle, "--trust", trust)
    assert code == 0
    told = " ".join(printed.split())
    assert "what the events said is not in this bundle" in told
    assert "The item is closed: that was destroyed with its keys" in told
    assert "withheld from you:" not in printed
