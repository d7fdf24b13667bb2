"""People are told short ids: a whole one, of 36 or 64 digits, is read out and typed by nobody."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from cli.invocation.global_options import STATE
from cli.items import items, short_ids
from cli.terminal import output
from ledger.app.field_folder import journal_of
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.errors import NotFoundError
from tests.support.actors import enrolled
from tests.support.commands import done, within
from tests.support.desk import Desk
from tests.support.disposals import dispose

WHOLE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")


@pytest.fixture
def home(worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(worked["home"], tmp_path / "home"))


def short(home: Path, urn: str) -> str:
    told = json.loads(done(home, "--json", "list")[0])["items"]
    return next(str(one["opening"][:8]) for one in told if one["evidence"] == urn)


def test_the_page_for_the_court_names_the_item_as_everything_else_does(
    worked: dict[str, Path], home: Path
) -> None:
    printed, said = done(home, "court", "2026-117/A1")
    assert WHOLE.findall(printed + said) == []
    page = Path("for-the-court/READ-ME.html").read_text()
    urn = worked["evidence"]
    assert f"<td>{short(home, str(urn))}<br><small>{urn}</small></td>" in page


def test_the_certificate_of_a_disposal_is_read_out_by_short_ids(
    worked: dict[str, Path], home: Path
) -> None:
    urn = str(worked["evidence"])
    name = short(home, urn)
    with Desk(home) as desk:
        dispose(desk, urn)
    printed, said = done(home, "dispose", "certificate", name)
    assert WHOLE.findall(printed + said) == []
    assert f"item            {name}" in printed
    for line in printed.splitlines():
        assert len(line) <= 80 or "custody --home" in line, line
    [command] = re.findall(r"^Its ids in full: custody (.*)$", printed, re.MULTILINE)
    code, told, said = within(*shlex.split(command))
    assert code == 0, said
    assert json.loads(told)["evidence"] == urn


def test_what_is_approved_is_named_as_it_was_asked_for(worked: dict[str, Path], home: Path) -> None:
    with Desk(home) as desk:
        enrolled(desk, "custodian").record(
            str(worked["evidence"]), "disposal-requested", {"reason": "over"}
        )
    _, said = done(home, "dispose", "approve", "2026-117/A1", typed="n\n", code=2)
    assert f"item       {short(home, str(worked['evidence']))}" in said
    assert WHOLE.findall(said) == []


def test_a_register_tells_which_item_has_a_number_by_its_short_id(
    worked: dict[str, Path], home: Path
) -> None:
    Path("register.csv").write_text(
        "case,exhibit,description,occurred\n2026-117,A1,phone,2026-01-02T10:00:00Z\n"
    )
    printed, _ = done(home, "import", "register.csv", "--late", "paper", code=2)
    assert f"row 2, exhibit: is that of item {short(home, str(worked['evidence']))}" in printed


def test_the_item_with_the_same_content_is_told_by_its_short_id_whichever_is_proven(
    home: Path, tmp_path: Path
) -> None:
    """The first one with that content was a colleague's, and the one that is told one's own."""
    Path("note.txt").write_text("one and the same")
    with Desk(home) as desk:
        other, journal = enrolled(desk, "officer"), journal_of(tmp_path, desk.home.keyring)
        anew = UploadOptions(again=True)
        list(Upload(other.person, other.client, journal, desk.clock, anew).run([Path("note.txt")]))
    done(home, "upload", "note.txt", "--case", "2026-117", "--exhibit", "B1")
    printed, _ = done(
        home, "upload", "note.txt", "--case", "2026-117", "--exhibit", "B2", "--again"
    )
    assert re.search(r"^same content: note.txt is also in B1, [0-9a-f]{8}$", printed, re.MULTILINE)


def test_an_error_from_below_names_the_item_as_this_run_told_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies below the commands knows whole ids alone."""
    one, other = (f"urn:uuid:3f0c1d2e-000{n}-4a1b-8c2d-0123456789ab" for n in (1, 2))
    monkeypatch.setattr(STATE, "names", {one: "ab12cd34"})
    hint = f"a custodian gives it to you: `custody share {one.removeprefix('urn:uuid:')} --with 1`"
    output.failure(NotFoundError(f"{one} and {other}", hint=hint))
    assert capsys.readouterr().err == (
        f"custody: ab12cd34 and {other}\n"
        "  what to do: a custodian gives it to you: `custody share ab12cd34 --with 1`\n"
    )


def test_items_of_others_are_told_apart_by_how_their_ids_begin() -> None:
    first, second = (
        f"urn:uuid:3f0c1d2e-{four}-4a1b-8c2d-0123456789ab" for four in ("0001", "1002")
    )
    assert short_ids.beginnings([first]) == {first: "3f0c1d2e"}
    both = short_ids.beginnings([first, second])
    assert len(set(both.values())) == 2
    for urn, told in both.items():
        assert items.among([first, second], told, "one of them") == urn
