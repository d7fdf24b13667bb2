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


STATE = State()


#: `--json` behind the command, for those who put it there; cli/main.py looks for it before anything
#: is parsed.
Json = Annotated[bool, typer.Option("--json", help="Print results as JSON.")]
#: Why details or content are read: becomes part of the signed record.
Basis = Annotated[
    str,
    typer.Option("--basis", help="Why you read it: recorded and signed before anything is shown."),
]
Evidence = Annotated[
    str, typer.Argument(metavar="ID", help="The item: urn:uuid:... or just the UUID.")
]
