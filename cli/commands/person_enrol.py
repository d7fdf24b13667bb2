"""custody person enrol: somebody who was invited joins an agency from their own machine."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.node import custody_key_notices
from cli.terminal import output, questions

if TYPE_CHECKING:
    from ledger.adapters.keystore.file import FileKeyring
    from ledger.adapters.node.client import NodeClient
    from ledger.app.enrolling import Invitation

_ENROL = """Join an agency with an invitation: keys are made here and never leave this machine. Read
the fingerprint to the administrator. At a terminal the command waits until they approved; else, and
when it was stopped, whatever you type next joins once they did.

\b
Example:
  custody person enrol invitation-4712.json
"""
_PAUSE: Final = 5.0  # seconds; a node lets an address ask every two


def enrol(
    invitation: Annotated[
        Path, typer.Argument(metavar="INVITATION", help="The file that the administrator sent you.")
    ],
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="Go on by itself once the administrator approved; at a terminal it does.",
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="Take it in the place of the invitation by which this folder asked to join.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.served import unreached
    from cli.node.session import joined
    from cli.terminal import passphrases
    from ledger.adapters.node.client import NodeClient
    from ledger.app import enrolling

    given = enrolling.read_invitation(invitation)
    with NodeClient(given.server) as node, unreached(given.server):
        keyring = _keyring_for(given, node, yes=yes)
        joins = not enrolling.is_enrolled(keyring)
        done = enrolling.enrol(keyring, given, node)
        if joins:  # the node took its code: until then what was kept before is not given up for it
            enrolling.move(STATE.home, keyring, given)
        if done.certificate is None and (questions.can_ask() if wait is None else wait):
            output.say(
                *_asking(
                    done.fingerprint,
                    "Waiting until they approved; after Ctrl-C, the next command goes on.",
                )
            )
            _wait(node, given.code)
            done = enrolling.enrol(keyring, given, node)
    if done.certificate is None:
        lines = _asking(
            done.fingerprint, "Once they approved, the next command that you type joins."
        )
    else:
        roles = ", ".join(sorted(done.certificate.roles))
        lines = [
            f"You are enrolled at {given.agency} as {roles}.",
            f"You sign as {done.certificate.pseudonym}.",
            f"Try: {command('status')}",
            *passphrases.keeping(),
            *custody_key_notices.lacking(joined(keyring, given.server)),
        ]
    pseudonym = done.certificate.pseudonym if done.certificate is not None else None
    output.result(
        {"fingerprint": done.fingerprint, "pseudonym": pseudonym, "home": str(STATE.home)},
        *lines,
    )


def _keyring_for(given: Invitation, node: NodeClient, *, yes: bool) -> FileKeyring:
    """The keys of somebody who was invited: those that they have, or new ones, once it is certain
    that the node which invited them answers.

    Raises:
        UsageError: their folder holds something else, or keys for another node; or they have a
            certificate, and log in at another address; or they asked by another invitation, and do
            not say that this one takes its place. VerificationError: another node answers.
            NetworkError: none does.
    """
    from cli.node.servers import Servers
    from cli.node.session import unlock
    from cli.terminal import passphrases
    from ledger.adapters.keystore.file import FileKeyring
    from ledger.app import enrolling, find_home, settings

    if settings.is_client(STATE.home):
        enrolling.require_same_node(STATE.home, given)
        enrolling.recognised(node, given)
        keyring = unlock().keyring()
        if enrolling.is_enrolled(keyring):
            Servers(STATE.home, keyring, "").require(given.server, given.log)
        elif (news := enrolling.changes(STATE.home, keyring, given)) and not yes:
            _agree(news)
        return keyring
    enrolling.require_room(STATE.home)
    enrolling.recognised(node, given)
    passphrase = passphrases.choose()
    enrolling.make_keys(STATE.home, given, passphrase)
    find_home.remember_quietly(STATE.home, passphrase_file=STATE.given_passphrase_file)
    return FileKeyring.open(STATE.home / settings.KEYRING, passphrase)


def _agree(news: str) -> None:
    """Ask whether an invitation takes the place of the one by which a folder asked to join.

    Raises:
        UsageError: it does not, or nobody can be asked.
    """
    from ledger.domain.errors import UsageError

    hint = (
        "your administrator gave you a newer one for your own number: custody person enrol "
        "INVITATION --yes; it is for another person: custody --home NEW-FOLDER person enrol "
        "INVITATION"
    )
    if not questions.can_ask():
        raise UsageError(f"{STATE.home} asked to join already, and {news}", hint=hint)
    output.say(f"You asked to join already, and {news}.")
    questions.agree(
        "Did your administrator give it to you for your own number, in the place of that one?",
        yes=False,
        otherwise="what was kept of the invitation before stays",
        hint=hint,
        signed="nothing was sent",
    )


def _asking(fingerprint: str, then: str) -> list[str]:
    return [
        f"Your keys are in {STATE.home}.",
        "Read this to the administrator:",
        "",
        f"  {fingerprint}",
        "",
        then,
    ]


def _wait(node: NodeClient, code: str) -> None:
    """Wait until an administrator approved; a node that cannot be asked now is asked again.

    Raises:
        DeniedError: the invitation is good no more.
    """
    from ledger.domain.errors import BusyError, NetworkError

    while True:
        with suppress(NetworkError, BusyError):
            if node.enrolment(code).certificate is not None:
                return
        time.sleep(_PAUSE)


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(help=_ENROL)(enrol)
