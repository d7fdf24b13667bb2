"""custody handover accept and custody handover decline: the answer to an offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, runnable
from cli.items import items, offer_confirmation, same_numbers, selection
from cli.items.short_ids import Named
from cli.node import people
from cli.node.forwarding import forward
from cli.terminal import output, questions
from cli.terminal.questions import Yes
from cli.wording import person_words
from ledger.domain.codecs.text import counted
from ledger.domain.ports.answers import documents_of

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.handovers.offered_item import OnOffer
    from ledger.domain.ports.answers import Recorded

_ACCEPT = """Check an item on offer and accept it, several, or with --all everything that is on
offer to you.

You are shown what is offered, from whom and on which terms. A file is fetched and re-hashed here,
of a thing you say which seals you found. Then you are asked, and sign for that offer and no other;
of several, you are asked once, and each is checked before it is signed for.

\b
Example:
  custody handover accept --all
  custody --home ~/ro handover accept 3f0c1d2e-... --condition "as described"
  custody --home ~/ro handover accept 3f0c1d2e-... --seal S-1 --seal S-2
"""
_DECLINE = """Refuse an item on offer, with the reason, after you were shown what it is. It stays
with the giver.

\b
Example:
  custody --home ~/ro handover decline 3f0c1d2e-... --reason "seal is broken"
