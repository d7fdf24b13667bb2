"""The main job on real adapters: record, anchor, export, verify; and what must not work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.bundle import bundle as bundles
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.errors import (
    DeniedError,
    NotFoundError,
    UnreadableError,
    UsageError,
    VerificationError,
)
from ledger.domain.verify import FileDigest, Status, Verdict, verify
from ledger.services.audit import self_check
from tests.support.desk import Desk


def measure(data: bytes, *names: str) -> FileDigest:
    digest = MultiDigest(names)
    digest.update(data)
    return FileDigest(digest.size, digest.hexdigests())


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 1048559, 1048560, 1048561, 5_000_000])
def test_a_file_of_any_size_comes_back_bit_for_bit_and_verifies(
    desk: Desk, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "item.bin"
    path.write_bytes(os.urandom(size))
    (item,) = desk.upload(path, options=UploadOptions(algorithms=("sha-512",)))
    desk.anchor()
    report = verify(
        desk.bundle(item.evidence), desk.trust(), file=measure(path.read_bytes(), "sha-512")
    )
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert {step.status for step in report.steps.values()} == {Status.PASSED}
    with (tmp_path / "out").open("wb") as out:
        retrieval.fetch(desk.client, desk.person, item.evidence, desk.access(item.evidence), out)
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


def test_a_folder_becomes_items_and_a_set_that_lists_them_with_what_was_left_out(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "seized"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "empty").touch()
    (folder / "sub" / "b.bin").write_bytes(os.urandom(2_000_000))
    (folder / "link").symlink_to("a.txt")
    os.mkfifo(folder / "pipe")
    strange = os.path.join(os.fsencode(folder), b"caf\xe9")
    with open(strange, "wb") as file:
        file.write(b"latin")
    items = desk.upload(tmp_path / "seized" / "a.txt", folder)
    assert len(items) == 1 + 4 + 1
    access = desk.access(items[-1].evidence)
    document = desk.client.details(items[-1].evidence, access)[0].document
    assert document["type"] == "gathered"
    assert document["body"]["count"] == 4
    assert {omission["path"]: omission["reason"] for omission in document["body"]["omissions"]} == {
        "link": "symbolic link",
        "pipe": "named pipe",
    }
    with (tmp_path / "manifest").open("wb") as out:
        retrieval.fetch(desk.client, desk.person, items[-1].evidence, access, out)
    assert b'"caf\\\\xe9"' in (tmp_path / "manifest").read_bytes()
    assert {item.evidence for item in items[1:-1]} == {
        part
        for part in (item.evidence for item in items[1:-1])
        if part.encode() in (tmp_path / "manifest").read_bytes()
    }
    assert not [
        one
        for one in self_check.examine(desk.node, deep=True)
        if isinstance(one, self_check.SelfCheckFinding)
    ]


def test_every_kind_of_event_of_this_version_extends_the_record(desk: Desk, photo: Path) -> None:
    (item,) = desk.upload(photo)
    first = desk.client.item(item.evidence).head
    desk.record(item.evidence, "note", {"text": "screen cracked"})
    desk.record(
        item.evidence,
        "corrected",
        {
            "target": first,
            "pointer": "/body/name",
            "old": "photo.jpg",
            "new": "IMG_1.jpg",
            "reason": "typing error",
        },
    )
    desk.record(
        item.evidence,
        "verified",
        {"result": "match", "scope": "content", "expected": item.digests, "found": item.digests},
    )
    desk.access(item.evidence, "view")
    desk.anchor()
    report = verify(desk.bundle(item.evidence), desk.trust(), file=measure(photo.read_bytes()))
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert [event["type"] for event in report.events] == [
        "acquired",
        "note",
        "corrected",
        "verified",
        "accessed",
    ]


def test_not_yet_anchored_is_incomplete_never_verified(desk: Desk, photo: Path) -> None:
    (item,) = desk.upload(photo)
    report = verify(desk.bundle(item.evidence), desk.trust(), file=measure(photo.read_bytes()))
    assert report.verdict is Verdict.INCOMPLETE
    desk.anchor()
    desk.record(item.evidence, "note", {"text": "later"})
    report = verify(desk.bundle(item.evidence), desk.trust())
    assert (report.verdict, report.steps[5].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)


def test_old_trust_root_judges_a_newer_bundle(desk: Desk, photo: Path) -> None:
    root = desk.trust()
    (item,) = desk.upload(photo)
    desk.anchor()
    assert verify(desk.bundle(item.evidence), root).verdict is Verdict.VERIFIED


def test_an_interrupted_upload_goes_on_with_the_same_item_and_cid(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(9_000_000))
    sent = []

    class Broken:
        def __getattr__(self, name: str) -> object:
            return getattr(desk.client, name)

        def put_blocks(self, blocks: list[object]) -> None:
            if len(sent) == 2:
                raise NotFoundError("connection lost")
            sent.append(blocks)
            desk.client.put_blocks(blocks)  # type: ignore[arg-type]

    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    with pytest.raises(NotFoundError):
        list(Upload(desk.person, Broken(), journal, desk.clock, UploadOptions()).run([path]))  # type: ignore[arg-type]
    before = set(desk.node.blocks.cids())
    (item,) = desk.upload(path)
    assert item.resumed
    assert before <= set(desk.node.blocks.cids())
    assert not list((desk.path / "client" / "journal").glob("*"))


def test_a_file_that_changed_since_the_interruption_starts_afresh(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(3_000_000))
    details = path.stat()

    class Broken:
        def __getattr__(self, name: str) -> object:
            return getattr(desk.client, name)

        def register(self, submissions: object) -> None:
            raise NotFoundError("connection lost")

    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    with pytest.raises(NotFoundError):
        list(Upload(desk.person, Broken(), journal, desk.clock, UploadOptions()).run([path]))  # type: ignore[arg-type]
    # Same size and time, other bytes, and blocks that the node lost: the CIDs in the journal tell.
    path.write_bytes(os.urandom(3_000_000))
    os.utime(path, ns=(details.st_atime_ns, details.st_mtime_ns))
    desk.node.blocks.discard(list(desk.node.blocks.cids()), kept=())
    (item,) = desk.upload(path)
    desk.anchor()
    assert (
        verify(desk.bundle(item.evidence), desk.trust(), file=measure(path.read_bytes())).verdict
        is Verdict.VERIFIED
    )


def test_a_file_that_changes_while_it_is_read_is_refused_and_nothing_recorded(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(os.urandom(3_000_000))
    grown = []

    def grow(count: int) -> None:
        if not grown:
            with path.open("ab") as file:
                grown.append(file.write(b"more"))

    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    with pytest.raises(UnreadableError, match="changed"):
        list(
            Upload(desk.person, desk.client, journal, desk.clock, UploadOptions(), grow).run([path])
        )
    assert not list(desk.client.items())


def test_what_is_recorded_again_on_purpose_is_told_to_be_there_already(
    desk: Desk, photo: Path
) -> None:
    (first,) = desk.upload(photo)
    (second,) = desk.upload(photo)
    assert second.duplicates == (first.evidence,)


@pytest.mark.parametrize("kind", ["missing", "fifo", "device"])
def test_what_cannot_be_uploaded_is_named(desk: Desk, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "fifo":
        os.mkfifo(path)
    path = Path("/dev/null") if kind == "device" else path
    with pytest.raises(UsageError):
        desk.upload(path)


def test_details_keys_and_content_need_a_recorded_access_of_ones_own(
    desk: Desk, photo: Path
) -> None:
    (item,) = desk.upload(photo)
    (other,) = desk.upload(photo)
    opening = desk.client.item(item.evidence).head
    viewed = desk.access(item.evidence, "view")
    foreign = desk.access(other.evidence)
    for access in ("0" * 64, opening, foreign):
        with pytest.raises(DeniedError):
            desk.client.details(item.evidence, access)
    desk.client.details(item.evidence, viewed)
    for call in (desk.client.grants, desk.client.bundle):
        with pytest.raises(DeniedError):
            call(item.evidence, viewed)
    with pytest.raises(DeniedError):
        desk.client.content(item.evidence, viewed, 0, 10)


def test_a_bundle_ends_before_the_event_that_records_its_export(desk: Desk, photo: Path) -> None:
    (item,) = desk.upload(photo)
    desk.anchor()
    bundle = bundles.parse(desk.client.bundle(item.evidence, desk.access(item.evidence)))
    assert len(bundle.statements) == 1
    assert desk.client.item(item.evidence).events == 2


def test_altered_ciphertext_is_refused_on_the_way_out(
    desk: Desk, photo: Path, tmp_path: Path
) -> None:
    (item,) = desk.upload(photo)
    pack = next((desk.path / "blocks").glob("pack-*.car"))
    data = bytearray(pack.read_bytes())
    data[-5] ^= 1
    pack.write_bytes(data)
    access = desk.access(item.evidence)
    with pytest.raises(VerificationError, match="altered"), (tmp_path / "out").open("wb") as out:
        retrieval.fetch(desk.client, desk.person, item.evidence, access, out)
    found = [
        one
        for one in self_check.examine(desk.node, deep=True)
        if isinstance(one, self_check.SelfCheckFinding)
    ]
    assert [one.part for one in found] == ["content"]


def test_nothing_of_the_case_is_in_clear_on_disk(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "PLANTEDNAME.jpg"
    path.write_bytes(b"PLANTEDCONTENT" * 1000)
    options = UploadOptions(
        {
            "identifiers": [{"scheme": "case", "value": "PLANTEDCASE"}],
            "basis": {"purpose": "PLANTEDBASIS"},
        }
    )
    (item,) = desk.upload(path, options=options)
    desk.record(item.evidence, "note", {"text": "PLANTEDNOTE"})
    desk.anchor()
    assert desk.client.search("case", "PLANTEDCASE") == [item.evidence]
    digest = item.digests["sha-256"].encode()
    for file in desk.path.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"PLANTED" not in data, file
            assert digest not in data, file
            assert bytes.fromhex(digest.decode()) not in data, file
