"""A home and its passphrase are found by themselves, and never by what somebody else put there."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from ledger.app import find_home
from ledger.domain.errors import UsageError
from tests.support.commands import ROOT, within
from tests.support.desk import PASSPHRASE
from tests.support.ownership import given_away

VECTOR = ROOT / "tests" / "vectors" / "bundle" / "good.bundle"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any home, in a folder of theirs."""
    own = tmp_path / "user"
    (own / "work" / "case").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(own))
    monkeypatch.setenv("XDG_DATA_HOME", str(own / "data"))
    monkeypatch.chdir(own / "work" / "case")
    return own


def shown() -> dict[str, Any]:
    code, out, said = within("home", "show", "--json")
    assert code == 0, said
    return dict(json.loads(out))


def test_whoever_has_no_home_is_told_where_it_was_looked_for(user: Path) -> None:
    """Whoever had none was told that custody-home was none, and not how a home is found."""
    code, _, said = within("list")
    assert code == 2
    for place in (
        "--home",
        "CUSTODY_HOME",
        f"{user}/work/case/.custody",
        f"{user}/work/.custody",
        f"{user}/.custody",
        f"{user}/work/case/custody-home",
        f"{user}/data/custody/home",
    ):
        assert place in said, place
    assert f"{user.parent}/.custody" not in said, "nobody looks above the user's own folder"
    assert "custody init --agency" in said


