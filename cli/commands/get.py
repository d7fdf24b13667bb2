"""custody get"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.files import beside, folder_back, reading, segments_back
from cli.invocation import completion
from cli.invocation.global_options import Basis, Json
from cli.items import items, short_ids
from cli.terminal import outfile, output
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.client.reading.retrieval import Opened

_HELP = """Decrypt items into files, or bring a recorded folder back whole.

Your access is signed and in the log before any key is released; of a folder one for each file that
is read. Without -o the file or folder gets the name that was recorded, in the working folder, and
never the place of another one.

Of a folder each file is compared with its own signed record and with the folder's manifest, and
gets the time and the rights that were recorded; folders that were empty are there, too. The
segments of a disk image come back as they were, into a folder. Several items come into the folder
that -o names. Start it again with the same -o after an interruption: what is there and right is
left as it is. Exit code 3: not all of it is there.

\b
Example:
  custody get 2026-117/A1
  custody get 3f0c1d2e -o photo.jpg --basis "analysis"
  custody get 2026-117/A2 -o notebook
  custody get 2026-117/A2 -o notebook --only '*.jpg' --only DCIM
  custody get 2026-117/A1 2026-117/A2 -o for-analysis
  custody get 2026-117/A2 --manifest -o list.json
"""


class _IsFolder(Exception):  # noqa: N818  (no failure: the file that was opened is not needed)
    """The item is a folder, or a disk image of several segments, and no file is to be written."""


def get(
    evidence: Annotated[
        list[str],
        typer.Argument(
            metavar="ITEM...",
            help="The items: case/exhibit (2026-117/A1), the id, or how that begins.",
            autocompletion=completion.items,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="File to write, which appears only when everything checked out; of a recorded "
            "folder, a disk image of several segments, or several items, the folder to fill.",
        ),
    ] = None,
    basis: Basis = "",
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a folder only what this pattern means: a name anywhere ('*.jpg'), or a path "
            "from the top ('DCIM/*', 'a/**/b'); may be repeated.",
        ),
    ] = None,
    manifest: Annotated[
        bool,
        typer.Option(
            "--manifest", help="Of a folder its manifest alone, the list of its files, as a file."
        ),
    ] = False,
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError
    from ledger.domain.files.path_globs import PathGlobs

    items.require_said(basis)
    wish = folder_back.Wish(PathGlobs(only) if only else None, force)
    if manifest and (len(evidence) > 1 or only):
        raise UsageError(
            "--manifest gives one whole list, and no selection",
            hint="name one item, without --only",
        )
    if len(evidence) == 1 and (manifest or out is None or not out.is_dir()):
        _get_one(evidence[0], out, basis, wish, manifest=manifest)
        return
    target = out or Path()
    outfile.require_folder(target)
    with open_session() as session:
        # All that are named are known before the first access is signed.
        look = items.find if len(evidence) == 1 else items.also
        named = [(typed, look(session, typed)) for typed in dict.fromkeys(evidence)]
        folder_back.bring_each(session, named, target, basis, wish)


def _get_one(
    typed: str, out: Path | None, basis: str, wish: folder_back.Wish, *, manifest: bool
) -> None:
    """Get one item into a file, or into a folder that is not there yet where it is one."""
    from cli.node.session import open_session
    from ledger.adapters import outputs

    target = out or beside.free(f"item-{secrets.token_hex(4)}", "item")
    manifest = manifest or outputs.exists(target)  # a pipe, or a file that is to be replaced
    with ExitStack() as stack:
        try:
            with outfile.writing(target, force=wish.force) as file:
                session = stack.enter_context(open_session())
                read = reading.Read(session, items.find(session, typed), typed, basis)
                told = (
                    f"your access was signed and recorded ({short_ids.short_digest(read.access)}); "
                    "the content was not written"
                )
                value = {"path": None, "access": read.access}
                file.otherwise(value, told, hint="get it again, with another --output")
                segments = [] if manifest else segments_back.parts(read)
                if segments:
                    raise _IsFolder
                opened = read.content(file.file)
                if read.listed is not None and not manifest:
                    raise _IsFolder
        except _IsFolder:
            if segments:
                segments_back.bring(read, segments, out)
            else:
                folder_back.bring(read, out, wish)
            return
    _tell_file(read, opened, target, out)


def _tell_file(read: reading.Read, opened: Opened, target: Path, out: Path | None) -> None:
    """Tell of one file that was written."""
    if out is None:
        ending = ".manifest" if read.is_folder else ""
        name = beside.free(opened.name, f"item-{read.named.short[:8]}", ending)
        out = beside.settle(target, name)
    value = {
        "path": str(out),
        "name": opened.name,
        "size": opened.size,
        "digests": opened.digests,
        "access": read.access,
    }
    lines = reading.same_as_recorded(f"{out}: {output.size(opened.size)}", opened.digests)
    if not read.is_folder:
        output.result(value, *lines)
        return
    if read.listed is None:
        output.result(value | {"manifestOf": None}, *lines, read.problem)
        raise typer.Exit(3)
    count = len(read.listed.members)
    output.result(
        value | {"manifestOf": count},
        f"{out}: the manifest of the folder {opened.name!r}, as recorded: a list of its "
        f"{counted(count, 'file')}, not the files",
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(get)
