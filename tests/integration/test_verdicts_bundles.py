"""A verdict on a bundle says what was judged and no more; what is no bundle, no file or no trust
root is told for what it is.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.chain.finality import Pinned
from ledger.domain.verify import Verdict, verify
from tests.support.commands import within
from tests.support.desk import Desk

# Bundles


@pytest.fixture(scope="module")
def given(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file, its bundle when nothing of it, a part of it, and all of it was anchored, and a trust
    root.
    """
    import shutil

    folder = tmp_path_factory.mktemp("given")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(9000))
    with Desk(Path(shutil.copytree(founded, folder / "home"))) as desk:
        (item,) = desk.upload(folder / "photo.jpg")
        (folder / "none").write_bytes(desk.bundle(item.evidence))
        desk.anchor()
        desk.record(item.evidence, "note", {"text": "later"})
        (folder / "part").write_bytes(desk.bundle(item.evidence))
        desk.anchor()
        (folder / "all").write_bytes(desk.bundle(item.evidence))
        (folder / "trust.json").write_bytes(desk.trust().encode())
    return {path.name: path for path in folder.iterdir()}


def test_what_no_checkpoint_covers_is_called_good_by_no_step(given: dict[str, Path]) -> None:
    root = trust.parse(given["trust.json"].read_bytes())
    none = verify(given["none"].read_bytes(), root)
    assert none.verdict is Verdict.INCOMPLETE
    assert {number for number, step in none.steps.items() if step.status == "passed"} == {1, 2}
    part = verify(given["part"].read_bytes(), root)
    assert part.verdict is Verdict.INCOMPLETE
    assert {number for number, step in part.steps.items() if step.status == "not checked"} >= {3, 5}
    assert verify(given["all"].read_bytes(), root).verdict is Verdict.VERIFIED


def test_a_trust_root_of_another_chain_is_told_as_the_likely_cause(
    given: dict[str, Path], governed: Path, tmp_path: Path
) -> None:
    assert within("trust", "-o", tmp_path / "other.json", home=governed)[0] == 0
    bundle = tmp_path / "all.bundle"
    bundle.write_bytes(given["all"].read_bytes())
    code, printed, _ = within("verify", bundle, "--trust", tmp_path / "other.json")
    assert (code, "verdict: failed" in printed) == (1, True)
    told = " ".join(printed.split())
    assert "is of another chain or other contracts; get that of the agencies" in told
    _, printed, _ = within("verify", given["all"], "--trust", given["trust.json"])
    assert "likely cause" not in printed


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("the file itself", "is a JPEG image, not an evidence bundle"),
        ("empty", "is an empty file, not an evidence bundle"),
        ("zeros", "is a file of zeros, not"),
        ("a folder", "is a folder, not an evidence bundle"),
        ("the trust root", "is a trust root, not an evidence bundle"),
        ("a text", "is a text, not an evidence bundle"),
        ("a checkpoint", "is a signed checkpoint of a log, not an evidence bundle"),
        ("noise like CBOR", "is a file of another kind, not an evidence bundle"),
        ("missing", "cannot read"),
    ],
)
def test_something_else_in_the_place_of_a_bundle_is_unreadable_and_named(
    given: dict[str, Path], tmp_path: Path, kind: str, words: str
) -> None:
    place = tmp_path / "b"
    contents = {
        "empty": b"",
        "zeros": bytes(5000),
        "a text": b"Dear Sir,\n",
        "a checkpoint": b"urn:custody:log:00\n1\n",
    }
    contents["noise like CBOR"] = b"\xa5" + bytes(range(1, 200))
    if kind in contents:
        place.write_bytes(contents[kind])
    elif kind == "a folder":
        place.mkdir()
    elif kind != "missing":
        place = given["photo.jpg" if kind == "the file itself" else "trust.json"]
    code, printed, said = within("verify", place, "--trust", given["trust.json"])
    assert (code, printed) == (4, "")
    assert words in said, said
    assert "internal" not in said


def test_a_bundle_cut_short_or_of_a_later_version_is_unreadable_and_a_changed_one_failed(
    given: dict[str, Path], tmp_path: Path
) -> None:
    whole = given["all"].read_bytes()
    for changed, code, verdict in (
        (whole[:-50], 4, "unreadable"),
        (whole[:100], 4, "unreadable"),
        (whole.replace(b"\x61v\x02", b"\x61v\x03", 1), 4, "unreadable"),
        (whole + b"\x00", 1, "failed"),
        (bundles.parse(whole).with_chain(None).encode(), 3, "incomplete"),
    ):
        (tmp_path / "b.bundle").write_bytes(changed)
        found, printed, _ = within(
            "--json", "verify", tmp_path / "b.bundle", "--trust", given["trust.json"]
        )
        assert (found, json.loads(printed)["verdict"]) == (code, verdict)


