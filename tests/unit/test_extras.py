"""What an installation holds: no module of another project without an extra that brings it."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from typing import Any

import grimp
import pytest

from cli.invocation import extras
from tests.support.commands import ROOT
from tools.release import sbom

OURS = ("ledger", "api", "cli")
#: Where a command of a person's machine turns to a home on this one, if there is one.
DOORS = {
    ("cli.node.session", "ledger.app.bootstrap"),
    ("cli.node.session", "api.app"),
    ("cli.node.session", "cli.node.in_process_transport"),
    ("cli.node.servers", "ledger.app.bootstrap"),
    ("cli.node.own_trust", "ledger.app.public_trust"),
    ("cli.commands.person_changes", "ledger.services.people.membership"),
    ("cli.commands.session", "ledger.services.people.membership"),
    ("cli.commands.ipfs", "ledger.adapters.ipfs.repository"),
}
#: Commands of a group that others of the group do without; an import that fails tells the extra.
AT_HOME = {"cli.commands.ipfs_migrate", "cli.commands.ipfs_nodes"}
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def projects(lines: list[str]) -> set[str]:
    return {re.split(r"[ <>=!~;\[]", line)[0] for line in lines} - {PROJECT["name"]}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *OURS, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


@pytest.fixture(scope="module")
def foreign() -> set[str]:
    standard = __import__("sys").stdlib_module_names
    found = {name for name in graph().modules if name.split(".")[0] not in (*OURS, *standard)}
    return found - {"_typeshed"}


def test_every_module_of_another_project_comes_with_the_base_or_an_extra(foreign: set[str]) -> None:
    # tzdata is data alone, which zoneinfo finds by itself where the system has none.
    known, wanted = (
        packages_distributions(),
        {"base": projects(PROJECT["dependencies"]) - {"tzdata"}},
    )
    wanted |= {extra: projects(PROJECT["optional-dependencies"][extra]) for extra in extras.MODULES}
    by_extra = {**extras.MODULES, "base": foreign.difference(*extras.MODULES.values())}
    for extra, modules in by_extra.items():
        brought = {name.lower().replace("_", "-") for module in modules for name in known[module]}
        assert brought == wanted[extra], extra
    assert foreign >= set().union(*extras.MODULES.values())


def commands() -> list[tuple[str, str]]:
    """The first word of each command, and the module that runs it."""
    from cli.main import tree

    found = set[tuple[str, str]]()
    for name, command in tree().commands.items():
        for one in getattr(command, "commands", {"": command}).values():
            found.add((name, str(one.callback.__module__)))
    return sorted(found)


@pytest.mark.parametrize(("command", "module"), commands())
def test_a_command_needs_no_extra_but_the_one_that_it_asks_for(command: str, module: str) -> None:
    assert module in graph().modules
    if command in extras._NODE or module in AT_HOME:
        return
    reached = graph_without_doors()
    for name in extras.MODULES["node"] & reached.modules:
        assert reached.find_shortest_chain(importer=module, imported=name) is None


@cache
def graph_without_doors() -> grimp.ImportGraph:
    found = grimp.build_graph(
        *OURS, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )
    for importer, imported in DOORS:
        found.remove_import(importer=importer, imported=imported)
    for module in AT_HOME:
        found.remove_import(importer="cli.commands.ipfs", imported=module)
    # What encodes and decodes asks for these only where a contract is called.
    for imported in ("eth_abi", "eth_utils", "web3"):
        found.remove_import(importer="ledger.adapters.chain.abi", imported=imported)
    return found


def test_a_module_that_no_extra_brings_is_a_defect() -> None:
    assert extras.missing_for(ModuleNotFoundError("x", name="ledger.gone")) is None
    found = extras.missing_for(ModuleNotFoundError("x", name="sqlmodel.main"))
    assert found is not None
    assert "--require-hashes -r requirements.lock" in str(found.hint)


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements-base.lock", []),
        ("requirements-client.lock", ["client"]),
        ("requirements.lock", ["client", "node", "build"]),
        ("requirements-images.lock", ["client", "images"]),
        ("requirements-dev.lock", ["client", "node", "build", "images", "dev"]),
    ],
)
def test_a_lock_pins_what_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    """After a change of the dependencies: make locks."""
    asked = projects(PROJECT["dependencies"])
    for extra in wanted:
        asked |= projects(PROJECT["optional-dependencies"][extra])
    pinned = sbom.read_lock(ROOT / lock)
    assert {one.name for one in pinned.values() if sbom.NAME in one.wanted_by} == asked


@pytest.mark.parametrize(
    "path", ["README.md", "docs/install.md", "cli/court/court_page.py", "cli/invocation/extras.py"]
)
def test_nobody_is_told_to_run_a_module_of_the_folder_that_they_are_in(path: str) -> None:
    """`python3 -m pip` runs pip.py of the working folder: of a release to which a thief added it,
    whose checksums say nothing of it, or of a folder with evidence.
    """
    text = (ROOT / path).read_text()
    assert re.findall(r"(?<!-I) -m (?:pip|venv)\b", text) == []
    assert path == "README.md" or " -I -m pip install" in text


def test_nobody_is_told_to_install_what_has_our_name_on_the_public_index() -> None:
    """`custody-ledger` on the public package index is somebody else's product."""
    told = [ROOT / name for name in ("README.md", "CHANGELOG.md", "Makefile")]
    for folder, ending in [(one, "*.py") for one in ("api", "cli", "ledger", "tools")] + [
        ("docs", "*.md")
    ]:
        told += (ROOT / folder).rglob(ending)
    by_name = re.compile(r"pip install[^\n]*[\s'\"`]custody[-_]ledger\b")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in told
        for line in path.read_text().splitlines()
        if by_name.search(line) or re.search(r"custody-ledger\[", line)
    ]
    assert found == []
