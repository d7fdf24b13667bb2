"""custody disclose and custody share: giving a look, a copy, or a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import Evidence, Json
from cli.invocation.hints import elsewhere
from cli.items import items, selection, short_ids
from cli.items.short_ids import Named
from cli.node import people
from cli.node.forwarding import forward
from cli.terminal import output, questions
from cli.wording import known_codes, labels, record_options
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.domain.ports.answers import Recorded

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
_SHARE = """Give a colleague, or a guest of another agency, the key of an item, of several or of a
whole case: recorded as a disclosure to them.

\b
Example:
  custody share 2026-117/ --with 4711
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
    from cli.node.session import open_session
    from ledger.client.handovers import copying

    said = record_options.basis_member(basis, basis_kind, authorisation, authority)
    kind = known_codes.read(known_codes.RECIPIENTS, "--kind", kind)
    mode = known_codes.read(known_codes.MODES, "--mode", mode)
    what = copying.Disclosure(
        mode, scope, medium, tuple(on_condition or ()), tuple(withheld or ()), said
    )
    recipient = copying.Recipient(kind, name, organisation, to)
    with open_session() as session:
        urn = items.urn_of(session, evidence)
        answer = copying.disclose(session.node, session.person, session.clock, urn, recipient, what)
        forward(session, to)
    lines = [labels.recorded(answer, f"disclosed to {to or name or kind}, recorded")]
    if to:
        there = short_ids.beginnings([urn])[
            urn
        ]  # no command of theirs knows the short id of it here
        taking = elsewhere("copy", "take", there, "--basis", "WHY")
        lines.append(f"They take it with: `{taking}`")
    output.result(answer, *lines)


def share(
    evidence: selection.Several,
    with_person: Annotated[
        str,
        typer.Option("--with", help="Service number or pseudonym; a guest is WHO@AGENCY."),
    ],
    basis: record_options.Purpose = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    yes: questions.Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.handovers import handover

    items.require_said(basis)
    with open_session() as session:
        chosen = selection.find(session, evidence)
        whys = selection.reasons(chosen, basis, "share", "--with", with_person)
        selection.agree(chosen, f"Give {with_person} the key of {{}}?", yes=yes)
        taker = people.reference(session, with_person)

        def give(one: Named) -> Recorded:
            return handover.share(
                session.node,
                session.person,
                session.clock,
                one.urn,
                with_person=taker,
                basis=record_options.basis_member(
                    whys[one.urn]["purpose"], basis_kind, authorisation, authority
                )["basis"],
            )

        done = selection.each(chosen, give, "sharing")
    if chosen.alone:
        [(_, answer)] = done.answers
        shown = elsewhere("show", evidence[0], "--basis", "WHY")
        output.result(
            answer, f"{with_person} can open it now, with a reason of their own: `{shown}`"
        )
        return
    selection.tell(
        done,
        f"{with_person} can open {counted(len(done.answers), 'item')} now, each with a reason of "
        "their own",
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=_DISCLOSE)(disclose)

    app.command(help=_SHARE)(share)