def test_a_bundle_and_its_file_are_taken_in_any_order(given: dict[str, Path]) -> None:
    code, printed, _ = within(
        "verify", given["photo.jpg"], given["all"], "--trust", given["trust.json"]
    )
    assert (code, printed.startswith("VERIFIED: this file is, bit for bit")) == (0, True)
    code, _, said = within("verify", given["all"], given["photo.jpg"], "--trust", given["all"])
    assert (code, "this is an evidence bundle, not a trust root" in said) == (2, True)


def test_a_file_that_cannot_be_read_is_neither_verified_nor_refuted(
    given: dict[str, Path], tmp_path: Path
) -> None:
    for file, words in (
        (tmp_path, "is a folder, and a bundle speaks of one file"),
        (tmp_path / "none", "neither verified nor refuted"),
        (Path("/dev/null"), "is a device, not a file: neither verified nor refuted"),
        (Path("/dev/zero"), "is a device, not a file: neither verified nor refuted"),
    ):
        code, _, said = within("verify", given["all"], file, "--trust", given["trust.json"])
        assert (code, words in said) == (4, True), said


def test_a_device_without_end_in_the_place_of_a_small_file_fills_no_memory(
    given: dict[str, Path], home_path: Path, tmp_path: Path
) -> None:
    import resource

    (tmp_path / "image").touch()
    os.truncate(
        tmp_path / "image", 4 << 30
    )  # a disk image; with the limit below it could not be read
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, limits[1]))
    try:
        for place in (Path("/dev/zero"), tmp_path / "image"):
            for code, arguments in (
                (4, ("verify", given["all"], "--trust", place)),
                (2, ("--home", home_path, "--passphrase-file", place, "list")),
            ):
                found, _, said = within(*arguments)
                assert (found, "internal" in said, "more than" in said) == (code, False, True), said
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert within("verify", given["all"], "--trust", tmp_path)[0] == 2


def test_an_audit_refuses_what_it_would_not_look_at(home_path: Path, tmp_path: Path) -> None:
    for option, value in (
        ("--seen", "a.note"),
        ("--state", "state"),
        ("--trust", "trust.json"),
        ("--rpc", "http://127.0.0.1:1"),
    ):
        code, printed, said = within("--home", home_path, "audit", option, tmp_path / value)
        assert (code, printed, option in said) == (2, "", True), said
    for option in ("--sample", "--seed"):
        code, printed, said = within(
            "audit",
            "--log",
            tmp_path,
            option,
            "1",
            "--trust",
            "trust.json",
            "--rpc",
            "http://127.0.0.1:1",
        )
        assert (code, printed, option in said) == (2, "", True), said


def test_bundle_file_and_trust_root_may_come_through_pipes(
    given: dict[str, Path], tmp_path: Path
) -> None:
    import threading

    pipes = {}
    for name in ("all", "photo.jpg", "trust.json"):
        pipes[name] = tmp_path / name
        os.mkfifo(pipes[name])
        threading.Thread(
            target=pipes[name].write_bytes, args=(given[name].read_bytes(),), daemon=True
        ).start()
    assert (
        within("verify", pipes["all"], pipes["photo.jpg"], "--trust", pipes["trust.json"])[0] == 0
    )


# Trust roots that outlive a chain


def test_a_pinned_trust_root_verifies_its_bundles_when_the_chain_is_gone(
    given: dict[str, Path], tmp_path: Path
) -> None:
    code, printed, _ = within(
        "--json",
        "trust",
        "-o",
        tmp_path / "t",
        "--pin",
        given["all"],
        "--pin",
        given["part"],
        home=given["home"],
    )
    assert code == 0
    root = trust.parse((tmp_path / "t").read_bytes())
    alone = replace(
        root, finality=tuple(rule for rule in root.finality if isinstance(rule, Pinned))
    )
    assert len(json.loads(printed)["pinned"]) == len(alone.finality[0].blocks) == 2  # type: ignore[union-attr]
    assert verify(given["all"].read_bytes(), alone).verdict is Verdict.VERIFIED
    code, _, said = within(
        "trust", "-o", tmp_path / "none", "--pin", given["none"], home=given["home"]
    )
    assert (code, "nothing of it is anchored" in said, (tmp_path / "none").exists()) == (
        3,
        True,
        False,
    )


def test_a_bundle_whose_block_the_chain_does_not_have_is_not_pinned(
    given: dict[str, Path], tmp_path: Path
) -> None:
    parsed = bundles.parse(given["all"].read_bytes())
    assert parsed.chain is not None
    header = bytearray(parsed.chain.header)
    header[40] ^= 1  # another uncle hash: the same number
    (tmp_path / "b").write_bytes(
        parsed.with_chain(replace(parsed.chain, header=bytes(header))).encode()
    )
    code, _, said = within(
        "trust", "-o", tmp_path / "t", "--pin", tmp_path / "b", home=given["home"]
    )
    assert (code, "the chain has another block" in said, (tmp_path / "t").exists()) == (
        1,
        True,
        False,
    )
