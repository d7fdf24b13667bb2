"""What the global options said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass
class State:
    """Global options of this run."""

    home: Path = Path("custody-home")
    server: str = ""
    passphrase_file: Path | None = None
    json: bool = False
    help: bool = False
    offline: bool = False
    command: str = ""
    #: The item that the command is about, once it is known, for hints that name it.
    item: str = ""


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
        metavar="ITEM", help="The item: case/exhibit (2026-117/A1), its id, or how that begins."
    ),
]
