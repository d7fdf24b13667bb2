"""custody disclose and custody share: giving a look, a copy, or a key."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import items, labels, output, people, record_options
from cli.forwarding import forward
from cli.global_options import STATE, Evidence, Json
from cli.hints import elsewhere

_DISCLOSE = """Record that somebody was given a copy, an export or a look. The item itself stays
where it is.

With --to the copy goes to another agency's node: its content key is sealed to their custodians, and
they take it with custody copy take. For everybody else make a bundle (custody bundle --for KIND)
and hand it over with the file.

\b
Example:
  custody --home ~/nl disclose 3f0c1d2e-... --kind prosecutor --to RO-DIICOT \\
    --mode copy --basis "request 12/2026" --on-condition "this case only"
"""
_SHARE = """Give a colleague, or a guest of another agency, the key of an item: recorded as a
disclosure to them.

\b
Example:
  custody --home ~/nl share 3f0c1d2e-... --basis "analysis" \\
    --with 4711
"""


def disclose(
    evidence: Evidence,
    kind: Annotated[
        str,
        typer.Option(
            help=("Kind of recipient: prosecutor, defence, court, court-expert, agency, victim ...")
        ),
    ],
    mode: Annotated[str, typer.Option(help="copy, export, view or inspection.")] = "copy",
    to: Annotated[str, typer.Option(help="Agency whose node shall fetch a copy.")] = "",
    name: Annotated[str, typer.Option(help="Who it is.")] = "",
    organisation: Annotated[str, typer.Option(help="Their organisation.")] = "",
    scope: Annotated[str, typer.Option(help="What of the item.")] = "",
    medium: Annotated[str, typer.Option(help="On what medium.")] = "",
    on_condition: Annotated[
        list[str] | None, typer.Option(help="Condition on onward use; may be repeated.")
    ] = None,
    withheld: Annotated[
        list[str] | None, typer.Option(help="What was left out; may be repeated.")
    ] = None,
    basis: record_options.Purpose = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import copying

    said = record_options.basis_member(basis, basis_kind, authorisation, authority)
    what = copying.Disclosure(
        mode, scope, medium, tuple(on_condition or ()), tuple(withheld or ()), said
    )
    recipient = copying.Recipient(kind, name, organisation, to)
    with open_session() as session:
        urn = items.urn_of(session, evidence)
        answer = copying.disclose(session.node, session.person, session.clock, urn, recipient, what)
        forward(session, to)
    lines = [labels.recorded(answer, f"disclosed to {to or name or kind}, recorded")]
    output.result(
        answer,
        *lines,
        *([f"They take it with: `custody copy take {STATE.item} --basis WHY`"] if to else []),
    )


def share(
    evidence: Evidence,
    with_person: Annotated[
        str,
        typer.Option("--with", help="Service number or pseudonym; a guest is WHO@AGENCY."),
    ],
    basis: record_options.Purpose = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import handover

    items.require_said(basis)
    with open_session() as session:
        named = items.find(session, evidence)
        urn = named.urn
        why = items.reason(basis, named, evidence, "share", "--with", with_person)["purpose"]
        said = record_options.basis_member(why, basis_kind, authorisation, authority)["basis"]
        answer = handover.share(
            session.node,
            session.person,
            session.clock,
            urn,
            with_person=people.reference(session, with_person),
            basis=said,
        )
    output.result(
        answer,
        (
            f"{with_person} can open it now, with a reason of their own: "
            f"`{elsewhere('show', evidence, '--basis', 'WHY')}`"
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=_DISCLOSE)(disclose)

    app.command(help=_SHARE)(share)
