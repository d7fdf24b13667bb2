"""custody get"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from cli import beside, items, outfile, output
from cli.global_options import Basis, Evidence, Json
from cli.hints import quoted, runnable
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.domain.files.manifest import Member

_HELP = """Decrypt an item into a file; of a folder, its manifest: the list of its files, each an
item of its own.

Your access is signed and in the log before any key is released. Without -o the file gets the name
that was recorded, in the working folder, and never the place of another one.

\b
Example:
  custody get 2026-117/A1
  custody get 3f0c1d2e -o photo.jpg --basis "analysis"
"""
#: Bytes of a manifest that are read at once, of some two hundred thousand files.
_AT_ONCE: Final = 64 << 20
_SHOWN = 20  # files of a folder that are listed; the manifest has all


def get(
    evidence: Evidence,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="File to write; it appears only when everything checked out."
        ),
    ] = None,
    basis: Basis = "",
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import retrieval
    from ledger.domain.errors import NotFoundError

    items.require_said(basis)
    target = out or beside.free(f"item-{secrets.token_hex(4)}", "item")
    with outfile.writing(target, force=force) as file, open_session() as session:
        named = items.find(session, evidence)
        urn = named.urn
        if not session.node.readable(urn, "copy").content:
            raise NotFoundError(
                "this item has no content", hint="see its record: custody show ID --basis WHY"
            )
        said = items.reason(basis, named, evidence, "get")
        access = retrieval.record_access(
            session.node, session.person, session.clock, urn, mode="copy", basis=said
        )
        told = f"your access was signed and recorded ({access}); the content was not written"
        file.otherwise(
            {"path": None, "access": access}, told, hint="get it again, with another --output"
        )
        body = retrieval.content_record(session.node.details(urn, access))
        copied = _Copied(file.file, body)
        with output.progress("decrypting", body["size"]) as advance:
            opened = retrieval.fetch(
                session.node,
                session.person,
                urn,
                access,
                copied,
                advance,
                recorded=body,
            )
    if out is None:
        ending = ".manifest" if copied.is_manifest else ""
        out = beside.settle(target, beside.free(opened.name, f"item-{named.short[:8]}", ending))
    value = {
        "path": str(out),
        "name": opened.name,
        "size": opened.size,
        "digests": opened.digests,
        "access": access,
    }
    line = (
        f"{out}: {output.size(opened.size)}, same sha-256 as recorded: {opened.digests['sha-256']}"
    )
    if not copied.is_manifest:
        output.result(value, line)
        return
    members, problem = copied.members()
    if members is None:
        output.result(value | {"manifestOf": None}, line, problem)
        raise typer.Exit(3)
    output.result(
        value | {"manifestOf": len(members)}, *_manifest(out, opened.name, members, said["purpose"])
    )


class _Copied:
    """Content on its way into the file. What says to be a manifest is kept besides, as far as it
    is one that can be: whoever recorded it chose its size and its bytes.
    """

    def __init__(self, file: BinaryIO, body: dict[str, Any]) -> None:
        from ledger.domain.files.manifest import MEDIA_TYPE

        self.is_manifest = body.get("mediaType") == MEDIA_TYPE
        self._file = file
        self._kept = bytearray()
        self._small = body["size"] <= _AT_ONCE

    def write(self, data: bytes) -> int:
        """Write more of it."""
        if self.is_manifest and self._small:
            self._kept += data
        return self._file.write(data)

    def members(self) -> tuple[list[Member] | None, str]:
        """The files that the manifest lists; None where it is none or too long, and why."""
        from ledger.domain.errors import FormatError
        from ledger.domain.files import manifest

        if not self._small:
            return None, "it says to be the manifest of a folder, and is too long to be listed here"
        try:
            return manifest.parse(bytes(self._kept)).members, ""
        except FormatError as error:
            return (
                None,
                f"it was recorded as the manifest of a folder, and is none: {error.message}",
            )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(get)


def _manifest(out: Path, name: str, members: list[Member], basis: str) -> list[str]:
    """That this is a list of files, and what brings each of them."""
    lines = [
        (
            f"{out}: the manifest of the folder {name!r}, as recorded: a list of its "
            f"{counted(len(members), 'file')}, not the files"
        )
    ]
    if members:
        lines.append("each file is an item of its own:")
    for number, member in enumerate(members[:_SHOWN], 1):
        base = os.fsdecode(member.path.rpartition(b"/")[2])
        target = base if re.fullmatch(r"[\w][\w .,()+@=-]*", base) else f"file-{number}"
        words = ["get", member.evidence.removeprefix("urn:uuid:"), "-o", target, "--basis", basis]
        lines.append("  " + runnable("custody " + " ".join(map(quoted, words))))
    if len(members) > _SHOWN:
        lines.append(f"  ... and {len(members) - _SHOWN} more, by the ids in {out}")
    return lines
