"""custody derive: an item made from other items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.intake import disk_images
from cli.invocation.global_options import Json
from cli.invocation.hints import command
from cli.items import exhibits, items
from cli.terminal import output
from cli.wording import known_codes, record_options

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.intake.upload import UploadOptions

_HELP = """Record a file that was made from other items: a report, an extraction, a redaction, the
output of a model.

\b
Example:
  custody --home ~/evidence derive report.pdf --kind report \\
    --parent 3f0c1d2e-... --tool Autopsy --tool-version 4.22
  custody --home ~/evidence derive redacted.mp4 --kind redaction \\
    --parent 3f0c1d2e-...
"""


def derive(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file.")],
    parent: Annotated[
        list[str], typer.Option(help="Item that it was made from (2026-117/A1); may be repeated.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            help=(
                "working-copy, redaction, translation, transcript, extraction, enhancement, "
                "conversion, report or ai-output."
            )
        ),
    ],
    tool: Annotated[str, typer.Option(help="Tool that made it.")] = "",
    tool_version: Annotated[str, typer.Option(help="Version of that tool.")] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="Parameter of the tool, NAME=VALUE; may be repeated."),
    ] = None,
    model_digest: Annotated[
        str, typer.Option(help="SHA-256 of the model, for the output of a model.")
    ] = "",
    error_rate: Annotated[str, typer.Option(help="Known error rate.")] = "",
    reviewer: Annotated[str, typer.Option(help="Who reviewed it.")] = "",
    decision: Annotated[str, typer.Option(help="What the reviewer decided.")] = "",
    approval: Annotated[
        list[str] | None,
        typer.Option(help="Statement of an approval on a parent; may be repeated."),
    ] = None,
    case: record_options.Case = "",
    exhibit: record_options.Exhibit = "",
    replaces: exhibits.Replaces = "",
    handling: Annotated[
        list[str] | None,
        typer.Option(help="Handling code; biometric takes two approvals. May be repeated."),
    ] = None,
    basis: record_options.Purpose = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    plain_file: disk_images.PlainFile = False,
    restart: record_options.Restart = False,
    as_json: Json = False,
) -> None:
    from dataclasses import replace

    from cli.commands.upload import upload_paths
    from ledger.client.intake.upload import UploadOptions
    from ledger.domain.errors import UsageError

    if not path.is_file():
        raise UsageError(f"{path} is not a file", hint="derived items are single files")
    pairs = [one.partition("=") for one in parameter or []]
    if any(not sign for _, sign, _ in pairs):
        raise UsageError("a parameter is NAME=VALUE")
    texts = {"modelDigest": model_digest, "errorRate": error_rate, "decision": decision}
    body: dict[str, Any] = {
        "kind": known_codes.read(known_codes.DERIVATIONS, "--kind", kind),
        **(
            {"tool": {"name": tool, **({"version": tool_version} if tool_version else {})}}
            if tool
            else {}
        ),
        **({"parameters": {name: value for name, _, value in pairs}} if pairs else {}),
        **{name: value for name, value in texts.items() if value},
        **({"reviewer": {"name": reviewer}} if reviewer else {}),
        **({"approvals": approval} if approval else {}),
    }
    said = record_options.identifier_members(case, exhibit) | record_options.basis_member(
        basis, basis_kind, authorisation, authority
    )
    said |= record_options.handling_member(handling)

    def named(session: Session, options: UploadOptions) -> UploadOptions:
        made_from = [items.also(session, one).urn for one in parent]
        options = replace(options, body={**options.body, "parents": made_from})
        return exhibits.belonging(session, options, case, exhibit, "", replaces)

    images = disk_images.given([] if plain_file else [path], check=False, resume=False)
    upload_paths(
        images.paths or [path],
        UploadOptions(
            said,
            body=body,
            event_type="derived",
            interrupted=record_options.interruption(False, restart),
            images=images.records,
        ),
        named,
        images if images.paths else None,
    )
    output.note(f"see where it came from: {command('tree', parent[0])}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(derive)
