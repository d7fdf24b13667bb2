"""--output and --force: one way for every command that writes a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli import output

#: Beside every --output.
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there already.")]
PRIVATE = 0o600  # evidence, records, invitations
PUBLIC = 0o644  # trust roots and cards, which are handed out


@contextmanager
def writing(path: Path, *, force: bool, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """Open a file that a person asked for; begin with it, so that nothing is signed for what cannot be written.

    Raises:
        UsageError: it exists already. StorageError: it cannot be written.
    """
    from ledger.adapters import outputs

    if outputs.is_stdout(path):
        output.take_stdout()
    with outputs.writing(path, force=force, mode=mode) as file:
        yield file
