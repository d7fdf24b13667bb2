"""The items of somebody who has new keys: a custodian offers each to these keys, after comparing
their fingerprint. An administrator alone lets in whom they like, and moves nothing by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.invocation.global_options import STATE
from cli.invocation.hints import command, elsewhere
from cli.items import held_items
from cli.terminal import output, questions
from ledger.domain.codecs.text import counted
from ledger.domain.errors import UsageError

if TYPE_CHECKING:
    from cli.items.held_items import Held
    from cli.items.steps import Steps
    from cli.node.enrolments import Enrolments
    from ledger.client.handovers.colleague_keys import ColleagueKeys
    from ledger.domain.ports.node_answers import Named


def not_yet(found: Enrolments, message: str) -> UsageError:
    """An administrator's step comes first."""
    return UsageError(
        f"nothing was offered: {message}",
        hint="an administrator goes on first: `"
        + elsewhere("person", "replace", found.number)
        + "`",
    )


def uncompared(number: str) -> UsageError:
    """Nobody said that they compared the fingerprint."""
    return UsageError(
        f"nothing was signed: nobody was asked whether {number} read you the fingerprint of their "
        "new keys",
        hint="give the one that you heard: "
        + command("person", "replace", number, "--fingerprint", "FINGERPRINT"),
    )


def follow(run: Steps, found: Enrolments, compared: str) -> None:
    """Offer what the old keys hold to the new ones, as a custodian; else tell who does.

    Args:
        compared: fingerprint of the new keys as it was compared by voice; empty to show it and ask.

    Raises:
        UsageError: it is not certain yet which keys are old and which are new; or they do not
            agree. VerificationError: other keys than those that were compared.
    """
    number = found.number
    if not found.suspended:
        raise not_yet(found, f"no keys of {number} are suspended")
    if not found.active:
        raise not_yet(found, f"{number} has not joined anew")
    if len(found.active) > 1:
        raise not_yet(found, f"{number} works with {len(found.active)} pairs of keys now, not one")
    [new] = found.active
    held = held_items.find(
        run.session, [one.reference for one in found.suspended], to=new.reference
    )
    run.value |= {"pseudonym": new.reference, **held.value}
    if held.free and run.keeps:
        keys = _compared(run, new, held, compared)
        run.offer(held, new.reference, sealed_to=keys.hpke)
    elif held.free:
        run.behind += [
            f"{run.custodians()} offers their {counted(len(held.free), 'item')} to the new keys: `"
            + elsewhere("person", "replace", number)
            + "`"
        ]
    run.behind += held.told(keeps=run.keeps)
    if held.is_nothing:
        run.behind += [
            f"{number} holds nothing under old keys, and signs as {new.reference} now.",
            f"Are these keys lost as well? {command('person', 'replace', new.reference)}",
        ]


def _compared(run: Steps, new: Named, held: Held, compared: str) -> ColleagueKeys:
    """The new keys, shown and agreed to."""
    from ledger.app import give_custody_key
    from ledger.client.handovers import colleague_keys
    from ledger.domain.identity.person import read_reference

    session, own = run.session, run.session.person
    if own.certificate.pseudonym == new.reference:
        raise UsageError(
            "these keys are your own, and nobody hands over to themselves",
            hint="another custodian: `" + elsewhere("person", "replace", new.number) + "`",
        )
    person = read_reference(new.reference, home=own.certificate.agency)
    keys = colleague_keys.certified(session.node, own.descriptor, person, now=session.clock.now())
    question = "Did they read you this fingerprint, and shall {} go to these keys?"
    if compared:
        give_custody_key.require_fingerprint(compared, keys.fingerprint)
        question = "Offer {} to these keys?"
    elif not STATE.preview and (run.yes or not questions.can_ask()):
        raise uncompared(new.number)
    if not STATE.json:
        output.say(
            f"number       {new.number}, who signs as {new.reference} now",
            f"roles        {', '.join(new.roles)}",
            f"fingerprint  {keys.fingerprint}",
        )
    held_items.agree(held, question, yes=run.yes)
    return keys
