"""custody backup"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import elsewhere, passphrase_option, quoted, runnable
from cli.terminal import outfile, output
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.app.backup import Made

_NAMED = 10  # items
_HELP = """Back up the home, also while a node serves it. Only what is new since the last time is
copied.

The keys to evidence lie in a backup only under a backup key of the month, kept in the file that
--keys names: put it on another medium. Old keys are destroyed, so that what was disposed of cannot
be brought back from old backups.

Without a folder it goes where the last one went, at first into HOME-backups beside the home, with
the keys in HOME-backup-keys.

\b
Example:
  custody backup
  custody --home ~/evidence backup /mnt/backup --keys /media/usb/backup-keys
"""


def backup(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]", help="Where backups are kept; else where the last one is."
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            help="File of the backup keys, apart from home and backups; made on first use.",
        ),
    ] = None,
    rotate: Annotated[
        int, typer.Option(help="Days after which a new backup key is made.", min=1, max=366)
    ] = 30,
    keep: Annotated[
        int,
        typer.Option(help="Days for which it opens its backups after that.", min=1, max=3660),
    ] = 90,
    as_json: Json = False,
) -> None:
    from cli.terminal import passphrases
    from ledger.adapters import journal
    from ledger.adapters.backup.keys import BackupKeys
    from ledger.adapters.clock import SystemClock
    from ledger.app import backup as backups
    from ledger.app import backup_places, settings
    from ledger.domain.codecs.text import format_time

    settings.read(STATE.home)
    folder, keys = _places(folder, keys)
    outfile.require_folder(folder)
    backups.require_apart(STATE.home, folder, keys)
    opened = BackupKeys(keys, passphrases.ask(), create=True)
    now = backups.moment(folder, SystemClock())
    made = backups.make(
        STATE.home, folder, keys, opened, now=now, rotate=rotate * 86400, keep=keep * 86400
    )
    backup_places.remember(STATE.home, folder, keys)
    lines = [
        f"{made.snapshot}: {output.size(made.copied)} copied.",
        f"In all {output.size(made.size)} of content, {counted(made.grants, 'sealed key')}.",
        f"It can be opened until {format_time(made.expires)}; keep {keys} apart from it.",
        f"Try it: {_restoring(folder, keys)}",
    ]
    lines += [
        f"NOT certain: {one} says to be made later than now; a clock was wrong"
        for one in backups.ahead(folder, now)
    ]
    if made.elsewhere:
        what = f"the ciphertext of {counted(made.elsewhere, 'item')}"
        lines.append(f"NOT in it: {what}, which lies at IPFS nodes alone: keep these nodes")
    lines += _packs(made) + _lacking(made)
    value = {
        "snapshot": str(made.snapshot),
        "expires": format_time(made.expires),
        "copied": made.copied,
        "size": made.size,
        "lost": made.lost,
        "mended": made.mended,
        "atNodesAlone": made.elsewhere,
        "lacking": made.lacking,
    }
    waiting = sum(journal.count(STATE.home / one) for one in (settings.JOURNAL, settings.QUEUE))
    if waiting:
        sending = runnable("custody field send")
        lines.append(
            f"NOT in it: {counted(waiting, 'piece')} of work that is not ended here: {sending}, or "
            "upload again what was interrupted"
        )
    output.result({**value, "grants": made.grants, "journalsLeftOut": waiting}, *lines)
    if waiting or made.lost or made.lacking:
        raise typer.Exit(3)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(backup)


def _packs(made: Made) -> list[str]:
    """What is to be said of packs that went bad, and what to do."""
    lines = [
        f"LOST at home: {pack}: it, or something in it, is gone or went bad; what the backup has "
        "of it stays there"
        for pack in made.lost
    ]
    lines += [
        f"MENDED in the backup: its copy of {pack} had gone bad, and has again all that is here; "
        "check that medium"
        for pack in made.mended
    ]
    if made.lost:
        deep = runnable("custody doctor --deep")
        lines.append(
            f"what to do: {deep} names what is missing; restore this backup beside the home to "
            "get it back"
        )
    return lines


def _lacking(made: Made) -> list[str]:
    """What is to be said of items whose ciphertext was lost before it was in any backup."""
    if not made.lacking:
        return []
    lines = [
        f"LOST: the ciphertext of {item} is whole neither here nor in the backup"
        for item in made.lacking[:_NAMED]
    ]
    if more := len(made.lacking) - _NAMED:
        lines += [f"and that of {counted(more, 'item')} more (--json names all)"] * (more > 0)
    todo = "look for it in another backup folder, or record the original again if it still exists"
    return [*lines, f"what to do: {todo}"]


def _places(folder: Path | None, keys: Path | None) -> tuple[Path, Path]:
    """Where backups and their keys lie: as was said, or as it was last time.

    Raises:
        UsageError: the keys are not where they were last.
    """
    from ledger.app import backup_places

    if folder is not None and keys is not None:
        return folder, keys
    usual, usual_keys = backup_places.usual(STATE.home)
    return folder or usual, keys or usual_keys


def _restoring(folder: Path, keys: Path) -> str:
    """The command that brings a backup back into a new folder."""
    words = ("restore", quoted(str(folder)), "--keys", quoted(str(keys)))
    return " ".join([elsewhere("--home", "NEW-FOLDER"), *passphrase_option(), *words])
