"""--output and --force: one way for every command that writes a file."""

from __future__ import annotations

import os
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
        UsageError: it exists already, or lies in a home. StorageError: it cannot be written.
    """
    from ledger.adapters import outputs

    _require_outside_homes(path)
    if outputs.is_stdout(path):
        output.take_stdout()
    with outputs.writing(path, force=force, mode=mode) as file:
        yield file


def _require_outside_homes(path: Path) -> None:
    """Refuse to write over keys, or in clear beside them: one wrong letter behind --output would cost a home its keys or its database.

    Raises:
        UsageError: the path is a keyring or a journal, or lies in a folder that has a keyring.
    """
    from ledger.domain import ownfiles
    from ledger.domain.errors import UsageError

    place = Path(os.path.realpath(path))  # which ends for a link to itself too
    if ownfiles.file_kind(_head(place)) or any(ownfiles.file_kind(_head(above / ownfiles.KEYRING)) for above in place.parents):
        raise UsageError(f"{path} lies in a folder of custody's own keys", hint="name a file somewhere else")


def _head(path: Path) -> bytes:
    from ledger.domain import ownfiles

    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(ownfiles.HEAD)
    except OSError:
        return b""
