"""custody restore"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.doctor import lines as told
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import runnable
from cli.terminal import output

if TYPE_CHECKING:
    from ledger.services.audit.self_check_findings import EntriesWaiting, SelfChecked

_HELP = """Restore a home from a backup into a new folder, and derive everything in it again before
it gets its name. Where a block of an item is damaged in the backup too, everything else comes back
all the same, the item is named, and the exit code is 3.

\b
Example:
  custody --home ~/restored restore /mnt/backup --keys /media/usb/backup-keys
"""


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where backups are kept.")],
    keys: Annotated[Path, typer.Option("--keys", help="File of the backup keys.")],
    snapshot: Annotated[
        str,
        typer.Option(help="Name of the snapshot, such as 20261122T020304Z; the newest by default."),
    ] = "",
    as_json: Json = False,
) -> None:
    from cli.terminal import passphrases
    from ledger.adapters.backup.keys import BackupKeys
    from ledger.app import find_home, restore_home
    from ledger.domain.codecs.text import format_time

    restore_home.require_room(STATE.home)
    passphrase = passphrases.ask()
    made = restore_home.restore(
        folder,
        STATE.home,
        BackupKeys(keys, passphrase, create=False),
        passphrase,
        snapshot=snapshot,
    )
    find_home.remember_quietly(STATE.home, passphrase_file=STATE.given_passphrase_file)
    lines = [
        (
            f"{STATE.home}: restored from {made.snapshot}, as it was at "
            f"{format_time(made.made)}, {made.entries} log entries"
        )
    ]
    seen: list[SelfChecked | EntriesWaiting] = [*made.checked, *made.waiting]
    lines += [line for result in seen for line in told(result)]
    for note in made.notes:
        lines += [f"NOTE    {note.message}", f"        what to do: {runnable(note.hint)}"]
    lines += [line for one in made.damaged for line in told(one)]
    if made.damaged:
        lines.append(
            f"NOT whole: {len(made.damaged)} of the items and IPFS nodes, named above; all else "
            "was restored"
        )
    waiting = sum(pending.count for pending in made.waiting)
    value = {
        "home": str(STATE.home),
        "snapshot": made.snapshot,
        "made": format_time(made.made),
        "entries": made.entries,
    }
    output.result(
        {
            **value,
            "waiting": waiting,
            "notes": [one.message for one in made.notes],
            "damaged": [one.message for one in made.damaged],
        },
        *lines,
    )
    if made.damaged:
        raise typer.Exit(3)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(restore)
