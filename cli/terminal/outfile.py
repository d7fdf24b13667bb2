"""--output and --force: one way for every command that writes a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from cli.invocation.global_options import STATE
from cli.invocation.hints import runnable
from cli.terminal import output

#: Beside every --output.
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there already.")]
PRIVATE = 0o600  # evidence, records, invitations
PUBLIC = 0o644  # trust roots and cards, which are handed out


class Target:
    """A file that a person asked for, and what they are told where it cannot be written after
    all.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._otherwise: tuple[Any, tuple[str, ...], str, int] | None = None

    def write(self, data: bytes) -> None:
        """Write more of it."""
        self.file.write(data)

    def otherwise(self, value: Any, *lines: str, hint: str, code: int = output.UNPRINTED) -> None:
        """Say that something is done now that stays done: where the file cannot be written, this is
        printed all the same.

        Args:
            value: the result, for scripts. lines: for people. hint: what to do about the file.
                code: exit code in that case.
        """
        self._otherwise = value, lines, hint, code

    def tell(self, error: Exception) -> int | None:
        """Print the result of work whose file could not be written; its exit code, or None where
        nothing was done that stays.
        """
        if self._otherwise is None:
            return None
        value, lines, hint, code = self._otherwise
        output.result(value, *lines)
        return output.tell(
            f"the work was done, and only its file could not be written: {error}",
            runnable(hint),
            code,
        )


@contextmanager
def writing(
    path: Path, *, force: bool, mode: int = PRIVATE, inputs: Iterable[Path | None] = ()
) -> Iterator[Target]:
    """Open a file that a person asked for; begin with it, so that nothing is signed for what cannot
    be written.

    Args:
        inputs: files and folders that the command was given to read, beside the passphrase file.

    Raises:
        UsageError: it exists already, is an input, lies in a home, or cannot be written.
        UnwrittenError: it could not be written to its end.
        typer.Exit: neither could it, but something had been done already (`Target.otherwise`),
            whose result was printed.
    """
    from ledger.adapters import outputs
    from ledger.domain.errors import UnwrittenError, UsageError

    require_outside_homes(path)
    require_no_input(path, inputs)
    if outputs.is_stdout(path):
        output.take_stdout()
    done, opened = False, ExitStack()
    try:
        target = Target(opened.enter_context(outputs.writing(path, force=force, mode=mode)))
    except UnwrittenError as error:  # nothing was done yet: the path is wrong, not the evidence
        raise UsageError(error.message, hint=error.hint) from error
    try:
        with opened:
            yield target
            done = True
    except (UnwrittenError, UsageError) as error:
        # Wrong usage in the end: somebody made a file of that name meanwhile.
        code = target.tell(error) if done or isinstance(error, UnwrittenError) else None
        if code is None:
            raise
        raise typer.Exit(code) from error


def require_outside_homes(path: Path) -> None:
    """Refuse to write over keys, or in clear beside them: one wrong letter behind --output would
    cost a home its keys or its database.

    Raises:
        UsageError: the path is a keyring or a journal, or lies in a folder that has a keyring, or
            is one.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.files import custody_files

    place = Path(os.path.realpath(path))  # which ends for a link to itself too
    if custody_files.file_kind(_head(place)) or any(
        custody_files.file_kind(_head(above / custody_files.KEYRING))
        for above in (place, *place.parents)
    ):
        raise UsageError(
            f"{path} lies in a folder of custody's own keys", hint="name a place somewhere else"
        )


def require_no_input(path: Path, inputs: Iterable[Path | None]) -> None:
    """Refuse to write over what the command reads, also under another name of it: with --force, a
    passphrase file behind --output would cost its owner every key.

    Raises:
        UsageError: the path is an input or the passphrase file, or lies in a folder that is one.
    """
    from ledger.adapters import outputs
    from ledger.domain.errors import UsageError

    there = outputs.exists(path)  # a new file beside the inputs harms nothing
    for one in (STATE.passphrase_file, *inputs):
        if there and one is not None and outputs.is_within(path, one):
            raise UsageError(
                f"{path} would be written over {one}, which this command was given to read",
                hint="name another file to write",
            )


def require_folder(path: Path, *, emptied: Iterable[Path | None] | None = None) -> None:
    """Refuse a folder for what is written where it is none, or where keys lie.

    Args:
        emptied: where the folder is emptied first, what the command was given to read.

    Raises:
        UsageError: it is something else, lies in a home, or an input would be emptied with it.
    """
    from ledger.adapters import outputs
    from ledger.domain.errors import UsageError

    require_outside_homes(path)
    for one in (STATE.passphrase_file, *emptied) if emptied is not None else ():
        if one is not None and outputs.is_within(one, path):
            raise UsageError(
                f"{one} lies in {path}, which is emptied first",
                hint="choose another folder with --output",
            )
    if os.path.lexists(path) and not path.is_dir():
        raise UsageError(f"{path} is not a folder", hint="name a folder, or one that is to be made")


def _head(path: Path) -> bytes:
    from ledger.domain.files import custody_files

    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(custody_files.HEAD)
    except OSError:
        return b""
