"""What administrators and custodians are told of the agency's custody key: who waits for it, who
was given it, who keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.invocation.hints import command, elsewhere
from cli.terminal import output

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.event.signing import Person


@dataclass(frozen=True, slots=True)
class Given:
    """What became of the custody key for somebody: its state as `person list` shows it, and what to
    say.
    """

    custody: str
    lines: tuple[str, ...] = ()


def sealed_text(who: str) -> str:
    """The key is on its way."""
    return (
        f"The custody key is sealed to {who}: their next command takes it, once they have joined."
    )


def needed(session: Session, who: str, fingerprint: str) -> list[str]:
    """What is still to be done for a new custodian; the command is for a custodian who holds the
    key.
    """
    from ledger.app import give_custody_key

    if not fingerprint:
        return [
            f"{who} waits for the custody key, and has not signed",
            "for their keys here yet: they run `custody person fetch` first",
        ]
    give = ("person", "give-key", who, "--fingerprint", fingerprint)
    here = give_custody_key.CUSTODY in session.keyring.names()
    return [
        f"{who} waits for the custody key: a custodian who",
        "holds it compares the fingerprint with them by voice, then",
        "  " + (command(*give) if here else elsewhere("--home", "FOLDER-OF-A-CUSTODIAN", *give)),
    ]


def lacking(person: Person) -> list[str]:
    """What a custodian without the key does; nothing for everybody else."""
    if not person.lacks_custody_key:
        return []
    return [
        "You are a custodian, and the custody key is not given to you yet.",
        "Read this to a colleague who holds it:",
        "",
        f"  {person.fingerprint}",
        "",
        "They run: `"
        + elsewhere(
            *("person", "give-key", person.certificate.pseudonym),
            *("--fingerprint", person.fingerprint),
        )
        + "`",
    ]


def confirm(session: Session) -> None:
    """Tell the node that we hold the custody key, so that it does not show us as waiting; what
    cannot be told now is told later.
    """
    from ledger.app import give_custody_key
    from ledger.domain.errors import CustodyError

    try:
        give_custody_key.confirm(
            session.keyring, session.node, session.person.certificate, session.person.descriptor
        )
    except CustodyError as error:
        output.say(f"the node was not told that you hold the custody key: {error.message}")


def pass_on(session: Session, who: str, custody: str, *, compared: str, shown: str) -> Given:
    """Give the custody key to somebody who was just made a custodian, where that is known to be
    safe; else say what is to be done.

    Args:
        custody: how they stand to the key.
        compared: the fingerprint that was compared by voice; empty where nobody said it.
        shown: the one that the node shows. It is believed only where the node is our own, which
            holds the same keyring.
    """
    from cli.node.session import at_own_node
    from ledger.app import give_custody_key
    from ledger.domain.errors import CustodyError

    if custody != "waits":
        return Given(custody)
    fingerprint = compared or (shown if at_own_node() else "")
    if give_custody_key.CUSTODY in session.keyring.names() and fingerprint:
        try:
            give_custody_key.give(session.keyring, session.node, who, fingerprint=fingerprint)
        except CustodyError as error:
            output.say(f"the custody key was not given: {error.message}")
        else:
            return Given("sealed", (sealed_text(who),))
    return Given(custody, tuple(needed(session, who, shown)))


def kept(session: Session, who: str) -> list[str]:
    """What somebody who is no custodian any more can still do with the key that they have."""
    return [
        (
            f"{who} keeps the custody key of {session.person.descriptor.agency}: nobody can take "
            "it "
            "out of their hands. The node gives them"
        ),
        (
            "no sealed keys and no ciphertext any more. With a copy of its database or of a "
            "backup, "
            "and the ciphertext, they could open"
        ),
        (
            "every item recorded or taken over here, and every offer and copy sealed to this "
            "agency, "
            "until the custody key is rotated."
        ),
    ]
