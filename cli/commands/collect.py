"""custody collect"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.invocation.global_options import Json
from cli.terminal import output
from ledger.domain.codecs.text import counted

_HELP = """Remove what nobody needs: blocks of abandoned uploads, and the content of disposed items
whose keys are destroyed.

Nothing that an item needs is touched, and it may be interrupted at any moment. A node that serves
does this once a day.

\b
Example:
  custody --home ~/evidence collect --dry-run
"""


def collect(
    grace: Annotated[
        float, typer.Option(help="Days for which an interrupted upload may still go on.", min=0)
    ] = 7.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be removed.")
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_alone

    with open_alone() as home:
        from ledger.services.storage import garbage_collection

        collected = garbage_collection.collect(home.node, grace=int(grace * 86400), dry=dry_run)
    what = "would be removed" if dry_run else "removed"
    text = "nothing to remove: each block is of an item with a key, or of an open upload"
    if collected.blocks or collected.freed:
        text = (
            f"{counted(collected.blocks, 'block')} ({output.size(collected.size)}) {what}; "
            f"{output.size(collected.freed)} of disk given back"
        )
    output.result(
        {
            "blocks": collected.blocks,
            "size": collected.size,
            "freed": collected.freed,
            "dryRun": dry_run,
        },
        text,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(collect)
