"""What the global options said, and the home that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from cli.invocation import completion
from ledger.app import find_home, preferences
from ledger.app.find_home import FoundHome
from ledger.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a command line (command_line.py): an option with its value, or another word.

    ``option``: its longest name; empty for another word. ``anywhere``: whether it holds for every
    command.
    """

    words: tuple[str, ...]
    option: str = ""
    value: str = ""
    anywhere: bool = False


@dataclass
class State:
    """Global options of this run. Home and passphrase file are looked for when a command asks:
    `verify` needs neither.
    """

    given_home: Path | None = None
    home_by: str = "--home"
    server: str = ""
    given_passphrase_file: Path | None = None
    json: bool = False
    help: bool = False
    offline: bool = False
    #: The role in which the person wants to sign; empty for the least one that may.
    acting_as: str = ""
    #: Show what would be signed, and sign nothing.
    preview: bool = False
    #: Items and types of events that the person at the terminal has agreed to sign.
    agreed: set[tuple[str, str]] = field(default_factory=set)
    #: What somebody typed for a person, by the reference that the node gave for it.
    people: dict[str, str] = field(default_factory=dict)
    #: Kinds of the numbers that are corrected, by their places in the event that gave them.
    schemes: dict[str, str] = field(default_factory=dict)
    command: str = ""
    #: The item that the command is about, once it is known, for hints that name it; its URN; and
    #: digits by which it was named, with which the digest of its opening statement begins.
    item: str = ""
    urn: str = ""
    opening: str = ""
    #: Short ids of the items that the node told of, by their URNs.
    names: dict[str, str] = field(default_factory=dict)
    #: Items that were named by a number which they had before a correction, by that.
    former: dict[str, str] = field(default_factory=dict)
    #: Kinds and values of the numbers by which it was named; the node said which item that is.
    numbers: tuple[tuple[str, str], ...] = ()
    #: The case that this folder uses, where something is recorded for it without `--case`.
    used_case: str = ""
    #: The command line without the program, for hints that repeat it otherwise.
    typed: tuple[Part, ...] = ()
    looked_up: FoundHome | None = None

    @property
    def found(self) -> FoundHome:
        """The home to work in, and by what it was found.

        Raises:
            UsageError: see find_home.find.
        """
        if self.looked_up is None:
            self.looked_up = find_home.find(self.given_home, by=self.home_by)
        return self.looked_up

    @property
    def home(self) -> Path:
        """The folder of the home.

        Raises:
            UsageError: see find_home.find.
        """
        return self.found.path

    @home.setter
    def home(self, path: Path | None) -> None:
        self.given_home, self.looked_up = path, None

    @property
    def passphrase_file(self) -> Path | None:
        """The file with the passphrase that was named, else the one that is remembered of the home,
        where it is there, else the one of the user's configuration.
        """
        return (
            self.given_passphrase_file
            or self.remembered_passphrase_file
            or self.configured_passphrase_file
        )

    @passphrase_file.setter
    def passphrase_file(self, path: Path | None) -> None:
        self.given_passphrase_file = path

    @property
    def remembered_passphrase_file(self) -> Path | None:
        """The file that is remembered of the home, where it is there."""
        try:
            kept = find_home.remembered(self.home).passphrase_file
        except UsageError:
            return None
        return Path(kept) if kept and Path(kept).is_file() else None

    @property
    def configured_passphrase_file(self) -> Path | None:
        """The file of the user's configuration, for a home of which no other way is remembered."""
        if find_home.remembered(self.home).key_store:
            return None
        kept = preferences.read(preferences.user_file()).get("passphrase-file")
        return Path(kept) if kept else None


STATE = State()


#: `--json` behind the command, for those who put it there; cli/main.py looks for it before anything
#: is parsed.
Json = Annotated[bool, typer.Option("--json", help="Print results as JSON.")]
#: Why details or content are read: becomes part of the signed record.
Basis = Annotated[
    str,
    typer.Option(
        "--basis",
        help="Why you read it: signed before anything is shown. Else the case you name it by.",
    ),
]
Evidence = Annotated[
    str,
    typer.Argument(
        metavar="ITEM",
        help="The item: case/exhibit (2026-117/A1), its short id, or its whole one.",
        autocompletion=completion.items,
    ),
]
