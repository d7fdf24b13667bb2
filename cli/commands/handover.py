"""custody handover: from hand to hand, inside the agency and to other agencies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cli import (
    items,
    moments,
    offer_confirmation,
    output,
    people,
    questions,
    record_options,
    same_numbers,
)
from cli.commands import handover_list
from cli.commands import handover_pause as pause
from cli.forwarding import forward
from cli.global_options import STATE, Evidence, Json
from cli.hints import command, elsewhere, runnable
from cli.questions import Yes

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.client.offered_item import OnOffer
    from ledger.domain.ports.answers import ExchangeRound

_HELP = """Hand an item over: inside the agency to a colleague, or to another agency. Both sides
sign.

\b
Example:
  custody handover offer 2026-117/A1 --to-person 4712
  custody --home ~/nl handover offer 3f0c1d2e-... --to RO-DIICOT \\
    --purpose "analysis" --basis "EIO 2026/117"
  custody --home ~/ro handover list
  custody --home ~/ro handover accept 3f0c1d2e-... --condition "as described"
"""
_OFFER = """Offer an item. Its content key is sealed to whoever shall take it; until they answer
nothing else can be recorded.

\b
Example:
  custody handover offer 2026-117/A1 --to-person 4712
  custody --home ~/nl handover offer 3f0c1d2e-... --to RO-DIICOT \\
    --purpose "analysis" --basis "EIO 2026/117" --on-condition "this case"
"""
_ACCEPT = """Check an item on offer and accept it.

You are shown what is offered, from whom and on which terms. A file is fetched and re-hashed here,
of a thing you say which seals you found. Then you are asked, and sign for that offer and no other.

\b
Example:
  custody --home ~/ro handover accept 3f0c1d2e-... --condition "as described"
  custody --home ~/ro handover accept 3f0c1d2e-... --seal S-1 --seal S-2
"""
_DECLINE = """Refuse an item on offer, with the reason, after you were shown what it is. It stays
with the giver.

\b
Example:
  custody --home ~/ro handover decline 3f0c1d2e-... --reason "seal is broken"
"""
_WITHDRAW = """Take an offer back that nobody has answered: whoever holds the item, or a custodian.

If it was made to another agency, which accepted at the same moment, the chain decides.

\b
Example:
  custody handover withdraw 2026-117/A1 --reason "needed here"
"""
_SYNC = """Bring handovers forward now: anchor, send what the chain waits for, exchange with other
agencies.

A node that serves does so by itself. Where none serves, this goes on until what is on offer has
come in, or no more of it comes.

\b
Example:
  custody --home ~/nl handover sync
