"""What was recorded before is left out, on nobody's word but that of the signed record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.client.intake.upload_attempts import UploadAttempts
from ledger.domain.errors import ConflictError, CustodyError, VerificationError
from ledger.domain.files import manifest
from ledger.services.registration import recorded_before
from tests.support.desk import Desk
from tests.support.people import joined


def options(case: str = "2026-117", exhibit: str = "A1", **more: Any) -> UploadOptions:
    said = [{"scheme": "case", "value": case}, {"scheme": "exhibit", "value": exhibit}]
    return UploadOptions({"identifiers": [one for one in said if one["value"]]}, **more)


def upload(desk: Desk, *paths: Path, **said: Any) -> list[UploadResult]:
    return desk.upload(*paths, options=options(**said))


def count(desk: Desk) -> int:
    return len(list(desk.client.items()))


def body(desk: Desk, evidence: str) -> dict[str, Any]:
    found: dict[str, Any] = desk.client.details(evidence, desk.access(evidence))[0].body
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "DCIM"
    (made / "100APPLE").mkdir(parents=True)
    for number in range(3):
        (made / "100APPLE" / f"IMG_{number}.jpg").write_bytes(b"image %d" % number)
    (made / "empty").write_bytes(b"")
    return made


def test_a_folder_that_is_uploaded_twice_is_recorded_once(desk: Desk, folder: Path) -> None:
    first = upload(desk, folder)
    sent: list[int] = []
    blocks = desk.client.put_blocks
    desk.client.put_blocks = lambda given: sent.append(len(given)) or blocks(given)  # type: ignore[method-assign,func-returns-value]
    second = upload(desk, folder)
    assert [(one.path, one.evidence, one.cid) for one in second] == [
        (one.path, one.evidence, one.cid) for one in first
    ]
    assert all(one.index is None for one in second)
    assert (count(desk), sent) == (len(first), []), "nothing was sent to find it out"
    again = upload(desk, folder, exhibit="A2", again=True)
    assert count(desk) == len(first) + len(again)


def test_a_folder_that_grew_names_the_item_of_every_file_old_and_new(
    desk: Desk, folder: Path
) -> None:
    first = {one.path: one.evidence for one in upload(desk, folder, exhibit="")}
    (folder / "new.jpg").write_bytes(b"new")
    second = upload(desk, folder, exhibit="")
    assert [Path(one.path).name for one in second if one.index is not None] == ["new.jpg", "DCIM"]
    named = manifest.parse(desk.get(second[-1].evidence)).members
    assert {str(folder / member.path.decode()): member.evidence for member in named} == {
        **{path: item for path, item in first.items() if path != str(folder)},
        str(folder / "new.jpg"): next(one.evidence for one in second if "new" in one.path),
    }
    for member in named:
        data = (folder / member.path.decode()).read_bytes()
        assert desk.get(member.evidence) == data


def test_the_same_content_elsewhere_is_recorded_and_linked(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    first = upload(desk, folder)
    other = tmp_path / "phone2" / "DCIM"
    other.parent.mkdir()
    folder.rename(other)
    second = upload(desk, other, exhibit="A2")
    assert all(one.index is not None for one in second)
    run = Upload(
        desk.person, desk.client, field_folder.journal_of(desk.path, desk.home.keyring),
        desk.clock, options(),
    )  # fmt: skip
    linked = run.before.elsewhere(second)
    run.told()
    assert {one.path: linked[one.evidence] for one in second[:-1]} == {
        mine.path: (before.evidence, before.exhibit)
        for mine, before in zip(second[:-1], first[:-1], strict=True)
    }


@pytest.mark.parametrize(
    "said",
    [{"case": "2026-118"}, {"exhibit": "A2"}, {"own": {"partOf": "urn:uuid:" + "3" * 8 + "-5b6a-4c7d-8e9f-0a1b2c3d4e5f"}}],
)  # fmt: skip
def test_another_case_number_or_source_is_another_record(
    desk: Desk, folder: Path, said: dict[str, Any]
) -> None:
    file = folder / "100APPLE" / "IMG_0.jpg"
    upload(desk, file, exhibit="")
    upload(desk, folder, exhibit="")
    before = count(desk)
    for path in (file, folder):
        number = f"{said['exhibit']}-{path.name}" if "exhibit" in said else ""
        done = upload(desk, path, **{**said, "exhibit": number})
        assert all(one.index is not None for one in done)
    assert count(desk) == before * 2


def test_content_that_changed_under_the_same_name_is_recorded(desk: Desk, folder: Path) -> None:
    upload(desk, folder, exhibit="")
    (folder / "100APPLE" / "IMG_0.jpg").write_bytes(b"image X")
    changed = [one for one in upload(desk, folder, exhibit="") if one.index is not None]
    assert [Path(one.path).name for one in changed] == ["IMG_0.jpg", "DCIM"]


def test_what_a_colleague_recorded_is_no_reason_to_leave_a_file_out(
    office: Desk, folder: Path
) -> None:
    """Whoever knows the files could record their digests over ciphertext of nothing first."""
    desk, colleague = office, joined(office, folder.parent / "colleague", "officer")
    file = folder / "100APPLE" / "IMG_0.jpg"
    with colleague.working() as (client, person):
        journal = field_folder.journal_of(colleague.home, colleague.keyring)
        run = Upload(person, client, journal, desk.clock, options(exhibit=""))
        [theirs] = list(run.run([file]))
    [mine] = upload(desk, file, exhibit="")
    assert mine.index is not None
    assert theirs.evidence in mine.duplicates


def test_what_was_disposed_of_or_lost_is_recorded_anew(desk: Desk, folder: Path) -> None:
    file = folder / "100APPLE" / "IMG_0.jpg"
    [first] = upload(desk, file, exhibit="")
    desk.record(first.evidence, "voided", {"reason": "wrong case"})
    [second] = upload(desk, file, exhibit="")
    assert second.index is not None
    for pack in (desk.path / "blocks").glob("pack-*"):
        pack.unlink()
    desk.node.blocks.missing = list  # type: ignore[method-assign,misc]
    with pytest.raises(CustodyError):
        upload(desk, file, exhibit="")


def test_a_node_that_shows_another_item_makes_no_file_be_left_out_or_named(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node answers every question with the opening of an item of its choice, which the person
    signed, too.
    """
    bait = folder.parent / "bait"
    bait.write_bytes(b"image 0")  # of the same size and content, under another name
    [other] = upload(desk, bait, exhibit="")
    upload(desk, folder, exhibit="")
    honest = recorded_before.openings

    def lying(node: Any, unit: Any, caller: Any, marks: Any, items: Any) -> Any:
        return honest(node, unit, caller, [], [other.evidence])

    monkeypatch.setattr(recorded_before, "openings", lying)
    done = upload(
        desk,
        folder,
        exhibit="",
    )
    assert all(one.index is not None for one in done)
    named = manifest.parse(desk.get(done[-1].evidence)).members
    assert other.evidence not in {member.evidence for member in named}
    assert {member.evidence for member in named} == {one.evidence for one in done[:-1]}


