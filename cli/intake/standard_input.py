"""What `upload -` takes from a pipe: under which name, and what is refused before it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.invocation.global_options import STATE

if TYPE_CHECKING:
    from ledger.client.files.spooled_input import SpooledInput

Name = Annotated[str, typer.Option(help="Name of what comes through a pipe, such as disk.dd.")]
#: The path that stands for it on a command line.
WORD: Final = "-"
#: What a record says that it was taken from.
SOURCE: Final = "standard input"
#: Before its name, where a file has its place.
_PLACE: Final = f"{SOURCE}: "
_LONGEST: Final = 255


def place(name: str) -> str:
    """Where an attempt at it is, for whoever goes on with it."""
    return _PLACE + name


def name_at(found: str) -> str:
    """Its name, of what has this place; empty of a file."""
    return found.removeprefix(_PLACE) if found.startswith(_PLACE) else ""


def is_meant(paths: list[Path]) -> bool:
    """Whether standard input was named, and no file that is called so."""
    return Path(WORD) in paths and any(
        part.words == (WORD,) and not part.option for part in STATE.typed
    )


@contextmanager
def taken(paths: list[Path], name: str) -> Iterator[SpooledInput | None]:
    """All that comes, kept until the block ends; None where a pipe is not meant.

    Raises:
        UsageError: it has no name, or a terminal or nothing at all is there instead of a pipe.
        SourceError: it broke off. UnwrittenError: there is no room to keep it.
    """
    from ledger.client.files.spooled_input import SpooledInput
    from ledger.domain.errors import UsageError

    if not is_meant(paths):
        if name:
            raise UsageError(
                "--name is that of what comes through a pipe",
                hint="a file is recorded under the name that it has; for a pipe: upload - --name",
            )
        yield None
        return
    if len(paths) > 1:
        raise UsageError(
            "what comes through a pipe is recorded by itself",
            hint="record the files with a command of their own",
        )
    if not name:
        raise UsageError(
            "what comes through a pipe has no name of its own", hint="say which: --name disk.dd"
        )
    if "/" in name or "\x00" in name or name in (".", "..") or len(os.fsencode(name)) > _LONGEST:
        raise UsageError(
            f"--name is the name of a file, of at most {_LONGEST} bytes and without strokes",
            hint="--name disk.dd",
        )
    if not STATE.home.is_dir():  # told by whatever opens it, and nothing is read before
        yield None
        return
    if os.isatty(0):
        raise UsageError(
            "standard input is a terminal, and no pipe",
            hint="put the program that writes the file before this command, with | between them",
        )
    with (
        os.fdopen(0, "rb", buffering=0, closefd=False) as stream,
        closing(SpooledInput(stream, STATE.home)) as spooled,
    ):
        yield spooled