"""
_DAY = 86400
_Condition = Annotated[str, typer.Option(help="Condition of the item.")]
_Offered = Annotated[
    str,
    typer.Argument(metavar="[ITEM]", help="The item; without it the only one on offer to you."),
]


def offer(
    evidence: Evidence,
    to: Annotated[str, typer.Option(help="Agency code; without it the own agency.")] = "",
    to_person: Annotated[
        str,
        typer.Option(
            help="Service number of who shall take it, or pseudonym; a guest: WHO@AGENCY."
        ),
    ] = "",
    loan: Annotated[
        bool, typer.Option("--loan", help="It comes back: custody passes for a time.")
    ] = False,
    return_by: Annotated[str, typer.Option(help="When a loan ends: 2026-12-24T12:00:00Z.")] = "",
    days: Annotated[
        float, typer.Option(min=0.01, max=365, help="Days for which the offer is good.")
    ] = 14,
    condition: _Condition = "",
    on_condition: Annotated[
        list[str] | None, typer.Option(help="Condition on onward use; may be repeated.")
    ] = None,
    purpose: Annotated[str, typer.Option(help="What for.")] = "",
    basis: record_options.Purpose = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import handover
    from ledger.domain.event.offer_terms import OfferTerms

    said = record_options.basis_member(basis, basis_kind, authorisation, authority)
    with open_session() as session:
        urn = items.urn_of(session, evidence)
        agency, person = _recipient(session, evidence, to, to_person)
        wanted = OfferTerms(
            agency,
            session.clock.now() + int(days * _DAY),
            person or None,
            "loan" if loan else "custody",
            moments.read(return_by, "--return-by").seconds if return_by else None,
            condition,
            tuple(on_condition or ()),
            purpose,
            said,
        )
        own = session.person.certificate.agency
        answer = handover.offer(session.node, session.person, session.clock, urn, wanted)
        forward(session, wanted.agency)
    output.result(
        answer,
        (
            f"offered to {to_person or wanted.agency}; until they answer nothing else is recorded "
            "for this item"
        ),
        *(
            []
            if wanted.agency != own
            else [f"They take it with: `{elsewhere('handover', 'accept', STATE.item)}`"]
        ),
    )


def _recipient(session: Session, item: str, to: str, to_person: str) -> tuple[str, str]:
    """The agency and the person to whom an item is offered, of what was typed.

    Raises:
        UsageError: neither was said, and nobody can be asked; or nobody is meant.
    """
    from ledger.domain.errors import UsageError

    own = session.person.certificate.agency
    to_person = to_person.strip()
    if not to and not to_person:
        to_person = questions.text("Service number of the colleague who shall take it:")
        if not to_person:
            raise UsageError(
                "an offer is made to a colleague, or to another agency with --to",
                hint=command("handover", "offer", item, "--to-person", "NUMBER"),
            )
    named = to_person.partition("@")[2]
    agency = to or named or own
    if to_person and agency == own:
        to_person = people.reference(session, to_person)
    return agency, to_person


def accept(
    evidence: _Offered = "",
    condition: _Condition = "",
    place: Annotated[str, typer.Option(help="Where it is kept now.")] = "",
    seal: Annotated[
        list[str] | None, typer.Option(help="Number of a seal found on it; may be repeated.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import handover, offered_item

    seals = tuple(seal or ())
    questions.require(yes=yes)
    with open_session() as session:
        urn = _on_offer(session, evidence)
        shown = offered_item.look(session.node, session.person, urn)
        abroad = shown.giver != session.person.certificate.agency
        documents = {one.statement: one.document for one in shown.events if one.document}
        _show(*_offer_lines(session, shown), *same_numbers.lines(session.node, urn, documents))

        def agree(checked: offered_item.OnOffer) -> None:
            _show(offer_confirmation.checked_line(checked, seals))
            offer_confirmation.agree("Accept it, as it is described here?", yes=yes)

        with output.progress("checking", shown.opening["body"].get("size", 0)) as advance:
            answer = handover.accept(
                session.node,
                session.person,
                session.clock,
                urn,
                shown=shown,
                agree=agree,
                condition=condition,
                place=place,
                seals=seals,
                progress=advance,
            )
        forward(session, "" if not abroad else "abroad")
    text = "checked and accepted" + (
        "; custody passes when the chain has taken it: " + runnable("custody handover list")
        if abroad
        else ""
    )
    output.result(answer, text)


def decline(
    evidence: _Offered = "",
    *,
    reason: Annotated[str, typer.Option(help="Why.")],
    condition: _Condition = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import handover, offered_item
    from ledger.domain.errors import DeniedError, RuleError

    questions.require(yes=yes)
    with open_session() as session:
        urn = _on_offer(session, evidence)
        try:
            shown = offered_item.look(session.node, session.person, urn)
            _show(*_offer_lines(session, shown))
        except (DeniedError, RuleError) as error:
            # An offer that has expired shows nothing any more, and can still be refused.
            shown = None
            _show(f"not shown: {error.message}")
        offer_confirmation.agree("Refuse it?", yes=yes)
        answer = handover.decline(
            session.node,
            session.person,
            session.clock,
            urn,
            shown=shown,
            reason=reason,
            condition=condition,
        )
        forward(session, "abroad")
    output.result(answer, "refused; the item stays with the giver")


def withdraw(
    evidence: Evidence, reason: Annotated[str, typer.Option(help="Why.")], as_json: Json = False
) -> None:
    from cli.session import open_session
    from ledger.client import handover

    with open_session() as session:
        urn = items.urn_of(session, evidence)
        item = session.node.item(urn)
        abroad = item.offer is not None and item.offer.agency != item.custodian
        answer = handover.withdraw(session.node, session.person, session.clock, urn, reason=reason)
        forward(session, "abroad")
    output.result(
        answer,
        "taken back, unless the other agency was first: " + runnable("custody handover list")
        if abroad
        else "taken back; the item stays with whoever holds it",
    )


def sync(as_json: Json = False) -> None:
    from cli.session import open_session

    with open_session() as session:
        found = _rounds(session)
    coming = found.coming
    lines = [f"came in: {item}" for item in found.received]
    lines += [f"settled: {item}" for item in found.settled]
    if coming.size:
        goes_on = (
            "the node goes on by itself"
            if session.served
            else (f"it stopped, and begins anew with the next {runnable('custody handover sync')}")
        )
        lines.append(f"still coming in: {coming.done:,} of {coming.size:,} bytes; {goes_on}")
    lines += [f"problem: {name}: {runnable(problem)}" for name, problem in found.problems.items()]
    output.result(found, *(lines or ["nothing new"]))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="handover")
    pause.register(group)

    group.command(help=_OFFER)(offer)

    handover_list.register(group)

    group.command(help=_ACCEPT)(accept)

    group.command(help=_DECLINE)(decline)

    group.command(help=_WITHDRAW)(withdraw)

    group.command(help=_SYNC)(sync)


def _on_offer(session: Session, text: str) -> str:
    """The item that somebody answers for: the one that they name, or the only one on offer to them.

    Raises:
        UsageError: none is on offer to them, or several are.
    """
    from ledger.domain.errors import UsageError

    if text:
        return items.urn_of(session, text)
    own = session.person.certificate
    offered = [
        one.evidence
        for one in session.node.handovers()
        if one.taker == own.agency
        and one.state in ("inside", "open")
        and (one.giver != own.agency or one.person == own.pseudonym)
    ]
    if len(offered) != 1:
        what = f"{len(offered)} items are on offer" if offered else "nothing is on offer to you"
        raise UsageError(what, hint="name the item, see: custody handover list")
    return items.urn_of(session, offered[0])


def _offer_lines(session: Session, shown: OnOffer) -> list[str]:
    called = people.named(session, people.actors([shown.offer]))
    return offer_confirmation.offer_lines(shown, called)


def _show(*lines: str) -> None:
    """What somebody is about to sign for, beside the result, which scripts read."""
    if not STATE.json:
        output.say(*lines)


def _rounds(session: Session) -> ExchangeRound:
    """A round; where no process goes on after this one, as many as bring something, since transfers
    live in memory.
    """
    from ledger.domain.errors import CustodyError

    total = session.node.sync_handovers()
    with output.progress("coming in", total.coming.size) as advance:
        advance(total.coming.done)
        moves = True
        while moves and not session.served and total.coming.size > 0:
            try:
                found = session.node.sync_handovers()
            except CustodyError as error:  # what came before it is told all the same
                return replace(total, problems={**total.problems, "exchange": error.message})
            advance(max(found.coming.done - total.coming.done, 0))
            moves = found.coming != total.coming or bool(found.received)
            received, settled = total.received + found.received, total.settled + found.settled
            total = replace(found, received=received, settled=settled)
    return total
