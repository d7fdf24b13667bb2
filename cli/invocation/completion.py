"""What a shell offers where somebody presses Tab: what is known without a passphrase and without
network. Whatever goes wrong, nothing is offered and nothing is printed into the line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import typer

_ASKED: Final = "_CUSTODY_COMPLETE"  # set by the shell's script, as click names it


def is_asked() -> bool:
    """Whether a shell asks, and nobody runs a command."""
    return _ASKED in os.environ


def answer(app: typer.Typer) -> int:
    """Answer the shell.

    Returns:
        its exit code: 1 where there is nothing to offer, by which fish goes on to files.
    """
    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  (until the process ends)
    try:
        typer.main.get_command(app)(args=[], prog_name="custody")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 1
    except Exception:  # noqa: BLE001  (a line that is being typed is no place for an error)
        return 1
    return 0


def items(ctx: typer.Context, incomplete: str) -> list[str]:
    """Short ids of items."""
    return _known(ctx, lambda names, database: names.items(database, incomplete))


def people(ctx: typer.Context, incomplete: str) -> list[str]:
    """People of the agency."""
    return _beginning(incomplete, _known(ctx, lambda names, database: names.people(database)))


def partners(ctx: typer.Context, incomplete: str) -> list[str]:
    """Partner agencies."""
    return _beginning(incomplete, _known(ctx, lambda names, database: names.partners(database)))


def recipients(ctx: typer.Context, incomplete: str) -> list[str]:
    """Whom something can be handed to: partner agencies, then people."""
    return [*partners(ctx, incomplete), *people(ctx, incomplete)]


def settings(incomplete: str) -> list[str]:
    """What can be set (custody config)."""
    from ledger.app import preferences

    return _beginning(incomplete, preferences.KNOWN)


def _known(ctx: typer.Context, read: Callable[[Any, Path], list[str]]) -> list[str]:
    """What the home that the line would work in knows in clear.

    Args:
        read: gets it from the module `clear_names`, which is loaded here alone, and the database.
    """
    from ledger.adapters.database import clear_names

    try:
        return read(clear_names, _database(ctx))
    except Exception:  # noqa: BLE001  (a line that is being typed is no place for an error)
        return []


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _database(ctx: typer.Context) -> Path:
    """The database of the home that the line would work in, where it is a file."""
    from ledger.app import find_home
    from ledger.app.settings import LEDGER

    named = ctx.find_root().params.get("home")
    return find_home.find(Path(named) if named else None).path / LEDGER
