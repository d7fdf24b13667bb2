"""custody bundle"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import beside, items, outfile, output, withholding
from cli.global_options import Basis, Evidence, Json
from cli.hints import command, runnable
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.domain.bundle.bundle import Bundle

_HELP = """Export an item's record as one file that verifies offline. Your export is signed and
recorded first. Without -o it is written into the working folder under the name of the file that it
speaks of, photo.jpg.bundle, where `custody verify photo.jpg` finds it.

\b
Example:
  custody bundle 2026-117/A1
  custody bundle 3f0c1d2e -o x.bundle --basis "court"
"""


def bundle(
    evidence: Evidence,
    out: Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")] = None,
    basis: Basis = "",
    force: outfile.Force = False,
    withhold: withholding.Withhold = None,
    recipient: withholding.Recipient = "",
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client.redaction import Withheld

    items.require_said(basis)
    Withheld(withhold or [])  # a selector of another form is told before anything is signed
    target = out or beside.free(f"item-{secrets.token_hex(4)}", "item")
    with (
        outfile.writing(target, force=force) as file,
        open_session() as session,
    ):  # and so is a file that cannot be written
        asked = withholding.asked(session, evidence, basis, "bundle", recipient, withhold)
        named, left_out = asked.named, asked.left_out
        urn, access = named.urn, asked.access
        if not access and not session.node.item(urn).erased:
            access = withholding.record_export(session, urn, asked.why)
        if access:
            told = f"your export was signed and recorded ({access}); the bundle was not written"
            file.otherwise(
                {"path": None, "access": access},
                told,
                hint="export it again, with another --output",
            )
        parsed, data = withholding.exported(session, urn, access, left_out)
        file.write(data)
    if out is None:
        about = _name(parsed) or f"item-{named.short[:8]}"
        out = beside.settle(target, beside.free(about, f"item-{named.short[:8]}", beside.BUNDLE))
    waiting = sum(statement.receipt is None for statement in parsed.statements)
    lines = [f"{out}: {counted(len(parsed.statements), 'event')}, {output.size(len(data))}"]
    if waiting:
        told = f"not anchored yet: {waiting} of them, so it verifies as incomplete:"
        lines.append(f"{told} {runnable('custody anchor')}, then export again")
    if left_out:
        lines.append(
            f"left out: {', '.join(left_out)}; whoever verifies it sees that, and can "
            "check "
            "the rest"
        )
    if not waiting:
        lines.append(f"Check it: {_checking(out)}")
    output.result(
        {
            "path": str(out),
            "events": len(parsed.statements),
            "size": len(data),
            "waiting": waiting,
            "access": access,
        },
        *lines,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(bundle)


def _checking(out: Path) -> str:
    """The command that verifies a bundle, with the file where that lies beside it."""
    file = out.with_suffix("")
    if out.suffix != beside.BUNDLE:  # which could be anything, and is verified with its file
        return command("verify", out, "FILE")
    return command("verify", file if file.is_file() else out)


def _name(parsed: Bundle) -> str:
    """The name under which the file was recorded; empty where the bundle does not tell it."""
    from ledger.domain.event import document

    first = parsed.statements[0]
    if first.document is None:
        return ""
    return str(document.parse(first.document, first.disclosures).body.get("name", ""))