@pytest.mark.parametrize("what", ["document", "receipt"])
def test_a_node_that_alters_what_was_signed_is_not_believed(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    file, other = folder / "100APPLE" / "IMG_0.jpg", folder / "100APPLE" / "IMG_1.jpg"
    [first] = upload(desk, file, exhibit="")
    [second] = upload(desk, other, exhibit="")
    honest = recorded_before.openings

    def altered(*asked: Any) -> Any:
        found = honest(*asked)
        [stranger] = honest(*asked[:3], [], [second.evidence])
        for one in found:
            if what == "receipt":
                one["receipt"] = stranger["receipt"]
            else:
                for name in ("document", "disclosures"):
                    one["opening"]["signed"][name] = stranger["opening"]["signed"][name]
        return found

    monkeypatch.setattr(recorded_before, "openings", altered)
    if what == "document":
        with pytest.raises(VerificationError, match="not signed"):
            upload(desk, file, exhibit="")
    else:
        [third] = upload(desk, file, exhibit="")
        assert third.index is not None
        assert third.evidence != first.evidence


def test_an_interrupted_upload_that_goes_on_is_no_duplicate_of_itself(
    desk: Desk, folder: Path
) -> None:
    class Cut(Exception):
        pass

    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    run = Upload(desk.person, desk.client, journal, desk.clock, options())
    register = desk.client.register

    def cut(submissions: Any, **more: Any) -> Any:
        register(submissions, **more)
        raise Cut  # the answer is lost

    desk.client.register = cut  # type: ignore[method-assign]
    with pytest.raises(Cut):
        list(run.run([folder]))
    desk.client.register = register  # type: ignore[method-assign]
    recorded = count(desk)
    done = upload(desk, folder)
    assert (len(done), count(desk)) == (5, 5)
    assert recorded == 4
    assert sorted(one.exhibit for one in done) == ["A1", "A1/1", "A1/2", "A1/3", "A1/4"]
    assert all(one.index is not None for one in done)


def test_files_are_told_apart_by_the_folder_that_they_were_taken_from(
    desk: Desk, folder: Path
) -> None:
    phone = desk.upload(folder / "empty")[0].evidence
    own = {"partOf": phone}
    done = upload(desk, folder, exhibit="", own=own)
    assert body(desk, done[-1].evidence)["partOf"] == phone
    member = body(desk, done[0].evidence)
    assert (member["partOf"], member["source"]) == (done[-1].evidence, f"{phone}/DCIM")
    assert all(one.index is None for one in upload(desk, folder, exhibit="", own=own))


def test_a_number_that_is_taken_is_told_before_anything_is_sent(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    [bearer] = upload(desk, folder / "empty", exhibit="A1")
    with pytest.raises(ConflictError, match=bearer.evidence):
        upload(desk, folder)
    assert count(desk) == 1
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    assert not UploadAttempts(journal.leftovers(), {}).all()
    journal.close()
