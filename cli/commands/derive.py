"""custody derive: an item made from other items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.intake import disk_images
from cli.invocation.global_options import Json
from cli.invocation.hints import command
from cli.items import exhibits, items
from cli.terminal import output, questions
from cli.wording import known_codes, record_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.client.intake.upload import UploadOptions

_HELP = """Record a file that was made from other items: a report, an extraction, a redaction, the
output of a model.

It is of the case by which you name the items that it was made from (2026-117/A1). Where those say
none, or several, you are asked; in a script say --case NUMBER or --no-case.

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
    no_case: Annotated[
        bool, typer.Option("--no-case", help="It is of no case; else it is of that of its items.")
    ] = False,
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
    if no_case and (case or replaces):
        raise UsageError(
            "--no-case goes with neither --case nor --replaces", hint="leave out one of them"
        )
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
        made_from = [items.also(session, one) for one in parent]
        options = replace(options, body={**options.body, "parents": [one.urn for one in made_from]})
        of = case if case or no_case or replaces else _case_of(session, made_from)
        if no_case:
            own = record_options.identifier_members("", exhibit)
            return replace(options, members=options.members | own)
        return exhibits.belonging(session, options, of, exhibit, "", replaces)

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


def _case_of(session: Session, parents: Sequence[Named]) -> str:
    """The case of what was made, where none was said: the one by which all that it was made from
    was named, or that the folder uses. Numbers of an item that is named by an id alone are sealed.

    Raises:
        UsageError: they are of several cases, or nothing says one, and nobody can be asked.
    """
    from ledger.domain.errors import UsageError

    cases = sorted({one.case for one in parents if one.case} | {session.used_case} - {""})
    if len(cases) == 1 and (session.used_case or all(one.case for one in parents)):
        output.say(f"case {cases[0]}, of what it was made from")
        return cases[0]
    why = f"{' and '.join(cases)} are named" if len(cases) > 1 else "not all is named by one"
    if not questions.can_ask():
        raise UsageError(
            f"of which case is it? {why}",
            hint="say it: --case NUMBER; or name what it was made from by case and exhibit, as "
            "2026-117/A1; of none: --no-case",
        )
    return questions.text(f"Of which case is it ({why})? Enter for none:")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(derive)
