"""custody get"""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import outfile, output
from cli.hints import runnable
from cli.state import Basis, Evidence, Json

_HELP = """Decrypt an item into a file; of a folder, its manifest: the list of its files, each an
item of its own.

Your access is signed and in the log before any key is released.

\b
Example:
  custody --home ~/evidence get 3f0c1d2e-... -o photo.jpg --basis "analysis"
"""
_SHOWN = 20  # files of a folder that are listed; the manifest has all


def get(
    evidence: Evidence,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="File to write; it appears only when everything checked out."
        ),
    ],
    basis: Basis,
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    from cli.arguments import basis as basis_member
    from cli.arguments import evidence_urn
    from cli.session import open_session
    from ledger.client import retrieval
    from ledger.domain.errors import NotFoundError
    from ledger.domain.files.manifest import MEDIA_TYPE

    urn, said = evidence_urn(evidence), basis_member(basis)
    with outfile.writing(out, force=force) as file, open_session() as session:
        if not session.node.readable(urn, "copy").content:
            raise NotFoundError(
                "this item has no content", hint="see its record: custody show ID --basis WHY"
            )
        access = retrieval.record_access(
            session.node, session.person, session.clock, urn, mode="copy", basis=said
        )
        told = f"your access was signed and recorded ({access}); the content was not written"
        file.otherwise(
            {"path": None, "access": access}, told, hint="get it again, with another --output"
        )
        body = session.node.details(urn, access)[0]["document"]["body"]
        folder = body.get("mediaType") == MEDIA_TYPE
        listed = io.BytesIO()
        with output.progress("decrypting", body.get("size", 0)) as advance:
            opened = retrieval.fetch(
                session.node,
                session.person,
                urn,
                access,
                listed if folder else file.file,
                advance,
            )
        file.write(listed.getvalue())
    value = {
        "path": str(out),
        "name": opened.name,
        "size": opened.size,
        "digests": opened.digests,
        "access": access,
    }
    if folder:
        members = json.loads(listed.getvalue())["members"]
        output.result(
            value | {"manifestOf": len(members)}, *_manifest(out, opened.name, members, basis)
        )
    else:
        output.result(
            value,
            (
                f"{out}: {output.size(opened.size)}, same sha-256 as recorded: "
                f"{opened.digests['sha-256']}"
            ),
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(get)


def _manifest(out: Path, name: str, members: list[dict[str, Any]], basis: str) -> list[str]:
    """That this is a list of files, and what brings each of them."""
    lines = [
        (
            f"{out}: the manifest of the folder {name!r}, as recorded: a list of its "
            f"{len(members)} "
            "files, not the files"
        )
    ]
    if members:
        lines.append("each file is an item of its own:")
    for number, one in enumerate(members[:_SHOWN], 1):
        base = one["path"].rpartition("/")[2]
        target = base if re.fullmatch(r"[\w][\w .,()+@=-]*", base) else f"file-{number}"
        words = ["get", one["evidence"].removeprefix("urn:uuid:"), "-o", target, "--basis", basis]
        lines.append(f"  {runnable('custody get').removesuffix(' get')} {shlex.join(words)}")
    if len(members) > _SHOWN:
        lines.append(f"  ... and {len(members) - _SHOWN} more, by the ids in {out}")
    return lines
