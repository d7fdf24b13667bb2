"""custody log"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli.invocation.global_options import Json
from cli.terminal import outfile, output
from ledger.domain.codecs.text import counted

_GROUP = """The agency's log.

\b
Example:
  custody --home ~/evidence log export /srv/www/log
"""
_EXPORT = """Write the log's public files for a plain web server or IPFS (C2SP tlog-tiles), also
while the home is served.

\b
Example:
  custody --home ~/evidence log export /srv/www/log
  custody --home ~/evidence log export /srv/auditors/log --entries
"""


def export(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder; a later export adds what is new.")
    ],
    entries: Annotated[
        bool,
        typer.Option(
            "--entries",
            help="Also entries and certificates: pseudonyms and times, for those who audit.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_log

    outfile.require_folder(directory)
    with open_log() as own:
        from ledger.adapters import logfiles
        from ledger.services.log.files import FOREVER, exported, require_own

        if not entries:
            logfiles.require_public(directory)
        paths, get = exported(own, entries=entries)
        with output.progress("writing", len(paths), unit="files") as advance:
            written, kept = logfiles.write_tree(
                directory, paths, get, FOREVER, partial(require_own, own), advance
            )
        logfiles.drop_partials(directory)
    value = {"directory": str(directory), "written": written, "kept": kept, "entries": entries}
    output.result(
        value,
        (
            f"{counted(written, 'file')} written, {kept} there already; the newest checkpoint is "
            f"{directory / 'checkpoint'}"
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    log = typer.Typer(help=_GROUP, no_args_is_help=True)
    app.add_typer(log, name="log")

    log.command(help=_EXPORT)(export)
