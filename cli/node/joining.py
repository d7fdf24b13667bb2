"""Whoever asked to join goes on with whatever they type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.terminal import output
from ledger.domain.errors import UsageError

if TYPE_CHECKING:
    from ledger.adapters.keystore.file import FileKeyring


def go_on(keyring: FileKeyring, server: str) -> None:
    """Take the certificate of somebody who asked to join and was approved meanwhile.

    Args:
        server: where the node is that the folder knows, which the invitation named.

    Raises:
        UsageError: nobody approved yet. VerificationError, NetworkError, DeniedError: see
            enrolling.enrol.
    """
    from cli.node.served import unreached
    from ledger.adapters.node.client import NodeClient
    from ledger.app import enrolling

    given = enrolling.kept_invitation(keyring)
    if given is None:
        raise UsageError(
            "you are not enrolled yet",
            hint="once you are approved, run custody person enrol INVITATION again",
        )
    with NodeClient(server) as node, unreached(server):
        done = enrolling.enrol(keyring, given, node)
    if done.certificate is None:
        raise UsageError(
            f"you are not enrolled yet: your fingerprint is {done.fingerprint}",
            hint="read it to the administrator; once they approved, type the same command again",
        )
    roles = ", ".join(sorted(done.certificate.roles))
    output.say(f"you are enrolled at {given.agency} as {roles} from now on")
