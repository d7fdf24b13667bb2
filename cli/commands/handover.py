"""custody handover: from hand to hand, inside the agency and to other agencies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import handover_answer, handover_list
from cli.commands import handover_pause as pause
from cli.invocation import completion, left_out
from cli.invocation.global_options import Evidence, Json
from cli.invocation.hints import command, elsewhere, runnable
from cli.items import items, selection, short_ids, standing_offers
from cli.items.short_ids import Named
from cli.node import people
from cli.node.forwarding import forward
from cli.terminal import moments, output, questions
from cli.terminal.questions import Yes
from cli.wording import record_options
from ledger.domain.codecs.text import counted, is_case

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import ExchangeRound, Recorded

_HELP = """Hand an item over: inside the agency to a colleague, or to another agency. Both sides
sign. The word `offer` may be left out.

\b
Example:
  custody handover 2026-117/A1 --to 4712
  custody --home ~/nl handover 3f0c1d2e-... --to RO-DIICOT \\
    --purpose "analysis" --basis "EIO 2026/117"
  custody --home ~/ro handover list
  custody --home ~/ro handover accept 3f0c1d2e-... --condition "as described"
"""
_OFFER = """Offer an item, several, a whole case or an exhibit with its parts. Its content key is
sealed to whoever shall take it; until they answer nothing else can be recorded.

\b
Example:
  custody handover 2026-117/A1 --to 4712
  custody handover 2026-117/A2/ --to 4712
  custody --home ~/nl handover 3f0c1d2e-... --to RO-DIICOT \\
    --purpose "analysis" --basis "EIO 2026/117" --on-condition "this case"
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


def offer(
    evidence: selection.Several,
    to: Annotated[
        str,
        typer.Option(
            "-t",
            "--to",
            help="Who shall take it: a colleague's service number, or another agency's code.",
            autocompletion=completion.recipients,
        ),
    ] = "",
    to_person: Annotated[
        str,
        typer.Option(
            help="A person by service number or pseudonym, also of the agency in --to; a guest: "
            "WHO@AGENCY."
        ),
    ] = "",
    loan: Annotated[
        bool, typer.Option("--loan", help="It comes back: custody passes for a time.")
    ] = False,
    return_by: Annotated[str, typer.Option(help="When a loan ends: 2026-12-24T12:00:00Z.")] = "",
    days: Annotated[
        float, typer.Option(min=0.01, max=90, help="Days for which the offer is good.")
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
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.handovers import handover
    from ledger.domain.event.offer_terms import OfferTerms

    said = record_options.basis_member(basis, basis_kind, authorisation, authority)
    with open_session() as session:
        chosen = _items(session, evidence)
        agency, person, taker = _recipient(session, evidence, to, to_person)
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
        parted = standing_offers.part(session, chosen, wanted, days)
        chosen = parted.chosen
        if parted.same and not chosen.items:
            none = {"items": [], "refused": [], "left": [], **parted.beside}
            output.result(none, *parted.lines(taker))
            return
        parted.agree(taker, yes=yes)
        # Looked up once for all of them, and judged by the node with each.
        own = session.person.certificate.agency
        key = (
            None
            if chosen.alone or not parted.fresh.items
            else handover.recipient_key(session.node, agency, wanted.recipient, own)
        )

        def make(one: Named) -> Recorded:
            parted.require_fresh(one.urn)
            return handover.offer(
                session.node, session.person, session.clock, one.urn, wanted, sealed_to=key
            )

        done = selection.each(chosen, make, "offering")
        forward(session, wanted.agency)
    inside = wanted.agency == session.person.certificate.agency
    if chosen.alone:
        [(one, answer)] = done.answers
        output.result(
            answer,
            f"offered to {taker}; until they answer nothing else is recorded for this item",
            *([f"They take it with: `{_taking(one)}`"] if inside else []),
        )
        return
    selection.tell(
        done,
        f"{counted(len(done.answers), 'item')} offered to {taker}; until they answer nothing else "
        "is recorded for them",
        *([f"They take them with: `{elsewhere('handover', 'accept', '--all')}`"] * inside),
        beside=parted.beside,
    )


def _recipient(session: Session, typed: list[str], to: str, to_person: str) -> tuple[str, str, str]:
    """The agency and the person to whom an item is offered, of what was typed, and how whoever
    typed it calls them.

    Raises:
        UsageError: neither was said, and nobody can be asked; or nobody is meant.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.identity.names import is_code

    own = session.person.certificate.agency
    to, to_person = to.strip(), to_person.strip()
    # By its form alone: nobody, by the name that they take, gets what was meant for another one.
    if to and not is_code(to):
        if to_person:
            raise UsageError(
                f"{to[:80]!r} is no agency's code, and --to-person names a person too",
                hint="name one person: --to NUMBER; or their agency as well: --to RO-DIICOT",
            )
        to, to_person = "", to
    if not to and not to_person:
        to_person = questions.text("Service number of the colleague who shall take it:")
        if not to_person:
            raise UsageError(
                "an offer is made to a colleague, or to another agency",
                hint=command("handover", typed[0], "--to", "NUMBER"),
            )
    named = to_person.partition("@")[2]
    agency = to or named or own
    person = people.reference(session, to_person) if to_person and agency == own else to_person
    return agency, person, to_person or agency


def _items(session: Session, typed: list[str]) -> selection.Chosen:
    """What shall be handed over, before anybody looks up to whom.

    Raises:
        UsageError: a case is among it.
    """
    from ledger.domain.errors import UsageError

    chosen = selection.find(session, typed)
    if any(is_case(one.urn) for one in chosen.items):
        raise UsageError(
            "a handover is about an item, not about a case, which is assigned to people instead",
            hint="name the items of the case, such as 2026-117/A1, or all of them: 2026-117/",
        )
    return chosen


def _taking(one: Named) -> str:
    return elsewhere("handover", "accept", one.short)


def withdraw(
    evidence: Evidence, reason: Annotated[str, typer.Option(help="Why.")], as_json: Json = False
) -> None:
    from cli.node.session import open_session
    from ledger.client.handovers import handover

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
    from cli.node.session import open_session

    with open_session() as session:
        found = _rounds(session)
        ids = short_ids.shorts(session, [*found.received, *found.settled])
    coming = found.coming
    lines = [f"came in: {ids[item]}" for item in found.received]
    lines += [f"settled: {ids[item]}" for item in found.settled]
    if coming.size:
        goes_on = (
            "the node goes on by itself"
            if session.served
            else (f"it stopped, and begins anew with the next {runnable('custody handover sync')}")
        )
        lines.append(
            f"still coming in: {output.size(coming.done)} of {output.size(coming.size)}; {goes_on}"
        )
    lines += [f"problem: {name}: {runnable(problem)}" for name, problem in found.problems.items()]
    output.result(found, *(lines or ["nothing new"]))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True, cls=left_out.OfferGroup)
    app.add_typer(group, name="handover")
    pause.register(group)

    group.command(help=_OFFER)(offer)

    handover_list.register(group)

    handover_answer.register(group)

    group.command(help=_WITHDRAW)(withdraw)

    group.command(help=_SYNC)(sync)


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