"""
_A_THING = "a thing is taken by itself, with the seals that were found on it"
_ONE = "The item; without it the only one on offer to you."
_Condition = Annotated[str, typer.Option(help="Condition of the item.")]


def accept(
    evidence: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ITEM]...", help="The items; without one the only one on offer."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that is on offer to you, but for things.")
    ] = False,
    condition: _Condition = "",
    place: Annotated[str, typer.Option(help="Where it is kept now.")] = "",
    seal: Annotated[
        list[str] | None, typer.Option(help="Number of a seal found on it; may be repeated.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    seals = tuple(seal or ())
    with open_session() as session:  # which tells who is not enrolled yet, or takes them in
        questions.require(yes=yes)
        chosen = _meant(session, evidence or [], everything=everything)
        if not chosen.alone:
            _require_no_seals(seals)
            return _accept_several(session, chosen, condition, place, yes=yes)
        answer, abroad = _accept_one(session, chosen.items[0].urn, condition, place, seals, yes=yes)
        forward(session, "" if not abroad else "abroad")
    output.result(answer, _accepted(abroad))
    return None


def _accepted(abroad: bool) -> str:
    return "checked and accepted" + (
        "; custody passes when the chain has taken it: " + runnable("custody handover list")
        if abroad
        else ""
    )


def _accept_one(
    session: Session, urn: str, condition: str, place: str, seals: tuple[str, ...], *, yes: bool
) -> tuple[Recorded, bool]:
    """Show one offer, check it, ask, and accept it.

    Returns:
        the node's answer, and whether another agency gives it.
    """
    from ledger.client.handovers import handover, offered_item

    shown = offered_item.look(session.node, session.person, urn)
    _show(*_offer_lines(session, shown), *_numbered(session, shown))
    if not seals and not yes and not shown.has_content:
        seals = offer_confirmation.found_seals(shown)

    def agree(checked: OnOffer) -> None:
        _show(*offer_confirmation.checked_lines(checked, seals))
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
    return answer, _is_abroad(session, shown)


def _accept_several(
    session: Session, chosen: selection.Chosen, condition: str, place: str, *, yes: bool
) -> None:
    """Show several offers, ask once, and accept those whose content is what was recorded."""
    from ledger.client.handovers import handover, offered_item
    from ledger.domain.errors import RuleError, VerificationError

    looked = selection.each(
        chosen,
        lambda one: _file_on_offer(offered_item.look(session.node, session.person, one.urn)),
        "looking",
    )
    offers: dict[str, OnOffer] = {one.urn: shown for one, shown in looked.answers}
    if offers and looked.stopped is None:
        _show(*_several_lines(session, list(offers.values())))
        _show(*(line for shown in offers.values() for line in _numbered(session, shown)))
        offer_confirmation.agree(
            f"Accept {counted(len(offers), 'item')}, on these terms? Each is checked first.",
            yes=yes,
        )

        def take(one: Named) -> Recorded:
            checked = list[str]()
            try:
                return handover.accept(
                    session.node,
                    session.person,
                    session.clock,
                    one.urn,
                    shown=offers[one.urn],
                    agree=lambda shown: checked.append(shown.statement),
                    condition=condition,
                    place=place,
                )
            except VerificationError as error:
                if checked:
                    raise
                # Content that is not what was recorded speaks against this item alone.
                raise RuleError(error.message, hint=error.hint) from error

        there = selection.Chosen(tuple(one for one, _ in looked.answers), whole=True)
        done = selection.each(there, take, "checking and accepting")
        done.refused[:0] = looked.refused
    else:
        done = selection.Done([], looked.refused, list(chosen.items), looked.stopped)
    abroad = any(_is_abroad(session, shown) for shown in offers.values())
    forward(session, "" if not abroad else "abroad")
    things = [one.short for one, error in done.refused if error.message == _A_THING]
    selection.tell(
        done,
        f"{counted(len(done.answers), 'item')} {_accepted(abroad)}",
        behind=[f"by itself: {command('handover', 'accept', one)}" for one in things[:1]],
    )


def _file_on_offer(shown: OnOffer) -> OnOffer:
    """An offer that can be taken together with others.

    Raises:
        RuleError: it is one of a thing, of which somebody says the seals.
    """
    from ledger.domain.errors import RuleError

    if not shown.has_content:
        raise RuleError(
            _A_THING,
            hint="custody handover accept ID --seal NUMBER",
        )
    return shown


def _require_no_seals(seals: Sequence[str]) -> None:
    from ledger.domain.errors import UsageError

    if seals:
        raise UsageError(
            "seals were found on one thing, and several items are named",
            hint="accept the thing by itself: custody handover accept ITEM --seal NUMBER",
        )


def decline(
    evidence: Annotated[str, typer.Argument(metavar="[ITEM]", help=_ONE)] = "",
    *,
    reason: Annotated[str, typer.Option(help="Why.")],
    condition: _Condition = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.handovers import handover, offered_item
    from ledger.domain.errors import DeniedError, RuleError

    with open_session() as session:  # which tells who is not enrolled yet, or takes them in
        questions.require(yes=yes)
        one = (
            items.find(session, evidence)
            if evidence
            else _meant(session, [], everything=False, others="name the item").items[0]
        )
        try:
            shown = offered_item.look(session.node, session.person, one.urn)
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
            one.urn,
            shown=shown,
            reason=reason,
            condition=condition,
        )
        forward(session, "abroad")
    output.result(answer, "refused; the item stays with the giver")


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command(help=_ACCEPT)(accept)

    group.command(help=_DECLINE)(decline)


def _meant(
    session: Session,
    typed: Sequence[str],
    *,
    everything: bool,
    others: str = "name the items, or take --all",
) -> selection.Chosen:
    """The items that somebody answers for: those that they name, or what is on offer to them.

    Args:
        others: what to do where several are.

    Raises:
        UsageError: none is on offer to them, or several are and they did not ask for all.
    """
    from ledger.domain.errors import UsageError

    if typed and everything:
        raise UsageError("--all is everything on offer to you", hint="name items, or say --all")
    if typed:
        return selection.find(session, typed)
    offered = items.with_names(session, map(Named, _on_offer(session)))
    if everything and offered:
        return selection.Chosen(tuple(offered), whole=True)
    if not offered:
        raise UsageError(
            "nothing is on offer to you",
            hint="whoever has the item offers it first: `custody handover ITEM --to "
            "YOUR-NUMBER`; see what is under way: custody handover list",
        )
    if len(offered) != 1:
        raise UsageError(
            f"{len(offered)} items are on offer", hint=f"{others}; see: custody handover list"
        )
    items.go_on_with(offered[0])
    return selection.Chosen((offered[0],))


def _on_offer(session: Session) -> list[str]:
    """What is on offer to this person, or to the custodians of their agency."""
    own = session.person.certificate
    return [
        one.evidence
        for one in session.node.handovers()
        if one.taker == own.agency
        and one.state in ("inside", "open")
        and (one.giver != own.agency or one.person == own.pseudonym)
    ]


def _is_abroad(session: Session, shown: OnOffer) -> bool:
    return bool(shown.giver != session.person.certificate.agency)


def _offer_lines(session: Session, shown: OnOffer) -> list[str]:
    called = people.named(session, person_words.actors([shown.offer]))
    return offer_confirmation.offer_lines(shown, called)


def _several_lines(session: Session, offers: Sequence[OnOffer]) -> list[str]:
    called = people.named(session, person_words.actors([shown.offer for shown in offers]))
    return offer_confirmation.several_lines(offers, called)


def _numbered(session: Session, shown: OnOffer) -> list[str]:
    """Where items of ours bear the numbers of one on offer."""
    return same_numbers.lines(session, shown.evidence, documents_of(shown.events))


def _show(*lines: str) -> None:
    """What somebody is about to sign for, beside the result, which scripts read."""
    if not STATE.json:
        output.say(*lines)
