"""custody home: which home commands work in, and how they get its passphrase."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import runnable
from cli.terminal import output

_HELP = """Which home commands work in, and how they get its passphrase.

A home is looked for by --home, CUSTODY_HOME, a file .custody of the working folder or of one above
it up to your own, the folder custody-home here, and in your data folder.

\b
Example:
  custody home show
  custody home use ~/evidence
  custody home keep-passphrase
"""
_SHOW = """Show which home commands work in here, why, and where the passphrase comes from. Opens
nothing.

\b
Example:
  custody home show
"""
_USE = """Have commands in this folder, and in those below it, work in a home: writes .custody here.
With --passphrase-file that file is remembered too.

\b
Example:
  custody home use ~/evidence
  custody --passphrase-file ~/evidence.passphrase home use ~/evidence
"""
_KEEP = """Keep the passphrase of the home in your desktop's key store (package keyring), or, with
--passphrase-file, remember that file. The passphrase is tried first.

\b
Example:
  custody home keep-passphrase
"""
_FORGET = """Forget how the passphrase of the home is found; the desktop's key store forgets it too.

\b
Example:
  custody home forget-passphrase
"""


def show(as_json: Json = False) -> None:
    from cli.terminal import passphrases
    from ledger.app import settings

    found = STATE.found
    kind = (
        "a person's folder"
        if settings.is_client(found.path)
        else "the home of a node"
        if (found.path / settings.CONFIG).exists()
        else "nothing yet"
    )
    lines = [f"home        {found.path}: {kind}"]
    if found.by:
        lines.append(f"found by    {found.by}")
        lines.append(f"passphrase  from {passphrases.source()}")
    else:
        lines.append(f"looked for  {', '.join(found.looked)}")
        lines.append(runnable(f"Next: {settings.BEGIN}"))
    output.result(
        {"home": str(found.path), "by": found.by, "kind": kind, "looked": list(found.looked)},
        *lines,
    )


def use(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The home.")],
    as_json: Json = False,
) -> None:
    from ledger.app import find_home, settings

    if settings.is_client(folder):
        settings.read_client(folder)
    else:
        settings.read(folder)
    pointer = find_home.use(folder, Path.cwd())
    if STATE.given_passphrase_file is not None:
        find_home.remember(folder, passphrase_file=str(STATE.given_passphrase_file.resolve()))
    output.result(
        {"home": str(folder), "file": str(pointer)},
        f"Commands here and below work in {folder} from now on: {pointer} says so.",
    )


def keep_passphrase(as_json: Json = False) -> None:
    from cli.node.session import unlock
    from ledger.adapters.keystore import desktop
    from ledger.app import find_home

    unlock().keyring()  # it opens the home, or nothing is kept
    if (file := STATE.given_passphrase_file) is not None:
        find_home.remember(STATE.home, passphrase_file=str(file.resolve()))
        where = f"the file {file.resolve()}"
    else:
        from cli.terminal import passphrases

        desktop.keep(STATE.home, passphrases.ask())
        find_home.remember(STATE.home, key_store=True)
        where = "the desktop's key store"
    output.result(
        {"home": str(STATE.home), "where": where},
        f"The passphrase of {STATE.home} is taken from {where} from now on.",
    )


def forget_passphrase(as_json: Json = False) -> None:
    from ledger.adapters.keystore import desktop
    from ledger.app import find_home

    kept = find_home.remembered(STATE.home)
    if kept.key_store:
        desktop.forget(STATE.home)
    if kept.key_store or kept.passphrase_file:
        find_home.remember(STATE.home, passphrase_file="", key_store=False)
    output.result({"home": str(STATE.home)}, f"Nothing is kept of the passphrase of {STATE.home}.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="home")

    group.command(help=_SHOW)(show)

    group.command(help=_USE)(use)

    group.command("keep-passphrase", help=_KEEP)(keep_passphrase)

    group.command("forget-passphrase", help=_FORGET)(forget_passphrase)
