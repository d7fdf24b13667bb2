"""Which log the owner of a folder means at an address. They sign a login for that one alone.

Whoever is asked for a login could pass on the challenge of another node, and be let in there as
them: so the log that a challenge names is compared with what the folder knows of that address,
before anything is signed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from cli.invocation.hints import quoted
from ledger.adapters.keystore.file import FileKeyring
from ledger.app import settings
from ledger.domain.errors import UsageError, VerificationError
from ledger.domain.untrusted import hosts

_PINS: Final = "servers"


class Servers:
    """The addresses that a folder knows: that of its own node, and those of other agencies' nodes
    for which a card was made.
    """

    def __init__(self, home: Path, keyring: FileKeyring, served: str = "") -> None:
        self._home = home
        self._keyring = keyring
        if settings.is_client(home):
            client = settings.read_client(home)
            self._own, self._log = [client.server], client.log
        else:
            from ledger.app import bootstrap  # a home has all that it needs, a client has not

            self._log, published = bootstrap.own_log(home)
            self._own = [one for one in (served, published) if one]

    def _pins(self) -> dict[str, str]:
        held: dict[str, str] = (
            json.loads(self._keyring.get(_PINS)) if _PINS in self._keyring.names() else {}
        )
        return held

    def is_own(self, url: str) -> bool:
        """Whether an address is that of the folder's own node."""
        return any(_same(url, own) for own in self._own)

    def require(self, url: str, log: str) -> None:
        """Check that a log is the one that is meant at an address.

        Raises:
            VerificationError: it is another one. UsageError: nothing is known of that address.
        """
        expected = self._log if self.is_own(url) else self._pins().get(_origin(url))
        if expected is None and log == self._log:
            where = (
                f"put that address into {self._home / settings.CLIENT}"
                if settings.is_client(self._home)
                else "stop and ask"
            )
            raise UsageError(
                (
                    f"{url} says to be your own agency's node, which is known at "
                    f"{' or '.join(self._own) or 'no address'}"
                ),
                hint=f"ask your administrator; if it is true: {where}",
            )
        if expected is None:
            raise UsageError(
                (
                    f"nobody made a card for {url} in {self._home}, so it is not known whose node "
                    "that is"
                ),
                hint=f"make one: custody person card --for {quoted(url)} -o card.json",
            )
        if log != expected:
            raise VerificationError(
                4,
                f"{url} asks for a login to {log}, known of it is {expected}",
                hint="nothing was signed: ask whose it is",
            )

    def require_foreign(self, url: str, log: str) -> None:
        """Check that a log that is read at an address is not our own agency's, which is read at its
        own node.

        Raises:
            VerificationError: it is.
        """
        if log == self._log and not self.is_own(url):
            raise VerificationError(
                4, f"{url} shows the log of your own agency", hint="read it at its own node"
            )

    def pin(self, url: str, log: str, *, moved: bool = False) -> None:
        """Remember whose node is at an address, when a card is made for it.

        Args:
            moved: the agency said that its node is there now, and no longer where it is known.

        Raises:
            VerificationError: it says that it is our own agency's, or one that is known at another
                address; or another one is known there.
        """
        self.require_foreign(url, log)
        known = self._pins()
        others = [at for at, named in known.items() if (named == log) != (at == _origin(url))]
        if others and not moved:
            what = f"{url} shows the log {log}; known at {others[0]} is {known[others[0]]}"
            raise VerificationError(
                4,
                what,
                hint=(
                    "ask the agency; if its node moved: custody person card --moved --for "
                    f"{quoted(url)} -o card.json"
                ),
            )

        def pinned(held: bytes) -> bytes:
            kept = {at: named for at, named in json.loads(held or b"{}").items() if named != log}
            return json.dumps(kept | {_origin(url): log}).encode()

        self._keyring.update(_PINS, pinned)


def _same(text: str, other: str) -> bool:
    return _origin(text) == _origin(other)


def _origin(url: str) -> str:
    """An address in its one spelling."""
    return hosts.parse(url.rstrip("/"), what="a node").server
