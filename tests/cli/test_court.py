"""The folder for the court: what a stranger finds in it, and can check when everything of ours is
gone.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
from contextlib import AbstractContextManager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import BinaryIO

import pytest

from cli.court import court_folder, court_page
from cli.files import beside
from cli.terminal import output
from ledger.adapters import files
from ledger.adapters.node.client import NodeClient
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust, trust_fingerprint
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.finality import Pinned
from ledger.domain.errors import UnwrittenError
from ledger.domain.verify import verify_bundle
from tests.support import alone
from tests.support.chains import free_port
from tests.support.commands import ROOT, custody, serving, within
from tests.support.releasing import WHEEL, Installed


@pytest.fixture(scope="module")
def left(worked: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a served node leaves; nothing of it runs any more when a test begins."""
    folder = tmp_path_factory.mktemp("court") / "for-the-court"
    with serving(worked["home"], "--port", free_port()):
        custody("note", worked["evidence"], "seen in court", home=worked["home"])  # not anchored
        custody(
            *("court", worked["evidence"], "-o", folder, "--basis", "hearing"), home=worked["home"]
        )
    return folder


def fingerprint_of(folder: Path) -> str:
    root = trust.parse((folder / "trust.json").read_bytes())
    return trust_fingerprint.of(root).chain


def test_a_stranger_checks_the_folder_when_every_process_is_dead(
    left: Path, slim: Installed, tmp_path: Path
) -> None:
    """In an empty home, with the slim verifier, and in a process that has no network."""
    there = tmp_path / "home" / "folder"
    there.parent.mkdir()
    there.mkdir()
    for path in left.iterdir():
        (there / path.name).write_bytes(path.read_bytes())
    told = fingerprint_of(left)
    given = ("verify", "photo.jpg", "--trust", "trust.json")
    printed = alone.custody(
        *given,
        *("--trust-fingerprint", told, "--timeline"),
        folder=there,
        home=there.parent,
        python=slim.python,
    )
    assert printed.startswith("VERIFIED: this file is, bit for bit,")
    assert f"trust root: fingerprint {told}\n      as you were told\n" in printed
    (there / "photo.jpg").write_bytes(b"another")
    printed = alone.custody(*given, folder=there, home=there.parent, python=slim.python, code=1)
    assert printed.startswith("FAILED: this file is not the one that was recorded")