def test_homes_are_found_in_their_order(
    user: Path, founded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(founded, user / "data" / "custody" / "home")
    assert shown()["by"] == "your data folder"
    find_home.remember(Path(shutil.copytree(founded, Path("custody-home"))))
    assert shown()["by"] == "the folder custody-home here"
    chosen = Path(shutil.copytree(founded, user / "chosen"))
    monkeypatch.chdir("..")
    assert within("home", "use", chosen)[0] == 0
    monkeypatch.chdir("case")
    assert (shown()["home"], shown()["by"]) == (str(chosen), str(user / "work" / ".custody"))
    monkeypatch.setenv("CUSTODY_HOME", str(founded))
    assert (shown()["home"], shown()["by"]) == (str(founded), "CUSTODY_HOME")
    code, out, _ = within("home", "show", "--json", home=chosen)
    assert (code, json.loads(out)["by"]) == (0, "--home")
    code, out, _ = within("status", home=chosen)
    assert (code, out.splitlines()[:2]) == (
        0,
        [f"home        {chosen}", "            found by --home"],
    )


def test_a_new_home_is_made_in_the_data_folder_and_its_passphrase_file_is_remembered(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passphrase = user / "pass phrase"
    passphrase.write_bytes(PASSPHRASE)
    given = ("--passphrase-file", passphrase)
    code, out, said = alone(*given, "init", "--agency", "NL-POL", "--person", "4711")
    assert code == 0, said
    assert f"created in {user}/data/custody/home" in out
    assert "Next: custody upload FILE --case C --exhibit E" in out
    code, out, said = alone("status")
    assert code == 0, said
    assert stat.S_IMODE((user / "data" / "custody" / "homes.json").stat().st_mode) == 0o600
    code, out, _ = alone("home", "show")
    assert f"the file {passphrase}, which is remembered" in out
    code, out, _ = alone("home", "forget-passphrase")
    code, _, said = alone("status")
    assert code == 2
    assert "none in --passphrase-file, CUSTODY_PASSPHRASE_FILE, CUSTODY_PASSPHRASE" in said
    monkeypatch.setenv("CUSTODY_PASSPHRASE_FILE", str(passphrase))
    assert alone("status")[0] == 0


def alone(*words: object) -> tuple[int, str, str]:
    """A command without CUSTODY_PASSPHRASE."""
    return within(*words, passphrase=None)


def test_a_pointer_that_somebody_else_could_have_written_is_refused(
    user: Path, founded: Path
) -> None:
    """Whoever works in a suspect's folder shall not record into the home that the suspect named."""
    pointer = Path(".custody")
    hostile = Path(shutil.copytree(founded, user / "work" / "case" / "hostile"))

    def refused(why: str) -> None:
        code, out, said = within("list")
        assert (code, out) == (2, ""), said
        assert why in said

    pointer.write_text("hostile\n")
    refused("for which you did not have it written")
    find_home.remember(hostile)
    refused("for which you did not have it written")
    find_home.use(hostile, Path.cwd())
    other = Path(shutil.copytree(founded, user / "other"))
    find_home.use(other, user)
    pointer.write_text(f"{other}\n")
    refused("for which you did not have it written")
    pointer.write_text("hostile\n")
    pointer.chmod(0o664)
    refused("can be written by others, so it is not followed")
    pointer.chmod(0o600)
    assert within("list")[0] == 0
    pointer.write_text("hostile\nanother")
    refused("does not name one folder")
    pointer.unlink()
    pointer.symlink_to(user / "elsewhere")
    refused("is a link, or cannot be read")
    pointer.unlink()
    os.mkfifo(pointer)
    refused("is no plain file")
    pointer.unlink()
    pointer.mkdir()
    refused("is no plain file")


def test_a_home_that_lies_in_a_folder_of_evidence_is_not_worked_in(
    user: Path, founded: Path
) -> None:
    """Without --trust, `verify` would judge by the chain that the folder brought."""
    hostile = Path(shutil.copytree(founded, Path("custody-home").absolute()))
    (user / "work" / "case" / "photo.jpg.bundle").write_bytes(VECTOR.read_bytes())
    Path("photo.jpg").write_bytes(b"photo")
    for words in (("verify", "photo.jpg"), ("list",), ("upload", "photo.jpg")):
        code, out, said = within(*words)
        assert (code, out) == (2, ""), said
        assert f"{hostile}, which you did not make or choose here before" in said
        assert f"custody home use {hostile}" in said
    assert within("home", "use", hostile)[0] == 0
    assert within("list")[0] == 0


def test_a_pointer_of_somebody_else_is_refused(
    user: Path, founded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_home.use(founded, Path.cwd())
    pointer = Path(".custody")
    pointer.write_text(f"{founded}\n")
    pointer.chmod(0o600)
    given_away(pointer, monkeypatch)
    with pytest.raises(UsageError, match="belongs to somebody else"):
        find_home.find(None)


def test_outside_of_the_users_own_folder_nothing_above_is_looked_at(
    user: Path, founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "share" / "deep").mkdir(parents=True)
    find_home.use(founded, tmp_path / "share")
    monkeypatch.chdir(tmp_path / "share")
    assert find_home.find(None).path == founded
    monkeypatch.chdir(tmp_path / "share" / "deep")
    assert find_home.find(None).by == ""


def test_of_homes_that_are_made_at_once_none_is_lost(user: Path) -> None:
    """The list was read and written without a lock: of two at once one was lost."""
    homes = [user / f"home-{count}" for count in range(16)]
    for home in homes:
        home.mkdir()
    with ThreadPoolExecutor(16) as at_once:
        list(at_once.map(lambda home: find_home.remember(home, passphrase_file=home.name), homes))
    assert [find_home.remembered(home).passphrase_file for home in homes] == [
        home.name for home in homes
    ]
    assert list((user / "data" / "custody").iterdir()) != []


def test_homes_that_are_gone_are_remembered_no_more(user: Path) -> None:
    gone, kept, unmounted, stored = (user / name for name in ("gone", "kept", "disk/home", "keys"))
    for home in (gone, kept, unmounted, stored):
        home.mkdir(parents=True)
        find_home.remember(home, passphrase_file="p", key_store=home == stored)
    for home in (gone, unmounted, stored):
        home.rmdir()
    unmounted.parent.rmdir()
    find_home.remember(kept)
    assert find_home.remembered(gone) == find_home.Remembered()
    for home in (kept, unmounted, stored):
        assert find_home.remembered(home).passphrase_file == "p", home


def test_a_list_of_homes_that_others_can_write_is_not_believed(user: Path, founded: Path) -> None:
    find_home.use(founded, Path.cwd())
    assert find_home.find(None).path == founded
    (user / "data" / "custody" / "homes.json").chmod(0o666)
    with pytest.raises(UsageError, match="did not have it written"):
        find_home.find(None)


def test_a_refused_pointer_keeps_nobody_from_verifying_or_asking_for_help(user: Path) -> None:
    Path(".custody").write_text("/nowhere\n")
    assert within("home", "use", "--help")[0] == 0
    code, _, said = within("verify", "none", "none", "--trust", "none")
    assert code == 4, said
    assert "cannot read" in said


class Store(ModuleType):
    """The package `keyring` with a store in memory."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}

    def get_keyring(self) -> object:
        return self

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        self.kept[service, name] = value

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


def installed(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    monkeypatch.setitem(sys.modules, "keyring", store)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: store)
    return store


def test_the_desktops_key_store_keeps_and_forgets_a_passphrase(
    user: Path, home_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = installed(monkeypatch)
    assert within("home", "keep-passphrase", home=home_path)[0] == 0
    assert list(store.kept.values()) == [PASSPHRASE.decode()]
    code, _, said = within("list", home=home_path, passphrase=None)
    assert code == 0, said
    assert within("home", "forget-passphrase", home=home_path)[0] == 0
    assert store.kept == {}
    assert within("list", home=home_path, passphrase=None)[0] == 2


def test_a_passphrase_that_does_not_open_the_home_is_not_kept(
    user: Path, home_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = installed(monkeypatch)
    assert within("home", "keep-passphrase", home=home_path, passphrase="wrong")[0] == 1
    assert store.kept == {}


def test_a_machine_without_a_key_store_says_what_to_do_instead(
    user: Path, home_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, said = within("home", "keep-passphrase", home=home_path)
    assert code == 2
    assert f"{sys.executable} -I -m pip install keyring" in said


def test_a_passphrase_goes_into_no_store_that_keeps_it_in_clear(
    user: Path, home_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a desktop has several stores, the package tries one after the other: a file in clear
    took the passphrase where the real one did not answer.
    """

    class Plain(Store):
        __module__ = "keyrings.alt.file"

    class Chain(Store):
        __module__ = "keyring.backends.chainer"
        backends: ClassVar[list[Store]] = []

    package, plain, real = installed(monkeypatch), Plain(), Store()
    chain = Chain()
    monkeypatch.setattr(package, "get_keyring", lambda: chain)
    chain.backends[:] = [plain]
    code, _, said = within("home", "keep-passphrase", home=home_path)
    assert (code, "no key store that keeps a secret" in said) == (2, True), said
    chain.backends[:] = [plain, real]
    assert within("home", "keep-passphrase", home=home_path)[0] == 0
    assert list(real.kept.values()) == [PASSPHRASE.decode()]
    assert plain.kept == package.kept == chain.kept == {}
