"""CONTRIBUTING.md: its examples do what the page says, as they stand there."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from api.app import create_app
from cli import help_groups, main
from cli.node.in_process_transport import InProcess
from cli.wording import eventforms
from ledger.adapters.logfiles import FolderFiles
from ledger.domain.errors import DeniedError, NotFoundError, UnreadableError, UsageError
from ledger.domain.event.schema import Report
from ledger.domain.event.types import TYPES
from ledger.domain.verify.procedure import verify
from ledger.services.log import merkle_log
from tests.support import proofs
from tests.support.actors import enrolled
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.strangers import BODIES
from tests.unit.test_forms import body

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
_PLACE = re.compile(r"^# ([\w/]+)\.py(?:, in (\w+))?$", re.MULTILINE)


def example(title: str) -> str:
    """The code below a heading."""
    return PAGE.partition(f"## {title}\n")[2].partition("```python\n")[2].partition("```")[0]


def parts(title: str) -> list[tuple[str, str, str]]:
    """An example's lines by the module and the table into which they go."""
    _, *found = _PLACE.split(example(title))
    return [
        (path.replace("/", "."), table, code)
        for path, table, code in zip(found[::3], found[1::3], found[2::3], strict=True)
    ]


def enter(title: str, patched: pytest.MonkeyPatch) -> None:
    """Put the rows of an example into the tables that it names."""
    for name, table, code in parts(title):
        if not table:
            continue
        module = importlib.import_module(name)
        rows = getattr(module, table)
        if isinstance(rows, dict):
            for key, row in eval(f"{{{code}}}", vars(module)).items():  # the page is ours
                assert key not in rows
                patched.setitem(rows, key, row)
        else:
            patched.setattr(module, table, (*rows, *eval(f"({code})", vars(module))))


@pytest.mark.parametrize("title", re.findall(r"^## (Add .*)$", PAGE, re.MULTILINE))
def test_an_example_is_short_and_says_where_it_goes(title: str) -> None:
    assert 1 < len([line for line in example(title).splitlines() if line]) < 20
    assert parts(title)


@pytest.fixture(scope="module")
def weighing(governed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = Path(shutil.copytree(governed, tmp_path_factory.mktemp("weighing") / "home"))
    with pytest.MonkeyPatch.context() as patched, Desk(home) as desk:
        enter("Add an event type", patched)
        yield desk


def photographed(desk: Desk, folder: Path) -> str:
    """An item to record something about."""
    photo = folder / "photo.jpg"
    photo.write_bytes(b"photo")
    [item] = desk.upload(photo)
    return item.evidence


def test_an_event_of_the_new_type_is_signed_stored_read_and_verified(
    weighing: Desk, tmp_path: Path
) -> None:
    photo = photographed(weighing, tmp_path)
    said = {"weight": "412 g", "witness": {"name": "A. Witness"}}
    weighing.record(photo, "weighed", said)
    read = weighing.client.details(photo, weighing.access(photo, "view"))
    [document] = [row.document for row in read if row.document["type"] == "weighed"]
    assert document["body"] == said
    weighing.anchor()
    report = verify(weighing.bundle(photo), weighing.trust())
    assert report.verdict == "verified", report
    with weighing.node.records.read() as unit:
        entries = unit.logs.entries(weighing.node.log_id, 0, 100)
    assert [entry.effect for entry in entries if entry.evidence == photo] == [
        "open",
        "none",
        "none",
    ]


def test_the_new_type_has_the_members_that_it_says_and_no_others(
    weighing: Desk, tmp_path: Path
) -> None:
    photo = photographed(weighing, tmp_path)
    with pytest.raises(UsageError, match="/body/weight: expected this member"):
        weighing.record(photo, "weighed", {"scale": "S-3"})
    with pytest.raises(UsageError, match="/body/colour: expected no such member"):
        weighing.record(photo, "weighed", {"weight": "412 g", "colour": "red"})


def test_the_new_type_is_signed_by_its_roles_and_about_items_in_which_they_have_a_part(
    weighing: Desk, tmp_path: Path
) -> None:
    photo = photographed(weighing, tmp_path)
    with pytest.raises(DeniedError, match="weighed"):
        enrolled(weighing, "prosecutor").sign("weighed", BODIES["weighed"], photo)
    with pytest.raises(NotFoundError):
        enrolled(weighing, "officer").record(photo, "weighed", BODIES["weighed"])
    assert enrolled(weighing, "custodian").record(photo, "weighed", BODIES["weighed"]).index


def test_the_new_type_has_a_command_whose_answers_make_its_body(weighing: Desk) -> None:
    [form] = [form for form in eventforms.FORMS if form.type == "weighed"]
    TYPES["weighed"].body(body(form, form.fields), "/body", Report())


def test_the_new_adapter_reads_what_the_one_for_folders_reads(
    governed: Path, tmp_path: Path
) -> None:
    home, written = Path(shutil.copytree(governed, tmp_path / "home")), tmp_path / "log"
    assert within("log", "export", written, "--entries", home=home)[0] == 0
    archive = Path(shutil.make_archive(str(tmp_path / "log"), "zip", written))
    [(name, _, code)] = parts("Add an adapter")
    space = {**vars(importlib.import_module(name)), "zipfile": zipfile}
    exec(code, space)
    files, folder = space["ArchiveFiles"](archive), FolderFiles(written)
    paths = [path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()]
    assert len(paths) > 3
    for path in paths:
        assert files.get(path) == folder.get(path)
    for path in ("tile/9/000", "tile"):
        with pytest.raises(NotFoundError):
            files.get(path)
    archive.write_bytes(b"no archive")
    with pytest.raises(UnreadableError, match="cannot read checkpoint"):
        files.get("checkpoint")


def test_the_new_command_prints_what_it_says(
    governed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(shutil.copytree(governed, tmp_path / "home"))
    [(name, _, code)] = parts("Add a command")
    module = types.ModuleType(name)
    exec(code, vars(module))
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(help_groups.NAMES, "entries", name.rpartition(".")[2])
    monkeypatch.setattr(main, "tree", lambda: typer.main.get_command(main.app))
    assert within("entries", home=home) == (0, "3 entries\n", "")
    assert "Say how many entries the log has." in within("entries", "--help")[1]


def test_the_new_route_answers_those_whom_its_row_names(
    weighing: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name, _, code), _ = parts("Add a route")
    module = importlib.import_module(name)
    monkeypatch.setattr(module.router, "routes", list(module.router.routes))
    exec(code, dict(vars(module)))
    with pytest.raises(RuntimeError, match="log_size"):
        create_app(weighing.node, confirmations=0)
    enter("Add a route", monkeypatch)
    monkeypatch.setattr(module.router, "routes", module.router.routes[:-1])
    exec(code, dict(vars(module)))  # a route asks the table when it is made
    with InProcess(create_app(weighing.node, confirmations=0)) as transport:
        monkeypatch.setattr(weighing, "transport", transport)
        with weighing.node.records.read() as unit:
            size = merkle_log.require_log(unit, weighing.node.log_id).size
        answer = enrolled(weighing, "prosecutor").raw("GET", "/v1/log/size")
        assert answer == (200, b'{"entries":%d}' % size)
        assert proofs.client(transport).get("/v1/log/size").status_code == 401