def test_whoever_gets_the_list_of_a_folder_is_told_that_its_files_are_not_in_it(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    """A folder for the court of a recorded folder had the list alone, and nobody was told."""
    home, photos = worked["home"], tmp_path / "photos"
    photos.mkdir()
    for name in "abc":
        (photos / name).write_text(f"photo {name}")
    given = ("--case", "2026-119", "--exhibit", "L1")
    assert within("upload", photos, *given, home=home)[0] == 0
    out = tmp_path / "list"
    code, printed, said = within("court", "2026-119/L1", "-o", out, home=home)
    assert code == 0, said
    assert "3 files are named in it and not in here," in printed
    page = (out / "READ-ME.html").read_text()
    assert "the list of a folder, and 3 files of that folder are" in page
    [line] = [one for one in printed.splitlines() if "The first of them: " in one]
    words = shlex.split(line.partition("custody ")[2])
    code, _, said = within(*words, "--basis", "hearing")
    assert code == 0, (words, said)
    [file] = [path for path in (tmp_path / "list-1").iterdir() if path.suffix in ("", ".bin")]
    assert file.read_text().startswith("photo ")
    assert "the list of a folder" not in (tmp_path / "list-1" / "READ-ME.html").read_text()


def test_the_page_sends_nobody_to_a_name_that_anybody_could_register(left: Path) -> None:
    page = (left / "READ-ME.html").read_text()
    assert "pip install custody" not in page
    steps = re.search(r"<pre>(python3 -I -m venv .*?)</pre>", page, re.DOTALL)
    assert steps is not None
    assert steps[1].endswith(f" ./{WHEEL}")
    assert "<pre>~/custody/bin/custody verify " in page  # where these steps put it
    guide = (ROOT / "docs" / "install.md").read_text()
    assert "\n".join(f"    {step}" for step in steps[1].splitlines()) in guide


def test_whoever_is_alone_has_no_network(tmp_path: Path) -> None:
    """What the test above says of itself: a chain that listens on this machine is not reached."""
    vectors = ROOT / "tests" / "vectors" / "bundle"
    with socket.create_server(("127.0.0.1", 0)) as chain:
        said = alone.custody(
            *("verify", vectors / "good.bundle", "--trust", vectors / "trust.json"),
            *("--rpc", f"http://127.0.0.1:{chain.getsockname()[1]}"),
            folder=tmp_path,
            home=tmp_path,
            code=3,
        )
        chain.setblocking(False)
        with pytest.raises(BlockingIOError):
            chain.accept()
    assert "the chain that you asked did not tell" in said


class _Page(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"


def read(page: str) -> _Page:
    parser = _Page()
    parser.feed(page)
    return parser


def test_the_page_names_all_that_lies_there_and_loads_nothing(left: Path) -> None:
    names = {path.name for path in left.iterdir()}
    assert names == {"photo.jpg", "photo.jpg.bundle", "trust.json", "READ-ME.html"}
    text = (left / "READ-ME.html").read_text()
    page = read(text)
    assert names - {"READ-ME.html"} <= set(re.findall(r"[\w.-]+", page.words))
    assert fingerprint_of(left) in page.words
    assert re.search(r"Held by\s*[\w-]{8} of NL-POL", page.words), "a short pseudonym, no name"
    assert "default-src 'none'" in text
    assert not {"src", "href", "onload", "onerror", "action"} & page.attributes
    assert not {"script", "link", "img", "iframe", "object", "form", "base", "a"} & page.elements
    assert not re.search(r"url\(|@import|https?:", text)
    assert "custody verify photo.jpg --trust trust.json --trust-fingerprint" in page.words


def test_foreign_text_on_the_page_stays_text(left: Path) -> None:
    attack = "<script>alert(1)</script>\u202e'\"><img src=x onerror=y>"
    root = replace(
        trust.parse((left / "trust.json").read_bytes()), label=attack, agencies=("NL-POL",)
    )
    report = verify_bundle(bundles.parse((left / "photo.jpg.bundle").read_bytes()), root)
    report.facts |= {"origin": attack, "custodian": attack, "evidence": attack}
    report.withheld = [attack]
    folder = court_page.CourtFolder(left, "photo.jpg", attack, root, report, ())
    page = court_page.render(folder, 0)
    assert "<script>" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert not {"script", "img"} & read(page).elements


@pytest.mark.parametrize(
    ("recorded", "called"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "item.bin"),
        ("-rf", "item.bin"),
        ("a b.jpg", "item.jpg"),
        ("$(x).jpg", "item.jpg"),
        ("READ-ME.html", "item.html"),
        ("TRUST.json", "item.json"),
        ("x.bundle", "item.bin"),
        ("a b.BUNDLE", "item.bin"),
        ("nul.txt", "item.txt"),
        (".hidden", "item.bin"),
        ("ends.", "item.bin"),
        ("custody.exe", "item.exe"),
        ("Python3.CMD", "item.CMD"),
        ("pip.py", "item.py"),
        ("pip.cpython-312-x86_64-linux-gnu.so", "item.so"),
        ("README.htm", "item.htm"),
        ("_READ_ME-FIRST.html", "item.html"),
        ("x" * 300 + ".e01", "item.e01"),
        ("\u202egpj.exe", "item.exe"),
        ("", "item.bin"),
    ],
)
def test_a_recorded_name_that_is_none_everywhere_names_no_file(
    recorded: str, called: str, monkeypatch: pytest.MonkeyPatch, left: Path
) -> None:
    parsed = bundles.parse((left / "photo.jpg.bundle").read_bytes())
    monkeypatch.setattr(court_page, "first_body", lambda bundle: {"name": recorded})
    assert court_folder._file_name(parsed) == called


def test_a_name_that_is_withheld_from_the_reader_does_not_stand_on_the_file(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "court"
    given = ("court", worked["evidence"], "-o", folder, "--basis", "x", "--withhold", "/body/name")
    custody(*given, home=worked["home"])
    assert (folder / "item.bin").read_bytes() == worked["photo"].read_bytes()
    assert "photo.jpg" not in (folder / "READ-ME.html").read_text()
    assert "/body/name" in (folder / "READ-ME.html").read_text()


def test_a_thing_without_content_is_left_as_its_record(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "court"
    seized = custody("seize", "phone", "--case", "C", "--json", home=worked["home"]).stdout
    done = custody(
        *("court", json.loads(seized)["evidence"], "-o", folder, "--basis", "x", "--json"),
        home=worked["home"],
    )
    value = json.loads(done.stdout)
    assert (value["file"], value["bundle"], value["verdict"]) == (None, "item.bundle", "verified")
    assert len(value["access"]) == 1
    alone.custody(*("verify", "item.bundle", "--trust", "trust.json"), folder=folder, home=tmp_path)
    page = read((folder / "READ-ME.html").read_text())
    assert "custody verify item.bundle --trust trust.json" in page.words
    assert "bit for bit" not in page.words


def test_each_access_that_a_folder_for_a_kind_of_reader_took_is_told(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    """What such a reader does not see is looked up in the record, under the access of the export: a
    second one could not be anchored by everybody, and nobody could have verified the folder.
    """
    words = ("court", worked["evidence"], "--for", "defence", "--basis", "hearing")
    code, printed, said = within(*words, "-o", tmp_path / "left", home=worked["home"])
    assert code == 0, said
    found = re.search(r"was signed and recorded for that: (\S+)", said)
    assert found is not None, said
    told = re.search(r"recorded in its history, for this folder: (\S+), (\S+)", printed)
    assert told is not None, printed
    assert found[1] == told[1] != told[2]


def test_a_folder_in_which_something_lies_is_refused_before_anything_is_signed(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    before = custody("show", worked["evidence"], "--json", home=worked["home"]).stdout
    (tmp_path / "court").mkdir()
    (tmp_path / "court" / "other").write_text("mine")
    code, _, said = within(
        *("court", worked["evidence"], "-o", tmp_path / "court", "--basis", "x"),
        *("--withhold", "/body/place"),
        home=worked["home"],
    )
    assert code == 2
    again = shlex.split(said.partition("name another: ")[2].strip())
    words = [worked["evidence"], "--basis", "x", "--withhold", "/body/place"]
    assert again[again.index("court") + 1 :] == [*words, "-o", str(tmp_path / "court-2")]
    assert "court" in said
    assert os.listdir(tmp_path / "court") == ["other"]
    after = custody("show", worked["evidence"], "--json", home=worked["home"]).stdout
    assert json.loads(after)["item"]["events"] == json.loads(before)["item"]["events"]


def test_a_chain_without_seals_is_pinned_at_the_one_block_that_is_needed(
    worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node of a chain that is asked by RPC pins whatever block is its newest, too; the page asks
    for the fingerprint that covers the pin.
    """
    from ledger.adapters.node.client import NodeClient

    real = NodeClient.trust_root

    def unsealed(self: NodeClient, pin: int | None = None) -> bytes:
        root = trust.parse(real(self, pin))
        rules = [rule for rule in root.finality if not isinstance(rule, Clique)]
        return replace(root, finality=(Pinned({9999: bytes(32)}), *rules)).encode()

    monkeypatch.setattr(NodeClient, "trust_root", unsealed)
    folder = tmp_path / "court"
    code, printed, said = within(
        *("court", worked["evidence"], "-o", folder, "--basis", "x"), home=worked["home"]
    )
    assert code == 0, said
    root = trust.parse((folder / "trust.json").read_bytes())
    found = trust_fingerprint.of(root)
    assert len(found.pinned) == 1
    assert 9999 not in found.pinned
    assert "read the second one" in printed
    page = read((folder / "READ-ME.html").read_text()).words
    for told in (found.with_pins, found.chain):
        assert told in page
        assert told in printed
    given = ("verify", "photo.jpg", "--trust", "trust.json", "--trust-fingerprint")
    alone.custody(*given, found.with_pins, folder=folder, home=tmp_path)
    # Whoever was told that of the chain alone believes no block that the folder pins.
    said = alone.custody(*given, found.chain, folder=folder, home=tmp_path, code=3)
    assert said.startswith("INCOMPLETE")
    assert f"this one does: {found.with_pins}" in " ".join(said.split())
    [number] = found.pinned
    assert f"the one with the pinned block {number}" in " ".join(said.split())
    assert "newer trust root" not in said


def test_what_does_not_verify_is_not_left(
    worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that gives another trust root than that of the bundle's chain."""
    from ledger.adapters.node.client import NodeClient

    real = NodeClient.trust_root

    def other(self: NodeClient, pin: int | None = None) -> bytes:
        root = trust.parse(real(self, pin))
        return replace(root, ledger=root.registry).encode()

    monkeypatch.setattr(NodeClient, "trust_root", other)
    folder = tmp_path / "court"
    code, _, said = within(
        *("court", worked["evidence"], "-o", folder, "--basis", "x"), home=worked["home"]
    )
    assert code == 1
    assert "does not verify (step" in said
    assert not folder.exists()


def test_a_disk_that_is_full_at_the_end_hides_no_access_that_was_signed(
    worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = files.replacing

    def full(path: Path, *, force: bool) -> AbstractContextManager[BinaryIO]:
        if path.name == beside.PAGE:
            raise UnwrittenError(f"cannot write {path}: No space left on device")
        return real(path, force=force)

    monkeypatch.setattr(files, "replacing", full)
    folder = tmp_path / "court"
    code, printed, said = within(
        *("court", worked["evidence"], "-o", folder, "--basis", "x"), home=worked["home"]
    )
    assert code == output.UNPRINTED
    assert re.search(r"signed and recorded \([0-9a-f]{8}, [0-9a-f]{8}\)", printed)
    assert "No space left" in said
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_signed(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    def events() -> int:
        shown = custody("show", worked["evidence"], "--json", home=worked["home"]).stdout
        return int(json.loads(shown)["item"]["events"])

    before, file = events(), tmp_path / "file"
    file.write_text("x")
    code, printed, said = within(
        *("court", worked["evidence"], "-o", file / "court", "--basis", "x"), home=worked["home"]
    )
    assert code == 1
    assert printed == ""
    assert "cannot write into" in said
    assert events() == before
